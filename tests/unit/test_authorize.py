"""The authorization endpoint: what is refused where, and what is told the client."""

import pytest

from authserver.errors import InvalidRequest
from authserver.messages.authorization import AuthorizationResponse
from authserver.messages.browser import GoTo, LoginPage
from authserver.values import RedirectUri
from tests.fakes import ISSUER, OTHER_RESOURCE, REDIRECT_URI, client, public_client
from tests.unit.server import CHALLENGE, App, Browser, Server, id_claims


def refused(parameters: dict[str, str], server: Server | None = None, resource: tuple[str, ...] = ()) -> str:
    """The error code that the client is told by redirect."""
    answer = Browser(server or Server()).authorize(resource, frozenset(), **parameters)
    assert isinstance(answer, AuthorizationResponse)
    assert answer.target.uri.text == REDIRECT_URI
    assert (answer.parameters["state"], answer.parameters["iss"]) == ("state", ISSUER)
    assert "code" not in answer.parameters
    return answer.parameters["error"]


# ------------------------------------------------------------------ nowhere to redirect to


@pytest.mark.rfc("6749", "4.1.2.1")
@pytest.mark.parametrize(
    "parameters",
    [
        {"client_id": ""},
        {"client_id": "nobody"},
        {"client_id": "web\x00"},
        {"client_id": "#"},
        {"redirect_uri": "https://evil.example/"},
        {"redirect_uri": ""},
        {"redirect_uri": "relative"},
    ],
)
@pytest.mark.parametrize(
    "flaw", [{}, {"response_type": "token"}, {"scope": 'openid "'}, {"prompt": "none"}, {"request": "x"}]
)
def test_unknown_client_or_uri_is_never_redirected(parameters: dict[str, str], flaw: dict[str, str]) -> None:
    browser = Browser(Server())
    with pytest.raises(InvalidRequest):
        browser.authorize((), frozenset(), **{**flaw, **parameters, "scope": flaw.get("scope", "openid")})


@pytest.mark.rfc("6749", "3.1")
@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
def test_client_or_uri_that_came_twice_is_never_redirected(name: str) -> None:
    with pytest.raises(InvalidRequest):
        Browser(Server()).authorize((), frozenset({name}))


@pytest.mark.rfc("6749", "3.1.2.3")
def test_missing_uri_of_a_client_with_several_is_never_redirected() -> None:
    uris = (RedirectUri.parse(REDIRECT_URI), RedirectUri.parse("https://app.example/b"))
    with pytest.raises(InvalidRequest):
        Browser(Server(client(redirect_uris=uris))).authorize(redirect_uri="", scope="read")


# ------------------------------------------------------------------ told by redirect


@pytest.mark.rfc("6749", "4.1.2.1")
@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ({"response_type": ""}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code token"}, "unsupported_response_type"),
        ({"response_type": "CODE"}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"response_mode": "web_message"}, "invalid_request"),
        ({"scope": 'a"b'}, "invalid_scope"),
        ({"scope": "unknown"}, "invalid_scope"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge": "", "code_challenge_method": ""}, "invalid_request"),
        ({"code_challenge_method": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": "s256"}, "invalid_request"),
        ({"code_challenge": CHALLENGE[:-1]}, "invalid_request"),
        ({"code_challenge": CHALLENGE + "="}, "invalid_request"),
        ({"code_challenge": "+" * 43}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "create"}, "invalid_request"),
        ({"prompt": "none"}, "login_required"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "1.5"}, "invalid_request"),
        ({"max_age": "\u0661"}, "invalid_request"),
        ({"max_age": "9" * 5000}, "invalid_request"),
        ({"nonce": "n" * 2049}, "invalid_request"),
        ({"request": "eyJ"}, "request_not_supported"),
        ({"request_uri": "https://evil.example/"}, "request_uri_not_supported"),
        ({"registration": "{}"}, "registration_not_supported"),
        ({"id_token_hint": "x"}, "invalid_request"),
    ],
)
def test_flaw_is_told_the_client(parameters: dict[str, str], error: str) -> None:
    assert refused(parameters) == error


@pytest.mark.rfc("7636", "4.4.1")
@pytest.mark.parametrize("method", ["", "plain", "S256"])
def test_public_client_without_challenge_is_refused_whatever_it_registered(method: str) -> None:
    server = Server(public_client(require_pkce=False))
    assert (
        refused({"client_id": "app", "code_challenge": "", "code_challenge_method": method}, server)
        == "invalid_request"
    )


@pytest.mark.rfc("8707", "2")
@pytest.mark.parametrize("resource", ["https://unknown.example", "relative", "https://api.example#x", ""])
def test_unknown_resource_is_an_invalid_target(resource: str) -> None:
    assert refused({}, resource=(resource,)) == "invalid_target"


@pytest.mark.rfc("6749", "3.1")
@pytest.mark.parametrize("name", ["scope", "nonce", "response_type", "code_challenge", "unknown"])
def test_parameter_that_came_twice_is_told_the_client(name: str) -> None:
    answer = Browser(Server()).authorize((), frozenset({name}))
    assert isinstance(answer, AuthorizationResponse)
    assert answer.parameters["error"] == "invalid_request"


@pytest.mark.rfc("6749", "4.1.2.1")
@pytest.mark.parametrize(
    "overrides", [{"grant_types": ("client_credentials",)}, {"response_types": ()}, {"response_types": ("token",)}]
)
def test_client_that_may_not_ask_for_codes_is_unauthorized(overrides: dict[str, tuple[str, ...]]) -> None:
    assert refused({}, Server(client(**overrides))) == "unauthorized_client"


@pytest.mark.rfc("6749", "4.1.2.1")
@pytest.mark.parametrize("state", ["x" * 6145, "{" * 2049])
@pytest.mark.parametrize("prompt", ["", "none"])
def test_state_that_no_address_has_room_for_is_told_on_our_own_page(state: str, prompt: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        Browser(Server()).authorize(state=state, prompt=prompt)
    assert refusal.value.reason == "state_too_long"


@pytest.mark.rfc("OIDC Core", "3.1.2.1")
@pytest.mark.parametrize(("length", "shown"), [(300, 300), (1024, 1024), (1025, 0)])
def test_hint_that_is_too_long_is_left_aside_and_nothing_refused(length: int, shown: int) -> None:
    browser = Browser(Server())
    answer = browser.authorize(login_hint="h" * length, ui_locales="x" * 2000)
    assert isinstance(answer, GoTo)
    page = browser.login_page(answer.request_handle)
    assert isinstance(page, LoginPage)
    assert (page.username, page.ui_locales) == ("h" * shown, "")


@pytest.mark.rfc("OIDC Core", "3.1.2.1")
def test_long_nonce_is_in_the_id_token() -> None:
    server = Server()
    response = App(server).tokens(nonce="n" * 2048)
    assert id_claims(response.id_token)["nonce"] == "n" * 2048


@pytest.mark.rfc("9207", "2")
@pytest.mark.parametrize("state", ["", "<script>", "a b&c=d", "ä\r\nSet-Cookie: x", "x" * 6144, "{ä}" * 500])
def test_state_comes_back_unchanged_with_the_issuer(state: str) -> None:
    answer = Browser(Server()).go_through(state=state)
    assert answer["iss"] == ISSUER
    assert answer.get("state", "") == state
    assert answer.keys() == ({"code", "iss", "state"} if state else {"code", "iss"})


# ------------------------------------------------------------------ sessions and prompts


@pytest.mark.rfc("OIDC Core", "3.1.2.1")
def test_prompt_none_gives_a_code_only_after_sign_in_and_consent() -> None:
    server = Server()
    browser = Browser(server)
    page = browser.authorize()
    assert isinstance(page, GoTo)
    browser.sign_in(page.request_handle)
    assert browser.go_through(prompt="none")["error"] == "consent_required"
    browser.code()
    assert "code" in browser.go_through(prompt="none")
    assert browser.go_through(prompt="none", scope="openid email")["error"] == "consent_required"
    again = browser.authorize((OTHER_RESOURCE,), frozenset(), prompt="none")
    assert isinstance(again, AuthorizationResponse)
    assert again.parameters["error"] == "consent_required"


@pytest.mark.rfc("ASVS 5.0", "10.3.4")
@pytest.mark.rfc("OIDC Core", "3.1.2.1")
@pytest.mark.parametrize(
    "parameters", [{"prompt": "login"}, {"prompt": "select_account"}, {"max_age": "0"}, {"max_age": "99"}]
)
def test_user_signs_in_again_where_the_client_asks_for_it_and_once_is_enough(parameters: dict[str, str]) -> None:
    server = Server()
    browser = Browser(server)
    browser.code()
    server.clock.advance(100)
    page = browser.authorize((), frozenset(), **parameters)
    assert isinstance(page, GoTo)
    assert page.page == "login"
    assert isinstance(browser.decide(page.request_handle), GoTo)
    before = browser.session
    browser.sign_in(page.request_handle)
    assert browser.session != before
    answer = browser.consent_page(page.request_handle)
    assert isinstance(answer, AuthorizationResponse)
    assert server.authorization_of(answer.parameters["code"]).auth_time == server.clock()


@pytest.mark.rfc("OIDC Core", "3.1.2.1")
def test_prompt_consent_asks_though_it_was_remembered() -> None:
    browser = Browser(Server())
    browser.code()
    page = browser.authorize(prompt="consent")
    assert isinstance(page, GoTo)
    assert page.page == "consent"


@pytest.mark.rfc("OIDC Core", "3.1.2.1")
def test_id_token_hint_of_another_client_or_user_is_login_required() -> None:
    server = Server(client(), client(client_id="other"))
    browser = Browser(server)
    token = App(server).exchange(browser.code()).id_token
    other = App(server, "other").exchange(browser.code(client_id="other")).id_token
    assert token is not None
    assert other is not None
    server.clock.advance(10**4)
    assert "code" in browser.go_through(prompt="none", id_token_hint=token.reveal())
    assert browser.go_through(id_token_hint=other.reveal())["error"] == "login_required"


@pytest.mark.rfc("6749", "10.2")
@pytest.mark.parametrize("lifetime", [0, 1000])
def test_consent_is_remembered_for_as_long_as_the_operator_says(lifetime: int) -> None:
    server = Server(consent_lifetime=lifetime)
    browser = Browser(server)
    browser.code()
    server.clock.advance(999)
    assert ("code" in browser.go_through(prompt="none")) == (lifetime > 0)
    server.clock.advance(1)
    assert browser.go_through(prompt="none")["error"] == "consent_required"


@pytest.mark.rfc("ASVS 5.0", "10.7.1")
@pytest.mark.rfc("8252", "8.6")
@pytest.mark.parametrize(
    ("uri", "remembered"), [("http://127.0.0.1/cb", False), ("com.example:/cb", False), (REDIRECT_URI, True)]
)
def test_public_client_that_anybody_could_be_is_asked_about_every_time(uri: str, remembered: bool) -> None:
    server = Server(public_client(redirect_uris=(RedirectUri.parse(uri),)))
    browser = Browser(server)
    browser.code(client_id="app", redirect_uri=uri)
    answer = browser.go_through(client_id="app", redirect_uri=uri, prompt="none")
    assert ("code" in answer) == remembered


@pytest.mark.rfc("OIDC Core", "3.1.2.1")
def test_session_ends_by_age_with_all_of_its_users_and_with_a_wrong_secret() -> None:
    server = Server()
    browser = Browser(server)
    browser.code()
    session = browser.session
    assert session is not None
    for wrong in (session[:-1] + ("A" if session[-1] != "A" else "B"), "se_", session.replace("se_", "rq_")):
        browser.session = wrong
        assert browser.go_through(prompt="none")["error"] == "login_required"
    browser.session = session
    server.clock.advance(server.settings.session_lifetime - 1)
    assert "code" in browser.go_through(prompt="none")
    server.clock.advance(1)
    assert browser.go_through(prompt="none")["error"] == "login_required"
    server.clock.advance(-1)
    assert "code" in browser.go_through(prompt="none")
    server.withdrawals.end(subject="sub-of-alice")
    assert browser.go_through(prompt="none")["error"] == "login_required"


@pytest.mark.rfc("6749", "3.1")
def test_requests_of_two_tabs_do_not_mix() -> None:
    server = Server()
    browser = Browser(server)
    one = browser.authorize(state="one", scope="read")
    two = browser.authorize(state="two", scope="write")
    assert isinstance(one, GoTo)
    assert isinstance(two, GoTo)
    browser.sign_in(one.request_handle)
    second, first = browser.decide(two.request_handle), browser.decide(one.request_handle)
    assert isinstance(first, AuthorizationResponse)
    assert isinstance(second, AuthorizationResponse)
    assert (first.parameters["state"], second.parameters["state"]) == ("one", "two")
    assert str(server.authorization_of(first.parameters["code"]).scope) == "read"
    assert str(server.authorization_of(second.parameters["code"]).scope) == "write"
