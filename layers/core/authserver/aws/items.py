"""Items and records: how each model is written into an item, and read out of one that may be malformed."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import cache
from types import UnionType
from typing import Any, Literal, Union, cast, get_args, get_origin, get_type_hints

from authserver.aws.log import write_problem
from authserver.aws.table import Item, decode_item, encode_item
from authserver.ends import Begun, ClientEnd, Deployment, OrganisationEnd, SubjectEnd
from authserver.errors import TemporarilyUnavailable
from authserver.models import (
    AccessTokenRecord,
    Activity,
    Approval,
    Authorization,
    Client,
    ClientSecret,
    Consent,
    Erasure,
    Factors,
    Federation,
    Identity,
    IdentityProvider,
    InitialAccessToken,
    Invitation,
    Key,
    Membership,
    OneTimeLink,
    Organisation,
    Passkey,
    PendingRequest,
    Refusal,
    Ring,
    Session,
    Theme,
    Totp,
    User,
)
from authserver.scopes import ScopeCatalogue, ScopeDefinition
from authserver.tokens.opaque import key_of
from authserver.values import CodeChallenge, RedirectUri, Scope, base64url, normalised_username, sha256


def key_text(text: str) -> str:
    """What stands for an identifier of a subject, client or organisation in a key."""
    return base64url(key_of(text))


SHARDS = 16  # of what many read at once: each bears 3,000 strongly consistent reads a second


def subject_end_key(subject_key: str) -> str:
    return f"end#subject#{subject_key}"


def client_end_key(client_key: str, shard: int) -> str:
    return f"end#client#{client_key}#{shard:x}"


def organisation_end_key(organisation_key: str, shard: int) -> str:
    return f"end#organisation#{organisation_key}#{shard:x}"


def deployment_key(shard: int) -> str:
    return f"deployment#{shard:x}"


def revoked_key(jti: str, shard: int) -> str:
    return f"revoked#{jti}#{shard:x}"


def organisation_key(organisation: str) -> str:
    return f"organisation#{key_text(organisation)}"


def membership_key(organisation: str, subject: str) -> str:
    return f"membership#{key_text(organisation)}{key_text(subject)}"


def consent_key(subject: str, client_id: str) -> str:
    return f"consent#{key_text(subject)}{key_text(client_id)}"


def approval_key(organisation: str, client_id: str, subject: str) -> str:
    return f"approval#{key_text(organisation)}{key_text(client_id)}{key_text(subject)}"


def initial_access_token_key(token_id: str) -> str:
    return f"initial#{token_id}"


def mail_key(link_id: str) -> str:
    return f"mail#{link_id}"


def erasure_key(subject_key: str) -> str:
    return f"erasure#{subject_key}"


def logo_key(client_id: str) -> str:
    return f"logo#{key_text(client_id)}"


def factors_key(sub: str) -> str:
    return f"factors#{key_text(sub)}"


def login_key(username: str) -> str:
    return f"login#{base64url(sha256(normalised_username(username)))}"


def identity_key(identity_id: str) -> str:
    return f"identity#{identity_id}"


def part_of(identifier: str) -> str:
    """Which of its sixteen parts an index lists something in: so that no part of it takes all the writes."""
    return f"{sha256(identifier)[0] & 15:x}"


def shard_of(identifier: str) -> int:
    """Which of the sixteen copies of something to look at, where it is done for one identifier."""
    return int(part_of(identifier), 16)


def parts_of(listed: str) -> tuple[str, ...]:
    """All the parts of what an index lists."""
    return tuple(f"{listed}#{part:x}" for part in range(16))


type Check = Callable[[Any], bool]

REMEMBERED = 512  # records of items of the Tokens table

_records: dict[tuple[Any, str], tuple[Item, Any]] = {}


def read[R](convert: Callable[[Mapping[str, Any]], R], item: Item | None) -> R | None:
    """The record of an item; None if there is none, or if it is none of ours to read, which the log tells.

    An item of the Tokens table that is the same as when it was read last is the same record: it was read from
    DynamoDB now as ever, and only the making of the record is spared.
    """
    if item is None:
        return None
    key = _key_of(item)
    known = _records.get((convert, key))
    if known is not None and known[0] == item:
        return cast("R", known[1])
    try:
        record = convert(decode_item(item))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        write_problem("an item is malformed", kind=key.partition("#")[0], fault=type(error).__name__)
        return None
    if key or not item:
        _remember(convert, key, item, record)
    return record


def _remember(convert: Any, key: str, item: Item, record: Any) -> None:
    if len(_records) >= REMEMBERED:
        del _records[next(iter(_records))]
    _records[convert, key] = item, record


def _key_of(item: Item) -> str:
    """The key of an item of the Tokens table, which alone has a ``pk``; empty for others."""
    pk = item.get("pk", {})
    return str(pk.get("S", "")) if isinstance(pk, dict) else ""


def end_of[R](convert: Callable[[Mapping[str, Any]], R], item: Item | None) -> R:
    """The end that an item is; without one, that nothing has ended. One that cannot be read is not taken for none."""
    found = read(convert, item or {})
    if found is None:
        raise TemporarilyUnavailable("The store did not answer", reason="end_malformed")
    return found


def subject_end_of(item: Mapping[str, Any]) -> SubjectEnd:
    return _record(SubjectEnd, item)


def client_end_of(item: Mapping[str, Any]) -> ClientEnd:
    scope = {"scope": Scope.parse(item["scope"])} if "scope" in item else {}
    return _record(ClientEnd, {**item, **scope})


def organisation_end_of(item: Mapping[str, Any]) -> OrganisationEnd:
    return _record(OrganisationEnd, item)


def deployment_of(item: Mapping[str, Any]) -> Deployment:
    return _record(Deployment, item)


def begun_of(item: Mapping[str, Any]) -> Begun:
    return _record(Begun, _typed(item.get("begun", {}), dict, "begun"))


def begun_attribute(begun: Begun) -> dict[str, Any] | None:
    return begun.as_attributes() or None


def attributes_of(record: Any) -> dict[str, Any]:
    """A record's fields, with what it was begun under as the map that is stored of it."""
    attributes = {field.name: getattr(record, field.name) for field in fields(record)}
    if "begun" in attributes:
        attributes["begun"] = begun_attribute(attributes["begun"])
    return attributes


def _record[R](kind: type[R], item: Mapping[str, Any]) -> R:
    """A record of the attributes that are its fields; absent ones keep their defaults.

    Raises `TypeError` on an attribute of another type than its field's, so that no use case meets it.
    """
    found = {}
    for name, is_right in _fields_of(cast("Any", kind)):
        if name in item:
            found[name] = value = item[name]
            if not is_right(value):
                raise TypeError(f"{name} has another type")
    return kind(**found)


@cache
def _fields_of(kind: type[Any]) -> tuple[tuple[str, Check], ...]:
    return tuple((name, _check_of(expected)) for name, expected in get_type_hints(kind).items())


def _typed[V](value: V, expected: Any, name: str) -> V:
    if not _check_of(expected)(value):
        raise TypeError(f"{name} has another type")
    return value


@cache
def _check_of(expected: Any) -> Check:
    """Tells whether a decoded value is of a field's type, as far as items can get it wrong."""
    origin, arguments = get_origin(expected) or expected, get_args(expected)
    if origin in (UnionType, Union):
        checks = [_check_of(argument) for argument in arguments]
        return lambda value: any(is_right(value) for is_right in checks)
    if origin is Literal:
        return lambda value: value in arguments
    if origin is int:
        return lambda value: type(value) is int
    if origin in (tuple, frozenset):
        is_element = _check_of(arguments[0])
        return lambda value: isinstance(value, origin) and all(map(is_element, value))
    if origin is Mapping:
        is_value = _check_of(arguments[1])
        return lambda value: isinstance(value, dict) and all(map(is_value, value.values()))
    return lambda value: isinstance(value, origin)


def subject_of(item: Mapping[str, Any]) -> str:
    return str(_typed(item["sub"], str, "sub"))


def ring_of(item: Mapping[str, Any]) -> Ring:
    keys = tuple(_record(Key, {"keep_until": None, **key}) for key in item["keys"])
    return _record(Ring, {"name": item["kid"], "version": item["version"], "keys": keys})


def client_of(item: Mapping[str, Any]) -> Client:
    tuples = ("grant_types", "response_types", "resources", "contacts")
    return _record(
        Client,
        {
            "client_name": "",
            **item,
            **{name: tuple(item[name]) for name in tuples if name in item},
            "redirect_uris": _uris(item, "redirect_uris"),
            "post_logout_redirect_uris": _uris(item, "post_logout_redirect_uris"),
            "scope": Scope.parse(item.get("scope", "")),
            "default_scope": Scope.parse(item.get("default_scope", "")),
            "optional_scope": Scope.parse(item.get("optional_scope", "")),
            "secrets": tuple(_record(ClientSecret, secret) for secret in item.get("secrets", ())),
            # Their defaults are not "none": a client without them registered none.
            "grant_types": tuple(item.get("grant_types", ())),
            "response_types": tuple(item.get("response_types", ())),
        },
    )


def _uris(item: Mapping[str, Any], name: str) -> tuple[RedirectUri, ...]:
    return tuple(map(RedirectUri, _typed(tuple(item.get(name, ())), tuple[str, ...], name)))


def secret_attribute(secret: ClientSecret) -> dict[str, Any]:
    return {name: value for name, value in attributes_of(secret).items() if value not in (None, "")}


def organisation_of(item: Mapping[str, Any]) -> Organisation:
    return _record(Organisation, {**item, "id": item["organisation"]})


def membership_item(membership: Membership) -> Item:
    """The item of a membership; its map of clients is there from the start, so that one of them can be counted."""
    listed = {
        "id": membership_key(membership.organisation, membership.subject),
        "listed_organisation": key_text(membership.organisation),
        "listed_member": key_text(membership.subject),
    }
    return encode_item({**attributes_of(membership), **listed})


def membership_of(item: Mapping[str, Any]) -> Membership:
    return _record(Membership, item)


def invitation_of(item: Mapping[str, Any]) -> Invitation:
    return _record(Invitation, {**item, "id": item["id"].removeprefix("invitation#"), "begun": begun_of(item)})


def approval_of(item: Mapping[str, Any]) -> Approval:
    return _record(
        Approval,
        {
            "entities": frozenset(),
            **item,
            "begun": begun_of(item),
            "scope": Scope.parse(item.get("scope", "")),
            "resource": tuple(item.get("resource", ())),
        },
    )


def catalogue_of(item: Mapping[str, Any]) -> ScopeCatalogue:
    definitions, removed = (map(_definition_of, one) for one in (item["definitions"], item.get("removed", ())))
    return ScopeCatalogue.of(definitions, _typed(item["version"], int, "version"), removed)


def _definition_of(attribute: Mapping[str, Any]) -> ScopeDefinition:
    return _record(ScopeDefinition, {**attribute, "implies": tuple(attribute.get("implies", ()))})


def refusals_of(day: int, item: Mapping[str, Any]) -> tuple[Refusal, ...]:
    """Those of one day; a kind is an error and its reason, with two more attributes of that name and another word."""
    attributes = {name: value for name, value in item.items() if " " in name}
    return tuple(
        _record(
            Refusal,
            {
                "day": day,
                "error": kind[0],
                "reason": kind[1],
                "count": count,
                "last_at": attributes.get(f"{name} last_at"),
                "reference": attributes.get(f"{name} reference"),
            },
        )
        for name, count in attributes.items()
        if len(kind := name.split(" ")) == 2
    )


def theme_of(item: Mapping[str, Any]) -> Theme:
    return _record(Theme, item)


def provider_of(item: Mapping[str, Any]) -> IdentityProvider:
    return _record(
        IdentityProvider,
        {
            **item,
            "id": item["provider"],
            "scope": Scope.parse(item.get("scope", "")),
            "domains": tuple(item.get("domains", ())),
        },
    )


def federation_of(item: Mapping[str, Any]) -> Federation:
    return _record(Federation, {**item, "id": item["pk"].partition("#")[2]})


def link_of(item: Mapping[str, Any]) -> OneTimeLink:
    return _record(OneTimeLink, {**item, "id": item["pk"].partition("#")[2], "begun": begun_of(item)})


def user_of(item: Mapping[str, Any]) -> User:
    return _record(User, {"username": "", "password_hash": "", **item})


def identity_item(identity: Identity) -> Item:
    return encode_item({**attributes_of(identity), "id": identity_key(identity.id)})


def identity_of(item: Mapping[str, Any]) -> Identity:
    return _record(Identity, {**item, "id": item["id"].removeprefix("identity#")})


def initial_access_token_of(item: Mapping[str, Any]) -> InitialAccessToken:
    return _record(InitialAccessToken, {**item, "id": item["pk"].partition("#")[2], "begun": begun_of(item)})


def factors_of(item: Item | None) -> Factors | None:
    """The factors of a user. Some that cannot be read must not be taken for none: a password would be enough."""
    if item is None:
        return None
    found = read(_factors, item)
    if found is None:
        raise TemporarilyUnavailable("The store did not answer", reason="factors_malformed")
    return found


def factors_item(factors: Factors) -> Item:
    return encode_item(
        {
            "id": factors_key(factors.subject),
            "subject": factors.subject,
            "totp": attributes_of(factors.totp) if factors.totp else None,
            "recovery_codes": factors.recovery_codes,
            "passkeys": {passkey_name(one.id): attributes_of(one) for one in factors.passkeys},
            "version": factors.version,
        }
    )


def passkey_name(passkey_id: bytes) -> str:
    """What a passkey is called among its user's: an identifier may be longer than a name of DynamoDB's."""
    return base64url(sha256(base64url(passkey_id)))


def _factors(item: Mapping[str, Any]) -> Factors:
    passkeys = (_record(Passkey, {**one, "transports": tuple(one["transports"])}) for one in item["passkeys"].values())
    return _record(
        Factors,
        {
            **item,
            "totp": _record(Totp, item["totp"]) if "totp" in item else None,
            "passkeys": tuple(sorted(passkeys, key=lambda one: (one.created_at, one.id))),
        },
    )


def authorization_item(authorization: Authorization) -> Item:
    challenge = authorization.code_challenge
    part = part_of(authorization.id)
    return encode_item(
        {
            **attributes_of(authorization),
            "pk": f"authorization#{authorization.id}",
            "id": None,
            "scope": str(authorization.scope),
            "code_challenge": challenge.text if challenge else None,
            "by_administrator": authorization.by_administrator or None,
            "details_requested": authorization.details_requested or None,
            "is_public": authorization.is_public or None,
            "listed_subject": key_text(authorization.subject),
            "listed_client": f"{key_text(authorization.client_id)}#{part}",
            "listed_organisation": f"{key_text(authorization.organisation)}#{part}"
            if authorization.organisation
            else None,
        }
    )


def authorization_of(item: Mapping[str, Any]) -> Authorization:
    challenge = item.get("code_challenge")
    return _record(
        Authorization,
        {
            **item,
            "id": item["pk"].partition("#")[2],
            "begun": begun_of(item),
            "scope": Scope.parse(item.get("scope", "")),
            "resource": tuple(item.get("resource", ())),
            "code_challenge": CodeChallenge.parse(challenge) if challenge else None,
        },
    )


def access_token_of(item: Mapping[str, Any]) -> AccessTokenRecord:
    return _record(
        AccessTokenRecord,
        {
            **item,
            "scope": Scope.parse(item.get("scope", "")),
            "audience": tuple(item.get("audience", ())),
            "begun": begun_of(item),
        },
    )


def request_of(item: Mapping[str, Any]) -> PendingRequest:
    resource = tuple(item.get("resource", ()))
    return _record(PendingRequest, {"parameters": {}, **item, "resource": resource, "begun": begun_of(item)})


def session_of(item: Mapping[str, Any]) -> Session:
    return _record(Session, {"signed_in_for": "", **item, "begun": begun_of(item)})


def activity_of(item: Mapping[str, Any]) -> Activity:
    return _record(Activity, {**item, "id": item["pk"].partition("#")[2]})


def consent_of(item: Mapping[str, Any]) -> Consent:
    scopes = _typed(item.get("scopes", frozenset()), frozenset[str], "scopes")
    declined = _typed(item.get("declined", frozenset()), frozenset[str], "declined")
    return _record(
        Consent,
        {
            **item,
            "scope": Scope.of(sorted(scopes - declined)),
            "declined": Scope.of(sorted(declined)),
            "resource": item.get("resource_indicators", frozenset()),
            "begun": begun_of(item),
        },
    )


ERASURES_OPEN, ERASURES_DONE = "erasure#open", "erasure#done"  # what erasures are listed by


def erasure_item(erasure: Erasure) -> Item:
    """The item of an erasure that is not done."""
    kept = {**attributes_of(erasure), "pk": erasure_key(erasure.subject_key), "created_at": erasure.requested_at}
    return encode_item({**kept, "subject_key": None, "requested_at": None, "listed_subject": ERASURES_OPEN})


def erasure_of(item: Mapping[str, Any]) -> Erasure:
    subject_key = item["pk"].partition("#")[2]
    return _record(Erasure, {**item, "subject_key": subject_key, "requested_at": item["created_at"]})
