"""Operators, users and administrators of organisations at the management APIs, from outside."""

import secrets
from typing import Any

import httpx
import pytest

from tests.flows.person import App, Deployment, Person, demo_web, hidden_fields


@pytest.fixture
def operator(deployment: Deployment) -> App:
    """A client that may do everything, for itself."""
    return App(deployment, "demo-admin", "demo-admin-secret-for-development-only")


@pytest.fixture
def portal(deployment: Deployment) -> App:
    """The pages where people see to their account."""
    return App(deployment, "demo-portal", None, "http://127.0.0.1:8083/callback")


class Caller:
    """Somebody with an access token."""

    def __init__(self, app: App, token: str) -> None:
        self.app = app
        self.token = token

    def call(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        options = {} if body is None else {"json": body}
        response = self.app.call(path, self.token, method, **options)
        assert response.status_code == status, response.text
        return response.json() if response.content else None


def operating(operator: App, scope: str) -> Caller:
    response = operator.post("/token", grant_type="client_credentials", scope=scope)
    return Caller(operator, response.json()["access_token"])


@pytest.fixture
def carol(operator: App, deployment: Deployment) -> Person:
    """A user that only this test signs in as."""
    name = f"carol-{secrets.token_hex(4)}"
    body = {"username": name, "password": "looking-glass", "name": "Carol"}
    operating(operator, "admin:users").call("POST", "/admin/users", body, 201)
    return Person(deployment, name, "looking-glass")


def account_of(portal: App, person: Person) -> Caller:
    return Caller(portal, portal.tokens_for(person, scope="openid account organisation")["access_token"])


@pytest.mark.rfc("6750", "3.1")
def test_a_token_for_one_thing_opens_nothing_else(operator: App, deployment: Deployment) -> None:
    reader = operating(operator, "admin:users.read")
    assert reader.call("GET", "/admin/users")["items"]
    response = operator.call("/admin/users", reader.token, "POST", json={"username": "x"})
    assert response.status_code == 403
    if deployment.has_challenges_of_the_authorizer:
        assert 'scope="admin:users.write"' in response.headers["www-authenticate"]
    assert operator.call("/admin/keys", reader.token).status_code == 403


def test_a_user_who_is_disabled_is_out_at_once(operator: App, portal: App, carol: Person) -> None:
    account = account_of(portal, carol)
    sub = account.call("GET", "/account/profile")["sub"]
    users = operating(operator, "admin:users")
    assert users.call("PATCH", f"/admin/users/{sub}", {"status": "disabled"})["status"] == "disabled"
    assert portal.call("/account/profile", account.token).status_code in (401, 502)
    assert 'name="password"' in carol.follow(carol.authorize(**portal.request(scope="openid account")[0])).text
    users.call("DELETE", f"/admin/users/{sub}", status=204)


def test_a_user_disconnects_an_application(web: App, portal: App, carol: Person) -> None:
    tokens = web.tokens_for(carol)
    account = account_of(portal, carol)
    connected = {one["client_id"]: one for one in account.call("GET", "/account/applications")["items"]}
    assert set(connected) == {"demo-web", "demo-portal"}
    assert "Read your items" in [one["description"] for one in connected["demo-web"]["grants"][0]["permissions"]]
    account.call("DELETE", "/account/applications/demo-web", status=204)
    assert web.call("/me", tokens["access_token"]).status_code in (401, 502)
    assert web.refresh(tokens["refresh_token"]).status_code == 400
    assert account.call("PATCH", "/account/profile", {"name": "Carol C"})["name"] == "Carol C"


def test_an_administrator_narrows_what_an_application_reaches(
    operator: App, portal: App, carol: Person, deployment: Deployment
) -> None:
    acme = f"acme-{secrets.token_hex(4)}"
    companies = {"one": "One Ltd", "two": "Two Ltd"}
    account = account_of(portal, carol)
    sub = account.call("GET", "/account/profile")["sub"]
    orgs = operating(operator, "admin:orgs admin:clients")
    orgs.call("POST", "/admin/organisations", {"id": acme, "name": "Acme", "companies": companies}, 201)
    orgs.call("PUT", f"/admin/organisations/{acme}/members/{sub}", {"role": "administrator"})
    metadata = {
        "client_name": "Bookkeeping",
        "redirect_uris": ["https://books.example/callback"],
        "grant_types": ["authorization_code", "refresh_token"],
        "scope": "openid read",
        "preferred_subject_type": "organisation",
    }
    made = orgs.call("POST", "/admin/clients", metadata, 201)
    app = App(deployment, made["client_id"], made["client_secret"], "https://books.example/callback")
    request, proof = app.request(scope="openid read")
    page = carol.follow(carol.authorize(**request))
    form = {**hidden_fields(page), "decision": "allow", "entities": "one"}
    answer = carol.browser.post(f"{deployment.issuer}/consent", data=form)
    code = httpx.URL(answer.headers["location"]).params["code"]
    token = app.exchange(code, proof).json()["access_token"]
    assert app.post("/introspect", token=token).json()["entities"] == ["one"]

    path = f"/account/organisations/{acme}"
    ((grant,),) = [one["grants"] for one in account.call("GET", f"{path}/applications")["items"]]
    account.call("PUT", f"{path}/authorizations/{grant['id']}/companies", {"entities": ["two"]})
    assert app.post("/introspect", token=token).json()["entities"] == ["two"]
    account.call("DELETE", f"{path}/applications/{made['client_id']}", status=204)
    assert app.post("/introspect", token=token).json() == {"active": False}

    orgs.call("PUT", f"/admin/organisations/{acme}/members/{sub}", {"role": "member"})
    assert portal.call(f"{path}/applications", account.token).status_code == 403


def test_who_sees_to_an_account_sees_to_no_organisation(portal: App, carol: Person) -> None:
    token = portal.tokens_for(carol, scope="openid account")["access_token"]
    assert portal.call("/account/profile", token).status_code == 200
    assert portal.call("/account/organisations", token).status_code == 403


def test_a_scope_that_is_defined_is_in_the_catalogue(operator: App) -> None:
    scopes, name = operating(operator, "admin:scopes"), f"orders-{secrets.token_hex(4)}"
    scopes.call("PUT", f"/admin/scopes/{name}", {"description": "See your orders"})
    assert scopes.call("GET", f"/admin/scopes/{name}")["description"] == "See your orders"
    scopes.call("PUT", "/admin/scopes/admin:users", {"description": "Harmless"}, 409)
    scopes.call("DELETE", f"/admin/scopes/{name}", status=204)


def test_keys_and_grants_are_told_without_secrets(operator: App, portal: App, carol: Person) -> None:
    keys = operating(operator, "admin:keys").call("GET", "/admin/keys")["items"]
    assert {one["ring"] for one in keys} >= {"ES256", "RS256", "token"}
    account = account_of(portal, carol)
    sub = account.call("GET", "/account/profile")["sub"]
    grants = operating(operator, "admin:grants")
    response = operator.call(f"/admin/authorizations?subject={sub}", grants.token)
    assert {one["client_id"] for one in response.json()["items"]} == {"demo-portal"}
    assert operator.call(f"/admin/authorizations?subject={sub}", grants.token, "DELETE").status_code == 204
    assert portal.call("/account/profile", account.token).status_code in (401, 502)


def test_the_apis_describe_themselves_to_everybody(deployment: Deployment) -> None:
    document = httpx.get(f"{deployment.resource}/openapi.json", timeout=60).json()
    assert document["servers"] == [{"url": deployment.resource}]
    assert {"/admin/users", "/account/profile", "/partner/apps"} <= set(document["paths"])


def test_clients_tokens_are_no_users(operator: App, deployment: Deployment) -> None:
    web = demo_web(deployment)
    refused = web.post("/token", grant_type="client_credentials", scope="account")
    assert refused.status_code == 400
    assert operator.call("/account/profile", operating(operator, "admin:users").token).status_code == 403
