"""What a device costs that asks again and again: RFC 8628 section 3.5."""

from collections.abc import Iterator

import pytest

from tests.functions.device_flows import begin, poll, say, tool
from tests.functions.flowing import authorizing_devices
from tests.functions.gateway import Answer, Gateway
from tests.functions.journey import Browser
from tests.functions.world import World


@pytest.fixture
def devices(world: World) -> Iterator[World]:
    """A world where they are authorized, whose functions are warm."""
    with authorizing_devices(world):
        app, browser = tool(Gateway(world)), Browser(Gateway(world))
        begun = begin(app)
        browser.decide(say(browser, begun, "confirm"))
        assert poll(app, begun).status == 200
        yield world


def cost(world: World, answer: Answer) -> tuple[str, int, float, float]:
    """What was answered, and at how many calls, read and write units."""
    calls = list(world.aws.calls)
    world.aws.calls.clear()
    error = answer.json().get("error", "")
    return error, len(calls), sum(call.read for call in calls), sum(call.write for call in calls)


def test_a_poll_reads_one_unit_beside_its_clients_and_writes_nothing(devices: World) -> None:
    app = tool(Gateway(devices))
    begun = begin(app)
    devices.aws.calls.clear()
    for _ in range(3):
        assert cost(devices, poll(app, begun)) == ("authorization_pending", 1, 2, 0)
        devices.clock.pass_by(5)
        poll(app, begin(app))  # and so the deployment's item was looked at this second
        devices.aws.calls.clear()


def test_a_poll_reads_one_unit_however_much_was_asked_for(devices: World) -> None:
    app = tool(Gateway(devices))
    begun = begin(app, login_hint="a" * 256, resource=devices.resource, ui_locales="de " * 80)
    devices.aws.calls.clear()
    assert cost(devices, poll(app, begun)) == ("authorization_pending", 1, 2, 0)


def test_one_that_comes_too_fast_costs_one_write(devices: World) -> None:
    app = tool(Gateway(devices))
    begun = begin(app)
    poll(app, begun)
    devices.aws.calls.clear()
    assert cost(devices, poll(app, begun)) == ("slow_down", 2, 2, 1)


def test_tokens_cost_what_they_cost_by_a_code_and_the_poll(devices: World) -> None:
    app, browser = tool(Gateway(devices)), Browser(Gateway(devices))
    begun = begin(app, scope="read")
    browser.decide(say(browser, begun, "confirm"))
    devices.aws.calls.clear()
    assert cost(devices, poll(app, begun)) == ("", 3, 5, 1)


def test_a_device_begins_by_one_read_and_two_writes(devices: World) -> None:
    """One to count it at its source."""
    app = tool(Gateway(devices))
    answer = app.post("/device_authorization", scope="read")
    devices.aws.calls.clear()
    answer = app.post("/device_authorization", scope="read")
    assert cost(devices, answer) == ("", 3, 1, 2)
