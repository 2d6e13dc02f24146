"""What changes while something is under way: a client, a password, a role, a catalogue."""

from dataclasses import replace
from typing import Any

import pytest

from authserver.errors import InvalidGrant
from authserver.messages.authorization import AuthorizationResponse
from authserver.messages.browser import ConsentPage, GoTo, LoginPage
from authserver.scopes import DEFAULT, ScopeCatalogue, ScopeDefinition
from authserver.values import Scope, Secret
from tests import fakes
from tests.unit.server import App, Browser, Server

SUB = "sub-of-alice"


def at_consent(server: Server, **parameters: str) -> tuple[Browser, str, ConsentPage]:
    browser = Browser(server)
    pending: Any = browser.authorize((), frozenset(), **parameters)
    signed_in: Any = browser.sign_in(pending.request_handle)
    page = browser.consent_page(signed_in.request_handle)
    assert isinstance(page, ConsentPage)
    return browser, signed_in.request_handle, page


# ------------------------------------------------------------------ the page


WIDER = Scope.parse("openid read write")


@pytest.mark.rfc("6749", "10.2")
@pytest.mark.parametrize(
    "change",
    [
        {"scope": WIDER},
        {"client_name": "Your bank"},
        {"verification": "test"},
        {"preferred_subject_type": "user", "scope": WIDER, "client_name": "Your bank"},
    ],
    ids=lambda change: "+".join(change),
)
def test_client_that_changed_while_its_user_read_is_shown_again(change: dict[str, Any]) -> None:
    narrow = fakes.client(scope=Scope.parse("openid read"))
    server = Server(narrow)
    browser, handle, page = at_consent(server, scope="openid read write")
    assert [one.scope.name for one in page.permissions] == ["openid", "read"]
    server.clients.put(replace(narrow, **change))
    again = browser.decide(handle, csrf=page.csrf)
    assert isinstance(again, ConsentPage)
    assert again.problem
    assert server.tokens.every_authorization() == ()
    assert again.shown != page.shown
    browser.shown[handle] = again.shown
    assert isinstance(browser.decide(handle, csrf=again.csrf), AuthorizationResponse)


def test_scope_whose_words_changed_is_shown_again() -> None:
    server = Server()
    browser, handle, page = at_consent(server, scope="openid read")
    worded = tuple(
        replace(one, description="Read everything") if one.name == "read" else one for one in DEFAULT.definitions
    )
    assert server.configuration.put_scopes(ScopeCatalogue.of(worded))
    server.services = server.new_instance()
    assert isinstance(browser.decide(handle, csrf=page.csrf), ConsentPage)


def test_what_changed_can_be_denied_all_the_same() -> None:
    server = Server()
    browser, handle, page = at_consent(server)
    server.clients.put(replace(fakes.client(), client_name="Your bank"))
    denied = browser.decide(handle, "deny", csrf=page.csrf)
    assert isinstance(denied, AuthorizationResponse)
    assert denied.parameters["error"] == "access_denied"


# ------------------------------------------------------------------ the end comes first


@pytest.mark.parametrize("verb", ["users.identify", "users.account_state", "browsers.put_session"])
@pytest.mark.parametrize("change", ["password", "disabled and enabled"])
def test_no_session_is_begun_by_what_was_so_before_a_change(verb: str, change: str) -> None:
    """At whichever read of a sign-in the change comes: none is so late that what it begins outlives it."""
    server = Server()
    browser = Browser(server)
    pending: Any = browser.authorize()

    def withdraw() -> None:
        if change == "password":
            assert server.withdrawals.set_password(SUB, fakes.FakePasswords().hash(Secret("another")))
            return
        for status in ("disabled", "active"):
            assert server.withdrawals.change_user(SUB, status=status)

    server.after(verb, withdraw)
    signed_in = browser.sign_in(pending.request_handle)
    is_new = change != "password" and verb == "users.identify"  # the sign-in read everything after the change
    assert isinstance(browser.consent_page(pending.request_handle), ConsentPage) is is_new
    if verb == "users.identify" and change == "password":
        assert isinstance(signed_in, LoginPage)  # the old one is compared with the new hash


def test_operators_grant_does_not_outlive_the_powers() -> None:
    server = Server(fakes.client(scope=Scope.parse("openid admin:users")))
    server.withdrawals.change_user(SUB, operator=True)
    browser, handle, page = at_consent(server, scope="admin:users")
    server.after("users.get", lambda: server.withdrawals.change_user(SUB, operator=False))
    answer = browser.decide(handle, csrf=page.csrf)
    assert isinstance(answer, AuthorizationResponse)
    with pytest.raises(InvalidGrant):
        App(server).exchange(answer.parameters["code"])


def test_disconnecting_ends_what_is_granted_silently_at_that_moment() -> None:
    server = Server()
    browser = Browser(server)
    browser.code()
    server.after("browsers.browser_state", lambda: server.withdrawals.end(subject=SUB, client_id="web"))
    answer = browser.authorize()
    assert isinstance(answer, AuthorizationResponse)
    with pytest.raises(InvalidGrant):
        App(server).exchange(answer.parameters["code"])


@pytest.mark.parametrize("whose", [{"client_id": "web"}, {"subject": SUB, "client_id": "web"}, {"subject": SUB}])
def test_consent_is_forgotten_with_whatever_it_was_given_under(whose: dict[str, str]) -> None:
    server = Server()
    browser = Browser(server)
    browser.code()
    assert isinstance(browser.authorize(), AuthorizationResponse)
    server.withdrawals.end(**whose)
    pending = browser.authorize(prompt="login")
    assert isinstance(pending, GoTo)
    browser.sign_in(pending.request_handle)
    answer = browser.authorize()
    assert isinstance(answer, GoTo)
    assert answer.page == "consent"


# ------------------------------------------------------------------ the catalogue


def test_scope_that_was_just_defined_takes_the_word_it_takes() -> None:
    """An instance remembers the catalogue by its version; whom a scope takes is decided by what it says now."""
    server = Server(fakes.client(scope=Scope.parse("openid payroll")))
    server.services.scopes()
    stricter = ScopeDefinition("payroll", "Pay people", grantable_by="operator")
    assert server.withdrawals.change_scopes(ScopeCatalogue.of((*DEFAULT.definitions, stricter)))
    browser = Browser(server)
    pending: Any = browser.authorize((), frozenset(), scope="openid payroll")
    signed_in: Any = browser.sign_in(pending.request_handle)
    refused = browser.consent_page(signed_in.request_handle)
    assert isinstance(refused, AuthorizationResponse)
    assert refused.parameters["error"] == "access_denied"
