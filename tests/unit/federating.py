"""A server with an identity provider, and browsers that go there."""

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from authserver.endpoints.browsers.federate import begin_federation, finish_federation
from authserver.identity.providers import wrap_secret
from authserver.management.admin import operations as admin
from authserver.messages.authorization import AuthorizationResponse
from authserver.messages.browser import (
    ConsentPage,
    FederationForm,
    FederationProblem,
    FederationResponse,
    GoTo,
    GoToProvider,
    LoginPage,
)
from authserver.models.configuration import IdentityProvider
from authserver.models.organisations import Organisation
from authserver.models.users import User
from authserver.values import Secret
from tests.fakes import ISSUER, FakeOpener
from tests.openid_provider import CLIENT_ID, CLIENT_SECRET, SUBJECT, FakeFetcher, OpenIdProvider
from tests.unit.api import Api
from tests.unit.server import Browser, Server

UPSTREAM = "https://idp.example"
DAY = 86_400
NEW_PROVIDER = {"name": "Other", "issuer": "https://other.example", "client_id": "x", "client_secret": "y"}


def identity_provider(**overrides: Any) -> IdentityProvider:
    """One that makes accounts, with `overrides`."""
    provider = IdentityProvider(
        id="work", name="Work", issuer=UPSTREAM, client_id=CLIENT_ID, sign_up=True, created_at=1
    )
    changed = replace(provider, **overrides)
    secret = wrap_secret(changed.id, Secret(CLIENT_SECRET), FakeOpener())
    return replace(changed, client_secret=changed.client_secret or secret)


class Federated:
    """A server, the record of its identity provider, and the provider itself."""

    def __init__(self, *others: IdentityProvider, algorithm: str = "ES256", **overrides: Any) -> None:
        self.server = Server()
        self.provider = OpenIdProvider(UPSTREAM, self.server.clock, algorithm)
        self.record = identity_provider(**overrides)
        for record in (self.record, *others):
            if record.organisation:
                self.server.organisations.create(Organisation(record.organisation, record.organisation.title()))
            assert self.server.identity_providers.put(record)
        self.restart()

    def restart(self) -> None:
        """A function instance that remembers nothing."""
        self.server.fetcher = FakeFetcher(self.server.clock, self.provider)
        self.server.services = self.server.new_instance()

    def change(self, **changes: Any) -> None:
        """As an operator does."""
        stored = self.server.identity_providers.get(self.record.id)
        assert stored
        assert self.server.identity_providers.put(replace(stored, **changes))

    def browser(self) -> "FederatingBrowser":
        return FederatingBrowser(self.server)


class FederatingBrowser(Browser):
    """Somebody's browser, at the sign-in page or on the way back from a provider."""

    handle = ""

    def arrive(self, **parameters: str) -> LoginPage:
        """At the sign-in page of a new request."""
        answer = self.authorize((), frozenset(), **parameters)
        assert isinstance(answer, GoTo)
        self.handle = answer.request_handle
        page = self.login_page(self.handle)
        assert isinstance(page, LoginPage)
        return page

    def choose(self, page: LoginPage, provider: str = "work", **form: Any) -> GoToProvider | FederationProblem:
        filled = {**self._brings(self.handle), "csrf": page.csrf, "provider": provider, **form}
        return begin_federation(FederationForm(**filled), self.services)

    def set_out(self, provider: str = "work", **parameters: str) -> str:
        """From a new request to the provider; its address."""
        going = self.choose(self.arrive(**parameters), provider)
        assert isinstance(going, GoToProvider), going
        return going.url

    def come_back(self, location: str, **changed: Any) -> GoTo | FederationProblem:
        """With the provider's answer, to where it leads."""
        return self._keep(finish_federation(self.response(location, **changed), self.services))

    def response(self, location: str, **changed: Any) -> FederationResponse:
        parts = urlsplit(location)
        query = dict(parse_qsl(parts.query))
        state = query.get("state", "")
        # The cookie that the state names is that of the request's handle: see `wire.request_cookie`.
        secrets = {handle[3:15]: secret for handle, secret in self.secrets.items()}
        read: dict[str, Any] = {
            "browser_secret": secrets.get(state[3:15], ""),
            "session": self.session,
            "provider": parts.path.rpartition("/")[2],
            "state": state,
            "code": query.get("code", ""),
            "error": query.get("error", ""),
            "issuer": query.get("iss"),
        }
        return FederationResponse(**{**read, **changed})

    def sign_in_at(self, provider: OpenIdProvider, **parameters: str) -> GoTo | FederationProblem:
        """There and back."""
        return self.come_back(provider.authorize(self.set_out(**parameters)))

    def subject(self) -> str:
        """Who is signed in here."""
        page = self.consent_page(self.handle)
        answer = self.decide(self.handle, csrf=page.csrf) if isinstance(page, ConsentPage) else page
        assert isinstance(answer, AuthorizationResponse), answer
        return self.server.tokens.every_authorization()[-1].subject


def refused(answer: object) -> str:
    """The reason for a page that says that the sign-in failed."""
    assert isinstance(answer, FederationProblem), answer
    assert answer.back.startswith(f"{ISSUER}/login?request=rq_")
    return answer.reason.removeprefix("federation_")


def parameters(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


def operator_of(site: Federated) -> Api:
    return Api(site.server, admin.OPERATIONS, "operator", scope=Api.EVERY_POWER)


def signed_in(site: Federated, **claims: Any) -> User:
    """The person who has signed in at the provider, with these claims."""
    site.provider.person.claims = claims
    site.browser().sign_in_at(site.provider)
    user = site.server.users.find_by_identity(UPSTREAM, SUBJECT)
    assert user is not None
    return user
