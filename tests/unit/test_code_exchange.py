"""The authorization code grant: who gets tokens for a code, and who neither gets them nor spoils it."""

import hashlib
from collections.abc import Callable

import pytest

from authserver.errors import InvalidGrant, InvalidRequest, InvalidToken, OAuthError, UnauthorizedClient
from authserver.messages.token import TokenResponse
from authserver.values import RedirectUri, base64url
from tests.fakes import REDIRECT_URI, client, public_client
from tests.unit.server import VERIFIER, App, Browser, Server

OTHER_URI = "https://app.example/other"


@pytest.mark.rfc("6749", "4.1.4")
@pytest.mark.parametrize("public", [False, True])
def test_code_exchanged_by_its_client_gives_tokens(public: bool) -> None:
    server = Server()
    app = App(server, "app", None) if public else App(server)
    response = app.tokens()
    members = response.members()
    assert members["token_type"] == "Bearer"
    assert members["expires_in"] == 3600
    assert members["scope"] == "openid read write"
    assert {"access_token", "refresh_token", "id_token"} <= members.keys()
    assert server.access(response.access_token).subject == "sub-of-alice"


@pytest.mark.rfc("6749", "1.5")
def test_code_of_a_client_without_the_refresh_grant_gives_no_refresh_token() -> None:
    server = Server(client(grant_types=("authorization_code",)))
    response = App(server).tokens()
    assert response.refresh_token is None
    assert server.access(response.access_token)
    server.clock.advance(3599)
    assert server.access(response.access_token)
    server.clock.advance(1)
    with pytest.raises(InvalidToken):
        server.access(response.access_token)


def attempts(server: Server, code: str) -> dict[str, Callable[[], TokenResponse]]:
    """What a thief who has the code may try; none of it can work."""
    web, other = App(server), App(server, "other")
    return {
        "another client": lambda: other.exchange(code),
        "a public client": lambda: App(server, "app", None).exchange(code),
        "a wrong secret": lambda: App(server, "web", "guessed").exchange(code),
        "no secret": lambda: App(server, "web", None).exchange(code),
        "no verifier": lambda: web.exchange(code, code_verifier=None),
        "a wrong verifier": lambda: web.exchange(code, code_verifier="x" * 43),
        "a short verifier": lambda: web.exchange(code, code_verifier=VERIFIER[:42]),
        "the challenge as verifier": lambda: web.exchange(
            code, code_verifier=base64url(hashlib.sha256(VERIFIER.encode()).digest())
        ),
        "neither redirect_uri nor verifier": lambda: web.exchange(code, redirect_uri=None, code_verifier=None),
        "a wrong verifier without redirect_uri": lambda: web.exchange(code, redirect_uri=None, code_verifier="x" * 43),
        "another redirect_uri": lambda: web.exchange(code, redirect_uri=OTHER_URI),
        "a redirect_uri that differs in a slash": lambda: web.exchange(code, redirect_uri=REDIRECT_URI + "/"),
        "a resource that was not granted": lambda: web.exchange(code, ("https://files.example",)),
        "an unknown resource": lambda: web.exchange(code, ("https://unknown.example",)),
    }


def crowded_server() -> Server:
    uris = (RedirectUri.parse(REDIRECT_URI), RedirectUri.parse(OTHER_URI))
    return Server(client(redirect_uris=uris), client(client_id="other", redirect_uris=uris), public_client())


ATTEMPTS = sorted(attempts(crowded_server(), ""))


@pytest.mark.rfc("6749", "4.1.3")
@pytest.mark.rfc("7636", "4.6")
@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_thief_who_fails_a_rule_does_not_burn_the_code(attempt: str) -> None:
    server = crowded_server()
    code = Browser(server).code()
    for _ in range(2):
        with pytest.raises(OAuthError):
            attempts(server, code)[attempt]()
    assert App(server).exchange(code).access_token


@pytest.mark.rfc("6749", "4.1.2")
@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_thief_who_fails_a_rule_does_not_revoke_what_the_code_yielded(attempt: str) -> None:
    server = crowded_server()
    code = Browser(server).code()
    response = App(server).exchange(code)
    with pytest.raises(OAuthError):
        attempts(server, code)[attempt]()
    assert server.access(response.access_token)
    assert App(server).refresh(response.refresh_token)


@pytest.mark.rfc("6749", "4.1.2")
@pytest.mark.rfc("6749", "10.5")
@pytest.mark.parametrize("token_format", ["jwt", "opaque"])
def test_code_redeemed_twice_revokes_what_it_issued(token_format: str) -> None:
    server = Server(client(access_token_format=token_format))
    app = App(server)
    code = Browser(server).code()
    response = app.exchange(code)
    assert server.access(response.access_token)
    with pytest.raises(InvalidGrant) as refusal:
        app.exchange(code)
    assert refusal.value.reason == "code_replayed"
    with pytest.raises(InvalidToken):
        server.access(response.access_token)
    with pytest.raises(InvalidGrant):
        app.refresh(response.refresh_token)
    assert app.introspect(response.refresh_token) == {"active": False}


@pytest.mark.rfc("6749", "4.1.2")
def test_code_redeemed_a_third_time_is_refused_the_same_way() -> None:
    server = Server()
    code = Browser(server).code()
    App(server).exchange(code)
    for _ in range(3):
        with pytest.raises(InvalidGrant):
            App(server).exchange(code)
    assert server.authorization_of(code).generation == 1


@pytest.mark.rfc("6749", "4.1.2")
@pytest.mark.parametrize(("age", "works"), [(0, True), (59, True), (60, False), (10**6, False)])
def test_code_of_an_age_works_for_its_lifetime_alone(age: int, works: bool) -> None:
    server = Server()
    code = Browser(server).code()
    server.clock.advance(age)
    if works:
        assert App(server).exchange(code).access_token
        return
    with pytest.raises(InvalidGrant) as refusal:
        App(server).exchange(code)
    assert refusal.value.reason == "code_expired"
    assert server.authorization_of(code).revoked_at is None


@pytest.mark.rfc("6749", "4.1.3")
def test_code_without_redirect_uri_in_the_request_needs_none_in_the_exchange() -> None:
    server = Server()
    code = Browser(server).code(redirect_uri="", scope="read")
    assert App(server).exchange(code, redirect_uri=None).access_token


@pytest.mark.rfc("OAuth 2.1", "10.2")
def test_redirect_uri_may_be_left_out_of_the_exchange_where_a_verifier_binds_the_code() -> None:
    server = Server()
    assert App(server).exchange(Browser(server).code(), redirect_uri=None).access_token


@pytest.mark.rfc("6749", "4.1.3")
def test_redirect_uri_is_required_in_the_exchange_where_there_was_no_challenge() -> None:
    server = Server(client(require_pkce=False))
    code = Browser(server).code(code_challenge="", code_challenge_method="")
    for uri in (None, OTHER_URI):
        with pytest.raises(InvalidGrant) as refusal:
            App(server).exchange(code, redirect_uri=uri, code_verifier=None)
        assert refusal.value.reason == "redirect_uri_mismatch"
    assert App(server).exchange(code, code_verifier=None).access_token


@pytest.mark.rfc("7636", "4.5")
def test_verifier_for_a_code_without_challenge_is_refused() -> None:
    server = Server(client(require_pkce=False))
    code = Browser(server).code(code_challenge="", code_challenge_method="")
    with pytest.raises(InvalidRequest) as refusal:
        App(server).exchange(code)
    assert refusal.value.reason == "verifier_unexpected"
    assert App(server).exchange(code, code_verifier=None).access_token


@pytest.mark.rfc("7636", "4.6")
def test_missing_verifier_is_an_invalid_request() -> None:
    server = Server()
    code = Browser(server).code()
    with pytest.raises(InvalidRequest):
        App(server).exchange(code, code_verifier=None)


@pytest.mark.rfc("7636", "4.1")
@pytest.mark.parametrize(
    "verifier",
    [VERIFIER + "x", VERIFIER[:-1], VERIFIER.upper(), "é" * 43, "a" * 129, "a b" * 20, VERIFIER + "=", "%" * 50],
)
def test_verifier_that_is_not_the_one_is_an_invalid_grant(verifier: str) -> None:
    server = Server()
    code = Browser(server).code()
    with pytest.raises(InvalidGrant):
        App(server).exchange(code, code_verifier=verifier)


@pytest.mark.rfc("6749", "5.2")
def test_client_without_the_grant_is_unauthorized() -> None:
    server = Server()
    code = Browser(server).code()
    server.clients.put(client(grant_types=("client_credentials",)))
    with pytest.raises(UnauthorizedClient):
        App(server).exchange(code)


@pytest.mark.rfc("6749", "5.2")
def test_missing_code_is_an_invalid_request() -> None:
    with pytest.raises(InvalidRequest):
        App(Server()).token("authorization_code")


@pytest.mark.rfc("6749", "5.1")
def test_scope_of_the_answer_is_what_is_left_of_the_request() -> None:
    server = Server()
    response = App(server).exchange(Browser(server).code(scope="read unknown"))
    assert response.members()["scope"] == "read"


@pytest.mark.rfc("6749", "4.1.3")
@pytest.mark.parametrize(
    "end",
    [
        lambda server: server.withdrawals.end(subject="sub-of-alice"),
        lambda server: server.withdrawals.end(client_id="web"),
        lambda server: server.withdrawals.end(subject="sub-of-alice", client_id="web"),
        lambda server: server.withdrawals.end_sessions("sub-of-alice"),
        lambda server: server.withdrawals.end_everything("another era"),
    ],
    ids=["user", "client", "both", "sessions", "everything"],
)
def test_code_from_before_an_end_is_refused_and_one_from_after_it_is_not(end: Callable[[Server], None]) -> None:
    server = Server()
    code = Browser(server).code()
    end(server)
    with pytest.raises(InvalidGrant) as refusal:
        App(server).exchange(code)
    assert refusal.value.reason == "ended"
    assert server.authorization_of(code).redeemed_by is None
    assert App(server).tokens().access_token
