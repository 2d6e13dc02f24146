"""The revocation endpoint, and everything else that ends tokens before their time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from authserver.endpoints.machines.revoke import NOTED_ACCESS_TOKENS
from authserver.ends import CLOCK_SKEW, FORGOTTEN_AFTER
from authserver.errors import InvalidClient, InvalidGrant, InvalidToken, UnsupportedTokenType
from authserver.messages.token import TokenResponse
from authserver.values import Secret
from tests import fakes
from tests.fakes import PASSWORD, START, client, public_client
from tests.unit.server import App, Browser, Server


def server_of(token_format: str) -> Server:
    return Server(
        client(access_token_format=token_format),
        client(client_id="other"),
        public_client(access_token_format=token_format),
    )


@pytest.fixture(params=["jwt", "opaque"])
def app(request: pytest.FixtureRequest) -> App:
    return App(server_of(request.param))


def stands(app: App, response: TokenResponse) -> bool:
    try:
        app.server.access(response.access_token)
    except InvalidToken:
        return False
    return True


# ------------------------------------------------------------------ refresh tokens


@pytest.mark.rfc("7009", "2.1")
@pytest.mark.parametrize("public", [False, True])
def test_refresh_token_revoked_ends_itself_and_every_access_token(app: App, public: bool) -> None:
    if public:
        app = App(app.server, "app", None)
    first = app.tokens()
    second = app.refresh(first.refresh_token)
    app.revoke(second.refresh_token)
    assert not stands(app, first)
    assert not stands(app, second)
    with pytest.raises(InvalidGrant):
        app.refresh(second.refresh_token)


@pytest.mark.rfc("7009", "2.1")
def test_refresh_token_replaced_before_revokes_the_family_too(app: App) -> None:
    first = app.tokens()
    second = app.refresh(first.refresh_token)
    app.revoke(first.refresh_token)
    assert not stands(app, second)


@pytest.mark.rfc("7009", "2.2")
def test_refresh_token_revoked_twice_gets_the_same_answer(app: App) -> None:
    response = app.tokens()
    app.revoke(response.refresh_token)
    before = app.server.authorization_of(response.refresh_token or "")
    app.server.clock.advance(5)
    app.revoke(response.refresh_token)
    assert app.server.authorization_of(response.refresh_token or "") == before


@pytest.mark.rfc("7009", "2.1")
def test_authorization_revoked_leaves_another_of_the_same_user_alone(app: App) -> None:
    mine, another = app.tokens(), app.tokens()
    app.revoke(mine.refresh_token)
    assert stands(app, another)
    assert app.refresh(another.refresh_token)


@pytest.mark.rfc("7009", "2.1")
@pytest.mark.parametrize("kind", ["refresh_token", "access_token"])
def test_token_of_another_client_is_not_revoked_and_nothing_is_told(app: App, kind: str) -> None:
    response = app.tokens()
    for stranger in (App(app.server, "other"), App(app.server, "app", None)):
        stranger.revoke(getattr(response, kind))
    assert stands(app, response)
    assert app.refresh(response.refresh_token)


@pytest.mark.rfc("7009", "2.1")
def test_token_that_another_client_got_for_itself_is_not_revoked(app: App) -> None:
    response = app.token("client_credentials", scope="read")
    App(app.server, "other").revoke(response.access_token)
    assert stands(app, response)


@pytest.mark.rfc("7009", "2.1")
def test_revocation_without_authentication_is_refused(app: App) -> None:
    response = app.tokens()
    for nobody in (App(app.server, "web", "guessed"), App(app.server, "web", None), App(app.server, "nobody")):
        with pytest.raises(InvalidClient):
            nobody.revoke(response.refresh_token)
    assert stands(app, response)


@pytest.mark.rfc("7009", "2.2.1")
def test_code_cannot_be_revoked(app: App) -> None:
    code = Browser(app.server).code()
    with pytest.raises(UnsupportedTokenType):
        app.revoke(code)
    assert app.exchange(code)


@pytest.mark.rfc("7009", "2.2")
@pytest.mark.parametrize(
    "garbage", ["", "x", "rt_", "at_" + "A" * 100, "a.b.c", "eyJ.eyJ.x", "\x00", "ä", "rt_" + "A" * 300]
)
def test_unknown_token_is_answered_as_a_known_one(app: App, garbage: str) -> None:
    app.revoke(garbage)


# ------------------------------------------------------------------ access tokens


@pytest.mark.rfc("7009", "2.1")
def test_access_token_revoked_ends_alone(app: App) -> None:
    first = app.tokens()
    second = app.refresh(first.refresh_token)
    app.revoke(first.access_token)
    assert not stands(app, first)
    assert stands(app, second)
    assert app.introspect(first.access_token) == {"active": False}
    assert app.refresh(second.refresh_token)


@pytest.mark.rfc("7009", "2.1")
def test_access_token_of_a_client_itself_is_revoked(app: App) -> None:
    mine, another = app.token("client_credentials", scope="read"), app.token("client_credentials", scope="read")
    app.revoke(mine.access_token)
    assert not stands(app, mine)
    assert stands(app, another)


@pytest.mark.rfc("7009", "2.1")
def test_access_tokens_revoked_beyond_the_bound_end_the_authorization() -> None:
    app = App(server_of("jwt"))
    response = app.tokens()
    others = [app.refresh(response.refresh_token) for _ in range(NOTED_ACCESS_TOKENS)]
    survivor = app.refresh(response.refresh_token)
    for noted in others:
        app.revoke(noted.access_token)
    record = app.server.authorization_of(response.refresh_token or "")
    assert len(record.revoked_access_tokens) == NOTED_ACCESS_TOKENS
    assert stands(app, survivor)
    app.revoke(others[0].access_token)  # noted before
    assert stands(app, survivor)
    app.revoke(response.access_token)
    assert not stands(app, survivor)
    with pytest.raises(InvalidGrant):
        app.refresh(survivor.refresh_token)


@pytest.mark.rfc("7009", "2.1")
def test_access_tokens_noted_as_revoked_are_forgotten_once_they_have_expired() -> None:
    app = App(server_of("jwt"))
    response = app.tokens()
    for _ in range(3 * NOTED_ACCESS_TOKENS):
        app.revoke(response.access_token)
        app.server.clock.advance(600)
        assert not stands(app, response)
        response = app.refresh(response.refresh_token)
        record = app.server.authorization_of(response.refresh_token or "")
        assert record.revoked_at is None
        kept_from = app.server.clock() - FORGOTTEN_AFTER
        assert all(int(entry.partition(".")[0]) >= kept_from for entry in record.revoked_access_tokens)
    assert 0 < len(record.revoked_access_tokens) < NOTED_ACCESS_TOKENS


@pytest.mark.rfc("7009", "2.1")
def test_access_token_that_has_expired_by_every_clock_is_not_noted() -> None:
    app = App(server_of("jwt"))
    response = app.tokens()
    app.server.clock.advance(3600 + FORGOTTEN_AFTER)
    app.revoke(response.access_token)
    assert app.server.authorization_of(response.refresh_token or "").revoked_access_tokens == frozenset()


@pytest.mark.rfc("7009", "2.1")
def test_id_token_is_not_revoked_as_an_access_token(app: App) -> None:
    response = app.tokens()
    app.revoke(response.id_token)
    assert stands(app, response)
    assert app.server.authorization_of(response.refresh_token or "").revoked_access_tokens == frozenset()


# ------------------------------------------------------------------ clocks that differ


@contextmanager
def elsewhere(app: App, by: int) -> Iterator[None]:
    """On a function whose clock is so many seconds ahead of the one that accepts tokens."""
    server, own = app.server, app.server.services
    server.services = server.new_instance(lambda: server.clock() + by)
    yield
    server.services = own


@pytest.mark.rfc("7009", "2.1")
@pytest.mark.parametrize("by", [CLOCK_SKEW, 2 * CLOCK_SKEW])
def test_a_refresh_by_a_clock_ahead_forgets_no_revocation_of_a_token_that_others_take_still(app: App, by: int) -> None:
    response = app.tokens()
    app.revoke(response.access_token)
    app.server.clock.advance(3600 - 1)
    with elsewhere(app, by):
        app.refresh(response.refresh_token)
    assert not stands(app, response)
    assert app.introspect(response.access_token) == {"active": False}


@pytest.mark.rfc("7009", "2.1")
@pytest.mark.parametrize("by", [CLOCK_SKEW, 2 * CLOCK_SKEW])
@pytest.mark.parametrize("is_a_users", [True, False], ids=["a user's", "a client's own"])
def test_a_token_is_revoked_by_a_clock_ahead_though_it_has_expired_there(app: App, by: int, is_a_users: bool) -> None:
    response = app.tokens() if is_a_users else app.token("client_credentials", scope="read")
    app.server.clock.advance(3600 - 1)
    assert stands(app, response)
    with elsewhere(app, by):
        app.revoke(response.access_token)
    assert not stands(app, response)


@pytest.mark.rfc("7009", "2.1")
@pytest.mark.parametrize("is_a_users", [True, False], ids=["a user's", "a client's own"])
def test_a_revocation_outlives_the_token_by_every_clock(app: App, is_a_users: bool) -> None:
    """The clock by which DynamoDB removes what has expired is one more."""
    response = app.tokens() if is_a_users else app.token("client_credentials", scope="read")
    app.revoke(response.access_token)
    app.server.clock.advance(3600 - 1)
    app.server.tokens.vanish(app.server.clock() + 2 * CLOCK_SKEW)
    assert not stands(app, response)


# ------------------------------------------------------------------ ends


ENDS = {
    "subject": {"subject": "sub-of-alice"},
    "client": {"client_id": "web"},
    "pair": {"subject": "sub-of-alice", "client_id": "web"},
}


@pytest.mark.rfc("6749", "10.4")
@pytest.mark.parametrize("kind", ENDS)
def test_end_ends_everything_issued_before(app: App, kind: str) -> None:
    response = app.tokens()
    app.server.withdrawals.end(**ENDS[kind])
    assert not stands(app, response)
    assert app.introspect(response.refresh_token) == {"active": False}
    assert app.introspect(response.access_token) == {"active": False}
    with pytest.raises(InvalidGrant) as refusal:
        app.refresh(response.refresh_token)
    assert refusal.value.reason == "ended"


@pytest.mark.rfc("6749", "10.4")
@pytest.mark.parametrize("kind", ENDS)
def test_end_leaves_what_is_issued_after_it_though_in_the_same_second(app: App, kind: str) -> None:
    app.server.withdrawals.end(**ENDS[kind])
    response = app.tokens()
    assert stands(app, response)
    assert app.refresh(response.refresh_token)


@pytest.mark.rfc("6749", "10.4")
@pytest.mark.parametrize("kind", ENDS)
def test_refresh_that_is_under_way_at_an_end_carries_nothing_over_it(app: App, kind: str) -> None:
    first = app.tokens()

    def around(verb: str, call: Callable[[], Any]) -> Any:
        if verb == "tokens.rotate":
            app.server.withdrawals.end(**ENDS[kind])
        return call()

    app.server.around = around
    second = app.refresh(first.refresh_token)
    assert not stands(app, second)
    with pytest.raises(InvalidGrant):
        app.refresh(second.refresh_token)


@pytest.mark.rfc("6749", "10.4")
@pytest.mark.parametrize(
    "stranger",
    [
        {"subject": "sub-of-bob"},
        {"client_id": "other"},
        {"subject": "sub-of-alice", "client_id": "other"},
        {"subject": "sub-of-bob", "client_id": "web"},
        {"subject": "web"},
        {"client_id": "sub-of-alice"},
        {"organisation": "sub-of-alice"},
        {"organisation": "acme", "client_id": "web"},
    ],
    ids=str,
)
def test_end_of_somebody_else_ends_nothing(app: App, stranger: dict[str, str]) -> None:
    response = app.tokens()
    app.server.withdrawals.end(**stranger)
    assert stands(app, response)
    assert app.refresh(response.refresh_token)


@pytest.mark.rfc("6749", "4.4")
def test_end_of_a_client_ends_the_tokens_it_got_for_itself(app: App) -> None:
    response = app.token("client_credentials", scope="read")
    assert stands(app, response)
    app.server.withdrawals.end(client_id="web")
    assert not stands(app, response)
    assert stands(app, app.token("client_credentials", scope="read"))


def test_end_of_everything_ends_the_tokens_that_clients_got_for_themselves_too(app: App) -> None:
    mine, of_alice = app.token("client_credentials", scope="read"), app.tokens()
    app.server.withdrawals.end_everything("another era")
    assert (stands(app, mine), stands(app, of_alice)) == (False, False)
    with pytest.raises(InvalidGrant):
        app.refresh(of_alice.refresh_token)
    assert stands(app, app.token("client_credentials", scope="read"))
    assert stands(app, app.tokens())


ENDINGS: dict[str, Callable[[App, TokenResponse], None]] = {
    "revoked": lambda app, response: app.revoke(response.refresh_token),
    "ended": lambda app, response: app.server.withdrawals.end(subject="sub-of-alice"),
    "vanished": lambda app, response: app.server.tokens.forget("authorizations"),
}


@pytest.mark.rfc("7662", "2.2")
@pytest.mark.parametrize("ending", ENDINGS)
def test_authorization_that_is_over_takes_its_access_tokens_with_it(app: App, ending: str) -> None:
    response = app.tokens()
    ENDINGS[ending](app, response)
    assert not stands(app, response)
    assert app.introspect(response.access_token) == {"active": False}


# ------------------------------------------------------------------ all within one second


ROUNDS = 6


def turn_client(server: Server) -> None:
    for status in ("disabled", "active"):
        stored = server.clients.get("web")
        assert stored
        assert server.withdrawals.change_client(replace(stored, status=status))


def turn_user(server: Server) -> None:
    for status in ("disabled", "active"):
        assert server.withdrawals.change_user("sub-of-alice", status=status)


def set_password(server: Server) -> None:
    assert server.withdrawals.set_password("sub-of-alice", fakes.FakePasswords().hash(Secret(PASSWORD)))


@pytest.mark.parametrize("turn", [turn_client, turn_user, set_password])
def test_whoever_is_enabled_or_signs_in_again_in_the_same_second_has_what_works(
    app: App, turn: Callable[[Server], None]
) -> None:
    """Six rounds, each of which ends what the one before began, while the clock stands still."""
    before = app.tokens()
    for _ in range(ROUNDS):
        turn(app.server)
        assert not stands(app, before)
        with pytest.raises(InvalidGrant):
            app.refresh(before.refresh_token)
        response = app.tokens()
        assert stands(app, response)
        before = app.refresh(response.refresh_token)
        assert stands(app, before)
    assert app.server.clock() == START


def test_client_that_is_enabled_in_the_same_second_gets_tokens_for_itself_that_work(app: App) -> None:
    before = app.token("client_credentials", scope="read")
    for _ in range(ROUNDS):
        turn_client(app.server)
        assert not stands(app, before)
        before = app.token("client_credentials", scope="read")
        assert stands(app, before)
    assert app.server.clock() == START
