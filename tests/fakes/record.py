"""What all stores in memory share: the ends, and one lock, under which a write of several records is one."""

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from authserver.ends import SUSPENDED_DELETED, ClientEnd, Deployment, OrganisationEnd, SubjectEnd
from authserver.models.browsers import Session
from authserver.models.clients import Client
from authserver.models.configuration import IdentityProvider
from authserver.models.organisations import ADMINISTRATOR, Membership
from authserver.storage.audit import Note
from authserver.storage.configuration import ProviderOver
from authserver.storage.guards import SessionOver
from authserver.storage.standing import Ends
from tests.fakes import filing

if TYPE_CHECKING:
    from authserver.models.api_keys import ApiKey
    from authserver.models.audit import AuditEvent
    from authserver.models.erasures import Erasure
    from authserver.models.registration import InitialAccessToken


class FakeRecord:
    """The ends of everybody, by `filing.key` of their identifiers. `lock` is held for each verb of each store."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.subjects: dict[str, SubjectEnd] = {}
        self.clients: dict[str, ClientEnd] = {}
        self.organisations: dict[str, OrganisationEnd] = {}
        self.deployment = Deployment()
        self.sessions: dict[str, Session] = {}
        self.memberships: dict[tuple[str, str], Membership] = {}
        self.providers: dict[str, IdentityProvider] = {}
        self.erasures: dict[str, Erasure] = {}
        self.api_keys: dict[str, ApiKey] = {}
        self.initial_access_tokens: dict[str, InitialAccessToken] = {}
        self.events: dict[str, AuditEvent] = {}

    # -- reading

    def subject(self, key: str) -> SubjectEnd:
        return self.subjects.get(key, SubjectEnd())

    def client(self, key: str) -> ClientEnd:
        return self.clients.get(key, ClientEnd())

    def organisation(self, key: str) -> OrganisationEnd:
        return self.organisations.get(key, OrganisationEnd())

    def ends(self, subject_key: str = "", client_key: str = "", organisation_key: str = "") -> Ends:
        with self.lock:
            memberships = {(filing.key(one.organisation), filing.key(one.subject)): one for one in self._all()}
            return Ends(
                deployment=self.deployment,
                subject=self.subject(subject_key),
                client=self.client(client_key),
                organisation=self.organisation(organisation_key),
                membership=memberships.get((organisation_key, subject_key)),
                client_key=client_key,
                organisation_key=organisation_key,
            )

    def _all(self) -> tuple[Membership, ...]:
        return tuple(self.memberships.values())

    # -- raising

    def end_subject(
        self,
        subject: str,
        suspended: str | None = None,
        *,
        is_operator: bool | None = None,
        api_keys: bool = False,
    ) -> None:
        key = filing.key(subject)
        before = self.subject(key)
        self.subjects[key] = replace(
            before,
            epoch=before.epoch + 1,
            api_keys=before.api_keys + api_keys,
            grants={} if suspended == SUSPENDED_DELETED else before.grants,
            suspended=before.suspended if suspended is None else suspended,
            operator=before.operator if is_operator is None else is_operator,
        )

    def end_api_keys(self, subject: str) -> None:
        key = filing.key(subject)
        before = self.subject(key)
        self.subjects[key] = replace(before, api_keys=before.api_keys + 1)

    def end_grants(self, subject: str, client_key: str) -> None:
        key = filing.key(subject)
        before = self.subject(key)
        self.subjects[key] = replace(before, grants={**before.grants, client_key: before.grants.get(client_key, 0) + 1})

    def move_client(
        self, client_id: str, after: Client | None = None, *, ends: bool = False, suspended: str | None = None
    ) -> None:
        key = filing.key(client_id)
        before = self.client(key)
        self.clients[key] = replace(
            before,
            version=before.version + 1,
            epoch=before.epoch + ends,
            scope=after.scope if after else before.scope,
            acts_for_itself=after.acts_for_itself if after else before.acts_for_itself,
            suspended=before.suspended if suspended is None else suspended,
        )

    def move_organisation(
        self, organisation: str, versions: int = 0, *, ends: bool = False, suspended: str | None = None
    ) -> None:
        key = filing.key(organisation)
        before = self.organisation(key)
        self.organisations[key] = replace(
            before,
            version=before.version + versions,
            epoch=before.epoch + ends,
            clients={} if ends else before.clients,
            approvers={} if ends else before.approvers,
            suspended=before.suspended if suspended is None else suspended,
        )

    def count_in(self, organisation: str, name: str, counted: str) -> None:
        """Raises the counter of `counted` in one of the organisation's maps."""
        key = filing.key(organisation)
        before = self.organisation(key)
        counts = dict(getattr(before, name))
        counts[counted] = counts.get(counted, 0) + 1
        changed: dict[str, Any] = {name: counts}
        self.organisations[key] = replace(before, **changed)

    def is_administrators(self, membership: Membership) -> bool:
        """Whether it is still that membership, and an administrator's."""
        stored = self.memberships.get((membership.organisation, membership.subject))
        return stored is not None and (stored.role, stored.epoch) == (ADMINISTRATOR, membership.epoch)

    def require_provider(self, provider: IdentityProvider) -> None:
        """Raises `ProviderOver` if it is an organisation's and does not let people in as it was read."""
        if not provider.organisation:
            return
        stored = self.providers.get(provider.id)
        if stored is None or stored.version != provider.version or not stored.is_active:
            raise ProviderOver
        if self.organisation(filing.key(provider.organisation)).suspended:
            raise ProviderOver

    # -- the audit

    def keep(self, note: Note | None) -> None:
        """Keeps the event of a note that is not written yet."""
        if note is not None and not note.is_written:
            self.events[note.event.id] = note.event
            note.is_written = True

    # -- sessions

    def stands(self, session: Session) -> bool:
        end = self.subject(filing.key(session.subject))
        counters = (session.begun.subject, session.sessions) == (end.epoch, end.sessions)
        is_of_this_era = session.begun.era == self.deployment.era
        return counters and is_of_this_era and not end.suspended and session.id in self.sessions


class Guarded[S]:
    """Sits where a store sits: whatever is asked of it is done only while a session stands."""

    def __init__(self, store: S, record: FakeRecord, session: Session) -> None:
        self._store = store
        self._record = record
        self._session = session

    def __getattr__(self, verb: str) -> Callable[..., Any]:
        method = getattr(self._store, verb)
        if reads(self._store, verb):
            return cast("Callable[..., Any]", method)

        def call(*args: Any, **kwargs: Any) -> Any:
            with self._record.lock:
                if not self._record.stands(self._session):
                    raise SessionOver
                return method(*args, **kwargs)

        return call

    @property
    def as_store(self) -> S:
        """This object, for callers that need the store's type."""
        return cast("S", self)


class Noting[S]:
    """Sits where a store sits: whatever it writes first brings a note's event along."""

    def __init__(self, store: S, record: FakeRecord, note: Note) -> None:
        self._store = store
        self._record = record
        self._note = note

    def __getattr__(self, verb: str) -> Callable[..., Any]:
        method = cast("Callable[..., Any]", getattr(self._store, verb))
        if reads(self._store, verb):
            return method

        def call(*args: Any, **kwargs: Any) -> Any:
            with self._record.lock:
                answer = method(*args, **kwargs)
                if answer is not False:
                    self._record.keep(self._note)
            return answer

        return call

    @property
    def as_store(self) -> S:
        """This object, for callers that need the store's type."""
        return cast("S", self)


def reads(store: Any, verb: str) -> bool:
    """Whether the verb of the store writes nothing."""
    return verb in READS and not (verb == "link" and hasattr(store, "identities"))  # users' links are identities


READS = frozenset(
    {
        *(
            "get",
            "told",
            "traded_for",
            "get_all",
            "shared",
            "account_state",
            "find",
            "find_by_identity",
            "identify",
            "list",
            "giving",
            "by_callback",
            "by_domain",
            "ended",
        ),
        *(
            "standing",
            "device",
            "ends_of",
            "members_counted",
            "ends",
            "browser_state",
            "link",
            "approval",
            "approvals",
            "own_approvals",
            "consents",
            "sessions",
        ),
        *("authorizations", "membership", "memberships_of", "members_of", "administrators_of"),
        *("invitation", "invitations_of", "invitations_for", "identities", "links", "initial_access_tokens"),
        *("operators", "api_keys"),
        *("scopes", "resources", "theme", "webhooks"),
    }
)
