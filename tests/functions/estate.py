"""A deployment with something of everything that there is to manage, and a call of each operation that fits it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from authserver.management import Operation
from authserver.management.account import operations as account
from authserver.management.admin import operations as admin
from authserver.management.partner import operations as partner
from authserver.values import Scope
from tests.functions import journey
from tests.functions.gateway import Answer, Gateway
from tests.functions.given import (
    act_for_organisations,
    ask_approval,
    change_client,
    let_keys_have,
    organisation_of_alice,
    put_document,
    put_link,
    store_the_resources,
)
from tests.functions.journey import App, Browser, hidden_fields, parameters_of
from tests.functions.world import World

OPERATIONS = {one.route: one for one in (*admin.OPERATIONS, *partner.OPERATIONS, *account.OPERATIONS)}
PARAMETER = re.compile(r"\{(\w+)\}")
CALLBACK = "https://a.example/callback"
UNUSED = "RS256"  # the ring of keys that no token depends on

# What each operation that has a body is asked.
DOCUMENTS: dict[str, dict[str, Any]] = {
    "POST /admin/clients": {
        "client_name": "Another shop",
        "redirect_uris": [CALLBACK],
        "grant_types": ["authorization_code", "refresh_token"],
        "scope": "openid read",
    },
    "PATCH /admin/clients/{client_id}": {"status": "disabled"},
    "POST /admin/clients/{client_id}/secrets": {"overlap": 0},
    "POST /admin/initial-access-tokens": {"uses": 2},
    "POST /admin/users": {"username": "dora", "password": "croquet with flamingos", "email": "dora@a.example"},
    "PATCH /admin/users/{sub}": {"status": "disabled", "operator": False, "name": "Carol C"},
    "PUT /admin/users/{sub}/password": {"password": "through-the-looking-glass"},
    "POST /admin/users/{sub}/identities": {"issuer": "https://login.a.example", "subject": "carol-there"},
    "POST /admin/organisations": {"id": "other", "name": "Other", "companies": {"one": "One Ltd"}},
    "PATCH /admin/organisations/{organisation}": {"status": "disabled", "name": "Acme Ltd"},
    "PUT /admin/organisations/{organisation}/companies/{company}": {"name": "One and only Ltd"},
    "PUT /admin/organisations/{organisation}/members/{sub}": {"role": "member", "groups": ["guests"]},
    "PUT /admin/scopes/{scope}": {"description": "All your orders"},
    "PUT /admin/resources/{resource_id}": {"identifier": "https://elsewhere.example.com", "scopes": ["read"]},
    "PATCH /admin/client-documents/{client_id}": {"status": "disabled"},
    "POST /admin/identity-providers": {
        "id": "another",
        "name": "Another",
        "issuer": "https://login.another.example",
        "client_id": "authserver",
        "client_secret": "another-upstream-secret",
        "domains": ["another.example"],
    },
    "PATCH /admin/identity-providers/{idp}": {
        "client_secret": "a-new-upstream-secret",
        "domains": ["wonderland.example", "garden.example"],
    },
    "POST /admin/webhooks": {"url": "https://hook.example/", "types": ["user.*"]},
    "PATCH /admin/webhooks/{webhook}": {"status": "disabled"},
    "POST /admin/webhooks/{webhook}/secrets": {"overlap": 0},
    "PUT /admin/theme": {"name": "Wonderland", "accent": "#7a1f5c"},
    "POST /partner/apps": {"client_name": "Another app", "redirect_uris": [CALLBACK], "scope": "openid"},
    "PATCH /partner/apps/{client_id}": {"client_name": "Renamed"},
    "POST /partner/apps/{client_id}/secrets": {"overlap": 0},
    "PATCH /account/profile": {"name": "Alice P"},
    "POST /admin/api-keys": {"name": "Nightly", "scope": ["read"], "client_id": "demo-machine"},
    "POST /account/api-keys": {"name": "Mine", "scope": ["read"]},
    "POST /account/organisations/{organisation}/api-keys": {"name": "Ours", "scope": ["read"], "entities": ["one"]},
    "PUT /account/organisations/{organisation}/authorizations/{id}/companies": {"entities": ["two"]},
    "PUT /account/organisations/{organisation}/approvals/{approval}": {"decision": "allow"},
    "PUT /account/organisations/{organisation}/members/{sub}": {"role": "member", "groups": ["guests"]},
    "POST /account/organisations/{organisation}/invitations": {"name": "dinah"},
    "PUT /account/invitations/{invitation}": {"decision": "accept"},
}


@dataclass(frozen=True)
class Holder:
    """A client with tokens."""

    app: App
    tokens: Mapping[str, Any]

    def refresh(self) -> Answer:
        return self.app.refresh(self.tokens["refresh_token"])

    def is_active(self) -> bool:
        """Asks with the access token itself, which needs no client."""
        headers = {"authorization": f"Bearer {self.tokens['access_token']}"}
        return self.app.gateway.send("GET", "/introspect", headers=headers).status == 200


@dataclass
class Estate:
    """`names` has what a path may name, under the path up to there; `tokens` an access token of each API."""

    names: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    holders: dict[str, "Holder"] = field(default_factory=dict)  # of what Carol and Alice, for Acme, granted

    def path_of(self, route: str) -> dict[str, str]:
        template = route.partition(" ")[2]
        return {found[1]: self.names[template[: found.end()]] for found in PARAMETER.finditer(template)}

    def query_of(self, route: str) -> dict[str, list[str]] | None:
        if route == "GET /admin/audit/links":
            return {"day": ["2026-11-30"]}
        is_of_somebody = route.endswith(("/authorizations", "GET /admin/api-keys"))
        return {"subject": [self.names["/admin/users/{sub}"]]} if is_of_somebody else None

    def token_of(self, route: str) -> str:
        return self.tokens[route.split("/")[1]]

    def context_of(self, route: str) -> dict[str, str]:
        """What the authorizer tells of the token."""
        api = route.split("/")[1]
        client = "demo-admin" if api == "admin" else "demo-portal"
        subject = client if api == "admin" else self.names["(alice)"]
        scope = " ".join(sorted({"read"} | {one.scope.partition(".")[0] for one in OPERATIONS.values()}))
        return {"sub": subject, "client_id": client, "scope": scope, "principalId": subject}

    def call(self, gateway: Gateway, operation: Operation) -> Answer:
        route = operation.route
        if query := self.query_of(route):
            method, _, path = route.partition(" ")
            return gateway.call(method, path, f"Bearer {self.token_of(route)}", query=query)
        return gateway.manage(
            route,
            self.token_of(route),
            DOCUMENTS[route] if operation.body else None,
            key="once" if operation.is_create else "",
            **self.path_of(route),
        )


type Furnished = tuple[World, Estate]


def furnish(world: World) -> Estate:
    """Alice administers Acme, builds an app and lets demo-web in; Carol belongs to it and lets the shop in."""
    gateway, estate = Gateway(world), Estate()
    alice = organisation_of_alice(world, gateway)
    operator = journey.admin(gateway).own_token().json()["access_token"]
    let_keys_have(world, "read")
    change_client(world, "demo-portal", scope=Scope.parse("openid account partner organisation read"))
    builder = journey.portal(gateway).tokens(scope="openid account partner organisation read")["access_token"]
    estate.tokens = {"admin": operator, "partner": builder, "account": builder}

    def made(route: str, document: Any, **path: str) -> dict[str, Any]:
        answer = gateway.manage(route, estate.token_of(route), document, **path)
        assert answer.status in (200, 201), answer
        return dict(answer.json())

    member = "/admin/organisations/{organisation}/members/{sub}"
    person = {"username": "carol", "password": "croquet with flamingos", "email": "carol@a.example"}
    carol = made("POST /admin/users", person)["sub"]
    known_as = {"issuer": "https://login.b.example", "subject": "carol-elsewhere"}
    identity = made("POST /admin/users/{sub}/identities", known_as, sub=carol)
    made(f"PUT {member}", {"role": "administrator"}, organisation="acme", sub=carol)
    made("PATCH /admin/organisations/{organisation}", {"api_keys": True}, organisation="acme")
    of_acme_by_carol = {"sub": carol, "organisation": "acme", "entities": ["one"]}
    keys_of_acme = made("POST /admin/api-keys", {"name": "Ours", "scope": ["read"], **of_acme_by_carol})
    key_of_alice = made("POST /account/api-keys", {"name": "Mine", "scope": ["read"]})
    made("PUT /admin/scopes/{scope}", {"description": "Your orders"}, scope="orders")
    provider = {**DOCUMENTS["POST /admin/identity-providers"], "id": "wonderland", "domains": ["wonderland.example"]}
    made("POST /admin/identity-providers", {**provider, "issuer": "https://login.wonderland.example"})
    store_the_resources(world)
    put_document(world, "https://editor.example/client.json")
    made("PUT /admin/theme", {"name": "Looking-Glass", "support": "help@a.example"})
    shop = made("POST /admin/clients", DOCUMENTS["POST /admin/clients"])
    app = made("POST /partner/apps", DOCUMENTS["POST /partner/apps"])
    initial = made("POST /admin/initial-access-tokens", {"uses": 2})
    keys = gateway.manage("GET /admin/keys", operator).json()["items"]
    (kid,) = [key["kid"] for key in keys if key["ring"] == UNUSED]
    client_secret = {"client_id": shop["client_id"]}
    second = made("POST /admin/clients/{client_id}/secrets", {"overlap": 3600}, **client_secret)
    of_app = made("POST /partner/apps/{client_id}/secrets", {"overlap": 3600}, client_id=app["client_id"])

    act_for_organisations(world)
    web, browser = journey.web(gateway), Browser(gateway)
    page = browser.follow(browser.sign_in(browser.follow(browser.authorize(web.request()))))
    pairs = [*(hidden_fields(page) | {"decision": "allow"}).items(), ("entities", "one"), ("entities", "two")]
    of_acme = web.exchange(parameters_of(browser.send("POST", "/consent", form=pairs))["code"]).json()
    shopping = App(gateway, shop["client_id"], second["client_secret"], CALLBACK, "openid read")
    of_carol = shopping.tokens(Browser(gateway, "carol", "croquet with flamingos"))
    estate.holders = {"Acme": Holder(web, of_acme), "Carol": Holder(shopping, of_carol)}

    ask_approval(world, alice)
    acme = {"organisation": "acme"}
    of_alice = f"Bearer {builder}"
    (approval,) = gateway.manage("GET /account/organisations/{organisation}/approvals", builder, **acme).json()["items"]
    (granted,) = gateway.manage("GET /account/organisations/{organisation}/applications", builder, **acme).json()[
        "items"
    ]
    webhook = made("POST /admin/webhooks", {"url": "https://hook.wonderland.example/"})
    made("POST /admin/organisations", {"id": "globex", "name": "Globex"})
    made(f"PUT {member}", {"role": "administrator"}, organisation="globex", sub=carol)
    of_globex = journey.portal(gateway).tokens(
        Browser(gateway, "carol", "croquet with flamingos"), scope="openid organisation"
    )
    invite = "POST /account/organisations/{organisation}/invitations"
    invited = gateway.manage(invite, of_globex["access_token"], {"name": "alice"}, organisation="globex").json()
    inviting = gateway.manage(invite, builder, {"name": "mabel"}, **acme).json()
    session = gateway.call("GET", "/account/sessions", of_alice).json()["items"][0]
    everything = {"subject": [carol]}
    granted_by_carol = gateway.call("GET", "/admin/authorizations", f"Bearer {operator}", query=everything).json()
    authorization = next(one for one in granted_by_carol["items"] if one["client_id"] == shop["client_id"])
    organisation = "/account/organisations/{organisation}"
    estate.names = {
        "(alice)": alice,
        "/admin/clients/{client_id}": shop["client_id"],
        "/admin/clients/{client_id}/secrets/{secret}": second["id"],
        "/admin/users/{sub}": carol,
        "/admin/users/{sub}/identities/{identity}": identity["id"],
        "/admin/users/{sub}/links/{link}": put_link(world, carol, "carol@a.example"),
        "/admin/users/{sub}/consents/{client_id}": shop["client_id"],
        "/admin/initial-access-tokens/{id}": initial["id"],
        "/admin/keys/{kid}": kid,
        "/admin/organisations/{organisation}": "acme",
        "/admin/organisations/{organisation}/invitations/{invitation}": inviting["id"],
        "/admin/organisations/{organisation}/companies/{company}": "one",
        member: carol,
        "/admin/scopes/{scope}": "orders",
        "/admin/resources/{resource_id}": "elsewhere",
        "/admin/client-documents/{client_id}": "https://editor.example/client.json",
        "/admin/authorizations/{id}": authorization["id"],
        "/admin/identity-providers/{idp}": "wonderland",
        "/admin/webhooks/{webhook}": webhook["id"],
        "/partner/apps/{client_id}": app["client_id"],
        "/partner/apps/{client_id}/secrets/{secret}": of_app["id"],
        "/account/applications/{client_id}": "demo-web",
        "/account/sessions/{id}": session["id"],
        "/admin/api-keys/{api_key}": keys_of_acme["id"],
        "/account/api-keys/{api_key}": key_of_alice["id"],
        f"{organisation}/api-keys/{{api_key}}": keys_of_acme["id"],
        organisation: "acme",
        f"{organisation}/applications/{{client_id}}": "demo-web",
        f"{organisation}/authorizations/{{id}}": granted["grants"][0]["id"],
        f"{organisation}/approvals/{{approval}}": approval["id"],
        f"{organisation}/members/{{sub}}": carol,
        f"{organisation}/invitations/{{invitation}}": inviting["id"],
        "/account/invitations/{invitation}": invited["id"],
    }
    return estate
