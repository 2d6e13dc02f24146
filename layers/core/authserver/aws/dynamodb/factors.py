"""What users prove who they are with, beyond a password: one item of the Users table for each who has any."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from authserver.aws.items.factors import factors_item, factors_of, passkey_name
from authserver.aws.items.primary_keys import factors_key
from authserver.aws.service import Service
from authserver.aws.table import NO_NAMES, UNGUARDED, ConditionFailed, Guard, Table
from authserver.models.factors import Factors

SUBJECT_KEY = re.compile(r"[A-Za-z0-9_-]{22}")


class DynamoFactors:
    """Implements `storage.users.FactorStore`.

    Each use leaves its claim in ``used_by``: a repeated write finds its own.
    """

    def __init__(self, dynamodb: Service, table: str, guard: Guard = UNGUARDED) -> None:
        self._table = Table(dynamodb, table, guard)

    def get(self, subject_key: str) -> Factors | None:
        if not SUBJECT_KEY.fullmatch(subject_key):
            return None
        return factors_of(self._table.get({"id": f"factors#{subject_key}"}))

    def replace(self, factors: Factors) -> bool:
        successor = replace(factors, version=factors.version + 1)
        item = factors_item(successor)
        if factors.version == 0:
            written = self._table.put_new(item, "id") is None
        else:
            written = self._table.put_if(item, "version = :version", {":version": factors.version})
        # What is there may be this very write, whose answer was lost: no other write draws the same secrets.
        return written or factors_of(self._table.get({"id": item["id"]["S"]})) == successor

    def use_totp_step(self, factors: Factors, step: int, claim: str) -> bool:
        return self._use(
            factors,
            "SET totp.last_step = :step, used_by = :claim",
            "version = :version AND totp.last_step < :step",
            {":step": step, ":version": factors.version},
            claim,
        )

    def spend_recovery_code(self, factors: Factors, code_hash: str, claim: str) -> bool:
        return self._use(
            factors,
            "SET used_by = :claim DELETE recovery_codes :codes",
            "version = :version AND contains(recovery_codes, :code)",
            {":code": code_hash, ":codes": frozenset({code_hash}), ":version": factors.version},
            claim,
        )

    def note_passkey_use(self, factors: Factors, passkey_id: bytes, sign_count: int, claim: str, now: int) -> bool:
        counted = "<" if sign_count else "="
        return self._use(
            factors,
            "SET passkeys.#passkey.sign_count = :count, passkeys.#passkey.last_used_at = :now, used_by = :claim",
            f"passkeys.#passkey.sign_count {counted} :count",
            {":count": sign_count, ":now": now},
            claim,
            names={"#passkey": passkey_name(passkey_id)},
        )

    def _use(
        self,
        factors: Factors,
        expression: str,
        condition: str,
        values: Mapping[str, Any],
        claim: str,
        names: Mapping[str, str] = NO_NAMES,
    ) -> bool:
        try:
            self._table.update(
                {"id": factors_key(factors.subject)},
                f"{expression} ADD version :one",
                condition,
                {**values, ":claim": claim, ":one": 1},
                names=names,
            )
        except ConditionFailed as failure:
            return (failure.existing or {}).get("used_by") == {"S": claim}
        return True
