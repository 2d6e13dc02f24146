"""Every law is shown on every implementation; those about DynamoDB's items on those that have any."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

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


@pytest.fixture(scope="session")
def own_ministack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Stores]]:
    """The stores of a MiniStack for what ends everything, started when they are asked for."""
    with ExitStack() as running:
        yield cache(lambda: running.enter_context(IMPLEMENTATIONS["ministack"](tmp_path_factory.mktemp("own"))))


@pytest.fixture(params=sorted(IMPLEMENTATIONS))
def own_stores(request: pytest.FixtureRequest, tmp_path: Path, own_ministack: Callable[[], Stores]) -> Iterator[Stores]:
    """The stores of one implementation for what ends everything: those of no test that means what it began to stand.

    moto's are empty: it copies all its tables for each transaction.
    """
    if request.param == "ministack":
        try:
            yield own_ministack()
        except CannotStartError as reason:
            pytest.skip(str(reason))
    else:
        with IMPLEMENTATIONS[request.param](tmp_path) as stores:
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
