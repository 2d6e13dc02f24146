"""The form of an app: what of its metadata is in it, how it is entered, and what it becomes.

The fields have RFC 7591's names. A form says everything that it has, so what is empty is taken away; what it does not
have is left as it is.
"""

import json
from collections.abc import Mapping
from typing import Any

from authserver.documents.client import Terms, is_an_operators
from authserver.management import Problem
from authserver.marks import N_
from authserver.messages.site import Visit
from authserver.records import dataclass
from authserver.scopes import OFFLINE_ACCESS, ScopeCatalogue, ScopeDefinition
from authserver.services import Services
from authserver.site import Rejected
from authserver.values import Scope

TEXTS = ("client_name", "client_uri", "logo_uri", "policy_uri", "tos_uri", "jwks_uri")
CHOICES = ("token_endpoint_auth_method", "preferred_subject_type")
LINES = ("redirect_uris", "post_logout_redirect_uris", "contacts")
SCOPES = ("scope", "optional_scope")
LIFETIMES = ("access_token_lifetime", "refresh_token_lifetime")
LONGEST = 9  # digits of a lifetime that are read
DEFAULTS: dict[str, Any] = {
    **dict.fromkeys(TEXTS, ""),
    **{key: [] for key in LINES},
    "jwks": None,
    "grant_types": ["authorization_code", "refresh_token"],
    "token_endpoint_auth_method": "client_secret_basic",
    "preferred_subject_type": "user",
    **dict.fromkeys(SCOPES, ""),
    **dict.fromkeys(LIFETIMES),
}

NO_KEY_SET = N_("Enter a JWK set: an object with an array of keys.")
# What the rules say of a document, in words for a developer who fills in a form.
WORDS = {
    "must be an https URL": N_("Enter a full address that begins with https://"),
    "must be an https URL, or a png, webp, gif or jpeg of at most 6 KB as a data: URL": N_(
        "Enter an address that begins with https://, or a picture of at most 6 KB as data:image/png;base64,…"
    ),
    "must be a JWK set: an object with an array of keys": NO_KEY_SET,
    "must not have private or symmetric keys": N_(
        "There is a private key among these. Keep it to yourself, make a new one, and enter the public part alone."
    ),
    "has no key of RSA (2048 bits or more), P-256 or Ed25519 to verify with": N_(
        "There is no key among these that we can use: RSA with 2048 bits or more, P-256 or Ed25519."
    ),
    "must not be given together with jwks_uri": N_("Enter the keys or their address, not both."),
    "or jwks_uri is needed for token_endpoint_auth_method private_key_jwt": N_(
        "An app that signs needs its keys here, or their address."
    ),
    "must not be empty for these grant_types": N_("Enter at least one redirect URI."),
    "must not contain one twice": N_("The same redirect URI is there twice."),
    "optional_scope must be within scope": N_("People can only leave out what the app asks for: choose that, too."),
    "must not have openid, which says what kind of request it is": N_("People cannot leave out openid."),
    "must not be empty": N_("Choose at least one."),
    "refresh_token needs another grant that gives refresh tokens": N_(
        "Refresh tokens come with the authorization code: choose that, too."
    ),
    "has a scope that this server does not know": N_("One of these is not defined here any more."),
    "has a scope that only an operator gives to a client": N_(
        "One of these can be given to your app by the operator of this service alone."
    ),
    "redirect URI must be 1 to 2048 printable ASCII characters": N_(
        "A redirect URI has 1 to 2048 characters, without spaces and without letters beyond ASCII."
    ),
    "redirect URI must not contain wildcards, backslashes, quotes or angle brackets": N_(
        "A redirect URI is compared as it is: no wildcards, backslashes, quotes or angle brackets."
    ),
    "redirect URI must not contain a fragment": N_("A redirect URI has no fragment: leave out the # and what follows."),
    "redirect URI must not contain a parameter of the response, such as code or state": N_(
        "A redirect URI must not have a parameter that the answer has, such as code or state."
    ),
    "redirect URI must not contain user information": N_("A redirect URI must not have a name or password in it."),
    "redirect URI must use https, http on a loopback address, or a private-use scheme "
    "that has a dot or is allowed here": N_(
        "Begin with https://, with http://127.0.0.1 or http://[::1], or with a scheme of your own that has a dot."
    ),
}
WORDS_OF_FIELDS = {
    "contacts": N_("Enter email addresses, one per line."),
    **dict.fromkeys(("grant_types", *CHOICES), N_("Choose from what is offered here.")),
}
TOO_MUCH = N_("This is too long, or these are too many.")
OTHER = N_("This cannot be used. Look at the explanation of the field.")
TOO_LONG = N_("This is longer than this service allows.")
NO_LIFETIME = N_("Enter a number of seconds, or nothing.")
NAME_MISSING = N_("Enter the name that people know your app by.")


@dataclass(frozen=True, slots=True)
class OfferedScope:
    """A scope as the form shows it. `is_open` tells whether the app may have it without an operator's word."""

    definition: ScopeDefinition
    is_open: bool


@dataclass(frozen=True, slots=True)
class Offer:
    """What there is to choose from: grant types, scopes by the heading that people see them under, and how long tokens
    may work at most.
    """

    grant_types: tuple[str, ...]
    scopes: Mapping[str, tuple[OfferedScope, ...]]
    longest: Mapping[str, int]


def offer(terms: Terms, services: Services) -> Offer:
    """What an app may be given by its owner, and what it holds already."""
    longest = {name: getattr(terms, name) for name in LIFETIMES}
    return Offer(terms.grant_types, offered_scopes(services.scopes(), terms.held_scope), longest)


def offered_scopes(catalogue: ScopeCatalogue, held: Scope = Scope()) -> dict[str, tuple[OfferedScope, ...]]:
    """The catalogue by its groups. What only operators give to clients is there if it is advertised, or held;
    `offline_access` if it is held, without a choice in the form."""
    groups: dict[str, tuple[OfferedScope, ...]] = {}
    for definition in catalogue.definitions:
        is_held = definition.name in held
        if definition.name == OFFLINE_ACCESS and not is_held:
            continue
        is_open = is_held or not is_an_operators(definition.name, catalogue)
        if is_open or definition.advertised:
            groups[definition.group] = (*groups.get(definition.group, ()), OfferedScope(definition, is_open))
    return groups


def fields_of(document: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """An app's metadata as a form brings it."""
    stored = {**DEFAULTS, **document}
    return {
        **{name: (stored[name],) for name in (*TEXTS, *CHOICES)},
        **{name: ("\n".join(stored[name]),) for name in LINES},
        "jwks": (json.dumps(stored["jwks"], indent=1) if stored["jwks"] else "",),
        "grant_types": tuple(stored["grant_types"]),
        **{name: Scope.parse(stored[name]).tokens for name in SCOPES},
        **{name: (str(stored[name] or ""),) for name in LIFETIMES},
    }


def entered_document(visit: Visit, held: Scope = Scope()) -> dict[str, Any]:
    """What the form says, as metadata; scopes in the order in which the app holds them. Raises `Rejected`."""
    if not visit.entered("client_name").strip():
        raise Rejected(client_name=NAME_MISSING)
    return {
        **{name: visit.entered(name).strip() for name in TEXTS},
        **{name: visit.entered(name) for name in CHOICES},
        **{name: visit.entered(name).split() for name in LINES},
        "jwks": _key_set(visit),
        "grant_types": list(visit.form.get("grant_types", ())),
        **{name: _chosen(visit.form.get(name, ()), held) for name in SCOPES},
        **{name: _lifetime(name, visit) for name in LIFETIMES},
    }


def _chosen(names: tuple[str, ...], held: Scope) -> str:
    return " ".join(dict.fromkeys((*(name for name in held if name in names), *names)))


def _key_set(visit: Visit) -> Any:
    """Raises `Rejected` on what is no JSON object."""
    text = visit.entered("jwks").strip()
    if not text:
        return None
    try:
        entered = json.loads(text)
    except (ValueError, RecursionError):
        entered = None
    if not isinstance(entered, dict):
        raise Rejected(jwks=NO_KEY_SET)
    return entered


def _lifetime(name: str, visit: Visit) -> int | None:
    """Raises `Rejected` on what is no number."""
    text = visit.entered(name).strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit()) or not int(text[:LONGEST]):
        raise Rejected(**{name: NO_LIFETIME})
    return int(text[:LONGEST])


def changes(current: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    """The merge patch that makes the one of the other: only what differs, so that only that is looked at.

    What a request without a scope asks for must stay within what may be asked for. The response types of grants that
    only operators give stay while their grant does: a form has none.
    """
    stored = {**{name: DEFAULTS[name] for name in (*TEXTS, *LINES, *SCOPES, *LIFETIMES, "jwks")}, **current}
    patch = {name: value for name, value in document.items() if not _same(name, stored.get(name), value)}
    default = Scope.parse(current.get("default_scope", ""))
    if "scope" in patch and not default <= Scope.parse(patch["scope"]):
        patch["default_scope"] = str(default & Scope.parse(patch["scope"]))
    if "implicit" in patch.get("grant_types", ()):
        others = [name for name in current["response_types"] if name != "code"]
        patch["response_types"] = [*(["code"] if "authorization_code" in patch["grant_types"] else []), *others]
    return patch


def in_words(problem: Problem) -> Problem:
    """The same, with sentences for people; what is wrong with a line of a field stays apart from other lines."""
    if isinstance(problem, Rejected):
        return problem  # which has them
    errors = [{"field": one["field"], "detail": _sentence(one["field"], one["detail"])} for one in problem.errors]
    return Problem(problem.status, problem.title, reason=problem.reason, errors=errors)


def _sentence(field: str, detail: str) -> str:
    """Never a document's own words, which are not made for a form and are in no catalogue."""
    if detail in WORDS:
        return WORDS[detail]
    if "should have at most" in detail:
        return TOO_MUCH
    if detail.startswith("must be at most"):
        return TOO_LONG
    return WORDS_OF_FIELDS.get(field.partition(".")[0], OTHER)


def _same(name: str, stored: Any, entered: Any) -> bool:
    if name == "grant_types":
        return set(stored or ()) == set(entered)
    if name == "optional_scope":
        return set(stored.split()) == set(entered.split())
    return bool(stored == entered)
