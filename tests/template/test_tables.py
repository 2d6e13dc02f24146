"""The tables are what the schema in `aws/dynamodb.py` says."""

import re
from typing import Any

import pytest

from authserver.aws import dynamodb
from local.intrinsics import Resolver
from local.parameters import choose_parameters
from tests.functions.flowing import BRIDGE, DEVICE, MAIL
from tests.template.written import Written

TABLES = {
    "ClientsTable": "client_id",
    "UsersTable": "id",
    "TokensTable": "pk",
    "KeysTable": "kid",
    "ConfigurationTable": "id",
    "AuditTable": "id",
}
EXPIRING = {"ClientsTable", "TokensTable", "AuditTable"}


def table(written: Written, logical_id: str) -> dict[str, Any]:
    properties = written.of_type("AWS::DynamoDB::Table")[logical_id]
    assert isinstance(properties, dict)
    return properties


def test_the_template_has_the_tables_of_the_schema_with_their_keys(written: Written) -> None:
    said = dict(re.findall(r"^(\w+) \(``(\w+)``\)", dynamodb.__doc__ or "", re.MULTILINE))
    assert {f"{name}Table": key for name, key in said.items()} == TABLES
    assert set(written.of_type("AWS::DynamoDB::Table")) == set(TABLES)
    for logical_id, key in TABLES.items():
        assert table(written, logical_id)["KeySchema"] == [{"AttributeName": key, "KeyType": "HASH"}]


@pytest.mark.parametrize("logical_id", TABLES)
def test_a_table_is_safe_from_loss(logical_id: str, written: Written) -> None:
    resource = written.template["Resources"][logical_id]
    assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    properties = table(written, logical_id)
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties["SSESpecification"]["SSEEnabled"] is True
    assert properties["DeletionProtectionEnabled"] == {"Ref": "DeletionProtection"}
    assert properties["BillingMode"] == "PAY_PER_REQUEST"


@pytest.mark.parametrize("logical_id", TABLES)
def test_only_what_may_vanish_has_a_time_to_live(logical_id: str, written: Written) -> None:
    expected = {"AttributeName": "expires_at", "Enabled": True} if logical_id in EXPIRING else None
    assert table(written, logical_id).get("TimeToLiveSpecification") == expected


def test_the_indexes_list_by_keys_alone(written: Written) -> None:
    """Nothing but keys: an index is read without consistency, and must decide nothing."""
    indexes = {
        (logical_id, index["IndexName"], *(key["AttributeName"] for key in index["KeySchema"]))
        for logical_id in TABLES
        for index in table(written, logical_id).get("GlobalSecondaryIndexes", ())
        if index["Projection"] == {"ProjectionType": "KEYS_ONLY"}
    }
    assert indexes == {
        ("ClientsTable", "by_kind", "listed", "created_at"),
        ("ClientsTable", "by_owner", "listed_owner", "created_at"),
        ("UsersTable", "by_kind", "listed", "created_at"),
        ("UsersTable", "by_organisation", "listed_organisation", "created_at"),
        ("UsersTable", "by_member", "listed_member", "created_at"),
        ("TokensTable", "by_subject", "listed_subject", "created_at"),
        ("TokensTable", "by_client", "listed_client", "created_at"),
        ("TokensTable", "by_organisation", "listed_organisation", "created_at"),
        ("ConfigurationTable", "by_kind", "listed", "created_at"),
        ("AuditTable", "by_day", "listed", "created_at"),
        ("AuditTable", "by_actor", "listed_actor", "created_at"),
        ("AuditTable", "by_object", "listed_object", "created_at"),
    }


@pytest.mark.parametrize("warm", ["TokensTable", "UsersTable"])
def test_a_table_is_warmed_where_it_is_asked_for(warm: str, written: Written) -> None:
    asked = {f"HasWarm{warm}": {"Fn::Not": [{"Fn::Equals": [{"Ref": f"{warm}WarmThroughput"}, 0]}]}}
    assert asked.items() <= written.template["Conditions"].items()
    for units, throughput in (("0", {}), ("40000", {"WarmThroughput": {"ReadUnitsPerSecond": "40000"}})):
        parameters = choose_parameters(written.template["Parameters"], {f"{warm}WarmThroughput": units}, {})
        resolver = Resolver(parameters, written.template["Conditions"], "123456789012")
        properties = {"WarmThroughput": table(written, warm)["WarmThroughput"]}
        assert resolver.resolve(properties, warm) == throughput


def test_what_checks_of_tokens_read_is_what_can_be_warmed(written: Written) -> None:
    warmed = {logical_id for logical_id in TABLES if "WarmThroughput" in table(written, logical_id)}
    assert warmed == {"TokensTable", "UsersTable"}


def test_the_kinds_of_items_are_those_of_the_schema(written: Written) -> None:
    said = set(re.findall(r"``(\w+)#", (dynamodb.__doc__ or "").partition("Tokens (")[2].partition("Keys (")[0]))
    granted = {
        pattern.partition("#")[0]
        for function in written.functions
        for statement in written.statements(function, **MAIL, **DEVICE, **BRIDGE)
        if "TokensTable" in statement.resources
        for pattern in statement.leading_keys
    }
    assert granted == said


def test_the_wrapping_key_rotates_and_stays(written: Written) -> None:
    resource = written.template["Resources"]["WrappingKey"]
    assert resource["Properties"]["EnableKeyRotation"] is True
    assert resource["Properties"]["MultiRegion"] is True
    assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
