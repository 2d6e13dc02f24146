"""openid-client, a certified library for Node.js; openid_client.mjs is what it does.

It is installed into .cache/ in the exact versions of package.json, once.
"""

import json
import os
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from tests.clients.registered import CLIENTS, MACHINE, Registered, browse
from tests.flows.person import Deployment, Person

HERE = Path(__file__).parent
CACHE = HERE.parents[1] / ".cache" / "clients"
SCRIPTS = ("openid_client.mjs", "openid_client_machine.mjs")
OLDEST_NODE = 20


@pytest.fixture(scope="session")
def node() -> str:
    """Node.js, and next to the scripts what they import."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip(f"openid-client needs Node.js {OLDEST_NODE} or newer with npm")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.removeprefix("v").partition(".")[0]) < OLDEST_NODE:
        pytest.skip(f"openid-client needs Node.js {OLDEST_NODE} or newer; this is {version}")
    CACHE.mkdir(parents=True, exist_ok=True)
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
        pytest.skip(f"npm cannot install openid-client: {done.stderr.strip()[-500:]}")


def arguments(client: Registered) -> list[str]:
    """As the script takes them."""
    if client.secret is None:
        return [client.client_id, client.redirect_uri]
    return [client.client_id, client.redirect_uri, client.secret, client.method.removeprefix("client_secret_")]


@pytest.mark.rfc("6749", "4.1")
@pytest.mark.rfc("6749", "6")
@pytest.mark.rfc("7636", "4")
@pytest.mark.rfc("7009", "2")
@pytest.mark.rfc("7662", "2")
@pytest.mark.rfc("9207", "2.4")
@pytest.mark.rfc("OIDC Core", "3.1.3.7")
@pytest.mark.rfc("OIDC Discovery", "4")
@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: f"{client.client_id}-{client.id_token_alg}")
def test_authorization_code(node: str, deployment: Deployment, person: Person, client: Registered) -> None:
    with subprocess.Popen(
        [node, SCRIPTS[0], deployment.issuer, deployment.resource, *arguments(client)],
        cwd=CACHE,
        env=os.environ | {"ID_TOKEN_ALG": client.id_token_alg},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        said = []
        limit = threading.Timer(60, process.kill)
        limit.start()
        for line in process.stdout:
            print(line, end="")  # noqa: T201 to be read with -s
            said.append(line)
            if line.startswith("open "):
                process.stdin.write(browse(person, line.split()[1], client.redirect_uri) + "\n")
                process.stdin.flush()
        limit.cancel()
        assert process.wait(timeout=30) == 0, "".join(said)
    assert f"everything works with openid-client and {client.client_id}\n" in said
    assert f"ID token             {client.id_token_alg}" in "".join(said)


@pytest.mark.rfc("6749", "4.4")
@pytest.mark.rfc("7662", "2")
def test_client_credentials(node: str, deployment: Deployment) -> None:
    assert MACHINE.secret is not None
    done = subprocess.run(
        [node, SCRIPTS[1], deployment.issuer, deployment.resource, MACHINE.client_id, MACHINE.secret],
        cwd=CACHE,
        capture_output=True,
        text=True,
        timeout=60,
    )
    print(done.stdout)  # noqa: T201 to be read with -s
    assert done.returncode == 0, done.stdout + done.stderr
    assert "everything works" in done.stdout
