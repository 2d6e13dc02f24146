"""MiniStack's DynamoDB in this process: its engine, without its HTTP server.

A call takes a millisecond with all that botocore does for it, where moto takes 4 to 25. That both answer alike, and as
DynamoDB is documented, is what `tests/contract` shows.
"""

import io
import itertools
import pickle
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from typing import Any

from botocore import UNSIGNED
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from ministack.core.responses import request_scope
from ministack.services import dynamodb

from local.intrinsics import REGION

type BeforeSend = Callable[..., AWSResponse]
"""Answers for a botocore client whose event ``before-send`` it is registered for."""

type Item = dict[str, Any]
"""Attributes by name, as the JSON of DynamoDB's API has them: what is binary in base64."""

# Nobody looks at a signature or a user agent here, and they take a third of a call.
PLAIN = Config(signature_version=UNSIGNED, user_agent="tests")

_accounts = itertools.count(555000000000)
_NO_SORT_KEY = "__no_sort__"  # where MiniStack keeps the item of a table without one


class DynamoDB:
    """The tables of one AWS account, which have no sort keys. What is stored is the process's, by account."""

    def __init__(self) -> None:
        self.account = str(next(_accounts))
        self._lock = threading.Lock()

    def before_send(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        """See `BeforeSend`."""
        return aws_response(request.url, *self.answer(*asked(request)))

    def answer(self, target: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """The status, the headers and the body for a request with this ``X-Amz-Target``; one at a time."""
        with self._lock, request_scope(self.account, REGION):
            status, headers, answer = _result(dynamodb.handle_request("POST", "/", {"x-amz-target": target}, body, {}))
            return status, headers, answer

    def items(self, table: str) -> dict[str, Item]:
        """What is stored, by key; not a copy of it."""
        return {key: kept[_NO_SORT_KEY] for key, kept in self._stored(table).items() if kept}

    def item(self, table: str, key: str) -> Item:
        """One item, empty if there is none."""
        found: Item = self._stored(table).get(key, {}).get(_NO_SORT_KEY, {})
        return found

    def put(self, table: str, key: str, item: Mapping[str, Any]) -> None:
        """Stores an item, behind every condition."""
        self._stored(table)[key] = {_NO_SORT_KEY: dict(item)}

    def remove(self, table: str, key: str) -> None:
        self._stored(table).pop(key, None)

    def snapshot(self, table: str) -> bytes:
        return pickle.dumps(self.items(table))

    def restore(self, table: str, snapshot: bytes) -> None:
        """What was stored then. No token of a transaction is known any more."""
        stored = self._stored(table)
        stored.clear()
        kept: dict[str, Item] = pickle.loads(snapshot)  # noqa: S301 - our own, and quicker than a deep copy
        stored.update({key: {_NO_SORT_KEY: item} for key, item in kept.items()})
        dynamodb._txn_idempotency.clear()

    def close(self) -> None:
        with request_scope(self.account, REGION):
            for table in dynamodb._tables.keys():  # noqa: SIM118 - no dict
                dynamodb._tables.pop(table)

    def _stored(self, table: str) -> dict[str, dict[str, Item]]:
        stored: dict[str, dict[str, Item]] = dynamodb._tables.get_scoped(self.account, REGION, table)["items"]
        return stored


def asked(request: AWSPreparedRequest) -> tuple[str, bytes]:
    """The ``X-Amz-Target`` and the body of a request."""
    target, body = request.headers["X-Amz-Target"], request.body
    assert isinstance(target, bytes)
    assert isinstance(body, bytes)
    return target.decode(), body


def aws_response(url: str, status: int, headers: Mapping[str, str], body: bytes) -> AWSResponse:
    """An answer as botocore has it from its HTTP client."""
    return AWSResponse(url, status, dict(headers), _Raw(body))  # type: ignore[arg-type]  # no urllib3


class _Raw(io.BytesIO):
    """What botocore reads a body from."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        while chunk := self.read():
            yield chunk


def _result[Result](coroutine: Coroutine[Any, Any, Result]) -> Result:
    """What a coroutine returns that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: Result = done.value
        return result
    raise RuntimeError("MiniStack's DynamoDB waits for something")
