"""Whatever changes something leaves an event in the audit, by the same write: shown on every scenario of the sweep."""

import inspect
from collections.abc import Mapping

import pytest

from authserver.management.audited import ACTS
from authserver.models.audit import AuditEvent
from authserver.storage.audit import Wanted
from tests.sweep.estate import OPERATIONS, Estate
from tests.sweep.kills import Scenario
from tests.sweep.place import BESIDE, State
from tests.sweep.test_operations import SWEPT, scenarios

# What changes something and is no act for the audit, and why.
USE = "what applications and browsers do all day; the account's activity and the logs tell of it"
UNEVENTFUL: Mapping[str, str] = {
    "POST /consent": USE,
    "GET /federate/callback/{provider}": USE,
    "GET /logout": USE,
    "POST /logout": USE,
    "POST /login": USE,
    "POST /login/code": USE,
    "POST /login/passkey": USE,
    "POST /auth/signin": USE,
    "POST /refresh": USE,
    "POST /revoke": USE,
    "POST /token": USE,
    "function erase": "it finishes a deletion, which has its event",
}
# Acts among what is else uneventful, by the name of the scenario: what the server ends by itself.
BY_ITSELF = {
    "somebody sends a code a second time": "code_replayed",
    "somebody sends a refresh token that was used long ago": "refresh_reused",
}


def done(one: Scenario, estate: Estate) -> list[AuditEvent]:
    """The events that an operation leaves, which is seen to change something."""
    estate.restore()
    estate.start(estate.place.client, one.name)
    act = one.prepare(estate)
    before, known = decisive(estate.place.state()), {event.id for event in events(estate)}
    act()
    assert decisive(estate.place.state()) != before
    return [event for event in events(estate) if event.id not in known]


def decisive(state: State) -> dict[object, object]:
    return {key: item for key, item in state.items() if not key[1].startswith(BESIDE)}


def events(estate: Estate) -> list[AuditEvent]:
    now = estate.clock()
    return list(estate.services.audit.events(Wanted(now - 86_400, now + 86_400), limit=100).items)


@pytest.mark.parametrize("one", [one for one in scenarios() if one.operation not in UNEVENTFUL], ids=str)
def test_whatever_changes_something_leaves_an_event(one: Scenario, estate: Estate) -> None:
    found = done(one, estate)
    assert {(event.outcome, bool(event.actor)) for event in found} == {("done", True)}


@pytest.mark.parametrize("one", [one for one in scenarios() if one.name in BY_ITSELF], ids=str)
def test_what_the_server_ends_by_itself_leaves_an_event_that_says_why(one: Scenario, estate: Estate) -> None:
    (event,) = done(one, estate)
    assert (event.actor_kind, event.act, event.object_kind) == ("system", "authorization.revoked", "authorization")
    assert event.reason == BY_ITSELF[one.name]
    assert event.object_id


def test_what_is_uneventful_is_there() -> None:
    assert UNEVENTFUL.keys() <= SWEPT
    assert BY_ITSELF.keys() <= {one.name for one in scenarios()}


def test_an_operation_says_which_act_it_is_unless_it_reads() -> None:
    silent = {one.route for one in OPERATIONS if inspect.unwrap(one.perform, stop=ACTS.__contains__) not in ACTS}
    assert silent == {one.route for one in OPERATIONS if one.route.startswith("GET ")}
