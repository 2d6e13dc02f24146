"""One DynamoDB table, and the only place that calls DynamoDB: another client can take boto3's seat here."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self, cast

from botocore.exceptions import BotoCoreError, ClientError

from authserver.errors import TemporarilyUnavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

type Item = dict[str, Any]

CONDITION_FAILED = "ConditionalCheckFailedException"
TRANSACTION_CANCELED = "TransactionCanceledException"
BATCH_ATTEMPTS = 4


# ------------------------------------------------------------------ attribute values


def encode(value: Any) -> dict[str, Any]:
    """A Python value as a DynamoDB attribute value. Sets must not be empty; None has no place in an item."""
    match value:
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": value}
        case int():
            return {"N": str(value)}
        case bytes():
            return {"B": value}
        case frozenset() | set():
            return {"SS": sorted(value)}
        case tuple() | list():
            return {"L": [encode(element) for element in value]}
        case Mapping():
            return {"M": {name: encode(element) for name, element in value.items()}}
    raise TypeError(f"cannot store {type(value).__name__}")


def decode(value: Mapping[str, Any]) -> Any:
    """The Python value of a DynamoDB attribute value."""
    ((kind, content),) = value.items()
    match kind:
        case "N":
            return int(content)
        case "B":
            return bytes(content)
        case "SS":
            return frozenset(content)
        case "L":
            return [decode(element) for element in content]
        case "M":
            return {name: decode(element) for name, element in content.items()}
        case _:
            return content


def encode_item(attributes: Mapping[str, Any]) -> Item:
    """An item of the attributes that have a value: None, empty text, empty collections are left out."""
    nothing: tuple[object, ...] = (None, "", (), frozenset())
    return {name: encode(value) for name, value in attributes.items() if value not in nothing}


def decode_item(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: decode(value) for name, value in item.items()}


def assignments(changes: Mapping[str, Any], changeable: frozenset[str]) -> tuple[str, dict[str, str], dict[str, Any]]:
    """The update expression that makes these changes, with its names and values. What is empty is removed.

    Raises `ValueError` on a change of what is not `changeable`, and on none.
    """
    if not changes or not changes.keys() <= changeable:
        raise ValueError("these fields cannot be changed")
    kept = encode_item(changes)
    sets = ", ".join(f"#{name} = :{name}" for name in kept)
    removes = ", ".join(f"#{name}" for name in changes if name not in kept)
    expression = " ".join(
        [f"SET {sets}"] * bool(sets) + [f"REMOVE {removes}"] * bool(removes),
    )
    return expression, {f"#{name}": name for name in changes}, {f":{name}": changes[name] for name in kept}


NO_NAMES: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Write:
    """One conditional write of a transaction: what DynamoDB calls its kind, and its arguments."""

    kind: str
    arguments: Mapping[str, Any] = field(repr=False)

    @classmethod
    def put(cls, item: Item, condition: str, values: Mapping[str, Any]) -> Self:
        return cls("Put", {"Item": item, **_conditional(condition, values)})

    @classmethod
    def delete(
        cls, key: Mapping[str, str], condition: str, values: Mapping[str, Any], names: Mapping[str, str] = NO_NAMES
    ) -> Self:
        return cls("Delete", {"Key": encode_item(key), **_conditional(condition, values, names)})

    @classmethod
    def check(
        cls, key: Mapping[str, str], condition: str, values: Mapping[str, Any], names: Mapping[str, str] = NO_NAMES
    ) -> Self:
        """Writes nothing; but where the condition does not hold, nothing else is written either."""
        return cls("ConditionCheck", {"Key": encode_item(key), **_conditional(condition, values, names)})

    @classmethod
    def update(
        cls,
        key: Mapping[str, str],
        expression: str,
        condition: str,
        values: Mapping[str, Any],
        names: Mapping[str, str] = NO_NAMES,
    ) -> Self:
        conditional = _conditional(condition, values, names)
        return cls("Update", {"Key": encode_item(key), "UpdateExpression": expression, **conditional})

    def in_transaction(self, table: str) -> dict[str, Any]:
        return {self.kind: {"TableName": table, **self.arguments}}


def _conditional(condition: str, values: Mapping[str, Any], names: Mapping[str, str] = NO_NAMES) -> dict[str, Any]:
    arguments: dict[str, Any] = {"ConditionExpression": condition} if condition else {}
    if names:
        arguments["ExpressionAttributeNames"] = dict(names)
    if values:
        arguments["ExpressionAttributeValues"] = {name: encode(value) for name, value in values.items()}
    return arguments


# ------------------------------------------------------------------ one table


class Table:
    """The operations that the stores use.

    Whatever keeps it from answering becomes `TemporarilyUnavailable`; a failed condition is an answer.
    """

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self._client = client
        self._name = name

    def get(self, key: Mapping[str, str]) -> Item | None:
        """The item as DynamoDB has it; `items.read` makes a record of it."""
        item: Item | None = self._call(self._client.get_item, Key=encode_item(key), ConsistentRead=True).get("Item")
        return item

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
    ) -> tuple[tuple[str, ...], tuple[str, int] | None]:
        """The keys that an index lists under `value`, by age, and the last of them if there are more.

        `after` is such a last one: its key and its ``created_at``. An index is not consistent; it only lists.
        """
        arguments: dict[str, Any] = {
            "IndexName": index,
            "KeyConditionExpression": f"{attribute} = :value",
            "ExpressionAttributeValues": {":value": {"S": value}},
            "Limit": limit,
            "ScanIndexForward": not newest_first,
        }
        if after:
            last, created_at = after
            arguments["ExclusiveStartKey"] = encode_item({key: last, attribute: value, "created_at": created_at})
        answer = self._call(self._client.query, **arguments)
        end = answer.get("LastEvaluatedKey")
        keys = tuple(item[key]["S"] for item in answer["Items"])
        return keys, (end[key]["S"], int(end["created_at"]["N"])) if end else None

    def put(self, item: Item) -> None:
        self._call(self._client.put_item, Item=item)

    def put_new(self, item: Item, key: str) -> Item | None:
        """Puts the item unless its key is taken; the item that took it, or None."""
        try:
            self._call(
                self._client.put_item,
                Item=item,
                ConditionExpression=f"attribute_not_exists({key})",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ConditionFailed as failure:
            return failure.existing or {}
        return None

    def put_if(self, item: Item, condition: str, values: Mapping[str, Any]) -> bool:
        """Puts the item if the condition holds; tells whether."""
        try:
            self._call(self._client.put_item, Item=item, **_conditional(condition, values))
        except ConditionFailed:
            return False
        return True

    def update(
        self,
        key: Mapping[str, str],
        expression: str,
        condition: str | None,
        values: Mapping[str, Any],
        *,
        names: Mapping[str, str] | None = None,
        answer: str = "",
    ) -> dict[str, Any]:
        """Updates; the attributes that `answer` (DynamoDB's ReturnValues) asks for, by default what is new.

        Raises `ConditionFailed` with the item as it was.
        """
        arguments: dict[str, Any] = {"Key": encode_item(key), "UpdateExpression": expression}
        if values:
            arguments["ExpressionAttributeValues"] = {name: encode(value) for name, value in values.items()}
        if names:
            arguments["ExpressionAttributeNames"] = dict(names)
        if condition:
            arguments["ConditionExpression"] = condition
            arguments["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        if answer or not condition:
            arguments["ReturnValues"] = answer or "UPDATED_NEW"
        updated = self._call(self._client.update_item, **arguments)
        return cast("dict[str, Any]", updated.get("Attributes", {}))

    def update_if(self, key: Mapping[str, str], expression: str, condition: str, values: Mapping[str, Any]) -> bool:
        """Updates if the condition holds; tells whether. The item itself stays unseen, for callers who may not."""
        try:
            self._call(
                self._client.update_item,
                Key=encode_item(key),
                UpdateExpression=expression,
                ConditionExpression=condition,
                ExpressionAttributeValues={name: encode(value) for name, value in values.items()},
            )
        except ConditionFailed:
            return False
        return True

    def delete(self, key: Mapping[str, str]) -> None:
        self._call(self._client.delete_item, Key=encode_item(key))

    def delete_if(
        self, key: Mapping[str, str], condition: str, values: Mapping[str, Any], names: Mapping[str, str] = NO_NAMES
    ) -> bool:
        """Deletes the item if the condition holds; tells whether."""
        try:
            self._call(self._client.delete_item, Key=encode_item(key), **_conditional(condition, values, names))
        except ConditionFailed:
            return False
        return True

    def put_all_new(self, items: list[Item], key: str) -> bool:
        """Puts all the items, or none if a key is taken; tells whether."""
        puts = [
            {"Put": {"TableName": self._name, "Item": item, "ConditionExpression": f"attribute_not_exists({key})"}}
            for item in items
        ]
        return self._transact(puts)

    def write_all(self, writes: "list[Write]") -> bool:
        """Makes all the writes, or none if the condition of one does not hold; tells whether."""
        return self._transact([write.in_transaction(self._name) for write in writes])

    def delete_all(self, keys: list[Mapping[str, str]]) -> None:
        """Deletes all the items, or none; idempotent."""
        self._transact([{"Delete": {"TableName": self._name, "Key": encode_item(key)}} for key in keys])

    def _transact(self, writes: list[dict[str, Any]]) -> bool:
        try:
            self._call(self._client.transact_write_items, table=False, TransactItems=writes)
        except ConditionFailed:
            return False
        return True

    def _call(self, operation: Callable[..., Any], *, table: bool = True, **arguments: Any) -> Any:
        if table:
            arguments["TableName"] = self._name
        return _call(operation, **arguments)


def read_together(
    client: "DynamoDBClient", wanted: Mapping[str, tuple[str, tuple[str, ...]]]
) -> dict[str, dict[str, Item]]:
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
            time.sleep(0.01 * 2**attempt)
        answer = _call(client.batch_get_item, RequestItems=request)
        for table, items in answer["Responses"].items():
            found[table] |= {item[wanted[table][0]]["S"]: item for item in items}
        request = answer.get("UnprocessedKeys")
    if request:
        raise TemporarilyUnavailable("The store did not answer in full", reason="dynamodb_unprocessed")
    return found


def _call(operation: Callable[..., Any], **arguments: Any) -> Any:
    try:
        return operation(**arguments)
    except ClientError as error:
        raise _translated(error) from error
    except BotoCoreError as error:
        raise TemporarilyUnavailable("The store did not answer", reason="dynamodb_unreachable") from error


class ConditionFailed(Exception):
    """A conditional write was refused; `existing` is the item as it was at that instant, if there was one."""

    def __init__(self, existing: Item | None) -> None:
        super().__init__("condition failed")
        self.existing = existing


def _translated(error: ClientError) -> Exception:
    code = error.response.get("Error", {}).get("Code", "")
    if code == CONDITION_FAILED:
        return ConditionFailed(cast("dict[str, Any]", error.response).get("Item"))
    if code == TRANSACTION_CANCELED:
        reasons = {
            reason.get("Code") for reason in cast("dict[str, Any]", error.response).get("CancellationReasons", ())
        }
        if reasons <= {"None", "ConditionalCheckFailed"}:
            return ConditionFailed(None)
    return TemporarilyUnavailable("The store did not answer", reason=f"dynamodb_{code or 'error'}")
