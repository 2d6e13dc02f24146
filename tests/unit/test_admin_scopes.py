"""/admin/scopes: the catalogue changes by one write on what was read, and this server's own scopes never."""

from dataclasses import replace
from typing import Any

import pytest

from authserver.errors import InvalidScope
from authserver.management.admin import scopes
from authserver.management.admin.clients import OPERATIONS as CLIENTS
from authserver.messages.authorization import AuthorizationResponse
from authserver.scopes import BUILT_IN, DEFAULT, MANAGEMENT, ScopeCatalogue, ScopeDefinition
from authserver.values import Scope
from tests import fakes
from tests.unit.api import Api
from tests.unit.server import App, Browser, Server, all_at_once

ORDERS = {"description": "See orders", "sensitive": True, "grantable_by": "administrator", "group": "Orders"}


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def api(server: Server) -> Api:
    return Api(server, scopes.OPERATIONS, "operator")


def test_the_default_catalogue_is_there_before_anybody_writes_one(api: Api) -> None:
    assert {one["name"] for one in api.get("/admin/scopes")["items"]} == {one.name for one in DEFAULT.definitions}
    assert api.get("/admin/scopes/read")["description"] == "Read your items"
    assert api.get("/admin/scopes/read")["built_in"] is False


def test_a_defined_scope_is_in_the_catalogue_of_every_function_by_the_time_of_the_answer(
    server: Server, api: Api
) -> None:
    another, before = server.new_instance(), server.services.scopes()
    assert another.scopes() == before
    answer = api.call("PUT", "/admin/scopes/orders", ORDERS)
    assert answer.document == {
        **ORDERS,
        "name": "orders",
        "implies": [],
        "advertised": True,
        "claims": [],
        "api_keys": False,
        "built_in": False,
    }
    assert api.get("/admin/scopes/orders") == answer.document
    after = server.services.scopes()
    assert another.scopes() == after
    assert set(after.definitions) - set(before.definitions) == {
        ScopeDefinition("orders", "See orders", (), True, "administrator", True, "Orders")
    }
    assert set(before.definitions) <= set(after.definitions)


def test_a_change_is_answered_when_every_function_has_heard_of_it(server: Server, api: Api) -> None:
    heard: list[str] = []
    server.services = replace(server.services, settle=lambda: heard.append(str(server.services.scopes().get("orders"))))
    api.call("PUT", "/admin/scopes/orders", ORDERS)
    assert len(heard) == 1
    assert "See orders" in heard[0]
    api.call("DELETE", "/admin/scopes/orders")
    assert heard[1:] == ["None"]


def test_defined_anew_it_is_replaced_in_its_place(api: Api) -> None:
    names = [one["name"] for one in api.get("/admin/scopes")["items"]]
    assert api.call("PUT", "/admin/scopes/read", {"description": "See items"}).document["description"] == "See items"
    assert [one["name"] for one in api.get("/admin/scopes")["items"]] == names


def test_a_scope_implies_its_own_halves_unless_it_says_otherwise(api: Api) -> None:
    api.call("PUT", "/admin/scopes/orders.read", ORDERS)
    assert api.call("PUT", "/admin/scopes/orders", ORDERS).document["implies"] == ["orders.read"]
    api.call("PUT", "/admin/scopes/orders.write", ORDERS)
    assert api.call("PUT", "/admin/scopes/orders", ORDERS).document["implies"] == ["orders.read", "orders.write"]
    assert api.call("PUT", "/admin/scopes/orders", {**ORDERS, "implies": []}).document["implies"] == []
    assert api.call("PUT", "/admin/scopes/orders", {**ORDERS, "implies": ["read"]}).document["implies"] == ["read"]


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_this_servers_own_scopes_can_neither_be_changed_nor_removed(server: Server, api: Api, name: str) -> None:
    before = server.services.scopes().get(name)
    for method, body in (("PUT", {"description": "Harmless", "grantable_by": "anyone"}), ("DELETE", None)):
        assert api.call(method, f"/admin/scopes/{name}", body).reason == "built_in"
    server.clock.advance(300)
    assert server.services.scopes().get(name) == before


def test_a_catalogue_that_was_tampered_with_does_not_weaken_them(server: Server) -> None:
    weak = tuple(ScopeDefinition(one.name, "Harmless") for one in MANAGEMENT[:4])
    server.configuration.put_scopes(ScopeCatalogue(weak))
    assert {server.services.scopes().get(one.name) for one in MANAGEMENT} == set(MANAGEMENT)
    assert server.services.scopes().get("openid") is not None


@pytest.mark.parametrize("implied", ["admin:users", "admin:keys.read", "openid", "account.write"])
def test_no_scope_implies_one_of_this_servers_own(api: Api, implied: str) -> None:
    answer = api.call("PUT", "/admin/scopes/orders", {**ORDERS, "implies": [implied]})
    assert (answer.status, answer.fields) == (400, {"implies"})


@pytest.mark.parametrize(
    ("name", "body", "named"),
    [
        ("orders", {}, "description"),
        ("orders", {"description": ""}, "description"),
        ("orders", {**ORDERS, "grantable_by": "root"}, "grantable_by"),
        ("orders", {**ORDERS, "implies": ["unknown"]}, "implies"),
        ("orders", {**ORDERS, "implies": ["orders"]}, "implies"),
        ("orders", {**ORDERS, "name": "x"}, "name"),
        ('"quoted"', ORDERS, "scope"),
        ("back\\slash", ORDERS, "scope"),
        ("two words", ORDERS, "scope"),
        ("x" * 129, ORDERS, "scope"),
    ],
)
def test_each_refusal_names_the_field(api: Api, name: str, body: Any, named: str) -> None:
    before = api.get("/admin/scopes")
    answer = api.call("PUT", f"/admin/scopes/{name}", body)
    assert (answer.status, answer.fields) == (400, {named})
    assert api.get("/admin/scopes") == before


STRICTER = [("anyone", "administrator"), ("anyone", "operator"), ("administrator", "operator")]


@pytest.mark.parametrize(("lesser", "greater"), STRICTER)
def test_what_fewer_people_may_grant_does_not_come_with_a_scope_that_more_may(
    api: Api, lesser: str, greater: str
) -> None:
    export = {"description": "Export everything", "grantable_by": greater}
    assert api.call("PUT", "/admin/scopes/export", export).status == 200
    including = {**ORDERS, "implies": ["export"], "grantable_by": lesser}
    assert api.call("PUT", "/admin/scopes/orders", including).fields == {"implies"}
    assert api.call("GET", "/admin/scopes/orders").status == 404
    assert api.call("PUT", "/admin/scopes/orders", {**including, "grantable_by": greater}).status == 200


@pytest.mark.parametrize(("lesser", "greater"), STRICTER)
def test_a_scope_that_another_implies_does_not_become_the_stricter_of_both(api: Api, lesser: str, greater: str) -> None:
    assert api.call("PUT", "/admin/scopes/export", {"description": "Export", "grantable_by": lesser}).status == 200
    including = {**ORDERS, "implies": ["export"], "grantable_by": lesser}
    assert api.call("PUT", "/admin/scopes/orders", including).status == 200
    stricter = {"description": "Export", "grantable_by": greater}
    assert api.call("PUT", "/admin/scopes/export", stricter).fields == {"grantable_by"}
    assert api.call("PUT", "/admin/scopes/orders", {**including, "grantable_by": greater}).status == 200
    assert api.call("PUT", "/admin/scopes/export", stricter).status == 200


def test_a_removed_scope_is_gone(server: Server, api: Api) -> None:
    api.call("PUT", "/admin/scopes/orders", ORDERS)
    assert api.call("DELETE", "/admin/scopes/orders").status == 204
    assert api.call("GET", "/admin/scopes/orders").status == 404
    assert api.call("DELETE", "/admin/scopes/orders").status == 404


def test_a_removed_scope_that_is_defined_as_it_was_is_back(api: Api) -> None:
    """A correction of a description: its meaning is the same."""
    defined = api.call("PUT", "/admin/scopes/orders", ORDERS).document
    for _ in range(2):
        assert api.call("DELETE", "/admin/scopes/orders").status == 204
        answer = api.call("PUT", "/admin/scopes/orders", ORDERS)
        assert (answer.status, answer.document) == (200, defined)
    assert api.call("PUT", "/admin/scopes/orders", {**ORDERS, "description": "See all orders"}).status == 200


MEANINGS: list[dict[str, Any]] = [
    {"description": "Transfer money"},
    {"grantable_by": "anyone"},
    {"implies": ["read"]},
    {"sensitive": False},
    {"advertised": False},
    {"group": ""},
]


@pytest.mark.parametrize("meaning", MEANINGS, ids=lambda meaning: next(iter(meaning)))
def test_the_name_of_a_removed_scope_takes_no_other_meaning(server: Server, api: Api, meaning: dict[str, Any]) -> None:
    api.call("PUT", "/admin/scopes/orders", ORDERS)
    api.call("DELETE", "/admin/scopes/orders")
    api.call("PUT", "/admin/scopes/another", ORDERS)
    before = server.configuration.scopes()
    answer = api.call("PUT", "/admin/scopes/orders", {**ORDERS, **meaning})
    assert (answer.status, answer.reason, answer.fields) == (409, "scope_ended", {*meaning})
    assert server.configuration.scopes() == before
    assert api.call("PUT", "/admin/scopes/orders", ORDERS).status == 200


def test_what_was_granted_is_worth_nothing_that_a_removed_scope_did_not_mean() -> None:
    """Of the catalogue that there is before anybody writes one, too."""
    server = Server(fakes.client())
    api, app = Api(server, scopes.OPERATIONS, "operator"), App(server)

    def register(scope: str) -> None:
        registered = server.clients.get("web")
        assert registered is not None
        assert server.withdrawals.change_client(replace(registered, scope=Scope.parse(scope)))

    tokens = app.tokens(scope="openid read write")
    register("openid read")
    assert api.call("DELETE", "/admin/scopes/write").status == 204
    assert api.call("PUT", "/admin/scopes/write", {"description": "Transfer money"}).reason == "scope_ended"
    was = {"description": "Add and change your items", "group": "Items"}
    assert api.call("PUT", "/admin/scopes/write", was).status == 200
    register("openid read write")
    assert str(app.refresh(tokens.refresh_token).scope) == "openid read write"


def test_names_of_removed_scopes_count_among_all_that_there_may_be(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scopes, "MAX_SCOPES", len(DEFAULT.definitions) + 1)
    assert api.call("PUT", "/admin/scopes/orders", ORDERS).status == 200
    assert api.call("PUT", "/admin/scopes/another", ORDERS).reason == "too_many"
    assert api.call("DELETE", "/admin/scopes/orders").status == 204
    assert api.call("PUT", "/admin/scopes/another", ORDERS).reason == "too_many"
    assert api.call("PUT", "/admin/scopes/orders", ORDERS).status == 200


def test_a_scope_that_others_imply_does_not_vanish(api: Api) -> None:
    api.call("PUT", "/admin/scopes/orders.read", ORDERS)
    api.call("PUT", "/admin/scopes/orders", ORDERS)
    assert api.call("DELETE", "/admin/scopes/orders.read").reason == "implied"
    assert api.call("DELETE", "/admin/scopes/orders").status == 204
    assert api.call("DELETE", "/admin/scopes/orders.read").status == 204


def orders(server: Server, api: Api) -> App:
    """Defines a scope that the web client is registered for."""
    api.call("PUT", "/admin/scopes/orders", {**ORDERS, "grantable_by": "anyone"})
    server.clients.put(fakes.client(scope=Scope.parse("openid orders read")))
    return App(server)


def test_a_removed_scope_is_granted_to_no_client_that_is_registered_for_it(server: Server, api: Api) -> None:
    app = orders(server, api)
    assert str(app.tokens(scope="openid orders").scope) == "openid orders"
    assert api.call("DELETE", "/admin/scopes/orders").status == 204
    assert str(app.tokens(scope="openid orders").scope) == "openid"
    refused = Browser(server).authorize(scope="orders")
    assert isinstance(refused, AuthorizationResponse)
    assert refused.parameters["error"] == "invalid_scope"


def test_a_machine_is_granted_no_removed_scope(server: Server, api: Api) -> None:
    orders(server, api)
    held = Scope.parse("orders read")
    server.clients.put(fakes.client(grant_types=("client_credentials",), scope=held, default_scope=held))
    machine = App(server)
    assert str(machine.token("client_credentials").scope) == "orders read"
    assert api.call("DELETE", "/admin/scopes/orders").status == 204
    assert str(machine.token("client_credentials").scope) == "read"
    with pytest.raises(InvalidScope):
        machine.token("client_credentials", scope="orders")


def test_what_was_granted_of_a_removed_scope_is_worth_nothing_until_it_is_back(server: Server, api: Api) -> None:
    tokens = orders(server, api).tokens(scope="openid orders read")
    assert api.call("DELETE", "/admin/scopes/orders").status == 204
    assert server.access(tokens.access_token).scope == Scope.parse("openid read")
    tokens = App(server).refresh(tokens.refresh_token)
    assert str(tokens.scope) == "openid read"
    assert api.call("PUT", "/admin/scopes/orders", {**ORDERS, "grantable_by": "anyone"}).status == 200
    assert str(App(server).refresh(tokens.refresh_token).scope) == "openid orders read"


def test_a_client_that_holds_a_removed_scope_can_be_changed(server: Server, api: Api) -> None:
    orders(server, api)
    assert api.call("DELETE", "/admin/scopes/orders").status == 204
    clients = Api(server, CLIENTS, "operator")
    assert clients.call("PATCH", "/admin/clients/web", {"client_name": "Another"}).status == 200
    assert clients.call("PATCH", "/admin/clients/web", {"scope": "orders read"}).status == 200
    assert clients.call("PATCH", "/admin/clients/web", {"scope": "openid read"}).status == 200
    assert clients.call("PATCH", "/admin/clients/web", {"scope": "read orders"}).fields == {"scope"}


@pytest.mark.parametrize("number", [10, 100, 1000])
def test_removing_a_scope_looks_at_no_client(server: Server, api: Api, number: int) -> None:
    api.call("PUT", "/admin/scopes/orders", ORDERS)
    for position in range(number):
        server.clients.put(fakes.client(client_id=f"client-{position}"))
    server.calls.clear()
    assert api.call("DELETE", "/admin/scopes/orders").status == 204
    assert server.calls == {"configuration.scopes": 2, "withdrawals.change_scopes": 1}


def test_changes_at_once_are_all_there(server: Server, api: Api) -> None:
    answers = all_at_once(lambda number: api.call("PUT", f"/admin/scopes/scope-{number}", ORDERS), 8)
    defined = {number for number, answer in enumerate(answers) if answer.status == 200}
    assert {answer.status for answer in answers} <= {200, 409}
    assert defined
    names = {one["name"] for one in api.get("/admin/scopes")["items"]}
    assert {f"scope-{number}" for number in defined} <= names


def test_who_loses_a_race_tries_again_on_what_the_winner_wrote(server: Server, api: Api) -> None:
    def around(verb: str, call: Any) -> Any:
        if verb == "withdrawals.change_scopes" and server.calls[verb] == 1:
            api.call("PUT", "/admin/scopes/winner", ORDERS)
        return call()

    server.around = around
    assert api.call("PUT", "/admin/scopes/loser", ORDERS).status == 200
    names = {one["name"] for one in api.get("/admin/scopes")["items"]}
    assert {"winner", "loser"} <= names


def test_who_loses_again_and_again_is_told(server: Server, api: Api) -> None:
    server.around = lambda verb, call: False if verb == "withdrawals.change_scopes" else call()
    assert api.call("PUT", "/admin/scopes/orders", ORDERS).status == 409
