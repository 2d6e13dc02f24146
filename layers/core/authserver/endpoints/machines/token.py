"""The token endpoint: RFC 6749 section 3.2."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, cast

from authserver.client_authentication import authenticate, refuse_leak
from authserver.errors import InvalidRequest, TemporarilyUnavailable, UnauthorizedClient, UnsupportedGrantType
from authserver.identity.refusals import Noted

if TYPE_CHECKING:
    from authserver.messages.token import TokenRequest, TokenResponse
    from authserver.plugins import GrantType
    from authserver.services import AuthenticatedClient, Services


def issue_token(request: TokenRequest, services: Services) -> TokenResponse:
    """Tokens for a grant. Raises `OAuthError` as RFC 6749 section 5.2 lists them."""
    refuse_leak(request, services)
    grant = _loaded_grant(request, services)
    client = authenticate(request, services, partial(grant.named, request, services))
    with Noted(client.client_id, request.reference, services):
        _require_body(request, client)
        _require_allowed(client, grant)
        _require_parameters(request, grant)
        response = grant.issue(request, client, services)
    _keep(client, services)
    return response


def _loaded_grant(request: TokenRequest, services: Services) -> GrantType:
    grant = services.grants.get(request.grant_type)
    if not hasattr(grant, "issue"):  # one that begins and ends at the authorization endpoint has nothing to issue here
        raise UnsupportedGrantType("grant_type is not supported", reason="grant_type_unsupported")
    return cast("GrantType", grant)


def _require_body(request: TokenRequest, client: AuthenticatedClient) -> None:
    """What is in an address ends up in logs: only where an operator said that this client knows no better."""
    if request.is_in_query and not client.client.parameters_in_query:
        raise InvalidRequest("The parameters must be in the request body", reason="parameters_in_query")


def _require_allowed(client: AuthenticatedClient, grant: GrantType) -> None:
    if grant.GRANT_TYPE not in client.client.grant_types:
        raise UnauthorizedClient("This client may not use this grant_type", reason="grant_type_not_allowed")


def _require_parameters(request: TokenRequest, grant: GrantType) -> None:
    for name in grant.PARAMETERS:
        if name not in request.parameters:
            raise InvalidRequest(f"{name} is missing", reason=f"{name}_missing")


def _keep(client: AuthenticatedClient, services: Services) -> None:
    """A registration is in use from its first token on, and no longer expires. What fails, the next token does."""
    if client.client.expires_at is not None:
        with suppress(TemporarilyUnavailable):
            services.clients.keep(client.client_id)
