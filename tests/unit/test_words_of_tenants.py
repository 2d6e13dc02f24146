"""A tenant's word reaches no further than the tenant: on addresses, and on who is invited by one."""

from typing import Any

import pytest

from authserver.management.admin import identity_providers
from authserver.messages.browser import FederationProblem, GoTo
from authserver.models.organisations import MEMBER, Organisation
from authserver.models.users import User
from authserver.site import organisations
from tests import fakes
from tests.openid_provider import SUBJECT
from tests.unit.api import Api
from tests.unit.federating import UPSTREAM, Federated, FederatingBrowser
from tests.unit.pages import Reader
from tests.unit.server import Server
from tests.unit.tenants import Tenants

ACME = "/account/organisations/acme"


# ------------------------------------------------------------------ whose addresses a provider vouches for


def signed_in(address: Any, **provider: Any) -> User:
    """Somebody whose provider says that this address is verified."""
    site = Federated(**provider)
    site.provider.person.claims |= {"email": address, "email_verified": True}
    assert isinstance(site.browser().sign_in_at(site.provider), GoTo)
    user = site.server.users.find_by_identity(UPSTREAM, SUBJECT)
    assert user is not None
    return user


OWN: dict[str, Any] = {"trusts_email": True, "domains": ("work.example", "xn--mnchen-3ya.example")}


@pytest.mark.rfc("OIDC Core", "5.1")
@pytest.mark.parametrize(
    ("address", "counts"),
    [
        ("kim@work.example", True),
        ("kim@WORK.example", True),
        ("kim@xn--mnchen-3ya.example", True),
        ("kim@other.example", False),
        ("kim@sub.work.example", False),
        ("kim@notwork.example", False),
        ("kim@work.example.evil.example", False),
        ("victim@other.example,kim@work.example", False),
        ("victim@other.example kim@work.example", False),
        ('"victim@other.example"@work.example', False),
        ("<victim@other.example>@work.example", False),
        ("victim@other.example@work.example", False),
        ("kim@work.example ", False),
        ("@work.example", False),
        ("work.example", False),
        ("", False),
    ],
)
def test_a_providers_word_counts_for_addresses_in_its_own_domains(address: str, counts: bool) -> None:
    user = signed_in(address, **OWN)
    assert (user.email, user.email_verified) == (address, counts)


@pytest.mark.parametrize(
    ("provider", "counts"),
    [
        ({"trusts_email": "*"}, True),
        ({"trusts_email": "*", "domains": ("work.example",)}, True),
        ({"trusts_email": True}, False),
        ({"trusts_email": False, "domains": ("other.example",)}, False),
        ({"trusts_email": False}, False),
        # Stored before an organisation had it, or by whatever else: its administrators can change it.
        ({"trusts_email": "*", "organisation": "acme"}, False),
        ({"trusts_email": "*", "organisation": "acme", "domains": ("other.example",)}, True),
    ],
    ids=str,
)
def test_an_operator_may_trust_a_provider_of_no_organisation_with_every_address(
    provider: dict[str, Any], counts: bool
) -> None:
    assert signed_in("kim@other.example", **provider).email_verified is counts


@pytest.mark.parametrize("said", [False, None, "false", 0])
def test_what_the_provider_has_not_verified_is_not(said: Any) -> None:
    site = Federated(trusts_email="*")
    site.provider.person.claims |= {"email": "kim@work.example", "email_verified": said}
    site.browser().sign_in_at(site.provider)
    user = site.server.users.find_by_identity(UPSTREAM, SUBJECT)
    assert user is not None
    assert not user.email_verified


def test_an_address_of_another_domain_is_verified_no_more_when_it_comes_in_its_place() -> None:
    site = Federated(**OWN)
    for address, counts in (("kim@work.example", True), ("victim@other.example", False)):
        site.provider.person.claims |= {"email": address, "email_verified": True}
        site.browser().sign_in_at(site.provider)
        user = site.server.users.find_by_identity(UPSTREAM, SUBJECT)
        assert user is not None
        assert (user.email, user.email_verified) == (address, counts)


# ------------------------------------------------------------------ who may say so

ALL = "/admin/identity-providers"
PROVIDER: dict[str, Any] = {
    "id": "work",
    "name": "Work",
    "issuer": UPSTREAM,
    "client_id": "authserver",
    "client_secret": "a-secret",
    "domains": ["work.example"],
}
SENTENCE = "trusts_email: * is not for a provider of an organisation, whose administrators can change it"


@pytest.fixture
def operator() -> Api:
    server = Server()
    server.organisations.create(Organisation("acme", "Acme"))
    return Api(server, identity_providers.OPERATIONS, "operator")


@pytest.mark.parametrize("trusted", [True, False, "*"])
def test_an_operator_says_how_far_a_provider_is_trusted(operator: Api, trusted: Any) -> None:
    made = operator.call("POST", ALL, PROVIDER | {"trusts_email": trusted})
    assert (made.status, made.document["trusts_email"]) == (201, trusted)
    assert operator.get(f"{ALL}/work") == made.document
    assert operator.call("PATCH", f"{ALL}/work", {"name": "New"}).document["trusts_email"] == trusted


@pytest.mark.parametrize("trusted", ["true", "", "**", "work.example", 1, None])
def test_nothing_else_is_a_measure_of_trust(operator: Api, trusted: Any) -> None:
    assert operator.call("POST", ALL, PROVIDER | {"trusts_email": trusted}).status == 400


def test_no_organisations_provider_is_trusted_with_every_address(operator: Api) -> None:
    refused = operator.call("POST", ALL, PROVIDER | {"trusts_email": "*", "organisation": "acme"})
    assert refused.status == 400
    assert SENTENCE in refused.document["detail"]
    operator.call("POST", ALL, PROVIDER | {"trusts_email": "*"})
    assert operator.call("PATCH", f"{ALL}/work", {"organisation": "acme"}).status == 400
    assert operator.get(f"{ALL}/work")["organisation"] == ""
    operator.call("PATCH", f"{ALL}/work", {"organisation": "acme", "trusts_email": True})
    assert operator.call("PATCH", f"{ALL}/work", {"trusts_email": "*"}).status == 400
    assert operator.get(f"{ALL}/work")["trusts_email"] is True


# ------------------------------------------------------------------ who is invited by an address


def invited(server: Tenants, name: str, **user: Any) -> list[str]:
    """Which organisations invite a user, once Acme's administrator has invited `name`."""
    server.users.create(fakes.user(**{"sub": "kim", "name": "Kim", "email": "", "email_verified": False, **user}))
    invitation = server.account("ada").call("POST", f"{ACME}/invitations", {"name": name}).document
    offered = [one["organisation"] for one in server.account("kim").get("/account/invitations")["items"]]
    decline = server.account("kim").call("PUT", f"/account/invitations/{invitation['id']}", {"decision": "decline"})
    assert decline.status == (204 if offered else 404)
    return offered


@pytest.mark.parametrize(
    "username", ["kim@other.example", "KIM@other.example", "kim\uff20other.example", "kim@", "@kim"], ids=ascii
)
def test_a_username_that_looks_like_an_address_answers_no_invitation(username: str) -> None:
    assert invited(Tenants(), username, username=username) == []


def test_an_invitation_to_an_address_is_for_whoever_has_verified_it() -> None:
    for verified, offered in ((True, ["acme"]), (False, [])):
        user = {"username": "kim", "email": "kim@other.example", "email_verified": verified}
        assert invited(Tenants(), "kim@other.example", **user) == offered


def test_whoever_signs_in_with_their_verified_address_is_invited_by_it() -> None:
    user = {"username": "kim@other.example", "email": "kim@other.example", "email_verified": True}
    assert invited(Tenants(), "kim@other.example", **user) == ["acme"]


def test_an_invitation_to_a_username_is_for_whoever_has_it() -> None:
    assert invited(Tenants(), "kim", username="kim") == ["acme"]


def test_who_chose_an_address_for_a_username_does_not_become_a_member() -> None:
    server = Tenants()
    server.users.create(fakes.user(sub="eve", username="kim@other.example", email="eve@evil.example"))
    server.account("ada").call("POST", f"{ACME}/invitations", {"name": "kim@other.example"})
    assert "Acme" not in Reader(server, organisations, "kim@other.example").get("/organisations").text
    assert server.organisations.membership("acme", "eve") is None


def test_a_provider_of_one_tenant_makes_nobody_a_member_of_another_by_an_address() -> None:
    """Globex's own provider says that somebody has an address that Acme has invited."""
    site = Federated(organisation="globex", trusts_email=True, domains=("globex.example",))
    server = site.server
    for name in ("acme", "globex"):
        server.organisations.create(Organisation(name, name.title()))
    site.provider.person.claims |= {"email": "ada@acme.example", "email_verified": True}
    browser = site.browser()
    assert isinstance(browser.sign_in_at(site.provider), GoTo)
    user = server.users.find_by_identity(UPSTREAM, SUBJECT)
    assert user is not None
    assert user.invited_as == ()
    member = server.organisations.membership("globex", user.sub)
    assert member is not None
    assert member.role == MEMBER


# ------------------------------------------------------------------ what a browser brings back


def brought(**changed: Any) -> FederationProblem:
    """What is answered to somebody who changes what a provider had them bring."""
    site = Federated()
    browser = site.browser()
    answer = browser.come_back(site.provider.authorize(browser.set_out()), **changed)
    assert isinstance(answer, FederationProblem)
    assert browser.session is None
    return answer


@pytest.mark.rfc("9207", "2.4")
@pytest.mark.rfc("6749", "4.1.2.1")
@pytest.mark.parametrize(
    ("changed", "status", "reason"),
    [
        ({"issuer": "https://evil.example"}, 400, "issuer_mixed_up"),
        ({"issuer": ""}, 400, "issuer_mixed_up"),
        ({"issuer": None}, 400, "issuer_mixed_up"),
        ({"error": "access_denied"}, 403, "denied"),
        ({"error": "server_error"}, 400, "answer_without_code"),
        ({"error": "temporarily_unavailable"}, 400, "answer_without_code"),
        ({"error": "made up <b>"}, 400, "answer_without_code"),
        ({"code": ""}, 400, "answer_without_code"),
        ({"code": "made up"}, 400, "code_refused"),
        ({"code": "x" * 5000}, 400, "code_too_long"),
    ],
    ids=str,
)
def test_what_any_browser_can_send_is_its_own_mistake(changed: dict[str, Any], status: int, reason: str) -> None:
    answer = brought(**changed)
    assert (answer.status, answer.reason) == (status, f"federation_{reason}")


@pytest.mark.parametrize(
    ("path", "answered"),
    [
        ("/token", (400, {"error": "invalid_client"})),
        ("/token", (401, {"error": "invalid_grant"})),
        ("/token", (500, {"error": "invalid_grant"})),
        ("/token", (200, {"error": "invalid_grant"})),
        ("/keys", (503, {})),
        ("/userinfo", (500, {})),
    ],
    ids=str,
)
def test_what_the_provider_does_wrong_is_a_bad_gateway(path: str, answered: tuple[int, Any]) -> None:
    site = Federated()
    browser = FederatingBrowser(site.server)
    going = browser.set_out()
    site.provider.in_id_token = path != "/userinfo"
    site.provider.answers[path] = answered
    answer = browser.come_back(site.provider.authorize(going))
    assert isinstance(answer, FederationProblem)
    assert answer.status == 502
