"""What of a client's own registration can be in force: RFC 7591 sections 2 and 3.2.1.

Software registers itself with one document at every server, and asks for what some other server has. It is registered
without what it cannot have here, and the answer tells what is in force. Only what a client cannot do without is
refused: where its answers go, how it proves itself, and that there is a grant at all. Operators and partners, who write
a document for this server and read what is wrong with it, hear of each field (`client.objections`).
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, TypeGuard

from pydantic import ValidationError

from authserver.documents import refusals
from authserver.documents.client import (
    GRANTS_WITHOUT_CONSENT,
    MAX_CONTACTS,
    MAX_NAME,
    REDIRECTS,
    ClientMetadata,
    Objection,
    Terms,
    is_an_operators,
    objections,
)
from authserver.scopes import ANYONE, DEFAULT, FOR_OFFLINE_ACCESS, OFFLINE_ACCESS, ScopeCatalogue
from authserver.values import RedirectUri, Scope

# Metadata that only informs, or has a default that every client can live with: dropped where it cannot be used.
DISPENSABLE = frozenset(
    {
        *("client_name", "client_uri", "logo_uri", "policy_uri", "tos_uri", "contacts"),
        *("initiate_login_uri", "settings_uri", "software_id", "software_version", "post_logout_redirect_uris"),
        *("application_type", "subject_type", "preferred_subject_type", "default_max_age", "require_pkce"),
        "parameters_in_query",
        *("id_token_signed_response_alg", "access_token_format", "access_token_lifetime", "refresh_token_lifetime"),
        *("default_scope", "optional_scope", "resources", "token_hook"),
    }
)
LAX = (("require_pkce", False), ("parameters_in_query", True))  # what only operators let a client do
LIFETIMES = ("access_token_lifetime", "refresh_token_lifetime")
# What clients ask for that this server does not do: the answer says so, or leaves it out.
NOT_IN_FORCE: Mapping[str, Any] = {
    "subject_type": "public",
    "dpop_bound_access_tokens": False,
    "require_pushed_authorization_requests": False,
    "tls_client_certificate_bound_access_tokens": False,
}


class Unusable(Exception):
    """What is left of the document is no registration. `faults` are the fields that keep it from being one."""

    def __init__(self, faults: list[Objection]) -> None:
        super().__init__()
        self.faults = faults


def in_force(document: Mapping[str, Any], terms: Terms) -> ClientMetadata:
    """The metadata that a document of a client's own gets it registered with. Raises `Unusable`."""
    known = {name: _in_its_type(value) for name, value in document.items() if name in ClientMetadata.model_fields}
    wanted = {name: value for name, value in known.items() if value not in (None, "")}
    _keep_grants(wanted, terms)
    _keep_scopes(wanted, terms)
    _keep_within_bounds(wanted, terms)
    metadata = _read(wanted)
    faults = list(objections(metadata, terms))
    if faults:
        raise Unusable(faults)
    return metadata


def _in_its_type(value: Any) -> Any:
    """A whole number for what is one: JSON has one sort of numbers (RFC 8259 section 6)."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _keep_grants(wanted: dict[str, Any], terms: Terms) -> None:
    """The grant types that this client may have, and the response types that go with them (RFC 7591 section 2.1).

    Where none is left, those that were asked for stay, to be refused by name.
    """
    asked = wanted.get("grant_types")
    if _are_texts(asked):
        wanted["grant_types"] = _each_once(grant for grant in asked if grant in terms.grant_types) or asked
    grants = wanted.get("grant_types", ["authorization_code"])
    responses = wanted.get("response_types")
    if _are_texts(grants) and _are_texts(responses):
        in_order = (" ".join(sorted(response_type.split(" "))) for response_type in responses)
        kept = _each_once(one for one in in_order if terms.response_types.get(one) in grants)
        owners = {terms.response_types[one] for one in kept}
        for response_type, grant in terms.response_types.items():
            if grant in grants and grant not in owners:
                kept.append(response_type)
                owners.add(grant)
        wanted["response_types"] = kept


def _keep_scopes(wanted: dict[str, Any], terms: Terms) -> None:
    """The scopes that this client may have; those of one that names none, where none is left.

    What is no scope at all stays, to be refused.
    """
    catalogue = terms.catalogue or DEFAULT
    asked = _scope(wanted.get("scope", ""))
    if asked is None:
        return
    kept = _allowed(asked, wanted, terms, catalogue) or _allowed(_default(catalogue), wanted, terms, catalogue)
    wanted["scope"] = str(kept)
    for name in ("default_scope", "optional_scope"):
        part = _scope(wanted.get(name, ""))
        wanted[name] = str((part or Scope()) & kept)
    wanted["optional_scope"] = str(Scope.parse(wanted["optional_scope"]) - Scope(("openid",)))


def _allowed(scope: Scope, wanted: Mapping[str, Any], terms: Terms, catalogue: ScopeCatalogue) -> Scope:
    grants = wanted["grant_types"] if _are_texts(wanted.get("grant_types")) else ()
    held = scope & terms.held_scope
    if {*GRANTS_WITHOUT_CONSENT} & {*grants}:
        return held
    known = Scope(tuple(name for name in scope if catalogue.get(name) and not is_an_operators(name, catalogue)))
    useful = known if "refresh_token" in grants else known - FOR_OFFLINE_ACCESS
    return scope & (held | useful)


def _default(catalogue: ScopeCatalogue) -> Scope:
    """What a client gets that names no scope: all that is advertised, that any user may grant and it may have.

    Not `offline_access`, for which no client has to be registered; nor where people live and their telephone numbers,
    which are for those who ask.
    """
    advertised = (definition for definition in catalogue.definitions if definition.advertised)
    return Scope(
        tuple(
            definition.name
            for definition in advertised
            if definition.grantable_by == ANYONE
            and definition.name not in (OFFLINE_ACCESS, "address", "phone")
            and not is_an_operators(definition.name, catalogue)
        )
    )


def _keep_within_bounds(wanted: dict[str, Any], terms: Terms) -> None:
    """The most that there is for what asks for more, and nothing of what only operators give."""
    if isinstance(wanted.get("client_name"), str):
        wanted["client_name"] = wanted["client_name"].strip()[:MAX_NAME]
    if isinstance(wanted.get("contacts"), list):
        wanted["contacts"] = wanted["contacts"][:MAX_CONTACTS]
    for name in LIFETIMES:
        value, longest = wanted.get(name), getattr(terms, name)
        if isinstance(value, int) and value > longest and not terms.has(name, value):
            wanted[name] = longest
    for name in REDIRECTS:
        uris = wanted.get(name)
        if _are_texts(uris):
            wanted[name] = _each_once(uris)
    uris = wanted.get("post_logout_redirect_uris")
    if _are_texts(uris):
        wanted["post_logout_redirect_uris"] = [uri for uri in uris if is_redirect(uri, terms)]
    if "resources" in wanted and not (
        isinstance(wanted["resources"], list) and terms.has("resources", tuple(wanted["resources"]))
    ):
        del wanted["resources"]
    for name in [name for name, lax in LAX if wanted.get(name) is lax and not terms.has(name, lax)]:
        del wanted[name]
    wanted["token_hook"] = terms.held_hook


def _read(wanted: Mapping[str, Any]) -> ClientMetadata:
    """The document without what is dispensable and cannot be used. Raises `Unusable`."""
    try:
        return ClientMetadata.model_validate_json(json.dumps(wanted))
    except ValidationError as error:
        faults = [(fault["field"], fault["detail"]) for fault in refusals(error)]
        places = [one["loc"] for one in error.errors(include_url=False, include_context=False, include_input=False)]
    decisive = [fault for fault in faults if fault[0].partition(".")[0] not in DISPENSABLE]
    if decisive:
        raise Unusable(decisive)
    return _read(_without(wanted, places))


def _without(wanted: Mapping[str, Any], places: Iterable[tuple[int | str, ...]]) -> dict[str, Any]:
    """The document without the elements of lists, and else the fields, at these places."""
    elements = {place[:2] if isinstance(wanted[str(place[0])], list) else place[:1] for place in places}
    left = {name: value for name, value in wanted.items() if (name,) not in elements}
    for name, value in left.items():
        if isinstance(value, list):
            left[name] = [one for position, one in enumerate(value) if (name, position) not in elements]
    return left


def _scope(text: Any) -> Scope | None:
    """None for what is none."""
    try:
        return Scope.parse(text) if isinstance(text, str) else None
    except ValueError:
        return None


def is_redirect(uri: str, terms: Terms) -> bool:
    """Whether a client may have this redirect URI under these terms."""
    try:
        RedirectUri.parse(uri, terms.redirect_schemes)
    except ValueError:
        return False
    return True


def _are_texts(value: Any) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _each_once(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))
