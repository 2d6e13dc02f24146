"""Items and records: how each model is written into an item, and read out of one that may be malformed."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import cache
from types import UnionType
from typing import Any, cast, get_args, get_origin, get_type_hints

from authserver.aws.table import Item, decode, decode_item, encode_item
from authserver.errors import TemporarilyUnavailable
from authserver.models import (
    AccessTokenRecord,
    Activity,
    Approval,
    Authorization,
    Client,
    ClientSecret,
    Consent,
    Factors,
    Federation,
    IdentityProvider,
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

logger = logging.getLogger(__name__)

FOREVER = 2**53


def key_text(text: str) -> str:
    """What stands for an identifier of a subject, client or organisation in a key."""
    return base64url(key_of(text))


def cutoff_keys(subject_key: str, client_key: str, organisation_key: str) -> tuple[str, ...]:
    """The keys of every cutoff that touches a token."""
    keys = (
        f"cutoff#subject#{subject_key}",
        f"cutoff#client#{client_key}",
        f"cutoff#grant#{subject_key}{client_key}",
    )
    if not organisation_key:
        return keys
    return (
        *keys,
        f"cutoff#organisation#{organisation_key}",
        f"cutoff#member#{organisation_key}{subject_key}",
        f"cutoff#installation#{organisation_key}{client_key}",
    )


def cutoff_key(subject: str | None, client_id: str | None, organisation: str | None) -> str:
    """The key of the cutoff of one of the three, or of two of them. Raises `ValueError` on none and on all."""
    given = {
        name: key_text(value)
        for name, value in (("organisation", organisation), ("subject", subject), ("client", client_id))
        if value is not None
    }
    kinds = {
        ("subject",): "subject",
        ("client",): "client",
        ("organisation",): "organisation",
        ("subject", "client"): "grant",
        ("organisation", "subject"): "member",
        ("organisation", "client"): "installation",
    }
    kind = kinds.get(tuple(given))
    if kind is None:
        raise ValueError("a cutoff is of one or two of subject, client and organisation")
    return f"cutoff#{kind}#{''.join(given.values())}"


def factors_key(sub: str) -> str:
    return f"factors#{key_text(sub)}"


def login_key(username: str) -> str:
    return f"login#{base64url(sha256(normalised_username(username)))}"


def identity_key(issuer: str, subject: str) -> str:
    return f"identity#{base64url(sha256(f'{issuer}\x00{subject}'))}"


def read[R](convert: Callable[[Mapping[str, Any]], R], item: Item | None) -> R | None:
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


def not_before_of(item: Item) -> int:
    """The time of a cutoff. One that cannot be read must not be taken for none."""
    return FOREVER if "suspended" in item else _cutoff_time(item, "not_before")


def sessions_not_before_of(item: Item) -> int:
    """The same for sessions, which may have ended by themselves since."""
    own = _cutoff_time(item, "sessions_not_before") if "sessions_not_before" in item else 0
    return max(not_before_of(item), own)


def _cutoff_time(item: Item, name: str) -> int:
    try:
        return int(_typed(decode(item[name]), int, name))
    except (KeyError, TypeError, ValueError):
        raise TemporarilyUnavailable("The store did not answer", reason="cutoff_malformed") from None


def attributes_of(record: Any) -> dict[str, Any]:
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


def membership_of(item: Mapping[str, Any]) -> Membership:
    return _record(Membership, item)


def invitation_of(item: Mapping[str, Any]) -> Invitation:
    return _record(Invitation, {**item, "id": item["id"].removeprefix("invitation#")})


def approval_of(item: Mapping[str, Any]) -> Approval:
    return _record(
        Approval,
        {
            "entities": frozenset(),
            **item,
            "scope": Scope.parse(item.get("scope", "")),
            "resource": tuple(item.get("resource", ())),
        },
    )


def catalogue_of(item: Mapping[str, Any]) -> ScopeCatalogue:
    definitions = (
        _record(ScopeDefinition, {**definition, "implies": tuple(definition.get("implies", ()))})
        for definition in item["definitions"]
    )
    return ScopeCatalogue.of(definitions, _typed(item["version"], int, "version"))


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
    return _record(OneTimeLink, {**item, "id": item["pk"].partition("#")[2]})


def user_of(item: Mapping[str, Any]) -> User:
    return _record(User, {"username": "", "password_hash": "", **item})


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
    return encode_item(
        {
            **attributes_of(authorization),
            "pk": f"authorization#{authorization.id}",
            "id": None,
            "scope": str(authorization.scope),
            "code_challenge": challenge.text if challenge else None,
            "by_administrator": authorization.by_administrator or None,
            "details_requested": authorization.details_requested or None,
            "listed_subject": key_text(authorization.subject),
            "listed_client": key_text(authorization.client_id),
            "listed_organisation": key_text(authorization.organisation) if authorization.organisation else None,
        }
    )


def authorization_of(item: Mapping[str, Any]) -> Authorization:
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


def access_token_of(item: Mapping[str, Any]) -> AccessTokenRecord:
    return _record(
        AccessTokenRecord,
        {**item, "scope": Scope.parse(item.get("scope", "")), "audience": tuple(item.get("audience", ()))},
    )


def request_of(item: Mapping[str, Any]) -> PendingRequest:
    return _record(PendingRequest, {"parameters": {}, **item, "resource": tuple(item.get("resource", ()))})


def session_of(item: Mapping[str, Any]) -> Session:
    return _record(Session, {"signed_in_for": "", **item})


def activity_of(item: Mapping[str, Any]) -> Activity:
    return _record(Activity, {**item, "id": item["pk"].partition("#")[2]})


def consent_of(item: Mapping[str, Any]) -> Consent:
    scopes = _typed(item.get("scopes", frozenset()), frozenset[str], "scopes")
    declined = _typed(item.get("declined", frozenset()), frozenset[str], "declined")
    return _record(
        Consent,
        {
            "scope": Scope.of(sorted(scopes - declined)),
            "declined": Scope.of(sorted(declined)),
            "resource": item.get("resource_indicators", frozenset()),
            "registered_at": item.get("registered_at", 0),
            "expires_at": item["expires_at"],
        },
    )
