"""Amazon SQS in memory, and the functions that take from its queues."""

import json
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from local.http_server import Response
from local.intrinsics import REGION
from local.logs import Log
from local.stack import SourceMapping
from local.streams import Invoke
from local.workers import FunctionError

AT_ONCE = 4  # invocations of one function
LONGEST = 3600.0  # seconds between two looks at a queue that is empty


@dataclass
class Message:
    """A message; the times are those of `time.time`."""

    body: str
    attributes: Mapping[str, Any]
    group: str
    sent_at: float
    visible_at: float
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    received: int = 0


class Queues:
    """Queues by their names. A queue that is not read keeps what it is sent until the server ends."""

    def __init__(self, account: str, visibility: Mapping[str, int]) -> None:
        """`visibility` has the VisibilityTimeout of each queue, in seconds."""
        self._account = account
        self._visibility = visibility
        self._messages: dict[str, dict[str, Message]] = {name: {} for name in visibility}
        self._changed = threading.Condition()

    def arn(self, body: Mapping[str, Any]) -> str:
        """The ARN of the queue that a request is for."""
        return f"arn:aws:sqs:{REGION}:{self._account}:{_name(body)}"

    def answer(self, action: str, body: Mapping[str, Any]) -> Response | None:
        """The answer of SQS to an action; None if it is not served."""
        if _name(body) not in self._messages:
            return _json(400, {"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "There is no such queue."})
        match action:
            case "SendMessage":
                return _json(200, {"MessageId": self._send(body, body), "MD5OfMessageBody": ""})
            case "SendMessageBatch":
                sent = [
                    {"Id": one["Id"], "MessageId": self._send(body, one), "MD5OfMessageBody": ""}
                    for one in body["Entries"]
                ]
                return _json(200, {"Successful": sent, "Failed": []})
            case "ChangeMessageVisibility":
                self._hide(_name(body), body["ReceiptHandle"], float(body["VisibilityTimeout"]))
                return _json(200, {})
            case "GetQueueAttributes":  # how many are hidden, which here are never many
                return _json(200, {"Attributes": dict.fromkeys(body["AttributeNames"], "0")})
        return None

    def messages(self, name: str) -> list[Message]:
        """What is in a queue, oldest first."""
        with self._changed:
            return list(self._messages[name].values())

    def read(self, mapping: SourceMapping, invoke: Any, log: Log) -> None:
        """From now on, a function is invoked with each message of a queue."""
        threading.Thread(target=self._follow, args=(mapping, invoke, log), daemon=True).start()

    def _send(self, request: Mapping[str, Any], entry: Mapping[str, Any]) -> str:
        now = time.time()
        made = Message(
            entry["MessageBody"], entry.get("MessageAttributes", {}), entry.get("MessageGroupId", ""), now, now
        )
        with self._changed:
            self._messages[_name(request)][made.id] = made
            self._changed.notify_all()
        return made.id

    def _hide(self, name: str, receipt: str, seconds: float) -> None:
        with self._changed:
            if message := self._messages[name].get(receipt):
                message.visible_at = time.time() + seconds
            self._changed.notify_all()

    def _follow(self, mapping: SourceMapping, invoke: Invoke, log: Log) -> None:
        with ThreadPoolExecutor(AT_ONCE) as executor:
            places = threading.Semaphore(AT_ONCE)
            while True:
                places.acquire()
                message = self._next(mapping.queue)
                done = executor.submit(self._give, mapping, message, invoke, log)
                done.add_done_callback(lambda _: places.release())

    def _next(self, name: str) -> Message:
        """The message that is visible first, once it is; it is hidden then."""
        with self._changed:
            while True:
                found = min(self._messages[name].values(), key=lambda one: one.visible_at, default=None)
                wait = LONGEST if found is None else found.visible_at - time.time()
                if found is not None and wait <= 0:
                    found.received += 1
                    found.visible_at = time.time() + self._visibility[name]
                    return found
                self._changed.wait(wait)

    def _give(self, mapping: SourceMapping, message: Message, invoke: Invoke, log: Log) -> None:
        try:
            answer = invoke(mapping.function, {"Records": [self._record(mapping.queue, message)]})
        except FunctionError as error:
            log.line(mapping.function, f"failed on a message: {error.error_type}: {error.message}")
            return
        if not (answer or {}).get("batchItemFailures"):
            with self._changed:
                self._messages[mapping.queue].pop(message.id, None)

    def _record(self, name: str, message: Message) -> dict[str, Any]:
        """A message as Lambda hands it to a function."""
        attributes = {
            key: {"dataType": one["DataType"], "stringValue": one["StringValue"]}
            for key, one in message.attributes.items()
        }
        return {
            "messageId": message.id,
            "receiptHandle": message.id,
            "body": message.body,
            "attributes": {
                "ApproximateReceiveCount": str(message.received),
                "SentTimestamp": str(round(message.sent_at * 1000)),
                "MessageGroupId": message.group,
            },
            "messageAttributes": attributes,
            "eventSource": "aws:sqs",
            "eventSourceARN": f"arn:aws:sqs:{REGION}:{self._account}:{name}",
            "awsRegion": REGION,
        }


def _name(body: Mapping[str, Any]) -> str:
    return str(body.get("QueueUrl", "")).rpartition("/")[2]


def put_events(entries: Sequence[Any]) -> Response:
    """What EventBridge answers to events for a bus that has no rules."""
    return _json(200, {"FailedEntryCount": 0, "Entries": [{"EventId": str(uuid.uuid4())} for _ in entries]})


def _json(status: int, content: Any) -> Response:
    return Response(status, (("Content-Type", "application/x-amz-json-1.0"),), json.dumps(content).encode())
