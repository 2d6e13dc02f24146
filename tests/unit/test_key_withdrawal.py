"""A key that was stolen is withdrawn: no function trusts it within a minute, and what it protected has ended."""

from typing import Any

import jwt
import pytest

from authserver.endpoints.machines.metadata import json_web_key_set
from authserver.errors import InvalidGrant, InvalidToken
from authserver.management.admin import keys as operations
from authserver.messages.browser import GoTo
from authserver.services import Services
from authserver.tokens.keyring import LOOK_AGAIN, RINGS, SIGNING_RINGS
from tests.fakes import client, public_client
from tests.unit.api import Api
from tests.unit.server import App, Browser, Server

OPAQUE = client(client_id="opaque", access_token_format="opaque")


@pytest.fixture
def server() -> Server:
    return Server(client(), public_client(), OPAQUE)


@pytest.fixture
def api(server: Server) -> Api:
    return Api(server, operations.OPERATIONS, "operator", scope=Api.EVERY_POWER)


def current(api: Api, ring: str) -> str:
    (kid,) = [one["kid"] for one in api.get("/admin/keys")["items"] if (one["ring"], one["state"]) == (ring, "current")]
    return str(kid)


def withdraw(api: Api, ring: str) -> str:
    """Withdraws the key in use; the one that took over."""
    kid = current(api, ring)
    answer = api.call("POST", f"/admin/keys/{kid}/withdrawal", {})
    assert answer.status == 200
    assert (answer.document["kid"], answer.document["ring"]) == (kid, ring)
    return str(answer.document["successor"])


def published(services: Services) -> set[str]:
    return {jwk["kid"] for jwk in json_web_key_set(services).members()["keys"]}


@pytest.mark.parametrize("ring", SIGNING_RINGS)
def test_a_withdrawn_signing_key_leaves_the_key_set_at_once_and_its_successor_signs_at_once(
    server: Server, api: Api, ring: str
) -> None:
    warm, stolen = server.new_instance(), current(api, ring)
    assert stolen in published(warm)
    successor = withdraw(api, ring)
    assert stolen not in published(warm)
    assert successor in published(warm)
    assert warm.keys.signing_key(ring).kid == successor == current(api, ring)


def test_a_token_that_a_withdrawn_key_signed_is_refused_by_the_next_check(server: Server, api: Api) -> None:
    token = App(server).token("client_credentials", scope="read").access_token
    server.access(token)
    withdraw(api, "ES256")
    with pytest.raises(InvalidToken):
        server.access(token)
    server.access(App(server).token("client_credentials", scope="read").access_token)


def test_a_token_that_somebody_makes_with_the_stolen_key_is_refused(server: Server, api: Api) -> None:
    """The thief has the key itself, and takes the claims of a token that is good."""
    token = App(server).token("client_credentials", scope="read").access_token.reveal()
    stolen = server.services.keys.signing_key("ES256")
    claims = jwt.decode(token, options={"verify_signature": False})
    withdraw(api, "ES256")
    forged = jwt.encode(
        {**claims, "exp": claims["exp"] + 9}, stolen.private, "ES256", {"typ": "at+jwt", "kid": stolen.kid}
    )
    with pytest.raises(InvalidToken):
        server.access(forged)


def test_an_opaque_token_of_a_withdrawn_key_is_refused_by_the_next_check(server: Server, api: Api) -> None:
    app = App(server, "opaque")
    token = app.token("client_credentials", scope="read").access_token
    server.access(token)
    withdraw(api, "access_token")
    with pytest.raises(InvalidToken):
        server.access(token)
    server.access(app.token("client_credentials", scope="read").access_token)


def test_codes_and_refresh_tokens_of_a_withdrawn_key_are_refused(server: Server, api: Api) -> None:
    app, browser = App(server), Browser(server)
    tokens, code = app.exchange(browser.code()), browser.code()
    withdraw(api, "token")
    with pytest.raises(InvalidGrant):
        app.refresh(tokens.refresh_token)
    with pytest.raises(InvalidGrant):
        app.exchange(code)


def test_a_session_of_a_withdrawn_key_is_over_within_half_a_minute_in_every_instance(server: Server, api: Api) -> None:
    browser, other = Browser(server), server.new_instance()
    browser.code()
    other.keys.token_keys("token")
    withdraw(api, "token")
    server.clock.advance(LOOK_AGAIN)
    server.services = other
    answer = browser.authorize()
    assert isinstance(answer, GoTo)
    assert answer.page == "login"


@pytest.mark.parametrize("ring", RINGS)
def test_an_instance_that_only_signs_uses_a_withdrawn_key_no_longer_than_half_a_minute(
    server: Server, api: Api, ring: str
) -> None:
    warm = server.new_instance()

    def used() -> Any:
        return warm.keys.signing_key(ring).kid if ring in SIGNING_RINGS else warm.keys.token_key(ring)

    before = used()
    withdraw(api, ring)
    server.clock.advance(LOOK_AGAIN)
    assert used() != before


@pytest.mark.parametrize("ring", RINGS)
def test_an_instance_that_met_the_withdrawal_half_to_be_seen_uses_the_key_no_longer_than_a_minute(
    server: Server, api: Api, ring: str
) -> None:
    """It sees the count and then, once, the ring as it was: a transaction is seen item by item."""
    warm, before = server.new_instance(), server.keys.get(ring)
    assert before is not None

    def keys() -> set[Any]:
        if ring not in SIGNING_RINGS:
            return set(warm.keys.token_keys(ring))
        return published(warm) & {key.kid for key in before.keys}

    trusted = keys()
    withdraw(api, ring)
    warm.keys.are_current()
    server.around = lambda verb, call: before if verb == "keys.get" and call().name == ring else call()
    assert keys() == trusted
    server.around = lambda _, call: call()
    for _ in range(2):  # however often it looks
        server.clock.advance(LOOK_AGAIN // 2)
        warm.keys.are_current()
    assert not trusted & keys()


def test_a_withdrawal_is_read_twice_and_then_no_more(server: Server, api: Api) -> None:
    warm = server.new_instance()
    published(warm)
    withdraw(api, "ES256")
    server.calls.clear()
    for _ in range(5):
        published(warm)
        server.clock.advance(LOOK_AGAIN)
    assert server.calls["keys.get"] == 2 * len(SIGNING_RINGS)


def test_a_key_that_is_published_and_not_in_use_takes_over_at_once(server: Server, api: Api) -> None:
    api.call("POST", "/admin/keys/rotation")
    (following,) = [
        one["kid"] for one in api.get("/admin/keys")["items"] if (one["ring"], one["state"]) == ("ES256", "next")
    ]
    assert withdraw(api, "ES256") == following
    assert server.new_instance().keys.signing_key("ES256").kid == following


def test_withdrawing_a_key_that_is_not_in_use_leaves_the_one_that_is(server: Server, api: Api) -> None:
    before = current(api, "ES256")
    api.call("POST", "/admin/keys/rotation")
    (following,) = [
        one["kid"] for one in api.get("/admin/keys")["items"] if (one["ring"], one["state"]) == ("ES256", "next")
    ]
    assert api.call("POST", f"/admin/keys/{following}/withdrawal", {}).status == 200
    token = App(server).token("client_credentials", scope="read").access_token
    server.access(token)
    kids = {one["kid"] for one in api.get("/admin/keys")["items"] if one["ring"] == "ES256"}
    assert following not in kids
    assert before in kids


def test_a_key_that_there_is_not_is_not_found_and_changes_nothing(server: Server, api: Api) -> None:
    assert api.call("POST", "/admin/keys/none/withdrawal", {}).status == 404
    assert server.record.deployment.keys == 0


def test_withdrawing_a_key_twice_finds_it_gone(server: Server, api: Api) -> None:
    kid = current(api, "ES256")
    assert api.call("POST", f"/admin/keys/{kid}/withdrawal", {}).status == 200
    assert api.call("POST", f"/admin/keys/{kid}/withdrawal", {}).status == 404


# ------------------------------------------------------------------ everything


def test_after_the_end_of_everything_nothing_from_before_lives(server: Server, api: Api) -> None:
    app, machine, browser = App(server), App(server, "opaque"), Browser(server)
    tokens, code = app.exchange(browser.code()), browser.code()
    of_machines = [one.token("client_credentials", scope="read").access_token for one in (app, machine)]
    assert api.call("POST", "/admin/end-everything", {}).status == 204
    for token in (tokens.access_token, *of_machines):
        with pytest.raises(InvalidToken):
            server.access(token)
    with pytest.raises(InvalidGrant):
        app.refresh(tokens.refresh_token)
    with pytest.raises(InvalidGrant):
        app.exchange(code)
    answer = browser.authorize()
    assert isinstance(answer, GoTo)
    assert answer.page == "login"


def test_after_the_end_of_everything_people_are_asked_again_and_all_works(server: Server, api: Api) -> None:
    browser = Browser(server)
    App(server).exchange(browser.code())
    for _ in range(6):
        api.call("POST", "/admin/end-everything", {})
        tokens = App(server).exchange(browser.code())
        server.access(tokens.access_token)
        server.access(App(server).refresh(tokens.refresh_token).access_token)
        for app in (App(server), App(server, "opaque")):
            server.access(app.token("client_credentials", scope="read").access_token)


def test_ending_everything_takes_every_administrative_scope(server: Server) -> None:
    weak = Api(server, operations.OPERATIONS, "operator", scope="admin:keys.write admin:users.write")
    assert weak.call("POST", "/admin/end-everything", {}).status == 403
    assert server.record.deployment.era == ""


def test_a_backup_that_is_restored_and_ended_revives_nothing(server: Server, api: Api) -> None:
    """The backup has the counters of its day, which repeat: an end from after it is undone, but for the new era."""
    browser, app = Browser(server), App(server)
    tokens = app.exchange(browser.code())
    machine = app.token("client_credentials", scope="read").access_token
    subjects, clients = dict(server.record.subjects), dict(server.record.clients)
    server.withdrawals.end(subject="sub-of-alice")
    server.withdrawals.end(client_id="web")
    server.record.subjects, server.record.clients = subjects, clients  # restored
    server.access(tokens.access_token)  # which is why there is an era
    assert api.call("POST", "/admin/end-everything", {}).status == 204
    server.withdrawals.end(subject="sub-of-alice")  # counters meet again
    for token in (tokens.access_token, machine):
        with pytest.raises(InvalidToken):
            server.access(token)
