"""The flows that there are at the paths of other systems, besides those which are their endpoints' own."""

import json
import secrets

from authserver.models.clients import ClientSecret
from authserver.models.configuration import CALLBACK
from tests.assertions import Signer
from tests.functions.federation import federated, federated_person
from tests.functions.flowing import answered, at_others_paths, placeos_flow
from tests.functions.gateway import Gateway
from tests.functions.given import (
    change_client,
    give_organisations,
    imported_hash,
    issue_opaque_tokens,
    sign_for,
)
from tests.functions.journey import App, Browser, machine, native, parameters_of, web
from tests.functions.second_factors import give_factors
from tests.functions.sign_in_flows import choose
from tests.functions.world import World
from tests.origin import an_origin

KEYCLOAK_LOGOUT = "/realms/master/protocol/openid-connect/logout"


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


@placeos_flow
def ask_the_authority_who_is_there(world: World) -> None:
    with federated(world):
        gateway = Gateway(world)
        browser = Browser(gateway)
        assert browser.send("GET", "/auth/authority").json()["session"] is False
        page = browser.follow(browser.send("GET", "/auth/login", query={"continue": "/rooms/"}))
        assert browser.sign_in(page).location == "/rooms/"
        assert browser.send("GET", "/auth/login", query={"continue": "/rooms/"}).location == "/rooms/"
        assert browser.send("GET", "/auth/authority").json()["session"] is True


@placeos_flow
def sign_in_for_a_page_before_there_are_keys(world: World) -> None:
    world.restore(world.unborn)
    with at_others_paths(world):
        answered(303, Gateway(world).send("GET", "/auth/login", query={"continue": "/rooms/"}))


@placeos_flow
def ask_the_authority_whether_a_token_stands(world: World) -> None:
    gateway = Gateway(world)
    tokens = [native(gateway).tokens()["access_token"], machine(gateway).own_token().json()["access_token"]]
    issue_opaque_tokens(world, "demo-app")
    tokens.append(native(gateway).tokens()["access_token"])
    give_organisations(world)
    app = web(gateway)
    tokens.append(app.exchange(parameters_of(choose(app, Browser(gateway), "one"))["code"]).json()["access_token"])
    for token in tokens:
        answer = gateway.send("GET", "/auth/authority", headers=bearer(token))
        assert answer.json()["token_valid"] is True
    assert gateway.send("GET", "/auth/authority", headers=bearer("x-api-key")).json()["token_valid"] is False


@placeos_flow
def sign_out_by_each_kind_of_token(world: World) -> None:
    gateway = Gateway(world)
    app, browser = native(gateway), Browser(gateway)
    tokens = app.tokens(browser)
    answered(204, browser.send("GET", "/auth/logout", headers=bearer(tokens["access_token"])))
    answered(400, app.refresh(tokens["refresh_token"]))
    issue_opaque_tokens(world, "demo-app")
    answered(204, gateway.send("GET", "/auth/logout", headers=bearer(app.tokens()["access_token"])))
    answered(
        204, gateway.send("GET", "/auth/logout", headers=bearer(machine(gateway).own_token().json()["access_token"]))
    )
    give_organisations(world)
    of_acme = web(gateway)
    token = of_acme.exchange(parameters_of(choose(of_acme, Browser(gateway), "one"))["code"]).json()["access_token"]
    answered(204, gateway.send("GET", "/auth/logout", headers=bearer(token)))


@placeos_flow
def sign_out_by_a_refresh_token(world: World) -> None:
    gateway = Gateway(world)
    app = web(gateway)
    tokens = app.tokens()
    answered(204, app.post(KEYCLOAK_LOGOUT, refresh_token=tokens["refresh_token"]))
    answered(400, app.refresh(tokens["refresh_token"]))
    secret = ClientSecret(b"", 1, encoded=imported_hash(app.secret))
    change_client(world, app.client_id, secrets=(secret,))
    stranger = App(gateway, app.client_id, secrets.token_urlsafe(24))
    for _ in range(9):  # the first ones of a source cost less
        answered(401, stranger.post(KEYCLOAK_LOGOUT, refresh_token="x"))
    answered(204, app.post(KEYCLOAK_LOGOUT, refresh_token="x"))
    signer = sign_for(world, app.client_id)
    answered(204, gateway.post(KEYCLOAK_LOGOUT, {**signer.form(), "refresh_token": "x"}))


@placeos_flow
def sign_out_by_keys_that_are_elsewhere(world: World) -> None:
    with an_origin() as origin, world.using(documents=world.load("documents", LoopbackUpstreams="true")):
        app = web(Gateway(world))
        keys = origin.put("/keys", {"keys": [Signer(app.client_id, "", lambda: 0).jwk]})
        signer = sign_for(world, app.client_id, jwks_uri=keys)
        answered(200, app.gateway.post("/revoke", {**signer.form(), "token": "x"}))
        answered(204, app.gateway.post(KEYCLOAK_LOGOUT, {**signer.form(), "refresh_token": "x"}))


@placeos_flow
def put_parameters_into_the_address(world: World) -> None:
    app = native(Gateway(world))
    change_client(world, app.client_id, parameters_in_query=True, grant_types=("authorization_code", "password"))
    code = Browser(app.gateway).go_through(app.request())["code"]
    form = {"grant_type": "authorization_code", "client_id": app.client_id, "code": code}
    form |= {"redirect_uri": app.redirect_uri, "code_verifier": app.verifier}
    answered(200, app.gateway.post("/auth/token", {}, query=form))
    password = {"grant_type": "password", "client_id": app.client_id, "username": "alice", "authority": "x"}
    answered(200, app.gateway.post("/auth/token", {}, query=password | {"password": "wonderland-demo"}))


@placeos_flow
def sign_in_at_a_provider_that_placeos_had(world: World) -> None:
    with federated(world, "placeos", callback_path=f"{CALLBACK}?id=oauth_strat-1") as provider:
        person = federated_person(world)
        assert person.sign_in_at(provider).location
        led = federated_person(world)
        query = {"continue": "/rooms/", "provider": "oauth2", "id": "oauth_strat-1"}
        there = led.follow(led.send("GET", "/auth/login", query=query, headers={"sec-fetch-site": "same-origin"}))
        assert led.come_back(provider.authorize(there.location)).location == "/rooms/"
        answered(404, Gateway(world).send("GET", f"{CALLBACK}/unknown", query={"state": "x", "code": "x"}))


@placeos_flow
def sign_in_by_a_script(world: World) -> None:
    gateway = Gateway(world)
    browser = Browser(gateway)
    headers = {"content-type": "application/json", "origin": world.issuer}
    body = json.dumps({"email": "alice", "password": "wonderland-demo", "continue": "/rooms/"}).encode()
    for _ in range(2):
        answered(200, browser.send("POST", "/auth/signin", body=body, headers=headers))
    give_factors(world)
    answered(200, browser.send("POST", "/auth/signin", body=body, headers=headers))
