"""What a function's role lets it do with tables, keys, mails and functions, evaluated for each request as IAM does.

A permission that is missing in the template would otherwise be found in the cloud only.
"""

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from local.errors import RefusedError
from local.policies import matches
from local.understood import only

# AWS's own policies that the SAM translator attaches; they allow nothing that there is here.
_MANAGED = {
    "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
    "arn:aws:iam::aws:policy/AWSXrayWriteOnlyAccess",
    "arn:aws:iam::aws:policy/AWSXRayDaemonWriteAccess",
}
_LEADING_KEYS = "dynamodb:LeadingKeys"
_ATTRIBUTES = "dynamodb:Attributes"
_SELECT = "dynamodb:Select"
_ENCRYPTION_CONTEXT = "kms:EncryptionContext:"
_FROM_ADDRESS = "ses:FromAddress"
_OPERATORS = {"StringEquals", "StringLike"}
_FOR_ALL = "ForAllValues:"
_IF_EXISTS = "IfExists"
_KEY_EQUALS = re.compile(r"([#\w.]+)\s*=\s*(:\w+)")
# What stands in an expression and is neither the name of an attribute nor one of the request's values.
_EXPRESSION_WORDS = {"SET", "ADD", "REMOVE", "DELETE", "AND", "OR", "NOT", "IN", "BETWEEN"}
_EXPRESSION_NAME = re.compile(r"(?<![:.#\w])[#A-Za-z_]\w*+(?!\s*\()")
_TRANSACTION = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}
_KEY_ID_LENGTH = 36  # moto's ciphertext begins with the key's id


@dataclass(frozen=True)
class Access:
    """One use of one resource. `context` has the condition keys that this server knows of it."""

    action: str
    resource: str
    context: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Condition:
    """`key` compared by `operator` with any of `values`; with `for_all`, each of the request's values."""

    operator: str
    for_all: bool
    key: str
    values: tuple[str, ...]

    def holds(self, context: Mapping[str, tuple[str, ...]]) -> bool:
        # Stricter than IAM, where ForAllValues and IfExists hold for a key that is not there.
        present = context.get(self.key, ())
        return bool(present) and (self.for_all or len(present) == 1) and all(self._matches(one) for one in present)

    def _matches(self, value: str) -> bool:
        return any(value == one if self.operator == "StringEquals" else matches(one, value) for one in self.values)


@dataclass(frozen=True)
class Statement:
    allow: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: tuple[Condition, ...]

    def covers(self, access: Access) -> bool:
        return (
            any(matches(action.lower(), access.action.lower()) for action in self.actions)
            and any(matches(resource, access.resource) for resource in self.resources)
            and all(condition.holds(access.context) for condition in self.conditions)
        )


def allowed(statements: tuple[Statement, ...], access: Access) -> bool:
    """An explicit Deny wins, else an Allow, else no."""
    effects = {statement.allow for statement in statements if statement.covers(access)}
    return effects == {True}


def read_role(role: Mapping[str, Any], where: str) -> tuple[Statement, ...]:
    """The statements of a role's properties, resolved. Errors: `RefusedError` for what is not understood."""
    for arn in role.get("ManagedPolicyArns", []):
        if arn not in _MANAGED:
            raise RefusedError(f"{where}.ManagedPolicyArns", f"this server does not know what {arn} allows")
    return tuple(
        _statement(statement, f"{where}.{policy['PolicyName']}")
        for policy in role.get("Policies", [])
        for statement in _list(policy["PolicyDocument"]["Statement"])
    )


def _statement(statement: Mapping[str, Any], where: str) -> Statement:
    only(statement, {"Sid", "Effect", "Action", "Resource", "Condition"}, where)
    if statement["Effect"] not in {"Allow", "Deny"}:
        raise RefusedError(where, f"has the effect {statement['Effect']}")
    return Statement(
        allow=statement["Effect"] == "Allow",
        actions=tuple(_list(statement["Action"])),
        resources=tuple(_list(statement["Resource"])),
        conditions=tuple(_conditions(statement.get("Condition", {}), where)),
    )


def _conditions(conditions: Mapping[str, Mapping[str, Any]], where: str) -> Iterator[Condition]:
    for operator, keys in conditions.items():
        name = operator.removeprefix(_FOR_ALL).removesuffix(_IF_EXISTS)
        for key, values in keys.items():
            if name not in _OPERATORS or not (
                key in {_LEADING_KEYS, _ATTRIBUTES, _SELECT, _FROM_ADDRESS} or key.startswith(_ENCRYPTION_CONTEXT)
            ):
                raise RefusedError(where, f"has the condition {operator} {key}, which this server does not understand")
            yield Condition(name, operator.startswith(_FOR_ALL), key, tuple(_list(values)))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@dataclass(frozen=True)
class TableKeys:
    """A table's ARN, its partition key, and those of its indexes by name."""

    arn: str
    partition_key: str
    indexes: Mapping[str, str]


def dynamodb_accesses(operation: str, request: Mapping[str, Any], tables: Mapping[str, TableKeys]) -> list[Access]:
    """What a request to DynamoDB uses. A table that does not exist needs no permission: DynamoDB reports that it is
    missing."""
    return [access for access in _dynamodb(operation, request, tables) if access]


def _dynamodb(operation: str, request: Mapping[str, Any], tables: Mapping[str, TableKeys]) -> Iterator[Access | None]:
    match operation:
        case "BatchGetItem":
            for table, wanted in request["RequestItems"].items():
                yield _items(operation, tables.get(table), wanted["Keys"])
        case "BatchWriteItem":
            for table, writes in request["RequestItems"].items():
                items = [write.get("PutRequest", {}).get("Item") or write["DeleteRequest"]["Key"] for write in writes]
                yield _items(operation, tables.get(table), items)
        case "TransactWriteItems":
            for part in request["TransactItems"]:
                ((kind, write),) = part.items()
                yield _item(_TRANSACTION[kind], write, tables.get(write["TableName"]))
        case "TransactGetItems":
            for part in request["TransactItems"]:
                yield _items("GetItem", tables.get(part["Get"]["TableName"]), [part["Get"]["Key"]])
        case "Query":
            yield _query(request, tables.get(request["TableName"]))
        case _:
            yield _item(operation, request, tables.get(request.get("TableName", "")))


def _item(operation: str, request: Mapping[str, Any], table: TableKeys | None) -> Access | None:
    item = request.get("Item") or request.get("Key")
    access = _items(operation, table, [item] if item else [])
    if access and operation == "UpdateItem":
        return replace(access, context={**access.context, _ATTRIBUTES: _attributes(request)})
    if access and operation == "GetItem":
        return replace(access, context={**access.context, **_selected(request)})
    return access


def _selected(request: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """What a read wants of an item: all of it, or the attributes that it names."""
    if "ProjectionExpression" not in request:
        return {_SELECT: ("ALL_ATTRIBUTES",)}
    return {_SELECT: ("SPECIFIC_ATTRIBUTES",), _ATTRIBUTES: _attributes(request)}


def _attributes(request: Mapping[str, Any]) -> tuple[str, ...]:
    """The attributes that an update or a read names: its key's and those in its expressions."""
    names = request.get("ExpressionAttributeNames", {})
    kinds = ("UpdateExpression", "ConditionExpression", "ProjectionExpression")
    expressions = " ".join(request.get(kind, "") for kind in kinds)
    named = {names.get(word, word) for word in _EXPRESSION_NAME.findall(expressions)} - _EXPRESSION_WORDS
    return tuple(sorted({*request["Key"], *named}))


def _items(operation: str, table: TableKeys | None, items: list[Mapping[str, Any]]) -> Access | None:
    if table is None:
        return None
    keys = tuple(_scalar(item[table.partition_key]) for item in items if table.partition_key in item)
    return Access(f"dynamodb:{operation}", table.arn, {_LEADING_KEYS: keys})


def _query(request: Mapping[str, Any], table: TableKeys | None) -> Access | None:
    if table is None:
        return None
    index = request.get("IndexName")
    partition_key = table.indexes.get(index, "") if index else table.partition_key
    names, values = request.get("ExpressionAttributeNames", {}), request.get("ExpressionAttributeValues", {})
    keys = tuple(
        _scalar(values[value])
        for name, value in _KEY_EQUALS.findall(request.get("KeyConditionExpression", ""))
        if names.get(name, name) == partition_key and value in values
    )
    return Access("dynamodb:Query", f"{table.arn}/index/{index}" if index else table.arn, {_LEADING_KEYS: keys})


def _scalar(value: Mapping[str, Any]) -> str:
    """A key attribute's value, such as {"S": "abc"}, as text."""
    return str(next(iter(value.values())))


def kms_accesses(operation: str, request: Mapping[str, Any], key_arn_prefix: str) -> list[Access]:
    """What a request to KMS uses."""
    key = request.get("KeyId")
    if key is None and "CiphertextBlob" in request:
        key = base64.b64decode(request["CiphertextBlob"])[:_KEY_ID_LENGTH].decode(errors="replace")
    arn = key if key and key.startswith("arn:") else f"{key_arn_prefix}{key or '*'}"
    context = {f"{_ENCRYPTION_CONTEXT}{name}": (value,) for name, value in request.get("EncryptionContext", {}).items()}
    return [Access(f"kms:{operation}", arn, context)]


def mail_access(mail: Mapping[str, Any], identity_arn_prefix: str) -> Access:
    """What sending a mail by SES uses; the identity is taken to be the address itself."""
    sender = str(mail.get("FromEmailAddress", ""))
    return Access("ses:SendEmail", f"{identity_arn_prefix}{sender}", {_FROM_ADDRESS: (sender,)})


def put_events_access(entry: Mapping[str, Any], bus_arn_prefix: str) -> Access:
    """What putting one event on a bus of EventBridge uses; the bus is named by its ARN or by its name."""
    bus = str(entry.get("EventBusName", "default"))
    return Access("events:PutEvents", bus if bus.startswith("arn:") else f"{bus_arn_prefix}{bus}")


def queue_access(action: str, queue_arn: str) -> Access:
    """What an action of SQS uses; a batch is one of its entries."""
    return Access(f"sqs:{action.removesuffix('Batch')}", queue_arn)


def invoke_access(function_arn: str) -> Access:
    """What invoking a function uses."""
    return Access("lambda:InvokeFunction", function_arn)
