"""Who is let in through an identity provider, by whose word, and who must not pass (SECURITY, rows 76, 78, 79)."""

from collections.abc import Callable
from typing import Any

import pytest

from authserver.errors import InvalidRequest
from authserver.messages.authorization import AuthorizationResponse
from authserver.messages.browser import GoTo
from authserver.models import DISABLED
from tests.fakes import ISSUER
from tests.openid_provider import SUBJECT, OpenIdProvider
from tests.unit.federating import (
    UPSTREAM,
    Federated,
    identity_provider,
    parameters,
    refused,
)
from tests.unit.server import all_at_once

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
    again = browser.come_back(location)
    assert isinstance(again, GoTo)  # to where its user, who is signed in, goes on
    assert again.session is None
    assert site.provider.fetched.count("/token") == 1


@pytest.mark.rfc("9700", "4.5")
def test_of_many_answers_at_once_one_is_taken() -> None:
    site = Federated()
    browser = site.browser()
    location = site.provider.authorize(browser.set_out())
    site.browser().sign_in_at(site.provider)  # so that documents and keys are remembered
    before = site.provider.fetched.count("/token")
    answers = all_at_once(lambda _: browser.come_back(location), 8)
    assert sum(isinstance(answer, GoTo) and answer.session is not None for answer in answers) == 1
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
