"""The resource server's side: the authorizer, revocation that is immediate, introspection."""

import httpx
import pytest

from tests.flows.person import App, Deployment, Person

PROTECTED = [("GET", "/userinfo"), ("POST", "/userinfo"), ("GET", "/me"), ("GET", "/items"), ("POST", "/items")]


@pytest.mark.rfc("6750", "3.1")
@pytest.mark.rfc("9728", "5.1")
@pytest.mark.parametrize(("method", "path"), PROTECTED)
def test_call_without_a_token_is_challenged(deployment: Deployment, method: str, path: str) -> None:
    response = httpx.request(method, f"{deployment.resource}{path}", timeout=60)
    assert response.status_code == 401
    if deployment.has_gateway_responses:
        challenge = response.headers["www-authenticate"]
        assert challenge.startswith("Bearer ")
        assert "error" not in challenge
        assert f'resource_metadata="{deployment.resource}/.well-known/oauth-protected-resource"' in challenge
        assert "error" not in response.json()


@pytest.mark.rfc("6750", "3.1")
@pytest.mark.parametrize("token", ["garbage", "eyJhbGciOiJub25lIn0.e30.", "at_" + "A" * 120])
def test_call_with_garbage_is_refused(app: App, token: str) -> None:
    assert app.call("/me", token).status_code in (401, 502)


@pytest.mark.rfc("6750", "3.1")
def test_call_beyond_the_scope_is_refused_and_told_which(app: App, person: Person, deployment: Deployment) -> None:
    token = app.tokens_for(person, scope="openid read")["access_token"]
    response = app.call("/items", token, "POST", json={"name": "x"})
    assert response.status_code == 403
    if deployment.has_challenges_of_the_authorizer:
        assert 'error="insufficient_scope"' in response.headers["www-authenticate"]
        assert 'scope="write"' in response.headers["www-authenticate"]


@pytest.mark.rfc("OIDC Core", "5.3")
def test_userinfo_needs_the_scope_openid(app: App, person: Person) -> None:
    token = app.tokens_for(person, scope="read")["access_token"]
    assert app.call("/userinfo", token).status_code == 403


@pytest.mark.rfc("9068", "4")
def test_id_token_is_no_access_token(app: App, person: Person) -> None:
    assert app.call("/me", app.tokens_for(person)["id_token"]).status_code in (401, 502)


@pytest.mark.rfc("7009", "2.1")
def test_revoked_access_token_dies_alone(web: App, person: Person) -> None:
    tokens = web.tokens_for(person)
    assert web.post("/revoke", token=tokens["access_token"], token_type_hint="refresh_token").status_code == 200
    assert web.call("/me", tokens["access_token"]).status_code in (401, 502)
    refreshed = web.refresh(tokens["refresh_token"]).json()
    assert web.call("/me", refreshed["access_token"]).status_code == 200


@pytest.mark.rfc("7009", "2.1")
def test_client_cannot_revoke_what_is_anothers_and_learns_nothing(web: App, other: App, person: Person) -> None:
    tokens = web.tokens_for(person)
    for token in (tokens["access_token"], tokens["refresh_token"], "unknown"):
        response = other.post("/revoke", token=token)
        assert (response.status_code, response.json()) == (200, {})
    assert web.call("/me", tokens["access_token"]).status_code == 200
    assert web.refresh(tokens["refresh_token"]).status_code == 200


@pytest.mark.rfc("7662", "2.2")
def test_introspection_tells_the_owner_and_nobody_else(web: App, other: App, person: Person) -> None:
    token = web.tokens_for(person)["access_token"]
    told = web.post("/introspect", token=token).json()
    assert told["active"] is True
    assert told["client_id"] == "demo-web"
    assert other.post("/introspect", token=token).json() == {"active": False}
    web.post("/revoke", token=token)
    assert web.post("/introspect", token=token).json() == {"active": False}


@pytest.mark.rfc("7662", "2.1")
def test_introspection_needs_a_confidential_client(app: App, person: Person) -> None:
    token = app.tokens_for(person)["access_token"]
    assert app.post("/introspect", token=token).status_code == 401


@pytest.mark.rfc("8707", "2")
def test_resource_that_was_asked_for_is_the_audience(app: App, person: Person, deployment: Deployment) -> None:
    tokens = app.tokens_for(person, resource=deployment.resource)
    assert app.call("/me", tokens["access_token"]).status_code == 200


@pytest.mark.rfc("9728", "3")
@pytest.mark.rfc("9728", "3.3")
def test_challenge_leads_to_the_authorization_server(deployment: Deployment) -> None:
    well_known = "/.well-known/oauth-protected-resource"
    for address in (f"{deployment.resource}{well_known}", f"{deployment.issuer}/resource-metadata"):
        document = httpx.get(address, timeout=60).json()
        assert document["resource"] == deployment.resource
        assert document["authorization_servers"] == [deployment.issuer]
    for no_resource in (f"{deployment.resource}{well_known}/items", f"{deployment.issuer}{well_known}/items"):
        assert httpx.get(no_resource, timeout=60).status_code == 404


BROWSER_HEADERS = "authorization, content-type, dpop, mcp-protocol-version"


@pytest.mark.rfc("9700", "2.6")
@pytest.mark.parametrize("path", ["/.well-known/oauth-protected-resource", "/items", "/userinfo"])
def test_a_page_of_any_origin_may_send_what_clients_send(path: str, deployment: Deployment) -> None:
    if deployment.kind == "emulator":
        pytest.skip("MiniStack imports no answers of the integrations that stand for a function")
    preflight = {
        "Origin": "https://client.example",
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": BROWSER_HEADERS,
    }
    response = httpx.options(f"{deployment.resource}{path}", headers=preflight, timeout=60)
    allowed = {name.strip().lower() for name in response.headers["access-control-allow-headers"].split(",")}
    assert set(BROWSER_HEADERS.split(", ")) <= allowed
    assert response.headers["access-control-allow-origin"] == "*"


@pytest.mark.rfc("8414", "3.3")
def test_metadata_is_the_same_at_both_places(deployment: Deployment) -> None:
    documents = [
        httpx.get(f"{deployment.issuer}/.well-known/{name}", timeout=60).json()
        for name in ("oauth-authorization-server", "openid-configuration")
    ]
    assert documents[0] == documents[1]
    assert documents[0]["issuer"] == deployment.issuer
    # The development server has the device grant on, a deployment has it off unless it says so.
    assert set(documents[0]["grant_types_supported"]) - {"urn:ietf:params:oauth:grant-type:device_code"} == {
        "authorization_code",
        "client_credentials",
        "refresh_token",
    }
    other = httpx.get(f"{deployment.issuer}/.well-known/oauth-authorization-server/elsewhere", timeout=60)
    assert other.status_code == 404


def test_key_set_is_public(deployment: Deployment) -> None:
    keys = httpx.get(f"{deployment.issuer}/.well-known/jwks.json", timeout=60).json()["keys"]
    assert {key["alg"] for key in keys} == {"ES256", "RS256"}
    assert len({key["kid"] for key in keys}) == len(keys)
    assert not any(set(key) & {"d", "p", "q", "dp", "dq", "qi", "k"} for key in keys)
