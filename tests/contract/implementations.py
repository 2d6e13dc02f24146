"""The implementations of `authserver.storage` that the laws are shown on."""

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import boto3
from botocore.config import Config
from moto.core.botocore_stubber import BotocoreStubber

from authserver.aws.boto import BotoService
from authserver.aws.dynamodb import DynamoStores
from authserver.aws.dynamodb.audit import DynamoAudit
from authserver.aws.dynamodb.chain import DynamoChain
from authserver.aws.dynamodb.counters import DynamoCounters
from authserver.aws.dynamodb.documents import DynamoDocuments
from authserver.aws.dynamodb.ends import session_stands
from authserver.aws.dynamodb.erasures import DynamoErasures
from authserver.aws.dynamodb.journal import DynamoJournal
from authserver.aws.dynamodb.keys import DynamoKeys
from authserver.aws.dynamodb.reader import Reader, Tables
from authserver.aws.lean.client import DYNAMODB
from authserver.aws.service import Service
from authserver.aws.table import UNGUARDED, Guard
from authserver.ends import Deployment
from authserver.models.browsers import Session
from authserver.storage.api_keys import ApiKeyStore
from authserver.storage.audit import AuditStore, ChainStore, Note
from authserver.storage.browsers import BrowserStore
from authserver.storage.clients import ClientStore
from authserver.storage.configuration import ConfigurationStore, IdentityProviderStore, KeyStore
from authserver.storage.documents import DocumentStore
from authserver.storage.erasures import ErasureStore
from authserver.storage.journal import CounterStore, JournalStore
from authserver.storage.organisations import OrganisationStore
from authserver.storage.revocations import RevocationStore
from authserver.storage.tokens import TokenStore
from authserver.storage.users import FactorStore, UserStore
from authserver.storage.withdrawals import WithdrawalStore
from tests.answering import answered_by
from tests.contract.moto_copies import copies_of_targets
from tests.contract.moto_members import the_member_of_values
from tests.contract.tables import create_tables
from tests.fakes import FakeCounters, FakeDocuments, FakeStores, conditional
from tests.ministack import PLAIN, DynamoDB

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

REGION = "eu-central-1"

_SESSION = boto3.Session("testing", "testing", region_name=REGION)  # keeps what it read of the services
_accounts = itertools.count(900000000000)


@dataclass(frozen=True)
class Stores:
    """The stores of one implementation. `dynamodb` is what is beneath them, None for the fakes.

    `deployment` tells what every function knows; `new_instance` gives stores that remember nothing yet, `by` those that
    write only while a session stands, `noting` those whose first write brings an event along.
    """

    name: str
    clients: ClientStore
    users: UserStore
    factors: FactorStore
    organisations: OrganisationStore
    tokens: TokenStore
    browsers: BrowserStore
    revocations: RevocationStore
    api_keys: ApiKeyStore
    withdrawals: WithdrawalStore
    identity_providers: IdentityProviderStore
    keys: KeyStore
    journal: JournalStore
    counters: CounterStore
    erasures: ErasureStore
    documents: DocumentStore
    configuration: ConfigurationStore
    audit: AuditStore
    chain: ChainStore
    deployment: Callable[[], Deployment]
    new_instance: Callable[[], "Stores"]
    by: Callable[[Session], "Stores"]
    noting: Callable[[Note, Session | None], "Stores"]
    dynamodb: "DynamoDBClient | None" = None


GUARDED = (
    *("clients", "users", "factors", "organisations", "tokens", "browsers", "revocations", "withdrawals"),
    *("identity_providers", "api_keys", "configuration"),
)


@contextmanager
def fakes() -> Iterator[Stores]:
    stores, counters, documents = FakeStores.of(), FakeCounters(), FakeDocuments()

    def made(**guarded: Any) -> Stores:
        return Stores(
            **{"name": "fakes", **{name: getattr(stores, name) for name in GUARDED}, **guarded},
            keys=stores.keys,
            journal=stores.journal,
            counters=counters,
            erasures=stores.erasures,
            documents=documents,
            audit=stores.audit,
            chain=stores.chain,
            deployment=lambda: stores.record.deployment,
            new_instance=made,
            by=lambda session: conditioned(session, None),
            noting=lambda note, session: conditioned(session, note),
        )

    def conditioned(session: Session | None, note: Note | None) -> Stores:
        return made(**conditional({name: getattr(stores, name) for name in GUARDED}, stores.record, session, note))

    yield made()


@contextmanager
def moto() -> Iterator[Stores]:
    """moto checks a condition and writes in two steps: one call at a time, or its conditions mean nothing."""
    client = _client()
    answering = BotocoreStubber()  # of this client alone: `mock_aws` would answer for every other in the process
    answering.enabled = True
    account = {"x-moto-account-id": str(next(_accounts))}  # moto's state is the process's
    events = client.meta.events
    events.register("before-call.dynamodb", lambda params, **_: params["headers"].update(account))
    events.register("before-send.dynamodb", cast("Callable[..., None]", answering))
    serialised = cast("DynamoDBClient", OneAtATime(client))
    create_tables(serialised)
    yield on_dynamodb("moto", serialised)


@contextmanager
def ministack() -> Iterator[Stores]:
    """Runs each call to its end before the next, as its server does, which `test_races` relies on."""
    client, database = _client(), DynamoDB()
    client.meta.events.register("before-send.dynamodb", cast("Callable[..., None]", database.before_send))
    create_tables(client)
    yield on_dynamodb("ministack", client)
    database.close()


@contextmanager
def lean() -> Iterator[Stores]:
    """MiniStack again, by the lean client, as functions call DynamoDB where they are deployed."""
    client, database = _client(), DynamoDB()
    client.meta.events.register("before-send.dynamodb", cast("Callable[..., None]", database.before_send))
    create_tables(client)
    yield on_dynamodb("lean", client, service=answered_by(database.answer, DYNAMODB))
    database.close()


IMPLEMENTATIONS = {"fakes": fakes, "moto": moto, "ministack": ministack, "lean": lean}


class OneAtATime:
    """A client of moto whose calls wait for each other."""

    def __init__(self, client: Any) -> None:
        self.meta = client.meta
        self._client = client
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        operation = getattr(self._client, name)

        def call(**arguments: Any) -> Any:
            with self._lock, copies_of_targets(arguments), the_member_of_values():
                return operation(**arguments)

        return call


def _client() -> "DynamoDBClient":
    """A client with made-up credentials; no retries, so that a test sees what the store answered."""
    config = Config(retries={"total_max_attempts": 1}, max_pool_connections=40, proxies={}).merge(PLAIN)
    return _SESSION.client("dynamodb", config=config)


class Clocks:
    """Both clocks of an instance; they stand still until somebody moves one."""

    def __init__(self) -> None:
        self.wall = self.monotonic = 0.0

    def __call__(self) -> tuple[float, float]:
        return self.wall, self.monotonic


def on_dynamodb(
    name: str, client: "DynamoDBClient", clocks: Clocks | None = None, service: Service | None = None
) -> Stores:
    """An instance's stores, by boto3 or by another `service`.

    Without clocks of the test's own, each looks at the deployment's item at every call.
    """
    tables = Tables("ClientsTable", "UsersTable", "TokensTable")
    always = itertools.count(step=2)
    shards = itertools.count()
    dynamodb = service or BotoService(client)
    reader = Reader(dynamodb, tables, clocks or (lambda: (float(next(always)), 0.0)), lambda: next(shards))

    stores = DynamoStores(dynamodb, tables, "ConfigurationTable", "KeysTable", "AuditTable", reader)

    def made(guard: Guard = UNGUARDED) -> Stores:
        return Stores(
            name,
            **stores.guarded(guard),
            keys=DynamoKeys(dynamodb, "KeysTable", stores.noting),
            journal=DynamoJournal(dynamodb, "TokensTable"),
            counters=DynamoCounters(dynamodb, "TokensTable"),
            erasures=DynamoErasures(dynamodb, "TokensTable", "UsersTable"),
            documents=DynamoDocuments(dynamodb, "TokensTable"),
            audit=DynamoAudit(dynamodb, "AuditTable", "TokensTable"),
            chain=DynamoChain(dynamodb, "AuditTable"),
            deployment=reader.deployment,
            new_instance=lambda: on_dynamodb(name, client, service=service),
            by=lambda session: conditioned(session, None),
            noting=lambda note, session: conditioned(session, note),
            dynamodb=client,
        )

    def conditioned(session: Session | None, note: Note | None) -> Stores:
        checks = session_stands("TokensTable", session, reader.shard(), "guard") if session else ()
        return made(Guard(checks, stores.noting(note)))

    return made()
