"""The flows of people who prove who they are by more than a password."""

from tests.authenticator import Authenticator
from tests.functions.flowing import flow
from tests.functions.gateway import Answer, Gateway
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
from tests.functions.world import World


def refused(answer: Answer) -> None:
    assert answer.status == 401, answer


@flow
def sign_in_with_a_code(world: World) -> None:
    give_factors(world)
    browser = Browser(Gateway(world))
    page = at_code(browser)
    refused(enter(browser, page, code="000000"))
    assert "consent?request=" in enter(browser, page, code=code_now(world)).location
    other = Browser(browser.gateway)
    assert "consent?request=" in enter(other, at_code(other), recovery_code=RECOVERY_CODE).location


@flow
def sign_in_with_a_passkey(world: World) -> None:
    device = Authenticator(world.issuer)
    give_passkey(world, device)
    browser = Browser(Gateway(world))
    page = browser.follow(browser.authorize(native(browser.gateway).request()))
    signed = device.sign(options_of(page))
    assert "consent?request=" in present(browser, page, signed).location
    refused(present(browser, page, signed))
    refused(present(browser, page, "{}"))


@flow
def sign_in_again_in_a_known_browser(world: World) -> None:
    browser = Browser(Gateway(world))
    for _ in range(2):
        page = browser.follow(browser.authorize(native(browser.gateway).request(prompt="login")))
        assert "consent?request=" in browser.sign_in(page).location
