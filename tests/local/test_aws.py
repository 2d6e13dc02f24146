import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import httpx
import pytest
from botocore.config import Config

from local.http_server import Response
from local.intrinsics import REGION
from local.repetitions import Repetitions
from tests.development import DevelopmentServer

from .conftest import make_project

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_kms import KMSClient

THREADS = 32
ATTEMPTS = 5
SESSION = boto3.Session("any", "any", region_name=REGION)


def dynamodb(server: DevelopmentServer) -> "DynamoDBClient":
    config = Config(max_pool_connections=THREADS, retries={"total_max_attempts": 1})
    return SESSION.client("dynamodb", endpoint_url=server.endpoint_url, config=config)


def kms(server: DevelopmentServer) -> "KMSClient":
    return SESSION.client("kms", endpoint_url=server.endpoint_url)


def winners(client: "DynamoDBClient", write: Callable[[str], Any], name: str) -> list[int]:
    """How many of 32 simultaneous writers of one item succeed, attempt by attempt."""

    def one(key: str, together: threading.Barrier) -> bool:
        together.wait()
        try:
            write(key)
        except client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    counts = []
    with ThreadPoolExecutor(THREADS) as pool:
        for attempt in range(ATTEMPTS):
            together = threading.Barrier(THREADS)
            key = f"{name}-{attempt}"
            counts.append(sum(pool.map(one, [key] * THREADS, [together] * THREADS)))
    return counts


def test_put_item_on_condition_by_32_threads_has_one_winner(server: DevelopmentServer) -> None:
    client, table = dynamodb(server), server.reference("Things")

    def put(key: str) -> None:
        client.put_item(TableName=table, Item={"id": {"S": key}}, ConditionExpression="attribute_not_exists(id)")

    assert winners(client, put, "put") == [1] * ATTEMPTS


def test_update_item_on_condition_by_32_threads_has_one_winner(server: DevelopmentServer) -> None:
    client, table = dynamodb(server), server.reference("Things")

    def update(key: str) -> None:
        client.update_item(
            TableName=table,
            Key={"id": {"S": key}},
            UpdateExpression="SET generation = :next",
            ConditionExpression="attribute_not_exists(generation)",
            ExpressionAttributeValues={":next": {"N": "1"}},
        )

    assert winners(client, update, "update") == [1] * ATTEMPTS


def test_condition_that_fails_can_answer_with_the_old_item(server: DevelopmentServer) -> None:
    client, table = dynamodb(server), server.reference("Things")
    client.put_item(TableName=table, Item={"id": {"S": "old"}, "owner": {"S": "me"}})

    with pytest.raises(client.exceptions.ConditionalCheckFailedException) as failed:
        client.update_item(
            TableName=table,
            Key={"id": {"S": "old"}},
            UpdateExpression="REMOVE gone",
            ConditionExpression="attribute_exists(gone)",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )

    answer: Any = failed.value.response
    assert answer["Item"] == {"id": {"S": "old"}, "owner": {"S": "me"}}


def transact(client: "DynamoDBClient", table: str, key: str, token: str) -> Any:
    """Puts an item that there must not be."""
    put: Any = {"TableName": table, "Item": {"id": {"S": key}}, "ConditionExpression": "attribute_not_exists(id)"}
    return client.transact_write_items(TransactItems=[{"Put": put}], ClientRequestToken=token)


def test_transaction_that_was_done_is_done_when_it_is_sent_again(server: DevelopmentServer) -> None:
    client, table = dynamodb(server), server.reference("Things")
    transact(client, table, "once", "token-1")
    transact(client, table, "once", "token-1")
    with pytest.raises(client.exceptions.TransactionCanceledException):
        transact(client, table, "once", "token-2")
    with pytest.raises(client.exceptions.TransactionCanceledException):
        transact(client, table, "once", "token-2")


def test_transaction_that_was_refused_is_tried_when_it_is_sent_again(server: DevelopmentServer) -> None:
    client, table = dynamodb(server), server.reference("Things")
    client.put_item(TableName=table, Item={"id": {"S": "in the way"}})
    with pytest.raises(client.exceptions.TransactionCanceledException):
        transact(client, table, "in the way", "token-3")
    client.delete_item(TableName=table, Key={"id": {"S": "in the way"}})
    transact(client, table, "in the way", "token-3")
    assert "Item" in client.get_item(TableName=table, Key={"id": {"S": "in the way"}})


def test_token_of_another_transaction_is_refused(server: DevelopmentServer) -> None:
    client, table = dynamodb(server), server.reference("Things")
    transact(client, table, "first", "token-4")
    with pytest.raises(client.exceptions.IdempotentParameterMismatchException):
        transact(client, table, "second", "token-4")
    assert "Item" not in client.get_item(TableName=table, Key={"id": {"S": "second"}})


def test_token_is_forgotten_after_ten_minutes() -> None:
    now = 0.0
    repetitions = Repetitions(lambda: now)
    request, answer = {"ClientRequestToken": "t", "TransactItems": [1]}, Response(200)
    repetitions.succeeded(request, answer)
    now = 599.0
    assert repetitions.answer_to(request) == answer
    now = 600.0
    assert repetitions.answer_to(request) is None
    assert repetitions.answer_to({**request, "TransactItems": [2]}) is None


def test_transaction_without_a_token_is_not_remembered() -> None:
    repetitions = Repetitions()
    repetitions.succeeded({"TransactItems": [1]}, Response(200))
    assert repetitions.answer_to({"TransactItems": [1]}) is None


def test_table_is_made_as_the_template_has_it(server: DevelopmentServer) -> None:
    client, table = dynamodb(server), server.reference("Things")

    description = client.describe_table(TableName=table)["Table"]
    assert description["KeySchema"] == [{"AttributeName": "id", "KeyType": "HASH"}]
    assert [index["IndexName"] for index in description["GlobalSecondaryIndexes"]] == ["by_owner"]
    time_to_live = client.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    assert time_to_live == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"}


def test_key_is_the_one_that_functions_are_told(server: DevelopmentServer) -> None:
    client, key = kms(server), server.environment("Echo")["KEY"]

    sealed = client.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={"ring": "token"})["CiphertextBlob"]
    opened = client.decrypt(KeyId=key, CiphertextBlob=sealed, EncryptionContext={"ring": "token"})

    assert opened["Plaintext"] == b"x"
    assert opened["KeyId"] == key


@pytest.mark.parametrize("target", ["AmazonSQS.SendMessage", "DynamoDB_20120810.NoSuchAction", ""])
def test_any_other_service_or_action_is_refused(server: DevelopmentServer, target: str) -> None:
    response = httpx.post(server.endpoint_url, content="{}", headers={"X-Amz-Target": target})

    assert response.status_code == 400
    assert "UnknownOperation" in response.text


def test_schedule_has_run_before_the_server_is_ready(server: DevelopmentServer) -> None:
    item = dynamodb(server).get_item(TableName=server.reference("Things"), Key={"id": {"S": "Scheduled Event"}})

    assert "Item" in item


def test_two_servers_share_nothing(server: DevelopmentServer, tmp_path: Path) -> None:
    with DevelopmentServer(template=make_project(tmp_path).template, log=tmp_path / "log") as other:
        table = server.reference("Things")
        assert other.reference("Things") == table
        dynamodb(server).put_item(TableName=table, Item={"id": {"S": "mine"}})
        assert "Item" not in dynamodb(other).get_item(TableName=table, Key={"id": {"S": "mine"}})
    assert "Item" in dynamodb(server).get_item(TableName=table, Key={"id": {"S": "mine"}})
