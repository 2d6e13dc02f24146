"""Guessing is slowed down, and no user can lock another one out: SECURITY.md rows 9, 36 and 37."""

from dataclasses import replace
from typing import Any

import pytest

from authserver.identity.throttle import CLIENT_SECRETS, HOUR, PASSWORDS, Limits
from authserver.messages.browser import GoTo, LoginPage
from authserver.storage.journal import Pace
from authserver.values import Secret
from tests.fakes import FakePasswords, user
from tests.unit.server import Browser, Server, all_at_once
from tests.unit.test_security_pages import PASSWORD_PAGE, signed_in
from tests.unit.test_sign_in import at_login

WRONG = Secret("guessed")
ELSEWHERE = "198.51.100.7"


def guess(browser: Browser, handle: str, **form: Any) -> tuple[int, int | None]:
    """Status and Retry-After of a wrong password."""
    page = browser.sign_in(handle, **{"password": WRONG, **form})
    assert isinstance(page, LoginPage)
    return page.status, page.retry_after


def signs_in(server: Server, browser: Browser | None = None, **form: Any) -> bool:
    browser = browser or Browser(server)
    pending: Any = browser.authorize(prompt="login")
    return isinstance(browser.sign_in(pending.request_handle, **form), GoTo)


def test_a_pace_doubles_to_its_end() -> None:
    pace = Pace(2, (1, 2, 4))
    assert [pace.pause_after(attempts) for attempts in range(7)] == [0, 0, 1, 2, 4, 4, 4]


@pytest.mark.parametrize("limits", [PASSWORDS, CLIENT_SECRETS], ids=lambda limits: limits.kind)
def test_an_account_that_is_tried_from_everywhere_is_never_tried_sooner_than_others(limits: Limits) -> None:
    """A client that keeps to the pace is let through before its credentials are checked."""
    attempts = range(limits.free.free + len(limits.free.pauses) + 99)
    assert all(limits.guarded.pause_after(many) >= limits.free.pause_after(many) for many in attempts)
    assert limits.guarded.free > 0


@pytest.mark.rfc("ASVS 5.0", "6.3.1")
@pytest.mark.rfc("ASVS 5.0", "6.1.1")
def test_five_attempts_are_free_and_then_each_waits_twice_as_long_up_to_a_quarter_of_an_hour() -> None:
    server = Server(now=1_800_000_000 // 3600 * 3600)
    browser, handle = at_login(server)
    assert [guess(browser, handle) for _ in range(5)] == [(401, None)] * 5
    waits = []
    for _ in range(8):
        status, wait = guess(browser, handle)
        assert status == 429
        assert wait
        assert guess(browser, handle) == (429, wait)  # trying does not make it longer
        server.clock.advance(wait - 1)
        assert guess(browser, handle) == (429, 1)
        server.clock.advance(1)
        if server.clock() % 3600 > 500:
            break
        browser, handle = at_login(server)
        assert guess(browser, handle) == (401, None)
        waits.append(wait)
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128]


def test_what_the_wait_says_is_exact() -> None:
    server = Server()
    browser, handle = at_login(server)
    for _ in range(5):
        guess(browser, handle)
    _, wait = guess(browser, handle)
    server.clock.advance(wait or 0)
    assert signs_in(server)


def test_an_hour_later_attempts_are_free_again() -> None:
    server = Server()
    browser, handle = at_login(server)
    for _ in range(5):
        guess(browser, handle)
    server.clock.advance(3600)
    browser, handle = at_login(server)
    assert [guess(browser, handle) for _ in range(5)] == [(401, None)] * 5


def test_the_owner_elsewhere_is_not_delayed() -> None:
    server = Server()
    browser, handle = at_login(server)
    for _ in range(9):
        guess(browser, handle)
    assert signs_in(server, source=ELSEWHERE)
    assert not signs_in(server)


def test_what_is_refused_guards_no_account() -> None:
    """Or one source would take the free attempts of all others."""
    server = Server()
    browser, handle = at_login(server)
    statuses = [guess(browser, handle)[0] for _ in range(300)]
    assert statuses.count(401) == 5
    assert [guess(browser, handle, source=ELSEWHERE)[0] for _ in range(6)] == [401] * 5 + [429]


def test_right_passwords_guard_no_account() -> None:
    server = Server()
    assert all(signs_in(server, source=f"203.0.113.{number}") for number in range(150))
    browser, handle = at_login(server)
    assert [guess(browser, handle)[0] for _ in range(6)] == [401] * 5 + [429]


@pytest.mark.rfc("ASVS 5.0", "6.1.1")
def test_however_many_sources_guess_the_owner_has_an_attempt() -> None:
    """SECURITY.md: delay, never a lock-out that an attacker can cause."""
    server = Server()
    browser, handle = at_login(server)
    for number in range(150):
        guess(browser, handle, source=f"203.0.113.{number}")
    assert signs_in(server, source=ELSEWHERE)
    other = "198.51.100.8"
    assert guess(browser, handle, source=other)[0] == 401
    assert guess(browser, handle, source=other) == (429, 1)  # one is free, and no longer five
    server.clock.advance(1)
    assert signs_in(server, source=other)


def test_wrong_passwords_on_the_page_that_changes_it_are_among_those_at_the_account() -> None:
    server = Server()
    person = signed_in(server)
    person.device_cookie = None
    for _ in range(5):
        person.act(PASSWORD_PAGE, "change", current="guessed", new="another and a better one")
    browser, handle = at_login(server)
    for number in range(95):
        guess(browser, handle, source=f"203.0.113.{number}")
    assert [guess(browser, handle, source=ELSEWHERE) for _ in range(2)] == [(401, None), (429, 1)]


def test_a_known_browser_is_delayed_by_nobody_else() -> None:
    server = Server()
    owner = Browser(server)
    assert signs_in(server, owner)
    guesser, handle = at_login(server)
    for number in range(300):
        guess(guesser, handle, source=f"203.0.113.{number % 3}")
        guess(guesser, handle)
    assert not signs_in(server)
    assert signs_in(server, owner)


def test_a_known_browser_is_delayed_by_its_own_guessing() -> None:
    server = Server()
    owner = Browser(server)
    assert signs_in(server, owner)
    pending: Any = owner.authorize(prompt="login")
    statuses = [guess(owner, pending.request_handle)[0] for _ in range(7)]
    assert statuses == [401] * 5 + [429] * 2
    assert guess(owner, pending.request_handle, source=ELSEWHERE)[0] == 429


@pytest.mark.rfc("ASVS 5.0", "6.3.1")
def test_whoever_knew_the_password_once_gains_no_guesses_by_collecting_device_cookies() -> None:
    server = Server()
    cookies = []
    for _ in range(12):
        browser = Browser(server)
        assert signs_in(server, browser)
        cookies.append(browser.device_cookie)
    statuses = []
    for cookie in cookies:
        browser, handle = at_login(server)
        browser.device_cookie = cookie
        statuses += [guess(browser, handle)[0] for _ in range(5)]
    assert statuses.count(401) == 20 + 5  # of all browsers that are known, and then as from any other
    assert signs_in(server, source=ELSEWHERE)


def test_a_device_is_known_to_its_own_account_alone() -> None:
    """An account of one's own gives no more attempts at another's."""
    server = Server()
    server.users.create(user(sub="sub-of-bob", username="bob"))
    bob = Browser(server, "bob")
    assert signs_in(server, bob)
    pending: Any = bob.authorize(prompt="login")
    statuses = [guess(bob, pending.request_handle, username="alice")[0] for _ in range(6)]
    assert statuses == [401] * 5 + [429]


@pytest.mark.parametrize("cookie", ["", "dv_", "dv_" + "A" * 64, "se_x", "x" * 500, "dv_\x00"])
def test_a_device_that_is_garbage_is_none(cookie: str) -> None:
    server = Server()
    browser, handle = at_login(server)
    browser.device_cookie = cookie
    statuses = [guess(browser, handle)[0] for _ in range(6)]
    assert statuses == [401] * 5 + [429]


@pytest.mark.rfc("ASVS 5.0", "6.3.1")
def test_a_source_that_tries_many_accounts_is_delayed() -> None:
    server = Server()
    browser, handle = at_login(server)
    statuses = [guess(browser, handle, username=f"user-{number}")[0] for number in range(102)]
    assert statuses == [401] * 100 + [429] * 2
    assert signs_in(server, source=ELSEWHERE)


def test_a_source_can_try_112_accounts_in_an_hour() -> None:
    """With so many its item has 3 KB (`test_counters`)."""
    server = Server(now=1_800_000_000 // HOUR * HOUR)
    tried, ends = 0, server.clock() + HOUR
    browser, handle = at_login(server)
    while server.clock() < ends:
        status, wait = guess(browser, handle, username=f"user-{tried}")
        tried += status == 401
        if wait:
            server.clock.advance(wait)
            browser, handle = at_login(server)
    assert tried == 112


def test_the_wait_is_exact_where_account_and_source_have_to_wait() -> None:
    server = Server()
    browser, handle = at_login(server)
    for number in range(96):
        guess(browser, handle, username=f"user-{number}")
    for _ in range(4):
        guess(browser, handle)
    assert guess(browser, handle) == (429, 1)  # the source, and the account might be tried once more
    server.clock.advance(1)
    assert [guess(browser, handle) for _ in range(2)] == [
        (401, None),
        (429, 2),
    ]  # the source for two, the account for one
    server.clock.advance(2)
    assert signs_in(server)


@pytest.mark.parametrize("username", ["", " ", "\x00"])
def test_a_name_that_is_none_is_tried_no_more_often(username: str) -> None:
    browser, handle = at_login(Server())
    assert [guess(browser, handle, username=username)[0] for _ in range(6)] == [401] * 5 + [429]


def test_what_was_refused_counts_nowhere() -> None:
    """Or one who hammers at one account would delay everybody behind the same address."""
    server = Server()
    browser, handle = at_login(server)
    for _ in range(300):
        guess(browser, handle)
    assert guess(browser, handle, username="another")[0] == 401


def test_right_passwords_are_not_counted_as_attempts() -> None:
    server = Server()
    assert all(signs_in(server) for _ in range(120))


@pytest.mark.rfc("ASVS 5.0", "6.3.1")
def test_attempts_at_once_count_like_attempts_one_by_one() -> None:
    server = Server()
    browser, handle = at_login(server)
    page = browser.login_page(handle)
    assert isinstance(page, LoginPage)
    statuses = all_at_once(lambda _: guess(browser, handle, csrf=page.csrf)[0], 100)
    assert (statuses.count(401), statuses.count(429)) == (5, 95)


@pytest.mark.rfc("ASVS 5.0", "6.3.1")
def test_attempts_at_once_from_a_known_browser_count_like_attempts_one_by_one() -> None:
    server = Server()
    owner = Browser(server)
    assert signs_in(server, owner)
    pending: Any = owner.authorize(prompt="login")
    page = owner.login_page(pending.request_handle)
    assert isinstance(page, LoginPage)
    statuses = all_at_once(lambda _: guess(owner, pending.request_handle, csrf=page.csrf)[0], 100)
    assert (statuses.count(401), statuses.count(429)) == (5, 95)


@pytest.mark.parametrize("known", [False, True])
def test_a_right_password_counts_by_one_write_and_is_given_back_by_one(known: bool) -> None:
    server = Server()
    browser = Browser(server)
    if known:
        assert signs_in(server, browser)
    browser.session = None
    pending: Any = browser.authorize(prompt="login")
    server.calls.clear()
    assert isinstance(browser.sign_in(pending.request_handle), GoTo)
    counted = {verb: times for verb, times in server.calls.items() if verb.startswith("counters.")}
    assert counted == {"counters.attempt": 1, "counters.give_back": 1}


def test_a_password_that_was_looked_at_while_the_hour_ended_gives_the_next_hour_nothing_back() -> None:
    server = Server(now=1_800_000_000 // HOUR * HOUR - 1)

    def guess_meanwhile(verb: str, call: Any) -> Any:
        if verb == "counters.give_back" and server.clock() % HOUR == HOUR - 1:
            server.clock.advance(1)
            browser, handle = at_login(server)
            assert [guess(browser, handle)[0] for _ in range(6)] == [401] * 5 + [429]
        return call()

    server.around = guess_meanwhile
    assert signs_in(server)
    browser, handle = at_login(server)
    assert guess(browser, handle) == (429, 1)


def test_password_is_not_looked_at_once_throttled() -> None:
    class Counting(FakePasswords):
        looked = 0

        def verify(self, password: Secret, password_hash: str | None) -> bool:
            self.looked += 1
            return super().verify(password, password_hash)

    server, passwords = Server(), Counting()
    server.services = replace(server.services, passwords=passwords)
    browser, handle = at_login(server)
    for _ in range(20):
        browser.sign_in(handle, password=WRONG)
    assert passwords.looked == 5


@pytest.mark.rfc("ASVS 5.0", "6.3.8")
def test_a_name_that_does_not_exist_costs_and_says_the_same() -> None:
    """By count of calls and hashes, from the first guess to the refusal: time follows them."""
    told, worked = [], []
    for name in ("alice", "nobody"):
        server = Server()
        browser, handle = at_login(server)
        browser.login_page(handle)
        server.calls.clear()
        told.append([guess(browser, handle, username=name) for _ in range(7)])
        worked.append(server.calls)
    assert told[0] == told[1]
    assert worked[0] == worked[1]
