"""The revocation of single tokens and of what they hang on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authserver.aws.items.primary_keys import SHARDS, revoked_key
from authserver.aws.table import UNGUARDED, Guard, Table, Write, encode_item

if TYPE_CHECKING:
    from authserver.aws.dynamodb.reader import Tables
    from authserver.aws.service import Service


class DynamoRevocations:
    """Implements `storage.revocations.RevocationStore`."""

    def __init__(self, dynamodb: Service, tables: Tables, guard: Guard = UNGUARDED) -> None:
        self._tokens = Table(dynamodb, tables.tokens, guard)

    def revoke(
        self,
        authorization_id: str,
        now: int,
        client_id: str | None = None,
        *,
        only_public: bool = False,
        reason: str = "",
    ) -> bool:
        condition = "attribute_exists(pk)"
        values: dict[str, Any] = {":now": now}
        if client_id is not None:
            condition += " AND client_id = :client_id"
            values |= {":client_id": client_id}
        if only_public:
            condition += " AND is_public = :public"
            values |= {":public": True}
        expression = "SET revoked_at = if_not_exists(revoked_at, :now)"
        if reason:
            expression += ", revoked_for = if_not_exists(revoked_for, :reason)"
            values |= {":reason": reason}
        return self._tokens.update_if({"pk": f"authorization#{authorization_id}"}, expression, condition, values)

    def revoke_access_token(
        self, authorization_id: str, client_id: str, entry: str, bound: int, *, only_public: bool = False
    ) -> bool:
        public = {":public": True} if only_public else {}
        return self._tokens.update_if(
            {"pk": f"authorization#{authorization_id}"},
            "ADD revoked_access_tokens :entries",
            "client_id = :client_id AND (attribute_not_exists(revoked_access_tokens)"
            " OR size(revoked_access_tokens) < :bound OR contains(revoked_access_tokens, :entry))"
            + (" AND is_public = :public" if only_public else ""),
            {":entries": frozenset({entry}), ":entry": entry, ":client_id": client_id, ":bound": bound, **public},
        )

    def revoke_opaque(self, access_token_id: str) -> None:
        self._tokens.update_if(
            {"pk": f"access_token#{access_token_id}"}, "SET is_revoked = :yes", "attribute_exists(pk)", {":yes": True}
        )

    def revoke_jwt(self, jti: str, expires_at: int) -> None:
        marks = ({"pk": revoked_key(jti, shard), "expires_at": expires_at} for shard in range(SHARDS))
        self._tokens.write_all([Write.put(encode_item(mark)) for mark in marks])
