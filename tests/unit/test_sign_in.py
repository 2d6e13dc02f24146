"""The sign-in and consent pages: tied to the browser, the request and the user; telling nothing apart."""

from collections.abc import Callable
from typing import Any

import pytest

from authserver.errors import InvalidRequest, TemporarilyUnavailable
from authserver.messages.authorization import AuthorizationResponse
from authserver.messages.browser import ConsentPage, GoTo, LoginPage
from authserver.values import Secret
from tests.fakes import PASSWORD, FakePasswords, client, user
from tests.unit.server import App, Browser, Server


def at_login(server: Server, **parameters: str) -> tuple[Browser, str]:
    browser = Browser(server)
    page = browser.authorize((), frozenset(), **parameters)
    assert isinstance(page, GoTo)
    return browser, page.request_handle


def at_consent(server: Server, **parameters: str) -> tuple[Browser, str, str]:
    browser, handle = at_login(server, **parameters)
    browser.sign_in(handle)
    form = browser.consent_page(handle)
    assert isinstance(form, ConsentPage)
    return browser, handle, form.csrf


# ------------------------------------------------------------------ passwords


@pytest.mark.rfc("ASVS 5.0", "6.3.8")
@pytest.mark.rfc("OIDC Core", "3.1.2.3")
@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("alice", "guessed"),
        ("alice", ""),
        ("alice", "Wonderland"),
        ("alice", "wonderland "),
        ("nobody", "wonderland"),
        ("", "wonderland"),
        ("", ""),
        ("\x00", "\x00"),
        ("alice\x00", "wonderland"),
    ],
)
def test_wrong_name_and_wrong_password_get_one_answer(username: str, password: str) -> None:
    browser, handle = at_login(Server())
    answer = browser.sign_in(handle, username=username, password=Secret(password))
    assert isinstance(answer, LoginPage)
    assert (answer.status, answer.problem) == (401, "The username or password is not correct.")
    assert browser.session is None


@pytest.mark.rfc("8265", "3.3")
@pytest.mark.parametrize("username", ["alice", "ALICE", " alice ", "\uff41lice"])
def test_right_password_signs_in_however_the_name_is_written(username: str) -> None:
    browser, handle = at_login(Server())
    assert isinstance(browser.sign_in(handle, username=username), GoTo)
    assert browser.session is not None


OUTDATED = "old " + FakePasswords().hash(Secret(PASSWORD))


def server_with_an_outdated_hash() -> Server:
    server = Server()
    server.users.create(user(sub="sub-of-bob", username="bob", password_hash=OUTDATED))
    return server


def hash_of_bob(server: Server) -> str:
    bob = server.users.get("sub-of-bob")
    assert bob is not None
    return bob.password_hash


def test_outdated_hash_gives_way_at_the_first_right_sign_in() -> None:
    server = server_with_an_outdated_hash()
    browser, handle = at_login(server)
    assert isinstance(browser.sign_in(handle, username="bob", password=Secret("guessed")), LoginPage)
    assert hash_of_bob(server) == OUTDATED
    assert isinstance(browser.sign_in(handle, username="bob"), GoTo)
    assert hash_of_bob(server) == FakePasswords().hash(Secret(PASSWORD))
    browser, handle = at_login(server)
    assert isinstance(browser.sign_in(handle, username="bob"), GoTo)
    assert server.calls["users.rehash"] == 1


def test_user_signs_in_though_the_outdated_hash_cannot_be_replaced() -> None:
    server = server_with_an_outdated_hash()

    def fail(verb: str, call: Callable[[], Any]) -> Any:
        if verb == "users.rehash":
            raise TemporarilyUnavailable("The store did not answer", reason="test")
        return call()

    server.around = fail
    browser, handle = at_login(server)
    assert isinstance(browser.sign_in(handle, username="bob"), GoTo)
    assert hash_of_bob(server) == OUTDATED


def test_password_that_was_changed_meanwhile_is_not_overwritten() -> None:
    server = server_with_an_outdated_hash()

    def change_first(verb: str, call: Callable[[], Any]) -> Any:
        if verb == "users.rehash":
            server.users.rehash("sub-of-bob", OUTDATED, "of another password")
        return call()

    server.around = change_first
    browser, handle = at_login(server)
    browser.sign_in(handle, username="bob")
    assert hash_of_bob(server) == "of another password"


# ------------------------------------------------------------------ the form is of this browser, request, user


@pytest.mark.rfc("ASVS 5.0", "3.5.1")
@pytest.mark.rfc("9700", "4.7")
@pytest.mark.parametrize("form", [{"csrf": ""}, {"csrf": "x"}, {"browser_secret": ""}, {"browser_secret": "x"}])
@pytest.mark.parametrize("page", ["login", "consent"])
def test_form_of_another_browser_or_page_is_refused(page: str, form: dict[str, str]) -> None:
    server = Server()
    browser, handle, csrf = at_consent(server)
    submit: Any = browser.sign_in if page == "login" else browser.decide
    with pytest.raises(InvalidRequest):
        submit(handle, **{"csrf": csrf, **form})
    assert server.tokens.every_authorization() == ()


@pytest.mark.rfc("ASVS 5.0", "3.5.1")
@pytest.mark.rfc("9700", "4.7")
def test_form_of_one_page_request_or_browser_is_none_of_another() -> None:
    server = Server()
    browser, handle, consent_csrf = at_consent(server)
    other_browser, other_handle, other_csrf = at_consent(server)
    with pytest.raises(InvalidRequest):
        browser.sign_in(handle, csrf=consent_csrf)
    with pytest.raises(InvalidRequest):
        browser.decide(handle, csrf=other_csrf)
    with pytest.raises(InvalidRequest):
        other_browser.decide(handle, csrf=consent_csrf)
    assert isinstance(other_browser.decide(other_handle, csrf=other_csrf), AuthorizationResponse)


@pytest.mark.rfc("ASVS 5.0", "10.7.1")
@pytest.mark.rfc("9700", "4.7")
def test_consent_form_of_one_session_is_none_of_the_next() -> None:
    server = Server()
    server.users.create(user(sub="sub-of-bob", username="bob"))
    browser, handle, csrf = at_consent(server)
    other = Browser(server, "bob")
    other.code(scope="read")
    browser.session = other.session
    again = browser.decide(handle, csrf=csrf)
    assert isinstance(again, ConsentPage)
    assert again.account == "bob"
    assert [one.subject for one in server.tokens.every_authorization()] == ["sub-of-bob"], "what bob allowed himself"


@pytest.mark.parametrize("age", [599, 600])
def test_request_is_held_for_ten_minutes(age: int) -> None:
    server = Server()
    browser, handle, csrf = at_consent(server)
    server.clock.advance(age)
    if age < 600:
        assert isinstance(browser.decide(handle, csrf=csrf), AuthorizationResponse)
    else:
        with pytest.raises(InvalidRequest):
            browser.decide(handle, csrf=csrf)


@pytest.mark.rfc("ASVS 5.0", "7.2.4")
@pytest.mark.rfc("6749", "10.12")
def test_sign_in_gives_a_new_session_and_ends_the_old_one() -> None:
    server = Server()
    browser = Browser(server)
    browser.code()
    old = browser.session
    page = browser.authorize(prompt="login")
    assert isinstance(page, GoTo)
    browser.sign_in(page.request_handle)
    assert browser.session != old
    browser.session = old
    assert browser.go_through(prompt="none")["error"] == "login_required"


# ------------------------------------------------------------------ the decision


@pytest.mark.rfc("6749", "4.1.2.1")
def test_denied_request_is_access_denied_and_stays_so() -> None:
    server = Server()
    browser, handle, csrf = at_consent(server)
    answer = browser.decide(handle, "deny", csrf=csrf)
    assert isinstance(answer, AuthorizationResponse)
    assert (answer.parameters["error"], answer.parameters["state"]) == ("access_denied", "state")
    with pytest.raises(InvalidRequest):
        browser.decide(handle, "allow", csrf=csrf)
    assert server.tokens.every_authorization() == ()
    assert browser.go_through(prompt="none")["error"] == "consent_required"


@pytest.mark.rfc("6749", "4.1.2.1")
def test_denied_request_stays_denied_though_the_client_is_allowed_by_another() -> None:
    server = Server()
    browser, handle, csrf = at_consent(server)
    browser.decide(handle, "deny", csrf=csrf)
    browser.code()
    with pytest.raises(InvalidRequest):
        browser.consent_page(handle)
    assert len(server.tokens.every_authorization()) == 1


@pytest.mark.rfc("6749", "4.1.2")
@pytest.mark.parametrize("decision", ["", "ALLOW", "yes", "allow deny", "\x00"])
def test_decision_that_is_none_gives_nothing(decision: str) -> None:
    server = Server()
    browser, handle, csrf = at_consent(server)
    with pytest.raises(InvalidRequest):
        browser.decide(handle, decision, csrf=csrf)
    assert server.tokens.every_authorization() == ()


@pytest.mark.rfc("6749", "4.1.2")
def test_form_sent_twice_gives_the_same_code_until_it_is_spent() -> None:
    server = Server()
    browser, handle, csrf = at_consent(server)
    first, again = (browser.decide(handle, csrf=csrf) for _ in range(2))
    assert isinstance(first, AuthorizationResponse)
    assert isinstance(again, AuthorizationResponse)
    assert first.parameters == again.parameters
    response = App(server).exchange(first.parameters["code"])
    with pytest.raises(InvalidRequest):
        browser.decide(handle, csrf=csrf)
    assert server.access(response.access_token)


@pytest.mark.rfc("6749", "4.1.2")
def test_form_sent_again_after_the_code_was_revoked_gives_none() -> None:
    server = Server()
    browser, handle, csrf = at_consent(server)
    answer = browser.decide(handle, csrf=csrf)
    assert isinstance(answer, AuthorizationResponse)
    server.withdrawals.revoke(server.authorization_of(answer.parameters["code"]).id, server.clock())
    with pytest.raises(InvalidRequest):
        browser.decide(handle, csrf=csrf)


@pytest.mark.rfc("ASVS 5.0", "10.7.1")
@pytest.mark.rfc("6749", "4.1.2")
def test_request_answered_by_one_user_gives_no_code_for_another() -> None:
    server = Server()
    server.users.create(user(sub="sub-of-bob", username="bob"))
    browser, handle, csrf = at_consent(server)
    assert isinstance(browser.decide(handle, csrf=csrf), AuthorizationResponse)
    other = Browser(server, "bob")
    other.code(scope="read")
    browser.session = other.session
    with pytest.raises(InvalidRequest):
        browser.decide(handle)


@pytest.mark.rfc("6749", "3.3")
def test_request_is_what_was_held_whatever_the_client_registers_meanwhile() -> None:
    server = Server()
    browser, handle, csrf = at_consent(server, scope="openid read")
    server.clients.put(client(redirect_uris=()))
    with pytest.raises(InvalidRequest):
        browser.decide(handle, csrf=csrf)
    assert server.tokens.every_authorization() == ()


@pytest.mark.rfc("ASVS 5.0", "10.7.2")
def test_page_shows_what_is_asked_for_by_whom_and_for_how_long() -> None:
    server = Server()
    browser, handle, _ = at_consent(server, scope="openid read unknown")
    form: Any = browser.consent_page(handle)
    assert (form.client.client_id, form.account) == ("web", "alice")
    assert [one.scope.name for one in form.permissions] == ["openid", "read"]
    assert form.lifetime == server.settings.refresh_token_lifetime
