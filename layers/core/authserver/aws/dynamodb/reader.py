"""What is read together: the ends that decide, the records that a function remembers, and whatever is asked beside
them.

The ends of clients and of organisations, and the deployment's, are kept in sixteen copies, all alike and written in one
transaction; a read takes one of them by chance, so that none is read more often than an item can be. What a function
remembers of a client or an organisation has the version that its end told: the end is read with every use, and a record
of another version is read again. So what is remembered is never older than what would be read.

The deployment's own item is the one exception: it is remembered for a second, and a function that writes it answers
later than that (`services.Services.settle`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from authserver.aws.items.clients import client_of
from authserver.aws.items.ends import client_end_of, deployment_of, end_of, organisation_end_of, subject_end_of
from authserver.aws.items.organisations import membership_of, organisation_of
from authserver.aws.items.primary_keys import (
    SHARDS,
    client_end_key,
    deployment_key,
    document_key,
    is_key,
    key_text,
    organisation_end_key,
    subject_end_key,
)
from authserver.aws.items.records import read
from authserver.aws.table import Item, read_together
from authserver.ends import SUSPENDED_DELETED, Begun, ClientEnd, Deployment, OrganisationEnd
from authserver.errors import TemporarilyUnavailable
from authserver.records import dataclass, replace
from authserver.storage.standing import Ends

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from authserver.aws.dynamodb.documents import DocumentClients
    from authserver.aws.service import Service
    from authserver.models.clients import Client
    from authserver.models.organisations import Organisation

ATTEMPTS = 3  # to read what others are writing
REMEMBERED = 256  # records of each kind
DEPLOYMENT_AGE = 1.0  # seconds


@dataclass(frozen=True, slots=True)
class Tables:
    """The names of the tables that are read together."""

    clients: str
    users: str
    tokens: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to read: the ends of these (keys in base64url, empty where there is none), and items of the Tokens table.

    With `client_id`, that client's record, whose end is the one to read if `client_key` names no other; with
    `caller_key` that end alone, likewise; with
    `companies`, the organisation's; with `user`, that user's. With both an organisation and a subject
    comes the membership, unless it is not wanted. `fresh`: the deployment's item as it is now. `source` is the address
    that asks, for whom a client's document may be fetched.
    """

    subject_key: str = ""
    client_key: str = ""
    client_id: str | None = None
    caller_key: str = ""
    organisation_key: str = ""
    companies: bool = False
    membership: bool = True
    user: str = ""
    items: tuple[str, ...] = ()
    fresh: bool = False
    source: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """What was read. `is_fresh` tells whether the deployment's item was."""

    ends: Ends
    caller: ClientEnd
    client: Client | None
    organisation: Organisation | None
    user: Item | None
    items: Mapping[str, Item]
    is_fresh: bool


class _Contended(Exception):
    """A record and its end are of two versions: a transaction was half to be seen."""


class _Memory[R]:
    """Records by their keys, those that were used last."""

    def __init__(self) -> None:
        self._records: dict[str, R] = {}

    def get(self, key: str) -> R | None:
        record = self._records.pop(key, None)
        if record is not None:
            self._records[key] = record
        return record

    def put(self, key: str, record: R) -> None:
        self._records.pop(key, None)
        self._records[key] = record
        if len(self._records) > REMEMBERED:
            del self._records[next(iter(self._records))]

    def forget(self, key: str) -> None:
        self._records.pop(key, None)


class Reader:
    """One for a function instance, and the only place that remembers what is stored.

    `clocks` gives the seconds of the wall clock and of the monotonic one: an environment that was frozen has moved on
    by the one or by the other. `shard` gives a number below sixteen.
    """

    def __init__(
        self,
        dynamodb: Service,
        tables: Tables,
        clocks: Callable[[], tuple[float, float]],
        shard: Callable[[], int],
        documents: DocumentClients | None = None,
    ) -> None:
        self._dynamodb = dynamodb
        self._tables = tables
        self._clocks = clocks
        self._shard = shard
        self._documents = documents
        self._clients: _Memory[Client] = _Memory()
        self._organisations: _Memory[Organisation] = _Memory()
        self._deployment = Deployment()
        self._deployment_read: tuple[float, float] | None = None

    def has_document(self, client_id: str) -> bool:
        """Whether this is the identifier of a client that comes of a metadata document."""
        return self._documents is not None and self._documents.admits(client_id)

    def shard(self) -> int:
        """Which of the sixteen copies of something to read."""
        return self._shard() % SHARDS

    def deployment(self) -> Deployment:
        """The deployment's item as it was at most a second ago."""
        return self._deployment if self._is_recent(self._clocks()) else self.read(Wanted()).ends.deployment

    def forget_client(self, client_id: str) -> None:
        """The client's record is read anew: its version does not tell what was changed in it."""
        self._clients.forget(key_text(client_id))

    def read(self, wanted: Wanted) -> Found:
        """All that is wanted, in one call; more only while others are writing it, and where a client's metadata
        document has to be fetched first."""
        if wanted.client_id and self._documents is not None and self._documents.admits(wanted.client_id):
            return self._read_with_document(wanted, wanted.client_id, self._documents)
        return self._read(wanted)

    def _read_with_document(self, wanted: Wanted, client_id: str, documents: DocumentClients) -> Found:
        key = document_key(client_id)
        both = replace(wanted, client_id=None, caller_key=key_text(client_id), items=(*wanted.items, key))
        found = self._read(both)
        now = int(self._clocks()[0])
        outcome = documents.refresh(client_id, wanted.source, found.items.get(key), found.caller, now)
        if outcome is not None:
            found = self._read(both)
        return replace(found, client=documents.present(client_id, found.items.get(key), found.caller, now, outcome))

    def _read(self, wanted: Wanted) -> Found:
        for _ in range(ATTEMPTS):
            try:
                return self._read_once(wanted)
            except _Contended:
                continue
        raise TemporarilyUnavailable("The store did not answer", reason="record_contended")

    def _read_once(self, wanted: Wanted) -> Found:
        shard, at = self.shard(), self._clocks()
        caller_key = key_text(wanted.client_id) if wanted.client_id is not None else wanted.caller_key
        client_key = wanted.client_key or caller_key
        client = self._clients.get(caller_key) if wanted.client_id else None
        companies_of = wanted.organisation_key if wanted.companies else ""
        organisation = self._organisations.get(companies_of) if companies_of else None
        with_membership = wanted.membership and wanted.organisation_key and wanted.subject_key
        keys = {
            "subject": subject_end_key(wanted.subject_key) if wanted.subject_key else "",
            "client": client_end_key(client_key, shard) if client_key else "",
            "caller": client_end_key(caller_key, shard) if caller_key and caller_key != client_key else "",
            "organisation": organisation_end_key(wanted.organisation_key, shard) if wanted.organisation_key else "",
            "deployment": deployment_key(shard) if wanted.fresh or not self._is_recent(at) else "",
        }
        membership = f"membership#{wanted.organisation_key}{wanted.subject_key}" if with_membership else ""
        record = f"organisation#{companies_of}" if companies_of and organisation is None else ""
        client_id = wanted.client_id if wanted.client_id and is_key(wanted.client_id) else ""
        client_record = client_id if client is None else ""
        user = f"user#{wanted.user}" if wanted.user else ""
        found = read_together(
            self._dynamodb,
            {
                self._tables.tokens: ("pk", (*filter(None, keys.values()), *wanted.items)),
                self._tables.users: ("id", tuple(filter(None, (membership, record, user)))),
                self._tables.clients: ("client_id", tuple(filter(None, (client_record,)))),
            },
        )
        tokens, users = found[self._tables.tokens], found[self._tables.users]
        if keys["deployment"]:
            self._deployment = end_of(deployment_of, tokens.get(keys["deployment"]))
            self._deployment_read = at
        client_end = end_of(client_end_of, tokens.get(keys["client"]))
        caller_end = end_of(client_end_of, tokens.get(keys["caller"])) if keys["caller"] else client_end
        organisation_end = end_of(organisation_end_of, tokens.get(keys["organisation"]))
        return Found(
            Ends(
                deployment=self._deployment,
                subject=end_of(subject_end_of, tokens.get(keys["subject"])),
                client=client_end,
                organisation=organisation_end,
                membership=read(membership_of, users.get(membership)),
                client_key=client_key,
                organisation_key=wanted.organisation_key,
            ),
            caller_end,
            # What was not asked for is remembered as it was.
            self._present_client(caller_key, caller_end, client, found[self._tables.clients].get(wanted.client_id))
            if wanted.client_id
            else None,
            self._present_organisation(companies_of, organisation_end, organisation, users.get(record))
            if companies_of
            else None,
            users.get(user),
            tokens,
            is_fresh=bool(keys["deployment"]),
        )

    def _present_client(self, key: str, end: ClientEnd, remembered: Client | None, item: Item | None) -> Client | None:
        """The client's record of the version that its end tells, with its epoch; None if there is none."""
        client = remembered or read(client_of, item)
        if client is None or end.suspended == SUSPENDED_DELETED:
            self._clients.forget(key)
            return None
        if client.version != end.version:
            self._clients.forget(key)
            raise _Contended
        if client.epoch != end.epoch:
            client = replace(client, epoch=end.epoch)
        self._clients.put(key, client)
        return client

    def _present_organisation(
        self, key: str, end: OrganisationEnd, remembered: Organisation | None, item: Item | None
    ) -> Organisation | None:
        organisation = remembered or read(organisation_of, item)
        if organisation is None or end.suspended == SUSPENDED_DELETED:
            self._organisations.forget(key)
            return None
        if organisation.version != end.version:
            self._organisations.forget(key)
            raise _Contended
        self._organisations.put(key, organisation)
        return organisation

    def _is_recent(self, at: tuple[float, float]) -> bool:
        """Whether the deployment's item was read less than a second before `at`."""
        if self._deployment_read is None:
            return False
        (wall, steady), (wall_then, steady_then) = at, self._deployment_read
        return max(wall - wall_then, steady - steady_then) < DEPLOYMENT_AGE


def is_read(ends: Ends, begun: Begun, sessions: int | None, *, is_fresh: bool) -> bool:
    """Whether these ends are no older than what was begun, so that they decide.

    What tells no era was begun before there was one: no other reading of the deployment's item makes it stand.
    """
    is_of_another_era = bool(begun.era) and begun.era != ends.deployment.era
    return (is_fresh or not is_of_another_era) and not ends.are_behind(begun, sessions)
