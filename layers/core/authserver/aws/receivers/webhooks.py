"""Puts events into the queue of deliveries, one message for each webhook that is to be sent an event.

The webhooks are read for each batch of a stream, consistently: so the events after a webhook was registered reach it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from authserver.aws.bootstrap import connected
from authserver.aws.boto import CONFIG, boto3
from authserver.aws.deliveries import message
from authserver.aws.dynamodb.configuration import DynamoConfiguration
from authserver.aws.log import write_problem
from authserver.errors import OAuthError
from authserver.events.cloudevents import batches
from authserver.models.webhooks import Webhooks
from authserver.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mypy_boto3_sqs import SQSClient

    from authserver.aws.publishing import Written

# Of one SendMessageBatch: entries, and octets of them all, of which each entry's attribute is some.
ENTRIES, OCTETS, OVERHEAD = 10, 262_144, 200


class WebhookDeliveries:
    """Implements `publishing.Receiver`. `load` reads the webhooks as they are stored now."""

    def __init__(self, client: SQSClient, queue_url: str, load: Callable[[], Webhooks | None]) -> None:
        self._client = client
        self._queue_url = queue_url
        self._load = load

    def take(self, events: Sequence[Written]) -> int:
        if not events:
            return 0
        try:
            webhooks = [one for one in (self._load() or Webhooks()).all if one.is_active]
        except OAuthError as error:
            write_problem("events_not_taken", receiver="webhooks", code=error.reason)
            return 0
        wanted = [
            (position, webhook.id)
            for position, written in enumerate(events)
            for webhook in webhooks
            if webhook.wants(written.event.type)
        ]
        sizes = [len(events[position].text.encode()) + OVERHEAD for position, _ in wanted]
        for batch in batches(sizes, [events[position].changed for position, _ in wanted], ENTRIES, OCTETS):
            refused = self._send(
                [(events[position], webhook_id) for position, webhook_id in wanted[batch.start : batch.stop]]
            )
            if refused is not None:
                return wanted[batch.start + refused][0]
        return len(events)

    def _send(self, messages: Sequence[tuple[Written, str]]) -> int | None:
        """The first that was not taken, if any; others after it may have been."""
        entries: list[Any] = [
            {"Id": str(number), **message(webhook_id, written.text)}
            for number, (written, webhook_id) in enumerate(messages)
        ]
        try:
            answer: Mapping[str, Any] = self._client.send_message_batch(QueueUrl=self._queue_url, Entries=entries)
        except ClientError as error:
            write_problem("events_not_taken", receiver="webhooks", code=error.response["Error"]["Code"])
            return 0
        except BotoCoreError as error:
            write_problem("events_not_taken", receiver="webhooks", code=type(error).__name__)
            return 0
        taken = {one["Id"] for one in answer.get("Successful", ())}
        refused = next((number for number in range(len(entries)) if str(number) not in taken), None)
        if refused is not None:
            codes = [one.get("Code", "") for one in answer.get("Failed", ())]
            write_problem("events_not_taken", receiver="webhooks", code=next(iter(codes), ""))
        return refused


def receiver(environ: Mapping[str, str]) -> WebhookDeliveries:
    """The queue that `WEBHOOK_QUEUE` names."""
    settings = Settings.from_environ(environ)
    dynamodb, _ = connected(settings, environ)
    configuration = DynamoConfiguration(dynamodb, settings.configuration_table)
    return WebhookDeliveries(boto3.client("sqs", config=CONFIG), settings.webhook_queue, configuration.webhooks)
