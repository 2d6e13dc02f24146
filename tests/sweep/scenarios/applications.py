"""What people let applications do, and the tokens that applications have of their own."""

from collections.abc import Callable
from contextlib import suppress
from copy import copy

from authserver.endpoints.browsers.logout import end_by_token
from authserver.endpoints.machines.revoke import NOTED_ACCESS_TOKENS
from authserver.errors import InvalidGrant
from authserver.messages.browser import ConsentPage
from tests.sweep.estate import Estate
from tests.sweep.kills import Act, Register
from tests.sweep.powers import named

scenario = Register()

WEB_OF_ALICE, PHONE_OF_ALICE, TEAM_OF_ALICE = named("web of alice"), named("phone of alice"), named("team of alice")
GRANTED_BY_ALICE = WEB_OF_ALICE | PHONE_OF_ALICE | TEAM_OF_ALICE
# All that hangs on one authorization of web's; the code is that of another.
ONE_OF_WEB = WEB_OF_ALICE - named("web of alice: code")


def refused(call: Callable[[], object]) -> Act:
    """A call that is refused, whatever it does."""

    def act() -> None:
        with suppress(InvalidGrant):
            call()

    return act


# ------------------------------------------------------------------ disconnected by their users


@scenario(
    "DELETE /account/applications/{client_id}",
    "an application disconnects another",
    takes=WEB_OF_ALICE | named("alice: consent to web"),
)
def _(estate: Estate) -> Act:
    return lambda: estate.ask("alice", "DELETE", "/account/applications/web")


@scenario(
    "/my/apps/{client_id} disconnect",
    "somebody disconnects an application",
    takes=WEB_OF_ALICE | named("alice: consent to web"),
)
def _(estate: Estate) -> Act:
    page = estate.page(estate.held.cookies["alice"], "/my/apps/{client_id}", client_id="web")
    return lambda: page.act("disconnect")


@scenario(
    "/my/apps/{client_id} forget",
    "somebody wants to be asked again",
    takes=WEB_OF_ALICE | named("alice: consent to web"),
)
def _(estate: Estate) -> Act:
    page = estate.page(estate.held.cookies["alice"], "/my/apps/{client_id}", client_id="web")
    return lambda: page.act("forget")


@scenario(
    "DELETE /account/applications",
    "an application disconnects every one",
    takes=GRANTED_BY_ALICE | named("alice: consent to web", "alice: approval"),
)
def _(estate: Estate) -> Act:
    return lambda: estate.ask("alice", "DELETE", "/account/applications")


@scenario(
    "/my/apps disconnect-all",
    "somebody disconnects every application",
    takes=GRANTED_BY_ALICE | named("alice: consent to web", "alice: approval"),
)
def _(estate: Estate) -> Act:
    page = estate.page(estate.held.cookies["alice"], "/my/apps")
    return lambda: page.act("disconnect-all")


@scenario(
    "DELETE /admin/users/{sub}/consents/{client_id}",
    "an operator has somebody asked again",
    takes=named("alice: consent to web"),
)
def _(estate: Estate) -> Act:
    return lambda: estate.ask("op", "DELETE", "/admin/users/sub-of-alice/consents/web")


@scenario(
    "/my/apps disconnect-all",
    "somebody disconnects very many applications",
    takes=GRANTED_BY_ALICE | named("alice: consent to web", "alice: approval"),
)
def _(estate: Estate) -> Act:
    """Remembered ones, too: more than one expression of DynamoDB's has room for, with names between those of the two
    that are looked at."""
    for number in range(100):
        estate.remember("alice", f"remembered {number}")
    page = estate.page(estate.held.cookies["alice"], "/my/apps")
    return lambda: page.act("disconnect-all")


@scenario("POST /consent", "somebody denies what an application asks", takes=named("alice: open consent page"))
def _(estate: Estate) -> Act:
    browser, handle = copy(estate.held.open_consent[0]), estate.held.open_consent[1]
    page = browser.consent_page(handle)
    assert isinstance(page, ConsentPage)
    return estate.tolerant(lambda: browser.decide(handle, "deny", csrf=page.csrf))


@scenario("POST /consent", "a member asks an administrator for something else", takes=named("alice: approval"))
def _(estate: Estate) -> Act:
    """Which takes the place of what was asked and approved before."""
    browser = estate.browser("alice", estate.held.cookies["alice"])
    return lambda: estate.choose(browser, "openid read export", companies=("*",))


# ------------------------------------------------------------------ revoked by operators


@scenario("DELETE /admin/authorizations/{id}", "an operator revokes an authorization", takes=ONE_OF_WEB)
def _(estate: Estate) -> Act:
    identifier = estate.authorization_of(estate.held.web)
    return lambda: estate.ask("op", "DELETE", f"/admin/authorizations/{identifier}")


@scenario(
    "DELETE /admin/authorizations",
    "an operator revokes all of a user",
    takes=GRANTED_BY_ALICE
    | named("alice: browser", "alice: another", "alice: open", "alice: mailed", "alice: consent", "key of alice"),
)
def _(estate: Estate) -> Act:
    return lambda: estate.ask("op", "DELETE", "/admin/authorizations", subject="sub-of-alice")


@scenario(
    "DELETE /admin/authorizations",
    "an operator revokes all of an application",
    takes=WEB_OF_ALICE | named("web of bob", "alice: consent to web"),
)
def _(estate: Estate) -> Act:
    return lambda: estate.ask("op", "DELETE", "/admin/authorizations", client_id="web")


@scenario(
    "DELETE /admin/authorizations",
    "an operator revokes all of a machine",
    takes=named("robot: access token"),
)
def _(estate: Estate) -> Act:
    return lambda: estate.ask("op", "DELETE", "/admin/authorizations", client_id="robot")


@scenario(
    "DELETE /admin/authorizations",
    "an operator revokes all of an organisation",
    takes=TEAM_OF_ALICE | named("team of ada", "alice: approval", "key of acme"),
)
def _(estate: Estate) -> Act:
    return lambda: estate.ask("op", "DELETE", "/admin/authorizations", organisation="acme")


# ------------------------------------------------------------------ revoked by applications themselves


@scenario("POST /revoke", "an application revokes a refresh token", takes=ONE_OF_WEB)
def _(estate: Estate) -> Act:
    return lambda: estate.app("web").revoke(estate.held.web.refresh_token)


@scenario("GET /logout", "a page of PlaceOS signs its user out by a token", takes=PHONE_OF_ALICE)
def _(estate: Estate) -> Act:
    token = estate.held.phone.access_token.reveal()
    return lambda: end_by_token(token, estate.services)


@scenario("POST /revoke", "a public application revokes a refresh token", takes=PHONE_OF_ALICE)
def _(estate: Estate) -> Act:
    return lambda: estate.app("phone", None).revoke(estate.held.phone.refresh_token)


@scenario(
    "POST /revoke",
    "an application revokes an access token of its user",
    takes=named("web of alice: access token", "web of alice: write"),
)
def _(estate: Estate) -> Act:
    return lambda: estate.app("web").revoke(estate.held.web.access_token)


@scenario(
    "POST /revoke",
    "an application revokes an opaque access token of its user",
    takes=named("phone of alice: access token"),
)
def _(estate: Estate) -> Act:
    return lambda: estate.app("phone", None).revoke(estate.held.phone.access_token)


@scenario("POST /revoke", "a machine revokes its access token", takes=named("robot: access token"))
def _(estate: Estate) -> Act:
    return lambda: estate.app("robot").revoke(estate.held.robot)


@scenario("POST /revoke", "a machine revokes its opaque access token", takes=named("drone: access token"))
def _(estate: Estate) -> Act:
    return lambda: estate.app("drone").revoke(estate.held.drone)


@scenario("POST /revoke", "an application revokes one access token too many", takes=ONE_OF_WEB)
def _(estate: Estate) -> Act:
    """The last that can be noted was: from there on the whole authorization ends."""
    app, refresh_token = estate.app("web"), estate.held.web.refresh_token
    *noted, last = [app.refresh(refresh_token).access_token for _ in range(NOTED_ACCESS_TOKENS + 1)]
    for token in noted:
        app.revoke(token)
    return lambda: estate.app("web").revoke(last)


# ------------------------------------------------------------------ revoked because something was stolen


@scenario("POST /token", "somebody sends a code a second time", takes=ONE_OF_WEB)
def _(estate: Estate) -> Act:
    return refused(lambda: estate.app("web").exchange(estate.held.first_code))


@scenario(
    "POST /refresh",
    "somebody sends a refresh token that was used long ago",
    takes=named("web of alice: access", "web of alice: write"),
)
def _(estate: Estate) -> Act:
    stolen = estate.held.web.refresh_token
    newer = estate.app("web").refresh(stolen).refresh_token
    estate.app("web").refresh(newer)
    return refused(lambda: estate.app("web").refresh(stolen))


@scenario("POST /token", "an application redeems a code", takes=named("web of alice: code"))
def _(estate: Estate) -> Act:
    return refused(lambda: estate.app("web").exchange(estate.held.code))
