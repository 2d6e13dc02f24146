"""Publishes what changed in the tables: from their streams, as events, to each receiver.

At least once, and the changes of one item in their order. A batch of a stream is taken up to the first change that a
receiver did not take; Lambda brings the rest again, from there on. Powertools' batch processor is not used: it goes on
behind a record that failed, and would tell later changes of an item before earlier ones.

A change that no event can be made of would never be taken. It is named in the dead-letter queue, and the others go on.
It is named when Lambda does not bring it again: behind a change that was not taken, each attempt would name it.
"""

from __future__ import annotations

import time
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from authserver.aws.log import write_problem
from authserver.aws.table import decode_item
from authserver.events import Change, Event
from authserver.events.cloudevents import cloud_event
from authserver.events.mapping import events_of
from authserver.records import dataclass
from authserver.values import json_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

TIME_TO_LIVE = "dynamodb.amazonaws.com"  # who removes what has expired
LARGEST = 200_000  # octets of an event: each receiver takes one of that size
REMEMBERED = 10_000  # events that a receiver took


@dataclass(frozen=True, slots=True)
class Written:
    """An event, and its `text` as a CloudEvent in JSON."""

    event: Event
    text: str

    @property
    def changed(self) -> tuple[str, str]:
        """The item that changed, by its table and key, and which change it was."""
        change = self.event.change
        return f"{change.table}/{change.key}", change.sequence


class Receiver(Protocol):
    """Takes events somewhere. A module of `aws.receivers` makes one: ``receiver(environ)``."""

    def take(self, events: Sequence[Written]) -> int:
        """How many of the events, from the first on, were taken: those behind come again.

        It must not take a change of an item before an earlier one of the same item, and may take some twice. Raises
        nothing.
        """


class DeadLetters(Protocol):
    """Keeps what tells of changes that are not published."""

    def keep(self, record: Mapping[str, Any], reason: str) -> None:
        """Keeps where a record is in its stream, and nothing that is in it. Raises if it cannot."""


def receivers_of(environ: Mapping[str, str]) -> tuple[Receiver, ...]:
    """Those that `EVENT_RECEIVERS` names."""
    names = environ["EVENT_RECEIVERS"].split()
    return tuple(import_module(f"authserver.aws.receivers.{name}").receiver(environ) for name in names)


def publishing(
    receivers: Sequence[Receiver], dead_letters: DeadLetters, tables: Mapping[str, str], source: str
) -> Callable[[Mapping[str, Any], Any], dict[str, Any]]:
    """A Lambda handler of batches of the streams of `tables`, whose roles are by their names.

    It answers where Lambda is to begin again, and of how many changes before that no event can be made (`notMade`), for
    `scripts.replay_events`. Lambda itself reads no more than the failures.
    """

    remembering = [_Remembering(one) for one in receivers]

    def handler(batch: Mapping[str, Any], _context: Any) -> dict[str, Any]:
        records = batch["Records"]
        made = [_written(record, tables, source) for record in records]
        events = [(position, one) for position, written in enumerate(made) for one in written.events]
        taken = min((one.take([event for _, event in events]) for one in remembering), default=len(events))
        if taken == len(events):
            for one in remembering:
                one.forget(event for _, event in events)
        end = events[taken][0] if taken < len(events) else len(records)
        not_made = [(record, one.error) for record, one in zip(records[:end], made, strict=False) if one.error]
        for record, error in not_made:
            write_problem("event_not_made", reason=error)
            dead_letters.keep(record, error)
        failures = [{"itemIdentifier": _sequence(record)} for record in records[end : end + 1]]
        return {"batchItemFailures": failures, "notMade": len(not_made)}

    return handler


class _Remembering:
    """A receiver that is not given again what it took, until all receivers have it; as far as this instance knows."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._taken: set[str] = set()

    def take(self, events: Sequence[Written]) -> int:
        """As `Receiver.take`."""
        left = [position for position, one in enumerate(events) if one.event.id not in self._taken]
        number = self._receiver.take([events[position] for position in left])
        if len(self._taken) > REMEMBERED:
            self._taken.clear()  # of batches that never came again
        self._taken |= {events[position].event.id for position in left[:number]}
        return left[number] if number < len(left) else len(events)

    def forget(self, events: Iterable[Written]) -> None:
        """What is published on purpose once more is given to the receiver again."""
        self._taken -= {one.event.id for one in events}


@dataclass(frozen=True, slots=True)
class Made:
    """The events of a change, or the name of the error why none can be made of it."""

    events: tuple[Written, ...] = ()
    error: str = ""


def _written(record: Mapping[str, Any], tables: Mapping[str, str], source: str) -> Made:
    try:
        events = [Written(event, json_text(cloud_event(event, source, rfc3339))) for event in _events(record, tables)]
        if any(len(one.text.encode()) > LARGEST for one in events):
            raise ValueError("an event is too large")  # noqa: TRY301 - kept like all that cannot be published
    except Exception as error:  # noqa: BLE001 - whatever it is, the other changes are published
        return Made(error=type(error).__name__)
    return Made(tuple(events))


def _events(record: Mapping[str, Any], tables: Mapping[str, str]) -> tuple[Event, ...]:
    return events_of(change_of(record, tables))


def change_of(record: Mapping[str, Any], tables: Mapping[str, str]) -> Change:
    """The change that a record of a stream tells of. Raises `KeyError` or `ValueError` if it is none of ours."""
    told = record["dynamodb"]
    ((_, key),) = told["Keys"].items()
    return Change(
        tables[record["eventSourceARN"].split("/")[1]],
        key["S"],
        decode_item(told.get("OldImage", {})),
        decode_item(told.get("NewImage", {})),
        told["SequenceNumber"],
        int(told["ApproximateCreationDateTime"]),
        record.get("userIdentity", {}).get("principalId") == TIME_TO_LIVE,
    )


def _sequence(record: Mapping[str, Any]) -> str:
    return str(record["dynamodb"]["SequenceNumber"])


def rfc3339(instant: int) -> str:
    """An instant in UTC (RFC 3339 section 5.6)."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(instant))
