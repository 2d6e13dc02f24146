"""What real clients were seen to send, sent again: `shapes/wire/<client>.json`, recorded by the laboratory.

A shape has the requests of one sign-in in their order, with the status that each got. What a run draws anew is a
placeholder in it. `registered` is what an operator was told of the application, null where it registers itself.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from authserver.aliases import path_of
from tests.clients.conftest import SEED
from tests.development import DevelopmentServer
from tests.flows.person import Deployment, Person, Proof

SHAPES = sorted((Path(__file__).parent / "shapes" / "wire").glob("*.json"))
PARAMETERS = {"Registration": "Open", "LoopbackUpstreams": "true", "EndpointAliases": "placeos"}
ADMIN = ("demo-admin", "demo-admin-secret-for-development-only")
REMEMBERED = ("client_id", "client_secret", "access_token", "refresh_token", "id_token")


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    log = tmp_path_factory.mktemp("wire") / "log"
    seed = json.loads(SEED.read_text(encoding="utf-8"))
    seed["scopes"] = [{"name": "public", "description": "See rooms and book them"}]  # which PlaceOS's pages ask for
    (log.parent / "seed.json").write_text(json.dumps(seed), encoding="utf-8")
    with DevelopmentServer(seed=log.parent / "seed.json", log=log, parameters=PARAMETERS) as server:
        yield Deployment(server.issuer, server.resource)


class Replay:
    """Sends a shape's requests; `values` is what stands for the placeholders so far."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.values = {
            "issuer": deployment.issuer,
            "resource": deployment.resource,
            "state": "a state",
            "nonce": "a nonce",
        }

    def register(self, metadata: dict[str, Any]) -> None:
        form = {"grant_type": "client_credentials", "scope": "admin:clients"}
        token = httpx.post(f"{self.deployment.issuer}/token", data=form, auth=ADMIN, timeout=60).json()["access_token"]
        address = f"{self.deployment.resource}/admin/clients"
        made = httpx.post(address, json=metadata, headers={"Authorization": f"Bearer {token}"}, timeout=60)
        assert made.status_code == 201, made.text
        self.remember(made.json())

    def send(self, request: dict[str, Any]) -> None:
        path = path_of(f"ANY {request['path']}")
        if path == "/authorize":
            self.authorize(request["path"], request["query"])
            return
        base = self.values["issuer" if request["api"] == "authorization" else "resource"]
        headers = request["headers"]
        if request.get("authentication") == "bearer":
            headers |= {"authorization": f"Bearer {self.values['access_token']}"}
        basic = (self.values.get("client_id", ""), self.values.get("client_secret", ""))
        answer = httpx.request(
            request["method"],
            base + request["path"],
            params=self.filled(request.get("query")),
            headers=headers,
            data=self.filled(request.get("form")),
            json=self.filled(request.get("json")),
            auth=basic if request.get("authentication") == "client_secret_basic" else None,
            timeout=60,
        )
        assert answer.status_code == request["status"], f"{request['path']} {answer.text}"
        if "origin" in headers:
            assert answer.headers["access-control-allow-origin"] in ("*", headers["origin"])
        if path in ("/register", "/token"):
            self.remember(answer.json())

    def authorize(self, path: str, query: dict[str, str]) -> None:
        proof = Proof()
        self.values |= {"code_challenge": proof.challenge, "code_verifier": proof.verifier}
        person = Person(self.deployment)
        person.authorize_path = path
        answer = person.go_through(**self.filled(query))
        assert answer.get("state") == (self.values["state"] if "state" in query else None)
        assert answer["iss"] == self.deployment.issuer
        self.values["code"] = answer["code"]

    def remember(self, answer: dict[str, Any]) -> None:
        self.values |= {name: answer[name] for name in REMEMBERED if name in answer}

    def filled(self, document: Any) -> Any:
        """The document with values for its placeholders."""
        if isinstance(document, dict):
            return {name: self.filled(value) for name, value in document.items()}
        if isinstance(document, list):
            return [self.filled(value) for value in document]
        if isinstance(document, str):
            for name, value in self.values.items():
                document = document.replace(f"{{{name}}}", value)
        return document


@pytest.mark.rfc("6749", "4.1")
@pytest.mark.rfc("6749", "6")
@pytest.mark.rfc("8414", "3")
@pytest.mark.parametrize("path", SHAPES, ids=lambda path: path.stem)
def test_requests_of_a_real_client_get_what_they_got(path: Path, deployment: Deployment) -> None:
    shape = json.loads(path.read_text(encoding="utf-8"))
    replay = Replay(deployment)
    if shape["registered"] is not None:
        replay.register(shape["registered"])
    for request in shape["requests"]:
        replay.send(request)
    assert {"code", "access_token"} <= replay.values.keys()
