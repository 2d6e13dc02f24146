"""openid-client, a certified library for Node.js; openid_client.mjs is what it does."""

import json
import os
import subprocess
import threading
from pathlib import Path

import pytest

from tests.clients.conftest import CACHE
from tests.clients.registered import CLIENTS, MACHINE, Registered, browse
from tests.development import DevelopmentServer
from tests.flows.conftest import SEED
from tests.flows.person import App, Deployment, Person

SCRIPTS = ("openid_client.mjs", "openid_client_machine.mjs", "openid_client_registration.mjs")


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


@pytest.mark.rfc("7591", "3")
def test_registration(node: str, tmp_path: Path) -> None:
    uri = "https://app.example/callback"
    with DevelopmentServer(
        port=0, resource_port=0, seed=SEED, log=tmp_path / "log", parameters={"Registration": "Open"}
    ) as server:
        made = subprocess.run(
            [node, SCRIPTS[2], server.issuer, uri], cwd=CACHE, capture_output=True, text=True, timeout=60, check=False
        )
        assert made.returncode == 0, made.stderr
        registered = json.loads(made.stdout)
        there = Deployment(server.issuer, server.resource)
        app = App(there, registered["client_id"], registered["client_secret"], uri)
        assert app.tokens_for(Person(there))["id_token"]
