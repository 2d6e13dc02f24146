"""The client credentials grant: RFC 6749 section 4.4. No refresh token (section 4.4.3), no user, no ID token.

No user consents here: the registration of the client is the permission, and an operator gave it. Only operators give a
client this grant, and only operators add to the scope of a client that has it (`documents.client`). So the client may
have scopes that any user may grant and scopes that only operators grant. Whether it is a test client makes no
difference, since that concerns what users are shown. The client never gets a scope that an organisation's administrator
has to allow, because no administrator was asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from authserver.ends import Begun
from authserver.errors import InvalidScope, UnauthorizedClient
from authserver.grants import added_by_hook, known_resource, parse_scope
from authserver.messages.token import TokenRequest, TokenResponse
from authserver.records import replace
from authserver.scopes import ACCESS_TOKEN, ADMINISTRATOR, covered
from authserver.services import AuthenticatedClient, Named, Services
from authserver.tokens.access_token import Issue, issue_access_token
from authserver.values import Scope

if TYPE_CHECKING:
    from authserver.models.clients import Client

GRANT_TYPE: str = "client_credentials"
PARAMETERS: tuple[str, ...] = ()
OF_USERS = Scope(("openid", "profile", "email", "address", "phone", "offline_access"))
NAMES_OF_USERS = frozenset(OF_USERS)


def named(request: TokenRequest, services: Services) -> Named:  # noqa: ARG001 - the shape of a grant type
    """Nothing: the request names only the client."""
    return Named()


def issue(request: TokenRequest, client: AuthenticatedClient, services: Services) -> TokenResponse:
    """An access token for the client itself."""
    _require_confidential(client.client)
    scope = _requested_scope(request, client.client, services)
    audience = known_resource(request.resource, services) or services.settings.known_resources[:1]
    ends = client.standing.ends
    begun = Begun(client=ends.client.epoch, era=ends.deployment.era)
    issue = Issue(client.client, client.client_id, scope, audience, begun=begun)
    added = added_by_hook(request.grant_type, issue, {ACCESS_TOKEN: {}}, services)
    access_token, expires_in = issue_access_token(replace(issue, added=added[ACCESS_TOKEN]), services)
    return TokenResponse(access_token, expires_in, scope)


def _require_confidential(client: Client) -> None:
    if client.is_public:
        raise UnauthorizedClient("This grant needs a confidential client", reason="client_public")


def _requested_scope(request: TokenRequest, client: Client, services: Services) -> Scope:
    """The part of the requested scope, or of the client's default scope if the request has none, that the client may
    have itself (section 3.3).

    The rest is ignored, as in an authorization request, because clients ask for everything that a resource's document
    names. Raises `InvalidScope` if nothing is left.
    """
    requested = parse_scope(request.parameters.get("scope", ""))
    registered = covered(requested or client.scope_when_unspecified, client.scope, services.scopes)
    granted = Scope.of(name for name in registered if not _needs_somebody(name, services))
    if requested and not granted:
        raise InvalidScope("scope has nothing that this client may ask for itself", reason="scope_exceeds_client")
    return granted


def _needs_somebody(name: str, services: Services) -> bool:
    """Whether the scope is about a user, or an administrator has to allow it or a scope that it implies."""
    return name in NAMES_OF_USERS or ADMINISTRATOR in services.scopes().words_for(name)
