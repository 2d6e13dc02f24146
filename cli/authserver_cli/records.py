"""The records of an import: read from a file, and checked here before anything is sent.

They are checked by the documents of the admin API itself. What is found here is found before the first of a hundred
thousand is sent; what depends on the deployment, only the server can say.
"""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TextIO

from pydantic import ValidationError

from authserver.documents import Document, refusals
from authserver.documents.client import OF_ANY_DEPLOYMENT, objections
from authserver.documents.user import NewUser
from authserver.management.admin.clients import NewClient
from authserver.models.users import address_name
from authserver.values import normalised_username
from authserver_cli import former

type Problems = tuple[tuple[str, str], ...]
"""(field, detail) for each thing that is wrong."""


@dataclass(frozen=True)
class Record:
    """A line of the file. Without problems it can be sent as `body`."""

    line: int
    id: str
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)
    problems: Problems = ()


@dataclass(frozen=True)
class Kind:
    """What is imported: where it is sent, where one is found, its identifier, and what it must be.

    `unique` gives the names of which no two records may share one, besides the identifier; `object_to` says what fields
    mean together.
    """

    name: str
    route: str
    identifier: str
    document: type[Document]
    unique: Callable[[Mapping[str, Any]], Iterable[str]]
    object_to: Callable[[Any], Problems]

    @property
    def one(self) -> str:
        return f"{self.route}/{{{self.identifier}}}"


def _object_to_client(client: NewClient) -> Problems:
    found = tuple(objections(client, OF_ANY_DEPLOYMENT))
    if client.token_endpoint_auth_method.startswith("client_secret_") and client.client_secret_hash is None:
        return (*found, ("client_secret_hash", "is missing, and a secret made now could not be shown"))
    return found


def _login_names(user: Mapping[str, Any]) -> Iterator[str]:
    """The username, and the e-mail address if it is verified."""
    yield normalised_username(user["username"])
    if address := address_name(user.get("email", ""), verified=user.get("email_verified", False)):
        yield address


KINDS = {
    "users": Kind("users", "/admin/users", "sub", NewUser, _login_names, lambda _: ()),
    "clients": Kind("clients", "/admin/clients", "client_id", NewClient, lambda _: (), _object_to_client),
}


# ------------------------------------------------------------------ reading


def read(stream: TextIO, kind: Kind, *, comma_separated: bool) -> Iterator[Record]:
    """The records of a file, each with what is wrong with it."""
    lines = _read_csv(stream, kind) if comma_separated else _read_json_lines(stream)
    yield from _without_repetition((_checked(line, body, kind) for line, body in lines), kind)


def read_former(text: str, kind: Kind, system: str, scope: str = "") -> Iterator[Record]:
    """The records of another system's export; `scope` is what each of its clients has besides.

    Raises `ValueError` on what is no such export.
    """
    try:
        found = list(former.reader(system, kind.name)(text))
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"is no export of {system} that has {kind.name}: {error}") from None
    yield from _without_repetition((_of_former(one, kind, scope) for one in found), kind)


def _of_former(found: former.Found, kind: Kind, scope: str) -> Record:
    body = found.body
    if scope and kind.name == "clients":
        body = {**body, "scope": " ".join(dict.fromkeys([*body.get("scope", "").split(), *scope.split()]))}
    record = _checked(found.place, body, kind)
    return replace(record, problems=found.problems or record.problems)


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
    properties = kind.document.model_json_schema()["properties"]
    rows = csv.DictReader(stream, restkey="", restval="")
    for row in rows:
        cells = {name: text for name, text in row.items() if text}
        yield rows.line_num, {name: _of_cell(text, _types(properties.get(name, {}))) for name, text in cells.items()}


def _types(schema: Mapping[str, Any]) -> set[str]:
    return {str(one.get("type")) for one in schema.get("anyOf", [schema])}


def _of_cell(text: str, types: set[str]) -> Any:
    if "array" in types:
        return text.split()
    if "boolean" in types:
        return {"true": True, "false": False}.get(text.lower(), text)
    if "integer" in types:
        return int(text) if text.isascii() and text.isdecimal() else text
    return text


# ------------------------------------------------------------------ checking


def _checked(line: int, body: Any, kind: Kind) -> Record:
    if not isinstance(body, dict):
        return Record(line, "", {}, (("", "is not a JSON object"),))
    present = {name: value for name, value in body.items() if value is not None}
    identifier = present.get(kind.identifier)
    return Record(line, identifier if isinstance(identifier, str) else "", present, _problems(present, kind))


def _problems(body: Mapping[str, Any], kind: Kind) -> Problems:
    missing = () if kind.identifier in body else ((kind.identifier, "is missing"),)
    try:
        document = kind.document.model_validate_json(json.dumps(body))
    except ValidationError as error:
        return (*missing, *((one["field"], one["detail"]) for one in refusals(error)))
    return (*missing, *kind.object_to(document))


def _without_repetition(records: Iterable[Record], kind: Kind) -> Iterator[Record]:
    """The first of two records that are about the same is taken, and the other refused."""
    seen: dict[str, int] = {}
    for record in records:
        keys = {f"{kind.identifier} {record.id}"} if record.id else set()
        if not record.problems:
            keys |= {f"name {unique}" for unique in kind.unique(record.body)}
        if before := sorted(seen[key] for key in keys if key in seen):
            problem = ("", f"is about the same as line {before[0]}")
            yield Record(record.line, record.id, record.body, (*record.problems, problem))
        else:
            seen.update(dict.fromkeys(keys, record.line))
            yield record
