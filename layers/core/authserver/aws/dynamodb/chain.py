"""The chain of the audit, in the Audit table."""

from __future__ import annotations

from itertools import batched
from typing import TYPE_CHECKING, Any

from authserver.aws.dynamodb.lists import MAX_PAGE, Index
from authserver.aws.items.audit import event_of
from authserver.aws.items.chain import (
    closed_write,
    head_of,
    head_write,
    link_of,
    link_write,
    place_of,
    sealed_writes,
)
from authserver.aws.items.primary_keys import event_key, head_key, link_key, parts_of, sealed_key
from authserver.aws.items.records import read
from authserver.aws.table import Table, read_together
from authserver.models.chain import SHARDS, head_after

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from authserver.aws.service import Service
    from authserver.models.audit import AuditEvent
    from authserver.models.chain import Head, Link, Place


class DynamoChain:
    """Implements `storage.audit.ChainStore`."""

    def __init__(self, dynamodb: Service, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = Table(dynamodb, table)
        self._by_day = Index(dynamodb, table, "id", "by_day", "listed")

    def head(self, shard: str) -> Head | None:
        return read(head_of, self._table.get({"id": head_key(shard)}))

    def heads(self, days: Sequence[str]) -> tuple[Head, ...]:
        last = list(self._read(map(head_key, SHARDS), head_of))  # before those of days that may end meanwhile
        closed = self._read((head_key(shard, day) for day in days for shard in SHARDS), head_of)
        found = {(head.day, head.shard): head for _, head in (*last, *closed) if head.day in days}
        return tuple(found[place] for place in sorted(found))

    def append(self, link: Link, head: Head | None) -> bool:
        writes = [head_write(head_after(link, head), head), link_write(link), *sealed_writes(link)]
        if head is not None and head.day != link.day:
            writes.append(closed_write(head))
        return not self._table.write_all(writes)

    def places(self, ids: Sequence[str]) -> Mapping[str, Place]:
        return self._by_id(ids, sealed_key, place_of)

    def links(self, places: Sequence[Place]) -> tuple[Link, ...]:
        keys = (link_key(place.shard, place.day, place.number) for place in places)
        return tuple(link for _, link in self._read(keys, link_of))

    def events(self, ids: Sequence[str]) -> Mapping[str, AuditEvent]:
        return self._by_id(ids, event_key, event_of)

    def unsealed(self, day: str) -> tuple[AuditEvent, ...]:
        return tuple(event for part in parts_of(day) for event in self._unsealed_in(part))

    def _unsealed_in(self, part: str) -> Iterator[AuditEvent]:
        cursor: str | None = None
        while True:
            page = self._by_day.keys(part, limit=MAX_PAGE, cursor=cursor)
            ids = [key.partition("#")[2] for key in page.items]
            places = self.places(ids)
            yield from self.events([one for one in ids if one not in places]).values()
            cursor = page.next
            if cursor is None:
                return

    def _by_id[R](
        self, ids: Iterable[str], key: Callable[[str], str], convert: Callable[[Mapping[str, Any]], R]
    ) -> dict[str, R]:
        return {found.partition("#")[2]: one for found, one in self._read(map(key, ids), convert)}

    def _read[R](self, keys: Iterable[str], convert: Callable[[Mapping[str, Any]], R]) -> Iterator[tuple[str, R]]:
        """The records there are, each with its key, in the order of `keys`."""
        for some in batched(keys, MAX_PAGE, strict=False):
            items = read_together(self._dynamodb, {self._table.name: ("id", some)})[self._table.name]
            for key in some:
                record = read(convert, items.get(key))
                if record is not None:
                    yield key, record
