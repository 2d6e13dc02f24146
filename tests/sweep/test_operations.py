"""Nothing that can be asked of this server is left out of the sweep, and the sweep finds what it is there to find."""

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any
from urllib.parse import quote

import pytest

from tests.sweep.estate import OPERATIONS, SCREENS, Estate
from tests.sweep.kills import NONE, Act, Scenario, Sweeper
from tests.sweep.nothing import ALIKE, LOOKS, NOTHING
from tests.sweep.operations import commands, operations
from tests.sweep.place import Key

SUBJECTS = ("people", "browsers", "applications", "clients", "organisations", "api_keys", "deployment")


def scenarios() -> Iterator[Scenario]:
    for subject in SUBJECTS:
        yield from import_module(f"tests.sweep.scenarios.{subject}").scenario


SWEPT = frozenset(one.operation for one in scenarios())


# ------------------------------------------------------------------ nothing is left out


@pytest.mark.parametrize("operation", operations())
def test_an_operation_is_swept_or_takes_nothing_away_for_a_reason(operation: str) -> None:
    known = {"scenario": operation in SWEPT, "nothing": operation in NOTHING}
    known |= {"looks": operation in LOOKS, "alike": operation in ALIKE}
    found = [where for where, is_there in known.items() if is_there]
    assert len(found) == 1, f"{operation} has to be in exactly one of {list(known)} and is in {found}"


def test_what_is_swept_or_takes_nothing_away_can_be_asked_for() -> None:
    assert SWEPT | NOTHING.keys() | LOOKS | ALIKE.keys() <= set(operations())
    assert set(ALIKE.values()) <= SWEPT


def test_whatever_is_taken_away_by_a_method_of_its_own_is_swept() -> None:
    """What DELETE is for cannot be talked away, but for the theme and where it is not allowed."""
    deletes = {operation for operation in operations() if operation.startswith("DELETE ")}
    assert deletes - SWEPT == {"DELETE /admin/theme", "DELETE /register"}


@pytest.mark.parametrize("command", commands())
def test_a_command_calls_operations_that_are_known(command: str) -> None:
    assert commands()[command] is not None, f"{command} has to be in DELEGATED: its own text calls nothing"
    assert set(commands()[command] or ()) <= set(operations())


def test_scenarios_have_names_of_their_own() -> None:
    names = [one.name for one in scenarios()]
    assert len(names) == len(set(names))


def test_whoever_enumerates_finds_each_kind_of_operation() -> None:
    expected = {
        "DELETE /admin/users/{sub}",
        "DELETE /partner/apps/{client_id}",
        "DELETE /account/sessions",
        "/my/apps disconnect-all",
        "POST /revoke",
        "DELETE /register/{client_id}",
        "function rotate_keys",
    }
    assert expected <= set(operations())
    assert commands()["users disable"] == ("PATCH /admin/users/{sub}",)


# ------------------------------------------------------------------ who looks writes nothing

PLACES = {
    "sub": "sub-of-alice",
    "client_id": "web",
    "organisation": "acme",
    "idp": "work",
    "scope": "read",
    "resource_id": "tools",
}
# Whose pages are whose.
VISITORS = {"/my": "alice", "/developer": "dev", "/organisations": "ada"}


def path_of(route: str, estate: Estate) -> dict[str, str]:
    """Something that is there, for each parameter."""
    approval = estate.approval_of("bob").rpartition("/")[2] if "{approval}" in route else ""
    known = {
        **PLACES,
        "approval": approval,
        "api_key": estate.held.key_of_alice["id"],
        "id": estate.authorization_of(estate.held.web),
    }
    if "/apps/" in route and route.startswith("/organisations"):
        known["client_id"] = "team"
    known["webhook"] = estate.held.webhook["id"]
    if route.startswith("/admin/client-documents"):
        known["client_id"] = quote("https://editor.example/client.json", safe="")
    return {name: value for name, value in known.items() if f"{{{name}}}" in route}


@pytest.fixture
def writes(estate: Estate) -> list[Key]:
    """What is written from now on."""
    found: list[Key] = []
    estate.restore()
    estate.start(estate.place.another_client(lambda keys: found.extend(keys)), "looking")
    return found


@pytest.mark.parametrize("route", [one.route for one in OPERATIONS if one.route.startswith("GET ")])
def test_an_operation_that_only_tells_writes_nothing(route: str, estate: Estate, writes: list[Key]) -> None:
    path = route.removeprefix("GET ")
    query = {"subject": "sub-of-alice"} if path in ("/admin/authorizations", "/admin/api-keys") else {}
    query |= {"day": "2026-11-30"} if path == "/admin/audit/links" else {}
    caller = {"/admin": "op", "/partner": "dev", "/account": "ada"}[f"/{path.split('/')[1]}"]
    subject = "alice" if path == "/account/applications/{client_id}" else caller
    answer = estate.api(subject).call("GET", path.format(**path_of(path, estate)), **query)
    assert answer.status == 200, answer
    assert writes == []


@pytest.mark.parametrize("route", [screen.route for screen in SCREENS])
def test_a_page_that_is_only_looked_at_writes_nothing(route: str, estate: Estate, writes: list[Key]) -> None:
    cookie = estate.held.cookies[VISITORS[f"/{route.split('/')[1]}"]]
    shown: Any = estate.visit(cookie, route, **path_of(route, estate))
    assert shown.status == 200, shown
    assert writes == []


# ------------------------------------------------------------------ the sweep finds what it is there to find


def in_two_writes(estate: Estate) -> Act:
    """Ends two sessions, one after the other."""
    first, second = estate.session_of("alice"), estate.session_of("alice elsewhere")

    def act() -> None:
        estate.services.withdrawals.end_session(first)
        estate.services.withdrawals.end_session(second)

    return act


def not_to_be_repeated(estate: Estate) -> Act:
    """Notes that it is under way, and does nothing if that was noted before."""
    session = estate.session_of("alice")

    def act() -> None:
        if estate.services.counters.spend("it", estate.services.claim(), estate.clock() + 60):
            estate.services.withdrawals.end_session(session)

    return act


def in_one_write(estate: Estate) -> Act:
    session = estate.session_of("alice elsewhere")
    return lambda: estate.services.withdrawals.end_session(session)


@pytest.mark.parametrize(
    ("prepare", "when", "gone", "left"),
    [
        (in_two_writes, "killed", ["alice: browser", "alice: open consent page"], ["alice: another browser"]),
        (not_to_be_repeated, "asked again", "nothing", ["alice: browser", "alice: open consent page"]),
    ],
)
def test_the_sweep_finds_what_the_law_forbids(
    prepare: Callable[[Estate], Act], when: str, gone: object, left: list[str], sweeper: Sweeper
) -> None:
    (fault,) = sweeper.sweep(Scenario("none", prepare.__name__, prepare, NONE)).faults
    assert fault.startswith(when)
    assert fault.endswith(f"before write 2, gone is {gone}, and left what should be gone: {left}")


def test_the_sweep_finds_nothing_in_one_write(sweeper: Sweeper) -> None:
    swept = sweeper.sweep(Scenario("none", "in one write", in_one_write, NONE))
    assert swept.faults == []
    assert [one.write for one in swept.kills] == [1]


def test_the_child_leaves_the_connections_and_the_memory_of_its_parent_alone(estate: Estate, sweeper: Sweeper) -> None:
    sweeper.sweep(Scenario("none", "in one write", in_one_write, NONE))
    assert estate.place.state() == estate.founded
    assert estate.page(estate.held.cookies["alice elsewhere"], "/my").csrf
