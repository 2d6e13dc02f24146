"""What works: every power in the estate, tried as its holder would.

To try most of them uses something up, or begins something. So the caller restores everything afterwards.
"""

from collections.abc import Callable
from copy import copy
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, cast

from pyotp import TOTP
from standardwebhooks.webhooks import Webhook

from authserver.endpoints.browsers.recover import recover
from authserver.endpoints.orders.deliver import deliver
from authserver.errors import OAuthError, TemporarilyUnavailable
from authserver.identity.webhooks import OpenedSecrets
from authserver.management.registration.operations import serve as serve_registration
from authserver.messages.authorization import AuthorizationResponse
from authserver.messages.browser import ApprovalAsked, CodePage, GoTo, GoToProvider, LoginPage
from authserver.messages.deliveries import Delivery
from authserver.messages.site import View, Visit
from authserver.values import Secret
from authserver.wire.http import HttpRequest
from tests.fakes import CLIENT_SECRET, PASSWORD
from tests.sweep.estate import NEW_PASSWORD, OTHER_SECRET, RECOVERY_CODES, REGISTRATION_TOKEN, TOTP_SECRET, Estate
from tests.unit.federating import FederatingBrowser
from tests.unit.server import App, Browser

if TYPE_CHECKING:
    from tests.openid_provider import FakeFetcher

type Probe = Callable[["Trial"], bool]


def powers(estate: Estate) -> frozenset[str]:
    """The names of those that work now."""
    trial = Trial(estate)
    return frozenset(name for name, probe in PROBES.items() if probe(trial))


def allows(attempt: Callable[[], Any]) -> bool:
    """Whether it is not refused. A server that cannot tell is a fault."""
    try:
        attempt()
    except TemporarilyUnavailable:
        raise
    except OAuthError:
        return False
    return True


class Trial:
    """One look at everything."""

    def __init__(self, estate: Estate) -> None:
        self.estate = estate
        self.held = estate.held

    # -- people

    def is_open(self, whose: str) -> bool:
        """Whether a browser is signed in."""
        return isinstance(self.estate.visit(self.held.cookies[whose], "/my/profile"), View)

    def signs_in(self, name: str, password: str) -> Browser | None:
        """A browser that a password alone has signed in."""
        browser, _, answer = self.estate.sign_in(name, password)
        return browser if isinstance(answer, GoTo) and answer.page == "my/profile" else None

    @cached_property
    def alice(self) -> Browser | None:
        """A browser of hers that is signed in: one that was before, or one that is now."""
        for whose in ("alice", "alice elsewhere"):
            if self.is_open(whose):
                return self.estate.browser("alice", self.held.cookies[whose])
        return self.signs_in("alice", PASSWORD) or self.signs_in("alice", NEW_PASSWORD)

    def is_asked_for_a_code(self) -> tuple[Browser, str] | None:
        browser, handle, answer = self.estate.sign_in("tom")
        return (browser, handle) if isinstance(answer, GoTo) and answer.page == "login/code" else None

    def code_signs_in(self, typed: tuple[Browser, str] | None, **form: str) -> bool:
        if typed is None:
            return False
        browser, handle = copy(typed[0]), typed[1]
        return allows(lambda: _must(isinstance(browser.enter_code(handle, **form), GoTo) and browser.session))

    def may_enter_a_code(self) -> bool:
        """Whether the page for a code, which is open since the password was typed, is there still."""
        browser, handle = self.held.half_signed_in
        return allows(lambda: _must(isinstance(copy(browser).code_page(handle), CodePage)))

    def passkey_signs_in(self) -> bool:
        browser = self.estate.browser("tom")
        pending = browser._keep(self.estate.visit(None, "/my/profile"))
        assert isinstance(pending, GoTo)
        page = browser.login_page(pending.request_handle)
        assert isinstance(page, LoginPage)
        answer = browser.present_passkey(pending.request_handle, self.estate.passkey.sign(page.passkey))
        return isinstance(answer, GoTo)

    def identity_signs_in(self) -> bool:
        browser = FederatingBrowser(self.estate.as_server, "bob")
        going = browser.choose(browser.arrive(client_id="phone"))
        if not isinstance(going, GoToProvider):
            return False
        self.estate.provider.person = self.estate.bob_over_there
        return isinstance(browser.come_back(self.estate.provider.authorize(going.url)), GoTo)

    def link_resets(self, name: str) -> bool:
        """Whether somebody's mailed link leads to a form for a new password."""
        link = self.held.reset_links[name]
        shown = recover(Visit("GET", "/recover/{link}", f"recover/{link}", {"link": link}), self.estate.services)
        return isinstance(shown, View) and shown.status == 200

    def link_verifies(self) -> bool:
        """Whether bob's mailed link makes the address his, in a browser where he is signed in."""
        cookie = self.held.cookies["bob"] if self.is_open("bob") else None
        if cookie is None:
            browser = self.signs_in("bob", PASSWORD)
            cookie = browser.session if browser else None
        if cookie is None:
            return False
        shown = recover(self.estate.verification(cookie), self.estate.services)
        return isinstance(shown, View) and shown.status == 200

    def is_invited(self, name: str) -> bool:
        answer = self.estate.api(name).call("GET", "/account/invitations")
        return answer.status == 200 and bool(answer.document["items"])

    def is_member(self, name: str, role: str) -> bool:
        answer = self.estate.api(name).call("GET", "/account/organisations/acme")
        return answer.status == 200 and answer.document["role"] == role

    # -- applications

    def passes(self, token: Secret | str, route: str = "GET /any") -> bool:
        text = token if isinstance(token, str) else token.reveal()
        return allows(lambda: self.estate.access(text, route))

    def reaches(self, token: Secret, company: str) -> bool:
        return allows(lambda: _must(company in self.estate.access(token.reveal()).entities))

    def gets_tokens(self, client_id: str, ask: Callable[[App], object]) -> bool:
        """Whether the client does, by either of its secrets or without one."""
        secrets = {"phone": (None,), "web": (CLIENT_SECRET, OTHER_SECRET)}.get(client_id, (CLIENT_SECRET,))
        return any(allows(partial(ask, self.estate.app(client_id, secret))) for secret in secrets)

    def refreshes(self, client_id: str, token: Secret | None) -> bool:
        return self.gets_tokens(client_id, lambda app: app.refresh(token))

    def exchanges(self, client_id: str, code: str) -> bool:
        return self.gets_tokens(client_id, lambda app: app.exchange(code))

    def is_remembered(self, client_id: str) -> bool:
        """Whether alice is not asked again."""
        if self.alice is None:
            return False
        answers: list[Any] = []
        asked = allows(lambda: answers.append(self.alice_asks(client_id)))
        return asked and isinstance(answers[0], AuthorizationResponse) and "code" in answers[0].parameters

    def alice_asks(self, client_id: str) -> Any:
        assert self.alice
        return self.alice.authorize((), frozenset(), client_id=client_id)

    def consents(self) -> bool:
        """Whether the consent page that is open can be answered."""
        browser, handle = copy(self.held.open_consent[0]), self.held.open_consent[1]
        answers: list[Any] = []
        answered = allows(lambda: answers.append(browser.decide(handle)))
        return answered and isinstance(answers[0], AuthorizationResponse) and "code" in answers[0].parameters

    def is_approved(self) -> bool:
        """Whether alice gets what takes an administrator, who was asked before."""
        browser, answers = self.alice, list[Any]()
        if browser is None:
            return False
        chosen = allows(lambda: answers.append(self.estate.choose(browser, "openid read export")))
        if not chosen or isinstance(answers[0], ApprovalAsked):
            return False
        return "code" in answers[0].parameters

    def may_be_allowed(self) -> bool:
        """Whether what bob has asked waits for an answer."""
        asked = self.estate.services.browsers.approval("acme", "team", "sub-of-bob")
        return asked is not None and not asked.decision

    def secret_works(self, client_id: str, secret: str | None) -> bool:
        return allows(lambda: self.estate.app(client_id, secret).introspect("garbage"))

    def registers(self) -> bool:
        body = b'{"redirect_uris": ["https://new.example/callback"], "client_name": "New"}'
        headers = {"authorization": f"Bearer {self.held.initial_token}", "content-type": "application/json"}
        request = HttpRequest("POST", "ANY /register", headers=headers, body=body, source="192.0.2.1")
        return allows(lambda: serve_registration(request, self.estate.services))

    def manages_itself(self) -> bool:
        headers = {"authorization": f"Bearer {REGISTRATION_TOKEN}"}
        request = HttpRequest("GET", "ANY /register/{client_id}", headers=headers, path_parameters={"client_id": "web"})
        return allows(lambda: serve_registration(request, self.estate.services))

    def owns(self, name: str, client_id: str) -> bool:
        return self.estate.api(name).call("GET", f"/partner/apps/{client_id}").status == 200

    def is_delivered(self, secret: str) -> bool:
        """Whether the webhook is sent an event that is signed with this secret."""
        event = '{"id": "an-event", "type": "user.created"}'
        delivery = Delivery(self.held.webhook["id"], "an-event", "user.created", event.encode(), 1, 0)
        fetcher = cast("FakeFetcher", self.estate.services.fetcher)
        fetcher.sent.clear()
        if deliver(delivery, OpenedSecrets(), self.estate.services).reason != "webhook_delivered":
            return False
        ((_, body, headers),) = fetcher.sent
        at = datetime.fromtimestamp(int(headers["Webhook-Timestamp"]), UTC)
        return Webhook(secret).sign("an-event", at, body.decode()) in headers["Webhook-Signature"].split(" ")

    def new_code(self) -> str:
        return TOTP(TOTP_SECRET).at(self.estate.clock())


def _must(holds: object) -> None:
    if not holds:
        raise OAuthErrorOfThePage


class OAuthErrorOfThePage(OAuthError):
    """A page that says no."""

    def __init__(self) -> None:
        super().__init__("no", reason="page")


PROBES: dict[str, Probe] = {
    # People
    "alice: password": lambda on: on.signs_in("alice", PASSWORD) is not None,
    "alice: new password": lambda on: on.signs_in("alice", NEW_PASSWORD) is not None,
    "alice: browser": lambda on: on.is_open("alice"),
    "alice: another browser": lambda on: on.is_open("alice elsewhere"),
    "alice: mailed link": lambda on: on.link_resets("alice"),
    "alice: member": lambda on: on.is_member("alice", "member"),
    "alice: approval": lambda on: on.is_approved(),
    "alice: consent to web": lambda on: on.is_remembered("web"),
    "alice: open consent page": lambda on: on.consents(),  # which is remembered in its turn
    "bob: browser": lambda on: on.is_open("bob"),
    "bob: address": lambda on: on.estate.services.users.identify("bob@example.com") == "sub-of-bob",
    "bob: mailed link": lambda on: on.link_resets("bob"),
    "bob: mailed link to another address": lambda on: on.link_verifies(),
    "bob: question to an administrator": lambda on: on.may_be_allowed(),
    "bob: identity": lambda on: on.identity_signs_in(),
    "bob: member": lambda on: on.is_member("bob", "member"),
    "ada: browser": lambda on: on.is_open("ada"),
    "ada: administrator": lambda on: on.is_member("ada", "administrator"),
    "abe: administrator": lambda on: on.is_member("abe", "administrator"),
    "dev: invitation": lambda on: on.is_invited("dev"),
    "dev: browser": lambda on: on.is_open("dev"),
    "dev: owner of web": lambda on: on.owns("dev", "web"),
    "op: browser": lambda on: on.is_open("op"),
    "tom: browser": lambda on: on.is_open("tom"),
    "tom: password alone": lambda on: on.signs_in("tom", PASSWORD) is not None,
    "tom: code": lambda on: on.code_signs_in(on.is_asked_for_a_code(), code=on.new_code()),
    "tom: recovery code": lambda on: on.code_signs_in(on.is_asked_for_a_code(), recovery_code=RECOVERY_CODES[0]),
    "tom: password typed": lambda on: on.may_enter_a_code(),
    "tom: passkey": lambda on: on.passkey_signs_in(),
    # Applications, for people
    "web of alice: access token": lambda on: on.passes(on.held.web.access_token),
    "web of alice: write": lambda on: on.passes(on.held.web.access_token, "POST /items"),
    "web of alice: refresh token": lambda on: on.refreshes("web", on.held.web.refresh_token),
    "web of alice: code": lambda on: on.exchanges("web", on.held.code),
    "web of bob: access token": lambda on: on.passes(on.held.web_of_bob.access_token),
    "web of bob: refresh token": lambda on: on.refreshes("web", on.held.web_of_bob.refresh_token),
    "phone of alice: access token": lambda on: on.passes(on.held.phone.access_token),
    "phone of alice: refresh token": lambda on: on.refreshes("phone", on.held.phone.refresh_token),
    "team of alice: access token": lambda on: on.passes(on.held.team.access_token),
    "team of alice: company a1": lambda on: on.reaches(on.held.team.access_token, "a1"),
    "team of alice: company a2": lambda on: on.reaches(on.held.team.access_token, "a2"),
    "team of alice: refresh token": lambda on: on.refreshes("team", on.held.team.refresh_token),
    "team of ada: access token": lambda on: on.passes(on.held.team_of_ada.access_token),
    "team of ada: refresh token": lambda on: on.refreshes("team", on.held.team_of_ada.refresh_token),
    "console of op: users": lambda on: on.passes(on.held.console.access_token, "GET /admin/users"),
    "console of op: refresh token": lambda on: on.refreshes("console", on.held.console.refresh_token),
    # Applications, for themselves
    "web: secret": lambda on: on.secret_works("web", CLIENT_SECRET),
    "web: other secret": lambda on: on.secret_works("web", OTHER_SECRET),
    "web: registration token": lambda on: on.manages_itself(),
    "robot: secret": lambda on: on.secret_works("robot", CLIENT_SECRET),
    "robot: access token": lambda on: on.passes(on.held.robot),
    "drone: access token": lambda on: on.passes(on.held.drone),
    # API keys
    "key of alice": lambda on: on.passes(on.held.key_of_alice["key"], "GET /items"),
    "key of acme": lambda on: on.passes(on.held.key_of_acme["key"], "GET /items"),
    "webhook: secret": lambda on: on.is_delivered(on.held.webhook["secret"]),
    "initial access token": lambda on: on.registers(),
}


def named(*beginnings: str) -> frozenset[str]:
    """The powers whose names begin so."""
    found = {name for name in PROBES if name.startswith(beginnings)}
    assert all(any(name.startswith(one) for name in found) for one in beginnings), beginnings
    return frozenset(found)
