"""What both kinds of API have in common: a request on its way, and the checks of what a function answers."""

import json
import re
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from local.http_server import Request, Response
from local.workers import trace_id

JSON = ("Content-Type", "application/json")

# What concerns one connection alone does not pass a gateway.
_HOP_BY_HOP = {
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "expect",
}
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


@dataclass(frozen=True)
class Arrival:
    """A request with what the gateway itself knows about it. `domain_name` is the server's own host:port."""

    request: Request
    domain_name: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    epoch: float = field(default_factory=time.time)

    @property
    def time(self) -> str:
        """As in an access log: 12/Mar/2026:19:03:58 +0000."""
        return time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(self.epoch))

    @property
    def epoch_milliseconds(self) -> int:
        return int(self.epoch * 1000)

    def forwarded_headers(self) -> list[tuple[str, str]]:
        """The client's headers, with its spelling and repeats, and those that API Gateway adds."""
        request = self.request
        own = {"x-forwarded-for", "x-forwarded-port", "x-forwarded-proto", "x-amzn-trace-id"}
        passed = [(k, v) for k, v in request.headers if k.lower() not in _HOP_BY_HOP | own]
        before = request.header("X-Forwarded-For")
        return [
            *passed,
            ("X-Forwarded-For", f"{before}, {request.source_ip}" if before else request.source_ip),
            ("X-Forwarded-Port", self.domain_name.rpartition(":")[2]),
            ("X-Forwarded-Proto", "http"),
            ("X-Amzn-Trace-Id", trace_id().partition(";")[0]),
        ]


class MalformedAnswerError(Exception):
    """A function's answer that API Gateway cannot turn into an HTTP response."""


def status_of(answer: Mapping[str, Any]) -> int:
    """Errors: `MalformedAnswerError`."""
    status = answer.get("statusCode")
    if isinstance(status, str) and status.isascii() and status.isdecimal():
        status = int(status)
    if not isinstance(status, int) or isinstance(status, bool) or not 200 <= status <= 599:
        raise MalformedAnswerError("statusCode must be from 200 to 599")
    return status


def header_pairs(headers: Any) -> list[tuple[str, str]]:
    """A function's `headers` object as pairs. Errors: `MalformedAnswerError`."""
    if headers is None:
        return []
    if not isinstance(headers, Mapping):
        raise MalformedAnswerError("headers must be an object")
    return [header_pair(name, value) for name, value in headers.items()]


def header_pair(name: str, value: Any) -> tuple[str, str]:
    """One header of an answer. Errors: `MalformedAnswerError`, also for what would split the response."""
    if isinstance(value, bool):
        value = "true" if value else "false"
    if not isinstance(value, str | int | float) or not _HEADER_NAME.fullmatch(name):
        raise MalformedAnswerError(f"header {name!r} is not well-formed")
    written = str(value)
    if _CONTROL.search(written) or not _is_latin1(written):
        raise MalformedAnswerError(f"the value of header {name} is not well-formed")
    return name, written


def _is_latin1(value: str) -> bool:
    return all(ord(character) < 256 for character in value)


def without_hop_by_hop(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Headers that a function may set: neither the connection's nor the length, which are the server's."""
    return [(name, value) for name, value in headers if name.lower() not in _HOP_BY_HOP | {"content-length"}]


def message(status: int, text: str | None, *headers: tuple[str, str], key: str = "message") -> Response:
    """One of API Gateway's own answers."""
    return Response(status, (JSON, *headers), json.dumps({key: text}, separators=(",", ":")).encode())
