"""The authorizer's decision: may this call pass? RFC 6750."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authserver.errors import InsufficientScope, InvalidRequest, InvalidToken
from authserver.scopes import covered
from authserver.tokens import opaque
from authserver.tokens.presented import check_access_token
from authserver.values import Scope, resource_among

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from authserver.messages.access import AccessRequest, ActiveAccessToken
    from authserver.services import Services

DEFAULT_ROUTE = "$default"
ANY_METHOD = "ANY"
BENEATH = "/..."  # ``GET /orders/...`` stands for /orders and every route beneath it


def check_access(request: AccessRequest, services: Services) -> ActiveAccessToken:
    """The token that lets the call pass.

    Raises:
        InvalidToken: there is none, or it does not stand, or it is meant for another API.
        InsufficientScope: it stands but does not cover the route, or not this organisation or company; a route that
            a resource server without one is covered by none.
        InvalidRequest: it came in two ways at once (RFC 6750 section 2).
        TemporarilyUnavailable: a store did not answer, so access is refused.
    """
    token = _check(_presented(request, services), request, services)
    if resource_among(request.audience, token.audience) is None:
        raise InvalidToken("The access token is meant for another resource", reason="audience")
    _require_scope(token, request, services)
    _require_reach(token, request, services)
    return token


def _check(presented: str, request: AccessRequest, services: Services) -> ActiveAccessToken:
    settings = services.settings
    is_in_own_header = settings.accepts_api_key_header and request.api_keys
    if is_in_own_header or (settings.api_keys and opaque.is_a(opaque.API_KEY, presented)):
        from authserver.tokens.api_keys import check_api_key  # most deployments have none

        return check_api_key(presented, services, request.source)
    return check_access_token(presented, services)


def _presented(request: AccessRequest, services: Services) -> str:
    scheme, _, token = (request.authorization or "").partition(" ")
    from_header = [token.strip()] if scheme.lower() == "bearer" and token.strip() else []
    from_query = list(request.query_tokens) if services.settings.accepts_query_tokens else []
    from_own_header = list(request.api_keys) if services.settings.accepts_api_key_header else []
    presented = from_header + from_query + from_own_header
    if len(presented) > 1:
        raise InvalidRequest("The access token was sent in more than one way", reason="token_transports")
    if not presented:
        raise InvalidToken("An access token is required", reason="token_missing")
    return presented[0]


def _require_scope(token: ActiveAccessToken, request: AccessRequest, services: Services) -> None:
    required = _scope_of(request.route, _routes_of(request, services))
    if required is None:
        raise InsufficientScope("No scope covers this route", reason="route_unknown")
    wanted = Scope.parse(required)
    if not wanted <= covered(wanted, token.scope, services.scopes):
        raise InsufficientScope("The access token lacks a scope", reason="scope_missing", scope=required)


def _routes_of(request: AccessRequest, services: Services) -> Mapping[str, str]:
    """What the routes of an API ask for: what is stored for its resource, or else what the parameter says.

    For the ResourceApi what is stored counts for nothing, whichever of its addresses it was stored for, and when.
    """
    stored = None if request.is_own else services.resources()
    resource = stored.get(request.audience) if stored else None
    return resource.routes if resource and resource.routes else services.settings.route_scopes


def _require_reach(token: ActiveAccessToken, request: AccessRequest, services: Services) -> None:
    """Where the path names an organisation or a company, the token was granted for it, and still is."""
    settings, path = services.settings, request.path_parameters
    organisation = path.get(settings.organisation_parameter, token.organisation)
    if organisation != token.organisation:
        raise InsufficientScope("The access token does not reach this organisation", reason="organisation_not_granted")
    company = path.get(settings.company_parameter)
    if company is not None and company not in token.entities:
        raise InsufficientScope("The access token does not reach this company", reason="company_not_granted")


def _scope_of(route: str, routes: Mapping[str, str]) -> str | None:
    """What a route asks for: its own entry, else that of the longest path above it, else the default's.

    Of two entries of the same path, the one that names the method counts.
    """
    method, _, path = route.partition(" ")
    for place in (path, *(f"{above}{BENEATH}" for above in _paths_above(path))):
        for entry in (f"{method} {place}", f"{ANY_METHOD} {place}"):
            if entry in routes:
                return routes[entry]
    return routes.get(DEFAULT_ROUTE)


def _paths_above(path: str) -> Iterator[str]:
    """The path and those above it, the longest first; the last is that of all, which is empty: ``ANY /...``."""
    steps = path.split("/") if path.startswith("/") else []
    return ("/".join(steps[:count]) for count in range(len(steps), 0, -1))
