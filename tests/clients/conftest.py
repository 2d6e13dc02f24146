"""The server, for client libraries that other people wrote."""

import fcntl
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.development import DevelopmentServer
from tests.flows.person import Deployment, Person

HERE = Path(__file__).parent
SEED = HERE.parents[1] / "local" / "seed.json"
CACHE = HERE.parents[1] / ".cache" / "clients"
SCRIPTS = ("openid_client.mjs", "openid_client_machine.mjs", "openid_client_registration.mjs", "oidc_provider.mjs")
OLDEST_NODE = 20


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """The laboratory needs what `make lab` installs."""
    return True if collection_path == HERE / "lab" and not config.getoption("--lab") else None


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    log = tmp_path_factory.mktemp("clients") / "log"
    with DevelopmentServer(seed=SEED, log=log) as server:
        yield Deployment(server.issuer, server.resource)


@pytest.fixture
def person(deployment: Deployment) -> Person:
    return Person(deployment)


@pytest.fixture(scope="session")
def node() -> str:
    """Node.js, and beside the scripts what they import, in the versions of package.json: once, into .cache."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip(f"these need Node.js {OLDEST_NODE} or newer with npm")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.removeprefix("v").partition(".")[0]) < OLDEST_NODE:
        pytest.skip(f"these need Node.js {OLDEST_NODE} or newer; this is {version}")
    CACHE.mkdir(parents=True, exist_ok=True)
    # One worker installs; a package of a half is no package.
    with (CACHE / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for name in (*SCRIPTS, "package.json"):
            shutil.copy(HERE / name, CACHE / name)
        if not _is_installed():
            _install(npm)
    return node


def _is_installed() -> bool:
    wanted: dict[str, str] = json.loads((HERE / "package.json").read_text())["dependencies"]
    manifests = {name: CACHE / "node_modules" / name / "package.json" for name in wanted}
    return all(
        manifests[name].exists() and json.loads(manifests[name].read_text())["version"] == version
        for name, version in wanted.items()
    )


def _install(npm: str) -> None:
    options = ["--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    done = subprocess.run([npm, "install", *options], cwd=CACHE, capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        pytest.skip(f"npm cannot install what they import: {done.stderr.strip()[-500:]}")
