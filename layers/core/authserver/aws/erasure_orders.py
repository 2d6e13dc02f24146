"""Orders of erasures: on their way to the function that carries them out, and at their arrival there.

An order is an asynchronous invocation with the key of a subject, or EventBridge's, which has none. Lambda repeats what
fails; the next scheduled invocation finds what was not ordered, and what another one left.
"""

import json
from collections.abc import Callable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from authserver.aws.logger import logger
from authserver.errors import OAuthError, TemporarilyUnavailable
from authserver.messages.erasure import Erasing

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

SPARE = 20_000  # milliseconds before the end in which nothing is begun


class ErasureOrders:
    """Implements `services.Services.order_erasure` by an asynchronous invocation of one function."""

    def __init__(self, client: "LambdaClient", function: str) -> None:
        self._client = client
        self._function = function

    def __call__(self, subject_key: str) -> None:
        order = json.dumps({"subject_key": subject_key}).encode()
        try:
            self._client.invoke(FunctionName=self._function, InvocationType="Event", Payload=order)
        except (BotoCoreError, ClientError) as error:
            raise TemporarilyUnavailable("The erasure could not be ordered", reason="lambda_invoke") from error


def erasing(
    carry_out: Callable[[str, Callable[[], bool]], Erasing],
) -> Callable[[Mapping[str, Any], Any], dict[str, int]]:
    """Makes a Lambda handler of a function that works on one erasure, by its key, or without one on all.

    The function gets a callback that tells whether there is time for more. The log has how much was done, and no user.
    """

    @wraps(carry_out)
    def handler(event: Mapping[str, Any], context: Any) -> dict[str, int]:
        subject_key = event.get("subject_key", "")
        try:
            done = carry_out(subject_key if isinstance(subject_key, str) else "", _time_in(context))
        except Exception as error:  # noqa: BLE001 - told here, and raised for Lambda
            raise _failed(error) from None
        counts = {"erased": done.erased, "finished": done.finished, "open": done.open}
        logger.info("erasures", extra=counts)
        if done.failure is not None:
            raise _failed(done.failure) from None
        return counts

    return handler


def _failed(error: Exception) -> RuntimeError:
    """The error that makes Lambda repeat the invocation; the log has what it was."""
    if isinstance(error, OAuthError):
        logger.error("erasures_failed", extra={"reason": error.reason})
        return RuntimeError(error.reason)
    logger.error("unexpected", exc_info=error)
    return RuntimeError("unexpected")


def _time_in(context: Any) -> Callable[[], bool]:
    """Whether the invocation that a context tells of goes on for long enough; without one, it always does."""
    return lambda: context is None or context.get_remaining_time_in_millis() > SPARE
