"""The introspection endpoint: RFC 7662.

A client that may not know of a token gets the answer for an unknown one: ``{"active": false}`` (section 2.2).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import quote

from authserver.client_authentication import authenticate, refuse_leak
from authserver.errors import InvalidClient, InvalidToken
from authserver.messages.token import Document, TokenPresented
from authserver.models.organisations import EVERY_ENTITY
from authserver.services import AuthenticatedClient, Named, Services
from authserver.tokens import opaque
from authserver.tokens.access_token import authorization_details
from authserver.tokens.keyring import TOKEN_RING
from authserver.tokens.named import named_by
from authserver.tokens.presented import check_access_token, name_access_token, standing_token
from authserver.tokens.worth import worth
from authserver.values import resource_among

if TYPE_CHECKING:
    from authserver.messages.access import ActiveAccessToken
    from authserver.models.clients import Client
    from authserver.models.tokens import Authorization, IntrospectedClaims
    from authserver.storage.standing import Standing

INACTIVE = Document({"active": False})


def introspect_token(request: TokenPresented, services: Services) -> Document:
    """What a token is, for the client it was issued to and for the resource servers it is meant for.

    Raises `OAuthError` for a caller that is not authenticated; a public client is none (section 2.1).
    """
    refuse_leak(request, services)
    presented = request.token.reveal()
    caller = authenticate(request, services, partial(_named, presented, services))
    if caller.client.is_public:
        raise InvalidClient("Introspection needs a confidential client", reason="client_public")
    if _is_api_key(presented, services):
        return _introspect_api_key(presented, caller, services)
    if caller.named.credential is None:
        return INACTIVE
    if opaque.is_a(opaque.REFRESH_TOKEN, presented):
        return _introspect_refresh_token(caller, services)
    return _introspect_access_token(caller, services)


def _is_api_key(presented: str, services: Services) -> bool:
    return services.settings.api_keys and opaque.is_a(opaque.API_KEY, presented)


def _introspect_api_key(presented: str, caller: AuthenticatedClient, services: Services) -> Document:
    """An API key, for the client whose it is and for resource servers.

    The request does not tell where the key is used from: one that is limited to networks is not active here.
    """
    from authserver.tokens.api_keys import check_api_key

    try:
        token = check_api_key(presented, services)
    except InvalidToken:
        return INACTIVE
    return Document(_members(token, services)) if _is_entitled(caller, token) else INACTIVE


def _named(presented: str, services: Services) -> Named:
    """What the token names; nothing if it is none of ours. That of a refresh token hangs on the caller, and an API key
    is read by itself."""
    if _is_api_key(presented, services):
        return Named()
    if opaque.is_a(opaque.REFRESH_TOKEN, presented):
        return named_by(opaque.unseal(opaque.REFRESH_TOKEN, presented, services.keys.token_keys(TOKEN_RING)))
    try:
        return name_access_token(presented, services)
    except InvalidToken:
        return Named()


def _introspect_access_token(caller: AuthenticatedClient, services: Services) -> Document:
    try:
        token = standing_token(caller.named, caller.standing, services)
    except InvalidToken:
        return INACTIVE
    if not _is_entitled(caller, token):
        return INACTIVE
    return Document({**token.claims, **_members(token, services), **_urn_members(caller.client, token, services)})


def introspect_self(presented: str, services: Services, source: str = "") -> Document:
    """What an access token or an API key says of itself, for its bearer at the address `source`: RFC 7662's
    members, the application's name, and what it acts for, as a URN.

    Raises `InvalidToken` if it does not stand.
    """
    if _is_api_key(presented, services):
        return _introspect_own_key(presented, services, source)
    token, client = _standing_with_client(presented, services, source)
    own = _members(token, services)
    own["client_name"] = client.client_name
    own["subject_type"] = client.preferred_subject_type
    own["subject_urn"] = _subject_urn(token, client, services)
    return Document({**token.claims, **own})


def introspect_in_envelope(presented: str, services: Services, source: str = "") -> Document:
    """The same in the form that Pleo's API has for it (docs/pleo.md). Raises `InvalidToken` if it does not stand."""
    if _is_api_key(presented, services):
        return Document({"data": _own_key_in_envelope(presented, services, source)})
    token, client = _standing_with_client(presented, services, source)
    told = {
        "authMethod": "OAUTH",
        "clientId": client.client_id,
        "scope": str(token.scope),
        "applicationName": client.client_name,
        "subjectURN": _subject_urn(token, client, services),
    }
    return Document({"data": told})


def _standing_with_client(presented: str, services: Services, source: str) -> tuple[ActiveAccessToken, Client]:
    token = check_access_token(presented, services)
    client = services.clients.find(token.client_id, source)
    if client is None or not client.is_active:
        raise InvalidToken("The access token is invalid", reason="client_gone")
    return token, client


def _introspect_own_key(presented: str, services: Services, source: str) -> Document:
    token, urn = _own_key(presented, services, source)
    return Document({**_members(token, services), "subject_urn": urn})


def _own_key_in_envelope(presented: str, services: Services, source: str) -> dict[str, str]:
    token, urn = _own_key(presented, services, source)
    told = {"authMethod": "API_KEY", "scope": str(token.scope), "subjectURN": urn}
    return {**told, "clientId": token.client_id} if token.client_id else told


def _own_key(presented: str, services: Services, source: str) -> tuple[ActiveAccessToken, str]:
    from authserver.tokens.api_keys import check_api_key

    token = check_api_key(presented, services, source)
    return token, _urn(token, "client" if token.client_id else "user", services)


def _urn_members(caller: Client, token: ActiveAccessToken, services: Services) -> dict[str, str]:
    """What the token acts for, by a name of the operator's own (RFC 7662 section 2.2), where that is turned on."""
    settings = services.settings
    if not settings.introspection_urn:
        return {}
    client = caller if caller.client_id == token.client_id else services.clients.find(token.client_id)
    name = f"urn:{settings.urn_namespace}:params:oauth:subject_urn"
    return {name: _subject_urn(token, client, services)} if client else {}


def _members(token: ActiveAccessToken, services: Services) -> IntrospectedClaims:
    """What is said of the token, beside what it tells of its user."""
    members: IntrospectedClaims = {
        "active": True,
        "iss": services.settings.issuer,
        "sub": token.subject,
        "aud": token.audience[0] if len(token.audience) == 1 else list(token.audience),
        "scope": str(token.scope),
        "token_type": "api_key" if token.api_key else "Bearer",
        "iat": token.issued_at,
        "exp": token.expires_at,
        "jti": token.jti,
    }
    if token.client_id:  # an API key of a person or an organisation is no client's
        members["client_id"] = token.client_id
    if token.auth_time is not None:
        members["auth_time"] = token.auth_time
    if token.organisation:
        entities = [EVERY_ENTITY] if token.every_entity else list(token.entities)
        members["org"], members["entities"] = token.organisation, entities
        if token.details_requested:
            members["authorization_details"] = authorization_details(token.organisation, entities)
    return members


def _subject_urn(token: ActiveAccessToken, client: Client, services: Services) -> str:
    """What the token acts for: its one company, its organisation, or its user (RFC 8141).

    A company is named together with its organisation: another one may have a company of the same identifier.
    """
    if client.preferred_subject_type == "company" and len(token.entities) == 1:
        return _written("company", token.organisation, token.entities[0], services=services)
    return _urn(token, "user", services)


def _urn(token: ActiveAccessToken, otherwise: str, services: Services) -> str:
    """That of its organisation, or `otherwise` of its subject, which is of that type."""
    if token.organisation:
        return _written("organisation", token.organisation, services=services)
    return _written(otherwise, token.subject, services=services)


def _written(*parts: str, services: Services) -> str:
    return ":".join(("urn", services.settings.urn_namespace, *(quote(part, safe="") for part in parts)))


def _is_entitled(caller: AuthenticatedClient, token: ActiveAccessToken) -> bool:
    """The token's own client, or a resource server it is meant for (section 4)."""
    if token.client_id == caller.client_id:  # an API key of a person or an organisation is no client's
        return True
    return any(resource_among(own, token.audience) is not None for own in caller.client.resources)


def _introspect_refresh_token(caller: AuthenticatedClient, services: Services) -> Document:
    standing = caller.standing
    authorization = standing.authorization
    generation = int.from_bytes(caller.named.credential.fields["generation"], "big")
    if authorization is None or authorization.client_id != caller.client_id:
        return INACTIVE
    if generation != authorization.generation or not _stands(authorization, standing, services.now()):
        return INACTIVE
    return Document(
        {
            "active": True,
            "iss": services.settings.issuer,
            "client_id": authorization.client_id,
            "sub": authorization.subject,
            "scope": str(worth(authorization.scope, authorization, standing.ends, services.scopes)),
            "iat": authorization.rotated_at,
            "exp": min(authorization.idle_expires_at, authorization.expires_at),
        }
    )


def _stands(authorization: Authorization, standing: Standing, now: int) -> bool:
    return (
        standing.stands(authorization)
        and authorization.revoked_at is None
        and now < min(authorization.idle_expires_at, authorization.expires_at)
    )
