"""The flows of clients that register themselves, or try to."""

import secrets

from tests.functions.flowing import answered, flow, registration_flow
from tests.functions.gateway import Gateway
from tests.functions.given import LOGO, change_client
from tests.functions.journey import App, admin
from tests.functions.world import World


@flow
def register_where_nobody_may(world: World) -> None:
    gateway = Gateway(world)
    answered(403, gateway.register("POST", "/register", {"redirect_uris": ["https://a.example/callback"]}))
    answered(403, gateway.register("GET", "/register/demo-web", bearer="ra_" + secrets.token_urlsafe(32)))


@registration_flow("Open")
def register_use_and_manage(world: World) -> None:
    gateway = Gateway(world)
    grant_types = ["authorization_code", "refresh_token"]
    document = {"redirect_uris": ["https://a.example/callback"], "grant_types": grant_types, "logo_uri": LOGO}
    made = gateway.register("POST", "/register", document).json()
    one, bearer = f"/register/{made['client_id']}", made["registration_access_token"]
    app = App(gateway, made["client_id"], made["client_secret"], "https://a.example/callback")
    tokens = app.tokens()
    answered(200, app.refresh(tokens["refresh_token"], "/refresh"))
    for path in ("/token", "/refresh"):
        change_client(world, made["client_id"], expires_at=int(world.clock.time()) + 60)
        tokens = app.refresh(app.tokens()["refresh_token"], path).json()
        assert "expires_at" not in world.aws.item("ClientsTable", made["client_id"])
    answered(200, gateway.register("GET", one, bearer=bearer))
    changed = {"client_id": made["client_id"], "client_name": "Renamed"}
    answered(200, gateway.register("PUT", one, document | changed, bearer=bearer))
    answered(401, gateway.register("GET", one, bearer="ra_" + secrets.token_urlsafe(32)))
    answered(400, gateway.register("POST", "/register", {"redirect_uris": ["http://a.example/"]}))
    answered(204, gateway.register("DELETE", one, bearer=bearer))
    answered(401, app.refresh(tokens["refresh_token"]))


@registration_flow("Open")
def register_what_everybody_does(world: World) -> None:
    gateway = Gateway(world)
    uri = "cursor://anysphere.cursor-mcp/oauth/callback"
    document = {
        "redirect_uris": [uri],
        "grant_types": ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"],
        "token_endpoint_auth_method": "none",
    }
    made = gateway.register("POST", "/register", document).json()
    assert gateway.register("POST", "/register", document).json() == made
    soon = int(world.clock.time()) + 60
    change_client(world, made["client_id"], expires_at=soon)
    assert gateway.register("POST", "/register", document).json() == made
    assert int(world.aws.item("ClientsTable", made["client_id"])["expires_at"]["N"]) > soon
    app = App(gateway, made["client_id"], redirect_uri=uri)
    tokens = app.tokens(scope="openid read offline_access")
    assert tokens["scope"] == "openid read offline_access"
    answered(200, app.refresh(tokens["refresh_token"], scope="openid read offline_access"))
    change_client(world, made["client_id"], status="disabled")
    assert gateway.register("POST", "/register", document).json()["client_id"] != made["client_id"]


@registration_flow("InitialAccessToken")
def register_with_an_initial_access_token(world: World) -> None:
    gateway = Gateway(world)
    operator = admin(gateway).own_token().json()["access_token"]
    bearer = gateway.manage("POST /admin/initial-access-tokens", operator, {}).json()["initial_access_token"]
    document = {"redirect_uris": ["https://a.example/callback"], "token_endpoint_auth_method": "none"}
    answered(401, gateway.register("POST", "/register", document))
    answered(201, gateway.register("POST", "/register", document, bearer=bearer))
    answered(401, gateway.register("POST", "/register", document, bearer=bearer))
