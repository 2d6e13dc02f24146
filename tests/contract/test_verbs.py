"""Whatever takes a power away is a withdrawal: every verb of every port is known as what it is, and keeps to that."""

import importlib
import pkgutil
from typing import Any

import pytest

from authserver import storage
from authserver.storage.revocations import RevocationStore
from authserver.storage.withdrawals import WithdrawalStore
from tests.contract.estate import built
from tests.contract.implementations import Stores
from tests.contract.verbs import BEGIN, CHANGE, PORTS, VERBS, WITHDRAWAL, call, verbs_of


def all_ports() -> set[type[Any]]:
    """Every Protocol that a module of `authserver.storage` has."""
    modules = [
        importlib.import_module(f"{storage.__name__}.{one.name}") for one in pkgutil.iter_modules(storage.__path__)
    ]
    return {
        one
        for module in modules
        for one in vars(module).values()
        if isinstance(one, type) and getattr(one, "_is_protocol", False) and one.__module__ == module.__name__
    }


def of_kind(*kinds: str) -> list[str]:
    return [name for name, verb in VERBS.items() if verb.kind in kinds]


def test_every_port_is_known() -> None:
    assert set(PORTS.values()) == all_ports()
    assert all_ports(), "none would be found if a Protocol were told otherwise"


def test_every_verb_is_known_as_what_it_is() -> None:
    assert set(VERBS) == {f"{name}.{verb}" for name, port in PORTS.items() for verb in verbs_of(port)}


def test_whatever_takes_a_power_away_is_a_withdrawal() -> None:
    ports = {"revocations": RevocationStore, "withdrawals": WithdrawalStore}
    assert of_kind(WITHDRAWAL) == [f"{name}.{verb}" for name, port in ports.items() for verb in verbs_of(port)]


@pytest.mark.parametrize("name", of_kind(BEGIN, CHANGE, WITHDRAWAL))
def test_nothing_else_ends_than_what_a_verb_takes_away_or_uses_up(own_stores: Stores, name: str) -> None:
    estate = built(own_stores, raised=VERBS[name].kind == WITHDRAWAL)
    before = estate.standing_things()
    call(name, estate, own_stores)
    assert before - estate.standing_things() == set(VERBS[name].loses)


def test_every_withdrawal_takes_something_away() -> None:
    assert [name for name in of_kind(WITHDRAWAL) if not VERBS[name].loses] == []
