"""The operator's own function that has a word in what is issued, asked by a synchronous invocation."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from authserver.aws.later import Later
from authserver.aws.log import write_request
from authserver.ports import HookFailed

if TYPE_CHECKING:
    from collections.abc import Mapping

ROUTE = "token hook"  # what the log has in place of one
# A second in all: the client that asked for a token waits for it.
CONNECT_TIMEOUT, READ_TIMEOUT = 0.3, 0.7


class InvokedHook:
    """Implements `ports.TokenHook` by a function of this ARN."""

    def __init__(self, function: str) -> None:
        def make() -> Any:
            from authserver.aws.invocation import Invocation  # and boto3, with the first question

            return Invocation(function, CONNECT_TIMEOUT, READ_TIMEOUT)

        self._invoke = Later(make)
        self._asked = 0.0  # when, by `time.perf_counter`

    def ask(self, question: Mapping[str, Any]) -> Any:
        from authserver.aws.invocation import Unanswered

        self._asked = time.perf_counter()
        try:
            return self._invoke(question)
        except Unanswered as unanswered:
            raise HookFailed(f"token_hook_{unanswered.reason}") from None

    def failed(self, reason: str) -> None:
        """A line of the log, which is a metric as well, with nothing of what was answered."""
        write_request(ROUTE, "", 502, reason, "", self._asked)
