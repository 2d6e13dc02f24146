"""Another function, invoked and waited for: one attempt, and an end to the waiting.

Callers import this module when they first invoke a function, since boto3 takes long to load.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, ReadTimeoutError

from authserver.aws.boto import Config, boto3

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_ANSWER = 65_536  # octets


class Unanswered(Exception):
    """There is no answer of use. `reason` is ``timeout``, ``error`` (the invocation's or the function's own),
    ``too_large`` or ``malformed``."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Invocation:
    """A function, by its name or ARN, and how many seconds may pass until it is reached and until it has answered."""

    def __init__(self, function: str, connect_timeout: float, read_timeout: float) -> None:
        config = Config(
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            retries={"mode": "standard", "total_max_attempts": 1},
        )
        self._client: Any = boto3.client("lambda", config=config)
        self._function = function

    def __call__(self, event: Mapping[str, Any]) -> Any:
        """Its answer, whatever JSON that is. Raises `Unanswered`."""
        try:
            answer = self._client.invoke(FunctionName=self._function, Payload=json.dumps(event).encode())
            octets = answer["Payload"].read(MAX_ANSWER + 1)
        except (ReadTimeoutError, ConnectTimeoutError):
            raise Unanswered("timeout") from None
        except (BotoCoreError, ClientError):
            raise Unanswered("error") from None
        if "FunctionError" in answer:
            raise Unanswered("error")
        if len(octets) > MAX_ANSWER:
            raise Unanswered("too_large")
        return _read(octets)


def _read(octets: bytes) -> Any:
    """The JSON value, which has no number that JSON has not (RFC 8259 section 6)."""
    try:
        return json.loads(octets, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise Unanswered("malformed") from None


def _refuse(constant: str) -> Any:
    raise ValueError(constant)
