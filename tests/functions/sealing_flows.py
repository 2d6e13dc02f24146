"""The function that seals the audit, given the records that the Audit table's stream would have."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from types import ModuleType
from typing import Any

from tests.fakes import FakeArchive
from tests.functions.world import World

CHAIN = {"AuditChain": "On"}
ARCHIVE = {**CHAIN, "AuditArchive": "Compliance"}


@contextmanager
def sealer(world: World) -> Iterator[tuple[ModuleType, FakeArchive]]:
    """A new instance of the function, and its archive."""
    module, archive = world.load("seal", **CHAIN), FakeArchive()
    module.services = replace(module.services, archive=archive)  # type: ignore[attr-defined]  # a module's global
    with world.using(seal=module):
        yield module, archive


def batch(items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What Lambda gives for these items."""
    return {"Records": [record(item, number) for number, item in enumerate(items, 1)]}


def record(item: Mapping[str, Any], number: int) -> dict[str, Any]:
    return {
        "eventID": f"{number}",
        "eventName": "INSERT",
        "eventSource": "aws:dynamodb",
        "dynamodb": {
            "Keys": {"id": item["id"]},
            "NewImage": dict(item),
            "SequenceNumber": f"{number:021}",
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
    }


def events(world: World) -> list[dict[str, Any]]:
    """The items of the events that are stored."""
    return [item for key, item in sorted(world.aws.items("AuditTable").items()) if key.startswith("event#")]


def seal_as_deployed(world: World) -> None:
    """By the stream, twice, and by the daily run, which finds what is left."""
    with sealer(world):
        for _ in range(2):
            assert world.invoke("seal", batch(events(world)[1:])) == {"batchItemFailures": []}
        world.invoke("seal", {})
