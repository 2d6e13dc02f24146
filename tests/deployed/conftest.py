"""The template on an emulator of AWS: once for a file of tests."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from local.http_server import HttpServer
from tests.deployed.stack import Emulator, Stack, address, build, deployed, emulator
from tests.flows.person import App, Deployment, Person, demo_app, demo_machine

type Served = tuple[Stack, Deployment]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with deployed(tmp_path_factory.mktemp("deployed"), with_iam=True) as (stack, issuer, resource):
        yield stack, Deployment(issuer, resource, "emulator")


@pytest.fixture
def aws(tmp_path: Path) -> Iterator[Emulator]:
    """An account with nothing in it, for what a test builds and deploys itself."""
    build()
    with emulator(tmp_path, with_iam=False) as started:
        yield started


@pytest.fixture
def addresses() -> Iterator[tuple[HttpServer, HttpServer]]:
    """Of both APIs."""
    with closing(address()) as issuer, closing(address()) as resource:
        yield issuer, resource


@pytest.fixture(scope="module")
def stack(served: Served) -> Stack:
    return served[0]


@pytest.fixture(scope="module")
def deployment(served: Served) -> Deployment:
    return served[1]


@pytest.fixture
def person(deployment: Deployment) -> Person:
    return Person(deployment)


@pytest.fixture
def app(deployment: Deployment) -> App:
    return demo_app(deployment)


@pytest.fixture
def machine(deployment: Deployment) -> App:
    return demo_machine(deployment)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Beside the smoke, only `make deployed-test` runs what takes minutes."""
    is_long = collection_path.name.startswith("test_") and collection_path.name != "test_smoke.py"
    return True if is_long and not config.getoption("--deployed") else None
