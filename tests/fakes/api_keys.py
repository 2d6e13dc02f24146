"""API keys."""

from dataclasses import replace

from authserver.ends import Begun
from authserver.models.api_keys import ORGANISATION, ApiKey
from authserver.models.organisations import Membership
from authserver.storage.api_keys import USED_EVERY, KeyStanding
from authserver.storage.lists import Page
from tests.fakes import filing
from tests.fakes.organisations import FakeOrganisations
from tests.fakes.record import FakeRecord


class FakeApiKeys:
    """Implements `storage.api_keys.ApiKeyStore`."""

    def __init__(self, record: FakeRecord | None = None, organisations: FakeOrganisations | None = None) -> None:
        self._record = record or FakeRecord()
        self._organisations = organisations or FakeOrganisations(record=self._record)

    def create(self, key: ApiKey, by: Membership | None = None) -> bool:
        with self._record.lock:
            if key.id in self._record.api_keys or (by is not None and not self._record.is_administrators(by)):
                return False
            self._record.api_keys[key.id] = key
            return True

    def find(self, key_id: str) -> ApiKey | None:
        with self._record.lock:
            return self._record.api_keys.get(key_id)

    def standing(
        self, key_id: str, *, subject_key: str = "", client_key: str = "", organisation_key: str = ""
    ) -> KeyStanding:
        with self._record.lock:
            key = self._record.api_keys.get(key_id)
            carrier = filing.key(key.subject) if key is not None and key.owner == ORGANISATION else subject_key
            ends = replace(self._record.ends(carrier, client_key, organisation_key), membership=None)
            found = self._organisations.of_key(organisation_key) if organisation_key else None
            return KeyStanding(key, ends, found)

    def api_keys(
        self,
        *,
        subject: str | None = None,
        client_id: str | None = None,
        organisation: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[ApiKey]:
        with self._record.lock:
            found = [
                one
                for one in self._record.api_keys.values()
                if subject in (None, one.subject)
                and client_id in (None, one.client_id)
                and organisation in (None, one.organisation)
            ]
        return filing.page(found, limit, cursor)

    def note_use(self, key_id: str, now: int) -> None:
        with self._record.lock:
            key = self._record.api_keys.get(key_id)
            if key is not None and key.used_at <= now - USED_EVERY:
                self._record.api_keys[key_id] = replace(key, used_at=now)

    def take_over(self, key: ApiKey, by: Membership, begun: Begun) -> ApiKey | None:
        with self._record.lock:
            existing = self._record.api_keys.get(key.id)
            if existing is None or (existing.subject, existing.begun) != (key.subject, key.begun):
                return None
            end = self._record.organisation(filing.key(key.organisation))
            told = (end.epoch, end.approvers.get(key.begun.approver, 0), end.suspended)
            if told != (key.begun.organisation, key.begun.approval, ""):
                return None
            carrier = self._record.subject(filing.key(key.subject))
            if (carrier.api_keys, carrier.suspended) != (key.begun.subject, ""):
                return None
            if not self._record.is_administrators(by):
                return None
            self._record.api_keys[key.id] = replace(existing, subject=by.subject, begun=begun)
            return self._record.api_keys[key.id]
