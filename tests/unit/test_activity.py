"""What happened to an account is noted where it happened, with its device and network, and never in its way."""

from collections.abc import Callable
from typing import Any

import pytest

from authserver.errors import TemporarilyUnavailable
from authserver.identity.activity import APPLICATION_CONNECTED, KEPT, PROFILE_CHANGED, SIGNED_IN, note
from authserver.messages.authorization import AuthorizationResponse
from authserver.messages.browser import GoTo
from authserver.models.journal import Activity
from tests.fakes import START, services
from tests.unit.server import Browser, Server
from tests.unit.test_sign_in import at_consent, at_login

ALICE = "sub-of-alice"


def activities(server: Server) -> tuple[Activity, ...]:
    return server.journal.activities(ALICE).items


def kinds(server: Server) -> list[str]:
    return [one.kind for one in activities(server)]


def test_what_is_noted_tells_the_network_and_not_the_address_and_is_kept_for_90_days() -> None:
    reach = services()
    note(reach, "s", PROFILE_CHANGED, device="Firefox · Linux", source="2001:db8:1:2:3:4:5:6", about="name")
    (activity,) = reach.journal.activities("s").items
    assert (activity.kind, activity.device, activity.about) == (PROFILE_CHANGED, "Firefox · Linux", "name")
    assert activity.source == "2001:db8:1:2::/64"
    assert (activity.created_at, activity.expires_at) == (START, START + KEPT)


@pytest.mark.parametrize("source", ["::1", "127.0.0.1"])
def test_loopback_is_no_network(source: str) -> None:
    reach = services()
    note(reach, "s", PROFILE_CHANGED, source=source)
    assert reach.journal.activities("s").items[0].source == source


def test_a_sign_in_is_noted_and_a_wrong_password_is_not() -> None:
    server = Server()
    browser, handle = at_login(server)
    browser.sign_in(handle, username="nobody")
    assert kinds(server) == []
    browser.sign_in(handle)
    assert [(one.kind, one.about) for one in activities(server)] == [(SIGNED_IN, "password")]


def test_an_application_is_noted_where_somebody_allows_it_and_not_where_it_was_allowed_before() -> None:
    server = Server()
    browser, handle, csrf = at_consent(server)
    browser.decide(handle, "allow", csrf=csrf)
    assert sorted(kinds(server)) == [APPLICATION_CONNECTED, SIGNED_IN]
    connected = next(one for one in activities(server) if one.kind == APPLICATION_CONNECTED)
    assert connected.about == "web"
    assert isinstance(browser.authorize(), AuthorizationResponse)
    assert len(activities(server)) == 2


def test_an_application_that_is_denied_is_not_noted() -> None:
    server = Server()
    browser, handle, csrf = at_consent(server)
    browser.decide(handle, "deny", csrf=csrf)
    assert kinds(server) == [SIGNED_IN]


def test_nothing_fails_because_it_cannot_be_noted() -> None:
    server = Server()

    def fail(verb: str, call: Callable[[], Any]) -> Any:
        if verb == "journal.note_activity":
            raise TemporarilyUnavailable("The store did not answer", reason="test")
        return call()

    server.around = fail
    browser, handle = at_login(server)
    assert isinstance(browser.sign_in(handle), GoTo)
    assert Browser(server).code()
    assert server.calls["journal.note_activity"] == 3
    assert kinds(server) == []
