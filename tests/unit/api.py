"""The management APIs over a server in memory, as those call them whom the authorizer let pass."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlencode

from authserver.management import Operation, serve
from authserver.wire.http import HttpRequest
from tests.unit.server import Server


@dataclass(frozen=True)
class Answered:
    """What came back; `document` is its JSON."""

    status: int
    document: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def reason(self) -> str:
        """What a problem is called."""
        assert self.headers["Content-Type"] == "application/problem+json"
        return str(self.document["type"]).rpartition(":")[2]

    @property
    def fields(self) -> set[str]:
        """The fields that a problem names."""
        return {error["field"] for error in self.document.get("errors", ())}


class Api:
    """One caller of an API. A client's own token has its `client_id` as its subject."""

    EVERY_POWER = " ".join(
        f"admin:{kind}"
        for kind in (
            "clients",
            "users",
            "orgs",
            "scopes",
            "resources",
            "idps",
            "webhooks",
            "grants",
            "keys",
            "theme",
            "audit.read",
        )
    )

    def __init__(
        self,
        server: Server,
        operations: tuple[Operation, ...],
        subject: str,
        client_id: str = "portal",
        scope: str = "whatever the route needs",
        organisation: str = "",
        entities: Sequence[str] = (),
        source: str = "",
    ) -> None:
        self.server = server
        self.source = source
        self.operations = operations
        self.authorizer = {"sub": subject, "client_id": client_id, "scope": scope}
        if organisation:
            self.authorizer |= {"org": organisation, "entities": " ".join(entities)}

    def call(self, method: str, path: str, body: Any = None, *, key: str = "", **query: str) -> Answered:
        route, parameters = self._route(method, path)
        headers = {"content-type": "application/json"} if body is not None else {}
        request = HttpRequest(
            method=method,
            route=route,
            query=urlencode(query),
            headers={**headers, **({"idempotency-key": key} if key else {})},
            body=b"" if body is None else json.dumps(body).encode(),
            path_parameters=parameters,
            authorizer=self.authorizer,
            source=self.source,
        )
        response = serve(request, self.operations, self.server.services)
        assert ("Cache-Control", "no-store") in response.headers
        document = json.loads(response.body) if response.body else None
        return Answered(response.status, document, dict(response.headers))

    def get(self, path: str, **query: str) -> Any:
        """The document at a path that can be read."""
        answer = self.call("GET", path, **query)
        assert answer.status == 200, answer
        return answer.document

    def _route(self, method: str, path: str) -> tuple[str, dict[str, str]]:
        """The route that API Gateway would find: the one with the fewest parameters."""
        for operation in sorted(self.operations, key=lambda one: one.route.count("{")):
            pattern = re.sub(
                r"\{(\w+)\}", r"(?P<\1>[^/]+)", re.escape(operation.route).replace(r"\{", "{").replace(r"\}", "}")
            )
            if found := re.fullmatch(pattern, f"{method}\\ {path}".replace("\\ ", " ")):
                return operation.route, {name: unquote(value) for name, value in found.groupdict().items()}
        raise AssertionError(f"no operation serves {method} {path}")
