"""What lets somebody register clients, and change what they registered: an operator sees it and takes it back."""

from collections.abc import Callable
from typing import Any

import pytest

from authserver.errors import InvalidToken, TemporarilyUnavailable
from authserver.management.admin import clients
from authserver.management.client_records import ATTEMPTS
from tests.fakes import START
from tests.unit.api import Api
from tests.unit.server import App, Server
from tests.unit.test_registration import DOCUMENT, REFRESHING, ask

TOKENS = "/admin/initial-access-tokens"


@pytest.fixture
def server() -> Server:
    return Server(registration="InitialAccessToken")


@pytest.fixture
def api(server: Server) -> Api:
    return Api(server, clients.OPERATIONS, "operator", scope="admin:clients")


def given(api: Api, **asked: int) -> tuple[str, str]:
    """A new initial access token, and what it is listed as."""
    made = api.call("POST", TOKENS, asked)
    assert made.status == 201
    return made.document["initial_access_token"], made.document["id"]


def remaining(api: Api, identifier: str) -> int:
    """How many uses are listed for it; 0 if it is not listed."""
    found = [one["remaining"] for one in api.get(TOKENS)["items"] if one["id"] == identifier]
    return sum(found)


# ------------------------------------------------------------------ initial access tokens


@pytest.mark.rfc("7591", "3")
def test_tokens_are_listed_with_what_is_left_of_them_and_without_the_secret(server: Server, api: Api) -> None:
    assert api.get(TOKENS) == {"items": []}
    (first, one), (second, other) = given(api, uses=2, lifetime=600), given(api)
    assert ask(server, "POST", document=DOCUMENT, bearer=first)[0] == 201
    items = api.get(TOKENS)["items"]
    assert sorted(items, key=lambda item: item["expires_at"]) == [
        {"id": one, "remaining": 1, "created_at": START, "expires_at": START + 600},
        {"id": other, "remaining": 1, "created_at": START, "expires_at": START + 86_400},
    ]
    assert first not in str(items)
    assert second not in str(items)


def test_tokens_that_let_nobody_register_any_more_are_not_listed(server: Server, api: Api) -> None:
    token, _ = given(api, lifetime=600)
    _, over = given(api, lifetime=60)
    assert ask(server, "POST", document=DOCUMENT, bearer=token)[0] == 201
    assert [one["id"] for one in api.get(TOKENS)["items"]] == [over]
    server.clock.advance(60)
    assert api.get(TOKENS)["items"] == []


def test_tokens_are_listed_in_parts(server: Server, api: Api) -> None:
    made = set()
    for _ in range(3):
        made.add(given(api)[1])
        server.clock.advance(1)
    first = api.get(TOKENS, limit="2")
    second = api.get(TOKENS, limit="2", cursor=first["next"])
    assert [len(part["items"]) for part in (first, second)] == [2, 1]
    assert {one["id"] for part in (first, second) for one in part["items"]} == made


def test_a_token_that_was_taken_back_lets_nobody_register_and_what_was_registered_stays(
    server: Server, api: Api
) -> None:
    token, identifier = given(api, uses=5)
    _, made = ask(server, "POST", document=REFRESHING, bearer=token)
    assert api.call("DELETE", f"{TOKENS}/{identifier}").status == 204
    with pytest.raises(InvalidToken):
        ask(server, "POST", document=DOCUMENT, bearer=token)
    assert api.get(TOKENS)["items"] == []
    assert App(server, made["client_id"], made["client_secret"]).tokens().access_token
    assert api.call("DELETE", f"{TOKENS}/{identifier}").status == 404


def test_a_token_that_is_taken_back_while_somebody_registers_lets_nobody_in(server: Server, api: Api) -> None:
    token, identifier = given(api)
    server.before("clients.create", lambda: api.call("DELETE", f"{TOKENS}/{identifier}"))
    with pytest.raises(InvalidToken):
        ask(server, "POST", document=DOCUMENT, bearer=token)
    assert [one.client_id for one in server.clients.list().items] == ["web", "app"]


@pytest.mark.parametrize("identifier", ["x", "A" * 22, "A" * 500])
def test_what_was_never_given_is_not_there(identifier: str, api: Api) -> None:
    assert api.call("DELETE", f"{TOKENS}/{identifier}").status == 404


def test_a_registration_that_fails_costs_no_use(server: Server, api: Api) -> None:
    token, identifier = given(api)
    server.around = failing_at("clients.create")
    with pytest.raises(TemporarilyUnavailable):
        ask(server, "POST", document=DOCUMENT, bearer=token)
    server.around = lambda _, call: call()
    assert remaining(api, identifier) == 1
    assert ask(server, "POST", document=DOCUMENT, bearer=token)[0] == 201
    assert remaining(api, identifier) == 0


def failing_at(verb: str) -> Callable[[str, Callable[[], Any]], Any]:
    def around(called: str, call: Callable[[], Any]) -> Any:
        if called == verb:
            raise TemporarilyUnavailable("The store did not answer", reason="test")
        return call()

    return around


def test_a_registration_whose_answer_was_lost_is_done_and_cost_one_use(server: Server, api: Api) -> None:
    """The store is asked again, as the adapter asks it, and finds that this was done."""
    token, identifier = given(api, uses=3)

    def twice(verb: str, call: Callable[[], Any]) -> Any:
        if verb == "clients.create":
            call()
        return call()

    server.around = twice
    status, made = ask(server, "POST", document=REFRESHING, bearer=token)
    server.around = lambda _, call: call()
    assert status == 201
    assert App(server, made["client_id"], made["client_secret"]).tokens().access_token
    assert remaining(api, identifier) == 2


# ------------------------------------------------------------------ registration access tokens


def registered(server: Server, api: Api) -> dict[str, Any]:
    status, made = ask(server, "POST", document=REFRESHING, bearer=given(api)[0])
    assert status == 201
    return dict(made)


@pytest.mark.rfc("7592", "2")
def test_an_operator_sees_who_has_a_registration_access_token_and_takes_it_back(server: Server, api: Api) -> None:
    made = registered(server, api)
    path, token = f"/admin/clients/{made['client_id']}", made["registration_access_token"]
    assert api.get(path)["has_registration_access_token"] is True
    assert api.get("/admin/clients/web")["has_registration_access_token"] is False
    assert api.call("DELETE", f"{path}/registration-access-token").status == 204
    assert api.get(path)["has_registration_access_token"] is False
    changed = {**DOCUMENT, "client_id": made["client_id"], "client_name": "Mine"}
    for method, document in (("GET", None), ("PUT", changed), ("DELETE", None)):
        for bearer in (token, ""):
            with pytest.raises(InvalidToken):
                ask(server, method, made["client_id"], document, bearer)
    assert api.get(path)["client_name"] == "An app"


def test_a_client_goes_on_without_its_registration_access_token(server: Server, api: Api) -> None:
    made = registered(server, api)
    app = App(server, made["client_id"], made["client_secret"])
    tokens = app.tokens()
    path = f"/admin/clients/{made['client_id']}/registration-access-token"
    assert [api.call("DELETE", path).status for _ in range(2)] == [204, 204]
    server.access(tokens.access_token)
    assert app.refresh(tokens.refresh_token).access_token


def test_whoever_changes_a_client_at_the_instant_the_token_is_taken_back_does_not_change_it(
    server: Server, api: Api
) -> None:
    made = registered(server, api)
    path = f"/admin/clients/{made['client_id']}"
    server.before("withdrawals.change_client", lambda: api.call("DELETE", f"{path}/registration-access-token"))
    changed = {**DOCUMENT, "client_id": made["client_id"], "client_name": "Mine"}
    with pytest.raises(InvalidToken):
        ask(server, "PUT", made["client_id"], changed, made["registration_access_token"])
    assert api.get(path)["client_name"] == "An app"


@pytest.mark.rfc("7592", "2.3")
def test_whoever_deletes_a_client_at_the_instant_the_token_is_taken_back_does_not_delete_it(
    server: Server, api: Api
) -> None:
    made = registered(server, api)
    path = f"/admin/clients/{made['client_id']}"
    server.before("withdrawals.delete_client", lambda: api.call("DELETE", f"{path}/registration-access-token"))
    with pytest.raises(InvalidToken):
        ask(server, "DELETE", made["client_id"], None, made["registration_access_token"])
    assert api.get(path)["has_registration_access_token"] is False
    App(server, made["client_id"], made["client_secret"]).tokens()


@pytest.mark.rfc("7592", "2.3")
def test_a_change_at_the_instant_of_a_deletion_does_not_keep_the_client(server: Server, api: Api) -> None:
    made = registered(server, api)
    path = f"/admin/clients/{made['client_id']}"
    server.before("withdrawals.delete_client", lambda: api.call("PATCH", path, {"client_name": "Another name"}))
    assert ask(server, "DELETE", made["client_id"], None, made["registration_access_token"])[0] == 204
    assert api.call("GET", path).status == 404


@pytest.mark.rfc("7592", "2.3")
def test_a_deletion_is_told_to_fail_where_others_keep_being_quicker(server: Server, api: Api) -> None:
    made = registered(server, api)
    server.around = lambda verb, call: False if verb == "withdrawals.delete_client" else call()
    with pytest.raises(TemporarilyUnavailable):
        ask(server, "DELETE", made["client_id"], None, made["registration_access_token"])
    assert server.calls["withdrawals.delete_client"] == ATTEMPTS


def test_there_is_nothing_to_take_back_of_a_client_that_there_is_not(api: Api) -> None:
    assert api.call("DELETE", "/admin/clients/nobody/registration-access-token").status == 404


def test_taking_it_back_is_told_to_fail_where_others_keep_being_quicker(server: Server, api: Api) -> None:
    made = registered(server, api)
    server.around = lambda verb, call: False if verb == "withdrawals.change_client" else call()
    answer = api.call("DELETE", f"/admin/clients/{made['client_id']}/registration-access-token")
    assert (answer.status, answer.reason) == (409, "changed_meanwhile")
    assert server.calls["withdrawals.change_client"] == ATTEMPTS
