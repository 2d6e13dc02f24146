"""Browsers: a session ends, or another user takes its place."""

from copy import copy

from authserver.endpoints.browsers.login import show_login, submit
from authserver.endpoints.browsers.logout import log_out
from authserver.endpoints.browsers.sign_in_by_script import sign_in_by_script
from authserver.messages.browser import GoTo, Interaction, LoginForm, LoginPage, SignInByScript
from authserver.messages.logout import LogoutRequest
from authserver.values import Secret
from tests.fakes import PASSWORD
from tests.sweep.estate import RECOVERY_CODES, Estate
from tests.sweep.kills import Act, Register
from tests.sweep.powers import named
from tests.unit.federating import FederatingBrowser
from tests.unit.server import Browser

scenario = Register()

SIGNED_IN = named("alice: browser", "alice: another browser")
# What was begun in a browser and is not redeemed yet.
UNDER_WAY = named("alice: open consent page", "web of alice: code")


@scenario("DELETE /account/sessions", "an application signs its user out everywhere", takes=SIGNED_IN | UNDER_WAY)
def _(estate: Estate) -> Act:
    return lambda: estate.ask("alice", "DELETE", "/account/sessions")


@scenario("DELETE /account/sessions/{id}", "an application ends one session", takes=named("alice: another browser"))
def _(estate: Estate) -> Act:
    session = estate.session_of("alice elsewhere")
    return lambda: estate.ask("alice", "DELETE", f"/account/sessions/{session}")


@scenario("/my/sessions end", "somebody ends another session", takes=named("alice: another browser"))
def _(estate: Estate) -> Act:
    page, session = estate.page(estate.held.cookies["alice"], "/my/sessions"), estate.session_of("alice elsewhere")
    return lambda: page.act("end", session=session)


@scenario(
    "/my/sessions end-others",
    "somebody ends all other sessions",
    takes=named("alice: another browser", "web of alice: code"),
)
def _(estate: Estate) -> Act:
    page = estate.page(estate.held.cookies["alice"], "/my/sessions")
    return lambda: page.act("end-others")


@scenario(
    "GET /logout",
    "an application signs its user out",
    takes=named("alice: browser", "alice: open consent page"),
)
def _(estate: Estate) -> Act:
    token = estate.held.web.id_token
    assert token
    parameters = {"id_token_hint": token.reveal(), "client_id": "web"}
    return lambda: log_out(LogoutRequest(parameters, estate.held.cookies["alice"]), estate.services)


@scenario(
    "POST /logout",
    "somebody signs out",
    takes=named("alice: browser", "alice: open consent page"),
)
def _(estate: Estate) -> Act:
    cookie = estate.held.cookies["alice"]
    csrf = estate.page(cookie, "/my").csrf
    return lambda: log_out(LogoutRequest({}, cookie, csrf=csrf, is_form=True), estate.services)


# ------------------------------------------------------------------ signing in anew


def at_sign_in(estate: Estate, cookie: str, **parameters: str) -> tuple[Browser, str, LoginPage]:
    """A browser that is signed in, at the sign-in page of another request."""
    browser = estate.browser("alice", cookie)
    pending = browser.authorize((), frozenset(), **parameters)
    assert isinstance(pending, GoTo)
    handle = pending.request_handle
    page = show_login(Interaction(handle, browser.secrets[handle], cookie), estate.services)
    assert isinstance(page, LoginPage)
    return browser, handle, page


@scenario(
    "POST /login",
    "somebody signs in anew",
    takes=named("alice: browser", "alice: open consent page"),
)
def _(estate: Estate) -> Act:
    browser, handle, page = at_sign_in(estate, estate.held.cookies["alice"], prompt="login")
    return lambda: copy(browser).sign_in(handle, csrf=page.csrf)


@scenario(
    "POST /auth/signin",
    "somebody signs in anew, by a script of a page",
    takes=named("alice: browser", "alice: open consent page"),
)
def _(estate: Estate) -> Act:
    cookie, issuer = estate.held.cookies["alice"], estate.services.settings.issuer
    asked = SignInByScript("alice", Secret(PASSWORD), "", issuer, session=cookie)
    return lambda: sign_in_by_script(asked, estate.services)


@scenario(
    "POST /login",
    "somebody goes on as who is signed in",
    takes=named("alice: browser", "alice: open consent page"),
)
def _(estate: Estate) -> Act:
    cookie = estate.held.cookies["alice"]
    browser, handle, page = at_sign_in(estate, cookie, prompt="select_account")
    form = LoginForm(handle, browser.secrets[handle], cookie, csrf=page.continue_csrf, action="continue")
    return lambda: submit(form, estate.services)


@scenario(
    "POST /login/code",
    "somebody signs in anew, with a recovery code",
    takes=named("tom: browser", "tom: recovery code"),
    uses=named("tom: recovery code"),
)
def _(estate: Estate) -> Act:
    def act() -> None:
        """With the first of the codes that still works."""
        browser, handle, page = at_sign_in(estate, estate.held.cookies["tom"], prompt="login")
        browser.sign_in(handle, csrf=page.csrf, username="tom")
        any(isinstance(browser.enter_code(handle, recovery_code=code), GoTo) for code in RECOVERY_CODES)

    return act


@scenario("POST /login/passkey", "somebody signs in anew, with a passkey", takes=named("tom: browser"))
def _(estate: Estate) -> Act:
    def act() -> None:
        """With a new challenge each time."""
        browser, handle, page = at_sign_in(estate, estate.held.cookies["tom"], prompt="login")
        browser.present_passkey(handle, estate.passkey.sign(page.passkey), csrf=page.csrf)

    return act


@scenario("GET /federate/callback/{provider}", "somebody signs in anew, elsewhere", takes=named("bob: browser"))
def _(estate: Estate) -> Act:
    def act() -> None:
        """There and back, each time."""
        browser = FederatingBrowser(estate.as_server, "bob")
        browser.session = estate.held.cookies["bob"]
        estate.provider.person = estate.bob_over_there
        browser.come_back(estate.provider.authorize(browser.set_out(prompt="login")))

    return act
