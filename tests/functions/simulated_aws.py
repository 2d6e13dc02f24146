"""AWS under the functions' own clients, boto3's or the lean one: every call recorded, any call made to fail.

It sits where they would open a socket, so that serialising, retrying and parsing are the real ones.
MiniStack answers for DynamoDB and moto for KMS; mails, asynchronous invocations, events and messages are kept.
"""

import base64
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ConnectionClosedError
from moto.core.request import Request as MotoRequest
from moto.kms.models import kms_backends
from moto.kms.responses import KmsResponse

from authserver.aws.boto import BotoService
from authserver.aws.lean.client import LeanService, Protocol
from local.intrinsics import REGION
from local.stack import Key, Table
from tests.answering import answered_by
from tests.functions.capacity import read_units, size_of, write_units
from tests.ministack import PLAIN, DynamoDB, aws_response

INVOKE = re.compile(r"/2015-03-31/functions/arn%3A\S+%3Afunction%3Aauthserver-(?P<function>\w+)%3Alive/invocations")
OPERATORS = re.compile(r"/2015-03-31/functions/arn%3A\S+%3Afunction%3A(?P<function>\w+)(%3A\w+)?/invocations")
SEND_EMAIL = "/v2/email/outbound-emails"
PUT_EVENTS, SEND_MESSAGE = "AWSEvents.PutEvents", "AmazonSQS.SendMessage"
SEND_BATCH, CHANGE_VISIBILITY = "AmazonSQS.SendMessageBatch", "AmazonSQS.ChangeMessageVisibility"
COUNT_MESSAGES = "AmazonSQS.GetQueueAttributes"


@dataclass(frozen=True)
class Response:
    """An HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Fault(Enum):
    """What can become of a call. LOST: it was carried out, and the answer never arrived."""

    THROUGHPUT_EXCEEDED = auto()
    THROTTLED = auto()
    INTERNAL = auto()
    RESET = auto()
    LOST = auto()
    DENIED = auto()


ERRORS = {
    Fault.THROUGHPUT_EXCEEDED: (400, "ProvisionedThroughputExceededException"),
    Fault.THROTTLED: (400, "ThrottlingException"),
    Fault.INTERNAL: (500, "InternalServerError"),
    Fault.DENIED: (400, "AccessDeniedException"),
}
SECRET_DETAIL = "arn:aws:dynamodb:eu-central-1:123456789012:table/authserver-TokensTable"


@dataclass(frozen=True)
class Call:
    """One attempt at an AWS operation. `table` is a logical id, of a function as well; `ring` is the KMS encryption
    context's.

    `more` has the other tables that it reaches with their keys, `writes` what a transaction is made of; `index` is what
    a query reads instead of the table, by the partition that `keys` then holds.
    """

    function: str
    service: str
    operation: str
    table: str = ""
    keys: tuple[str, ...] = ()
    consistent: bool | None = None
    ring: str = ""
    read: float = 0
    write: float = 0
    more: tuple[tuple[str, tuple[str, ...]], ...] = ()
    writes: tuple["Call", ...] = ()
    index: str = ""
    request: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def action(self) -> str:
        """What a permission allows; a batch is one of messages."""
        return f"{self.service}:{self.operation.removesuffix('Batch')}"

    @property
    def parts(self) -> tuple["Call", ...]:
        """The call as one of each table, and a transaction as its writes: what permissions are for."""
        if self.operation == "TransactWriteItems":
            return self.writes
        others = (replace(self, table=table, keys=keys, more=()) for table, keys in self.more)
        return (replace(self, more=()), *others)

    @property
    def prefixes(self) -> tuple[str, ...]:
        return tuple(key.partition("#")[0] for key in self.keys)


type Plan = Callable[[Call], Fault | Callable[[Any], Any] | None]
"""Asked before each call; a function that it gives is applied to the answer's JSON."""


class SimulatedAws:
    """The tables and keys of one stack. `calls` grows; `caller` is the function that is running.

    `invocations` are the events of asynchronous ones, by the logical id of the function; `mails` what was sent;
    `events` are the entries of PutEvents, `messages` the bodies of the dead letters of events; `sent` has each message
    to any queue with the name of the queue, `postponed` for how long a message is hidden, by its receipt handle.
    `invoke` answers the synchronous ones, and `operators` has the operator's own functions by their names; one that
    raises has failed.
    """

    invoke: Callable[[str, Any], Any]

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.invocations: list[tuple[str, Any]] = []
        self.operators: dict[str, Callable[[Any], Any]] = {}
        self.mails: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self.messages: list[Any] = []
        self.hidden = 0  # messages of a queue
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.postponed: dict[str, int] = {}
        self.caller = ""
        self.plan: Plan | None = None
        self.keep_time = False  # looking at the clock takes time itself
        self.seconds = 0.0  # CPU time spent in here while time is kept, which is the simulation's alone
        self.account_for_capacity = True
        self.changed = True  # since the last restore
        self._dynamodb = DynamoDB()
        self.account = self._dynamodb.account
        self._tables: dict[str, Table] = {}
        self._clients: dict[str, Any] = {}
        self.session = botocore.session.Session()
        self.session.register("before-send", self._answer)  # type: ignore[arg-type]  # takes and answers anything

    def make_key(self, key: Key) -> tuple[str, str]:
        """The id and the ARN of a new key."""
        made = self.client("kms").create_key(**key.arguments)["KeyMetadata"]
        return made["KeyId"], made["Arn"]

    def make_table(self, table: Table) -> None:
        self._tables[table.name] = table
        self.client("dynamodb").create_table(**table.arguments)

    def close(self) -> None:
        self._dynamodb.close()
        kms_backends.pop(self.account, None)

    def client(self, service: str) -> Any:
        """A boto3 client that belongs to no function; one for all, since making it takes as long as ten calls."""
        if service not in self._clients:
            session: Any = boto3.Session("local", "local", region_name=REGION, botocore_session=self.session)
            self._clients[service] = session.client(service, config=PLAIN)
        return self._clients[service]

    def lean(self, protocol: Protocol) -> LeanService:
        """The lean client of a service."""
        return answered_by(self._answer_lean, protocol)

    def service(self, service: str) -> BotoService:
        """The same as the port that the stores call."""
        return BotoService(self.client(service))

    @contextmanager
    def failing(self, plan: Plan) -> Iterator[None]:
        """Meanwhile units of capacity are not counted."""
        self.plan, counted, self.account_for_capacity = plan, self.account_for_capacity, False
        try:
            yield
        finally:
            self.plan, self.account_for_capacity = None, counted

    # -- what is stored

    def items(self, logical_id: str) -> dict[str, dict[str, Any]]:
        """The items of a table by key, as attribute values."""
        return self._dynamodb.items(self._name(logical_id))

    def item(self, logical_id: str, key: str) -> dict[str, Any]:
        """One item, empty if there is none."""
        return self._dynamodb.item(self._name(logical_id), key)

    def snapshot(self) -> dict[str, Any]:
        return {one.logical_id: self._dynamodb.snapshot(one.name) for one in self._tables.values()}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        self.changed = True
        for logical_id, items in snapshot.items():
            self._dynamodb.restore(self._name(logical_id), items)

    def change(self, logical_id: str, key: str, **attributes: dict[str, Any] | None) -> None:
        """Overwrite attributes of an item, behind every condition; None removes one."""
        item = {name: value for name, value in self.item(logical_id, key).items() if name not in attributes}
        self.put(logical_id, item | {name: value for name, value in attributes.items() if value is not None})

    def put(self, logical_id: str, item: Mapping[str, Any]) -> None:
        """Put an item, behind every condition."""
        name = self._name(logical_id)
        self._dynamodb.put(name, item[self._key_attribute(name)]["S"], item)
        self.changed = True

    def remove(self, logical_id: str, key: str) -> None:
        self._dynamodb.remove(self._name(logical_id), key)
        self.changed = True

    def _name(self, logical_id: str) -> str:
        return next(table.name for table in self._tables.values() if table.logical_id == logical_id)

    # -- calls

    def _answer(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        if not self.keep_time:
            return self._take(request)
        began = time.process_time()
        try:
            return self._take(request)
        finally:
            self.seconds += time.process_time() - began

    def _answer_lean(self, target: str, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        url = f"https://kms.{REGION}.amazonaws.com/"  # by whose name moto knows the region
        request = AWSPreparedRequest(
            "POST", url, HTTPHeaders.from_dict({"X-Amz-Target": target}), body, stream_output=False
        )
        try:
            response = self._answer(request)
        except ConnectionClosedError as error:
            raise ConnectionResetError from error
        return response.status_code, dict(response.headers), response.content

    def _take(self, request: AWSPreparedRequest) -> AWSResponse:
        body = request.body if isinstance(request.body, bytes) else str(request.body).encode()
        path = urlsplit(request.url).path
        target = _text(request.headers.get("X-Amz-Target") or path)
        call = self._read(target, json.loads(body))
        fault = self.plan(call) if self.plan else None
        if fault is Fault.RESET:
            self.calls.append(call)
            raise ConnectionClosedError(endpoint_url=request.url)
        if isinstance(fault, Fault) and fault is not Fault.LOST:
            self.calls.append(call)
            status, code = ERRORS[fault]
            answer = json.dumps({"__type": f"com.amazonaws#{code}", "message": f"{code} on {SECRET_DETAIL}"}).encode()
            return _aws_response(request.url, Response(status, {"x-amzn-errortype": code}, answer))
        before = self._sizes(call)
        self.changed = self.changed or call.operation not in ("GetItem", "BatchGetItem", "Query", "Decrypt", "Encrypt")
        response = self._dispatch(request, target, body)
        self.calls.append(self._metered(call, before))
        if fault is Fault.LOST:
            raise ConnectionClosedError(endpoint_url=request.url)
        if callable(fault):
            changed = json.dumps(fault(json.loads(response.body))).encode()
            response = Response(response.status, response.headers, changed)
        return _aws_response(request.url, response)

    def _dispatch(self, request: AWSPreparedRequest, target: str, body: bytes) -> Response:
        if target == SEND_EMAIL:
            self.mails.append(json.loads(body))
            return Response(200, {}, b'{"MessageId": "1"}')
        if target == PUT_EVENTS:
            entries = json.loads(body)["Entries"]
            self.events += entries
            taken = [{"EventId": str(number)} for number, _ in enumerate(entries)]
            return Response(200, {}, json.dumps({"FailedEntryCount": 0, "Entries": taken}).encode())
        if target.startswith("AmazonSQS."):
            return self._queue(target, json.loads(body))
        if invoked := INVOKE.fullmatch(target):
            if _text(request.headers.get("X-Amz-Invocation-Type", "")) != "Event":
                return Response(200, {}, json.dumps(self.invoke(invoked["function"], json.loads(body))).encode())
            self.invocations.append((invoked["function"], json.loads(body)))
            return Response(202, {}, b"")
        if invoked := OPERATORS.fullmatch(target):
            try:
                return Response(200, {}, json.dumps(self.operators[invoked["function"]](json.loads(body))).encode())
            except RuntimeError as error:
                told = {"errorType": "RuntimeError", "errorMessage": str(error)}
                return Response(200, {"x-amz-function-error": "Unhandled"}, json.dumps(told).encode())
        if target.startswith("DynamoDB"):
            return Response(*self._dynamodb.answer(target, body))
        headers = {name: _text(value) for name, value in request.headers.items()}
        headers["x-moto-account-id"] = self.account
        made = MotoRequest.from_primitives("POST", request.url, headers, body)
        status, answered, content = KmsResponse.dispatch(made)
        octets = content if isinstance(content, bytes) else str(content).encode()
        return Response(int(status), {name: str(value) for name, value in answered.items()}, octets)

    def _queue(self, target: str, asked: dict[str, Any]) -> Response:
        if target == COUNT_MESSAGES:
            hidden = {"ApproximateNumberOfMessagesNotVisible": str(self.hidden)}
            return Response(200, {}, json.dumps({"Attributes": hidden}).encode())
        if target == CHANGE_VISIBILITY:
            self.postponed[asked["ReceiptHandle"]] = asked["VisibilityTimeout"]
            return Response(200, {}, b"{}")
        entries = asked["Entries"] if target == SEND_BATCH else [asked]
        name = asked["QueueUrl"].rpartition("-")[2]
        self.sent += [(name, entry) for entry in entries]
        if target == SEND_MESSAGE:
            if name == "EventDeadLetters":
                self.messages.append(json.loads(asked["MessageBody"]))
            return Response(200, {}, b'{"MessageId": "1"}')
        taken = [{"Id": one["Id"], "MessageId": "1", "MD5OfMessageBody": ""} for one in entries]
        return Response(200, {}, json.dumps({"Successful": taken, "Failed": []}).encode())

    def _read(self, target: str, sent: dict[str, Any]) -> Call:
        service, _, operation = target.partition(".")
        if operation in ("CreateTable", "CreateKey"):
            return Call("", "", operation)
        if target == SEND_EMAIL:
            return Call(self.caller, "ses", "SendEmail", request=sent)
        if invoked := INVOKE.fullmatch(target) or OPERATORS.fullmatch(target):
            return Call(self.caller, "lambda", "InvokeFunction", invoked["function"], request=sent)
        if target == PUT_EVENTS:
            return Call(self.caller, "events", operation, request=sent)
        if service == "AmazonSQS":
            queue = str(sent["QueueUrl"]).rpartition("-")[2]
            return Call(self.caller, "sqs", operation, queue, request=sent)
        if service == "TrentService":
            return Call(self.caller, "kms", operation, ring=sent.get("EncryptionContext", {}).get("ring", ""))
        consistent: bool | None = None
        more: tuple[tuple[str, tuple[str, ...]], ...] = ()
        if operation == "TransactWriteItems":
            writes = tuple(self._written(kind, write) for one in sent["TransactItems"] for kind, write in one.items())
            keys = tuple(key for write in writes for key in write.keys)
            return replace(writes[0], operation=operation, keys=keys, writes=writes, request=sent)
        if operation == "BatchGetItem":
            (name, wanted), *others = sent["RequestItems"].items()
            keys = tuple(_only_value(key) for key in wanted["Keys"])
            more = tuple(
                (self._tables[other].logical_id, tuple(_only_value(key) for key in one["Keys"]))
                for other, one in others
            )
            consistent = all(one.get("ConsistentRead", False) for one in sent["RequestItems"].values())
        elif operation == "Query":
            name, index = sent["TableName"], sent.get("IndexName", "")
            keys = tuple(_only_value({"": value}) for value in sent["ExpressionAttributeValues"].values())
            table = self._tables[name].logical_id
            return Call(self.caller, "dynamodb", operation, table, keys, index=index, request=sent)
        else:
            name = sent["TableName"]
            keys = ((sent.get("Key") or sent["Item"])[self._key_attribute(name)]["S"],)
            consistent = sent.get("ConsistentRead", False) if operation == "GetItem" else None
        table = self._tables[name].logical_id
        return Call(self.caller, "dynamodb", operation, table, keys, consistent, more=more, request=sent)

    def _written(self, kind: str, write: Mapping[str, Any]) -> Call:
        """A write of a transaction, as if it were made alone."""
        name = write["TableName"]
        key = (write.get("Item") or write["Key"])[self._key_attribute(name)]["S"]
        return Call(self.caller, "dynamodb", f"{kind}Item", self._tables[name].logical_id, (key,), request=write)

    def _key_attribute(self, table: str) -> str:
        (key,) = self._tables[table].arguments["KeySchema"]
        return str(key["AttributeName"])

    def _sizes(self, call: Call) -> tuple[int, ...]:
        if call.service != "dynamodb" or not self.account_for_capacity:
            return ()
        return tuple(size_of(self.item(part.table, key)) for part in call.parts for key in part.keys)

    def _metered(self, call: Call, before: tuple[int, ...]) -> Call:
        if call.service != "dynamodb" or not self.account_for_capacity:
            return call
        if call.operation == "Query":
            return _with_capacity(call, 0.5, 0)  # of keys alone, and few of them
        if call.consistent is not None:
            return _with_capacity(call, read_units(before, consistent=call.consistent), 0)
        after = (self.item(part.table, key) for part in call.parts for key in part.keys)
        units = (write_units(one, item) for one, item in zip(before, after, strict=True))
        of_transaction = call.operation == "TransactWriteItems"
        return _with_capacity(call, 0, sum(2 * own + index if of_transaction else own + index for own, index in units))


def _with_capacity(call: Call, read: float, write: float) -> Call:
    return replace(call, read=read, write=write)


def _only_value(key: Mapping[str, Mapping[str, str]]) -> str:
    ((value,),) = (inner.values() for inner in key.values())
    return value


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _aws_response(url: str, response: Response) -> AWSResponse:
    headers = {name: value for name, value in response.headers.items() if name.lower() != "x-amz-crc32"}
    return aws_response(url, response.status, headers, response.body)


def binary(octets: bytes) -> dict[str, str]:
    """A binary attribute value, as it is stored."""
    return {"B": base64.b64encode(octets).decode()}
