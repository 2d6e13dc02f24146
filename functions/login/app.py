"""/login and what is below it: the sign-in pages of whatever waits for somebody to sign in."""

from authserver.aws.apigateway import endpoint
from authserver.aws.bootstrap import bootstrap
from authserver.endpoints.browsers.login import (
    Answer,
    show_code,
    show_login,
    sign_in_with_code,
    sign_in_with_passkey,
    submit,
)
from authserver.errors import MethodNotAllowed
from authserver.pages import Pages
from authserver.services import Services
from authserver.wire.browser import parse_code_form, parse_interaction, parse_login_form, parse_passkey_form
from authserver.wire.http import HttpRequest, HttpResponse

services = bootstrap(passwords=True)
pages = Pages(services)


@endpoint("GET", "POST", render_error=pages.render_error)
def lambda_handler(request: HttpRequest) -> HttpResponse:
    return pages.render(answer(request, services.at(request.origin, request.resource)), request)


def answer(request: HttpRequest, here: Services) -> Answer:
    match request.method, request.route.rpartition("/")[2]:
        case "POST", "code":
            return sign_in_with_code(parse_code_form(request), here)
        case "POST", "passkey":
            return sign_in_with_passkey(parse_passkey_form(request), here)
        case "POST", _:
            return submit(parse_login_form(request), here)
        case _, "code":
            return show_code(parse_interaction(request), here)
        case _, "passkey":
            raise MethodNotAllowed("POST")
    return show_login(parse_interaction(request), here)
