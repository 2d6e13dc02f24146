"""What changes while something is under way: a client, a password, a role, a catalogue, a clock."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from authserver.errors import InvalidGrant
from authserver.messages import AuthorizationResponse, ConsentPage, GoTo
from authserver.scopes import DEFAULT, ScopeCatalogue, ScopeDefinition
from authserver.tokens.opaque import key_of
from authserver.values import RedirectUri, Scope, Secret, base64url
from tests import fakes
from tests.unit.server import App, Browser, Server

SUB = "sub-of-alice"
KEPT = 10**10
OTHER_URI = "https://other.example/callback"


def after(server: Server, verb: str, act: Callable[[], Any]) -> None:
    """Once, right after the next call of `verb`; then a second passes."""

    def around(called: str, call: Callable[[], Any]) -> Any:
        answer = call()
        if called == verb:
            server.around = lambda _, call: call()
            act()
            server.clock.advance(1)
        return answer

    server.around = around


def cut_off(server: Server, **what: str) -> None:
    server.tokens.cut_off(**what, not_before=server.clock(), expires_at=KEPT)


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


def test_old_password_gives_no_session_once_it_was_changed() -> None:
    server = Server()
    browser = Browser(server)
    pending: Any = browser.authorize()

    def change_password() -> None:
        server.users.update(SUB, password_hash=fakes.FakePasswords().hash(Secret("another")))
        cut_off(server, subject=SUB)

    after(server, "users.find_with_factors", change_password)
    signed_in: Any = browser.sign_in(pending.request_handle)
    assert isinstance(browser.consent_page(signed_in.request_handle), GoTo)  # to the sign-in page, again


def test_operators_grant_does_not_outlive_the_powers() -> None:
    server = Server(fakes.client(scope=Scope.parse("openid admin:users")))
    server.users.update(SUB, operator=True)
    browser, handle, page = at_consent(server, scope="admin:users")

    def withdraw() -> None:
        server.users.update(SUB, operator=False)
        cut_off(server, subject=SUB)

    after(server, "users.get", withdraw)
    answer = browser.decide(handle, csrf=page.csrf)
    assert isinstance(answer, AuthorizationResponse)
    with pytest.raises(InvalidGrant):
        App(server).exchange(answer.parameters["code"])


def test_disconnecting_ends_what_is_granted_silently_at_that_moment() -> None:
    server = Server()
    browser = Browser(server)
    browser.code()
    server.clock.advance(5)
    after(server, "browsers.browser_state", lambda: cut_off(server, subject=SUB, client_id="web"))
    answer = browser.authorize()
    assert isinstance(answer, AuthorizationResponse)
    with pytest.raises(InvalidGrant):
        App(server).exchange(answer.parameters["code"])


# ------------------------------------------------------------------ others of the same name


def test_consent_is_not_inherited_by_another_client_of_the_same_identifier() -> None:
    server = Server()
    browser = Browser(server)
    browser.code()
    assert isinstance(browser.authorize(), AuthorizationResponse)
    another = fakes.client(redirect_uris=(RedirectUri.parse(OTHER_URI),), created_at=server.clock() + 1)
    server.clients.put(another)
    assert isinstance(browser.authorize(redirect_uri=OTHER_URI), GoTo)


# ------------------------------------------------------------------ catalogue and clock


def test_scope_that_was_just_defined_takes_the_word_it_takes() -> None:
    """An instance remembers the catalogue for minutes; whom a scope takes is decided by what it says now."""
    server = Server(fakes.client(scope=Scope.parse("openid payroll")))
    server.services.scopes()
    stricter = ScopeDefinition("payroll", "Pay people", grantable_by="operator")
    assert server.configuration.put_scopes(ScopeCatalogue.of((*DEFAULT.definitions, stricter)))
    server.clock.advance(1)
    browser = Browser(server)
    pending: Any = browser.authorize((), frozenset(), scope="openid payroll")
    signed_in: Any = browser.sign_in(pending.request_handle)
    refused = browser.consent_page(signed_in.request_handle)
    assert isinstance(refused, AuthorizationResponse)
    assert refused.parameters["error"] == "access_denied"


def test_resuming_moves_no_cutoff_back() -> None:
    """By an instance whose clock is behind that of the one which cut off."""
    server = Server()
    server.tokens.cut_off(subject=SUB, not_before=1005, expires_at=KEPT)
    server.tokens.suspend(subject=SUB)
    server.tokens.resume(subject=SUB, now=1003, expires_at=KEPT)
    keys = {"subject_key": base64url(key_of(SUB)), "client_key": base64url(key_of("web"))}
    assert server.tokens.standing(**keys).not_before == 1005
