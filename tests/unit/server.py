"""A server in memory, and those who use it: clients at the back channel, people with a browser."""

import hashlib
import json
import sys
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

from authserver.endpoints.browsers.answers import Told
from authserver.endpoints.browsers.authorize import authorize
from authserver.endpoints.browsers.consent import Answer, decide, show_consent
from authserver.endpoints.browsers.login import show_code, show_login, sign_in, sign_in_with_code, sign_in_with_passkey
from authserver.endpoints.machines.access import check_access
from authserver.endpoints.machines.introspect import introspect_token
from authserver.endpoints.machines.revoke import revoke_token
from authserver.endpoints.machines.token import issue_token
from authserver.messages.access import AccessRequest, ActiveAccessToken
from authserver.messages.authorization import AuthorizationRequest, AuthorizationResponse, UnverifiedRefusal
from authserver.messages.browser import (
    CodeForm,
    CodePage,
    ConsentForm,
    ConsentPage,
    GoTo,
    Interaction,
    LoginForm,
    LoginPage,
    PasskeyForm,
)
from authserver.messages.token import TokenPresented, TokenRequest, TokenResponse
from authserver.models.browsers import Session
from authserver.models.clients import Client
from authserver.models.tokens import Authorization
from authserver.services import Services
from authserver.storage.audit import Note
from authserver.tokens import opaque
from authserver.tokens.keyring import RINGS, TOKEN_RING, KeyRing
from authserver.values import Secret, base64url, from_base64url
from tests import fakes
from tests.fakes import CLIENT_SECRET, PASSWORD, REDIRECT_URI, RESOURCE, Clock

if TYPE_CHECKING:
    from authserver.ports import Fetcher

VERIFIER = "the-verifier-that-belongs-to-every-request-here"
CHALLENGE = base64url(hashlib.sha256(VERIFIER.encode()).digest())


class Server:
    """Real use cases over stores in memory, whose calls are counted in `calls` as ``store.verb``."""

    def __init__(self, *clients: Client, now: int = fakes.START, rings: bool = True, **settings: Any) -> None:
        self.clock = Clock(now)
        self.random = fakes.Random()
        self.settings = fakes.settings(**settings)
        stores = fakes.FakeStores.of(
            clients or (fakes.client(), fakes.public_client()), [fakes.user()], fakes.rings() if rings else ()
        )
        self.record = stores.record
        self.clients = stores.clients
        self.factors = stores.factors
        self.users = stores.users
        self.organisations = stores.organisations
        self.configuration = stores.configuration
        self.identity_providers = stores.identity_providers
        self.fetcher: Fetcher | None = None
        self.tokens = stores.tokens
        self.browsers = stores.browsers
        self.revocations = stores.revocations
        self.withdrawals = stores.withdrawals
        self.api_keys = stores.api_keys
        self.journal = stores.journal
        self.erasures = stores.erasures
        self.audit = stores.audit
        self.chain = stores.chain
        self.erasure_orders: list[str] = []
        self.counters = fakes.FakeCounters()
        self.keys = stores.keys
        self.calls: Counter[str] = Counter()
        self.around: Callable[[str, Callable[[], Any]], Any] = lambda verb, call: call()
        self.services = self.new_instance()

    def new_instance(self, now: Callable[[], int] | None = None) -> Services:
        """What another function instance of the same deployment has: the same stores, caches of its own.

        `now` is its own clock, if it is not the one that the others have.
        """
        guarded = ("clients", "users", "factors", "organisations", "tokens", "browsers", "revocations", "withdrawals")

        def stores_of(session: Session | None, note: Note | None) -> dict[str, Any]:
            names = (*guarded, "identity_providers", "api_keys", "configuration")
            stores = {name: getattr(self, name) for name in names}
            made = fakes.conditional(stores, self.record, session, note)
            return {name: self._watched(name, store) for name, store in made.items()}

        return fakes.services(
            settings=self.settings,
            **{name: self._watched(name, getattr(self, name)) for name in guarded},
            configuration=self._watched("configuration", self.configuration),
            journal=self._watched("journal", self.journal),
            counters=self._watched("counters", self.counters),
            erasures=self._watched("erasures", self.erasures),
            audit=self._watched("audit", self.audit),
            chain=self._watched("chain", self.chain),
            api_keys=self._watched("api_keys", self.api_keys),
            key_store=self._watched("keys", self.keys),
            identity_providers=self._watched("identity_providers", self.identity_providers),
            deployment=lambda: self.record.deployment,
            stores_of=stores_of,
            fetcher=self.fetcher,
            order_erasure=self.erasure_orders.append,
            now=now or self.clock,
            random=self.random,
        )

    def _watched[S](self, name: str, store: S) -> S:
        def around(verb: str, call: Callable[[], Any]) -> Any:
            self.calls[f"{name}.{verb}"] += 1
            return self.around(f"{name}.{verb}", call)

        return fakes.Intercepted(store, around).as_store

    def before(self, verb: str, act: Callable[[], Any]) -> None:
        """Does something once, right before the next call of `verb`."""

        def around(called: str, call: Callable[[], Any]) -> Any:
            if called == verb:
                self.around = lambda _, call: call()
                act()
            return call()

        self.around = around

    def after(self, verb: str, act: Callable[[], Any]) -> None:
        """Does something once, right after the next call of `verb`."""

        def around(called: str, call: Callable[[], Any]) -> Any:
            answer = call()
            if called == verb:
                self.around = lambda _, call: call()
                act()
            return answer

        self.around = around

    def warm_up(self) -> None:
        """Loads every ring, and forgets the calls made so far."""
        for ring in RINGS[:2]:
            self.services.keys.signing_key(ring)
        for ring in RINGS[2:]:
            self.services.keys.token_keys(ring)
        self.calls.clear()

    def rotate_keys(self) -> tuple[str, ...]:
        """What the scheduled function does."""
        return KeyRing(
            self.keys, fakes.FakeOpener(), self.settings, self.clock, self.random, lambda: self.record.deployment
        ).rotate()

    def authorization_of(self, refresh_token: Secret | str) -> Authorization:
        """The record that a refresh token or code hangs on."""
        text = refresh_token if isinstance(refresh_token, str) else refresh_token.reveal()
        kind = opaque.CODE if opaque.is_a(opaque.CODE, text) else opaque.REFRESH_TOKEN
        credential = opaque.unseal(kind, text, self.services.keys.token_keys(TOKEN_RING))
        assert credential is not None
        return self.tokens.authorization(credential.text("authorization_id"))

    def access(
        self, token: Secret | str, route: str = "GET /items", audience: str = RESOURCE, **request: Any
    ) -> ActiveAccessToken:
        """Calls a protected route."""
        text = token if isinstance(token, str) else token.reveal()
        defaults = {"authorization": f"Bearer {text}", "query_tokens": ()}
        return check_access(
            AccessRequest(**{**defaults, "route": route, "audience": audience, **request}), self.services
        )


class App:
    """A client's back channel."""

    def __init__(self, server: Server, client_id: str = "web", secret: str | None = CLIENT_SECRET) -> None:
        self.server = server
        self.client_id = client_id
        self.secret = secret

    @property
    def services(self) -> Services:
        return self.server.services

    @property
    def authorization(self) -> str | None:
        """The Authorization header."""
        if self.secret is None:
            return None
        pair = f"{quote_plus(self.client_id)}:{quote_plus(self.secret)}"
        return "Basic " + b64encode(pair.encode()).decode()

    def _form(self, parameters: Mapping[str, str | None]) -> dict[str, str]:
        public = {"client_id": self.client_id} if self.secret is None else {}
        return {**public, **{name: value for name, value in parameters.items() if value is not None}}

    def request(self, grant_type: str, resource: tuple[str, ...] = (), **form: str | None) -> TokenRequest:
        parameters = self._form({"grant_type": grant_type, **form})
        return TokenRequest(parameters, resource, self.authorization, grant_type)

    def token(self, grant_type: str, resource: tuple[str, ...] = (), **form: str | None) -> TokenResponse:
        return issue_token(self.request(grant_type, resource, **form), self.services)

    def exchange(self, code: str, resource: tuple[str, ...] = (), **form: str | None) -> TokenResponse:
        defaults: dict[str, str | None] = {"redirect_uri": REDIRECT_URI, "code_verifier": VERIFIER}
        return self.token("authorization_code", resource, code=code, **{**defaults, **form})

    def refresh(self, token: Secret | None, resource: tuple[str, ...] = (), **form: str | None) -> TokenResponse:
        assert token is not None
        return self.token("refresh_token", resource, refresh_token=token.reveal(), **form)

    def presented(self, token: Secret | str) -> TokenPresented:
        text = token if isinstance(token, str) else token.reveal()
        return TokenPresented(self._form({"token": text}), (), self.authorization, Secret(text))

    def revoke(self, token: Secret | str | None) -> None:
        assert token is not None
        assert revoke_token(self.presented(token), self.services).members() == {}

    def introspect(self, token: Secret | str | None) -> dict[str, Any]:
        assert token is not None
        return introspect_token(self.presented(token), self.services).members()

    def tokens(self, **parameters: str) -> TokenResponse:
        """The whole flow, through a browser where Alice does as she is asked."""
        return self.exchange(Browser(self.server).code((), client_id=self.client_id, **parameters))


class Browser:
    """Alice's browser, or somebody else's: keeps the cookies."""

    def __init__(self, server: Server, username: str = "alice", password: str = PASSWORD) -> None:
        self.server = server
        self.username = username
        self.password = password
        self.session: str | None = None
        self.device_cookie: str | None = None
        self.secrets: dict[str, str] = {}
        self.shown: dict[str, str] = {}  # what each request's consent page said last

    @property
    def services(self) -> Services:
        return self.server.services

    def authorize(
        self, resource: tuple[str, ...] = (), repeated: frozenset[str] = frozenset(), **parameters: str
    ) -> AuthorizationResponse | UnverifiedRefusal | GoTo:
        """Opens the authorization endpoint with a good request, changed by `parameters`; empty ones are left out."""
        defaults = {
            "client_id": "web",
            "redirect_uri": REDIRECT_URI,
            "response_type": "code",
            "scope": "openid read write",
            "state": "state",
            "nonce": "nonce",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        sent = {name: value for name, value in {**defaults, **parameters}.items() if value != ""}
        return self._keep(authorize(AuthorizationRequest(sent, resource, repeated, self.session), self.services))

    def _keep[R](self, response: R) -> R:
        if isinstance(response, GoTo):
            if response.browser_secret is not None:
                self.secrets[response.request_handle] = response.browser_secret
            self.session = response.session or self.session
            self.device_cookie = response.device_cookie or self.device_cookie
        return response

    def _brings(self, handle: str) -> dict[str, Any]:
        return {"request_handle": handle, "browser_secret": self.secrets.get(handle, ""), "session": self.session}

    def login_page(self, handle: str) -> LoginPage | GoTo | Told:
        return show_login(Interaction(**self._brings(handle)), self.services)

    def sign_in(self, handle: str, **form: Any) -> LoginPage | GoTo:
        """Opens the sign-in page and fills it in; with a `csrf`, only the latter."""
        page = None if "csrf" in form else self.login_page(handle)
        csrf = page.csrf if isinstance(page, LoginPage) else ""
        filled = {"csrf": csrf, "username": self.username, "password": Secret(self.password), "source": "192.0.2.1"}
        brought = {**self._brings(handle), "device_cookie": self.device_cookie}
        return self._keep(sign_in(LoginForm(**{**brought, **filled, **form}), self.services))

    def code_page(self, handle: str) -> CodePage | GoTo:
        return show_code(Interaction(**self._brings(handle)), self.services)

    def enter_code(self, handle: str, **form: Any) -> CodePage | GoTo:
        """Opens the page for a code and fills in `code` or `recovery_code`; with a `csrf`, only the latter."""
        page = None if "csrf" in form else self.code_page(handle)
        csrf = page.csrf if isinstance(page, CodePage) else ""
        brought = {**self._brings(handle), "device_cookie": self.device_cookie, "csrf": csrf}
        return self._keep(sign_in_with_code(CodeForm(**{**brought, **form}), self.services))

    def present_passkey(self, handle: str, credential: str, **form: Any) -> LoginPage | GoTo:
        """Posts what an authenticator answered; with a `csrf`, without opening the page."""
        page = None if "csrf" in form else self.login_page(handle)
        csrf = page.csrf if isinstance(page, LoginPage) else ""
        brought = {**self._brings(handle), "device_cookie": self.device_cookie, "csrf": csrf, "credential": credential}
        return self._keep(sign_in_with_passkey(PasskeyForm(**{**brought, **form}), self.services))

    def consent_page(self, handle: str, organisation: str = "") -> Answer:
        page = show_consent(Interaction(**self._brings(handle), organisation=organisation), self.services)
        if isinstance(page, ConsentPage):
            self.shown[handle] = page.shown
        return page

    def decide(self, handle: str, decision: str = "allow", **form: Any) -> Answer:
        """Opens the consent page and presses a button; with a `csrf`, only the latter."""
        page = None if "csrf" in form else self.consent_page(handle, form.get("organisation", ""))
        csrf = page.csrf if isinstance(page, ConsentPage) else ""
        shown = self.shown.get(handle, "")
        filled = {**self._brings(handle), "csrf": csrf, "decision": decision, "shown": shown}
        return decide(ConsentForm(**{**filled, **form}), self.services)

    def go_through(
        self, decision: str = "allow", resource: tuple[str, ...] = (), **parameters: str
    ) -> Mapping[str, str]:
        """Does whatever the pages ask for; what the client is told."""
        response = self.authorize(resource, frozenset(), **parameters)
        if isinstance(response, GoTo) and response.page == "login":
            signed_in = self.sign_in(response.request_handle)
            assert isinstance(signed_in, GoTo), signed_in
            response = signed_in
        if isinstance(response, GoTo):
            page = self.consent_page(response.request_handle)
            answer = page if isinstance(page, AuthorizationResponse) else self.decide(response.request_handle, decision)
            assert isinstance(answer, AuthorizationResponse), answer
            return answer.parameters
        assert isinstance(response, AuthorizationResponse), response
        return response.parameters

    def code(self, resource: tuple[str, ...] = (), **parameters: str) -> str:
        answer = self.go_through(resource=resource, **parameters)
        assert "code" in answer, answer
        return answer["code"]


def id_claims(token: Secret | None) -> dict[str, Any]:
    """What an ID token says; its signature is not looked at."""
    assert token is not None
    claims: dict[str, Any] = json.loads(from_base64url(token.reveal().split(".")[1]))
    return claims


def all_at_once[R](attempt: Callable[[int], R], crowd: int = 32) -> list[R]:
    """The outcomes of `crowd` callers who begin together."""
    barrier = Barrier(crowd)

    def wait_and_attempt(number: int) -> R:
        barrier.wait()
        return attempt(number)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # or one caller is done before the next begins
    try:
        with ThreadPoolExecutor(crowd) as pool:
            return list(pool.map(wait_and_attempt, range(crowd)))
    finally:
        sys.setswitchinterval(before)


def with_settings(server: Server, **settings: Any) -> None:
    """Changes the settings of a running server, as a deployment does; its stores stay."""
    server.settings = replace(server.settings, **settings)
    server.services = server.new_instance()
