"""The Tokens table: authorizations and tokens, and whether they stand."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from authserver.aws.dynamodb.ends import is_begun, session_is_there
from authserver.aws.dynamodb.lists import Index, read_all
from authserver.aws.dynamodb.memberships import is_still_administrator
from authserver.aws.dynamodb.reader import ATTEMPTS, Reader, Tables, Wanted, is_read
from authserver.aws.items.ends import client_end_of, deployment_of, end_of, organisation_end_of, subject_end_of
from authserver.aws.items.organisations import membership_of
from authserver.aws.items.primary_keys import (
    client_end_key,
    deployment_key,
    device_key,
    initial_access_token_key,
    key_text,
    organisation_end_key,
    parts_of,
    revoked_key,
    shard_of,
    subject_end_key,
    traded_key,
)
from authserver.aws.items.records import attributes_of, read
from authserver.aws.items.tokens import access_token_of, authorization_item, authorization_of, device_item, device_of
from authserver.aws.table import (
    NO_VALUES,
    UNGUARDED,
    ConditionFailed,
    Guard,
    Placed,
    Table,
    Write,
    decode_item,
    encode_item,
)
from authserver.ends import NOTHING, Begun
from authserver.models.tokens import DENIED
from authserver.records import replace
from authserver.storage.guards import SessionOver
from authserver.storage.standing import Ends, Standing
from authserver.storage.tokens import AlreadyExists, Refused, Whose

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from authserver.aws.service import Service
    from authserver.aws.table import Item
    from authserver.models.organisations import Membership
    from authserver.models.registration import InitialAccessToken
    from authserver.models.tokens import AccessTokenRecord, Authorization, DeviceRequest
    from authserver.models.users import User
    from authserver.storage.lists import Page

AUTHORIZATION_ID = re.compile(r"[A-Za-z0-9_-]{64}")
INITIAL = "initial"  # what initial access tokens are listed by


class DynamoTokens:
    """Implements `storage.tokens.TokenStore`."""

    def __init__(self, dynamodb: Service, tables: Tables, reader: Reader, guard: Guard = UNGUARDED) -> None:
        self._dynamodb = dynamodb
        self._name = table = tables.tokens
        self._users = tables.users
        self._reader = reader
        self._table = Table(dynamodb, table, guard)
        self._by_subject = Index(dynamodb, table, "pk", "by_subject", "listed_subject")
        self._by_client = Index(dynamodb, table, "pk", "by_client", "listed_client")
        self._by_organisation = Index(dynamodb, table, "pk", "by_organisation", "listed_organisation")

    # -- authorizations

    def create(self, authorization: Authorization, session: str = "") -> None:
        item = authorization_item(authorization)
        if not session:
            existing = self._table.put_new(item, "pk")
            if existing is not None:
                raise AlreadyExists(read(authorization_of, existing))
            return
        writes = [Write.put(item, "attribute_not_exists(pk)"), session_is_there(session)]
        refused = self._table.write_all(writes)
        if 1 in refused:
            raise SessionOver
        if refused:
            raise AlreadyExists(self.find(authorization.id))

    def trade(self, token_hash: bytes, authorization: Authorization) -> None:
        mark = encode_item({"pk": traded_key(token_hash), "authorization_id": authorization.id})
        new = "attribute_not_exists(pk)"
        if self._table.write_all([Write.put(mark, new), Write.put(authorization_item(authorization), new)]):
            raise AlreadyExists(self.find(self.traded_for(token_hash) or ""))

    def traded_for(self, token_hash: bytes) -> str | None:
        mark = self._table.get({"pk": traded_key(token_hash)})
        return decode_item(mark)["authorization_id"] if mark else None

    def redeem(
        self, authorization_id: str, code_hash: bytes, claim: str, now: int, idle_expires_at: int, expires_at: int
    ) -> None:
        self._write_authorization(
            authorization_id,
            "SET redeemed_by = :claim, generation = :first, rotated_at = :now,"
            " idle_expires_at = :idle_expires_at, expires_at = :expires_at REMOVE sessions, nonce",
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

    def widen(
        self, authorization: Authorization, entities: frozenset[str], by: Membership, begun: Begun
    ) -> Authorization | None:
        key = {"pk": f"authorization#{authorization.id}"}
        same_reach, values = reaches(authorization.organisation, authorization.entities)
        same, counters, names = is_begun(authorization.begun)
        change = Write.update(
            key,
            "SET entities = :entities, begun = :begun",
            f"{same_reach} AND {same}",
            {**values, **counters, ":entities": entities, ":begun": begun.as_attributes()},
            names,
        )
        writes: list[Placed] = [
            (self._name, change),
            (self._users, is_still_administrator(by.organisation, by.subject, by.epoch)),
            *self._of_widener(authorization),
        ]
        if self._table.transact(writes):
            return None
        return read(authorization_of, self._table.get(key))

    def _of_widener(self, authorization: Authorization) -> list[Placed]:
        """The condition that the administrator who added companies before has stayed one: another administrator's
        answer does not replace one that has ended."""
        begun = authorization.begun
        if not begun.widener:
            return []
        key = {"pk": organisation_end_key(key_text(authorization.organisation), shard_of(authorization.id))}
        names = {"#widener": begun.widener}
        if not begun.widening:
            return [(self._name, Write.check(key, "attribute_not_exists(approvers.#widener)", NO_VALUES, names))]
        is_same = Write.check(key, "approvers.#widener = :widening", {":widening": begun.widening}, names)
        return [(self._name, is_same)]

    def find(self, authorization_id: str) -> Authorization | None:
        if not AUTHORIZATION_ID.fullmatch(authorization_id):
            return None
        return read(authorization_of, self._table.get({"pk": f"authorization#{authorization_id}"}))

    def authorizations(
        self,
        *,
        subject: str | None = None,
        client_id: str | None = None,
        organisation: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
        newest_first: bool = False,
    ) -> Page[Authorization]:
        indexes = ((self._by_subject, subject), (self._by_client, client_id), (self._by_organisation, organisation))
        ((index, listed),) = [(index, listed) for index, listed in indexes if listed is not None]
        key = key_text(listed)
        parts = (key,) if subject is not None else parts_of(key)
        return index.page(parts, authorization_of, limit=limit, cursor=cursor, newest_first=newest_first)

    def _write_authorization(
        self, authorization_id: str, expression: str, condition: str, values: Mapping[str, Any]
    ) -> None:
        try:
            self._table.update({"pk": f"authorization#{authorization_id}"}, expression, condition, values)
        except ConditionFailed as failure:
            raise Refused(read(authorization_of, failure.existing)) from None

    # -- devices

    def put_device(self, device: DeviceRequest) -> bool:
        item = device_item(device)
        existing = self._table.put_new(item, "pk")
        # The same item is that of this very call, whose answer was lost: no two have the secret of a device code.
        return existing is None or existing.get("secret_hash") == item["secret_hash"]

    def device(self, device_id: str) -> DeviceRequest | None:
        return read(device_of, self._table.get({"pk": device_key(device_id)}))

    def slow_device_down(self, device_id: str, interval: int, longer: int) -> None:
        self._table.update_if(
            {"pk": device_key(device_id)},
            "SET #interval = :longer",
            "#interval = :interval",
            {":interval": interval, ":longer": longer},
            names={"#interval": "interval"},
        )

    def deny_device(self, device_id: str, now: int) -> bool:
        return self._table.update_if({"pk": device_key(device_id)}, *_answered(DENIED, now))

    def allow_device(self, device_id: str, authorization: Authorization, session: str, now: int) -> None:
        writes = [
            Write.put(authorization_item(authorization), "attribute_not_exists(pk)"),
            session_is_there(session),
            Write.update({"pk": device_key(device_id)}, *_answered(authorization.id, now)),
        ]
        refused = self._table.write_all(writes)
        if 1 in refused:
            raise SessionOver
        if 0 in refused:
            raise AlreadyExists(self.find(authorization.id))
        if refused:
            raise Refused(None)

    # -- access tokens

    def put_access_token(self, record: AccessTokenRecord) -> None:
        is_users = record.subject != record.client_id  # and not the client's own, which is never looked for
        self._table.put(
            encode_item(
                {
                    **attributes_of(record),
                    "pk": f"access_token#{record.id}",
                    "scope": str(record.scope),
                    "is_revoked": record.is_revoked or None,
                    "claims": record.claims or None,
                    "created_at": record.issued_at,
                    "listed_subject": f"access_token#{key_text(record.subject)}" if is_users else None,
                }
            )
        )

    def standing(
        self,
        *,
        client_id: str | None = None,
        client_key: str = "",
        subject_key: str = "",
        organisation_key: str = "",
        authorization_id: str | None = None,
        access_token_id: str | None = None,
        jti: str | None = None,
        device_id: str | None = None,
        begun: Begun = NOTHING,
        companies: bool = False,
        user: str = "",
        source: str = "",
    ) -> Standing:
        keys = {
            "authorization": f"authorization#{authorization_id}" if authorization_id else "",
            "access_token": f"access_token#{access_token_id}" if access_token_id else "",
            "revoked": revoked_key(jti, self._reader.shard()) if jti else "",
            "device": device_key(device_id) if device_id else "",
        }
        wanted = Wanted(
            subject_key=subject_key,
            client_key=client_key,
            client_id=client_id,
            organisation_key=organisation_key,
            companies=companies,
            user=user,
            items=tuple(filter(None, keys.values())),
            source=source,
        )
        for _ in range(ATTEMPTS):
            found = self._reader.read(wanted)
            standing = Standing(
                ends=found.ends,
                client=found.client,
                authorization=read(authorization_of, found.items.get(keys["authorization"])),
                access_token=read(access_token_of, found.items.get(keys["access_token"])),
                is_revoked=keys["revoked"] in found.items,
                organisation=found.organisation,
                user=_user_of(found.user),
                device=read(device_of, found.items.get(keys["device"])),
            )
            told = _begun(standing, begun)
            if is_read(found.ends, told, _sessions(standing), is_fresh=found.is_fresh):
                break
            wanted = replace(wanted, fresh=True)
        return standing

    def ends_of(self, whose: Iterable[Whose]) -> dict[Whose, Ends]:
        shard = self._reader.shard()
        deployment = deployment_key(shard)
        keys = {one: Whose(*(key_text(name) if name else "" for name in one)) for one in whose}
        if not keys:
            return {}
        ends = [deployment, *(key for one in keys.values() for key in _end_keys(one, shard))]
        memberships = [_membership_key(one) for one in keys.values() if one.organisation and one.subject]
        found = read_all(self._dynamodb, {self._name: ("pk", ends), self._users: ("id", memberships)})
        tokens, users = found[self._name], found[self._users]
        return {
            one: Ends(
                deployment=end_of(deployment_of, tokens.get(deployment)),
                subject=end_of(subject_end_of, tokens.get(subject_end_key(key.subject))),
                client=end_of(client_end_of, tokens.get(client_end_key(key.client_id, shard))),
                organisation=end_of(organisation_end_of, tokens.get(organisation_end_key(key.organisation, shard))),
                membership=read(membership_of, users.get(_membership_key(key))),
                client_key=key.client_id,
                organisation_key=key.organisation,
            )
            for one, key in keys.items()
        }

    # -- registration

    def put_initial_access_token(self, token: InitialAccessToken) -> None:
        item = {**attributes_of(token), "pk": initial_access_token_key(token.id), "id": None, "listed_subject": INITIAL}
        self._table.put(encode_item(item))

    def initial_access_tokens(self, *, limit: int = 50, cursor: str | None = None) -> Page[InitialAccessToken]:
        from authserver.aws.items.registration import initial_access_token_of  # those who check tokens need it not

        return self._by_subject.page(INITIAL, initial_access_token_of, limit=limit, cursor=cursor)


def _answered(answer: str, now: int) -> tuple[str, str, dict[str, Any]]:
    """The update that answers a device, on the condition that it waits or has this very answer."""
    waits = "expires_at > :now AND (attribute_not_exists(answer) OR answer = :answer)"
    return "SET answer = :answer", waits, {":answer": answer, ":now": now}


def _end_keys(keys: Whose, shard: int) -> Iterator[str]:
    """The items of the ends with these keys."""
    if keys.subject:
        yield subject_end_key(keys.subject)
    if keys.client_id:
        yield client_end_key(keys.client_id, shard)
    if keys.organisation:
        yield organisation_end_key(keys.organisation, shard)


def _membership_key(keys: Whose) -> str:
    return f"membership#{keys.organisation}{keys.subject}"


def reaches(
    organisation: str, entities: frozenset[str], or_else: frozenset[str] | None = None
) -> tuple[str, dict[str, Any]]:
    """The condition that an authorization of the organisation is not revoked and reaches these companies; `or_else`
    others, as after a write whose answer was lost."""
    condition = "organisation = :organisation AND attribute_not_exists(revoked_at)"
    values: dict[str, Any] = {":organisation": organisation}
    ways = []
    for name, companies in ((":was", entities), (":entities", or_else)):
        if companies:
            ways.append(f"entities = {name}")
            values[name] = companies
        elif companies is not None:
            ways.append("attribute_not_exists(entities)")
    return f"{condition} AND ({' OR '.join(ways)})", values


def _begun(standing: Standing, told: Begun) -> Begun:
    """What a token was begun under: what its authorization says, or else its own record, or else the token itself."""
    if standing.authorization is not None:
        return standing.authorization.begun
    return standing.access_token.begun if standing.access_token is not None else told


def _user_of(item: Item | None) -> User | None:
    if item is None:
        return None
    from authserver.aws.items.users import user_of  # userinfo alone reads users together with tokens

    return read(user_of, item)


def _sessions(standing: Standing) -> int | None:
    return standing.authorization.sessions if standing.authorization is not None else None
