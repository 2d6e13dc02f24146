"""The paths of PlaceOS: what its pages are told and what they may do, and what of the original is not taken over."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urljoin

import jwt
import pytest

from authserver.aws.dynamodb.journal import DynamoJournal
from tests.functions.flowing import asking_the_hook, at_others_paths
from tests.functions.gateway import Answer, Gateway, basic
from tests.functions.given import TOKENS, change_client
from tests.functions.journey import Browser, hidden_fields, machine, native, web
from tests.functions.placeos_flows import KEYCLOAK_LOGOUT, bearer
from tests.functions.second_factors import RECOVERY_CODE, give_factors
from tests.functions.world import World

LISTED = "https://rooms.example"
DAY = 86_400
VERSION = re.compile(r"[2-9]\.[0-9]+\.[0-9]+")  # what the library looks for


@pytest.fixture
def gateway(world: World) -> Iterator[Gateway]:
    with at_others_paths(world, ContinueOrigins=LISTED):
        yield Gateway(world)


def authority(gateway: Gateway, origin: str = "", **options: object) -> Answer:
    headers = {"origin": origin} if origin else {}
    return gateway.send("GET", "/auth/authority", headers=headers, **options)


def sign_in_at(browser: Browser, page: str) -> Answer:
    return browser.sign_in(browser.follow(browser.send("GET", "/auth/login", query={"continue": page})))


# ------------------------------------------------------------------ the authority


def test_the_authority_is_what_the_library_reads(gateway: Gateway) -> None:
    told = authority(gateway).json()
    assert VERSION.search(told["version"])
    assert told["login_url"] == f"{gateway.world.issuer}/auth/login?continue={{{{url}}}}"
    assert told["logout_url"] == f"{gateway.world.issuer}/auth/logout"
    assert told["domain"] == gateway.world.domain
    assert (told["session"], told["token_valid"], told["production"], told["config"]) == (False, False, True, {})
    assert (told["name"], told["email_domains"]) == ("Authserver", [])


def test_whether_somebody_is_signed_in_is_told_this_origin_and_listed_ones(gateway: Gateway) -> None:
    """A page that brings no cookie would else send its user to sign in for ever."""
    browser = Browser(gateway)
    for origin, expected in (("", False), (gateway.world.issuer, False), (LISTED, True), ("https://x.example", True)):
        assert authority(gateway, origin).json()["session"] is expected
    sign_in_at(browser, "/")
    for origin in ("", LISTED):
        assert authority(gateway, origin, cookies=browser.cookies).json()["session"] is True
    browser.cookies["__Host-session"] = "garbage"
    assert authority(gateway, LISTED, cookies=browser.cookies).json()["session"] is False


@pytest.mark.rfc("9700", "2.6")
def test_answers_with_cookies_are_for_listed_origins_alone(gateway: Gateway) -> None:
    mine, others = authority(gateway, LISTED).headers, authority(gateway, "https://x.example").headers
    assert (mine["access-control-allow-origin"], mine["access-control-allow-credentials"]) == (LISTED, "true")
    assert others["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in others
    assert mine["vary"] == others["vary"] == "Origin"


@pytest.mark.parametrize("path", ["/auth/authority", "/auth/logout"])
def test_preflights_of_a_token_are_answered(path: str, gateway: Gateway) -> None:
    headers = {"origin": "https://x.example", "access-control-request-headers": "authorization"}
    answer = gateway.send("OPTIONS", path, headers=headers)
    assert answer.status == 204
    assert "Authorization" in answer.headers["access-control-allow-headers"]
    assert "GET" in answer.headers["access-control-allow-methods"]


def test_health_touches_nothing(gateway: Gateway) -> None:
    gateway.world.aws.calls.clear()
    assert gateway.send("GET", "/auth/authority", query=b"health").status == 200
    assert not gateway.world.aws.calls


@pytest.mark.rfc("OIDC Discovery", "2")
def test_webfinger_tells_the_issuer(gateway: Gateway) -> None:
    found = gateway.send("GET", "/.well-known/webfinger", query={"resource": "acct:alice@example.com"})
    assert found.json()["links"][0]["href"] == gateway.world.issuer
    assert gateway.send("GET", "/.well-known/webfinger").status == 400


def test_token_info_has_doorkeepers_shape(gateway: Gateway) -> None:
    app = native(gateway)
    for path in ("/auth/oauth/token/info", "/auth/token/info"):
        told = gateway.send("GET", path, headers=bearer(app.tokens()["access_token"])).json()
        assert (told["application"], told["scope"][0], told["expires_in"]) == ({"uid": "demo-app"}, "openid", 3600)
        assert told["resource_owner_id"]
        own = machine(gateway).own_token().json()["access_token"]
        assert gateway.send("GET", path, headers=bearer(own)).json()["resource_owner_id"] is None
        assert gateway.send("GET", path, headers=bearer("x-api-key")).error == "invalid_token"
        assert gateway.send("GET", path).status == 401


# ------------------------------------------------------------------ signing in and out for a page


def test_who_signs_in_goes_on_to_the_page(gateway: Gateway) -> None:
    for page in ("/rooms/#/desk", f"{LISTED}/rooms/"):
        browser = Browser(gateway)
        assert sign_in_at(browser, page).location == page
        assert browser.send("GET", "/auth/login", query={"continue": page}).location == page
    assert sign_in_at(Browser(gateway), f"{gateway.world.issuer}/rooms/").location == "/rooms/"


def test_without_a_page_who_signs_in_sees_their_account(gateway: Gateway) -> None:
    browser = Browser(gateway)
    page = browser.follow(browser.send("GET", "/auth/login"))
    assert urljoin("/login", browser.sign_in(page).location) == "/my"
    assert urljoin("/auth/login", browser.send("GET", "/auth/login").location) == "/my"


@pytest.mark.rfc("9700", "4.11.2")
def test_nobody_types_a_password_for_a_page_elsewhere(gateway: Gateway) -> None:
    for page in ("//evil.example", "/\\evil.example", "https://app.example.com/", "/logout", "/app.js"):
        answer = gateway.send("GET", "/auth/login", query={"continue": page})
        assert (answer.status, "location" in answer.headers, answer.cookies) == (400, False, ())
    assert gateway.send("GET", "/auth/login", query=b"continue=/a&continue=/b").status == 400
    assert gateway.send("POST", "/auth/login", form={"continue": "/"}).status == 405


def test_a_page_of_this_origin_signs_out_at_once(gateway: Gateway) -> None:
    browser = Browser(gateway)
    sign_in_at(browser, "/")
    left = browser.send("GET", "/auth/logout", query={"continue": "/rooms/"}, headers={"sec-fetch-site": "same-origin"})
    assert left.location == f"{gateway.world.issuer}/rooms/"
    assert authority(gateway, cookies=browser.cookies).json()["session"] is False


def test_others_ask_first_and_then_lead_back(gateway: Gateway) -> None:
    for site in ("cross-site", "same-site", "none", ""):
        browser = Browser(gateway)
        sign_in_at(browser, "/")
        page = browser.send(
            "GET", "/auth/logout", query={"continue": f"{LISTED}/bye"}, headers={"sec-fetch-site": site} if site else {}
        )
        assert (page.status, "Do you want to sign out?" in page.body) == (200, True)
        assert authority(gateway, cookies=browser.cookies).json()["session"] is True
        assert browser.send("POST", "/logout", form=hidden_fields(page)).location == f"{LISTED}/bye"


@pytest.mark.rfc("9700", "4.11.2")
def test_signing_out_leads_to_no_page_elsewhere(gateway: Gateway) -> None:
    for page in ("https://evil.example", "//evil.example", "/authorize"):
        for path in ("/auth/logout", "/logout"):
            answer = gateway.send("GET", path, query={"continue": page})
            assert (answer.status, "location" in answer.headers) == (400, False)


@pytest.mark.rfc("OIDC RP-Initiated Logout", "3")
def test_where_nobody_chose_it_there_is_no_continue_and_no_logout_uri(world: World) -> None:
    gateway = Gateway(world)
    for given in (
        {"continue": "/rooms/"},
        {"client_id": "demo-web", "logout_uri": "https://app.example.com/signed-out"},
    ):
        answer = gateway.send("GET", "/logout", query=given)
        assert (answer.status, "location" in answer.headers) == (200, False)


@pytest.mark.rfc("OIDC RP-Initiated Logout", "3")
def test_cognitos_logout_uri_is_one_that_the_client_registered(gateway: Gateway) -> None:
    back = gateway.send(
        "GET", "/logout", query={"client_id": "demo-web", "logout_uri": "https://app.example.com/signed-out"}
    )
    assert back.location == "https://app.example.com/signed-out"
    refused = gateway.send("GET", "/logout", query={"client_id": "demo-web", "logout_uri": "https://evil.example/"})
    assert (refused.status, "location" in refused.headers) == (400, False)


# ------------------------------------------------------------------ signing in by a script


def by_script(browser: Browser, origin: str | None, media_type: str = "application/json", **changed: object) -> Answer:
    given = {"email": "alice", "password": "wonderland-demo", "continue": "/rooms/"} | changed
    headers = {"content-type": media_type} | ({} if origin is None else {"origin": origin})
    return browser.send("POST", "/auth/signin", body=json.dumps(given).encode(), headers=headers)


def test_a_page_signs_its_user_in_by_a_script(gateway: Gateway) -> None:
    for origin in (gateway.world.issuer, LISTED):
        browser = Browser(gateway)
        answer = by_script(browser, origin)
        assert answer.json() == {"continue": f"{gateway.world.issuer}/rooms/"}
        assert browser.send("GET", "/auth/authority").json()["session"] is True
        first = browser.cookies["__Host-session"]
        assert by_script(browser, origin, **{"continue": f"{LISTED}/x"}).json() == {"continue": f"{LISTED}/x"}
        assert authority(gateway, cookies={"__Host-session": first}).json()["session"] is False


@pytest.mark.rfc("9700", "4.7")
def test_no_other_site_signs_anybody_in(gateway: Gateway) -> None:
    """Not by a form either, which can send three media types and no other."""
    for origin in (None, "", "null", "https://evil.example", f"{LISTED}.evil.example", f"{LISTED}/", LISTED.upper()):
        answer = by_script(Browser(gateway), origin)
        assert (answer.status, answer.error, answer.cookies) == (400, "access_denied", ())
    for media_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        answer = by_script(Browser(gateway), LISTED, media_type)
        assert (answer.status, answer.error, answer.cookies) == (400, "invalid_request", ())
    assert gateway.send("GET", "/auth/signin").headers["allow"] == "POST"


@pytest.mark.parametrize("body", [b"[" * 16000, b'{"email": ' + b"[" * 15000, b"{", b"[]", b"\xff", b""])
def test_what_is_no_such_json_is_no_fault_of_ours(gateway: Gateway, body: bytes) -> None:
    headers = {"content-type": "application/json", "origin": LISTED}
    answer = gateway.send("POST", "/auth/signin", body=body, headers=headers)
    assert (answer.status, answer.error) == (400, "invalid_request")


def test_a_script_hears_the_same_of_a_wrong_name_and_of_a_wrong_password(gateway: Gateway) -> None:
    wrong = by_script(Browser(gateway), LISTED, password="guessed")
    unknown = by_script(Browser(gateway), LISTED, email="nobody")
    assert (
        (wrong.status, wrong.body, wrong.cookies)
        == (unknown.status, unknown.body, unknown.cookies)
        == (400, wrong.body, ())
    )
    for page in ("https://evil.example", "/logout"):
        assert by_script(Browser(gateway), LISTED, **{"continue": page}).error == "invalid_request"
    for malformed in ({"email": 1}, {"password": None}, {"continue": ["/"]}):
        assert by_script(Browser(gateway), LISTED, **malformed).error == "invalid_request"
    while (answer := by_script(Browser(gateway), LISTED, password="guessed")).status == 400:
        pass
    assert (answer.status, "retry-after" in answer.headers) == (429, True)


def test_a_second_factor_is_asked_for_on_our_own_page(world: World, gateway: Gateway) -> None:
    give_factors(world)
    browser = Browser(gateway)
    page = by_script(browser, LISTED, **{"continue": f"{LISTED}/x"}).json()["continue"]
    assert page.startswith(f"{world.issuer}/login/code?request=")
    assert browser.send("GET", "/auth/authority").json()["session"] is False
    code = browser.send("GET", "/login/code", query=page.partition("?")[2].encode())
    done = browser.send("POST", "/login/code", form=hidden_fields(code) | {"recovery_code": RECOVERY_CODE})
    assert done.location == f"{LISTED}/x"


# ------------------------------------------------------------------ signing out by a token


@pytest.mark.rfc("7009", "2.1")
def test_signing_out_by_a_token_ends_all_that_hangs_on_it(gateway: Gateway) -> None:
    app, browser = native(gateway), Browser(gateway)
    tokens = app.tokens(browser)
    other = app.tokens()  # of another sign-in
    answer = browser.send("GET", "/auth/logout", headers=bearer(tokens["access_token"]))
    assert (answer.status, answer.body, answer.headers["access-control-allow-origin"]) == (204, "", "*")
    assert app.refresh(tokens["refresh_token"]).error == "invalid_grant"
    assert gateway.send("GET", "/userinfo", headers=bearer(tokens["access_token"])).status == 401
    assert (answer.cookies, authority(gateway, cookies=browser.cookies).json()["session"]) == ((), True)
    assert app.refresh(other["refresh_token"]).status == 200


def test_what_is_no_token_of_a_user_ends_nothing(gateway: Gateway) -> None:
    token = native(gateway).tokens(Browser(gateway, "bob", "builder-demo"))["access_token"]
    browser = Browser(gateway)
    sign_in_at(browser, "/")
    for one in (token, token, "garbage", "x-api-key", machine(gateway).own_token().json()["access_token"]):
        answer = browser.send("GET", "/auth/logout", headers=bearer(one))
        assert (answer.status, answer.cookies) == (204, ())
    assert authority(gateway, cookies=browser.cookies).json()["session"] is True


@pytest.mark.rfc("7009", "2.1")
def test_token_of_a_client_that_is_no_page_ends_nothing(world: World, gateway: Gateway) -> None:
    """Its APIs hold the same token; it has credentials of its own to revoke by."""
    app = web(gateway)
    tokens = app.tokens()
    assert gateway.send("GET", "/auth/logout", headers=bearer(tokens["access_token"])).status == 204
    refreshed = app.refresh(tokens["refresh_token"]).json()
    change_client(world, "demo-web", parameters_in_query=True)
    assert gateway.send("GET", "/auth/logout", headers=bearer(refreshed["access_token"])).status == 204
    assert app.refresh(refreshed["refresh_token"]).error == "invalid_grant"


@pytest.mark.rfc("7009", "2.1")
def test_keycloaks_clients_sign_out_by_their_own_refresh_token(gateway: Gateway) -> None:
    app = web(gateway)
    token = app.tokens()["refresh_token"]
    stranger = basic("other-web", "other-web-secret-for-development-only")
    assert gateway.post(KEYCLOAK_LOGOUT, {"refresh_token": token}, headers=stranger).status == 204
    assert gateway.post(KEYCLOAK_LOGOUT, {"refresh_token": token, "client_id": "demo-web"}).error == "invalid_client"
    token = app.refresh(token).json()["refresh_token"]
    assert app.post(KEYCLOAK_LOGOUT, refresh_token=token).body == ""
    assert app.refresh(token).error == "invalid_grant"
    assert gateway.post(KEYCLOAK_LOGOUT, b"refresh_token=%ff%00&&=\xff").status == 400
    assert gateway.post(KEYCLOAK_LOGOUT, b"refresh_token=" + b"x" * 20_000).status == 413
    assert app.post("/logout", refresh_token=token).status == 303  # as ever: on to the page that asks


# ------------------------------------------------------------------ parameters in an address


def in_query(gateway: Gateway, path: str = "/auth/token", **changed: str) -> Answer:
    app = native(gateway)
    code = Browser(gateway).go_through(app.request())["code"]
    given = {"grant_type": "authorization_code", "client_id": app.client_id, "code": code}
    given |= {"redirect_uri": app.redirect_uri, "code_verifier": app.verifier}
    return gateway.post(path, {}, query=given | changed)


@pytest.mark.rfc("6749", "3.2")
def test_parameters_are_taken_from_an_address_there_and_of_that_client_alone(world: World, gateway: Gateway) -> None:
    assert in_query(gateway).json()["error_description"] == "The parameters must be in the request body"
    change_client(world, "demo-app", parameters_in_query=True)
    assert in_query(gateway).status == 200
    assert in_query(gateway, "/auth/oauth/token").status == 200
    for path in ("/token", "/refresh", "/oauth/token", "/realms/master/protocol/openid-connect/token"):
        assert in_query(gateway, path).json()["error_description"] == "grant_type is missing"


@pytest.mark.rfc("6749", "2.3.1")
def test_a_secret_is_in_no_address(world: World, gateway: Gateway) -> None:
    change_client(world, "demo-app", parameters_in_query=True)
    assert (
        in_query(gateway, client_secret="x").json()["error_description"] == "Client credentials must not be in the URI"
    )
    secret = {"client_id": "demo-machine", "client_secret": "demo-machine-secret-for-development-only"}
    assert (
        gateway.post("/auth/token", {}, query=secret | {"grant_type": "client_credentials"}).error == "invalid_request"
    )
    assert gateway.post("/auth/token", {"grant_type": "client_credentials"}, query=secret).error == "invalid_request"


@pytest.mark.rfc("6749", "2.3.1")
@pytest.mark.parametrize("path", ["/auth/token", "/token", "/oauth/token", "/revoke", "/auth/revoke", "/introspect"])
def test_developer_hears_of_a_secret_in_an_address(path: str, gateway: Gateway) -> None:
    """Whatever else the request has; and of a client that there is not, nothing is kept."""
    secret = {"client_secret": "demo-machine-secret-for-development-only"}
    for query, form in (
        (secret | {"client_id": "demo-machine"}, {"grant_type": "client_credentials", "token": "x"}),
        (secret, {"client_id": "demo-machine"}),
        (secret | {"client_id": "nobody"}, {}),
        (secret, {}),
    ):
        answer = gateway.post(path, form, query=query)
        assert (answer.status, answer.json()["error_description"]) == (400, "Client credentials must not be in the URI")
    assert refusals(gateway, "demo-machine") == {"credentials_in_query": 2}
    assert refusals(gateway, "nobody") == {}


def refusals(gateway: Gateway, client_id: str) -> dict[str, int]:
    today = int(gateway.world.clock.time()) // DAY * DAY
    found = DynamoJournal(gateway.world.aws.service("dynamodb"), TOKENS).refusals(client_id, [today])
    return {one.reason: one.count for one in found}


@pytest.mark.rfc("6749", "2.3.1")
def test_left_over_secret_of_a_public_client_is_as_good_as_none_there(gateway: Gateway) -> None:
    """Nowhere else, and of no client that has one."""
    app = native(gateway)
    tokens = app.tokens()
    for path in ("/token", "/oauth/token"):
        assert app.refresh(tokens["refresh_token"], path, client_secret="left over").error == "invalid_client"
    for path in ("/auth/token", "/auth/oauth/token"):
        answer = app.refresh(tokens["refresh_token"], path, client_secret="left over", authority="x")
        assert answer.status == 200
        tokens = answer.json()
    basic_too = gateway.post(
        "/auth/token",
        {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]},
        headers=basic("demo-app", "left over"),
    )
    assert basic_too.error == "invalid_client"
    wrong = {"client_id": "demo-machine", "client_secret": "left over", "grant_type": "client_credentials"}
    assert gateway.post("/auth/token", wrong).error == "invalid_client"


@pytest.mark.rfc("6749", "3.2")
def test_an_address_adds_nothing_to_a_body(world: World, gateway: Gateway) -> None:
    change_client(world, "demo-app", parameters_in_query=True)
    app = native(gateway)
    token = app.tokens()["refresh_token"]
    answer = gateway.post(
        "/auth/token", {"grant_type": "refresh_token"}, query={"client_id": "demo-app", "refresh_token": token}
    )
    assert answer.error == "invalid_client"
    assert gateway.post("/auth/token", b"", query=b"grant_type=password&grant_type=x").error == "invalid_request"


@pytest.mark.rfc("7636", "4.4.1")
@pytest.mark.rfc("9700", "2.1.1")
def test_only_such_a_client_is_let_off_pkce_and_only_by_an_operator(world: World, gateway: Gateway) -> None:
    app = native(gateway)
    without = app.request(code_challenge="", code_challenge_method="")
    for changes, is_let_off in (
        ({"require_pkce": False, "parameters_in_query": False}, False),
        ({"require_pkce": True, "parameters_in_query": True}, False),
        ({"require_pkce": False, "parameters_in_query": True}, True),
    ):
        change_client(world, app.client_id, **changes)
        answer = Browser(gateway).send("GET", "/auth/oauth/authorize", query=without)
        assert ("login?request" in answer.location) == is_let_off
        assert ("code_challenge+is+missing" in answer.location) != is_let_off


@pytest.mark.rfc("9068", "2.2.2")
def test_block_of_a_user_comes_of_the_token_hook(world: World) -> None:
    """As docs/placeos.md has it; a machine's token has none."""
    told = {"n": "Alice Liddell", "e": "alice@example.com", "p": 2, "r": ["building-2"]}

    def answer(question: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"claims": {"access_token": {"u": told}}} if question["subject"] else {}

    with asking_the_hook(world, answer):
        gateway = Gateway(world)
        tokens = [native(gateway).tokens(), machine(gateway).own_token().json()]
    of_user, of_machine = (jwt.decode(one["access_token"], options={"verify_signature": False}) for one in tokens)
    assert of_user["u"] == told
    assert "u" not in of_machine


# ------------------------------------------------------------------ what is not taken over


@pytest.mark.rfc("8414", "2")
def test_no_header_says_who_the_issuer_is(gateway: Gateway) -> None:
    headers = {"host": "evil.example", "x-forwarded-host": "evil.example", "referer": "https://evil.example/"}
    assert "evil" not in gateway.send("GET", "/auth/authority", headers=headers).body
    assert "evil" not in gateway.send("GET", "/auth/.well-known/openid-configuration", headers=headers).body


def test_no_api_key_opens_a_way_for_continue(gateway: Gateway) -> None:
    for page in ("https://evil.example/?api-key=x", "https://evil.example/?x-api-key=x.y"):
        assert gateway.send("GET", "/auth/login", query={"continue": page}).status == 400


def test_a_failed_sign_in_stays_on_the_page_whatever_sent_it(gateway: Gateway) -> None:
    browser = Browser(gateway)
    page = browser.follow(browser.send("GET", "/auth/login", query={"continue": "/rooms/"}))
    browser.headers = {"referer": "https://evil.example/"}
    answer = browser.sign_in(page, password="wrong")
    assert (answer.status, "location" in answer.headers, "evil" in answer.body) == (401, False, False)


@pytest.mark.rfc("7009", "2.1")
@pytest.mark.rfc("7662", "2.1")
def test_revocation_and_introspection_need_their_client(gateway: Gateway) -> None:
    token = web(gateway).tokens()["refresh_token"]
    for path in ("/auth/oauth/revoke", "/auth/revoke", "/auth/oauth/introspect", "/auth/introspect"):
        assert gateway.post(path, {"token": token}).error == "invalid_client"
        assert gateway.post(path, {"token": token, "client_id": "demo-web"}).error == "invalid_client"
    assert native(gateway).post("/auth/oauth/introspect", token=token).error == "invalid_client"
    assert web(gateway).refresh(token).status == 200


@pytest.mark.rfc("6749", "4.4.3")
def test_machines_get_no_refresh_token_and_a_lost_scope_is_not_made_up(gateway: Gateway) -> None:
    tokens = machine(gateway).post("/auth/oauth/token", grant_type="client_credentials").json()
    assert ("refresh_token" in tokens, tokens["scope"]) == (False, "read")
    lost = machine(gateway).post("/auth/oauth/token", grant_type="client_credentials", scope="gone")
    assert lost.error == "invalid_scope"


# ------------------------------------------------------------------ nginx


def test_no_answer_sets_the_cookie_for_nginx(gateway: Gateway) -> None:
    """`verified`, which docs/placeos.md names with its reason: neither at a sign-in nor at what follows."""
    browser = Browser(gateway)
    sign_in_at(browser, "/")
    native(gateway).tokens(browser)
    browser.send("GET", "/auth/authority", headers={"origin": LISTED})
    assert "__Host-session" in browser.cookies
    assert "verified" not in browser.cookies
    browser.send("GET", "/auth/logout")
    assert "verified" not in browser.cookies
