"""Stores that fail: at every call of every endpoint, before the write and after it (SECURITY section 6, F1 to F9)."""

from collections.abc import Callable
from typing import Any

import pytest

from authserver.errors import InvalidGrant, InvalidToken, OAuthError, TemporarilyUnavailable
from authserver.messages.authorization import AuthorizationResponse
from authserver.messages.browser import ConsentPage, GoTo, LoginPage
from authserver.scopes import DEFAULT
from tests.fakes import client, public_client
from tests.unit.server import App, Browser, Server


class Fault:
    """Fails the `nth` call to any store, before it is carried out; counts them all."""

    def __init__(self, nth: int) -> None:
        self.nth = nth
        self.made = 0
        self.failed = ""

    def __call__(self, verb: str, call: Callable[[], Any]) -> Any:
        self.made += 1
        if self.made == self.nth:
            self.failed = verb
            raise TemporarilyUnavailable("The store did not answer", reason="fault")
        return call()


class LostAnswer:
    """Carries out the first call of `verb` twice, as an SDK does whose first answer was lost, and tells the second."""

    def __init__(self, verb: str) -> None:
        self.verb = verb
        self.lost = 0

    def __call__(self, verb: str, call: Callable[[], Any]) -> Any:
        if verb == self.verb and not self.lost:
            self.lost += 1
            call()
        return call()


class Silence:
    """Carries out the first call of `verb` and then fails: the SDK gave up on the answer of a committed write."""

    def __init__(self, verb: str) -> None:
        self.verb = verb
        self.silent = 0

    def __call__(self, verb: str, call: Callable[[], Any]) -> Any:
        result = call()
        if verb == self.verb and not self.silent:
            self.silent += 1
            raise TemporarilyUnavailable("The store did not answer", reason="fault")
        return result


def direct(verb: str, call: Callable[[], Any]) -> Any:
    return call()


def each_call_failing(
    prepare: Callable[[Server], Any], act: Callable[[Server, Any], Any], after: Callable[[Server, Any, int], None]
) -> int:
    """Prepares a new server for each call that `act` makes, and lets that one fail; how many there were.

    The fault must come out as 503 and never as a success, but for what is `FORGIVEN`; `after` then judges what is left,
    with stores that work.
    """
    nth = 1
    while True:
        server = Server(client(access_token_format="opaque"), public_client())
        server.configuration.put_scopes(DEFAULT)
        prepared = prepare(server)
        server.services = server.new_instance()  # cold: its keys and the catalogue are still to be read
        fault = Fault(nth)
        server.around = fault
        failed = has_failed(server, act, prepared, fault)
        if fault.made < nth:
            return nth - 1
        server.around = direct
        if failed:
            after(server, prepared, nth)
        nth += 1


# What is done besides, and fails nothing.
FORGIVEN = ("browsers.remember_consent", "journal.note_activity")


def has_failed(server: Server, act: Callable[[Server, Any], Any], prepared: Any, fault: Fault) -> bool:
    """Whether the fault came out."""
    try:
        act(server, prepared)
    except TemporarilyUnavailable as error:
        assert error.status == 503  # noqa: PT017 - or nothing was raised
        return True
    assert fault.failed in FORGIVEN or fault.made < fault.nth, "a call failed and the endpoint did not report it"
    return False


# ------------------------------------------------------------------ F1, F7, F9: every call fails once


def code_for(server: Server) -> str:
    return Browser(server).code()


@pytest.mark.rfc("6749", "5.2")
def test_exchange_failing_at_any_call_gives_nothing_and_leaves_a_documented_state() -> None:
    """Before redemption the same code works again; after it the code is spent, and its replay is refused."""

    def after(server: Server, code: str, nth: int) -> None:
        app, redeemed = App(server), server.authorization_of(code).redeemed_by is not None
        if redeemed:
            with pytest.raises(InvalidGrant):
                app.exchange(code)
        else:
            assert app.exchange(code).refresh_token

    assert each_call_failing(code_for, lambda server, code: App(server).exchange(code), after) >= 6


@pytest.mark.rfc("6749", "5.2")
def test_refresh_failing_at_any_call_works_when_it_is_tried_again() -> None:
    def after(server: Server, response: Any, nth: int) -> None:
        again = App(server).refresh(response.refresh_token)
        assert server.access(again.access_token)
        assert server.authorization_of(again.refresh_token or "").generation == 2
        assert App(server).refresh(again.refresh_token)

    made = each_call_failing(
        lambda server: App(server).tokens(),
        lambda server, response: App(server).refresh(response.refresh_token),
        after,
    )
    assert made >= 6


@pytest.mark.rfc("7009", "2.2.1")
@pytest.mark.parametrize("kind", ["refresh_token", "access_token"])
def test_revocation_failing_at_any_call_is_no_success_and_works_when_it_is_tried_again(kind: str) -> None:
    def after(server: Server, response: Any, nth: int) -> None:
        assert server.access(response.access_token)
        App(server).revoke(getattr(response, kind))
        with pytest.raises(InvalidToken):
            server.access(response.access_token)

    made = each_call_failing(
        lambda server: App(server).tokens(),
        lambda server, response: App(server).revoke(getattr(response, kind)),
        after,
    )
    assert made == 3


@pytest.mark.rfc("6750", "3.1")
def test_access_check_failing_at_any_call_lets_nobody_in_and_recovers() -> None:
    made = each_call_failing(
        lambda server: App(server).tokens(),
        lambda server, response: server.access(response.access_token),
        lambda server, response, nth: assert_passes(server, response),
    )
    assert made == 3  # the keys, the token, the catalogue


def assert_passes(server: Server, response: Any) -> None:
    assert server.access(response.access_token).subject == "sub-of-alice"


@pytest.mark.rfc("7662", "2.2")
def test_introspection_failing_at_any_call_is_neither_active_nor_inactive() -> None:
    def after(server: Server, response: Any, nth: int) -> None:
        assert App(server).introspect(response.access_token)["active"] is True

    made = each_call_failing(
        lambda server: App(server).tokens(),
        lambda server, response: App(server).introspect(response.access_token),
        after,
    )
    assert made == 3  # the keys, the caller together with the token, the catalogue


@pytest.mark.rfc("6749", "4.1.2.1")
def test_authorization_failing_at_any_call_sends_nobody_away_with_a_code() -> None:
    def signed_in(server: Server) -> Browser:
        browser = Browser(server)
        browser.code()
        return browser

    def after(server: Server, browser: Browser, nth: int) -> None:
        before = len(server.tokens.every_authorization())
        assert App(server).exchange(browser.code())
        assert len(server.tokens.every_authorization()) == before + 1

    assert each_call_failing(signed_in, lambda server, browser: browser.authorize(), after) == 5


@pytest.mark.rfc("6749", "4.1.2.1")
def test_first_authorization_failing_at_any_call_can_be_begun_again() -> None:
    made = each_call_failing(
        Browser, lambda server, browser: browser.authorize(), lambda server, browser, nth: assert_code(browser)
    )
    assert made == 4  # the client, the catalogue, the ring, the request


def assert_code(browser: Browser) -> None:
    assert App(browser.server).exchange(browser.code())


def at_login(server: Server) -> tuple[Browser, str, str]:
    browser = Browser(server)
    page = browser.authorize()
    assert isinstance(page, GoTo)
    form = browser.login_page(page.request_handle)
    assert isinstance(form, LoginPage)
    return browser, page.request_handle, form.csrf


@pytest.mark.rfc("OIDC Core", "3.1.2.3")
def test_sign_in_failing_at_any_call_signs_nobody_in_and_the_same_form_works_again() -> None:
    def act(server: Server, prepared: tuple[Browser, str, str]) -> None:
        browser, handle, csrf = prepared
        browser.sign_in(handle, csrf=csrf)

    def after(server: Server, prepared: tuple[Browser, str, str], nth: int) -> None:
        browser, handle, csrf = prepared
        assert browser.session is None
        assert isinstance(browser.sign_in(handle, csrf=csrf), GoTo)
        assert isinstance(browser.decide(handle), AuthorizationResponse)

    assert each_call_failing(at_login, act, after) >= 9


def at_consent(server: Server) -> tuple[Browser, str, str]:
    browser, handle, csrf = at_login(server)
    browser.sign_in(handle, csrf=csrf)
    form = browser.consent_page(handle)
    assert isinstance(form, ConsentPage)
    return browser, handle, form.csrf


@pytest.mark.rfc("6749", "4.1.2")
@pytest.mark.parametrize("decision", ["allow", "deny"])
def test_consent_failing_at_any_call_gives_its_answer_when_the_form_is_sent_again(decision: str) -> None:
    def act(server: Server, prepared: tuple[Browser, str, str]) -> None:
        browser, handle, csrf = prepared
        browser.decide(handle, decision, csrf=csrf)

    def after(server: Server, prepared: tuple[Browser, str, str], nth: int) -> None:
        browser, handle, csrf = prepared
        answer = browser.decide(handle, decision, csrf=csrf)
        assert isinstance(answer, AuthorizationResponse)
        assert len(server.tokens.every_authorization()) == (1 if decision == "allow" else 0)
        if decision == "allow":
            assert App(server).exchange(answer.parameters["code"])
        else:
            assert answer.parameters["error"] == "access_denied"

    # Noting and remembering it may fail without anybody being told: the code has been issued, and the user is asked
    # again another time.
    assert each_call_failing(at_consent, act, after) == (8 if decision == "allow" else 5)


@pytest.mark.rfc("6749", "5.2")
def test_code_replayed_while_the_revocation_fails_is_refused_as_unavailable_and_revoked_later() -> None:
    server = Server()
    app, code = App(server), Browser(server).code()
    response = app.exchange(code)
    server.around = fault = Fault(3)  # standing, redeem, revoke
    with pytest.raises(TemporarilyUnavailable):
        app.exchange(code)
    assert fault.failed == "revocations.revoke"
    server.around = direct
    with pytest.raises(InvalidGrant):
        app.exchange(code)
    with pytest.raises(InvalidToken):
        server.access(response.access_token)


class KeysFault:
    """Lets the keys of codes and refresh tokens be read, and no keys to sign with."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, verb: str, call: Callable[[], Any]) -> Any:
        self.asked += verb == "keys.get"
        if verb == "keys.get" and self.asked > 1:
            raise TemporarilyUnavailable("The key service did not answer", reason="fault")
        return call()


@pytest.mark.rfc("6749", "4.1.2")
def test_exchange_without_signing_keys_does_not_spend_the_code() -> None:
    """F16: a cold instance, and a key service that throttles."""
    server = Server()
    code = Browser(server).code()
    server.services = server.new_instance()
    server.around = KeysFault()
    with pytest.raises(TemporarilyUnavailable):
        App(server).exchange(code)
    server.around = direct
    assert App(server).exchange(code).access_token


@pytest.mark.rfc("9700", "4.14.2")
def test_refresh_without_signing_keys_does_not_end_the_family_on_a_strict_server() -> None:
    """F16: the client's retry is taken for reuse, and its user signed out."""
    server = Server(refresh_token_grace=0)
    response = App(server).tokens()
    server.services = server.new_instance()
    server.around = KeysFault()
    with pytest.raises(TemporarilyUnavailable):
        App(server).refresh(response.refresh_token)
    server.around = direct
    assert App(server).refresh(response.refresh_token).access_token


# ------------------------------------------------------------------ F2, F3: the write was done, its answer lost


@pytest.mark.rfc("6749", "4.1.2")
def test_redemption_whose_answer_was_lost_gives_one_pair_to_its_own_retry() -> None:
    """F2."""
    server = Server()
    app, code = App(server), Browser(server).code()
    lost = server.around = LostAnswer("tokens.redeem")
    response = app.exchange(code)
    assert lost.lost == 1
    assert server.access(response.access_token)
    assert server.authorization_of(code).revoked_at is None
    with pytest.raises(InvalidGrant) as refusal:
        app.exchange(code)
    assert refusal.value.reason == "code_replayed"


@pytest.mark.rfc("9700", "4.14.2")
@pytest.mark.parametrize("grace", [0, 30])
def test_rotation_whose_answer_was_lost_gives_the_successor_to_its_own_retry(grace: int) -> None:
    """F3; on a strict server too, since it is no second use."""
    server = Server(refresh_token_grace=grace)
    app = App(server)
    first = app.tokens()
    lost = server.around = LostAnswer("tokens.rotate")
    second = app.refresh(first.refresh_token)
    assert lost.lost == 1
    assert server.authorization_of(second.refresh_token or "").generation == 2
    assert server.access(second.access_token)
    assert app.refresh(second.refresh_token)


@pytest.mark.rfc("9700", "4.14.2")
def test_rotation_that_was_never_told_gives_the_same_successor_to_the_client_who_tries_again() -> None:
    """F3, F4."""
    server = Server()
    app = App(server)
    first = app.tokens()
    server.around = Silence("tokens.rotate")
    with pytest.raises(TemporarilyUnavailable):
        app.refresh(first.refresh_token)
    server.clock.advance(5)
    second = app.refresh(first.refresh_token)
    assert server.authorization_of(second.refresh_token or "").generation == 2
    assert app.refresh(second.refresh_token)


@pytest.mark.rfc("6749", "4.1.2")
def test_redemption_that_was_never_told_leaves_no_tokens_and_a_spent_code() -> None:
    server = Server()
    app, code = App(server), Browser(server).code()
    server.around = Silence("tokens.redeem")
    with pytest.raises(TemporarilyUnavailable):
        app.exchange(code)
    with pytest.raises(InvalidGrant):
        app.exchange(code)
    assert server.authorization_of(code).revoked_at is not None


@pytest.mark.parametrize(
    ("verb", "token_format"), [("revoke", "jwt"), ("revoke_access_token", "jwt"), ("revoke_opaque", "opaque")]
)
def test_revocation_whose_answer_was_lost_is_told_as_done(verb: str, token_format: str) -> None:
    server = Server(client(access_token_format=token_format))
    app = App(server)
    response = app.tokens()
    lost = server.around = LostAnswer(f"revocations.{verb}")
    app.revoke(response.refresh_token if verb == "revoke" else response.access_token)
    assert lost.lost == 1
    with pytest.raises(InvalidToken):
        server.access(response.access_token)


@pytest.mark.parametrize("verb", ["browsers.answer_request", "browsers.put_session", "browsers.put_request"])
def test_page_whose_write_was_done_twice_goes_on(verb: str) -> None:
    server = Server()
    lost = server.around = LostAnswer(verb)
    assert App(server).tokens()
    assert lost.lost == 1


@pytest.mark.rfc("6749", "4.1.2")
def test_code_whose_creation_was_told_too_late_is_the_same_code() -> None:
    server = Server()
    lost = server.around = LostAnswer("tokens.create")
    assert App(server).tokens()
    assert lost.lost == 1
    assert len(server.tokens.every_authorization()) == 1


# ------------------------------------------------------------------ F12, F13: TTL never comes, or too soon


@pytest.mark.parametrize("kind", ["requests", "sessions"])
def test_item_that_vanished_in_mid_flow_sends_the_user_to_a_page_of_ours(kind: str) -> None:
    server = Server()
    browser, handle, csrf = at_consent(server)
    server.browsers.forget(kind)
    if kind == "sessions":
        answer = browser.decide(handle, csrf=csrf)
        assert isinstance(answer, GoTo)
        assert answer.page == "login"
        return
    with pytest.raises(OAuthError) as refusal:
        browser.decide(handle, csrf=csrf)
    assert (refusal.value.error, refusal.value.reason) == ("invalid_request", "request_over")


@pytest.mark.rfc("6749", "4.1.2")
def test_authorization_that_vanished_is_unknown() -> None:
    server = Server()
    app, code = App(server), Browser(server).code()
    response = app.tokens()
    server.tokens.forget("authorizations")
    with pytest.raises(InvalidGrant):
        app.exchange(code)
    with pytest.raises(InvalidGrant):
        app.refresh(response.refresh_token)
    app.revoke(response.refresh_token)


# ------------------------------------------------------------------ F22: chance repeats itself


@pytest.mark.rfc("6749", "10.10")
def test_identifier_drawn_twice_overwrites_nothing() -> None:
    server = Server()
    browser = Browser(server)
    browser.code()
    server.random = lambda octets: bytes(octets)  # type: ignore[assignment]  # in place of a generator
    server.services = server.new_instance()
    first = browser.authorize()
    assert isinstance(first, AuthorizationResponse)
    before = server.tokens.every_authorization()
    App(server).exchange(first.parameters["code"])
    again = browser.authorize()
    assert isinstance(again, AuthorizationResponse)
    assert again.parameters["error"] == "server_error"
    assert len(server.tokens.every_authorization()) == len(before)
