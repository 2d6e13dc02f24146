"""What `audit verify` finds of what somebody put into a file, an archive or the Audit table, or took out of it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from authserver.aws.items.audit import event_write
from authserver.aws.items.primary_keys import event_key, head_key, link_key, sealed_key
from authserver.aws.items.records import attributes_of
from authserver.aws.table import encode_item
from authserver.identity.sealing import sweep
from authserver.models.audit import day_of
from authserver.models.chain import Head, Link, Place, digest_of, entry_of
from authserver.services import Services
from authserver.settings import DAY
from tests.cli.conftest import Run
from tests.cli.test_audit import NOON, SHARD, Act, Lines, Tool, act, answering, batches, clock, days, meanwhile, tool
from tests.contract.implementations import IMPLEMENTATIONS
from tests.contract.records import event
from tests.fakes import Clock, FakeArchive, services

__all__ = ["act", "answering", "clock", "days", "meanwhile", "tool"]

type Days = tuple[str, str, str]
type Make = Callable[[Lines, Days], dict[str, Any]]


@pytest.fixture
def server(clock: Clock) -> Services:
    return services(now=clock, archive=FakeArchive())


def forged(lines: Lines, day: str, shard: str = SHARD, **link: Any) -> dict[str, Any]:
    """A sealed batch of an event that never was."""
    genuine = batches(lines)[0]
    made = {**genuine["events"][0], "id": "01900000-forged", "act": "user.deleted"}
    entry = f"{made['id']} {digest_of(made)} {made['expires_at']}"
    told = {"shard": shard, "day": day, "number": 1, "previous": "", "before": "", "entries": [entry], **link}
    return {"link": {**genuine["link"], **told}, "events": [made]}


# ------------------------------------------------------------------ files

LINES_OF_NO_KIND: dict[str, Make] = {
    "a link with the number 0": lambda lines, days: forged(lines, days[1], number=0),
    "a link with a negative number": lambda lines, days: forged(lines, days[1], number=-1),
    "a link whose number is true": lambda lines, days: forged(lines, days[1], number=True),
    "a link of no shard": lambda lines, days: forged(lines, days[1], shard="x"),
    "a link of no day": lambda lines, _: forged(lines, "2027-02-30"),
    "a link that names no day before it": lambda lines, days: forged(lines, days[1], number=2),
    "a link that follows on a later day": lambda lines, days: forged(lines, days[1], before=days[2], previous="x"),
    "a link with an entry of another form": lambda lines, days: forged(lines, days[1], entries=["x y"]),
    "an event that is heads as well": lambda lines, _: {
        **batches(lines)[0]["events"][0],
        "id": "another",
        "heads": {},
        "day": "2000-01-01",
        "digest": digest_of({}),
    },
    "a batch that is an event as well": lambda lines, _: {**batches(lines)[0], **batches(lines)[0]["events"][0]},
    "an event with one member more": lambda lines, _: {**batches(lines)[0]["events"][0], "note": "x"},
    "heads of another digest": lambda _, days: {"day": days[0], "digest": digest_of({}), "heads": {"7": {}}},
}


@pytest.mark.parametrize("kind", LINES_OF_NO_KIND)
def test_a_line_that_is_not_as_one_is_written_is_refused(kind: str, tool: Tool, days: Days, run: Run) -> None:
    lines = tool.export()
    result = run("audit", "verify", tool.write([*lines, LINES_OF_NO_KIND[kind](lines, days)]))
    assert result.exit_code == 1
    assert f"{len(lines) + 1}: " in result.stderr


def test_links_of_a_shard_without_a_head_are_told(tool: Tool, days: Days) -> None:
    lines = tool.export()
    for day, fault in ((days[1], "link added"), ("2026-01-01", "heads missing")):
        assert tool.verify_lines([*lines, forged(lines, day, shard="8")]) == {fault}


def test_links_of_a_shard_without_a_head_are_told_in_an_archive(
    tool: Tool, days: Days, server: Services, tmp_path: Path
) -> None:
    sweep(server)
    root = Path(archived(server, tmp_path / "archive"))
    assert tool.verify(str(root)) == set()
    (root / "links" / "x.jsonl").write_text(json.dumps(forged(tool.export(), days[1], shard="8")) + "\n")
    assert tool.verify(str(root)) == {"link added"}


def test_a_day_between_two_days_is_told(tool: Tool, act: Act, clock: Clock) -> None:
    """The later one still names the earlier one: two links follow on one."""
    act()
    clock.advance(10 * DAY)
    act()
    clock.advance(DAY)
    lines = tool.export()
    first = batches(lines)[0]["link"]
    between = forged(lines, day_of(NOON + 5 * DAY), previous=digest_of(first), before=first["day"])
    heads = {SHARD: {"number": 1, "digest": digest_of(between["link"]), "kept_until": between["link"]["kept_until"]}}
    told = {"day": between["link"]["day"], "digest": digest_of(heads), "heads": heads}
    assert tool.verify_lines([*lines, between, told]) == {"link added"}


def test_a_day_without_acts_is_among_the_heads_that_are_kept(tool: Tool, act: Act, clock: Clock) -> None:
    act()
    clock.advance(2 * DAY)
    act()
    clock.advance(DAY)
    assert [(line["day"], len(line["heads"])) for line in tool.heads()] == [
        (day_of(NOON), 1),
        (day_of(NOON + DAY), 0),
        (day_of(NOON + 2 * DAY), 1),
    ]


def test_a_file_without_heads_compares_nothing_and_says_so(tool: Tool, days: Days, run: Run) -> None:
    for lines in ([], tool.heads()[:1]):
        result = run("audit", "verify", "--from", days[1], "--heads", tool.write(lines, "heads.jsonl"))
        assert result.exit_code == 1
        assert "has no heads of these days" in result.stderr


def test_exports_of_times_that_touch_are_whole_together(tool: Tool, act: Act, clock: Clock) -> None:
    """The first one has heads of a day that was not over."""
    act()
    clock.advance(3600)
    first = tool.export()
    act()
    clock.advance(DAY)
    both = (tool.write(first, "1.jsonl"), tool.write(tool.export(), "2.jsonl"))
    assert tool.verify(*both) == tool.verify(*reversed(both)) == set()


def test_heads_of_a_day_that_was_not_over_are_compared(tool: Tool, act: Act, clock: Clock) -> None:
    act()
    clock.advance(3600)
    first = [line for line in tool.export() if "heads" in line]
    heads = {SHARD: {**first[0]["heads"][SHARD], "digest": "another"}}
    act()
    clock.advance(DAY)
    assert tool.verify_lines([*tool.export(), {**first[0], "heads": heads, "digest": digest_of(heads)}]) == {
        "link changed"
    }


def test_an_event_of_the_future_is_told(tool: Tool, act: Act) -> None:
    act(NOON + 300 * DAY)
    assert tool.verify() == {"event postdated"}


def test_an_act_at_midnight_by_a_clock_that_is_ahead_is_in_its_own_day(tool: Tool, act: Act, clock: Clock) -> None:
    act()
    midnight = NOON + DAY // 2
    clock.time = midnight - 1
    act(midnight)
    clock.time = midnight + DAY // 2
    act()
    clock.time = midnight + 3 * DAY // 4
    for since in (day_of(NOON), day_of(midnight)):
        assert tool.verify("--from", since) == tool.verify_lines(tool.export("--from", since)) == set()


def test_an_export_begins_after_the_last_day_of_which_events_expire(
    tool: Tool, server: Services, act: Act, clock: Clock
) -> None:
    """`AuditDays` was lowered: events of a later day are gone before those of an earlier one."""
    act()
    clock.advance(DAY)
    act(lasting=30 * DAY)
    clock.advance(40 * DAY)
    act()
    clock.advance(DAY)
    assert tool.verify_lines(tool.export("--from", day_of(NOON))) == set()


@pytest.mark.parametrize("begins", [0, 3])
def test_an_event_that_no_link_seals_is_told_in_a_file_that_says_no_time(
    begins: int, tool: Tool, act: Act, clock: Clock
) -> None:
    """The line that says of which time the export is was taken out."""
    start = clock.time
    for number in range(6):
        clock.time = start + number * DAY
        act()
    clock.advance(DAY)
    lines = [line for line in tool.export("--from", day_of(start + begins * DAY)) if "export" not in line]
    loose = {**batches(lines)[0]["events"][0], "id": "01900000-forged", "act": "user.deleted", "time": start + 1}
    assert tool.verify_lines(lines) == set()
    assert tool.verify_lines([*lines, loose]) == {"event unsealed"}


def test_a_name_that_is_there_twice_is_refused(tool: Tool, days: Days, run: Run) -> None:
    text = "".join(json.dumps(line) + "\n" for line in tool.export())
    for other in (
        text.replace('"act": ', '"act": "user.deleted", "act": ', 1),
        text.replace('"act": "', '"act": "\\ud800', 1),
    ):
        (tool.folder / "audit.jsonl").write_text(other)
        assert other != text
        assert run("audit", "verify", str(tool.folder / "audit.jsonl")).exit_code == 1


# ------------------------------------------------------------------ honest histories, of several files


def several(tool: Tool, *exports: Lines) -> list[str]:
    return [tool.write(lines, f"{number}.jsonl") for number, lines in enumerate(exports)]


def test_exports_with_a_time_between_them_are_whole_together(tool: Tool, act: Act, clock: Clock) -> None:
    start = clock.time
    for number in range(9):
        clock.time = start + number * DAY
        act()
    clock.time = start + 9 * DAY
    times = ((0, 2), (6, 8))
    exports = (
        tool.export("--from", day_of(start + since * DAY), "--to", day_of(start + until * DAY))
        for since, until in times
    )
    assert tool.verify(*several(tool, *exports)) == set()


def test_an_export_of_half_a_day_and_one_of_the_days_after_are_whole_together(
    tool: Tool, act: Act, clock: Clock
) -> None:
    start = clock.time
    act()
    clock.advance(3600)
    first = tool.export()
    act()
    clock.advance(DAY)
    act()
    clock.advance(DAY)
    assert tool.verify(*several(tool, first, tool.export("--from", day_of(start + DAY)))) == set()


def test_an_old_export_and_one_that_has_lost_its_beginning_are_whole_together(
    tool: Tool, act: Act, clock: Clock
) -> None:
    start = clock.time
    for number in range(3):
        clock.time = start + number * DAY
        act(lasting=30 * DAY)
    clock.advance(DAY)
    first = tool.export()
    for number in range(3, 70, 3):
        clock.time = start + number * DAY
        act(lasting=30 * DAY)
    clock.advance(DAY)
    assert tool.verify(*several(tool, first, tool.export("--from", day_of(start)))) == set()


def archived(server: Services, root: Path) -> str:
    assert isinstance(server.archive, FakeArchive)
    for name, content in server.archive.files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return str(root)


def test_an_export_and_an_archive_that_goes_on_are_whole_together(
    tool: Tool, act: Act, clock: Clock, server: Services, tmp_path: Path
) -> None:
    act()
    clock.advance(DAY)
    sweep(server)
    (export,) = several(tool, tool.export())
    act()
    assert tool.verify(export, archived(server, tmp_path / "archive")) == set()


def test_an_archive_tells_the_day_whose_heads_never_came(
    tool: Tool, act: Act, clock: Clock, server: Services, tmp_path: Path
) -> None:
    """The daily runs failed for longer than they look back."""
    act()
    clock.advance(6 * DAY)
    sweep(server)
    act()
    clock.advance(DAY)
    sweep(server)
    assert tool.verify() == set()
    assert tool.verify(archived(server, tmp_path / "archive")) == {"heads missing"}


# ------------------------------------------------------------------ the table


class Table:
    """The Audit table, for somebody who may write it, and the server that has it."""

    def __init__(self, stores: Any, server: Services) -> None:
        self.server = server
        self._name = stores.audit._table.name
        self._client = stores.dynamodb

    def item(self, key: str) -> dict[str, Any]:
        found: dict[str, Any] = self._client.get_item(TableName=self._name, Key={"id": {"S": key}})["Item"]
        return found

    def put(self, item: dict[str, Any]) -> None:
        self._client.put_item(TableName=self._name, Item=item)

    def delete(self, key: str) -> None:
        self._client.delete_item(TableName=self._name, Key={"id": {"S": key}})

    def put_link(self, link: Link, since: int) -> None:
        """A link that is the only one of its day, with its head."""
        head = Head(link.shard, link.day, 1, link.digest, link.kept_until, since)
        key = link_key(link.shard, link.day, 1)
        self.put(encode_item({**attributes_of(link), "id": key, "expires_at": link.kept_until}))
        self.put(encode_item({**attributes_of(head), "id": head_key(link.shard, link.day)}))


class TestTable:
    @pytest.fixture
    def stores(self) -> Iterator[Any]:
        with IMPLEMENTATIONS["moto"]() as made:
            yield made

    @pytest.fixture
    def server(self, stores: Any, clock: Clock) -> Services:
        return services(audit=stores.audit, chain=stores.chain, now=clock, archive=FakeArchive())

    @pytest.fixture
    def table(self, stores: Any, server: Services) -> Table:
        return Table(stores, server)

    def test_a_day_between_two_days_is_told(self, tool: Tool, act: Act, clock: Clock, table: Table) -> None:
        act()
        clock.advance(10 * DAY)
        act()
        clock.advance(DAY)
        (first,) = table.server.chain.heads([day_of(NOON)])
        at = NOON + 5 * DAY
        made = event(created_at=at, expires_at=at + 400 * DAY, act="user.deleted")
        table.server.audit.record(made)
        link = Link(SHARD, day_of(at), 1, at + 2, at + 408 * DAY, (entry_of(made),), first.digest, first.day)
        table.put_link(link, first.since)
        assert tool.verify() == {"link added"}

    @pytest.mark.parametrize("is_kept", [False, True])
    def test_a_day_cannot_be_deleted_as_expired(
        self, is_kept: bool, tool: Tool, days: Days, table: Table, clock: Clock
    ) -> None:
        kept = tool.write(tool.heads(), "heads.jsonl")
        (head,) = table.server.chain.heads([days[1]])
        places = [Place(SHARD, days[1], number + 1) for number in range(head.number)]
        for link in table.server.chain.links(places):
            for one in link.ids:
                table.delete(event_key(one))
                table.delete(sealed_key(one))
            table.delete(link_key(SHARD, days[1], link.number))
        table.put({**table.item(head_key(SHARD, days[1])), "kept_until": {"N": "1"}})
        if is_kept:
            clock.advance(30 * DAY)
            assert tool.verify("--from", days[0], "--heads", kept) == {"heads differ"}
        else:
            assert tool.verify() == {"link missing"}

    def test_an_event_that_some_list_does_not_show_is_missing(self, tool: Tool, act: Act, table: Table) -> None:
        made = act(object_id="x")
        whole = table.item(event_key(made.id))
        for name in ("listed", "listed_actor", "listed_object"):
            for value in ({}, {name: {"S": "elsewhere"}}):
                table.put({**{key: one for key, one in whole.items() if key != name}, **value})
                assert "event missing" in tool.verify(), name
        table.put(whole)
        assert tool.verify() == set()

    def test_an_event_that_only_one_list_would_show_is_shown_by_none(
        self, tool: Tool, days: Days, table: Table
    ) -> None:
        made = event(created_at=NOON + DAY, expires_at=NOON + 500 * DAY, act="user.deleted", object_id="victim")
        written: dict[str, Any] = event_write(made).arguments["Item"]
        table.put({name: value for name, value in written.items() if name not in ("listed", "listed_actor")})
        listed = tool.run("audit", "list", "--json", "--object", f"{made.object_kind}:victim")
        assert made.id not in listed.stdout
