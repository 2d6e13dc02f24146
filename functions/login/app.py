"""The sign-in pages: /login and what is below it; and /auth/signin."""

from authserver.aws.apigateway import endpoint
from authserver.aws.bootstrap import bootstrap
from authserver.endpoints.browsers import login
from authserver.errors import MethodNotAllowed, OAuthError
from authserver.pages import Pages
from authserver.wire import browser
from authserver.wire.http import Headers, HttpRequest, HttpResponse, cors_for, render_error

services = bootstrap(passwords=True)
pages = Pages(services)


def cors(request: HttpRequest) -> Headers:
    return cors_for(request, services.settings.continue_origins) if browser.is_scripted(request) else ()


def render_refusal(error: OAuthError, request: HttpRequest) -> HttpResponse:
    return render_error(error) if browser.is_scripted(request) else pages.render_error(error, request)


@endpoint("GET", "POST", cors=cors, render_error=render_refusal)
def lambda_handler(request: HttpRequest) -> HttpResponse:
    here = services.at(request.origin, request.resource)
    answer: login.Answer
    match request.method, request.route.rpartition("/")[2]:
        case "POST", "signin":
            from authserver.endpoints.browsers.sign_in_by_script import sign_in_by_script

            onward = sign_in_by_script(browser.parse_sign_in_by_script(request), here)
            return browser.render_continue(onward, here.settings.issuer)
        case "POST", "code":
            answer = login.sign_in_with_code(browser.parse_code_form(request), here)
        case "POST", "passkey":
            answer = login.sign_in_with_passkey(browser.parse_passkey_form(request), here)
        case "POST", _:
            answer = login.submit(browser.parse_login_form(request), here)
        case _, "code":
            answer = login.show_code(browser.parse_interaction(request), here)
        case _, "passkey" | "signin":
            raise MethodNotAllowed("POST")
        case _:
            answer = login.show_login(browser.parse_interaction(request), here)
    return pages.render(answer, request)
