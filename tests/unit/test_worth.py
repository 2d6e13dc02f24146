"""A grant is worth what may be granted now: whatever cuts a scope is seen by everybody at once, and can be undone."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from authserver.errors import InsufficientScope, InvalidGrant, InvalidScope, InvalidToken
from authserver.management.admin import operations as admin
from authserver.values import Scope, Secret
from tests.fakes import RESOURCE, client, public_client
from tests.unit.api import Api
from tests.unit.server import App, Browser, Server
from tests.unit.tenants import Tenants

SUB = "sub-of-alice"
WHOLE, LEFT = "openid read write", "openid read"
CREDENTIALS = "client_credentials"


def operator(server: Server) -> Api:
    return Api(server, admin.OPERATIONS, "operator", scope=Api.EVERY_POWER)


def register(server: Server, scope: str, client_id: str = "web") -> None:
    """Says what a client may have."""
    changed = {"scope": scope, "default_scope": "", "optional_scope": ""}
    assert operator(server).call("PATCH", f"/admin/clients/{client_id}", changed).status == 200


def define(server: Server, scope: str, grantable_by: str) -> None:
    """Says who may grant a scope."""
    definition = {"description": f"To {scope}", "grantable_by": grantable_by}
    assert operator(server).call("PUT", f"/admin/scopes/{scope}", definition).status == 200


@dataclass(frozen=True)
class Cut:
    """What takes the scope "write" away from everything of the client "web", and what gives it back."""

    make: Callable[[Server], None]
    undo: Callable[[Server], None]


CUTS = {
    "client": Cut(lambda server: register(server, LEFT), lambda server: register(server, WHOLE)),
    "operators": Cut(
        lambda server: define(server, "write", "operator"), lambda server: define(server, "write", "anyone")
    ),
    "administrators": Cut(
        lambda server: define(server, "write", "administrator"), lambda server: define(server, "write", "anyone")
    ),
}


@pytest.fixture(params=["jwt", "opaque"])
def server(request: pytest.FixtureRequest) -> Server:
    caller = client(client_id="caller", resources=(RESOURCE,))
    return Server(client(access_token_format=request.param), public_client(), caller)


def passes(server: Server, token: Secret | str, route: str) -> bool:
    try:
        server.access(token, route)
    except InsufficientScope:
        return False
    return True


def seen(app: App, token: Secret | str | None) -> Any:
    """The scope that introspection tells."""
    return app.introspect(token).get("scope")


# ------------------------------------------------------------------ what is cut


@pytest.mark.parametrize("name", CUTS)
def test_tokens_that_there_are_lose_what_is_cut_and_get_it_back_when_that_is_undone(server: Server, name: str) -> None:
    app, cut = App(server), CUTS[name]
    tokens = app.tokens(scope=WHOLE)
    another = server.new_instance()
    assert passes(server, tokens.access_token, "POST /items")
    cut.make(server)
    for services in (server.services, another):  # whatever it remembers
        server.services = services
        assert passes(server, tokens.access_token, "GET /items")
        assert not passes(server, tokens.access_token, "POST /items")
        assert seen(app, tokens.access_token) == seen(app, tokens.refresh_token) == LEFT
    cut.undo(server)
    assert passes(server, tokens.access_token, "POST /items")
    assert seen(app, tokens.access_token) == seen(app, tokens.refresh_token) == WHOLE


@pytest.mark.rfc("6749", "6")
@pytest.mark.parametrize("name", CUTS)
def test_refresh_gives_what_is_left_and_all_of_it_when_the_cut_is_undone(server: Server, name: str) -> None:
    app, cut = App(server), CUTS[name]
    first = app.tokens(scope=WHOLE)
    cut.make(server)
    with pytest.raises(InvalidScope):
        app.refresh(first.refresh_token, scope="write")
    assert str(app.refresh(first.refresh_token, scope=WHOLE).scope) == LEFT
    second = app.refresh(first.refresh_token)
    assert str(second.scope) == seen(app, second.access_token) == LEFT
    assert not passes(server, second.access_token, "POST /items")
    cut.undo(server)
    third = app.refresh(second.refresh_token)
    assert str(third.scope) == WHOLE
    assert passes(server, third.access_token, "POST /items")
    assert not passes(server, second.access_token, "POST /items")  # it has no more than it was issued with


@pytest.mark.rfc("6749", "4.1.4")
@pytest.mark.parametrize("name", CUTS)
def test_exchange_of_a_code_gives_what_is_left(server: Server, name: str) -> None:
    app, cut = App(server), CUTS[name]
    code = Browser(server).code(scope=WHOLE)
    cut.make(server)
    tokens = app.exchange(code)
    assert str(tokens.scope) == seen(app, tokens.access_token) == LEFT
    cut.undo(server)
    assert str(app.refresh(tokens.refresh_token).scope) == WHOLE


@pytest.mark.rfc("6749", "4.2.2")
def test_token_that_went_straight_to_a_browser_loses_what_is_cut() -> None:
    legacy = client(grant_types=("implicit",), response_types=("token",), require_pkce=False)
    server = Server(legacy, grant_types=("implicit",))
    answer = Browser(server).go_through(
        response_type="token", scope="read write", code_challenge="", code_challenge_method=""
    )
    assert passes(server, answer["access_token"], "POST /items")
    define(server, "write", "operator")
    assert passes(server, answer["access_token"], "GET /items")
    assert not passes(server, answer["access_token"], "POST /items")


@pytest.mark.rfc("OIDC Core", "12.2")
def test_who_may_not_know_the_user_any_more_gets_no_id_token(server: Server) -> None:
    app = App(server)
    tokens = app.tokens(scope=WHOLE)
    register(server, "read write")
    assert app.refresh(tokens.refresh_token).id_token is None


# ------------------------------------------------------------------ nothing is left


@pytest.mark.rfc("6749", "5.2")
@pytest.mark.parametrize("name", CUTS)
def test_refresh_of_what_is_worth_nothing_writes_nothing_and_the_same_token_works_again(
    server: Server, name: str
) -> None:
    app, cut = App(server), CUTS[name]
    tokens = app.tokens(scope="write")
    before = server.authorization_of(tokens.refresh_token or "")
    cut.make(server)
    server.calls.clear()
    for _ in range(3):
        with pytest.raises(InvalidGrant) as refusal:
            app.refresh(tokens.refresh_token)
        assert refusal.value.reason == "scope_withdrawn"
    assert set(server.calls) <= {"tokens.standing", "configuration.scopes", "journal.note_refusal"}
    assert server.authorization_of(tokens.refresh_token or "") == before
    assert not passes(server, tokens.access_token, "GET /items")
    assert not passes(server, tokens.access_token, "POST /items")
    cut.undo(server)
    assert passes(server, app.refresh(tokens.refresh_token).access_token, "POST /items")


@pytest.mark.rfc("6749", "5.2")
@pytest.mark.parametrize("name", CUTS)
def test_code_that_is_worth_nothing_is_not_spent_and_works_when_the_cut_is_undone(server: Server, name: str) -> None:
    app, cut = App(server), CUTS[name]
    code = Browser(server).code(scope="write")
    before = server.authorization_of(code)
    cut.make(server)
    for _ in range(3):
        with pytest.raises(InvalidGrant):
            app.exchange(code)
    assert server.authorization_of(code) == before
    cut.undo(server)
    assert str(app.exchange(code).scope) == "write"


def test_grant_without_any_scope_is_worth_what_it_was() -> None:
    """Nothing of it was ever there to be cut."""
    server = Server(client(scope=Scope(), default_scope=Scope()))
    app = App(server)
    tokens = app.tokens(scope="")
    assert app.refresh(tokens.refresh_token).refresh_token
    assert server.access(tokens.access_token, "GET /any")


# ------------------------------------------------------------------ whose word counts


def test_operators_keep_what_only_they_may_grant_for_as_long_as_they_are_some(server: Server) -> None:
    server.withdrawals.change_user(SUB, operator=True)
    app = App(server)
    tokens = app.tokens(scope=WHOLE)
    define(server, "write", "operator")
    assert passes(server, tokens.access_token, "POST /items")
    assert str(app.refresh(tokens.refresh_token).scope) == WHOLE
    server.withdrawals.change_user(SUB, operator=False)
    with pytest.raises(InvalidToken):
        server.access(tokens.access_token)


def test_who_becomes_an_operator_gives_what_only_operators_may_by_what_they_granted_before(server: Server) -> None:
    app = App(server)
    tokens = app.tokens(scope=WHOLE)
    define(server, "write", "operator")
    assert not passes(server, tokens.access_token, "POST /items")
    server.withdrawals.change_user(SUB, operator=True)
    assert passes(server, tokens.access_token, "POST /items")


def test_what_takes_an_administrator_now_stays_where_one_gave_the_word() -> None:
    server = Tenants()
    by_member, by_administrator = server.connect("max", "a1"), server.connect("ada", "a1", scope="openid read export")
    server.choose("mia", "a1", scope="openid read export")
    ada = server.account("ada")
    (asked,) = ada.get("/account/organisations/acme/approvals")["items"]
    approval = f"/account/organisations/acme/approvals/{asked['id']}"
    assert ada.call("PUT", approval, {"decision": "allow"}).status == 200
    by_approval = server.connect("mia", "a1", scope="openid read export")
    connections = (by_member, by_administrator, by_approval)
    assert [passes(server, one.tokens.access_token, "GET /items") for one in connections] == [True, True, True]
    define(server, "read", "administrator")
    assert [passes(server, one.tokens.access_token, "GET /items") for one in connections] == [False, True, True]
    assert [str(one.app.refresh(one.tokens.refresh_token).scope) for one in connections] == [
        "openid",
        "openid read export",
        "openid read export",
    ]


# ------------------------------------------------------------------ what a client has of its own


@pytest.mark.rfc("6749", "4.4.2")
@pytest.mark.parametrize(
    ("cut", "loses"),
    [
        (lambda server: register(server, LEFT), True),
        (lambda server: define(server, "write", "administrator"), True),
        (lambda server: define(server, "write", "operator"), False),
    ],
    ids=["client", "administrators", "operators"],
)
def test_tokens_of_a_client_itself_lose_what_it_may_not_have_any_more(server: Server, cut: Any, loses: bool) -> None:
    """An operator registered it, whose word counts; no administrator was asked."""
    app = App(server)
    token = app.token("client_credentials", scope="read write").access_token
    assert passes(server, token, "POST /items")
    cut(server)
    assert passes(server, token, "GET /items")
    assert passes(server, token, "POST /items") is not loses
    assert seen(app, token) == ("read" if loses else "read write")
    if loses:
        with pytest.raises(InvalidScope):
            app.token("client_credentials", scope="write")
        register(server, WHOLE)
        define(server, "write", "anyone")
        assert passes(server, token, "POST /items")


def test_scope_that_comes_with_another_is_cut_with_that(server: Server) -> None:
    """The client is registered for what implies it, and then for nothing that does."""
    both = {"description": "Everything", "implies": ["read", "write"]}
    assert operator(server).call("PUT", "/admin/scopes/all", both).status == 200
    register(server, "openid all")
    app = App(server)
    tokens = app.tokens(scope="openid read")
    assert passes(server, tokens.access_token, "GET /items")
    register(server, "openid write")
    assert not passes(server, tokens.access_token, "GET /items")
    assert str(app.refresh(tokens.refresh_token).scope) == "openid"


UNMADE = {
    "grant type": ({"grant_types": ["authorization_code"]}, {"grant_types": ["authorization_code", CREDENTIALS]}),
    "public": (
        {"grant_types": ["authorization_code"], "token_endpoint_auth_method": "none"},
        {"grant_types": ["authorization_code", CREDENTIALS], "token_endpoint_auth_method": "client_secret_basic"},
    ),
}


@pytest.mark.rfc("6749", "4.4")
@pytest.mark.parametrize("name", UNMADE)
def test_tokens_of_a_client_that_may_not_act_for_itself_any_more_are_refused_until_it_may_again(
    server: Server, name: str
) -> None:
    app, (cut, undo) = App(server), UNMADE[name]
    caller = App(server, "caller")
    own, of_alice = app.token("client_credentials", scope="read").access_token, app.tokens(scope=WHOLE).access_token
    assert seen(caller, own) == "read"
    assert operator(server).call("PATCH", "/admin/clients/web", cut).status == 200
    with pytest.raises(InvalidToken) as refusal:
        server.access(own)
    assert refusal.value.reason == "grant_type_withdrawn"
    assert caller.introspect(own) == {"active": False}
    assert passes(server, of_alice, "POST /items")
    assert operator(server).call("PATCH", "/admin/clients/web", undo).status == 200
    assert passes(server, own, "GET /items")


@pytest.mark.rfc("6749", "4.4")
def test_a_client_that_is_changed_otherwise_acts_for_itself_still(server: Server) -> None:
    own = App(server).token("client_credentials", scope="read").access_token
    assert operator(server).call("PATCH", "/admin/clients/web", {"client_name": "Another name"}).status == 200
    assert passes(server, own, "GET /items")
