"""Client authentication: one method per request, that of the client, and one answer to every failure."""

from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authserver.client_authentication import BARE_SHA256, authenticate
from authserver.endpoints.machines.metadata import resource_metadata
from authserver.errors import (
    InvalidClient,
    InvalidRequest,
    InvalidScope,
    OAuthError,
    TemporarilyUnavailable,
    TooManySecrets,
)
from authserver.identity.throttle import CLIENT_SECRETS, DAY
from authserver.messages.token import ClientRequest
from authserver.models.clients import ClientSecret
from authserver.scopes import DEFAULT, ScopeCatalogue, ScopeDefinition
from authserver.values import Scope, Secret, sha256
from tests.fakes import CLIENT_SECRET, START, FakePasswords, client, public_client, services
from tests.unit.server import App, Server, all_at_once

ODD_SECRET = "p%: +ä/&=\u00a0"


def basic(client_id: str = "web", secret: str = CLIENT_SECRET) -> str:
    return "Basic " + b64encode(f"{client_id}:{secret}".encode()).decode()


def server_with_all(**settings: Any) -> Server:
    return Server(
        client(),
        client(client_id="poster", token_endpoint_auth_method="client_secret_post"),
        public_client(),
        client(client_id="odd one", secrets=(ClientSecret(sha256(ODD_SECRET), START),)),
        **settings,
    )


def authenticated(
    server: Server, authorization: str | None = None, source: str = "192.0.2.1", **parameters: str
) -> str:
    return authenticate(ClientRequest(parameters, (), authorization, source=source), server.services).client_id


@pytest.mark.rfc("6749", "2.3.1")
@pytest.mark.parametrize(
    ("authorization", "parameters", "client_id"),
    [
        (basic(), {}, "web"),
        (basic(), {"client_id": "web"}, "web"),
        (basic().replace("Basic", "bAsIc"), {}, "web"),
        (basic("odd+one", "p%25%3A+%2B%C3%A4%2F%26%3D%C2%A0"), {}, "odd one"),
        (None, {"client_id": "poster", "client_secret": CLIENT_SECRET}, "poster"),
        (basic("poster"), {}, "poster"),
        (None, {"client_id": "web", "client_secret": CLIENT_SECRET}, "web"),
        (None, {"client_id": "app"}, "app"),
    ],
)
def test_client_that_proves_itself_by_its_method_is_authenticated(
    authorization: str | None, parameters: dict[str, str], client_id: str
) -> None:
    assert authenticated(server_with_all(), authorization, **parameters) == client_id


FAILURES: dict[str, tuple[str | None, dict[str, str]]] = {
    "nothing": (None, {}),
    "a wrong secret": (basic(secret="guessed"), {}),
    "an empty secret": (basic(secret=""), {}),
    "the hash as secret": (basic(secret=sha256(CLIENT_SECRET).hex()), {}),
    "an unknown client": (basic("nobody"), {}),
    "a hostile client": (basic("%00#"), {}),
    "an empty client": (basic(""), {}),
    "a wrong secret of a client that registered post": (basic("poster", "guessed"), {}),
    "a wrong secret of a client that registered basic": (None, {"client_id": "web", "client_secret": "guessed"}),
    "a confidential client without secret": (None, {"client_id": "web"}),
    "a public client with a secret": (None, {"client_id": "app", "client_secret": "x"}),
    "a public client by basic": (basic("app", ""), {}),
    "a secret without client": (None, {"client_secret": CLIENT_SECRET}),
    "no colon": ("Basic " + b64encode(b"web").decode(), {}),
    "no base64": ("Basic %%%", {}),
    "no UTF-8": ("Basic " + b64encode(b"\xff:\xff").decode(), {}),
    "no UTF-8 within": (basic("%ff", "%ff"), {}),
    "another scheme": ("Bearer x", {"client_id": "web"}),
    "another scheme of a public client": ("Bearer x", {"client_id": "app"}),
}


@pytest.mark.rfc("6749", "5.2")
@pytest.mark.parametrize("failure", FAILURES)
def test_client_that_does_not_is_an_invalid_client(failure: str) -> None:
    authorization, parameters = FAILURES[failure]
    with pytest.raises(InvalidClient) as refusal:
        authenticated(server_with_all(), authorization, **parameters)
    assert refusal.value.status == 401


OTHER_WAY: dict[str, tuple[str, str | None, dict[str, str]]] = {
    "post by basic": ("client_secret_post", basic("poster"), {}),
    "basic by post": ("client_secret_basic", None, {"client_id": "web", "client_secret": CLIENT_SECRET}),
}


@pytest.mark.rfc("7591", "2")
@pytest.mark.parametrize("way", OTHER_WAY)
def test_where_operators_want_it_a_secret_is_taken_as_its_client_registered_alone(way: str) -> None:
    """And a caller with the secret learns which way that is."""
    registered, authorization, parameters = OTHER_WAY[way]
    server = server_with_all(client_secret_as_registered=True)
    assert authenticated(server, basic()) == "web"
    assert authenticated(server, None, client_id="poster", client_secret=CLIENT_SECRET) == "poster"
    with pytest.raises(InvalidClient) as refusal:
        authenticated(server, authorization, **parameters)
    assert refusal.value.description == f"This client is registered for {registered}"


STRANGERS: dict[str, tuple[str | None, dict[str, str]]] = {
    "post by basic": (basic("poster", "guessed"), {}),
    "basic by post": (None, {"client_id": "web", "client_secret": "guessed"}),
    "no secret": (None, {"client_id": "web"}),
    "a secret of a public client": (basic("app", "guessed"), {}),
    "a client that there is not": (basic("nobody", "guessed"), {}),
}


@pytest.mark.rfc("6749", "5.2")
@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("stranger", STRANGERS)
def test_who_does_not_have_the_secret_is_told_nothing_of_the_method(stranger: str, exact: bool) -> None:
    authorization, parameters = STRANGERS[stranger]
    with pytest.raises(InvalidClient) as refusal:
        authenticated(server_with_all(client_secret_as_registered=exact), authorization, **parameters)
    assert refusal.value.description == "Client authentication failed"


@pytest.mark.rfc("6749", "2.3")
@pytest.mark.parametrize(
    "parameters",
    [
        {"client_id": "poster", "client_secret": CLIENT_SECRET},
        {"client_id": "web", "client_secret": CLIENT_SECRET},
        {"client_id": "app"},
        {"client_id": "poster"},
    ],
)
def test_two_methods_or_two_clients_at_once_are_an_invalid_request(parameters: dict[str, str]) -> None:
    with pytest.raises(InvalidRequest):
        authenticated(server_with_all(), basic(), **parameters)


@pytest.mark.rfc("6749", "2.3.1")
def test_both_live_secrets_work_until_each_expires() -> None:
    secrets = (ClientSecret(sha256("old"), START, START + 100), ClientSecret(sha256("new"), START + 50))
    server = Server(client(secrets=secrets))
    assert authenticated(server, basic(secret="old")) == "web"
    assert authenticated(server, basic(secret="new")) == "web"
    server.clock.advance(100)
    assert authenticated(server, basic(secret="new")) == "web"
    with pytest.raises(InvalidClient):
        authenticated(server, basic(secret="old"))


@pytest.mark.rfc("6749", "2.3.1")
def test_confidential_client_without_any_secret_cannot_be_anybody() -> None:
    server = Server(client(secrets=()))
    for secret in ("", "\x00" * 32, CLIENT_SECRET):
        with pytest.raises(InvalidClient):
            authenticated(server, basic(secret=secret))


@pytest.mark.rfc("6749", "2.3.1")
def test_method_that_the_operator_did_not_load_is_not_there() -> None:
    server = Server(client(), public_client(), client_auth_methods=("client_secret_post",))
    for authorization, parameters in ((basic(), {}), (None, {"client_id": "app"})):
        with pytest.raises(InvalidClient):
            authenticated(server, authorization, **parameters)


everything = services()


@given(
    st.none() | st.text(max_size=30) | st.binary(max_size=30).map(lambda octets: "Basic " + b64encode(octets).decode()),
    st.dictionaries(st.sampled_from(["client_id", "client_secret"]), st.text(max_size=10) | st.sampled_from(["web"])),
)
def test_any_credentials_are_refused_by_an_oauth_error(authorization: str | None, parameters: dict[str, str]) -> None:
    with pytest.raises(OAuthError):
        authenticate(ClientRequest(parameters, (), authorization), everything)


# ------------------------------------------------------------------ at the token endpoint


@pytest.mark.rfc("6749", "5.2")
@pytest.mark.parametrize(
    "grant_type", ["password", "", "urn:ietf:params:oauth:grant-type:device_code", "Refresh_Token"]
)
def test_grant_type_that_is_not_loaded_is_unsupported(grant_type: str) -> None:
    with pytest.raises(OAuthError) as refusal:
        App(Server()).token(grant_type)
    assert refusal.value.error == "unsupported_grant_type"


@pytest.mark.rfc("6749", "4.4")
def test_client_credentials_give_a_token_without_user_and_refresh() -> None:
    server = Server()
    response = App(server).token("client_credentials")
    assert response.members().keys() == {"access_token", "token_type", "expires_in", "scope"}
    token = server.access(response.access_token)
    assert (token.subject, token.client_id, str(token.scope), token.auth_time) == ("web", "web", "read", None)


@pytest.mark.rfc("6749", "4.4.2")
@pytest.mark.parametrize("scope", ["openid", "email unknown", "unknown", 'a"b'])
def test_client_credentials_beyond_the_client_itself_are_refused(scope: str) -> None:
    with pytest.raises(OAuthError) as refusal:
        App(Server()).token("client_credentials", scope=scope)
    assert refusal.value.error == "invalid_scope"


@pytest.mark.rfc("6749", "3.3")
@pytest.mark.rfc("9728", "2")
def test_client_credentials_give_what_the_client_may_have_of_all_that_the_resource_tells() -> None:
    server = Server()
    (api,) = server.services.settings.known_resources[:1]
    told = resource_metadata(api, server.services).content["scopes_supported"]
    assert {"read", "write"} <= set(told)
    response = App(server).token("client_credentials", scope=" ".join([*told, "openid", "unheard-of"]))
    assert response.members()["scope"] == "read write"
    assert str(server.access(response.access_token).scope) == "read write"


CATALOGUE = ScopeCatalogue.of(
    (
        *DEFAULT.definitions,
        ScopeDefinition("export", "Export everything", grantable_by="administrator"),
        ScopeDefinition("all", "Do everything", implies=("read", "export")),
    )
)


@pytest.mark.rfc("6749", "4.4.2")
def test_client_credentials_give_nothing_that_an_administrator_has_to_allow() -> None:
    registered = Scope.parse("read export all admin:users")
    server = Server(client(scope=registered, default_scope=Scope()))
    server.configuration.put_scopes(CATALOGUE)
    assert str(App(server).token("client_credentials", scope="export all read").scope) == "read"
    for scope in ("export", "export all"):
        with pytest.raises(InvalidScope):
            App(server).token("client_credentials", scope=scope)
    assert str(App(server).token("client_credentials").scope) == "read admin:users"
    assert str(App(server).token("client_credentials", scope="admin:users.read").scope) == "admin:users.read"


@pytest.mark.rfc("6749", "4.4")
def test_client_credentials_of_a_public_client_are_refused() -> None:
    server = Server(public_client(grant_types=("client_credentials",)))
    with pytest.raises(OAuthError) as refusal:
        App(server, "app", None).token("client_credentials")
    assert refusal.value.error == "unauthorized_client"


@pytest.mark.rfc("6749", "3.3")
@pytest.mark.parametrize(("overrides", "lifetime"), [({"access_token_lifetime": 60}, 60), ({}, 3600)])
def test_client_with_a_lifetime_of_its_own_gets_that(overrides: dict[str, Any], lifetime: int) -> None:
    assert App(Server(client(**overrides))).token("client_credentials").expires_in == lifetime


@pytest.mark.rfc("6749", "5.1")
def test_client_with_an_endless_lifetime_is_capped_to_what_keys_are_kept_for() -> None:
    assert App(Server(client(access_token_lifetime=10**9))).token("client_credentials").expires_in == 14 * 86_400


# ------------------------------------------------------------------ imported secrets

LONG = "a-secret-that-another-system-drew"


def server_with_an_imported_secret(secret: str, *others: ClientSecret, expires_at: int | None = None) -> Server:
    imported = ClientSecret(b"", START, expires_at, encoded=FakePasswords().hash(Secret(secret)))
    return Server(client(secrets=(imported, *others)))


def secrets_of(server: Server) -> tuple[ClientSecret, ...]:
    stored = server.clients.get("web")
    assert stored is not None
    return stored.secrets


@pytest.mark.rfc("6749", "2.3.1")
def test_imported_secret_is_kept_as_its_sha256_from_its_first_right_use_on() -> None:
    other = ClientSecret(sha256(CLIENT_SECRET), START)
    server = server_with_an_imported_secret(LONG, other)
    before = secrets_of(server)
    with pytest.raises(InvalidClient):
        authenticated(server, basic(secret="guessed"))
    assert secrets_of(server) == before
    assert authenticated(server, basic()) == "web"
    assert secrets_of(server) == before
    assert authenticated(server, basic(secret=LONG)) == "web"
    assert secrets_of(server) == (ClientSecret(sha256(LONG), START), other)
    assert authenticated(server, basic(secret=LONG)) == "web"
    assert server.calls["clients.rehash"] == 1


@pytest.mark.rfc("6749", "2.3.1")
def test_imported_secret_too_short_for_a_fast_hash_keeps_its_slow_one() -> None:
    server = server_with_an_imported_secret("hunter2")
    before = secrets_of(server)
    for _ in range(2):
        assert authenticated(server, basic(secret="hunter2")) == "web"
    assert secrets_of(server) == before


@pytest.mark.rfc("6749", "2.3.1")
def test_bare_sha256_of_another_system_is_tried_no_oftener_than_a_slow_hash_and_becomes_one_of_ours() -> None:
    imported = ClientSecret(b"", START, encoded=BARE_SHA256 + sha256(LONG).hex())
    server = Server(client(secrets=(imported,)))
    for guess in ("guessed", sha256(LONG).hex(), imported.encoded):
        with pytest.raises(InvalidClient):
            authenticated(server, basic(secret=guess))
    assert authenticated(server, basic(secret=LONG)) == "web"
    assert secrets_of(server) == (ClientSecret(sha256(LONG), START, used_at=START),)
    server = Server(client(secrets=(imported,)))
    assert all_guesses_refused(server)


def all_guesses_refused(server: Server) -> bool:
    """Whether guessing comes to an end before it has begun in earnest."""
    for _ in range(1000):
        try:
            with suppress(InvalidClient):
                authenticated(server, basic(secret="guessed"))
        except TooManySecrets:
            return True
    return False


@pytest.mark.rfc("6749", "2.3.1")
def test_imported_secret_expires() -> None:
    server = server_with_an_imported_secret(LONG, expires_at=START)
    with pytest.raises(InvalidClient):
        authenticated(server, basic(secret=LONG))


@pytest.mark.rfc("6749", "2.3.1")
def test_imported_hash_is_not_itself_a_secret() -> None:
    server = server_with_an_imported_secret(LONG)
    for secret in (FakePasswords().hash(Secret(LONG)), ""):
        with pytest.raises(InvalidClient):
            authenticated(server, basic(secret=secret))


@pytest.mark.rfc("6749", "2.3.1")
def test_client_is_authenticated_though_its_imported_secret_cannot_be_replaced() -> None:
    server = server_with_an_imported_secret(LONG)

    def fail(verb: str, call: Callable[[], Any]) -> Any:
        if verb == "clients.rehash":
            raise TemporarilyUnavailable("The store did not answer", reason="test")
        return call()

    server.around = fail
    assert authenticated(server, basic(secret=LONG)) == "web"
    server.around = lambda verb, call: call()
    assert authenticated(server, basic(secret=LONG)) == "web"
    assert secrets_of(server) == (ClientSecret(sha256(LONG), START),)


class CountedPasswords(FakePasswords):
    """Counts the hashes of which each would be slow; those of no user are for people, who have names."""

    def __init__(self) -> None:
        self.compared = 0

    def verify(self, password: Secret, password_hash: str | None) -> bool:
        raise AssertionError("a client's secret is compared with its own hash alone")

    def matches(self, password: Secret, password_hash: str) -> bool:
        self.compared += 1
        return super().verify(password, password_hash)


def counting(server: Server) -> CountedPasswords:
    passwords = CountedPasswords()
    server.services = replace(server.services, passwords=passwords)
    return passwords


FREE = CLIENT_SECRETS.free.free  # attempts at a client from one source
GUARDED = CLIENT_SECRETS.guarded.free  # the same where the client is tried from everywhere
HERE, ELSEWHERE = "192.0.2.1", "198.51.100.1"


def at_start_of_a_window(secret: str = "hunter2") -> Server:
    """With a secret that may be guessed."""
    server = server_with_an_imported_secret(secret)
    server.clock.advance(-server.clock() % CLIENT_SECRETS.window)
    return server


def tries(server: Server, source: str, times: int, secret: str = "guessed", client_id: str = "web") -> list[str]:
    """What each attempt came to."""
    answers = []
    for _ in range(times):
        try:
            answers.append(authenticated(server, basic(client_id, secret), source))
        except TooManySecrets as refusal:
            answers.append(f"wait {refusal.retry_after}")
        except InvalidClient:
            answers.append("wrong")
    return answers


def try_from_everywhere(server: Server) -> None:
    """As many wrong attempts at the client as guard it, each source leaving some of its own."""
    for number in range(CLIENT_SECRETS.many):
        assert tries(server, f"203.0.113.{number}", 1) == ["wrong"]


@pytest.mark.rfc("6749", "2.3.1")
@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_secret_that_may_be_guessed_is_tried_so_often_and_then_not_even_hashed(method: str) -> None:
    imported = ClientSecret(b"", START, encoded=FakePasswords().hash(Secret("hunter2")))
    server = Server(client(secrets=(imported,), token_endpoint_auth_method=method))
    server.clock.advance(-server.clock() % CLIENT_SECRETS.window + 600)
    passwords = counting(server)

    def attempt(secret: str, source: str) -> str:
        if method == "client_secret_basic":
            return authenticated(server, basic(secret=secret), source)
        return authenticated(server, None, source, client_id="web", client_secret=secret)

    for _ in range(FREE):
        with pytest.raises(InvalidClient):
            attempt("guessed", "2001:db8:0:1::1")
    for secret in ("guessed", "hunter2"):
        with pytest.raises(TooManySecrets) as refusal:
            attempt(secret, "2001:db8:0:1:ffff::2")  # the same holder's network
        assert (refusal.value.error, refusal.value.status) == ("invalid_client", 429)
        assert refusal.value.retry_after == CLIENT_SECRETS.window - 600
    assert passwords.compared == FREE
    assert attempt("hunter2", "2001:db8:0:2::1") == "web"
    server.clock.advance(refusal.value.retry_after)
    assert attempt("hunter2", "2001:db8:0:1::1") == "web"


@pytest.mark.rfc("6749", "2.3.1")
def test_of_secrets_tried_at_once_no_more_are_hashed_than_one_by_one() -> None:
    server = at_start_of_a_window()
    passwords = counting(server)
    answers = all_at_once(lambda _: tries(server, HERE, 1)[0], 100)
    assert answers.count("wrong") == passwords.compared == FREE


@pytest.mark.rfc("6749", "2.3.1")
def test_right_secret_counts_as_no_attempt() -> None:
    server = server_with_an_imported_secret("hunter2")
    assert tries(server, HERE, 2 * CLIENT_SECRETS.many, "hunter2") == ["web"] * 2 * CLIENT_SECRETS.many
    assert tries(server, HERE, FREE) == ["wrong"] * FREE


@pytest.mark.rfc("6749", "2.3.1")
def test_what_one_source_tries_limits_that_source_alone_however_often_it_tries() -> None:
    server = at_start_of_a_window()
    assert set(tries(server, HERE, 1000)[FREE:]) == {f"wait {CLIENT_SECRETS.window}"}
    assert tries(server, ELSEWHERE, 1, "hunter2") == ["web"]
    assert tries(server, ELSEWHERE, FREE + 1) == ["wrong"] * FREE + [f"wait {CLIENT_SECRETS.window}"]


@pytest.mark.rfc("6749", "2.3.1")
def test_a_source_that_tries_many_clients_is_limited_and_no_other_is() -> None:
    imported = ClientSecret(b"", START, encoded=FakePasswords().hash(Secret("hunter2")))
    many = range(CLIENT_SECRETS.of_a_source.free + 1)
    server = Server(*(client(client_id=f"client-{number}", secrets=(imported,)) for number in many))
    *answers, last = [tries(server, HERE, 1, client_id=f"client-{number}")[0] for number in many]
    assert set(answers) == {"wrong"}
    assert last.startswith("wait ")
    assert tries(server, HERE, 1, "hunter2", "client-0")[0].startswith("wait ")
    assert tries(server, ELSEWHERE, 1, "hunter2", "client-0") == ["client-0"]


@pytest.mark.rfc("6749", "2.3.1")
def test_a_client_that_is_tried_from_everywhere_gets_in_from_a_new_source_which_is_then_delayed() -> None:
    server = at_start_of_a_window()
    try_from_everywhere(server)
    assert tries(server, HERE, 1, "hunter2") == ["web"]
    assert tries(server, ELSEWHERE, GUARDED + 2) == ["wrong"] * GUARDED + ["wait 1"] * 2
    server.clock.advance(1)
    assert tries(server, ELSEWHERE, 2, "hunter2") == ["web", "web"]


@pytest.mark.rfc("6749", "2.3.1")
def test_a_source_where_the_secret_was_right_lately_keeps_all_its_attempts_whoever_else_tries() -> None:
    server = at_start_of_a_window()
    assert tries(server, HERE, 1, "hunter2") == ["web"]
    server.clock.advance(DAY)
    try_from_everywhere(server)
    assert tries(server, HERE, FREE + 1) == ["wrong"] * FREE + [f"wait {CLIENT_SECRETS.window}"]
    server.clock.advance(DAY)
    try_from_everywhere(server)
    assert tries(server, HERE, GUARDED + 1) == ["wrong"] * GUARDED + ["wait 1"]


@pytest.mark.rfc("6749", "2.3.1")
def test_secret_that_stays_slow_costs_two_writes_and_once_a_day_one_more() -> None:
    server = server_with_an_imported_secret("hunter2")
    tries(server, HERE, 1, "hunter2")
    server.calls.clear()
    tries(server, HERE, 1, "hunter2")
    counted = {verb: times for verb, times in server.calls.items() if verb.startswith("counters.")}
    assert counted == {"counters.attempt": 1, "counters.give_back": 1, "counters.counted": 1}


@pytest.mark.rfc("6749", "2.3.1")
def test_right_secret_is_taken_though_its_use_cannot_be_noted() -> None:
    server = server_with_an_imported_secret("hunter2")

    def fail(verb: str, call: Callable[[], Any]) -> Any:
        if verb in ("counters.counted", "counters.count"):
            raise TemporarilyUnavailable("The store did not answer", reason="test")
        return call()

    server.around = fail
    assert tries(server, HERE, 1, "hunter2") == ["web"]


@pytest.mark.rfc("6749", "2.3.1")
def test_secret_that_is_random_costs_no_hash_and_no_call_beyond_the_client() -> None:
    server = server_with_an_imported_secret(LONG, ClientSecret(sha256(CLIENT_SECRET), START, used_at=START))
    passwords = counting(server)
    assert authenticated(server, basic()) == "web"
    assert authenticated(server_with_all(), basic()) == "web"
    ours = server_with_all()
    with pytest.raises(InvalidClient):
        authenticated(ours, basic(secret="guessed"))
    assert dict(server.calls) == {"tokens.standing": 1}
    assert dict(ours.calls) == {"tokens.standing": 1, "journal.note_refusal": 1}
    assert passwords.compared == 0
