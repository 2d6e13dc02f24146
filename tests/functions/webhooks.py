"""Webhooks as they are deployed: the functions that there are with them, the queue between them, and a receiver."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks.webhooks import Webhook

from tests.functions.flowing import having_webhooks
from tests.functions.gateway import Gateway
from tests.functions.journey import admin
from tests.functions.simulated_aws import Fault
from tests.functions.streams import Record, streaming
from tests.functions.world import World

VISIBILITY = 180  # seconds, as in the template
QUEUE, DEAD_LETTERS = "WebhookDeliveries", "WebhookDeadLetters"


@dataclass
class Message:
    """A message of the queue, as long as it is there."""

    body: str
    webhook: str
    group: str
    sent_at: float
    visible_at: float
    receipt: str
    received: int = 0


@dataclass(frozen=True)
class Received:
    """A request that a receiver got."""

    path: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> dict[str, Any]:
        return dict(json.loads(self.body))

    def verifies(self, secret: str) -> bool:
        """Whether the library of Standard Webhooks takes it for genuine; it wants the time to be now."""
        try:
            Webhook(secret).verify(self.body, dict(self.headers))
        except Exception:  # noqa: BLE001 - the library's own
            return False
        return True

    def is_signed_with(self, secret: str) -> bool:
        """The same at any time."""
        at = datetime.fromtimestamp(int(self.headers["webhook-timestamp"]), UTC)
        signature = Webhook(secret).sign(self.id, at, self.body.decode())
        return signature in self.headers["webhook-signature"].split(" ")


class Receiver:
    """An HTTP server on loopback. `answer` is asked for a status and headers with each request."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.answer: Callable[[Received], tuple[int, Mapping[str, str]]] = lambda _: (204, {})
        ours = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                got = Received(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
                ours.received.append(got)
                status, headers = ours.answer(got)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/hook"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Webhooks:
    """A deployment with webhooks: what changes within `happening` is published, and `run` delivers."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.messages: list[Message] = []
        self._receipts = 0
        self.gateway = Gateway(world)
        self._token, self._token_until = "", -1.0

    @property
    def token(self) -> str:
        """An operator's, which is another one after a while."""
        if self._token_until < self.world.clock.ahead:
            scope = "admin:webhooks admin:users"
            self._token = admin(self.gateway).own_token(scope=scope).json()["access_token"]
            self._token_until = self.world.clock.ahead + 600
        return self._token

    def call(self, route: str, body: Any = None, *, status: int = 200, **options: Any) -> Any:
        """What an operation answers."""
        answer = self.gateway.manage(route, self.token, body, **options)
        assert answer.status == status, answer.body
        return answer.json() if answer.body else None

    def create(self, url: str, *types: str, **fields: Any) -> dict[str, Any]:
        document = {"url": url, **({"types": list(types)} if types else {}), **fields}
        made = self.call("POST /admin/webhooks", document, status=201)
        assert isinstance(made, dict)
        return made

    @contextmanager
    def happening(self) -> Iterator[None]:
        """Publishes what the calls within change."""
        with streaming(self.world) as records:
            yield
        self.publish(records)

    def publish(self, records: Sequence[Record]) -> None:
        """As Lambda does: a batch comes again from where it failed."""
        left = list(records)
        for _ in range(1000):
            if not left:
                break
            failed = self.world.invoke("publish", {"Records": left})["batchItemFailures"]
            self._take()
            numbers = [one["dynamodb"]["SequenceNumber"] for one in left]
            left = left[numbers.index(failed[0]["itemIdentifier"]) :] if failed else []
        assert not left, "it never comes to an end"

    def _take(self) -> None:
        """What was sent is in the queue."""
        now = self.world.clock.time()
        mine = [entry for queue, entry in self.world.aws.sent if queue == QUEUE]
        self.world.aws.sent[:] = [(queue, entry) for queue, entry in self.world.aws.sent if queue != QUEUE]
        for entry in mine:
            self._receipts += 1
            webhook = entry["MessageAttributes"]["webhook"]["StringValue"]
            made = Message(entry["MessageBody"], webhook, entry["MessageGroupId"], now, now, str(self._receipts))
            self.messages.append(made)

    @property
    def dead_letters(self) -> list[dict[str, Any]]:
        return [entry for queue, entry in self.world.aws.sent if queue == DEAD_LETTERS]

    def next(self) -> bool:
        """Gives the function the message that is visible first, letting time pass until it is; False if there is
        none."""
        self._take()
        if not self.messages:
            return False
        message = min(self.messages, key=lambda one: one.visible_at)
        clock = self.world.clock
        clock.ahead += max(0.0, message.visible_at - clock.time())
        message.received += 1
        message.visible_at = clock.time() + VISIBILITY
        failed = self.world.invoke("deliver", {"Records": [sqs_record(message)]})["batchItemFailures"]
        if not failed:
            self.messages.remove(message)
        elif message.receipt in self.world.aws.postponed:
            message.visible_at = clock.time() + self.world.aws.postponed.pop(message.receipt)
        return True

    def run(self, most: int = 2000) -> None:
        """Delivers until the queue is empty."""
        for _ in range(most):
            if not self.next():
                return
        raise AssertionError("the queue is never empty")


def sqs_record(message: Message) -> dict[str, Any]:
    """A message as Lambda hands it to a function."""
    return {
        "messageId": f"m-{message.receipt}",
        "receiptHandle": message.receipt,
        "body": message.body,
        "attributes": {
            "ApproximateReceiveCount": str(message.received),
            "SentTimestamp": str(round(message.sent_at * 1000)),
            "MessageGroupId": message.group,
        },
        "messageAttributes": {"webhook": {"stringValue": message.webhook, "dataType": "String"}},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:authserver-WebhookDeliveries",
        "awsRegion": "eu-central-1",
    }


@contextmanager
def webhooks_of(world: World, **parameters: str) -> Iterator[Webhooks]:
    """A deployment in which Webhooks is On. Receivers may be on loopback, as where functions are developed."""
    with having_webhooks(world, **parameters):
        yield Webhooks(world)


FAULTS = (Fault.THROTTLED, Fault.INTERNAL, Fault.RESET, Fault.LOST)
