"""Who did what."""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from authserver.identity.sealing import LATE, published_heads
from authserver.models.audit import day_of
from authserver.models.chain import Head
from authserver.settings import DAY
from authserver_cli import chain
from authserver_cli.invocation import Group, Invocation, pass_invocation
from authserver_cli.options import listing

type Heads = dict[chain.Place, chain.Document]

EVENTS = "/admin/audit"
COLUMNS = ("time_at", "act", "outcome", "actor", "object", "fields", "source")


class Instant(click.ParamType):
    """``2026-11-30``, ``2026-11-30T12:00:00Z``: epoch seconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        try:
            instant = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no time such as 2026-11-30 or 2026-11-30T12:00:00Z", param, ctx)
        return int((instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp())


class Until(Instant):
    """A time that is the last; midnight, and so a day, is not included."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        instant = super().convert(value, param, ctx)
        return instant if instant % DAY else instant - 1


@click.group(
    cls=Group,
    examples="""
    authserver audit list --from 2026-11-01 --act client.secret.
    authserver audit list --object client:CLIENT_ID
    authserver audit export --from 2026-11-01 --to 2026-12-01 > november.jsonl
    authserver audit verify
    """,
)
def audit() -> None:
    """The audit: administrative and security-relevant acts, with their actors. It is read-only."""


def narrowed(command: Callable[..., Any]) -> Callable[..., Any]:
    """Which events are wanted."""
    options = (
        click.option("--from", "since", type=Instant(), help="Not before this time; else 30 days before --to."),
        click.option("--to", "until", type=Until(), help="Not after this time, nor at it if it is midnight; else now."),
        click.option("--actor", metavar="ID", help="By this user, client or IAM principal."),
        click.option("--object", "done_to", metavar="KIND:ID", help="Done to this, such as client:CLIENT_ID."),
        click.option("--act", metavar="ACT", help="This act; with a dot at the end, all that begin so."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def times(command: Callable[..., Any]) -> Callable[..., Any]:
    """Which time is wanted."""
    until = click.option("--to", "until", type=Until(), help="Not after the day of this time; a day is not included.")
    since = click.option("--from", "since", type=Instant(), help="Not before the day of this time; else 30 days.")
    return since(until(command))


def _query(given: Mapping[str, Any]) -> dict[str, str]:
    names = {"since": "from", "until": "to", "done_to": "object"}
    return {names.get(name, name): str(value) for name, value in given.items() if value is not None}


@audit.command("list", examples="authserver audit list --actor SUB")
@narrowed
@listing
@pass_invocation
def list_events(invocation: Invocation, limit: int | None, **given: Any) -> None:
    """List what was done, the newest first."""
    events = invocation.api.items(EVENTS, query=_query(given))
    invocation.show_list(events if invocation.json else map(_row, events), COLUMNS, limit)


@audit.command("export", examples="authserver audit export --from 2026-11-01 --to 2026-12-01 > november.jsonl")
@narrowed
@click.option("--sealed", is_flag=True, help="With the links of the chain and its heads, for `audit verify FILE`.")
@pass_invocation
def export(invocation: Invocation, sealed: bool, **given: Any) -> None:
    """Write what was done as JSON lines, an event each, the newest first."""
    if sealed:
        if any(given[name] is not None for name in ("actor", "done_to", "act")):
            raise click.UsageError("--sealed exports all events of a time")
        evidence = _lasting(_evidence(invocation, *_span(given["since"], given["until"])))
        _write({"export": asdict(span)} for span in evidence.spans)
        _write(evidence.batches)
        _write(_published(evidence))
        in_batches = {event["id"] for event in evidence.events}
        _write(event for event in evidence.listed if event["id"] not in in_batches)
        return
    _write(invocation.api.items(EVENTS, query=_query(given)))


def _write(documents: Any) -> None:
    for document in documents:
        click.echo(json.dumps(document, separators=(",", ":")))


@audit.command("heads", examples="authserver audit heads --from 2026-11-01 > heads.jsonl")
@times
@pass_invocation
def heads(invocation: Invocation, **given: Any) -> None:
    """Write the heads of the days that are over as JSON lines: to keep elsewhere, for `audit verify --heads`."""
    found = _heads(invocation, given["since"], given["until"])
    lines = {line["day"]: line for line in _published(chain.Evidence(found))}
    # A day without acts has heads of no shard: so a link that is added there later is noticed.
    first, over = min(lines, default=None), int(time.time()) - LATE
    while first is not None and first < day_of(over) and (given["until"] is None or first <= day_of(given["until"])):
        _write([lines.get(first, published_heads(first, []))])
        first = day_of(chain.midnight_after(first))


@audit.command("verify", examples="authserver audit verify --from 2026-11-01 --to 2026-12-01")
@times
@click.option(
    "--heads", "kept", type=click.Path(exists=True, path_type=Path), help="What `audit heads` wrote before, to compare."
)
@click.argument("files", nargs=-1, type=click.Path(exists=True, path_type=Path))
@pass_invocation
def verify(
    invocation: Invocation, since: int | None, until: int | None, kept: Path | None, files: tuple[Path, ...]
) -> None:
    """Verify that no event was changed, removed, inserted or moved since it was sealed.

    FILES are what `audit export --sealed` wrote or the archive has, and folders of such: then no server is asked, and
    --from and --to say which days of --heads are compared. The exit status is 1 if anything is wrong.
    """
    if files and (since or until) and not kept:
        raise click.UsageError("FILES are verified as a whole: --from and --to need --heads then")
    if files:
        evidence = _read(files)
    else:
        since, until = _span(since, until)
        evidence = _evidence(invocation, since, until)
    if kept:
        evidence.published += _kept(kept, since, until)
    now = int(time.time())
    faults = chain.faults_of(evidence, now)
    if not evidence.days and not faults:
        raise click.ClickException("nothing is sealed: see AuditChain in docs/operations/audit.md")
    invocation.show_list(_days(evidence, faults, now), ("day", "state", "links", "events", "head"), None)
    if faults:
        for line in chain.lines_of(faults):
            click.echo(f"{line['day']} {line['fault']}: {line['what']}".strip(), err=True)
        raise click.exceptions.Exit(1)


def _days(evidence: chain.Evidence, faults: list[chain.Fault], now: int) -> Iterator[dict[str, Any]]:
    heads = {line["day"]: line["digest"] for line in _published(evidence)}
    for day in evidence.days:
        wrong = [fault.kind for fault in faults if fault.day == day]
        state = "whole" if day in heads else "whole so far"
        if chain.expired(evidence, day, now):
            state = "expired"
        links = [link for link in evidence.links if link["day"] == day]
        yield {
            "day": day,
            "state": ", ".join(sorted(set(wrong))) or state,
            "links": len(links),
            "events": sum(len(link["entries"]) for link in links),
            "head": heads.get(day),
        }
    if of_no_day := [fault.kind for fault in faults if fault.day == ""]:
        state = ", ".join(sorted(set(of_no_day)))
        yield {"day": None, "state": state, "links": 0, "events": len(of_no_day), "head": None}


def _span(since: int | None, until: int | None) -> tuple[int, int]:
    until = until or int(time.time())
    since = max(0, until - 30 * DAY) if since is None else since
    if since > until:
        raise click.UsageError("--from is later than --to")
    return since, until


def _evidence(invocation: Invocation, since: int, until: int) -> chain.Evidence:
    """What the server has of a time: the links of its days, and the events of it that are old enough to be sealed.

    What is sealed late is in a later day, which is looked at if need be. What is sealed meanwhile is left out: it is
    not under the heads, which are read first.
    """
    now = int(time.time())
    heads = _heads(invocation, since, now)
    begun = min((head["since"] for head in heads.values()), default=None)
    span = chain.Span(since, min(until, now - chain.PENDING), begun)
    evidence = chain.Evidence(heads, spans=[span], may_expire=True)
    if span.since <= span.until:
        query = _query({"since": span.since, "until": span.until})
        evidence.listed = list(invocation.api.items(EVENTS, query=query))
    last = day_of(until)
    for day in evidence.days:
        if day > last and not chain.unsealed(evidence):
            break
        evidence.batches += _batches(invocation, day, heads)
        last = max(last, day)
    evidence.heads = {place: head for place, head in heads.items() if place[0] <= last}
    evidence.spans = [replace(span, following=_following(invocation, heads, last))]
    return evidence


def _batches(invocation: Invocation, day: str, heads: Heads) -> Iterable[chain.Document]:
    """The sealed batches of a day that are under its heads. A list that grows while it is read repeats some."""
    found = {}
    for batch in invocation.api.items(f"{EVENTS}/links", query={"day": day}):
        shard, number = batch["link"]["shard"], batch["link"]["number"]
        if number <= heads.get((day, shard), {"number": 0})["number"]:
            found[shard, number] = _checked(batch)
    return found.values()


def _checked(batch: Mapping[str, Any]) -> chain.Document:
    try:
        return chain.batch_of(batch)
    except ValueError as error:
        raise click.ClickException(f"The server has {error}") from error


def _following(invocation: Invocation, heads: Heads, last: str) -> tuple[chain.Document, ...]:
    """Each shard's first link after the day `last`."""
    first_days: dict[str, str] = {}
    for day, shard in sorted(heads):
        if day > last:
            first_days.setdefault(shard, day)
    return tuple(
        batch["link"]
        for day in sorted(set(first_days.values()))
        for batch in _batches(invocation, day, heads)
        if batch["link"]["number"] == 1 and first_days[batch["link"]["shard"]] == day
    )


def _lasting(evidence: chain.Evidence) -> chain.Evidence:
    """The evidence without the days at its beginning of which the server has begun to forget: a file loses nothing."""
    now = int(time.time())
    over = [day for day in evidence.days if chain.begins_to_expire(evidence, day, now)]
    if not over:
        return evidence
    click.echo(f"Events until {over[-1]} have begun to expire, and are left out", err=True)
    since = chain.midnight_after(over[-1])
    return replace(
        evidence,
        heads={place: head for place, head in evidence.heads.items() if place[0] > over[-1]},
        batches=[batch for batch in evidence.batches if batch["link"]["day"] > over[-1]],
        listed=[event for event in evidence.listed if event["time"] >= since],
        spans=[replace(span, since=max(since, span.since)) for span in evidence.spans],
    )


def _heads(invocation: Invocation, since: int | None, until: int | None) -> Heads:
    found = invocation.api.items(f"{EVENTS}/heads", query=_query({"since": since, "until": until}))
    return {(head["day"], head["shard"]): head for head in found}


def _published(evidence: chain.Evidence) -> Iterator[Mapping[str, Any]]:
    """The heads of each day, as they are published."""
    days = sorted({day for day, _ in evidence.heads})
    for day in days:
        heads = (head for (of, _), head in evidence.heads.items() if of == day)
        yield published_heads(
            day, [Head(head["shard"], day, head["number"], head["digest"], head["kept_until"], 0) for head in heads]
        )


def _read(files: tuple[Path, ...]) -> chain.Evidence:
    evidence = chain.Evidence()
    for file in files:
        for one in sorted(file.rglob("*.jsonl")) if file.is_dir() else (file,):
            for number, line in enumerate(_lines(one), 1):
                try:
                    evidence.take(line)
                except (AttributeError, KeyError, TypeError, ValueError) as error:
                    raise click.ClickException(f"{one}:{number}: {error}") from error
    return evidence


def _kept(file: Path, since: int | None, until: int | None) -> list[chain.Document]:
    """Heads that were kept, of the days of a time."""
    first, last = day_of(since or 0), day_of(until) if until else "9999-12-31"
    found = []
    for number, line in enumerate(_lines(file), 1):
        try:
            chain.heads_of(line)
        except ValueError as error:
            raise click.ClickException(f"{file}:{number}: not the heads of a day: {error}") from error
        if first <= line["day"] <= last:
            found.append(line)
    if not found:
        raise click.ClickException(f"{file} has no heads of these days")
    return found


def _lines(file: Path) -> Iterator[Any]:
    with file.open(encoding="utf-8") as lines:  # which are not those of `splitlines`: JSON may have U+2028
        for number, line in enumerate(lines, 1):
            try:
                found = json.loads(line, object_pairs_hook=_only_once)
                json.dumps(found, ensure_ascii=False).encode()  # half a surrogate is no text
            except (RecursionError, ValueError) as error:
                raise click.ClickException(f"{file}:{number}: {error}") from error
            yield found


def _only_once(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names are there once: another reader might take the other value. Raises `ValueError`."""
    found = dict(members)
    if len(found) < len(members):
        raise ValueError("a name is there twice")
    return found


def _row(event: Mapping[str, Any]) -> dict[str, Any]:
    """An event as a line of the table."""
    actor, done_to = event["actor"], event["object"]
    return {
        **event,
        "time_at": event["time"],
        "actor": f"{actor['kind']} {actor['id']}",
        "object": f"{done_to['kind']} {done_to['id'] or ''}".strip(),
    }
