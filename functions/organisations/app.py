"""GET and POST /organisations/…: what organisations have here, for their members and administrators."""

from authserver.aws.apigateway import endpoint
from authserver.aws.bootstrap import bootstrap
from authserver.pages import Pages
from authserver.site import serve
from authserver.site.organisations import NOTICES, SCREENS
from authserver.wire.http import HttpRequest, HttpResponse
from authserver.wire.site import parse_visit

services = bootstrap(grants=False)
pages = Pages(services)


@endpoint("GET", "POST", render_error=pages.render_error)
def lambda_handler(request: HttpRequest) -> HttpResponse:
    here = services.at(request.origin, request.resource)
    return pages.render(serve(parse_visit(request), SCREENS, NOTICES, here), request)
