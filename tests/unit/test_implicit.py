"""The implicit grant, where it is on: what is asked for, what is answered and where, and what it hangs on."""

from typing import Any

import pytest

from authserver.errors import InvalidGrant, InvalidRequest, InvalidToken, UnsupportedGrantType
from authserver.grants import make_refresh_token
from authserver.messages.authorization import AuthorizationResponse
from authserver.messages.browser import ConsentPage, GoTo
from authserver.models.clients import Client
from authserver.tokens import opaque
from authserver.tokens.jwt import left_half_hash, verify
from authserver.tokens.keyring import TOKEN_RING
from authserver.values import RedirectUri, from_base64url
from tests.fakes import ISSUER, OTHER_RESOURCE, REDIRECT_URI, RESOURCE, public_client
from tests.unit.server import App, Browser, Server

GRANT_TYPES = ("authorization_code", "client_credentials", "refresh_token", "implicit")
RESPONSE_TYPES = ("code", "token", "id_token", "id_token token")


def legacy_client(**overrides: Any) -> Client:
    defaults = {
        "grant_types": ("authorization_code", "refresh_token", "implicit"),
        "response_types": RESPONSE_TYPES,
    }
    return public_client(**{**defaults, **overrides})


def serving(client: Client | None = None, **settings: Any) -> Server:
    return Server(client or legacy_client(), **{"grant_types": GRANT_TYPES, **settings})


def asked(server: Server, response_type: str, **parameters: str) -> dict[str, str]:
    """What the client is told when the user has done all that is asked of them."""
    request = {"client_id": "app", "response_type": response_type, "code_challenge": "", "code_challenge_method": ""}
    return dict(Browser(server).go_through("allow", (), **{**request, **parameters}))


def claims_of(id_token: str, server: Server) -> dict[str, Any]:
    return verify(id_token, "JWT", ISSUER, server.services.keys.verification_key)


# ------------------------------------------------------------------ answers


@pytest.mark.rfc("6749", "4.2.2")
@pytest.mark.rfc("9207", "2")
def test_access_token_is_answered_with_all_that_belongs_to_it_and_never_a_refresh_token() -> None:
    server = serving()
    answer = asked(server, "token", scope="read unknown")
    token = answer.pop("access_token")
    assert answer == {"token_type": "Bearer", "expires_in": "3600", "scope": "read", "state": "state", "iss": ISSUER}
    assert server.access(token).subject == "sub-of-alice"


@pytest.mark.rfc("OIDC Core", "3.2.2.5")
@pytest.mark.parametrize("response_type", ["id_token token", "token id_token"])
def test_both_tokens_come_whatever_the_order_and_belong_together(response_type: str) -> None:
    server = serving()
    answer = asked(server, response_type)
    assert answer.keys() == {"access_token", "token_type", "expires_in", "scope", "id_token", "state", "iss"}
    claims = claims_of(answer["id_token"], server)
    assert (claims["aud"], claims["sub"], claims["nonce"]) == ("app", "sub-of-alice", "nonce")
    assert claims["at_hash"] == left_half_hash(answer["access_token"])
    assert "email" not in claims


@pytest.mark.rfc("OIDC Core", "5.4")
@pytest.mark.parametrize(
    ("scope", "claims"),
    [
        ("openid", {}),
        ("openid profile", {"name": "Alice Liddell", "preferred_username": "alice"}),
        ("openid email", {"email": "alice@example.com", "email_verified": True}),
    ],
)
def test_id_token_alone_carries_the_claims_that_nobody_can_ask_for_later(scope: str, claims: dict[str, Any]) -> None:
    server = serving()
    answer = asked(server, "id_token", scope=scope)
    assert answer.keys() == {"id_token", "state", "iss"}
    told = claims_of(answer["id_token"], server)
    assert {name: told[name] for name in claims} == claims
    assert told.keys() == {"iss", "sub", "aud", "iat", "exp", "auth_time", "nonce", "amr", "sid", *claims}


@pytest.mark.rfc("8707", "2")
def test_access_token_is_for_the_resource_that_was_asked_for() -> None:
    server = serving()
    for resource, audience in (((), RESOURCE), ((OTHER_RESOURCE,), OTHER_RESOURCE)):
        parameters = {"client_id": "app", "response_type": "token", "code_challenge": ""}
        answer = Browser(server).go_through(resource=resource, **parameters, code_challenge_method="")
        assert server.access(answer["access_token"], audience=audience).audience == (audience,)


@pytest.mark.rfc("6749", "4.2.2")
@pytest.mark.parametrize("token_format", ["jwt", "opaque"])
def test_access_token_ends_with_its_authorization(token_format: str) -> None:
    server = serving(legacy_client(access_token_format=token_format))
    token = asked(server, "token", scope="read")["access_token"]
    (authorization,) = server.tokens.every_authorization()
    assert server.access(token).authorization_id == authorization.id
    server.withdrawals.revoke(authorization.id, server.clock())
    with pytest.raises(InvalidToken):
        server.access(token)


@pytest.mark.rfc("7009", "2.1")
def test_client_revokes_the_access_token() -> None:
    server = serving()
    token = asked(server, "token", scope="read")["access_token"]
    App(server, "app", None).revoke(token)
    with pytest.raises(InvalidToken):
        server.access(token)


@pytest.mark.rfc("6749", "4.2.2")
@pytest.mark.parametrize("end", ["end", "end_sessions"])
def test_access_token_ends_with_whatever_its_user_had_and_with_the_sessions(end: str) -> None:
    server = serving()
    token = asked(server, "token", scope="read")["access_token"]
    assert server.access(token)
    getattr(server.withdrawals, end)(subject="sub-of-alice")
    with pytest.raises(InvalidToken):
        server.access(token)
    assert server.access(asked(server, "token", scope="read")["access_token"])


def test_authorization_lives_as_long_as_its_access_token_and_can_be_neither_redeemed_nor_refreshed() -> None:
    server = serving(legacy_client(access_token_lifetime=120))
    assert asked(server, "token")["expires_in"] == "120"
    (authorization,) = server.tokens.every_authorization()
    assert authorization.expires_at == server.clock() + 120
    assert (authorization.generation, authorization.idle_expires_at) == (0, 0)
    assert authorization.code_expires_at <= server.clock()
    key = server.services.keys.token_key(TOKEN_RING)
    identifier = from_base64url(authorization.id)
    secret = opaque.derived_secret("code", key, identifier, 0, authorization.salt)
    code = opaque.seal(opaque.CODE, key, authorization_id=identifier, secret=secret)
    with pytest.raises(InvalidGrant):
        App(server, "app", None).exchange(code, redirect_uri=REDIRECT_URI, code_verifier=None)
    refresh_token = make_refresh_token(authorization, 0, key)
    with pytest.raises(InvalidGrant):
        App(server, "app", None).refresh(refresh_token)


# ------------------------------------------------------------------ where it is answered


@pytest.mark.rfc("6749", "4.2.2.1")
@pytest.mark.parametrize("mode", ["", "fragment", "form_post"])
@pytest.mark.parametrize("parameters", [{}, {"scope": 'a"b'}, {"prompt": "none"}])
def test_tokens_and_errors_go_the_same_way_and_never_by_the_query(mode: str, parameters: dict[str, str]) -> None:
    browser = Browser(serving())
    request = {"client_id": "app", "response_type": "token", "response_mode": mode, "code_challenge": ""}
    answer = browser.authorize((), frozenset(), **{**request, "code_challenge_method": "", **parameters})
    if isinstance(answer, GoTo):
        browser.sign_in(answer.request_handle)
        decided = browser.decide(answer.request_handle)
        assert isinstance(decided, AuthorizationResponse)
        answer = decided
    assert isinstance(answer, AuthorizationResponse)
    assert answer.target.response_mode == (mode or "fragment")
    assert ("error" in answer.parameters) == bool(parameters)
    assert answer.parameters["state"] == "state"


@pytest.mark.rfc("6749", "4.2.2.1")
def test_denial_is_told_in_the_fragment() -> None:
    browser = Browser(serving())
    page = browser.authorize(client_id="app", response_type="token", code_challenge="", code_challenge_method="")
    assert isinstance(page, GoTo)
    browser.sign_in(page.request_handle)
    denied = browser.decide(page.request_handle, "deny")
    assert isinstance(denied, AuthorizationResponse)
    assert (denied.target.response_mode, denied.parameters["error"]) == ("fragment", "access_denied")


# ------------------------------------------------------------------ what is refused


def refused(server: Server, **parameters: str) -> str:
    request = {"client_id": "app", "code_challenge": "", "code_challenge_method": "", **parameters}
    answer = Browser(server).authorize((), frozenset(), **request)
    assert isinstance(answer, AuthorizationResponse)
    assert answer.target.response_mode == "fragment"
    assert not {"access_token", "id_token"} & answer.parameters.keys()
    return answer.parameters["error"]


@pytest.mark.rfc("OIDC Core", "3.2.2.1")
@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ({"response_type": "token", "response_mode": "query"}, "invalid_request"),
        ({"response_type": "id_token", "nonce": ""}, "invalid_request"),
        ({"response_type": "id_token token", "nonce": ""}, "invalid_request"),
        ({"response_type": "id_token", "scope": "read"}, "invalid_request"),
        ({"response_type": "token id_token", "scope": "read"}, "invalid_request"),
        ({"response_type": "token token"}, "unsupported_response_type"),
        ({"response_type": "code token"}, "unsupported_response_type"),
        ({"response_type": "code id_token token"}, "unsupported_response_type"),
        ({"response_type": "token "}, "unsupported_response_type"),
    ],
)
def test_flaw_is_told_in_the_fragment(parameters: dict[str, str], error: str) -> None:
    assert refused(serving(), **parameters) == error


@pytest.mark.rfc("6749", "4.2.2.1")
@pytest.mark.parametrize(
    "overrides",
    [
        {"grant_types": ("authorization_code",)},
        {"response_types": ("code",)},
        {"response_types": ("code", "id_token")},
        {"response_types": ("id_token token",)},
    ],
)
def test_client_that_is_not_registered_for_it_is_unauthorized(overrides: dict[str, tuple[str, ...]]) -> None:
    assert refused(serving(legacy_client(**overrides)), response_type="token") == "unauthorized_client"


@pytest.mark.rfc("9700", "2.1.2")
@pytest.mark.parametrize("response_type", ["token", "id_token", "id_token token"])
def test_where_it_is_off_it_is_unsupported_whatever_the_client_registered(response_type: str) -> None:
    assert refused(Server(legacy_client()), response_type=response_type) == "unsupported_response_type"


@pytest.mark.rfc("6749", "5.2")
def test_it_is_no_grant_of_the_token_endpoint() -> None:
    with pytest.raises(UnsupportedGrantType):
        App(serving(), "app", None).token("implicit")


@pytest.mark.rfc("7636", "4.4.1")
def test_codes_need_pkce_as_before() -> None:
    answer = Browser(serving()).authorize(client_id="app", code_challenge="", code_challenge_method="")
    assert isinstance(answer, AuthorizationResponse)
    assert (answer.target.response_mode, answer.parameters["error"]) == ("query", "invalid_request")


def test_algorithm_that_nobody_has_is_told_the_client() -> None:
    answer = asked(serving(legacy_client(id_token_signed_response_alg="none")), "id_token")
    assert answer["error"] == "unauthorized_client"


# ------------------------------------------------------------------ once


def test_form_that_is_submitted_twice_issues_once() -> None:
    server = serving()
    browser = Browser(server)
    page = browser.authorize(client_id="app", response_type="token", code_challenge="", code_challenge_method="")
    assert isinstance(page, GoTo)
    browser.sign_in(page.request_handle)
    form = browser.consent_page(page.request_handle)
    assert isinstance(form, ConsentPage)
    assert form.lifetime == server.settings.access_token_lifetime
    first = browser.decide(page.request_handle, csrf=form.csrf)
    assert isinstance(first, AuthorizationResponse)
    with pytest.raises(InvalidRequest):
        browser.decide(page.request_handle, csrf=form.csrf)
    assert len(server.tokens.every_authorization()) == 1
    assert server.access(first.parameters["access_token"]).client_id == "app"


def test_retry_of_a_write_whose_answer_was_lost_is_no_second_answer() -> None:
    server = serving()

    def twice(verb: str, call: Any) -> Any:
        if verb == "tokens.create":
            call()
        return call()

    server.around = twice
    token = asked(server, "token", scope="read")["access_token"]
    assert server.access(token).subject == "sub-of-alice"


def test_remembered_consent_answers_at_once() -> None:
    server = serving(legacy_client(redirect_uris=(RedirectUri.parse(REDIRECT_URI),)))
    browser = Browser(server)
    request = {"client_id": "app", "response_type": "token", "code_challenge": "", "code_challenge_method": ""}
    first = browser.go_through("allow", (), **request)["access_token"]
    second = browser.go_through("allow", (), **request, prompt="none")["access_token"]
    assert first != second
    assert len(server.tokens.every_authorization()) == 2
