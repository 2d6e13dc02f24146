"""An assertion that the client signed with its own key: RFC 7521 section 4.2, RFC 7523 section 2.2, OpenID Connect Core
section 9."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from authserver.ends import FORGOTTEN_AFTER
from authserver.errors import InvalidClient, InvalidRequest
from authserver.messages.token import ClientRequest, PresentedSecret
from authserver.values import Secret, base64url, from_base64url, read_json, sha256

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from authserver.models.clients import Client
    from authserver.services import Services

METHOD: str = "private_key_jwt"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def presented(request: ClientRequest) -> PresentedSecret | None:
    assertion = request.parameters.get("client_assertion")
    kind = request.parameters.get("client_assertion_type")
    if assertion is None and kind is None:
        return None
    if assertion is None or kind is None:
        raise InvalidRequest("client_assertion and client_assertion_type come together", reason="assertion_incomplete")
    if kind != ASSERTION_TYPE:
        raise InvalidClient("client_assertion_type is not supported", reason="assertion_type")
    return PresentedSecret(_subject_of(assertion), Secret(assertion), request.source)


def verify(client: Client, presented: PresentedSecret, services: Services) -> bool:
    """Whether the client's key signed the assertion for this server, and the assertion was not used before.

    False for an unknown client and for a client without keys that could authenticate it: no keys are looked for. Raises
    `InvalidClient` with the reason for a client that has keys.
    """
    if presented.secret is None or not _has_keys(client, services):
        return False
    from authserver.tokens.client_assertion import NotAToken

    try:
        identifier, expires_at = _verified(presented.secret.reveal(), presented.source, client, services)
    except NotAToken as refusal:
        raise InvalidClient("Client authentication failed", reason=f"assertion_{refusal.reason}") from None
    if not services.counters.spend(_mark(client, identifier), services.claim(), expires_at + FORGOTTEN_AFTER):
        raise InvalidClient("Client authentication failed", reason="assertion_used")
    return True


def _has_keys(client: Client, services: Services) -> bool:
    """Whether the client has keys to look for. A client that is blocked, or registered for another method, has none."""
    is_there = client.is_active and not client.is_expired(services.now())
    return is_there and client.token_endpoint_auth_method == METHOD and bool(client.jwks or client.jwks_uri)


def _verified(assertion: str, source: str, client: Client, services: Services) -> tuple[str, int]:
    """The assertion's identifier, and its expiry in epoch seconds. Raises `NotAToken`.

    If no key fits and the client has a `jwks_uri`, new keys are fetched from there, at most once a minute.
    """
    from authserver.tokens.client_assertion import Expected, UnknownKey, verify_assertion

    issuer, now = services.settings.issuer, services.now()
    expected = Expected(client.client_id, (issuer, f"{issuer}/token"), client.token_endpoint_auth_signing_alg)
    if client.jwks:
        return verify_assertion(assertion, _keys(client.jwks), expected, now)
    from authserver.identity.key_sets import key_set

    try:
        return verify_assertion(assertion, _keys(key_set(client, source, services)), expected, now)
    except UnknownKey:
        return verify_assertion(assertion, _keys(key_set(client, source, services, anew=True)), expected, now)


def _keys(text: str) -> Sequence[Mapping[str, Any]]:
    keys: Sequence[Mapping[str, Any]] = json.loads(text)["keys"]
    return keys


def _subject_of(assertion: str) -> str:
    """The client identifier that the assertion claims. Nothing is verified yet."""
    try:
        _, content, _ = assertion.split(".")
        claims = read_json(from_base64url(content))
        subject = claims["sub"]
    except (ValueError, KeyError, TypeError, RecursionError):
        subject = None
    if not isinstance(subject, str) or not subject:
        raise InvalidClient("client_assertion is not well-formed", reason="assertion_malformed")
    return subject


def _mark(client: Client, identifier: str) -> str:
    """The name of the mark that an assertion was used. Identifiers of two clients cannot collide."""
    return base64url(sha256(f"{client.client_id}\x00{identifier}"))
