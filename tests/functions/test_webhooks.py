"""Webhooks, from the admin API to a signed request: Standard Webhooks."""

from collections.abc import Iterator

import pytest

from tests.functions.webhooks import Receiver, Webhooks, webhooks_of
from tests.functions.world import World


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def webhooks(world: World) -> Iterator[Webhooks]:
    with webhooks_of(world) as made:
        yield made
    world.aws.plan = None


def test_a_change_reaches_a_webhook_as_a_signed_cloudevent(webhooks: Webhooks, receiver: Receiver) -> None:
    made = webhooks.create(receiver.url, "user.*")
    with webhooks.happening():
        webhooks.call("POST /admin/users", {"username": "carol"}, status=201)
    webhooks.run()
    (got,) = receiver.received
    assert got.event["type"] == "user.created"
    assert got.headers["content-type"] == "application/cloudevents+json"
    assert got.headers["webhook-id"] == got.event["id"]
    assert got.verifies(made["secret"])
