"""Who did what, in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from authserver.models.audit import AuditEvent, day_of
from authserver.models.browsers import Session
from authserver.models.chain import Head, Link, Place, head_after
from authserver.storage.audit import Note, Wanted
from authserver.storage.lists import Page
from tests.fakes import filing
from tests.fakes.record import FakeRecord, Guarded, Noting


class FakeAudit:
    """Implements `storage.audit.AuditStore`."""

    def __init__(self, record: FakeRecord) -> None:
        self._record = record

    def draw_source_key(self, key: str) -> bool:
        with self._record.lock:
            if self._record.deployment.source_key:
                return False
            self._record.deployment = replace(self._record.deployment, source_key=key)
        return True

    def record(self, event: AuditEvent) -> None:
        with self._record.lock:
            self._record.events.setdefault(event.id, event)

    def events(self, wanted: Wanted, *, limit: int, cursor: str | None = None) -> Page[AuditEvent]:
        with self._record.lock:
            found = [one for one in self._record.events.values() if wanted.includes(one)]
            return filing.page(found, limit, cursor, newest_first=True)


class FakeChain:
    """Implements `storage.audit.ChainStore`."""

    def __init__(self, record: FakeRecord) -> None:
        self._record = record
        self._links: dict[Place, Link] = {}
        self._heads: dict[str, Head] = {}
        self._closed: list[Head] = []
        self._places: dict[str, Place] = {}

    def head(self, shard: str) -> Head | None:
        return self._heads.get(shard)

    def heads(self, days: Sequence[str]) -> tuple[Head, ...]:
        found = (head for head in (*self._heads.values(), *self._closed) if head.day in days)
        return tuple(sorted(found, key=lambda head: (head.day, head.shard)))

    def append(self, link: Link, head: Head | None) -> bool:
        with self._record.lock:
            if self._heads.get(link.shard) != head or any(one in self._places for one in link.ids):
                return False
            if head is not None and head.day != link.day:
                self._closed.append(head)
            self._heads[link.shard] = head_after(link, head)
            self._links[link.place] = link
            self._places |= dict.fromkeys(link.ids, link.place)
            return True

    def places(self, ids: Sequence[str]) -> Mapping[str, Place]:
        return {one: self._places[one] for one in ids if one in self._places}

    def links(self, places: Sequence[Place]) -> tuple[Link, ...]:
        return tuple(self._links[place] for place in places if place in self._links)

    def events(self, ids: Sequence[str]) -> Mapping[str, AuditEvent]:
        return {one: self._record.events[one] for one in ids if one in self._record.events}

    def unsealed(self, day: str) -> tuple[AuditEvent, ...]:
        with self._record.lock:
            events = self._record.events.values()
            return tuple(one for one in events if day_of(one.created_at) == day and one.id not in self._places)


class FakeArchive:
    """Implements `ports.Archive`."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def put(self, name: str, content: bytes) -> None:
        self.files.setdefault(name, content)

    def names(self, prefix: str) -> frozenset[str]:
        return frozenset(name for name in self.files if name.startswith(prefix))


def conditional(
    stores: Mapping[str, Any], record: FakeRecord, session: Session | None, note: Note | None
) -> dict[str, Any]:
    """The stores as a session and a note have them: `Services.stores_of`."""
    if session is not None:
        stores = {name: Guarded(store, record, session).as_store for name, store in stores.items()}
    if note is not None:
        stores = {name: Noting(store, record, note).as_store for name, store in stores.items()}
    return dict(stores)
