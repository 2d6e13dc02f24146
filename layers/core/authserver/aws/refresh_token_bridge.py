"""The operator's function that knows the refresh tokens of another system: `identity.bridge` says what it is asked."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from authserver.aws.later import Later
from authserver.errors import TemporarilyUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

# It may have to ask that other system, and a refresh has ten seconds.
CONNECT_TIMEOUT, READ_TIMEOUT = 0.5, 3


class RefreshTokenBridge:
    """Implements `ports.Bridge` by a synchronous invocation of one function."""

    def __init__(self, function: str, until: str) -> None:
        """`until` is a day, as YYYY-MM-DD. Raises `ValueError` on what is none."""

        def make() -> Any:
            from authserver.aws.invocation import Invocation  # and boto3, with the first question

            return Invocation(function, CONNECT_TIMEOUT, READ_TIMEOUT)

        self.until = int(datetime.strptime(until, "%Y-%m-%d").replace(tzinfo=UTC).timestamp())
        self._invoke = Later(make)

    def ask(self, question: Mapping[str, str]) -> Any:
        from authserver.aws.invocation import Unanswered

        try:
            return self._invoke(question)
        except Unanswered as unanswered:
            raise TemporarilyUnavailable(
                "The refresh token could not be looked up", reason=f"bridge_{unanswered.reason}"
            ) from None
