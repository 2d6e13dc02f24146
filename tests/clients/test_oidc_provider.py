"""oidc-provider, a certified OpenID Provider for Node.js: people sign in here with their accounts there."""

import json
import os
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from tests.clients.conftest import CACHE, SEED
from tests.development import DevelopmentServer
from tests.flows.person import Deployment, Person, demo_web, hidden_fields

CLIENT_ID, SECRET = "authserver", "a secret with a : and a + and a %"
CASES = [
    ("client_secret_basic", "RS256"),
    ("client_secret_post", "ES256"),
    ("none", "EdDSA"),
    ("client_secret_basic", "PS256"),
]
FORM = re.compile(r'<form[^>]*action="([^"]*)"')


@dataclass(frozen=True)
class Provider:
    """One that runs: how it knows us, and how the deployment knows it."""

    method: str
    algorithm: str
    id: str
    issuer: str


def key_set() -> str:
    """Private keys for every algorithm that we understand, in the provider's form."""
    ours: list[tuple[str, Any, Any]] = [
        ("rsa", RSAAlgorithm, rsa.generate_private_key(65537, 2048)),
        ("ec", ECAlgorithm, ec.generate_private_key(ec.SECP256R1())),
        ("ed", OKPAlgorithm, ed25519.Ed25519PrivateKey.generate()),
    ]
    keys = [{**json.loads(algorithm.to_jwk(key)), "kid": kid, "use": "sig"} for kid, algorithm, key in ours]
    return json.dumps([{name: value for name, value in key.items() if name != "key_ops"} for key in keys])


@contextmanager
def running(node: str, keys: str, redirect_uri: str, method: str, algorithm: str) -> Iterator[str]:
    """The provider's issuer."""
    command = [node, "oidc_provider.mjs", redirect_uri, CLIENT_ID, SECRET, method, algorithm]
    with subprocess.Popen(
        command,
        cwd=CACHE,
        env=os.environ | {"KEYS": keys},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if line.startswith("issuer "):
                    yield line.split()[1]
                    break
            else:
                pytest.fail("the provider did not start")
        finally:
            process.kill()


@pytest.fixture(scope="module")
def providers(node: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Deployment, list[Provider]]]:
    folder = tmp_path_factory.mktemp("oidc-provider")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    keys = key_set()

    with ExitStack() as stack:
        found = []
        for number, (method, algorithm) in enumerate(CASES):
            redirect_uri = f"http://127.0.0.1:{port}/federate/callback/foreign-{number}"
            issuer = stack.enter_context(running(node, keys, redirect_uri, method, algorithm))
            found.append(Provider(method, algorithm, f"foreign-{number}", issuer))
        seed = _seed(folder / "seed.json", found)
        server = stack.enter_context(
            DevelopmentServer(port=port, seed=seed, log=folder / "log", parameters={"LoopbackUpstreams": "true"})
        )
        yield Deployment(server.issuer, server.resource), found


def _seed(path: Path, providers: list[Provider]) -> Path:
    entries = [
        {
            "id": provider.id,
            "name": f"Foreign {number}",
            "issuer": provider.issuer,
            "client_id": CLIENT_ID,
            "client_secret": "" if provider.method == "none" else SECRET,
            "token_endpoint_auth_method": provider.method,
            "sign_up": True,
            "trusts_email": "*",
        }
        for number, provider in enumerate(providers)
    ]
    path.write_text(json.dumps({**json.loads(SEED.read_text()), "identity_providers": entries}))
    return path


def sign_in_there(url: str, login: str, callback: str) -> str:
    """Through the provider's own pages, to where it sends the browser."""
    with httpx.Client(timeout=30) as browser:
        response = browser.get(url)
        while True:
            if response.is_redirect:
                location = urljoin(str(response.url), response.headers["location"])
                if location.startswith(callback):
                    return location
                response = browser.get(location)
                continue
            assert response.status_code == 200, response.text
            action = urljoin(str(response.url), unescape(FORM.findall(response.text)[0]))
            form = hidden_fields(response)
            response = browser.post(action, data=form | {"login": login, "password": "any"})


@pytest.mark.rfc("OIDC Core", "3.1")
@pytest.mark.rfc("OIDC Discovery", "4")
@pytest.mark.rfc("7636", "4")
@pytest.mark.rfc("9207", "2.4")
@pytest.mark.parametrize("number", range(len(CASES)), ids=["-".join(case) for case in CASES])
def test_somebody_signs_in_with_an_account_there(providers: tuple[Deployment, list[Provider]], number: int) -> None:
    deployment, found = providers
    subjects = []
    for _ in range(2):
        person, app = Person(deployment), demo_web(deployment)
        request, proof = app.request()
        page = person.follow(person.authorize(**request))
        form = hidden_fields(page) | {"provider": found[number].id}
        going = person.browser.post(f"{deployment.issuer}/federate", data=form)
        assert going.is_redirect, going.text
        back = sign_in_there(going.headers["location"], "dora", f"{deployment.issuer}/federate/callback/")
        response = person.follow(person.browser.get(back))
        response = person.decide(response) if 'name="decision"' in response.text else response
        assert response.is_redirect, response.text
        tokens = app.exchange(dict(httpx.URL(response.headers["location"]).params)["code"], proof).json()
        claims = app.call("/userinfo", tokens["access_token"]).json()
        assert (claims["name"], claims["email"]) == ("Name of dora", "dora@foreign.example")
        assert claims["email_verified"] is True
        subjects.append(claims["sub"])
    assert subjects[0] == subjects[1] != "dora"
