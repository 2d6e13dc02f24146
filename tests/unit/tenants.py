"""A server with two customers who have nothing to do with each other, and the people of both."""

from dataclasses import replace
from typing import Any

import pytest

from authserver.errors import InvalidGrant, InvalidToken
from authserver.management.account import operations as account
from authserver.management.admin import authorizations, organisations
from authserver.messages.authorization import AuthorizationResponse
from authserver.messages.token import TokenResponse
from authserver.models.organisations import ADMINISTRATOR, MEMBER, Membership, Organisation
from authserver.scopes import DEFAULT, ScopeCatalogue, ScopeDefinition
from tests import fakes
from tests.unit.api import Api
from tests.unit.server import App, Browser, Server

CATALOGUE = ScopeCatalogue.of(
    (*DEFAULT.definitions, ScopeDefinition("export", "Export everything", grantable_by="administrator"))
)
# Everybody's organisation and role; subjects are the names.
PEOPLE = {
    "ada": ("acme", ADMINISTRATOR),
    "max": ("acme", MEMBER),
    "mia": ("acme", MEMBER),
    "gil": ("globex", ADMINISTRATOR),
    "gus": ("globex", MEMBER),
}


class Tenants(Server):
    """Acme with its companies a1, a2, a3 and Globex with g1, g2; the client "web" acts for organisations."""

    def __init__(self, **settings: Any) -> None:
        scope = replace(fakes.client().scope, tokens=("openid", "read", "write", "export"))
        super().__init__(
            fakes.client(preferred_subject_type="organisation", scope=scope),
            fakes.client(client_id="personal", client_name="A personal one"),
            **settings,
        )
        self.configuration.put_scopes(CATALOGUE)
        self.organisations.create(Organisation("acme", "Acme", {"a1": "A One", "a2": "A Two", "a3": "A Three"}))
        self.organisations.create(Organisation("globex", "Globex", {"g1": "G One", "g2": "G Two"}))
        for name, (organisation, role) in PEOPLE.items():
            self.users.create(fakes.user(sub=name, username=name, name=name.title()))
            self.organisations.put_membership(Membership(organisation, name, role, self.clock(), f"epoch of {name}"))

    def account(self, name: str) -> Api:
        return Api(self, account.OPERATIONS, name)

    @property
    def operator(self) -> Api:
        return Api(self, (*organisations.OPERATIONS, *authorizations.OPERATIONS), "operator")

    def choose(self, name: str, *entities: str, scope: str = "openid read") -> Any:
        """What comes of it when somebody signs in to "web" and chooses companies of their organisation."""
        browser = Browser(self, name)
        pending: Any = browser.authorize((), frozenset(), scope=scope)
        signed_in: Any = browser.sign_in(pending.request_handle)
        return browser.decide(signed_in.request_handle, organisation=PEOPLE[name][0], entities=entities)

    def connect(self, name: str, *entities: str, scope: str = "openid read") -> "Connection":
        answer = self.choose(name, *entities, scope=scope)
        assert isinstance(answer, AuthorizationResponse), answer
        assert "code" in answer.parameters, answer
        return Connection(self, App(self).exchange(answer.parameters["code"]))

    def connect_personally(self, name: str) -> "Connection":
        app = App(self, "personal")
        return Connection(self, app.exchange(Browser(self, name).code((), client_id="personal")), app)


class Connection:
    """What an application holds of somebody."""

    def __init__(self, server: Server, tokens: TokenResponse, app: App | None = None) -> None:
        self.server = server
        self.tokens = tokens
        self.app = app or App(server)
        assert tokens.refresh_token
        self.id = server.authorization_of(tokens.refresh_token).id

    @property
    def is_alive(self) -> bool:
        """Whether its tokens work; they live and die together."""
        try:
            self.server.access(self.tokens.access_token, "GET /any")
        except InvalidToken:
            with pytest.raises(InvalidGrant):
                self.app.refresh(self.tokens.refresh_token)
            return False
        self.tokens = self.app.refresh(self.tokens.refresh_token)
        return True

    @property
    def entities(self) -> set[str]:
        """The companies that it reaches now, as an API behind the authorizer is told."""
        return set(self.server.access(self.tokens.access_token).entities)
