"""Access tokens in the shape of PlaceOS: what its services decode, and everything here that reads them all the same."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import jwt
import pytest

from authserver.resources import PLACEOS, Resource, ResourceCatalogue
from authserver.scopes import ACCESS_TOKEN, DEFAULT, ClaimDefinition, ScopeCatalogue, ScopeDefinition
from authserver.values import Scope
from tests.functions.events import request_authorizer_event
from tests.functions.flowing import asking_the_hook, at_others_paths
from tests.functions.gateway import Gateway
from tests.functions.given import change_client, stores_of
from tests.functions.journey import App, admin, machine, native
from tests.functions.world import World

TOWER, PLAIN = "https://tower.example/api", "https://plain.example"
ROUTES = {"GET /systems": "read", "POST /systems": "write"}
OF_USER = (
    ClaimDefinition("u.n", "name", "string", (ACCESS_TOKEN,)),
    ClaimDefinition("u.e", "email", "string", (ACCESS_TOKEN,)),
    ClaimDefinition("u.p", "placeos_bits", "integer", (ACCESS_TOKEN,)),
    ClaimDefinition("u.r", "groups", "strings", (ACCESS_TOKEN,)),
)


@pytest.fixture
def app(world: World) -> Iterator[App]:
    """Of a deployment with two APIs, of which one is PlaceOS's, and a scope that tells who the user is.

    Its functions have just started: they would remember the resources of another test.
    """
    stores = stores_of(world)
    tower = Resource("tower", TOWER, "Tower", ("read", "write"), ROUTES, token_profile=PLACEOS)
    plain = Resource("plain", PLAIN, "Plain", ("read", "write"), ROUTES)
    assert stores.withdrawals.change_resources(ResourceCatalogue((tower, plain)))
    public = ScopeDefinition("public", "See who you are", claims=OF_USER)
    before = stores.configuration.scopes()
    definitions = (*DEFAULT.with_built_in().definitions, public)
    assert stores.withdrawals.change_scopes(ScopeCatalogue.of(definitions, before.version if before else 0))
    change_client(world, "demo-app", scope=Scope.parse("openid public read write"))
    world.clock.pass_by(5)
    names = ("authorize", "consent", "token", "refresh", "authorizer", "introspect", "userinfo")
    with world.using(**{name: world.load(name) for name in names}):
        yield native(Gateway(world))


def change_alice(world: World, **changes: Any) -> None:
    subject = read(issued(native(Gateway(world)), "openid read"))["sub"]
    assert stores_of(world).users.update(subject, **changes)


def read(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def issued(app: App, scope: str = "openid public read", resource: str = TOWER) -> str:
    return str(app.tokens(scope=scope, resource=resource)["access_token"])


def effect(world: World, token: str, method: str = "GET", resource: str = TOWER) -> str:
    headers = {"Authorization": f"Bearer {token}"}
    event = request_authorizer_event(method, "/systems", resource=resource, headers=headers)
    try:
        return str(world.invoke("authorizer", event)["policyDocument"]["Statement"][0]["Effect"])
    except RuntimeError as error:
        return str(error)


@pytest.mark.rfc("9068", "2.2")
def test_token_for_placeos_has_the_shape_that_its_services_decode(world: World, app: App) -> None:
    change_alice(world, attributes={"placeos_bits": 2, "groups": ("building-2",)}, email_verified=True)
    token = issued(app)
    claims = read(token)
    assert claims["aud"] == urlsplit(TOWER).netloc
    assert claims["scope"] == ["openid", "public", "read"]
    assert claims["u"] == {"n": "Alice Liddell", "e": "alice@example.com", "p": 2, "r": ["building-2"]}
    assert not [name for name in claims if name.startswith("u.")]
    assert (claims["iss"], claims["client_id"]) == (world.issuer, "demo-app")
    assert jwt.get_unverified_header(token)["typ"] == "at+jwt"


def test_user_of_whom_nothing_is_kept_has_no_powers_and_an_unconfirmed_address_is_none(world: World, app: App) -> None:
    change_alice(world, email_verified=False)
    assert read(issued(app))["u"] == {"n": "Alice Liddell", "p": 0, "r": []}


def test_machines_have_no_user_and_the_hook_may_say_it_instead(world: World, app: App) -> None:
    change_client(world, "demo-machine", scope=Scope.parse("read public"))
    own = read(machine(app.gateway).own_token(scope="read public", resource=TOWER).json()["access_token"])
    assert (own["scope"], own["aud"]) == (["read", "public"], "tower.example")
    assert "u" not in own
    told = {"n": "Alice", "e": "a@example.com", "p": 1, "r": []}
    with asking_the_hook(world, lambda _: {"claims": {"access_token": {"u": told}}}):
        assert read(issued(app))["u"] == told


@pytest.mark.rfc("9068", "2.2")
def test_every_other_token_is_as_the_standard_has_it(world: World, app: App) -> None:
    for resource in (PLAIN, world.resource):
        claims = read(issued(app, resource=resource))
        assert (claims["aud"], claims["scope"]) == (resource, "openid public read")
        assert "resource" not in claims
    form, headers = machine(app.gateway).form(grant_type="client_credentials", scope="read")
    for_both = [*form.items(), ("resource", TOWER), ("resource", PLAIN)]
    both = read(app.gateway.post("/token", for_both, headers=headers).json()["access_token"])
    assert (both["aud"], both["scope"]) == ([TOWER, PLAIN], "read")


@pytest.mark.rfc("6750", "3.1")
@pytest.mark.parametrize("resource", [TOWER, PLAIN])
def test_each_check_by_scope_and_audience_is_the_same_for_both_shapes(resource: str, world: World, app: App) -> None:
    token, other = issued(app, resource=resource), {TOWER: PLAIN, PLAIN: TOWER}[resource]
    assert effect(world, token, resource=resource) == "Allow"
    assert effect(world, token, "POST", resource) == "Deny"
    assert effect(world, issued(app, "openid write", resource), "POST", resource) == "Allow"
    for elsewhere in (other, world.resource, "https://tower.example", "tower.example"):
        assert effect(world, token, resource=elsewhere) == "Unauthorized"


@pytest.mark.rfc("7662", "2.2")
def test_this_server_reads_its_own_tokens_in_either_shape(world: World, app: App) -> None:
    change_client(world, "demo-machine", resources=(TOWER, PLAIN))
    with at_others_paths(world):
        for resource in (TOWER, PLAIN):
            token = issued(app, resource=resource)
            told = introspected(app, token)
            assert (told["active"], told["scope"], told["aud"]) == (True, "openid public read", resource)
            bearer = {"authorization": f"Bearer {token}"}
            assert app.gateway.send("GET", "/userinfo", headers=bearer).json()["sub"] == read(token)["sub"]
            without = {"authorization": f"Bearer {issued(app, 'read', resource)}"}
            assert app.gateway.send("GET", "/userinfo", headers=without).status == 403
            info = app.gateway.send("GET", "/auth/oauth/token/info", headers=bearer).json()
            assert info["scope"] == ["openid", "public", "read"]
            assert app.post("/revoke", token=token).status == 200
            assert effect(world, token, resource=resource) == "Unauthorized"
            assert introspected(app, token) == {"active": False}


def introspected(app: App, token: str) -> dict[str, Any]:
    told: dict[str, Any] = machine(app.gateway).post("/introspect", token=token).json()
    return told


def test_refreshed_tokens_have_it_and_a_change_of_the_resource_ends_none(world: World, app: App) -> None:
    change_client(world, "demo-app", scope=Scope.parse("openid public read write offline_access"))
    tokens = app.tokens(scope="openid public read offline_access", resource=TOWER)
    refreshed = app.refresh(tokens["refresh_token"]).json()["access_token"]
    assert read(refreshed)["scope"] == read(tokens["access_token"])["scope"]
    catalogue = stores_of(world).configuration.resources()
    assert catalogue
    tower, plain = catalogue.definitions
    moved = Resource("tower", TOWER, "Tower", ("read", "write"), ROUTES)
    heir = Resource("heir", "https://tower.example/heir", "", ("read",), ROUTES, token_profile=PLACEOS)
    assert stores_of(world).withdrawals.change_resources(ResourceCatalogue((moved, plain, heir), catalogue.version))
    world.clock.pass_by(5)
    assert effect(world, refreshed) == "Allow"
    assert effect(world, refreshed, resource=heir.identifier) == "Unauthorized"
    assert read(issued(app))["scope"] == "openid public read"
    assert tower.token_profile == PLACEOS


def test_removed_resource_takes_its_tokens_along(world: World, app: App) -> None:
    token = issued(app)
    operator = admin(app.gateway).own_token(scope="admin:resources").json()["access_token"]
    route = "/admin/resources/{resource_id}"
    assert app.gateway.manage(f"DELETE {route}", operator, resource_id="tower").status == 204
    world.clock.pass_by(5)
    assert effect(world, token) == "Unauthorized"


def test_an_operator_chooses_it_for_an_api_with_a_host(world: World, app: App) -> None:
    operator = admin(app.gateway).own_token(scope="admin:resources").json()["access_token"]
    route = "PUT /admin/resources/{resource_id}"
    wanted = {"identifier": "https://two.example", "scopes": ["read"], "token_profile": "placeos"}
    made = app.gateway.manage(route, operator, wanted, resource_id="two")
    assert (made.status, made.json()["token_profile"]) == (200, "placeos")
    for document in (wanted | {"identifier": "urn:tower"}, wanted | {"token_profile": "another"}):
        refused = app.gateway.manage(route, operator, document, resource_id="three")
        assert refused.status == 400, json.dumps(document)


@pytest.mark.parametrize("name", ["resource", "aud", "scope"])
def test_no_claim_of_a_user_passes_for_the_audience(name: str, world: World, app: App) -> None:
    """Not by the catalogue, and not by the hook: a token would be good for another API."""
    operator = admin(app.gateway).own_token(scope="admin:scopes").json()["access_token"]
    claim = {"name": name, "attribute": "groups", "places": ["access_token"]}
    document = {"description": "See who you are", "claims": [claim]}
    refused = app.gateway.manage("PUT /admin/scopes/{scope}", operator, document, scope="sly")
    assert refused.status == 400
    # The hook fails as a whole, and nothing is issued.
    hook = asking_the_hook(world, lambda _: {"claims": {"access_token": {name: TOWER}}})
    with hook, pytest.raises(AssertionError, match="status=503"):
        app.tokens(scope="openid read", resource=PLAIN)
