"""The implementations of `authserver.storage` that the laws are shown on."""

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import boto3
from botocore.config import Config
from moto.core.botocore_stubber import BotocoreStubber

from authserver.aws.dynamodb import (
    DynamoBrowsers,
    DynamoClients,
    DynamoConfiguration,
    DynamoCounters,
    DynamoFactors,
    DynamoIdentityProviders,
    DynamoJournal,
    DynamoKeys,
    DynamoOrganisations,
    DynamoTokens,
    DynamoUsers,
)
from authserver.storage import (
    BrowserStore,
    ClientStore,
    ConfigurationStore,
    CounterStore,
    FactorStore,
    IdentityProviderStore,
    JournalStore,
    KeyStore,
    OrganisationStore,
    TokenStore,
    UserStore,
)
from tests.contract import ministack_process
from tests.contract.tables import create_tables
from tests.fakes import (
    FakeBrowsers,
    FakeClients,
    FakeConfiguration,
    FakeCounters,
    FakeFactors,
    FakeIdentityProviders,
    FakeJournal,
    FakeKeys,
    FakeOrganisations,
    FakeTokens,
    FakeUsers,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

REGION = "eu-central-1"

_accounts = itertools.count(900000000000)


@dataclass(frozen=True)
class Stores:
    """The stores of one implementation. `dynamodb` is what is beneath them, None for the fakes."""

    name: str
    clients: ClientStore
    users: UserStore
    keys: KeyStore
    tokens: TokenStore
    browsers: BrowserStore
    journal: JournalStore
    counters: CounterStore
    organisations: OrganisationStore
    configuration: ConfigurationStore
    identity_providers: IdentityProviderStore
    factors: FactorStore
    dynamodb: "DynamoDBClient | None" = None


@contextmanager
def fakes(folder: Path) -> Iterator[Stores]:
    organisations, factors = FakeOrganisations(), FakeFactors()
    tokens = FakeTokens(organisations)
    yield Stores(
        "fakes",
        FakeClients(),
        FakeUsers(organisations=organisations, factors=factors),
        FakeKeys(),
        tokens,
        FakeBrowsers(tokens),
        FakeJournal(),
        FakeCounters(),
        organisations,
        FakeConfiguration(),
        FakeIdentityProviders(),
        factors,
    )


@contextmanager
def moto(folder: Path) -> Iterator[Stores]:
    """moto checks a condition and writes in two steps: one call at a time, or its conditions mean nothing."""
    client = _client(None)
    answering = BotocoreStubber()  # of this client alone: `mock_aws` would answer for every other in the process
    answering.enabled = True
    account = {"x-moto-account-id": str(next(_accounts))}  # moto's state is the process's
    events = client.meta.events
    events.register("before-call.dynamodb", lambda params, **_: params["headers"].update(account))
    events.register("before-send.dynamodb", cast("Callable[..., None]", answering))
    serialised = cast("DynamoDBClient", OneAtATime(client))
    create_tables(serialised)
    yield _on_dynamodb("moto", serialised)


@contextmanager
def ministack(folder: Path) -> Iterator[Stores]:
    """MiniStack runs each call to its end before the next, which `test_races` relies on: no lock of ours here."""
    with ministack_process.running(folder) as endpoint_url:
        client = _client(endpoint_url)
        create_tables(client)
        yield _on_dynamodb("ministack", client)


IMPLEMENTATIONS = {"fakes": fakes, "moto": moto, "ministack": ministack}


class OneAtATime:
    """A client whose calls wait for each other."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        operation = getattr(self._client, name)

        def call(**arguments: Any) -> Any:
            with self._lock:
                return operation(**arguments)

        return call


def _client(endpoint_url: str | None) -> "DynamoDBClient":
    """A client with credentials of nobody; no retries, so that a test sees what the store answered."""
    config = Config(retries={"total_max_attempts": 1}, max_pool_connections=40, proxies={})
    session = boto3.Session("testing", "testing", region_name=REGION)
    return session.client("dynamodb", endpoint_url=endpoint_url, config=config)


def _on_dynamodb(name: str, client: "DynamoDBClient") -> Stores:
    return Stores(
        name,
        DynamoClients(client, "ClientsTable"),
        DynamoUsers(client, "UsersTable"),
        DynamoKeys(client, "KeysTable"),
        DynamoTokens(client, "TokensTable", "UsersTable"),
        DynamoBrowsers(client, "TokensTable"),
        DynamoJournal(client, "TokensTable"),
        DynamoCounters(client, "TokensTable"),
        DynamoOrganisations(client, "UsersTable"),
        DynamoConfiguration(client, "ConfigurationTable"),
        DynamoIdentityProviders(client, "ConfigurationTable"),
        DynamoFactors(client, "UsersTable"),
        client,
    )
