"""/admin/authorizations and /admin/keys."""

import pytest

from authserver.management.admin import keys
from authserver.tokens.keyring import PUBLISH_LEAD, RINGS
from tests.unit.api import Api
from tests.unit.server import App, Browser, Server
from tests.unit.tenants import Tenants

GRANTS = "/admin/authorizations"


@pytest.fixture
def server() -> Tenants:
    return Tenants()


@pytest.fixture
def api(server: Tenants) -> Api:
    return server.operator


# ------------------------------------------------------------------ authorizations


def test_grants_are_listed_by_user_client_and_organisation(server: Tenants, api: Api) -> None:
    of_acme, of_globex, personal = (
        server.connect("max", "a1"),
        server.connect("gus", "g1"),
        server.connect_personally("max"),
    )

    def listed(**whose: str) -> set[str]:
        return {one["id"] for one in api.get(GRANTS, **whose)["items"]}

    assert listed(subject="max") == {of_acme.id, personal.id}
    assert listed(client_id="web") == {of_acme.id, of_globex.id}
    assert listed(organisation="globex") == {of_globex.id}
    assert listed(organisation="none") == set()
    (one,) = api.get(GRANTS, organisation="acme")["items"]
    assert one == api.get(f"{GRANTS}/{of_acme.id}")
    assert (one["sub"], one["client_id"], one["organisation"], one["entities"]) == ("max", "web", "acme", ["a1"])
    assert not set(one) & {"salt", "code_hash", "code_challenge", "nonce"}


@pytest.mark.parametrize("query", [{}, {"subject": "a", "client_id": "b"}, {"sub": "a"}])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_whose_they_are_has_to_be_said(api: Api, method: str, query: dict[str, str]) -> None:
    assert api.call(method, GRANTS, **query).fields == {"(query)"}


def test_a_revoked_grant_is_dead_and_nothing_else(server: Tenants, api: Api) -> None:
    one, another = server.connect("max", "a1"), server.connect("max", "a1")
    for _ in range(2):
        assert api.call("DELETE", f"{GRANTS}/{one.id}").status == 204
    assert (one.is_alive, another.is_alive) == (False, True)
    assert api.get(f"{GRANTS}/{one.id}")["revoked_at"] == server.clock()


@pytest.mark.parametrize("identifier", ["x", "A" * 64, "%23"])
def test_a_grant_that_is_none_is_not_found(api: Api, identifier: str) -> None:
    assert api.call("GET", f"{GRANTS}/{identifier}").status == 404
    assert api.call("DELETE", f"{GRANTS}/{identifier}").status == 404


@pytest.mark.parametrize(
    ("whose", "dead"),
    [
        ({"subject": "max"}, {"max at web", "max at personal"}),
        ({"client_id": "web"}, {"max at web", "gus at web"}),
        ({"organisation": "acme"}, {"max at web"}),
    ],
    ids=lambda value: " and ".join(sorted(value)),
)
def test_revoking_all_of_one_ends_exactly_that(
    server: Tenants, api: Api, whose: dict[str, str], dead: set[str]
) -> None:
    connections = {
        "max at web": server.connect("max", "a1"),
        "gus at web": server.connect("gus", "g1"),
        "max at personal": server.connect_personally("max"),
        "gus at personal": server.connect_personally("gus"),
    }
    assert api.call("DELETE", GRANTS, **whose).status == 204
    assert {name for name, connection in connections.items() if not connection.is_alive} == dead
    told = {one["id"] for one in api.get(GRANTS, **whose)["items"] if not one["stands"]}
    assert told == {connections[name].id for name in dead}
    assert server.connect("max", "a1").is_alive


@pytest.mark.parametrize("whose", [{"subject": "max"}, {"client_id": "web"}, {"organisation": "acme"}], ids=str)
def test_revoking_all_of_one_is_one_write_however_many_there_are(
    server: Tenants, api: Api, whose: dict[str, str]
) -> None:
    for _ in range(4):
        server.connect("max", "a1")
    server.calls.clear()
    assert api.call("DELETE", GRANTS, **whose).status == 204
    (read,) = {"users.get", "clients.get", "organisations.get"} & set(server.calls)
    assert server.calls == {read: 1, "withdrawals.end": 1}


@pytest.mark.parametrize("name", ["subject", "client_id", "organisation"])
def test_revoking_all_of_whom_there_is_not_is_told_as_a_mistake(server: Tenants, api: Api, name: str) -> None:
    """A mistyped name that was answered as done would leave alive what somebody wants dead."""
    server.calls.clear()
    assert api.call("DELETE", GRANTS, **{name: "mistyped"}).status == 404
    assert server.calls["withdrawals.end"] == 0


def test_what_is_granted_in_the_second_after_all_was_revoked_stands(server: Tenants, api: Api) -> None:
    for _ in range(6):
        connection = server.connect_personally("max")
        assert connection.is_alive
        assert api.call("DELETE", GRANTS, subject="max").status == 204
        assert not connection.is_alive


# ------------------------------------------------------------------ keys


@pytest.fixture
def of_keys(server: Server) -> Api:
    return Api(server, keys.OPERATIONS, "operator")


def test_keys_are_told_by_ring_and_state_without_what_is_wrapped(of_keys: Api) -> None:
    told = of_keys.get("/admin/keys")["items"]
    assert [(one["ring"], one["state"]) for one in told] == [(ring, "current") for ring in RINGS]
    assert all(set(one) == {"kid", "ring", "state", "created_at", "use_from", "keep_until"} for one in told)


def test_rotation_publishes_a_next_key_that_takes_over(server: Server, of_keys: Api) -> None:
    before = {one["ring"]: one["kid"] for one in of_keys.get("/admin/keys")["items"]}
    assert of_keys.call("POST", "/admin/keys/rotation").document == {"rotated": list(RINGS)}

    def states() -> dict[str, list[str]]:
        told = of_keys.get("/admin/keys")["items"]
        return {
            state: [one["kid"] for one in told if one["state"] == state] for state in ("next", "current", "retired")
        }

    assert states()["current"] == list(before.values())
    following = states()["next"]
    assert len(following) == len(RINGS)
    server.clock.advance(PUBLISH_LEAD)
    assert states() == {"next": [], "current": following, "retired": list(before.values())}


def test_rotation_twice_is_one_rotation(server: Server, of_keys: Api) -> None:
    of_keys.call("POST", "/admin/keys/rotation")
    assert of_keys.call("POST", "/admin/keys/rotation").document == {"rotated": []}
    server.clock.advance(PUBLISH_LEAD)
    assert of_keys.call("POST", "/admin/keys/rotation").document == {"rotated": list(RINGS)}


def test_tokens_outlive_a_rotation() -> None:
    server = Server()
    of_keys = Api(server, keys.OPERATIONS, "operator")
    tokens = App(server).exchange(Browser(server).code())
    of_keys.call("POST", "/admin/keys/rotation")
    server.clock.advance(PUBLISH_LEAD + 400)
    refreshed = App(server).refresh(tokens.refresh_token)
    server.access(refreshed.access_token)


def test_before_there_are_keys_there_are_none_to_tell_of() -> None:
    server = Server(rings=False)
    of_keys = Api(server, keys.OPERATIONS, "operator")
    assert of_keys.get("/admin/keys") == {"items": []}
    assert of_keys.call("POST", "/admin/keys/rotation").document == {"rotated": list(RINGS)}
    assert {one["state"] for one in of_keys.get("/admin/keys")["items"]} == {"current"}
