"""Clients that nobody has verified: where their errors go, and how long their consent counts."""

from typing import Any

import pytest

from authserver.errors import OAuthError
from authserver.messages.authorization import AuthorizationResponse
from authserver.messages.browser import GoTo
from authserver.models.clients import TEST
from tests.fakes import client, public_client
from tests.unit.server import App, Browser, Server


@pytest.fixture
def server() -> Server:
    return Server(client(verification=TEST), public_client())


@pytest.mark.rfc("9700", "4.11.2")
@pytest.mark.parametrize("wrong", [{"prompt": "none"}, {"code_challenge": ""}, {"response_type": "nonsense"}])
def test_error_stays_here_until_somebody_has_signed_in(wrong: dict[str, Any], server: Server) -> None:
    with pytest.raises(OAuthError):
        Browser(server).authorize(**wrong)
    somebody = Browser(server)
    somebody.go_through()
    assert "error" in answered(somebody.authorize(**wrong)).parameters


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
