"""After an erasure nothing that is stored says who it was: each attribute of each item of each table is looked at."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from authserver.identity.begin import key_text
from tests.functions.erasure_flows import SETTLED, delete, erase, live_long
from tests.functions.flowing import sending_mails
from tests.functions.gateway import Gateway
from tests.functions.journey import Browser, native
from tests.functions.mail_flows import forget
from tests.functions.simulated_aws import Call, Fault
from tests.functions.world import World

TABLES = ("ClientsTable", "UsersTable", "TokensTable", "KeysTable", "ConfigurationTable")
ADDRESSES = ("alice@example.com", "alice@elsewhere.example")
NAMES = ("alice", "alice liddell")
# What docs/erasure.md says stays: for minutes, and for good or as long as others have it, by a hash alone.
UNDER_WAY, HASHED = {"request#"}, {"end#", "erasure#", "approval#"}


def texts(value: Mapping[str, Any]) -> Iterator[str]:
    """Every text in an attribute value, names of maps among them."""
    ((kind, content),) = value.items()
    match kind:
        case "S":
            yield content
        case "SS":
            yield from content
        case "L":
            for inner in content:
                yield from texts(inner)
        case "M":
            for name, inner in content.items():
                yield name
                yield from texts(inner)


def texts_of(item: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for name, value in item.items():
        yield name
        yield from texts(value)


def items_with(world: World, *wanted: str, whole: tuple[str, ...] = ()) -> set[str]:
    """The kinds of items in which one of these is part of a text, or one of the others is a whole one."""

    def has(item: Mapping[str, Mapping[str, Any]]) -> bool:
        found = [text.casefold() for text in texts_of(item)]
        return any(one.casefold() in text for one in wanted for text in found) or not set(whole).isdisjoint(found)

    stored = ((table, key, item) for table in TABLES for key, item in world.aws.items(table).items())
    return {f"{key.partition('#')[0]}#" if "#" in key else f"{table} {key}" for table, key, item in stored if has(item)}


def items_naming(world: World, alice: str) -> set[str]:
    return items_with(world, alice, *ADDRESSES, whole=NAMES)


@pytest.fixture(scope="session")
def once(shared_world: World) -> tuple[str, dict[str, Any]]:
    """Alice has done all that leaves something; a request of hers is under way, and a link is in her mailbox."""
    world = shared_world
    world.reset()
    alice = live_long(world)
    with sending_mails(world):
        forget(world)
    browser = Browser(Gateway(world))
    browser.authorize(native(Gateway(world)).request(login_hint="alice"))
    return alice, world.aws.snapshot()


@pytest.fixture
def lived(once: tuple[str, dict[str, Any]], world: World) -> tuple[World, str]:
    alice, stored = once
    world.restore(stored)
    return world, alice


def test_whatever_can_name_somebody_does_before(lived: tuple[World, str]) -> None:
    """Or the rest would show nothing."""
    world, alice = lived
    assert items_naming(world, alice) == {
        *("user#", "login#", "identity#", "factors#", "membership#", "invitation#"),
        *("authorization#", "access_token#", "session#", "consent#", "activity#", "mail#", "approval#", "request#"),
        "api_key#",
        *("ClientsTable demo-web", "ClientsTable other-web"),
    }


def test_nothing_names_somebody_who_was_erased(lived: tuple[World, str]) -> None:
    world, alice = lived
    delete(Browser(Gateway(world)))
    erase(world)
    assert items_naming(world, alice) == UNDER_WAY
    assert items_with(world, key_text(alice)) == HASHED


def test_an_order_erases_all_that_lists_show_at_once(lived: tuple[World, str]) -> None:
    """What names her until everything is settled is what is to be looked for."""
    world, alice = lived
    delete(Browser(Gateway(world)))
    world.deliver()
    assert items_naming(world, alice) == UNDER_WAY | {"erasure#"}


def test_apps_go_on_for_those_who_use_them(lived: tuple[World, str]) -> None:
    world, _ = lived
    bob = Browser(Gateway(world), "bob", "builder-demo")
    other = native(Gateway(world))
    before = other.tokens(bob)
    delete(Browser(Gateway(world)))
    erase(world)
    assert other.refresh(before["refresh_token"]).status == 200
    kept = world.aws.item("ClientsTable", "other-web")
    assert (kept["owner"], kept["verification"]) == ({"S": "(deleted user)"}, {"S": "test"})
    assert kept["contacts"] == {"L": [{"S": "help@app.example"}]}
    assert world.aws.item("ConfigurationTable", f"logo#{key_text('other-web')}")


def test_an_account_can_be_made_by_the_same_name_and_is_nobody_elses(lived: tuple[World, str]) -> None:
    world, alice = lived
    delete(Browser(Gateway(world)))
    erase(world)
    assert world.aws.item("TokensTable", f"end#subject#{key_text(alice)}")["suspended"] == {"S": "deleted"}
    assert not [key for key in world.aws.items("UsersTable") if key.startswith("login#") and alice in key]


# ------------------------------------------------------------------ whatever comes between


class Ending:
    """A context that Lambda gives, with so much time left at each look."""

    def __init__(self, *seconds: float) -> None:
        self.left = list(seconds)

    def get_remaining_time_in_millis(self) -> int:
        return int(1000 * (self.left.pop(0) if len(self.left) > 1 else self.left[0]))


def test_a_run_ends_twenty_seconds_before_its_time_does(lived: tuple[World, str]) -> None:
    world, alice = lived
    delete(Browser(Gateway(world)))
    world.aws.invocations.clear()
    world.clock.pass_by(SETTLED)
    handler = world.load("erase").lambda_handler
    world.aws.caller = "erase"
    assert handler({}, Ending(19.9)) == {"erased": 0, "finished": 0, "open": 1}
    done = handler({}, Ending(300, 300, 20))
    assert (done["erased"] > 0, done["finished"], done["open"]) == (True, 0, 1)
    assert items_naming(world, alice) & {"session#", "activity#"}
    assert world.invoke("erase", {})["finished"] == 1
    assert items_naming(world, alice) == UNDER_WAY


@pytest.mark.parametrize("fault", [Fault.THROTTLED, Fault.LOST])
def test_a_run_that_fails_is_repeated_to_the_end(lived: tuple[World, str], fault: Fault) -> None:
    """At one write after another; each run gets further, whether or not its last write was made."""
    world, alice = lived
    delete(Browser(Gateway(world)))
    world.aws.invocations.clear()
    world.clock.pass_by(SETTLED)
    writes = ("DeleteItem", "UpdateItem", "TransactWriteItems")
    for number in range(2, 2000, 7):
        passed = iter(range(number))

        def plan(call: Call, passed: Iterator[int] = passed) -> Fault | None:
            return fault if call.operation in writes and next(passed, None) is None else None

        with world.aws.failing(plan):
            try:
                done = world.invoke("erase", {})
            except RuntimeError:
                continue
        assert done["finished"] == 1
        break
    assert items_naming(world, alice) == UNDER_WAY


def test_a_deletion_whose_order_fails_is_found_by_the_schedule(lived: tuple[World, str]) -> None:
    world, alice = lived
    browser = Browser(Gateway(world))
    with world.aws.failing(lambda call: Fault.RESET if call.service == "lambda" else None):
        assert delete(browser).status == 200
    assert world.aws.invocations == []
    world.clock.pass_by(SETTLED)
    assert world.invoke("erase", {})["finished"] == 1
    assert items_naming(world, alice) == UNDER_WAY


def test_what_she_had_does_not_come_back(lived: tuple[World, str]) -> None:
    world, _ = lived
    tokens = native(Gateway(world)).tokens(Browser(Gateway(world)))
    delete(Browser(Gateway(world)))
    erase(world)
    assert native(Gateway(world)).refresh(tokens["refresh_token"]).status == 400
    with pytest.raises(RuntimeError, match=r"^Unauthorized$"):
        Gateway(world).call("GET", "/me", f"Bearer {tokens['access_token']}")
