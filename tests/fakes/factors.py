"""Second factors."""

from collections.abc import Callable
from dataclasses import replace

from authserver.models.factors import Factors
from tests.fakes import filing
from tests.fakes.record import FakeRecord


class FakeFactors:
    """Implements `storage.users.FactorStore`."""

    def __init__(self, record: FakeRecord | None = None) -> None:
        self._lock = (record or FakeRecord()).lock
        self._factors: dict[str, Factors] = {}
        self._used_by: dict[str, str] = {}

    def get(self, subject_key: str) -> Factors | None:
        with self._lock:
            return self._factors.get(subject_key)

    def remove(self, sub: str) -> None:
        """What `FakeWithdrawals.remove_factors` does."""
        with self._lock:
            self._factors.pop(filing.key(sub), None)

    def replace(self, factors: Factors) -> bool:
        key = filing.key(factors.subject)
        with self._lock:
            stored = self._factors.get(key)
            passkeys = tuple(sorted(factors.passkeys, key=lambda one: (one.created_at, one.id)))
            successor = replace(factors, version=factors.version + 1, passkeys=passkeys)
            if factors.version != (stored.version if stored else 0):
                return stored == successor
            self._factors[key] = successor
            self._used_by.pop(key, None)
        return True

    def use_totp_step(self, factors: Factors, step: int, claim: str) -> bool:
        def use(stored: Factors) -> Factors | None:
            if stored.version != factors.version or stored.totp is None or stored.totp.last_step >= step:
                return None
            return replace(stored, totp=replace(stored.totp, last_step=step))

        return self._use(factors, use, claim)

    def spend_recovery_code(self, factors: Factors, code_hash: str, claim: str) -> bool:
        def use(stored: Factors) -> Factors | None:
            if stored.version != factors.version or code_hash not in stored.recovery_codes:
                return None
            return replace(stored, recovery_codes=stored.recovery_codes - {code_hash})

        return self._use(factors, use, claim)

    def note_passkey_use(self, factors: Factors, passkey_id: bytes, sign_count: int, claim: str, now: int) -> bool:
        def use(stored: Factors) -> Factors | None:
            noted = [one.sign_count for one in stored.passkeys if one.id == passkey_id]
            if not noted or (noted[0] >= sign_count if sign_count else noted[0]):
                return None
            return replace(
                stored,
                passkeys=tuple(
                    replace(one, sign_count=sign_count, last_used_at=now) if one.id == passkey_id else one
                    for one in stored.passkeys
                ),
            )

        return self._use(factors, use, claim)

    def _use(self, factors: Factors, use: Callable[[Factors], Factors | None], claim: str) -> bool:
        key = filing.key(factors.subject)
        with self._lock:
            stored = self._factors.get(key)
            used = use(stored) if stored else None
            if used is None:
                return stored is not None and self._used_by.get(key) == claim
            self._factors[key], self._used_by[key] = replace(used, version=used.version + 1), claim
        return True
