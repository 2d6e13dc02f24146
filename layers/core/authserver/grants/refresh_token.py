"""The refresh token grant: RFC 6749 section 6, with rotation and reuse detection (RFC 9700 section 4.14.2).

A refresh token is a generation of its authorization. Using the newest makes the next one. Using the one before it,
within the grace window, gives the same next one again: a client that lost our answer, or two of its workers at once,
cost nobody a sign-in. Using any older one is theft until shown otherwise, and revokes.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from authserver.ends import FORGOTTEN_AFTER
from authserver.errors import InvalidGrant, InvalidScope
from authserver.grants import (
    find_own,
    known_resource,
    make_refresh_token,
    narrowed,
    parse_scope,
    respond,
    role_of,
    scope_now,
)
from authserver.scopes import FOR_OFFLINE_ACCESS, OFFLINE_ACCESS, covered
from authserver.storage.tokens import Refused
from authserver.tokens import opaque
from authserver.tokens.keyring import TOKEN_RING
from authserver.tokens.named import named_by
from authserver.values import Scope, base64url

if TYPE_CHECKING:
    from authserver.messages.token import TokenRequest, TokenResponse
    from authserver.models.tokens import Authorization
    from authserver.services import AuthenticatedClient, Named, Services

GRANT_TYPE: str = "refresh_token"
PARAMETERS: tuple[str, ...] = ("refresh_token",)


def named(request: TokenRequest, services: Services) -> Named:
    """The authorization of the refresh token."""
    token = request.parameters.get("refresh_token", "")
    return named_by(opaque.unseal(opaque.REFRESH_TOKEN, token, services.keys.token_keys(TOKEN_RING)))


def issue(request: TokenRequest, client: AuthenticatedClient, services: Services) -> TokenResponse:
    """New tokens for an authorization. Rotation comes last: a request that fails a rule uses nothing up."""
    presented = _refresh_token_of(client)
    known_resource(request.resource, services)
    authorization = find_own(client)
    _require_genuine(presented, authorization)
    scope = _narrowed_scope(request, authorization, scope_now(authorization, client, services), services)
    audience = narrowed(request.resource, authorization.resource, services)
    successor = make_refresh_token(authorization, _generation(presented) + 1, presented.key)
    response = respond(
        client.client,
        authorization,
        scope=scope,
        audience=audience,
        refresh=successor,
        services=services,
        role=role_of(client),
    )
    _rotate(authorization, presented, services)
    return response


# ------------------------------------------------------------------ the rules, in order


def _refresh_token_of(client: AuthenticatedClient) -> opaque.Credential:
    presented: opaque.Credential | None = client.named.credential
    if presented is None:
        raise InvalidGrant("The refresh token is invalid", reason="refresh_garbage")
    return presented


def _require_genuine(presented: opaque.Credential, authorization: Authorization) -> None:
    """The secret is that of this generation: without the record's salt nobody can have made it."""
    secret = opaque.derived_secret(
        "refresh", presented.key, presented.fields["authorization_id"], _generation(presented), authorization.salt
    )
    if not hmac.compare_digest(secret, presented.fields["secret"]):
        raise InvalidGrant("The refresh token is invalid", reason="refresh_not_genuine")


def _narrowed_scope(request: TokenRequest, authorization: Authorization, granted: Scope, services: Services) -> Scope:
    """A subset of what is left of the original grant, or all of it; the successor keeps the original (section 6).

    Some clients send with each refresh what they asked for at first, which may be more than they were granted or than
    may be granted now. They get what is left of it, and are told so (section 3.3). Whoever refreshes has what
    `offline_access` asks for, so where that was not granted it is ignored.
    """
    requested = parse_scope(request.parameters.get("scope", ""))
    if OFFLINE_ACCESS not in granted:
        requested -= FOR_OFFLINE_ACCESS
    left = covered(requested, granted, services.scopes)
    asked_at_first = authorization.scope | authorization.not_granted
    if not requested - left <= asked_at_first or (requested and not left):
        raise InvalidScope("scope exceeds what was granted", reason="scope_exceeds_grant")
    return left or granted


def _rotate(authorization: Authorization, presented: opaque.Credential, services: Services) -> None:
    """The one conditional write that licenses the tokens; or, in the grace window, the one made before.

    Raises `InvalidGrant`.
    """
    now = services.now()
    claim = base64url(services.random(16))
    generation = _generation(presented)
    idle_expires_at = min(now + services.settings.refresh_token_idle_lifetime, authorization.expires_at)
    expired = _expired_revocations(authorization, now)
    try:
        services.tokens.rotate(authorization.id, generation, claim, now, idle_expires_at, expired)
    except Refused as refusal:
        _require_retry(refusal.existing, generation, claim, now, services)


def _require_retry(existing: Authorization | None, generation: int, claim: str, now: int, services: Services) -> None:
    """Tells a retry from a theft by the record as it was when the write was refused. Raises `InvalidGrant`."""
    if existing is None:
        raise InvalidGrant("The refresh token is invalid", reason="authorization_unknown")
    if existing.revoked_at is not None:
        raise InvalidGrant("The refresh token was revoked", reason="refresh_revoked")
    if min(existing.idle_expires_at, existing.expires_at) <= now:
        raise InvalidGrant("The refresh token has expired", reason="refresh_expired")
    is_predecessor = generation == existing.generation - 1
    in_grace = now - existing.rotated_at < services.settings.refresh_token_grace
    if is_predecessor and (in_grace or existing.rotated_by == claim):
        return
    services.revocations.revoke(existing.id, now)
    raise InvalidGrant("The refresh token was used before", reason="refresh_reused")


def _generation(presented: opaque.Credential) -> int:
    return int.from_bytes(presented.fields["generation"], "big")


def _expired_revocations(authorization: Authorization, now: int) -> frozenset[str]:
    """Noted access tokens that have expired by every clock: the write that rotates forgets them as well."""
    over = now - FORGOTTEN_AFTER
    return frozenset(entry for entry in authorization.revoked_access_tokens if int(entry.partition(".")[0]) < over)
