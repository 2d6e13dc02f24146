"""Names changes that are not published in a queue of Amazon SQS, as Lambda does for the batches that it gives up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from authserver.values import json_text

if TYPE_CHECKING:
    from collections.abc import Mapping


class SqsClient(Protocol):
    """What is used of boto3's client."""

    def send_message(self, *, QueueUrl: str, MessageBody: str) -> Mapping[str, Any]: ...  # noqa: N803 - boto3's


class SqsDeadLetters:
    """Implements `publishing.DeadLetters`."""

    def __init__(self, client: SqsClient, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def keep(self, record: Mapping[str, Any], reason: str) -> None:
        sequence = record["dynamodb"]["SequenceNumber"]
        letter = {
            "requestContext": {"condition": reason},
            "DDBStreamBatchInfo": {
                "streamArn": record["eventSourceARN"],
                "startSequenceNumber": sequence,
                "endSequenceNumber": sequence,
                "batchSize": 1,
            },
        }
        self._client.send_message(QueueUrl=self._queue_url, MessageBody=json_text(letter))
