"""The token hook: what an operator's own function is asked, what it may add, and what becomes of its refusals."""

import json
from base64 import urlsafe_b64decode
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from authserver.endpoints.machines.userinfo import Presented, userinfo, userinfo_of
from authserver.errors import (
    InvalidGrant,
    InvalidToken,
    TemporarilyUnavailable,
    UnauthorizedClient,
)
from authserver.identity.claims import SCOPE_OF
from authserver.identity.token_hook import MAX_CLAIMS
from authserver.management.admin import operations as admin
from authserver.management.partner import operations as partner
from authserver.messages.token import TokenResponse
from authserver.models.clients import DEVICE_CODE, Client
from authserver.models.tokens import AccessTokenClaims, IdTokenClaims
from authserver.ports import HookFailed
from authserver.scopes import DEFAULT, ClaimDefinition, ScopeCatalogue, ScopeDefinition
from authserver.tokens.access_token import CLAIMS_BUDGET
from authserver.values import Scope, Secret
from tests.fakes import ISSUER, PASSWORD, REDIRECT_URI, RESOURCE, client
from tests.fakes.hook import FakeHook
from tests.unit.api import Api
from tests.unit.devices import Person, Tool
from tests.unit.server import App, Browser, Server
from tests.unit.tenants import Tenants
from tests.unit.test_registration import again, register

GRANTS = ("authorization_code", "refresh_token", "client_credentials", "password", "implicit", "device_code")
OF_CLIENT = ("authorization_code", "refresh_token", "client_credentials", "password", "implicit", DEVICE_CODE)
TIER = {"claims": {place: {"tier": f"gold in {place}"} for place in ("id_token", "userinfo", "access_token")}}
STAFF = ScopeDefinition(
    "staff", "See what you do", claims=(ClaimDefinition("department", "department", places=("access_token",)),)
)


def hooked(answer: Any = TIER, *clients: Client, **settings: Any) -> tuple[Server, FakeHook]:
    of_all = client(
        grant_types=OF_CLIENT,
        response_types=("code", "token", "id_token", "id_token token"),
        scope=Scope.parse("openid profile email read staff"),
        require_pkce=False,
    )
    server = Server(*(clients or (of_all,)), **{"grant_types": GRANTS, **settings})
    server.configuration.put_scopes(ScopeCatalogue.of((*DEFAULT.definitions, STAFF)))
    return server, hook_into(server, answer)


def hook_into(server: Server, answer: Any) -> FakeHook:
    hook = FakeHook(answer)
    server.services = replace(server.services, token_hook=hook)
    return hook


def claims_in(token: Secret | str | None) -> dict[str, Any]:
    assert token is not None
    part = (token if isinstance(token, str) else token.reveal()).split(".")[1]
    claims: dict[str, Any] = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims


def by_code(server: Server) -> TokenResponse:
    return App(server).exchange(Browser(server).code(scope="openid read"))


def by_device(server: Server) -> TokenResponse:
    tool = Tool(App(server))
    Person(server).allow(tool.begin(scope="openid read").user_code)
    return tool.poll()


def by_refresh(server: Server) -> TokenResponse:
    return App(server).refresh(by_code(server).refresh_token)


def by_password(server: Server) -> TokenResponse:
    return App(server).token("password", username="alice", password=PASSWORD, scope="openid read")


def by_itself(server: Server) -> TokenResponse:
    return App(server).token("client_credentials", scope="read")


ISSUES: dict[str, Callable[[Server], TokenResponse]] = {
    "authorization_code": by_code,
    DEVICE_CODE: by_device,
    "refresh_token": by_refresh,
    "password": by_password,
    "client_credentials": by_itself,
}


def by_implicit(server: Server, response_type: str = "id_token token") -> dict[str, str]:
    asked = {"response_type": response_type, "code_challenge": "", "code_challenge_method": "", "scope": "openid read"}
    return dict(Browser(server).go_through("allow", (), **asked))


# ------------------------------------------------------------------ every issue


@pytest.mark.parametrize("trigger", ISSUES)
@pytest.mark.parametrize("token_format", ["jwt", "opaque"])
def test_every_issue_has_the_claims_that_the_hook_adds(trigger: str, token_format: str) -> None:
    server, hook = hooked()
    web = server.clients.get("web")
    assert web
    server.withdrawals.change_client(replace(web, access_token_format=token_format))
    response = ISSUES[trigger](server)
    assert hook.asked[-1]["trigger"] == trigger
    assert App(server).introspect(response.access_token)["tier"] == "gold in access_token"
    assert server.access(response.access_token).claims == {"tier": "gold in access_token"}
    if token_format == "jwt":
        assert claims_in(response.access_token)["tier"] == "gold in access_token"
    if response.id_token:
        assert claims_in(response.id_token)["tier"] == "gold in id_token"
        told = userinfo(response.access_token.reveal(), server.services).members()
        assert (told["tier"], hook.asked[-1]["trigger"]) == ("gold in userinfo", "userinfo")


@pytest.mark.parametrize("response_type", ["token", "id_token", "id_token token"])
def test_tokens_of_the_implicit_grant_have_them_too(response_type: str) -> None:
    server, hook = hooked()
    answer = by_implicit(server, response_type)
    assert ("access_token" in answer, "id_token" in answer) == (
        "token" in response_type.split(),
        "id_" in response_type,
    )
    for name in {"access_token", "id_token"} & answer.keys():
        assert claims_in(answer[name])["tier"] == f"gold in {name}"
    (asked,) = hook.asked
    assert (asked["trigger"], set(asked["claims"])) == ("implicit", {"access_token", "id_token"} & answer.keys())


def test_question_is_what_the_documentation_says_and_has_nothing_secret() -> None:
    server, hook = hooked()
    code = Browser(server).code(scope="openid profile")
    response = App(server).exchange(code)
    authorization = server.authorization_of(code)
    (asked,) = hook.asked
    assert asked == {
        "version": 1,
        "trigger": "authorization_code",
        "client": {"client_id": "web", "client_name": "A web application"},
        "subject": "sub-of-alice",
        "scope": "openid profile",
        "resource": [RESOURCE],
        "organisation": None,
        "authorization_id": authorization.id,
        "claims": {"id_token": {"name": "Alice Liddell", "preferred_username": "alice"}, "access_token": {}},
    }
    userinfo(response.access_token.reveal(), server.services)
    assert hook.asked[1] == asked | {
        "trigger": "userinfo",
        "claims": {"userinfo": {"name": "Alice Liddell", "preferred_username": "alice"}},
    }
    by_itself(server)
    machine: dict[str, Any] = {
        "subject": None,
        "authorization_id": None,
        "scope": "read",
        "claims": {"access_token": {}},
    }
    assert hook.asked[2] == asked | machine | {"trigger": "client_credentials"}
    for secret in (code, response.access_token.reveal(), ISSUER + "/", PASSWORD):
        assert secret not in json.dumps(hook.asked)


def test_question_tells_the_organisation_and_the_role_of_now() -> None:
    server = Tenants()
    hook = hook_into(server, TIER)
    connection = server.connect("ada", "a1")
    userinfo(connection.tokens.access_token.reveal(), server.services)
    for asked in hook.asked:
        assert (asked["organisation"]["id"], asked["organisation"]["role"]) == ("acme", "administrator")
    assert [asked["trigger"] for asked in hook.asked] == ["authorization_code", "userinfo"]


def test_old_address_of_userinfo_asks_as_well() -> None:
    server, hook = hooked()
    presented = Presented("sub-of-alice", "web", Scope.parse("openid"), "an-authorization", "acme")
    assert userinfo_of(presented, server.services).members() == {"sub": "sub-of-alice", "tier": "gold in userinfo"}
    assert hook.asked[0]["organisation"]["role"] is None


# ------------------------------------------------------------------ what it adds


def test_a_claim_of_an_operators_scope_is_as_the_hook_says_it() -> None:
    server, _ = hooked({"claims": {"access_token": {"department": "Hats"}}})
    Api(server, admin.OPERATIONS, "operator", scope=Api.EVERY_POWER).call(
        "PATCH", "/admin/users/sub-of-alice", {"attributes": {"department": "Tea"}}
    )
    response = App(server).exchange(Browser(server).code(scope="openid staff"))
    assert claims_in(response.access_token)["department"] == "Hats"


@pytest.mark.parametrize("answer", [{}, {"claims": {}}, {"claims": {"userinfo": {"tier": "gold"}}}, {"refuse": None}])
def test_hook_may_have_nothing_to_say(answer: Any) -> None:
    server, hook = hooked(answer)
    response = by_code(server)
    assert claims_in(response.access_token).keys() <= AccessTokenClaims.__annotations__.keys()
    assert claims_in(response.id_token).keys() <= IdTokenClaims.__annotations__.keys()
    assert (len(hook.asked), hook.failures) == (1, [])


def test_claims_are_whatever_json_every_place_can_hold() -> None:
    told = {"text": "ü", "number": -(2**53), "yes": True, "list": [1, "a", []], "object": {"a b": {"c": [{}]}}, "": 0}
    del told[""]
    for token_format in ("jwt", "opaque"):
        server, _ = hooked({"claims": {"access_token": told}}, client(access_token_format=token_format))
        assert server.access(by_code(server).access_token).claims == told


def test_users_claims_give_way_where_both_are_too_long_for_a_header() -> None:
    server, hook = hooked({"claims": {"access_token": {"tier": "x" * 900}}})
    Api(server, admin.OPERATIONS, "operator", scope=Api.EVERY_POWER).call(
        "PATCH", "/admin/users/sub-of-alice", {"attributes": {"department": "T" * 200}}
    )
    claims = claims_in(App(server).exchange(Browser(server).code(scope="openid staff")).access_token)
    assert (claims["tier"], claims["claims_omitted"], "department" in claims) == ("x" * 900, True, False)
    assert hook.failures == []


def test_claims_of_the_hook_stay_in_an_id_token_that_has_no_room_for_the_users() -> None:
    server, _ = hooked({"claims": {"id_token": {"tier": "x" * 1900}}})
    long = {"given_name": "G" * 190, "profile": f"https://{'p' * 1900}.example", "picture": f"https://{'q' * 1900}"}
    Api(server, admin.OPERATIONS, "operator", scope=Api.EVERY_POWER).call("PATCH", "/admin/users/sub-of-alice", long)
    code = Browser(server).code(scope="openid profile", nonce="n" * 1000)
    claims = claims_in(App(server).exchange(code).id_token)
    assert (claims["tier"], "given_name" in claims) == ("x" * 1900, False)


# ------------------------------------------------------------------ refusals


@pytest.mark.rfc("6749", "5.2")
@pytest.mark.parametrize("trigger", ISSUES)
def test_refusal_is_an_error_of_the_endpoint_and_writes_nothing(trigger: str) -> None:
    server, hook = hooked({})
    code = Browser(server).code(scope="openid read")
    tokens = App(server).exchange(code) if trigger == "refresh_token" else None
    hook.answer = {"refuse": "The subscription is over"}
    expected = UnauthorizedClient if trigger == "client_credentials" else InvalidGrant
    server.calls.clear()

    def issue() -> TokenResponse:
        if tokens:
            return App(server).refresh(tokens.refresh_token)
        return App(server).exchange(code) if trigger == "authorization_code" else ISSUES[trigger](server)

    with pytest.raises(expected) as caught:
        issue()
    assert (caught.value.description, caught.value.reason) == ("The subscription is over", "token_hook_refused")
    assert not {"tokens.redeem", "tokens.rotate", "tokens.put_access_token", "revocations.revoke"} & server.calls.keys()


def test_refused_refresh_does_not_end_the_family() -> None:
    server, hook = hooked({})
    tokens = by_code(server)
    for _ in range(3):
        hook.answer = {"refuse": "Not now"}
        with pytest.raises(InvalidGrant):
            App(server).refresh(tokens.refresh_token)
    hook.answer = TIER
    assert claims_in(App(server).refresh(tokens.refresh_token).access_token)["tier"]


@pytest.mark.rfc("6749", "4.2.2.1")
def test_refusal_of_the_implicit_grant_goes_to_the_client() -> None:
    server, _ = hooked({"refuse": "Over"})
    answer = by_implicit(server)
    assert (answer["error"], answer["error_description"]) == ("access_denied", "Over")


@pytest.mark.rfc("6750", "3.1")
def test_refusal_at_userinfo_is_a_token_that_is_good_for_nothing() -> None:
    server, hook = hooked({})
    tokens = by_code(server)
    hook.answer = {"refuse": "Over"}
    with pytest.raises(InvalidToken):
        userinfo(tokens.access_token.reveal(), server.services)


@pytest.mark.parametrize("refusal", [True, "", "x" * 201, 'with "quotes"', "ä", {"description": "Over"}, ["Over"], 0])
def test_refusal_that_is_not_well_formed_is_one(refusal: Any) -> None:
    """Whatever else the answer has, and whatever is done about failures."""
    server, hook = hooked({"refuse": refusal, "claims": {"id_token": {"iss": "evil"}}}, continues_without_hook=True)
    with pytest.raises(InvalidGrant) as caught:
        by_code(server)
    assert (caught.value.description, hook.failures) == ("The request was refused", [])


# ------------------------------------------------------------------ failures

WRITTEN_BY_US = AccessTokenClaims.__annotations__.keys() | IdTokenClaims.__annotations__.keys()
OTHERS = {"nbf", "cnf", "act", "azp", "c_hash", "epochs"}
DEEP: Any = [[[[[[]]]]]]
WRONG: dict[str, list[Any]] = {
    "token_hook_malformed": [
        *(
            None,
            [],
            "gold",
            1,
            {"claim": {}},
            {"claims": []},
            {"claims": {"idtoken": {}}},
            {"claims": {"id_token": []}},
        ),
        *({"claims": {"id_token": {name: 1}}} for name in ("", "1", "a b", "ü", "x" * 129)),
        *({"claims": {"userinfo": {"tier": value}}} for value in (None, 1.5, 2**53 + 1, "\ud800", DEEP, [None])),
        {"claims": {"userinfo": {"tier": {"\ud800": 1}}}},
    ],
    "token_hook_reserved": [
        {"claims": {"userinfo": {spelled: "evil"}}}  # some decoders take names without regard to case
        for name in sorted(WRITTEN_BY_US | OTHERS | SCOPE_OF.keys())
        for spelled in (name, name.upper())
    ],
    "token_hook_too_large": [
        {"claims": {"userinfo": {"tier": "x" * MAX_CLAIMS}}},
        {"claims": {"access_token": {"tier": "x" * CLAIMS_BUDGET}}},
        {"claims": {"id_token": {"a": "x" * 1010}, "userinfo": {"b": "x" * 1010}}},
    ],
}


@pytest.mark.parametrize("reason", WRONG)
def test_what_breaks_the_contract_is_a_failure(reason: str) -> None:
    server, hook = hooked()
    for answer in WRONG[reason]:
        hook.answer, hook.failures = answer, []
        with pytest.raises(TemporarilyUnavailable) as caught:
            by_itself(server)
        assert (caught.value.reason, hook.failures) == (reason, [reason]), answer


@pytest.mark.parametrize("answer", [HookFailed("token_hook_timeout"), WRONG["token_hook_reserved"][0]])
def test_operator_decides_whether_a_failure_keeps_tokens_from_being_issued(answer: Any) -> None:
    server, hook = hooked({})
    code = Browser(server).code(scope="openid read")
    hook.answer = answer
    server.calls.clear()
    with pytest.raises(TemporarilyUnavailable):
        App(server).exchange(code)
    assert "tokens.redeem" not in server.calls
    settings = replace(server.services.settings, continues_without_hook=True)
    server.services = replace(server.services, settings=settings)
    response = App(server).exchange(code)  # which is unspent
    assert claims_in(response.access_token).keys() <= AccessTokenClaims.__annotations__.keys()
    assert claims_in(response.id_token).keys() <= IdTokenClaims.__annotations__.keys()
    assert userinfo(response.access_token.reveal(), server.services).members() == {"sub": "sub-of-alice"}
    assert len(hook.failures) == 3


# ------------------------------------------------------------------ off


def test_a_client_that_is_left_alone_is_asked_about_nowhere() -> None:
    server, hook = hooked({"refuse": "Over"}, client(grant_types=OF_CLIENT, token_hook=False))
    response = by_code(server)
    userinfo(response.access_token.reveal(), server.services)
    by_itself(server)
    App(server).refresh(response.refresh_token)
    assert hook.asked == []


@pytest.mark.parametrize("token_hook", [None, True])
def test_any_other_client_is_asked_about(token_hook: bool | None) -> None:
    server, hook = hooked({}, client(token_hook=token_hook))
    by_code(server)
    assert len(hook.asked) == 1


def test_without_a_hook_userinfo_does_not_look_at_the_client() -> None:
    server = Server()
    response = App(server).exchange(Browser(server).code())
    server.calls.clear()
    userinfo(response.access_token.reveal(), server.services)
    assert not {one for one in server.calls if one.startswith("clients.")}


# ------------------------------------------------------------------ who says which clients


def test_operators_turn_it_off_for_a_client_and_on_again() -> None:
    server, hook = hooked({})
    operator = Api(server, admin.OPERATIONS, "operator", scope=Api.EVERY_POWER)
    assert operator.call("PATCH", "/admin/clients/web", {"token_hook": False}).document["token_hook"] is False
    by_code(server)
    assert hook.asked == []
    assert "token_hook" not in operator.call("PATCH", "/admin/clients/web", {"token_hook": None}).document
    by_code(server)
    assert len(hook.asked) == 1


def test_partners_do_not() -> None:
    server, _ = hooked({})
    api = Api(server, partner.OPERATIONS, "sub-of-alice", scope="partner")
    app = {"client_name": "Mine", "redirect_uris": ["https://app.example/cb"], "scope": "read"}
    refused = api.call("POST", "/partner/apps", {**app, "token_hook": False})
    assert (refused.status, refused.fields) == (400, {"token_hook"})
    made = api.call("POST", "/partner/apps", app).document["client_id"]
    operator = Api(server, admin.OPERATIONS, "operator", scope=Api.EVERY_POWER)
    assert operator.call("PATCH", f"/admin/clients/{made}", {"token_hook": False}).status == 200
    assert api.call("PATCH", f"/partner/apps/{made}", {"token_hook": None}).fields == {"token_hook"}
    assert api.call("PATCH", f"/partner/apps/{made}", {"client_name": "Ours"}).document["token_hook"] is False


@pytest.mark.rfc("7591", "3.2.1")
def test_clients_that_register_themselves_do_not() -> None:
    server, _ = hooked({}, registration="Open")
    operator = Api(server, admin.OPERATIONS, "operator", scope=Api.EVERY_POWER)
    for token_hook in (False, "no", None):
        made = register(server, token_hook=token_hook)
        assert "token_hook" not in made
    path = f"/admin/clients/{made['client_id']}"
    assert operator.call("PATCH", path, {"token_hook": False}).status == 200
    document = {"client_id": made["client_id"], "redirect_uris": [REDIRECT_URI]}
    for sent in ({}, {"token_hook": True}, {"token_hook": None}):
        assert again(server, made, "PUT", document | sent)["token_hook"] is False
    assert operator.get(path)["token_hook"] is False
