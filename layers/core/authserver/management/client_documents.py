"""Fetches what belongs to clients: metadata documents (draft-ietf-oauth-client-id-metadata-document) and key sets.

Addresses come from strangers. So what is fetched is small and soon there, counted for each origin and for all of them,
and remembered whether it was good or not. What a document says beyond what this server can do is left out; what it must
not say makes it none.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from authserver.documents.client import (
    ClientMetadata,
    Terms,
    is_an_operators,
    objections,
    scope_for_anybody,
)
from authserver.models.clients import PRIVATE_KEY_JWT, TEST, Client
from authserver.models.documents import DAY, MINUTE, RETRY, FetchedDocument
from authserver.ports import Fetched, FetchFailed
from authserver.tokens.foreign import key_set_of
from authserver.values import RedirectUri, Scope, host_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from authserver.messages.documents import DocumentOrder
    from authserver.ports import Fetcher
    from authserver.services import Services

MAX_METADATA = 5 * 1024  # octets: section 6.6
MAX_KEY_SET = 32 * 1024
SECONDS = 5.0  # for all that one order fetches
UNSAID_AGE, LEAST_AGE, LONGEST_AGE = 3600, MINUTE, DAY
# In a minute: of one origin, and of all of them together. What is known already is counted apart from what is new, so
# that whoever makes up addresses keeps nobody from being looked after.
OF_AN_ORIGIN, OF_ALL_NEW, OF_ALL_KNOWN = 30, 300, 600

SECRETS = ("client_secret", "client_secret_expires_at")
SYMMETRIC = ("client_secret_basic", "client_secret_post", "client_secret_jwt")
OURS = (PRIVATE_KEY_JWT, "none")
# Where one of these is not as it should be, the document is none; of the others, what cannot be taken is left out.
NEEDED = ("redirect_uris", "grant_types", "response_types", "token_endpoint_auth_method", "jwks", "jwks_uri")
KEYS = ("jwks", "jwks_uri")
TAKEN = (
    *("client_name", "post_logout_redirect_uris", "client_uri", "logo_uri", "policy_uri", "tos_uri", "contacts"),
    *("software_id", "software_version", "token_endpoint_auth_signing_alg", "id_token_signed_response_alg"),
)


class Unusable(Exception):
    """What was fetched cannot be gone by; `reason` is a tag that its developer is told."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def fetch_document(order: DocumentOrder, services: Services) -> str:
    """Carries out an order; what went wrong, or nothing."""
    fetcher = services.fetcher
    if fetcher is None:
        return "unreachable"
    fetcher = fetcher.within(SECONDS)
    if order.key_set:
        return _fetch_key_set(order.client_id, order.key_set, fetcher, services, anew=order.anew).error
    if not services.settings.admits_document(order.client_id):
        return "not_admitted"
    found = _fetch_metadata(order.client_id, fetcher, services)
    if not found.error and found.client is not None and found.client.jwks_uri:
        _fetch_key_set(order.client_id, found.client.jwks_uri, fetcher, services)
    return found.error


def _fetch_metadata(client_id: str, fetcher: Fetcher, services: Services) -> FetchedDocument:
    before = services.documents.find(client_id)

    def taken(document: FetchedDocument, fetched: Fetched) -> FetchedDocument:
        return replace(document, client=client_of_document(client_id, fetched.document, services))

    return _fetch(before, FetchedDocument(client_id, client_id), MAX_METADATA, taken, fetcher, services)


def _fetch_key_set(
    client_id: str, uri: str, fetcher: Fetcher, services: Services, *, anew: bool = False
) -> FetchedDocument:
    before = services.documents.key_set(client_id)
    if before is not None and before.uri != uri:
        before = None
    if before is not None and anew and services.now() >= before.checked_at + RETRY:
        before = replace(before, fresh_until=min(before.fresh_until, services.now()))

    def taken(document: FetchedDocument, fetched: Fetched) -> FetchedDocument:
        try:
            keys = key_set_of(fetched.document)
        except ValueError:
            raise Unusable("key_set") from None
        return replace(document, jwks=_text({"keys": keys}))

    return _fetch(before, FetchedDocument(client_id, uri), MAX_KEY_SET, taken, fetcher, services)


def _fetch(
    before: FetchedDocument | None,
    blank: FetchedDocument,
    most: int,
    taken: Callable[[FetchedDocument, Fetched], FetchedDocument],
    fetcher: Fetcher,
    services: Services,
) -> FetchedDocument:
    """What there is after an attempt, which is kept unless none was made."""
    now = services.now()
    if before is not None and before.is_current(now):
        return before
    if not _within_budget(blank.uri, services, is_known=before is not None and before.is_there):
        return replace(before or blank, error="budget")
    kept = services.settings.refresh_token_lifetime + DAY
    try:
        fetched = fetcher.get_dated(blank.uri, most=most)
        made = taken(blank, fetched)
    except FetchFailed as failure:
        after = _failed(before or blank, _error_of(failure), now, kept)
    except Unusable as unusable:
        after = _failed(before or blank, unusable.reason, now, kept)
    else:
        age = UNSAID_AGE if fetched.max_age is None else fetched.max_age
        after = replace(
            made,
            fetched_at=now,
            checked_at=now,
            fresh_until=now + min(max(age, LEAST_AGE), LONGEST_AGE),
            created_at=(before.created_at if before else 0) or now,
            expires_at=now + kept,
        )
    services.documents.put(after)
    return after


def _failed(document: FetchedDocument, error: str, now: int, kept: int) -> FetchedDocument:
    """What was good once is kept with the error, what never was for as long as somebody may look for the reason."""
    expires_at = document.expires_at if document.is_there else now + DAY
    return replace(document, error=error, checked_at=now, expires_at=min(expires_at, now + kept))


def _error_of(failure: FetchFailed) -> str:
    """`down` where the origin says that it cannot answer now (RFC 9110 section 15.6, RFC 6585 section 4)."""
    is_down = failure.reason == "status" and (failure.status >= 500 or failure.status == 429)
    return "down" if is_down else failure.reason


def _within_budget(uri: str, services: Services, *, is_known: bool) -> bool:
    """Counts an attempt, at its origin first: one that has used up its own takes nothing of what is for all."""
    parts = urlsplit(uri)
    kind, most = ("known", OF_ALL_KNOWN) if is_known else ("new", OF_ALL_NEW)
    origin = f"{parts.scheme}://{parts.netloc}"
    return _counts(f"documents\x00{kind}\x00{origin}", OF_AN_ORIGIN, services) and _counts(
        f"documents\x00{kind}", most, services
    )


def _counts(name: str, most: int, services: Services) -> bool:
    begins = services.now() // MINUTE * MINUTE
    return services.counters.count(name, begins, 1, begins + 2 * MINUTE) <= most


# ------------------------------------------------------------------ what a document makes


def client_of_document(client_id: str, document: Mapping[str, Any], services: Services) -> Client:
    """The client that a metadata document describes: one that nobody has verified, by the terms of anybody.

    Grant types, response types, scopes and ways to authenticate that are not for it are left out (section 4.1 of the
    draft). Raises `Unusable`.
    """
    if document.get("client_id") != client_id:
        raise Unusable("client_id")
    if any(document.get(name) is not None for name in SECRETS):
        raise Unusable("client_secret")
    terms = Terms.for_anybody(services)
    metadata = _metadata({**_taken(document), **_within(document, terms, services)}, terms)
    _require_admitted(metadata.jwks_uri, services)
    blank = Client(client_id=client_id, client_name="", verification=TEST)
    client = metadata.applied_to(blank)
    return client if metadata.client_name else replace(client, client_name=host_of(client_id))


def _taken(document: Mapping[str, Any]) -> dict[str, Any]:
    """What is taken as it is. A picture in the document itself would make each read of it a long one."""
    found = {name: document[name] for name in TAKEN if document.get(name) is not None}
    return {name: value for name, value in found.items() if not str(value).startswith("data:")}


def _within(document: Mapping[str, Any], terms: Terms, services: Services) -> dict[str, Any]:
    """What of the document this server can do for it."""
    method = _method(document, terms)
    grants = [one for one in _texts(document, "grant_types", ["authorization_code"]) if one in terms.grant_types]
    if "authorization_code" not in grants:
        raise Unusable("grant_types")
    owners = terms.response_types
    responses = [one for one in _texts(document, "response_types", ["code"]) if owners.get(one) in grants]
    if "code" not in responses:
        raise Unusable("response_types")
    keys = {name: document[name] for name in KEYS if document.get(name) is not None} if method != "none" else {}
    return {
        **keys,
        "token_endpoint_auth_method": method,
        "grant_types": grants,
        "response_types": responses,
        "redirect_uris": [one for one in _texts(document, "redirect_uris", []) if _is_redirect(one)],
        "scope": str(_scope(document, services)),
    }


def _method(document: Mapping[str, Any], terms: Terms) -> str:
    """How it authenticates: by its keys, or not at all; never by a secret that both sides know."""
    method = document.get("token_endpoint_auth_method", "none")
    if method in SYMMETRIC:
        raise Unusable("client_secret")
    return method if method in OURS and method in terms.auth_methods else "none"


def _texts(document: Mapping[str, Any], name: str, default: list[str]) -> list[str]:
    named = document.get(name, default)
    if not isinstance(named, list):
        raise Unusable(name)
    return list(dict.fromkeys(one for one in named if isinstance(one, str)))


def _is_redirect(text: str) -> bool:
    try:
        RedirectUri.parse(text)
    except ValueError:
        return False
    return True


def _scope(document: Mapping[str, Any], services: Services) -> Scope:
    """What of its scope it may have, or without one what anybody may."""
    catalogue = services.scopes()
    named = document.get("scope")
    try:
        asked = Scope.parse(named) if isinstance(named, str) else Scope()
    except ValueError:
        asked = Scope()
    allowed = Scope.of(one for one in asked if catalogue.get(one) is not None and not is_an_operators(one, catalogue))
    return allowed or scope_for_anybody(catalogue)


def _metadata(document: dict[str, Any], terms: Terms) -> ClientMetadata:
    """The document by the rules of registration, without what is not needed and not right."""
    while True:
        try:
            metadata = ClientMetadata.model_validate_json(json.dumps(document))
        except ValidationError as error:
            wrong = {str(one["loc"][0]) for one in error.errors() if one["loc"]}
        else:
            wrong = {name.partition(".")[0] for name, _ in objections(metadata, terms)}
        if not wrong:
            return metadata
        fatal = sorted(wrong - (document.keys() - {*NEEDED}))
        if fatal or not wrong & document.keys():
            raise Unusable((fatal or sorted(wrong))[0])
        document = {name: value for name, value in document.items() if name not in wrong}


def _require_admitted(jwks_uri: str, services: Services) -> None:
    """Where documents are taken from some hosts alone, so are keys."""
    settings = services.settings
    if jwks_uri and not settings.admits_host(jwks_uri):
        raise Unusable("jwks_uri")


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":"))
