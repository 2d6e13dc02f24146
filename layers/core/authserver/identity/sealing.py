"""Makes the chain of the audit behind the acts, and keeps its sealed batches in the archive if there is one.

Events come at least once, in any order, and to several consumers at the same time. A link, the move of its shard's head
and the mark of each of its events are one transaction, so a chain never forks and no event is in two links.
"""

from __future__ import annotations

import json
from itertools import batched
from types import MappingProxyType
from typing import TYPE_CHECKING

from authserver.errors import TemporarilyUnavailable
from authserver.models.audit import day_of
from authserver.models.chain import Head, Link, Place, digest_of, entry_of, shard_of, told, told_link
from authserver.settings import DAY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from authserver.models.audit import AuditEvent
    from authserver.ports import Archive
    from authserver.services import Services

EVENTS_OF_A_LINK = 50  # a transaction has a hundred writes
ATTEMPTS = 16  # for one link, while others make theirs in the same shard
KEPT_LONGER = 7 * DAY  # than events that are written on its day
NO_EVENTS: Mapping[str, AuditEvent] = MappingProxyType({})
LATE = 10 * 60  # seconds after which no clock is in the day before; and no event is later than its link by more
SWEPT_DAYS = 3  # whose events a scheduled run looks for, and days that are over whose files it does


def seal(shard: str, events: Sequence[AuditEvent], services: Services) -> None:
    """Sees to it that each of these events of a shard is in a link, and that the archive has its link.

    Raises `TemporarilyUnavailable`; to call it again is safe.
    """
    for some in batched(events, EVENTS_OF_A_LINK, strict=False):
        known = {event.id: event for event in some}
        _link(known, shard, services)
        if services.archive is not None:
            archive(set(services.chain.places(list(known)).values()), services, known)


def _link(events: dict[str, AuditEvent], shard: str, services: Services) -> None:
    """Makes a link of the events that no link has."""
    for _ in range(ATTEMPTS):
        sealed = services.chain.places(list(events))
        left = [event for event in events.values() if event.id not in sealed]
        head = services.chain.head(shard)
        if not left or services.chain.append(next_link(shard, head, left, services), head):
            return
    raise TemporarilyUnavailable("Others were quicker each time", reason="audit_head_moved")


def next_link(shard: str, head: Head | None, events: Sequence[AuditEvent], services: Services) -> Link:
    """The link of these events after `head`.

    A clock that is behind makes no link of an earlier day than the head's, or than that of an event.
    """
    now = services.now()
    latest = max(event.created_at for event in events)
    day = max(day_of(now), day_of(min(latest, now + LATE)), head.day if head else "")
    continues = head is not None and head.day == day
    kept = now // DAY * DAY + (1 + services.settings.audit_days) * DAY + KEPT_LONGER
    return Link(
        shard=shard,
        day=day,
        number=head.number + 1 if head and continues else 1,
        previous=head.digest if head else "",
        before=head.day if head else "",
        sealed_at=now,
        kept_until=head.kept_until if head and continues else kept,
        entries=tuple(entry_of(event) for event in sorted(events, key=lambda one: (one.created_at, one.id))),
    )


def sweep(services: Services) -> tuple[Mapping[str, Any], ...]:
    """What a scheduled run does: seals what has not come by the stream, gives the archive what it lacks of the days
    that are over, and publishes the heads of the last of them, the earliest first. Returns them.

    Raises `TemporarilyUnavailable`.
    """
    now = services.now()
    for ago in reversed(range(SWEPT_DAYS)):
        by_shard: dict[str, list[AuditEvent]] = {}
        for event in services.chain.unsealed(day_of(now - ago * DAY)):
            by_shard.setdefault(shard_of(event.id), []).append(event)
        for shard, events in by_shard.items():
            seal(shard, events, services)
    over = [day_of(now - LATE - ago * DAY) for ago in reversed(range(1, SWEPT_DAYS + 1))]
    if services.archive is not None:
        for day in over:
            _complete(day, services.archive, services)
    return tuple(published_heads(day, services.chain.heads([day])) for day in over)


def _complete(day: str, kept: Archive, services: Services) -> None:
    """Gives the archive what it lacks of a day that is over."""
    heads = services.chain.heads([day])
    archived = kept.names(f"links/{day}/")
    archived_places = {name.partition(".")[0] for name in archived}
    for head in heads:
        places = {Place(head.shard, head.day, number + 1) for number in range(head.number)}
        if f"{_name(Place(head.shard, head.day, head.number))}.{head.digest}.jsonl" in archived:
            places = {place for place in places if _name(place) not in archived_places}
        # Else it has another chain, of a table that was restored since: it gets this one as a whole.
        archive(places, services)
    if heads:
        published = published_heads(day, heads)
        kept.put(f"heads/{day}.{published['digest']}.jsonl", _lines([published]))


def archive(places: set[Place], services: Services, known: Mapping[str, AuditEvent] = NO_EVENTS) -> None:
    """Gives the archive these links with their events: `known` ones as they came. What it has, it keeps as it is.

    Names have the digest, so that of two links in one place (the table was restored to an earlier time) both are kept.
    """
    if services.archive is None or not places:
        return
    for link in services.chain.links(sorted(places, key=_name)):
        events = {**services.chain.events([one for one in link.ids if one not in known]), **known}
        batch = {"link": told_link(link), "events": [told(event) for event in link.of(events)]}
        services.archive.put(f"{_name(link.place)}.{link.digest}.jsonl", _lines([batch]))


def published_heads(day: str, heads: Iterable[Head]) -> dict[str, Any]:
    """The heads of a day, and one digest of them all, which an operator can keep elsewhere."""
    names = ("number", "digest", "kept_until")
    shards = {head.shard: {name: getattr(head, name) for name in names} for head in heads}
    return {"day": day, "digest": digest_of(shards), "heads": shards}


def _name(place: Place) -> str:
    return f"links/{place.day}/{place.shard}/{place.number:08}"


def _lines(documents: Iterable[Mapping[str, Any]]) -> bytes:
    lines = (json.dumps(one, ensure_ascii=False, separators=(",", ":")) for one in documents)
    return "".join(f"{line}\n" for line in lines).encode()
