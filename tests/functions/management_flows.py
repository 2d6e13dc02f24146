"""The flows of operators and of developers, by API."""

import secrets

from tests.functions.flowing import answered, flow
from tests.functions.gateway import Gateway
from tests.functions.given import LOGO, organisation_of_alice, put_link, subject_of_alice
from tests.functions.journey import admin, native, portal, web
from tests.functions.world import World


@flow
def manage_clients(world: World) -> None:
    with world.using(admin=world.load("admin")):
        gateway = Gateway(world)
        token = admin(gateway).own_token().json()["access_token"]
        redirect_uris = ["https://a.example/callback"]
        document = {"client_name": "An app", "redirect_uris": redirect_uris, "owner": "somebody", "logo_uri": LOGO}
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
        answered(204, gateway.manage(f"DELETE {one}/registration-access-token", token, **client_id))
        answered(204, gateway.manage(f"DELETE {one}", token, **client_id))
        answered(404, gateway.manage(f"GET {one}", token, **client_id))
        answered(409, gateway.manage("POST /admin/clients", token, document, key="first"))


@flow
def read_the_audit(world: World) -> None:
    gateway = Gateway(world)
    token = admin(gateway).own_token().json()["access_token"]
    document = {"client_name": "An app", "client_id": "an-app", "redirect_uris": ["https://a.example/callback"]}
    answered(201, gateway.manage("POST /admin/clients", token, document))
    for query in ({}, {"actor": ["demo-admin"]}, {"object": ["client:an-app"]}):
        listed = gateway.call("GET", "/admin/audit", f"Bearer {token}", query=query or None).json()["items"]
        assert "an-app" in [one["object"]["id"] for one in listed]
    for path, given in (("heads", None), ("links", {"day": ["2026-11-30"]})):
        assert gateway.call("GET", f"/admin/audit/{path}", f"Bearer {token}", query=given).json()["items"] == []


@flow
def manage_initial_access_tokens(world: World) -> None:
    gateway = Gateway(world)
    token, tokens = admin(gateway).own_token().json()["access_token"], "/admin/initial-access-tokens"
    made = gateway.manage(f"POST {tokens}", token, {"uses": 2}).json()
    (listed,) = gateway.manage(f"GET {tokens}", token).json()["items"]
    assert (listed["id"], listed["remaining"]) == (made["id"], 2)
    answered(204, gateway.manage(f"DELETE {tokens}/{{id}}", token, id=made["id"]))
    assert gateway.manage(f"GET {tokens}", token).json()["items"] == []


@flow
def manage_apps(world: World) -> None:
    with world.using(partner=world.load("partner")):
        gateway = Gateway(world)
        token = portal(gateway).tokens()["access_token"]
        redirect_uris = ["https://a.example/callback"]
        document = {"client_name": "An app", "redirect_uris": redirect_uris, "scope": "openid", "logo_uri": LOGO}
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
    answered(200, gateway.call("GET", "/admin/users", f"Bearer {token}", query={"login": ["alice"]}))
    answered(200, gateway.manage(f"GET {one}", token, sub=sub))
    for status in ("disabled", "active"):
        answered(200, gateway.manage(f"PATCH {one}", token, {"status": status}, sub=sub))
    answered(200, gateway.manage(f"PATCH {one}", token, {"name": "Carol", "operator": False}, sub=sub))
    answered(204, gateway.manage(f"PUT {password}", token, {"password": "through-the-looking-glass"}, sub=sub))
    answered(204, gateway.manage(f"DELETE {one}", token, sub=sub))
    answered(404, gateway.manage(f"GET {one}", token, sub=sub))


@flow
def manage_what_a_user_has(world: World) -> None:
    """Links in mails, identities elsewhere, and what is not asked again."""
    gateway, alice = Gateway(world), subject_of_alice(world)
    web(gateway).tokens()
    link = put_link(world, alice, "alice@example.com")
    token = admin(gateway).own_token(scope="admin:users").json()["access_token"]
    one = "/admin/users/{sub}"
    identity = {"issuer": "https://login.wonderland.example", "subject": "alice-there"}
    answered(201, gateway.manage(f"POST {one}/identities", token, identity, sub=alice))
    (linked,) = gateway.manage(f"GET {one}/identities", token, sub=alice).json()["items"]
    answered(204, gateway.manage(f"DELETE {one}/identities/{{identity}}", token, sub=alice, identity=linked["id"]))
    link = put_link(world, alice, "alice@example.com")
    assert [found["id"] for found in gateway.manage(f"GET {one}/links", token, sub=alice).json()["items"]] == [link]
    answered(204, gateway.manage(f"DELETE {one}/links/{{link}}", token, sub=alice, link=link))
    (consent,) = gateway.manage(f"GET {one}/consents", token, sub=alice).json()["items"]
    assert consent["client_id"] == "demo-web"
    answered(204, gateway.manage(f"DELETE {one}/consents/{{client_id}}", token, sub=alice, client_id="demo-web"))


@flow
def remove_an_organisation(world: World) -> None:
    gateway = Gateway(world)
    organisation_of_alice(world, gateway)
    theirs = portal(gateway).tokens(scope="openid organisation")["access_token"]
    token = admin(gateway).own_token(scope="admin:orgs").json()["access_token"]
    one, acme = "/admin/organisations/{organisation}", {"organisation": "acme"}
    for name in ("dinah", "mabel"):
        invite = "POST /account/organisations/{organisation}/invitations"
        answered(201, gateway.manage(invite, theirs, {"name": name}, **acme))
    invited, _ = gateway.manage(f"GET {one}/invitations", token, **acme).json()["items"]
    invitation = {"invitation": invited["id"], **acme}
    answered(204, gateway.manage(f"DELETE {one}/invitations/{{invitation}}", token, **invitation))
    answered(204, gateway.manage(f"DELETE {one}", token, **acme))
    answered(404, gateway.manage(f"GET {one}", token, **acme))
    answered(409, gateway.manage("POST /admin/organisations", token, {"id": "acme", "name": "Acme"}))


@flow
def manage_organisations(world: World) -> None:
    gateway = Gateway(world)
    subject = organisation_of_alice(world, gateway)
    token = admin(gateway).own_token(scope="admin:orgs").json()["access_token"]
    one, companies = "/admin/organisations/{organisation}", "/admin/organisations/{organisation}/companies/{company}"
    members = "/admin/organisations/{organisation}/members"
    acme = {"organisation": "acme"}
    document = {"id": "acme", "name": "Acme", "companies": {"one": "One Ltd", "two": "Two Ltd"}}
    answered(201, gateway.manage("POST /admin/organisations", token, document, key="first"))
    answered(409, gateway.manage("POST /admin/organisations", token, {"id": "acme", "name": "Acme"}))
    answered(200, gateway.manage("GET /admin/organisations", token))
    answered(204, gateway.manage(f"PUT {companies}", token, {"name": "Three Ltd"}, company="three", **acme))
    answered(204, gateway.manage(f"DELETE {companies}", token, company="three", **acme))
    for status in ("disabled", "active"):
        answered(200, gateway.manage(f"PATCH {one}", token, {"status": status}, **acme))
    answered(200, gateway.manage(f"GET {one}", token, **acme))
    answered(200, gateway.manage(f"GET {members}", token, **acme))
    for groups in (["guests"], []):
        part = {"role": "member", "groups": groups}
        assert gateway.manage(f"PUT {members}/{{sub}}", token, part, sub=subject, **acme).json()["groups"] == groups
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
    answered(204, gateway.manage(f"DELETE {one}", token, scope="orders"))


@flow
def manage_resources(world: World) -> None:
    gateway = Gateway(world)
    token = admin(gateway).own_token(scope="admin:resources").json()["access_token"]
    one, orders = "/admin/resources/{resource_id}", {"identifier": "https://orders.example.com", "scopes": ["read"]}
    answered(200, gateway.manage(f"PUT {one}", token, orders, resource_id="orders"))
    answered(200, gateway.manage("GET /admin/resources", token))
    answered(200, gateway.manage(f"GET {one}", token, resource_id="orders"))
    answered(400, gateway.manage(f"PUT {one}", token, {**orders, "scopes": ["unknown"]}, resource_id="orders"))
    answered(204, gateway.manage(f"DELETE {one}", token, resource_id="orders"))


@flow
def manage_grants(world: World) -> None:
    gateway = Gateway(world)
    organisation_of_alice(world, gateway)
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
def withdraw_a_key(world: World) -> None:
    """A function that has remembered one reads it again. No other test uses these functions."""
    names = ("authorize", "login", "consent", "token", "refresh", "authorizer", "metadata")
    with world.using(**{name: world.load(name) for name in names}):
        gateway = Gateway(world)
        tokens = native(gateway).tokens()
        token = admin(gateway).own_token().json()["access_token"]
        for ring in ("token", "access_token", "RS256", "ES256"):
            listed = gateway.manage("GET /admin/keys", token).json()["items"]
            (kid,) = [key["kid"] for key in listed if (key["ring"], key["state"]) == (ring, "current")]
            answered(200, gateway.manage("POST /admin/keys/{kid}/withdrawal", token, kid=kid))
        world.clock.pass_by(30)
        answered(400, native(gateway).refresh(tokens["refresh_token"], "/refresh"))
        native(gateway).tokens()


@flow
def end_everything(world: World) -> None:
    gateway = Gateway(world)
    tokens = native(gateway).tokens()
    token = admin(gateway).own_token().json()["access_token"]
    answered(204, gateway.manage("POST /admin/end-everything", token))
    answered(400, native(gateway).refresh(tokens["refresh_token"], "/refresh"))
    answered(200, admin(gateway).own_token())


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
        "callback_path": "/auth/oauth2/callback",
    }
    one = "/admin/identity-providers/{idp}"
    answered(201, gateway.manage("POST /admin/identity-providers", token, document))
    for of_another in ({"id": "another"}, {"id": "another", "domains": []}):
        answered(409, gateway.manage("POST /admin/identity-providers", token, document | of_another))
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
