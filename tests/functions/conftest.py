"""Every function's handler in this process; see `world`."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.functions.estate import Furnished, furnish
from tests.functions.flowing import API_KEYS, WEBHOOKS, taking_documents
from tests.functions.gateway import Gateway
from tests.functions.journey import App, Browser, machine, native, other, web
from tests.functions.simulated_aws import SimulatedAws
from tests.functions.world import Clock, World
from tests.origin import Origin, an_origin


@pytest.fixture(scope="session")
def shared_world() -> Iterator[World]:
    world = World()
    yield world
    world.close()


@pytest.fixture
def world(shared_world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The stack as it is right after it was deployed and seeded. Nothing waits for real."""
    shared_world.reset()
    monkeypatch.setattr(time, "sleep", lambda _: None)
    return shared_world


@pytest.fixture(scope="session")
def furnished_once() -> dict[str, Any]:
    """The estate and what is stored for it, which are made when they are first needed."""
    return {}


@pytest.fixture
def furnished(world: World, furnished_once: dict[str, Any]) -> Iterator[Furnished]:
    """The stack with something of everything that there is to manage, API keys among it."""
    if not furnished_once:
        furnished_once["functions"] = {
            name: world.load(name, **API_KEYS, **WEBHOOKS) for name in ("authorizer", "admin", "account")
        }
    with world.using(**furnished_once["functions"]):
        if "estate" not in furnished_once:
            furnished_once["estate"] = furnish(world)
            furnished_once["stored"] = world.aws.snapshot()
        world.restore(furnished_once["stored"])
        world.aws.calls.clear()
        yield world, furnished_once["estate"]


@pytest.fixture
def aws(world: World) -> SimulatedAws:
    return world.aws


@pytest.fixture
def clock(world: World) -> Clock:
    return world.clock


@pytest.fixture
def gateway(world: World) -> Gateway:
    return Gateway(world)


@pytest.fixture
def browser(gateway: Gateway) -> Browser:
    return Browser(gateway)


@pytest.fixture
def native_app(gateway: Gateway) -> App:
    return native(gateway)


@pytest.fixture
def web_app(gateway: Gateway) -> App:
    return web(gateway)


@pytest.fixture
def other_app(gateway: Gateway) -> App:
    return other(gateway)


@pytest.fixture
def machine_app(gateway: Gateway) -> App:
    return machine(gateway)


@pytest.fixture
def origin(world: World) -> Iterator[Origin]:
    """Where clients have their metadata documents, which are taken."""
    with taking_documents(world), an_origin() as one:
        yield one


@pytest.fixture
def keys(world: World) -> Iterator[Origin]:
    """Where clients have their keys; documents are off."""
    with world.using(documents=world.load("documents", LoopbackUpstreams="true")), an_origin() as one:
        yield one
