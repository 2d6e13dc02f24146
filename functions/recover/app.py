"""GET and POST /recover, /recover/{link} and /verify/{link}: a forgotten password, and the links of mails."""

from authserver.aws.apigateway import endpoint
from authserver.aws.bootstrap import bootstrap
from authserver.endpoints.browsers.recover import recover
from authserver.pages import Pages
from authserver.wire.http import HttpRequest, HttpResponse
from authserver.wire.site import parse_visit

services = bootstrap(passwords=True, orders_mail=True)
pages = Pages(services)


@endpoint("GET", "POST", render_error=pages.render_error)
def lambda_handler(request: HttpRequest) -> HttpResponse:
    return pages.render(recover(parse_visit(request), services.at(request.origin, request.resource)), request)
