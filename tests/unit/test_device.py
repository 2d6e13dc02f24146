"""The device authorization grant: the codes, the polls, the pages, and who can be talked into what."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import pytest

from authserver.endpoints.browsers.device import WRONG, serve
from authserver.endpoints.browsers.login import cancel
from authserver.endpoints.machines.device_authorization import LIFETIME, PER_SOURCE_AN_HOUR, authorize_device
from authserver.errors import (
    AccessDenied,
    AuthorizationPending,
    DevicesTurnedOff,
    ExpiredToken,
    InvalidClient,
    InvalidGrant,
    InvalidRequest,
    InvalidScope,
    InvalidTarget,
    InvalidToken,
    OAuthError,
    ServerError,
    SlowDown,
    TooManyAttempts,
    TooManyDevices,
    UnauthorizedClient,
    UnsupportedGrantType,
)
from authserver.identity.throttle import Attempt, count_user_code_attempt
from authserver.messages.browser import ConsentPage, DeviceAnswered, DeviceForm, GoTo, LoginForm, LoginPage
from authserver.messages.site import View
from authserver.messages.token import ClientRequest, DeviceAuthorizationResponse, TokenResponse
from authserver.models import DISABLED
from authserver.models.clients import DEVICE_CODE, TEST, Client
from authserver.models.tokens import DENIED, DeviceRequest
from authserver.pages import Pages
from authserver.scopes import DEFAULT, ScopeCatalogue, ScopeDefinition
from authserver.tokens import opaque
from authserver.tokens.keyring import TOKEN_RING
from authserver.tokens.user_code import LETTERS, new_user_code, read_user_code, shown
from authserver.values import Scope, base64url
from authserver.wire.browser import parse_device_form
from authserver.wire.http import HttpRequest, render_error
from tests.fakes import CLIENT_SECRET, OTHER_RESOURCE, RESOURCE, client, public_client, user
from tests.unit.server import App, Browser, Server, all_at_once

ON = ("authorization_code", "client_credentials", "refresh_token", "device_code")
OF_CLIENTS = (DEVICE_CODE, "refresh_token")
FORM = {"content-type": "application/x-www-form-urlencoded"}
HERE, ELSEWHERE = "192.0.2.1", "198.51.100.7"


def serving(*clients: Client, **settings: Any) -> Server:
    registered = clients or (client(grant_types=OF_CLIENTS), public_client(grant_types=OF_CLIENTS))
    return Server(*registered, **{"grant_types": ON, **settings})


@dataclass
class Tool:
    """A program without a browser."""

    app: App
    begun: DeviceAuthorizationResponse = field(init=False)

    def begin(self, resource: tuple[str, ...] = (), source: str = HERE, **form: str) -> DeviceAuthorizationResponse:
        parameters = {**({"client_id": self.app.client_id} if self.app.secret is None else {}), **form}
        request = ClientRequest(parameters, resource, self.app.authorization, source=source)
        self.begun = authorize_device(request, self.app.services)
        return self.begun

    def poll(self, resource: tuple[str, ...] = (), app: App | None = None, **form: str) -> TokenResponse:
        form = {"device_code": self.begun.device_code.reveal(), **form}
        return (app or self.app).token(DEVICE_CODE, resource, **form)

    @property
    def device(self) -> DeviceRequest:
        """What is stored."""
        credential = opaque.unseal(
            opaque.DEVICE_CODE, self.begun.device_code.reveal(), self.app.services.keys.token_keys(TOKEN_RING)
        )
        assert credential is not None
        device = self.app.server.tokens.device(credential.text("id"))
        assert device is not None
        return device


def public(server: Server) -> Tool:
    return Tool(App(server, "app", None))


class Person(Browser):
    """A person with a browser, to whom a device shows a code."""

    def at_device(self, source: str = HERE, handle: str = "", **form: Any) -> View | GoTo | DeviceAnswered:
        brought = {**self._brings(handle), "source": source}
        everything: dict[str, Any] = {**brought, **form}
        return self._keep(serve(DeviceForm(**everything), self.services))

    def type_code(self, code: str, **form: Any) -> View | GoTo | DeviceAnswered:
        return self.at_device(user_code=code, **form)

    def question(self, code: str, **form: str) -> tuple[str, View]:
        """The handle of the question whether this person started it, and the question."""
        step = self.type_code(code, **form)
        assert isinstance(step, GoTo), step
        assert step.page == "device"
        view = self.at_device(handle=step.request_handle, **form)
        assert isinstance(view, View)
        return step.request_handle, view

    def say(self, action: str, code: str) -> View | GoTo | DeviceAnswered:
        handle, view = self.question(code)
        return self.at_device(handle=handle, action=action, csrf=view.context["csrf"])

    def to_consent(self, code: str) -> tuple[str, ConsentPage]:
        """The handle of what waits to be allowed, and the page that asks."""
        step = self.say("confirm", code)
        assert isinstance(step, GoTo), step
        assert step.page == "login"
        handle = step.request_handle
        if isinstance(self.login_page(handle), LoginPage):
            self.sign_in(handle)
        page = self.consent_page(handle)
        assert isinstance(page, ConsentPage), page
        return handle, page

    def allow(self, code: str, decision: str = "allow", **form: Any) -> DeviceAnswered:
        handle, page = self.to_consent(code)
        answer = self.decide(handle, decision, csrf=page.csrf, **form)
        assert isinstance(answer, DeviceAnswered), answer
        return answer


def refused[E: OAuthError](kind: type[E], call: Callable[[], Any]) -> E:
    with pytest.raises(kind) as error:
        call()
    return error.value


# ------------------------------------------------------------------ the codes


@pytest.mark.rfc("8628", "3.2")
def test_answer_has_two_codes_and_says_where_to_type_one() -> None:
    server = serving()
    begun = public(server).begin(scope="read")
    assert begun.members() == {
        "device_code": begun.device_code.reveal(),
        "user_code": begun.user_code,
        "verification_uri": "https://as.example/device",
        "verification_uri_complete": f"https://as.example/device?user_code={begun.user_code}",
        "expires_in": 900,
        "interval": 5,
    }
    assert begun.device_code.reveal() not in repr(begun)


@pytest.mark.rfc("8628", "6.1")
def test_user_code_is_short_has_no_vowels_and_every_letter_is_as_likely() -> None:
    server = serving()
    counted = Counter(letter for _ in range(2000) for letter in new_user_code(server.random))
    assert set(counted) == set("BCDFGHJKLMNPQRSTVWXZ")
    assert max(counted.values()) < 1.3 * min(counted.values())
    assert re.fullmatch("[A-Z]{4}-[A-Z]{4}", shown(new_user_code(server.random)))


@pytest.mark.rfc("8628", "6.1")
@pytest.mark.parametrize(
    "typed",
    ["WDJB-MJHT", "wdjb-mjht", "WDJBMJHT", " wdjb mjht ", "w d j b \u2013 m j h t", "WDJB\u00a0MJHT", "wdjb_mjht"],
)
def test_user_code_is_read_whatever_its_case_and_separators(typed: str) -> None:
    assert read_user_code(typed) == "WDJBMJHT"


@pytest.mark.parametrize(
    "typed", ["", "WDJB-MJH", "WDJB-MJHTT", "WDJB-MJHA", "WDJB-MJH1", "WDJB/MJHT", "\uff37DJB-MJHT"]
)
def test_what_cannot_be_a_user_code_is_none(typed: str) -> None:
    assert read_user_code(typed) is None


def test_two_devices_never_show_the_same_code() -> None:
    server = serving()
    first = public(server)
    first.begin()
    taken = first.device
    codes = iter([taken.id, taken.id])
    server.around = lambda verb, call: False if verb == "tokens.put_device" and next(codes, "") else call()
    second = public(server)
    second.begin()
    assert (second.device.id != taken.id, server.tokens.device(taken.id)) == (True, taken)
    server.around = lambda verb, call: False if verb == "tokens.put_device" else call()
    refused(ServerError, second.begin)


# ------------------------------------------------------------------ who may begin


@pytest.mark.rfc("8628", "3.1")
def test_confidential_client_authenticates_and_a_public_one_names_itself() -> None:
    server = serving()
    Tool(App(server)).begin()
    public(server).begin()
    for app in (App(server, "web", "wrong"), App(server, "web", None), App(server, "nobody", None)):
        refused(InvalidClient, Tool(app).begin)


@pytest.mark.rfc("8628", "3.1")
def test_client_that_is_not_registered_for_it_may_not() -> None:
    server = serving(public_client())
    refused(UnauthorizedClient, public(server).begin)


def test_where_it_is_turned_off_there_is_nothing() -> None:
    server = serving(grant_types=("authorization_code", "refresh_token"))
    error = refused(DevicesTurnedOff, public(server).begin)
    assert (error.status, server.calls) == (404, Counter())
    refused(UnsupportedGrantType, lambda: App(server, "app", None).token(DEVICE_CODE, device_code="dc_x"))
    page = Person(server).at_device()
    assert isinstance(page, View)
    assert (page.template, page.status) == ("device/off", 404)


@pytest.mark.rfc("8628", "3.1")
def test_what_is_asked_for_is_held_to_the_rules_of_an_authorization_request() -> None:
    server = serving()
    refused(InvalidScope, lambda: public(server).begin(scope='a"b'))
    refused(InvalidScope, lambda: public(server).begin(scope="admin"))
    refused(InvalidTarget, lambda: public(server).begin(resource=("https://nowhere.example",)))
    refused(InvalidRequest, lambda: public(server).begin(max_age="soon"))
    refused(InvalidRequest, lambda: public(server).begin(scope=" ".join(f"s{number}" for number in range(900))))


@pytest.mark.rfc("8628", "3.1")
def test_parameters_that_mean_nothing_here_are_ignored() -> None:
    server = serving()
    tool = public(server)
    tool.begin(scope="read", prompt="none", code_challenge="x", redirect_uri="https://evil.example", state="s")
    assert dict(tool.device.parameters) == {"client_id": "app", "scope": "read"}


def test_a_source_begins_only_so_many_in_an_hour() -> None:
    server = serving()
    for _ in range(PER_SOURCE_AN_HOUR):
        public(server).begin()
    error = refused(TooManyDevices, public(server).begin)
    response = render_error(error)
    assert (response.status, error.error) == (429, "slow_down")
    assert dict(response.headers)["Retry-After"] == str(error.retry_after)
    public(server).begin(source=ELSEWHERE)
    server.clock.advance(error.retry_after)
    public(server).begin()


# ------------------------------------------------------------------ polls


@pytest.mark.rfc("8628", "3.5")
def test_device_waits_until_its_user_allows_and_gets_tokens_once() -> None:
    server = serving()
    tool = public(server)
    tool.begin(scope="openid read")
    assert refused(AuthorizationPending, tool.poll).error == "authorization_pending"
    assert Person(server).allow(tool.begun.user_code).is_allowed
    response = tool.poll()
    assert (str(response.scope), server.access(response.access_token).subject) == ("openid read", "sub-of-alice")
    assert response.id_token is not None
    assert response.refresh_token is not None
    refused(InvalidGrant, tool.poll)
    server.access(App(server, "app", None).refresh(response.refresh_token).access_token)


@pytest.mark.rfc("8628", "3.5")
def test_a_poll_is_one_read_and_notes_nothing() -> None:
    server = serving()
    tool = public(server)
    tool.begin()
    server.warm_up()
    refused(AuthorizationPending, tool.poll)
    assert server.calls == Counter({"tokens.standing": 1})
    refused(SlowDown, tool.poll)
    assert server.calls == Counter({"tokens.standing": 2, "tokens.slow_device_down": 1})


@pytest.mark.rfc("8628", "3.5")
def test_slow_down_lengthens_the_interval_and_it_stays_longer() -> None:
    server = serving()
    tool = public(server)
    tool.begin()
    refused(AuthorizationPending, tool.poll)
    for longer in (10, 15):
        server.clock.advance(1)
        assert refused(SlowDown, tool.poll).error == "slow_down"
        assert tool.device.interval == longer
    server.clock.advance(13)
    refused(SlowDown, tool.poll)
    server.clock.advance(20)
    refused(AuthorizationPending, tool.poll)
    server.services = server.new_instance()  # which has not seen a poll, and is told the interval
    refused(AuthorizationPending, tool.poll)
    server.clock.advance(18)
    refused(SlowDown, tool.poll)


@pytest.mark.rfc("8628", "3.5")
def test_device_that_keeps_the_interval_is_never_told_to_slow_down() -> None:
    server = serving()
    tool = public(server)
    tool.begin()
    for _ in range(20):
        refused(AuthorizationPending, tool.poll)
        server.clock.advance(tool.begun.interval)


def test_one_that_never_slows_down_costs_no_writes_without_end() -> None:
    server = serving()
    tool = public(server)
    tool.begin()
    refused(AuthorizationPending, tool.poll)
    for _ in range(50):
        refused(SlowDown, tool.poll)
    assert (tool.device.interval, server.calls["tokens.slow_device_down"]) == (60, 11)


def test_an_instance_remembers_a_bounded_number_of_devices() -> None:
    server = serving()
    tools = [public(server) for _ in range(600)]
    for number, tool in enumerate(tools):
        tool.begin(source=f"192.0.2.{number % 200}")
        refused(AuthorizationPending, tool.poll)
    assert len(server.services.polled) == 512


@pytest.mark.rfc("8628", "3.5")
def test_device_code_expires() -> None:
    server = serving()
    tool = public(server)
    tool.begin()
    server.clock.advance(LIFETIME - 1)
    refused(AuthorizationPending, tool.poll)
    server.clock.advance(1)
    assert refused(ExpiredToken, tool.poll).error == "expired_token"
    server.tokens.vanish(server.clock())
    assert refused(ExpiredToken, tool.poll).error == "expired_token"


@pytest.mark.rfc("8628", "3.5")
def test_what_was_allowed_is_fetched_in_time_or_not_at_all() -> None:
    server = serving()
    tool = public(server)
    tool.begin()
    server.clock.advance(LIFETIME - 1)
    Person(server).allow(tool.begun.user_code)
    server.clock.advance(1)
    refused(ExpiredToken, tool.poll)
    (authorization,) = server.tokens.every_authorization()
    assert authorization.expires_at == server.clock()


@pytest.mark.rfc("8628", "3.5")
def test_device_hears_that_it_was_denied() -> None:
    server = serving()
    tool = public(server)
    tool.begin()
    assert not Person(server).allow(tool.begun.user_code, "deny").is_allowed
    error = refused(AccessDenied, tool.poll)
    assert (error.error, error.status, tool.device.answer) == ("access_denied", 400, DENIED)
    assert server.tokens.every_authorization() == ()


@pytest.mark.rfc("8628", "5.2")
def test_garbage_is_refused_without_a_read_of_any_device() -> None:
    server = serving()
    tool = public(server)
    tool.begin()
    server.warm_up()
    code = tool.begun.device_code.reveal()
    for presented in ("x", "dc_", code[:-1], code + "A", "ac_" + code[3:], f"{code[:-2]}AA"):
        refused(InvalidGrant, partial(tool.poll, device_code=presented))
    refused(InvalidRequest, lambda: tool.app.token(DEVICE_CODE))
    assert {verb for verb in server.calls if verb.startswith("tokens.")} == {"tokens.standing"}  # of the client


@pytest.mark.rfc("8628", "5.2")
def test_whoever_knows_the_user_code_cannot_make_the_device_code() -> None:
    server = serving()
    tool = public(server)
    tool.begin()
    key = server.services.keys.token_key(TOKEN_RING)
    forged = opaque.seal(
        opaque.DEVICE_CODE, key, id=opaque.key_of(read_user_code(tool.begun.user_code) or ""), secret=bytes(16)
    )
    Person(server).allow(tool.begun.user_code)
    refused(InvalidGrant, lambda: tool.poll(device_code=forged))
    tool.poll()


@pytest.mark.rfc("8628", "5.2")
def test_device_code_is_its_clients_alone() -> None:
    server = serving()
    tool = public(server)
    tool.begin()
    Person(server).allow(tool.begun.user_code)
    refused(InvalidGrant, lambda: tool.poll(app=App(server)))
    tool.poll()


@pytest.mark.rfc("8628", "3.4")
def test_of_polls_at_once_one_gets_tokens() -> None:
    server = serving()
    tool = public(server)
    tool.begin()
    Person(server).allow(tool.begun.user_code)

    def attempt(_: int) -> TokenResponse | None:
        try:
            return tool.poll()
        except InvalidGrant:
            return None

    (response,) = [one for one in all_at_once(attempt) if one is not None]
    server.access(response.access_token)


@pytest.mark.rfc("8628", "3.4")
def test_tokens_are_made_before_the_write_that_licenses_them() -> None:
    """So that a key service that is down costs a poll, and not the device's code."""
    server = serving()
    tool = public(server)
    tool.begin()
    Person(server).allow(tool.begun.user_code)
    order: list[str] = []

    def around(verb: str, call: Callable[[], Any]) -> Any:
        order.append(verb)
        return call()

    server.around = around
    tool.poll()
    assert order[-1] == "tokens.redeem"


# ------------------------------------------------------------------ what ends it


ENDS: list[Callable[[Server], Any]] = [
    lambda server: server.withdrawals.end(subject="sub-of-alice", client_id="app"),
    lambda server: server.withdrawals.end(subject="sub-of-alice"),
    lambda server: server.withdrawals.end(client_id="app"),
    lambda server: server.withdrawals.end_grants("sub-of-alice"),
    lambda server: server.withdrawals.set_password("sub-of-alice", "another"),
    lambda server: server.withdrawals.delete_user("sub-of-alice", server.clock()),
    lambda server: server.withdrawals.delete_client("app"),
    lambda server: server.withdrawals.end_everything("another era"),
]


@pytest.mark.rfc("8628", "3.5")
@pytest.mark.parametrize("end", ENDS)
def test_whatever_revokes_ends_what_was_allowed_and_what_was_fetched(end: Callable[[Server], Any]) -> None:
    server = serving()
    waiting, fetched = public(server), public(server)
    person = Person(server)
    for tool in (waiting, fetched):
        tool.begin()
        person.allow(tool.begun.user_code)
    response = fetched.poll()
    end(server)
    refused(OAuthError, waiting.poll)
    with pytest.raises(InvalidToken):
        server.access(response.access_token)
    refused(OAuthError, lambda: fetched.app.refresh(response.refresh_token))


def test_signing_out_everywhere_ends_what_was_not_fetched_and_keeps_what_was() -> None:
    server = serving()
    first, second = public(server), public(server)
    first.begin()
    second.begin()
    person = Person(server)
    person.allow(first.begun.user_code)
    response = first.poll()
    person.allow(second.begun.user_code)
    server.withdrawals.end_sessions("sub-of-alice")
    refused(InvalidGrant, second.poll)
    server.access(response.access_token)


@pytest.mark.rfc("7009", "2.1")
def test_revoking_the_refresh_token_ends_the_access_token() -> None:
    server = serving()
    tool = public(server)
    tool.begin()
    Person(server).allow(tool.begun.user_code)
    response = tool.poll()
    tool.app.revoke(response.refresh_token)
    with pytest.raises(InvalidToken):
        server.access(response.access_token)


def test_client_that_was_disabled_meanwhile_gets_nothing() -> None:
    server = serving()
    tool = public(server)
    tool.begin()
    person = Person(server)
    handle, page = person.to_consent(tool.begun.user_code)
    assert server.withdrawals.change_client(replace(page.client, status=DISABLED))
    refused(InvalidClient, tool.poll)
    refused(InvalidRequest, lambda: person.decide(handle, csrf=page.csrf))


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
