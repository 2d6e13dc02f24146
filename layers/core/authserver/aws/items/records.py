"""Any record of an item: its attributes by the types of its fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import cache
from types import UnionType
from typing import Any, Literal, Union, cast, get_args, get_origin, get_type_hints

from authserver.aws.log import write_problem
from authserver.aws.table import Item, decode_item
from authserver.ends import Begun
from authserver.errors import TemporarilyUnavailable

type Check = Callable[[Any], bool]
REMEMBERED = 512  # records of items of the Tokens table
_records: dict[tuple[Any, str], tuple[Item, Any]] = {}


def read[R](convert: Callable[[Mapping[str, Any]], R], item: Item | None) -> R | None:
    """The record of an item; None if there is none, or if it is none of ours to read, which the log tells.

    An item of the Tokens table that is the same as when it was read last is the same record: it was read from
    DynamoDB now as ever, and only the making of the record is spared.
    """
    if item is None:
        return None
    key = _key_of(item)
    known = _records.get((convert, key))
    if known is not None and known[0] == item:
        return cast("R", known[1])
    try:
        record = convert(decode_item(item))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        write_problem("an item is malformed", kind=key.partition("#")[0], fault=type(error).__name__)
        return None
    if key or not item:
        _remember(convert, key, item, record)
    return record


def _remember(convert: Any, key: str, item: Item, record: Any) -> None:
    if len(_records) >= REMEMBERED:
        del _records[next(iter(_records))]
    _records[convert, key] = item, record


def read_known[R](convert: Callable[[Mapping[str, Any]], R], item: Item | None, *, reason: str) -> R | None:
    """The same where one that cannot be read must not be taken for none: raises `TemporarilyUnavailable`."""
    record = read(convert, item)
    if record is None and item is not None:
        raise TemporarilyUnavailable("The store did not answer", reason=reason)
    return record


def _key_of(item: Item) -> str:
    """The key of an item of the Tokens table, which alone has a ``pk``; empty for others."""
    pk = item.get("pk", {})
    return str(pk.get("S", "")) if isinstance(pk, dict) else ""


def begun_of(item: Mapping[str, Any]) -> Begun:
    return record_of(Begun, typed(item.get("begun", {}), dict, "begun"))


def begun_attribute(begun: Begun) -> dict[str, Any] | None:
    return begun.as_attributes() or None


def attributes_of(record: Any) -> dict[str, Any]:
    """A record's fields, with what it was begun under as the map that is stored of it."""
    attributes = {field.name: getattr(record, field.name) for field in fields(record)}
    if "begun" in attributes:
        attributes["begun"] = begun_attribute(attributes["begun"])
    return attributes


def record_of[R](kind: type[R], item: Mapping[str, Any]) -> R:
    """A record of the attributes that are its fields; absent ones keep their defaults.

    Raises `TypeError` on an attribute of another type than its field's, so that no use case meets it.
    """
    found = {}
    for name, simple, is_right in _fields_of(cast("Any", kind)):
        if name in item:
            found[name] = value = item[name]
            if type(value) is not simple and not is_right(value):
                raise TypeError(f"{name} has another type")
    return kind(**found)


@cache
def _fields_of(kind: type[Any]) -> tuple[tuple[str, Any, Check], ...]:
    """Each field's name, the type that its values nearly always have where that alone makes them right, and the check
    of all others."""
    hints = get_type_hints(kind)
    return tuple((name, _simple(expected), _check_of(expected)) for name, expected in hints.items())


def _simple(expected: Any) -> Any:
    """Such a type, of a field that has no other but None; else None, which no value is of."""
    members = get_args(expected) if get_origin(expected) in (UnionType, Union) else (expected,)
    return next((kind for kind in (str, int, bytes, bool) if members in ((kind,), (kind, type(None)))), None)


def typed[V](value: V, expected: Any, name: str) -> V:
    if not _check_of(expected)(value):
        raise TypeError(f"{name} has another type")
    return value


@cache
def _check_of(expected: Any) -> Check:
    """Tells whether a decoded value is of a field's type, as far as items can get it wrong."""
    origin, arguments = get_origin(expected) or expected, get_args(expected)
    if origin in (UnionType, Union):
        checks = [_check_of(argument) for argument in arguments]
        return lambda value: any(is_right(value) for is_right in checks)
    if origin is Literal:
        return lambda value: value in arguments
    if origin is Any:
        return lambda _: True
    if origin is int:
        return lambda value: type(value) is int
    if origin in (tuple, frozenset):
        is_element = _check_of(arguments[0])
        return lambda value: isinstance(value, origin) and all(map(is_element, value))
    if origin is Mapping:
        is_value = _check_of(arguments[1])
        return lambda value: isinstance(value, dict) and all(map(is_value, value.values()))
    return lambda value: isinstance(value, origin)
