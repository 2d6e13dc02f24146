"""Deliveries to webhooks: on their way through a queue of Amazon SQS, and at their arrival at the function `deliver`.

A message has the CloudEvent as its body, exactly as it is sent, and the identifier of the webhook as an attribute and
as its group: in a standard queue, groups make SQS fair, so that a webhook with many messages under way does not make
those of others wait.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from authserver.aws.log import write_problem, write_request, write_unexpected
from authserver.aws.publishing import rfc3339
from authserver.errors import OAuthError, TemporarilyUnavailable
from authserver.events.cloudevents import cloud_event
from authserver.messages.deliveries import Delivered, Delivery
from authserver.records import replace
from authserver.values import json_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mypy_boto3_sqs import SQSClient

    from authserver.events import Event

ROUTE = "deliver"  # what the log has in place of one
# SQS gives out no more messages once some 120,000 of a queue are hidden. Beyond this many, none is hidden for `LONG`
# seconds: what a failing webhook has waiting would else stop the deliveries to all others.
CROWDED, LONG = 80_000, 1500
COUNTED_FOR = 60  # seconds
WEBHOOK = "webhook"  # the attribute of a message that names it


def message(webhook_id: str, text: str) -> dict[str, Any]:
    """What SendMessage takes of an event, as a CloudEvent in JSON, to a webhook."""
    attributes = {WEBHOOK: {"DataType": "String", "StringValue": webhook_id}}
    return {"MessageBody": text, "MessageAttributes": attributes, "MessageGroupId": webhook_id}


class DeliveryOrders:
    """Implements `services.Services.order_delivery`."""

    def __init__(self, client: SQSClient, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def __call__(self, webhook_id: str, event: Event, source: str) -> None:
        text = json_text(cloud_event(event, source, rfc3339))
        try:
            self._client.send_message(QueueUrl=self._queue_url, **message(webhook_id, text))
        except (BotoCoreError, ClientError) as error:
            raise TemporarilyUnavailable("The event could not be sent", reason="sqs_send") from error


# ------------------------------------------------------------------ at their arrival


class NotDelivered(Exception):
    """The message stays in the queue."""


class Queue:
    """The queue of deliveries, and that of those that are given up."""

    def __init__(self, client: SQSClient, queue_url: str, dead_letters_url: str) -> None:
        self._client = client
        self._queue_url = queue_url
        self._dead_letters_url = dead_letters_url
        self._counted_at: float | None = None
        self._is_crowded = False

    def is_crowded(self, now: float) -> bool:
        """Whether many messages are hidden, as SQS told within the last minute; not, if it does not tell."""
        if self._counted_at is None or self._counted_at <= now - COUNTED_FOR:
            self._counted_at = now
            try:
                answer = self._client.get_queue_attributes(
                    QueueUrl=self._queue_url, AttributeNames=["ApproximateNumberOfMessagesNotVisible"]
                )
                self._is_crowded = int(answer["Attributes"]["ApproximateNumberOfMessagesNotVisible"]) >= CROWDED
            except (BotoCoreError, ClientError, KeyError) as error:
                write_problem("deliveries_not_counted", reason=type(error).__name__)
        return self._is_crowded

    def give_again(self, receipt: str, seconds: int) -> None:
        """Hides a message for so long. If that fails, the queue gives it out at the end of its own time."""
        try:
            self._client.change_message_visibility(
                QueueUrl=self._queue_url, ReceiptHandle=receipt, VisibilityTimeout=seconds
            )
        except (BotoCoreError, ClientError) as error:
            write_problem("delivery_not_postponed", reason=type(error).__name__)

    def give_up(self, record: Mapping[str, Any]) -> None:
        """Keeps a message among the dead letters; the caller removes it here. Raises `TemporarilyUnavailable`."""
        webhook_id, body = _webhook_of(record), str(record.get("body", ""))
        letter = message(webhook_id, body) if webhook_id else {"MessageBody": body or "-"}
        try:
            self._client.send_message(QueueUrl=self._dead_letters_url, **letter)
        except (BotoCoreError, ClientError) as error:
            raise TemporarilyUnavailable("The message could not be kept", reason="sqs_send") from error


def delivering(
    carry_out: Callable[[Delivery], Delivered], queue: Queue, clock: Callable[[], float]
) -> Callable[[Mapping[str, Any], Any], Mapping[str, Any]]:
    """A Lambda handler of batches of the queue. `clock` gives epoch seconds.

    Each message is for itself: what is not delivered stays in the queue, and the others leave it. The log has what came
    of each attempt, and nothing of the event but its identifier and type.
    """
    # Those that only send would import it, too.
    from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

    def one(record: Mapping[str, Any]) -> None:
        began = time.perf_counter()
        delivery = read_delivery(record, clock())
        if delivery is None:
            queue.give_up(record)
            write_request(ROUTE, "", 400, "message_malformed", str(record.get("messageId", "")), began)
            return
        told = {"webhook": delivery.webhook_id, "event_type": delivery.event_type}
        try:
            done = carry_out(delivery)
            if done.retry_in >= LONG and queue.is_crowded(clock()):
                done = replace(done, reason="webhook_given_up", retry_in=0, is_given_up=True)
            if done.is_given_up:
                queue.give_up(record)
        except OAuthError as error:
            write_request(ROUTE, "", error.status, error.reason, delivery.event_id, began, **told)
            raise NotDelivered from None
        except Exception:  # noqa: BLE001 - told here, and the message comes again
            write_unexpected(delivery.event_id)
            raise NotDelivered from None
        more = {"attempt": str(done.attempt), "failure": done.failure, "retry_in": str(done.retry_in or "")}
        told |= {name: value for name, value in more.items() if value}
        write_request(ROUTE, "", done.status, done.reason, delivery.event_id, began, **told)
        if done.retry_in:
            queue.give_again(str(record["receiptHandle"]), done.retry_in)
            raise NotDelivered

    def handler(batch: Mapping[str, Any], context: Any) -> Mapping[str, Any]:
        processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
        answer = process_partial_response(dict(batch), lambda record: one(record.raw_event), processor, context)
        return dict(answer)

    return handler


def read_delivery(record: Mapping[str, Any], now: float) -> Delivery | None:
    """The delivery that a message asks for; None if it is none of ours."""
    webhook_id = _webhook_of(record)
    try:
        body, attributes = str(record["body"]), record["attributes"]
        event = json.loads(body)
        event_id, event_type = event["id"], event["type"]
        received = int(attributes["ApproximateReceiveCount"])
        age = now - int(attributes["SentTimestamp"]) / 1000
    except (KeyError, TypeError, ValueError, RecursionError):
        return None
    if not webhook_id or not isinstance(event_id, str) or not isinstance(event_type, str):
        return None
    return Delivery(webhook_id, event_id, event_type, body.encode(), received, age)


def _webhook_of(record: Mapping[str, Any]) -> str:
    """The identifier of the webhook that a message names; empty if it names none."""
    try:
        return str(record["messageAttributes"][WEBHOOK]["stringValue"])
    except (KeyError, TypeError):
        return ""
