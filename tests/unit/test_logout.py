"""Signing out: OpenID Connect RP-Initiated Logout 1.0. Who is signed out at once, who is asked, and who goes where."""

from dataclasses import replace
from typing import Any

import pytest

from authserver.endpoints.browsers.logout import log_out
from authserver.endpoints.browsers.under_way import find_visitor, visitor_csrf
from authserver.endpoints.machines.metadata import server_metadata
from authserver.errors import InvalidRequest, TemporarilyUnavailable
from authserver.messages.logout import GoToLogout, LogoutPage, LogoutRequest, SignedOut
from authserver.models import DISABLED
from authserver.models.clients import TEST
from authserver.pages import Pages
from authserver.tokens.jwt import sign
from authserver.values import RedirectUri
from authserver.wire.http import HttpRequest
from authserver.wire.logout import parse_logout_request
from tests import fakes
from tests.unit.server import App, Browser, Server

LOGOUT = "OIDC RP-Initiated Logout"
BYE = "https://app.example/bye?from=us"
URIS = tuple(map(RedirectUri.parse, (BYE, "http://127.0.0.1/bye", "com.example.app:/bye")))
YEAR = 365 * 86_400


@pytest.fixture
def server() -> Server:
    web = fakes.client(post_logout_redirect_uris=URIS)
    other = fakes.client(client_id="other", post_logout_redirect_uris=(RedirectUri.parse("https://other.example/"),))
    return Server(web, other)


class Person:
    """Somebody who is signed in, and has an ID token of the client `web`."""

    def __init__(self, server: Server, username: str = "alice") -> None:
        self.server = server
        self.browser = Browser(server, username)
        token = App(server).exchange(self.browser.code()).id_token
        assert token is not None
        self.id_token = token.reveal()

    @property
    def is_signed_in(self) -> bool:
        return find_visitor(self.browser.session, self.server.services) is not None

    def opens(self, **parameters: str) -> LogoutPage | SignedOut | GoToLogout:
        """By a link of a client's."""
        return log_out(LogoutRequest(parameters, self.browser.session), self.server.services)

    def answers(self, page: Any, **changed: str) -> LogoutPage | SignedOut | GoToLogout:
        """Presses "Sign out" on the page that asks."""
        assert isinstance(page, LogoutPage)
        form = {"csrf": page.csrf}
        if page.client:
            form["client_id"] = page.client.client_id
        if page.target:
            form["post_logout_redirect_uri"] = page.target.uri.text
            form |= {"state": page.target.state} if page.target.state is not None else {}
        return self.posts(**{**form, **changed})

    def posts(self, **form: str) -> LogoutPage | SignedOut | GoToLogout:
        csrf = form.pop("csrf", None)
        return log_out(LogoutRequest(form, self.browser.session, is_form=True, csrf=csrf), self.server.services)


@pytest.fixture
def alice(server: Server) -> Person:
    return Person(server)


def location_of(answer: Any, server: Server) -> str | None:
    """Where the answer sends the browser at once, if anywhere."""
    response = Pages(server.services).render(answer, HttpRequest("GET", "ANY /logout"))
    return dict(response.headers).get("Location")


def cookies_of(answer: Any, server: Server) -> tuple[str, ...]:
    return Pages(server.services).render(answer, HttpRequest("GET", "ANY /logout")).cookies


def flaw_of(answer: Any) -> str:
    """Why the answer leads nowhere; empty if nothing was wrong with the request."""
    assert isinstance(answer, LogoutPage | SignedOut), answer
    assert answer.flaw is None or answer.target is None
    return answer.flaw.reason if answer.flaw else ""


# ------------------------------------------------------------------ at once, or after a question


@pytest.mark.rfc(LOGOUT, "2")
def test_the_users_own_id_token_signs_out_at_once_and_leads_back(alice: Person) -> None:
    answer = alice.opens(id_token_hint=alice.id_token, post_logout_redirect_uri=BYE, state="a b&c")
    assert location_of(answer, alice.server) == f"{BYE}&state=a+b%26c"
    assert not alice.is_signed_in


@pytest.mark.rfc("ASVS 5.0", "7.4.1")
@pytest.mark.rfc(LOGOUT, "2")
def test_the_session_ends_on_the_server_and_the_cookie_with_it(alice: Person) -> None:
    elsewhere = Person(alice.server)
    answer = alice.opens(id_token_hint=alice.id_token)
    assert isinstance(answer, SignedOut)
    (cookie,) = cookies_of(answer, alice.server)
    assert cookie.startswith("__Host-session=; Max-Age=0; Path=/; Secure; HttpOnly")
    assert not alice.is_signed_in
    assert elsewhere.is_signed_in, "another browser of the same person stays"


@pytest.mark.rfc(LOGOUT, "2")
def test_an_id_token_that_has_expired_signs_out_as_well(alice: Person) -> None:
    alice.server.clock.advance(2 * 3600)
    assert isinstance(alice.opens(id_token_hint=alice.id_token), SignedOut)
    assert not alice.is_signed_in


@pytest.mark.rfc("ASVS 5.0", "10.6.2")
@pytest.mark.rfc(LOGOUT, "2")
def test_without_an_id_token_the_user_is_asked_first(alice: Person) -> None:
    page = alice.opens(client_id="web", post_logout_redirect_uri=BYE, state="s", ui_locales="de")
    assert isinstance(page, LogoutPage)
    assert (page.account, page.client and page.client.client_id, page.ui_locales) == ("alice", "web", "de")
    assert alice.is_signed_in
    assert location_of(alice.answers(page), alice.server) == f"{BYE}&state=s"
    assert not alice.is_signed_in


@pytest.mark.rfc(LOGOUT, "2")
def test_whoever_comes_without_anything_is_asked_too(alice: Person) -> None:
    page = alice.opens()
    assert isinstance(page, LogoutPage)
    assert (page.client, page.target) == (None, None)
    answer = alice.answers(page)
    assert isinstance(answer, SignedOut)
    assert location_of(answer, alice.server) is None
    assert not alice.is_signed_in


@pytest.mark.rfc("ASVS 5.0", "10.6.2")
@pytest.mark.rfc(LOGOUT, "2")
def test_the_id_token_of_another_user_signs_nobody_out(alice: Person) -> None:
    alice.server.users.create(fakes.user(sub="sub-of-bob", username="bob"))
    bob = Person(alice.server, "bob")
    page = alice.opens(id_token_hint=bob.id_token, post_logout_redirect_uri=BYE)
    assert isinstance(page, LogoutPage)
    assert alice.is_signed_in
    assert location_of(alice.answers(page), alice.server) == BYE


@pytest.mark.rfc(LOGOUT, "2")
def test_an_id_token_whose_key_is_gone_is_as_good_as_none(alice: Person) -> None:
    alice.server.clock.advance(YEAR)
    alice.server.rotate_keys()
    alice.server.clock.advance(YEAR)
    alice.server.rotate_keys()
    again = Person(alice.server)
    assert isinstance(again.opens(id_token_hint=alice.id_token), LogoutPage)
    assert flaw_of(again.opens(id_token_hint=alice.id_token, post_logout_redirect_uri=BYE)) == "logout_client_missing"
    named = again.opens(id_token_hint=alice.id_token, client_id="web", post_logout_redirect_uri=BYE)
    assert flaw_of(named) == ""
    assert again.is_signed_in
    assert location_of(again.answers(named), alice.server) == BYE


def test_a_form_of_our_own_pages_signs_out_without_a_question(alice: Person) -> None:
    session = find_visitor(alice.browser.session, alice.server.services)
    assert session is not None
    assert isinstance(alice.posts(csrf=visitor_csrf(session, alice.server.services)), SignedOut)
    assert not alice.is_signed_in


@pytest.mark.rfc(LOGOUT, "4")
def test_signing_out_twice_is_no_error(alice: Person) -> None:
    page = alice.opens(client_id="web", post_logout_redirect_uri=BYE)
    for _ in range(2):
        assert location_of(alice.answers(page), alice.server) == BYE
    assert location_of(alice.opens(id_token_hint=alice.id_token, post_logout_redirect_uri=BYE), alice.server) == BYE
    assert isinstance(alice.opens(), SignedOut)


def test_what_was_granted_to_applications_stays(alice: Person) -> None:
    tokens = App(alice.server).exchange(alice.browser.code())
    assert isinstance(alice.opens(id_token_hint=alice.id_token), SignedOut)
    assert App(alice.server).refresh(tokens.refresh_token).refresh_token is not None


# ------------------------------------------------------------------ forms


@pytest.mark.rfc("ASVS 5.0", "3.5.1")
@pytest.mark.rfc("9700", "4.7")
@pytest.mark.parametrize("csrf", ["", "x", "of another"])
def test_a_form_that_is_not_ours_signs_nobody_out(csrf: str, alice: Person) -> None:
    if csrf == "of another":
        page = Person(alice.server).opens()
        assert isinstance(page, LogoutPage)
        csrf = page.csrf
    with pytest.raises(InvalidRequest) as refusal:
        alice.posts(csrf=csrf, client_id="web", post_logout_redirect_uri=BYE)
    assert refusal.value.reason == "csrf"
    assert alice.is_signed_in


@pytest.mark.rfc("9700", "4.7")
def test_a_form_that_comes_without_the_cookie_takes_none_away(server: Server) -> None:
    """As from any other site: the browser keeps the cookie back, and would let it be overwritten."""
    answer = log_out(LogoutRequest({"client_id": "web"}, None, is_form=True, csrf="x"), server.services)
    assert location_of(answer, server) == "logout?client_id=web"
    for shown in (answer, log_out(LogoutRequest({}, None), server.services)):
        assert cookies_of(shown, server) == ()


@pytest.mark.rfc("ASVS 5.0", "10.6.2")
@pytest.mark.rfc(LOGOUT, "2")
def test_a_form_of_a_clients_is_sent_on_as_a_link_and_signs_nobody_out_itself(alice: Person) -> None:
    parameters = {"id_token_hint": alice.id_token, "state": "s", "post_logout_redirect_uri": BYE}
    answer = alice.posts(**parameters)
    location = location_of(answer, alice.server)
    assert location is not None
    assert location.startswith("logout?id_token_hint=")
    assert alice.is_signed_in
    again = parse_logout_request(HttpRequest("GET", "ANY /logout", query=location.partition("?")[2]))
    assert dict(again.parameters) == parameters


def test_nothing_but_what_means_something_is_passed_on() -> None:
    form = b"client_id=web&logout_hint=alice&csrf=&junk=x"
    headers = {"content-type": "application/x-www-form-urlencoded"}
    request = parse_logout_request(HttpRequest("POST", "ANY /logout", headers=headers, body=form))
    assert dict(request.parameters) == {"client_id": "web"}
    assert request.csrf is None, "an empty field is absent"
    by_link = parse_logout_request(HttpRequest("GET", "ANY /logout", query="csrf=x&client_id=web"))
    assert by_link.csrf is None, "a link is no form of ours"


def test_the_form_cannot_be_changed_to_lead_elsewhere(alice: Person) -> None:
    page = alice.opens(client_id="web", post_logout_redirect_uri=BYE)
    for changed in ({"post_logout_redirect_uri": "https://evil.example/"}, {"client_id": "other"}):
        answer = alice.answers(page, **changed)
        assert flaw_of(answer) == "logout_redirect_uri_unknown"
        assert location_of(answer, alice.server) is None


@pytest.mark.parametrize(
    "repeated", ["state=a&state=b", "client_id=web&client_id=web", "id_token_hint=x&id_token_hint=y"]
)
def test_a_request_with_a_parameter_twice_is_as_good_as_one_without_any(repeated: str, alice: Person) -> None:
    query = f"post_logout_redirect_uri=https%3A%2F%2Fapp.example%2Fbye%3Ffrom%3Dus&{repeated}"
    cookies = {"__Host-session": alice.browser.session or ""}
    request = parse_logout_request(HttpRequest("GET", "ANY /logout", query=query, cookies=cookies))
    page = log_out(request, alice.server.services)
    assert isinstance(page, LogoutPage)
    assert (page.client, flaw_of(page)) == (None, "logout_parameter_repeated")
    headers = {"content-type": "application/x-www-form-urlencoded"}
    form = parse_logout_request(HttpRequest("POST", "ANY /logout", headers=headers, body=query.encode()))
    assert log_out(form, alice.server.services) == GoToLogout({}), "and is sent on like that"


# ------------------------------------------------------------------ where it leads


@pytest.mark.rfc(LOGOUT, "3")
@pytest.mark.parametrize(
    "uri",
    [
        "https://app.example/bye",
        "https://app.example/bye?from=us&more",
        "https://app.example/bye?from=US",
        "HTTPS://app.example/bye?from=us",
        "https://app.example:443/bye?from=us",
        "https://app.example/bye?from=us#x",
        "https://app.example.evil.example/bye?from=us",
        "https://app.example@evil.example/bye?from=us",
        "https://evil.example/",
        "//evil.example/",
        "javascript:alert(1)",
        "http://localhost/bye",
        "http://127.0.0.1:8080/bye/..",
        "http://127.0.0.1:80:80/bye",
        fakes.REDIRECT_URI,
        "https://other.example/",
    ],
)
def test_a_uri_that_is_not_registered_leads_nowhere_and_keeps_nobody_signed_in(uri: str, alice: Person) -> None:
    page = alice.opens(client_id="web", post_logout_redirect_uri=uri)
    assert isinstance(page, LogoutPage)
    at_once = alice.opens(id_token_hint=alice.id_token, post_logout_redirect_uri=uri)
    assert isinstance(at_once, SignedOut)
    assert not alice.is_signed_in
    for answer in (page, at_once):
        assert flaw_of(answer) == "logout_redirect_uri_unknown"
        shown = Pages(alice.server.services).render(answer, HttpRequest("GET", "ANY /logout"))
        assert (shown.status, shown.reason) == (400, "logout_redirect_uri_unknown")
        assert "Location" not in dict(shown.headers)
        assert "post_logout_redirect_uri is not registered for this application" in shown.body
        assert "evil" not in shown.body


@pytest.mark.rfc("8252", "7.3")
@pytest.mark.parametrize("uri", ["http://127.0.0.1/bye", "http://127.0.0.1:51004/bye", "com.example.app:/bye"])
def test_a_program_on_the_users_machine_is_led_back_to_at_any_port(uri: str, alice: Person) -> None:
    answer = alice.opens(id_token_hint=alice.id_token, post_logout_redirect_uri=uri, state="s")
    assert location_of(answer, alice.server) == f"{uri}?state=s"


@pytest.mark.rfc(LOGOUT, "3")
def test_a_uri_of_nobody_leads_nowhere_and_the_user_can_sign_out(alice: Person) -> None:
    page = alice.opens(post_logout_redirect_uri=BYE)
    assert flaw_of(page) == "logout_client_missing"
    assert alice.is_signed_in
    answer = alice.answers(page)
    assert isinstance(answer, SignedOut)
    assert location_of(answer, alice.server) is None
    assert not alice.is_signed_in


@pytest.mark.rfc(LOGOUT, "3")
def test_state_that_was_not_sent_does_not_come_back(alice: Person) -> None:
    answer = alice.opens(id_token_hint=alice.id_token, post_logout_redirect_uri=BYE)
    assert location_of(answer, alice.server) == BYE


def test_state_is_bounded_by_what_an_address_has_room_for(alice: Person) -> None:
    page = alice.opens(client_id="web", post_logout_redirect_uri=BYE, state="{" * 2049)
    assert flaw_of(page) == "logout_state_too_long"
    answer = alice.opens(id_token_hint=alice.id_token, post_logout_redirect_uri=BYE, state="{" * 2048)
    assert location_of(answer, alice.server) == f"{BYE}&state={'%7B' * 2048}"


@pytest.mark.rfc(LOGOUT, "2")
@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"client_id": "other"}, "logout_hint_audience"),
        ({"client_id": "nobody"}, "logout_hint_audience"),
        ({"id_token_hint": "x.y.z"}, "logout_hint_malformed"),
        ({"id_token_hint": ""}, "logout_hint_malformed"),
    ],
)
def test_what_does_not_fit_together_is_told_and_only_a_button_signs_out(
    changed: dict[str, str], reason: str, alice: Person
) -> None:
    page = alice.opens(**{"id_token_hint": alice.id_token, "post_logout_redirect_uri": BYE, **changed})
    assert flaw_of(page) == reason
    assert alice.is_signed_in
    answer = alice.answers(page)
    assert location_of(answer, alice.server) is None
    assert not alice.is_signed_in


@pytest.mark.rfc(LOGOUT, "4")
def test_an_access_token_or_another_issuers_is_no_hint(alice: Person) -> None:
    key = alice.server.services.keys.signing_key("ES256")
    claims = {"iss": fakes.ISSUER, "sub": "sub-of-alice", "aud": "web", "iat": 1, "exp": 2}
    access_token = App(alice.server).exchange(alice.browser.code()).access_token.reveal()
    for forged in (access_token, sign(claims | {"iss": "https://evil.example"}, key, "JWT")):
        page = alice.opens(id_token_hint=forged, client_id="web")
        assert isinstance(page, LogoutPage)
        assert (page.client, flaw_of(page)) == (None, "logout_hint_malformed")
    assert alice.is_signed_in
    assert isinstance(alice.opens(id_token_hint=sign(claims, key, "JWT")), SignedOut)


@pytest.mark.parametrize("gone", ["unknown", "disabled", "expired"])
def test_a_client_that_is_gone_gets_nobody_back(gone: str, alice: Person) -> None:
    (client,) = (one for one in alice.server.clients.list().items if one.client_id == "web")
    if gone == "unknown":
        alice.server.withdrawals.delete_client("web")
    else:
        changed: Any = {"disabled": {"status": DISABLED}, "expired": {"expires_at": fakes.START}}[gone]
        alice.server.clients.put(replace(client, **changed))
    for parameters in ({"id_token_hint": alice.id_token}, {"client_id": "web"}):
        page = alice.opens(**parameters, post_logout_redirect_uri=BYE)
        assert isinstance(page, LogoutPage)
        assert (page.client, flaw_of(page)) == (None, "logout_client_unknown")
    assert alice.is_signed_in


@pytest.mark.rfc("9700", "4.11.2")
def test_a_client_that_nobody_verified_gets_nobody_back_who_pressed_no_button_here(alice: Person) -> None:
    (client,) = (one for one in alice.server.clients.list().items if one.client_id == "web")
    alice.server.clients.put(replace(client, verification=TEST))
    page = alice.opens(client_id="web", post_logout_redirect_uri=BYE)
    at_once = alice.opens(id_token_hint=alice.id_token, post_logout_redirect_uri=BYE, state="s")
    assert not alice.is_signed_in
    for answer in (at_once, alice.answers(page), alice.opens(client_id="web", post_logout_redirect_uri=BYE)):
        assert location_of(answer, alice.server) is None
    shown = Pages(alice.server.services).render(at_once, HttpRequest("GET", "ANY /logout"))
    assert f'href="{BYE}&amp;state=s"' in shown.body
    bob = Person(alice.server)
    pressed = bob.answers(bob.opens(client_id="web", post_logout_redirect_uri=BYE))
    assert location_of(pressed, alice.server) == BYE


@pytest.mark.rfc("8252", "7")
@pytest.mark.parametrize("uri", ["http://127.0.0.1:51004/bye", "com.example.app:/bye"])
def test_a_program_on_the_device_is_gone_back_to_whoever_verified_it(uri: str, alice: Person) -> None:
    (client,) = (one for one in alice.server.clients.list().items if one.client_id == "web")
    alice.server.clients.put(replace(client, verification=TEST))
    answer = alice.opens(id_token_hint=alice.id_token, post_logout_redirect_uri=uri)
    assert location_of(answer, alice.server) == uri


# ------------------------------------------------------------------ when a store is down


@pytest.mark.parametrize("verb", ["clients.find", "browsers.browser_state", "withdrawals.end_session", "users.get"])
def test_a_store_that_does_not_answer_is_not_taken_for_signed_out(verb: str, alice: Person) -> None:
    page = alice.opens(client_id="web", post_logout_redirect_uri=BYE)

    def around(asked: str, call: Any) -> Any:
        if asked == verb:
            raise TemporarilyUnavailable("The store did not answer", reason="test")
        return call()

    alice.server.around = around
    if verb != "withdrawals.end_session":
        with pytest.raises(TemporarilyUnavailable):
            alice.opens(client_id="web")
    if verb != "users.get":
        with pytest.raises(TemporarilyUnavailable):
            alice.opens(id_token_hint=alice.id_token)
        with pytest.raises(TemporarilyUnavailable):
            alice.answers(page)
    alice.server.around = lambda _, call: call()
    assert alice.is_signed_in


@pytest.mark.rfc(LOGOUT, "2.1")
def test_the_metadata_names_the_endpoint(server: Server) -> None:
    assert server_metadata(server.services).members()["end_session_endpoint"] == f"{fakes.ISSUER}/logout"
