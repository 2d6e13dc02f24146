"""The tables' streams: each change of an item that a call makes, as Lambda hands it to a function."""

import itertools
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from tests.functions.simulated_aws import Call
from tests.functions.world import World

type Record = dict[str, Any]

STREAMED = ("ClientsTable", "UsersTable", "TokensTable", "KeysTable", "ConfigurationTable")
KEYS = {"ClientsTable": "client_id", "TokensTable": "pk", "KeysTable": "kid"}  # of others it is "id"
_numbers = itertools.count(10**20)


def record(table: str, before: Mapping[str, Any], after: Mapping[str, Any], at: float, expired: bool = False) -> Record:
    """A record of the stream of a table, whose items are attribute values; empty for none."""
    name = KEYS.get(table, "id")
    images = {"OldImage": before, "NewImage": after}
    by_ttl = {"userIdentity": {"type": "Service", "principalId": "dynamodb.amazonaws.com"}} if expired else {}
    return {
        "eventID": f"{next(_numbers):032x}",
        "eventName": "MODIFY" if before and after else "INSERT" if after else "REMOVE",
        "eventSource": "aws:dynamodb",
        "eventSourceARN": f"arn:aws:dynamodb:eu-central-1:123456789012:table/authserver-{table}/stream/2026-11-30",
        "dynamodb": {
            "ApproximateCreationDateTime": at,
            "Keys": {name: (after or before)[name]},
            "SequenceNumber": str(next(_numbers)),
            **{image: item for image, item in images.items() if item},
        },
        **by_ttl,
    }


@contextmanager
def streaming(world: World) -> Iterator[list[Record]]:
    """What the calls within change, in their order."""
    records: list[Record] = []
    take = world.aws._dispatch
    read = world.aws._read

    def touched(call: Call) -> list[tuple[str, str]]:
        parts = [part for part in call.parts if part.service == "dynamodb" and part.table in STREAMED]
        return [(part.table, key) for part in parts for key in part.keys] if call.operation != "Query" else []

    def dispatch(request: Any, target: str, body: bytes) -> Any:

        places = touched(read(target, json.loads(body))) if target.startswith("DynamoDB") else []
        before = {place: world.aws.item(*place) for place in places}
        answer = take(request, target, body)
        for table, key in before:
            after = world.aws.item(table, key)
            if after != before[table, key]:
                records.append(record(table, before[table, key], after, world.clock.time()))
        return answer

    with patch.object(world.aws, "_dispatch", dispatch):
        yield records
