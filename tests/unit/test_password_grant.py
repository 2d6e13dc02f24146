"""The password grant, where it is on: who gets tokens, who is told what, and how often one may guess."""

from dataclasses import replace
from typing import Any

import pytest

from authserver.endpoints.machines.token import issue_token
from authserver.errors import (
    InvalidGrant,
    InvalidRequest,
    InvalidScope,
    InvalidTarget,
    InvalidToken,
    OAuthError,
    TooManyAttempts,
    UnauthorizedClient,
    UnsupportedGrantType,
)
from authserver.messages.browser import LoginPage
from authserver.messages.token import TokenResponse
from authserver.models.clients import Client
from authserver.values import Scope, Secret
from authserver.wire.http import render_error
from tests.fakes import OTHER_RESOURCE, PASSWORD, RESOURCE, FakePasswords, FakeUsers, client, public_client, user
from tests.unit.server import App, Server
from tests.unit.test_sign_in import at_login

GRANT_TYPES = ("authorization_code", "client_credentials", "refresh_token", "password")
OF_CLIENTS = ("authorization_code", "refresh_token", "password")


def serving(*clients: Client, **settings: Any) -> Server:
    registered = clients or (client(grant_types=OF_CLIENTS), public_client(grant_types=OF_CLIENTS))
    return Server(*registered, **{"grant_types": GRANT_TYPES, **settings})


def ask(
    server: Server,
    username: str = "alice",
    password: str = PASSWORD,
    *,
    source: str = "192.0.2.1",
    resource: tuple[str, ...] = (),
    app: App | None = None,
    **form: str | None,
) -> TokenResponse:
    request = (app or App(server)).request("password", resource, username=username, password=password, **form)
    return issue_token(replace(request, source=source), server.services)


# ------------------------------------------------------------------ tokens


@pytest.mark.rfc("6749", "4.3.3")
def test_right_password_gives_tokens_that_work() -> None:
    server = serving()
    response = ask(server, scope="openid read")
    assert str(response.scope) == "openid read"
    assert response.id_token is not None
    token = server.access(response.access_token)
    assert (token.subject, token.auth_time) == ("sub-of-alice", server.clock())


@pytest.mark.rfc("6749", "4.3.2")
def test_public_client_that_is_registered_for_it_may() -> None:
    server = serving()
    assert server.access(ask(server, app=App(server, "app", None)).access_token).client_id == "app"


@pytest.mark.rfc("6749", "6")
def test_refresh_token_is_rotated_like_any_other() -> None:
    server = serving()
    first = ask(server, scope="read")
    second = App(server).refresh(first.refresh_token)
    assert server.access(second.access_token).scope == first.scope
    server.clock.advance(31)
    with pytest.raises(InvalidGrant):
        App(server).refresh(first.refresh_token)
    with pytest.raises(InvalidToken):
        server.access(second.access_token)


@pytest.mark.rfc("6749", "4.3.3")
def test_client_that_may_not_refresh_gets_an_access_token_alone() -> None:
    server = serving(client(grant_types=("password",)))
    response = ask(server)
    assert response.refresh_token is None
    (authorization,) = server.tokens.every_authorization()
    assert authorization.expires_at == server.clock() + response.expires_in


@pytest.mark.rfc("7009", "2.1")
def test_revoking_the_refresh_token_ends_the_access_token() -> None:
    server = serving()
    response = ask(server)
    App(server).revoke(response.refresh_token)
    with pytest.raises(InvalidToken):
        server.access(response.access_token)


@pytest.mark.rfc("6749", "3.3")
def test_scope_is_the_clients_default_or_within_what_it_registered() -> None:
    server = serving()
    assert str(ask(server).scope) == "read"
    assert str(ask(server, scope="read admin").scope) == "read"
    for scope in ("admin", 'a"b'):
        with pytest.raises(InvalidScope):
            ask(server, scope=scope)


@pytest.mark.rfc("6749", "6")
def test_refresh_may_send_the_scope_that_was_asked_for_at_first() -> None:
    server = serving()
    first = ask(server, scope="read admin")
    assert str(App(server).refresh(first.refresh_token, scope="read admin").scope) == "read"


@pytest.mark.rfc("9700", "2.3")
def test_scope_that_not_everybody_may_grant_is_not_granted_without_a_page() -> None:
    scope = Scope.parse("read account admin:users")
    server = serving(client(grant_types=OF_CLIENTS, scope=scope, default_scope=scope))
    assert str(ask(server, scope="read account.read").scope) == "read account.read"
    assert str(ask(server, scope="read admin:users.read").scope) == "read"
    assert str(ask(server).scope) == "read account"
    for asked in ("admin:users", "admin:users.read"):
        with pytest.raises(InvalidScope):
            ask(server, scope=asked)


@pytest.mark.rfc("6749", "5.2")
def test_user_who_is_disabled_is_answered_like_a_wrong_password() -> None:
    server = serving()
    server.users = FakeUsers([user(status="disabled")])
    server.services = server.new_instance()
    with pytest.raises(InvalidGrant, match="The username or password is not correct"):
        ask(server)


@pytest.mark.rfc("8707", "2")
def test_resource_is_one_that_is_known() -> None:
    server = serving()
    assert server.access(ask(server).access_token).audience == (RESOURCE,)
    token = ask(server, resource=(OTHER_RESOURCE,)).access_token
    assert server.access(token, audience=OTHER_RESOURCE).audience == (OTHER_RESOURCE,)
    with pytest.raises(InvalidTarget):
        ask(server, resource=("https://unknown.example",))


def test_retry_of_a_write_whose_answer_was_lost_is_no_collision() -> None:
    server = serving()

    def twice(verb: str, call: Any) -> Any:
        if verb == "tokens.create":
            call()
        return call()

    server.around = twice
    assert server.access(ask(server).access_token).subject == "sub-of-alice"


# ------------------------------------------------------------------ refusals


@pytest.mark.rfc("6749", "5.2")
@pytest.mark.parametrize(
    ("username", "password"),
    [("alice", "guessed"), ("alice", "wonderland "), ("nobody", PASSWORD), ("alice\x00", PASSWORD), ("\x00", "\x00")],
)
def test_wrong_name_and_wrong_password_get_one_answer(username: str, password: str) -> None:
    server = serving()
    with pytest.raises(InvalidGrant) as refusal:
        ask(server, username, password)
    assert (refusal.value.error, refusal.value.status) == ("invalid_grant", 400)
    assert refusal.value.description == "The username or password is not correct"
    assert server.tokens.every_authorization() == ()


@pytest.mark.rfc("ASVS 5.0", "6.3.8")
@pytest.mark.rfc("6749", "4.3.2")
def test_unknown_name_costs_what_a_wrong_password_costs() -> None:
    """The same calls of the stores, and one verification of a password."""

    class Counting(FakePasswords):
        looked = 0

        def verify(self, password: Secret, password_hash: str | None) -> bool:
            self.looked += 1
            return super().verify(password, password_hash)

    costs = []
    for username in ("alice", "nobody"):
        server, passwords = serving(), Counting()
        server.warm_up()
        server.services = replace(server.services, passwords=passwords)
        with pytest.raises(InvalidGrant):
            ask(server, username, "guessed")
        costs.append((dict(server.calls), passwords.looked))
    assert costs[0] == costs[1]
    assert costs[0][1] == 1


@pytest.mark.rfc("6749", "4.3.2")
@pytest.mark.parametrize("missing", ["username", "password"])
def test_parameter_that_is_missing_is_an_invalid_request(missing: str) -> None:
    form = {"username": "alice", "password": PASSWORD, missing: None}
    with pytest.raises(InvalidRequest):
        App(serving()).token("password", (), **form)


@pytest.mark.rfc("6749", "5.2")
@pytest.mark.parametrize("grant_types", [("authorization_code",), ("refresh_token", "implicit")])
def test_client_that_is_not_registered_for_it_is_unauthorized(grant_types: tuple[str, ...]) -> None:
    with pytest.raises(UnauthorizedClient):
        ask(serving(client(grant_types=grant_types)))


@pytest.mark.rfc("9700", "2.4")
def test_where_it_is_off_it_is_unsupported_whatever_the_client_registered() -> None:
    with pytest.raises(UnsupportedGrantType):
        ask(Server(client(grant_types=OF_CLIENTS)))


# ------------------------------------------------------------------ guessing


def told(server: Server, **request: Any) -> OAuthError:
    with pytest.raises(OAuthError) as refusal:
        ask(server, **request)
    return refusal.value


@pytest.mark.rfc("ASVS 5.0", "6.3.1")
@pytest.mark.rfc("6749", "4.3.2")
@pytest.mark.rfc("6585", "4")
def test_guesses_at_one_account_from_one_place_are_throttled_and_the_owner_elsewhere_is_not() -> None:
    server = serving()
    assert {told(server, password="guessed").status for _ in range(5)} == {400}
    throttled = told(server)
    assert isinstance(throttled, TooManyAttempts)
    response = render_error(throttled)
    assert (response.status, throttled.error) == (429, "invalid_grant")
    assert dict(response.headers)["Retry-After"] == "1"
    ask(server, source="198.51.100.7")
    server.clock.advance(throttled.retry_after)
    ask(server)


@pytest.mark.rfc("6749", "10.10")
def test_guesses_here_and_on_the_sign_in_page_count_together() -> None:
    server = serving()
    browser, handle = at_login(server)
    for _ in range(3):
        told(server, password="guessed")
    for _ in range(2):
        browser.sign_in(handle, password=Secret("guessed"))
    page = browser.sign_in(handle)
    assert isinstance(page, LoginPage)
    assert page.status == 429
    assert told(server).status == 429


def test_right_passwords_are_not_counted() -> None:
    server = serving()
    for _ in range(30):
        ask(server)
