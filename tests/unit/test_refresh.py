"""The refresh token grant: rotation, the grace window, reuse, and what never grows."""

import pytest

from authserver.errors import InvalidClient, InvalidGrant, InvalidScope, InvalidTarget, InvalidToken
from authserver.messages.authorization import AuthorizationResponse
from authserver.messages.browser import GoTo
from authserver.messages.token import TokenResponse
from authserver.values import Scope
from tests.fakes import OTHER_RESOURCE, RESOURCE, START, client, public_client
from tests.unit.server import App, Browser, Server, id_claims

DAY = 86_400


def refresh_until(app: App, response: TokenResponse, generations: int) -> list[TokenResponse]:
    """`response` and as many that follow it, a minute apart."""
    responses = [response]
    for _ in range(generations):
        app.server.clock.advance(60)
        responses.append(app.refresh(responses[-1].refresh_token))
    return responses


@pytest.mark.rfc("6749", "6")
@pytest.mark.parametrize("public", [False, True])
def test_refresh_token_used_once_gives_a_successor_that_works(public: bool) -> None:
    server = Server()
    app = App(server, "app", None) if public else App(server)
    responses = refresh_until(app, app.tokens(), 5)
    assert len({response.refresh_token for response in responses}) == 6
    assert len({response.access_token for response in responses}) == 6
    assert server.access(responses[-1].access_token).subject == "sub-of-alice"


@pytest.mark.rfc("9700", "4.14.2")
@pytest.mark.parametrize("age", [0, 29])
def test_refresh_token_used_again_inside_the_grace_window_gives_the_same_successor(age: int) -> None:
    server = Server()
    app = App(server)
    first = app.tokens()
    second = app.refresh(first.refresh_token)
    server.clock.advance(age)
    again = app.refresh(first.refresh_token)
    assert again.refresh_token == second.refresh_token
    assert again.access_token != second.access_token
    assert server.access(second.access_token)
    assert server.access(again.access_token)
    assert server.authorization_of(again.refresh_token or "").generation == 2
    assert app.refresh(again.refresh_token)


@pytest.mark.rfc("9700", "4.14.2")
@pytest.mark.parametrize("token_format", ["jwt", "opaque"])
@pytest.mark.parametrize("age", [30, 31, 10 * DAY])
def test_refresh_token_used_again_after_the_window_ends_everything(age: int, token_format: str) -> None:
    server = Server(client(access_token_format=token_format, access_token_lifetime=14 * DAY))
    app = App(server)
    first = app.tokens()
    second = app.refresh(first.refresh_token)
    server.clock.advance(age)
    with pytest.raises(InvalidGrant) as refusal:
        app.refresh(first.refresh_token)
    assert refusal.value.reason == "refresh_reused"
    assert_dead(app, first, second)


@pytest.mark.rfc("9700", "4.14.2")
@pytest.mark.parametrize("generation", [0, 1, 2])
def test_older_refresh_token_ends_everything_even_inside_the_window(generation: int) -> None:
    server = Server()
    app = App(server)
    responses = [app.tokens()]
    for _ in range(4):
        responses.append(app.refresh(responses[-1].refresh_token))
    with pytest.raises(InvalidGrant) as refusal:
        app.refresh(responses[generation].refresh_token)
    assert refusal.value.reason == "refresh_reused"
    assert_dead(app, *responses)


def assert_dead(app: App, *responses: TokenResponse) -> None:
    for response in responses:
        with pytest.raises(InvalidGrant):
            app.refresh(response.refresh_token)
        with pytest.raises(InvalidToken):
            app.server.access(response.access_token)
        assert app.introspect(response.refresh_token) == {"active": False}
        assert app.introspect(response.access_token) == {"active": False}


@pytest.mark.rfc("9700", "4.14.2")
def test_strict_server_takes_an_immediate_retry_for_reuse() -> None:
    server = Server(refresh_token_grace=0)
    app = App(server)
    first = app.tokens()
    second = app.refresh(first.refresh_token)
    with pytest.raises(InvalidGrant):
        app.refresh(first.refresh_token)
    assert_dead(app, first, second)


@pytest.mark.rfc("6749", "10.4")
def test_refresh_token_of_another_client_is_refused_and_stays_good() -> None:
    server = Server(client(), client(client_id="other"), public_client())
    web = App(server)
    response = web.tokens()
    for thief in (App(server, "other"), App(server, "app", None)):
        with pytest.raises(InvalidGrant):
            thief.refresh(response.refresh_token)
    with pytest.raises(InvalidClient):
        App(server, "web", "guessed").refresh(response.refresh_token)
    assert web.refresh(response.refresh_token)


@pytest.mark.rfc("9700", "4.14.2")
def test_reused_refresh_token_in_the_hands_of_another_client_ends_nothing() -> None:
    server = Server(client(), client(client_id="other"))
    web = App(server)
    responses = refresh_until(web, web.tokens(), 3)
    with pytest.raises(InvalidGrant):
        App(server, "other").refresh(responses[0].refresh_token)
    assert web.refresh(responses[-1].refresh_token)


# ------------------------------------------------------------------ scope and resource


@pytest.mark.rfc("6749", "6")
def test_scope_narrowed_at_refresh_returns_at_the_next() -> None:
    server = Server()
    app = App(server)
    first = app.tokens()
    narrow = app.refresh(first.refresh_token, scope="read")
    assert str(narrow.scope) == "read"
    assert narrow.id_token is None
    assert server.access(narrow.access_token).scope.tokens == ("read",)
    wide = app.refresh(narrow.refresh_token)
    assert wide.scope == first.scope
    assert wide.id_token is not None


@pytest.mark.rfc("6749", "6")
@pytest.mark.parametrize("scope", ["write email", "email", "unknown", "read write openid profile"])
def test_scope_beyond_the_grant_is_refused_and_uses_nothing_up(scope: str) -> None:
    app = App(Server())
    first = app.tokens()
    with pytest.raises(InvalidScope):
        app.refresh(first.refresh_token, scope=scope)
    assert app.server.authorization_of(first.refresh_token or "").generation == 1
    assert app.refresh(first.refresh_token)


@pytest.mark.rfc("6749", "6")
def test_scope_that_was_asked_for_at_first_is_taken_at_refresh_whatever_was_granted_of_it() -> None:
    """Part of it was ignored, part left out by the user."""
    asked = "openid email read write profile calendar unknown"
    server = Server(client(scope=Scope.parse("openid email read write"), optional_scope=Scope.parse("email")))
    app, browser = App(server), Browser(server)
    pending = browser.authorize(scope=asked)
    assert isinstance(pending, GoTo)
    browser.sign_in(pending.request_handle)
    answer = browser.decide(pending.request_handle, scope=())
    assert isinstance(answer, AuthorizationResponse)
    first = app.exchange(answer.parameters["code"])
    assert str(first.scope) == "openid read write"
    second = app.refresh(first.refresh_token, scope=asked)
    assert second.scope == first.scope
    narrow = app.refresh(second.refresh_token, scope="calendar read")
    assert str(narrow.scope) == "read"
    for scope in ("calendar", "email", f"{asked} phone", "read phone"):
        with pytest.raises(InvalidScope):
            app.refresh(narrow.refresh_token, scope=scope)


@pytest.mark.rfc("OIDC Core", "12.2")
def test_id_token_of_a_refresh_has_no_nonce_and_else_says_the_same() -> None:
    app = App(Server())
    first = app.tokens(nonce="of the sign-in")
    second = app.refresh(first.refresh_token)
    third = app.refresh(second.refresh_token)
    claims = [id_claims(response.id_token) for response in (first, second, third)]
    assert [one.pop("nonce", None) for one in claims] == ["of the sign-in", None, None]
    for one in claims:
        del one["at_hash"]
    assert claims[0] == claims[1] == claims[2]


@pytest.mark.rfc("8707", "2.2")
def test_resource_narrowed_at_exchange_and_refresh_stays_within_the_grant() -> None:
    server = Server()
    app = App(server)
    code = Browser(server).code((RESOURCE, OTHER_RESOURCE))
    first = app.exchange(code, (OTHER_RESOURCE,))
    assert server.access(first.access_token, audience=OTHER_RESOURCE).audience == (OTHER_RESOURCE,)
    second = app.refresh(first.refresh_token, (RESOURCE,))
    assert server.access(second.access_token).audience == (RESOURCE,)
    third = app.refresh(second.refresh_token)
    assert server.access(third.access_token).audience == (RESOURCE, OTHER_RESOURCE)


@pytest.mark.rfc("8707", "2.2")
@pytest.mark.rfc("3986", "6.2.3")
def test_resource_is_the_same_in_every_spelling_and_told_as_the_operator_wrote_it() -> None:
    server = Server()
    app = App(server)
    first = app.exchange(Browser(server).code((f"{RESOURCE}/",)), (RESOURCE.upper(),))
    assert server.access(first.access_token).audience == (RESOURCE,)
    second = app.refresh(first.refresh_token, (f"{RESOURCE}:443/",))
    assert server.access(second.access_token).audience == (RESOURCE,)
    own = app.token("client_credentials", (f"{RESOURCE}/", RESOURCE))
    assert server.access(own.access_token).audience == (RESOURCE,)


@pytest.mark.rfc("8707", "2.2")
def test_resource_beyond_the_grant_is_refused_and_uses_nothing_up() -> None:
    app = App(Server())
    first = app.tokens()
    for resource in (OTHER_RESOURCE, "https://unknown.example", "relative", f"{RESOURCE}#fragment"):
        with pytest.raises(InvalidTarget):
            app.refresh(first.refresh_token, (resource,))
    assert app.refresh(first.refresh_token)


@pytest.mark.rfc("8707", "2")
def test_token_for_one_resource_is_refused_at_another() -> None:
    server = Server()
    response = App(server).tokens()
    with pytest.raises(InvalidToken) as refusal:
        server.access(response.access_token, audience=OTHER_RESOURCE)
    assert refusal.value.reason == "audience"


# ------------------------------------------------------------------ time


@pytest.mark.rfc("9700", "4.14.2")
@pytest.mark.parametrize(("idle", "works"), [(1000 - 1, True), (1000, False)])
def test_refresh_token_left_idle_expires(idle: int, works: bool) -> None:
    server = Server(refresh_token_idle_lifetime=1000)
    app = App(server)
    first = app.tokens()
    server.clock.advance(idle)
    if works:
        assert app.refresh(first.refresh_token)
        return
    assert app.introspect(first.refresh_token) == {"active": False}
    with pytest.raises(InvalidGrant) as refusal:
        app.refresh(first.refresh_token)
    assert refusal.value.reason == "refresh_expired"


@pytest.mark.rfc("6749", "10.4")
@pytest.mark.parametrize("ends", [False, True])
def test_expired_refresh_token_ends_the_authorization_where_the_operator_says_so(ends: bool) -> None:
    lasting = client(access_token_lifetime=5000)
    server = Server(lasting, refresh_token_idle_lifetime=1000, expired_refresh_token_ends=ends)
    app = App(server)
    first = app.tokens()
    server.clock.advance(1000)
    assert server.access(first.access_token)
    with pytest.raises(InvalidGrant) as refusal:
        app.refresh(first.refresh_token)
    assert refusal.value.reason == "refresh_expired"
    if not ends:
        assert server.access(first.access_token)
        return
    with pytest.raises(InvalidToken):
        server.access(first.access_token)


@pytest.mark.rfc("6749", "10.4")
def test_absolute_end_never_moves_and_idle_end_never_passes_it() -> None:
    server = Server(refresh_token_idle_lifetime=1000, refresh_token_lifetime=2500)
    app = App(server)
    response = app.tokens()
    end = server.authorization_of(response.refresh_token or "").expires_at
    assert end == START + 2500
    for _ in range(4):
        server.clock.advance(600)
        response = app.refresh(response.refresh_token)
        record = server.authorization_of(response.refresh_token or "")
        assert record.expires_at == end
        assert record.idle_expires_at <= end
        assert server.clock() + response.expires_in <= end
    server.clock.advance(100)
    with pytest.raises(InvalidGrant):
        app.refresh(response.refresh_token)
    with pytest.raises(InvalidToken):
        server.access(response.access_token)


@pytest.mark.rfc("6749", "6")
def test_client_with_a_shorter_lifetime_of_its_own_has_that() -> None:
    server = Server(client(refresh_token_lifetime=100))
    response = App(server).tokens()
    assert server.authorization_of(response.refresh_token or "").expires_at == START + 100
    assert response.expires_in == 100


@pytest.mark.rfc("6749", "6")
def test_client_with_a_longer_lifetime_than_the_deployment_is_capped() -> None:
    server = Server(client(refresh_token_lifetime=10**9))
    response = App(server).tokens()
    assert server.authorization_of(response.refresh_token or "").expires_at == START + 180 * DAY


def test_refresh_by_a_clock_that_went_back_works() -> None:
    server = Server()
    app = App(server)
    first = app.tokens()
    server.clock.advance(-120)
    second = app.refresh(first.refresh_token)
    assert app.refresh(first.refresh_token).refresh_token == second.refresh_token
    assert app.refresh(second.refresh_token)
