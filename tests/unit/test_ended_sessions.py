"""What a session decides is not written once the session was ended, however late it was: the browser signs in anew."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from authserver.endpoints.browsers.login import show_login, submit
from authserver.endpoints.browsers.recover import recover
from authserver.endpoints.browsers.under_way import find_visitor, visitor_csrf
from authserver.endpoints.orders.mail import write_letter
from authserver.errors import InvalidGrant, InvalidToken
from authserver.identity.mail_links import make_link
from authserver.management.account import operations as account_api
from authserver.messages.authorization import AuthorizationResponse
from authserver.messages.browser import ConsentPage, GoTo, Interaction, LoginForm, LoginPage
from authserver.messages.mail import PASSWORD_RESET, Letter, MailOrder, NoLetter
from authserver.messages.site import View, Visit
from authserver.models import ACTIVE, DISABLED
from authserver.models.configuration import IdentityProvider
from authserver.models.organisations import ADMINISTRATOR, Membership
from authserver.models.users import Identity
from authserver.site import Answer, account, developer, organisations, security, serve
from authserver.tokens.opaque import key_of
from authserver.values import Secret, base64url
from tests.authenticator import Authenticator
from tests.fakes import ISSUER, PASSWORD, FakePasswords, client, user
from tests.fakes.record import READS
from tests.unit.api import Api
from tests.unit.server import App, Browser, Server, all_at_once
from tests.unit.tenants import Tenants
from tests.unit.test_api_keys import Keys
from tests.unit.test_developer_portal import FORM
from tests.unit.test_second_factors import code_at, give_passkey, give_totp

SUB = "sub-of-alice"
NEW_PASSWORD, NEW_ADDRESS = "a new and better one", "new@example.com"
SITES = (account, security, organisations, developer)
SCREENS = tuple(screen for site in SITES for screen in site.SCREENS)
ACME = "/organisations/acme"
GUARDED = (
    *("clients", "users", "factors", "organisations", "tokens", "browsers", "revocations", "withdrawals"),
    *("identity_providers", "api_keys"),
)

type Form = Mapping[str, str | tuple[str, ...]]


def set_password(server: Server, subject: str) -> None:
    assert server.withdrawals.set_password(subject, FakePasswords().hash(Secret("somebody else's")))


def turn(server: Server, subject: str) -> None:
    for status in (DISABLED, ACTIVE):
        assert server.withdrawals.change_user(subject, status=status)


def sign_out(server: Server, subject: str) -> None:
    for session in server.browsers.sessions(subject).items:
        server.withdrawals.end_session(session.id)


ENDS: dict[str, Callable[[Server, str], Any]] = {
    "signed out": sign_out,
    "signed out everywhere": lambda server, subject: server.withdrawals.end_sessions(subject),
    "another password": set_password,
    "disabled and enabled": turn,
}


class Decided:
    """Ends what somebody has right before the first write that their session decides, and notes what is done after."""

    def __init__(self, end: Callable[[], Any]) -> None:
        self.end = end
        self.has_ended = False
        self.done: list[str] = []

    def __call__(self, verb: str, call: Callable[[], Any]) -> Any:
        store, _, name = verb.partition(".")
        is_write = name not in READS and (store in GUARDED or verb == "journal.note_activity")
        if is_write and not self.has_ended:
            self.has_ended = True
            self.end()
        result = call()
        if is_write:
            self.done.append(verb)
        return result


# ------------------------------------------------------------------ on our own pages


class Person(Browser):
    """Somebody who is signed in, on any page of ours."""

    def __init__(self, server: Server, name: str, password: str = PASSWORD) -> None:
        super().__init__(server, name, password)
        pending: Any = self.authorize((), frozenset(), client_id="personal")
        assert isinstance(self.sign_in(pending.request_handle), GoTo)

    @property
    def csrf(self) -> str:
        """What binds all forms of this browser to its session."""
        session = find_visitor(self.session, self.services)
        assert session
        return visitor_csrf(session, self.services)

    def open(self, path: str) -> Any:
        """What a page tells."""
        answer = serve(self._visit("GET", path), SCREENS, {}, self.services)
        assert isinstance(answer, View), answer
        return answer.context

    def send(self, path: str, action: str, csrf: str, form: Form) -> Answer:
        values = {"action": action, "csrf": csrf, **form}
        fields = {name: (value,) if isinstance(value, str) else value for name, value in values.items()}
        return serve(self._visit("POST", path, form=fields), SCREENS, {}, self.services)

    def _visit(self, method: str, path: str, **more: Any) -> Visit:
        for screen in sorted(SCREENS, key=lambda one: one.route.count("{")):
            pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", screen.route)
            if found := re.fullmatch(pattern, path):
                known: dict[str, Any] = {"session": self.session, "source": "192.0.2.1"}
                return Visit(method, screen.route, path[1:], found.groupdict(), **known, **more)
        raise AssertionError(path)


class Scene(Keys):
    """Max has connected an application and registered one, has another browser, and asked Ada for more than he may."""

    def __init__(self) -> None:
        super().__init__()
        self.orders: list[MailOrder] = []
        self.services = replace(self.services, order_mail=self.orders.append)
        own = client(client_id="mine", client_name="Mine", owner="max", verification="test")
        another = replace(own.secrets[0], hash=b"another", created_at=own.secrets[0].created_at + 1)
        self.clients.put(replace(own, secrets=(*own.secrets, another)))
        self.identity_providers.put(
            IdentityProvider(
                "work", "Work", "https://idp.example", "authserver", b"wrapped", organisation="acme", shown=False
            )
        )

    def invited(self, name: str) -> Form:
        """An invitation to Acme."""
        made = self.account("ada").call("POST", f"/account{ACME}/invitations", {"name": name})
        return {"invitation": made.document["id"]}

    def asked(self) -> str:
        """The path of what Max asks for."""
        self.choose("max", "a1", scope="openid export")
        (approval,) = self.account("ada").get(f"/account{ACME}/approvals")["items"]
        return f"{ACME}/requests/{approval['id']}"

    def answered(self) -> str:
        path = self.asked()
        path_of_api = path.replace(f"{ACME}/requests", f"/account{ACME}/approvals")
        assert self.account("ada").call("PUT", path_of_api, {"decision": "allow"}).status == 200
        return path

    def connected(self) -> Form:
        return {"grant": self.connect("max", "a1", "a2").id, "entities": "a3"}

    def linked(self) -> Form:
        identity = Identity.of("max", "https://idp.example", "max at work")
        assert self.users.link(identity)
        return {"identity": identity.id}

    def sent(self) -> Form:
        order = MailOrder(PASSWORD_RESET, base64url(bytes(16)), ISSUER, self.clock(), subject="max")
        assert make_link(order, "max", "max@example.com", self.services)
        return {"link": order.id}

    def other_browser(self, person: Person) -> Form:
        own = find_visitor(person.session, self.services)
        assert own
        Person(self, "max")
        return {"session": next(one.id for one in self.browsers.sessions("max").items if one.id != own.id)}

    def own_key(self) -> Form:
        return {"api_key": self.make().document["id"]}

    def key_of_acme(self, by: str = "ada") -> Form:
        return {"api_key": self.make_for(by=by).document["id"]}

    def key_of_another(self) -> Form:
        """A key of Acme that another administrator carries."""
        self.users.create(user(sub="ann", username="ann"))
        self.organisations.put_membership(Membership("acme", "ann", ADMINISTRATOR, self.clock(), "epoch of ann"))
        return self.key_of_acme("ann")

    def secrets(self) -> tuple[str, ...]:
        api = Api(self, partner_operations(), "max")
        return tuple(one["id"] for one in api.get("/partner/apps/mine")["secrets"])


def partner_operations() -> Any:
    from authserver.management.partner import operations as partner

    return partner.OPERATIONS


def with_app(server: Scene, *, is_on: bool = True) -> Form:
    give_totp(server, "max", confirmed=is_on)
    factors = server.factors.get(base64url(key_of("max")))
    assert factors is not None
    return {"code": code_at(server.clock()), "version": str(factors.version)}


def with_passkey(server: Scene) -> Form:
    device = Authenticator(ISSUER)
    give_passkey(server, device, "max")
    return {"passkey": base64url(device.id), "name": "Another name"}


def new_passkey(person: Person) -> Form:
    options = person.open("/my/security/passkeys")["options"]
    return {"credential": Authenticator(ISSUER).register(options), "name": "A key"}


PROVIDER: Form = {
    "name": "Other",
    "issuer": "https://other.example",
    "client_id": "authserver",
    "client_secret": "theirs",
    "token_endpoint_auth_method": "client_secret_basic",
    "enabled": "on",
}
NEW_KEY: Form = {"name": "Nightly", "scope": "read", "days": "30"}
# Each form by its page and its action: who sends it, at which address, and what is in it.
FORMS: dict[str, tuple[str, Callable[[Scene, Person], tuple[str, Form]]]] = {
    "/my/apps disconnect-all": ("max", lambda server, _: ("/my/apps", {})),
    "/my/apps/{client_id} disconnect": ("max", lambda server, _: ("/my/apps/personal", {})),
    "/my/apps/{client_id} forget": ("max", lambda server, _: ("/my/apps/personal", {})),
    "/my/sessions end": ("max", lambda server, person: ("/my/sessions", server.other_browser(person))),
    "/my/sessions end-others": ("max", lambda server, _: ("/my/sessions", {})),
    "/my/api-keys/new make": ("max", lambda *_: ("/my/api-keys/new", NEW_KEY)),
    "/my/api-keys end": ("max", lambda server, _: ("/my/api-keys", server.own_key())),
    "/my/api-keys end-all": ("max", lambda server, _: ("/my/api-keys", server.own_key())),
    "/my/profile rename": ("max", lambda server, _: ("/my/profile", {"name": "Another"})),
    "/my/profile/email change": ("max", lambda server, _: ("/my/profile/email", {"email": NEW_ADDRESS})),
    "/my/delete delete": ("max", lambda server, _: ("/my/delete", {"confirmation": "max"})),
    "/my/security/password change": (
        "max",
        lambda server, _: ("/my/security/password", {"current": PASSWORD, "new": NEW_PASSWORD}),
    ),
    "/my/security/app begin": ("max", lambda server, _: ("/my/security/app", {})),
    "/my/security/app confirm": ("max", lambda server, _: ("/my/security/app", with_app(server, is_on=False))),
    "/my/security/app renew": ("max", lambda server, _: ("/my/security/app", with_app(server))),
    "/my/security/app remove": ("max", lambda server, _: ("/my/security/app", with_app(server))),
    "/my/security/passkeys add": ("max", lambda server, person: ("/my/security/passkeys", new_passkey(person))),
    "/my/security/passkeys rename": ("max", lambda server, _: ("/my/security/passkeys", with_passkey(server))),
    "/my/security/passkeys remove": ("max", lambda server, _: ("/my/security/passkeys", with_passkey(server))),
    "/my/security/identities unlink": ("max", lambda server, _: ("/my/security/identities", server.linked())),
    "/my/security/links withdraw": ("max", lambda server, _: ("/my/security/links", server.sent())),
    "/organisations accept": ("gus", lambda server, _: ("/organisations", server.invited("gus"))),
    "/organisations decline": ("gus", lambda server, _: ("/organisations", server.invited("gus"))),
    "/organisations/{organisation} leave": ("max", lambda server, _: (ACME, {})),
    "/organisations/{organisation}/members withdraw": (
        "ada",
        lambda server, _: (f"{ACME}/members", server.invited("gus")),
    ),
    "/organisations/{organisation}/members/{sub} role": (
        "ada",
        lambda server, _: (f"{ACME}/members/max", {"role": "administrator"}),
    ),
    "/organisations/{organisation}/members/{sub} groups": (
        "ada",
        lambda server, _: (f"{ACME}/members/max", {"groups": "sales"}),
    ),
    "/organisations/{organisation}/members/{sub} remove": ("ada", lambda server, _: (f"{ACME}/members/max", {})),
    "/organisations/{organisation}/api-keys/new make": (
        "ada",
        lambda *_: (f"{ACME}/api-keys/new", {**NEW_KEY, "entities": "a1"}),
    ),
    "/organisations/{organisation}/api-keys end": ("ada", lambda server, _: (f"{ACME}/api-keys", server.key_of_acme())),
    "/organisations/{organisation}/api-keys take-over": (
        "ada",
        lambda server, _: (f"{ACME}/api-keys", server.key_of_another()),
    ),
    "/organisations/{organisation}/invite invite": ("ada", lambda server, _: (f"{ACME}/invite", {"name": "eve"})),
    "/organisations/{organisation}/sign-in/{idp} change": ("ada", lambda server, _: (f"{ACME}/sign-in/work", PROVIDER)),
    "/organisations/{organisation}/apps/{client_id} companies": (
        "ada",
        lambda server, _: (f"{ACME}/apps/web", server.connected()),
    ),
    "/organisations/{organisation}/apps/{client_id} disconnect": ("ada", lambda server, _: (f"{ACME}/apps/web", {})),
    "/organisations/{organisation}/requests/{approval} allow": ("ada", lambda server, _: (server.asked(), {})),
    "/organisations/{organisation}/requests/{approval} deny": ("ada", lambda server, _: (server.asked(), {})),
    "/organisations/{organisation}/requests/{approval} withdraw": ("ada", lambda server, _: (server.answered(), {})),
    "/developer/apps/new register": ("max", lambda server, _: ("/developer/apps/new", FORM)),
    "/developer/apps/{client_id}/settings save": ("max", lambda server, _: ("/developer/apps/mine/settings", FORM)),
    "/developer/apps/{client_id}/secrets add": (
        "max",
        lambda server, _: ("/developer/apps/mine/secrets", {"known": " ".join(server.secrets()), "overlap": "0"}),
    ),
    "/developer/apps/{client_id}/secrets drop": (
        "max",
        lambda server, _: ("/developer/apps/mine/secrets", {"secret": server.secrets()[0]}),
    ),
    "/developer/apps/{client_id}/delete delete": ("max", lambda server, _: ("/developer/apps/mine/delete", FORM_MINE)),
    "/developer/playground add_callback": ("max", lambda server, _: ("/developer/playground", {"client_id": "mine"})),
}
FORM_MINE: Form = {"name": "Mine"}
WRITE_NOTHING = {"/my/export download", "/developer/playground decode"}


def prepared(form: str) -> tuple[Scene, Person, str, str, Form]:
    """Who sends a form, its address, what binds it to their session, and what is in it."""
    server, (name, prepare) = Scene(), FORMS[form]
    person = Person(server, name)
    csrf = person.csrf
    path, fields = prepare(server, person)
    return server, person, path, csrf, fields


def test_every_form_of_ours_is_among_them() -> None:
    routes = {f"{screen.route} {action}" for screen in SCREENS for action in screen.acts}
    assert routes == FORMS.keys() | WRITE_NOTHING


@pytest.mark.parametrize("form", FORMS)
def test_each_of_them_does_what_it_says_while_nothing_is_ended(form: str) -> None:
    server, person, path, csrf, fields = prepared(form)
    decided = server.around = Decided(lambda: None)
    answer = person.send(path, form.rpartition(" ")[2], csrf, fields)
    assert not (isinstance(answer, GoTo) and answer.page == "login")
    assert not (isinstance(answer, View) and answer.status != 200), answer
    assert decided.has_ended


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("form", FORMS)
def test_nothing_is_written_by_a_session_that_is_ended_between_the_read_and_the_write(form: str, end: str) -> None:
    server, person, path, csrf, fields = prepared(form)
    orders = len(server.orders)
    decided = server.around = Decided(lambda: ENDS[end](server, person.username))
    answer = person.send(path, form.rpartition(" ")[2], csrf, fields)
    assert decided.has_ended
    assert isinstance(answer, GoTo), answer
    assert answer.page == "login"
    assert decided.done == ["browsers.put_request"]  # what waits for the sign-in
    assert len(server.orders) == orders


# ------------------------------------------------------------------ at the consent page


def at_consent(server: Server, name: str = "alice", **parameters: str) -> tuple[Browser, str, ConsentPage]:
    browser = Browser(server, name)
    pending: Any = browser.authorize((), frozenset(), **parameters)
    browser.sign_in(pending.request_handle)
    page = browser.consent_page(pending.request_handle)
    assert isinstance(page, ConsentPage)
    return browser, pending.request_handle, page


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("verb", ["browsers.answer_request", "tokens.create", "browsers.remember_consent"])
def test_consent_of_a_session_that_ends_meanwhile_is_worth_nothing(verb: str, end: str) -> None:
    """A session that was signed out alone has ended no code of before: the user had consented already."""
    server = Server()
    browser, handle, page = at_consent(server)
    server.before(verb, lambda: ENDS[end](server, SUB))
    answer = browser.decide(handle, csrf=page.csrf)
    if end == "signed out" and verb != "browsers.remember_consent":
        assert isinstance(answer, GoTo)
        assert answer.page == "login"
    else:
        assert isinstance(answer, AuthorizationResponse)
    if isinstance(answer, AuthorizationResponse) and end != "signed out":
        with pytest.raises(InvalidGrant) as refusal:
            App(server).exchange(answer.parameters["code"])
        assert refusal.value.reason == "ended"
    again = Browser(server, password="somebody else's" if end == "another password" else PASSWORD)
    pending: Any = again.authorize()
    again.sign_in(pending.request_handle)
    assert isinstance(again.consent_page(pending.request_handle), ConsentPage)  # nothing is remembered


@pytest.mark.parametrize("prompt", ["", "none"])
def test_who_is_signed_out_at_that_moment_is_asked_to_sign_in(prompt: str) -> None:
    """OpenID Connect Core section 3.1.2.1: with ``prompt=none`` the client is told."""
    server = Server()
    browser = Browser(server)
    browser.code()
    server.before("tokens.create", lambda: ENDS["signed out"](server, SUB))
    answer = browser.authorize(prompt=prompt)
    if prompt:
        assert isinstance(answer, AuthorizationResponse)
        assert answer.parameters["error"] == "login_required"
    else:
        assert isinstance(answer, GoTo)
        assert answer.page == "login"


@pytest.mark.parametrize("end", [name for name in ENDS if name != "signed out"])
def test_tokens_that_go_straight_to_a_browser_end_with_the_session_that_granted_them(end: str) -> None:
    legacy = client(grant_types=("implicit",), response_types=("token",), require_pkce=False)
    server = Server(legacy, grant_types=("implicit",))
    request = {"response_type": "token", "code_challenge": "", "code_challenge_method": "", "scope": "read"}
    browser, handle, page = at_consent(server, **request)
    server.before("tokens.create", lambda: ENDS[end](server, SUB))
    answer = browser.decide(handle, csrf=page.csrf)
    assert isinstance(answer, AuthorizationResponse)
    with pytest.raises(InvalidToken):
        server.access(answer.parameters["access_token"])


@pytest.mark.parametrize("end", ENDS)
def test_an_administrator_is_not_asked_by_a_session_that_was_ended(end: str) -> None:
    server = Tenants()
    browser, handle, _ = at_consent(server, "max", scope="openid export")
    page = browser.consent_page(handle, "acme")
    assert isinstance(page, ConsentPage)
    server.before("browsers.ask_approval", lambda: ENDS[end](server, "max"))
    answer = browser.decide(handle, csrf=page.csrf, organisation="acme", entities=("a1",))
    assert isinstance(answer, GoTo)
    assert answer.page == "login"
    assert server.browsers.approval("acme", "web", "max") is None


# ------------------------------------------------------------------ going on as who is signed in


def at_the_choice(server: Server) -> tuple[Browser, str, str]:
    """Somebody who is asked whether to go on as Alice."""
    browser = Browser(server)
    browser.code()
    pending = browser.authorize((), frozenset(), prompt="select_account")
    assert isinstance(pending, GoTo)
    handle = pending.request_handle
    page = show_login(Interaction(handle, browser.secrets[handle], browser.session), server.services)
    assert isinstance(page, LoginPage)
    return browser, handle, page.continue_csrf


def go_on(browser: Browser, handle: str, csrf: str) -> Any:
    form = LoginForm(handle, browser.secrets[handle], browser.session, csrf=csrf, action="continue")
    return submit(form, browser.services)


def test_many_who_go_on_at_once_have_one_session() -> None:
    for _ in range(5):
        server = Server()
        browser, handle, csrf = at_the_choice(server)
        answers = all_at_once(lambda _: go_on(browser, handle, csrf), 32)  # noqa: B023  all end in this round
        assert sum(isinstance(answer, GoTo) for answer in answers) == 1
        assert sum(isinstance(answer, LoginPage) for answer in answers) == 31
        assert len(server.browsers.sessions(SUB).items) == 1
        (browser.session,) = [answer.session for answer in answers if isinstance(answer, GoTo)]
        assert "code" in browser.go_through(prompt="none")


@pytest.mark.parametrize("at", ["before", "renewed", "between"])
def test_whoever_signs_a_browser_out_does_so_however_often_its_session_was_renewed(at: str) -> None:
    """By a thief, for example: what the list shows is what is ended."""
    server = Server()
    browser, handle, csrf = at_the_choice(server)
    (listed,) = server.browsers.sessions(SUB).items
    owner = Api(server, account_api.OPERATIONS, SUB)

    def end() -> None:
        assert owner.call("DELETE", f"/account/sessions/{listed.id}").status == 204

    if at == "between":
        answers: list[Any] = []
        server.before("withdrawals.end_session", lambda: answers.append(go_on(browser, handle, csrf)))
        end()
        (answer,) = answers
    else:
        if at == "before":
            end()
        answer = go_on(browser, handle, csrf)
        if at == "renewed":
            end()
    browser.session = (answer.session if isinstance(answer, GoTo) else None) or browser.session
    assert browser.go_through(prompt="none")["error"] == "login_required"
    assert server.browsers.sessions(SUB).items == ()


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("when", ["before", "after"])
def test_who_goes_on_gets_no_session_back_that_is_ended_meanwhile(when: str, end: str) -> None:
    server = Server()
    browser, handle, csrf = at_the_choice(server)
    getattr(server, when)("browsers.renew_session", lambda: ENDS[end](server, SUB))
    answer = go_on(browser, handle, csrf)
    browser.session = (answer.session if isinstance(answer, GoTo) else None) or browser.session
    assert browser.go_through(prompt="none")["error"] == "login_required"


# ------------------------------------------------------------------ links in mails


def mailed(server: Server) -> list[MailOrder]:
    """What is ordered from now on."""
    orders: list[MailOrder] = []
    server.services = replace(server.services, order_mail=orders.append)
    return orders


def link_of(server: Server, order: MailOrder) -> str:
    """Where the mail leads."""
    letter = write_letter(order, server.services)
    assert isinstance(letter, Letter), letter
    return letter.link.rpartition("/")[2]


def follow(server: Server, route: str, link: str, person: Person | None = None, **form: str) -> Any:
    """Opens the page of a link, as who is signed in if anybody is, and sends its form."""
    path, session = {"link": link}, person.session if person else None
    recover(Visit("GET", route, route[1:].format(**path), path, session=session), server.services)
    fields = {name: (value,) for name, value in form.items()}
    return recover(Visit("POST", route, route[1:].format(**path), path, form=fields, session=session), server.services)


def wants_another_address(server: Tenants, person: Person) -> MailOrder:
    orders = mailed(server)
    answer = person.send("/my/profile/email", "change", person.csrf, {"email": NEW_ADDRESS})
    assert isinstance(answer, GoTo)
    assert answer.done == "mailed"
    return orders[0]


def address_of(server: Tenants) -> str:
    found = server.users.get("max")
    assert found
    return found.email


@pytest.mark.parametrize("end", [None, *(name for name in ENDS if name != "signed out")])
@pytest.mark.parametrize("when", ["before the mail is written", "before it is opened", "while it is used"])
def test_address_that_a_session_asked_for_is_taken_unless_the_sessions_were_ended(when: str, end: str | None) -> None:
    server = Tenants()
    person, before = Person(server, "max"), address_of(server)
    order = wants_another_address(server, person)

    def act() -> None:
        if end:
            ENDS[end](server, "max")

    if when == "before the mail is written":
        act()
    link = link_of(server, order)
    if when == "before it is opened":
        act()
    if when == "while it is used":
        server.before("users.confirm_email", act)
    elif end:  # opening it requires a sign-in
        person = Person(server, "max", "somebody else's" if end == "another password" else PASSWORD)
    answer = follow(server, "/verify/{link}", link, person, csrf=person.csrf)
    assert address_of(server) == (before if end else NEW_ADDRESS)
    if when == "while it is used" and end:
        assert isinstance(answer, GoTo)
        assert answer.page == "login"
    else:
        assert answer.template == ("recover/over" if end else "recover/verified")


def forgets_the_password(server: Server) -> MailOrder:
    orders = mailed(server)
    form = {"username": ("alice",)}
    recover(Visit("POST", "/recover", "recover", form=form, source="192.0.2.1"), server.services)
    return orders[0]


@pytest.mark.parametrize("end", [None, "another password", "disabled and enabled"])
@pytest.mark.parametrize("when", ["before the mail is written", "before it is opened", "while it is used"])
def test_link_of_a_forgotten_password_is_over_with_what_ended_since_it_was_ordered(when: str, end: str | None) -> None:
    server = Server()
    order = forgets_the_password(server)

    def act() -> None:
        if end:
            ENDS[end](server, SUB)

    if when == "before the mail is written":
        act()
    link = link_of(server, order)
    if when == "before it is opened":
        act()
    if when == "while it is used":
        server.before("withdrawals.reset_password", act)
    answer = follow(server, "/recover/{link}", link, password=NEW_PASSWORD)
    found = server.users.get(SUB)
    assert found
    is_new = found.password_hash == FakePasswords().hash(Secret(NEW_PASSWORD))
    assert (isinstance(answer, GoTo), is_new) == (end is None, end is None)


def test_link_that_was_ordered_for_a_user_who_is_disabled_is_never_written() -> None:
    server = Server()
    order = forgets_the_password(server)
    server.withdrawals.change_user(SUB, status=DISABLED)
    assert isinstance(write_letter(order, server.services), NoLetter)
