"""GET and POST /logout: OpenID Connect RP-Initiated Logout 1.0, and where people sign out by themselves; by a token for
clients of PlaceOS and Keycloak."""

from authserver.aws.apigateway import endpoint
from authserver.aws.bootstrap import bootstrap
from authserver.endpoints.browsers.logout import end_by_token, log_out
from authserver.errors import OAuthError
from authserver.pages import Pages
from authserver.services import Services
from authserver.wire.http import CORS, NO_STORE, Headers, HttpRequest, HttpResponse, render_error
from authserver.wire.logout import PLACEOS, is_by_refresh_token, parse_logout_request

services = bootstrap(jose=True)
pages = Pages(services)
SIGNED_OUT = HttpResponse(204, NO_STORE, reason="signed_out")  # scripts ask, and look at nothing


def render_refusal(error: OAuthError, request: HttpRequest) -> HttpResponse:
    return render_error(error) if is_by_refresh_token(request) else pages.render_error(error, request)


def cors(request: HttpRequest) -> Headers:
    return CORS if request.route == PLACEOS else ()


@endpoint("GET", "POST", cors=cors, render_error=render_refusal)
def lambda_handler(request: HttpRequest) -> HttpResponse:
    here = services.at(request.origin, request.resource)
    if request.route == PLACEOS and request.headers.get("authorization"):
        return by_token(request, here)
    if is_by_refresh_token(request):
        return by_refresh_token(request, here)
    return pages.render(log_out(parse_logout_request(request), here), request)


def by_token(request: HttpRequest, here: Services) -> HttpResponse:
    from authserver.wire.protocol import parse_bearer

    end_by_token(parse_bearer(request), here)
    return SIGNED_OUT


def by_refresh_token(request: HttpRequest, here: Services) -> HttpResponse:
    from authserver.endpoints.machines.revoke import revoke_token
    from authserver.wire.protocol import parse_refresh_token_presented

    revoke_token(parse_refresh_token_presented(request), here)
    return SIGNED_OUT
