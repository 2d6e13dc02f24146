"""What the consent page says, and what can be left out of what a client asks for."""

from dataclasses import replace
from typing import Any

import pytest

from authserver.errors import InvalidRequest, RequestEnded
from authserver.messages.authorization import AuthorizationResponse
from authserver.messages.browser import REQUEST_LIFETIME, ApprovalAsked, ConsentPage, Permission
from authserver.scopes import DEFAULT, ScopeCatalogue, ScopeDefinition
from authserver.values import Scope
from tests.fakes import client, public_client, user
from tests.unit.server import App, Browser, Server
from tests.unit.test_organisations import Company

ALL = "openid profile email read write"


def server_with_options(optional: str = "email write", **more: Any) -> Server:
    return Server(client(optional_scope=Scope.parse(optional), **more), public_client())


def at_consent(server: Server, browser: Browser | None = None, **parameters: str) -> tuple[Browser, str]:
    """The consent page of a request for everything; the user is signed in by then."""
    browser = browser or Browser(server)
    pending: Any = browser.authorize((), frozenset(), **{"scope": ALL, **parameters})
    if pending.page == "login":
        pending = browser.sign_in(pending.request_handle)
    return browser, pending.request_handle


def page_of(server: Server, browser: Browser | None = None, **parameters: str) -> ConsentPage:
    browser, handle = at_consent(server, browser, **parameters)
    page = browser.consent_page(handle)
    assert isinstance(page, ConsentPage), page
    return page


def permissions_of(page: ConsentPage) -> dict[str, Permission]:
    return {one.scope.name: one for one in page.permissions}


def scope_granted(server: Server, answer: Any) -> str:
    assert isinstance(answer, AuthorizationResponse), answer
    return str(App(server).exchange(answer.parameters["code"]).scope)


# ------------------------------------------------------------------ what may be left out


@pytest.mark.rfc("6749", "3.3")
@pytest.mark.rfc("6749", "5.1")
@pytest.mark.parametrize(
    ("ticked", "granted"),
    [
        (("email", "write"), ALL),
        (("email",), "openid profile email read"),
        ((), "openid profile read"),
        (("email", "email"), "openid profile email read"),
    ],
)
def test_grant_is_what_the_boxes_say_and_the_token_answer_tells_it(ticked: tuple[str, ...], granted: str) -> None:
    server = server_with_options()
    browser, handle = at_consent(server)
    assert scope_granted(server, browser.decide(handle, scope=ticked)) == granted


@pytest.mark.rfc("6749", "3.3")
def test_form_cannot_add_to_what_was_asked_for_nor_leave_out_what_is_required() -> None:
    server = server_with_options()
    browser, handle = at_consent(server, scope="openid read email")
    answer = browser.decide(handle, scope=("write", "profile", "admin:users", "unheard of"))
    assert scope_granted(server, answer) == "openid read"


def test_client_without_optional_scope_gets_all_or_nothing() -> None:
    server = Server()
    assert not any(one.optional for one in page_of(server).permissions)
    browser, handle = at_consent(server)
    assert scope_granted(server, browser.decide(handle, scope=())) == ALL


def test_leaving_out_everything_is_no_answer() -> None:
    server = server_with_options("read write")
    browser, handle = at_consent(server, scope="read write")
    page = browser.decide(handle, scope=())
    assert isinstance(page, ConsentPage)
    assert page.problem == "Choose what the app may reach."
    assert not any(one.chosen for one in page.permissions)
    assert server.tokens.every_authorization() == ()


def test_what_the_rest_implies_cannot_be_left_out() -> None:
    server = server_with_options("read")
    implying = (replace(one, implies=("read",)) if one.name == "write" else one for one in DEFAULT.definitions)
    server.configuration.put_scopes(ScopeCatalogue.of(implying))
    assert not permissions_of(page_of(server))["read"].optional
    assert permissions_of(page_of(server, scope="openid read"))["read"].optional


@pytest.mark.rfc("6749", "4.1.2")
def test_first_choice_is_final() -> None:
    """Of one page in two tabs, say: the code of one answer is no code for the other."""
    server = server_with_options()
    browser, handle = at_consent(server)
    page: Any = browser.consent_page(handle)
    first = browser.decide(handle, csrf=page.csrf, scope=())
    with pytest.raises(InvalidRequest) as refused:
        browser.decide(handle, csrf=page.csrf, scope=("email", "write"))
    assert refused.value.reason == "answered_before"
    assert scope_granted(server, first) == "openid profile read"


def test_page_that_said_required_is_shown_again_once_it_is_optional() -> None:
    server = Server()
    browser, handle = at_consent(server)
    page: Any = browser.consent_page(handle)
    server.clients.put(client(optional_scope=Scope.parse("email")))
    again = browser.decide(handle, csrf=page.csrf)
    assert isinstance(again, ConsentPage)
    assert again.problem.startswith("What the app asks for has changed")


# ------------------------------------------------------------------ and is not asked for again


def test_what_was_left_out_is_remembered_and_the_rest_granted_in_silence() -> None:
    server = server_with_options()
    browser, handle = at_consent(server)
    browser.decide(handle, scope=("write",))
    silent = browser.authorize((), frozenset(), scope=ALL, prompt="none")
    assert scope_granted(server, silent) == "openid profile read write"
    assert scope_granted(server, browser.authorize((), frozenset(), scope=ALL)) == "openid profile read write"
    elsewhere, handle = at_consent(server, Browser(server))
    assert scope_granted(server, elsewhere.consent_page(handle)) == "openid profile read write"


def test_asking_for_consent_again_offers_it_again_as_it_was_left() -> None:
    server = server_with_options()
    browser, handle = at_consent(server)
    browser.decide(handle, scope=("write",))
    page = page_of(server, browser, prompt="consent")
    assert {name: one.chosen for name, one in permissions_of(page).items() if one.optional} == {
        "email": False,
        "write": True,
    }
    assert not any(one.is_new for one in page.permissions)
    browser, handle = at_consent(server, browser, prompt="consent")
    browser.decide(handle, scope=("email",))
    silent = browser.authorize((), frozenset(), scope=ALL, prompt="none")
    assert scope_granted(server, silent) == "openid profile email read"


def test_what_was_left_out_is_asked_for_once_it_is_required() -> None:
    server = server_with_options()
    browser, handle = at_consent(server)
    browser.decide(handle, scope=())
    server.clients.put(client(optional_scope=Scope.parse("write")))
    answer: Any = browser.authorize((), frozenset(), scope=ALL, prompt="none")
    assert answer.parameters["error"] == "consent_required"


@pytest.mark.rfc("ASVS 5.0", "10.7.1")
def test_what_was_allowed_first_and_left_out_later_is_asked_for_once_it_is_required() -> None:
    """A client says itself what is optional: by taking that back it must not get what its user took away."""
    server = server_with_options()
    browser, handle = at_consent(server)
    browser.decide(handle, scope=("email", "write"))
    browser, handle = at_consent(server, browser, prompt="consent")
    browser.decide(handle, scope=("write",))
    server.clients.put(client(optional_scope=Scope.parse("write")))
    answer: Any = browser.authorize((), frozenset(), scope=ALL, prompt="none")
    assert answer.parameters["error"] == "consent_required"


def test_request_for_nothing_but_what_was_left_out_asks() -> None:
    server = server_with_options()
    browser, handle = at_consent(server)
    browser.decide(handle, scope=())
    page = page_of(server, browser, scope="email write")
    assert [one.chosen for one in page.permissions] == [False, False]


# ------------------------------------------------------------------ what is new


def test_only_what_is_new_is_marked() -> None:
    server = Server()
    browser = Browser(server)
    browser.code((), scope="openid read")
    page = page_of(server, browser, scope="openid read email write")
    assert [one.scope.name for one in page.permissions if one.is_new] == ["email", "write"]


@pytest.mark.parametrize(("verification", "scope"), [("verified", "email"), ("test", "openid read email")])
def test_nothing_is_new_if_the_client_has_nothing_of_it(verification: str, scope: str) -> None:
    server = Server(client(verification=verification))
    browser = Browser(server)
    browser.code((), scope="openid read")
    assert not any(one.is_new for one in page_of(server, browser, scope=scope).permissions)


def test_page_tells_until_when_it_is_remembered_if_it_is() -> None:
    server = Server()
    assert page_of(server).remembered_until == server.clock() + server.settings.consent_lifetime
    assert page_of(Server(client(verification="test"))).remembered_until == 0


# ------------------------------------------------------------------ what it cannot do


def test_page_names_nothing_that_is_asked_for_as_impossible() -> None:
    """Whatever is asked for."""
    server = Server()
    described = {one.name: one.description for one in DEFAULT.definitions}
    for scope in ("openid", "openid email", "read", "openid profile email read", ALL):
        page = page_of(server, scope=scope)
        asked = {described[name] for name in scope.split()}
        assert not asked & set(page.beyond)
        assert page.beyond[:2] == ("See your password", "Change how you sign in")
    assert "See your email address" in page_of(server, scope="openid").beyond


def test_less_is_said_to_be_impossible_where_more_is_possible() -> None:
    scope = Scope.parse("openid read account.read homemade")
    server = Server(client(scope=scope, grant_types=("authorization_code", "password")))
    assert page_of(server, scope="openid account.read").beyond == ()
    assert page_of(server, scope="openid homemade").beyond == ("Change how you sign in",)


def test_catalogue_tells_what_a_scope_does_not_give() -> None:
    catalogue = ScopeCatalogue.of(
        (
            *DEFAULT.definitions,
            ScopeDefinition("items", "Everything of your items", implies=("read", "write")),
            ScopeDefinition("pay", "Pay", sensitive=True, group="Money"),
            ScopeDefinition("audit", "Audit", grantable_by="administrator"),
            ScopeDefinition("hidden", "Hidden", advertised=False),
        )
    )

    def beyond(scope: str) -> list[str]:
        return [one.name for one in catalogue.beyond(Scope.parse(scope))]

    assert beyond("openid read") == ["pay", "profile", "email", "address", "phone", "write"]
    assert beyond("items") == ["pay", "profile", "email", "address", "phone"]
    assert beyond("account") == []
    assert beyond("read unheard-of") == []


# ------------------------------------------------------------------ who has to allow it


class Exporting(Company):
    """`export` takes an administrator, `root` an operator; both may be left out."""

    def __init__(self, role: str) -> None:
        super().__init__(role, optional_scope=Scope.parse("export root"))

    def page(self, browser: Browser, handle: str) -> ConsentPage:
        page = browser.consent_page(handle)
        assert isinstance(page, ConsentPage), page
        return page


def test_member_may_allow_the_rest_without_an_administrator() -> None:
    server = Exporting("member")
    browser, handle = server.at_consent(scope="openid read export")
    page = server.page(browser, handle)
    assert not page.needs_approval
    assert permissions_of(page)["export"].needs_approval
    answer = browser.decide(handle, organisation="acme", entities=("one",))
    assert scope_granted(server, answer) == "openid read"


def test_member_asks_an_administrator_for_what_is_ticked() -> None:
    server = Exporting("member")
    browser, handle = server.at_consent(scope="openid read export")
    asked = browser.decide(handle, organisation="acme", entities=("one",), scope=("export",))
    assert isinstance(asked, ApprovalAsked)
    (approval,) = server.browsers.approvals("acme").items
    assert str(approval.scope) == "openid read export"


def test_administrator_allows_it_at_once() -> None:
    server = Exporting("administrator")
    browser, handle = server.at_consent(scope="openid read export")
    assert not permissions_of(server.page(browser, handle))["export"].needs_approval
    answer = browser.decide(handle, organisation="acme", entities=("one",), scope=("export",))
    assert scope_granted(server, answer) == "openid read export"


@pytest.mark.parametrize("operator", [False, True])
def test_what_only_operators_allow_is_offered_to_them_alone(operator: bool) -> None:
    server = Exporting("member")
    server.users.create(user(sub="sub-of-olga", username="olga", operator=operator))
    browser = Browser(server, "olga")
    pending: Any = browser.authorize((), frozenset(), scope="openid read root")
    browser.sign_in(pending.request_handle)
    page = server.page(browser, pending.request_handle)
    assert ("root" in permissions_of(page)) == operator


# ------------------------------------------------------------------ in two tabs


def test_page_that_was_open_when_its_user_signed_in_again_is_shown_again() -> None:
    server = Server()
    browser, handle = at_consent(server)
    page: Any = browser.consent_page(handle)
    browser.session = None
    browser.sign_in(handle)  # in another tab, which still showed the sign-in page
    again = browser.decide(handle, csrf=page.csrf)
    assert isinstance(again, ConsentPage)
    assert again.problem == "You have signed in again since you opened this page. Please look at it again."
    assert server.tokens.every_authorization() == ()
    answer = browser.decide(handle, csrf=again.csrf, shown=again.shown)
    assert isinstance(answer, AuthorizationResponse)
    assert "code" in answer.parameters


def test_page_of_somebody_else_grants_nothing_of_theirs_until_it_is_seen_again() -> None:
    server = Server()
    browser, handle = at_consent(server)
    page: Any = browser.consent_page(handle)
    assert server.users.create(user(sub="sub-of-bob", username="bob"))
    browser.session, browser.username = None, "bob"
    browser.sign_in(handle)
    again = browser.decide(handle, csrf=page.csrf)
    assert isinstance(again, ConsentPage)
    assert again.account == "bob"
    assert server.tokens.every_authorization() == ()


def test_form_of_another_browser_is_refused_whatever_it_says_was_shown() -> None:
    server = Server()
    browser, handle = at_consent(server)
    page: Any = browser.consent_page(handle)
    with pytest.raises(InvalidRequest) as refused:
        browser.decide(handle, csrf=page.csrf[:-1] + ("A" if page.csrf[-1] != "A" else "B"), shown=page.shown)
    assert refused.value.reason == "csrf"


def test_page_that_was_open_for_too_long_knows_the_way_back_to_the_app() -> None:
    server = Server()
    browser, handle = at_consent(server)
    page: Any = browser.consent_page(handle)
    server.clock.advance(REQUEST_LIFETIME)
    with pytest.raises(RequestEnded) as refused:
        browser.decide(handle, csrf=page.csrf)
    assert (refused.value.reason, refused.value.place) == ("request_over", "https://app.example")
    browser.secrets[handle] = "of another browser"
    with pytest.raises(InvalidRequest) as stranger:
        browser.decide(handle, csrf=page.csrf)
    assert stranger.value.reason == "request_of_another_browser"


def test_page_that_is_sent_again_knows_the_way_back_to_the_app() -> None:
    server = Server()
    browser, handle = at_consent(server)
    page: Any = browser.consent_page(handle)
    browser.decide(handle, csrf=page.csrf)
    with pytest.raises(RequestEnded) as refused:
        browser.decide(handle, "deny", csrf=page.csrf)
    assert refused.value.place == "https://app.example"
