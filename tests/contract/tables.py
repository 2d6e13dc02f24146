"""The tables as ``template.yaml`` defines them, so that the laws are shown on what is deployed."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
LOGICAL_IDS = ("ClientsTable", "UsersTable", "TokensTable", "KeysTable", "ConfigurationTable", "AuditTable")

# What makes a difference to a read or a write. TTL is left off on purpose: nothing may depend on its coming.
PROPERTIES = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")


class _Loader(yaml.CSafeLoader):
    """Reads CloudFormation's short intrinsics, of which tables need none, as null."""


_Loader.add_multi_constructor("!", lambda loader, tag, node: None)


@cache
def definitions() -> dict[str, dict[str, Any]]:
    """The arguments of CreateTable, but for the name, by logical id."""
    template = yaml.load(TEMPLATE.read_text(encoding="utf-8"), _Loader)  # noqa: S506 - a SafeLoader
    resources = template["Resources"]
    return {
        logical_id: {name: value for name, value in resources[logical_id]["Properties"].items() if name in PROPERTIES}
        for logical_id in LOGICAL_IDS
    }


def create_tables(client: "DynamoDBClient") -> None:
    """Every table, named by its logical id."""
    for logical_id, definition in definitions().items():
        client.create_table(TableName=logical_id, **definition)


def every_item(client: "DynamoDBClient", table: str) -> list[dict[str, Any]]:
    """All that is in a table."""
    found: list[dict[str, Any]] = []
    arguments: dict[str, Any] = {}
    while True:
        answer = client.scan(TableName=table, **arguments)
        found += answer["Items"]
        if "LastEvaluatedKey" not in answer:
            return found
        arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
