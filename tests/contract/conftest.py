"""Every law is shown on every implementation; those about DynamoDB's items on those that have any."""

from collections.abc import Iterator

import pytest

from authserver.storage import (
    BrowserStore,
    ClientStore,
    CounterStore,
    FactorStore,
    IdentityProviderStore,
    JournalStore,
    KeyStore,
    OrganisationStore,
    TokenStore,
    UserStore,
)
from tests.contract.implementations import IMPLEMENTATIONS, Stores
from tests.contract.ministack_process import CannotStartError


@pytest.fixture(scope="package", params=sorted(IMPLEMENTATIONS))
def stores(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    """The stores of one implementation, empty at first and shared by all tests: each makes identifiers of its own."""
    context = IMPLEMENTATIONS[request.param](tmp_path_factory.mktemp(request.param))
    try:
        stores = context.__enter__()
    except CannotStartError as reason:
        pytest.skip(str(reason))
    yield stores
    context.__exit__(None, None, None)


@pytest.fixture
def tokens(stores: Stores) -> TokenStore:
    return stores.tokens


@pytest.fixture
def browsers(stores: Stores) -> BrowserStore:
    return stores.browsers


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
