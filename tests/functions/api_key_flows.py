"""The flows of API keys: who makes them, and calls by them."""

import re
from typing import Any

from authserver.models.organisations import ADMINISTRATOR
from authserver.values import Scope
from tests.functions.flowing import answered, api_key_flow, flow
from tests.functions.gateway import Answer, Gateway
from tests.functions.given import change_client, let_keys_have, make_member, organisation_of_alice
from tests.functions.journey import Browser, admin, hidden_fields, other, portal
from tests.functions.world import World

OWN, OURS = "/account/api-keys", "/account/organisations/{organisation}/api-keys"
ACME = {"organisation": "acme"}
READ = {"name": "A report", "scope": ["read"]}


def call(gateway: Gateway, key: str) -> Answer:
    return gateway.call("GET", "/items", headers={"X-API-Key": key})


def refused(gateway: Gateway, key: str) -> bool:
    try:
        return call(gateway, key).status != 200
    except RuntimeError as error:
        return str(error) == "Unauthorized"


def done(status: int, answer: Answer) -> Any:
    """What such an answer says."""
    answered(status, answer)
    return answer.json()


def let_portal_read(world: World) -> None:
    change_client(world, "demo-portal", scope=Scope.parse("openid account organisation partner read"))


@flow
def api_keys_where_there_are_none(world: World) -> None:
    gateway = Gateway(world)
    token = portal(gateway).tokens(scope="openid account")["access_token"]
    for route, document in ((f"GET {OWN}", None), (f"POST {OWN}", READ), (f"DELETE {OWN}", None)):
        answered(404, gateway.manage(route, token, document))
    assert refused(gateway, "apikey_" + "A" * 128)


@api_key_flow
def person_has_an_api_key(world: World) -> None:
    gateway = Gateway(world)
    let_keys_have(world, "read")
    let_portal_read(world)
    token = portal(gateway).tokens(scope="openid account read")["access_token"]
    made = done(201, gateway.manage(f"POST {OWN}", token, READ))
    answered(200, call(gateway, made["api_key"]))
    answered(200, gateway.call("GET", "/items", f"Bearer {made['api_key']}"))
    answered(200, gateway.send("GET", "/introspect", headers={"authorization": f"Bearer {made['api_key']}"}))
    answered(200, other(gateway).post("/introspect", token=made["api_key"]))
    answered(200, gateway.manage(f"GET {OWN}", token))
    answered(400, gateway.manage(f"POST {OWN}", token, {**READ, "scope": ["write"]}))
    answered(204, gateway.manage(f"DELETE {OWN}/{{api_key}}", token, api_key=made["id"]))
    assert refused(gateway, made["api_key"])
    again = gateway.manage(f"POST {OWN}", token, READ).json()
    answered(200, gateway.send("GET", "/introspect", headers={"authorization": f"Bearer {again['api_key']}"}))
    answered(204, gateway.manage(f"DELETE {OWN}", token))
    assert refused(gateway, again["api_key"])


@api_key_flow
def organisation_has_an_api_key(world: World) -> None:
    gateway = Gateway(world)
    let_keys_have(world, "read")
    let_portal_read(world)
    organisation_of_alice(world, gateway)
    operator = admin(gateway).own_token().json()["access_token"]
    token = portal(gateway).tokens(scope="openid organisation read")["access_token"]
    wanted = {**READ, "entities": ["one"]}
    answered(403, gateway.manage(f"POST {OURS}", token, wanted, **ACME))
    answered(200, gateway.manage("PATCH /admin/organisations/{organisation}", operator, {"api_keys": True}, **ACME))
    made = done(201, gateway.manage(f"POST {OURS}", token, wanted, **ACME))
    answered(200, call(gateway, made["api_key"]))
    app = portal(gateway)
    theirs = app.tokens(Browser(gateway, "bob", "builder-demo"), scope="openid account organisation read")[
        "access_token"
    ]
    bob = gateway.call("GET", "/account/profile", f"Bearer {theirs}").json()["sub"]
    member = "PUT /admin/organisations/{organisation}/members/{sub}"
    answered(200, gateway.manage(member, operator, {"role": "administrator"}, sub=bob, **ACME))
    taken = gateway.manage(f"PUT {OURS}/{{api_key}}/carrier", theirs, api_key=made["id"], **ACME)
    assert done(200, taken)["sub"] == bob
    leave = "DELETE /account/organisations/{organisation}/members/{sub}"
    answered(204, gateway.manage(leave, theirs, sub=made["sub"], **ACME))
    answered(200, call(gateway, made["api_key"]))
    answered(200, gateway.manage(f"GET {OURS}", theirs, **ACME))
    answered(204, gateway.manage(f"DELETE {OURS}/{{api_key}}", theirs, api_key=made["id"], **ACME))
    assert refused(gateway, made["api_key"])


@api_key_flow
def operator_gives_api_keys(world: World) -> None:
    gateway = Gateway(world)
    let_keys_have(world, "read")
    alice = organisation_of_alice(world, gateway)
    operator = admin(gateway).own_token().json()["access_token"]
    gateway.manage("PATCH /admin/organisations/{organisation}", operator, {"api_keys": True}, **ACME)
    whose: tuple[dict[str, Any], ...] = (
        {"client_id": "demo-machine"},
        {"sub": alice},
        {"sub": alice, "organisation": "acme", "entities": ["*"]},
    )
    for one in whose:
        made = done(201, gateway.manage("POST /admin/api-keys", operator, {**READ, **one}))
        answered(200, call(gateway, made["api_key"]))
        answered(200, gateway.manage("GET /admin/api-keys/{api_key}", operator, api_key=made["id"]))
    for query in ({"client_id": ["demo-machine"]}, {"subject": [alice]}, {"organisation": ["acme"]}):
        answered(200, gateway.call("GET", "/admin/api-keys", f"Bearer {operator}", query=query))
    answered(204, gateway.manage("DELETE /admin/api-keys/{api_key}", operator, api_key=made["id"]))
    assert refused(gateway, made["api_key"])


@api_key_flow
def people_have_api_keys_on_their_pages(world: World) -> None:
    gateway = Gateway(world)
    let_keys_have(world, "read")
    alice, path = Browser(gateway), "/my/api-keys"
    page = alice.visit(f"{path}/new")
    form = {"name": "A report", "scope": "read", "days": "30"}
    key = told(alice.act(page, f"{path}/new", "make", **form, once="a mark"))
    answered(409, alice.act(page, f"{path}/new", "make", **form, once="a mark"))
    answered(200, call(gateway, key))
    page = alice.visit(path)
    answered(303, alice.act(page, path, "end", api_key=hidden_fields(page)["api_key"]))
    assert refused(gateway, key)
    key = told(alice.act(page, f"{path}/new", "make", **form))
    answered(303, alice.act(page, path, "end-all"))
    assert refused(gateway, key)


@api_key_flow
def organisation_has_api_keys_on_its_pages(world: World) -> None:
    gateway = Gateway(world)
    let_keys_have(world, "read")
    organisation_of_alice(world, gateway)
    operator = admin(gateway).own_token().json()["access_token"]
    gateway.manage("PATCH /admin/organisations/{organisation}", operator, {"api_keys": True}, **ACME)
    alice, bob = Browser(gateway), Browser(gateway, "bob", "builder-demo")
    make_member(world, "acme", subject_of(bob), ADMINISTRATOR)
    path = "/organisations/acme/api-keys"
    page = alice.visit(f"{path}/new")
    form = {"name": "A report", "scope": "read", "days": "30", "entities": "one"}
    key = told(alice.act(page, f"{path}/new", "make", **form))
    page = bob.visit(path)
    identifier = hidden_fields(page)["api_key"]
    answered(303, bob.act(page, path, "take-over", api_key=identifier))
    answered(200, call(gateway, key))
    answered(303, bob.act(page, path, "end", api_key=identifier))
    assert refused(gateway, key)


def told(page: Answer) -> str:
    """The key that a page shows once."""
    answered(200, page)
    found = re.search(r'<code id="api_key"[^>]*>([^<]*)</code>', page.body)
    assert found, page
    return found[1]


def subject_of(browser: Browser) -> str:
    token = portal(browser.gateway).tokens(browser, scope="openid account")["access_token"]
    return str(browser.gateway.call("GET", "/account/profile", f"Bearer {token}").json()["sub"])
