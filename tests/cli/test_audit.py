"""`audit verify` and `audit export --sealed`, of a server in memory whose chain the events are sealed in."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from authserver.identity.sealing import seal
from authserver.management import Call
from authserver.management.admin.audit import OPERATIONS
from authserver.models.audit import AuditEvent, day_of
from authserver.models.chain import digest_of, shard_of
from authserver.services import Services
from authserver.settings import DAY
from authserver.storage.lists import Page
from authserver.values import Scope
from authserver_cli.chain import PENDING
from tests.cli.conftest import Run
from tests.cli.deployment import Asked, FakeDeployment
from tests.contract.records import NOW, event
from tests.fakes import Clock, FakeArchive, services

MORNING = NOW // DAY * DAY + DAY // 3
NOON = NOW // DAY * DAY + DAY // 2
SHARD = "7"

type Act = Callable[..., AuditEvent]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock(NOON)
    monkeypatch.setattr("authserver_cli.commands.audit.time", SimpleNamespace(time=clock))
    return clock


@pytest.fixture
def server(clock: Clock) -> Services:
    return services(now=clock, archive=FakeArchive())


@pytest.fixture
def act(server: Services, clock: Clock) -> Act:
    """Does something on the server, as of now or `at` a time, and seals it unless told not to."""

    def act(
        at: int | None = None, *, shard: str = SHARD, is_sealed: bool = True, lasting: int = 400 * DAY, **fields: Any
    ) -> AuditEvent:
        time = clock() if at is None else at
        made = event(created_at=time, expires_at=time + lasting, **fields)
        while shard_of(made.id) != shard:
            made = replace(made, id=event().id)
        server.audit.record(made)
        if is_sealed:
            seal(shard, [made], server)
        return made

    return act


@pytest.fixture
def meanwhile() -> dict[str, Callable[[], Any]]:
    """What is done on the server before it answers to the first call of a path."""
    return {}


@pytest.fixture(autouse=True)
def answering(
    deployment: FakeDeployment,
    server: Services,
    meanwhile: dict[str, Callable[[], Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    by_route = {operation.route: operation for operation in OPERATIONS}
    scripted = deployment.reply

    def reply(asked: Asked) -> tuple[int, Any]:
        operation = by_route.get(f"{asked.method} {asked.path}")
        if operation is None:
            return scripted(asked)
        meanwhile.pop(asked.path, lambda: None)()
        answer = operation.perform(Call("op", "tool", Scope(), operation.route, query=asked.query), server)
        return answer.status, answer.document

    monkeypatch.setattr(deployment, "reply", reply)


type Lines = list[dict[str, Any]]


class Tool:
    """What the tool says of the server, and of files."""

    def __init__(self, run: Run, folder: Path) -> None:
        self.run, self.folder = run, folder

    def verify(self, *arguments: str) -> set[str]:
        """The kinds of the faults that are found."""
        result = self.run("audit", "verify", *arguments)
        found = {line.rpartition(": ")[0].lstrip("0123456789- ") for line in result.stderr.splitlines()}
        assert result.exit_code == (1 if found else 0), (result.stdout, result.stderr)
        return found

    def export(self, *arguments: str) -> Lines:
        result = self.run("audit", "export", "--sealed", *arguments)
        assert result.exit_code == 0, result.stderr
        return [json.loads(line) for line in result.stdout.splitlines()]

    def write(self, lines: Lines, name: str = "audit.jsonl") -> str:
        (self.folder / name).write_text("".join(json.dumps(line) + "\n" for line in lines))
        return str(self.folder / name)

    def heads(self, *arguments: str) -> Lines:
        result = self.run("audit", "heads", *arguments)
        return [json.loads(line) for line in result.stdout.splitlines()]

    def verify_lines(self, lines: Lines, *arguments: str) -> set[str]:
        return self.verify(self.write(lines), *arguments)


@pytest.fixture
def tool(run: Run, tmp_path: Path) -> Tool:
    return Tool(run, tmp_path)


@pytest.fixture
def days(act: Act, clock: Clock) -> tuple[str, str, str]:
    """Three days of five links each, that are over."""
    first = clock.time
    for number in range(15):
        clock.time = first + number // 5 * DAY + number % 5
        act()
    clock.time = first + 3 * DAY
    one, two, three = (day_of(first + number * DAY) for number in range(3))
    return one, two, three


def batches(lines: Lines) -> Lines:
    return [line for line in lines if "link" in line]


# ------------------------------------------------------------------ what is whole is said to be


def test_links_that_are_made_while_the_server_is_read_are_no_tampering(
    tool: Tool, act: Act, meanwhile: dict[str, Callable[[], Any]]
) -> None:
    act()
    for path in ("/admin/audit", "/admin/audit/links"):
        meanwhile |= {path: act}
        assert tool.verify() == set()
    meanwhile |= {"/admin/audit": act, "/admin/audit/links": lambda: act(shard="8")}
    lines = tool.export()
    assert len(batches(lines)) == 3
    assert tool.verify_lines(lines) == set()


def test_a_list_of_links_that_grows_repeats_none(
    tool: Tool, act: Act, clock: Clock, meanwhile: dict[str, Callable[[], Any]]
) -> None:
    for _ in range(30):
        act(shard="8")
    clock.advance(1)

    def second_page() -> None:
        meanwhile["/admin/audit/links"] = act

    meanwhile["/admin/audit/links"] = second_page
    assert len(batches(tool.export())) == 30


def test_an_export_is_whole_whenever_it_is_verified(tool: Tool, act: Act, clock: Clock) -> None:
    """What was not sealed yet, as it had just been done, is not in it."""
    act()
    clock.advance(60)
    act(is_sealed=False)
    clock.advance(60)
    lines = tool.export()
    for later in (0, DAY, 450 * DAY):
        clock.time += later
        assert tool.verify_lines(lines) == set()


def test_an_export_leaves_out_the_days_that_have_begun_to_expire(tool: Tool, act: Act, clock: Clock, run: Run) -> None:
    act()
    clock.advance(DAY)
    kept = act()
    clock.time = NOON + 400 * DAY
    lines = tool.export("--from", day_of(NOON))
    assert [batch["events"][0]["id"] for batch in batches(lines)] == [kept.id]
    assert tool.verify_lines(lines) == set()
    assert day_of(NOON) in run("audit", "export", "--sealed", "--from", day_of(NOON)).stderr


def test_events_from_before_the_chain_began_are_exported_without_links(tool: Tool, act: Act, clock: Clock) -> None:
    old = act(NOON - 3600, is_sealed=False)
    act()
    clock.advance(DAY)
    lines = tool.export()
    assert [line["id"] for line in lines if "act" in line] == [old.id]
    assert tool.verify() == tool.verify_lines(lines) == set()


def test_a_day_that_is_given_as_the_end_is_not_included(
    tool: Tool, act: Act, clock: Clock, days: tuple[str, str, str]
) -> None:
    clock.time = NOW // DAY * DAY + 2 * DAY
    midnight = act(shard="8")
    clock.time = NOON + 3 * DAY
    lines = tool.export("--from", days[0], "--to", days[2])
    assert {batch["link"]["day"] for batch in batches(lines)} == {*days[:2]}
    assert midnight.id not in json.dumps([line for line in lines if "export" not in line])
    assert {line["day"] for line in tool.heads("--from", days[0], "--to", days[2])} == {*days[:2]}
    assert tool.verify("--from", days[0], "--to", days[2]) == tool.verify_lines(lines) == set()


def test_an_archive_is_read_line_by_line_whatever_is_in_it(
    tool: Tool, server: Services, act: Act, tmp_path: Path
) -> None:
    act(object_id="a\u2028b\u2029c\u0085d")
    assert isinstance(server.archive, FakeArchive)
    for name, content in server.archive.files.items():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(content)
    assert tool.verify(str(tmp_path / "links")) == set()


# ------------------------------------------------------------------ what is not whole


def forge(batch: dict[str, Any]) -> None:
    """Another event in the link, under its own entry."""
    batch["events"] = [{**batch["events"][0], "act": "nothing.happened"}]
    (made,) = batch["events"]
    batch["link"]["entries"] = [f"{made['id']} {digest_of(made)} {made['expires_at']}"]


@pytest.mark.parametrize("later", [0, 450 * DAY])
def test_a_file_loses_nothing_with_its_age(tool: Tool, days: tuple[str, str, str], clock: Clock, later: int) -> None:
    lines = tool.export()
    clock.time += later
    assert tool.verify_lines(lines) == set()
    assert tool.verify_lines([line for line in lines if line != batches(lines)[3]]) == {"link missing"}
    without = json.loads(json.dumps(lines))
    batches(without)[1]["events"] = []
    assert tool.verify_lines(without) == {"event missing"}
    forge(batches(lines)[1])
    lines.remove(batches(lines)[3])
    assert tool.verify_lines(lines) == {"link missing", "link changed"}


def test_what_is_left_of_an_old_day_is_verified(
    tool: Tool, server: Services, days: tuple[str, str, str], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Links that are too old may be gone from the server; those that are there may not be others."""
    clock.time += 450 * DAY
    links = server.chain.links
    monkeypatch.setattr(server.audit, "events", lambda _, **page: Page((), None))
    monkeypatch.setattr(server.chain, "events", lambda _: {})
    monkeypatch.setattr(server.chain, "links", lambda places: tuple(one for one in links(places) if one.number != 4))
    assert tool.verify("--from", days[0]) == set()

    def changed(places: Any) -> Any:
        there = (one for one in links(places) if one.number != 4)
        return tuple(replace(one, sealed_at=one.sealed_at + 1) if one.number == 2 else one for one in there)

    monkeypatch.setattr(server.chain, "links", changed)
    assert tool.verify("--from", days[0]) == {"link changed"}


def test_events_that_are_put_into_an_export_are_told(
    tool: Tool, act: Act, days: tuple[str, str, str], clock: Clock
) -> None:
    lines = tool.export("--from", days[1], "--to", days[2])
    genuine = batches(lines)[2]["events"][0]
    twin = {**genuine, "act": "user.deleted"}
    assert tool.verify_lines([*lines, twin]) == {"event changed"}
    assert tool.verify_lines([twin, *lines]) == {"event changed"}
    for events in ([twin, genuine], [genuine, twin]):
        forged = [{**line, "events": events} if genuine in line.get("events", ()) else line for line in lines]
        assert tool.verify_lines(forged) == {"event changed", "event added"}
    foreign = batches(lines)[0]["events"][0]
    forged = [{**line, "events": [genuine, foreign]} if genuine in line.get("events", ()) else line for line in lines]
    assert tool.verify_lines(forged) == {"event added"}
    begin = NOON // DAY * DAY + DAY
    for time in (begin - 1, begin, NOON + DAY - 60, begin + DAY - 1, begin + DAY, NOON + 30 * DAY):
        assert tool.verify_lines([*lines, {**genuine, "id": "another", "time": time}]) == {"event unsealed"}


def test_events_that_are_put_before_the_chain_are_told(tool: Tool, act: Act, clock: Clock, run: Run) -> None:
    """Also where the export does not tell when the chain began: its first link names the day of the one before."""
    act()
    clock.advance(10 * DAY)
    act()
    clock.advance(DAY)
    lines = tool.export("--from", day_of(NOON + 10 * DAY))
    forged = {**batches(lines)[0]["events"][0], "id": "another", "time": NOON + 10 * DAY - 3600}
    assert tool.verify_lines([*lines, forged]) == {"event unsealed"}
    assert tool.verify_lines([*lines[1:], forged]) == {"event unsealed"}


def test_two_events_of_one_identifier_are_told_if_no_link_has_it(tool: Tool, act: Act, clock: Clock) -> None:
    act(NOON - 3600, is_sealed=False)
    act()
    clock.advance(DAY)
    lines = tool.export()
    assert tool.verify_lines([*lines, {**lines[-1], "act": "user.deleted"}]) == {"event twice"}


@pytest.mark.parametrize("last", [1, 2])
def test_the_last_days_of_a_time_cannot_be_removed(
    tool: Tool, server: Services, days: tuple[str, str, str], last: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first link of a later day follows on the last one."""
    span = ("--from", days[0], "--to", days[2])
    heads, everything = server.chain.heads, server.audit.events
    removed = days[2 - last : 2]
    monkeypatch.setattr(server.chain, "heads", lambda wanted: heads([day for day in wanted if day not in removed]))

    def events(wanted: Any, **page: Any) -> Any:
        found = everything(wanted, **page)
        return replace(found, items=tuple(one for one in found.items if day_of(one.created_at) not in removed))

    monkeypatch.setattr(server.audit, "events", events)
    assert tool.verify(*span) == {"day missing"}
    assert tool.verify_lines(tool.export(*span)) == {"day missing"}


def test_the_last_link_of_a_time_cannot_be_removed(
    tool: Tool, server: Services, days: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    span = ("--from", days[0], "--to", days[2])
    lines = tool.export(*span)
    fourth = batches(lines)[-2]["link"]

    def shorten(head: Mapping[str, Any]) -> dict[str, Any]:
        return {**head, "number": fourth["number"], "digest": digest_of(fourth)}

    lines.remove(batches(lines)[-1])
    for line in lines:
        if line.get("day") == days[1]:
            line["heads"] = {shard: shorten(head) for shard, head in line["heads"].items()}
            line["digest"] = digest_of(line["heads"])
    assert tool.verify_lines(lines) == {"link missing"}


# ------------------------------------------------------------------ heads that were kept


def test_heads_that_were_kept_are_compared(
    tool: Tool, server: Services, days: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tool.write(tool.heads(), "heads.jsonl")
    lines = tool.export()
    assert tool.verify("--heads", kept) == set()
    assert tool.verify_lines(lines, "--heads", kept) == set()
    changed = tool.heads()
    for line in changed:
        line["heads"][SHARD]["digest"] = line["digest"]
        line["digest"] = digest_of(line["heads"])
    kept = tool.write(changed, "heads.jsonl")
    assert tool.verify("--heads", kept) == {"heads differ"}
    assert tool.verify_lines(lines, "--heads", kept) == {"heads differ"}


def test_only_the_heads_of_the_days_that_are_verified_are_compared(tool: Tool, days: tuple[str, str, str]) -> None:
    kept = tool.write(tool.heads(), "heads.jsonl")
    span = ("--from", days[1], "--to", days[2])
    lines = tool.export(*span)
    assert tool.verify(*span, "--heads", kept) == set()
    assert tool.verify_lines(lines, "--heads", kept) == {"heads differ"}, "the file may have lost days"
    assert tool.verify_lines(lines, *span, "--heads", kept) == set()
    without = [line for line in lines if "export" in line]
    assert tool.verify_lines(without, *span, "--heads", kept) == {"heads differ", "day missing"}


def test_heads_that_are_none_are_refused(tool: Tool, days: tuple[str, str, str], run: Run) -> None:
    audit = tool.write(tool.export())
    assert run("audit", "verify", "--heads", audit).exit_code == 1
    assert "not the heads of a day" in run("audit", "verify", "--heads", audit).stderr
    assert run("audit", "verify", audit, "--from", days[0]).exit_code == 2
    assert run("audit", "verify", "--from", days[1], "--to", days[0]).exit_code == 2


def test_an_event_that_is_never_sealed_is_told_on_the_server(tool: Tool, act: Act, clock: Clock) -> None:
    act()
    clock.advance(60)
    act(is_sealed=False)
    clock.advance(PENDING - 1)
    assert tool.verify() == set()
    clock.advance(1)
    assert tool.verify() == {"event unsealed"}
    assert tool.verify_lines(tool.export()) == {"event unsealed"}
