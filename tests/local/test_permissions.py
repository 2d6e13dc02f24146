"""A function's role, evaluated for what it asks of DynamoDB and KMS."""

import base64
import json
from typing import Any

import pytest

from local.errors import RefusedError
from local.permissions import Access, TableKeys, allowed, dynamodb_accesses, kms_accesses, read_role
from local.workers import FunctionError
from tests.development import DevelopmentServer

from .conftest import Project

TABLES = {"T": TableKeys("arn:table/T", "pk", {"by_owner": "owner"})}
LEADING = "dynamodb:LeadingKeys"
SELECT = "dynamodb:Select"


def role(**statement: Any) -> dict[str, Any]:
    whole = {"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": "arn:table/T", **statement}
    return {"Policies": [{"PolicyName": "P", "PolicyDocument": {"Statement": [whole]}}]}


def key(value: str) -> dict[str, Any]:
    return {"pk": {"S": value}}


@pytest.mark.parametrize(
    ("operation", "request_body", "accesses"),
    [
        ("GetItem", {"TableName": "T", "Key": key("a")}, [("GetItem", ("a",))]),
        ("PutItem", {"TableName": "T", "Item": {**key("a"), "x": {"S": "b"}}}, [("PutItem", ("a",))]),
        (
            "BatchGetItem",
            {"RequestItems": {"T": {"Keys": [key("a"), key("b")]}}},
            [("BatchGetItem", ("a", "b"))],
        ),
        (
            "BatchWriteItem",
            {"RequestItems": {"T": [{"PutRequest": {"Item": key("a")}}, {"DeleteRequest": {"Key": key("b")}}]}},
            [("BatchWriteItem", ("a", "b"))],
        ),
        (
            "TransactWriteItems",
            {
                "TransactItems": [
                    {"Put": {"TableName": "T", "Item": key("a")}},
                    {"ConditionCheck": {"TableName": "T", "Key": key("b")}},
                ]
            },
            [("PutItem", ("a",)), ("ConditionCheckItem", ("b",))],
        ),
        (
            "Query",
            {
                "TableName": "T",
                "KeyConditionExpression": "#k = :v AND created > :c",
                "ExpressionAttributeNames": {"#k": "pk"},
                "ExpressionAttributeValues": {":v": {"S": "a"}, ":c": {"N": "1"}},
            },
            [("Query", ("a",))],
        ),
        ("Scan", {"TableName": "T"}, [("Scan", ())]),
        ("GetItem", {"TableName": "Unknown", "Key": key("a")}, []),
    ],
)
def test_request_to_dynamodb_names_action_table_and_leading_keys(
    operation: str, request_body: dict[str, Any], accesses: list[tuple[str, tuple[str, ...]]]
) -> None:
    whole = {SELECT: ("ALL_ATTRIBUTES",)} if operation == "GetItem" else {}
    expected = [Access(f"dynamodb:{action}", "arn:table/T", {LEADING: keys, **whole}) for action, keys in accesses]

    assert dynamodb_accesses(operation, request_body, TABLES) == expected


def test_update_names_the_attributes_of_its_key_and_its_expressions() -> None:
    update = {
        "TableName": "T",
        "Key": key("a"),
        "UpdateExpression": "SET #x = :x, y.#z = if_not_exists(w, :w), s[0] = :s REMOVE v",
        "ConditionExpression": "attribute_exists(pk) AND size(u) < :u",
        "ExpressionAttributeNames": {"#x": "x", "#z": "z"},
    }

    (access,) = dynamodb_accesses("UpdateItem", update, TABLES)

    assert access.context == {LEADING: ("a",), "dynamodb:Attributes": ("pk", "s", "u", "v", "w", "x", "y")}


@pytest.mark.parametrize(
    ("projected", "context"),
    [
        ({}, {SELECT: ("ALL_ATTRIBUTES",)}),
        (
            {"ProjectionExpression": "#a, b", "ExpressionAttributeNames": {"#a": "a"}},
            {SELECT: ("SPECIFIC_ATTRIBUTES",), "dynamodb:Attributes": ("a", "b", "pk")},
        ),
    ],
)
def test_read_of_an_item_names_all_of_it_or_its_attributes(
    projected: dict[str, Any], context: dict[str, tuple[str, ...]]
) -> None:
    (access,) = dynamodb_accesses("GetItem", {"TableName": "T", "Key": key("a"), **projected}, TABLES)

    assert access.context == {LEADING: ("a",), **context}


def test_query_of_an_index_names_the_index_and_its_leading_key() -> None:
    query = {
        "TableName": "T",
        "IndexName": "by_owner",
        "KeyConditionExpression": "owner = :o",
        "ExpressionAttributeValues": {":o": {"S": "me"}},
    }

    assert dynamodb_accesses("Query", query, TABLES) == [
        Access("dynamodb:Query", "arn:table/T/index/by_owner", {LEADING: ("me",)})
    ]


def test_request_to_kms_names_key_and_encryption_context() -> None:
    key_id = "65cf8f8f-a542-46a5-a824-19a470aceb33"
    sealed = base64.b64encode(key_id.encode() + b"sealed").decode()
    context = {"kms:EncryptionContext:ring": ("token",)}

    for request in ({"KeyId": f"arn:key/{key_id}"}, {"KeyId": key_id}, {"CiphertextBlob": sealed}):
        accesses = kms_accesses("Decrypt", {**request, "EncryptionContext": {"ring": "token"}}, "arn:key/")
        assert accesses == [Access("kms:Decrypt", f"arn:key/{key_id}", context)]


FOR_ALL = {"ForAllValues:StringLike": {LEADING: ["session#*", "cutoff#*"]}}
RING = "kms:EncryptionContext:ring"
ONE = {"StringEquals": {RING: "token"}}
SOME = {"StringEqualsIfExists": {SELECT: "SPECIFIC_ATTRIBUTES"}}


@pytest.mark.parametrize(
    ("statement", "access", "outcome"),
    [
        ({}, Access("dynamodb:GetItem", "arn:table/T"), True),
        ({}, Access("dynamodb:PutItem", "arn:table/T"), False),
        ({}, Access("dynamodb:GetItem", "arn:table/U"), False),
        ({"Effect": "Deny"}, Access("dynamodb:GetItem", "arn:table/T"), False),
        ({"Action": "dynamodb:*", "Resource": "*"}, Access("dynamodb:Query", "arn:table/T/index/i"), True),
        ({"Condition": FOR_ALL}, Access("dynamodb:GetItem", "arn:table/T", {LEADING: ("session#1", "cutoff#2")}), True),
        ({"Condition": FOR_ALL}, Access("dynamodb:GetItem", "arn:table/T", {LEADING: ("session#1", "user#2")}), False),
        ({"Condition": FOR_ALL}, Access("dynamodb:GetItem", "arn:table/T", {LEADING: ()}), False),
        (
            {"Condition": ONE},
            Access("dynamodb:GetItem", "arn:table/T", {"kms:EncryptionContext:ring": ("token",)}),
            True,
        ),
        (
            {"Condition": ONE},
            Access("dynamodb:GetItem", "arn:table/T", {"kms:EncryptionContext:ring": ("other",)}),
            False,
        ),
        ({"Condition": ONE}, Access("dynamodb:GetItem", "arn:table/T"), False),
        ({"Condition": SOME}, Access("dynamodb:GetItem", "arn:table/T", {SELECT: ("SPECIFIC_ATTRIBUTES",)}), True),
        ({"Condition": SOME}, Access("dynamodb:GetItem", "arn:table/T", {SELECT: ("ALL_ATTRIBUTES",)}), False),
        ({"Condition": SOME}, Access("dynamodb:GetItem", "arn:table/T"), False),
    ],
)
def test_role_allows_what_its_statements_cover(statement: dict[str, Any], access: Access, outcome: bool) -> None:
    assert allowed(read_role(role(**statement), "Role"), access) is outcome


@pytest.mark.parametrize(
    "properties",
    [
        {"ManagedPolicyArns": ["arn:aws:iam::aws:policy/AdministratorAccess"]},
        role(NotAction="x"),
        role(Effect="Maybe"),
        role(Condition={"IpAddress": {"aws:SourceIp": "1.2.3.4"}}),
        role(Condition={"StringLike": {"dynamodb:ReturnValues": "NONE"}}),
    ],
)
def test_role_not_understood_is_refused(properties: dict[str, Any]) -> None:
    with pytest.raises(RefusedError, match="Role"):
        read_role(properties, "Role")


TOUCH = """
import os, boto3

def lambda_handler(event, context):
    client = boto3.client("dynamodb")
    return getattr(client, event["call"])(TableName=os.environ["THINGS"], **event["with"])["ResponseMetadata"]
"""


def test_function_may_do_what_its_role_allows_and_no_more(project: Project) -> None:
    project.write("functions/echo/app.py", TOUCH)
    log = project.root / "log"
    with DevelopmentServer(template=project.template, log=log) as server:
        read = server.invoke("Echo", {"call": "get_item", "with": {"Key": {"id": {"S": "x"}}}})
        assert read["HTTPStatusCode"] == 200
        with pytest.raises(FunctionError, match=r"AccessDenied.*dynamodb:PutItem"):
            server.invoke("Echo", {"call": "put_item", "with": {"Item": {"id": {"S": "x"}}}})

    assert "Echo | its role does not allow dynamodb:PutItem" in log.read_text()


def test_function_without_a_policy_may_do_nothing(project: Project) -> None:
    project.write("functions/guard/app.py", TOUCH.replace('os.environ["THINGS"]', json.dumps("authserver-Things")))
    with (
        DevelopmentServer(template=project.template, log=project.root / "log") as server,
        pytest.raises(FunctionError, match="AccessDenied"),
    ):
        server.invoke("Guard", {"call": "get_item", "with": {"Key": {"id": {"S": "x"}}}})
