"""With nothing turned on: codes with PKCE, client credentials, refresh tokens, and nothing else.

The clients here have registered everything there is, as one may who comes from a deployment that offered it; and the
stores hold what an operator put there. What counts is what the deployment has turned on.
"""

import re
import secrets
from typing import Any

import pytest

from tests.functions.events import request_authorizer_event
from tests.functions.gateway import Gateway
from tests.functions.given import change_client, let_use_legacy_grants
from tests.functions.journey import App, Browser, machine, native, web
from tests.functions.legacy_flows import front_channel
from tests.functions.world import World

GRANT_TYPES = ["authorization_code", "client_credentials", "refresh_token"]
ELSEWHERE = [
    "password",
    "implicit",
    "urn:ietf:params:oauth:grant-type:device_code",
    "urn:ietf:params:oauth:grant-type:jwt-bearer",
    "urn:ietf:params:oauth:grant-type:saml2-bearer",
    "urn:ietf:params:oauth:grant-type:token-exchange",
    "urn:openid:params:grant-type:ciba",
    "authorization_code ",
    "AUTHORIZATION_CODE",
]


@pytest.fixture
def eager(world: World) -> App:
    """A client that has registered every grant and response type."""
    let_use_legacy_grants(world, "demo-web")
    grant_types = (*GRANT_TYPES, *ELSEWHERE)
    change_client(world, "demo-web", grant_types=grant_types)
    return web(Gateway(world))


@pytest.mark.rfc("8414", "2")
@pytest.mark.parametrize("document", ["openid-configuration", "oauth-authorization-server"])
def test_nothing_else_is_advertised(document: str, gateway: Gateway) -> None:
    metadata = gateway.send("GET", f"/.well-known/{document}").json()
    assert metadata["grant_types_supported"] == GRANT_TYPES
    assert metadata["response_types_supported"] == ["code"]
    assert metadata["code_challenge_methods_supported"] == ["S256"]
    assert "fragment" not in metadata["response_modes_supported"]
    endpoints = {name for name in metadata if name.endswith("_endpoint")}
    assert endpoints == {
        "authorization_endpoint",
        "end_session_endpoint",
        "token_endpoint",
        "revocation_endpoint",
        "introspection_endpoint",
        "userinfo_endpoint",
    }
    protected = gateway.protected_resource().json()
    assert protected["bearer_methods_supported"] == ["header"]


@pytest.mark.rfc("6749", "5.2")
@pytest.mark.parametrize("grant_type", ELSEWHERE)
def test_no_other_grant_is_accepted_whatever_the_client_registered(grant_type: str, world: World, eager: App) -> None:
    before = set(world.aws.items("TokensTable"))
    form = {"username": "alice", "password": "wonderland-demo", "assertion": "x", "device_code": "x"}
    for path in ("/token", "/refresh"):
        answer = eager.post(path, grant_type=grant_type, **form)
        assert (answer.status, answer.error) == (400, "unsupported_grant_type")
    assert set(world.aws.items("TokensTable")) == before


@pytest.mark.rfc("9700", "2.1.2")
@pytest.mark.parametrize(
    "response_type", ["token", "id_token", "id_token token", "code token", "code id_token", "none"]
)
def test_no_token_comes_from_the_authorization_endpoint(response_type: str, world: World, eager: App) -> None:
    browser = Browser(eager.gateway)
    browser.go_through(eager.request())  # signed in, and the consent is remembered
    for request in (front_channel(eager, response_type), eager.request(response_type=response_type)):
        location = browser.authorize(request).location
        assert "error=unsupported_response_type" in location
        assert not re.search(r"[?#&](code|access_token|id_token)=", location)


@pytest.mark.rfc("9700", "2.1.1")
@pytest.mark.parametrize("make", [native, web])
@pytest.mark.parametrize(
    "changed",
    [
        {"code_challenge": "", "code_challenge_method": ""},
        {"code_challenge": ""},
        {"code_challenge_method": ""},
        {"code_challenge_method": "plain"},
    ],
)
def test_a_code_needs_a_challenge_by_sha256(make: Any, changed: dict[str, str], gateway: Gateway) -> None:
    location = Browser(gateway).authorize(make(gateway).request(**changed)).location
    assert "error=invalid_request" in location
    assert "code=" not in location


@pytest.mark.rfc("7591", "3")
@pytest.mark.parametrize("bearer", ["", "garbage", "ia_" + "A" * 43])
def test_nobody_registers(bearer: str, world: World, gateway: Gateway) -> None:
    before = world.aws.snapshot()
    document = {"redirect_uris": ["https://a.example/callback"]}
    for method, path in (("POST", "/register"), ("GET", "/register/demo-web"), ("DELETE", "/register/demo-web")):
        answer = gateway.register(method, path, document if method == "POST" else None, bearer=bearer)
        assert (answer.status, answer.error) == (403, "access_denied")
    assert world.aws.snapshot() == before


def test_nobody_comes_from_elsewhere(world: World, gateway: Gateway) -> None:
    """No provider is offered, none is found, no answer of one is taken, and nothing goes out."""
    browser = Browser(gateway)
    page = browser.follow(browser.authorize(native(gateway).request()))
    assert "federate" not in page.body
    request = page.body.partition('name="request" value="')[2].partition('"')[0]
    csrf = page.body.partition('name="csrf" value="')[2].partition('"')[0]
    for choice in ({"provider": "work"}, {"provider": "idp#work"}, {"by": "email", "username": "alice@example.com"}):
        answer = browser.send("POST", "/federate", form={"request": request, "csrf": csrf, **choice})
        assert answer.status in (400, 404)
        assert "location" not in answer.headers
    callback = {"route": "ANY /federate/callback/{provider}", "path_parameters": {"provider": "work"}}
    query = {"code": "x", "state": f"rq_{secrets.token_urlsafe(32)}"}
    answer = browser.send("GET", "/federate/callback/work", query=query, **callback)
    assert answer.status == 400
    assert "__Host-session" not in browser.cookies


@pytest.mark.rfc("6750", "2.3")
@pytest.mark.parametrize("name", ["access_token", "bearer_token"])
def test_no_token_is_taken_from_the_query(name: str, world: World, gateway: Gateway) -> None:
    token = machine(gateway).own_token().json()["access_token"]
    event = request_authorizer_event("GET", "/items", resource=world.resource, query={name: [token]})
    with pytest.raises(RuntimeError, match=r"^Unauthorized$"):
        world.invoke("authorizer", event)
    assert gateway.send("GET", "/introspect", query={name: token}).status in (400, 401)


def test_management_is_nobodys_without_a_scope(world: World, gateway: Gateway) -> None:
    """An ordinary user's and an ordinary client's token open no management API."""
    for token in (native(gateway).tokens()["access_token"], machine(gateway).own_token().json()["access_token"]):
        for route in ("/admin/clients", "/partner/apps", "/account/profile"):
            event = request_authorizer_event(
                "GET", route, resource=world.resource, headers={"Authorization": f"Bearer {token}"}
            )
            answer = world.invoke("authorizer", event)
            assert answer["policyDocument"]["Statement"][0]["Effect"] == "Deny"
            assert answer["context"]["error"] == "insufficient_scope"
