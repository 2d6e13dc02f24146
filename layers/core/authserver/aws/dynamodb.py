"""The stores on DynamoDB. This docstring is the schema.

Clients (``client_id``)
    A client's RFC 7591 metadata and policy. ``expires_at`` only where an unused registration is to vanish.

Users (``id``)
    ``user#<sub>``            a user
    ``login#<sha256 of the normalised name>``   ``sub`` of the user with that login name; makes it unique

Tokens (``pk``), every item with ``expires_at``, which is DynamoDB's TTL and which every reader compares as well, but
for cutoffs and revocations, which are true for as long as they are there
    ``authorization#<id>``    an authorization; listed by ``listed_subject`` and ``listed_client`` in the two indexes
    ``access_token#<id>``     an opaque access token
    ``revoked#<jti>``         an access token without an authorization that was revoked
    ``request#<id>``          an authorization request under way
    ``session#<id>``          a browser that is signed in
    ``consent#<subject key><client key>``       what a user has allowed a client
    ``cutoff#subject#<key>``, ``cutoff#client#<key>``, ``cutoff#grant#<subject key><client key>``
                              ``not_before``: nothing issued until then stands
    ``throttle#<sha256 of a name>#<window>``    ``attempts``

Keys (``kid``)
    ``<ring>``                ``keys``, oldest first, and ``version``, on which each write is conditional

Identifiers are ours, random and in base64url; text from outside becomes part of a key only as a hash, so that no
``#`` in it can forge another key. Everything is read with ConsistentRead. Six operations are used, all in `aws.table`:
GetItem, BatchGetItem, PutItem, UpdateItem, DeleteItem, and TransactWriteItems for a user and their login name.
"""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from authserver.aws.items import (
    access_token_of,
    attributes_of,
    authorization_item,
    authorization_of,
    client_of,
    consent_of,
    cutoff_keys,
    login_key,
    not_before_of,
    read,
    request_of,
    ring_of,
    secret_attribute,
    session_of,
    subject_of,
    user_of,
)
from authserver.aws.table import ConditionFailed, Table, encode, encode_item
from authserver.errors import TemporarilyUnavailable
from authserver.models import (
    AccessTokenRecord,
    Authorization,
    Client,
    ClientSecret,
    PendingRequest,
    Ring,
    Session,
    User,
)
from authserver.storage import AlreadyExists, BrowserState, Refused, Standing
from authserver.tokens.opaque import key_of
from authserver.values import Scope, base64url, sha256

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


# ------------------------------------------------------------------ clients, users, keys


class DynamoClients:
    """Implements `storage.ClientStore`."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._table = Table(client, table)

    def get(self, client_id: str) -> Client | None:
        if not 0 < len(client_id.encode()) <= 1024:  # what DynamoDB takes as a key
            return None
        item = self._table.get({"client_id": client_id})
        return read(client_of, item)

    def put(self, client: Client) -> None:
        self._table.put(
            encode_item(
                {
                    **{field.name: getattr(client, field.name) for field in fields(client)},
                    "redirect_uris": tuple(uri.text for uri in client.redirect_uris),
                    "scope": str(client.scope),
                    "default_scope": str(client.default_scope),
                    "secrets": tuple(map(secret_attribute, client.secrets)),
                }
            )
        )

    def rehash(self, client_id: str, position: int, old: str, new: ClientSecret) -> bool:
        return self._table.update_if(
            {"client_id": client_id},
            f"SET secrets[{position}] = :new",
            f"secrets[{position}].encoded = :old",
            {":old": old, ":new": secret_attribute(new)},
        )


class DynamoUsers:
    """Implements `storage.UserStore`."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._table = Table(client, table)

    def get(self, sub: str) -> User | None:
        return read(user_of, self._table.get({"id": f"user#{sub}"}))

    def find(self, username: str) -> User | None:
        login = read(subject_of, self._table.get({"id": login_key(username)}))
        # The second read is made for a name that does not exist as well, so that time does not tell which do.
        return self.get(login or "")

    def create(self, user: User) -> bool:
        login = {"id": login_key(user.username), "sub": user.sub}
        return self._table.put_all_new(
            [encode_item(login), encode_item({"id": f"user#{user.sub}", **asdict(user)})], "id"
        )

    def rehash(self, sub: str, old: str, new: str) -> bool:
        return self._table.update_if(
            {"id": f"user#{sub}"}, "SET password_hash = :new", "password_hash = :old", {":old": old, ":new": new}
        )


class DynamoKeys:
    """Implements `storage.KeyStore`."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._table = Table(client, table)

    def get(self, name: str) -> Ring | None:
        item = self._table.get({"kid": name})
        if item is None:
            return None
        ring = read(ring_of, item)
        if ring is None:
            # Not "absent": then a new one would be made in its place.
            raise TemporarilyUnavailable("The store did not answer", reason="ring_malformed")
        return ring

    def put(self, ring: Ring) -> bool:
        keys = tuple({name: value for name, value in asdict(key).items() if value is not None} for key in ring.keys)
        item = {"kid": encode(ring.name), "version": encode(ring.version), "keys": encode(keys)}
        if ring.version == 1:
            return self._table.put_new(item, "kid") is None
        return self._table.put_if(item, "version = :previous", {":previous": ring.version - 1})


# ------------------------------------------------------------------ tokens


class DynamoTokens:
    """Implements `storage.TokenStore`."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._table = Table(client, table)

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
        authorization_id: str | None = None,
        access_token_id: str | None = None,
        jti: str | None = None,
    ) -> Standing:
        cutoffs = cutoff_keys(subject_key, client_key)
        keys = {
            "authorization": f"authorization#{authorization_id}" if authorization_id else None,
            "access_token": f"access_token#{access_token_id}" if access_token_id else None,
            "revoked": f"revoked#{jti}" if jti else None,
        }
        items = self._table.batch_get("pk", [*cutoffs, *(key for key in keys.values() if key)])
        return Standing(
            authorization=read(authorization_of, items.get(keys["authorization"] or "")),
            access_token=read(access_token_of, items.get(keys["access_token"] or "")),
            not_before=max((not_before_of(items[key]) for key in cutoffs if key in items), default=0),
            is_revoked=(keys["revoked"] or "") in items,
        )

    def cut_off(self, *, subject: str | None, client_id: str | None, not_before: int, expires_at: int) -> None:
        subject_key = base64url(key_of(subject)) if subject is not None else ""
        client_key = base64url(key_of(client_id)) if client_id is not None else ""
        kind = "grant" if subject_key and client_key else "subject" if subject_key else "client"
        try:
            self._table.update(
                {"pk": f"cutoff#{kind}#{subject_key}{client_key}"},
                "SET not_before = :not_before, expires_at = :expires_at",
                "attribute_not_exists(pk) OR not_before < :not_before",
                {":not_before": not_before, ":expires_at": expires_at},
            )
        except ConditionFailed:
            return  # a later one stands: a cutoff never moves back, or what it ended would come to life again

    # -- browsers

    def put_request(self, request: PendingRequest) -> None:
        self._table.put(encode_item({**attributes_of(request), "pk": f"request#{request.id}"}))

    def answer_request(self, request_id: str, answer: str, now: int) -> bool:
        try:
            self._table.update(
                {"pk": f"request#{request_id}"},
                "SET answer = :answer",
                "expires_at > :now AND (attribute_not_exists(answer) OR answer = :answer)",
                {":answer": answer, ":now": now},
            )
        except ConditionFailed:
            return False
        return True

    def put_session(self, session: Session) -> None:
        self._table.put(encode_item({**asdict(session), "pk": f"session#{session.id}"}))

    def delete_session(self, session_id: str) -> None:
        self._table.delete({"pk": f"session#{session_id}"})

    def browser_state(
        self,
        *,
        request_id: str | None = None,
        session_id: str | None = None,
        subject_key: str | None = None,
        client_key: str | None = None,
    ) -> BrowserState:
        keys = {
            "request": f"request#{request_id}" if request_id else "",
            "session": f"session#{session_id}" if session_id else "",
            "consent": f"consent#{subject_key}{client_key}" if subject_key and client_key else "",
            "cutoff": f"cutoff#subject#{subject_key}" if subject_key else "",
        }
        items = self._table.batch_get("pk", [key for key in keys.values() if key])
        found = {kind: items.get(key) for kind, key in keys.items()}
        return BrowserState(
            request=read(request_of, found["request"]),
            session=read(session_of, found["session"]),
            consent=read(consent_of, found["consent"]),
            not_before=not_before_of(found["cutoff"]) if found["cutoff"] else 0,
        )

    def remember_consent(
        self, subject: str, client_id: str, scope: Scope, resource: frozenset[str], now: int, expires_at: int
    ) -> None:
        key = {"pk": f"consent#{base64url(key_of(subject))}{base64url(key_of(client_id))}"}
        sets = {"scopes": frozenset(scope), "resource_indicators": resource}
        added = {name: tokens for name, tokens in sets.items() if tokens}
        try:
            self._table.update(
                key,
                "SET expires_at = :expires_at ADD " + ", ".join(f"{name} :{name}" for name in added),
                "attribute_not_exists(pk) OR expires_at > :now",
                {":expires_at": expires_at, ":now": now, **{f":{name}": tokens for name, tokens in added.items()}},
            )
        except ConditionFailed:
            # One that has expired and that TTL has not removed yet: replaced, so that it does not come back to life.
            self._table.put(encode_item({**key, **sets, "expires_at": expires_at}))

    # -- throttles

    def count(self, name: str, window_start: int, amount: int, expires_at: int) -> int:
        key = f"throttle#{base64url(sha256(name))}#{window_start}"
        updated = self._table.update(
            {"pk": key},
            "SET expires_at = :expires_at ADD attempts :amount",
            None,
            {":expires_at": expires_at, ":amount": amount},
        )
        return int(updated["attempts"])
