"""What an operator can turn on, from outside: a deployment with other parameters and other clients."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import jwt
import pytest

from tests.development import DevelopmentServer
from tests.flows.person import App, Deployment, Person

SEED = Path(__file__).parent.parent.parent / "local" / "seed.json"
OPAQUE = {
    "client_id": "opaque-web",
    "client_secret": "opaque-web-secret",
    "redirect_uris": ["https://opaque.example/callback"],
    "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
    "access_token_format": "opaque",
    "access_token_lifetime": 120,
    "scope": "openid read write",
}


@pytest.fixture(scope="module")
def other_deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("parameters")
    seed = json.loads(SEED.read_text())
    seed["clients"].append(OPAQUE)
    (folder / "seed.json").write_text(json.dumps(seed))
    parameters = {
        "BearerTokenIn": "HeaderOrQuery",
        "AccessTokenAlgorithm": "RS256",
        "RefreshTokenGrace": "0",
        "LocalhostRedirects": "true",
        "ClientSecretIn": "AsRegistered",
        "Resources": "https://orders.example",
    }
    with DevelopmentServer(
        port=0, resource_port=0, seed=folder / "seed.json", log=folder / "log", parameters=parameters
    ) as server:
        yield Deployment(server.issuer, server.resource)


@pytest.fixture
def opaque(other_deployment: Deployment) -> App:
    return App(other_deployment, "opaque-web", "opaque-web-secret", "https://opaque.example/callback")


@pytest.fixture
def web(other_deployment: Deployment) -> App:
    return App(other_deployment, "demo-web", "demo-web-secret-for-development-only", "http://127.0.0.1:8081/callback")


def test_opaque_access_token_works_until_it_is_revoked(opaque: App, other_deployment: Deployment) -> None:
    tokens = opaque.tokens_for(Person(other_deployment), scope="openid read")
    token = tokens["access_token"]
    assert token.startswith("at_")
    assert tokens["expires_in"] == 120
    assert opaque.call("/userinfo", token).status_code == 200
    assert opaque.post("/introspect", token=token).json()["active"] is True
    assert opaque.post("/revoke", token=token).status_code == 200
    assert opaque.call("/userinfo", token).status_code == 401
    assert opaque.post("/introspect", token=token).json() == {"active": False}
    assert opaque.refresh(tokens["refresh_token"]).status_code == 200


def test_opaque_access_token_of_a_machine_works_until_it_is_revoked(opaque: App) -> None:
    token = opaque.post("/token", grant_type="client_credentials", scope="read").json()["access_token"]
    assert opaque.call("/items", token).status_code == 200
    opaque.post("/revoke", token=token)
    assert opaque.call("/items", token).status_code == 401


def test_refresh_token_revoked_ends_opaque_access_tokens(opaque: App, other_deployment: Deployment) -> None:
    tokens = opaque.tokens_for(Person(other_deployment), scope="openid read")
    opaque.post("/revoke", token=tokens["refresh_token"])
    assert opaque.call("/items", tokens["access_token"]).status_code == 401


@pytest.mark.rfc("6750", "2.3")
@pytest.mark.parametrize("name", ["access_token", "bearer_token"])
def test_token_in_the_query_is_taken_where_turned_on(web: App, other_deployment: Deployment, name: str) -> None:
    token = web.tokens_for(Person(other_deployment))["access_token"]
    answer = httpx.get(f"{other_deployment.resource}/me", params={name: token})
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert httpx.get(f"{other_deployment.resource}/me").status_code == 401


@pytest.mark.rfc("6750", "2")
def test_token_sent_in_two_ways_is_refused(web: App, other_deployment: Deployment) -> None:
    token = web.tokens_for(Person(other_deployment))["access_token"]
    for name in ("access_token", "bearer_token"):
        response = web.call("/me", token, params={name: token})
        assert response.status_code == 403
        assert 'error="invalid_request"' in response.headers["www-authenticate"]
    response = httpx.get(f"{other_deployment.resource}/me", params={"access_token": token, "bearer_token": token})
    assert response.status_code == 403
    assert 'error="invalid_request"' in response.headers["www-authenticate"]


@pytest.mark.rfc("6750", "2.3")
def test_token_in_the_query_is_not_looked_at_by_default(person: Person, app: App, deployment: Deployment) -> None:
    token = app.tokens_for(person)["access_token"]
    assert httpx.get(f"{deployment.resource}/me", params={"access_token": token}).status_code == 401


@pytest.mark.rfc("6749", "5.2")
def test_secret_is_taken_as_registered_alone_where_turned_on(opaque: App) -> None:
    refused = replace(opaque, method="client_secret_post").post("/token", grant_type="client_credentials")
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    assert refused.json()["error_description"] == "This client is registered for client_secret_basic"
    assert "registered for client_secret_basic" in refused.headers["www-authenticate"]
    assert opaque.post("/token", grant_type="client_credentials").status_code == 200


@pytest.mark.rfc("9068", "2.1")
def test_access_token_is_signed_by_the_deployments_algorithm(web: App, other_deployment: Deployment) -> None:
    token = web.tokens_for(Person(other_deployment))["access_token"]
    assert jwt.get_unverified_header(token)["alg"] == "RS256"
    assert web.call("/me", token).status_code == 200


@pytest.mark.rfc("9700", "4.14.2")
def test_without_a_grace_the_second_use_of_a_refresh_token_revokes(web: App, other_deployment: Deployment) -> None:
    tokens = web.tokens_for(Person(other_deployment))
    successor = web.refresh(tokens["refresh_token"]).json()["refresh_token"]
    assert web.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert web.refresh(successor).json()["error"] == "invalid_grant"


@pytest.mark.rfc("8707", "2")
def test_token_for_another_resource_is_refused_here(web: App, other_deployment: Deployment) -> None:
    tokens = web.tokens_for(Person(other_deployment), resource="https://orders.example")
    assert jwt.decode(tokens["access_token"], options={"verify_signature": False})["aud"] == "https://orders.example"
    assert web.call("/me", tokens["access_token"]).status_code == 401


@pytest.mark.rfc("8707", "2.2")
def test_resource_that_was_not_granted_is_refused_and_uses_nothing_up(web: App, other_deployment: Deployment) -> None:
    request, proof = web.request(resource=other_deployment.resource)
    code = Person(other_deployment).go_through(**request)["code"]
    refused = web.exchange(code, proof, resource="https://orders.example")
    assert refused.json()["error"] == "invalid_target"
    assert web.exchange(code, proof).status_code == 200
