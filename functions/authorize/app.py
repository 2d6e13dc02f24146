"""GET or POST /authorize: the authorization endpoint, RFC 6749 section 3.1."""

from authserver.aws.apigateway import endpoint
from authserver.aws.bootstrap import bootstrap
from authserver.endpoints.browsers.authorize import authorize
from authserver.pages import Pages
from authserver.wire.browser import parse_authorization_request
from authserver.wire.http import HttpRequest, HttpResponse

services = bootstrap(orders_documents=True, jose="implicit")
pages = Pages(services)


@endpoint("GET", "POST", render_error=pages.render_error)
def lambda_handler(request: HttpRequest) -> HttpResponse:
    authorization_request = parse_authorization_request(request)
    answer = authorize(authorization_request, services.at(request.origin, request.resource))
    return pages.render(answer, request)
