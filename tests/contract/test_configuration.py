"""Laws of the configuration: one catalogue and one theme, each write conditional on what was read."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest

from authserver.models.configuration import Theme
from authserver.resources import Resource, ResourceCatalogue
from authserver.scopes import OPERATOR, ClaimDefinition, ScopeCatalogue, ScopeDefinition
from authserver.storage.configuration import ConfigurationStore
from tests.contract.implementations import Stores

CATALOGUE = ScopeCatalogue.of(
    (
        ScopeDefinition("orders", "See and place orders", ("orders.read",), sensitive=True, group="Orders"),
        ScopeDefinition(
            *("orders.read", "See orders"),
            grantable_by=OPERATOR,
            advertised=False,
            claims=(ClaimDefinition("groups", "teams", "strings", ("userinfo",)), ClaimDefinition("level", "level")),
        ),
    )
)


@pytest.fixture
def configuration(stores: Stores) -> ConfigurationStore:
    """There is one catalogue, so each test begins with what the one before left."""
    return stores.configuration


def written(stores: Stores) -> ScopeCatalogue:
    """A catalogue that is stored."""
    stored = stores.configuration.scopes()
    version = stored.version if stored else 0
    assert stores.withdrawals.change_scopes(replace(CATALOGUE, version=version))
    return replace(CATALOGUE, version=version + 1)


def test_what_was_written_is_found_with_the_next_version_which_every_function_is_told(stores: Stores) -> None:
    first = written(stores)
    assert stores.configuration.scopes() == first
    assert stores.deployment().catalogue == first.version
    shorter = ScopeCatalogue.of(CATALOGUE.definitions[1:], first.version)
    assert stores.withdrawals.change_scopes(shorter)
    assert stores.configuration.scopes() == replace(shorter, version=first.version + 1)
    assert stores.deployment().catalogue == first.version + 1


def test_removed_scopes_are_kept_as_they_were(stores: Stores) -> None:
    first = written(stores)
    orders, reading = CATALOGUE.definitions
    assert stores.withdrawals.change_scopes(ScopeCatalogue.of((reading,), first.version, (orders,)))
    assert stores.configuration.scopes() == ScopeCatalogue((reading,), first.version + 1, (orders,))


@pytest.mark.parametrize("apart", [-1, 1, 100])
def test_change_of_another_version_is_refused_and_nobody_is_told_of_it(stores: Stores, apart: int) -> None:
    stored = written(stores)
    assert not stores.withdrawals.change_scopes(ScopeCatalogue((), stored.version + apart))
    assert stores.configuration.scopes() == stored
    assert stores.deployment().catalogue == stored.version


def test_change_as_the_first_one_is_refused_when_there_is_one(stores: Stores) -> None:
    stored = written(stores)
    assert not stores.withdrawals.change_scopes(ScopeCatalogue((), 0))
    assert stores.configuration.scopes() == stored
    assert stores.deployment().catalogue == stored.version


def test_change_by_twelve_at_once_is_done_by_one(stores: Stores) -> None:
    stored = written(stores)
    barrier = Barrier(12)

    def change(number: int) -> bool:
        barrier.wait()
        definitions = (*CATALOGUE.definitions, ScopeDefinition(f"scope-{number}", "One of twelve"))
        return stores.withdrawals.change_scopes(ScopeCatalogue(definitions, stored.version))

    with ThreadPoolExecutor(12) as pool:
        done = list(pool.map(change, range(12)))
    assert done.count(True) == 1
    now = stores.configuration.scopes()
    assert now is not None
    assert now.version == stores.deployment().catalogue == stored.version + 1
    assert now.get(f"scope-{done.index(True)}") is not None


# ------------------------------------------------------------------ the resources

ORDERS = Resource(
    "orders", "https://orders.example", "Orders", ("read", "write"), {"GET /orders": "read", "$default": ""}
)
MCP = Resource("mcp", "https://mcp.example/mcp")


def listed(stores: Stores) -> ResourceCatalogue:
    """Resources that are stored."""
    before = stores.configuration.resources()
    catalogue = ResourceCatalogue((ORDERS, MCP), before.version if before else 0)
    assert stores.withdrawals.change_resources(catalogue)
    return replace(catalogue, version=catalogue.version + 1)


def test_resources_that_were_written_are_found_with_the_next_version_which_every_function_is_told(
    stores: Stores,
) -> None:
    first = listed(stores)
    assert stores.configuration.resources() == first
    assert stores.deployment().resources == first.version
    shorter = ResourceCatalogue((ORDERS,), first.version, (MCP.identifier,))
    assert stores.withdrawals.change_resources(shorter)
    assert stores.configuration.resources() == replace(shorter, version=first.version + 1)
    assert stores.deployment().resources == first.version + 1


@pytest.mark.parametrize("apart", [-1, 1, 100])
def test_resources_of_another_version_are_refused_and_nobody_is_told_of_them(stores: Stores, apart: int) -> None:
    stored = listed(stores)
    assert not stores.withdrawals.change_resources(ResourceCatalogue((), stored.version + apart))
    assert not stores.withdrawals.change_resources(ResourceCatalogue((), 0))
    assert stores.configuration.resources() == stored
    assert stores.deployment().resources == stored.version


def test_resources_and_scopes_leave_each_other_alone(stores: Stores) -> None:
    catalogue, resources = written(stores), listed(stores)
    assert stores.configuration.scopes() == catalogue
    assert stores.configuration.resources() == resources
    assert (stores.deployment().catalogue, stores.deployment().resources) == (catalogue.version, resources.version)


# ------------------------------------------------------------------ the theme

THEME = Theme("Wonderland", "data:image/png;base64,x", "#111111", "#eeeeee", "#222222", "#dddddd", 3, "serif", "a@b.c")


def themed(configuration: ConfigurationStore) -> Theme:
    """A theme that is stored, the first of its version."""
    configuration.delete_theme()
    assert configuration.put_theme(THEME)
    return replace(THEME, version=1)


def test_a_theme_that_was_put_is_found_with_the_next_version(configuration: ConfigurationStore) -> None:
    stored = themed(configuration)
    assert configuration.theme() == stored
    bare = Theme("", "", "", "", "", "", 0, "", "", version=stored.version)
    assert configuration.put_theme(bare)
    assert configuration.theme() == replace(bare, version=2), "what is empty stays so, and is no default"


@pytest.mark.parametrize("version", [0, 2, 100])
def test_a_theme_put_on_another_version_is_refused(configuration: ConfigurationStore, version: int) -> None:
    stored = themed(configuration)
    assert not configuration.put_theme(replace(THEME, name="Another", version=version))
    assert configuration.theme() == stored


def test_a_theme_that_was_removed_is_gone_and_can_be_removed_again(configuration: ConfigurationStore) -> None:
    stored = themed(configuration)
    for _ in range(2):
        configuration.delete_theme()
        assert configuration.theme() is None
    assert not configuration.put_theme(stored)
    assert themed(configuration) == stored


def test_theme_and_catalogue_leave_each_other_alone(stores: Stores) -> None:
    catalogue = written(stores)
    themed(stores.configuration)
    assert stores.configuration.scopes() == catalogue
    stores.configuration.delete_theme()
    assert stores.configuration.scopes() == catalogue
