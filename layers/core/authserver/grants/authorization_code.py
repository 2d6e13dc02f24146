"""The authorization code grant: RFC 6749 section 4.1, with PKCE (RFC 7636)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authserver.errors import InvalidGrant, InvalidRequest
from authserver.grants import (
    find_own,
    first_tokens,
    known_resource,
    new_authorization,
    revoke_for,
)
from authserver.storage.tokens import AlreadyExists, Refused
from authserver.tokens import opaque
from authserver.tokens.keyring import TOKEN_RING
from authserver.tokens.named import named_by
from authserver.values import base64url, sha256

if TYPE_CHECKING:
    from collections.abc import Mapping

    from authserver.messages.authorization import Allowed, ValidatedAuthorizationRequest
    from authserver.messages.token import TokenRequest, TokenResponse
    from authserver.models.clients import Client
    from authserver.models.tokens import Authorization
    from authserver.services import AuthenticatedClient, Named, Services

GRANT_TYPE: str = "authorization_code"
PARAMETERS: tuple[str, ...] = ("code",)
RESPONSE_TYPES: tuple[str, ...] = ("code",)


def answer(request: ValidatedAuthorizationRequest, allowed: Allowed, services: Services) -> Mapping[str, str] | None:
    """The authorization response (section 4.1.2) with a code for what the user allowed.

    None if the same consent already yielded a code that is spent. Raises `SessionOver`.
    """
    now = services.now()
    key = services.keys.token_key(TOKEN_RING)
    identifier = opaque.authorization_id(allowed.random, allowed.session.subject, allowed.choice.organisation)
    secret = opaque.derived_secret("code", key, identifier, 0, allowed.salt)
    authorization = new_authorization(
        request,
        allowed,
        services,
        code_expires_at=now + services.settings.code_lifetime,
        expires_at=now + services.settings.code_lifetime,
        code_hash=sha256(base64url(secret)),
        redirect_uri=request.redirect_uri_sent,
        code_challenge=request.code_challenge,
    )
    try:
        services.tokens.create(authorization, allowed.session.id)
    except AlreadyExists as conflict:
        if not _is_same_and_unspent(conflict.existing, authorization, now):
            return None
    return {"code": opaque.seal(opaque.CODE, key, authorization_id=identifier, secret=secret)}


def named(request: TokenRequest, services: Services) -> Named:
    """The authorization of the code."""
    code = request.parameters.get("code", "")
    return named_by(opaque.unseal(opaque.CODE, code, services.keys.token_keys(TOKEN_RING)))


def issue(request: TokenRequest, client: AuthenticatedClient, services: Services) -> TokenResponse:
    """Exchanges a code for tokens (section 4.1.3). Redemption comes last, so that a request that fails a rule cannot
    spend the code."""
    code = _code_of(client)
    known_resource(request.resource, services)
    authorization = find_own(client)
    _require_same_redirect_uri(authorization, request)
    _require_redirect_uri_still(authorization, client.client)
    _require_proof(authorization, request)
    active, response = first_tokens(request, client, authorization, services)
    _redeem(active, code, services)
    return response


# ------------------------------------------------------------------ the rules, in order


def _code_of(client: AuthenticatedClient) -> opaque.Credential:
    code: opaque.Credential | None = client.named.credential
    if code is None:
        raise InvalidGrant("The authorization code is invalid", reason="code_garbage")
    return code


def _require_same_redirect_uri(authorization: Authorization, request: TokenRequest) -> None:
    """The redirect URI must be identical to that of the authorization request, if that had one (section 4.1.3).

    A request with PKCE may leave it out, as clients of OAuth 2.1 do (section 10.2 there). The comparison prevents that
    a code which was stolen on its way to another URI is injected into the client's own callback, and the verifier,
    which is checked next, prevents that too. Without a challenge nothing else does, so the redirect URI stays required.
    """
    sent = request.parameters.get("redirect_uri")
    if sent is None and authorization.code_challenge is not None:
        return
    if authorization.redirect_uri is not None and sent != authorization.redirect_uri:
        raise InvalidGrant("redirect_uri differs from the authorization request", reason="redirect_uri_mismatch")


def _require_redirect_uri_still(authorization: Authorization, client: Client) -> None:
    """A client's metadata document, which is its registration, may have changed since the authorization request. The
    present document counts."""
    uri = authorization.redirect_uri
    if not client.document_host or uri is None:
        return
    if not any(registered.admits(uri, localhost=True) for registered in client.redirect_uris):
        raise InvalidGrant("redirect_uri is not in the client's metadata document now", reason="redirect_uri_gone")


def _require_proof(authorization: Authorization, request: TokenRequest) -> None:
    """PKCE: a verifier if and only if there was a challenge, against downgrade (RFC 9700 section 2.1.1)."""
    verifier = request.parameters.get("code_verifier")
    if authorization.code_challenge is None:
        if verifier is not None:
            raise InvalidRequest("code_verifier without a code_challenge", reason="verifier_unexpected")
        return
    if verifier is None:
        raise InvalidRequest("code_verifier is missing", reason="verifier_missing")
    if not authorization.code_challenge.proven_by(verifier):
        raise InvalidGrant("code_verifier does not match the code_challenge", reason="verifier_mismatch")


def _redeem(active: Authorization, code: opaque.Credential, services: Services) -> None:
    """The one conditional write that licenses the tokens. Raises `InvalidGrant`."""
    now = active.rotated_at
    claim = base64url(services.random(16))
    code_hash = sha256(code.text("secret"))
    try:
        services.tokens.redeem(active.id, code_hash, claim, now, active.idle_expires_at, active.expires_at)
    except Refused as refusal:
        raise _refusal(refusal.existing, code_hash, now, services) from None


def _refusal(existing: Authorization | None, code_hash: bytes, now: int, services: Services) -> InvalidGrant:
    """The reason why the code was refused. A replay that is otherwise valid revokes what the code yielded (section
    4.1.2)."""
    if existing is None or existing.code_hash != code_hash:
        return InvalidGrant("The authorization code is invalid", reason="code_unknown")
    if existing.revoked_at is not None:
        return InvalidGrant("The authorization code is invalid", reason="code_revoked")
    if existing.redeemed_by is not None:
        revoke_for(existing, "code_replayed", now, services)
        return InvalidGrant("The authorization code is invalid", reason="code_replayed")
    return InvalidGrant("The authorization code has expired", reason="code_expired")


def _is_same_and_unspent(existing: Authorization | None, wanted: Authorization, now: int) -> bool:
    return (
        existing is not None
        and existing.code_hash == wanted.code_hash
        and existing.client_id == wanted.client_id
        and existing.redeemed_by is None
        and existing.revoked_at is None
        and now < existing.code_expires_at
    )
