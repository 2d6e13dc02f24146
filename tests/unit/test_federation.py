"""Signing in through an identity provider, and everybody who tries to get in that way (SECURITY, rows 76, 78, 79)."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from authserver.endpoints.browsers.federate import begin_federation
from authserver.errors import InvalidRequest, TemporarilyUnavailable
from authserver.management.admin import operations as admin
from authserver.management.admin import users
from authserver.messages.authorization import AuthorizationResponse
from authserver.messages.browser import ConsentPage, FederationForm, FederationProblem, GoTo, GoToProvider
from authserver.models import DISABLED
from authserver.models.configuration import IdentityProvider
from authserver.models.factors import Factors
from authserver.models.organisations import MEMBER
from authserver.models.users import Identity, User
from authserver.ports import FetchFailed
from tests.fakes import ISSUER, client, filing
from tests.openid_provider import SUBJECT, OpenIdProvider, public_jwk
from tests.unit.api import Api
from tests.unit.federating import UPSTREAM, Federated, FederatingBrowser, identity_provider
from tests.unit.server import all_at_once
from tests.unit.test_faults import Fault, LostAnswer


def refused(answer: object) -> str:
    """The reason for a page that says that nobody was signed in."""
    assert isinstance(answer, FederationProblem), answer
    assert answer.back.startswith(f"{ISSUER}/login?request=rq_")
    return answer.reason.removeprefix("federation_")


def parameters(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


# ------------------------------------------------------------------ there and back


@pytest.mark.rfc("OIDC Core", "3.1.2.1")
@pytest.mark.rfc("7636", "4.3")
def test_the_request_has_state_nonce_and_challenge_of_its_own() -> None:
    site = Federated()
    first, second = (parameters(site.browser().set_out()) for _ in range(2))
    assert first["redirect_uri"] == f"{ISSUER}/federate/callback/work"
    assert (first["response_type"], first["scope"]) == ("code", "openid profile email")
    assert first["code_challenge_method"] == "S256"
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name]) >= 22
        assert first[name] != second[name]


@pytest.mark.rfc("OIDC Core", "3.1.3.7")
@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "none"])
@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_whoever_comes_for_the_first_time_gets_an_account(method: str, algorithm: str) -> None:
    site = Federated(algorithm=algorithm, token_endpoint_auth_method=method)
    browser = site.browser()
    answer = browser.sign_in_at(site.provider)
    assert isinstance(answer, GoTo)
    assert answer.page == "consent"
    user = site.server.users.find_by_identity(UPSTREAM, SUBJECT)
    assert user is not None
    assert browser.subject() == user.sub
    assert (user.name, user.email, user.preferred_username) == ("Alice at Work", "alice@work.example", "alice.work")
    assert user.username == ""
    assert user.sub not in (SUBJECT, "")


def test_whoever_comes_again_gets_the_same_account_with_what_is_known_now() -> None:
    site = Federated()
    first = site.browser()
    first.sign_in_at(site.provider)
    site.provider.person.claims = {"name": "Alice Married", "email": "new@work.example"}
    second = site.browser()
    second.sign_in_at(site.provider)
    assert first.subject() == second.subject()
    user = site.server.users.get(first.subject())
    assert user is not None
    assert (user.name, user.email, user.preferred_username) == ("Alice Married", "new@work.example", "alice.work")


def test_an_account_with_a_password_keeps_what_it_says_of_itself() -> None:
    """An operator linked it; its address is where the links to a new password go."""
    site = Federated(organisation="acme", trusts_email=True, domains=("work.example",))
    assert site.server.users.link(Identity.of("sub-of-alice", UPSTREAM, SUBJECT))
    alice = site.server.users.get("sub-of-alice")
    site.provider.person.claims = {"name": "Mallory", "email": "mallory@work.example", "email_verified": True}
    browser = site.browser()
    browser.sign_in_at(site.provider)
    assert browser.subject() == "sub-of-alice"
    assert site.server.users.get("sub-of-alice") == alice
    site.server.users.alter("sub-of-alice", password_hash="")
    site.browser().sign_in_at(site.provider)
    changed = site.server.users.get("sub-of-alice")
    assert changed
    assert (changed.name, changed.email) == ("Mallory", "mallory@work.example")


def test_the_consent_page_says_which_account_it_is() -> None:
    site = Federated()
    browser = site.browser()
    browser.sign_in_at(site.provider)
    page = browser.consent_page(browser.handle)
    assert isinstance(page, ConsentPage)
    assert page.account == "alice@work.example"


@pytest.mark.rfc("OIDC Core", "5.4")
def test_claims_that_the_id_token_leaves_out_are_got_from_userinfo() -> None:
    site = Federated()
    site.provider.in_id_token = False
    site.browser().sign_in_at(site.provider)
    user = site.server.users.find_by_identity(UPSTREAM, SUBJECT)
    assert user is not None
    assert user.email == "alice@work.example"


@pytest.mark.rfc("OIDC Core", "5.3.2")
def test_userinfo_of_somebody_else_is_refused() -> None:
    site = Federated()
    site.provider.in_id_token = False
    site.provider.answers["/userinfo"] = 200, {"sub": "somebody else", "email": "root@example.com"}
    assert refused(site.browser().sign_in_at(site.provider)) == "userinfo_sub"


def test_claims_may_have_other_names() -> None:
    site = Federated(claims={"email": "upn", "name": "displayName"})
    site.provider.claims = {"upn": "alice@upn.example", "displayName": "Alice D."}
    site.browser().sign_in_at(site.provider)
    user = site.server.users.find_by_identity(UPSTREAM, SUBJECT)
    assert user is not None
    assert (user.email, user.name) == ("alice@upn.example", "Alice D.")


@pytest.mark.rfc("OIDC Core", "5.1")
def test_an_account_gets_the_standard_claims_that_there_are() -> None:
    site = Federated()
    told = {"given_name": "Alice", "locale": "en-GB", "picture": "https://idp.example/a.png", "birthdate": "yesterday"}
    site.provider.person.claims |= {**told, "address": {"country": "UK", "planet": "Earth"}, "phone_number": "+44 1"}
    site.browser().sign_in_at(site.provider)
    user = site.server.users.find_by_identity(UPSTREAM, SUBJECT)
    assert user is not None
    kept = {name: value for name, value in told.items() if name != "birthdate"}
    assert user.attributes == {**kept, "address": {"country": "UK"}, "phone_number": "+44 1"}


@pytest.mark.parametrize(("trusts", "verified"), [(True, None), (False, None), ("*", True)])
def test_a_telephone_number_is_vouched_for_by_who_vouches_for_everything(trusts: Any, verified: bool | None) -> None:
    site = Federated(trusts_email=trusts)
    site.provider.person.claims |= {"phone_number": "+44 1", "phone_number_verified": True}
    site.browser().sign_in_at(site.provider)
    user = site.server.users.find_by_identity(UPSTREAM, SUBJECT)
    assert user is not None
    assert user.attributes.get("phone_number_verified") is verified


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (["staff", "admins"], ("staff", "admins")),
        ("staff", "staff"),
        (7, 7),
        (False, False),
        (None, None),
        ({"staff": True}, None),
        (["staff", 7], None),
        ([f"g{i}" for i in range(101)], None),
    ],
)
def test_an_operators_attribute_follows_the_provider(said: Any, kept: Any) -> None:
    """Also where it takes it away: a group that is told no more is none."""
    site = Federated(claims={"groups": "roles"})
    site.provider.person.claims |= {"roles": ["first"], "groups": ["of another name"], "nickname": "Al"}
    browser = site.browser()
    browser.sign_in_at(site.provider)
    first = site.server.users.get(browser.subject())
    assert first is not None
    assert first.attributes == {"groups": ("first",), "nickname": "Al"}
    site.server.users.alter(first.sub, attributes={**first.attributes, "badge": 7})
    site.provider.person.claims = {"name": "Alice"} | ({} if said is None else {"roles": said})
    site.browser().sign_in_at(site.provider)
    changed = site.server.users.get(first.sub)
    assert changed is not None
    expected = {"nickname": "Al", "badge": 7} | ({} if kept is None else {"groups": kept})
    assert changed.attributes == expected
    assert changed.updated_at == site.server.clock()


NEW_PROVIDER = {"name": "Other", "issuer": "https://other.example", "client_id": "x", "client_secret": "y"}


def operator_of(site: Federated) -> Api:
    return Api(site.server, admin.OPERATIONS, "operator", scope=Api.EVERY_POWER)


def signed_in(site: Federated, **claims: Any) -> User:
    """Whoever has signed in at the provider, of whom it says this."""
    site.provider.person.claims = claims
    site.browser().sign_in_at(site.provider)
    user = site.server.users.find_by_identity(UPSTREAM, SUBJECT)
    assert user is not None
    return user


@pytest.mark.rfc("8259", "8.2")
@pytest.mark.parametrize("claims", [{"roles": "\ud800"}, {"roles": ["\ud800"]}, {"nickname": "\ud800x"}])
def test_an_id_token_with_half_a_character_is_none(claims: dict[str, Any]) -> None:
    site = Federated(claims={"groups": "roles"})
    site.provider.person.claims = claims
    site.browser().sign_in_at(site.provider)
    assert site.server.users.find_by_identity(UPSTREAM, SUBJECT) is None


@pytest.mark.parametrize("claims", [{"roles": []}, {"roles": [""]}])
def test_what_a_provider_tells_of_a_user_keeps_nobody_from_disabling_them(claims: dict[str, Any]) -> None:
    site = Federated(claims={"groups": "roles"})
    user = signed_in(site, **claims)
    assert user.attributes == {}
    operator = operator_of(site)
    assert user.sub in [one["sub"] for one in operator.get("/admin/users")["items"]]
    assert operator.call("PATCH", f"/admin/users/{user.sub}", {"status": "disabled"}).status == 200
    assert site.server.users.get(user.sub).status == DISABLED  # type: ignore[union-attr]  # they are there


@pytest.mark.parametrize("by", ["an operator", "the user"])
def test_what_came_with_an_identity_goes_with_it(by: str) -> None:
    site = Federated(claims={"groups": "roles", "level": "grade"})
    user = signed_in(site, nickname="Al", roles=["admins"], grade=7)
    operator = operator_of(site)
    operator.call("PATCH", f"/admin/users/{user.sub}", {"attributes": {"badge": 7, "level": 8}})
    if by == "the user":
        session = next(iter(site.server.record.sessions.values()))
        site.server.users.alter(user.sub, username="al", password_hash="hash")
        (identity,) = site.server.users.identities(user.sub)
        successor = replace(session, id="successor")
        assert site.server.withdrawals.unlink_own(identity, Factors(filing.key(user.sub)), session, successor)
    else:
        known = operator.get(f"/admin/users/{user.sub}/identities")["items"][0]["id"]
        assert operator.call("DELETE", f"/admin/users/{user.sub}/identities/{known}").status == 204
    left = site.server.users.get(user.sub)
    assert left is not None
    assert left.attributes == {"nickname": "Al", "badge": 7, "level": 8}
    assert left.provided == {}


def test_a_password_keeps_no_group_that_the_provider_takes_away() -> None:
    site = Federated(claims={"groups": "roles"})
    user = signed_in(site, name="Al", nickname="Al", roles=["admins"])
    site.server.users.alter(user.sub, password_hash="hash")
    assert signed_in(site, name="Max", nickname="Max", roles=["guests"]) == replace(
        user, password_hash="hash", attributes={"nickname": "Al", "groups": ("guests",)}, updated_at=site.server.clock()
    )
    assert signed_in(site, name="Max").attributes == {"nickname": "Al"}


def test_an_attribute_goes_with_the_next_sign_in_once_it_is_mapped_no_more() -> None:
    site = Federated(claims={"groups": "roles"})
    user = signed_in(site, roles=["admins"])
    site.server.users.update(user.sub, attributes={"badge": 7})
    site.change(claims={})
    assert signed_in(site, roles=["admins"]).attributes == {"badge": 7}


def test_a_sign_in_undoes_nothing_that_an_operator_does_meanwhile() -> None:
    site = Federated(claims={"groups": "roles"})
    user = signed_in(site, roles=["admins"], nickname="Al")
    site.server.users.update(user.sub, attributes={"badge": 7, "level": 1})
    withdrawn: dict[str, Any] = {"groups": None, "badge": None, "level": 2}
    site.server.before("users.update", lambda: site.server.withdrawals.change_user(user.sub, attributes=withdrawn))
    assert signed_in(site, roles=["admins"], nickname="Max").attributes == {"level": 2, "nickname": "Max"}


def test_an_identity_that_is_unlinked_meanwhile_gives_nothing() -> None:
    site = Federated(claims={"groups": "roles"})
    user = signed_in(site, roles=["guests"])
    (identity,) = site.server.users.identities(user.sub)
    site.server.before("users.update", lambda: site.server.withdrawals.unlink(user.sub, identity.id))
    site.provider.person.claims = {"roles": ["admins"]}
    site.browser().sign_in_at(site.provider)
    left = site.server.users.get(user.sub)
    assert left is not None
    assert (left.attributes, left.provided) == ({}, {})


def test_the_provider_of_an_organisation_gives_no_attribute_that_operators_keep() -> None:
    """Its administrators choose which provider it is, and such an attribute counts everywhere. What is stored is none:
    no API takes it."""
    site = Federated(claims={"groups": "roles", "nickname": "called"}, organisation="acme")
    assert signed_in(site, roles=["admins"], called="Al").attributes == {"nickname": "Al"}
    path, operator = "/admin/identity-providers", operator_of(site)
    refused_ones = [
        operator.call("PATCH", f"{path}/work", {"claims": {"groups": "groups"}}),
        operator.call("POST", path, {**NEW_PROVIDER, "claims": {"groups": "groups"}, "organisation": "acme"}),
    ]
    assert operator.call("POST", path, {**NEW_PROVIDER, "id": "other", "claims": {"groups": "groups"}}).status == 201
    refused_ones.append(operator.call("PATCH", f"{path}/other", {"organisation": "acme"}))
    for answer in refused_ones:
        assert answer.status == 400
        assert "claims: groups" in answer.document["detail"]
    changed = operator.call("PATCH", f"{path}/work", {"status": "disabled"}).document
    assert (changed["status"], changed["claims"]) == ("disabled", {"nickname": "called"})


def test_what_people_say_of_themselves_takes_no_room_of_an_attribute_that_is_mapped() -> None:
    site = Federated(claims={"contractor": "contractor"})
    long = dict.fromkeys(("profile", "picture", "website"), f"https://x.example/{'a' * 1900}")
    assert signed_in(site, **long).attributes.keys() == {"profile", "picture"}
    assert signed_in(site, **long, contractor=True).attributes["contractor"] is True
    assert signed_in(Federated(claims={"contractor": "contractor"}), **long, contractor=True).attributes["contractor"]
    groups = {"groups": ["g" * 150] * 20}
    site.change(claims={"contractor": "contractor", "groups": "groups"})
    assert signed_in(site, **long, **groups, contractor=True).attributes.keys() == {"contractor", "groups"}


@pytest.mark.parametrize(
    "claims",
    [{"name": "x" * 257}, {"name": "a\x00b"}, {"name": "line\nbreak"}, {"name": 7}, {"name": ["x"]}, {"name": None}],
)
def test_a_claim_that_is_no_short_text_is_as_good_as_none(claims: dict[str, Any]) -> None:
    site = Federated()
    site.provider.person.claims["name"] = claims["name"]
    site.browser().sign_in_at(site.provider)
    user = site.server.users.find_by_identity(UPSTREAM, SUBJECT)
    assert user is not None
    assert user.name == ""


@pytest.mark.parametrize(
    ("trusts", "claim", "counts"),
    [
        (True, True, True),
        (True, "true", True),
        (True, "yes", False),
        (True, 1, False),
        (True, None, False),
        (False, True, False),
    ],
)
def test_a_verified_address_is_verified_only_by_a_provider_whose_word_counts(
    trusts: bool, claim: Any, counts: bool
) -> None:
    site = Federated(trusts_email=trusts, domains=("work.example",))
    site.provider.person.claims["email_verified"] = claim
    site.browser().sign_in_at(site.provider)
    user = site.server.users.find_by_identity(UPSTREAM, SUBJECT)
    assert user is not None
    assert user.email_verified is counts


def test_a_new_user_becomes_a_member_of_the_providers_organisation() -> None:
    site = Federated(organisation="acme")
    browser = site.browser()
    browser.sign_in_at(site.provider)
    membership = site.server.organisations.membership("acme", browser.subject())
    assert membership is not None
    assert membership.role == MEMBER
    assert membership.epoch


def test_a_membership_that_was_ended_is_not_made_again() -> None:
    site = Federated(organisation="acme")
    browser = site.browser()
    browser.sign_in_at(site.provider)
    subject = browser.subject()
    site.server.withdrawals.delete_membership("acme", subject)
    site.browser().sign_in_at(site.provider)
    assert site.server.organisations.membership("acme", subject) is None


@pytest.mark.rfc("OIDC Core", "3.1.2.1")
def test_prompt_login_and_max_age_are_passed_on_and_satisfied() -> None:
    site = Federated()
    browser = site.browser()
    browser.sign_in_at(site.provider)
    assert isinstance(browser.sign_in_at(site.provider, prompt="login"), GoTo)
    assert isinstance(browser.consent_page(browser.handle), ConsentPage)
    site.server.clock.advance(1)
    browser.sign_in_at(site.provider, max_age="0")
    browser.sign_in_at(site.provider, prompt="select_account", login_hint="alice@work.example")
    asked = [{name: one.get(name) for name in ("max_age", "prompt", "login_hint")} for one in site.provider.asked]
    assert asked == [
        {"max_age": None, "prompt": None, "login_hint": None},
        {"max_age": "0", "prompt": None, "login_hint": None},
        {"max_age": "0", "prompt": None, "login_hint": None},
        {"max_age": None, "prompt": "select_account", "login_hint": "alice@work.example"},
    ]


DAY = 86_400


@pytest.mark.rfc("OIDC Core", "3.1.3.7")
@pytest.mark.parametrize("asked", [{"prompt": "login"}, {"max_age": "0"}, {"max_age": "60"}], ids=str)
@pytest.mark.parametrize("said", [None, -DAY, -71, DAY, "now", True, [], -1e300, 1e300], ids=str)
def test_who_is_asked_for_a_new_sign_in_says_that_there_was_one(asked: dict[str, str], said: Any) -> None:
    site = Federated()
    browser = site.browser()
    auth_time = site.server.clock() + said if isinstance(said, int) and said is not True else said
    site.provider.claims = {"auth_time": auth_time}
    answer = browser.sign_in_at(site.provider, **asked)
    assert isinstance(answer, FederationProblem)
    assert answer.status == 403
    assert answer.reason.startswith("federation_auth_time_")
    assert browser.session is None
    assert isinstance(browser.sign_in_at(site.provider), GoTo)  # whoever is not asked says what they like


@pytest.mark.rfc("OIDC Core", "3.1.3.7")
@pytest.mark.parametrize(("asked", "age"), [("0", 10), ("60", 70), ("86400", 86_400)])
def test_a_sign_in_as_new_as_was_asked_will_do(asked: str, age: int) -> None:
    """By the time at which the person set out: they may take theirs there, and clocks differ a little."""
    site = Federated()
    browser = site.browser()
    url = browser.set_out(max_age=asked)
    site.provider.claims = {"auth_time": site.server.clock() - age}
    site.server.clock.advance(120)
    assert isinstance(browser.come_back(site.provider.authorize(url)), GoTo)


@pytest.mark.rfc("OIDC Core", "3.1.2.1")
def test_a_default_max_age_of_the_client_is_asked_for_there_as_well() -> None:
    site = Federated()
    site.server.clients.put(client(default_max_age=60))
    site.provider.claims = {"auth_time": site.server.clock() - DAY}
    assert isinstance(site.browser().sign_in_at(site.provider), FederationProblem)


@pytest.mark.rfc("OIDC Core", "2")
@pytest.mark.parametrize(("said", "told"), [(-DAY, -DAY), (5, 0), (None, 0), (11, 0), (-0.5, -1)])
def test_applications_are_told_when_the_person_signed_in_there(said: float | None, told: int) -> None:
    site = Federated()
    browser, now = site.browser(), site.server.clock()
    site.provider.claims = {"auth_time": None if said is None else now + said}
    browser.sign_in_at(site.provider)
    browser.subject()
    assert site.server.tokens.every_authorization()[-1].auth_time == now + told


@pytest.mark.rfc("OIDC Core", "3.1.2.1")
def test_a_session_is_as_old_as_the_sign_in_there() -> None:
    site = Federated()
    browser = site.browser()
    site.provider.claims = {"auth_time": site.server.clock() - DAY}
    browser.sign_in_at(site.provider)
    for max_age, page in ((DAY, "consent"), (DAY - 1, "login"), (0, "login")):
        answer = browser.authorize((), frozenset(), max_age=str(max_age))
        assert isinstance(answer, GoTo)
        assert answer.page == page


def test_what_ended_before_somebody_came_does_not_end_their_session() -> None:
    """However long ago they signed in there."""
    site = Federated()
    browser = site.browser()
    browser.sign_in_at(site.provider)
    subject = browser.subject()
    operator = Api(site.server, users.OPERATIONS, "operator", scope=Api.EVERY_POWER)
    for status in ("disabled", "active"):
        assert operator.call("PATCH", f"/admin/users/{subject}", {"status": status}).status == 200
    assert isinstance(browser.authorize((), frozenset(), prompt="none"), AuthorizationResponse)
    site.provider.claims = {"auth_time": site.server.clock() - DAY}
    browser.sign_in_at(site.provider)
    assert browser.subject() == subject


@pytest.mark.rfc("ASVS 5.0", "7.2.4")
@pytest.mark.rfc("9700", "4.7")
def test_the_session_is_new_and_the_old_one_is_over() -> None:
    site = Federated()
    browser = site.browser()
    browser.sign_in_at(site.provider)
    before = browser.session
    browser.sign_in_at(site.provider, prompt="login")
    assert browser.session not in (None, before)
    browser.session = before
    assert isinstance(browser.authorize(), GoTo)
    assert isinstance(browser.login_page(browser.handle), object)
    answer = browser.authorize((), frozenset(), prompt="none")
    assert isinstance(answer, AuthorizationResponse)
    assert answer.parameters["error"] == "login_required"


def test_documents_are_fetched_once_and_keys_again_when_they_changed() -> None:
    site = Federated()
    for _ in range(3):
        site.browser().sign_in_at(site.provider)
    assert site.provider.fetched.count("/.well-known/openid-configuration") == 1
    assert site.provider.fetched.count("/keys") == 1
    site.provider.keys = [public_jwk("ES256", kid="two")]
    site.provider.header = {"kid": "two"}
    site.server.clock.advance(61)
    assert isinstance(site.browser().sign_in_at(site.provider), GoTo)
    assert site.provider.fetched.count("/keys") == 2
    site.provider.header = {"kid": "three"}
    for _ in range(3):
        assert refused(site.browser().sign_in_at(site.provider)) == "id_token_unknown_kid"
    assert site.provider.fetched.count("/keys") == 2  # not for each piece of garbage


# ------------------------------------------------------------------ who is let in


@pytest.mark.rfc("OIDC Core", "5.7")
def test_an_address_of_somebody_here_opens_no_account() -> None:
    """Neither a verified one nor a name: the account is known by issuer and subject alone."""
    site = Federated(trusts_email="*")
    site.provider.person.claims = {
        "email": "alice@example.com",
        "email_verified": True,
        "preferred_username": "alice",
        "sub_of_alice": "sub-of-alice",
    }
    browser = site.browser()
    browser.sign_in_at(site.provider)
    assert browser.subject() != "sub-of-alice"
    alice = site.server.users.get("sub-of-alice")
    assert alice is not None
    assert alice.name == "Alice Liddell"


def test_the_subject_of_somebody_here_opens_no_account() -> None:
    site = Federated()
    site.provider.person.subject = "sub-of-alice"
    browser = site.browser()
    browser.sign_in_at(site.provider)
    assert browser.subject() != "sub-of-alice"


@pytest.mark.rfc("OIDC Core", "5.7")
def test_the_same_subject_of_another_issuer_is_somebody_else() -> None:
    other = identity_provider(id="other", name="Other", issuer="https://other.example")
    site = Federated(other)
    second = OpenIdProvider("https://other.example", site.server.clock)
    site.server.fetcher.providers.append(second)  # type: ignore[union-attr]  # a fake of it
    one, two = site.browser(), site.browser()
    one.sign_in_at(site.provider)
    two.come_back(second.authorize(two.set_out("other")))
    assert one.subject() != two.subject()


def test_without_sign_up_a_stranger_is_turned_away() -> None:
    site = Federated(sign_up=False)
    answer = site.browser().sign_in_at(site.provider)
    assert refused(answer) == "no_account"
    assert site.server.users.find_by_identity(UPSTREAM, SUBJECT) is None


def test_a_disabled_user_is_turned_away() -> None:
    site = Federated()
    browser = site.browser()
    browser.sign_in_at(site.provider)
    site.server.withdrawals.change_user(browser.subject(), status=DISABLED)
    again = site.browser()
    assert refused(again.sign_in_at(site.provider)) == "disabled"
    assert again.session is None


def test_a_deleted_user_begins_anew() -> None:
    site = Federated()
    browser = site.browser()
    browser.sign_in_at(site.provider)
    before = browser.subject()
    site.server.withdrawals.delete_user(before, site.server.clock())
    again = site.browser()
    again.sign_in_at(site.provider)
    assert again.subject() != before


def test_a_disabled_provider_lets_nobody_in_not_even_those_who_are_there() -> None:
    site = Federated()
    browser = site.browser()
    location = site.provider.authorize(browser.set_out())
    site.change(status=DISABLED)
    assert refused(browser.come_back(location)) == "provider_unknown"
    page = browser.arrive()
    assert refused(browser.choose(page)) == "provider_unknown"


def test_an_organisation_takes_no_members_from_any_tenant() -> None:
    tenant = "aaaabbbb-0000-cccc-1111-dddd2222eeee"
    issuer = "https://idp.example/common/v2.0"
    template = "https://idp.example/{tenantid}/v2.0"
    site = Federated(issuer=issuer, organisation="acme")
    site.provider.issuer = issuer
    site.provider.metadata |= {"issuer": template, "authorization_response_iss_parameter_supported": False}
    for name in ("authorization", "token", "userinfo"):
        site.provider.metadata[f"{name}_endpoint"] = f"{issuer}/{'authorize' if name == 'authorization' else name}"
    site.provider.metadata["jwks_uri"] = f"{issuer}/keys"
    site.provider.claims = {"iss": template.replace("{tenantid}", tenant), "tid": tenant}
    site.provider.parameters = {"iss": None}
    assert refused(site.browser().sign_in_at(site.provider)) == "organisation_of_any_tenant"
    site.change(organisation="")
    site.browser().sign_in_at(site.provider)
    assert site.server.users.find_by_identity(f"https://idp.example/{tenant}/v2.0", SUBJECT) is not None


# ------------------------------------------------------------------ by whose word


def ended_organisation(site: Federated, end: str) -> None:
    if end == "deleted":
        site.server.withdrawals.delete_organisation("acme", site.server.clock())
    else:
        assert site.server.withdrawals.change_organisation("acme", status=DISABLED)


@pytest.mark.parametrize("end", ["disabled", "deleted"])
def test_nobody_is_let_in_by_a_provider_of_an_organisation_that_is_not_active(end: str) -> None:
    site = Federated(organisation="acme", domains=("work.example",))
    known = site.browser()
    known.sign_in_at(site.provider)
    location = site.provider.authorize(known.set_out(prompt="login"))
    ended_organisation(site, end)
    before = site.provider.fetched.count("/token")
    assert refused(known.come_back(location)) == "provider_unknown"
    browser = site.browser()
    assert refused(browser.choose(browser.arrive())) == "provider_unknown"
    assert refused(browser.choose(browser.arrive(), provider="", email="bob@work.example")) == "domain_unknown"
    assert site.provider.fetched.count("/token") == before
    if end == "disabled":
        assert site.server.withdrawals.change_organisation("acme", status="active")
        assert isinstance(site.browser().sign_in_at(site.provider), GoTo)


# What happens to the provider, or to its organisation, while somebody comes back from there.
MEANWHILE: dict[str, Callable[[Federated], object]] = {
    "disabled": lambda site: site.change(status=DISABLED),
    "of another issuer": lambda site: site.change(issuer="https://evil.example"),
    "removed": lambda site: site.server.identity_providers.delete("work"),
    "organisation disabled": lambda site: ended_organisation(site, "disabled"),
    "organisation deleted": lambda site: ended_organisation(site, "deleted"),
}


@pytest.mark.parametrize("verb", ["users.find_by_identity", "users.create_federated", "browsers.put_session"])
@pytest.mark.parametrize("end", MEANWHILE)
def test_nobody_is_let_in_by_a_provider_that_ends_before_they_are(end: str, verb: str) -> None:
    site = Federated(organisation="acme")
    browser = site.browser()
    location = site.provider.authorize(browser.set_out())
    site.server.before(verb, lambda: MEANWHILE[end](site))
    assert refused(browser.come_back(location)) == "provider_unknown"
    assert browser.session is None
    user = site.server.users.find_by_identity(UPSTREAM, SUBJECT)
    assert (user is not None) == (verb == "browsers.put_session")
    assert site.server.browsers.sessions(user.sub if user else "").items == ()


@pytest.mark.parametrize("end", MEANWHILE)
def test_a_sign_in_that_is_refused_at_the_end_leaves_all_as_it_was(end: str) -> None:
    site = Federated(organisation="acme")
    browser = site.browser()
    browser.sign_in_at(site.provider)
    subject, session = browser.subject(), browser.session
    before = site.server.users.get(subject), site.server.browsers.sessions(subject)
    location = site.provider.authorize(browser.set_out(prompt="login"))
    site.provider.person.claims = {"name": "Alice Married"}
    site.server.before("browsers.put_session", lambda: MEANWHILE[end](site))
    assert refused(browser.come_back(location)) == "provider_unknown"
    assert (site.server.users.get(subject), site.server.browsers.sessions(subject)) == before
    assert browser.session == session
    assert isinstance(browser.authorize((), frozenset(), prompt="none"), AuthorizationResponse)


# ------------------------------------------------------------------ who must not pass


@pytest.mark.rfc("6749", "10.12")
def test_an_answer_in_another_browser_is_refused_and_stays_good_for_its_own() -> None:
    site = Federated()
    victim, attacker = site.browser(), site.browser()
    location = site.provider.authorize(attacker.set_out())
    for brought in ({}, {"browser_secret": "guessed"}):
        with pytest.raises(InvalidRequest) as caught:
            victim.come_back(location, **brought)
        assert caught.value.reason == "request_of_another_browser"
    assert victim.session is None
    assert isinstance(attacker.come_back(location), GoTo)


@pytest.mark.rfc("6749", "10.12")
@pytest.mark.parametrize("state", ["", "fs_", "x", "fs_" + "A" * 64, "rq_" + "A" * 43])
def test_a_state_that_is_not_ours_is_refused(state: str) -> None:
    site = Federated()
    with pytest.raises(InvalidRequest) as caught:
        site.browser().come_back(f"{ISSUER}/federate/callback/work?code=x&state={state}")
    assert caught.value.reason == "state_garbage"


def test_the_handle_of_a_request_is_no_state() -> None:
    site = Federated()
    browser = site.browser()
    browser.arrive()
    with pytest.raises(InvalidRequest):
        browser.come_back(f"{ISSUER}/federate/callback/work?code=x&state={browser.handle}")


@pytest.mark.rfc("9700", "4.5")
def test_an_answer_is_taken_once() -> None:
    site = Federated()
    browser = site.browser()
    location = site.provider.authorize(browser.set_out())
    assert isinstance(browser.come_back(location), GoTo)
    assert refused(browser.come_back(location)) == "spent"
    assert site.provider.fetched.count("/token") == 1


@pytest.mark.rfc("9700", "4.5")
def test_of_many_answers_at_once_one_is_taken() -> None:
    site = Federated()
    browser = site.browser()
    location = site.provider.authorize(browser.set_out())
    site.browser().sign_in_at(site.provider)  # so that documents and keys are remembered
    before = site.provider.fetched.count("/token")
    answers = all_at_once(lambda _: browser.come_back(location), 8)
    assert sum(isinstance(answer, GoTo) for answer in answers) == 1
    assert site.provider.fetched.count("/token") == before + 1


def test_of_many_first_sign_ins_at_once_all_get_one_account() -> None:
    site = Federated()
    browsers = [site.browser() for _ in range(8)]
    locations = [site.provider.authorize(browser.set_out()) for browser in browsers]
    answers = all_at_once(lambda number: browsers[number].come_back(locations[number]), 8)
    assert all(isinstance(answer, GoTo) for answer in answers)
    assert len({browser.subject() for browser in browsers}) == 1


@pytest.mark.rfc("6749", "10.12")
def test_an_answer_that_failed_is_taken_all_the_same() -> None:
    site = Federated()
    browser = site.browser()
    location = site.provider.authorize(browser.set_out())
    assert refused(browser.come_back(location, code="", error="access_denied")) == "denied"
    assert refused(browser.come_back(location)) == "spent"


@pytest.mark.rfc("9700", "4.4.2")
@pytest.mark.rfc("9207", "2.4")
def test_an_answer_of_another_provider_is_refused() -> None:
    """Mix-up: the browser set out for one provider, and another one answers."""
    evil = identity_provider(id="evil", name="Evil", issuer="https://evil.example")
    site = Federated(evil)
    browser = site.browser()
    location = site.provider.authorize(browser.set_out())
    assert refused(browser.come_back(location, provider="evil")) == "spent"
    assert refused(browser.come_back(location, provider="nobody")) == "spent"
    assert site.provider.fetched.count("/token") == 0
    assert isinstance(browser.come_back(location), GoTo)


@pytest.mark.rfc("9207", "2.4")
@pytest.mark.parametrize("iss", ["https://evil.example", "https://idp.example/", "", None])
def test_an_answer_without_the_right_issuer_is_refused(iss: str | None) -> None:
    site = Federated()
    site.provider.parameters = {"iss": iss}
    assert refused(site.browser().sign_in_at(site.provider)) == "issuer_mixed_up"
    assert site.provider.fetched.count("/token") == 0


@pytest.mark.rfc("9207", "2.4")
def test_a_provider_that_does_not_say_its_issuer_need_not_but_must_not_say_another() -> None:
    site = Federated()
    site.provider.metadata["authorization_response_iss_parameter_supported"] = False
    site.provider.parameters = {"iss": None}
    assert isinstance(site.browser().sign_in_at(site.provider), GoTo)
    site.provider.parameters = {"iss": "https://evil.example"}
    assert refused(site.browser().sign_in_at(site.provider)) == "issuer_mixed_up"


@pytest.mark.rfc("7636", "4.6")
@pytest.mark.rfc("9700", "4.5")
def test_a_code_of_another_sign_in_is_not_good_here() -> None:
    """Code injection: the attacker's own answer has the victim's code put into it."""
    site = Federated()
    victim, attacker = site.browser(), site.browser()
    stolen = parameters(site.provider.authorize(victim.set_out()))["code"]
    answer = attacker.come_back(site.provider.authorize(attacker.set_out()), code=stolen)
    assert refused(answer) == "code_refused"


@pytest.mark.rfc("OIDC Core", "3.1.3.7")
@pytest.mark.parametrize(
    ("claims", "header", "reason"),
    [
        ({"iss": "https://evil.example"}, {}, "iss"),
        ({"aud": "another client"}, {}, "aud"),
        ({"nonce": "another nonce"}, {}, "nonce"),
        ({"nonce": None}, {}, "nonce"),
        ({"exp": 0}, {}, "exp"),
        ({"at_hash": "x"}, {}, "at_hash"),
        ({}, {"alg": "none"}, "alg"),
        ({}, {"alg": "HS256"}, "alg"),
        ({}, {"kid": "two"}, "unknown_kid"),
    ],
)
def test_a_bad_id_token_signs_nobody_in(claims: dict[str, Any], header: dict[str, Any], reason: str) -> None:
    site = Federated()
    site.provider.claims, site.provider.header = claims, header
    browser = site.browser()
    assert refused(browser.sign_in_at(site.provider)) == f"id_token_{reason}"
    assert browser.session is None
    assert site.server.users.find_by_identity(UPSTREAM, SUBJECT) is None


def test_a_sign_in_there_is_over_after_ten_minutes() -> None:
    site = Federated()
    browser = site.browser()
    location = site.provider.authorize(browser.set_out())
    site.server.clock.advance(600)
    with pytest.raises(InvalidRequest):
        browser.come_back(location)


# ------------------------------------------------------------------ a provider that does not work


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/keys", "/token"])
@pytest.mark.parametrize("fault", ["timeout", "redirect", "too_large", "content_type", "not_json", "unreachable"])
def test_a_provider_that_fails_gets_a_page_that_leads_back(path: str, fault: str) -> None:
    site = Federated()
    browser = site.browser()
    location = site.provider.authorize(browser.set_out())
    site.restart()
    site.provider.answers[path] = FetchFailed(fault)
    answer = browser.come_back(location)
    what = {"/keys": "jwks", "/token": "token"}.get(path, "discovery")
    assert refused(answer) == f"{what}_{fault}"
    assert browser.session is None
    site.provider.answers.clear()
    assert isinstance(browser.sign_in_at(site.provider), GoTo)


@pytest.mark.rfc("OIDC Discovery", "4.3")
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"issuer": "https://evil.example"}, "issuer"),
        ({"issuer": "https://idp.example/"}, "issuer"),
        ({"issuer": "https://{tenantid}.example"}, "issuer"),
        ({"issuer": "{tenantid}"}, "issuer"),
        ({"issuer": None}, "issuer"),
        ({"token_endpoint": "http://idp.example/token"}, "endpoints"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "endpoints"),
        ({"jwks_uri": "file:///etc/passwd"}, "endpoints"),
        ({"userinfo_endpoint": "http://169.254.169.254/"}, "endpoints"),
        ({"token_endpoint": None}, "endpoints"),
        ({"jwks_uri": 7}, "endpoints"),
    ],
)
def test_metadata_that_is_not_the_providers_own_is_refused(changes: dict[str, Any], reason: str) -> None:
    site = Federated()
    site.provider.metadata |= changes
    browser = site.browser()
    assert refused(browser.choose(browser.arrive())) == f"discovery_{reason}"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({}, "token_without_id_token"),
        ({"id_token": 7}, "token_without_id_token"),
        ({"id_token": "x", "access_token": 7}, "id_token_DecodeError"),
        ({"id_token": ["x"]}, "token_without_id_token"),
    ],
)
def test_an_answer_of_the_token_endpoint_that_is_none_is_refused(answer: dict[str, Any], reason: str) -> None:
    site = Federated()
    site.provider.answers["/token"] = 200, answer
    assert refused(site.browser().sign_in_at(site.provider)) == reason


@pytest.mark.parametrize("keys", [None, "x", {}, [7], [None], []])
def test_a_key_set_that_is_none_is_refused(keys: Any) -> None:
    site = Federated()
    site.provider.answers["/keys"] = 200, {"keys": keys}
    assert refused(site.browser().sign_in_at(site.provider)) in ("jwks_malformed", "id_token_unknown_kid")


@pytest.mark.rfc("6749", "4.1.2.1")
@pytest.mark.parametrize("error", ["server_error", "temporarily_unavailable", "<script>", "x" * 1000])
def test_an_error_of_the_provider_is_told_in_our_words(error: str) -> None:
    site = Federated()
    site.provider.parameters = {"code": None, "error": error, "error_description": "<b>call this number</b>"}
    answer = site.browser().sign_in_at(site.provider)
    assert refused(answer) == "answer_without_code"
    assert error not in repr(answer)


def test_a_code_without_end_is_refused() -> None:
    site = Federated()
    browser = site.browser()
    location = site.provider.authorize(browser.set_out())
    assert refused(browser.come_back(location, code="x" * 5000)) == "code_too_long"


# ------------------------------------------------------------------ the sign-in page


def of_domain(**overrides: Any) -> IdentityProvider:
    return identity_provider(id="acme", name="Acme", domains=("acme.example",), shown=False, created_at=2, **overrides)


def test_without_providers_the_sign_in_page_offers_none() -> None:
    page = FederatingBrowser(Federated(status=DISABLED).server).arrive()
    assert (page.providers, page.asks_email) == ((), False)


def test_the_page_has_a_button_for_each_that_is_shown_and_asks_for_an_address_where_one_leads_somewhere() -> None:
    site = Federated(of_domain())
    page = site.browser().arrive()
    assert [provider.id for provider in page.providers] == ["work"]
    assert page.asks_email
    assert not Federated().browser().arrive().asks_email


@pytest.mark.rfc("OIDC Core", "3.1.2.1")
@pytest.mark.parametrize("hint", ["bob@acme.example", "bob@ACME.example"])
def test_a_hint_with_the_address_of_an_organisation_puts_its_provider_first(hint: str) -> None:
    page = Federated(of_domain()).browser().arrive(login_hint=hint)
    assert [provider.id for provider in page.providers] == ["acme", "work"]


@pytest.mark.parametrize("hint", ["bob", "bob@acme.example.evil", "acme.example", "@", "bob@.."])
def test_any_other_hint_changes_nothing(hint: str) -> None:
    page = Federated(of_domain()).browser().arrive(login_hint=hint)
    assert [provider.id for provider in page.providers] == ["work"]


def test_an_address_leads_to_the_provider_of_its_domain() -> None:
    site = Federated(of_domain())
    browser = site.browser()
    going = browser.choose(browser.arrive(), provider="", email="bob@Acme.Example")
    assert isinstance(going, GoToProvider)
    assert parameters(going.url)["redirect_uri"].endswith("/acme")
    assert parameters(going.url)["login_hint"] == "bob@Acme.Example"


@pytest.mark.parametrize("email", ["bob@elsewhere.example", "bob", "@", "bob@acme.example@evil.example"])
def test_an_address_of_nobodys_leads_nowhere(email: str) -> None:
    site = Federated(of_domain())
    browser = site.browser()
    assert refused(browser.choose(browser.arrive(), provider="", email=email)) == "domain_unknown"


@pytest.mark.parametrize("provider", ["nobody", "", "WORK", "work#", "../work"])
def test_a_provider_that_there_is_not_leads_nowhere(provider: str) -> None:
    site = Federated()
    browser = site.browser()
    assert refused(browser.choose(browser.arrive(), provider)) == "provider_unknown"


@pytest.mark.rfc("9700", "4.7")
def test_the_form_must_be_of_this_page_request_and_browser() -> None:
    site = Federated()
    browser, other = site.browser(), site.browser()
    page, elsewhere = browser.arrive(), other.arrive()
    for csrf in ("", "guessed", elsewhere.csrf):
        with pytest.raises(InvalidRequest):
            browser.choose(page, csrf=csrf)
    form = FederationForm(request_handle=browser.handle, csrf=page.csrf, provider="work", browser_secret="guessed")
    with pytest.raises(InvalidRequest):
        begin_federation(form, site.server.services)
    assert site.provider.fetched == []


def test_the_providers_to_choose_from_are_remembered_for_a_minute() -> None:
    site = Federated()
    for _ in range(3):
        site.browser().arrive()
    assert site.server.calls["identity_providers.list"] == 1
    site.server.clock.advance(61)
    site.change(shown=False)
    assert site.browser().arrive().providers == ()
    assert site.server.calls["identity_providers.list"] == 2


def test_a_secret_opens_for_its_own_provider_alone() -> None:
    site = Federated()
    other = replace(identity_provider(id="other", issuer=UPSTREAM), client_secret=site.record.client_secret)
    assert site.server.identity_providers.put(other)
    browser = site.browser()
    location = site.provider.authorize(browser.set_out("other"))
    with pytest.raises(ValueError, match="another"):
        browser.come_back(location)


# ------------------------------------------------------------------ a store that does not work


def test_a_store_that_fails_at_any_call_signs_nobody_in_and_the_next_try_works() -> None:
    """SECURITY section 6, F1: 503 whichever call it is, no session, and nothing that stands in the way afterwards."""
    for nth in range(1, 100):
        site = Federated(organisation="acme")
        browser = site.browser()
        location = site.provider.authorize(browser.set_out())
        site.restart()
        site.server.around = fault = Fault(nth)
        try:
            answer = browser.come_back(location)
        except TemporarilyUnavailable:
            assert browser.session is None
        else:
            assert isinstance(answer, GoTo)
            if fault.failed == "journal.note_activity":
                continue
            assert fault.made < nth
            break
        site.server.around = lambda verb, call: call()
        assert isinstance(browser.sign_in_at(site.provider), GoTo), fault.failed
    else:
        pytest.fail("there is no end to the calls")
    assert nth > 8


def test_a_lost_answer_to_the_taking_of_an_answer_costs_nothing() -> None:
    site = Federated()
    browser = site.browser()
    location = site.provider.authorize(browser.set_out())
    site.server.around = LostAnswer("browsers.spend_federation")
    assert isinstance(browser.come_back(location), GoTo)
