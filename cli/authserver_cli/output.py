"""What is printed: tables and documents for people, JSON for programs."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import click

from authserver_cli.protocol import Request, printable

TIMES = ("_at", "use_from", "keep_until")
SECRETS = ("client_secret", "password", "initial_access_token", "registration_access_token")


def plain(value: Any) -> str:
    """One line of text."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case list() | tuple():
            return ", ".join(plain(one) for one in value)
        case dict():
            return ", ".join(f"{plain(name)} {_cell(str(name), one)}" for name, one in value.items())
    return printable(str(value))


def _cell(name: str, value: Any) -> str:
    if name.endswith(TIMES) and isinstance(value, int) and not isinstance(value, bool):
        return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return plain(value)


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2))  # ASCII: no terminal obeys it, every program reads it


def print_table(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> int:
    """The rows under a heading; how many there were."""
    lines = [[_cell(column, row.get(column)) for column in columns] for row in rows]
    heading = [column.replace("_", " ").upper() for column in columns]
    widths = [max(map(len, column)) for column in zip(heading, *lines, strict=True)]
    for line in (heading, *lines):
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        click.echo("  ".join(cells).rstrip())
    return len(lines)


def print_document(document: Mapping[str, Any]) -> None:
    """A line for each member that says something; one line for each member or element of what has several."""
    said = {name: value for name, value in document.items() if value not in (None, "", [], {})}
    width = max(map(len, said), default=0)
    for name, value in said.items():
        for number, line in enumerate(_lines(name, value)):
            click.echo(f"{'' if number else name:{width}}  {line}")


def _lines(name: str, value: Any) -> list[str]:
    if isinstance(value, dict):
        return [f"{plain(key)}: {plain(one)}" for key, one in value.items()]
    if isinstance(value, list) and any(isinstance(one, dict) for one in value):
        return [plain(one) for one in value]
    return [_cell(name, value)]


def warn_of_secrets(document: Mapping[str, Any]) -> None:
    """Says on the error stream, which is not what a script keeps, that it has to be kept."""
    for name in SECRETS:
        if document.get(name):
            click.echo(f"The {name} is shown this once and stored nowhere: keep it now.", err=True)


def print_request(request: Request, target: str, *, as_json: bool) -> None:
    """The request that would be made. Secrets in it stay hidden."""
    body = hide_secrets(request.body)
    if as_json:
        print_json({"target": target, "method": request.method, "path": request.target, "body": body})
        return
    click.echo(f"{request.method} {request.target}")
    for name, value in request.headers.items():
        click.echo(f"{name}: {value}")
    if body is not None:
        click.echo(f"\n{json.dumps(body, indent=2)}")


def hide_secrets(body: Any) -> Any:
    if not isinstance(body, dict):
        return body
    hidden = (*SECRETS, "password_hash", "client_secret_hash")
    return {name: "(hidden)" if name in hidden else hide_secrets(value) for name, value in body.items()}
