"""What a right password costs: each sign-in is paid for in writes."""

import pytest

from tests.functions.gateway import Gateway
from tests.functions.journey import Browser, native
from tests.functions.simulated_aws import Call
from tests.functions.world import World

DEVICE = "__Host-device"


def signs_in(world: World, browser: Browser, **changed: str) -> list[Call]:
    """The writes of a sign-in by a browser that is signed in nowhere."""
    device = browser.cookies.get(DEVICE)
    browser.cookies = {DEVICE: device} if device else {}
    page = browser.follow(browser.authorize(native(browser.gateway).request()))
    world.aws.calls.clear()
    answer = browser.sign_in(page, **changed)
    assert answer.status == (401 if changed else 303)
    return [call for call in world.aws.calls if call.write]


def told(calls: list[Call]) -> list[tuple[str, float]]:
    return [(call.prefixes[0], call.write) for call in calls]


@pytest.mark.parametrize("known", [False, True], ids=["a browser like any other", "a browser that is known"])
def test_a_right_password_is_six_write_units(world: World, known: bool) -> None:
    """Two each for a session and for a line of the activity, which are listed; and to count it and to give it back."""
    browser = Browser(Gateway(world))
    signs_in(world, browser)
    if not known:
        browser.cookies.clear()
    assert (DEVICE in browser.cookies) is known
    assert told(signs_in(world, browser)) == [("throttle", 1), ("throttle", 1), ("session", 2), ("activity", 2)]


def test_it_is_six_also_after_wrong_ones_and_among_others_at_the_same_address(world: World) -> None:
    for number in range(8):
        signs_in(world, Browser(Gateway(world)), username=f"somebody-{number}", password="guessed")
    owner = Browser(Gateway(world))
    signs_in(world, owner, password="guessed")
    world.clock.pass_by(1)
    assert sum(call.write for call in signs_in(world, owner)) == 6


def test_a_wrong_password_is_two_write_units(world: World) -> None:
    """One at its source, and one at the account, for who tries from many sources."""
    browser = Browser(Gateway(world))
    signs_in(world, browser)
    browser.cookies.clear()
    assert told(signs_in(world, browser, password="guessed")) == [("throttle", 1), ("throttle", 1)]


@pytest.mark.parametrize("password", ["", "guessed"], ids=["right", "wrong"])
def test_a_confirmed_address_costs_what_a_username_does(world: World, password: str) -> None:
    """The same calls, which read and write as much, whichever name is typed; also for a name that no user has."""
    changed = {"password": password} if password else {}
    names = ["alice", "alice@example.com", *(["nobody", "nobody@example.com"] if password else [])]
    spent = []
    for name in names:
        world.reset()
        browser = Browser(Gateway(world), username=name)
        signs_in(world, browser, **changed)
        spent.append([(call.operation, call.table, call.read, call.write) for call in world.aws.calls])
    assert spent == spent[:1] * len(names)
