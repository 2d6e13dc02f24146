"""Webhooks on the development server: a change of a user is a signed request to a receiver on this machine."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.development import DevelopmentServer
from tests.functions.webhooks import Received, Receiver

SEED = Path(__file__).parents[2] / "local" / "seed.json"
PARAMETERS = {"Events": "On", "Webhooks": "On", "LoopbackUpstreams": "true"}
PATIENCE = 30  # seconds, in which nothing is waited for that has happened


@pytest.fixture(scope="module")
def running() -> Iterator[DevelopmentServer]:
    with DevelopmentServer(parameters=PARAMETERS, seed=SEED) as server:
        yield server


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


class Operator:
    """The client demo-admin, on the admin API."""

    def __init__(self, server: DevelopmentServer) -> None:
        self._server = server
        (secret,) = [
            one["client_secret"] for one in json.loads(SEED.read_text())["clients"] if one["client_id"] == "demo-admin"
        ]
        answer = httpx.post(
            f"{server.issuer}/token", auth=("demo-admin", secret), data={"grant_type": "client_credentials"}
        )
        self._headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}

    def post(self, path: str, document: Any = None) -> Any:
        answer = httpx.post(f"{self._server.resource}/admin{path}", json=document, headers=self._headers)
        answer.raise_for_status()
        return answer.json()


def arriving(receiver: Receiver, number: int, *statuses: int) -> threading.Event:
    """Is set when so many requests have arrived, the first of which are answered with these statuses."""
    arrived, left = threading.Event(), list(statuses)

    def answer(_: Received) -> tuple[int, dict[str, str]]:
        if len(receiver.received) >= number:
            arrived.set()
        return (left.pop(0) if left else 204), {}

    receiver.answer = answer
    return arrived


def test_a_change_reaches_a_receiver_on_this_machine_and_again_if_it_fails(
    running: DevelopmentServer, receiver: Receiver
) -> None:
    operator = Operator(running)
    made = operator.post("/webhooks", {"url": receiver.url, "types": ["user.created"]})
    arrived = arriving(receiver, 2, 500)
    user = operator.post("/users", {"username": "mabel"})
    assert arrived.wait(PATIENCE)
    first, second = receiver.received
    assert first.id == second.id
    assert second.event["data"]["user"] == user["sub"]
    assert second.event["source"] == running.issuer
    assert second.verifies(made["secret"])


def test_a_test_event_arrives(running: DevelopmentServer, receiver: Receiver) -> None:
    operator = Operator(running)
    made = operator.post("/webhooks", {"url": receiver.url, "types": ["key.*"]})
    arrived = arriving(receiver, 1)
    event = operator.post(f"/webhooks/{made['id']}/test")
    assert arrived.wait(PATIENCE)
    assert receiver.received[0].id == event["id"]
