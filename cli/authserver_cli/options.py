"""Options and kinds of values that several commands share."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


class Duration(click.ParamType):
    """``90``, ``30m``, ``24h``, ``7d``: seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        found = re.fullmatch(r"([0-9]{1,9})([smhd]?)", value)
        if not found:
            self.fail(f"{value!r} is no duration such as 3600, 30m, 24h or 7d", param, ctx)
        return int(found[1]) * SECONDS[found[2]]


class Assignment(click.ParamType):
    """``field=value``. The value is JSON where it can be, or else text; nothing is null, which removes the field."""

    name = "field=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, Any]:
        if isinstance(value, tuple):
            return value
        name, equals, text = value.partition("=")
        if not name or not equals:
            self.fail(f"{value!r} has not the form field=value", param, ctx)
        try:
            return name, json.loads(text) if text else None
        except ValueError:
            return name, text


def listing(command: Callable[..., Any]) -> Callable[..., Any]:
    """How much of a list; `limit` is None for all of it."""

    def limit(context: click.Context, _parameter: click.Parameter, value: int) -> int | None:
        return None if context.params.pop("everything", False) else value

    whole = click.option("--all", "everything", is_flag=True, is_eager=True, help="Show all there are.")
    part = click.option(
        "--limit", type=click.IntRange(1), default=100, show_default=True, callback=limit, help="Show this many."
    )
    return whole(part(command))


def fields(command: Callable[..., Any]) -> Callable[..., Any]:
    """Fields that have no option of their own, and whole documents."""
    assignments = click.option(
        "--set",
        "assignments",
        type=Assignment(),
        multiple=True,
        help="Any field of the API, the value as JSON or text.",
    )
    document = click.option(
        "--from",
        "file",
        type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
        help="A JSON object with fields; - is standard input.",
    )
    return document(assignments(command))


def body_of(options: dict[str, Any], file: Path | None, assignments: tuple[tuple[str, Any], ...]) -> dict[str, Any]:
    """What was given: the file's fields, over them those of options, over them those of --set."""
    given = {name: list(value) if isinstance(value, tuple) else value for name, value in options.items()}
    said = {name: value for name, value in given.items() if value is not None and value != []}
    return {**(_read_object(file) if file else {}), **said, **dict(assignments)}


def changes_of(options: dict[str, Any], file: Path | None, assignments: tuple[tuple[str, Any], ...]) -> dict[str, Any]:
    """The same for an update, which needs something to change."""
    body = body_of(options, file, assignments)
    if not body:
        raise click.UsageError("say what is to change; --help lists the options")
    return body


def _read_object(file: Path) -> dict[str, Any]:
    document = read_json(file)
    if not isinstance(document, dict):
        raise click.UsageError(f"{file}: must be a JSON object")
    return document


def read_json(file: Path) -> Any:
    try:
        with click.open_file(str(file), encoding="utf-8") as stream:
            return json.load(stream)
    except OSError as error:
        raise click.UsageError(f"{file}: {error.strerror}") from None
    except ValueError as error:
        raise click.UsageError(f"{file}: is not JSON: {error}") from None
