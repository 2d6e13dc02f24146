"""GET and POST /login: the sign-in page of a pending authorization request."""

from authserver.aws.apigateway import endpoint
from authserver.aws.bootstrap import bootstrap
from authserver.endpoints.login import show_login, sign_in
from authserver.pages import Pages
from authserver.wire import HttpRequest, HttpResponse, parse_interaction, parse_login_form

services = bootstrap(passwords=True)
pages = Pages(services)


@endpoint("GET", "POST", render_error=pages.render_error)
def lambda_handler(request: HttpRequest) -> HttpResponse:
    here = services.at(request.origin, request.resource)
    if request.method == "POST":
        return pages.render(sign_in(parse_login_form(request), here), request)
    return pages.render(show_login(parse_interaction(request), here), request)
