"""The playground: what it keeps, whose answers it takes, and what it tells of a token."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from authserver.endpoints.browsers.authorize import authorize
from authserver.errors import InvalidRequest
from authserver.messages.authorization import AuthorizationRequest
from authserver.messages.browser import GoTo
from authserver.messages.site import View
from authserver.models.clients import VERIFIED
from authserver.pages import Pages
from authserver.site.developer.claims import CLAIMS
from authserver.site.developer.requests import with_credentials
from authserver.values import Scope, base64url, sha256
from authserver.wire.http import HttpRequest
from tests.fakes import START, client, user
from tests.unit.portal import Developer, words
from tests.unit.server import Server

PAGE, ANSWER = "/developer/playground", "/developer/playground/callback"
EVERY_GRANT = ("authorization_code", "refresh_token", "client_credentials", "implicit", "password")
METHODS = ("client_secret_basic", "client_secret_post", "none")
HOSTILE = '"><script>alert(1)</script>'


@pytest.fixture
def server() -> Server:
    made = Server(grant_types=EVERY_GRANT)
    made.users.create(user(sub="bob-sub", username="bob"))
    made.clients.put(client(client_id="app", owner=user().sub, verification="test"))
    return made


@pytest.fixture
def alice(server: Server) -> Developer:
    return Developer(server, user())


@pytest.fixture
def bob(server: Server) -> Developer:
    found = server.users.find("bob")
    assert found
    return Developer(server, found)


def shown(answer: View | GoTo) -> View:
    assert isinstance(answer, View)
    return answer


def opened(developer: Developer, client_id: str = "app") -> View:
    return shown(developer.get(PAGE, {"client_id": client_id}))


def add(developer: Developer) -> View | GoTo:
    return developer.post(PAGE, "add_callback", {"client_id": "app"})


def test_an_app_without_any_scope_can_be_tried_as_well(alice: Developer) -> None:
    alice.server.clients.put(client(client_id="bare", owner=user().sub, verification="test", scope=Scope()))
    sent = opened(alice, "bare").context["sent"]
    assert (sent["client_id"], sent["scope"], "nonce" in sent) == ("bare", "", False)
    assert shown(alice.get(ANSWER, {"state": sent["state"], "code": "ac_x"})).status == 200


@pytest.mark.rfc("7636", "4.2")
def test_the_verifier_of_the_second_step_is_the_one_whose_challenge_was_sent_and_nothing_is_stored(
    alice: Developer,
) -> None:
    before = alice.server.clients.get("app")
    sent = opened(alice).context["sent"]
    stores = [name for name in alice.server.calls if name.split(".")[1].startswith(("put", "create", "replace"))]
    answer = shown(alice.get(ANSWER, {"state": sent["state"], "code": "ac_x"}))
    form = answer.context["exchange"].form
    assert base64url(sha256(form["code_verifier"])) == sent["code_challenge"]
    assert answer.context["nonce"] == sent["nonce"]
    assert form["redirect_uri"] == sent["redirect_uri"]
    assert set(stores) <= {"browsers.put_session", "users.create"}
    assert alice.server.clients.get("app") == before


def test_each_request_has_a_state_and_a_challenge_of_its_own(alice: Developer) -> None:
    one, other = opened(alice).context["sent"], opened(alice).context["sent"]
    assert one["state"] != other["state"]
    assert one["code_challenge"] != other["code_challenge"]


@pytest.mark.rfc("6749", "10.12")
def test_an_answer_to_no_request_of_this_session_is_told_so_and_offers_no_exchange(
    alice: Developer, bob: Developer
) -> None:
    state = opened(alice).context["sent"]["state"]
    another_session = Developer(alice.server, alice.user)
    letter = "B" if state[5] == "A" else "A"
    for developer, given in (
        (bob, state),
        (another_session, state),
        (alice, ""),
        (alice, state[:5] + letter + state[6:]),
        (alice, f"{state}A"),
        (alice, "a.b.c"),
        (alice, "a.%.c"),
        (alice, HOSTILE),
    ):
        answer = shown(developer.get(ANSWER, {"state": given, "code": "ac_x"}))
        page = developer.see(answer, ANSWER)
        assert "belongs to no request of yours" in words(page)
        assert "ac_x" not in page


def test_another_developers_app_is_not_there(alice: Developer, bob: Developer) -> None:
    """SECURITY.md row 77."""
    before = alice.server.clients.get("app")
    assert opened(bob).status == opened(bob, "nobody").status == 404
    answer = shown(add(bob))
    assert (answer.status, alice.server.clients.get("app")) == (404, before)


def test_the_playgrounds_address_is_added_to_a_test_app_once(alice: Developer) -> None:
    assert "Add it to this test app" in words(alice.see(opened(alice), PAGE))
    for _ in range(2):
        answer = add(alice)
        assert isinstance(answer, GoTo)
        assert answer.page == "developer/playground?client_id=app"
    stored = alice.server.clients.get("app")
    assert stored
    callback = f"{alice.server.settings.issuer}/developer/playground/callback"
    assert [uri.text for uri in stored.redirect_uris].count(callback) == 1
    page = alice.see(opened(alice), PAGE)
    assert re.search(r'<form method="get" action="../authorize"', page)


def test_a_verified_app_keeps_its_redirect_uris(alice: Developer) -> None:
    stored = alice.server.clients.get("app")
    assert stored
    alice.server.clients.put(replace(stored, verification=VERIFIED))
    assert "take a test app" in words(alice.see(opened(alice), PAGE))
    assert shown(add(alice)).status == 409
    after = alice.server.clients.get("app")
    assert after
    assert (after.verification, after.redirect_uris) == (VERIFIED, stored.redirect_uris)


def test_no_address_is_added_from_elsewhere(alice: Developer, bob: Developer) -> None:
    for token in ("", bob.csrf()):
        with pytest.raises(InvalidRequest):
            alice.post(PAGE, "add_callback", {"client_id": "app"}, csrf=token)


@pytest.mark.rfc("6749", "4.1.1")
def test_the_request_of_the_first_step_is_one_that_the_server_takes(alice: Developer) -> None:
    add(alice)
    sent = opened(alice).context["sent"]
    assert isinstance(authorize(AuthorizationRequest(sent, session=alice.cookie), alice.server.services), GoTo)


@pytest.mark.rfc("6749", "2.3.1")
def test_identifier_is_form_encoded_in_a_line_with_basic_authentication() -> None:
    app = {"client_id": "https://app.example/id a", "token_endpoint_auth_method": "client_secret_basic"}
    shown = with_credentials("token", "https://as.example/token", app, {"grant_type": "client_credentials"})
    assert "-u https%3A%2F%2Fapp.example%2Fid+a:CLIENT_SECRET" in repr(shown)


@pytest.mark.parametrize(
    ("method", "hidden", "line"),
    [
        ("client_secret_basic", True, "-u app:CLIENT_SECRET"),
        ("client_secret_post", False, "client_secret=CLIENT_SECRET"),
        ("none", False, "client_id=app"),
    ],
)
def test_each_way_to_authenticate_has_its_form_and_its_line(
    alice: Developer, method: str, hidden: bool, line: str
) -> None:
    """Only with a script can a page send the header, so that without one there is no button for it."""
    alice.server.clients.put(
        client(client_id="app", owner=user().sub, verification="test", token_endpoint_auth_method=method)
    )
    state = opened(alice).context["sent"]["state"]
    page = alice.see(alice.get(ANSWER, {"state": state, "code": "ac_x"}), ANSWER)
    exchange = page.partition("Step 2")[2].partition("</section>")[0]
    assert ("hidden data-scripted" in exchange) == hidden
    assert line in exchange
    secrets = re.findall(r'<input[^>]*type="password"[^>]*>', page)
    assert bool(secrets) == (method != "none")
    assert all(('name="client_secret"' in one) == (method == "client_secret_post") for one in secrets)
    assert all('autocomplete="new-password"' in one for one in secrets), "else a browser fills in the person's own"


# ------------------------------------------------------------------ tokens


def jwt(claims: object, typ: str = "JWT") -> str:
    parts = (base64url(json.dumps(part).encode()) for part in ({"alg": "ES256", "typ": typ}, claims))
    return ".".join((*parts, "signature"))


LONG = dict.fromkeys(CLAIMS, "x" * 40)
HALF_A_CHARACTER = "eyJhIjoiXHVkODAwIn0"  # {"a":"\\ud800"}


@pytest.mark.rfc("7519", "3")
def test_a_token_is_decoded_and_said_not_to_be_verified(alice: Developer) -> None:
    answer = alice.post(PAGE, "decode", {"token": jwt({"sub": "somebody", "evil": HOSTILE})})
    page = alice.see(answer, PAGE)
    assert "not verified" in words(page)
    assert "sub somebody Whom it is about" in words(page)
    assert "&lt;script&gt;alert" in page
    assert "<script>alert" not in page


@pytest.mark.rfc("9068", "2.1")
def test_an_access_token_and_an_id_token_are_told_apart_beside_each_other(alice: Developer) -> None:
    issuer = alice.server.settings.issuer
    access = jwt({"iss": issuer, "exp": START}, typ="at+jwt")
    answer = json.dumps({"access_token": access, "id_token": jwt({"iss": issuer, "exp": 2**60}), "expires_in": 300})
    page = alice.see(alice.post(PAGE, "decode", {"token": answer}), PAGE)
    assert re.findall("<h2>(.* token)</h2>", page) == ["Access token", "ID token"]
    assert page.count("<time ") == 1  # a number that is no time of ours is a number


@pytest.mark.parametrize(
    "token",
    ["", "x", "a.b", "a.b.c.d", "é.é.é", "W10.W1.x", "x" * 9000, HOSTILE, "W." * 3, f"e30.{HALF_A_CHARACTER}.x"],
)
def test_what_is_no_token_is_told_so(alice: Developer, token: str) -> None:
    answer = shown(alice.post(PAGE, "decode", {"token": token}))
    assert answer.status == 400
    assert "This is not a JWT" in words(alice.see(answer, PAGE))


def test_what_comes_back_is_text(alice: Developer) -> None:
    state = opened(alice).context["sent"]["state"]
    answer = alice.get(ANSWER, {"state": state, "error": HOSTILE, "error_description": HOSTILE, "iss": HOSTILE})
    assert "<script>alert" not in alice.see(answer, ANSWER)


# ------------------------------------------------------------------ flows


def given(server: Server, **changed: Any) -> None:
    """An operator has given the app every grant, or what is `changed`."""
    of_every = {"grant_types": EVERY_GRANT, "response_types": ("code", "token", "id_token", "id_token token")}
    server.clients.put(client(client_id="app", owner=user().sub, verification="test", **of_every | changed))


def flow(developer: Developer, name: str) -> View:
    return shown(developer.get(PAGE, {"client_id": "app", "flow": name}))


def test_an_app_sees_the_flows_that_it_has_and_that_are_turned_on(alice: Developer) -> None:
    given(alice.server)
    assert list(opened(alice).context["flows"]) == ["authorization_code", "client_credentials", "implicit", "password"]
    given(alice.server, grant_types=("implicit", "refresh_token"), response_types=("token",))
    assert list(opened(alice).context["flows"]) == ["implicit"]
    assert flow(alice, "password").context["flow"] == "implicit"
    server = Server()  # where the legacy ones are off
    given(server)
    off = opened(Developer(server, user()))
    assert list(off.context["flows"]) == ["authorization_code", "client_credentials"]
    given(server, grant_types=("implicit",), response_types=("token",))
    nothing = Developer(server, user())
    assert "may use no flow" in words(nothing.see(opened(nothing), PAGE))


@pytest.mark.parametrize(("name", "section"), [("implicit", "2.1.2"), ("password", "2.4")])
def test_a_legacy_flow_says_that_it_is_for_apps_that_cannot_move_yet(alice: Developer, name: str, section: str) -> None:
    given(alice.server)
    said = words(alice.see(flow(alice, name), PAGE))
    assert "For apps that cannot move yet." in said
    assert f"RFC 9700, section {section}" in said
    assert "For apps that cannot move yet." not in words(alice.see(opened(alice), PAGE))


@pytest.mark.rfc("6749", "4.2.1")
def test_the_request_for_tokens_is_one_that_the_server_takes(alice: Developer) -> None:
    given(alice.server)
    add(alice)
    for name in flow(alice, "implicit").context["response_types"]:
        sent = flow(alice, "implicit").context["sent"] | {"response_type": name}
        assert "code_challenge" not in sent
        assert isinstance(authorize(AuthorizationRequest(sent, session=alice.cookie), alice.server.services), GoTo)


@pytest.mark.rfc("OIDC Core", "3.2.2.1")
def test_without_the_scope_openid_there_is_no_id_token_to_ask_for(alice: Developer) -> None:
    given(alice.server, scope=Scope(("read",)), default_scope=Scope())
    assert flow(alice, "implicit").context["response_types"] == ["token"]
    given(alice.server, scope=Scope(("read",)), default_scope=Scope(), response_types=("id_token",))
    page = flow(alice, "implicit")
    assert page.context["sent"] == {}
    assert "take the scope openid" in words(alice.see(page, PAGE))


def test_the_answer_in_a_fragment_is_taken_where_its_state_is_one_of_the_sessions(
    alice: Developer, bob: Developer
) -> None:
    given(alice.server)
    state = flow(alice, "implicit").context["sent"]["state"]
    page = alice.see(alice.get(ANSWER, {"state": state}), ANSWER)
    assert 'data-of="access_token"' in page
    assert "belongs to no request of yours" in words(bob.see(bob.get(ANSWER, {"state": state}), ANSWER))
    assert "stands behind the #" in words(alice.see(alice.get(ANSWER), ANSWER))


@pytest.mark.rfc("9700", "2.4")
@pytest.mark.parametrize("method", METHODS)
def test_no_page_of_the_playground_asks_for_a_persons_password(alice: Developer, method: str) -> None:
    given(alice.server, token_endpoint_auth_method=method)
    page = alice.see(flow(alice, "password"), PAGE)
    first = page.partition("Step 1")[2].partition("</section>")[0]
    assert "grant_type=password" in first
    assert "<form" not in first
    assert "<input" not in first
    assert {
        name for name in re.findall(r'<input[^>]*name="([^"]*)"', page) if name in ("username", "password")
    } == set()


@pytest.mark.rfc("6749", "4.4.2")
def test_an_app_asks_nothing_about_users_for_itself(alice: Developer) -> None:
    given(alice.server, scope=Scope(("openid", "email", "read")))
    assert flow(alice, "client_credentials").context["own_token"].form["scope"] == "read"


def test_a_pages_script_may_call_nothing_beside_us(alice: Developer) -> None:
    given(alice.server)
    for name, calls in (("client_credentials", True), ("password", True), ("implicit", False)):
        answer = Pages(alice.server.services).render(flow(alice, name), HttpRequest("GET", f"ANY {PAGE}", id="x"))
        policy = dict(answer.headers)["Content-Security-Policy"].split("; ")
        connects = ["connect-src 'self'"] if calls else []
        assert [directive for directive in policy if directive.startswith("connect-src")] == connects


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("method", METHODS)
def test_each_step_is_light(alice: Developer, method: str, language: str) -> None:
    given(alice.server, token_endpoint_auth_method=method)
    add(alice)
    state = opened(alice).context["sent"]["state"]
    code = "ac_" + "x" * 160
    for route, answer in (
        *((PAGE, flow(alice, name)) for name in EVERY_GRANT),
        *((ANSWER, alice.get(ANSWER, query)) for query in ({"state": state, "code": code}, {"state": state}, {})),
        (PAGE, alice.get(PAGE)),
        (PAGE, alice.post(PAGE, "decode", {"token": f"{jwt(LONG)} {jwt(LONG)}"})),
    ):
        assert len(alice.see(answer, route, language).encode()) < 30_000
