"""The admin API, as commands use it."""

import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from authserver_cli.errors import Unreachable, refusal
from authserver_cli.protocol import Problem, Request, Response, Transport

PAGE = 100
ATTEMPTS = 5
BUSY = (429, 502, 503, 504)


class Api:
    """Calls that give the document of a success and raise on everything else.

    What did not get an answer, or was asked to come later, is repeated: reads, replacements and deletions mean the
    same again, and what creates carries an idempotency key.
    """

    def __init__(self, transport: Transport, sleep: Callable[[float], None] = time.sleep) -> None:
        self.transport = transport
        self._sleep = sleep

    def get(self, route: str, *, query: dict[str, str] | None = None, **parameters: str) -> Any:
        return self.send(Request("GET", route, parameters, query or {}))

    def put(self, route: str, body: Any, **parameters: str) -> Any:
        return self.send(Request("PUT", route, parameters, body=body))

    def patch(self, route: str, body: Any, **parameters: str) -> Any:
        """A JSON merge patch (RFC 7396): a member that is null is removed."""
        return self.send(Request("PATCH", route, parameters, body=body))

    def delete(self, route: str, *, query: dict[str, str] | None = None, **parameters: str) -> Any:
        return self.send(Request("DELETE", route, parameters, query or {}))

    def post(self, route: str, body: Any, *, idempotency_key: str = "", **parameters: str) -> Any:
        key = idempotency_key or str(uuid.uuid4())
        return self.send(Request("POST", route, parameters, body=body, idempotency_key=key))

    def items(self, route: str, *, query: dict[str, str] | None = None, **parameters: str) -> Iterator[Any]:
        """What a list has, page by page as it is asked for."""
        cursor = {"limit": str(PAGE)}
        while True:
            page = self.get(route, query={**(query or {}), **cursor}, **parameters)
            if page is None:
                return
            if not isinstance(page, dict) or not isinstance(page.get("items"), list):
                raise Unreachable(f"{self.transport.target} answers with something that is no list")
            yield from page["items"]
            if not page.get("next"):
                return
            cursor["cursor"] = page["next"]

    def send(self, request: Request) -> Any:
        response = self._answer(request)
        if response.status >= 300:
            raise refusal(Problem.of(response))
        return response.document

    def _answer(self, request: Request) -> Response:
        for attempt in range(ATTEMPTS - 1):
            try:
                response = self.transport.send(request)
            except Unreachable:
                if not attempt:  # once more at once: a connection that had been kept may have been closed
                    continue
                raise
            if response.status not in BUSY:
                return response
            self._sleep(_pause(response, attempt))
        return self.transport.send(request)


def _pause(response: Response, attempt: int) -> float:
    """Seconds: what the server asks for (RFC 9110 section 10.2.3), or else twice as long each time."""
    headers = {name.lower(): value for name, value in response.headers.items()}
    asked = str(headers.get("retry-after", ""))
    return min(30.0, float(asked)) if asked.isdecimal() else 0.5 * 2**attempt
