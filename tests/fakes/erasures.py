"""What is left of users who were deleted."""

from collections.abc import Callable, MutableMapping
from dataclasses import replace
from typing import Any

from authserver.models.erasures import Erasure
from authserver.storage import erasures
from authserver.storage.erasures import PAGE, Erased
from authserver.storage.lists import Page
from tests.fakes import filing
from tests.fakes.browsers import FakeBrowsers
from tests.fakes.factors import FakeFactors
from tests.fakes.journal import FakeJournal
from tests.fakes.organisations import FakeOrganisations
from tests.fakes.record import FakeRecord
from tests.fakes.tokens import FakeTokens

type Filed = tuple[MutableMapping[Any, Any], Callable[[Any], bool]]


class FakeErasures:
    """Implements `storage.erasures.ErasureStore` on the other stores in memory, which share the record."""

    def __init__(
        self,
        record: FakeRecord,
        tokens: FakeTokens,
        browsers: FakeBrowsers,
        organisations: FakeOrganisations,
        factors: FakeFactors,
        journal: FakeJournal,
    ) -> None:
        self._record = record
        self._lock = record.lock
        self._tokens = tokens
        self._browsers = browsers
        self._organisations = organisations
        self._factors = factors
        self._journal = journal

    def get(self, subject_key: str) -> Erasure | None:
        with self._lock:
            return self._record.erasures.get(subject_key)

    def open(self, *, limit: int = 50, cursor: str | None = None) -> Page[Erasure]:
        with self._lock:
            return _page([one for one in self._record.erasures.values() if one.is_open], limit, cursor)

    def list(self, *, limit: int = 50, cursor: str | None = None) -> Page[Erasure]:
        with self._lock:
            return _page([*self._record.erasures.values()], limit, cursor)

    def erase(self, erasure: Erasure, kind: str, cursor: str | None = None) -> Erased:
        """What was found is gone, so the next step begins at the front again."""
        with self._lock:
            records, names_them = self._filed(erasure, kind)
            found = [key for key, record in records.items() if names_them(record)]
            for key in found[:PAGE]:
                if kind == erasures.DECISIONS:
                    records[key] = replace(records[key], decided_by="")
                else:
                    del records[key]
        return Erased(len(found[:PAGE]), "more" if len(found) > PAGE else None)

    def _filed(self, erasure: Erasure, kind: str) -> Filed:
        """Where records of a kind are, and whether one is to be found."""
        subject = erasure.subject
        browsers, of_subject = self._browsers, lambda one: one.subject == subject
        of_kind: dict[str, Filed] = {
            erasures.AUTHORIZATIONS: (self._tokens._authorizations, of_subject),
            erasures.ACCESS_TOKENS: (self._tokens._access_tokens, of_subject),
            erasures.API_KEYS: (self._record.api_keys, of_subject),
            erasures.KEYS_OF_ORGANISATION: (
                self._record.api_keys,
                lambda one: one.organisation == erasure.organisation,
            ),
            erasures.SESSIONS: (self._record.sessions, of_subject),
            erasures.CONSENTS: (browsers._consents, of_subject),
            erasures.ACTIVITY: (self._journal._activities, of_subject),
            erasures.LINKS: (browsers._links, of_subject),
            erasures.APPROVALS: (browsers._approvals, of_subject),
            erasures.DECISIONS: (browsers._approvals, lambda one: one.decided_by == subject),
            erasures.INVITATIONS: (
                self._organisations._invitations,
                lambda one: filing.key(one.name) in erasure.names and one.created_at <= erasure.requested_at,
            ),
            erasures.INVITATIONS_SENT: (self._organisations._invitations, lambda one: one.invited_by == subject),
            erasures.MEMBERS: (self._record.memberships, lambda one: one.organisation == erasure.organisation),
            erasures.OFFERS: (
                self._organisations._invitations,
                lambda one: one.organisation == erasure.organisation,
            ),
            erasures.FACTORS: (self._factors._factors, of_subject),
        }
        if kind not in of_kind:
            raise ValueError(kind)
        return of_kind[kind]

    def note(self, erasure: Erasure, left: frozenset[str]) -> None:
        with self._lock:
            stored = self._record.erasures.get(erasure.subject_key)
            if stored is not None and stored.finished_at is None:
                self._record.erasures[erasure.subject_key] = replace(stored, left=left)

    def finish(self, erasure: Erasure, checked_at: int, now: int, expires_at: int) -> bool:
        key = erasure.subject_key
        with self._lock:
            stored = self._record.erasures.get(key)
            if stored is None or stored.finished_at is not None:
                return False
            self._record.erasures[key] = Erasure(
                key, stored.requested_at, checked_at=checked_at, finished_at=now, expires_at=expires_at
            )
        return True


def _page(found: list[Erasure], limit: int, cursor: str | None) -> Page[Erasure]:
    return filing.page(sorted(found, key=lambda one: one.requested_at), limit, cursor)
