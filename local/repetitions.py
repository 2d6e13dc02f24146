"""Transactions that were done are not done again: DynamoDB's `ClientRequestToken`.

MiniStack knows it too, but never forgets one.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from local.http_server import Response

WINDOW = 600  # seconds
TOKEN = "ClientRequestToken"


class MismatchError(Exception):
    """The token was used for another request: IdempotentParameterMismatchException."""


class Repetitions:
    """Remembers the answers to the transactions that succeeded. To be used by one thread at a time."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._done: dict[str, tuple[float, Mapping[str, Any], Response]] = {}  # by token, the oldest first

    def answer_to(self, request: Mapping[str, Any]) -> Response | None:
        """What was answered to the same request, if it succeeded within the window. Errors: `MismatchError`."""
        self._forget()
        _, before, response = self._done.get(request.get(TOKEN, ""), (0.0, request, None))
        if before != request:
            raise MismatchError
        return response

    def succeeded(self, request: Mapping[str, Any], response: Response) -> None:
        if TOKEN in request:
            self._done[request[TOKEN]] = (self._clock() + WINDOW, request, response)

    def _forget(self) -> None:
        for token, (until, _, _) in list(self._done.items()):
            if until > self._clock():
                break
            del self._done[token]
