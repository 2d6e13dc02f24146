"""Orders of mails: on their way to the function that carries them out, and at their arrival there.

An order is an asynchronous invocation, so the time of the caller's answer does not reveal whether a mail is sent.
Lambda repeats what fails.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import wraps
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from authserver.aws.log import write_request
from authserver.aws.logger import logger
from authserver.ends import Begun
from authserver.errors import OAuthError, TemporarilyUnavailable
from authserver.messages.mail import MailOrder

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

ROUTE = "mail"  # what the log has in place of one


class MailOrders:
    """Implements `services.Services.order_mail` by an asynchronous invocation of one function."""

    def __init__(self, client: "LambdaClient", function: str) -> None:
        self._client = client
        self._function = function

    def __call__(self, order: MailOrder) -> None:
        try:
            self._client.invoke(
                FunctionName=self._function, InvocationType="Event", Payload=json.dumps(asdict(order)).encode()
            )
        except (BotoCoreError, ClientError) as error:
            raise TemporarilyUnavailable("The mail could not be ordered", reason="lambda_invoke") from error


def delivery(carry_out: Callable[[MailOrder], str]) -> Callable[[Mapping[str, Any], Any], None]:
    """Makes a Lambda handler of a function that carries out an order and tells what came of it.

    What fails for a while is raised again, so that Lambda repeats it; what is no order is not.
    """

    @wraps(carry_out)
    def handler(event: Mapping[str, Any], _context: Any) -> None:
        began = time.perf_counter()
        order = _read(event)
        if order is None:
            write_request(ROUTE, "", 400, "order_malformed", "", began)
            return
        try:
            reason = carry_out(order)
        except OAuthError as error:
            write_request(ROUTE, order.kind, error.status, error.reason, order.id, began)
            raise RuntimeError(error.reason) from None
        except Exception:  # noqa: BLE001 - told here, and raised for Lambda
            logger.exception("unexpected", extra={"request_id": order.id})
            raise RuntimeError("unexpected") from None
        write_request(ROUTE, order.kind, 200, reason, order.id, began)

    return handler


def _read(event: Mapping[str, Any]) -> MailOrder | None:
    try:
        order = MailOrder(**{**event, "begun": Begun(**event.get("begun", {}))})
    except TypeError:
        return None
    told = (order.languages, order.what, order.about)
    texts = (order.kind, order.id, order.issuer, order.username, order.subject, order.address, *told)
    are_texts = all(isinstance(text, str) for text in texts)
    are_numbers = isinstance(order.ordered_at, int) and isinstance(order.sessions, int | None)
    return order if are_texts and are_numbers else None
