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
from authserver.errors import MethodNotAllowed, OAuthError
from authserver.pages import Pages
from authserver.services import Services
from authserver.wire.browser import parse_code_form, parse_interaction, parse_login_form, parse_passkey_form
from authserver.wire.http import Headers, HttpRequest, HttpResponse, cors_for, render_error

BY_SCRIPT = "ANY /auth/signin"  # where PlaceOS's own sign-in page asks

services = bootstrap(passwords=True)
pages = Pages(services)


def cors(request: HttpRequest) -> Headers:
    return cors_for(request, services.settings.continue_origins) if request.route == BY_SCRIPT else ()


def render_refusal(error: OAuthError, request: HttpRequest) -> HttpResponse:
    return render_error(error) if request.route == BY_SCRIPT else pages.render_error(error, request)


@endpoint("GET", "POST", cors=cors, render_error=render_refusal)
def lambda_handler(request: HttpRequest) -> HttpResponse:
    here = services.at(request.origin, request.resource)
    if request.route == BY_SCRIPT:
        return by_script(request, here)
    return pages.render(answer(request, here), request)


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


def by_script(request: HttpRequest, here: Services) -> HttpResponse:
    from authserver.endpoints.browsers.sign_in_by_script import sign_in_by_script
    from authserver.wire.browser import parse_sign_in_by_script, render_continue

    if request.method != "POST":
        raise MethodNotAllowed("POST")
    return render_continue(sign_in_by_script(parse_sign_in_by_script(request), here), here.settings.issuer)
