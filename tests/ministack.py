"""MiniStack's DynamoDB (`local.ministack`) beneath botocore's clients, and what it stores as tests look at it."""

import io
import itertools
import pickle
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from botocore import UNSIGNED
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config

from local import ministack
from local.intrinsics import REGION
from local.ministack import dynamodb

type BeforeSend = Callable[..., AWSResponse]
"""Answers for a botocore client whose event ``before-send`` it is registered for."""

type Item = dict[str, Any]
"""Attributes by name, as the JSON of DynamoDB's API has them: what is binary in base64."""

type Snapshot = Mapping[str, Item]
"""What a table had, by key."""

# The emulator does not check a signature or a user agent, and they take a third of a call.
PLAIN = Config(signature_version=UNSIGNED, user_agent="tests")

_accounts = itertools.count(555000000000)
_NO_SORT_KEY = "__no_sort__"  # where MiniStack keeps the item of a table without one


class DynamoDB:
    """The tables of one AWS account, which have no sort keys. What is stored is the process's, by account."""

    def __init__(self) -> None:
        self.account = str(next(_accounts))

    def before_send(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        """See `BeforeSend`."""
        return aws_response(request.url, *self.answer(*asked(request)))

    def answer(self, target: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """The status, the headers and the body for a request with this ``X-Amz-Target``; one at a time."""
        return ministack.answer(self.account, target, body)

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

    def snapshot(self, table: str) -> Snapshot:
        return _copy(self.items(table))

    def restore(self, table: str, snapshot: Snapshot) -> None:
        """What was stored then. No token of a transaction is known any more.

        Only what differs is copied: a comparison of all takes a third of the time of a copy.
        """
        stored, now = self._stored(table), self.items(table)
        stored.clear()
        for key, item in snapshot.items():
            stored[key] = {_NO_SORT_KEY: now[key] if now.get(key) == item else _copy(item)}
        dynamodb._txn_idempotency.clear()

    def close(self) -> None:
        ministack.forget(self.account)

    def _stored(self, table: str) -> dict[str, dict[str, Item]]:
        stored: dict[str, dict[str, Item]] = dynamodb._tables.get_scoped(self.account, REGION, table)["items"]
        return stored


def _copy[T](value: T) -> T:
    copied: T = pickle.loads(pickle.dumps(value))  # noqa: S301 - our own, and quicker than a deep copy
    return copied


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
