"""/verify/{link}: an address becomes an account's when the recipient of its mail is signed in to that account."""

import re
from dataclasses import asdict, dataclass, replace
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

import pytest

from authserver.endpoints.browsers.recover import recover
from authserver.endpoints.orders.mail import write_letter
from authserver.errors import InvalidRequest
from authserver.messages.browser import GoTo
from authserver.messages.mail import Letter, MailOrder
from authserver.messages.site import View
from authserver.pages import Pages
from authserver.site import account as pages
from authserver.tokens.keyring import TOKEN_RING
from authserver.tokens.opaque import REQUEST, unseal
from authserver.wire.cookies import LINK_COOKIE, SESSION_COOKIE
from authserver.wire.http import HttpRequest, HttpResponse
from authserver.wire.site import parse_visit
from tests import fakes
from tests.unit.pages import Reader
from tests.unit.server import Browser, Server

ALICE = "sub-of-alice"
NEW = "alice@new.example"


class Mailing(Server):
    """A server whose mails are ordered and not sent."""

    def __init__(self) -> None:
        super().__init__()
        self.orders: list[MailOrder] = []
        self.services = replace(self.services, order_mail=self.orders.append)
        self.users.create(fakes.user(sub="sub-of-bob", username="bob", email="bob@example.com"))

    def want(self, address: str = NEW, name: str = "alice") -> str:
        """The path of the link in the mail that somebody has sent to an address."""
        before = len(self.orders)
        assert Reader(self, pages, name).act("/my/profile/email", "change", email=address).done == "mailed"
        letter = write_letter(self.orders[before], self.services)
        assert isinstance(letter, Letter)
        assert letter.to == address
        return urlsplit(letter.link).path

    @property
    def address(self) -> tuple[str, bool]:
        """Alice's."""
        user = self.users.get(ALICE)
        assert user is not None
        return user.email, user.email_verified


@dataclass
class Window:
    """A browser that opens links of mails, and keeps cookies."""

    server: Mailing
    browser: Browser
    held_link: str = ""

    @classmethod
    def of(cls, server: Mailing, name: str | None = None) -> "Window":
        """A browser, with or without a signed-in user."""
        browser = Browser(server, name or "alice")
        if name:
            going: Any = browser.authorize()
            browser.sign_in(going.request_handle)
        return cls(server, browser)

    def open(self, path: str, form: dict[str, str] | None = None, **query: str) -> HttpResponse:
        return Pages(self.server.services).render(self.answer(path, form, **query), self._request(path, form, query))

    def answer(self, path: str, form: dict[str, str] | None = None, **query: str) -> Any:
        answer = recover(parse_visit(self._request(path, form, query)), self.server.services)
        if isinstance(answer, GoTo):
            self.browser.secrets |= {answer.request_handle: answer.browser_secret or ""}
            self.held_link = answer.held_link or self.held_link
        return answer

    def confirm(self, path: str) -> HttpResponse:
        """Opens the page and presses its button."""
        return self.open(path, {"csrf": csrf_of(self.open(path))})

    def sign_in(self, answer: GoTo) -> GoTo:
        signed_in = self.browser.sign_in(answer.request_handle)
        assert isinstance(signed_in, GoTo)
        return signed_in

    def _request(self, path: str, form: dict[str, str] | None, query: dict[str, str]) -> HttpRequest:
        cookies = {SESSION_COOKIE: self.browser.session or "", LINK_COOKIE: self.held_link}
        return HttpRequest(
            method="GET" if form is None else "POST",
            route="ANY /verify/{link}",
            query=urlencode(query),
            headers={"content-type": "application/x-www-form-urlencoded"},
            cookies={name: value for name, value in cookies.items() if value},
            body=urlencode(form or {}).encode(),
            path_parameters={"link": path.removeprefix("/verify/")},
        )


@pytest.fixture
def server() -> Mailing:
    return Mailing()


def csrf_of(response: HttpResponse) -> str:
    found = re.search(r'name="csrf" value="([^"]*)"', response.body)
    return found[1] if found else ""


def says(response: HttpResponse, text: str) -> bool:
    return text in re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", response.body))


# ------------------------------------------------------------------ the user who asked


def test_whoever_asked_and_is_signed_in_confirms_the_address(server: Mailing) -> None:
    link, alice = server.want(), Window.of(server, "alice")
    page = alice.open(link)
    assert (page.status, says(page, NEW), says(page, "alice")) == (200, True, True)
    assert server.address == ("alice@example.com", True)
    done = alice.confirm(link)
    assert (done.status, says(done, "Your email address is confirmed")) == (200, True)
    assert server.address == (NEW, True)


def test_the_same_form_again_says_what_is_true(server: Mailing) -> None:
    link, alice = server.want(), Window.of(server, "alice")
    form = {"csrf": csrf_of(alice.open(link))}
    assert [alice.open(link, form).status for _ in range(2)] == [200, 200]
    server.users.update(ALICE, email="another@example.com")
    assert alice.open(link, form).status == 400
    assert server.address[0] == "another@example.com"


# ------------------------------------------------------------------ not signed in


@pytest.mark.parametrize("form", [None, {}, {"csrf": "x"}], ids=str)
def test_whoever_is_not_signed_in_signs_in_first_and_comes_back(server: Mailing, form: dict[str, str] | None) -> None:
    link, window = server.want(), Window.of(server)
    going = window.answer(link, form)
    assert isinstance(going, GoTo)
    assert going.page == "login"
    back = window.sign_in(going)
    assert urljoin("https://as.example/login", back.page) == "https://as.example/verify/held"
    held = window.answer("/verify/held")
    assert isinstance(held, GoTo)
    assert urljoin("https://as.example/", held.page) == f"https://as.example{link}"
    assert server.address == ("alice@example.com", True)
    assert window.confirm(link).status == 200
    assert server.address == (NEW, True)


def test_a_link_is_kept_by_the_browser_and_stored_nowhere(server: Mailing) -> None:
    """A reader of the tables could use it otherwise."""
    link, window = server.want(), Window.of(server)
    text = link.removeprefix("/verify/")
    response = window.open(link)
    (cookie,) = [one for one in response.cookies if one.startswith(f"{LINK_COOKIE}=")]
    assert cookie == f"{LINK_COOKIE}={text}; Max-Age=600; Path=/; Secure; HttpOnly; SameSite=Lax"
    location = dict(response.headers)["Location"]
    assert text not in location + response.reason
    handle = unseal(REQUEST, location.partition("request=")[2], server.services.keys.token_keys(TOKEN_RING))
    assert handle is not None
    pending = server.browsers.browser_state(request_id=handle.text("id")).request
    assert pending is not None
    assert pending.visit == "verify/held"
    assert text not in str(asdict(pending))


@pytest.mark.parametrize("held", ["", "ml_x", "ml_../../evil", "../evil", "https://evil.example", "se_x"])
def test_a_kept_link_that_is_none_of_ours_leads_nowhere(server: Mailing, held: str) -> None:
    window = Window.of(server, "alice")
    window.held_link = held
    response = window.open("/verify/held")
    assert (response.status, says(response, "This link no longer works")) == (400, True)


def test_the_language_of_the_page_goes_along(server: Mailing) -> None:
    link, window = server.want(), Window.of(server)
    going = window.answer(link, ui_locales="de")
    page: Any = window.browser.login_page(going.request_handle)
    assert page.ui_locales == "de"


# ------------------------------------------------------------------ somebody else


def test_somebody_else_is_told_so_and_changes_nothing(server: Mailing) -> None:
    link, bob = server.want(), Window.of(server, "bob")
    for response in (bob.open(link), bob.open(link, {}), bob.confirm(link)):
        assert response.status == 403
        assert says(response, "This link is for another account")
        assert says(response, "You are signed in as bob.")
        assert "alice" not in response.body
        assert NEW not in response.body
    assert server.address == ("alice@example.com", True)
    bob_user = server.users.get("sub-of-bob")
    assert bob_user is not None
    assert bob_user.email == "bob@example.com"
    assert Window.of(server, "alice").confirm(link).status == 200  # it is good still


def test_who_signs_in_as_somebody_else_is_told_so(server: Mailing) -> None:
    link, window = server.want(), Window.of(server)
    window.browser.username = "bob"
    window.sign_in(window.answer(link))
    assert window.open(link).status == 403
    assert server.address == ("alice@example.com", True)


def test_who_gets_the_mail_of_an_address_and_has_no_account_makes_it_nobodys(server: Mailing) -> None:
    """A stranger whom Alice's mail reached by mistake, and Alice, whom somebody else had a mail sent to."""
    to_stranger, to_victim = server.want("alcie@example.com"), server.want("victim@example.com", "bob")
    assert isinstance(Window.of(server).answer(to_stranger, {}), GoTo)
    assert Window.of(server, "alice").open(to_victim, {}).status == 403
    assert server.address == ("alice@example.com", True)


# ------------------------------------------------------------------ forms and sessions


@pytest.mark.rfc("9700", "4.7")
@pytest.mark.parametrize("csrf", ["", "x", "another session's"])
def test_a_form_that_is_not_ours_confirms_nothing(server: Mailing, csrf: str) -> None:
    link, alice = server.want(), Window.of(server, "alice")
    if csrf == "another session's":
        csrf = csrf_of(Window.of(server, "alice").open(link))
        assert csrf
    with pytest.raises(InvalidRequest):
        alice.open(link, {"csrf": csrf})
    assert server.address == ("alice@example.com", True)


def test_a_session_that_is_ended_at_that_moment_confirms_nothing(server: Mailing) -> None:
    link, alice = server.want(), Window.of(server, "alice")
    (*_, session) = server.browsers.sessions(ALICE).items

    def end_before(verb: str, call: Any) -> Any:
        if verb == "users.confirm_email":
            server.withdrawals.end_session(session.id)
        return call()

    form = {"csrf": csrf_of(alice.open(link))}
    server.around = end_before
    going = alice.answer(link, form)
    assert isinstance(going, GoTo)
    assert going.page == "login"
    assert server.address == ("alice@example.com", True)


@pytest.mark.parametrize("end", ["everywhere", "password", "expired", "another address"])
def test_a_link_that_is_over_is_told_so_without_a_sign_in(server: Mailing, end: str) -> None:
    link = server.want()
    match end:
        case "everywhere":
            server.withdrawals.end_sessions(ALICE)
        case "password":
            server.withdrawals.set_password(ALICE, "another hash")
        case "expired":
            server.clock.advance(86_400)
    if end == "another address":
        alice = Window.of(server, "alice")
        server.users.update(ALICE, pending_email="other@example.com")
        assert alice.confirm(link).status == 400
    else:
        answer = Window.of(server).answer(link)
        assert isinstance(answer, View)
        assert answer.status == 400
    assert server.address == ("alice@example.com", True)
