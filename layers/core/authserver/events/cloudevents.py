"""An event as CloudEvents 1.0 writes it in JSON (section 3.1 of its JSON format), and events in batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authserver.events.types import schema_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from authserver.events import Event

SEQUENCE_DIGITS = 40  # the most that a sequence number of DynamoDB Streams has


def cloud_event(event: Event, source: str, written: Callable[[int], str]) -> dict[str, Any]:
    """The event, from `source`, a URI; `written` writes a time (RFC 3339 section 5.6).

    `sequence` is an extension of CloudEvents: it is compared as text.
    """
    return {
        "specversion": "1.0",
        "id": event.id,
        "source": source,
        "type": event.type,
        "subject": event.subject,
        "time": written(event.change.at),
        "datacontenttype": "application/json",
        "dataschema": schema_name(event.type),
        "sequence": event.change.sequence.zfill(SEQUENCE_DIGITS),
        "data": dict(event.data),
    }


def batches(sizes: Sequence[int], changes: Sequence[tuple[str, str]], most: int, octets: int) -> Iterator[range]:
    """Positions in batches of `most` and of so many octets at most, in which no item has two changes.

    What is in a batch arrives in any order: so the changes of one item, which `changes` names first, stay in theirs.
    """
    first, size, seen = 0, 0, dict[str, str]()
    for position, (item, change) in enumerate(changes):
        is_another = seen.get(item, change) != change
        if position > first and (is_another or position - first == most or size + sizes[position] > octets):
            yield range(first, position)
            first, size, seen = position, 0, {}
        size += sizes[position]
        seen[item] = change
    if sizes:
        yield range(first, len(sizes))
