"""The device authorization grant: the codes, who may begin, the polls, and what ends it."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from authserver.endpoints.machines.device_authorization import LIFETIME, PER_SOURCE_AN_HOUR
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
    TooManyDevices,
    UnauthorizedClient,
    UnsupportedGrantType,
)
from authserver.messages.site import View
from authserver.messages.token import TokenResponse
from authserver.models import DISABLED
from authserver.models.clients import DEVICE_CODE
from authserver.models.tokens import DENIED
from authserver.tokens import opaque
from authserver.tokens.keyring import TOKEN_RING
from authserver.tokens.user_code import new_user_code, read_user_code, shown
from authserver.wire.http import render_error
from tests.fakes import public_client
from tests.unit.devices import ELSEWHERE, Person, Tool, public, refused, serving
from tests.unit.server import App, Server, all_at_once

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
