"""The claims of a user: OpenID Connect Core sections 5.1 and 5.4, and the operator's own claims.

One catalogue: each claim has its source, the scope that asks for it, and the places where it goes. Those of OpenID
Connect are `STANDARD`; the others stand with the scopes that tell them (`scopes.ClaimDefinition`).
"""

from __future__ import annotations

import json
import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from authserver import scopes
from authserver.models.tokens import RESERVED_CLAIMS
from authserver.records import replace
from authserver.scopes import USERINFO

if TYPE_CHECKING:
    from collections.abc import Mapping

    from authserver.models.configuration import IdentityProvider
    from authserver.models.organisations import Membership
    from authserver.models.users import Attribute, User
    from authserver.scopes import ClaimDefinition, ScopeCatalogue
    from authserver.services import Services
    from authserver.values import Scope

# Section 5.4: the claims that each scope asks for.
STANDARD = {
    "profile": (
        *("name", "family_name", "given_name", "middle_name", "nickname", "preferred_username", "profile", "picture"),
        *("website", "gender", "birthdate", "zoneinfo", "locale", "updated_at"),
    ),
    "email": ("email", "email_verified"),
    "address": ("address",),
    "phone": ("phone_number", "phone_number_verified"),
}
SCOPE_OF = {claim: scope for scope, claims in STANDARD.items() for claim in claims}
# Those that are fields of a user; the others are among the attributes.
FIELDS = ("name", "preferred_username", "updated_at", "email", "email_verified")
STANDARD_ATTRIBUTES = tuple(claim for claim in SCOPE_OF if claim not in FIELDS)
# A claim that says something of another, and nothing without it.
VERIFIES = {"email_verified": "email", "phone_number_verified": "phone_number"}


# What the text of a standard attribute, and of one that operators keep, must be.
LINE = r"[^\x00-\x1f\x7f-\x9f]{0,200}"
LINES = r"[^\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f]{0,500}"
WEB = r"(https?://[\x21-\x7e]{1,2000})?"
BIRTHDATE = r"([0-9]{4}(-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01]))?)?"  # the year may be 0000 where it is not told
ZONE = r"[A-Za-z0-9_+/-]{0,64}"
LOCALE = r"([A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8}){0,4})?"
TEXTS = {
    **dict.fromkeys(("given_name", "family_name", "middle_name", "nickname", "gender", "phone_number"), LINE),
    **dict.fromkeys(("profile", "picture", "website"), WEB),
    "birthdate": BIRTHDATE,
    "zoneinfo": ZONE,
    "locale": LOCALE,
}
ADDRESS = dict.fromkeys(("formatted", "street_address", "locality", "region", "postal_code", "country"), LINES)
CLAIM = r"[A-Za-z_][A-Za-z0-9_.:/-]{0,127}"  # what one of an operator's is called
ATTRIBUTE = r"[a-z][a-z0-9_]{0,63}"
OF_ACCOUNTS = ("sub", "username", "status", "operator", "created_at")  # what no attribute is called
MAX_ATTRIBUTES, MAX_VALUES = 50, 100  # of a user; of a list
MAX_STORED = 4096  # octets of JSON, of all attributes of a user
LONGEST_NUMBER = 2**53
NOTHING: Mapping[str, Attribute] = MappingProxyType({})


def claims_of_provider(provider: IdentityProvider) -> dict[str, str]:
    """The claims of a provider that ours are taken from, where operators say so: ours, and the provider's.

    An attribute that operators keep counts everywhere; so the provider of an organisation, whose administrators choose
    what it is, gives none.
    """
    return {ours: theirs for ours, theirs in provider.claims.items() if ours in SCOPE_OF or not provider.organisation}


def fitting(name: str, value: Any) -> Attribute | None:
    """A value from elsewhere as an attribute of this name, if it may be one; what is empty is none."""
    if name in TEXTS:
        return value if _is_text(value, TEXTS[name]) else None
    if name == "phone_number_verified":
        return True if value is True else None
    if name == "address":
        members = value.items() if isinstance(value, dict) else ()
        return {part: text for part, text in members if part in ADDRESS and _is_text(text, ADDRESS[part])} or None
    match value:
        case bool():
            return value
        case int() if abs(value) <= LONGEST_NUMBER:
            return value
        case str() if _is_text(value, LINE):
            return value
        case [_, *_] as texts if len(texts) <= MAX_VALUES and all(_is_text(text, LINE) for text in texts):
            return tuple(texts)
    return None


def _is_text(value: Any, pattern: str) -> bool:
    """Whether it is text that matches, has something in it, and can be written in UTF-8: no half of a surrogate."""
    return isinstance(value, str) and value != "" and re.fullmatch(pattern, value) is not None and is_utf8(value)


def is_utf8(text: str) -> bool:
    """Whether it can be written in UTF-8: it has no half of a surrogate."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def size_of(attributes: Mapping[str, Attribute]) -> int:
    """How much is stored of a user, in octets of JSON; at most `MAX_STORED`."""
    return len(json.dumps(dict(attributes), separators=(",", ":")))


def exceeded(attributes: Mapping[str, Attribute], before: Mapping[str, Attribute] = NOTHING) -> str:
    """What a user has too much of with these attributes, and with more of it than `before`; empty if nothing."""
    own, own_before = attributes.keys() - {*STANDARD_ATTRIBUTES}, before.keys() - {*STANDARD_ATTRIBUTES}
    if len(own) > max(MAX_ATTRIBUTES, len(own_before)):
        return f"attributes: there must be at most {MAX_ATTRIBUTES}"
    if size_of(attributes) > max(MAX_STORED, size_of(before)):
        return f"attributes: all that is kept of a user must have at most {MAX_STORED} octets of JSON"
    return ""


def changed_entries[V](before: Mapping[str, V], after: Mapping[str, V]) -> dict[str, V | None]:
    """What makes the one of the other: entries to set, and None for those that are no more."""
    return {
        name: after.get(name)
        for name in {**before, **after}
        if (name in after) != (name in before) or _is_another(after[name], before[name])
    }


def _is_another(value: Any, before: Any) -> bool:
    return value != before or type(value) is not type(before)  # 1 is True


def in_force(user: User, definitions: tuple[ClaimDefinition, ...], services: Services) -> User:
    """The user without the attributes that their identity providers do not give any more, before claims tell of them.

    What a provider gave counts while that provider is there, has the issuer that it had, and maps the attribute. So
    its deletion takes it from all its users at once. Providers are read, strongly consistent, only where one of these
    claims comes from such an attribute.
    """
    asked = {claim.attribute for claim in definitions} & user.provided.keys()
    if not asked:
        return user
    sources = {name: user.source_of(name) for name in asked}
    names = {source.provider for source in sources.values()}
    providers = {name: services.identity_providers.giving(name) for name in sorted(names)}
    over = {name for name, source in sources.items() if not _gives(providers[source.provider], name, source.epoch)}
    return replace(user, attributes={name: value for name, value in user.attributes.items() if name not in over})


def _gives(provider: IdentityProvider | None, attribute: str, epoch: str) -> bool:
    return provider is not None and provider.epoch == epoch and attribute in claims_of_provider(provider)


def claims_of(user: User, scope: Scope, services: Services, membership: Membership | None = None) -> dict[str, Any]:
    """What the scope tells of the user at userinfo, ``sub`` always; claims without a value are left out.

    `membership` is the user's in the organisation that the token is for.
    """
    definitions = tuple(one for one in services.scopes().claims_told(scope) if USERINFO in one.places)
    own = own_claims(in_force(user, definitions, services), definitions, USERINFO, membership)
    return {"sub": user.sub, **standard_claims(user, scope), **own}


def standard_claims(user: User, scope: Scope) -> dict[str, Any]:
    """The claims of OpenID Connect that the scope asks for and that have a value."""
    known = {
        **{name: user.attributes.get(name, "") for name in STANDARD_ATTRIBUTES},
        "name": user.name,
        "preferred_username": user.username or user.preferred_username,
        "updated_at": user.updated_at or user.created_at or "",
        "email": user.email,
        "email_verified": user.email_verified,
    }
    known |= {name: bool(known[name]) if known[of] else "" for name, of in VERIFIES.items()}
    asked = [name for asking in STANDARD if asking in scope for name in STANDARD[asking]]
    return {name: known[name] for name in asked if known[name] != ""}


def own_claims(
    user: User, definitions: tuple[ClaimDefinition, ...], place: str, membership: Membership | None = None
) -> dict[str, Any]:
    """The operator's claims for this place, of which the user has a value of the right type.

    None that this server says itself: a table is edited past any API.
    """
    told: dict[str, Any] = {}
    for claim in definitions:
        if claim.name in RESERVED_CLAIMS or claim.name in SCOPE_OF:
            continue
        value = _value_of(claim, user, membership)
        if place in claim.places and type_of(value) == claim.type:
            told[claim.name] = list(value) if claim.type == "strings" else value
    return told


def _value_of(claim: ClaimDefinition, user: User, membership: Membership | None) -> Any:
    """Where a claim comes from: an attribute of the user, or their part in an organisation.

    An address that the user has not confirmed is none: a claim of an operator's has no `email_verified` beside it.
    """
    match claim.attribute:
        case "name":
            return user.name or None
        case "email":
            return user.email if user.email_verified else None
        case scopes.GROUPS:
            return tuple(sorted(membership.groups)) if membership and membership.groups else None
        case scopes.ROLE:
            role = membership.role if membership else None
            return (role,) if role and claim.type == "strings" else role
    return user.attributes.get(claim.attribute)


def type_of(value: Any) -> str:
    """The type of an attribute, as the catalogue names it; empty for one that no claim of an operator has."""
    match value:
        case str():
            return "string"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case tuple():
            return "strings"
    return ""


def supported(catalogue: ScopeCatalogue) -> list[str]:
    """Every claim of a user that some place returns, with its name alone (OpenID Connect Discovery section 3)."""
    own = [claim.name for scope in catalogue.telling if scope.advertised for claim in scope.claims]
    return ["sub", *SCOPE_OF, *dict.fromkeys(own)]


def scope_of_claims(names: frozenset[str], catalogue: ScopeCatalogue) -> tuple[str, ...]:
    """The scopes that tell these claims, each once; of a claim that several tell, the first."""
    own = {claim.name: scope.name for scope in reversed(catalogue.telling) for claim in scope.claims}
    found = {**own, **SCOPE_OF}
    return tuple(dict.fromkeys(found[name] for name in sorted(names) if name in found))
