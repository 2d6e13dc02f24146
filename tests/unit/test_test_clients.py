"""Unverified clients: where their errors go, and how long their consent counts."""

import re
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from authserver.errors import TemporarilyUnavailable
from authserver.messages.authorization import AuthorizationResponse, UnverifiedRefusal
from authserver.messages.browser import GoTo
from authserver.models.clients import TEST
from authserver.pages import Pages
from authserver.values import RedirectUri
from authserver.wire.http import HttpRequest, HttpResponse
from tests.fakes import ISSUER, REDIRECT_URI, client, public_client
from tests.unit.server import App, Browser, Server


@pytest.fixture
def server() -> Server:
    return Server(client(verification=TEST), public_client())


WRONG: list[dict[str, Any]] = [
    {"code_challenge": ""},
    {"response_type": "nonsense"},
    {"resource": ("https://unknown.example",)},
    {"scope": "unheard-of"},
]


def shown(server: Server, answer: Any, **request: Any) -> HttpResponse:
    return Pages(server.services).render(answer, HttpRequest("GET", "ANY /authorize", **request))


@pytest.mark.rfc("9700", "4.11.2")
@pytest.mark.parametrize("wrong", WRONG)
def test_error_stays_here_until_somebody_has_signed_in(wrong: dict[str, Any], server: Server) -> None:
    """A page names the host and offers to go there: no browser goes there without a click."""
    refusal = Browser(server).authorize(**wrong)
    assert isinstance(refusal, UnverifiedRefusal)
    page = shown(server, refusal)
    assert page.status == 400
    assert "Location" not in dict(page.headers)
    assert "<strong>https://app.example</strong>" in page.body
    (link,) = re.findall(r'href="(https://app[^"]*)"', page.body)
    told = dict(parse_qsl(urlsplit(unescape(link)).query))
    assert told == dict(refusal.back.parameters)
    assert (told["error"], told["state"], told["iss"]) == (refusal.error.error, "state", ISSUER)
    somebody = Browser(server)
    somebody.go_through()
    assert "error" in answered(somebody.authorize(**wrong)).parameters


@pytest.mark.rfc("9700", "4.11.2")
def test_page_posts_the_error_where_the_client_wants_it_posted(server: Server) -> None:
    refusal = Browser(server).authorize(scope="unheard-of", response_mode="form_post", ui_locales="de")
    page = shown(server, refusal)
    assert "Wir haben A web application nicht" in page.body
    assert f'<form method="post" action="{REDIRECT_URI}">' in page.body
    assert '<input type="hidden" name="error" value="invalid_scope">' in page.body
    assert "<script" not in page.body, "only a click posts it"
    assert "form-action" not in dict(page.headers)["Content-Security-Policy"]


@pytest.mark.rfc("OIDC Core", "3.1.2.6")
@pytest.mark.parametrize("wrong", [{}, {"prompt": "none login"}, *WRONG])
def test_silent_request_is_always_answered_by_redirect(wrong: dict[str, Any], server: Server) -> None:
    for one in (server, Server()):
        answer = answered(Browser(one).authorize(**{"prompt": "none", **wrong}))
        assert "error" in answer.parameters
        assert answer.parameters["state"] == "state"
    assert answered(Browser(server).authorize(prompt="none")).parameters["error"] == "login_required"


@pytest.mark.rfc("OIDC Core", "3.1.2.6")
def test_silent_request_is_told_that_a_store_does_not_answer(server: Server) -> None:
    browser = Browser(server)
    browser.code()

    def around(verb: str, call: Any) -> Any:
        if verb.startswith("browsers."):
            raise TemporarilyUnavailable("The store did not answer", reason="test")
        return call()

    server.around = around
    answer = answered(browser.authorize(prompt="none"))
    assert answer.parameters["error"] == "temporarily_unavailable"
    with pytest.raises(TemporarilyUnavailable):
        browser.authorize()


@pytest.mark.rfc("8252", "7")
@pytest.mark.parametrize("uri", ["http://127.0.0.1:33418/", "http://[::1]:5000/cb", "com.example.app:/cb"])
@pytest.mark.parametrize("wrong", WRONG)
def test_program_on_the_device_is_told_at_once(wrong: dict[str, Any], uri: str) -> None:
    server = Server(public_client(verification=TEST, redirect_uris=(RedirectUri.parse(uri),)))
    answer = answered(Browser(server).authorize(client_id="app", redirect_uri=uri, **wrong))
    assert answer.target.uri.text == uri
    assert answer.parameters["state"] == "state"


@pytest.mark.rfc("9700", "4.11.2")
@pytest.mark.parametrize("uri", ["HTTPS://evil.example/cb", "https://127.0.0.1.evil.example/cb"])
def test_page_of_somebodys_is_not_taken_for_a_program(uri: str) -> None:
    server = Server(public_client(verification=TEST, redirect_uris=(RedirectUri.parse(uri),)))
    answer = Browser(server).authorize(client_id="app", redirect_uri=uri, scope="unheard-of")
    assert isinstance(answer, UnverifiedRefusal)


@pytest.mark.rfc("6749", "4.1.2.1")
@pytest.mark.parametrize("wrong", [{"prompt": "none"}, {"code_challenge": ""}, {"response_type": "nonsense"}])
def test_error_of_a_verified_client_is_told_it_at_once(wrong: dict[str, Any]) -> None:
    assert "error" in answered(Browser(Server()).authorize(**wrong)).parameters


@pytest.mark.rfc("9700", "4.11.2")
def test_user_who_denies_has_signed_in_and_the_client_is_told(server: Server) -> None:
    assert Browser(server).go_through("deny")["error"] == "access_denied"


@pytest.mark.rfc("6749", "10.2")
def test_consent_to_a_test_client_is_asked_for_each_time(server: Server) -> None:
    browser = Browser(server)
    assert App(server).exchange(browser.code())
    again = browser.authorize()
    assert isinstance(again, GoTo)
    assert again.page == "consent"


def test_consent_that_was_remembered_before_does_not_count_for_a_test_client() -> None:
    server = Server()
    browser = Browser(server)
    browser.code()
    assert isinstance(browser.authorize(), AuthorizationResponse)
    server.clients.put(client(verification=TEST))
    assert isinstance(browser.authorize(), GoTo)


def answered(response: object) -> AuthorizationResponse:
    assert isinstance(response, AuthorizationResponse), response
    return response
