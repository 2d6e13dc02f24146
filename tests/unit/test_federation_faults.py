"""The sign-in page that offers identity providers, and providers and stores that do not work."""

from dataclasses import replace
from typing import Any

import pytest

from authserver.endpoints.browsers.federate import begin_federation
from authserver.errors import InvalidRequest, TemporarilyUnavailable
from authserver.messages.browser import FederationForm, GoTo, GoToProvider
from authserver.models import DISABLED
from authserver.models.configuration import IdentityProvider
from authserver.ports import FetchFailed
from tests.unit.federating import UPSTREAM, Federated, FederatingBrowser, identity_provider, parameters, refused
from tests.unit.test_faults import Fault, LostAnswer

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
