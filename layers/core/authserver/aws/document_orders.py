"""Orders to fetch documents of clients: on their way to the one function that does, and at their arrival there.

The caller waits, because the document decides how its request continues. So the invocation is synchronous.
"""

from __future__ import annotations

import time
from functools import wraps
from typing import TYPE_CHECKING, Any

from authserver.aws.log import write_request
from authserver.errors import OAuthError
from authserver.messages.documents import DocumentOrder
from authserver.models.documents import NOT_CARRIED_OUT
from authserver.values import host_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROUTE = "documents"  # what the log has in place of one
# A fetch takes three seconds at most. The caller has ten seconds, for two orders.
CONNECT_TIMEOUT, READ_TIMEOUT = 0.5, 4


class DocumentOrders:
    """Implements `services.Services.order_document` by a synchronous invocation of one function."""

    def __init__(self, function: str) -> None:
        # With the first order, if there is one: boto3 takes long to load.
        from authserver.aws.invocation import Invocation, Unanswered

        self._invoke = Invocation(function, CONNECT_TIMEOUT, READ_TIMEOUT)
        self._unanswered = Unanswered

    def __call__(self, order: DocumentOrder) -> str:
        sent = {"client_id": order.client_id, "key_set": order.key_set, "anew": order.anew, "source": order.source}
        try:
            told = self._invoke(sent)
        except self._unanswered:
            return NOT_CARRIED_OUT
        return told["error"] if isinstance(told, dict) and isinstance(told.get("error"), str) else NOT_CARRIED_OUT


def fetching(carry_out: Callable[[DocumentOrder], str]) -> Callable[[Mapping[str, Any], Any], dict[str, str]]:
    """Makes a Lambda handler of a function that carries out an order and tells what went wrong, or nothing.

    The log has the host, and nothing of the address beyond it.
    """

    @wraps(carry_out)
    def handler(event: Mapping[str, Any], _context: Any) -> dict[str, str]:
        began = time.perf_counter()
        client_id, key_set, source = (str(event.get(name, "")) for name in ("client_id", "key_set", "source"))
        order = DocumentOrder(client_id, key_set, event.get("anew", False) is True, source)
        try:
            error = carry_out(order)
        except OAuthError as failure:
            write_request(ROUTE, "", failure.status, failure.reason, "", began)
            raise RuntimeError(failure.reason) from None
        reason = f"document_{error}" if error else "ok"
        write_request(ROUTE, host_of(order.key_set or order.client_id), 200, reason, "", began)
        return {"error": error}

    return handler
