"""Organisations with several companies: who may grant what, what a token reaches, and how that changes under it."""

from dataclasses import replace
from typing import Any

import pytest

from authserver.endpoints.machines.introspect import introspect_self
from authserver.errors import InsufficientScope, InvalidClient, InvalidGrant, InvalidRequest, InvalidToken
from authserver.management.account import operations as account
from authserver.messages.access import ActiveAccessToken
from authserver.messages.authorization import AuthorizationResponse
from authserver.messages.browser import ApprovalAsked, ConsentPage
from authserver.messages.token import TokenResponse
from authserver.models.organisations import Membership, Organisation
from authserver.scopes import DEFAULT, ScopeCatalogue, ScopeDefinition
from authserver.storage.standing import Standing
from tests import fakes
from tests.unit.api import Api
from tests.unit.server import App, Browser, Server

SUB = "sub-of-alice"
COMPANIES = {"one": "One Ltd", "two": "Two Ltd", "three": "Three Ltd"}
REPORTS = "GET /organisations/{organisation_id}/reports"
ENTRIES = "GET /companies/{company_id}/entries"
CATALOGUE = ScopeCatalogue.of(
    (
        *DEFAULT.definitions,
        ScopeDefinition("export", "Export everything", grantable_by="administrator"),
        ScopeDefinition("root", "Run the server", grantable_by="operator"),
    )
)


class Company(Server):
    """A server where Alice is in the organisation Acme, for whose companies the client "web" acts."""

    def __init__(self, role: str = "administrator", kind: str = "organisation", **client: Any) -> None:
        scope = replace(fakes.client().scope, tokens=("openid", "read", "write", "export", "root"))
        super().__init__(
            fakes.client(preferred_subject_type=kind, scope=scope, **client),
            route_scopes={"GET /items": "read", ENTRIES: "read", REPORTS: "read"},
        )
        self.configuration.put_scopes(CATALOGUE)
        self.organisations.create(Organisation("acme", "Acme", COMPANIES))
        self.organisations.create(Organisation("other", "Other", {"one": "Its own One", "nine": "Nine"}))
        self.organisations.put_membership(Membership("acme", SUB, role, epoch="of Alice"))

    def at_consent(self, **parameters: str) -> tuple[Browser, str]:
        browser = Browser(self)
        pending: Any = browser.authorize((), frozenset(), **{"scope": "openid read", **parameters})
        signed_in: Any = browser.sign_in(pending.request_handle)
        return browser, signed_in.request_handle

    def choose(self, *entities: str, organisation: str = "acme", **parameters: str) -> Any:
        browser, handle = self.at_consent(**parameters)
        return browser.decide(handle, organisation=organisation, entities=entities)

    def tokens_for(self, *entities: str, **parameters: str) -> TokenResponse:
        answer = self.choose(*entities, **parameters)
        assert isinstance(answer, AuthorizationResponse), answer
        return App(self).exchange(answer.parameters["code"])

    def answered(self, decision: str) -> None:
        """Bob, who administers Acme, answers what Alice asked."""
        self.users.create(fakes.user(sub="bob", username="bob"))
        self.organisations.put_membership(Membership("acme", "bob", "administrator", epoch="bob's"))
        bob = Api(self, account.OPERATIONS, "bob")
        approvals = "/account/organisations/acme/approvals"
        (asked,) = [one for one in bob.get(approvals)["items"] if one["decision"] is None]
        assert bob.call("PUT", f"{approvals}/{asked['id']}", {"decision": decision}).status == 200

    def calls_company(self, response: TokenResponse, company: str) -> ActiveAccessToken:
        return self.access(response.access_token, ENTRIES, path_parameters={"company_id": company})


def error_of(answer: Any) -> str:
    assert isinstance(answer, AuthorizationResponse), answer
    return answer.parameters["error"]


# ------------------------------------------------------------------ the choice


def test_page_offers_the_companies_of_the_only_organisation() -> None:
    browser, handle = Company().at_consent()
    page = browser.consent_page(handle)
    assert isinstance(page, ConsentPage)
    assert page.offer
    assert page.offer.chosen
    assert (page.offer.chosen.id, dict(page.offer.companies)) == ("acme", COMPANIES)
    assert page.offer.every


def test_user_of_two_organisations_chooses_one_first() -> None:
    server = Company()
    server.organisations.put_membership(Membership("other", SUB))
    browser, handle = server.at_consent()
    page = browser.consent_page(handle)
    assert isinstance(page, ConsentPage)
    assert page.offer
    assert page.offer.chosen is None
    assert [organisation.id for organisation in page.offer.organisations] == ["acme", "other"]
    page = browser.consent_page(handle, "other")
    assert isinstance(page, ConsentPage)
    assert page.offer
    assert dict(page.offer.companies) == {"one": "Its own One", "nine": "Nine"}


def test_form_made_for_one_organisation_is_no_form_for_another() -> None:
    """The CSRF token is bound to the organisation as well."""
    server = Company()
    server.organisations.put_membership(Membership("other", SUB))
    browser, handle = server.at_consent()
    page = browser.consent_page(handle, "acme")
    assert isinstance(page, ConsentPage)
    with pytest.raises(InvalidRequest) as refused:
        browser.decide(handle, csrf=page.csrf, organisation="other", entities=("one",))
    assert refused.value.reason == "csrf"


@pytest.mark.parametrize(
    ("organisation", "entities", "reason"),
    [
        ("other", ("one",), "organisation_not_own"),
        ("unknown", ("one",), "organisation_unknown"),
        ("", ("one",), "organisation_unknown"),
        ("acme", ("nine",), "company_unknown"),
        ("acme", ("one", "nine"), "company_unknown"),
    ],
)
def test_what_was_not_offered_cannot_be_chosen(organisation: str, entities: tuple[str, ...], reason: str) -> None:
    browser, handle = Company().at_consent()
    page = browser.consent_page(handle, organisation)
    csrf = fakes_csrf(browser, handle, organisation)
    assert isinstance(page, ConsentPage)
    try:
        answer: Any = browser.decide(handle, csrf=csrf, organisation=organisation, entities=entities)
    except InvalidRequest as error:
        assert error.reason == reason  # noqa: PT017 - some are told by redirect
    else:
        assert error_of(answer) == "access_denied"
        assert answer.reason == reason


def fakes_csrf(browser: Browser, handle: str, organisation: str) -> str:
    """What a form for `organisation` would carry, as if our own page had made it."""
    from authserver.endpoints.browsers.under_way import csrf_token, resume
    from authserver.messages.browser import Interaction

    interaction = Interaction(handle, browser.secrets.get(handle, ""), browser.session)
    resumed = resume(interaction, browser.services)
    return csrf_token("consent", resumed, interaction.browser_secret, browser.services, organisation)


def test_no_company_is_no_choice() -> None:
    browser, handle = Company().at_consent()
    page = browser.decide(handle, organisation="acme", entities=())
    assert isinstance(page, ConsentPage)
    assert page.problem
    assert not browser.server.tokens.every_authorization()


def test_client_that_acts_for_companies_gets_exactly_one() -> None:
    server = Company(kind="company")
    browser, handle = server.at_consent()
    page = browser.decide(handle, organisation="acme", entities=("one", "two"))
    assert isinstance(page, ConsentPage)
    assert page.problem
    with pytest.raises(InvalidRequest):
        browser.decide(handle, organisation="acme", entities=("*",))
    answer: Any = browser.decide(handle, organisation="acme", entities=("one",))
    assert App(server).exchange(answer.parameters["code"])


def test_user_of_no_organisation_is_told_so() -> None:
    server = Company()
    server.withdrawals.delete_membership("acme", SUB)
    browser, handle = server.at_consent()
    page = browser.consent_page(handle)
    assert isinstance(page, ConsentPage)
    assert page.offer
    assert page.offer.organisations == ()


def test_membership_that_ended_while_the_page_was_open_grants_nothing() -> None:
    server = Company()
    browser, handle = server.at_consent()
    page = browser.consent_page(handle)
    assert isinstance(page, ConsentPage)
    server.withdrawals.delete_membership("acme", SUB)
    answer = browser.decide(handle, csrf=page.csrf, organisation="acme", entities=("one",))
    assert error_of(answer) == "access_denied"


def test_one_request_gives_one_answer_whatever_is_chosen_next() -> None:
    server = Company()
    browser, handle = server.at_consent()
    answer: Any = browser.decide(handle, organisation="acme", entities=("one",))
    assert "code" in answer.parameters
    with pytest.raises(InvalidRequest):
        browser.decide(handle, organisation="acme", entities=("two",))
    assert len(server.tokens.every_authorization()) == 1


def test_choice_is_asked_for_each_time() -> None:
    """Consent is not remembered for a client that acts for organisations; the user chose for this request only."""
    server = Company()
    server.tokens_for("one")
    browser = Browser(server)
    browser.session = None
    pending: Any = browser.authorize()
    browser.sign_in(pending.request_handle)
    assert error_of(browser.authorize(prompt="none")) == "consent_required"


# ------------------------------------------------------------------ who may grant


@pytest.mark.parametrize(("scope", "entities"), [("openid read", ("*",)), ("openid export", ("one",))])
def test_member_asks_an_administrator_for_what_only_they_may_grant(scope: str, entities: tuple[str, ...]) -> None:
    server = Company(role="member")
    answer = server.choose(*entities, scope=scope)
    assert isinstance(answer, ApprovalAsked)
    assert error_of(answer.back) == "access_denied"
    assert not server.tokens.every_authorization()
    approval = server.browsers.approval("acme", "web", SUB)
    assert approval
    assert (str(approval.scope), approval.entities) == (scope, frozenset(entities))

    server.answered("allow")
    assert server.tokens_for(*entities, scope=scope).access_token
    server.clock.advance(server.settings.consent_lifetime)
    assert isinstance(server.choose(*entities, scope=scope), ApprovalAsked)


def test_approval_allows_no_more_than_was_asked() -> None:
    server = Company(role="member")
    server.choose("one", scope="openid export")
    server.answered("allow")
    assert isinstance(server.choose("one", "two", scope="openid export"), ApprovalAsked)


def test_refused_approval_allows_nothing() -> None:
    server = Company(role="member")
    server.choose("*")
    server.answered("deny")
    assert isinstance(server.choose("*"), ApprovalAsked)


def consent_page(server: Company) -> ConsentPage:
    """What the user is asked, for Acme."""
    browser, handle = server.at_consent()
    page = browser.consent_page(handle, "acme")
    assert isinstance(page, ConsentPage)
    return page


def test_member_is_told_what_became_of_what_they_asked() -> None:
    server = Company(role="member")
    assert consent_page(server).asked is None
    server.choose("*")
    waiting = consent_page(server).asked
    assert waiting
    assert (waiting.decision, waiting.created_at) == ("", server.clock())
    server.answered("deny")
    denied = consent_page(server).asked
    assert denied
    assert (denied.decision, denied.decided_at) == ("deny", server.clock())
    assert isinstance(server.choose("*"), ApprovalAsked)
    again = consent_page(server).asked
    assert again
    assert again.decision == ""
    server.answered("allow")
    assert consent_page(server).asked is None


def test_a_denial_that_is_over_and_an_administrator_are_told_nothing() -> None:
    server = Company(role="member")
    server.choose("*")
    server.answered("deny")
    server.organisations.put_membership(Membership("acme", SUB, "administrator"))
    assert consent_page(server).asked is None
    server.organisations.put_membership(Membership("acme", SUB, "member"))
    assert consent_page(server).asked
    server.clock.advance(server.settings.consent_lifetime)
    assert consent_page(server).asked is None


def test_member_grants_companies_and_administrator_grants_everything() -> None:
    assert Company(role="member").tokens_for("one", "two")
    assert Company(role="administrator").tokens_for("*", scope="openid export")


def test_only_an_operator_grants_what_is_theirs() -> None:
    server = Company()
    browser, handle = server.at_consent(scope="openid root")
    assert error_of(browser.consent_page(handle)) == "access_denied"
    server.withdrawals.change_user(SUB, operator=True)
    assert server.tokens_for("one", scope="openid root")


def test_scope_of_administrators_is_nobodys_to_grant_without_an_organisation() -> None:
    server = Company(kind="user")
    browser, handle = server.at_consent(scope="openid export")
    assert error_of(browser.consent_page(handle)) == "access_denied"


def test_remembered_consent_does_not_outlive_a_catalogue_that_asks_for_more() -> None:
    server = Company(kind="user")
    browser = Browser(server)
    assert "code" in browser.go_through(scope="openid read")
    stricter = tuple(
        replace(one, grantable_by="operator") if one.name == "read" else one for one in CATALOGUE.definitions
    )
    assert server.configuration.put_scopes(ScopeCatalogue.of(stricter, 1))
    server.services = server.new_instance()
    assert error_of(browser.authorize(scope="openid read", prompt="none")) == "consent_required"


# ------------------------------------------------------------------ what a token reaches


@pytest.mark.parametrize("token_format", ["jwt", "opaque"])
def test_token_reaches_the_companies_that_were_chosen(token_format: str) -> None:
    server = Company(access_token_format=token_format)
    response = server.tokens_for("one", "two")
    assert server.calls_company(response, "one").entities == ("one", "two")
    assert server.calls_company(response, "two").organisation == "acme"
    for company in ("three", "nine", "", "*"):
        with pytest.raises(InsufficientScope):
            server.calls_company(response, company)
    assert server.access(response.access_token).organisation == "acme"


def test_token_of_another_organisation_does_not_reach_a_company_of_the_same_name() -> None:
    server = Company()
    response = server.tokens_for("one")
    server.access(response.access_token, REPORTS, path_parameters={"organisation_id": "acme"})
    with pytest.raises(InsufficientScope):
        server.access(response.access_token, REPORTS, path_parameters={"organisation_id": "other"})


def test_token_without_an_organisation_reaches_no_company() -> None:
    server = Company(kind="user")
    response = App(server).tokens(scope="openid read")
    with pytest.raises(InsufficientScope):
        server.calls_company(response, "one")
    with pytest.raises(InsufficientScope):
        server.access(response.access_token, REPORTS, path_parameters={"organisation_id": "acme"})


@pytest.mark.parametrize("token_format", ["jwt", "opaque"])
def test_companies_are_added_and_dropped_under_a_token_that_stays(token_format: str) -> None:
    server = Company(access_token_format=token_format)
    response = server.tokens_for("one", "two")
    (authorization,) = server.tokens.every_authorization()
    wanted = frozenset({"two", "three"})
    assert server.withdrawals.set_entities(authorization.id, "acme", wanted, authorization.entities)
    assert server.calls_company(response, "three")
    with pytest.raises(InsufficientScope):
        server.calls_company(response, "one")
    assert server.withdrawals.set_entities(authorization.id, "other", frozenset(), wanted) is None


def test_every_company_means_those_to_come_and_not_those_that_went() -> None:
    server = Company()
    response = server.tokens_for("*")
    assert server.calls_company(response, "three").every_entity
    assert server.withdrawals.drop_company("acme", "three")
    with pytest.raises(InsufficientScope):
        server.calls_company(response, "three")
    assert server.organisations.put_company("acme", "four", "Four Ltd", 10)
    assert server.calls_company(response, "four")


def test_company_that_left_the_organisation_is_out_of_reach_at_once() -> None:
    server = Company()
    response = server.tokens_for("one", "two")
    assert server.withdrawals.drop_company("acme", "one")
    assert server.calls_company(response, "two").entities == ("two",)
    with pytest.raises(InsufficientScope):
        server.calls_company(response, "one")


def test_the_check_of_a_company_is_the_one_read_of_a_check() -> None:
    server = Company()
    response = server.tokens_for("one")
    server.warm_up()
    server.calls_company(response, "one")
    assert dict(server.calls) == {"tokens.standing": 1}


# ------------------------------------------------------------------ ends


END: dict[str, Any] = {
    "organisation disabled": lambda server: server.withdrawals.change_organisation("acme", status="disabled"),
    "member no more": lambda server: server.withdrawals.delete_membership("acme", SUB),
    "another role": lambda server: server.withdrawals.set_membership(Membership("acme", SUB, "member", epoch="new")),
    "app disconnected": lambda server: server.withdrawals.end(organisation="acme", client_id="web"),
    "app disconnected by its user": lambda server: server.withdrawals.end(subject=SUB, client_id="web"),
    "all of the organisation": lambda server: server.withdrawals.end(organisation="acme"),
    "all of the user": lambda server: server.withdrawals.end(subject=SUB),
    "user disabled": lambda server: server.withdrawals.change_user(SUB, status="disabled"),
    "user deleted": lambda server: server.withdrawals.delete_user(SUB, server.clock()),
    "all of the client": lambda server: server.withdrawals.end(client_id="web"),
    "everything": lambda server: server.withdrawals.end_everything("another era"),
}


@pytest.mark.parametrize("token_format", ["jwt", "opaque"])
@pytest.mark.parametrize("end", END)
def test_everything_dies_at_once(end: str, token_format: str) -> None:
    server = Company(access_token_format=token_format)
    response = server.tokens_for("one")
    assert server.calls_company(response, "one")
    END[end](server)
    with pytest.raises(InvalidToken):
        server.access(response.access_token)
    with pytest.raises(InvalidGrant):
        App(server).refresh(response.refresh_token)
    assert App(server).introspect(response.access_token) == {"active": False}
    assert App(server).introspect(response.refresh_token) == {"active": False}


def test_client_that_is_disabled_has_nothing_of_an_organisations_any_more() -> None:
    server = Company()
    response = server.tokens_for("one")
    stored = server.clients.get("web")
    assert stored
    assert server.withdrawals.change_client(replace(stored, status="disabled"))
    with pytest.raises(InvalidToken):
        server.access(response.access_token)
    with pytest.raises(InvalidClient):
        App(server).refresh(response.refresh_token)


@pytest.mark.parametrize(("role", "another"), [("administrator", "member"), ("member", "administrator")])
def test_what_a_member_granted_ends_with_the_role_and_does_not_come_back_with_it(role: str, another: str) -> None:
    server = Company(role=role)
    response = server.tokens_for("one")
    for number, changed in enumerate((another, role)):
        server.withdrawals.set_membership(Membership("acme", SUB, changed, epoch=f"epoch {number}"))
        with pytest.raises(InvalidToken):
            server.access(response.access_token)
        with pytest.raises(InvalidGrant):
            App(server).refresh(response.refresh_token)
    assert server.calls_company(server.tokens_for("one"), "one")


def test_end_of_one_organisation_leaves_the_others_alone() -> None:
    server = Company()
    response = server.tokens_for("one")
    server.withdrawals.end(organisation="other")
    server.withdrawals.delete_membership("other", SUB)
    server.withdrawals.end(organisation="acme", client_id="another")
    server.withdrawals.change_organisation("other", status="disabled")
    assert server.calls_company(response, "one")
    assert App(server).refresh(response.refresh_token)


@pytest.mark.parametrize("whose", ["user", "organisation"])
def test_what_was_issued_before_a_disabling_stays_dead_after_it(whose: str) -> None:
    server = Company()
    response = server.tokens_for("one")
    for status in ("disabled", "active"):
        if whose == "user":
            server.withdrawals.change_user(SUB, status=status)
        else:
            server.withdrawals.change_organisation("acme", status=status)
        with pytest.raises(InvalidToken):
            server.access(response.access_token)
        with pytest.raises(InvalidGrant):
            App(server).refresh(response.refresh_token)
    assert server.calls_company(server.tokens_for("one"), "one")


# ------------------------------------------------------------------ what a token says


def test_token_says_its_organisation_and_companies() -> None:
    server = Company()
    members = App(server).introspect(server.tokens_for("one", "two").access_token)
    assert (members["org"], members["entities"]) == ("acme", ["one", "two"])
    assert "authorization_details" not in members
    assert App(server).introspect(server.tokens_for("*").access_token)["entities"] == ["*"]


@pytest.mark.rfc("9396", "9.2")
def test_token_carries_the_details_if_they_were_asked_for() -> None:
    server = Company()
    response = server.tokens_for("one", authorization_details='[{"type": "organisation"}]')
    details = [{"type": "organisation", "identifier": "acme", "entities": ["one"]}]
    assert App(server).introspect(response.access_token)["authorization_details"] == details
    assert response.members()["authorization_details"] == details


@pytest.mark.rfc("9396", "2.1")
def test_details_narrow_what_is_offered() -> None:
    server = Company()
    server.organisations.put_membership(Membership("other", SUB))
    asked = '[{"type": "organisation", "identifier": "acme", "entities": ["one", "two"]}]'
    browser, handle = server.at_consent(authorization_details=asked)
    page = browser.consent_page(handle)
    assert isinstance(page, ConsentPage)
    assert page.offer
    assert set(page.offer.companies) == {"one", "two"}
    assert not page.offer.every
    for entities in (("three",), ("*",)):
        with pytest.raises(InvalidRequest):
            browser.decide(handle, organisation="acme", entities=entities)
    with pytest.raises(InvalidRequest):
        browser.decide(handle, organisation="other", entities=("one",))


@pytest.mark.rfc("9396", "5")
@pytest.mark.parametrize(
    "details",
    [
        "",
        "{",
        "[]",
        "{}",
        '"text"',
        "[1]",
        '[{"type": "payment"}]',
        '[{"type": "organisation", "unknown": 1}]',
        '[{"type": "organisation", "identifier": 1}]',
        '[{"type": "organisation", "identifier": "acme", "entities": "one"}]',
        '[{"type": "organisation", "identifier": "acme", "entities": [1]}]',
        '[{"type": "organisation", "entities": ["one"]}]',
        '[{"type": "organisation"}, {"type": "organisation"}]',
        "[" * 5000,
    ],
)
def test_details_that_cannot_be_are_refused(details: str) -> None:
    answer = Browser(Company()).authorize(authorization_details=details)
    if details:
        assert error_of(answer) == "invalid_authorization_details"
    else:
        assert not isinstance(answer, AuthorizationResponse)  # empty is absent


def test_details_are_not_for_clients_that_act_for_users() -> None:
    answer = Browser(Company(kind="user")).authorize(authorization_details='[{"type": "organisation"}]')
    assert error_of(answer) == "invalid_authorization_details"


def test_organisation_of_another_is_not_asked_for() -> None:
    browser, handle = Company().at_consent(
        authorization_details='[{"type": "organisation", "identifier": "other", "entities": []}]'
    )
    assert error_of(browser.consent_page(handle)) == "access_denied"


def test_standing_without_the_organisation_is_none() -> None:
    """An organisation that cannot be read is not an active one."""
    server = Company()
    response = server.tokens_for("one")

    def without(verb: str, call: Any) -> Any:
        answer = call()
        return replace(answer, organisation=None) if isinstance(answer, Standing) else answer

    server.around = without
    with pytest.raises(InvalidToken):
        server.access(response.access_token)


@pytest.mark.parametrize(
    ("kind", "entities", "urn"),
    [
        ("organisation", ("one",), "urn:authserver:organisation:acme"),
        ("company", ("one",), "urn:authserver:company:acme:one"),
    ],
)
def test_token_names_whom_it_acts_for(kind: str, entities: tuple[str, ...], urn: str) -> None:
    server = Company(kind=kind)
    said = introspect_self(server.tokens_for(*entities).access_token.reveal(), server.services).members()
    assert (said["subject_urn"], said["subject_type"], said["client_name"]) == (urn, kind, "A web application")


def test_token_of_a_user_names_the_user() -> None:
    server = Company(kind="user")
    token = App(server).tokens(scope="openid read").access_token.reveal()
    assert introspect_self(token, server.services).members()["subject_urn"] == f"urn:authserver:user:{SUB}"
