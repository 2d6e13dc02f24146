"""GET and POST /my/…: the account pages of the signed-in user."""

from authserver.aws.apigateway import endpoint
from authserver.aws.bootstrap import bootstrap
from authserver.pages import Pages
from authserver.site import account, security, serve
from authserver.wire.http import HttpRequest, HttpResponse
from authserver.wire.site import parse_visit

services = bootstrap(orders_mail=True, orders_erasures=True, grants=False)
pages = Pages(services)
SCREENS = (*account.SCREENS, *security.SCREENS)
NOTICES = account.NOTICES | security.NOTICES


@endpoint("GET", "POST", render_error=pages.render_error)
def lambda_handler(request: HttpRequest) -> HttpResponse:
    here = services.at(request.origin, request.resource)
    return pages.render(serve(parse_visit(request), SCREENS, NOTICES, here), request)
