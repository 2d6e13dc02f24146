"""The revocation endpoint: RFC 7009.

Revoking a refresh token ends its authorization and so every access token of it. Revoking an access token ends that
token alone. Whatever is not the client's own to revoke gets the same answer as what is not there at all (section 5).
"""

from authserver.client_authentication import authenticate
from authserver.errors import InvalidToken, UnsupportedTokenType
from authserver.messages import Document, TokenPresented
from authserver.models import AuthenticatedClient
from authserver.services import Services
from authserver.tokens import opaque
from authserver.tokens.access_token import read_jwt, read_opaque
from authserver.tokens.keyring import TOKEN_RING

# An authorization notes this many live access tokens as revoked; one more ends it altogether. Those that have
# expired are forgotten at each refresh.
NOTED_ACCESS_TOKENS = 8


def revoke_token(request: TokenPresented, services: Services) -> Document:
    """Ends the token; 200 whether or not there was one. `token_type_hint` is not needed: ours say what they are.

    Raises `UnsupportedTokenType` for credentials that are none, `OAuthError` for a client that is not authenticated.
    """
    client = authenticate(request, services)
    presented = request.token.reveal()
    if opaque.is_a(opaque.REFRESH_TOKEN, presented):
        _revoke_refresh_token(presented, client, services)
    elif opaque.is_a(opaque.ACCESS_TOKEN, presented):
        _revoke_opaque(presented, client, services)
    elif opaque.is_a(opaque.CODE, presented):
        raise UnsupportedTokenType("Authorization codes cannot be revoked here", reason="token_type_unsupported")
    else:
        _revoke_jwt(presented, client, services)
    return Document()


def _revoke_refresh_token(presented: str, client: AuthenticatedClient, services: Services) -> None:
    token = opaque.unseal(opaque.REFRESH_TOKEN, presented, services.keys.token_keys(TOKEN_RING))
    if token is not None:
        services.tokens.revoke(token.text("authorization_id"), services.now(), client.client_id)


def _revoke_opaque(presented: str, client: AuthenticatedClient, services: Services) -> None:
    try:
        token = read_opaque(presented, services)
    except InvalidToken:
        return
    if token.fields["client"] == opaque.key_of(client.client_id):
        # Only the record knows when the token expires; no token outlives this.
        services.tokens.put_revoked(token.text("id"), services.now() + services.settings.longest_token_lifetime)


def _revoke_jwt(presented: str, client: AuthenticatedClient, services: Services) -> None:
    try:
        claims = read_jwt(presented, services)
    except InvalidToken:
        return
    if claims["client_id"] != client.client_id or claims["exp"] <= services.now():
        return
    authorization_id = claims.get("authorization_id")
    if authorization_id is None:
        services.tokens.put_revoked(claims["jti"], claims["exp"])
        return
    entry = f"{claims['exp']}.{claims['jti']}"
    if not services.tokens.revoke_access_token(authorization_id, client.client_id, entry, NOTED_ACCESS_TOKENS):
        services.tokens.revoke(authorization_id, services.now(), client.client_id)
