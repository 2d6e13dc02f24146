"""Every flow there is, the failing ones among them, so that what they do to AWS and to the logs can be looked at.

Each leaves the world as it found it no more than a person would; `World.reset` is for whoever calls.
"""

import hashlib
import secrets
from base64 import b64encode
from typing import TYPE_CHECKING, Any

from authserver.aws.dynamodb import DynamoBrowsers, DynamoOrganisations
from authserver.aws.table import encode
from authserver.models import Approval, Membership, Organisation
from authserver.values import Scope
from tests.functions import (
    account_flows,
    consent_flows,
    developer_flows,
    factor_flows,
    mail_flows,
    organisation_flows,
    page_flows,
)
from tests.functions.events import request_authorizer_event
from tests.functions.federation import federated, federated_person
from tests.functions.flowing import (
    FLOWS,
    LEGACY,
    LEGACY_FLOWS,
    MAIL,
    MAIL_FLOWS,
    REGISTRATION_FLOWS,
    Flow,
    flow,
    legacy_flow,
    registration_flow,
)
from tests.functions.gateway import Answer, Gateway
from tests.functions.journey import (
    App,
    Browser,
    admin,
    hidden_fields,
    machine,
    native,
    other,
    parameters_of,
    portal,
    web,
)
from tests.functions.simulated_aws import binary
from tests.functions.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "FLOWS",
    "LEGACY",
    "LEGACY_FLOWS",
    "MAIL",
    "MAIL_FLOWS",
    "REGISTRATION_FLOWS",
    "Flow",
    "account_flows",
    "consent_flows",
    "developer_flows",
    "factor_flows",
    "mail_flows",
    "organisation_flows",
    "page_flows",
]


def let_use_legacy_grants(world: World, *clients: str) -> None:
    grant_types = ("authorization_code", "refresh_token", "implicit", "password")
    response_types = ("code", "token", "id_token", "id_token token")
    for client in clients:
        world.aws.change("ClientsTable", client, grant_types=encode(grant_types), response_types=encode(response_types))


def issue_opaque_tokens(world: World, *clients: str) -> None:
    for client in clients:
        world.aws.change("ClientsTable", client, access_token_format={"S": "opaque"})


def imported_hash(password: str) -> str:
    """As another system would have stored it, at little cost."""
    digest = hashlib.pbkdf2_hmac("sha256", password.encode(), b"salt", 1)
    return f"pbkdf2_sha256$1$salt${b64encode(digest).decode()}"


def import_password_of_alice(world: World) -> None:
    (alice,) = [key for key, item in world.aws.items("UsersTable").items() if item.get("username") == {"S": "alice"}]
    world.aws.change("UsersTable", alice, password_hash={"S": imported_hash("wonderland-demo")})


def refused(status: int, answer: Any) -> None:
    assert answer.status == status, answer


# ------------------------------------------------------------------ people


@flow
def sign_in_consent_and_exchange(world: World) -> None:
    native(Gateway(world)).tokens()


@flow
def remembered_consent(world: World) -> None:
    gateway = Gateway(world)
    browser = Browser(gateway)
    web(gateway).tokens(browser)
    web(gateway).tokens(browser)
    # From a sign-in on, too, the consent page has nothing to ask.
    web(gateway).tokens(Browser(gateway))


@flow
def remembered_consent_that_has_expired(world: World) -> None:
    """TTL has not removed it yet."""
    gateway = Gateway(world)
    web(gateway).tokens()
    (consent,) = [key for key in world.aws.items("TokensTable") if key.startswith("consent#")]
    world.aws.change("TokensTable", consent, expires_at={"N": "1000"})
    web(gateway).tokens()


@flow
def sign_in_again_when_asked_to(world: World) -> None:
    gateway = Gateway(world)
    browser = Browser(gateway)
    tokens = web(gateway).tokens(browser)
    web(gateway).tokens(browser, prompt="login", id_token_hint=tokens["id_token"])


@flow
def sign_in_with_a_wrong_password(world: World) -> None:
    gateway = Gateway(world)
    browser = Browser(gateway)
    page = browser.follow(browser.authorize(native(gateway).request()))
    refused(401, browser.sign_in(page, password=secrets.token_urlsafe()))
    refused(401, browser.sign_in(page, username="nobody", password=secrets.token_urlsafe()))
    refused(400, browser.sign_in(page, csrf=secrets.token_urlsafe()))


@flow
def deny(world: World) -> None:
    gateway = Gateway(world)
    browser = Browser(gateway)
    page = browser.follow(browser.sign_in(browser.follow(browser.authorize(native(gateway).request()))))
    assert "error=access_denied" in browser.decide(page, "deny").location
    refused(400, browser.decide(page, "allow"))


@flow
def authorization_requests_that_are_refused(world: World) -> None:
    gateway = Gateway(world)
    app, browser = native(gateway), Browser(gateway)
    refused(400, browser.authorize(app.request(client_id="unknown")))
    refused(400, browser.authorize(app.request(redirect_uri="https://evil.example.com/")))
    assert "error=login_required" in browser.authorize(app.request(prompt="none")).location
    assert "error=invalid_request" in browser.authorize(app.request(code_challenge="")).location
    refused(400, browser.send("GET", "/login", query={"request": "rq_" + secrets.token_urlsafe(32)}))
    refused(400, browser.send("GET", "/consent", query={"request": "rq_" + secrets.token_urlsafe(32)}))


@flow
def sign_in_with_an_imported_password(world: World) -> None:
    import_password_of_alice(world)
    native(Gateway(world)).tokens()
    native(Gateway(world)).tokens()


def give_organisations(world: World) -> str:
    """Alice becomes a member of two, for which demo-web acts from now on; her subject identifier."""
    organisations = DynamoOrganisations(world.aws.client("dynamodb"), "authserver-UsersTable")
    users = world.aws.items("UsersTable").items()
    (alice,) = (key.removeprefix("user#") for key, item in users if item.get("username") == {"S": "alice"})
    world.aws.caller = "an operator"
    for name in ("acme", "other"):
        organisations.create(Organisation(name, name.title(), {"one": "One Ltd", "two": "Two Ltd"}))
        organisations.put_membership(Membership(name, alice))
    world.aws.change("ClientsTable", "demo-web", preferred_subject_type={"S": "organisation"})
    return alice


def choose(app: App, browser: Browser, *entities: str) -> Answer:
    """Signs in if asked to, chooses the organisation Acme, then these companies; the answer to that."""
    page = browser.follow(browser.authorize(app.request()))
    if 'name="password"' in page.body:
        page = browser.follow(browser.sign_in(page))
    handle = hidden_fields(page)["request"]
    page = browser.send("GET", "/consent", query={"request": handle, "organisation": "acme"})
    pairs = [*(hidden_fields(page) | {"decision": "allow"}).items(), *(("entities", one) for one in entities)]
    return browser.send("POST", "/consent", form=pairs)


@flow
def choose_an_organisation(world: World) -> None:
    """A member allows one company, asks for all of them, and gets them once an administrator has allowed it."""
    alice = give_organisations(world)
    browsers = DynamoBrowsers(world.aws.client("dynamodb"), "authserver-TokensTable")
    issue_opaque_tokens(world, "demo-web")
    gateway = Gateway(world)
    app, browser = web(gateway), Browser(gateway)
    refused(400, choose(app, browser))
    answer = app.exchange(parameters_of(choose(app, browser, "one"))["code"]).json()
    answer |= app.refresh(answer["refresh_token"], "/refresh").json()
    assert app.post("/introspect", token=answer["access_token"]).json()["entities"] == ["one"]
    assert app.post("/introspect", token=answer["refresh_token"]).json()["active"] is True
    bearer = {"authorization": f"Bearer {answer['access_token']}"}
    assert gateway.send("GET", "/introspect", headers=bearer).json()["org"] == "acme"
    refused(200, gateway.call("GET", "/me", bearer["authorization"]))
    refused(200, choose(app, browser, "*"))
    approval = browsers.approval("acme", "demo-web", alice)
    assert approval
    world.aws.caller = "an operator"
    assert browsers.answer_approval(approval, "allow", "an administrator", approval.created_at, 2**33)
    assert "code" in parameters_of(choose(app, browser, "*"))


# ------------------------------------------------------------------ people from elsewhere


@flow
def sign_in_at_an_identity_provider(world: World) -> None:
    with federated(world) as provider:
        somebody = federated_person(world)
        assert "access_token" in somebody.tokens_from(provider)
        provider.person.claims["name"] = "Alice Renamed"
        assert "consent?request=" in somebody.sign_in_at(provider, prompt="login").location
        by_address = federated_person(world)
        page = by_address.arrive(scope="openid profile not-registered")
        location = by_address.choose(page, email="alice@work.example").location
        assert "consent?request=" in by_address.come_back(provider.authorize(location)).location


@flow
def sign_in_at_an_identity_provider_that_is_refused(world: World) -> None:
    with federated(world) as provider:
        somebody, other = federated_person(world), federated_person(world)
        location = provider.authorize(somebody.choose(somebody.arrive()).location)
        refused(400, other.come_back(location))
        assert "consent?request=" in somebody.come_back(location).location
        refused(400, somebody.come_back(location))
        refused(404, other.choose(other.arrive(), provider="nobody"))
        refused(404, other.choose(other.arrive(), email="alice@elsewhere.example"))
        provider.claims = {"nonce": "another"}
        refused(502, federated_person(world).sign_in_at(provider))
        provider.parameters = {"error": "access_denied"}
        refused(403, federated_person(world).sign_in_at(provider))


# ------------------------------------------------------------------ clients


@flow
def authenticate_with_an_imported_secret(world: World) -> None:
    for path in ("/token", "/refresh", "/revoke", "/introspect"):
        app = web(Gateway(world))
        stranger = App(app.gateway, app.client_id, "guessed", app.redirect_uri)
        secret = {"hash": binary(b""), "created_at": {"N": "1"}, "encoded": {"S": imported_hash(app.secret)}}
        world.aws.change("ClientsTable", app.client_id, secrets={"L": [{"M": secret}]})
        refused(401, stranger.post(path, grant_type="refresh_token", refresh_token="x", token="x"))
        for _ in range(2):
            app.post(path, grant_type="refresh_token", refresh_token="x", token="x")
        (kept,) = world.aws.item("ClientsTable", app.client_id)["secrets"]["L"]
        assert "encoded" not in kept["M"]


@flow
def exchange_a_code_twice(world: World) -> None:
    app = native(Gateway(world))
    code = Browser(app.gateway).go_through(app.request())["code"]
    refused(400, app.exchange(code, code_verifier=secrets.token_urlsafe(48)))
    refused(200, app.exchange(code))
    refused(400, app.exchange(code))


@flow
def refresh_until_reuse(world: World) -> None:
    for path in ("/token", "/refresh"):
        app = native(Gateway(world))
        first = app.tokens()["refresh_token"]
        second = app.refresh(first, path).json()["refresh_token"]
        third = app.refresh(second, path).json()["refresh_token"]
        refused(400, app.refresh(first, path))
        refused(400, app.refresh(third, path))


@flow
def clients_that_are_refused(world: World) -> None:
    gateway = Gateway(world)
    for path in ("/token", "/refresh", "/revoke", "/introspect"):
        impostor = web(gateway)
        impostor.secret = secrets.token_urlsafe(24)
        refused(401, impostor.post(path, grant_type="refresh_token", refresh_token="x", token="x"))


@flow
def opaque_access_tokens(world: World) -> None:
    issue_opaque_tokens(world, "demo-app", "demo-web", "demo-machine")
    gateway = Gateway(world)
    app = web(gateway)
    tokens = app.tokens()
    for path in ("/token", "/refresh"):
        tokens |= app.refresh(tokens["refresh_token"], path).json()
    call = f"Bearer {tokens['access_token']}"
    refused(200, gateway.call("GET", "/me", call))
    assert app.post("/introspect", token=tokens["access_token"]).json()["active"] is True
    refused(200, app.post("/revoke", token=tokens["access_token"]))
    assert app.post("/introspect", token=tokens["access_token"]).json()["active"] is False
    refused(200, gateway.call("GET", "/me", f"Bearer {machine(gateway).own_token().json()['access_token']}"))


@flow
def revoke_each_kind(world: World) -> None:
    gateway = Gateway(world)
    app = web(gateway)
    tokens = app.tokens()
    refused(200, app.post("/revoke", token=tokens["access_token"]))
    refused(200, app.post("/revoke", token=tokens["refresh_token"]))
    refused(200, app.post("/revoke", token=secrets.token_urlsafe(48)))
    own = machine(gateway).own_token().json()["access_token"]
    refused(200, machine(gateway).post("/revoke", token=own))
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
        refused(200, gateway.call("GET", path, f"Bearer {tokens['access_token']}"))
    own = machine(gateway).own_token(scope="read write").json()["access_token"]
    refused(200, gateway.call("POST", "/items", f"Bearer {own}", body='{"name": "an item"}'))


@flow
def scopes_that_others_imply(world: World) -> None:
    """Whoever looks into the scope catalogue looks once; each function has just started."""
    for client in ("demo-app", "demo-machine"):
        world.aws.change("ClientsTable", client, scope={"S": "openid account"})
    names = ("authorize", "login", "consent", "token", "refresh", "authorizer")
    with world.using(**{name: world.load(name) for name in names}):
        gateway = Gateway(world)
        app = native(gateway)
        app.tokens(scope="openid account.read")
        tokens = app.tokens(scope="openid account")
        refused(200, app.refresh(tokens["refresh_token"], "/refresh", scope="account.read"))
        refused(200, machine(gateway).own_token(scope="account.read"))
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        event = request_authorizer_event("GET", "/items", resource=world.resource, headers=headers)
        answer = world.invoke("authorizer", event)
        assert answer["policyDocument"]["Statement"][0]["Effect"] == "Deny"


@flow
def read_the_metadata(world: World) -> None:
    """By one that has just started, and looks into the scope catalogue."""
    with world.using(metadata=world.load("metadata")):
        for path in ("openid-configuration", "oauth-authorization-server", "oauth-protected-resource", "jwks.json"):
            refused(200, Gateway(world).send("GET", f"/.well-known/{path}"))


# ------------------------------------------------------------------ management


@flow
def manage_clients(world: World) -> None:
    with world.using(admin=world.load("admin")):
        gateway = Gateway(world)
        token = admin(gateway).own_token().json()["access_token"]
        document = {"client_name": "An app", "redirect_uris": ["https://a.example/callback"], "owner": "somebody"}
        made = gateway.manage("POST /admin/clients", token, document, key="first").json()
        one, secret = "/admin/clients/{client_id}", "/admin/clients/{client_id}/secrets"
        refused(201, gateway.manage("POST /admin/clients", token, document, key="first"))
        refused(409, gateway.manage("POST /admin/clients", token, document, key="first"))
        refused(201, gateway.manage("POST /admin/clients", token, document | {"client_id": "of-another-system"}))
        refused(400, gateway.manage("POST /admin/clients", token, {"redirect_uris": ["http://a.example/"]}))
        refused(200, gateway.manage("GET /admin/clients", token))
        refused(200, gateway.call("GET", "/admin/clients", f"Bearer {token}", query={"owner": ["somebody"]}))
        client_id = {"client_id": made["client_id"]}
        another = gateway.manage(f"POST {secret}", token, {"overlap": 0}, **client_id).json()
        refused(409, gateway.manage(f"DELETE {secret}/{{secret}}", token, secret=another["id"], **client_id))
        refused(201, gateway.manage(f"POST {secret}", token, {}, **client_id))
        refused(204, gateway.manage(f"DELETE {secret}/{{secret}}", token, secret=another["id"], **client_id))
        for status in ("disabled", "active"):
            refused(200, gateway.manage(f"PATCH {one}", token, {"status": status}, **client_id))
        refused(200, gateway.manage(f"GET {one}", token, **client_id))
        refused(204, gateway.manage(f"DELETE {one}", token, **client_id))
        refused(404, gateway.manage(f"GET {one}", token, **client_id))
        refused(409, gateway.manage("POST /admin/clients", token, document, key="first"))
        refused(201, gateway.manage("POST /admin/initial-access-tokens", token, {"uses": 2}))


@flow
def manage_apps(world: World) -> None:
    with world.using(partner=world.load("partner")):
        gateway = Gateway(world)
        token = portal(gateway).tokens()["access_token"]
        document = {"client_name": "An app", "redirect_uris": ["https://a.example/callback"], "scope": "openid"}
        made = gateway.manage("POST /partner/apps", token, document, key="first").json()
        client_id = {"client_id": made["client_id"]}
        one, secret = "/partner/apps/{client_id}", "/partner/apps/{client_id}/secrets"
        refused(200, gateway.manage("GET /partner/apps", token))
        refused(200, gateway.manage(f"GET {one}", token, **client_id))
        refused(404, gateway.manage(f"GET {one}", token, client_id="demo-web"))
        refused(200, gateway.manage(f"PATCH {one}", token, {"client_name": "Renamed"}, **client_id))
        refused(400, gateway.manage(f"PATCH {one}", token, {"scope": "admin:users"}, **client_id))
        another = gateway.manage(f"POST {secret}", token, {}, **client_id).json()
        refused(204, gateway.manage(f"DELETE {secret}/{{secret}}", token, secret=another["id"], **client_id))
        refused(204, gateway.manage(f"DELETE {one}", token, **client_id))
        refused(409, gateway.manage("POST /partner/apps", token, document, key="first"))


@flow
def register_where_nobody_may(world: World) -> None:
    gateway = Gateway(world)
    refused(403, gateway.register("POST", "/register", {"redirect_uris": ["https://a.example/callback"]}))
    refused(403, gateway.register("GET", "/register/demo-web", bearer="ra_" + secrets.token_urlsafe(32)))


@registration_flow("Open")
def register_use_and_manage(world: World) -> None:
    gateway = Gateway(world)
    document = {"redirect_uris": ["https://a.example/callback"], "grant_types": ["authorization_code", "refresh_token"]}
    made = gateway.register("POST", "/register", document).json()
    one, bearer = f"/register/{made['client_id']}", made["registration_access_token"]
    app = App(gateway, made["client_id"], made["client_secret"], "https://a.example/callback")
    tokens = app.tokens()
    refused(200, app.refresh(tokens["refresh_token"], "/refresh"))
    for path in ("/token", "/refresh"):
        world.aws.change("ClientsTable", made["client_id"], expires_at={"N": str(int(world.clock.time()) + 60)})
        tokens = app.refresh(app.tokens()["refresh_token"], path).json()
        assert "expires_at" not in world.aws.item("ClientsTable", made["client_id"])
    refused(200, gateway.register("GET", one, bearer=bearer))
    refused(200, gateway.register("PUT", one, document | {"client_id": made["client_id"]}, bearer=bearer))
    refused(401, gateway.register("GET", one, bearer="ra_" + secrets.token_urlsafe(32)))
    refused(400, gateway.register("POST", "/register", {"redirect_uris": ["http://a.example/"]}))
    refused(204, gateway.register("DELETE", one, bearer=bearer))
    refused(401, app.refresh(tokens["refresh_token"]))


@registration_flow("InitialAccessToken")
def register_with_an_initial_access_token(world: World) -> None:
    gateway = Gateway(world)
    operator = admin(gateway).own_token().json()["access_token"]
    bearer = gateway.manage("POST /admin/initial-access-tokens", operator, {}).json()["initial_access_token"]
    document = {"redirect_uris": ["https://a.example/callback"], "token_endpoint_auth_method": "none"}
    refused(401, gateway.register("POST", "/register", document))
    refused(201, gateway.register("POST", "/register", document, bearer=bearer))
    refused(401, gateway.register("POST", "/register", document, bearer=bearer))


@flow
def manage_users(world: World) -> None:
    gateway = Gateway(world)
    token = admin(gateway).own_token(scope="admin:users").json()["access_token"]
    document = {"username": "carol", "password": "looking-glass"}
    one, password = "/admin/users/{sub}", "/admin/users/{sub}/password"
    sub = gateway.manage("POST /admin/users", token, document, key="first").json()["sub"]
    refused(201, gateway.manage("POST /admin/users", token, document, key="first"))
    refused(409, gateway.manage("POST /admin/users", token, document))
    refused(200, gateway.manage("GET /admin/users", token))
    refused(200, gateway.manage(f"GET {one}", token, sub=sub))
    for status in ("disabled", "active"):
        refused(200, gateway.manage(f"PATCH {one}", token, {"status": status}, sub=sub))
    refused(200, gateway.manage(f"PATCH {one}", token, {"name": "Carol", "operator": False}, sub=sub))
    refused(204, gateway.manage(f"PUT {password}", token, {"password": "through-the-looking-glass"}, sub=sub))
    refused(204, gateway.manage(f"DELETE {one}", token, sub=sub))
    refused(404, gateway.manage(f"GET {one}", token, sub=sub))


def organisation_of_alice(world: World, gateway: Gateway) -> str:
    """Acme with two companies, where Alice is an administrator; her subject."""
    alice = portal(gateway).tokens(scope="openid account")["access_token"]
    subject = str(gateway.call("GET", "/account/profile", f"Bearer {alice}").json()["sub"])
    token = admin(gateway).own_token(scope="admin:orgs").json()["access_token"]
    document = {"id": "acme", "name": "Acme", "companies": {"one": "One Ltd", "two": "Two Ltd"}}
    refused(201, gateway.manage("POST /admin/organisations", token, document, key="first"))
    member = "PUT /admin/organisations/{organisation}/members/{sub}"
    refused(200, gateway.manage(member, token, {"role": "administrator"}, organisation="acme", sub=subject))
    return subject


@flow
def manage_organisations(world: World) -> None:
    gateway = Gateway(world)
    subject = organisation_of_alice(world, gateway)
    token = admin(gateway).own_token(scope="admin:orgs").json()["access_token"]
    one, companies = "/admin/organisations/{organisation}", "/admin/organisations/{organisation}/companies/{company}"
    members = "/admin/organisations/{organisation}/members"
    acme = {"organisation": "acme"}
    refused(201, gateway.manage("POST /admin/organisations", token, {"id": "acme", "name": "Acme"}, key="first"))
    refused(409, gateway.manage("POST /admin/organisations", token, {"id": "acme", "name": "Acme"}))
    refused(200, gateway.manage("GET /admin/organisations", token))
    refused(204, gateway.manage(f"PUT {companies}", token, {"name": "Three Ltd"}, company="three", **acme))
    refused(204, gateway.manage(f"DELETE {companies}", token, company="three", **acme))
    for status in ("disabled", "active"):
        refused(200, gateway.manage(f"PATCH {one}", token, {"status": status}, **acme))
    refused(200, gateway.manage(f"GET {one}", token, **acme))
    refused(200, gateway.manage(f"GET {members}", token, **acme))
    refused(200, gateway.manage(f"PUT {members}/{{sub}}", token, {"role": "member"}, sub=subject, **acme))
    users = admin(gateway).own_token(scope="admin:users").json()["access_token"]
    refused(204, gateway.manage(f"DELETE {members}/{{sub}}", token, sub=subject, **acme))
    refused(200, gateway.manage(f"PUT {members}/{{sub}}", token, {"role": "member"}, sub=subject, **acme))
    refused(204, gateway.manage("DELETE /admin/users/{sub}", users, sub=subject))
    refused(409, gateway.manage("POST /admin/users", users, {"username": "another", "sub": subject}))


@flow
def manage_scopes(world: World) -> None:
    gateway = Gateway(world)
    token = admin(gateway).own_token(scope="admin:scopes").json()["access_token"]
    one = "/admin/scopes/{scope}"
    refused(200, gateway.manage("GET /admin/scopes", token))
    refused(200, gateway.manage(f"PUT {one}", token, {"description": "See your orders"}, scope="orders.read"))
    refused(200, gateway.manage(f"PUT {one}", token, {"description": "Your orders"}, scope="orders"))
    refused(200, gateway.manage(f"GET {one}", token, scope="orders"))
    refused(409, gateway.manage(f"DELETE {one}", token, scope="orders.read"))
    refused(409, gateway.manage(f"DELETE {one}", token, scope="read"))
    refused(204, gateway.manage(f"DELETE {one}", token, scope="orders"))


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
    refused(200, gateway.manage(f"GET {one}", token.removeprefix("Bearer "), id=identifier))
    refused(204, gateway.manage(f"DELETE {one}", token.removeprefix("Bearer "), id=identifier))
    for whose in ({"subject": [subject]}, {"client_id": ["demo-app"]}, {"organisation": ["acme"]}):
        refused(204, gateway.call("DELETE", route, token, query=whose))


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
    refused(201, gateway.manage("POST /admin/identity-providers", token, document))
    refused(409, gateway.manage("POST /admin/identity-providers", token, document | {"id": "another"}))
    refused(200, gateway.manage("GET /admin/identity-providers", token))
    refused(200, gateway.manage(f"PATCH {one}", token, {"domains": ["wonderland.example"]}, idp="wonderland"))
    refused(200, gateway.manage(f"GET {one}", token, idp="wonderland"))
    person = gateway.manage("POST /admin/users", token, {"username": "carol"}).json()["sub"]
    identity = {"issuer": document["issuer"], "subject": "carol-there"}
    for _ in range(2):
        refused(201, gateway.manage("POST /admin/users/{sub}/identities", token, identity, sub=person))
    refused(204, gateway.manage("DELETE /admin/users/{sub}", token, sub=person))
    refused(204, gateway.manage(f"DELETE {one}", token, idp="wonderland"))
    refused(404, gateway.manage(f"GET {one}", token, idp="wonderland"))


@flow
def manage_the_theme(world: World) -> None:
    gateway = Gateway(world)
    token = admin(gateway).own_token(scope="admin:theme").json()["access_token"]
    assert gateway.manage("GET /admin/theme", token).json()["version"] == 0
    refused(400, gateway.manage("PUT /admin/theme", token, {"accent": "#ffd400"}))
    for version in (1, 2):
        answer = gateway.manage("PUT /admin/theme", token, {"name": "Wonderland", "accent": "#7a1f5c"})
        assert answer.json()["version"] == version
    refused(409, gateway.manage("PUT /admin/theme", token, {"name": "Wonderland", "version": 1}))
    refused(204, gateway.manage("DELETE /admin/theme", token))


@flow
def see_to_ones_account(world: World) -> None:
    gateway = Gateway(world)
    connected = web(gateway).tokens()
    app = portal(gateway)
    token = app.tokens(scope="openid account organisation.read")["access_token"]
    bearer = f"Bearer {token}"
    refused(200, gateway.manage("PATCH /account/profile", token, {"name": "Alice P"}))
    for path in ("profile", "applications", "sessions", "activity", "organisations"):
        refused(200, gateway.call("GET", f"/account/{path}", bearer))
    one = "/account/applications/{client_id}"
    refused(200, gateway.manage(f"GET {one}", token, client_id="demo-web"))
    refused(204, gateway.manage(f"DELETE {one}", token, client_id="demo-web"))
    refused(404, gateway.manage(f"GET {one}", token, client_id="demo-web"))
    refused(400, web(gateway).refresh(connected["refresh_token"]))
    (session, *_) = gateway.call("GET", "/account/sessions", bearer).json()["items"]
    refused(204, gateway.manage("DELETE /account/sessions/{id}", token, id=session["id"]))
    refused(404, gateway.manage("DELETE /account/sessions/{id}", token, id=session["id"]))
    refused(204, gateway.call("DELETE", "/account/sessions", bearer))
    refused(204, gateway.call("DELETE", "/account/applications", bearer))


@flow
def see_to_the_members_of_ones_organisation(world: World) -> None:
    gateway = Gateway(world)
    alice = organisation_of_alice(world, gateway)
    token = portal(gateway).tokens(scope="openid organisation")["access_token"]
    browser = Browser(gateway, "bob", "builder-demo")
    theirs = portal(gateway).tokens(browser, scope="openid organisation")["access_token"]
    one = "/account/organisations/{organisation}"
    acme = {"organisation": "acme"}
    member, invitation = f"{one}/members/{{sub}}", "/account/invitations/{invitation}"
    refused(200, gateway.manage(f"GET {one}", token, **acme))
    refused(409, gateway.manage(f"PUT {member}", token, {"role": "member"}, sub=alice, **acme))
    made = gateway.manage(f"POST {one}/invitations", token, {"name": "Bob"}, **acme).json()
    refused(204, gateway.manage(f"DELETE {one}/invitations/{{invitation}}", token, invitation=made["id"], **acme))
    gateway.manage(f"POST {one}/invitations", token, {"name": "Bob", "role": "administrator"}, **acme)
    refused(200, gateway.manage(f"GET {one}/invitations", token, **acme))
    (offered,) = gateway.call("GET", "/account/invitations", f"Bearer {theirs}").json()["items"]
    refused(204, gateway.manage(f"PUT {invitation}", theirs, {"decision": "accept"}, invitation=offered["id"]))
    listed = gateway.manage(f"GET {one}/members", token, **acme).json()["items"]
    (bob,) = (one["sub"] for one in listed if one["username"] == "bob")
    for role in ("member", "administrator"):
        refused(200, gateway.manage(f"PUT {member}", token, {"role": role}, sub=bob, **acme))
        assert gateway.manage(f"GET {member}", token, sub=bob, **acme).json()["role"] == role
    refused(204, gateway.manage(f"DELETE {member}", token, sub=alice, **acme))
    refused(409, gateway.manage(f"DELETE {member}", theirs, sub=bob, **acme))


@flow
def see_to_ones_organisation(world: World) -> None:
    with world.using(account=world.load("account")):
        gateway = Gateway(world)
        subject = organisation_of_alice(world, gateway)
        world.aws.change("ClientsTable", "demo-web", preferred_subject_type={"S": "organisation"})
        token = portal(gateway).tokens(scope="openid organisation")["access_token"]
        acme = {"organisation": "acme"}
        organisation = "/account/organisations/{organisation}"

        browser, app = Browser(gateway), web(gateway)
        page = browser.follow(browser.sign_in(browser.follow(browser.authorize(app.request()))))
        pairs = [*(hidden_fields(page) | {"decision": "allow", "entities": "one"}).items()]
        tokens = app.exchange(parameters_of(browser.send("POST", "/consent", form=pairs))["code"]).json()
        refused(200, gateway.call("GET", "/account/organisations", f"Bearer {token}"))
        (connected,) = gateway.manage(f"GET {organisation}/applications", token, **acme).json()["items"]
        (grant,) = connected["grants"]
        route = f"PUT {organisation}/authorizations/{{id}}/companies"
        refused(200, gateway.manage(route, token, {"entities": ["two"]}, id=grant["id"], **acme))
        assert app.post("/introspect", token=tokens["access_token"]).json()["entities"] == ["two"]

        world.aws.caller = "a member"
        stored = DynamoBrowsers(world.aws.client("dynamodb"), "authserver-TokensTable")
        approval = Approval("acme", "demo-web", subject, Scope.parse("read"), (), frozenset({"one"}), 1, 2**33)
        stored.ask_approval(approval)
        (asked,) = gateway.manage(f"GET {organisation}/approvals", token, **acme).json()["items"]
        answer = {"approval": asked["id"], **acme}
        refused(200, gateway.manage(f"GET {organisation}/approvals/{{approval}}", token, **answer))
        refused(
            200, gateway.manage(f"PUT {organisation}/approvals/{{approval}}", token, {"decision": "deny"}, **answer)
        )
        refused(
            409, gateway.manage(f"PUT {organisation}/approvals/{{approval}}", token, {"decision": "allow"}, **answer)
        )

        one = f"DELETE {organisation}/applications/{{client_id}}"
        refused(204, gateway.manage(one, token, client_id="demo-web", **acme))
        refused(400, app.refresh(tokens["refresh_token"]))
        refused(404, gateway.manage(one, token, client_id="demo-web", organisation="other"))


# ------------------------------------------------------------------ keys


@flow
def rotate_keys(world: World) -> None:
    assert world.invoke("rotate_keys", {})["rotated"] == []
    world.clock.pass_by(91 * 86400)
    assert len(world.invoke("rotate_keys", {})["rotated"]) == 4
    world.clock.pass_by(86400)
    native(Gateway(world)).tokens()


@flow
def begin_without_keys(world: World) -> None:
    """Whoever needs a key first makes it, where the template lets them; each function has just started."""
    world.aws.restore(world.unborn)
    issue_opaque_tokens(world, "other-web")
    fresh = {name: world.load(name) for name in ("authorize", "login", "consent", "token", "refresh", "revoke")}
    fresh |= {name: world.load(name) for name in ("introspect", "authorizer", "metadata")}
    with world.using(**fresh):
        gateway = Gateway(world)
        refused(200, gateway.send("GET", "/.well-known/jwks.json"))
        for app in (native(gateway), web(gateway), other(gateway)):
            tokens = app.tokens()
            refused(200, app.refresh(tokens["refresh_token"], "/refresh"))
            refused(200, gateway.call("GET", "/me", f"Bearer {tokens['access_token']}"))
            refused(200, app.post("/revoke", token=tokens["access_token"]))
            refused(200, app.post("/revoke", token=tokens["refresh_token"]))
            if app.secret:
                assert app.post("/introspect", token=tokens["access_token"]).json() == {"active": False}
                assert app.post("/introspect", token=tokens["refresh_token"]).json() == {"active": False}
        refused(200, gateway.send("GET", "/.well-known/jwks.json"))


@flow
def garbage_before_there_are_keys(world: World) -> None:
    """On the first day of a stack nobody has made keys yet; what is certainly not ours is refused all the same."""
    gateway = Gateway(world)
    app = web(gateway)
    garbage = secrets.token_urlsafe(60)

    def authorizer() -> None:
        event = request_authorizer_event("GET", "/me", headers={"Authorization": f"Bearer at_{garbage}"})
        try:
            world.invoke("authorizer", event)
        except RuntimeError as error:
            assert str(error) == "Unauthorized"  # noqa: PT017 - what API Gateway turns into 401

    def introspect() -> None:
        for kind in ("rt", "at", "x"):
            assert app.post("/introspect", token=f"{kind}_{garbage}").json() == {"active": False}

    def revoke() -> None:
        for kind in ("rt", "at", "x"):
            refused(200, app.post("/revoke", token=f"{kind}_{garbage}"))

    first: dict[str, Callable[[], None]] = {
        "login": lambda: refused(400, gateway.send("GET", "/login", query={"request": f"rq_{garbage}"})),
        "consent": lambda: refused(400, gateway.send("GET", "/consent", query={"request": f"rq_{garbage}"})),
        "token": lambda: refused(400, app.exchange(f"ac_{garbage}")),
        "refresh": lambda: refused(400, app.refresh(f"rt_{garbage}", "/refresh")),
        "revoke": revoke,
        "introspect": introspect,
        "authorizer": authorizer,
    }
    for name, ask in first.items():
        world.aws.restore(world.unborn)
        with world.using(**{name: world.load(name)}):
            ask()


# ------------------------------------------------------------------ where the legacy grants are on


def front_channel(app: App, response_type: str) -> dict[str, str]:
    """An authorization request whose answer is tokens."""
    return app.request(response_type=response_type, code_challenge="", code_challenge_method="")


@legacy_flow
def implicit_with_and_without_a_session(world: World) -> None:
    let_use_legacy_grants(world, "demo-web")
    gateway = Gateway(world)
    app, browser = web(gateway), Browser(gateway)
    for response_type in ("token", "id_token", "id_token token"):
        for person in (browser, browser, Browser(gateway)):
            answer = person.go_through(front_channel(app, response_type))
            assert ("access_token" in answer) == ("token" in response_type.split())
    refused(200, gateway.call("GET", "/me", f"Bearer {answer['access_token']}"))
    refused(200, app.post("/revoke", token=answer["access_token"]))


@legacy_flow
def implicit_with_opaque_tokens(world: World) -> None:
    let_use_legacy_grants(world, "demo-web")
    issue_opaque_tokens(world, "demo-web")
    gateway = Gateway(world)
    browser = Browser(gateway)
    for _ in range(2):
        answer = browser.go_through(front_channel(web(gateway), "token"))
        refused(200, gateway.call("GET", "/me", f"Bearer {answer['access_token']}"))


@legacy_flow
def implicit_before_there_are_keys(world: World) -> None:
    """Whichever function signs first makes the key: with a session it is authorize, from a sign-in on it is consent."""
    for algorithm, token_format in (("RS256", "jwt"), ("ES256", "opaque")):
        for signs_first in ("authorize", "consent"):
            world.aws.restore(world.unborn)
            let_use_legacy_grants(world, "demo-web")
            issue = {"id_token_signed_response_alg": {"S": algorithm}, "access_token_format": {"S": token_format}}
            world.aws.change("ClientsTable", "demo-web", **issue)
            names = ("authorize", "login", "consent")
            with world.using(**{name: world.load(name, **LEGACY) for name in names}):
                app, browser = web(Gateway(world)), Browser(Gateway(world))
                if signs_first == "authorize":
                    browser.go_through(app.request())  # signs nothing, but leaves a session and a remembered consent
                answer = browser.go_through(front_channel(app, "id_token token"))
                assert {"access_token", "id_token"} <= answer.keys()


@legacy_flow
def password_grant(world: World) -> None:
    let_use_legacy_grants(world, "demo-web")
    import_password_of_alice(world)
    app = web(Gateway(world))
    tokens = app.post("/token", grant_type="password", username="alice", password="wonderland-demo").json()
    refused(200, app.refresh(tokens["refresh_token"], "/refresh"))
    for username in ("alice", "nobody"):
        refused(400, app.post("/token", grant_type="password", username=username, password=secrets.token_urlsafe()))


@legacy_flow
def password_grant_before_there_are_keys(world: World) -> None:
    world.aws.restore(world.unborn)
    let_use_legacy_grants(world, "demo-web")
    with world.using(token=world.load("token", **LEGACY)):
        app = web(Gateway(world))
        refused(200, app.post("/token", grant_type="password", username="alice", password="wonderland-demo"))
