"""What each revision of the Model Context Protocol's authorization asks of the authorization server.

As a client of that revision goes about it, by plain HTTP: what it looks for first, what it sends, what it relies on.
The MCP server is the laboratory's, on the ResourceApi, behind the authorizer. Marks name the specification's sections.
"""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.clients.conftest import HERE, SEED
from tests.development import DevelopmentServer
from tests.flows.person import App, Deployment, Person

PARAMETERS = {
    "Registration": "Open",
    "ClientDocuments": "On",
    "LoopbackUpstreams": "true",
    "RouteScopes": "ANY /mcp/...=read, POST /mcp/write=read write",
}
REDIRECT_URI = "http://127.0.0.1:49152/callback"
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
REVISIONS = ("2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28")


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    log, api = tmp_path_factory.mktemp("mcp") / "log", HERE / "lab" / "mcp" / "api.yaml"
    with DevelopmentServer(seed=SEED, log=log, parameters=PARAMETERS, resources=api) as server:
        yield Deployment(server.issuer, server.resource)


def metadata_of(issuer: str, name: str = "oauth-authorization-server", revision: str = REVISIONS[-1]) -> dict[str, Any]:
    """The document at the well-known address of an issuer without a path."""
    assert not urlsplit(issuer).path
    answer = httpx.get(f"{issuer}/.well-known/{name}", headers={"MCP-Protocol-Version": revision}, timeout=60)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    assert found["issuer"] == issuer
    return found


def challenge_of(answer: httpx.Response) -> dict[str, str]:
    scheme, _, rest = answer.headers["www-authenticate"].partition(" ")
    assert scheme == "Bearer"
    return dict(CHALLENGE.findall(rest))


def registered(deployment: Deployment, address: str, **more: Any) -> App:
    """A client that registers itself, as MCP clients do: public, on loopback."""
    document = {
        "client_name": "An MCP client",
        "redirect_uris": [REDIRECT_URI],
        "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": "none",
    }
    made = httpx.post(address, json=document | more, timeout=60)
    assert made.status_code == 201, made.text
    return App(deployment, made.json()["client_id"], None, REDIRECT_URI, "none")


@pytest.mark.rfc("MCP 2025-03-26", "Authorization Base URL")
@pytest.mark.rfc("MCP 2025-03-26", "Fallbacks for Servers without Metadata Discovery")
@pytest.mark.rfc("MCP 2025-03-26", "Dynamic Client Registration")
def test_2025_03_26_finds_everything_at_the_root_and_at_the_default_paths(deployment: Deployment) -> None:
    metadata = metadata_of(deployment.issuer, revision="2025-03-26")
    defaults = {name: f"{deployment.issuer}/{path}" for name, path in (
        ("authorization_endpoint", "authorize"), ("token_endpoint", "token"), ("registration_endpoint", "register"),
    )}  # fmt: skip
    assert {name: metadata[name] for name in defaults} == defaults
    app = registered(deployment, defaults["registration_endpoint"])
    tokens = app.tokens_for(Person(deployment), scope="")
    assert app.call("/mcp", tokens["access_token"], "POST", json=PING).json()["result"] == {}
    request, _ = app.request(code_challenge="", code_challenge_method="")
    assert Person(deployment).go_through(**request)["error"] == "invalid_request"  # PKCE is for everybody


@pytest.mark.rfc("MCP 2025-06-18", "Authorization Server Location")
@pytest.mark.rfc("MCP 2025-06-18", "Server Metadata Discovery")
@pytest.mark.rfc("MCP 2025-06-18", "Resource Parameter Implementation")
@pytest.mark.rfc("MCP 2025-06-18", "Token Handling")
def test_2025_06_18_goes_from_the_challenge_to_a_token_for_that_resource(deployment: Deployment) -> None:
    refused = httpx.post(f"{deployment.resource}/mcp", json=PING, timeout=60)
    assert refused.status_code == 401
    described = httpx.get(challenge_of(refused)["resource_metadata"], timeout=60).json()
    assert described["resource"] == deployment.resource
    [issuer] = described["authorization_servers"]
    app = registered(deployment, metadata_of(issuer, revision="2025-06-18")["registration_endpoint"])

    request, proof = app.request(scope=" ".join(described["scopes_supported"]), resource=described["resource"])
    code = Person(deployment).go_through(**request)["code"]
    tokens = app.exchange(code, proof, resource=described["resource"]).json()
    assert app.call("/mcp", tokens["access_token"], "POST", json=PING).status_code == 200
    # With a slash at the end, as WHATWG's URL writes it, it is the same resource.
    again = app.refresh(tokens["refresh_token"], resource=f"{described['resource']}/").json()
    assert app.call("/mcp", again["access_token"], "POST", json=PING).status_code == 200
    elsewhere = app.refresh(again["refresh_token"], resource="https://another.example/mcp")
    assert (elsewhere.status_code, elsewhere.json()["error"]) == (400, "invalid_target")
    assert app.call("/mcp", "not a token", "POST", json=PING).status_code == 401


@pytest.mark.rfc("MCP 2025-11-25", "Authorization Server Metadata Discovery")
@pytest.mark.rfc("MCP 2025-11-25", "Authorization Code Protection")
@pytest.mark.rfc("OIDC Discovery", "4")
def test_2025_11_25_takes_either_discovery_and_wants_pkce_in_both(deployment: Deployment) -> None:
    by_oauth, by_openid = metadata_of(deployment.issuer), metadata_of(deployment.issuer, "openid-configuration")
    assert by_oauth == by_openid
    assert "S256" in by_openid["code_challenge_methods_supported"]
    assert by_openid["client_id_metadata_document_supported"] is True


@pytest.mark.rfc("MCP 2025-11-25", "Scope Challenge Handling")
@pytest.mark.rfc("MCP 2025-11-25", "Step-Up Authorization Flow")
@pytest.mark.rfc("6750", "3.1")
def test_2025_11_25_steps_up_by_the_scopes_of_the_challenge(deployment: Deployment) -> None:
    app = registered(deployment, metadata_of(deployment.issuer)["registration_endpoint"])
    person = Person(deployment)
    tokens = app.tokens_for(person, scope="read")
    refused = app.call("/mcp/write", tokens["access_token"], "POST", json=PING)
    challenge = challenge_of(refused)
    assert (refused.status_code, challenge["error"]) == (403, "insufficient_scope")
    assert challenge["scope"].split() == ["read", "write"]  # all of the route's at once, those that it has already too
    assert httpx.get(challenge["resource_metadata"], timeout=60).json()["resource"] == deployment.resource
    more = app.tokens_for(person, scope=challenge["scope"])
    assert app.call("/mcp/write", more["access_token"], "POST", json=PING).status_code == 200


@contextmanager
def hosted(document: dict[str, Any]) -> Iterator[str]:
    """The document at an address of its own, which is the client's identifier."""

    class Host(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"client_id": address, **document}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Host)
    address = f"http://127.0.0.1:{server.server_address[1]}/client.json"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield address
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.rfc("MCP 2025-11-25", "Client ID Metadata Documents")
@pytest.mark.rfc("MCP 2026-07-28", "Client ID Metadata Documents")
def test_a_metadata_document_is_all_the_registration_that_there_is(deployment: Deployment) -> None:
    document = {
        "client_name": "An MCP client of a document",
        "redirect_uris": ["http://localhost/callback", "http://127.0.0.1/callback"],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
    }
    with hosted(document) as address:
        for redirect_uri in ("http://localhost:49153/callback", REDIRECT_URI):
            app = App(deployment, address, None, redirect_uri, "none")
            tokens = app.tokens_for(Person(deployment), scope="read offline_access", resource=deployment.resource)
            assert app.call("/mcp", tokens["access_token"], "POST", json=PING).status_code == 200
            assert app.refresh(tokens["refresh_token"]).status_code == 200
        elsewhere = App(deployment, address, None, "http://127.0.0.1:49152/another", "none")
        page = Person(deployment).authorize(**elsewhere.request()[0])
        assert page.status_code == 400  # told to the person, and never sent there


@pytest.mark.rfc("MCP 2026-07-28", "Authorization Response Validation")
@pytest.mark.rfc("9207", "2")
@pytest.mark.parametrize("decision", ["allow", "deny"])
def test_2026_07_28_finds_the_issuer_in_every_answer(deployment: Deployment, decision: str) -> None:
    metadata = metadata_of(deployment.issuer)
    assert metadata["authorization_response_iss_parameter_supported"] is True
    app = registered(deployment, metadata["registration_endpoint"])
    answer = Person(deployment).go_through(decision, **app.request()[0])
    assert answer["iss"] == metadata["issuer"]
    assert ("error" in answer) is (decision == "deny")


@pytest.mark.rfc("MCP 2026-07-28", "Refresh Tokens")
@pytest.mark.rfc("MCP 2026-07-28", "Token Theft")
def test_2026_07_28_asks_for_offline_access_where_the_server_names_it_and_rotates(deployment: Deployment) -> None:
    metadata = metadata_of(deployment.issuer)
    refused = httpx.post(f"{deployment.resource}/mcp", json=PING, timeout=60)
    described = httpx.get(challenge_of(refused)["resource_metadata"], timeout=60).json()
    assert "offline_access" in metadata["scopes_supported"]
    assert "offline_access" not in described["scopes_supported"]
    assert "offline_access" not in challenge_of(refused).get("scope", "")
    app = registered(deployment, metadata["registration_endpoint"])
    tokens = app.tokens_for(Person(deployment), scope="read offline_access")
    assert "offline_access" in tokens["scope"].split()
    assert app.refresh(tokens["refresh_token"]).json()["refresh_token"] != tokens["refresh_token"]


@pytest.mark.rfc("MCP 2026-07-28", "Application Type and Redirect URI Constraints")
@pytest.mark.parametrize(
    ("application_type", "redirect_uri"),
    [("native", REDIRECT_URI), ("native", "com.example.app:/callback"), ("web", "https://app.example/callback")],
)
def test_2026_07_28_registers_with_a_type(deployment: Deployment, application_type: str, redirect_uri: str) -> None:
    address = metadata_of(deployment.issuer)["registration_endpoint"]
    app = registered(deployment, address, application_type=application_type, redirect_uris=[redirect_uri])
    assert "code" in Person(deployment).go_through(**app.request(redirect_uri=redirect_uri)[0])
