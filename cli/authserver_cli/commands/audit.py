"""Who did what."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import click

from authserver_cli.invocation import Group, Invocation, pass_invocation
from authserver_cli.options import listing

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


@click.group(
    cls=Group,
    examples="""
    authserver audit list --from 2026-11-01 --act client.secret.
    authserver audit list --object client:CLIENT_ID
    authserver audit export --from 2026-11-01 --to 2026-12-01 > november.jsonl
    """,
)
def audit() -> None:
    """The audit: administrative and security-relevant acts, with their actors. It is read-only."""


def narrowed(command: Callable[..., Any]) -> Callable[..., Any]:
    """Which events are wanted."""
    options = (
        click.option("--from", "since", type=Instant(), help="Not before this time; else 30 days before --to."),
        click.option("--to", "until", type=Instant(), help="Not after this time; else now."),
        click.option("--actor", metavar="ID", help="By this user, client or IAM principal."),
        click.option("--object", "done_to", metavar="KIND:ID", help="Done to this, such as client:CLIENT_ID."),
        click.option("--act", metavar="ACT", help="This act; with a dot at the end, all that begin so."),
    )
    for option in reversed(options):
        command = option(command)
    return command


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
@pass_invocation
def export(invocation: Invocation, **given: Any) -> None:
    """Write what was done as JSON lines, an event each, the newest first."""
    for event in invocation.api.items(EVENTS, query=_query(given)):
        click.echo(json.dumps(event, separators=(",", ":")))


def _row(event: Mapping[str, Any]) -> dict[str, Any]:
    """An event as a line of the table."""
    actor, done_to = event["actor"], event["object"]
    return {
        **event,
        "time_at": event["time"],
        "actor": f"{actor['kind']} {actor['id']}",
        "object": f"{done_to['kind']} {done_to['id'] or ''}".strip(),
    }
