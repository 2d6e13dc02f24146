"""The Tokens table: authorizations, tokens, and the cutoffs that end them."""

import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from authserver.aws.dynamodb.lists import Index
from authserver.aws.items import (
    access_token_of,
    attributes_of,
    authorization_item,
    authorization_of,
    cutoff_key,
    cutoff_keys,
    key_text,
    membership_of,
    not_before_of,
    organisation_of,
    read,
)
from authserver.aws.table import ConditionFailed, Table, decode_item, encode_item, read_together
from authserver.models import (
    AccessTokenRecord,
    Authorization,
    InitialAccessToken,
)
from authserver.storage import AlreadyExists, Page, Refused, Standing

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

AUTHORIZATION_ID = re.compile(r"[A-Za-z0-9_-]{64}")
AT_NO_TIME = 253_402_300_799  # the last second of the year 9999, for what TTL must not remove


class DynamoTokens:
    """Implements `storage.TokenStore`."""

    def __init__(self, client: "DynamoDBClient", table: str, users_table: str) -> None:
        self._client = client
        self._name = table
        self._users_table = users_table
        self._table = Table(client, table)
        self._by_subject = Index(client, table, "pk", "by_subject", "listed_subject")
        self._by_client = Index(client, table, "pk", "by_client", "listed_client")
        self._by_organisation = Index(client, table, "pk", "by_organisation", "listed_organisation")

    # -- authorizations

    def create(self, authorization: Authorization) -> None:
        existing = self._table.put_new(authorization_item(authorization), "pk")
        if existing is not None:
            raise AlreadyExists(read(authorization_of, existing))

    def redeem(
        self, authorization_id: str, code_hash: bytes, claim: str, now: int, idle_expires_at: int, expires_at: int
    ) -> None:
        self._write_authorization(
            authorization_id,
            "SET redeemed_by = :claim, generation = :first, rotated_at = :now,"
            " idle_expires_at = :idle_expires_at, expires_at = :expires_at",
            "code_hash = :code_hash AND code_expires_at > :now AND attribute_not_exists(revoked_at)"
            " AND (attribute_not_exists(redeemed_by) OR redeemed_by = :claim)",
            {
                ":claim": claim,
                ":first": 1,
                ":now": now,
                ":idle_expires_at": idle_expires_at,
                ":expires_at": expires_at,
                ":code_hash": code_hash,
            },
        )

    def rotate(
        self,
        authorization_id: str,
        generation: int,
        claim: str,
        now: int,
        idle_expires_at: int,
        expired_revocations: frozenset[str],
    ) -> None:
        expression = (
            "SET generation = :next, rotated_at = :now, rotated_by = :claim, idle_expires_at = :idle_expires_at"
        )
        values: dict[str, Any] = {
            ":next": generation + 1,
            ":generation": generation,
            ":now": now,
            ":claim": claim,
            ":idle_expires_at": idle_expires_at,
        }
        if expired_revocations:
            expression += " DELETE revoked_access_tokens :expired"
            values[":expired"] = expired_revocations
        self._write_authorization(
            authorization_id,
            expression,
            "generation = :generation AND attribute_not_exists(revoked_at)"
            " AND idle_expires_at > :now AND expires_at > :now",
            values,
        )

    def revoke(self, authorization_id: str, now: int, client_id: str | None = None) -> bool:
        condition = "attribute_exists(pk)"
        values: dict[str, Any] = {":now": now}
        if client_id is not None:
            condition += " AND client_id = :client_id"
            values[":client_id"] = client_id
        try:
            self._write_authorization(
                authorization_id, "SET revoked_at = if_not_exists(revoked_at, :now)", condition, values
            )
        except Refused:
            return False
        return True

    def revoke_access_token(self, authorization_id: str, client_id: str, entry: str, bound: int) -> bool:
        try:
            self._write_authorization(
                authorization_id,
                "ADD revoked_access_tokens :entries",
                "client_id = :client_id AND (attribute_not_exists(revoked_access_tokens)"
                " OR size(revoked_access_tokens) < :bound OR contains(revoked_access_tokens, :entry))",
                {":entries": frozenset({entry}), ":entry": entry, ":client_id": client_id, ":bound": bound},
            )
        except Refused:
            return False
        return True

    def find(self, authorization_id: str) -> Authorization | None:
        if not AUTHORIZATION_ID.fullmatch(authorization_id):
            return None
        return read(authorization_of, self._table.get({"pk": f"authorization#{authorization_id}"}))

    def set_entities(
        self,
        authorization_id: str,
        organisation: str,
        entities: frozenset[str],
        was: frozenset[str] | None = None,
    ) -> Authorization | None:
        if not AUTHORIZATION_ID.fullmatch(authorization_id):
            return None
        condition = "organisation = :organisation AND attribute_not_exists(revoked_at)"
        values: dict[str, Any] = {":organisation": organisation}
        if entities:
            values[":entities"] = entities
        if was:
            condition += " AND entities = :was"
            values[":was"] = was
        elif was is not None:
            condition += " AND attribute_not_exists(entities)"
        try:
            item = self._table.update(
                {"pk": f"authorization#{authorization_id}"},
                "SET entities = :entities" if entities else "REMOVE entities",
                condition,
                values,
                answer="ALL_NEW",
            )
        except ConditionFailed:
            return None
        return authorization_of(decode_item(item))

    def authorizations(
        self,
        *,
        subject: str | None = None,
        client_id: str | None = None,
        organisation: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Authorization]:
        indexes = ((self._by_subject, subject), (self._by_client, client_id), (self._by_organisation, organisation))
        ((index, listed),) = [(index, listed) for index, listed in indexes if listed is not None]
        return index.page(key_text(listed), authorization_of, limit=limit, cursor=cursor)

    def latest_authorizations(
        self, client_id: str, *, limit: int = 50, cursor: str | None = None
    ) -> Page[Authorization]:
        return self._by_client.page(
            key_text(client_id), authorization_of, limit=limit, cursor=cursor, newest_first=True
        )

    def _write_authorization(
        self, authorization_id: str, expression: str, condition: str, values: Mapping[str, Any]
    ) -> None:
        try:
            self._table.update({"pk": f"authorization#{authorization_id}"}, expression, condition, values)
        except ConditionFailed as failure:
            raise Refused(read(authorization_of, failure.existing)) from None

    # -- access tokens

    def put_access_token(self, record: AccessTokenRecord) -> None:
        attributes = {**asdict(record), "pk": f"access_token#{record.id}", "scope": str(record.scope)}
        self._table.put(encode_item(attributes))

    def put_revoked(self, jti: str, expires_at: int) -> None:
        self._table.put(encode_item({"pk": f"revoked#{jti}", "expires_at": expires_at}))

    def standing(
        self,
        *,
        subject_key: str,
        client_key: str,
        organisation_key: str = "",
        authorization_id: str | None = None,
        access_token_id: str | None = None,
        jti: str | None = None,
    ) -> Standing:
        cutoffs = cutoff_keys(subject_key, client_key, organisation_key)
        keys = {
            "authorization": f"authorization#{authorization_id}" if authorization_id else "",
            "access_token": f"access_token#{access_token_id}" if access_token_id else "",
            "revoked": f"revoked#{jti}" if jti else "",
        }
        organisation, membership = f"organisation#{organisation_key}", f"membership#{organisation_key}{subject_key}"
        found = read_together(
            self._client,
            {
                self._name: ("pk", (*cutoffs, *filter(None, keys.values()))),
                self._users_table: ("id", (organisation, membership) if organisation_key else ()),
            },
        )
        items, users = found[self._name], found[self._users_table]
        return Standing(
            authorization=read(authorization_of, items.get(keys["authorization"])),
            access_token=read(access_token_of, items.get(keys["access_token"])),
            not_before=max((not_before_of(items[key]) for key in cutoffs if key in items), default=0),
            is_revoked=keys["revoked"] in items,
            organisation=read(organisation_of, users.get(organisation)),
            membership=read(membership_of, users.get(membership)),
        )

    def cut_off(
        self,
        *,
        subject: str | None = None,
        client_id: str | None = None,
        organisation: str | None = None,
        not_before: int,
        expires_at: int,
    ) -> None:
        try:
            self._table.update(
                {"pk": cutoff_key(subject, client_id, organisation)},
                "SET not_before = :not_before, expires_at = :expires_at",
                "attribute_not_exists(pk) OR (not_before < :not_before AND attribute_not_exists(suspended))",
                {":not_before": not_before, ":expires_at": expires_at},
            )
        except ConditionFailed:
            return  # a later one stands: a cutoff never moves back, or what it ended would come to life again

    def suspend(
        self, *, subject: str | None = None, client_id: str | None = None, organisation: str | None = None
    ) -> None:
        self._table.update(
            {"pk": cutoff_key(subject, client_id, organisation)},
            "SET suspended = :suspended, not_before = if_not_exists(not_before, :never), expires_at = :at_no_time",
            None,
            {":suspended": True, ":never": 0, ":at_no_time": AT_NO_TIME},
        )

    def is_suspended(self, *, subject: str | None = None, client_id: str | None = None) -> bool:
        return "suspended" in (self._table.get({"pk": cutoff_key(subject, client_id, None)}) or {})

    def resume(
        self,
        *,
        subject: str | None = None,
        client_id: str | None = None,
        organisation: str | None = None,
        now: int,
        expires_at: int,
    ) -> None:
        key = {"pk": cutoff_key(subject, client_id, organisation)}
        moved = "SET not_before = :now, expires_at = :expires_at REMOVE suspended"
        kept = "SET expires_at = :expires_at REMOVE suspended"
        values = {":now": now, ":expires_at": expires_at}
        # One that was there before may be later, by a clock that was ahead: a cutoff never moves back.
        if not self._table.update_if(key, moved, "attribute_exists(suspended) AND not_before <= :now", values):
            self._table.update_if(key, kept, "attribute_exists(suspended)", {":expires_at": expires_at})

    # -- registration

    def put_initial_access_token(self, token: InitialAccessToken) -> None:
        self._table.put(encode_item({**attributes_of(token), "pk": f"initial#{token.id}", "id": None}))

    def spend_initial_access_token(self, token_id: str, secret_hash: bytes, claim: str, now: int) -> bool:
        try:
            self._table.update(
                {"pk": f"initial#{token_id}"},
                "SET remaining = remaining - :one, spent_by = :claim",
                "secret_hash = :hash AND remaining > :none AND expires_at > :now"
                " AND (attribute_not_exists(spent_by) OR spent_by <> :claim)",
                {":one": 1, ":none": 0, ":claim": claim, ":hash": secret_hash, ":now": now},
            )
        except ConditionFailed as failure:
            return (failure.existing or {}).get("spent_by") == {"S": claim}
        return True
