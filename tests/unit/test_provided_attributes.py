"""Attributes that an identity provider gave: they count while it is there, is the same, and maps them."""

import json
from base64 import urlsafe_b64decode
from collections.abc import Callable
from typing import Any

import pytest

from authserver.endpoints.machines.userinfo import userinfo
from authserver.errors import TemporarilyUnavailable
from authserver.messages.authorization import AuthorizationResponse
from authserver.messages.browser import ConsentPage
from authserver.messages.token import TokenResponse
from authserver.models.users import Source, User, identity_id
from authserver.scopes import DEFAULT, ClaimDefinition, ScopeCatalogue, ScopeDefinition
from tests.openid_provider import SUBJECT
from tests.unit.federating import NEW_PROVIDER, UPSTREAM, Federated, identity_provider, operator_of
from tests.unit.server import App

EVERYWHERE = ("id_token", "userinfo", "access_token")
READ = ScopeDefinition(
    "read",
    "Read, with your groups and your badge",
    claims=(
        ClaimDefinition("groups", "groups", "strings", EVERYWHERE),
        ClaimDefinition("badge", "badge", "integer", EVERYWHERE),
    ),
)
WORK = "/admin/identity-providers/work"
GIVEN, OWN = {"groups": ["admins"], "badge": 7}, {"badge": 7}


class Mapped(Federated):
    """Alice's groups come from a provider, and her badge from an operator; a scope tells both."""

    def __init__(self, **overrides: Any) -> None:
        super().__init__(**{"claims": {"groups": "roles"}, "epoch": "first", **overrides})
        others = (one for one in DEFAULT.definitions if one.name != READ.name)
        assert self.server.configuration.put_scopes(ScopeCatalogue.of((*others, READ)))
        self.provider.person.claims = {"name": "Alice", "nickname": "Al", "roles": ["admins"]}
        self.app = App(self.server)
        self.tokens = self.signed_in()
        self.operator = operator_of(self)
        self.changed({"attributes": {"badge": 7}}, path=f"/admin/users/{self.alice.sub}")

    @property
    def alice(self) -> User:
        user = self.server.users.find_by_identity(UPSTREAM, SUBJECT)
        assert user
        return user

    def changed(self, body: dict[str, Any], path: str = WORK) -> None:
        assert self.operator.call("PATCH", path, body).status == 200

    def deleted(self) -> None:
        assert self.operator.call("DELETE", WORK).status == 204

    def signed_in(self) -> TokenResponse:
        """What the app gets when Alice signs in at the provider."""
        browser = self.browser()
        browser.sign_in_at(self.provider)
        page = browser.consent_page(browser.handle)
        answer = browser.decide(browser.handle, csrf=page.csrf) if isinstance(page, ConsentPage) else page
        assert isinstance(answer, AuthorizationResponse)
        return self.app.exchange(answer.parameters["code"])

    def told(self) -> dict[str, Any]:
        """What a refresh and userinfo tell of her now; the same everywhere."""
        self.tokens = self.app.refresh(self.tokens.refresh_token)
        told = [own_claims_in(one.reveal()) for one in (self.tokens.id_token, self.tokens.access_token) if one]
        told.append(self.at_userinfo())
        assert len(told) == 3
        assert told[0] == told[1] == told[2]
        return told[0]

    def at_userinfo(self) -> dict[str, Any]:
        return own(userinfo(self.tokens.access_token.reveal(), self.server.services).members())


def own(claims: Any) -> dict[str, Any]:
    return {name: claims[name] for name in ("groups", "badge") if name in claims}


def own_claims_in(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    return own(json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4))))


def test_what_a_provider_gives_is_told_while_it_is_there() -> None:
    assert Mapped().told() == GIVEN


def test_what_a_deleted_provider_gave_is_told_no_more() -> None:
    """At once, of each user, without a write to any; what operators keep of them and what they are called stays."""
    site = Mapped()
    before = site.alice
    site.deleted()
    assert site.at_userinfo() == OWN  # with the token of before
    assert site.told() == OWN
    assert site.alice == before
    assert (before.name, before.attributes["nickname"]) == ("Alice", "Al")


ENDS: dict[str, Callable[[Mapped], None]] = {
    "mapped no more": lambda site: site.changed({"claims": {"groups": None}}),
    "another issuer": lambda site: site.changed({"issuer": "https://other.example", "client_secret": "y"}),
    "an organisation's": lambda site: site.change(organisation="acme"),
}


@pytest.mark.parametrize("end", ENDS)
def test_what_a_provider_gives_no_more_is_told_no_more(end: str) -> None:
    site = Mapped()
    ENDS[end](site)
    assert site.told() == OWN


@pytest.mark.parametrize("change", [{"status": "disabled"}, {"name": "Renamed"}, {"client_id": "another"}])
def test_other_changes_of_a_provider_leave_what_it_gave(change: dict[str, Any]) -> None:
    """A disabled provider signs no user in; users who signed in before keep what they have."""
    site = Mapped()
    site.changed(change)
    assert site.told() == GIVEN


def test_a_provider_that_is_added_again_gives_anew() -> None:
    """Of the same identifier, it is another one: what it gives counts from the next sign-in there on."""
    site = Mapped()
    provider = {
        **NEW_PROVIDER,
        "id": "work",
        "issuer": UPSTREAM,
        "client_id": "authserver",
        "claims": {"groups": "roles"},
    }
    site.deleted()
    assert site.operator.call("POST", "/admin/identity-providers", provider).status == 201
    assert site.told() == OWN
    stored = site.server.identity_providers.get("work")
    assert stored
    record = identity_provider(claims={"groups": "roles"}, epoch=stored.epoch, version=stored.version)
    assert site.server.identity_providers.put(record)  # with a secret that the provider takes
    site.signed_in()
    assert site.told() == GIVEN


def test_what_an_operator_sets_instead_is_told() -> None:
    site = Mapped()
    site.deleted()
    site.changed({"attributes": {"groups": ["admins"]}}, path=f"/admin/users/{site.alice.sub}")
    assert site.told() == GIVEN


def test_what_does_not_name_its_provider_is_not_told() -> None:
    site = Mapped()
    known = identity_id(UPSTREAM, SUBJECT)
    site.server.users.alter(site.alice.sub, provided={"groups": known})
    assert site.told() == OWN
    sub = site.alice.sub
    assert site.server.withdrawals.unlink(sub, known)
    left = site.server.users.get(sub)
    assert left
    assert "groups" not in left.attributes


def test_providers_are_read_only_for_what_they_gave_and_a_scope_tells() -> None:
    site = Mapped()
    site.server.calls.clear()
    site.told()
    assert site.server.calls["identity_providers.giving"] == 2  # for the tokens, and at userinfo
    site.server.users.alter(site.alice.sub, provided={"level": site.alice.provided["groups"]})
    site.server.calls.clear()
    assert site.told() == GIVEN
    assert site.server.calls["identity_providers.giving"] == 0


def test_while_no_store_says_what_a_provider_gives_nothing_is_issued_or_told() -> None:
    site = Mapped()
    for act in (site.told, site.at_userinfo):
        site.server.before("identity_providers.giving", fail)
        with pytest.raises(TemporarilyUnavailable):
            act()
    assert site.told() == GIVEN


def fail() -> None:
    raise TemporarilyUnavailable("The store did not answer", reason="storage")


def test_an_operator_sees_which_provider_an_attribute_came_from() -> None:
    site = Mapped()
    assert site.operator.get(f"/admin/users/{site.alice.sub}")["provided_by"] == {"groups": "work"}
    site.deleted()
    assert site.operator.get(f"/admin/users/{site.alice.sub}")["provided_by"] == {"groups": "work"}


def test_a_source_is_read_as_it_was_written() -> None:
    for source in (Source("identity", "work", "epoch"), Source("identity", "work", "")):
        assert Source.of(str(source)) == source
    assert Source.of("identity") == Source("identity", "", "")
