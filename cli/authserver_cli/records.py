"""The records of an import: read from a file, and checked here before anything is sent.

The server checks everything again. What is found here is found before the first of a hundred thousand is sent.
"""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from authserver.identity.hashes import parse as parse_hash
from authserver.values import RedirectUri, Scope, is_resource_indicator, is_web_page, normalised_username

type Check = Callable[[Any], Any]
"""Raises `ValueError`, saying what is wrong; never with the value, which may be secret."""


@dataclass(frozen=True)
class Record:
    """A line of the file. `problems` are (field, detail); without any it can be sent as `body`."""

    line: int
    id: str
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)
    problems: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Kind:
    """What is imported: where it is sent, its identifier, and its fields with what each must be.

    `unique` gives what no two records may share besides the identifier.
    """

    name: str
    route: str
    identifier: str
    required: frozenset[str]
    fields: Mapping[str, Check]
    unique: Callable[[Mapping[str, Any]], str]


# ------------------------------------------------------------------ fields


def _text(value: Any) -> None:
    if not isinstance(value, str):
        raise ValueError("must be text")


def _identifier(value: Any) -> None:
    if not isinstance(value, str) or not 0 < len(value) <= 256 or not value.isascii() or not value.isprintable():
        raise ValueError("must be 1 to 256 printable ASCII characters")


def _username(value: Any) -> None:
    if not isinstance(value, str) or not 0 < len(value) <= 256 or not normalised_username(value):
        raise ValueError("must be 1 to 256 characters")


def _boolean(value: Any) -> None:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")


def _number(value: Any) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError("must be a whole number")


def _hash(value: Any) -> None:
    _text(value)
    parse_hash(value)


def _scope(value: Any) -> None:
    _text(value)
    Scope.parse(value)


def _web_page(value: Any) -> None:
    if not isinstance(value, str) or not is_web_page(value):
        raise ValueError("must be an https address")


def _one_of(*allowed: str) -> Check:
    def check(value: Any) -> None:
        if value not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}")

    return check


class _ListOf:
    """A list whose elements pass `check`; in CSV, separated by spaces."""

    def __init__(self, check: Check) -> None:
        self._check = check

    def __call__(self, value: Any) -> None:
        if not isinstance(value, list):
            raise ValueError("must be a list")
        for element in value:
            _text(element)
            self._check(element)


def _redirect_uri(value: str) -> None:
    RedirectUri.parse(value)


def _resource(value: str) -> None:
    if not is_resource_indicator(value):
        raise ValueError("must be an absolute URI without a fragment")


USERS = Kind(
    "users",
    "/admin/users",
    "sub",
    frozenset({"sub", "username"}),
    {
        "sub": _identifier,
        "username": _username,
        "password_hash": _hash,
        "name": _text,
        "email": _text,
        "email_verified": _boolean,
        "operator": _boolean,
    },
    lambda body: normalised_username(body.get("username", "")),
)
CLIENTS = Kind(
    "clients",
    "/admin/clients",
    "client_id",
    frozenset({"client_id", "client_name"}),
    {
        "client_id": _identifier,
        "client_name": _text,
        "client_secret_hash": _hash,
        "redirect_uris": _ListOf(_redirect_uri),
        "grant_types": _ListOf(_text),
        "response_types": _ListOf(_text),
        "token_endpoint_auth_method": _one_of("client_secret_basic", "client_secret_post", "none"),
        "scope": _scope,
        "default_scope": _scope,
        "id_token_signed_response_alg": _one_of("RS256", "ES256"),
        "access_token_format": _one_of("jwt", "opaque"),
        "access_token_lifetime": _number,
        "refresh_token_lifetime": _number,
        "require_pkce": _boolean,
        "default_max_age": _number,
        "preferred_subject_type": _one_of("user", "organisation", "company"),
        "resources": _ListOf(_resource),
        "owner": _text,
        "client_uri": _web_page,
        "logo_uri": _web_page,
        "policy_uri": _web_page,
        "tos_uri": _web_page,
        "contacts": _ListOf(_text),
        "status": _one_of("active", "disabled"),
        "verification": _one_of("verified", "test"),
    },
    lambda _: "",
)
KINDS = {kind.name: kind for kind in (USERS, CLIENTS)}


# ------------------------------------------------------------------ reading


def read(stream: TextIO, kind: Kind, *, comma_separated: bool) -> Iterator[Record]:
    """The records of a file, each with what is wrong with it."""
    lines = _read_csv(stream, kind) if comma_separated else _read_json_lines(stream)
    yield from _without_repetition((_checked(line, body, kind) for line, body in lines), kind)


def is_csv(file: Path) -> bool:
    return file.suffix.lower() == ".csv"


def _read_json_lines(stream: TextIO) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(stream, 1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except ValueError:
                yield number, None


def _read_csv(stream: TextIO, kind: Kind) -> Iterator[tuple[int, Any]]:
    """A heading names the fields. An empty cell is a field that is not there."""
    rows = csv.DictReader(stream, restkey="", restval="")
    for row in rows:
        cells = {name: text for name, text in row.items() if text}
        yield rows.line_num, {name: _of_cell(text, kind.fields.get(name)) for name, text in cells.items()}


def _of_cell(text: str, check: Check | None) -> Any:
    if isinstance(check, _ListOf):
        return text.split()
    if check is _boolean:
        return {"true": True, "false": False}.get(text.lower(), text)
    if check is _number:
        return int(text) if text.isascii() and text.isdecimal() else text
    return text


# ------------------------------------------------------------------ checking


def _checked(line: int, body: Any, kind: Kind) -> Record:
    if not isinstance(body, dict):
        return Record(line, "", {}, (("", "is not a JSON object"),))
    present = {name: value for name, value in body.items() if value is not None}
    missing = [(name, "is missing") for name in sorted(kind.required - set(present))]
    wrong = [(name, detail) for name, value in present.items() if (detail := _detail(kind.fields.get(name), value))]
    identifier = present.get(kind.identifier, "")
    return Record(line, identifier if isinstance(identifier, str) else "", present, tuple(missing + wrong))


def _detail(check: Check | None, value: Any) -> str:
    if check is None:
        return "is not known"
    try:
        check(value)
    except ValueError as error:
        return str(error)
    return ""


def _without_repetition(records: Iterable[Record], kind: Kind) -> Iterator[Record]:
    """The first of two records that are about the same is taken, and the other refused."""
    seen: dict[str, int] = {}
    for record in records:
        keys = {f"{kind.identifier} {record.id}"} if record.id else set()
        if not record.problems and (unique := kind.unique(record.body)):
            keys.add(f"name {unique}")
        if before := sorted(seen[key] for key in keys if key in seen):
            problem = ("", f"is about the same as line {before[0]}")
            yield Record(record.line, record.id, record.body, (*record.problems, problem))
        else:
            seen.update(dict.fromkeys(keys, record.line))
            yield record
