"""The sign-in page for a signed-in user: going on as that user, as another one, or back."""

from typing import Any

import pytest

from authserver.endpoints.browsers.login import show_login, submit
from authserver.errors import InvalidRequest
from authserver.messages.authorization import AuthorizationResponse
from authserver.messages.browser import GoTo, Interaction, LoginForm, LoginPage
from authserver.values import RedirectUri, Secret
from tests.fakes import PASSWORD, client, user
from tests.unit.server import App, Browser, Server


def signed_in(server: Server) -> Browser:
    browser = Browser(server)
    browser.code()
    return browser


def begin(browser: Browser, **parameters: str) -> str:
    pending = browser.authorize((), frozenset(), **parameters)
    assert isinstance(pending, GoTo)
    return pending.request_handle


def at_sign_in(browser: Browser, handle: str, *, another: bool = False) -> LoginPage:
    interaction = Interaction(handle, browser.secrets.get(handle, ""), browser.session, another=another)
    page = show_login(interaction, browser.services)
    assert isinstance(page, LoginPage), page
    return page


def send(browser: Browser, handle: str, csrf: str, action: str) -> Any:
    form = LoginForm(handle, browser.secrets.get(handle, ""), browser.session, csrf=csrf, action=action)
    answer = submit(form, browser.services)
    if isinstance(answer, GoTo):
        browser.session = answer.session or browser.session
    return answer


# ------------------------------------------------------------------ going on


@pytest.mark.rfc("OIDC Core", "3.1.2.1")
def test_account_is_selected_without_a_password_and_no_newer_for_that() -> None:
    server = Server()
    browser = signed_in(server)
    old, signed_in_at = browser.session, server.clock()
    server.clock.advance(100)
    handle = begin(browser, prompt="select_account")
    page = at_sign_in(browser, handle)
    assert (page.account, page.may_continue) == ("alice", True)
    onward = send(browser, handle, page.continue_csrf, "continue")
    assert onward.page == "consent"
    assert onward.session_lifetime == server.settings.session_lifetime - 100
    answer = browser.consent_page(handle)
    assert isinstance(answer, AuthorizationResponse)
    code = answer.parameters["code"]
    assert server.authorization_of(code).auth_time == signed_in_at
    browser.session = old
    assert browser.go_through(prompt="none")["error"] == "login_required"


@pytest.mark.rfc("OIDC Core", "3.1.2.1")
@pytest.mark.parametrize(
    "parameters",
    [{"prompt": "login"}, {"prompt": "select_account login"}, {"prompt": "select_account", "max_age": "50"}],
)
def test_session_is_not_enough_where_the_user_has_to_sign_in(parameters: dict[str, str]) -> None:
    server = Server()
    browser = signed_in(server)
    session = browser.session
    server.clock.advance(100)
    handle = begin(browser, **parameters)
    page = at_sign_in(browser, handle)
    assert (page.account, page.username, page.may_continue) == ("alice", "alice", False)
    assert isinstance(send(browser, handle, page.csrf, "continue"), LoginPage)
    assert browser.session == session
    assert isinstance(browser.consent_page(handle), GoTo)


def test_hinted_user_is_the_only_one_to_go_on_as() -> None:
    server = Server()
    server.users.create(user(sub="sub-of-bob", username="bob"))
    token = App(server).tokens().id_token
    assert token
    bob = Browser(server, "bob")
    bob.code()
    assert not at_sign_in(bob, begin(bob, prompt="select_account", id_token_hint=token.reveal())).may_continue


@pytest.mark.rfc("9700", "4.7")
def test_form_is_of_the_session_that_it_names() -> None:
    """Otherwise a person who reads "Continue as alice" would go on as the user who signed in in another tab."""
    server = Server()
    server.users.create(user(sub="sub-of-bob", username="bob"))
    browser = signed_in(server)
    handle = begin(browser, prompt="select_account")
    page = at_sign_in(browser, handle)
    bob = Browser(server, "bob")
    bob.code()
    browser.session = bob.session
    for csrf in (page.continue_csrf, page.csrf, ""):
        with pytest.raises(InvalidRequest) as refused:
            send(browser, handle, csrf, "continue")
        assert refused.value.reason == "csrf"


def test_nobody_can_go_on_without_a_session() -> None:
    server = Server()
    browser = Browser(server)
    handle = begin(browser, prompt="select_account")
    page = at_sign_in(browser, handle)
    assert (page.account, page.may_continue) == ("", False)
    assert isinstance(send(browser, handle, page.csrf, "continue"), LoginPage)


# ------------------------------------------------------------------ as somebody else


def test_another_account_answers_the_same_request() -> None:
    server = Server()
    server.users.create(user(sub="sub-of-bob", username="bob"))
    browser = signed_in(server)
    handle = begin(browser, prompt="consent")
    page = at_sign_in(browser, handle, another=True)
    assert (page.account, page.username) == ("", "")
    onward = browser.sign_in(handle, csrf=page.csrf, username="bob", password=Secret(PASSWORD))
    assert isinstance(onward, GoTo)
    answer = browser.decide(handle)
    assert isinstance(answer, AuthorizationResponse)
    assert server.authorization_of(answer.parameters["code"]).subject == "sub-of-bob"


# ------------------------------------------------------------------ and back


@pytest.mark.rfc("6749", "4.1.2.1")
@pytest.mark.rfc("9207", "2")
def test_going_back_is_access_denied_and_final() -> None:
    server = Server()
    browser = Browser(server)
    handle = begin(browser)
    page = at_sign_in(browser, handle)
    assert page.may_cancel
    answer = send(browser, handle, page.csrf, "cancel")
    assert isinstance(answer, AuthorizationResponse)
    assert (answer.parameters["error"], answer.parameters["state"]) == ("access_denied", "state")
    assert answer.parameters["iss"] == server.settings.issuer
    assert isinstance(browser.sign_in(handle), GoTo)
    with pytest.raises(InvalidRequest) as refused:
        browser.decide(handle)
    assert refused.value.reason == "answered_before"
    assert server.tokens.every_authorization() == ()


def test_answered_request_cannot_be_cancelled() -> None:
    server = Server()
    browser = Browser(server)
    handle = begin(browser)
    page = at_sign_in(browser, handle)
    browser.sign_in(handle)
    browser.decide(handle)
    with pytest.raises(InvalidRequest) as refused:
        send(browser, handle, page.csrf, "cancel")
    assert refused.value.reason == "answered_before"


@pytest.mark.rfc("9700", "4.11.2")
def test_nobody_is_sent_to_a_client_that_was_not_verified() -> None:
    server = Server(client(verification="test"))
    browser = Browser(server)
    handle = begin(browser)
    page = at_sign_in(browser, handle)
    assert not page.may_cancel
    with pytest.raises(InvalidRequest) as refused:
        send(browser, handle, page.csrf, "cancel")
    assert refused.value.reason == "nowhere_to_cancel_to"


@pytest.mark.rfc("8252", "7")
def test_program_on_the_device_is_gone_back_to_whoever_verified_it() -> None:
    uri = RedirectUri.parse("http://127.0.0.1:8080/callback")
    browser = Browser(Server(client(verification="test", redirect_uris=(uri,))))
    handle = begin(browser, redirect_uri=uri.text)
    page = at_sign_in(browser, handle)
    assert page.may_cancel
    assert isinstance(send(browser, handle, page.csrf, "cancel"), AuthorizationResponse)


@pytest.mark.rfc("ASVS 5.0", "3.5.1")
@pytest.mark.rfc("9700", "4.7")
def test_going_back_takes_a_form_of_ours() -> None:
    browser = Browser(Server())
    handle = begin(browser)
    with pytest.raises(InvalidRequest):
        send(browser, handle, "x", "cancel")
