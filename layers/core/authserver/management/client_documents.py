"""Fetches what belongs to clients: metadata documents (draft-ietf-oauth-client-id-metadata-document) and key sets.

Addresses come from strangers. So what is fetched is small and soon there, counted for each origin and for all of them,
and remembered whether it was good or not. What a document says beyond what this server can do is left out; what it must
not say makes it none.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from authserver.documents.client import Terms
from authserver.documents.in_force import Unusable as NotInForce
from authserver.documents.in_force import in_force, is_redirect
from authserver.identity.throttle import network_of
from authserver.models.clients import DEVICE_CODE, PRIVATE_KEY_JWT, TEST, Client
from authserver.models.documents import BUDGET, CONTENDED, DAY, MINUTE, OUTAGES, RETRY, FetchedDocument
from authserver.ports import FetchFailed
from authserver.tokens.foreign import key_set_of
from authserver.values import host_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from authserver.messages.documents import DocumentOrder
    from authserver.ports import Fetcher
    from authserver.services import Services

MAX_METADATA = 5 * 1024  # octets: section 6.6
MAX_KEY_SET = 32 * 1024
SECONDS = 3.0  # for all that one order fetches; a request may make two, for a document and for keys
UNSAID_AGE, LEAST_AGE, LONGEST_AGE = 3600, MINUTE, DAY
# In a minute: for one network, of one host, and in all. What strangers can have fetched is counted, each kind apart:
# what is new, the first keys of registered clients, and keys anew. What is known is fetched when it is due, once a
# minute at most, whatever was counted: so no load keeps us from learning that something was taken away.
FOR_A_NETWORK, OF_A_HOST, IN_ALL = 15, 30, 300

SECRETS = ("client_secret", "client_secret_expires_at")
BY_CERTIFICATE = ("tls_client_auth", "self_signed_tls_client_auth")  # RFC 8705 section 2
KEYS = ("jwks", "jwks_uri", "token_endpoint_auth_signing_alg")


class Unusable(Exception):
    """What was fetched cannot be gone by; `reason` is a tag for its developer."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def fetch_document(order: DocumentOrder, services: Services) -> str:
    """Carries out an order; what went wrong, or nothing."""
    fetcher = services.fetcher
    if fetcher is None:
        return "unreachable"
    fetcher = fetcher.within(SECONDS)
    is_documented = services.settings.admits_document(order.client_id)
    if order.key_set:
        return _fetch_key_set(order, "new" if is_documented else "keys", fetcher, services).error
    if not is_documented:
        return "not_admitted"
    found = _fetch_metadata(order, fetcher, services)
    if not found.error and found.client is not None and found.client.jwks_uri:
        # For one order, its network is counted once.
        _fetch_key_set(replace(order, key_set=found.client.jwks_uri, source=""), "new", fetcher, services)
    return found.error


def _fetch_metadata(order: DocumentOrder, fetcher: Fetcher, services: Services) -> FetchedDocument:
    client_id = order.client_id
    stored = services.documents.find(client_id)

    def get(blank: FetchedDocument) -> tuple[FetchedDocument, int | None]:
        fetched = fetcher.get_dated(client_id, most=MAX_METADATA)
        client = client_of_document(client_id, fetched.document, services)
        return replace(blank, client=client), fetched.max_age

    return _fetch(stored, FetchedDocument(client_id, client_id), order, "new", get, services)


def _fetch_key_set(order: DocumentOrder, kind: str, fetcher: Fetcher, services: Services) -> FetchedDocument:
    stored = services.documents.key_set(order.client_id)

    def get(blank: FetchedDocument) -> tuple[FetchedDocument, int | None]:
        fetched = fetcher.get_dated(blank.uri, most=MAX_KEY_SET, filed=True)
        try:
            keys = key_set_of(fetched.document)
        except ValueError:
            raise Unusable("key_set") from None
        return replace(blank, jwks=_text({"keys": keys})), fetched.max_age

    return _fetch(stored, FetchedDocument(order.client_id, order.key_set), order, kind, get, services)


def _fetch(
    stored: FetchedDocument | None,
    blank: FetchedDocument,
    order: DocumentOrder,
    kind: str,
    get: Callable[[FetchedDocument], tuple[FetchedDocument, int | None]],
    services: Services,
) -> FetchedDocument:
    """What there is after an attempt, which is kept unless none was made, or another was quicker.

    `kind` is what it counts as if it is not known yet; `get` fills the blank and tells for how long it is fresh.
    """
    now = services.now()
    before = stored if stored is not None and stored.uri == blank.uri else None
    if before is not None and before.is_current(now):
        if not order.anew or now < before.checked_at + RETRY:
            return before
        kind = "anew"
    is_due = before is not None and before.is_there and kind != "anew"
    if not is_due and not _within_budget(kind, blank.uri, order.source, services):
        return replace(before or blank, error=BUDGET)
    kept = services.settings.refresh_token_lifetime + DAY
    try:
        made, max_age = get(blank)
    except FetchFailed as failure:
        after = _failed(before or blank, _error_of(failure), now, kept)
    except Unusable as unusable:
        after = _failed(before or blank, unusable.reason, now, kept)
    else:
        age = UNSAID_AGE if max_age is None else max_age
        after = replace(
            made,
            fetched_at=now,
            checked_at=now,
            fresh_until=now + min(max(age, LEAST_AGE), LONGEST_AGE),
            created_at=(before.created_at if before else 0) or now,
            expires_at=now + kept,
        )
    if services.documents.put(after, stored):
        return after
    # Another read later than we did and kept what it got: that is the newer one.
    return replace(after, error=CONTENDED)


def _failed(document: FetchedDocument, error: str, now: int, kept: int) -> FetchedDocument:
    """What was good once is kept with the error, what never was, for as long as a developer may look for the reason.

    What was refused stays so while the document cannot be fetched: an outage is no answer. What is still fresh was
    fetched anew since a caller named a key that is not in it, which strangers can do as well: it stays what it is until
    its time.
    """
    if not document.error and document.is_usable(now):
        return replace(document, checked_at=now)
    if document.is_refused and error in OUTAGES:
        error = document.error
    expires_at = document.expires_at if document.is_there else now + DAY
    return replace(document, error=error, checked_at=now, expires_at=min(expires_at, now + kept))


def _error_of(failure: FetchFailed) -> str:
    """`down` where the origin says that it cannot answer now (RFC 9110 section 15.6, RFC 6585 section 4)."""
    is_down = failure.reason == "status" and (failure.status >= 500 or failure.status == 429)
    return "down" if is_down else failure.reason


def _within_budget(kind: str, uri: str, source: str, services: Services) -> bool:
    """Counts an attempt, where the fewest share first: a source that has used up its own takes nothing of what others
    have."""
    bounds = [(f"host\x00{host_of(uri)}", OF_A_HOST), ("all", IN_ALL)]
    if source:
        bounds.insert(0, (f"network\x00{network_of(source)}", FOR_A_NETWORK))
    return all(_counts(f"documents\x00{kind}\x00{name}", most, services) for name, most in bounds)


def _counts(name: str, most: int, services: Services) -> bool:
    begins = services.now() // MINUTE * MINUTE
    return services.counters.count(name, begins, 1, begins + 2 * MINUTE) <= most


# ------------------------------------------------------------------ what a document makes


def client_of_document(client_id: str, document: Mapping[str, Any], services: Services) -> Client:
    """The client that a metadata document describes: an unverified one, by the terms of open registration.

    What is not for it is left out as where a client registers itself, and ways to authenticate and redirect URIs
    likewise (section 4.1 of the draft). Raises `Unusable`.
    """
    if document.get("client_id") != client_id:
        raise Unusable("client_id")
    if any(document.get(name) is not None for name in SECRETS):
        raise Unusable("client_secret")
    terms = Terms.for_anybody(services)
    # A device has nothing by which its user could tell whose document it is: its grant is for registered clients.
    terms = replace(terms, grant_types=tuple(grant for grant in terms.grant_types if grant != DEVICE_CODE))
    try:
        metadata = in_force(_within(document, terms), terms)
    except NotInForce as unusable:
        raise Unusable(unusable.faults[0][0].partition(".")[0]) from None
    if "authorization_code" not in metadata.grant_types:
        raise Unusable("grant_types")
    is_elsewhere = metadata.jwks_uri != client_id  # a document is no key set
    if metadata.jwks_uri and not (is_elsewhere and services.settings.admits_host(metadata.jwks_uri)):
        raise Unusable("jwks_uri")
    client = metadata.applied_to(Client(client_id=client_id, client_name="", verification=TEST))
    return client if metadata.client_name else replace(client, client_name=host_of(client_id))


def _within(document: Mapping[str, Any], terms: Terms) -> dict[str, Any]:
    """The document with a way to authenticate that there is, without keys that are not needed, redirect URIs that no
    browser may use, and a picture in itself, which would make each read of it a long one."""
    method = _method(document, terms)
    without = set() if method == PRIVATE_KEY_JWT else {*KEYS}
    if str(document.get("logo_uri")).startswith("data:"):
        without.add("logo_uri")
    kept = {name: value for name, value in document.items() if name not in without}
    uris = document.get("redirect_uris")
    if isinstance(uris, list):
        kept["redirect_uris"] = [uri for uri in uris if isinstance(uri, str) and is_redirect(uri, terms)]
    return {**kept, "token_endpoint_auth_method": method}


def _method(document: Mapping[str, Any], terms: Terms) -> str:
    """How it authenticates: by its keys, or not at all; never by a secret that both sides know.

    One that says that it proves who it is, in a way that there is not here, is not let in without any.
    """
    method = document.get("token_endpoint_auth_method")
    if not isinstance(method, str | None):
        raise Unusable("token_endpoint_auth_method")
    if method is not None and method.startswith("client_secret_"):
        raise Unusable("client_secret")
    if method in BY_CERTIFICATE or (method == PRIVATE_KEY_JWT and method not in terms.auth_methods):
        raise Unusable("token_endpoint_auth_method")
    return PRIVATE_KEY_JWT if method == PRIVATE_KEY_JWT else "none"


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":"))
