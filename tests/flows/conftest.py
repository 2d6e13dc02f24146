"""The server that the flows run against.

By default the development server. With ``--sam-local``, ``sam local start-api``; with ``--deployed``, the built
template as `sam deploy` deploys it to an emulator of AWS, with IAM enforced; with ``BASE_URL`` and ``RESOURCE_URL`` in
the environment, a deployed stack into which ``local/seed.json`` was planted.
"""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.sam import sam_local, why_not
from tests.deployed.stack import deployed
from tests.development import DevelopmentServer
from tests.flows.person import App, Deployment, Person, demo_app, demo_machine, demo_web, other_web

ROOT = Path(__file__).parent.parent.parent
SEED = ROOT / "local" / "seed.json"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Elsewhere than on the development server, tests that start servers of their own would show nothing new."""
    if not (config.getoption("--deployed") or config.getoption("--sam-local") or "BASE_URL" in os.environ):
        return
    here = Path(__file__).parent
    own = [one for one in items if here in one.path.parents and "deployment" not in getattr(one, "fixturenames", ())]
    config.hook.pytest_deselected(items=own)
    items[:] = [one for one in items if one not in own]


@pytest.fixture(scope="session")
def deployment(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    log = tmp_path_factory.mktemp("flows") / "server.log"
    if "BASE_URL" in os.environ:
        yield Deployment(os.environ["BASE_URL"], os.environ["RESOURCE_URL"], "aws")
        return
    if request.config.getoption("--deployed"):
        with deployed(log.parent, with_iam=True) as (_, issuer, resource):
            yield Deployment(issuer, resource, "emulator")
        return
    on_sam_local = request.config.getoption("--sam-local")
    if on_sam_local and (reason := why_not()):
        pytest.skip(f"sam local was not tested: {reason}")
    with DevelopmentServer(port=0, resource_port=0, seed=SEED, log=log) as server:
        if on_sam_local:
            with sam_local(server, _free_port(), log.with_name("sam.log")) as address:
                yield Deployment(address, address, "sam local")
        else:
            yield Deployment(server.issuer, server.resource)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture
def person(deployment: Deployment) -> Person:
    return Person(deployment)


@pytest.fixture
def app(deployment: Deployment) -> App:
    """A public client."""
    return demo_app(deployment)


@pytest.fixture
def web(deployment: Deployment) -> App:
    """A confidential client."""
    return demo_web(deployment)


@pytest.fixture
def other(deployment: Deployment) -> App:
    """A confidential client of another owner."""
    return other_web(deployment)


@pytest.fixture
def machine(deployment: Deployment) -> App:
    """A client that acts for itself."""
    return demo_machine(deployment)
