"""The laboratory: the server as it stands, and the clients as their registries have them."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.authority import Authority
from tests.clients.lab.clients import CLIENTS
from tests.clients.lab.table import Row, write
from tests.clients.lab.visitor import Visitor
from tests.clients.lab.wire import LOOPBACK, Wire, relay, reserve
from tests.development import DevelopmentServer
from tests.origin import Origin, an_origin

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
SEED = ROOT / "local" / "seed.json"
REQUIREMENTS = {"": ROOT / "requirements-lab.txt", "-1": ROOT / "requirements-lab-1.txt"}
PACKAGES = HERE / "package.json"
CACHE = ROOT / ".cache" / "lab"
VENV = CACHE / "python" / "lab"
OLDER = CACHE / "python" / "lab-1"  # for drivers whose names end in _1.py
OTHERS = ("oidc-client-ts", "@modelcontextprotocol/conformance")  # with tests of their own
PATIENCE = 60  # seconds for one client's whole run
PARAMETERS = {
    "Registration": "Open",
    "ClientDocuments": "On",
    "DeviceGrant": "true",
    "LoopbackUpstreams": "true",
    "RouteScopes": "ANY /mcp/...=read, POST /mcp/write=write",
}


@dataclass(frozen=True)
class Home:
    """Where clients have their metadata documents: an https address, and the origin behind it."""

    address: str
    origin: Origin

    def describe(self, name: str, **metadata: Any) -> str:
        """Has a client's document there; its address, which is the client's identifier."""
        path = f"/{name}.json"
        self.origin.put(path, {"client_id": self.address + path, **metadata})
        return self.address + path


@dataclass
class Challenges:
    """What the ResourceApi's challenges say: some text in place of another, on their way to the client."""

    instead: dict[str, str] = field(default_factory=dict)

    def __call__(self, challenge: str) -> str:
        for text, other in self.instead.items():
            challenge = challenge.replace(text, other)
        return challenge


@dataclass(frozen=True)
class Place:
    """Where a server is. `issuer` and `resource` are the relays' addresses, so that the wire can be looked at."""

    issuer: str
    resource: str
    wire: Wire

    @property
    def mcp(self) -> str:
        return f"{self.resource}/mcp"

    def register(self, **metadata: Any) -> dict[str, Any]:
        """Registers a client as an operator does, by the admin API; the client, with its secret."""
        form = {"grant_type": "client_credentials", "scope": "admin:clients"}
        auth = ("demo-admin", "demo-admin-secret-for-development-only")
        token = httpx.post(f"{self.issuer}/token", data=form, auth=auth, timeout=60).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        made = httpx.post(f"{self.resource}/admin/clients", json=metadata, headers=headers, timeout=60)
        assert made.status_code == 201, made.text
        client: dict[str, Any] = made.json()
        return client


@dataclass(frozen=True)
class Laboratory(Place):
    """The server that the clients sign in at. `home` is where they have their metadata documents. All of it is https,
    vouched for by `authority`.
    """

    home: Home
    authority: Authority
    challenges: Challenges
    behind: str  # the host and port at which the ResourceApi itself answers, by http


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    log = tmp_path_factory.mktemp("lab") / "log"
    wire = Wire()
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        authority = Authority(tmp_path_factory.mktemp("authority"))
        patch.setenv("SSL_CERT_FILE", authority.bundle)  # for the person, the operator and the drivers
        tls = authority.server(LOOPBACK)
        ahead, issuer = reserve(tls)
        behind, resource = reserve(tls)
        documents, home = reserve(tls)
        origin = stack.enter_context(an_origin())
        port, resource_port = free_port(), free_port()
        # It tells the relays' addresses as its own, and answers at these ports.
        stack.enter_context(
            DevelopmentServer(
                port=port,
                resource_port=resource_port,
                seed=SEED,
                log=log,
                resources=HERE / "mcp" / "api.yaml",
                authorities=Path(authority.bundle),
                parameters=PARAMETERS | {"Issuer": issuer, "ResourceUrl": resource},
            )
        )
        stack.enter_context(relay(ahead, f"127.0.0.1:{port}", "authorization", wire))
        challenges = Challenges()
        back = f"127.0.0.1:{resource_port}"
        stack.enter_context(relay(behind, back, "resource", wire, challenged=challenges))
        stack.enter_context(relay(documents, origin.issuer.removeprefix("http://"), "documents", Wire()))
        yield Laboratory(issuer, resource, wire, Home(home, origin), authority, challenges, back)


def free_port() -> int:
    """A free port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@dataclass
class Run:
    """What one client did: what it said by its steps, and what went over the wire meanwhile."""

    steps: dict[str, dict[str, Any]] = field(default_factory=dict)
    wire: Wire = field(default_factory=Wire)
    said: str = ""
    exit_code: int = 0


type Drive = Callable[..., Run]


def interpreter(driver: str) -> str:
    """What runs a driver: a Python or the Node.js of the laboratory's own."""
    assert (CACHE / ".installed").exists(), "run `make lab`, which installs the clients"
    if driver.endswith(".mjs"):
        return str(VENV / "bin" / "node")
    return str((OLDER if driver.endswith("_1.py") else VENV) / "bin" / "python")


@pytest.fixture
def drive(lab: Laboratory) -> Drive:
    """Runs a driver of `drivers/` and is the person that it asks for.

    A driver prints one JSON document a line. ``{"open": address, "until": address}`` asks for a browser, and is told
    on standard input where that ended, or what it showed there; any other line is a step and what came of it.
    """

    def drive(name: str, **given: Any) -> Run:
        run, began = Run(), len(lab.wire.exchanges)
        for path in (HERE / "drivers").glob("*.*"):  # beside node_modules, where Node.js looks for what they import
            shutil.copy(path, CACHE / path.name)
        given = {"issuer": lab.issuer, "resource": lab.resource, "mcp": lab.mcp} | given
        process = subprocess.Popen(
            [interpreter(name), name, json.dumps(given)],
            cwd=CACHE,
            env=_environment(lab.authority),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        limit = threading.Timer(PATIENCE, _kill, [process])
        limit.start()
        try:
            _listen(process, Visitor(), run)
            run.exit_code = process.wait(timeout=PATIENCE)
        finally:
            limit.cancel()
            run.said += _end(process)
            print(run.said)  # noqa: T201 to be read with -s, or when it fails
        run.wire = lab.wire.since(began)
        return run

    return drive


def _listen(process: subprocess.Popen[str], person: Visitor, run: Run) -> None:
    """Until the driver has no more to say."""
    assert process.stdin is not None
    assert process.stdout is not None
    for line in process.stdout:
        run.said += line
        told = json.loads(line) if line.startswith("{") else {}
        if "open" in told:
            arrival = person.go(told["open"], until=told.get("until", ""))
            process.stdin.write(json.dumps({"address": arrival.address, "text": arrival.text}) + "\n")
            process.stdin.flush()
        elif "step" in told:
            run.steps[told.pop("step")] = told


def _end(process: subprocess.Popen[str]) -> str:
    """Ends it; the last of what it said."""
    _kill(process)
    return process.communicate()[0]


def _kill(process: subprocess.Popen[str]) -> None:
    """With whatever it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _environment(authority: Authority) -> dict[str, str]:
    """Without what the suite sets for its own: clients trust the laboratory's authority, each in its usual way."""
    left_out = ("SSL_CERT_DIR", "PYTHONPATH")
    kept = {name: value for name, value in os.environ.items() if name not in left_out}
    trusted = dict.fromkeys(("REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"), authority.bundle)
    return kept | trusted | {"NO_COLOR": "1", "HOME": str(CACHE), "PATH": f"{VENV / 'bin'}:{kept['PATH']}"}


@pytest.fixture(scope="session")
def versions() -> dict[str, str]:
    """Each package's version as it is pinned; an older major version is by its name with `-1` or `-5`."""
    pinned = {
        name + suffix: version
        for suffix, path in REQUIREMENTS.items()
        for name, version in re.findall(r"^([A-Za-z0-9_.-]+)==(\S+)", path.read_text(), re.MULTILINE)
    }
    wanted: dict[str, str] = json.loads(PACKAGES.read_text())["dependencies"]
    return pinned | {name: version.rpartition("@")[2] for name, version in wanted.items()}


@pytest.fixture(scope="session")
def rows() -> Iterator[list[Row]]:
    """The table's rows, written into docs/clients.md at the end if every client had its turn."""
    found: list[Row] = []
    yield found
    if len(found) == len(CLIENTS) + len(OTHERS):
        write(found)
