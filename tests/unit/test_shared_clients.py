"""The same metadata of a public client, registered again where anybody may: the same client (RFC 7591, RFC 7592)."""

from typing import Any

import pytest

from authserver.errors import InvalidToken, TemporarilyUnavailable, TooManyRegistrations
from authserver.management.admin import clients
from authserver.management.client_records import ATTEMPTS
from authserver.management.registration.initial_access import new_initial_access_token
from authserver.management.registration.shared import DAY, UNUSED_LIFETIME
from authserver.models import DISABLED
from authserver.models.clients import VERIFIED, Client
from tests.fakes import REDIRECT_URI
from tests.unit.api import Api
from tests.unit.server import App, Server, all_at_once
from tests.unit.test_registration import ask

DOCUMENT: dict[str, Any] = {
    "client_name": "An editor",
    "redirect_uris": [REDIRECT_URI, "cursor://anysphere.cursor-mcp/oauth/callback"],
    "grant_types": ["authorization_code", "refresh_token"],
    "token_endpoint_auth_method": "none",
    "scope": "openid read write",
    "contacts": ["a@example.com", "b@example.com"],
}


@pytest.fixture
def server() -> Server:
    return Server(registration="Open")


def register(server: Server, source: str = "192.0.2.1", **metadata: Any) -> dict[str, Any]:
    status, made = ask(server, "POST", document=DOCUMENT | metadata, source=source)
    assert status == 201
    return dict(made)


def record_of(server: Server, made: dict[str, Any]) -> Client:
    record = server.clients.get(made["client_id"])
    assert record is not None
    return record


def use(server: Server, made: dict[str, Any]) -> Any:
    return App(server, made["client_id"], None).tokens(redirect_uri=REDIRECT_URI, scope="openid read")


def operator_of(server: Server) -> Api:
    return Api(server, clients.OPERATIONS, "operator", scope=Api.EVERY_POWER)


# ------------------------------------------------------------------ what is the same


@pytest.mark.rfc("7591", "3.2.1")
@pytest.mark.parametrize(
    "again",
    [
        {},
        {"redirect_uris": [*reversed(DOCUMENT["redirect_uris"]), REDIRECT_URI]},
        {"grant_types": ["refresh_token", "authorization_code", "urn:ietf:params:oauth:grant-type:jwt-bearer"]},
        {"scope": "write unheard-of read openid"},
        {"contacts": ["b@example.com", "nobody", "a@example.com"]},
        {"response_types": ["code"], "require_pkce": True, "default_max_age": None, "tos_uri": ""},
        {"application_type": "native", "favourite_colour": "blue", "client_uri": "http://app.example/"},
        {"client_name": " An editor "},
    ],
)
def test_same_metadata_in_force_is_the_same_client_and_costs_no_record(again: dict[str, Any], server: Server) -> None:
    first = register(server)
    server.clock.advance(60)
    assert register(server, "198.51.100.7", **again) == first
    assert server.calls["clients.create"] == 1


@pytest.mark.parametrize(
    "other",
    [
        {"client_name": "Another editor"},
        {"client_name": None},
        {"redirect_uris": [REDIRECT_URI]},
        {"grant_types": ["authorization_code"]},
        {"scope": "openid read"},
        {"default_scope": "read"},
        {"contacts": ["a@example.com"]},
        {"client_uri": "https://app.example/"},
        {"logo_uri": "data:image/png;base64,iVBORw0KGgo="},
        {"default_max_age": 60},
        {"software_version": "2"},
    ],
)
def test_other_metadata_is_another_client(other: dict[str, Any], server: Server) -> None:
    first, second = register(server), register(server, **other)
    assert second["client_id"] != first["client_id"]
    assert [register(server), register(server, **other)] == [first, second]


def test_clients_without_a_name_are_the_same(server: Server) -> None:
    first = register(server, client_name="")
    assert register(server, client_name="\x07") == first
    assert first["client_name"] == first["client_id"]


def test_confidential_clients_are_each_their_own(server: Server) -> None:
    made = [register(server, token_endpoint_auth_method="client_secret_post") for _ in range(2)]
    assert made[0]["client_id"] != made[1]["client_id"]
    assert all("registration_access_token" in one and "client_secret" in one for one in made)


def test_clients_that_an_initial_access_token_registers_are_each_their_own() -> None:
    server = Server(registration="InitialAccessToken")
    token, record = new_initial_access_token(2, 60, server.services)
    server.tokens.put_initial_access_token(record)
    made = [ask(server, "POST", document=DOCUMENT, bearer=token)[1] for _ in range(2)]
    assert made[0]["client_id"] != made[1]["client_id"]
    assert all("registration_access_token" in one for one in made)


def test_client_of_a_deployment_that_was_not_open_then_is_not_given_away() -> None:
    server = Server(registration="InitialAccessToken")
    token, record = new_initial_access_token(1, 60, server.services)
    server.tokens.put_initial_access_token(record)
    _, own = ask(server, "POST", document=DOCUMENT, bearer=token)
    opened = Server(registration="Open")
    opened.clients, opened.record = server.clients, server.record
    opened.services = opened.new_instance()
    assert register(opened)["client_id"] != own["client_id"]


@pytest.mark.parametrize("crowd", [2, 32])
def test_many_who_register_the_same_at_once_get_one_client(crowd: int, server: Server) -> None:
    made = all_at_once(lambda n: register(server, f"192.0.2.{n}")["client_id"], crowd)
    assert len({*made}) == 1
    assert [one.client_id for one in server.clients.list().items if not one.owner][2:] == made[:1]


def test_whoever_loses_the_race_gets_the_winners_client(server: Server) -> None:
    others: list[dict[str, Any]] = []
    server.before("clients.create", lambda: others.append(register(server, "198.51.100.7")))
    assert register(server) == others[0]


def test_whose_write_was_done_and_the_answer_lost_gets_the_client(server: Server) -> None:
    def twice(verb: str, call: Any) -> Any:
        if verb == "clients.create":
            call()
        return call()

    server.around = twice
    made = register(server)
    server.around = lambda _, call: call()
    assert register(server) == made


def test_others_who_keep_being_quicker_are_told_apart_from_a_failure(server: Server) -> None:
    server.around = lambda verb, call: False if verb == "clients.create" else call()
    with pytest.raises(TemporarilyUnavailable):
        register(server)
    assert server.calls["clients.create"] == ATTEMPTS


# ------------------------------------------------------------------ without an owner


@pytest.mark.rfc("7592", "3")
def test_answer_names_neither_a_token_nor_an_address(server: Server) -> None:
    for made in (register(server), register(server)):
        assert not {"registration_access_token", "registration_client_uri", "client_secret"} & made.keys()
    assert operator_of(server).get(f"/admin/clients/{made['client_id']}")["has_registration_access_token"] is False


@pytest.mark.rfc("7592", "2")
@pytest.mark.parametrize("bearer", ["", "ra_", "ra_" + "A" * 43, "x", "\x00" * 32])
def test_nobody_reads_changes_or_ends_it(bearer: str, server: Server) -> None:
    made = register(server)
    changed = DOCUMENT | {"client_id": made["client_id"], "redirect_uris": ["https://evil.example/"]}
    for method, document in (("GET", None), ("PUT", changed), ("DELETE", None)):
        with pytest.raises(InvalidToken):
            ask(server, method, made["client_id"], document, bearer)
    assert register(server) == made


# ------------------------------------------------------------------ as long as it is there


@pytest.mark.parametrize("wait", [0, 400 * DAY])
def test_used_client_is_given_for_as_long_as_it_is_there(wait: int, server: Server) -> None:
    made = register(server)
    tokens = use(server, made)
    server.clock.advance(wait)
    assert register(server) == made
    assert wait or App(server, made["client_id"], None).refresh(tokens.refresh_token)


def test_unused_client_that_is_given_again_has_its_whole_time(server: Server) -> None:
    made = register(server)
    for _ in range(3):
        server.clock.advance(UNUSED_LIFETIME - 1)
        assert register(server) == made
        assert record_of(server, made).expires_at == server.clock() + UNUSED_LIFETIME
    assert use(server, made).access_token
    assert record_of(server, made).expires_at is None


def test_unused_client_is_written_once_a_day_at_most(server: Server) -> None:
    register(server)
    for _ in range(5):
        register(server)
        server.clock.advance(3600)
    assert server.calls["withdrawals.change_client"] == 0
    server.clock.advance(DAY)
    for _ in range(5):
        register(server)
    assert server.calls["withdrawals.change_client"] == 1


def test_first_token_while_its_time_is_being_renewed_keeps_the_client(server: Server) -> None:
    made = register(server)
    server.clock.advance(2 * DAY)
    server.before("withdrawals.change_client", lambda: use(server, made))
    assert register(server) == made
    assert record_of(server, made).expires_at is None


def _expire(server: Server, made: dict[str, Any]) -> None:
    server.clock.advance(UNUSED_LIFETIME)


def _vanish(server: Server, made: dict[str, Any]) -> None:
    server.clients.remove(made["client_id"])


def _delete(server: Server, made: dict[str, Any]) -> None:
    assert operator_of(server).call("DELETE", f"/admin/clients/{made['client_id']}").status == 204


def _disable(server: Server, made: dict[str, Any]) -> None:
    path = f"/admin/clients/{made['client_id']}"
    assert operator_of(server).call("PATCH", path, {"status": DISABLED}).status == 200


def _change(server: Server, made: dict[str, Any]) -> None:
    path = f"/admin/clients/{made['client_id']}"
    assert operator_of(server).call("PATCH", path, {"scope": "openid read"}).status == 200


OVER = [_expire, _vanish, _delete, _disable, _change]


@pytest.mark.parametrize("ends", OVER)
def test_client_that_is_over_or_no_longer_that_is_given_to_nobody_any_more(ends: Any, server: Server) -> None:
    first = register(server)
    ends(server, first)
    second = register(server)
    assert second["client_id"] != first["client_id"]
    assert register(server) == second
    assert use(server, second).access_token
    ends(server, second)
    if ends is not _expire:  # a used one does not expire
        assert register(server)["client_id"] not in (first["client_id"], second["client_id"])


@pytest.mark.parametrize("ends", [_delete, _disable])
@pytest.mark.parametrize("verb", ["clients.get", "withdrawals.change_client"])
def test_client_that_ends_while_it_is_being_given_is_not_kept_alive(verb: str, ends: Any, server: Server) -> None:
    first = register(server)
    server.clock.advance(2 * DAY)
    server.before(verb, lambda: ends(server, first))
    assert register(server)["client_id"] != first["client_id"]


def test_disabled_client_that_is_enabled_again_lives_beside_its_successor(server: Server) -> None:
    first = register(server)
    _disable(server, first)
    second = register(server)
    path = f"/admin/clients/{first['client_id']}"
    assert operator_of(server).call("PATCH", path, {"status": "active"}).status == 200
    assert register(server) == second
    assert use(server, first).access_token


def test_client_that_an_operator_verified_is_given(server: Server) -> None:
    made = register(server)
    path = f"/admin/clients/{made['client_id']}"
    assert operator_of(server).call("PATCH", path, {"verification": VERIFIED}).status == 200
    server.clock.advance(UNUSED_LIFETIME)
    assert register(server) == made


# ------------------------------------------------------------------ limits


def test_only_what_is_new_is_counted() -> None:
    server = Server(registration="Open", registrations_per_hour=2, registrations_per_day=3)
    made = register(server)
    for _ in range(10):
        assert register(server) == made
    assert register(server, client_name="Another")["client_id"] != made["client_id"]
    with pytest.raises(TooManyRegistrations):
        register(server, client_name="A third")
    assert register(server) == made
