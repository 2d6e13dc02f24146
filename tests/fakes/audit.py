"""Who did what, in memory."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from authserver.models.audit import AuditEvent
from authserver.models.browsers import Session
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


def conditional(
    stores: Mapping[str, Any], record: FakeRecord, session: Session | None, note: Note | None
) -> dict[str, Any]:
    """The stores as a session and a note have them: `Services.stores_of`."""
    if session is not None:
        stores = {name: Guarded(store, record, session).as_store for name, store in stores.items()}
    if note is not None:
        stores = {name: Noting(store, record, note).as_store for name, store in stores.items()}
    return dict(stores)
