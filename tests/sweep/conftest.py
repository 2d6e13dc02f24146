"""One database for all sweeps of a process, and the estate in it."""

from collections.abc import Iterator

import pytest

from tests.ministack import DynamoDB
from tests.sweep.estate import Estate
from tests.sweep.kills import Sweeper
from tests.sweep.place import Place


@pytest.fixture(scope="session")
def estate() -> Iterator[Estate]:
    database = DynamoDB()
    yield Estate(Place(database))
    database.close()


@pytest.fixture(scope="session")
def sweeper(estate: Estate) -> Sweeper:
    return Sweeper(estate)
