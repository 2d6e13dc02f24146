"""The device authorization grant: its pages, and who can be talked into what."""

from collections import Counter

import pytest

from authserver.endpoints.browsers.device import WRONG, serve
from authserver.endpoints.browsers.login import cancel
from authserver.endpoints.machines.device_authorization import LIFETIME
from authserver.errors import (
    AccessDenied,
    AuthorizationPending,
    InvalidRequest,
    InvalidTarget,
    TooManyAttempts,
)
from authserver.identity.throttle import Attempt, count_user_code_attempt
from authserver.messages.browser import DeviceAnswered, GoTo, LoginForm, LoginPage
from authserver.messages.site import View
from authserver.models.clients import TEST
from authserver.pages import Pages
from authserver.scopes import DEFAULT, ScopeCatalogue, ScopeDefinition
from authserver.tokens import opaque
from authserver.tokens.user_code import LETTERS, read_user_code
from authserver.values import Scope, base64url
from authserver.wire.browser import parse_device_form
from authserver.wire.http import HttpRequest
from tests.fakes import CLIENT_SECRET, OTHER_RESOURCE, RESOURCE, client, public_client, user
from tests.unit.devices import ELSEWHERE, FORM, HERE, OF_CLIENTS, Person, Tool, public, refused, serving
from tests.unit.server import App, all_at_once

# ------------------------------------------------------------------ the pages


@pytest.mark.rfc("8628", "5.4")
def test_question_tells_which_app_since_when_and_from_where() -> None:
    server = serving()
    tool = public(server)
    begun_at = server.clock()
    tool.begin(source=ELSEWHERE)
    server.clock.advance(60)
    _, view = Person(server).question(tool.begun.user_code)
    assert view.context["client"].client_name == "An application on somebody's telephone"
    assert (view.context["started_at"], view.context["source"]) == (begun_at, ELSEWHERE)
    assert (view.context["user_code"], view.context["is_same_network"]) == (tool.begun.user_code, False)
    _, view = Person(server).question(tool.begun.user_code, source=ELSEWHERE)
    assert view.context["is_same_network"]


@pytest.mark.rfc("8628", "3.3.1")
def test_link_with_the_code_in_it_fills_it_in_and_asks_nothing_of_a_store() -> None:
    server = serving()
    tool = public(server)
    tool.begin()
    server.calls.clear()
    for typed, filled_in in ((tool.begun.user_code.lower(), tool.begun.user_code), ("Call 555 now!", "")):
        page = Person(server).type_code(typed, is_link=True)
        assert isinstance(page, View)
        assert (page.template, page.status) == ("device/code", 200)
        assert page.context == {"user_code": filled_in, "problem": ""}
    assert server.calls == Counter()


@pytest.mark.rfc("8628", "3.3.1")
@pytest.mark.rfc("8628", "5.1")
def test_pages_of_other_sites_lock_nobody_out() -> None:
    """A browser sends what they name, without our cookie."""
    server = serving()
    tool, person = public(server), Person(server)
    tool.begin()
    wrong = b"user_code=BCDF-GHJK"
    elsewhere = [
        HttpRequest("GET", "ANY /device", query=wrong.decode(), source=HERE),
        *(
            HttpRequest("POST", "ANY /device", headers=FORM | {"sec-fetch-site": site}, body=wrong, source=HERE)
            for site in ("cross-site", "same-site")
        ),
    ]
    for request in elsewhere * 30:
        page = serve(parse_device_form(request), server.services)
        assert isinstance(page, View)
        assert page.status == 200
    person.question(tool.begun.user_code)
    ours = HttpRequest("POST", "ANY /device", headers=FORM | {"sec-fetch-site": "same-origin"}, body=wrong)
    for request in (ours, HttpRequest("POST", "ANY /device", headers=FORM, body=wrong)):
        page = serve(parse_device_form(request), server.services)
        assert isinstance(page, View)
        assert page.status == 400


@pytest.mark.rfc("8628", "3.3.1")
def test_code_leads_to_the_question_and_no_further() -> None:
    """For somebody who is signed in and has allowed the app before, too."""
    server = serving()
    person, tool = Person(server), public(server)
    tool.begin()
    person.allow(tool.begun.user_code)
    tool.begin()
    step = person.type_code(tool.begun.user_code)
    assert isinstance(step, GoTo)
    assert step.page == "device"
    refused(AuthorizationPending, tool.poll)


@pytest.mark.rfc("8628", "5.4")
def test_question_cannot_be_passed_by() -> None:
    """Its request allows nothing, and its form is this browser's."""
    server = serving()
    person, tool = Person(server), public(server)
    tool.begin()
    handle, view = person.question(tool.begun.user_code)
    signed_in = person.sign_in(handle)
    assert isinstance(signed_in, GoTo)
    assert signed_in.page == "device"
    refused(InvalidRequest, lambda: person.consent_page(handle))
    refused(InvalidRequest, lambda: person.decide(handle, csrf="x"))
    refused(InvalidRequest, lambda: person.at_device(handle=handle, action="confirm", csrf="x"))
    other = Person(server)
    refused(InvalidRequest, lambda: other.at_device(handle=handle, action="confirm", csrf=view.context["csrf"]))
    refused(InvalidRequest, lambda: other.at_device(handle=handle))


@pytest.mark.rfc("8628", "5.4")
def test_what_is_to_be_allowed_is_of_the_browser_in_which_the_code_was_typed() -> None:
    server = serving()
    tool = public(server)
    tool.begin()
    handle, page = Person(server).to_consent(tool.begun.user_code)
    thief = Person(server)
    refused(InvalidRequest, lambda: thief.consent_page(handle))
    refused(InvalidRequest, lambda: thief.decide(handle, csrf=page.csrf))


@pytest.mark.rfc("8628", "5.4")
@pytest.mark.parametrize("secret", [None, CLIENT_SECRET])
def test_consent_is_asked_each_time_and_remembered_never(secret: str | None) -> None:
    server = serving()
    person = Person(server)
    tool = Tool(App(server, "web" if secret else "app", secret))
    for _ in range(2):
        tool.begin(scope="read")
        _, page = person.to_consent(tool.begun.user_code)
        assert (page.redirect, page.remembered_until) == (None, 0)
        person.allow(tool.begun.user_code)
        tool.poll()


def test_consent_for_the_same_client_elsewhere_does_not_count_here() -> None:
    server = serving(client(grant_types=("authorization_code", *OF_CLIENTS)))
    person, tool = Person(server), Tool(App(server))
    person.code(scope="read")
    tool.begin(scope="read")
    person.to_consent(tool.begun.user_code)


@pytest.mark.rfc("8628", "3.3")
def test_codes_that_are_wrong_over_or_used_get_one_answer() -> None:
    server = serving()
    old, used, denied = public(server), public(server), public(server)
    old.begin()
    server.clock.advance(LIFETIME)
    used.begin()
    denied.begin()
    person = Person(server)
    person.allow(used.begun.user_code)
    person.allow(denied.begun.user_code, "deny")
    for code in ("nonsense", "BCDF-GHJK", old.begun.user_code, used.begun.user_code, denied.begun.user_code):
        page = Person(server).type_code(code)
        assert isinstance(page, View)
        assert (page.template, page.status, page.context["problem"]) == ("device/code", 400, WRONG)


@pytest.mark.rfc("8628", "5.4")
def test_whoever_did_not_start_it_stops_it_for_everybody() -> None:
    server = serving()
    tool, fooled = public(server), Person(server)
    tool.begin()
    handle, page = fooled.to_consent(tool.begun.user_code)
    answer = Person(server).say("deny", tool.begun.user_code)
    assert isinstance(answer, DeviceAnswered)
    assert not answer.is_allowed
    refused(AccessDenied, tool.poll)
    refused(InvalidRequest, lambda: fooled.decide(handle, csrf=page.csrf))
    assert server.tokens.every_authorization() == ()


def test_first_of_two_who_decide_is_the_one() -> None:
    server = serving()
    tool, first, second = public(server), Person(server), Person(server)
    tool.begin()
    handle, page = second.to_consent(tool.begun.user_code)
    first.allow(tool.begun.user_code)
    refused(InvalidRequest, lambda: second.decide(handle, csrf=page.csrf))
    tool.poll()
    assert len(server.tokens.every_authorization()) == 1


def test_who_denies_what_another_has_allowed_is_told_so() -> None:
    server = serving()
    tool, first, second = public(server), Person(server), Person(server)
    tool.begin()
    handle, page = second.to_consent(tool.begun.user_code)
    first.allow(tool.begun.user_code)
    answer = second.decide(handle, "deny", csrf=page.csrf)
    assert isinstance(answer, DeviceAnswered)
    assert (answer.is_allowed, answer.is_too_late) == (False, True)
    shown_page = Pages(server.services).render(answer, HttpRequest("POST", "POST /consent"))
    assert "Nothing was allowed" not in shown_page.body
    assert (shown_page.status, 'my/apps"' in shown_page.body) == (400, True)
    tool.poll()


def test_a_denial_that_is_sent_twice_is_one() -> None:
    server = serving()
    tool, person = public(server), Person(server)
    tool.begin()
    handle, page = person.to_consent(tool.begun.user_code)
    for _ in range(2):
        answer = person.decide(handle, "deny", csrf=page.csrf)
        assert isinstance(answer, DeviceAnswered)
        assert (answer.is_allowed, answer.is_too_late) == (False, False)


def test_form_that_is_sent_twice_allows_once() -> None:
    server = serving()
    tool, person = public(server), Person(server)
    tool.begin()
    handle, page = person.to_consent(tool.begun.user_code)
    for _ in range(2):
        answer = person.decide(handle, csrf=page.csrf)
        assert isinstance(answer, DeviceAnswered)
    tool.poll()
    assert isinstance(person.decide(handle, csrf=page.csrf), DeviceAnswered)
    assert len(server.tokens.every_authorization()) == 1


def test_forms_that_are_sent_at_once_allow_once() -> None:
    server = serving()
    tool, person = public(server), Person(server)
    tool.begin()
    handle, page = person.to_consent(tool.begun.user_code)
    answers = all_at_once(lambda _: person.decide(handle, csrf=page.csrf), 8)
    assert all(isinstance(answer, DeviceAnswered) for answer in answers)
    assert len(server.tokens.every_authorization()) == 1


def test_user_who_goes_back_from_sign_in_denies() -> None:
    server = serving()
    tool, person = public(server), Person(server)
    tool.begin()
    step = person.say("confirm", tool.begun.user_code)
    assert isinstance(step, GoTo)
    page = person.login_page(step.request_handle)
    assert isinstance(page, LoginPage)
    assert page.may_cancel
    form = LoginForm(**person._brings(step.request_handle), csrf=page.csrf)
    answer = cancel(form, server.services)
    assert isinstance(answer, DeviceAnswered)
    assert not answer.is_allowed
    refused(AccessDenied, tool.poll)


@pytest.mark.rfc("8628", "5.4")
def test_whoever_allows_what_only_operators_may_signs_in_for_that() -> None:
    """A session alone does not tell an operator who wants it from one who was sent a code."""
    server = serving(public_client(grant_types=OF_CLIENTS, scope=Scope.parse("read root")))
    root = ScopeDefinition("root", "Everything", grantable_by="operator")
    assert server.withdrawals.change_scopes(ScopeCatalogue((*DEFAULT.definitions, root)))
    server.users.create(user(sub="sub-of-olga", username="olga", operator=True))
    tool, olga = public(server), Person(server, "olga")
    tool.begin(scope="read")
    olga.allow(tool.begun.user_code)
    server.clock.advance(1)
    for scope, signs_in in (("read", False), ("read root", True)):
        tool.begin(scope=scope)
        step = olga.say("confirm", tool.begun.user_code)
        assert isinstance(step, GoTo)
        assert isinstance(olga.login_page(step.request_handle), LoginPage) == signs_in
    olga.allow(tool.begun.user_code)
    assert str(tool.poll().scope) == "read root"


def test_app_that_nobody_verified_is_said_to_be_one() -> None:
    server = serving(public_client(grant_types=OF_CLIENTS, verification=TEST))
    tool = public(server)
    tool.begin()
    _, view = Person(server).question(tool.begun.user_code)
    assert view.context["client"].verification == TEST


def test_session_that_was_ended_meanwhile_allows_nothing() -> None:
    server = serving()
    tool, person = public(server), Person(server)
    tool.begin()
    handle, page = person.to_consent(tool.begun.user_code)
    server.before("tokens.allow_device", lambda: server.withdrawals.end_sessions("sub-of-alice"))
    (session,) = server.browsers.sessions("sub-of-alice").items
    server.before("tokens.allow_device", lambda: server.withdrawals.end_session(session.id))
    answer = person.decide(handle, csrf=page.csrf)
    assert isinstance(answer, GoTo)
    assert answer.page == "login"
    refused(AuthorizationPending, tool.poll)


@pytest.mark.rfc("8707", "2")
def test_resources_are_those_that_were_asked_for() -> None:
    server = serving()
    tool = public(server)
    tool.begin((RESOURCE, OTHER_RESOURCE), scope="read")
    Person(server).allow(tool.begun.user_code)
    refused(InvalidTarget, lambda: tool.poll(("https://nowhere.example",)))
    server.access(tool.poll((OTHER_RESOURCE,)).access_token, audience=OTHER_RESOURCE)


def test_users_own_choice_is_kept() -> None:
    scope = Scope.parse("openid read write")
    server = serving(public_client(grant_types=OF_CLIENTS, scope=scope, optional_scope=Scope.parse("write")))
    tool = public(server)
    tool.begin(scope="openid read write")
    Person(server).allow(tool.begun.user_code, scope=())
    assert str(tool.poll().scope) == "openid read"


@pytest.mark.rfc("6749", "6")
def test_device_may_refresh_with_all_that_it_asked_for_at_first() -> None:
    server = serving()
    tool = public(server)
    tool.begin(scope="openid read calendar")
    Person(server).allow(tool.begun.user_code)
    again = tool.app.refresh(tool.poll().refresh_token, scope="openid read calendar")
    assert str(again.scope) == "openid read"


# ------------------------------------------------------------------ guessing


@pytest.mark.rfc("8628", "5.1")
def test_source_that_guesses_is_delayed_and_nobody_else() -> None:
    server = serving()
    tool, guesser = public(server), Person(server)
    tool.begin()
    pages = [guesser.type_code(f"BBBB-BBB{letter}") for letter in LETTERS]
    assert {page.status for page in pages if isinstance(page, View)} == {400}
    page = guesser.type_code("BBBB-BBCB")
    assert isinstance(page, View)
    assert page.status == 429
    Person(server).question(tool.begun.user_code, source=ELSEWHERE)
    server.clock.advance(1)
    guesser.question(tool.begun.user_code)


@pytest.mark.rfc("8628", "5.1")
def test_whoever_is_signed_in_is_not_delayed_by_others_at_their_source() -> None:
    server = serving()
    tool, owner = public(server), Person(server)
    tool.begin()
    owner.allow(tool.begun.user_code)
    for letter in LETTERS:
        Person(server).type_code(f"BBBB-BBB{letter}")
    tool.begin()
    page = Person(server).type_code(tool.begun.user_code)
    assert isinstance(page, View)
    assert page.status == 429
    owner.question(tool.begun.user_code)


@pytest.mark.rfc("8628", "5.1")
def test_whoever_is_signed_in_is_delayed_by_their_own_guesses_wherever_they_are() -> None:
    server = serving()
    tool, person = public(server), Person(server)
    tool.begin()
    person.allow(tool.begun.user_code)
    for number, letter in enumerate(LETTERS):
        person.type_code(f"BBBB-BBB{letter}", source=f"192.0.2.{number}")
    page = person.type_code("BBBB-BBCB", source=ELSEWHERE)
    assert isinstance(page, View)
    assert page.status == 429


@pytest.mark.rfc("8628", "5.1")
def test_many_who_are_signed_in_at_one_source_are_delayed_together() -> None:
    server = serving()
    services = server.services

    def attempt(subject: str, source: str = HERE) -> tuple[Attempt, ...]:
        return count_user_code_attempt(source, subject, services)

    for number in range(100):
        attempt(f"user-{number}")
    refused(TooManyAttempts, lambda: attempt("user-100"))
    attempt("user-100", ELSEWHERE)
    attempt("")
    server.clock.advance(3600)
    for _ in range(20):
        attempt("user-1")
    for _ in range(200):  # what is refused counts nowhere
        refused(TooManyAttempts, lambda: attempt("user-1"))
    attempt("user-2")


def test_right_codes_are_no_attempts_and_what_cannot_be_one_costs_nothing() -> None:
    server = serving()
    tool, person = public(server), Person(server)
    tool.begin()
    for _ in range(30):
        person.question(tool.begun.user_code)
    person.allow(tool.begun.user_code)
    tool.begin()
    for _ in range(120):  # signed in
        person.question(tool.begun.user_code)
    server.calls.clear()
    for _ in range(30):
        person.type_code("no code at all")
    assert server.calls == Counter()


def test_identifier_of_a_device_is_half_the_hash_of_its_code() -> None:
    server = serving()
    tool = public(server)
    tool.begin()
    assert tool.device.id == base64url(opaque.key_of(read_user_code(tool.begun.user_code) or ""))
