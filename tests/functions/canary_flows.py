"""The canary, whose requests reach the gateway of these tests."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from types import ModuleType
from typing import Any

from authserver.management.canary import CLIENT_IDS
from authserver.ports import FetchFailed
from tests.functions.gateway import Answer, Gateway
from tests.functions.given import stores_of
from tests.functions.world import World

CANARY = {"Canary": "On"}


class Through:
    """A `ports.Fetcher` whose requests go through the gateway; `fails` are the addresses that do not answer."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._gateway = Gateway(world)
        self.fails: set[str] = set()

    def post(self, url: str, form: Mapping[str, str], _headers: Mapping[str, str]) -> Mapping[str, Any]:
        assert url == f"{self._world.issuer}/token"
        return self._read(url, lambda: self._gateway.post("/token", form))

    def get(self, url: str, *, bearer: str, **_: Any) -> Mapping[str, Any]:
        assert url == f"{self._world.resource}/me"
        return self._read(url, lambda: self._gateway.call("GET", "/me", f"Bearer {bearer}"))

    def _read(self, url: str, send: Any) -> Mapping[str, Any]:
        if url in self.fails:
            raise FetchFailed("timeout")
        caller = self._world.aws.caller
        answer: Answer = send()
        self._world.aws.caller = caller
        if answer.status != 200:
            said = answer.json() if answer.body.startswith("{") else {}
            raise FetchFailed("status", said.get("error", ""), answer.status)
        read: Mapping[str, Any] = answer.json()
        return read


@contextmanager
def canary(world: World) -> Iterator[tuple[ModuleType, Through]]:
    """A new instance of the function, and its way out."""
    module, through = world.load("canary", **CANARY), Through(world)
    module.services = replace(module.services, fetcher=through)  # type: ignore[attr-defined]  # a module's global
    with world.using(canary=module):
        yield module, through


def look_as_the_canary(world: World) -> None:
    """Two instances: the second finds the client of the first."""
    for _ in range(2):
        with canary(world):
            for _ in range(2):
                assert world.invoke("canary", {}) == {"seen": "ok"}


def look_as_each_client_of_the_canary(world: World) -> None:
    """The same; then its client is deleted, and it makes the next."""
    for client_id in CLIENT_IDS:
        look_as_the_canary(world)
        if client_id != CLIENT_IDS[-1]:
            delete_client(world, client_id)


def delete_client(world: World, client_id: str) -> None:
    """As an operator does."""
    stores = stores_of(world)
    made = stores.clients.get(client_id)
    assert made is not None
    assert stores.withdrawals.delete_client(client_id, made.version)
