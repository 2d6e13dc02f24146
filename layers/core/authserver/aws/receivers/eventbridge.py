"""Puts events on a bus of Amazon EventBridge: the `detail` is the CloudEvent, the `detail-type` its type."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from authserver.aws.boto import CONFIG, boto3
from authserver.aws.log import write_problem
from authserver.events.cloudevents import batches

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from authserver.aws.publishing import Written

SOURCE = "authserver"
# Of one PutEvents: entries, and octets of them all, of which each entry's source, type and time are some.
ENTRIES, OCTETS, OVERHEAD = 10, 262_144, 200


class EventBridgeClient(Protocol):
    """What is used of boto3's client."""

    def put_events(self, *, Entries: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]: ...  # noqa: N803 - boto3's


class EventBridge:
    """Implements `publishing.Receiver`."""

    def __init__(self, client: EventBridgeClient, bus: str) -> None:
        self._client = client
        self._bus = bus

    def take(self, events: Sequence[Written]) -> int:
        sizes = [len(one.text.encode()) + OVERHEAD for one in events]
        for batch in batches(sizes, [one.changed for one in events], ENTRIES, OCTETS):
            refused = self._put([events[position] for position in batch])
            if refused is not None:
                return batch.start + refused
        return len(events)

    def _put(self, events: Sequence[Written]) -> int | None:
        """The first that was not taken, if any; others after it may have been."""
        try:
            answer = self._client.put_events(Entries=[self._entry(one) for one in events])
        except ClientError as error:
            write_problem("events_not_taken", receiver="eventbridge", code=error.response["Error"]["Code"])
            return 0
        except BotoCoreError as error:
            write_problem("events_not_taken", receiver="eventbridge", code=type(error).__name__)
            return 0
        codes = [one.get("ErrorCode", "") for one in answer["Entries"]]
        refused = next((position for position, code in enumerate(codes) if code), None)
        if refused is not None:
            write_problem("events_not_taken", receiver="eventbridge", code=codes[refused])
        return refused

    def _entry(self, written: Written) -> dict[str, Any]:
        return {
            "Time": datetime.fromtimestamp(written.event.change.at, UTC),
            "Source": SOURCE,
            "DetailType": written.event.type,
            "Detail": written.text,
            "EventBusName": self._bus,
        }


def receiver(environ: Mapping[str, str]) -> EventBridge:
    """The bus that `EVENT_BUS` names."""
    return EventBridge(boto3.client("events", config=CONFIG), environ["EVENT_BUS"])
