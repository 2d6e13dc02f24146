"""AWS behind one HTTP endpoint: DynamoDB is MiniStack and KMS moto, both in this process; mails go to the outbox,
messages to queues in memory, and asynchronous invocations to the functions.
"""

import itertools
import json
import re
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote

from botocore.exceptions import BotoCoreError, ClientError
from botocore.model import OperationNotFoundError
from moto.core.request import Request as MotoRequest
from moto.kms.models import kms_backends
from moto.kms.responses import KmsResponse
from werkzeug.exceptions import HTTPException

from local import ministack, sdk
from local.errors import RefusedError
from local.http_server import HttpServer, Request, Response, listen_ipv4
from local.intrinsics import REGION
from local.logs import Log
from local.outbox import Outbox
from local.permissions import (
    Access,
    Statement,
    TableKeys,
    allowed,
    dynamodb_accesses,
    invoke_access,
    kms_accesses,
    mail_access,
    put_events_access,
    queue_access,
)
from local.queues import Queues, put_events
from local.repetitions import TOKEN, MismatchError, Repetitions
from local.stack import Key, Table
from local.streams import Streams
from local.workers import FunctionError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_kms import KMSClient

# Two servers in one process (tests) share what is stored; an account of its own keeps each one's tables and keys apart.
_accounts = itertools.count(123456789012)

_CREDENTIAL = re.compile(r"Credential=([^/]+)/")
_DYNAMODB, _KMS, _SQS, _EVENTS = "DynamoDB_20120810", "TrentService", "AmazonSQS", "AWSEvents"
_WRITES = ("PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems")
_INVOKE = re.compile(r"/2015-03-31/functions/(?P<function>[^/]+)/invocations")
_DYNAMODB_ERROR = "com.amazonaws.dynamodb.v20120810#"
_SEND_EMAIL = "/v2/email/outbound-emails"


class Aws:
    """DynamoDB, KMS, SES and Lambda on `endpoint_url`. Empty at the start; forgotten at the end.

    Any credentials do. Those that `permit` names may do no more than a role allows: each function has its own.
    `outbox` has the mails that were sent, `queues` the messages, and `streams` is told what changes in the tables that
    it reads; `invoke_later` is given the name of a function and an event that it is to be invoked with, and raises
    KeyError if there is none of that name; `invoke_now` waits for the answer, too.
    """

    invoke_later: Callable[[str, bytes], None]
    invoke_now: Callable[[str, bytes], bytes]
    queues: Queues | None = None
    streams: Streams | None = None

    def __init__(self, log: Log) -> None:
        self.account = str(next(_accounts))
        self._log = log
        self._permissions: dict[str, tuple[str, tuple[Statement, ...]]] = {}
        self._tables: dict[str, TableKeys] = {}
        self._repetitions = Repetitions()
        self._transactions = threading.Lock()
        self._changes = threading.RLock()
        self.outbox = Outbox()
        self._server = HttpServer(listen_ipv4(), self._answer)
        self.endpoint_url = f"http://127.0.0.1:{self._server.port}"

    def _answer(self, request: Request) -> Response:
        if request.method == "POST" and request.path == _SEND_EMAIL:
            return self._send_email(request)
        if request.method == "POST" and (invocation := _INVOKE.fullmatch(request.path)):
            return self._invoke(unquote(invocation["function"]), request)
        target = request.header("X-Amz-Target") or ""
        service, _, action = target.partition(".")
        if service in (_SQS, _EVENTS):
            return self._message(service, action, request)
        if service not in (_DYNAMODB, _KMS):
            return _unknown_operation(f"{service or 'a request without X-Amz-Target'} is not served here")
        body = json.loads(request.body)
        if refusal := self._forbidden(request, lambda: self._accesses(service, action, body)):
            return refusal
        if service == _KMS:
            return self._by_moto(request)
        if self.streams is not None and action in _WRITES:
            return self._stream(self.streams, action, body, lambda: self._by_dynamodb(target, body, request.body))
        return self._by_dynamodb(target, body, request.body)

    def _by_dynamodb(self, target: str, body: dict[str, Any], octets: bytes) -> Response:
        if target.endswith(".TransactWriteItems") and TOKEN in body:
            return self._transact(target, body)
        return self._by_ministack(target, octets)

    def _stream(self, streams: Streams, action: str, body: Any, write: Callable[[], Response]) -> Response:
        """A write, of which the streams are told; one after the other, so that they have the order of the writes."""
        with self._changes:
            before = {place: self._item(*place) for place in self._places(action, body) if place[0] in streams.read}
            response = write()
            for (table, key), item in before.items():
                name = self._tables[table].partition_key
                streams.add(table, {name: {"S": key}}, item, self._item(table, key))
            return response

    def _places(self, action: str, body: Any) -> list[tuple[str, str]]:
        """The tables and keys that a write names."""
        if action != "TransactWriteItems":
            writes = [body]
        else:
            writes = [one for item in body["TransactItems"] for kind, one in item.items() if kind != "ConditionCheck"]
        return [
            (one["TableName"], (one.get("Item") or one["Key"])[self._tables[one["TableName"]].partition_key]["S"])
            for one in writes
            if one["TableName"] in self._tables
        ]

    def _item(self, table: str, key: str) -> dict[str, Any]:
        asked = {"TableName": table, "Key": {self._tables[table].partition_key: {"S": key}}, "ConsistentRead": True}
        response = self._by_ministack(f"{_DYNAMODB}.GetItem", json.dumps(asked).encode())
        return dict(json.loads(response.body).get("Item", {}))

    def _message(self, service: str, action: str, request: Request) -> Response:
        """What SQS and EventBridge answer."""
        body = json.loads(request.body)
        if service == _EVENTS and action == "PutEvents":
            buses = f"arn:aws:events:{REGION}:{self.account}:event-bus/"
            accesses = [put_events_access(one, buses) for one in body["Entries"]]
            return self._forbidden(request, lambda: accesses) or put_events(body["Entries"])
        if service == _SQS and self.queues is not None:
            access = queue_access(action, self.queues.arn(body))
            answer = self._forbidden(request, lambda: [access]) or self.queues.answer(action, body)
            if answer is not None:
                return answer
        return _unknown_operation("this action is not served here")

    def _transact(self, target: str, body: dict[str, Any]) -> Response:
        """One after the other, so that none is sent again while it is done the first time."""
        with self._transactions:
            try:
                before = self._repetitions.answer_to(body)
            except MismatchError:
                text = "The token was used already."
                return _error(400, f"{_DYNAMODB_ERROR}IdempotentParameterMismatchException", text)
            if before:
                return before
            plain = {name: value for name, value in body.items() if name != TOKEN}
            response = self._by_ministack(target, json.dumps(plain).encode())
            if response.status == HTTPStatus.OK:
                self._repetitions.succeeded(body, response)
            return response

    def _by_ministack(self, target: str, body: bytes) -> Response:
        status, headers, answer = ministack.answer(self.account, target, body)
        return Response(status, tuple(headers.items()), answer)

    def _by_moto(self, request: Request) -> Response:
        try:
            status, headers, body = KmsResponse.dispatch(self._moto_request(request))
        except (NotImplementedError, OperationNotFoundError):
            return _unknown_operation("this action is not served here")
        except HTTPException as error:
            status, headers, body = error.code or 500, dict(error.get_headers()), error.description or ""
        kept = tuple((k, str(v)) for k, v in headers.items() if k.lower() not in {"content-length", "status"})
        return Response(int(status), kept, body if isinstance(body, bytes) else str(body).encode())

    def _send_email(self, request: Request) -> Response:
        mail = json.loads(request.body)
        identity = f"arn:aws:ses:{REGION}:{self.account}:identity/"
        refusal = self._forbidden(request, lambda: [mail_access(mail, identity)])
        return refusal or self.outbox.take(mail)

    def _invoke(self, function: str, request: Request) -> Response:
        arn = function
        if not function.startswith("arn:"):
            arn = f"arn:aws:lambda:{REGION}:{self.account}:function:{function}"
        name = arn.split(":")[6]  # of the ARN of a version or an alias as well
        if refusal := self._forbidden(request, lambda: [invoke_access(arn)]):
            return refusal
        try:
            if request.header("X-Amz-Invocation-Type") != "Event":
                return Response(200, (), self.invoke_now(name, request.body))
            self.invoke_later(name, request.body)
        except KeyError:
            return _error(404, "ResourceNotFoundException", f"Function not found: {arn}")
        except FunctionError as error:
            told = {"errorType": error.error_type, "errorMessage": error.message}
            return Response(200, (("X-Amz-Function-Error", "Unhandled"),), json.dumps(told).encode())
        return Response(202)

    def permit(self, access_key_id: str, name: str, statements: tuple[Statement, ...]) -> None:
        """From now on, who signs with this key may do what the statements allow; who signs with another, anything."""
        self._permissions[access_key_id] = (name, statements)

    def _forbidden(self, request: Request, accesses: Callable[[], list[Access]]) -> Response | None:
        """The refusal when the signer's role does not allow what the request uses."""
        signer = _CREDENTIAL.search(request.header("Authorization") or "")
        if signer is None or signer[1] not in self._permissions:
            return None
        name, statements = self._permissions[signer[1]]
        for access in accesses():
            if not allowed(statements, access):
                keys = ", ".join(f"{key} {' '.join(values)}" for key, values in access.context.items() if values)
                self._log.line(name, f"its role does not allow {access.action} on {access.resource} ({keys})")
                return _access_denied(name, access)
        return None

    def _accesses(self, service: str, action: str, body: Any) -> list[Access]:
        if service == _KMS:
            return kms_accesses(action, body, f"arn:aws:kms:{REGION}:{self.account}:key/")
        return dynamodb_accesses(action, body, self._tables)

    def _moto_request(self, request: Request) -> MotoRequest:
        headers = {**dict(request.headers), "x-moto-account-id": self.account}
        return MotoRequest.from_primitives(request.method, f"{self.endpoint_url}/", headers, request.body)

    def make_key(self, key: Key) -> tuple[str, str]:
        """Create a KMS key; its id and ARN. Errors: `RefusedError` when KMS does not take the properties."""
        try:
            metadata = self.kms().create_key(**key.arguments)["KeyMetadata"]
        except (BotoCoreError, ClientError) as error:
            raise RefusedError(key.logical_id, str(error)) from None
        return metadata["KeyId"], metadata["Arn"]

    def make_table(self, table: Table) -> None:
        """Create a table. Errors: `RefusedError` when DynamoDB does not take the properties."""
        client = self.dynamodb()
        try:
            client.create_table(**table.arguments)
            if table.time_to_live:
                client.update_time_to_live(
                    TableName=table.name,
                    TimeToLiveSpecification=table.time_to_live,  # type: ignore[arg-type]  # a plain mapping, out of the template
                )
        except (BotoCoreError, ClientError) as error:
            raise RefusedError(table.logical_id, str(error)) from None
        self._tables[table.name] = TableKeys(
            arn=f"arn:aws:dynamodb:{REGION}:{self.account}:table/{table.name}",
            partition_key=_partition_key(table.arguments),
            indexes={
                index["IndexName"]: _partition_key(index)
                for kind in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes")
                for index in table.arguments.get(kind, [])
            },
        )

    def dynamodb(self) -> "DynamoDBClient":
        return cast("DynamoDBClient", sdk.client("dynamodb", self.endpoint_url))

    def kms(self) -> "KMSClient":
        return cast("KMSClient", sdk.client("kms", self.endpoint_url))

    def close(self) -> None:
        """Stop serving, and forget every table and key."""
        self._server.close()
        ministack.forget(self.account)
        kms_backends.pop(self.account, None)


def _partition_key(schema: Mapping[str, Any]) -> str:
    """The partition key of a table or an index."""
    return next(str(part["AttributeName"]) for part in schema["KeySchema"] if part["KeyType"] == "HASH")


def _access_denied(name: str, access: Access) -> Response:
    text = f"{name} is not authorized to perform: {access.action} on resource: {access.resource}"
    return _error(400, "com.amazon.coral.service#AccessDeniedException", text)


def _unknown_operation(message: str) -> Response:
    return _error(400, "UnknownOperationException", message)


def _error(status: int, code: str, message: str) -> Response:
    """An error in the form of both protocols: JSON with a target, and REST."""
    headers = (("Content-Type", "application/x-amz-json-1.0"), ("x-amzn-ErrorType", code.rpartition("#")[2]))
    body = json.dumps({"__type": code, "Message": message, "message": message})
    return Response(status, headers, body.encode())
