"""/admin/authorizations and /admin/keys."""

from typing import Any

import pytest

from authserver.errors import TemporarilyUnavailable
from authserver.identity.cutoffs import KEPT
from authserver.management import keys
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
    server.clock.advance(2)
    assert api.call("DELETE", GRANTS, **whose).status == 204
    assert {name for name, connection in connections.items() if not connection.is_alive} == dead
    marked = {one["id"] for one in api.get(GRANTS, **whose)["items"] if one["revoked_at"]}
    assert marked == {connections[name].id for name in dead}
    server.clock.advance(2)
    assert server.connect("max", "a1").is_alive


def test_revoking_all_that_is_interrupted_has_ended_all(server: Tenants, api: Api) -> None:
    connections = [server.connect_personally("max") for _ in range(4)]
    server.clock.advance(2)

    def crash(verb: str, call: Any) -> Any:
        if verb == "tokens.revoke" and server.calls[verb] > 2:
            raise TemporarilyUnavailable("The store did not answer", reason="test")
        return call()

    server.calls.clear()
    server.around = crash
    with pytest.raises(TemporarilyUnavailable):
        api.call("DELETE", GRANTS, subject="max")
    server.around = lambda _, call: call()
    assert sum(bool(one["revoked_at"]) for one in api.get(GRANTS, subject="max")["items"]) == 2
    assert not any(connection.is_alive for connection in connections)


def test_what_is_granted_while_all_is_revoked_is_left_alone(server: Tenants, api: Api) -> None:
    old = server.connect_personally("max")
    new = []

    def meanwhile(verb: str, call: Any) -> Any:
        if verb == "tokens.authorizations":
            server.around = lambda _, call: call()
            server.clock.advance(1)
            new.append(server.connect_personally("max"))
        return call()

    server.around = meanwhile
    assert api.call("DELETE", GRANTS, subject="max").status == 204
    assert not old.is_alive
    assert new[0].is_alive


def test_a_cutoff_is_kept_for_longer_than_anything_it_ends(server: Tenants) -> None:
    """The template's parameters have maxima; a cutoff outlives them all, whatever the settings were before."""
    longest = 63_072_000 + 600  # RefreshTokenLifetime after CodeLifetime
    assert longest <= KEPT


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
