"""The chain of the audit: links of hashes that are made behind the acts, by shard and by the day of their making.

A link seals some events: it has the digest of each, and the digest of the link before it. A shard has one chain from
its first link on. The days divide it: a link belongs to the day on which it was made, in UTC, whatever day its events
are of, so that a day that is over gets no more links and its head is final.
"""

from __future__ import annotations

import json
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from authserver.records import dataclass
from authserver.values import base64url, sha256

if TYPE_CHECKING:
    from collections.abc import Mapping

    from authserver.models.audit import AuditEvent

SHARDS = "0123456789abcdef"


@dataclass(frozen=True, slots=True)
class Place:
    """Which link it is, or which has an event."""

    shard: str
    day: str
    number: int


@dataclass(frozen=True, slots=True)
class Link:
    """One link. `shard` is a hexadecimal digit, `day` is ``YYYY-MM-DD``, `number` counts the day's links from 1.

    `previous` is the digest of the link before and `before` the day of it; both are empty in a shard's first link.
    `sealed_at` is when it was made and `kept_until` how long at least it is kept, in epoch seconds. An entry is an
    event's identifier, digest and `expires_at`, with blanks between.
    """

    shard: str
    day: str
    number: int
    sealed_at: int
    kept_until: int
    entries: tuple[str, ...]
    previous: str = ""
    before: str = ""

    @property
    def digest(self) -> str:
        return digest_of(told_link(self))

    @property
    def ids(self) -> tuple[str, ...]:
        """The identifiers of its events."""
        return tuple(entry.partition(" ")[0] for entry in self.entries)

    @property
    def place(self) -> Place:
        return Place(self.shard, self.day, self.number)

    def of(self, events: Mapping[str, AuditEvent]) -> tuple[AuditEvent, ...]:
        """Its events, as far as they are among these, by their identifiers."""
        return tuple(events[one] for one in self.ids if one in events)


@dataclass(frozen=True, slots=True)
class Head:
    """The last link of a shard, or of a day that is over: where the next link goes on.

    `since` is when the shard's first link was made; the rest is as in `Link`, `digest` the link's.
    """

    shard: str
    day: str
    number: int
    digest: str
    kept_until: int
    since: int


def head_after(link: Link, head: Head | None) -> Head:
    """The head of a shard once `link` is made after `head`."""
    since = link.sealed_at if head is None else head.since
    return Head(link.shard, link.day, link.number, link.digest, link.kept_until, since)


def shard_of(event_id: str) -> str:
    """The shard of an event, a hexadecimal digit."""
    return SHARDS[sha256(event_id)[0] & 15]


def entry_of(event: AuditEvent) -> str:
    return f"{event.id} {digest_of(told(event))} {event.expires_at}"


def told(event: AuditEvent) -> dict[str, Any]:
    """An event as the admin API, exports and the archive tell it, and as its digest is made."""
    return {
        "id": event.id,
        "time": event.created_at,
        "expires_at": event.expires_at,
        "act": event.act,
        "outcome": event.outcome,
        "actor": {"kind": event.actor_kind, "id": event.actor, "client": event.client or None},
        "object": {
            "kind": event.object_kind,
            "id": event.object_id or None,
            "organisation": event.organisation or None,
        },
        "fields": list(event.fields),
        "source": event.source or None,
        "request": event.request or None,
        "reason": event.reason or None,
    }


def told_link(link: Link) -> dict[str, Any]:
    """A link as the admin API, exports and the archive tell it."""
    return {**{field.name: getattr(link, field.name) for field in fields(link)}, "entries": list(link.entries)}


def digest_of(value: Mapping[str, Any]) -> str:
    """SHA-256 of a JSON object in its canonical form (RFC 8785), in base64url. Its numbers are integers, and its names
    ASCII, for which Python's own order and notation are the canonical ones."""
    canonical = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return base64url(sha256(canonical))
