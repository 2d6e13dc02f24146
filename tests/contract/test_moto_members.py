"""moto answers by `moto_members` what it answers by itself."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.core.serialize import ResponseSerializer

from tests.contract.implementations import OneAtATime, moto

ALONE: dict[str, Any] = {
    "S": {"S": "text"},
    "empty": {"S": ""},
    "N": {"N": "12.5"},
    "B": {"B": b"\x00octets"},
    "SS": {"SS": ["a", "b"]},
    "NS": {"NS": ["1", "2"]},
    "BS": {"BS": [b"a", b"b"]},
    "NULL": {"NULL": True},
    "true": {"BOOL": True},
    "false": {"BOOL": False},
}
# Attributes and keys of maps that have the names of members, and nothing in what could hold something.
ITEM = {
    "pk": {"S": "one"},
    **ALONE,
    "M": {"M": {**ALONE, "M": {"M": {"S": {"S": "deep"}, "s": {"N": "1"}}}, "L": {"L": []}}},
    "L": {"L": [*(value for name, value in ALONE.items() if name != "BS"), {"M": {}}, {"L": [{"S": "deep"}]}]},
}


@pytest.fixture(scope="module")
def client() -> Iterator[OneAtATime]:
    with moto() as stores:
        assert isinstance(stores.dynamodb, OneAtATime)
        stores.dynamodb.put_item(TableName="TokensTable", Item=ITEM)
        yield stores.dynamodb


def told(client: Any) -> list[Any]:
    """What each way of reading tells of `ITEM`."""
    named = {"TableName": "TokensTable", "Key": {"pk": {"S": "one"}}}
    with pytest.raises(ClientError) as refused:
        client.transact_write_items(
            TransactItems=[
                {
                    "Delete": {
                        **named,
                        "ConditionExpression": "attribute_not_exists(pk)",
                        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                    }
                }
            ]
        )
    return [
        client.get_item(**named)["Item"],
        client.get_item(TableName="TokensTable", Key={"pk": {"S": "none"}}).get("Item"),
        client.transact_get_items(TransactItems=[{"Get": named}])["Responses"],
        client.batch_get_item(RequestItems={"TokensTable": {"Keys": [named["Key"]]}})["Responses"],
        client.scan(TableName="TokensTable")["Items"],
        refused.value.response["CancellationReasons"],
    ]


def test_items_of_every_type_are_told_as_moto_tells_them(client: OneAtATime) -> None:
    by_itself = told(client._client)
    assert by_itself[0].keys() == ITEM.keys()
    assert by_itself[-1][0]["Item"].keys() == ITEM.keys()
    assert told(client) == by_itself


def test_fewer_members_are_looked_for(client: OneAtATime, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_for: list[str] = []
    looking = ResponseSerializer._serialize_structure_member

    def counted(self: Any, serialized: Any, value: Any, shape: Any, key: str) -> None:
        looked_for.append(key)
        looking(self, serialized, value, shape, key)

    def count(of: Any) -> int:
        looked_for.clear()
        of.get_item(TableName="TokensTable", Key={"pk": {"S": "one"}})
        return len(looked_for)

    monkeypatch.setattr(ResponseSerializer, "_serialize_structure_member", counted)
    assert count(client._client) > 5 * count(client)
