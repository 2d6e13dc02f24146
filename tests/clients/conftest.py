"""The server, for client libraries that other people wrote."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.server import DevelopmentServer
from tests.flows.person import Deployment, Person

SEED = Path(__file__).parents[2] / "local" / "seed.json"


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    log = tmp_path_factory.mktemp("clients") / "log"
    with DevelopmentServer(seed=SEED, log=log) as server:
        yield Deployment(server.issuer, server.resource)


@pytest.fixture
def person(deployment: Deployment) -> Person:
    return Person(deployment)
