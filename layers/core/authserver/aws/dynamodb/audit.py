"""The Audit table."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from authserver.aws.dynamodb.lists import Index
from authserver.aws.items.audit import event_of, event_write, object_listed
from authserver.aws.items.primary_keys import SHARDS, deployment_key, key_text, parts_of
from authserver.aws.table import Table, Write, transact
from authserver.models.audit import day_of
from authserver.settings import DAY
from authserver.storage.lists import BadCursor, Page

if TYPE_CHECKING:
    from authserver.aws.service import Service
    from authserver.aws.table import Placed
    from authserver.models.audit import AuditEvent
    from authserver.storage.audit import Note, Wanted

DAYS_AT_ONCE = 7  # that one part of a list looks at, each in sixteen queries
CURSOR = re.compile(r"([0-9]{1,12})\.([A-Za-z0-9_-]*)")


class NotedEvent:
    """Implements `table.Noting`."""

    def __init__(self, note: Note, table: str) -> None:
        self._note = note
        self._table = table

    @property
    def is_written(self) -> bool:
        return self._note.is_written

    @is_written.setter
    def is_written(self, value: bool) -> None:
        self._note.is_written = value

    def placed(self) -> Placed:
        return self._table, event_write(self._note.event)


class DynamoAudit:
    """Implements `storage.audit.AuditStore`."""

    def __init__(self, dynamodb: Service, table: str, tokens_table: str) -> None:
        self._dynamodb = dynamodb
        self._table = Table(dynamodb, table)
        self._tokens_table = tokens_table
        self._by_day = Index(dynamodb, table, "id", "by_day", "listed")
        self._by_actor = Index(dynamodb, table, "id", "by_actor", "listed_actor")
        self._by_object = Index(dynamodb, table, "id", "by_object", "listed_object")

    def draw_source_key(self, key: str) -> bool:
        condition = "attribute_not_exists(source_key)"
        places = ({"pk": deployment_key(shard)} for shard in range(SHARDS))
        writes = [Write.update(place, "SET source_key = :key", condition, {":key": key}) for place in places]
        return not transact(self._dynamodb, [(self._tokens_table, write) for write in writes])

    def record(self, event: AuditEvent) -> None:
        self._table.write_all([event_write(event)])  # refused where it is there already

    def events(self, wanted: Wanted, *, limit: int, cursor: str | None = None) -> Page[AuditEvent]:
        if wanted.object_id:
            listed = object_listed(wanted.object_kind, wanted.object_id)
            page = self._listed(self._by_object, listed, wanted, limit, cursor)
        elif wanted.actor:
            page = self._listed(self._by_actor, key_text(wanted.actor), wanted, limit, cursor)
        else:
            page = self._of_days(wanted, limit, cursor)
        return Page(tuple(event for event in page.items if wanted.includes(event)), page.next)

    def _listed(self, index: Index, listed: str, wanted: Wanted, limit: int, cursor: str | None) -> Page[AuditEvent]:
        between = (wanted.since, wanted.until)
        return index.page(listed, event_of, limit=limit, cursor=cursor, newest_first=True, between=between)

    def _of_days(self, wanted: Wanted, limit: int, cursor: str | None) -> Page[AuditEvent]:
        """From the last day to the first. A cursor is an instant of the day to go on with, and where in that day."""
        at, inner = _read_cursor(cursor) if cursor else (wanted.until, "")
        for _ in range(DAYS_AT_ONCE):
            if at < wanted.since:
                return Page((), None)
            page = self._by_day.page(
                parts_of(day_of(at)),
                event_of,
                limit=limit,
                cursor=inner or None,
                newest_first=True,
                between=(wanted.since, wanted.until),
            )
            if page.next:
                return Page(page.items, f"{at}.{page.next}")
            at, inner = at // DAY * DAY - 1, ""
            if page.items:
                break
        return Page(page.items, f"{at}." if at >= wanted.since else None)


def _read_cursor(cursor: str) -> tuple[int, str]:
    found = CURSOR.fullmatch(cursor)
    if found is None:
        raise BadCursor("cursor")
    return int(found[1]), found[2]
