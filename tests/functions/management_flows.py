"""The flows of operators and of developers, by API."""

import secrets

from tests.functions.flowing import answered, flow
from tests.functions.gateway import Gateway
from tests.functions.given import organisation_of_alice
from tests.functions.journey import admin, native, portal
from tests.functions.world import World


@flow
def manage_clients(world: World) -> None:
    with world.using(admin=world.load("admin")):
        gateway = Gateway(world)
        token = admin(gateway).own_token().json()["access_token"]
        document = {"client_name": "An app", "redirect_uris": ["https://a.example/callback"], "owner": "somebody"}
        made = gateway.manage("POST /admin/clients", token, document, key="first").json()
        one, secret = "/admin/clients/{client_id}", "/admin/clients/{client_id}/secrets"
        answered(201, gateway.manage("POST /admin/clients", token, document, key="first"))
        answered(409, gateway.manage("POST /admin/clients", token, document, key="first"))
        answered(201, gateway.manage("POST /admin/clients", token, document | {"client_id": "of-another-system"}))
        answered(400, gateway.manage("POST /admin/clients", token, {"redirect_uris": ["http://a.example/"]}))
        answered(200, gateway.manage("GET /admin/clients", token))
        answered(200, gateway.call("GET", "/admin/clients", f"Bearer {token}", query={"owner": ["somebody"]}))
        client_id = {"client_id": made["client_id"]}
        another = gateway.manage(f"POST {secret}", token, {"overlap": 0}, **client_id).json()
        answered(409, gateway.manage(f"DELETE {secret}/{{secret}}", token, secret=another["id"], **client_id))
        answered(201, gateway.manage(f"POST {secret}", token, {}, **client_id))
        answered(204, gateway.manage(f"DELETE {secret}/{{secret}}", token, secret=another["id"], **client_id))
        for status in ("disabled", "active"):
            answered(200, gateway.manage(f"PATCH {one}", token, {"status": status}, **client_id))
        answered(200, gateway.manage(f"GET {one}", token, **client_id))
        answered(204, gateway.manage(f"DELETE {one}", token, **client_id))
        answered(404, gateway.manage(f"GET {one}", token, **client_id))
        answered(409, gateway.manage("POST /admin/clients", token, document, key="first"))
        answered(201, gateway.manage("POST /admin/initial-access-tokens", token, {"uses": 2}))


@flow
def manage_apps(world: World) -> None:
    with world.using(partner=world.load("partner")):
        gateway = Gateway(world)
        token = portal(gateway).tokens()["access_token"]
        document = {"client_name": "An app", "redirect_uris": ["https://a.example/callback"], "scope": "openid"}
        made = gateway.manage("POST /partner/apps", token, document, key="first").json()
        client_id = {"client_id": made["client_id"]}
        one, secret = "/partner/apps/{client_id}", "/partner/apps/{client_id}/secrets"
        answered(200, gateway.manage("GET /partner/apps", token))
        answered(200, gateway.manage(f"GET {one}", token, **client_id))
        answered(404, gateway.manage(f"GET {one}", token, client_id="demo-web"))
        answered(200, gateway.manage(f"PATCH {one}", token, {"client_name": "Renamed"}, **client_id))
        answered(400, gateway.manage(f"PATCH {one}", token, {"scope": "admin:users"}, **client_id))
        another = gateway.manage(f"POST {secret}", token, {}, **client_id).json()
        answered(204, gateway.manage(f"DELETE {secret}/{{secret}}", token, secret=another["id"], **client_id))
        answered(204, gateway.manage(f"DELETE {one}", token, **client_id))
        answered(409, gateway.manage("POST /partner/apps", token, document, key="first"))


@flow
def manage_users(world: World) -> None:
    gateway = Gateway(world)
    token = admin(gateway).own_token(scope="admin:users").json()["access_token"]
    document = {"username": "carol", "password": "looking-glass"}
    one, password = "/admin/users/{sub}", "/admin/users/{sub}/password"
    sub = gateway.manage("POST /admin/users", token, document, key="first").json()["sub"]
    answered(201, gateway.manage("POST /admin/users", token, document, key="first"))
    answered(409, gateway.manage("POST /admin/users", token, document))
    answered(200, gateway.manage("GET /admin/users", token))
    answered(200, gateway.manage(f"GET {one}", token, sub=sub))
    for status in ("disabled", "active"):
        answered(200, gateway.manage(f"PATCH {one}", token, {"status": status}, sub=sub))
    answered(200, gateway.manage(f"PATCH {one}", token, {"name": "Carol", "operator": False}, sub=sub))
    answered(204, gateway.manage(f"PUT {password}", token, {"password": "through-the-looking-glass"}, sub=sub))
    answered(204, gateway.manage(f"DELETE {one}", token, sub=sub))
    answered(404, gateway.manage(f"GET {one}", token, sub=sub))


@flow
def manage_organisations(world: World) -> None:
    gateway = Gateway(world)
    subject = organisation_of_alice(world, gateway)
    token = admin(gateway).own_token(scope="admin:orgs").json()["access_token"]
    one, companies = "/admin/organisations/{organisation}", "/admin/organisations/{organisation}/companies/{company}"
    members = "/admin/organisations/{organisation}/members"
    acme = {"organisation": "acme"}
    answered(201, gateway.manage("POST /admin/organisations", token, {"id": "acme", "name": "Acme"}, key="first"))
    answered(409, gateway.manage("POST /admin/organisations", token, {"id": "acme", "name": "Acme"}))
    answered(200, gateway.manage("GET /admin/organisations", token))
    answered(204, gateway.manage(f"PUT {companies}", token, {"name": "Three Ltd"}, company="three", **acme))
    answered(204, gateway.manage(f"DELETE {companies}", token, company="three", **acme))
    for status in ("disabled", "active"):
        answered(200, gateway.manage(f"PATCH {one}", token, {"status": status}, **acme))
    answered(200, gateway.manage(f"GET {one}", token, **acme))
    answered(200, gateway.manage(f"GET {members}", token, **acme))
    answered(200, gateway.manage(f"PUT {members}/{{sub}}", token, {"role": "member"}, sub=subject, **acme))
    users = admin(gateway).own_token(scope="admin:users").json()["access_token"]
    answered(204, gateway.manage(f"DELETE {members}/{{sub}}", token, sub=subject, **acme))
    answered(200, gateway.manage(f"PUT {members}/{{sub}}", token, {"role": "member"}, sub=subject, **acme))
    answered(204, gateway.manage("DELETE /admin/users/{sub}", users, sub=subject))
    answered(409, gateway.manage("POST /admin/users", users, {"username": "another", "sub": subject}))


@flow
def manage_scopes(world: World) -> None:
    gateway = Gateway(world)
    token = admin(gateway).own_token(scope="admin:scopes").json()["access_token"]
    one = "/admin/scopes/{scope}"
    answered(200, gateway.manage("GET /admin/scopes", token))
    answered(200, gateway.manage(f"PUT {one}", token, {"description": "See your orders"}, scope="orders.read"))
    answered(200, gateway.manage(f"PUT {one}", token, {"description": "Your orders"}, scope="orders"))
    answered(200, gateway.manage(f"GET {one}", token, scope="orders"))
    answered(409, gateway.manage(f"DELETE {one}", token, scope="orders.read"))
    answered(409, gateway.manage(f"DELETE {one}", token, scope="read"))
    answered(204, gateway.manage(f"DELETE {one}", token, scope="orders"))


@flow
def manage_grants(world: World) -> None:
    gateway = Gateway(world)
    tokens = native(gateway).tokens()
    subject = gateway.call("GET", "/me", f"Bearer {tokens['access_token']}").json()["sub"]
    token = f"Bearer {admin(gateway).own_token(scope='admin:grants').json()['access_token']}"
    route, one = "/admin/authorizations", "/admin/authorizations/{id}"
    for whose in ({"subject": [subject]}, {"client_id": ["demo-app"]}, {"organisation": ["acme"]}):
        listed = gateway.call("GET", route, token, query=whose).json()["items"]
        assert ("organisation" in whose) is not bool(listed)
    identifier = gateway.call("GET", route, token, query={"subject": [subject]}).json()["items"][0]["id"]
    answered(200, gateway.manage(f"GET {one}", token.removeprefix("Bearer "), id=identifier))
    answered(204, gateway.manage(f"DELETE {one}", token.removeprefix("Bearer "), id=identifier))
    for whose in ({"subject": [subject]}, {"client_id": ["demo-app"]}, {"organisation": ["acme"]}):
        answered(204, gateway.call("DELETE", route, token, query=whose))


@flow
def manage_keys(world: World) -> None:
    gateway = Gateway(world)
    token = f"Bearer {admin(gateway).own_token(scope='admin:keys').json()['access_token']}"
    assert len(gateway.call("POST", "/admin/keys/rotation", token).json()["rotated"]) == 4
    assert gateway.call("POST", "/admin/keys/rotation", token).json() == {"rotated": []}
    assert len(gateway.call("GET", "/admin/keys", token).json()["items"]) == 8


@flow
def manage_identity_providers(world: World) -> None:
    gateway = Gateway(world)
    token = admin(gateway).own_token(scope="admin:idps admin:users").json()["access_token"]
    document = {
        "id": "wonderland",
        "name": "Wonderland",
        "issuer": "https://login.wonderland.example",
        "client_id": "authserver",
        "client_secret": secrets.token_urlsafe(),
        "domains": ["wonderland.example", "looking-glass.example"],
    }
    one = "/admin/identity-providers/{idp}"
    answered(201, gateway.manage("POST /admin/identity-providers", token, document))
    answered(409, gateway.manage("POST /admin/identity-providers", token, document | {"id": "another"}))
    answered(200, gateway.manage("GET /admin/identity-providers", token))
    answered(200, gateway.manage(f"PATCH {one}", token, {"domains": ["wonderland.example"]}, idp="wonderland"))
    answered(200, gateway.manage(f"GET {one}", token, idp="wonderland"))
    person = gateway.manage("POST /admin/users", token, {"username": "carol"}).json()["sub"]
    identity = {"issuer": document["issuer"], "subject": "carol-there"}
    for _ in range(2):
        answered(201, gateway.manage("POST /admin/users/{sub}/identities", token, identity, sub=person))
    answered(204, gateway.manage("DELETE /admin/users/{sub}", token, sub=person))
    answered(204, gateway.manage(f"DELETE {one}", token, idp="wonderland"))
    answered(404, gateway.manage(f"GET {one}", token, idp="wonderland"))


@flow
def manage_the_theme(world: World) -> None:
    gateway = Gateway(world)
    token = admin(gateway).own_token(scope="admin:theme").json()["access_token"]
    assert gateway.manage("GET /admin/theme", token).json()["version"] == 0
    answered(400, gateway.manage("PUT /admin/theme", token, {"accent": "#ffd400"}))
    for version in (1, 2):
        answer = gateway.manage("PUT /admin/theme", token, {"name": "Wonderland", "accent": "#7a1f5c"})
        assert answer.json()["version"] == version
    answered(409, gateway.manage("PUT /admin/theme", token, {"name": "Wonderland", "version": 1}))
    answered(204, gateway.manage("DELETE /admin/theme", token))
