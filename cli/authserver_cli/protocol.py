"""The admin API's words: a request, a response, and the problem details of a refusal (RFC 9457)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, Self
from urllib.parse import quote, urlencode

MERGE_PATCH = "application/merge-patch+json"
NO_ROUTE = {"message": "Missing Authentication Token"}  # how API Gateway says it, with 403


@dataclass(frozen=True)
class Request:
    """A call. `route` is the API's own spelling, such as ``/admin/clients/{client_id}``."""

    method: str
    route: str
    path_parameters: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    idempotency_key: str = ""

    @property
    def path(self) -> str:
        """The route with its parameters filled in; nothing in them can leave its segment."""
        return self.route.format_map(self.segments)

    @property
    def segments(self) -> dict[str, str]:
        """The path's parameters as they stand in it, percent-encoded."""
        return {name: _segment(value) for name, value in self.path_parameters.items()}

    @property
    def target(self) -> str:
        """Path and query."""
        return f"{self.path}?{urlencode(self.query)}" if self.query else self.path

    @property
    def headers(self) -> dict[str, str]:
        headers = {"Accept": "application/json"}
        if self.body is not None:
            headers["Content-Type"] = MERGE_PATCH if self.method == "PATCH" else "application/json"
        if self.idempotency_key:
            headers["Idempotency-Key"] = self.idempotency_key
        return headers


def _segment(value: str) -> str:
    """A path segment. The dots alone, which a client would take for a step up, are encoded as well."""
    return value.replace(".", "%2E") if value in (".", "..") else quote(value, safe="")


@dataclass(frozen=True)
class Response:
    """`document` is the parsed body; None if there was none."""

    status: int
    document: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Problem:
    """RFC 9457. `errors` are (field, detail)."""

    status: int
    title: str
    detail: str = ""
    errors: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, response: Response) -> Self:
        """The problem that a response is about, whatever it looks like: a gateway's own answers are none."""
        document = response.document if isinstance(response.document, dict) else {}
        if document == NO_ROUTE:
            return cls(404, "The API of this deployment does not have this")
        errors = document.get("errors")
        return cls(
            response.status,
            _text(document, "title", "error", "message") or f"HTTP {response.status}",
            _text(document, "detail", "error_description"),
            tuple(
                (_text(error, "field"), _text(error, "detail"))
                for error in (errors if isinstance(errors, list) else ())
                if isinstance(error, dict)
            ),
        )

    def __str__(self) -> str:
        # Where there are errors, the detail says them again.
        detail = "" if self.errors else self.detail
        said = f"{self.title}: {detail}" if detail and detail != self.title else self.title
        fields = [f"  {name}: {detail}" if name else f"  {detail}" for name, detail in self.errors]
        return "\n".join([f"{said} ({self.status})", *fields])


def _text(document: Mapping[str, Any], *names: str) -> str:
    """The first of these members that says something."""
    return next((printable(str(document[name])) for name in names if document.get(name)), "")


def printable(text: str) -> str:
    """The text; what a terminal would obey instead of showing is shown as an escape."""
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


class Transport(Protocol):
    """A way to the admin API."""

    @property
    def target(self) -> str:
        """Which deployment this leads to; an import remembers it."""

    def send(self, request: Request) -> Response:
        """The answer, whatever its status. Raises `errors.Unreachable` if there is none."""
