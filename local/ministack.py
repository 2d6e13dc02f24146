"""MiniStack's DynamoDB in this process: its engine, without its HTTP server.

What is stored is the process's, by AWS account. A call takes a millisecond with all that botocore does for it, where
moto takes 4 to 25. That both answer alike, and as DynamoDB is documented, is what `tests/contract` shows.
"""

import threading
from collections.abc import Coroutine
from importlib import import_module
from typing import Any
from unittest import mock

from ministack.core.responses import request_scope

from local.intrinsics import REGION

type Answer = tuple[int, dict[str, str], bytes]

# A call is done whole before the next.
_one_at_a_time = threading.Lock()

# It would start a thread that deletes every minute what has expired, whatever else happens at that moment.
with mock.patch.object(threading.Thread, "start"):
    dynamodb: Any = import_module("ministack.services.dynamodb")


def answer(account: str, target: str, body: bytes) -> Answer:
    """The status, the headers and the body for a request with this ``X-Amz-Target``."""
    with _one_at_a_time, request_scope(account, REGION):
        call: Coroutine[Any, Any, Answer] = dynamodb.handle_request("POST", "/", {"x-amz-target": target}, body, {})
        return _result(call)


def forget(account: str) -> None:
    """Drop all tables of an account."""
    with _one_at_a_time, request_scope(account, REGION):
        tables = dynamodb._tables  # noqa: SLF001 no request drops them all
        for name in list(tables):
            tables.pop(name)


def _result(coroutine: Coroutine[Any, Any, Answer]) -> Answer:
    """What a coroutine returns that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        answer: Answer = done.value
        return answer
    raise RuntimeError("MiniStack's DynamoDB waits for something")
