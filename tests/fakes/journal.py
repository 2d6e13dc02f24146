"""What is noted for people."""

import threading
from collections.abc import Iterable
from dataclasses import replace

from authserver.models.journal import Activity, Refusal
from authserver.storage.lists import Page
from tests.fakes import filing


class FakeJournal:
    """Implements `storage.journal.JournalStore`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._activities: dict[str, Activity] = {}
        self._refusals: dict[tuple[str, int], dict[tuple[str, str], Refusal]] = {}

    # -- activity

    def note_activity(self, activity: Activity) -> None:
        with self._lock:
            self._activities[activity.id] = activity

    def activities(self, subject: str, *, limit: int = 50, cursor: str | None = None) -> Page[Activity]:
        with self._lock:
            of_subject = [one for one in self._activities.values() if one.subject == subject]
            return filing.page(of_subject, limit, cursor, newest_first=True)

    # -- what developers are told

    def note_refusal(self, client_id: str, refusal: Refusal, bound: int, expires_at: int) -> bool:
        with self._lock:
            noted = self._refusals.setdefault((client_id, refusal.day), {})
            if sum(one.count for one in noted.values()) >= bound:
                return False
            kind = (refusal.error, refusal.reason)
            noted[kind] = replace(refusal, count=(noted[kind].count if kind in noted else 0) + 1)
        return True

    def refusals(self, client_id: str, days: Iterable[int]) -> tuple[Refusal, ...]:
        with self._lock:
            return tuple(one for day in days for one in self._refusals.get((client_id, day), {}).values())
