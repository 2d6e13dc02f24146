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
``#`` in it can forge another key. Everything is read with ConsistentRead. Six operations are used, all in this module:
GetItem, BatchGetItem, PutItem, UpdateItem, DeleteItem, and TransactWriteItems for a user and their login name.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, fields
from functools import cache
from types import UnionType
from typing import TYPE_CHECKING, Any, cast, get_args, get_origin, get_type_hints

from botocore.exceptions import BotoCoreError, ClientError

from authserver.errors import TemporarilyUnavailable
from authserver.models import (
    AccessTokenRecord,
    Authorization,
    Client,
    ClientSecret,
    Consent,
    Key,
    PendingRequest,
    Ring,
    Session,
    User,
)
from authserver.storage import AlreadyExists, BrowserState, Refused, Standing
from authserver.tokens.opaque import key_of
from authserver.values import CodeChallenge, RedirectUri, Scope, base64url, normalised_username, sha256

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

logger = logging.getLogger(__name__)

type Item = dict[str, Any]

CONDITION_FAILED = "ConditionalCheckFailedException"
TRANSACTION_CANCELED = "TransactionCanceledException"
BATCH_ATTEMPTS = 4


# ------------------------------------------------------------------ attribute values


def encode(value: Any) -> dict[str, Any]:
    """A Python value as a DynamoDB attribute value. Sets must not be empty; None has no place in an item."""
    match value:
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": value}
        case int():
            return {"N": str(value)}
        case bytes():
            return {"B": value}
        case frozenset() | set():
            return {"SS": sorted(value)}
        case tuple() | list():
            return {"L": [encode(element) for element in value]}
        case Mapping():
            return {"M": {name: encode(element) for name, element in value.items()}}
    raise TypeError(f"cannot store {type(value).__name__}")


def decode(value: Mapping[str, Any]) -> Any:
    """The Python value of a DynamoDB attribute value."""
    ((kind, content),) = value.items()
    match kind:
        case "N":
            return int(content)
        case "B":
            return bytes(content)
        case "SS":
            return frozenset(content)
        case "L":
            return [decode(element) for element in content]
        case "M":
            return {name: decode(element) for name, element in content.items()}
        case _:
            return content


def encode_item(attributes: Mapping[str, Any]) -> Item:
    """An item of the attributes that have a value: None, empty text, empty collections are left out."""
    nothing: tuple[object, ...] = (None, "", (), frozenset())
    return {name: encode(value) for name, value in attributes.items() if value not in nothing}


def decode_item(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: decode(value) for name, value in item.items()}


# ------------------------------------------------------------------ one table


class Table:
    """One table, and the only place that calls DynamoDB.

    Whatever keeps it from answering becomes `TemporarilyUnavailable`; a failed condition is an answer.
    """

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self._client = client
        self._name = name

    def get(self, key: Mapping[str, str]) -> Item | None:
        """The item as DynamoDB has it; `_read` makes a record of it."""
        item: Item | None = self._call(self._client.get_item, Key=encode_item(key), ConsistentRead=True).get("Item")
        return item

    def batch_get(self, attribute: str, values: Iterable[str]) -> dict[str, Item]:
        """The items there are, by key, in one call; more only while DynamoDB leaves some unprocessed."""
        wanted: Any = {self._name: {"Keys": [{attribute: {"S": value}} for value in values], "ConsistentRead": True}}
        found: dict[str, Item] = {}
        for attempt in range(BATCH_ATTEMPTS):
            answer = self._call(self._client.batch_get_item, table=False, RequestItems=wanted)
            found |= {item[attribute]["S"]: item for item in answer["Responses"].get(self._name, ())}
            wanted = answer.get("UnprocessedKeys")
            if not wanted:
                return found
            time.sleep(0.02 * 2**attempt)
        raise TemporarilyUnavailable("The store did not answer in full", reason="dynamodb_unprocessed")

    def put(self, item: Item) -> None:
        self._call(self._client.put_item, Item=item)

    def put_new(self, item: Item, key: str) -> Item | None:
        """Puts the item unless its key is taken; the item that took it, or None."""
        try:
            self._call(
                self._client.put_item,
                Item=item,
                ConditionExpression=f"attribute_not_exists({key})",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ConditionFailed as failure:
            return failure.existing or {}
        return None

    def put_if(self, item: Item, condition: str, values: Mapping[str, Any]) -> bool:
        """Puts the item if the condition holds; tells whether."""
        try:
            self._call(
                self._client.put_item,
                Item=item,
                ConditionExpression=condition,
                ExpressionAttributeValues=encode_item(values),
            )
        except ConditionFailed:
            return False
        return True

    def update(
        self, key: Mapping[str, str], expression: str, condition: str | None, values: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Updates and returns the new attributes. Raises `ConditionFailed` with the item as it was."""
        arguments: dict[str, Any] = {
            "Key": encode_item(key),
            "UpdateExpression": expression,
            "ExpressionAttributeValues": {name: encode(value) for name, value in values.items()},
        }
        if condition:
            arguments["ConditionExpression"] = condition
            arguments["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        else:
            arguments["ReturnValues"] = "UPDATED_NEW"
        answer = self._call(self._client.update_item, **arguments)
        return decode_item(answer.get("Attributes", {}))

    def delete(self, key: Mapping[str, str]) -> None:
        self._call(self._client.delete_item, Key=encode_item(key))

    def put_all_new(self, items: list[Item], key: str) -> bool:
        """Puts all the items, or none if a key is taken; tells whether."""
        puts = [
            {"Put": {"TableName": self._name, "Item": item, "ConditionExpression": f"attribute_not_exists({key})"}}
            for item in items
        ]
        try:
            self._call(self._client.transact_write_items, table=False, TransactItems=puts)
        except ConditionFailed:
            return False
        return True

    def _call(self, operation: Callable[..., Any], *, table: bool = True, **arguments: Any) -> Any:
        if table:
            arguments["TableName"] = self._name
        try:
            return operation(**arguments)
        except ClientError as error:
            raise _translated(error) from error
        except BotoCoreError as error:
            raise TemporarilyUnavailable("The store did not answer", reason="dynamodb_unreachable") from error


class ConditionFailed(Exception):
    """A conditional write was refused; `existing` is the item as it was at that instant, if there was one."""

    def __init__(self, existing: Item | None) -> None:
        super().__init__("condition failed")
        self.existing = existing


def _translated(error: ClientError) -> Exception:
    code = error.response.get("Error", {}).get("Code", "")
    if code == CONDITION_FAILED:
        return ConditionFailed(cast("dict[str, Any]", error.response).get("Item"))
    if code == TRANSACTION_CANCELED:
        reasons = {
            reason.get("Code") for reason in cast("dict[str, Any]", error.response).get("CancellationReasons", ())
        }
        if reasons <= {"None", "ConditionalCheckFailed"}:
            return ConditionFailed(None)
    return TemporarilyUnavailable("The store did not answer", reason=f"dynamodb_{code or 'error'}")


# ------------------------------------------------------------------ clients, users, keys


class DynamoClients:
    """Implements `storage.ClientStore`."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._table = Table(client, table)

    def get(self, client_id: str) -> Client | None:
        if not 0 < len(client_id.encode()) <= 1024:  # what DynamoDB takes as a key
            return None
        item = self._table.get({"client_id": client_id})
        return _read(_client, item)

    def put(self, client: Client) -> None:
        self._table.put(
            encode_item(
                {
                    **{field.name: getattr(client, field.name) for field in fields(client)},
                    "redirect_uris": tuple(uri.text for uri in client.redirect_uris),
                    "scope": str(client.scope),
                    "default_scope": str(client.default_scope),
                    "secrets": tuple(
                        {name: value for name, value in asdict(secret).items() if value is not None}
                        for secret in client.secrets
                    ),
                }
            )
        )


class DynamoUsers:
    """Implements `storage.UserStore`."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._table = Table(client, table)

    def get(self, sub: str) -> User | None:
        return _read(_user, self._table.get({"id": f"user#{sub}"}))

    def find(self, username: str) -> User | None:
        login = _read(_subject, self._table.get({"id": _login_key(username)}))
        # The second read is made for a name that does not exist as well, so that time does not tell which do.
        return self.get(login or "")

    def create(self, user: User) -> bool:
        login = {"id": _login_key(user.username), "sub": user.sub}
        return self._table.put_all_new(
            [encode_item(login), encode_item({"id": f"user#{user.sub}", **asdict(user)})], "id"
        )


class DynamoKeys:
    """Implements `storage.KeyStore`."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._table = Table(client, table)

    def get(self, name: str) -> Ring | None:
        item = self._table.get({"kid": name})
        if item is None:
            return None
        ring = _read(_ring, item)
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
        existing = self._table.put_new(_authorization_item(authorization), "pk")
        if existing is not None:
            raise AlreadyExists(_read(_authorization, existing))

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
            raise Refused(_read(_authorization, failure.existing)) from None

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
        cutoffs = _cutoff_keys(subject_key, client_key)
        keys = {
            "authorization": f"authorization#{authorization_id}" if authorization_id else None,
            "access_token": f"access_token#{access_token_id}" if access_token_id else None,
            "revoked": f"revoked#{jti}" if jti else None,
        }
        items = self._table.batch_get("pk", [*cutoffs, *(key for key in keys.values() if key)])
        return Standing(
            authorization=_read(_authorization, items.get(keys["authorization"] or "")),
            access_token=_read(_access_token, items.get(keys["access_token"] or "")),
            not_before=max((_not_before(items[key]) for key in cutoffs if key in items), default=0),
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
        self._table.put(encode_item({**_shallow(request), "pk": f"request#{request.id}"}))

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
            request=_read(_request, found["request"]),
            session=_read(_session, found["session"]),
            consent=_read(_consent, found["consent"]),
            not_before=_not_before(found["cutoff"]) if found["cutoff"] else 0,
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


# ------------------------------------------------------------------ items and records


def _cutoff_keys(subject_key: str, client_key: str) -> tuple[str, str, str]:
    return (
        f"cutoff#subject#{subject_key}",
        f"cutoff#client#{client_key}",
        f"cutoff#grant#{subject_key}{client_key}",
    )


def _login_key(username: str) -> str:
    return f"login#{base64url(sha256(normalised_username(username)))}"


def _read[R](convert: Callable[[Mapping[str, Any]], R], item: Item | None) -> R | None:
    """The record of an item; None if there is none, or if it is none of ours to read, which the log tells."""
    if item is None:
        return None
    try:
        return convert(decode_item(item))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        fault = type(error).__name__
        logger.error("an item is malformed", extra={"kind": _kind(item), "fault": fault})  # noqa: TRY400 - shows no value
        return None


def _kind(item: Item) -> str:
    return str(item.get("pk", {}).get("S", "")).partition("#")[0]


def _not_before(item: Item) -> int:
    """The time of a cutoff. One that cannot be read must not be taken for none."""
    try:
        return int(_typed(decode(item["not_before"]), int, "not_before"))
    except (KeyError, TypeError, ValueError):
        raise TemporarilyUnavailable("The store did not answer", reason="cutoff_malformed") from None


def _shallow(record: Any) -> dict[str, Any]:
    return {field.name: getattr(record, field.name) for field in fields(record)}


def _record[R](kind: type[R], item: Mapping[str, Any]) -> R:
    """A record of the attributes that are its fields; absent ones keep their defaults.

    Raises `TypeError` on an attribute of another type than its field's, so that no use case meets it.
    """
    types = _field_types(cast("Any", kind))
    return kind(**{name: _typed(item[name], types[name], name) for name in types if name in item})


@cache
def _field_types(kind: type[Any]) -> dict[str, Any]:
    return get_type_hints(kind)


def _typed[V](value: V, expected: Any, name: str) -> V:
    if not _is_of(value, expected):
        raise TypeError(f"{name} has another type")
    return value


def _is_of(value: Any, expected: Any) -> bool:
    """Whether a decoded value is of a field's type, as far as items can get it wrong."""
    if isinstance(expected, UnionType):
        return any(_is_of(value, member) for member in get_args(expected))
    origin = get_origin(expected) or expected
    if origin is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if not isinstance(value, origin):
        return False
    if origin in (tuple, frozenset):
        return all(_is_of(element, get_args(expected)[0]) for element in value)
    if origin is Mapping:
        return all(_is_of(element, get_args(expected)[1]) for element in value.values())
    return True


def _subject(item: Mapping[str, Any]) -> str:
    return str(_typed(item["sub"], str, "sub"))


def _ring(item: Mapping[str, Any]) -> Ring:
    keys = tuple(_record(Key, {"keep_until": None, **key}) for key in item["keys"])
    return _record(Ring, {"name": item["kid"], "version": item["version"], "keys": keys})


def _client(item: Mapping[str, Any]) -> Client:
    uris = tuple(item.get("redirect_uris", ()))
    tuples = ("grant_types", "response_types", "resources", "contacts")
    return _record(
        Client,
        {
            "client_name": "",
            **item,
            **{name: tuple(item[name]) for name in tuples if name in item},
            "redirect_uris": tuple(map(RedirectUri, _typed(uris, tuple[str, ...], "redirect_uris"))),
            "scope": Scope.parse(item.get("scope", "")),
            "default_scope": Scope.parse(item.get("default_scope", "")),
            "secrets": tuple(_record(ClientSecret, secret) for secret in item.get("secrets", ())),
            # Their defaults are not "none": a client without them registered none.
            "grant_types": tuple(item.get("grant_types", ())),
            "response_types": tuple(item.get("response_types", ())),
        },
    )


def _user(item: Mapping[str, Any]) -> User:
    return _record(User, {"username": "", "password_hash": "", **item})


def _authorization_item(authorization: Authorization) -> Item:
    challenge = authorization.code_challenge
    return encode_item(
        {
            **_shallow(authorization),
            "pk": f"authorization#{authorization.id}",
            "id": None,
            "scope": str(authorization.scope),
            "code_challenge": challenge.text if challenge else None,
            "listed_subject": base64url(key_of(authorization.subject)),
            "listed_client": base64url(key_of(authorization.client_id)),
        }
    )


def _authorization(item: Mapping[str, Any]) -> Authorization:
    challenge = item.get("code_challenge")
    return _record(
        Authorization,
        {
            **item,
            "id": item["pk"].partition("#")[2],
            "scope": Scope.parse(item.get("scope", "")),
            "resource": tuple(item.get("resource", ())),
            "code_challenge": CodeChallenge.parse(challenge) if challenge else None,
        },
    )


def _access_token(item: Mapping[str, Any]) -> AccessTokenRecord:
    return _record(
        AccessTokenRecord,
        {**item, "scope": Scope.parse(item.get("scope", "")), "audience": tuple(item.get("audience", ()))},
    )


def _request(item: Mapping[str, Any]) -> PendingRequest:
    return _record(PendingRequest, {"parameters": {}, **item, "resource": tuple(item.get("resource", ()))})


def _session(item: Mapping[str, Any]) -> Session:
    return _record(Session, {"signed_in_for": "", **item})


def _consent(item: Mapping[str, Any]) -> Consent:
    scopes = _typed(item.get("scopes", frozenset()), frozenset[str], "scopes")
    return _record(
        Consent,
        {
            "scope": Scope.of(sorted(scopes)),
            "resource": item.get("resource_indicators", frozenset()),
            "expires_at": item["expires_at"],
        },
    )
