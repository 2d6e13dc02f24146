"""GET and POST /logout: OpenID Connect RP-Initiated Logout 1.0, and where people sign out by themselves."""

from authserver.aws.apigateway import endpoint
from authserver.aws.bootstrap import bootstrap
from authserver.endpoints.browsers.logout import log_out
from authserver.pages import Pages
from authserver.wire.http import HttpRequest, HttpResponse
from authserver.wire.logout import parse_logout_request

services = bootstrap(jose=True)
pages = Pages(services)


@endpoint("GET", "POST", render_error=pages.render_error)
def lambda_handler(request: HttpRequest) -> HttpResponse:
    here = services.at(request.origin, request.resource)
    return pages.render(log_out(parse_logout_request(request), here), request)
