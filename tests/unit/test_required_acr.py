"""A request that requires an `acr`: OpenID Connect Core section 5.5.1.1."""

import json
from typing import Any

import pytest

from authserver.endpoints.browsers.login import PASSKEY_WANTED
from authserver.errors import InvalidRequest, LoginRequired
from authserver.messages.authorization import AuthorizationResponse
from authserver.messages.browser import GoTo, LoginPage
from tests.authenticator import Authenticator
from tests.fakes import ISSUER
from tests.unit.federating import Federated
from tests.unit.server import App, Browser, Server, id_claims
from tests.unit.test_second_factors import give_passkey
from tests.unit.test_sign_in import at_login

UNMET = "unmet_authentication_requirements"


def asking(**acr: Any) -> str:
    return json.dumps({"id_token": {"acr": acr}})


PHR = asking(essential=True, value="phr")


def answered(browser: Browser, **parameters: str) -> dict[str, str]:
    """What the client is told without anybody doing anything."""
    response = browser.authorize((), frozenset(), **parameters)
    assert isinstance(response, AuthorizationResponse), response
    return dict(response.parameters)


def by_passkey(browser: Browser, handle: str, device: Authenticator) -> None:
    page = browser.login_page(handle)
    assert isinstance(page, LoginPage)
    assert isinstance(browser.present_passkey(handle, device.sign(page.passkey), csrf=page.csrf), GoTo)


# ------------------------------------------------------------------ what is reached


@pytest.mark.rfc("OIDC Core", "5.5.1.1")
@pytest.mark.parametrize(
    "acr", [{"value": "phr"}, {"values": ["phr"]}, {"values": ["urn:x", "phr"]}, {"value": "phr", "values": ["urn:x"]}]
)
def test_passkey_reaches_it_and_the_id_token_says_so(acr: dict[str, Any]) -> None:
    server, device = Server(), Authenticator(ISSUER)
    give_passkey(server, device)
    browser, handle = at_login(server, claims=asking(essential=True, **acr))
    by_passkey(browser, handle, device)
    answer = browser.decide(handle)
    assert isinstance(answer, AuthorizationResponse)
    assert id_claims(App(server).exchange(answer.parameters["code"]).id_token)["acr"] == "phr"
    again = answered(browser, claims=asking(essential=True, **acr))
    assert id_claims(App(server).exchange(again["code"]).id_token)["acr"] == "phr"


@pytest.mark.rfc("OIDC Core", "5.5.1.1")
def test_session_that_does_not_reach_it_leads_to_the_sign_in_page_which_says_why() -> None:
    server, device = Server(), Authenticator(ISSUER)
    give_passkey(server, device)
    browser = Browser(server)
    browser.code()
    with_session = browser.authorize(claims=PHR)
    assert isinstance(with_session, GoTo)
    assert with_session.page == "login"
    page = browser.login_page(with_session.request_handle)
    assert isinstance(page, LoginPage)
    assert (page.problem, page.account) == (PASSKEY_WANTED, "alice")
    by_passkey(browser, with_session.request_handle, device)
    answer = browser.consent_page(with_session.request_handle)
    assert isinstance(answer, AuthorizationResponse)
    assert id_claims(App(server).exchange(answer.parameters["code"]).id_token)["acr"] == "phr"


@pytest.mark.rfc("OIDC Core", "5.5.1.1")
def test_password_is_not_enough_for_who_has_a_passkey_however_often_it_is_typed() -> None:
    server, device = Server(), Authenticator(ISSUER)
    give_passkey(server, device)
    browser, handle = at_login(server, claims=PHR)
    for _ in range(2):
        signed_in = browser.sign_in(handle)
        assert isinstance(signed_in, GoTo)
        for way_on in (browser.consent_page(handle), browser.decide(handle, csrf="")):
            assert isinstance(way_on, GoTo)
            assert way_on.page == "login"
        page = browser.login_page(handle)
        assert isinstance(page, LoginPage)
        assert page.problem == PASSKEY_WANTED
    by_passkey(browser, handle, device)
    assert isinstance(browser.decide(handle), AuthorizationResponse)


# ------------------------------------------------------------------ what is not


@pytest.mark.rfc("OIDC Core", "5.5.1.1")
def test_who_has_no_passkey_has_failed_to_sign_in_and_the_client_is_told() -> None:
    server = Server()
    browser, handle = at_login(server, claims=PHR)
    assert isinstance(browser.sign_in(handle), GoTo)
    for _ in range(2):
        told = browser.login_page(handle)
        assert isinstance(told, AuthorizationResponse)
        assert (told.parameters["error"], told.parameters["state"]) == (UNMET, "state")
    assert isinstance(browser.consent_page(handle), GoTo)
    assert not server.calls["tokens.create"]


@pytest.mark.rfc("OIDC Core", "5.5.1.1")
def test_who_signs_in_elsewhere_has_failed_as_well() -> None:
    site = Federated()
    browser = site.browser()
    assert isinstance(browser.sign_in_at(site.provider, claims=PHR), GoTo)
    told = browser.login_page(browser.handle)
    assert isinstance(told, AuthorizationResponse)
    assert told.parameters["error"] == UNMET


@pytest.mark.rfc("OIDC Core", "5.5.1.1")
@pytest.mark.parametrize("acr", [{"value": "urn:mace:incommon:iap:silver"}, {"values": ["0", "1"]}])
def test_what_nobody_can_reach_here_is_refused_at_once(acr: dict[str, Any]) -> None:
    server = Server()
    for browser in (Browser(server), Browser(server)):
        answer = answered(browser, claims=asking(essential=True, **acr))
        assert (answer["error"], answer["state"]) == (UNMET, "state")


@pytest.mark.rfc("OIDC Core", "5.5.1.1")
def test_where_there_are_no_passkeys_nobody_can_reach_it() -> None:
    server = Server(issuer="https://192.0.2.1")
    assert answered(Browser(server), claims=PHR)["error"] == UNMET


@pytest.mark.rfc("OIDC Core", "3.1.2.6")
def test_silent_request_is_told_that_its_user_has_to_sign_in() -> None:
    server = Server()
    browser = Browser(server)
    browser.code()
    assert answered(browser, claims=PHR, prompt="none")["error"] == LoginRequired.error


# ------------------------------------------------------------------ what requires nothing


@pytest.mark.rfc("OIDC Core", "5.5.1.1")
@pytest.mark.parametrize(
    "acr",
    [{"value": "phr"}, {"essential": False, "values": ["0"]}, {"essential": True}, {"essential": True, "values": []}],
)
def test_what_is_not_essential_or_names_no_value_is_a_wish(acr: dict[str, Any]) -> None:
    assert Browser(Server()).code(claims=asking(**acr))


@pytest.mark.rfc("OIDC Core", "5.5.1.1")
def test_request_without_an_id_token_requires_nothing() -> None:
    assert Browser(Server()).code(claims=PHR, scope="read")
    assert Browser(Server()).code(claims=json.dumps({"userinfo": {"acr": {"essential": True, "value": "0"}}}))


@pytest.mark.parametrize(
    "acr",
    [{"essential": "true", "value": "phr"}, {"essential": True, "values": "phr"}, {"essential": True, "value": 1}],
)
def test_what_cannot_be_said_of_acr_is_refused(acr: dict[str, Any]) -> None:
    assert answered(Browser(Server()), claims=asking(**acr))["error"] == InvalidRequest.error
