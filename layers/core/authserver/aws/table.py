"""One DynamoDB table, and the only place that calls DynamoDB."""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import field
from types import MappingProxyType
from typing import Any, Protocol, Self, cast

from authserver.aws.service import Refused, Service, Unreachable
from authserver.errors import TemporarilyUnavailable
from authserver.records import dataclass
from authserver.storage.guards import SessionOver

type Item = dict[str, Any]

CONDITION_FAILED = "ConditionalCheckFailedException"
TRANSACTION_CANCELED = "TransactionCanceledException"
CONFLICT = "TransactionConflict"  # among the reasons for which a transaction was cancelled
IN_A_TRANSACTION = "TransactionConflictException"  # the answer to a single write of an item that one is writing
BATCH_ATTEMPTS = 4
CONFLICT_ATTEMPTS = 8
CONFLICT_PAUSE = 0.01  # seconds, doubled with each attempt


# ------------------------------------------------------------------ attribute values


def encode(value: Any) -> dict[str, Any]:
    """A Python value as a DynamoDB attribute value. Sets must not be empty; None has no place in an item."""
    kind = type(value)
    if kind is str:
        return {"S": value}
    if kind is int:
        return {"N": str(value)}
    if kind is bytes:
        return {"B": base64.b64encode(value).decode()}
    if kind is bool:
        return {"BOOL": value}
    if kind is frozenset or kind is set:
        return {"SS": sorted(value)}
    if kind is tuple or kind is list:
        return {"L": [encode(element) for element in value]}
    if isinstance(value, Mapping):
        return {"M": {name: encode(element) for name, element in value.items()}}
    raise TypeError(f"cannot store {kind.__name__}")


def decode(value: Mapping[str, Any]) -> Any:
    """The Python value of a DynamoDB attribute value."""
    ((kind, content),) = value.items()
    if kind in ("S", "BOOL"):
        return content
    if kind == "N":
        return int(content)
    if kind == "B":
        return base64.b64decode(content)
    if kind == "SS":
        return frozenset(content)
    if kind == "L":
        return [decode(element) for element in content]
    if kind == "M":
        return {name: decode(element) for name, element in content.items()}
    raise TypeError(f"{kind} is of no attribute of ours")


NOTHING: tuple[object, ...] = (None, "", (), frozenset())


def encode_item(attributes: Mapping[str, Any]) -> Item:
    """An item of the attributes that have a value: None, empty text, empty collections are left out."""
    return {name: encode(value) for name, value in attributes.items() if is_stored(value)}


def is_stored(value: Any) -> bool:
    """Whether an attribute with this value is stored: what is empty is left out."""
    return value not in NOTHING


def decode_item(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value["S"] if "S" in value else decode(value) for name, value in item.items()}


# The name of an attribute, or of a map and of one of its entries.
type Path = str | tuple[str, str]


def assignments[P: Path](
    changes: Mapping[P, Any], changeable: frozenset[str]
) -> tuple[str, dict[str, str], dict[str, Any]]:
    """The update expression that makes these changes, with its names and values. What is empty is removed.

    Raises `ValueError` on a change of what is not `changeable`, and on none.
    """
    paths: list[tuple[str, ...]] = [path if isinstance(path, tuple) else (path,) for path in changes]
    if not changes or not {path[0] for path in paths} <= changeable:
        raise ValueError("these fields cannot be changed")
    names: dict[str, str] = {}
    sets, removes, values = [], [], {}
    for number, ((name, *entry), value) in enumerate(zip(paths, changes.values(), strict=True)):
        mark = f"{name}{number}" if entry else name
        names |= {f"#{name}": name, **{f"#{mark}": one for one in entry}}
        place = f"#{name}.#{mark}" if entry else f"#{name}"
        if is_stored(value):
            sets.append(f"{place} = :{mark}")
            values[f":{mark}"] = value
        else:
            removes.append(place)
    clauses = [f"SET {', '.join(sets)}"] * bool(sets) + [f"REMOVE {', '.join(removes)}"] * bool(removes)
    return " ".join(clauses), names, values


# Of the layout in which an item was written last: every write leaves it in the attribute ``v``.
VERSION = 1
SCHEMA: Item = {"v": {"N": str(VERSION)}}

NO_NAMES: Mapping[str, str] = MappingProxyType({})
NO_VALUES: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Write:
    """One conditional write of one item: what DynamoDB's transactions call its kind, and its arguments, but the
    table."""

    kind: str
    arguments: Mapping[str, Any] = field(repr=False)

    @classmethod
    def put(
        cls,
        item: Item,
        condition: str = "",
        values: Mapping[str, Any] = NO_VALUES,
        names: Mapping[str, str] = NO_NAMES,
    ) -> Self:
        return cls("Put", {"Item": {**item, **SCHEMA}, **_conditional(condition, values, names)})

    @classmethod
    def delete(
        cls,
        key: Mapping[str, str],
        condition: str = "",
        values: Mapping[str, Any] = NO_VALUES,
        names: Mapping[str, str] = NO_NAMES,
    ) -> Self:
        return cls("Delete", {"Key": encode_item(key), **_conditional(condition, values, names)})

    @classmethod
    def check(
        cls,
        key: Mapping[str, str],
        condition: str,
        values: Mapping[str, Any] = NO_VALUES,
        names: Mapping[str, str] = NO_NAMES,
    ) -> Self:
        """Writes nothing; but where the condition does not hold, nothing else is written either."""
        return cls("ConditionCheck", {"Key": encode_item(key), **_conditional(condition, values, names)})

    @classmethod
    def update(
        cls,
        key: Mapping[str, str],
        expression: str,
        condition: str = "",
        values: Mapping[str, Any] = NO_VALUES,
        names: Mapping[str, str] = NO_NAMES,
    ) -> Self:
        """The expression's SET, if it has one, comes first."""
        stamped = f"SET v = :v, {expression.removeprefix('SET ')}" if expression.startswith("SET ") else ""
        conditional = _conditional(condition, {**values, ":v": VERSION}, names)
        expression = stamped or f"SET v = :v {expression}"
        return cls("Update", {"Key": encode_item(key), "UpdateExpression": expression, **conditional})

    def is_of(self, key: Item) -> bool:
        """Whether this is the item that is written."""
        place: Item = self.arguments["Item"] if self.kind == "Put" else self.arguments["Key"]
        return all(place.get(name) == value for name, value in key.items())

    def and_only_if(self, check: Write) -> Write:
        """The same write, on the condition of a check of the same item as well; their names differ."""
        merged = dict(self.arguments)
        conditions = [one["ConditionExpression"] for one in (merged, check.arguments) if "ConditionExpression" in one]
        merged["ConditionExpression"] = " AND ".join(f"({condition})" for condition in conditions)
        for name in ("ExpressionAttributeNames", "ExpressionAttributeValues"):
            both = {**merged.get(name, {}), **check.arguments.get(name, {})}
            if both:
                merged[name] = both
        return Write(self.kind, merged)

    def in_transaction(self, table: str) -> dict[str, Any]:
        return {self.kind: {"TableName": table, **self.arguments}}


def _conditional(condition: str, values: Mapping[str, Any], names: Mapping[str, str] = NO_NAMES) -> dict[str, Any]:
    arguments: dict[str, Any] = {"ConditionExpression": condition} if condition else {}
    if names:
        arguments["ExpressionAttributeNames"] = dict(names)
    if values:
        arguments["ExpressionAttributeValues"] = {name: encode(value) for name, value in values.items()}
    return arguments


def _projected(attributes: Sequence[str]) -> dict[str, Any]:
    """What makes a read answer these attributes alone."""
    names = {f"#{attribute}": attribute for attribute in attributes}
    return {"ProjectionExpression": ", ".join(names), "ExpressionAttributeNames": names}


# A write, and the name of the table that it is in.
type Placed = tuple[str, Write]


class Noting(Protocol):
    """An event of the audit that is to be written with the first write of its act."""

    is_written: bool

    def placed(self) -> Placed:
        """The put of the event, on the condition that it is not there."""


@dataclass(frozen=True, slots=True)
class Guard:
    """Conditions on other items (their ``ConditionCheck``s) without which a store writes nothing, and the event that
    its first write brings along."""

    checks: tuple[Placed, ...] = ()
    noting: Noting | None = None

    @property
    def adds(self) -> bool:
        """Whether the next write is not made alone."""
        return bool(self.checks) or (self.noting is not None and not self.noting.is_written)

    def around(self, writes: Sequence[Placed]) -> list[Placed]:
        """The writes with these conditions: a transaction has each item once."""
        guarded = list(writes)
        for place, check in self.checks:
            key = check.arguments["Key"]
            same = [at for at, (table, write) in enumerate(guarded) if table == place and write.is_of(key)]
            if same:
                guarded[same[0]] = (place, guarded[same[0]][1].and_only_if(check))
            else:
                guarded.append((place, check))
        return guarded

    def merges_into(self, writes: Sequence[Placed]) -> bool:
        """Whether one of these conditions becomes a part of a write's own: then DynamoDB does not tell which part
        failed."""
        return len(self.around(writes)) < len(writes) + len(self.checks)


UNGUARDED = Guard()


def transact(dynamodb: Service, writes: Sequence[Placed], guard: Guard = UNGUARDED) -> frozenset[int]:
    """Makes all the writes or none; the positions of those whose conditions did not hold, none if all are made.

    Those of a guard's checks have positions beyond the writes; its event has none. If another request writes one of
    the items at the same instant, DynamoDB refuses the whole, which is tried again a little later. Raises
    `TemporarilyUnavailable`.
    """
    placed = [write.in_transaction(table) for table, write in guard.around(writes)]
    noting = guard.noting if guard.noting is not None and not guard.noting.is_written else None
    if noting is not None:
        table, event = noting.placed()
        placed.append(event.in_transaction(table))
    for attempt in range(CONFLICT_ATTEMPTS):
        if attempt:
            _pause(attempt)
        try:
            _call(dynamodb, "TransactWriteItems", {"TransactItems": placed})
        except Cancelled as cancelled:
            if noting is not None and len(placed) - 1 in cancelled.refused:
                # No other request knows the event's identifier: this very transaction was made, and its answer was
                # lost.
                noting.is_written = True
                return frozenset()
            if not cancelled.by_conflict:
                return cancelled.refused
        else:
            if noting is not None:
                noting.is_written = True
            return frozenset()
    raise TemporarilyUnavailable("The store did not answer", reason="dynamodb_conflict")


# ------------------------------------------------------------------ one table


class Table:
    """The operations that the stores use.

    Whatever keeps it from answering becomes `TemporarilyUnavailable`; a failed condition is an answer. With a `guard`
    each write is a transaction with its conditions, and raises `SessionOver` where they do not hold.
    """

    def __init__(self, dynamodb: Service, name: str, guard: Guard = UNGUARDED) -> None:
        self._dynamodb = dynamodb
        self.name = name
        self._guard = guard

    def get(self, key: Mapping[str, str], attributes: Sequence[str] = ()) -> Item | None:
        """The item as DynamoDB has it, or these `attributes` of it; `items.read` makes a record of it."""
        return self._read(encode_item(key), _projected(attributes) if attributes else {})

    def query(
        self,
        index: str,
        attribute: str,
        value: str,
        *,
        key: str,
        limit: int,
        after: tuple[str, int] | None,
        newest_first: bool = False,
        between: tuple[int, int] | None = None,
    ) -> tuple[tuple[tuple[str, int], ...], bool]:
        """The keys that an index lists under `value`, each with its ``created_at``, by age; and whether there are more.

        `after` is the last one before; `between` has the first and the last ``created_at``. An index is not consistent;
        it only lists.
        """
        arguments: dict[str, Any] = {
            "IndexName": index,
            "KeyConditionExpression": f"{attribute} = :value",
            "ExpressionAttributeValues": {":value": {"S": value}},
            "Limit": limit,
            "ScanIndexForward": not newest_first,
        }
        if between:
            first, last_at = between
            arguments["KeyConditionExpression"] += " AND created_at BETWEEN :first AND :last"
            arguments["ExpressionAttributeValues"] |= {":first": encode(first), ":last": encode(last_at)}
        if after:
            last, created_at = after
            arguments["ExclusiveStartKey"] = encode_item({key: last, attribute: value, "created_at": created_at})
        answer = self._call("Query", arguments)
        keys = tuple((item[key]["S"], int(item["created_at"]["N"])) for item in answer["Items"])
        return keys, "LastEvaluatedKey" in answer

    @property
    def beforehand(self) -> Table:
        """The same table for what is written before an act, which may still be refused: without the act's event."""
        return Table(self._dynamodb, self.name, Guard(self._guard.checks))

    def put(self, item: Item) -> None:
        self._perform(Write.put(item))

    def put_new(self, item: Item, key: str) -> Item | None:
        """Puts the item unless its key is taken; the item that took it, or None."""
        try:
            self._perform(Write.put(item, f"attribute_not_exists({key})"), existing={key: item[key]})
        except ConditionFailed as failure:
            return failure.existing or {}
        return None

    def put_if(
        self, item: Item, condition: str, values: Mapping[str, Any], *, names: Mapping[str, str] = NO_NAMES
    ) -> bool:
        """Puts the item if the condition holds; tells whether."""
        return self._done(Write.put(item, condition, values, names))

    def update(
        self,
        key: Mapping[str, str],
        expression: str,
        condition: str | None,
        values: Mapping[str, Any],
        *,
        names: Mapping[str, str] = NO_NAMES,
        answer: str = "",
    ) -> dict[str, Any]:
        """Updates; the attributes that `answer` (DynamoDB's ReturnValues) asks for, by default what is new.

        Raises `ConditionFailed` with the item as it was.
        """
        write = Write.update(key, expression, condition or "", values, names)
        wanted = answer or ("" if condition else "UPDATED_NEW")
        return self._perform(write, existing=encode_item(key) if condition else None, answer=wanted)

    def update_if(
        self,
        key: Mapping[str, str],
        expression: str,
        condition: str,
        values: Mapping[str, Any],
        *,
        names: Mapping[str, str] = NO_NAMES,
    ) -> bool:
        """Updates if the condition holds; tells whether. The item itself stays unseen, for callers who may not."""
        return self._done(Write.update(key, expression, condition, values, names))

    def delete(self, key: Mapping[str, str]) -> None:
        self._perform(Write.delete(key))

    def delete_if(self, key: Mapping[str, str], condition: str, values: Mapping[str, Any] = NO_VALUES) -> bool:
        """Deletes if the condition holds; tells whether."""
        return self._done(Write.delete(key, condition, values))

    def write_all(self, writes: Sequence[Write]) -> frozenset[int]:
        """Makes all the writes or none; the positions of those whose conditions did not hold."""
        return self.transact([(self.name, write) for write in writes])

    def transact(self, writes: Sequence[Placed]) -> frozenset[int]:
        """The same with writes in other tables among them."""
        refused = transact(self._dynamodb, writes, self._guard)
        if any(position >= len(writes) for position in refused):
            raise SessionOver
        if refused and self._guard.merges_into(writes):
            self._require_guard()
        return refused

    def _require_guard(self) -> None:
        """Raises `SessionOver` if the conditions of the guard do not hold: they are looked at alone."""
        if transact(self._dynamodb, self._guard.checks):
            raise SessionOver

    def _done(self, write: Write) -> bool:
        try:
            self._perform(write)
        except ConditionFailed:
            return False
        return True

    def _perform(self, write: Write, *, existing: Item | None = None, answer: str = "") -> dict[str, Any]:
        """Makes one write. `existing` is the key of the item that `ConditionFailed` is to have."""
        if self._guard.adds:
            return self._perform_guarded(write, existing, answer)
        arguments = dict(write.arguments)
        if existing is not None:
            arguments["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        if answer:
            arguments["ReturnValues"] = answer
        return cast("dict[str, Any]", self._call(f"{write.kind}Item", arguments).get("Attributes", {}))

    def _perform_guarded(self, write: Write, existing: Item | None, answer: str) -> dict[str, Any]:
        """A transaction answers nothing: what is wanted of the item is read after it."""
        if self.transact([(self.name, write)]):
            raise ConditionFailed(self._read(existing) if existing is not None else None)
        return self._read(write.arguments["Key"]) or {} if answer else {}

    def _read(self, key: Item, projected: Mapping[str, Any] = MappingProxyType({})) -> Item | None:
        item: Item | None = self._call("GetItem", {"Key": key, "ConsistentRead": True, **projected}).get("Item")
        return item

    def _call(self, operation: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        return _call(self._dynamodb, operation, {"TableName": self.name, **arguments})


def read_together(dynamodb: Service, wanted: Mapping[str, tuple[str, tuple[str, ...]]]) -> dict[str, dict[str, Item]]:
    """The items there are, by table and key, in one call; more only while DynamoDB leaves some unprocessed.

    `wanted` has a table's name, its key attribute and the keys.
    """
    request: Any = {
        table: {"Keys": [{attribute: {"S": key}} for key in keys], "ConsistentRead": True}
        for table, (attribute, keys) in wanted.items()
        if keys
    }
    found: dict[str, dict[str, Item]] = {table: {} for table in wanted}
    for attempt in range(BATCH_ATTEMPTS):
        if not request:
            return found
        if attempt:
            _pause(attempt)
        answer = _call(dynamodb, "BatchGetItem", {"RequestItems": request})
        for table, items in answer["Responses"].items():
            found[table] |= {item[wanted[table][0]]["S"]: item for item in items}
        request = answer.get("UnprocessedKeys")
    if request:
        raise TemporarilyUnavailable("The store did not answer in full", reason="dynamodb_unprocessed")
    return found


def _call(dynamodb: Service, operation: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    for attempt in range(CONFLICT_ATTEMPTS):
        if attempt:
            _pause(attempt)
        try:
            return dynamodb.call(operation, arguments)
        except Refused as refused:
            if refused.code != IN_A_TRANSACTION:
                raise _translated(refused) from refused
        except Unreachable as error:
            raise TemporarilyUnavailable("The store did not answer", reason="dynamodb_unreachable") from error
    raise TemporarilyUnavailable("The store did not answer", reason="dynamodb_conflict")


def _pause(attempt: int) -> None:
    """Spreads those who write the same item at the same instant, or read what is asked too much of."""
    time.sleep(int.from_bytes(os.urandom(4)) / 2**32 * CONFLICT_PAUSE * 2**attempt)


class ConditionFailed(Exception):
    """A conditional write was refused; `existing` is the item as it was at that instant, if there was one."""

    def __init__(self, existing: Item | None) -> None:
        super().__init__("condition failed")
        self.existing = existing


class Cancelled(Exception):
    """A transaction was not made: `refused` are the positions whose conditions did not hold."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__("cancelled")
        self.refused = frozenset(at for at, reason in enumerate(reasons) if reason == "ConditionalCheckFailed")
        self.by_conflict = not self.refused and CONFLICT in reasons


def _code_of(reason: Mapping[str, str]) -> str:
    """Why a write of a transaction was refused. A map that is not there to be counted in is a condition that fails."""
    code = str(reason.get("Code"))
    is_path = code == "ValidationError" and "document path" in reason.get("Message", "")
    return "ConditionalCheckFailed" if is_path else code


def _translated(refused: Refused) -> Exception:
    if refused.code == CONDITION_FAILED:
        return ConditionFailed(refused.body.get("Item"))
    if refused.code == TRANSACTION_CANCELED:
        reasons = [_code_of(reason) for reason in refused.body.get("CancellationReasons", ())]
        if set(reasons) <= {"None", "ConditionalCheckFailed", CONFLICT} and set(reasons) != {"None"}:
            return Cancelled(reasons)
    if refused.code == "TransactionInProgressException":
        return Cancelled([CONFLICT])
    return TemporarilyUnavailable("The store did not answer", reason=f"dynamodb_{refused.code or 'error'}")
