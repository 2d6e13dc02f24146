"""GET /auth/authority, /auth/login, /auth/oauth/token/info and /.well-known/webfinger: what PlaceOS has and we have
not."""

from authserver.aws.apigateway import endpoint
from authserver.aws.bootstrap import bootstrap
from authserver.endpoints.browsers.authority import begin_sign_in, describe_authority, find_issuer, token_info
from authserver.errors import InvalidRequest, OAuthError
from authserver.messages.token import Document
from authserver.pages import Pages
from authserver.wire.browser import parse_authority_request, parse_visit
from authserver.wire.forms import read_query, single
from authserver.wire.http import Headers, HttpRequest, HttpResponse, cors_for, render, render_error
from authserver.wire.protocol import parse_bearer

LOGIN = "ANY /auth/login"

services = bootstrap()
pages = Pages(services)


def cors(request: HttpRequest) -> Headers:
    return () if request.route == LOGIN else cors_for(request, services.settings.continue_origins)


def render_refusal(error: OAuthError, request: HttpRequest) -> HttpResponse:
    return pages.render_error(error, request) if request.route == LOGIN else render_error(error)


@endpoint("GET", cors=cors, render_error=render_refusal)
def lambda_handler(request: HttpRequest) -> HttpResponse:
    here = services.at(request.origin, request.resource)
    if request.route == LOGIN:
        return pages.render(begin_sign_in(parse_visit(request), here), request)
    query = single(read_query(request))
    if request.route.endswith("/webfinger"):
        if "resource" not in query:
            raise InvalidRequest("resource is missing", reason="resource_missing")
        return render(find_issuer(query["resource"], here))
    if request.route.endswith("/token/info"):
        return render(token_info(parse_bearer(request), here))
    if "health" in request.query.split("&"):
        return render(Document())
    return render(describe_authority(parse_authority_request(request), here))
