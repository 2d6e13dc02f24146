"""The flows of clients that come of metadata documents, and of keys that clients have elsewhere."""

from dataclasses import replace
from typing import Any

from authserver.models.clients import DEVICE_CODE
from tests.assertions import Signer
from tests.functions.federation import WORK, FederatedPerson, configure
from tests.functions.flowing import answered, device_flow, document_flow, flow
from tests.functions.gateway import Answer, Gateway
from tests.functions.given import (
    ask_approval,
    change_client,
    put_document,
    sign_for,
    stores_of,
)
from tests.functions.journey import App, Browser, admin, native, portal, web
from tests.functions.organisation_flows import acme_of_alice
from tests.functions.world import World
from tests.openid_provider import OpenIdProvider, serving
from tests.origin import Origin, an_origin

CLIENT_ID = "https://editor.example/client.json"
ONE = "/admin/client-documents/{client_id}"


def editor(world: World, origin: Origin, **metadata: Any) -> App:
    client_id = origin.client(**metadata)
    return App(Gateway(world), client_id, "", "http://localhost:54321/callback", "openid read")


def asked(app: App, **changed: str) -> Answer:
    return app.gateway.send("GET", "/authorize", query=app.request(**changed))


def block(app: App, status: str = "disabled") -> None:
    operator = admin(app.gateway).own_token().json()["access_token"]
    answer = app.gateway.manage(f"PATCH {ONE}", operator, {"status": status}, client_id=app.client_id)
    assert answer.status == 200, answer


def code_of(app: App) -> str:
    return Browser(app.gateway).go_through(app.request())["code"]


def introspects(app: App, signer: Signer) -> int:
    return app.gateway.post("/introspect", {"token": "x", **signer.form()}).status


def now(world: World) -> int:
    return int(world.clock.time())


@document_flow
def use_a_client_of_a_document(world: World, origin: Origin) -> None:
    app = editor(world, origin)
    person = Browser(app.gateway)
    tokens = app.tokens(person)
    answered(200, app.gateway.call("GET", "/me", f"Bearer {tokens['access_token']}"))
    for path in ("/token", "/refresh"):
        world.clock.pass_by(3600)
        tokens |= app.refresh(tokens["refresh_token"], path).json()
    answered(401, app.post("/introspect", token=tokens["refresh_token"]))
    world.clock.pass_by(3600)
    answered(401, app.post("/introspect", token=tokens["refresh_token"]))
    person.visit("/my/apps")
    answered(200, person.send("GET", "/logout", query={"client_id": app.client_id}))
    answered(200, app.post("/revoke", token=tokens["access_token"]))


@document_flow
def use_a_client_of_a_document_with_keys(world: World, origin: Origin) -> None:
    signer = Signer(origin.issuer + "/client.json", world.issuer, lambda: now(world))
    keys = origin.put("/keys", {"keys": [signer.jwk]})
    app = editor(world, origin, token_endpoint_auth_method="private_key_jwt", jwks_uri=keys)
    code = Browser(app.gateway).go_through(app.request())["code"]
    tokens = app.exchange(code, **signer.form()).json()
    for path in ("/token", "/refresh"):
        world.clock.pass_by(3600)
        tokens |= app.refresh(tokens["refresh_token"], path, **signer.form()).json()
    for path in ("/introspect", "/revoke"):
        world.clock.pass_by(3600)
        answered(200, app.post(path, token=tokens["refresh_token"], **signer.form()))


@document_flow
def documents_that_make_no_client(world: World, origin: Origin) -> None:
    app = editor(world, origin, client_secret="hunter2")
    for method in ("GET", "POST"):
        answered(400, app.gateway.send(method, "/authorize", query=app.request()))
    for path in ("/token", "/refresh", "/revoke", "/introspect"):
        answered(400, app.post(path, grant_type="refresh_token", refresh_token="x", token="x"))


@document_flow
def sign_in_elsewhere_for_a_client_of_a_document(world: World, origin: Origin) -> None:
    app = editor(world, origin)
    with serving(lambda issuer: OpenIdProvider(issuer, lambda: now(world))) as provider:
        configure(world, replace(WORK, issuer=provider.issuer))
        person = FederatedPerson(app.gateway)
        going = person.choose(person.arrive(app))
        answered(303, person.come_back(provider.authorize(going.location)))


@document_flow
def look_at_what_was_granted_to_a_client_of_a_document(world: World, origin: Origin) -> None:
    app = editor(world, origin)
    alice = acme_of_alice(world)
    person = Browser(app.gateway)
    app.tokens(person)
    ask_approval(world, alice, app.client_id)
    person.visit("/organisations/acme/requests")
    account = portal(app.gateway).tokens()["access_token"]
    answered(200, app.gateway.manage("GET /account/applications", account))
    answered(204, app.gateway.manage("DELETE /account/applications/{client_id}", account, client_id=app.client_id))
    operator = admin(app.gateway).own_token().json()["access_token"]
    one = "/admin/client-documents/{client_id}"
    told = app.gateway.manage(f"GET {one}", operator, client_id=app.client_id).json()
    assert (told["usage"]["authorized"], told["usage"]["redeemed"]) == (1, 1)
    (listed,) = app.gateway.manage("GET /admin/client-documents", operator).json()["items"]
    assert listed["client_name"] == "An editor"


@flow
def keys_that_are_elsewhere(world: World) -> None:
    with an_origin() as origin, world.using(documents=world.load("documents", LoopbackUpstreams="true")):
        for path in ("/token", "/refresh", "/revoke", "/introspect"):
            app = web(Gateway(world))
            keys = origin.put(path, {"keys": [Signer(app.client_id, "", lambda: 0).jwk]})
            signer = sign_for(world, app.client_id, jwks_uri=keys)
            for _ in range(2):
                form = {**signer.form(), "grant_type": "refresh_token", "refresh_token": "x", "token": "x"}
                answered(200 if path in ("/revoke", "/introspect") else 400, app.gateway.post(path, form))
        assert len(origin.asked) == 4


@device_flow
def begin_at_a_device_that_has_its_keys_elsewhere(world: World) -> None:
    with an_origin() as origin, world.using(documents=world.load("documents", LoopbackUpstreams="true")):
        app = native(Gateway(world))
        change_client(world, app.client_id, grant_types=(DEVICE_CODE,), response_types=())
        keys = origin.put("/keys", {"keys": [Signer(app.client_id, "", lambda: 0).jwk]})
        signer = sign_for(world, app.client_id, jwks_uri=keys)
        answered(200, app.gateway.post("/device_authorization", signer.form()))


@flow
def look_at_documents_and_block_one(world: World) -> None:
    gateway = Gateway(world)
    put_document(world, CLIENT_ID)
    operator = admin(gateway).own_token().json()["access_token"]
    answered(200, gateway.manage("GET /admin/client-documents", operator))
    one = "/admin/client-documents/{client_id}"
    for status in ("disabled", "active"):
        answered(200, gateway.manage(f"PATCH {one}", operator, {"status": status}, client_id=CLIENT_ID))
        told = gateway.manage(f"GET {one}", operator, client_id=CLIENT_ID).json()
        assert told["status"] == status
    answered(400, gateway.manage(f"GET {one}", operator, client_id="demo-web"))
    answered(404, gateway.manage("GET /admin/clients/{client_id}", operator, client_id=CLIENT_ID))
    assert stores_of(world).clients.get(CLIENT_ID) is None
