"""One MiniStack for all sweeps of a process, and the estate in it."""

from collections.abc import Iterator

import pytest

from tests.sweep import ministack_process
from tests.sweep.estate import Estate
from tests.sweep.kills import Sweeper
from tests.sweep.ministack_process import CannotStartError
from tests.sweep.place import Place


@pytest.fixture(scope="session")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    context = ministack_process.running(tmp_path_factory.mktemp("sweep"))
    try:
        endpoint_url = context.__enter__()
    except CannotStartError as reason:
        pytest.skip(str(reason))
    try:
        yield Estate(Place(endpoint_url))
    finally:
        context.__exit__(None, None, None)


@pytest.fixture(scope="session")
def sweeper(estate: Estate) -> Sweeper:
    return Sweeper(estate)
