"""What clients register that people use today: `shapes/<client>.json`.

A shape has what is sent (`registers`), where the client then goes back to (`redirects_to`) and what it asks for
(`asks_for`, null if it sends no scope). `source` says who saw it; what no source tells is among `assumed`.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.clients.conftest import SEED
from tests.development import DevelopmentServer
from tests.flows.person import App, Deployment, Person, answer_of

SHAPES = sorted((Path(__file__).parent / "shapes").glob("*.json"))
PARAMETERS = {"Registration": "Open"}


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    log = tmp_path_factory.mktemp("shapes") / "log"
    with DevelopmentServer(seed=SEED, log=log, parameters=PARAMETERS) as server:
        yield Deployment(server.issuer, server.resource)


@pytest.fixture(scope="module")
def metadata(deployment: Deployment) -> dict[str, Any]:
    answer = httpx.get(f"{deployment.issuer}/.well-known/oauth-authorization-server", timeout=60)
    found: dict[str, Any] = answer.json()
    return found


def register(metadata: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    response = httpx.post(metadata["registration_endpoint"], json=document, timeout=60)
    assert response.status_code == 201, response.text
    made: dict[str, Any] = response.json()
    return made


@pytest.mark.rfc("7591", "3.2.1")
@pytest.mark.rfc("7636", "4")
@pytest.mark.rfc("6749", "6")
@pytest.mark.parametrize("path", SHAPES, ids=lambda path: path.stem)
def test_client_registers_signs_somebody_in_and_refreshes(
    path: Path, deployment: Deployment, metadata: dict[str, Any]
) -> None:
    shape = json.loads(path.read_text())
    asked = shape["registers"]
    made = register(metadata, asked)
    _require_in_force(made, asked, metadata)
    method = made["token_endpoint_auth_method"]
    for redirect_uri in shape["redirects_to"]:
        app = App(deployment, made["client_id"], made.get("client_secret"), redirect_uri, method)
        scope = shape["asks_for"] or ""
        tokens = app.tokens_for(Person(deployment), scope=scope)
        granted = set(tokens["scope"].split())
        assert granted >= {*scope.split()} & {*metadata["scopes_supported"]}
        refreshed = app.refresh(tokens["refresh_token"], **({"scope": scope} if scope else {}))
        assert refreshed.status_code == 200, refreshed.text
        assert {*refreshed.json()["scope"].split()} == granted
        if "read" in granted:
            assert app.call("/items", refreshed.json()["access_token"]).status_code == 200
    again = register(metadata, asked)
    assert (again["client_id"] == made["client_id"]) is (method == "none")


def _require_in_force(made: dict[str, Any], asked: dict[str, Any], metadata: dict[str, Any]) -> None:
    """All of it but what this server does not have; a client that relies on the answer finds what it sent."""
    supported = set(metadata["grant_types_supported"])
    assert made["grant_types"] == [one for one in asked["grant_types"] if one in supported]
    assert made["token_endpoint_auth_method"] == asked.get("token_endpoint_auth_method", "client_secret_basic")
    assert ("client_secret" in made) is (made["token_endpoint_auth_method"] != "none")
    for name in ("client_name", "client_uri", "redirect_uris", "response_types", "software_id", "software_version"):
        assert made.get(name) == asked.get(name)
    unknown = {*asked.get("scope", "").split()} - {*metadata["scopes_supported"]}
    assert unknown or made["scope"] == asked.get("scope", made["scope"])
    assert not unknown & {*made["scope"].split()}


@pytest.mark.rfc("9700", "4.16")
@pytest.mark.rfc("8252", "7.1")
def test_consent_for_an_application_on_the_device_names_its_scheme_and_leads_there(
    deployment: Deployment, metadata: dict[str, Any]
) -> None:
    uri = "cursor://anysphere.cursor-mcp/oauth/callback"
    made = register(metadata, json.loads((SHAPES[0].parent / "cursor.json").read_text())["registers"])
    person = Person(deployment)
    request, _ = App(deployment, made["client_id"], None, uri).request(scope="openid read offline_access")
    page = person.follow(person.sign_in(person.follow(person.authorize(**request))))
    assert "opens links of <strong>cursor:</strong>" in page.text
    assert "Stay connected while you are not using it" in page.text
    assert "form-action" not in page.headers["content-security-policy"]  # which Chromium applies to the redirect, too
    answer = person.decide(page)
    assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, uri)
    assert answer_of(answer)["iss"] == deployment.issuer


@pytest.mark.rfc("6585", "4")
def test_too_many_registrations_are_told_so_and_when_to_come_back(tmp_path: Path) -> None:
    parameters = {**PARAMETERS, "RegistrationsPerHour": "1"}
    document = {"redirect_uris": ["http://127.0.0.1/"], "token_endpoint_auth_method": "none"}
    with DevelopmentServer(seed=SEED, log=tmp_path / "log", parameters=parameters) as server:
        endpoint = f"{server.issuer}/register"
        statuses = [httpx.post(endpoint, json=document, timeout=60).status_code for _ in range(3)]
        refused = httpx.post(endpoint, json={**document, "client_name": "Another"}, timeout=60)
    assert statuses == [201] * 3  # the same client
    assert (refused.status_code, refused.json()["error"]) == (429, "too_many_requests")
    assert 0 < int(refused.headers["retry-after"]) <= 3600
    assert "from this address" in refused.json()["error_description"]
