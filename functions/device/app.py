"""GET and POST /device: where the user of a device types its code, RFC 8628 section 3.3; off by default."""

from authserver.aws.apigateway import endpoint
from authserver.aws.bootstrap import bootstrap
from authserver.endpoints.browsers.device import serve
from authserver.pages import Pages
from authserver.wire.browser import parse_device_form
from authserver.wire.http import HttpRequest, HttpResponse

services = bootstrap(stores=("browsers", "tokens"))
pages = Pages(services)


@endpoint("GET", "POST", render_error=pages.render_error)
def lambda_handler(request: HttpRequest) -> HttpResponse:
    return pages.render(serve(parse_device_form(request), services.at(request.origin, request.resource)), request)
