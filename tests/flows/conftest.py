"""The server that the flows run against.

By default the development server. With ``--sam-local``, ``sam local start-api``; with ``BASE_URL`` and
``RESOURCE_URL`` in the environment, a deployed stack into which ``local/seed.json`` was planted.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from local.server import DevelopmentServer
from tests.flows.person import App, Deployment, Person, demo_app, demo_machine, demo_web, other_web

ROOT = Path(__file__).parent.parent.parent
SEED = ROOT / "local" / "seed.json"


@pytest.fixture(scope="session")
def deployment(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    log = tmp_path_factory.mktemp("flows") / "server.log"
    if "BASE_URL" in os.environ:
        yield Deployment(os.environ["BASE_URL"], os.environ["RESOURCE_URL"], "aws")
        return
    with DevelopmentServer(port=0, resource_port=0, seed=SEED, log=log) as server:
        if not request.config.getoption("--sam-local"):
            yield Deployment(server.issuer, server.resource)
            return
        yield from _sam_local(server, log)


def _sam_local(server: DevelopmentServer, log: Path) -> Iterator[Deployment]:
    """`sam local start-api` on the development server's tables and keys; both APIs are on one port there."""
    if shutil.which("docker") is None or subprocess.run(["docker", "info"], capture_output=True).returncode:
        pytest.skip("no Docker engine answers: `sam local` was not tested")
    if not (ROOT / ".aws-sam" / "build" / "template.yaml").exists():
        pytest.skip("nothing is built: run `make build` first")
    port = _free_port()
    address = f"http://127.0.0.1:{port}"
    tables = ("CLIENTS_TABLE", "USERS_TABLE", "TOKENS_TABLE", "KEYS_TABLE", "KMS_KEY")
    environment = server.environment("TokenFunction")
    variables = log.with_name("variables.json")
    variables.write_text(json.dumps({"Parameters": {name: environment[name] for name in tables}}))
    overrides = {"Issuer": address, "ResourceUrl": address, "LocalEndpoint": server.endpoint_url}
    with log.with_name("sam.log").open("w") as output:
        process = subprocess.Popen(
            [
                str(Path(sys.executable).with_name("sam")),
                "local",
                "start-api",
                "--skip-pull-image",
                "--warm-containers=LAZY",
                "--docker-network=host",
                f"--port={port}",
                f"--env-vars={variables}",
                "--parameter-overrides",
                *(f"{name}={value}" for name, value in overrides.items()),
            ],
            cwd=ROOT,
            env={**os.environ, **_credentials(), "SAM_CLI_TELEMETRY": "0"},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_for(f"{address}/.well-known/openid-configuration", process, log.with_name("sam.log"))
            yield Deployment(address, address, "sam local")
        finally:
            process.terminate()
            process.wait(timeout=60)


def _credentials() -> dict[str, str]:
    return {"AWS_DEFAULT_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(url, timeout=120).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.5)
    raise RuntimeError(f"sam local did not come up: {log.read_text()[-3000:]}")


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
