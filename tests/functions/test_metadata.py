"""What the server says of itself over the wire: RFC 8414, RFC 9728, RFC 7517; PROTOCOL.md, "Metadata and keys"."""

import base64
import json
from typing import Any

import pytest

from tests.functions.events import http_event, rest_event
from tests.functions.gateway import Answer, Gateway
from tests.functions.journey import App, Browser
from tests.functions.world import World

OPENID, OAUTH = "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"
PROTECTED_RESOURCE, JWKS = "/.well-known/oauth-protected-resource", "/.well-known/jwks.json"
DOCUMENTS = [OPENID, OAUTH, PROTECTED_RESOURCE, JWKS]
HOSTILE = {
    "host": "evil.example.com",
    "x-forwarded-host": "evil.example.com",
    "x-forwarded-proto": "http",
    "x-forwarded-port": "1",
    "x-forwarded-for": "198.51.100.1",
    "x-forwarded-prefix": "/evil",
    "forwarded": "host=evil.example.com;proto=http",
    "x-original-url": "/evil",
    "x-original-host": "evil.example.com",
    "x-rewrite-url": "/evil",
}


@pytest.fixture
def document(gateway: Gateway) -> dict[str, Any]:
    found: dict[str, Any] = gateway.send("GET", OPENID).json()
    return found


@pytest.mark.rfc("8414", "3.3")
def test_the_issuer_is_the_address_that_was_asked(document: dict[str, Any], world: World, gateway: Gateway) -> None:
    assert document["issuer"] == world.issuer
    assert gateway.send("GET", OAUTH).json() == document


@pytest.mark.rfc("8414", "2")
@pytest.mark.parametrize("issuer", ["https://id.example.com", "https://id.example.com/tenant"])
def test_a_configured_issuer_comes_first(issuer: str, world: World, gateway: Gateway) -> None:
    """An issuer with a path is served by a custom domain whose mapping takes the path away."""
    with world.using(metadata=world.load("metadata", Issuer=issuer)):
        document = gateway.send("GET", OPENID).json()
        assert document["issuer"] == issuer
        assert document["token_endpoint"] == f"{issuer}/token"
        assert document["jwks_uri"] == f"{issuer}{JWKS}"


@pytest.mark.rfc("8414", "3.1")
@pytest.mark.parametrize(("inserted", "status"), [("tenant", 200), ("other", 404), ("tenant/x", 404)])
def test_the_well_known_path_is_inserted_before_the_issuers(inserted: str, status: int, world: World) -> None:
    function = world.load("metadata", Issuer="https://id.example.com/tenant")
    event = http_event(
        "GET",
        f"{OAUTH}/{inserted}",
        domain="id.example.com",
        resource=world.resource,
        route=f"ANY {OAUTH}/{{path+}}",
        path_parameters={"path": inserted},
    )
    assert Answer.of(world.run("metadata", function, event)).status == status


@pytest.mark.rfc("8414", "2")
def test_the_document_leaves_nothing_to_defaults(document: dict[str, Any]) -> None:
    """Omitted, grant types would mean implicit, authentication methods Basic alone, and PKCE none."""
    assert document["grant_types_supported"] == ["authorization_code", "client_credentials", "refresh_token"]
    assert document["response_types_supported"] == ["code"]
    assert document["code_challenge_methods_supported"] == ["S256"]
    methods = ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"]
    assert document["token_endpoint_auth_methods_supported"] == methods
    assert document["revocation_endpoint_auth_methods_supported"] == methods
    assert document["introspection_endpoint_auth_methods_supported"] == methods[:3]
    assert document["request_uri_parameter_supported"] is False
    assert document["claims_parameter_supported"] is True
    assert document["authorization_response_iss_parameter_supported"] is True


@pytest.mark.rfc("8414", "3.2")
def test_the_document_has_no_empty_member(document: dict[str, Any]) -> None:
    assert not [name for name, value in document.items() if value in ([], "", {}, None)]


@pytest.mark.rfc("8414", "2")
def test_every_address_is_https_and_absolute(document: dict[str, Any]) -> None:
    for name, value in document.items():
        if name.endswith(("_endpoint", "_uri")) or name == "issuer":
            assert value.startswith("https://")
            assert "?" not in value
            assert "#" not in value


@pytest.mark.rfc("9700", "2.1.1")
def test_nothing_that_is_unsafe_is_advertised(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    for unsafe in ('"plain"', '"implicit"', '"password"', '"token"', '"HS256"', "id_token token"):
        assert unsafe not in text
    assert "none" not in document["id_token_signing_alg_values_supported"]


def get(gateway: Gateway, path: str, method: str = "GET", **options: Any) -> Answer:
    """One of the documents, from the API that has it."""
    if path == PROTECTED_RESOURCE:
        return gateway.protected_resource(method, **options)
    return gateway.send(method, path, **options)


@pytest.mark.rfc("9728", "3.3")
def test_the_resource_document_names_the_resource_and_its_issuer(world: World, gateway: Gateway) -> None:
    copy_for_the_challenge = gateway.send("GET", "/resource-metadata")
    for document in (gateway.protected_resource().json(), copy_for_the_challenge.json()):
        assert document["resource"] == world.resource
        assert document["authorization_servers"] == [world.issuer]


MINE = "https://mcp.example.com"
STAGE = "https://abcdef1234.execute-api.eu-central-1.amazonaws.com/v1"


def probe(world: World, called: str, route: str = PROTECTED_RESOURCE, inserted: str = "", **stage: str) -> Answer:
    """Asks the function behind another API, whose stage variables are `stage`, for the document at `called`."""
    _, _, host, path = called.split("/", 3)
    event = rest_event("GET", route, path_parameters={"path": inserted} if inserted else None)
    event["requestContext"] |= {"domainName": host, "path": f"/{path}"}
    event["stageVariables"] = {"issuer": world.issuer, **stage}
    resources = " ".join((STAGE, f"{STAGE}/mcp", MINE, f"{MINE}/mcp", f"{MINE}/orders", f"{MINE}/orders/eu"))
    return Answer.of(world.run("metadata", world.load("metadata", Resources=resources), event))


@pytest.mark.rfc("9728", "3.1")
@pytest.mark.rfc("9728", "3.3")
@pytest.mark.parametrize(
    ("place", "behind", "stage", "resource"),
    [
        # At the API's own address the stage comes before everything.
        (f"{STAGE}{PROTECTED_RESOURCE}", "", {}, STAGE),
        (f"{STAGE}{PROTECTED_RESOURCE}/mcp", "mcp", {"resource": f"{STAGE}/mcp"}, f"{STAGE}/mcp"),
        # A custom domain whose root is the API.
        (f"{MINE}{PROTECTED_RESOURCE}", "", {"resource": MINE}, MINE),
        (f"{MINE}{PROTECTED_RESOURCE}/mcp", "mcp", {"resource": f"{MINE}/mcp"}, f"{MINE}/mcp"),
        (f"{MINE}{PROTECTED_RESOURCE}/mcp", "mcp", {}, f"{MINE}/mcp"),
        (f"{MINE}{PROTECTED_RESOURCE}/orders/eu", "orders/eu", {}, f"{MINE}/orders/eu"),
        # One that maps a path to the API: what leads into the API comes before the well-known path.
        (f"{MINE}/orders{PROTECTED_RESOURCE}", "", {"resource": f"{MINE}/orders"}, f"{MINE}/orders"),
        (f"{MINE}/orders{PROTECTED_RESOURCE}/eu", "eu", {"resource": f"{MINE}/orders/eu"}, f"{MINE}/orders/eu"),
        # Something in front of the API, which takes the stage away.
        (f"{STAGE}{PROTECTED_RESOURCE}", "", {"resource": MINE}, MINE),
        (f"{STAGE}{PROTECTED_RESOURCE}/mcp", "mcp", {"resource": f"{MINE}/mcp"}, f"{MINE}/mcp"),
        # What is no resource, or another one than that of the address.
        (f"{MINE}{PROTECTED_RESOURCE}/items", "items", {"resource": MINE}, ""),
        (f"{MINE}{PROTECTED_RESOURCE}/mcp/items", "mcp/items", {"resource": MINE}, ""),
    ],
)
def test_the_document_at_a_place_is_of_the_resource_of_that_place(
    place: str, behind: str, stage: dict[str, str], resource: str, world: World
) -> None:
    route = f"{PROTECTED_RESOURCE}/{{path+}}" if behind else PROTECTED_RESOURCE
    answer = probe(world, place, route, behind, **stage)
    assert answer.status == (200 if resource else 404)
    if resource:
        assert answer.json()["resource"] == resource
        assert answer.json()["authorization_servers"] == [world.issuer]


@pytest.mark.rfc("9728", "3.3")
def test_a_root_is_not_answered_for_by_a_resource_with_a_path(world: World) -> None:
    world_without = world.load("metadata")
    event = rest_event("GET", PROTECTED_RESOURCE, resource=f"{MINE}/mcp")
    event["requestContext"] |= {"domainName": "mcp.example.com", "path": PROTECTED_RESOURCE}
    event["stageVariables"]["issuer"] = world.issuer
    assert Answer.of(world.run("metadata", world_without, event)).status == 404


@pytest.mark.rfc("9728", "3.1")
@pytest.mark.parametrize(("inserted", "status"), [("api", 200), ("other", 404), ("", 404)])
def test_a_resource_that_shares_its_domain_with_the_issuer_has_its_document_there(
    inserted: str, status: int, world: World
) -> None:
    function = world.load("metadata", Issuer="https://id.example.com", ResourceUrl="https://id.example.com/api")
    event = http_event(
        "GET",
        f"{PROTECTED_RESOURCE}/{inserted}",
        domain="id.example.com",
        resource="https://id.example.com/api",
        route=f"ANY {PROTECTED_RESOURCE}/{{path+}}",
        path_parameters={"path": inserted},
    )
    answer = Answer.of(world.run("metadata", function, event))
    assert answer.status == status
    if status == 200:
        assert answer.json()["resource"] == "https://id.example.com/api"


@pytest.mark.rfc("9728", "3")
def test_an_http_api_of_an_operators_has_its_document(world: World) -> None:
    event = http_event("GET", PROTECTED_RESOURCE, domain="mcp.example.com")
    event["stageVariables"] = {"issuer": world.issuer}
    function = world.load("metadata", Resources=MINE)
    document = Answer.of(world.run("metadata", function, event)).json()
    assert (document["resource"], document["authorization_servers"]) == (MINE, [world.issuer])


@pytest.mark.rfc("9700", "4.13")
@pytest.mark.parametrize("path", DOCUMENTS)
def test_what_a_client_says_of_the_host_leaves_no_trace(path: str, gateway: Gateway) -> None:
    asked, plain = get(gateway, path, headers=HOSTILE), get(gateway, path)
    assert (asked.body, asked.headers) == (plain.body, plain.headers)
    assert "evil" not in json.dumps(asked.raw)


@pytest.mark.rfc("9700", "4.13")
def test_hostile_headers_leave_no_trace_in_a_flow(world: World, gateway: Gateway, native_app: App) -> None:
    browser = Browser(gateway)
    started = browser.send("GET", "/authorize", query=native_app.request(), headers=HOSTILE)
    page = browser.follow(started)
    code = browser.go_through(native_app.request())["code"]
    form, _ = native_app.form(
        grant_type="authorization_code",
        code=code,
        redirect_uri=native_app.redirect_uri,
        code_verifier=native_app.verifier,
    )
    answer = gateway.post("/token", form, headers=HOSTILE)
    payload = answer.json()["access_token"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    assert (claims["iss"], claims["aud"]) == (world.issuer, world.resource)
    assert "evil" not in json.dumps([started.raw, page.raw, answer.raw, claims])


@pytest.mark.rfc("7517", "4")
def test_published_keys_have_only_public_members(gateway: Gateway) -> None:
    keys = gateway.send("GET", JWKS).json()["keys"]
    assert {key["alg"]: set(key) for key in keys} == {
        "ES256": {"kty", "crv", "x", "y", "kid", "use", "alg"},
        "RS256": {"kty", "n", "e", "kid", "use", "alg"},
    }
    assert len({key["kid"] for key in keys}) == len(keys)
    assert {key["use"] for key in keys} == {"sig"}
    (rsa,) = [key for key in keys if key["kty"] == "RSA"]
    assert len(base64.urlsafe_b64decode(rsa["n"] + "==")) * 8 >= 2048


@pytest.mark.rfc("7517", "5")
def test_a_new_key_is_published_before_it_signs(world: World, gateway: Gateway, machine_app: App) -> None:
    before = {key["kid"] for key in gateway.send("GET", JWKS).json()["keys"]}
    world.clock.pass_by(91 * 86400)
    world.invoke("rotate_keys", {})
    with world.using(metadata=world.load("metadata"), token=world.load("token")):
        answer = gateway.send("GET", JWKS)
        published = {key["kid"] for key in answer.json()["keys"]}
        assert before < published
        assert answer.headers["cache-control"] == "public, max-age=3600"
        header = machine_app.own_token().json()["access_token"].partition(".")[0]
        assert json.loads(base64.urlsafe_b64decode(header + "=="))["kid"] in before


@pytest.mark.rfc("8414", "3.2")
@pytest.mark.parametrize("path", DOCUMENTS)
def test_a_document_may_be_kept_and_read_from_any_page(path: str, gateway: Gateway) -> None:
    answer = get(gateway, path)
    assert answer.headers["cache-control"].startswith("public, max-age=")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert get(gateway, path, "HEAD").status == 200


def test_an_empty_key_set_is_not_kept(world: World, gateway: Gateway) -> None:
    world.restore(world.unborn)
    with world.using(metadata=world.load("metadata")):
        answer = gateway.send("GET", JWKS)
        assert (answer.json(), answer.headers["cache-control"]) == ({"keys": []}, "no-store")
