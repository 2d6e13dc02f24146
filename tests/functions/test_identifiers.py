"""Identifiers of other systems: whatever RFC 6749 and OpenID Connect allow is kept, found, changed and removed."""

import re
from typing import Any
from urllib.parse import quote

import pytest

from authserver.aws.authorizer import authorizer
from authserver.messages.access import AccessRequest, ActiveAccessToken
from authserver.values import Scope
from authserver_cli.api import Api
from authserver_cli.stack import StackTransport
from tests.functions.events import arn_of, request_authorizer_event, simple_authorizer_event
from tests.functions.gateway import Gateway
from tests.functions.given import subject_of_alice
from tests.functions.journey import Browser, admin
from tests.functions.test_admin_by_iam import Session
from tests.functions.world import World

IDENTIFIERS = (
    "auth0|5f7c8ec7c33c6c004bbafe82",
    "f:5a0b:jdoe@corp.example",
    "kB2+x/9aQ==",
    "uid=Jane Doe,ou=people,dc=example",
    "https://idp.example/users?id=%2F&x=1#me",
    "..",
    "a*b~c%7E",
    "x" * 255,
)
ONE, MEMBER = "/admin/users/{sub}", "/admin/organisations/{organisation}/members/{sub}"


@pytest.fixture
def operator(gateway: Gateway) -> str:
    return str(admin(gateway).own_token().json()["access_token"])


@pytest.mark.rfc("OIDC Core", "2")
@pytest.mark.parametrize("sub", IDENTIFIERS)
def test_operator_keeps_finds_changes_and_removes_a_person(sub: str, gateway: Gateway, operator: str) -> None:
    made = gateway.manage("POST /admin/users", operator, {"username": "jane", "sub": sub})
    assert (made.status, made.json()["sub"]) == (201, sub)
    assert gateway.manage(f"GET {ONE}", operator, sub=sub).json()["sub"] == sub
    assert sub in {one["sub"] for one in gateway.manage("GET /admin/users", operator).json()["items"]}
    assert gateway.manage(f"PATCH {ONE}", operator, {"name": "Jane"}, sub=sub).json()["name"] == "Jane"
    assert gateway.manage(f"DELETE {ONE}", operator, sub=sub).status == 204
    assert gateway.manage(f"GET {ONE}", operator, sub=sub).status == 404


@pytest.mark.rfc("6749", "A.1")
@pytest.mark.parametrize("identifier", IDENTIFIERS)
def test_organisation_client_and_member_are_found_by_any_identifier(
    identifier: str, gateway: Gateway, operator: str
) -> None:
    organisation, client_id = identifier, f"c{identifier}"[:255]
    assert gateway.manage("POST /admin/users", operator, {"username": "jane", "sub": identifier}).status == 201
    body = {"name": "A customer", "id": organisation}
    assert gateway.manage("POST /admin/organisations", operator, body).status == 201
    set_role = gateway.manage(f"PUT {MEMBER}", operator, {"role": "member"}, organisation=organisation, sub=identifier)
    assert set_role.status == 200
    listed = gateway.manage("GET /admin/organisations/{organisation}/members", operator, organisation=organisation)
    assert [one["sub"] for one in listed.json()["items"]] == [identifier]
    app = {"client_name": "An app", "redirect_uris": ["https://a.example/callback"], "client_id": client_id}
    assert gateway.manage("POST /admin/clients", operator, app).status == 201
    path = "/admin/clients/{client_id}"
    assert gateway.manage(f"GET {path}", operator, client_id=client_id).json()["client_id"] == client_id
    assert gateway.manage(f"DELETE {path}", operator, client_id=client_id).status == 204


@pytest.mark.parametrize("name", ["repo:read", "https://api.example/read", "a%2Fb"])
def test_scope_is_stored_under_its_own_name(name: str, gateway: Gateway, operator: str) -> None:
    made = gateway.manage("PUT /admin/scopes/{scope}", operator, {"description": "See it"}, scope=name)
    assert (made.status, made.json()["name"]) == (200, name)
    assert gateway.manage("GET /admin/scopes/{scope}", operator, scope=name).status == 200


@pytest.mark.parametrize("sub", ["", " a", "a ", "a\tb", "é", "x" * 256, "(deleted user)"])
def test_identifier_that_is_none_or_nobodys_is_refused(sub: str, gateway: Gateway, operator: str) -> None:
    answer = gateway.manage("POST /admin/users", operator, {"username": "jane", "sub": sub})
    assert (answer.status, answer.json()["errors"][0]["field"]) == (400, "sub")


def test_path_that_is_not_utf_8_is_refused(gateway: Gateway, operator: str) -> None:
    answer = gateway.call(
        "GET", ONE, f"Bearer {operator}", path="/admin/users/x%FF", path_parameters={"sub": "x"}
    )  # the authorizer is told something else, so that the function is asked at all
    assert answer.status == 404
    event = gateway.world.invoke(
        "admin",
        request_authorizer_event("GET", ONE, path_parameters={"sub": "x%FF"}) | {"body": None},
    )
    assert event["statusCode"] == 400


@pytest.mark.parametrize("sub", IDENTIFIERS)
def test_command_line_tool_reaches_a_person_through_aws(sub: str, world: World) -> None:
    session: Any = Session(world)
    api = Api(StackTransport("authserver", session), lambda _: None)
    api.post("/admin/users", {"username": "jane", "sub": sub})
    assert api.get(ONE, sub=sub)["sub"] == sub
    assert api.patch(ONE, {"status": "disabled"}, sub=sub)["status"] == "disabled"
    api.delete(ONE, sub=sub)


# ------------------------------------------------------------------ pages


@pytest.mark.parametrize("identifier", IDENTIFIERS)
def test_pages_lead_to_any_identifier_and_back(identifier: str, world: World, gateway: Gateway, operator: str) -> None:
    """HTTP APIs decode a path before they look for its route: what leads there survives that."""
    manage, alice = gateway.manage, subject_of_alice(world)
    assert manage("POST /admin/users", operator, {"username": "jane", "sub": identifier}).status == 201
    assert manage("POST /admin/organisations", operator, {"name": "A customer", "id": identifier}).status == 201
    for sub, role in ((alice, "administrator"), (identifier, "member")):
        assert manage(f"PUT {MEMBER}", operator, {"role": role}, organisation=identifier, sub=sub).status == 200
    browser = Browser(gateway)
    everything = browser.visit("/organisations")
    (home,) = [path for path in links_of(everything.body) if path.startswith("organisations/")]
    members = browser.visit(f"/{home}/members")
    assert members.status == 200
    (member,) = [path for path in links_of(members.body) if "/members/" in path and not path.endswith(alice)]
    page = browser.visit(f"/{member}")
    assert page.status == 200
    gone = browser.act(page, f"/{member}", "remove")
    assert gone.status == 303
    listed = manage("GET /admin/organisations/{organisation}/members", operator, organisation=identifier)
    assert [one["sub"] for one in listed.json()["items"]] == [alice]


def links_of(html: str) -> set[str]:
    """Where a page's links lead, from the root of all pages."""
    return {found.replace("../", "") for found in re.findall(r'href="((?:\.\./)*organisations/[^"?]*)"', html)}


# ------------------------------------------------------------------ the authorizer


def seen_by_the_check(event: dict[str, Any]) -> AccessRequest:
    seen: list[AccessRequest] = []

    def check(request: AccessRequest) -> ActiveAccessToken:
        seen.append(request)
        return ActiveAccessToken("app", "jane", Scope(), (), "jti", 0, 0)

    authorizer(accepts_token_events=False)(check)(event, None)
    return seen[0]


@pytest.mark.parametrize("identifier", IDENTIFIERS)
def test_authorizer_of_a_rest_api_compares_what_the_path_means(identifier: str) -> None:
    sent = quote(identifier, safe="")
    event = request_authorizer_event(
        "GET",
        "/organisations/{organisation_id}/reports",
        path=f"/organisations/{sent}/reports",
        path_parameters={"organisation_id": sent},
    )
    assert seen_by_the_check(event).path_parameters == {"organisation_id": identifier}


def test_authorizer_of_an_http_api_decodes_nothing_twice() -> None:
    event = simple_authorizer_event(
        "GET", "/organisations/{organisation_id}", domain="as.example", resource="https://api.example"
    )
    event |= {"routeArn": arn_of("GET", "/organisations/a%2Fb"), "pathParameters": {"organisation_id": "a%2Fb"}}
    assert seen_by_the_check(event).path_parameters == {"organisation_id": "a%2Fb"}


def test_authorizer_lets_nobody_pass_on_a_path_that_is_not_utf_8() -> None:
    event = request_authorizer_event("GET", "/companies/{company_id}", path_parameters={"company_id": "%FF"})
    with pytest.raises(RuntimeError, match=r"^Unauthorized$"):
        authorizer(accepts_token_events=False)(lambda _: pytest.fail("asked"))(event, None)
