"""Signing in through an identity provider: there and back, and what becomes of what it says."""

from dataclasses import replace
from typing import Any

import pytest

from authserver.identity.audit import source_of
from authserver.management.admin import users
from authserver.messages.authorization import AuthorizationResponse
from authserver.messages.browser import ConsentPage, FederationProblem, GoTo
from authserver.models import DISABLED
from authserver.models.factors import Factors
from authserver.models.organisations import MEMBER
from authserver.models.users import Identity
from authserver.storage.audit import Wanted
from tests.fakes import ISSUER, client, filing
from tests.openid_provider import SUBJECT, public_jwk
from tests.unit.api import Api
from tests.unit.federating import DAY, NEW_PROVIDER, UPSTREAM, Federated, operator_of, parameters, refused, signed_in

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


def test_the_audit_is_told_where_an_account_came_from() -> None:
    site = Federated()
    site.server.audit.draw_source_key("key")
    browser = site.browser()
    browser.come_back(site.provider.authorize(browser.set_out()), source="192.0.2.1", request_id="JKJaXmPLvHcESHA=")
    (event,) = site.server.audit.events(Wanted(0, 2**40, act="user.created"), limit=2).items
    assert event.request == "JKJaXmPLvHcESHA="
    assert event.source == source_of("192.0.2.1", site.server.services)


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
    assert isinstance(browser.sign_in_at(site.provider), GoTo)  # a provider that is not asked may say anything


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


# ------------------------------------------------------------------ what providers do that can be lived with


@pytest.mark.rfc("OIDC Core", "5.4")
@pytest.mark.parametrize("status", [401, 403])
def test_a_provider_that_refuses_to_tell_more_has_told_who_it_is(status: int) -> None:
    site = Federated()
    site.provider.in_id_token = False
    site.provider.answers["/userinfo"] = status, {}
    browser = site.browser()
    assert isinstance(browser.sign_in_at(site.provider), GoTo)
    assert browser.subject()


def test_a_provider_whose_userinfo_does_not_answer_is_asked_again_later() -> None:
    site = Federated()
    site.provider.in_id_token = False
    site.provider.answers["/userinfo"] = 500, {}
    assert refused(site.browser().sign_in_at(site.provider)) == "userinfo_status"


def test_an_answer_that_is_loaded_again_leads_on_and_begins_nothing() -> None:
    site = Federated()
    browser = site.browser()
    location = site.provider.authorize(browser.set_out())
    first = browser.come_back(location)
    assert isinstance(first, GoTo)
    session = browser.session
    again = browser.come_back(location)
    assert isinstance(again, GoTo)
    assert (again.page, again.session, browser.session) == (first.page, None, session)
    assert browser.subject()


def test_an_answer_that_is_loaded_again_by_whoever_is_not_signed_in_is_spent() -> None:
    site = Federated()
    browser = site.browser()
    location = site.provider.authorize(browser.set_out())
    browser.come_back(location)
    browser.session = None
    assert refused(browser.come_back(location)) == "spent"
    browser.arrive()  # signed in for another request, that of another tab
    browser.sign_in(browser.handle)
    assert refused(browser.come_back(location)) == "spent"
