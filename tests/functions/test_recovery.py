"""A forgotten password over the functions' handlers: what is asked of AWS, what fails, what a link is good for."""

import re
from collections.abc import Iterator
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, quote_plus, urlsplit

import pytest

from authserver.values import Secret
from tests.functions.flowing import sending_mails
from tests.functions.gateway import Answer, Gateway
from tests.functions.journey import Browser, web
from tests.functions.mail_flows import NEW_ADDRESS, NEW_PASSWORD, confirm, forget, reset, want_address
from tests.functions.simulated_aws import Call, Fault, Plan
from tests.functions.world import World

FAULTS = (Fault.THROTTLED, Fault.RESET, Fault.INTERNAL, Fault.DENIED)


@pytest.fixture
def mailing(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A deployment that sends mails, whose SDK does not wait before it tries again."""
    monkeypatch.setattr("time.sleep", lambda _: None)
    with sending_mails(world):
        yield world


def ask(world: World, username: str, **options: Any) -> Answer:
    return Gateway(world).post("/recover", {"username": username}, **options)


def can_sign_in(world: World, password: str) -> bool:
    browser = Browser(Gateway(world), password=password)
    page = browser.follow(browser.send("GET", "/my"))
    return browser.sign_in(page).status == 303


def recipients(world: World) -> list[list[str]]:
    return [mail["Destination"]["ToAddresses"] for mail in world.aws.mails]


# ------------------------------------------------------------------ the language that the sign-in was asked for in


def test_the_language_of_a_sign_in_goes_along_and_into_the_mail(mailing: World) -> None:
    browser = Browser(Gateway(mailing))
    page = browser.follow(browser.authorize(web(browser.gateway).request(ui_locales="de")))
    (link,) = re.findall(r'href="recover\?([^"]+)"', page.body)
    asked = dict(parse_qsl(unescape(link)))
    question = browser.send("GET", "/recover", query=asked)
    assert (asked["ui_locales"], 'lang="de"' in question.body) == ("de", True)
    sent = browser.send("POST", "/recover", query=asked, form={"username": "alice", "request": asked["request"]})
    told = browser.send("GET", "/recover", query=dict(parse_qsl(urlsplit(sent.location).query)))
    assert 'lang="de"' in told.body
    assert "ui_locales=de" in told.body
    mailing.deliver()
    assert "neues Passwort" in mailing.aws.mails[-1]["Content"]["Simple"]["Subject"]["Data"]


def test_a_language_that_is_none_harms_nobody(mailing: World) -> None:
    hostile = '"><script>\r\nSet-Cookie: a=b'
    sent = Gateway(mailing).send("POST", "/recover", query={"ui_locales": hostile}, form={"username": "alice"})
    assert sent.location == f"recover?done=sent&ui_locales={quote_plus(hostile)}"
    told = Gateway(mailing).send("GET", "/recover", query={"done": "sent", "ui_locales": hostile})
    assert told.status == 200
    assert hostile not in told.body
    long = Gateway(mailing).send("POST", "/recover", query={"ui_locales": "x" * 9000}, form={"username": "alice"})
    assert len(long.location or "") < 500


# ------------------------------------------------------------------ no answer reveals who is here


def shape(calls: list[Call]) -> list[tuple[object, ...]]:
    return [(call.function, call.action, call.table, call.prefixes, call.read, call.write) for call in calls]


@pytest.mark.rfc("ASVS 5.0", "6.3.8")
def test_a_name_that_is_here_and_one_that_is_not_get_the_same_answer_by_the_same_calls(mailing: World) -> None:
    seen = []
    for username in ("alice", "nobody", "bob's brother", "alice\r\nBcc: mallory@evil.example"):
        mailing.reset()
        answer = ask(mailing, username)
        seen.append((answer.raw, shape(mailing.aws.calls)))
    assert all(one == seen[0] for one in seen)
    assert [action for _, action, *_ in seen[0][1]][-1] == "lambda:InvokeFunction"
    assert {call.prefixes for call in mailing.aws.calls if call.table == "UsersTable"} == {("login",)}


def test_a_name_that_is_no_name_reaches_nobody(mailing: World) -> None:
    for username in ("alice\r\nBcc: mallory@evil.example", "alice,bob", "alice\u202e", "x" * 10_000):
        assert ask(mailing, username).status == 303
    mailing.deliver()
    assert mailing.aws.mails == []


def test_what_becomes_of_the_mail_does_not_change_the_answer(mailing: World) -> None:
    """SES refuses it; Lambda carries out the order again, and the link is the same."""
    usual = ask(mailing, "nobody").raw
    assert ask(mailing, "alice").raw == usual
    ((_, order),) = [one for one in mailing.aws.invocations if one[1]["username"] == "alice"]
    failing = mailing.aws.failing(lambda call: Fault.INTERNAL if call.service == "ses" else None)
    with failing, pytest.raises(RuntimeError, match="ses_InternalServerError"):
        mailing.invoke("mail", order)
    assert mailing.aws.mails == []
    for _ in range(2):
        mailing.invoke("mail", order)
    first, second = mailing.aws.mails
    assert first == second


def test_a_mail_whose_answer_is_lost_is_not_sent_twice_at_once(mailing: World) -> None:
    """It may have been sent; Lambda comes back later, with the same mail."""
    ask(mailing, "alice")
    failing = mailing.aws.failing(lambda call: Fault.LOST if call.service == "ses" else None)
    with failing, pytest.raises(RuntimeError, match="ses_unreachable"):
        mailing.deliver()
    assert len(mailing.aws.mails) == 1


def test_who_asks_too_often_is_told_to_wait_whatever_the_name(mailing: World) -> None:
    answers = [ask(mailing, f"nobody-{number}") for number in range(52)]
    assert {answer.status for answer in answers[:51]} == {303}
    assert answers[51].status == 429
    assert 0 < int(answers[51].headers["retry-after"]) <= 30
    assert "Too many attempts" in answers[51].body


def test_forwarded_addresses_are_not_believed(mailing: World) -> None:
    for number in range(51):
        ask(mailing, f"nobody-{number}", headers={"x-forwarded-for": f"198.51.100.{number}"})
    assert ask(mailing, "nobody", headers={"x-forwarded-for": "192.0.2.1"}).status == 429


# ------------------------------------------------------------------ what a link is good for


def test_opening_a_link_writes_nothing(mailing: World) -> None:
    path, before = forget(mailing), mailing.aws.snapshot()
    for method in ("GET", "HEAD", "GET"):
        assert Gateway(mailing).send(method, path).status == 200
    assert mailing.aws.snapshot() == before


def test_the_page_of_a_link_tells_no_other_site_about_it(mailing: World) -> None:
    answer = Gateway(mailing).send("GET", forget(mailing))
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert "form-action 'self'" in answer.headers["content-security-policy"]
    assert "ml_" not in answer.body


@pytest.mark.rfc("ASVS 5.0", "7.4.3")
def test_a_new_password_ends_what_the_old_one_began(mailing: World) -> None:
    browser, app = Browser(Gateway(mailing)), web(Gateway(mailing))
    tokens = app.tokens(browser)
    assert reset(mailing, forget(mailing)).status == 303
    assert app.refresh(tokens["refresh_token"]).error == "invalid_grant"
    assert app.post("/introspect", token=tokens["access_token"]).json() == {"active": False}
    assert browser.send("GET", "/my").location.startswith("login?")
    assert not can_sign_in(mailing, "wonderland-demo")
    assert can_sign_in(mailing, NEW_PASSWORD)


@pytest.mark.rfc("ASVS 5.0", "6.4.3")
def test_nobody_is_signed_in_by_a_link(mailing: World) -> None:
    path = forget(mailing)
    assert Gateway(mailing).send("GET", path).cookies == ()
    assert reset(mailing, path).cookies == ()


def test_a_new_password_verifies_the_address_that_the_link_went_to(mailing: World) -> None:
    assert reset(mailing, forget(mailing, "bob")).status == 303
    (bob,) = (item for item in mailing.aws.items("UsersTable").values() if item.get("username") == {"S": "bob"})
    assert bob["email_verified"] == {"BOOL": True}


@pytest.mark.rfc("ASVS 5.0", "6.4.3")
def test_a_link_makes_no_first_password(mailing: World) -> None:
    """Who has none signs in through an identity provider, or not at all: a mailbox is no way around it."""
    path = forget(mailing)
    (alice,) = (key for key, one in mailing.aws.items("UsersTable").items() if one.get("username") == {"S": "alice"})
    mailing.aws.change("UsersTable", alice, password_hash={"S": ""})
    assert Gateway(mailing).send("GET", path).status == 400
    assert reset(mailing, path).status == 400
    mails = len(mailing.aws.mails)
    mailing.clock.ahead += 3600
    assert ask(mailing, "alice").status == 303
    mailing.deliver()
    assert len(mailing.aws.mails) == mails


def test_of_two_links_the_second_is_over_when_the_first_was_used(mailing: World) -> None:
    first = forget(mailing)
    mailing.clock.pass_by(61)
    second = forget(mailing)
    assert first != second
    assert reset(mailing, first).status == 303
    assert reset(mailing, second, "another-looking-glass").status == 400
    assert not can_sign_in(mailing, "another-looking-glass")


@pytest.mark.parametrize(("seconds", "status"), [(1799, 303), (1800, 400)])
def test_a_link_is_over_after_half_an_hour(seconds: int, status: int, mailing: World) -> None:
    path = forget(mailing)
    mailing.clock.pass_by(seconds)
    assert Gateway(mailing).send("GET", path).status == (200 if status == 303 else 400)
    assert reset(mailing, path).status == status


@pytest.mark.parametrize("change", [{"email": {"S": "alice@elsewhere.example"}}, {"email": None}])
def test_a_link_to_an_address_that_is_not_the_users_any_more_is_worth_nothing(
    change: dict[str, Any], mailing: World
) -> None:
    path = forget(mailing)
    (alice,) = (key for key, item in mailing.aws.items("UsersTable").items() if item.get("username") == {"S": "alice"})
    mailing.aws.change("UsersTable", alice, **change)
    assert Gateway(mailing).send("GET", path).status == 400
    assert reset(mailing, path).status == 400
    assert can_sign_in(mailing, "wonderland-demo")


@pytest.mark.parametrize("password", ["seven77", "x" * 1025, "alice", "nul\x00in the middle"])
def test_a_password_that_may_not_be_one_uses_nothing(password: str, mailing: World) -> None:
    path = forget(mailing)
    answer = reset(mailing, path, password)
    assert answer.status == 400
    assert Secret(password).reveal() not in answer.body or password == "alice"
    assert reset(mailing, path).status == 303


# ------------------------------------------------------------------ what fails


def failing_from(first: int, fault: Fault, times: int = 10_000) -> Plan:
    """From this call on, so many fail."""
    counted = iter(range(10_000))

    def plan(_: Call) -> Fault | None:
        return fault if first <= next(counted) < first + times else None

    return plan


def calls_of(world: World, act: Any) -> list[Call]:
    world.aws.calls.clear()
    act()
    assert world.aws.calls  # or nothing could be made to fail
    return list(world.aws.calls)


def test_an_order_that_cannot_be_placed_is_503_for_everybody(mailing: World) -> None:
    count = len(calls_of(mailing, lambda: ask(mailing, "alice")))
    for first in range(count):
        for username in ("alice", "nobody"):
            mailing.reset()
            with mailing.aws.failing(failing_from(first, FAULTS[first % len(FAULTS)])):
                assert ask(mailing, username).status == 503
            assert mailing.aws.invocations == []


def test_whoever_asks_again_after_a_failure_gets_a_mail(mailing: World) -> None:
    calls = calls_of(mailing, lambda: ask(mailing, "alice"))
    for number, call in enumerate(calls):
        mailing.reset()
        with mailing.aws.failing(failing_from(number, Fault.INTERNAL, 2)):  # as often as either client tries
            assert ask(mailing, "alice").status == 503, call
        assert ask(mailing, "alice").status == 303
        assert len(mailing.aws.invocations) == 1, call


def test_a_form_that_failed_can_be_sent_again(mailing: World) -> None:
    """Whichever call failed, the link is used for this password alone, and finishes what was begun."""
    path = forget(mailing)
    Gateway(mailing).send("GET", path)  # with keys as warm as they are in what follows
    before = mailing.aws.snapshot()
    calls = calls_of(mailing, lambda: reset(mailing, path))
    done = next(number for number, call in enumerate(calls) if call.prefixes == ("activity",))
    for first in range(len(calls)):
        for fault in (Fault.THROTTLED, Fault.LOST):
            mailing.restore(before)
            with mailing.aws.failing(failing_from(first, fault)):
                answer = reset(mailing, path)
            assert answer.status == (503 if first < done else 303), (first, fault)
            assert reset(mailing, path).status == 303, (first, fault)
            assert reset(mailing, path, "another-looking-glass").status == 400
            assert can_sign_in(mailing, NEW_PASSWORD), (first, fault)


def test_an_attempt_that_fails_once_is_the_usual_one(mailing: World) -> None:
    """F2: the write was made and its answer never came; the SDK's retry finds its own claim."""
    path = forget(mailing)
    before = mailing.aws.snapshot()
    for number in range(len(calls_of(mailing, lambda: reset(mailing, path)))):
        mailing.restore(before)
        with mailing.aws.failing(failing_from(number, Fault.LOST, 1)):
            assert reset(mailing, path).status == 303, number


def test_a_mail_that_could_not_be_made_is_made_when_the_order_comes_again(mailing: World) -> None:
    ask(mailing, "alice")
    (_, order), *_ = mailing.aws.invocations
    before = mailing.aws.snapshot()
    count = len(calls_of(mailing, lambda: mailing.invoke("mail", order)))
    for first in range(count):
        mailing.restore(before)
        mailing.aws.mails.clear()
        fresh = mailing.load("mail", MailFrom="authserver@as.example")
        failing = mailing.aws.failing(failing_from(first, FAULTS[first % len(FAULTS)]))
        with failing, pytest.raises(RuntimeError, match=r"^(dynamodb|kms|ses)_"):
            mailing.run("mail", fresh, order)
        mailing.run("mail", fresh, order)
        assert recipients(mailing)[-1] == ["alice@example.com"]


# ------------------------------------------------------------------ addresses


def test_an_address_is_the_users_when_its_link_was_used(mailing: World) -> None:
    path = want_address(mailing)
    gateway = Gateway(mailing)
    token = web(gateway).tokens()["access_token"]

    def told() -> tuple[str, bool]:
        claims = gateway.call("GET", "/userinfo", f"Bearer {token}").json()
        return claims["email"], claims["email_verified"]

    browser = Browser(gateway)
    for _ in range(2):
        assert NEW_ADDRESS in browser.visit(path).body
    assert told() == ("alice@example.com", True)
    assert confirm(browser, path).status == 200
    assert told() == (NEW_ADDRESS, True)
    mailing.deliver()
    assert recipients(mailing) == [[NEW_ADDRESS], ["alice@example.com"]]
    assert "was changed" in mailing.aws.mails[-1]["Content"]["Simple"]["Subject"]["Data"]


def test_an_address_that_the_user_took_back_is_not_theirs(mailing: World) -> None:
    """Else a stranger to whom a mail went by mistake could make the account theirs."""
    stranger = want_address(mailing, "alcie@example.com")
    mine = want_address(mailing, NEW_ADDRESS)
    browser = Browser(Gateway(mailing))
    browser.visit("/my")
    assert confirm(browser, stranger).status == 400
    assert confirm(browser, mine).status == 200
    assert confirm(browser, stranger).status == 400
    forget(mailing)
    assert recipients(mailing)[-1] == [NEW_ADDRESS]


def test_a_link_is_for_what_it_was_sent_for(mailing: World) -> None:
    verification, recovery = want_address(mailing), forget(mailing)
    browser = Browser(Gateway(mailing))
    browser.visit("/my")
    reset_by_it = browser.gateway.post(verification.replace("/verify/", "/recover/"), {"password": NEW_PASSWORD})
    assert reset_by_it.status == 400
    assert confirm(browser, recovery.replace("/recover/", "/verify/")).status == 400
    assert confirm(browser, verification).status == 200


def test_an_address_is_made_nobodys_by_a_link_alone(mailing: World) -> None:
    """The recipient of the mail has to be signed in to the account that wants the address."""
    path = want_address(mailing)
    assert Gateway(mailing).send("GET", path).location.startswith("../login?")
    assert Gateway(mailing).post(path, {}).location.startswith("../login?")
    assert confirm(Browser(Gateway(mailing), "bob", "builder-demo"), path).status == 403
    assert confirm(Browser(Gateway(mailing)), path).status == 200


def test_a_new_password_ends_the_links_to_addresses_that_somebody_else_wanted(mailing: World) -> None:
    path = want_address(mailing, "mallory@evil.example")
    assert reset(mailing, forget(mailing)).status == 303
    assert confirm(Browser(Gateway(mailing), password=NEW_PASSWORD), path).status == 400
