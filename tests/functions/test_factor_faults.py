"""DynamoDB and KMS fail while a user signs in, or changes a factor: the failure signs no user in."""

import re
from typing import Any

import pytest
from pyotp import TOTP

from tests.authenticator import Authenticator
from tests.functions.gateway import Gateway
from tests.functions.journey import Browser, native
from tests.functions.second_factors import (
    RECOVERY_CODE,
    at_code,
    code_now,
    enter,
    give_factors,
    give_passkey,
    options_of,
    present,
)
from tests.functions.simulated_aws import Fault
from tests.functions.situations import FAULTS, Ask, Prepare, Situation, is_unavailable
from tests.functions.world import World

SESSION = "__Host-session="


def type_the_password(gateway: Gateway) -> tuple[str, Ask]:
    give_factors(gateway.world)
    browser = Browser(gateway)
    page = browser.follow(browser.authorize(native(gateway).request()))
    return "login", lambda: browser.sign_in(page)


def show_the_code_page(gateway: Gateway) -> tuple[str, Ask]:
    give_factors(gateway.world)
    browser = Browser(gateway)
    answer = browser.sign_in(browser.follow(browser.authorize(native(gateway).request())))
    return "login", lambda: browser.follow(answer)


def enter_a_code(gateway: Gateway) -> tuple[str, Ask]:
    give_factors(gateway.world)
    browser = Browser(gateway)
    page = at_code(browser)
    return "login", lambda: enter(browser, page, code=code_now(gateway.world))


def enter_a_recovery_code(gateway: Gateway) -> tuple[str, Ask]:
    give_factors(gateway.world)
    browser = Browser(gateway)
    page = at_code(browser)
    return "login", lambda: enter(browser, page, recovery_code=RECOVERY_CODE)


def present_a_passkey(gateway: Gateway) -> tuple[str, Ask]:
    device = Authenticator(gateway.world.issuer)
    give_passkey(gateway.world, device)
    browser = Browser(gateway)
    page = browser.follow(browser.authorize(native(gateway).request()))
    signed = device.sign(options_of(page))
    return "login", lambda: present(browser, page, signed)


SIGNING_IN: list[Prepare] = [
    type_the_password,
    show_the_code_page,
    enter_a_code,
    enter_a_recovery_code,
    present_a_passkey,
]


def on_a_page(gateway: Gateway, path: str, action: str, **form: Any) -> tuple[str, Ask]:
    browser = Browser(gateway)
    page = browser.visit(path)
    return "my", lambda: browser.act(page, path, action, **form)


def change_the_password(gateway: Gateway) -> tuple[str, Ask]:
    password = {"current": "wonderland-demo", "new": "a new and better one"}
    return on_a_page(gateway, "/my/security/password", "change", **password)


def begin_an_app(gateway: Gateway) -> tuple[str, Ask]:
    return on_a_page(gateway, "/my/security/app", "begin")


def confirm_an_app(gateway: Gateway) -> tuple[str, Ask]:
    browser, path = Browser(gateway), "/my/security/app"
    browser.act(browser.visit(path), path, "begin")
    page = browser.visit(path)
    (secret,) = re.findall(r"<code>([A-Z2-7 ]+)</code>", page.body)
    code = TOTP(secret.replace(" ", "")).at(int(gateway.world.clock.time()))
    return "my", lambda: browser.act(page, path, "confirm", code=code)


def add_a_passkey(gateway: Gateway) -> tuple[str, Ask]:
    browser, path = Browser(gateway), "/my/security/passkeys"
    page = browser.visit(path)
    made = Authenticator(gateway.world.issuer).register(options_of(page))
    return "my", lambda: browser.act(page, path, "add", name="A key", credential=made)


CHANGING: list[Prepare] = [change_the_password, begin_an_app, confirm_an_app, add_a_passkey]


@pytest.mark.parametrize("prepare", SIGNING_IN + CHANGING)
def test_whichever_call_fails_for_good_the_answer_is_503_and_nobody_is_signed_in(
    prepare: Prepare, world: World
) -> None:
    situation = Situation(world, prepare)
    assert situation.calls
    for first, call in enumerate(situation.calls):
        answer = situation.answer_with(situation.from_call(first, FAULTS[first % len(FAULTS)]))
        try:
            if call.prefixes in (("activity",), ("theme",)):
                assert answer.status in (200, 303)  # what could not be noted, or looked like, fails nothing
                continue
            is_unavailable(answer)
            assert not any(cookie.startswith(SESSION) for cookie in answer.cookies)
        except AssertionError as error:
            error.add_note(f"call {first}, {call.action} {call.prefixes}")
            raise


@pytest.mark.parametrize("prepare", SIGNING_IN + CHANGING)
def test_whichever_attempt_fails_once_the_answer_is_the_usual_one(prepare: Prepare, world: World) -> None:
    """LOST as well: a code that was taken is no replay to the retry of the write that took it."""
    situation = Situation(world, prepare)
    usual = situation.answer_with(None)
    assert usual.status in (200, 303)
    for one, call in enumerate(situation.calls):
        for fault in (Fault.LOST, (Fault.THROUGHPUT_EXCEEDED, Fault.RESET)[one % 2]):
            answer = situation.answer_with(situation.only_call(one, fault))
            assert (answer.status, set(answer.headers)) == (usual.status, set(usual.headers)), (call, fault, answer)
