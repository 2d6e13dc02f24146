"""The refresh token grant: RFC 6749 section 6, with rotation and reuse detection (RFC 9700 section 4.14.2).

A refresh token is a generation of its authorization. Using the newest makes the next one. Using the one before it,
within the grace period, returns the same next one again, so that a client that lost the answer, or two of its workers
at once, need no new sign-in. Using any older one counts as theft and revokes the authorization.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from authserver.ends import FORGOTTEN_AFTER
from authserver.errors import InvalidGrant, InvalidScope
from authserver.grants import (
    as_redeemed,
    find_own,
    known_resource,
    make_refresh_token,
    may_refresh,
    narrowed,
    parse_scope,
    respond,
    revoke_for,
    scope_now,
)
from authserver.scopes import FOR_OFFLINE_ACCESS, OFFLINE_ACCESS, covered
from authserver.storage.tokens import AlreadyExists, Refused
from authserver.tokens import opaque
from authserver.tokens.keyring import TOKEN_RING
from authserver.tokens.named import named_by
from authserver.values import Scope, base64url, sha256

if TYPE_CHECKING:
    from authserver.identity.bridge import Brought
    from authserver.messages.token import TokenRequest, TokenResponse
    from authserver.models.tokens import Authorization
    from authserver.services import AuthenticatedClient, Named, Services

GRANT_TYPE: str = "refresh_token"
PARAMETERS: tuple[str, ...] = ("refresh_token",)
OF_A_TRADE = ("client_id", "subject", "organisation", "entities", "scope", "resource", "begun")


def named(request: TokenRequest, services: Services) -> Named:
    """The authorization of the refresh token."""
    token = request.parameters.get("refresh_token", "")
    credential = opaque.unseal(opaque.REFRESH_TOKEN, token, services.keys.token_keys(TOKEN_RING))
    if credential is None and services.bridge is not None:
        from authserver.identity.bridge import named_by_foreign  # for as long as people move

        return named_by_foreign(token, services.bridge, services)
    return named_by(credential)


def issue(request: TokenRequest, client: AuthenticatedClient, services: Services) -> TokenResponse:
    """New tokens for an authorization. Rotation comes last, so that a request that fails a rule uses nothing up."""
    presented: opaque.Credential | None = client.named.credential
    if presented is None:
        return _issue_over_bridge(request, client, services)
    known_resource(request.resource, services)
    authorization = find_own(client)
    _require_genuine(presented, authorization)
    scope = _narrowed_scope(request, authorization, scope_now(authorization, client, services), services)
    audience = narrowed(request.resource, authorization.resource, services)
    successor = make_refresh_token(authorization, _generation(presented) + 1, presented.key)
    response = respond(
        request.grant_type,
        client.client,
        authorization,
        scope=scope,
        audience=audience,
        refresh=successor,
        services=services,
        membership=client.standing.ends.membership,
    )
    _rotate(authorization, presented, services)
    return response


def _issue_over_bridge(request: TokenRequest, client: AuthenticatedClient, services: Services) -> TokenResponse:
    """The first tokens for a refresh token that another system made, made before the write that licenses them.

    From then on the foreign token is the generation before the first, and the usual rules distinguish a retry from a
    theft. The second of two simultaneous requests gets tokens of the same authorization.
    """
    if services.bridge is None:
        raise InvalidGrant("The refresh token is invalid", reason="refresh_garbage")
    from authserver.identity.bridge import bring

    token = request.parameters["refresh_token"]
    brought = bring(token, client.client, request.source, services.bridge, services)
    if not may_refresh(client.client, brought.present, services):
        raise InvalidGrant("The refresh token is invalid", reason="bridge_without_offline_access")
    authorization = as_redeemed(brought.authorization, client.client, services)
    response = _first_tokens(request, client, authorization, brought, services)
    try:
        services.tokens.trade(sha256(token), authorization)
    except AlreadyExists as conflict:
        existing = conflict.existing
        if existing is not None and existing.id == authorization.id:
            return response
        return _first_tokens(request, client, _traded_at_once(existing, authorization, services), brought, services)
    return response


def _first_tokens(
    request: TokenRequest,
    client: AuthenticatedClient,
    authorization: Authorization,
    brought: Brought,
    services: Services,
) -> TokenResponse:
    return respond(
        request.grant_type,
        client.client,
        authorization,
        scope=_narrowed_scope(request, authorization, brought.present, services),
        audience=narrowed(request.resource, authorization.resource, services),
        refresh=make_refresh_token(authorization, authorization.generation, services.keys.token_key(TOKEN_RING)),
        services=services,
        membership=brought.ends.membership,
    )


def _traded_at_once(existing: Authorization | None, own: Authorization, services: Services) -> Authorization:
    """The authorization that another request got for the same token a moment before. Raises `InvalidGrant`."""
    if existing is None or any(getattr(existing, name) != getattr(own, name) for name in OF_A_TRADE):
        raise InvalidGrant("The refresh token is invalid", reason="bridge_contradicts_itself")
    _require_retry(existing, 0, services.claim(), services.now(), services)
    return existing


# ------------------------------------------------------------------ the rules, in order


def _require_genuine(presented: opaque.Credential, authorization: Authorization) -> None:
    """The token's secret must be that of this generation. It cannot be made without the record's salt.

    A foreign token has no such secret: its authorization was found by its hash.
    """
    if presented.is_foreign:
        return
    secret = opaque.derived_secret(
        "refresh", presented.key, presented.fields["authorization_id"], _generation(presented), authorization.salt
    )
    if not hmac.compare_digest(secret, presented.fields["secret"]):
        raise InvalidGrant("The refresh token is invalid", reason="refresh_not_genuine")


def _narrowed_scope(request: TokenRequest, authorization: Authorization, granted: Scope, services: Services) -> Scope:
    """A subset of what is left of the original grant, or all of it; the successor keeps the original scope (section 6).

    Some clients send with each refresh the scope of their first request, which may be more than was granted or than may
    be granted now. They get what is left of it, and the answer says so (section 3.3). `offline_access` is ignored if it
    was not granted, because a client that refreshes already has what it stands for.
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
    """The one conditional write that licenses the tokens, or within the grace period the earlier one.

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
    """Distinguishes a retry from a theft, by the record as it was when the write was refused. Raises `InvalidGrant`."""
    if existing is None:
        raise InvalidGrant("The refresh token is invalid", reason="authorization_unknown")
    if existing.revoked_at is not None:
        raise InvalidGrant("The refresh token was revoked", reason="refresh_revoked")
    if min(existing.idle_expires_at, existing.expires_at) <= now:
        if services.settings.expired_refresh_token_ends:
            services.revocations.revoke(existing.id, now)
        raise InvalidGrant("The refresh token has expired", reason="refresh_expired")
    is_predecessor = generation == existing.generation - 1
    in_grace = now - existing.rotated_at < services.settings.refresh_token_grace
    if is_predecessor and (in_grace or existing.rotated_by == claim):
        return
    revoke_for(existing, "refresh_reused", now, services)
    raise InvalidGrant("The refresh token was used before", reason="refresh_reused")


def _generation(presented: opaque.Credential) -> int:
    return int.from_bytes(presented.fields["generation"], "big")


def _expired_revocations(authorization: Authorization, now: int) -> frozenset[str]:
    """Noted access tokens that have expired by every clock. The write that rotates removes them as well."""
    over = now - FORGOTTEN_AFTER
    return frozenset(entry for entry in authorization.revoked_access_tokens if int(entry.partition(".")[0]) < over)
