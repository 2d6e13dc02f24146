"""Every law is shown on every implementation; those about DynamoDB's items on those that have any."""

from collections.abc import Iterator

import pytest

from authserver.storage.browsers import BrowserStore
from authserver.storage.clients import ClientStore
from authserver.storage.configuration import IdentityProviderStore, KeyStore
from authserver.storage.journal import CounterStore, JournalStore
from authserver.storage.organisations import OrganisationStore
from authserver.storage.tokens import TokenStore
from authserver.storage.users import FactorStore, UserStore
from authserver.storage.withdrawals import WithdrawalStore
from tests.contract.implementations import IMPLEMENTATIONS, Stores

# Each emulator and each client of AWS once: moto is called by boto3, and MiniStack by the lean client.
SHOWN_ON = ("fakes", "lean", "moto")


@pytest.fixture(scope="package", params=SHOWN_ON)
def stores(request: pytest.FixtureRequest) -> Iterator[Stores]:
    """The stores of one implementation, empty at first and shared by all tests: each makes identifiers of its own."""
    with IMPLEMENTATIONS[request.param]() as stores:
        yield stores


@pytest.fixture(params=["fakes", "ministack"])
def own_stores(request: pytest.FixtureRequest) -> Iterator[Stores]:
    """The stores of one implementation for what ends everything, empty: those of no other test.

    Not of moto, which shows the laws by `stores` and takes five times as long for the same calls.
    """
    with IMPLEMENTATIONS[request.param]() as stores:
        yield stores


@pytest.fixture
def tokens(stores: Stores) -> TokenStore:
    return stores.tokens


@pytest.fixture
def browsers(stores: Stores) -> BrowserStore:
    return stores.browsers


@pytest.fixture
def withdrawals(stores: Stores) -> WithdrawalStore:
    return stores.withdrawals


@pytest.fixture
def journal(stores: Stores) -> JournalStore:
    return stores.journal


@pytest.fixture
def counters(stores: Stores) -> CounterStore:
    return stores.counters


@pytest.fixture
def clients(stores: Stores) -> ClientStore:
    return stores.clients


@pytest.fixture
def users(stores: Stores) -> UserStore:
    return stores.users


@pytest.fixture
def keys(stores: Stores) -> KeyStore:
    return stores.keys


@pytest.fixture
def organisations(stores: Stores) -> OrganisationStore:
    return stores.organisations


@pytest.fixture
def identity_providers(stores: Stores) -> IdentityProviderStore:
    return stores.identity_providers


@pytest.fixture
def factors(stores: Stores) -> FactorStore:
    return stores.factors
