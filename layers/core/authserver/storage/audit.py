"""The audit: events of who did what, each written with its act."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from authserver.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from authserver.models.audit import AuditEvent
    from authserver.models.chain import Head, Link, Place
    from authserver.storage.lists import Page


class Note:
    """The event of an act that is under way: the first write of the act writes it as well, in one transaction.

    So there is an event for each act that was done, and none for one that was not. What an act creates is known only
    while it runs (`is_about`).
    """

    __slots__ = ("event", "is_written")

    def __init__(self, event: AuditEvent) -> None:
        self.event = event
        self.is_written = False

    def is_about(self, object_id: str, kind: str = "") -> None:
        """What the act is done to has this identifier; and it is of this kind, unless the act's name tells it.

        A client that registers itself is the actor as well.
        """
        event = self.event
        self.event = replace(
            event, object_id=object_id, object_kind=kind or event.object_kind, actor=event.actor or object_id
        )

    def of_refusal(self, reason: str, *, is_known: bool) -> AuditEvent:
        """The event of an act that was refused, with the reason, and with its object if that exists."""
        event = replace(self.event, outcome="refused", reason=reason, fields=())
        return event if is_known else replace(event, object_id="")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A filter of events: from `since` until `until`, in epoch seconds, both included; `actor`, `object_kind` with
    `object_id`, and `act` narrow it down. An `act` that ends in ``.`` matches every act that begins with it."""

    since: int
    until: int
    actor: str = ""
    object_kind: str = ""
    object_id: str = ""
    act: str = ""

    def includes(self, event: AuditEvent) -> bool:
        """Whether the event passes the filter."""
        return (
            self.since <= event.created_at <= self.until
            and self.actor in ("", event.actor)
            and self.object_kind in ("", event.object_kind)
            and self.object_id in ("", event.object_id)
            and (self.act in ("", event.act) or (self.act.endswith(".") and event.act.startswith(self.act)))
        )


class AuditStore(Protocol):
    def draw_source_key(self, key: str) -> bool:
        """Sets what hashes of addresses are made with (`ends.Deployment`), if there is none; tells whether it did."""

    def record(self, event: AuditEvent) -> None:
        """Stores an event that no write of an act contains. Storing the same event again changes nothing."""

    def events(self, wanted: Wanted, *, limit: int, cursor: str | None = None) -> Page[AuditEvent]:
        """The wanted events, the newest first, in parts that may be short or empty before the last.

        Eventually consistent. Raises `BadCursor`.
        """


class ChainStore(Protocol):
    """The chain of the audit (`models.chain`). Its reads are consistent, but for `unsealed`."""

    def head(self, shard: str) -> Head | None:
        """The last link of a shard; None before its first."""

    def heads(self, days: Sequence[str]) -> tuple[Head, ...]:
        """The last links of these days, in each shard that has any."""

    def append(self, link: Link, head: Head | None) -> bool:
        """Makes a link and moves its shard's head on to it, both or neither.

        False, and nothing is written, if the head is not `head` any more or if one of the link's events was sealed
        before: `places` tells which were.
        """

    def places(self, ids: Sequence[str]) -> Mapping[str, Place]:
        """The link that contains each of these events, by the event's identifier; unsealed events are left out."""

    def links(self, places: Sequence[Place]) -> tuple[Link, ...]:
        """These links, without those that do not exist."""

    def events(self, ids: Sequence[str]) -> Mapping[str, AuditEvent]:
        """These events by their identifiers, without those that do not exist."""

    def unsealed(self, day: str) -> tuple[AuditEvent, ...]:
        """The events of a day that no link contains. Reads the whole day; eventually consistent."""
