"""What applications are told of a user: which claims, asked for how, and where."""

import json
from base64 import urlsafe_b64decode
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authserver.documents import user as documents
from authserver.endpoints.machines.userinfo import userinfo
from authserver.identity.claims import fitting
from authserver.management.admin import operations as admin
from authserver.messages.authorization import AuthorizationResponse
from authserver.messages.browser import ConsentPage
from authserver.messages.token import TokenResponse
from authserver.models.organisations import ADMINISTRATOR
from authserver.models.tokens import RESERVED_CLAIMS
from authserver.models.users import User
from authserver.scopes import (
    DEFAULT,
    ROLE,
    ClaimDefinition,
    ScopeCatalogue,
    ScopeDefinition,
)
from authserver.values import Scope, Secret
from tests.fakes import client, public_client
from tests.unit.api import Api
from tests.unit.server import App, Browser, Server
from tests.unit.tenants import PEOPLE, Tenants

ALICE, PATH = "sub-of-alice", "/admin/users/sub-of-alice"
ADDRESS = {"formatted": "1 Looking-Glass Lane\nOxford", "locality": "Oxford", "country": "UK"}
PROFILE = {
    "given_name": "Alice",
    "family_name": "Liddell",
    "middle_name": "Pleasance",
    "nickname": "Al",
    "profile": "https://alice.example/",
    "picture": "https://alice.example/picture.png",
    "website": "http://alice.example/blog",
    "gender": "female",
    "birthdate": "0000-05-04",
    "zoneinfo": "Europe/London",
    "locale": "en-GB",
    "phone_number": "+44 20 7946 0000",
    "phone_number_verified": True,
    "address": ADDRESS,
}
OF_SCOPE = {
    "profile": (
        *("name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "profile", "picture"),
        *("website", "gender", "birthdate", "zoneinfo", "locale", "updated_at"),
    ),
    "email": ("email", "email_verified"),
    "address": ("address",),
    "phone": ("phone_number", "phone_number_verified"),
}
EVERYTHING = "openid profile email address phone staff"
STAFF = ScopeDefinition(
    "staff",
    "See your department and groups",
    claims=(
        ClaimDefinition("department", "department", places=("id_token", "userinfo", "access_token")),
        ClaimDefinition("https://corp.example/groups", "groups", "strings", ("access_token",)),
        ClaimDefinition("level", "level", "integer", ("userinfo",)),
        ClaimDefinition("contractor", "contractor", "boolean", ("id_token",)),
    ),
)
ATTRIBUTES = {"department": "Tea", "groups": ["guests", "dreamers"], "level": 7, "contractor": False}


@pytest.fixture(params=["jwt", "opaque"])
def server(request: pytest.FixtureRequest) -> Server:
    scope = Scope.parse(f"{EVERYTHING} read")
    known = Server(
        client(scope=scope, access_token_format=request.param),
        public_client(scope=scope),
        client(client_id="quiet", scope=scope, id_token_claims=False),
        public_client(client_id="told", scope=scope, id_token_claims=True),
    )
    known.configuration.put_scopes(ScopeCatalogue.of((*DEFAULT.definitions, STAFF)))
    return known


@pytest.fixture
def operator(server: Server) -> Api:
    return Api(server, admin.OPERATIONS, "operator", scope=Api.EVERY_POWER)


def claims_in(token: Secret | None) -> dict[str, Any]:
    assert token is not None
    part = token.reveal().split(".")[1]
    claims: dict[str, Any] = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims


def tokens(server: Server, client_id: str = "web", **parameters: str) -> TokenResponse:
    secret = {} if client_id in ("web", "quiet") else {"secret": None}
    app = App(server, client_id, **secret)
    return app.exchange(Browser(server).code((), client_id=client_id, **parameters))


def at_userinfo(server: Server, response: TokenResponse) -> dict[str, Any]:
    members: dict[str, Any] = dict(userinfo(response.access_token.reveal(), server.services).members())
    return members


# ------------------------------------------------------------------ the claims of OpenID Connect


@pytest.mark.rfc("OIDC Core", "5.1")
@pytest.mark.rfc("OIDC Core", "5.4")
@pytest.mark.parametrize("scope", OF_SCOPE)
def test_each_scope_tells_its_claims_at_userinfo(scope: str, server: Server, operator: Api) -> None:
    operator.call("PATCH", PATH, PROFILE)
    told = at_userinfo(server, tokens(server, scope=f"openid {scope}"))
    assert set(told) == {"sub", *OF_SCOPE[scope]}
    expected = PROFILE | {"updated_at": server.clock(), "address": ADDRESS}
    assert {name: value for name, value in told.items() if name in expected} == {
        name: value for name, value in expected.items() if name in OF_SCOPE[scope]
    }


def test_claims_without_a_value_are_left_out(server: Server) -> None:
    told = at_userinfo(server, tokens(server, scope="openid profile address phone"))
    assert told == {"sub": ALICE, "name": "Alice Liddell", "preferred_username": "alice"}


@pytest.mark.rfc("OIDC Core", "5.4")
@pytest.mark.parametrize(("client_id", "tells"), [("web", True), ("quiet", False), ("app", False), ("told", True)])
def test_id_token_tells_them_where_the_client_asks(client_id: str, tells: bool, server: Server, operator: Api) -> None:
    """Confidential clients do unless they say otherwise: Auth.js and better-auth read nothing else."""
    operator.call("PATCH", PATH, PROFILE)
    response = tokens(server, client_id, scope="openid profile email address phone")
    told = claims_in(response.id_token)
    every = {claim for claims in OF_SCOPE.values() for claim in claims}
    assert told.keys() & every == (every if tells else set())
    assert told["sub"] == ALICE


@pytest.mark.rfc("OIDC Core", "12.2")
def test_refreshed_id_token_tells_what_is_so_now(server: Server, operator: Api) -> None:
    response = tokens(server, scope="openid profile")
    operator.call("PATCH", PATH, {"name": "Alice Hargreaves", "given_name": "Alice"})
    told = claims_in(App(server).refresh(response.refresh_token).id_token)
    assert (told["name"], told["given_name"]) == ("Alice Hargreaves", "Alice")


@pytest.mark.parametrize("scope", ["read", "openid read", "profile email"])
def test_no_user_is_read_for_tokens_that_tell_nothing_of_one(scope: str, server: Server) -> None:
    code = Browser(server).code((), scope=scope)
    server.calls.clear()
    App(server).exchange(code)
    assert not [call for call in server.calls if call.startswith("users.")]


# ------------------------------------------------------------------ users


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"birthdate": "4 May"}, "birthdate"),
        ({"birthdate": "1852-13-04"}, "birthdate"),
        ({"picture": "javascript:alert(1)"}, "picture"),
        ({"given_name": "x" * 201}, "given_name"),
        ({"given_name": "a\nb"}, "given_name"),
        ({"locale": "not a locale"}, "locale"),
        ({"address": {"planet": "Earth"}}, "address.planet"),
        ({"phone_number_verified": "yes"}, "phone_number_verified"),
        ({"attributes": {"Department": "Tea"}}, "attributes.Department.[key]"),
        ({"attributes": {"level": 1.5}}, "attributes"),
        ({"attributes": {"deep": {"er": 1}}}, "attributes"),
        ({"attributes": {"given_name": "Alice"}}, "(document)"),
        ({"attributes": {f"a{i}": "x" * 200 for i in range(40)}}, "(document)"),
        ({"attributes": {f"a{i}": 1 for i in range(51)}}, "(document)"),
        ({"attributes": {"groups": ["x"] * 101}}, "attributes"),
    ],
)
def test_attribute_that_is_none_is_refused(change: dict[str, Any], field: str, operator: Api) -> None:
    answer = operator.call("PATCH", PATH, change)
    assert answer.status == 400
    assert all(error["field"].startswith(field) for error in answer.document["errors"])


def test_attributes_are_kept_and_patched_one_by_one(operator: Api) -> None:
    operator.call("PATCH", PATH, {"attributes": ATTRIBUTES, "given_name": "Alice"})
    changed = operator.call("PATCH", PATH, {"attributes": {"level": None, "department": "Croquet"}}).document
    assert changed["attributes"] == {"department": "Croquet", "groups": ["guests", "dreamers"], "contractor": False}
    assert changed["given_name"] == "Alice"
    assert operator.get(PATH) == changed


@pytest.mark.parametrize(
    "attributes",
    [
        {"groups": (), "nickname": ""},
        {f"a{i}": i for i in range(51)},
        {f"a{i}": "x" * 200 for i in range(40)},
        {"picture": "javascript:alert(1)", "address": {"planet": "Earth"}, "Department": "Tea"},
    ],
    ids=["empty", "many", "much", "of no form"],
)
def test_profile_that_could_not_be_written_so_is_told_and_changed(
    attributes: dict[str, Any], server: Server, operator: Api
) -> None:
    """An account never depends on what is stored of its person: it is listed, read and disabled all the same."""
    server.users.alter(ALICE, attributes=attributes)
    assert len(operator.get("/admin/users")["items"]) == len(server.users.list().items)
    assert operator.call("PATCH", PATH, {"name": "Al", "operator": False}).status == 200
    one = next(iter(attributes))
    patch = {one: None} if one in PROFILE else {"attributes": {one: None}}
    assert operator.call("PATCH", PATH, patch).status == 200
    assert operator.call("PATCH", PATH, {"status": "disabled"}).document["status"] == "disabled"
    stored = server.users.get(ALICE)
    assert stored is not None
    assert stored.attributes == {name: value for name, value in attributes.items() if name != one}


def test_too_much_may_become_less_and_not_more(server: Server, operator: Api) -> None:
    server.users.alter(ALICE, attributes={f"a{i}": i for i in range(52)})
    assert operator.call("PATCH", PATH, {"attributes": {"a0": None}}).status == 200
    assert operator.call("PATCH", PATH, {"attributes": {"a1": 7}}).status == 200
    assert operator.call("PATCH", PATH, {"attributes": {"a0": 0}}).status == 400


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20),
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(st.sampled_from(sorted(ADDRESS)), parts, max_size=2),
    max_leaves=5,
)
LIKELY = st.sampled_from([*PROFILE.values(), [], [""], "", "\ud800", ["\ud800"], ("a",), 2**53 + 1])


@given(name=st.sampled_from([*PROFILE, "groups", "level"]), value=ANYTHING | LIKELY)
def test_whatever_may_be_kept_of_a_claim_can_be_told_and_written(name: str, value: Any) -> None:
    fits = fitting(name, value)
    if fits is None:
        return
    user = User("sub", "alice", "", attributes={name: fits})
    told = documents.User.of(user).model_dump(mode="json")
    json.dumps(told, ensure_ascii=False).encode()
    body = {"status": "active", "operator": False} | {
        field: told[field] for field in (*PROFILE, "attributes") if field in told
    }
    assert documents.UserChanges.model_validate_json(json.dumps(body)).stored() == user.attributes


def test_attribute_that_another_writes_meanwhile_stays(server: Server, operator: Api) -> None:
    operator.call("PATCH", PATH, {"attributes": ATTRIBUTES})
    server.after("users.get", lambda: server.users.update(ALICE, attributes={"groups": None, "badge": 7}))
    changed = operator.call("PATCH", PATH, {"attributes": {"department": "Croquet"}}).document
    assert changed["attributes"] == {"department": "Croquet", "level": 7, "contractor": False, "badge": 7}


@pytest.mark.rfc("OIDC Core", "5.1")
def test_new_phone_number_is_not_verified_unless_that_is_said(operator: Api) -> None:
    operator.call("PATCH", PATH, PROFILE)
    changed = operator.call("PATCH", PATH, {"phone_number": "+44 20 7946 0001"}).document
    assert changed["phone_number_verified"] is False


def test_user_is_made_with_all_of_them(operator: Api) -> None:
    made = operator.call("POST", "/admin/users", {"username": "b", "attributes": ATTRIBUTES, **PROFILE})
    assert made.status == 201
    assert made.document | PROFILE == made.document
    assert made.document["attributes"] == ATTRIBUTES


# ------------------------------------------------------------------ an operator's own


def test_own_claims_go_where_the_catalogue_says(server: Server, operator: Api) -> None:
    operator.call("PATCH", PATH, {"attributes": ATTRIBUTES})
    response = tokens(server, "app", scope="openid staff")
    own = {"department", "https://corp.example/groups", "level", "contractor"}

    def only_own(claims: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in claims.items() if name in own}

    assert only_own(claims_in(response.id_token)) == {"department": "Tea", "contractor": False}
    assert only_own(at_userinfo(server, response)) == {"department": "Tea", "level": 7}
    assert server.access(response.access_token, "GET /any").claims == {
        "department": "Tea",
        "https://corp.example/groups": ["guests", "dreamers"],
    }


def test_introspection_tells_the_claims_of_an_access_token(server: Server, operator: Api) -> None:
    operator.call("PATCH", PATH, {"attributes": ATTRIBUTES})
    members = App(server).introspect(tokens(server, scope="openid staff").access_token)
    assert (members["department"], members["https://corp.example/groups"]) == ("Tea", ["guests", "dreamers"])


def test_nobody_is_told_without_the_scope(server: Server, operator: Api) -> None:
    operator.call("PATCH", PATH, {"attributes": ATTRIBUTES})
    response = tokens(server, scope="openid profile")
    assert server.access(response.access_token, "GET /any").claims == {}
    assert "department" not in claims_in(response.id_token)
    assert "department" not in at_userinfo(server, response)


def test_attribute_of_another_type_is_no_claim(server: Server, operator: Api) -> None:
    operator.call("PATCH", PATH, {"attributes": {"department": ["Tea"], "level": "seven", "groups": "guests"}})
    response = tokens(server, scope="openid staff")
    assert server.access(response.access_token, "GET /any").claims == {}
    assert set(at_userinfo(server, response)) == {"sub"}


def test_too_much_for_a_header_is_left_to_userinfo_and_said(operator: Api, server: Server) -> None:
    operator.call("PATCH", PATH, {"attributes": {"department": "Tea", "groups": ["x" * 100] * 12}})
    response = tokens(server, scope="openid staff")
    if server.clients.get("web").access_token_format == "opaque":  # type: ignore[union-attr]  # it is there
        assert len(server.access(response.access_token, "GET /any").claims) == 2
        return
    claims = claims_in(response.access_token)
    assert claims["claims_omitted"] is True
    assert "department" not in claims
    assert server.access(response.access_token, "GET /any").claims == {}


def test_id_token_that_nobody_could_send_back_leaves_them_to_userinfo(server: Server, operator: Api) -> None:
    operator.call("PATCH", PATH, {"attributes": {"groups": ["x" * 100] * 30}})
    claims = tuple(ClaimDefinition(f"g{number}", "groups", "strings") for number in range(3))
    server.configuration.put_scopes(
        ScopeCatalogue.of((*DEFAULT.definitions, ScopeDefinition("staff", "See groups", claims=claims)), 1)
    )
    response = tokens(server, scope="openid staff profile")
    assert not claims_in(response.id_token).keys() & {"g0", "g1", "g2", "name"}
    assert len(response.id_token.reveal()) < 2000 if response.id_token else False
    assert {"g0", "g1", "g2", "name"} <= at_userinfo(server, response).keys()


@pytest.mark.parametrize("place", ["id_token", "userinfo", "access_token"])
def test_claims_that_this_server_says_itself_are_reserved(place: str, server: Server, operator: Api) -> None:
    every = RESERVED_CLAIMS | {"name", "email", "phone_number"}
    for name in sorted(every):
        claim = {"name": name, "attribute": "department", "places": [place]}
        answer = operator.call("PUT", "/admin/scopes/evil", {"description": "Evil", "claims": [claim]})
        assert answer.status == 400, name


def test_every_claim_of_tokens_is_reserved(server: Server) -> None:
    """Else what stands in a token might be taken for an operator's claim, and an operator's for ours."""
    response = tokens(server, "app", scope="openid read")
    assert claims_in(response.id_token).keys() <= RESERVED_CLAIMS
    assert App(server).introspect(tokens(server).access_token).keys() <= RESERVED_CLAIMS
    if server.clients.get("web").access_token_format == "jwt":  # type: ignore[union-attr]  # it is there
        assert claims_in(tokens(server).access_token).keys() <= RESERVED_CLAIMS


def test_claims_that_are_reserved_are_told_by_nobody_even_if_the_table_says_so(server: Server, operator: Api) -> None:
    operator.call("PATCH", PATH, {"attributes": {"evil": "evil"}})
    places = ("id_token", "userinfo", "access_token")
    names = (*RESERVED_CLAIMS, "name", "email", "good")
    evil = ScopeDefinition("evil", "Evil", claims=tuple(ClaimDefinition(name, "evil", places=places) for name in names))
    server.configuration.put_scopes(ScopeCatalogue.of((*DEFAULT.definitions, evil), 1))
    web = server.clients.get("web")
    assert web
    server.withdrawals.change_client(replace(web, scope=Scope.parse("openid evil")))
    response = tokens(server, scope="openid evil")
    told = (claims_in(response.id_token), at_userinfo(server, response), App(server).introspect(response.access_token))
    for members in told:
        assert [name for name, value in members.items() if value == "evil"] == ["good"]
    assert server.access(response.access_token, "GET /any").claims == {"good": "evil"}


def test_claim_means_the_same_in_every_scope(operator: Api) -> None:
    other = {"name": "department", "attribute": "division"}
    answer = operator.call("PUT", "/admin/scopes/hr", {"description": "HR", "claims": [other]})
    assert (answer.status, answer.document["errors"][0]["field"]) == (400, "claims")


def test_scope_keeps_its_claims_in_the_catalogue(operator: Api) -> None:
    claims = [{"name": "team", "attribute": "team", "type": "string", "places": ["userinfo"]}]
    operator.call("PUT", "/admin/scopes/teams", {"description": "See your team", "claims": claims})
    assert operator.get("/admin/scopes/teams")["claims"] == claims


@pytest.mark.parametrize("name", ["ada", "max"])
def test_role_in_the_organisation_is_a_claim(name: str) -> None:
    server = Tenants()
    roles = ClaimDefinition("roles", ROLE, "strings", ("id_token", "userinfo", "access_token"))
    telling = ScopeDefinition("roles", "See your role in your organisation", claims=(roles,))
    server.configuration.put_scopes(ScopeCatalogue.of((*DEFAULT.definitions, telling), 1))
    web = server.clients.get("web")
    assert web
    server.withdrawals.change_client(replace(web, scope=Scope.parse("openid read roles")))
    connection = server.connect(name, "a1", scope="openid read roles")
    role = [PEOPLE[name][1]]
    assert server.access(connection.tokens.access_token, "GET /any").claims == {"roles": role}
    assert claims_in(connection.tokens.id_token)["roles"] == role
    assert at_userinfo(server, connection.tokens)["roles"] == role
    assert (role == [ADMINISTRATOR]) is (name == "ada")


# ------------------------------------------------------------------ the parameter `claims`


def claims(**members: Any) -> str:
    return json.dumps(members)


@pytest.mark.rfc("OIDC Core", "5.5")
def test_claims_that_are_asked_for_by_name_are_in_the_id_token(server: Server) -> None:
    asked = claims(id_token={"email": {"essential": True}, "nickname": None, "unknown": None})
    told = claims_in(tokens(server, "app", scope="openid profile email", claims=asked).id_token)
    assert told["email"] == "alice@example.com"
    assert not told.keys() & {"name", "nickname", "unknown", "email_verified"}


@pytest.mark.rfc("OIDC Core", "5.5")
@pytest.mark.parametrize("member", ["id_token", "userinfo"])
def test_whoever_asks_for_a_claim_asks_for_the_scope_that_tells_it(member: str, server: Server) -> None:
    browser = Browser(server)
    pending: Any = browser.authorize((), frozenset(), scope="openid", claims=claims(**{member: {"email": None}}))
    signed_in: Any = browser.sign_in(pending.request_handle)
    page = browser.consent_page(signed_in.request_handle)
    assert isinstance(page, ConsentPage)
    assert [one.scope.name for one in page.permissions] == ["openid", "email"]
    answer = browser.decide(signed_in.request_handle)
    assert isinstance(answer, AuthorizationResponse)
    response = App(server).exchange(answer.parameters["code"])
    assert str(response.scope) == "openid email"
    assert at_userinfo(server, response)["email"] == "alice@example.com"


def test_claims_of_scopes_that_a_client_may_not_ask_for_are_ignored() -> None:
    server = Server(client(scope=Scope.parse("openid read")))
    response = tokens(server, scope="openid", claims=claims(id_token={"email": None}, userinfo={"email": None}))
    assert str(response.scope) == "openid"
    assert "email" not in claims_in(response.id_token)


def test_claims_mean_nothing_without_openid(server: Server) -> None:
    response = tokens(server, scope="read", claims=claims(userinfo={"email": None}))
    assert (str(response.scope), response.id_token) == ("read", None)


@pytest.mark.rfc("OIDC Core", "5.5")
@pytest.mark.parametrize(
    "text",
    [
        *("", "null", "[]", "{", '"email"', "[" * 5000, '{"id_token": 1}', '{"id_token": ["email"]}', "1"),
        *('{"id_token": {"email": true}}', '{"userinfo": {"sub": {"value": 1}}}', f'{{"x": "{"x" * 5000}"}}'),
        '{"id_token": {"sub": {"value": "a"}}, "userinfo": {"sub": {"value": "b"}}}',
    ],
)
def test_claims_that_are_malformed_are_refused(text: str, server: Server) -> None:
    browser = Browser(server)
    if not text:  # an empty parameter is absent (RFC 6749 section 3.1)
        assert browser.code((), claims=text)
        return
    answer: Any = browser.authorize((), frozenset(), claims=text)
    assert answer.parameters["error"] == "invalid_request"


@pytest.mark.rfc("OIDC Core", "5.5.1")
def test_value_of_sub_names_the_one_user_that_a_request_is_for(server: Server) -> None:
    browser = Browser(server)
    browser.code(())
    for subject, error in ((ALICE, None), ("sub-of-bob", "login_required")):
        asked = claims(id_token={"sub": {"value": subject}})
        answer: Any = browser.authorize((), frozenset(), prompt="none", claims=asked)
        assert answer.parameters.get("error") == error
