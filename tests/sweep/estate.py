"""Somebody of every kind, and something of everything that can be taken away, in tables on MiniStack."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from pkgutil import walk_packages
from typing import TYPE_CHECKING, Any, cast

import authserver.site
from authserver.aws.boto import BotoService
from authserver.aws.dynamodb.keys import DynamoKeys
from authserver.endpoints.browsers.under_way import find_visitor, visitor_csrf
from authserver.endpoints.machines.access import check_access
from authserver.endpoints.orders.mail import write_letter
from authserver.errors import OAuthError, TemporarilyUnavailable
from authserver.identity import passkeys, recovery_codes, totp
from authserver.identity.begin import begun_of, key_text
from authserver.identity.mails import order_reset
from authserver.identity.passkeys import Ceremony
from authserver.management.account import operations as account
from authserver.management.admin import operations as admin
from authserver.management.partner import operations as partner
from authserver.messages.access import AccessRequest, ActiveAccessToken
from authserver.messages.authorization import AuthorizationResponse
from authserver.messages.browser import ApprovalAsked, GoTo
from authserver.messages.mail import Letter, MailOrder
from authserver.messages.site import Visit
from authserver.messages.token import TokenResponse
from authserver.models.browsers import Consent, Session
from authserver.models.clients import ClientSecret
from authserver.models.factors import Factors, Totp
from authserver.models.organisations import ADMINISTRATOR, MEMBER, Membership, Organisation
from authserver.resources import Resource, ResourceCatalogue
from authserver.scopes import DEFAULT, ScopeCatalogue, ScopeDefinition
from authserver.services import Services
from authserver.site import Answer, Screen, serve
from authserver.site.developer.form import fields_of
from authserver.storage.audit import Note
from authserver.tokens import opaque
from authserver.tokens.keyring import TOKEN_RING
from authserver.tokens.opaque import key_of
from authserver.values import Scope, base64url, sha256
from tests import fakes
from tests.authenticator import Authenticator
from tests.contract.implementations import GUARDED, Stores, on_dynamodb
from tests.fakes import CLIENT_SECRET, ISSUER, PASSWORD, RESOURCE, Clock
from tests.openid_provider import FakeFetcher, OpenIdProvider, Person
from tests.sweep.place import Place, State
from tests.unit.api import Answered, Api
from tests.unit.federating import UPSTREAM, identity_provider
from tests.unit.server import App, Browser, Server

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

OTHER_SECRET = "another-secret-of-256-random-bits"
REGISTRATION_TOKEN = "ra_of-256-random-bits"
NEW_PASSWORD = "first new passphrase"
TOTP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
RECOVERY_CODES = ("0123-4567-89ab-cdef", "aaaa-bbbb-cccc-dddd")
ROUTES = {"GET /items": "read", "POST /items": "write", "GET /any": "", "GET /admin/users": "admin:users.read"}
CATALOGUE = ScopeCatalogue.of(
    (
        *(replace(one, api_keys=one.name == "read") for one in DEFAULT.definitions),
        ScopeDefinition("export", "Export everything", grantable_by="administrator"),
    )
)
CLIENTS = (
    fakes.client(
        owner="sub-of-dev",
        secrets=(
            ClientSecret(sha256(CLIENT_SECRET), fakes.START, used_at=fakes.START),
            ClientSecret(sha256(OTHER_SECRET), fakes.START, used_at=fakes.START),
        ),
        registration_token_hash=sha256(REGISTRATION_TOKEN),
    ),
    fakes.public_client(client_id="phone", access_token_format="opaque"),
    fakes.client(client_id="team", preferred_subject_type="organisation", scope=Scope.parse("openid read export")),
    fakes.client(client_id="console", scope=Scope.parse("openid admin:users")),
    fakes.client(client_id="robot", grant_types=("client_credentials",)),
    fakes.client(client_id="drone", grant_types=("client_credentials",), access_token_format="opaque"),
)
OPERATIONS = (*admin.OPERATIONS, *partner.OPERATIONS, *account.OPERATIONS)


def all_screens() -> tuple[Screen, ...]:
    """Those of every area, wherever in `authserver.site` they are."""
    modules = (one.name for one in walk_packages(authserver.site.__path__, "authserver.site."))
    found = (screen for name in modules for screen in getattr(import_module(name), "SCREENS", ()))
    return tuple({screen.route: screen for screen in found}.values())


SCREENS = all_screens()


def _conditioned(stores: Stores, session: Session | None, note: Note | None) -> dict[str, Any]:
    made = stores.by(session) if note is None and session else stores.noting(cast("Note", note), session)
    return {name: getattr(made, name) for name in GUARDED}


class Estate:
    """A deployment, who is known to it, and what they hold. `services` are those of a function that just started."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.clock = Clock()
        self.settings = fakes.settings(
            registration="InitialAccessToken",
            route_scopes=ROUTES,
            deletes_accounts=True,
            api_keys=True,
            webhook_queue="webhooks",
        )
        self.mails: list[MailOrder] = []
        self.provider = OpenIdProvider(UPSTREAM, self.clock, "ES256")
        self.bob_over_there = Person("bob-over-there", {"email": "bob@example.com", "email_verified": True})
        self.passkey = Authenticator(ISSUER, name="of tom")
        self.services = self.start(place.client, "the estate")
        self._found()
        self.held = self._hand_out()
        self.founded = place.state()

    def restore(self, state: State | None = None) -> None:
        """Everything as it was then, or when everybody had been given what they hold."""
        self.place.restore(self.founded if state is None else state)
        self.mails.clear()

    def start(self, client: "DynamoDBClient", seed: str, *, counts: bool = True) -> Services:
        """A function that starts now, and draws chance of its own.

        One that does not count keeps in memory how often something was tried, and what happened.
        """
        stores = on_dynamodb("ministack", client)
        self.services = fakes.services(
            settings=self.settings,
            **{name: getattr(stores, name) for name in GUARDED},
            erasures=stores.erasures,
            journal=stores.journal if counts else fakes.FakeJournal(),
            counters=stores.counters if counts else fakes.FakeCounters(),
            key_store=stores.keys,
            deployment=stores.deployment,
            audit=stores.audit,
            stores_of=lambda session, note: _conditioned(stores, session, note),
            fetcher=FakeFetcher(self.clock, self.provider),
            now=self.clock,
            random=fakes.Random(seed),
            order_mail=self.mails.append,
        )
        return self.services

    # -- who may ask for what

    @property
    def as_server(self) -> Server:
        """This object, for callers that need a `Server`: what they need of it is its services."""
        return cast("Server", self)

    def browser(self, name: str, cookie: str | None = None, password: str = PASSWORD) -> Browser:
        """Somebody's browser, signed in by a cookie or not at all."""
        browser = Browser(self.as_server, name, password)
        browser.session = cookie
        return browser

    def app(self, client_id: str, secret: str | None = CLIENT_SECRET) -> App:
        return App(self.as_server, client_id, secret)

    def api(self, name: str) -> Api:
        """Somebody who calls the management APIs, with every scope in the token."""
        return Api(self.as_server, OPERATIONS, f"sub-of-{name}", "console", f"{Api.EVERY_POWER} account partner read")

    def ask(self, name: str, method: str, path: str, body: Any = None, **query: str) -> Answered:
        """A call of a management API. A repeated call may answer that there is nothing left to do."""
        answer = self.api(name).call(method, path, body, **query)
        assert answer.status < 500, answer
        return answer

    def access(self, token: str, route: str = "GET /any") -> ActiveAccessToken:
        """What the authorizer says of a token. Raises `OAuthError`."""
        request = AccessRequest(authorization=f"Bearer {token}", query_tokens=(), route=route, audience=RESOURCE)
        return check_access(request, self.services)

    def visit(self, cookie: str | None, route: str, **path: str) -> Answer:
        """Opens one of our own pages."""
        return serve(_visit("GET", cookie, route, path), SCREENS, {}, self.services)

    def page(self, cookie: str, route: str, **path: str) -> "OpenPage":
        """A page that is open in a browser, with forms that may be sent."""
        session = find_visitor(cookie, self.services)
        assert session is not None
        return OpenPage(self, cookie, route, path, visitor_csrf(session, self.services))

    def verification(self, cookie: str) -> Visit:
        """What bob sends to show that an address is his, from a browser that is signed in."""
        link = self.held.address_link
        form = {"csrf": (self.page(cookie, "/my").csrf,)}
        return Visit("POST", "/verify/{link}", f"verify/{link}", {"link": link}, form=form, session=cookie)

    def sign_in(self, name: str, password: str = PASSWORD) -> tuple[Browser, str, Any]:
        """Where a password leads, typed for a page of ours: the browser, the handle, and the answer."""
        browser = self.browser(name, password=password)
        pending = browser._keep(cast("GoTo", self.visit(None, "/my/profile")))
        assert isinstance(pending, GoTo), pending
        return browser, pending.request_handle, browser.sign_in(pending.request_handle)

    # -- what they name

    def identity_of_bob(self) -> str:
        (identity,) = self.services.users.identities("sub-of-bob")
        return identity.id

    def link_to(self, name: str, address: str) -> str:
        """What names a link that was mailed to somebody."""
        links = self.api("op").get(f"/admin/users/sub-of-{name}/links")["items"]
        (link,) = [one for one in links if one["address"] == address]
        return str(link["id"])

    def session_of(self, whose: str) -> str:
        session = find_visitor(self.held.cookies[whose], self.services)
        assert session
        return session.id

    def authorization_of(self, tokens: TokenResponse) -> str:
        assert tokens.refresh_token
        keys = self.services.keys.token_keys(TOKEN_RING)
        credential = opaque.unseal(opaque.REFRESH_TOKEN, tokens.refresh_token.reveal(), keys)
        assert credential
        return credential.text("authorization_id")

    def secrets_of(self, client_id: str) -> tuple[str, ...]:
        described = self.api("op").get(f"/admin/clients/{client_id}")["secrets"]
        return tuple(one["id"] for one in described)

    def kid_of(self, ring: str) -> str:
        (kid,) = [one["kid"] for one in self.api("op").get("/admin/keys")["items"] if one["ring"] == ring]
        return str(kid)

    def form_of_web(self) -> dict[str, tuple[str, ...]]:
        """What the page of web's settings sends if nothing is changed there."""
        return fields_of(self.api("dev").get("/partner/apps/web"))

    def form_of_provider(self) -> dict[str, str]:
        """What the page of an identity provider sends, but for its being enabled."""
        provider = self.api("op").get("/admin/identity-providers/work")
        return {name: provider[name] for name in ("name", "issuer", "client_id", "token_endpoint_auth_method")}

    def page_of_request(self, administrator: str, member: str) -> "OpenPage":
        """The page of what a member has asked, as an administrator sees it."""
        approval, route = (
            self.approval_of(member).rpartition("/")[2],
            "/organisations/{organisation}/requests/{approval}",
        )
        return self.page(self.held.cookies[administrator], route, organisation="acme", approval=approval)

    def remember(self, name: str, client_id: str) -> None:
        """Somebody has allowed something to a client."""
        subject, now = f"sub-of-{name}", self.clock()
        begun = begun_of(self.services.browsers.ends(key_text(subject)))
        consent = Consent(subject, client_id, Scope(("read",)), frozenset(), now, now + 86_400, begun=begun)
        self.services.browsers.remember_consent(consent, now)

    def tolerant(self, call: Callable[[], object]) -> Callable[[], object]:
        """A call that may be refused: a repeated call may answer that there is nothing left to do."""

        def act() -> None:
            try:
                call()
            except TemporarilyUnavailable:
                raise
            except OAuthError:
                return

        return act

    # -- building

    def _found(self) -> None:
        services = self.services
        key_store = DynamoKeys(BotoService(self.place.client), "KeysTable")
        for ring in fakes.rings():
            assert key_store.put(ring)
        assert services.withdrawals.change_scopes(CATALOGUE)
        assert services.withdrawals.change_resources(ResourceCatalogue((Resource("tools", "https://tools.example"),)))
        for name in ("alice", "bob", "ada", "abe", "tom", "dev", "op"):
            email = f"{name}@example.com"
            person = fakes.user(sub=f"sub-of-{name}", username=name, email=email, operator=name == "op")
            assert services.users.create(person)
        for one in CLIENTS:
            assert services.clients.create(one)
        assert services.organisations.create(
            Organisation("acme", "Acme", {"a1": "A One", "a2": "A Two"}, api_keys=True)
        )
        for name, role in {"ada": ADMINISTRATOR, "abe": ADMINISTRATOR, "alice": MEMBER, "bob": MEMBER}.items():
            services.withdrawals.set_membership(Membership("acme", f"sub-of-{name}", role, epoch=services.claim()))
        assert services.identity_providers.put(identity_provider(sign_up=False, organisation="acme"))
        linked = {"issuer": UPSTREAM, "subject": self.bob_over_there.subject}
        assert self.api("op").call("POST", "/admin/users/sub-of-bob/identities", linked).status == 201

    def _hand_out(self) -> "Held":
        cookies = {name: self._cookie(name) for name in ("alice", "bob", "ada", "dev", "op")}
        alice = self.browser("alice", cookies["alice"])
        code = alice.code()
        web = self._exchange("web", code)
        phone = self.app("phone", None).exchange(alice.code(client_id="phone"))
        team = self._exchange("team", self._choose("alice", cookies["alice"], "openid read"))
        self._choose("alice", cookies["alice"], "openid read export")
        self._answer("ada", "alice", "allow")
        self._choose("bob", cookies["bob"], "openid read export")
        open_page = self.browser("alice", cookies["alice"])
        waiting = open_page.authorize((), frozenset(), prompt="consent")
        assert isinstance(waiting, GoTo)
        self._guard_tom()
        tom, handle, answer = self.sign_in("tom")
        assert answer.page == "login/code", answer
        half = tom, handle
        cookies["tom"] = self._with_code(*self.sign_in("tom")[:2])
        invitation = self.api("ada").call(
            "POST", "/account/organisations/acme/invitations", {"name": "dev", "role": "member"}
        )
        initial = self.api("op").call("POST", "/admin/initial-access-tokens", {"uses": 5}).document
        return Held(
            cookies=cookies | {"alice elsewhere": self._cookie("alice")},
            web=web,
            first_code=code,
            code=self.browser("alice", cookies["alice"]).code(),
            web_of_bob=self._exchange("web", self.browser("bob", cookies["bob"]).code()),
            phone=phone,
            team=team,
            team_of_ada=self._exchange("team", self._choose("ada", cookies["ada"], "openid read export")),
            console=self._exchange("console", self._code_of_op(cookies["op"])),
            robot=self.app("robot").token("client_credentials", scope="read").access_token.reveal(),
            drone=self.app("drone").token("client_credentials", scope="read").access_token.reveal(),
            open_consent=(open_page, waiting.request_handle),
            half_signed_in=half,
            reset_links={name: self._reset_link(name) for name in ("alice", "bob")},
            address_link=self._address_link(cookies["bob"], "bob@new.example"),
            invitation=invitation.document["id"],
            initial_token=initial["initial_access_token"],
            key_of_alice=self._key("alice", "/account/api-keys"),
            webhook=self.api("op")
            .call("POST", "/admin/webhooks", {"url": "https://hook.example/", "types": ["user.*"]})
            .document,
            key_of_acme=self._key("abe", "/account/organisations/acme/api-keys", entities=["a1"]),
        )

    def _key(self, name: str, path: str, **document: Any) -> Mapping[str, str]:
        """An API key that somebody makes in the pages: it and its identifier."""
        pages = Api(self.as_server, OPERATIONS, f"sub-of-{name}", "")
        made = pages.call("POST", path, {"name": "A key", "scope": ["read"], **document})
        assert made.status == 201, made
        return {"id": made.document["id"], "key": made.document["api_key"]}

    def _cookie(self, name: str) -> str:
        browser, _, answer = self.sign_in(name)
        assert isinstance(answer, GoTo), answer
        assert browser.session
        return browser.session

    def _exchange(self, client_id: str, code: str) -> TokenResponse:
        return self.app(client_id).exchange(code)

    def _code_of_op(self, cookie: str) -> str:
        return self.browser("op", cookie).code(client_id="console", scope="openid admin:users")

    def _choose(self, name: str, cookie: str, scope: str) -> str:
        """The code that comes of a choice of both companies for "team"; empty if an administrator is asked."""
        answer = self.choose(self.browser(name, cookie), scope)
        return answer.parameters["code"] if isinstance(answer, AuthorizationResponse) else ""

    def choose(self, browser: Browser, scope: str, companies: tuple[str, ...] = ("a1", "a2")) -> Any:
        """What comes of somebody's choice of companies for "team"."""
        pending = browser.authorize((), frozenset(), client_id="team", scope=scope)
        assert isinstance(pending, GoTo), pending
        answer = browser.decide(pending.request_handle, organisation="acme", entities=companies)
        assert isinstance(answer, ApprovalAsked | AuthorizationResponse), answer
        return answer

    def _answer(self, administrator: str, member: str, decision: str) -> None:
        approval = self.approval_of(member)
        answer = self.api(administrator).call("PUT", approval, {"decision": decision})
        assert answer.status == 200, answer

    def approval_of(self, member: str) -> str:
        """The path of what a member has asked for."""
        asked = self.api("ada").get("/account/organisations/acme/approvals")["items"]
        (identifier,) = [one["id"] for one in asked if one["sub"] == f"sub-of-{member}"]
        return f"/account/organisations/acme/approvals/{identifier}"

    def _guard_tom(self) -> None:
        services, subject = self.services, "sub-of-tom"
        wrapped = totp.wrap_secret(subject, TOTP_SECRET, services)
        codes = frozenset(map(recovery_codes.hash_of, RECOVERY_CODES))
        factors = Factors(subject, Totp(wrapped, self.clock()), codes)
        ceremony, person = Ceremony("add", "a session"), services.users.get(subject)
        assert person
        options = passkeys.creation_options(ceremony, person, factors, "Authserver", services)
        made = passkeys.take_registration(self.passkey.register(options), ceremony, "A device", services)
        assert services.factors.replace(replace(factors, passkeys=(made,)))

    def _with_code(self, browser: Browser, handle: str) -> str:
        answer = browser.enter_code(handle, recovery_code=RECOVERY_CODES[0])
        assert isinstance(answer, GoTo), answer
        assert browser.session
        factors = self.services.factors.get(base64url(key_of("sub-of-tom")))
        assert factors
        spent = frozenset(map(recovery_codes.hash_of, RECOVERY_CODES))
        assert self.services.factors.replace(replace(factors, recovery_codes=spent))
        return browser.session

    def _address_link(self, cookie: str, address: str) -> str:
        self.page(cookie, "/my/profile/email").act("change", email=address)
        return self._mailed_link()

    def _reset_link(self, username: str) -> str:
        order_reset(username, "192.0.2.1", "", self.services)
        return self._mailed_link()

    def _mailed_link(self) -> str:
        letter = write_letter(self.mails.pop(), self.services)
        assert isinstance(letter, Letter), letter
        return letter.link.rpartition("/")[2]


@dataclass(frozen=True)
class Held:
    """What people and applications have in their hands. Cookies are by the name of their user."""

    cookies: Mapping[str, str]
    web: TokenResponse
    first_code: str  # the spent one that "web" got its tokens for
    code: str
    web_of_bob: TokenResponse
    phone: TokenResponse
    team: TokenResponse
    team_of_ada: TokenResponse
    console: TokenResponse
    robot: str
    drone: str
    open_consent: tuple[Browser, str]
    half_signed_in: tuple[Browser, str]
    reset_links: Mapping[str, str]
    address_link: str  # by which bob shows that another address is his
    invitation: str
    initial_token: str
    key_of_alice: Mapping[str, str]
    webhook: Mapping[str, Any]  # with its secret
    key_of_acme: Mapping[str, str]  # which abe carries


@dataclass(frozen=True)
class OpenPage:
    """A page as a browser shows it. Its forms can be sent, and sent again."""

    estate: Estate
    cookie: str
    route: str
    path: Mapping[str, str]
    csrf: str

    def act(self, action: str, **form: str | tuple[str, ...]) -> Answer:
        fields = {name: (value,) if isinstance(value, str) else value for name, value in form.items()}
        fields |= {"action": (action,), "csrf": (self.csrf,)}
        return serve(_visit("POST", self.cookie, self.route, self.path, fields), SCREENS, {}, self.estate.services)


def _visit(
    method: str,
    cookie: str | None,
    route: str,
    path: Mapping[str, str],
    form: Mapping[str, tuple[str, ...]] | None = None,
) -> Visit:
    address = route.removeprefix("/").format(**path)
    return Visit(method, route, address, path, {}, form or {}, session=cookie, source="192.0.2.1")
