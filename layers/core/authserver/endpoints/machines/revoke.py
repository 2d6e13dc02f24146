"""The revocation endpoint: RFC 7009.

Revoking a refresh token ends its authorization and so every access token of it. Revoking an access token ends that
token alone. Whatever is not the client's own to revoke gets the same answer as what is not there at all (section 5).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authserver.client_authentication import authenticate, refuse_leak
from authserver.ends import FORGOTTEN_AFTER
from authserver.errors import InvalidToken, UnsupportedTokenType
from authserver.messages.token import Document, TokenPresented
from authserver.tokens import opaque
from authserver.tokens.keyring import TOKEN_RING
from authserver.tokens.presented import read_jwt, read_opaque

if TYPE_CHECKING:
    from collections.abc import Mapping

    from authserver.services import AuthenticatedClient, Services

# An authorization notes this many access tokens as revoked; one more ends it altogether. Those that have expired by
# every clock are forgotten at each refresh.
NOTED_ACCESS_TOKENS = 16


def revoke_token(request: TokenPresented, services: Services) -> Document:
    """Ends the token; 200 whether or not there was one. `token_type_hint` is not needed: ours say what they are.

    Raises `UnsupportedTokenType` for credentials that are none, `OAuthError` for a client that is not authenticated.
    """
    refuse_leak(request, services)
    presented = request.token.reveal()
    if _is_without_credentials(request) and _revoked_by_its_bearer(presented, request, services):
        return Document()
    client = authenticate(request, services)
    if opaque.is_a(opaque.REFRESH_TOKEN, presented):
        _revoke_refresh_token(presented, client.client_id, services)
    elif opaque.is_a(opaque.ACCESS_TOKEN, presented):
        _revoke_opaque(presented, client, services)
    elif opaque.is_a(opaque.CODE, presented):
        raise UnsupportedTokenType("Authorization codes cannot be revoked here", reason="token_type_unsupported")
    else:
        _revoke_jwt(presented, client, services)
    return Document()


def _is_without_credentials(request: TokenPresented) -> bool:
    return request.authorization is None and not {"client_secret", "client_assertion"} & request.parameters.keys()


def _revoked_by_its_bearer(presented: str, request: TokenPresented, services: Services) -> bool:
    """Whether the token was of a grant to a public client, of that name, and is revoked now, in one write.

    Such a client has nothing to authenticate by (section 2.1): that the token was issued to it is all that is verified.
    """
    client_id = request.parameters.get("client_id", "")
    if opaque.is_a(opaque.REFRESH_TOKEN, presented):
        return _revoke_refresh_token(presented, client_id, services, only_public=True)
    try:
        claims = read_jwt(presented, services)
    except InvalidToken:
        return False
    if "authorization_id" not in claims or claims["client_id"] != client_id:
        return False
    return services.revocations.revoke_access_token(
        claims["authorization_id"], client_id, _entry(claims), NOTED_ACCESS_TOKENS, only_public=True
    )


def _revoke_refresh_token(presented: str, client_id: str, services: Services, *, only_public: bool = False) -> bool:
    token = opaque.unseal(opaque.REFRESH_TOKEN, presented, services.keys.token_keys(TOKEN_RING))
    if token is None:
        return False
    identifier = token.text("authorization_id")
    return services.revocations.revoke(identifier, services.now(), client_id, only_public=only_public)


def _entry(claims: Mapping[str, Any]) -> str:
    """What notes a token as revoked in its authorization."""
    return f"{claims['exp']}.{claims['jti']}"


def _revoke_opaque(presented: str, client: AuthenticatedClient, services: Services) -> None:
    try:
        token = read_opaque(presented, services)
    except InvalidToken:
        return
    if token.fields["client"] == opaque.key_of(client.client_id):
        services.revocations.revoke_opaque(token.text("id"))


def _revoke_jwt(presented: str, client: AuthenticatedClient, services: Services) -> None:
    try:
        claims = read_jwt(presented, services)
    except InvalidToken:
        return
    forgotten_at = claims["exp"] + FORGOTTEN_AFTER
    if claims["client_id"] != client.client_id or forgotten_at <= services.now():
        return
    authorization_id = claims.get("authorization_id")
    if authorization_id is None:
        services.revocations.revoke_jwt(claims["jti"], forgotten_at)
        return
    if not services.revocations.revoke_access_token(
        authorization_id, client.client_id, _entry(claims), NOTED_ACCESS_TOKENS
    ):
        services.revocations.revoke(authorization_id, services.now(), client.client_id)
