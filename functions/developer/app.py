"""GET and POST /developer/…: the portal of those who build apps."""

from authserver.aws.apigateway import endpoint
from authserver.aws.bootstrap import bootstrap
from authserver.pages import Pages
from authserver.site import serve
from authserver.site.developer import NOTICES, SCREENS
from authserver.wire.http import HttpRequest, HttpResponse
from authserver.wire.site import parse_visit

services = bootstrap()
pages = Pages(services)


@endpoint("GET", "POST", render_error=pages.render_error)
def lambda_handler(request: HttpRequest) -> HttpResponse:
    here = services.at(request.origin, request.resource)
    return pages.render(serve(parse_visit(request), SCREENS, NOTICES, here), request)
