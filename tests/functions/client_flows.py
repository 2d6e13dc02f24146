"""The flows of clients, at the endpoints that they ask, and of the APIs that they call."""

import secrets

from authserver.models.clients import ClientSecret
from authserver.values import Scope
from tests.functions.events import request_authorizer_event
from tests.functions.flowing import answered, flow
from tests.functions.gateway import Answer, Gateway
from tests.functions.given import (
    change_client,
    give_groups,
    give_organisations,
    imported_hash,
    issue_opaque_tokens,
    sign_for,
)
from tests.functions.journey import App, Browser, machine, native, other, parameters_of, web
from tests.functions.sign_in_flows import choose
from tests.functions.world import World


@flow
def authenticate_with_an_imported_secret(world: World) -> None:
    for path in ("/token", "/refresh", "/revoke", "/introspect", "/token"):
        app = web(Gateway(world))
        stranger = App(app.gateway, app.client_id, "guessed", app.redirect_uri)
        secret = ClientSecret(b"", 1, encoded=imported_hash(app.secret))
        change_client(world, app.client_id, secrets=(secret,))
        for _ in range(3):  # the first ones of a source cost less
            answered(401, stranger.post(path, grant_type="refresh_token", refresh_token="x", token="x"))
        for _ in range(2):
            app.post(path, grant_type="refresh_token", refresh_token="x", token="x")
        (kept,) = world.aws.item("ClientsTable", app.client_id)["secrets"]["L"]
        assert "encoded" not in kept["M"]


@flow
def authenticate_by_assertions(world: World) -> None:
    for path in ("/token", "/refresh", "/revoke", "/introspect"):
        app = web(Gateway(world))
        signer = sign_for(world, app.client_id)
        form = {**signer.form(), "grant_type": "refresh_token", "refresh_token": "x", "token": "x"}
        answered(200 if path in ("/revoke", "/introspect") else 400, app.gateway.post(path, form))
        answered(401, app.gateway.post(path, form))


@flow
def exchange_a_code_twice(world: World) -> None:
    app = native(Gateway(world))
    code = Browser(app.gateway).go_through(app.request())["code"]
    answered(400, app.exchange(code, code_verifier=secrets.token_urlsafe(48)))
    answered(200, app.exchange(code))
    answered(400, app.exchange(code))


@flow
def use_a_registration_that_would_have_expired(world: World) -> None:
    for path in ("/token", "/refresh"):
        app = native(Gateway(world))
        token = app.tokens()["refresh_token"]
        change_client(world, app.client_id, expires_at=int(world.clock.time()) + 60)
        answered(200, app.refresh(token, path))
        assert "expires_at" not in world.aws.item("ClientsTable", app.client_id)


@flow
def refresh_until_reuse(world: World) -> None:
    for path in ("/token", "/refresh"):
        app = native(Gateway(world))
        first = app.tokens()["refresh_token"]
        second = app.refresh(first, path).json()["refresh_token"]
        third = app.refresh(second, path).json()["refresh_token"]
        answered(400, app.refresh(first, path))
        answered(400, app.refresh(third, path))


@flow
def clients_that_are_refused(world: World) -> None:
    gateway = Gateway(world)
    for path in ("/token", "/refresh", "/revoke", "/introspect"):
        impostor = web(gateway)
        impostor.secret = secrets.token_urlsafe(24)
        answered(401, impostor.post(path, grant_type="refresh_token", refresh_token="x", token="x"))


@flow
def opaque_access_tokens(world: World) -> None:
    issue_opaque_tokens(world, "demo-app", "demo-web", "demo-machine")
    gateway = Gateway(world)
    app = web(gateway)
    tokens = app.tokens()
    for path in ("/token", "/refresh"):
        tokens |= app.refresh(tokens["refresh_token"], path).json()
    call = f"Bearer {tokens['access_token']}"
    answered(200, gateway.call("GET", "/me", call))
    assert app.post("/introspect", token=tokens["access_token"]).json()["active"] is True
    answered(200, app.post("/revoke", token=tokens["access_token"]))
    assert app.post("/introspect", token=tokens["access_token"]).json()["active"] is False
    answered(200, gateway.call("GET", "/me", f"Bearer {machine(gateway).own_token().json()['access_token']}"))


@flow
def revoke_each_kind(world: World) -> None:
    gateway = Gateway(world)
    app = web(gateway)
    tokens = app.tokens()
    answered(200, app.post("/revoke", token=tokens["access_token"]))
    answered(200, app.post("/revoke", token=tokens["refresh_token"]))
    answered(200, app.post("/revoke", token=secrets.token_urlsafe(48)))
    own = machine(gateway).own_token().json()["access_token"]
    answered(200, machine(gateway).post("/revoke", token=own))
    assert machine(gateway).post("/introspect", token=own).json() == {"active": False}


@flow
def introspect_each_kind(world: World) -> None:
    gateway = Gateway(world)
    app = web(gateway)
    tokens = app.tokens()
    assert app.post("/introspect", token=tokens["refresh_token"]).json()["active"] is True
    assert app.post("/introspect", token=tokens["access_token"]).json()["active"] is True
    assert other(gateway).post("/introspect", token=tokens["access_token"]).json() == {"active": False}


@flow
def call_the_resource_api(world: World) -> None:
    gateway = Gateway(world)
    tokens = native(gateway).tokens()
    for path in ("/me", "/items", "/userinfo"):
        answered(200, gateway.call("GET", path, f"Bearer {tokens['access_token']}"))
    own = machine(gateway).own_token(scope="read write").json()["access_token"]
    answered(200, gateway.call("POST", "/items", f"Bearer {own}", body='{"name": "an item"}'))


@flow
def ask_userinfo_of_each_kind(world: World) -> None:
    """Of users, for an organisation and without, and of a machine; by one that has to look into the catalogue."""
    gateway = Gateway(world)

    def asked(access_token: str) -> Answer:
        return gateway.send("GET", "/userinfo", headers={"authorization": f"Bearer {access_token}"})

    answered(200, asked(native(gateway).tokens()["access_token"]))
    with world.using(userinfo=world.load("userinfo")):
        answered(403, asked(native(gateway).tokens(scope="read")["access_token"]))
        answered(403, asked(machine(gateway).own_token(scope="read").json()["access_token"]))
        give_organisations(world)
        issue_opaque_tokens(world, "demo-web")
        app = web(gateway)
        code = parameters_of(choose(app, Browser(gateway), "one"))["code"]
        answered(200, asked(app.exchange(code).json()["access_token"]))


@flow
def tell_what_an_identity_provider_gave(world: World) -> None:
    give_groups(world)
    names = ("token", "refresh", "userinfo")
    with world.using(**{name: world.load(name) for name in names}):
        app = web(Gateway(world))
        tokens = app.refresh(app.tokens()["refresh_token"], "/refresh").json()
        bearer = {"authorization": f"Bearer {tokens['access_token']}"}
        assert app.gateway.send("GET", "/userinfo", headers=bearer).json()["groups"] == ["tea"]


@flow
def scopes_that_others_imply(world: World) -> None:
    """A function reads the scope catalogue once; each has just started."""
    for client in ("demo-app", "demo-machine"):
        change_client(world, client, scope=Scope.parse("openid account"))
    names = ("authorize", "login", "consent", "token", "refresh", "authorizer")
    with world.using(**{name: world.load(name) for name in names}):
        gateway = Gateway(world)
        app = native(gateway)
        app.tokens(scope="openid account.read")
        tokens = app.tokens(scope="openid account")
        answered(200, app.refresh(tokens["refresh_token"], "/refresh", scope="account.read"))
        answered(200, machine(gateway).own_token(scope="account.read"))
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        event = request_authorizer_event("GET", "/items", resource=world.resource, headers=headers)
        answer = world.invoke("authorizer", event)
        assert answer["policyDocument"]["Statement"][0]["Effect"] == "Deny"


@flow
def read_the_metadata(world: World) -> None:
    """By one that has just started, and looks into the scope catalogue."""
    with world.using(metadata=world.load("metadata")):
        for path in ("openid-configuration", "oauth-authorization-server", "jwks.json"):
            answered(200, Gateway(world).send("GET", f"/.well-known/{path}"))
        answered(200, Gateway(world).protected_resource())
