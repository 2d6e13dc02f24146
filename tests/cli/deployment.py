"""A deployment to speak to: discovery, tokens, and an admin API that remembers what it was asked."""

import json
from base64 import b64decode
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from local.http_server import HttpServer, Request, Response, listen_ipv4

CLIENT_ID, SECRET = "the operator's tool", "a secret: with +, % and ä"
DISCOVERY = "/.well-known/oauth-authorization-server"


@dataclass(frozen=True)
class Asked:
    """A request as it came over the wire."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    headers: dict[str, str]


@dataclass
class FakeDeployment:
    """`answers` are what to say to ``(method, path)``, one after the other, the last for ever: (status, document)."""

    issuer: str = ""
    asked: list[Asked] = field(default_factory=list)
    answers: dict[tuple[str, str], list[tuple[int, Any]]] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    tokens: int = 0
    retry_after: str = "0"

    def answer(self, method: str, path: str, *answers: tuple[int, Any]) -> None:
        self.answers[method, path] = list(answers)

    def reply(self, asked: Asked) -> tuple[int, Any]:
        if asked.path == DISCOVERY:
            return 200, self.metadata
        if asked.path == "/token":
            return self._token(asked)
        if asked.headers.get("authorization") != f"Bearer token-{self.tokens}":
            return 401, {"message": "Unauthorized"}
        self.asked.append(asked)
        scripted = self.answers.get((asked.method, asked.path))
        if scripted:
            return scripted.pop(0) if len(scripted) > 1 else scripted[0]
        return 200, {"items": []} if asked.method == "GET" else asked.body or {}

    def _token(self, asked: Asked) -> tuple[int, Any]:
        given = b64decode(asked.headers.get("authorization", "").removeprefix("Basic ")).decode()
        if [unquote_plus(half) for half in given.split(":")] != [CLIENT_ID, SECRET]:
            return 401, {"error": "invalid_client", "error_description": "Client authentication failed"}
        self.tokens += 1
        return 200, {"access_token": f"token-{self.tokens}", "token_type": "Bearer"}


@contextmanager
def running() -> Iterator[FakeDeployment]:
    deployment = FakeDeployment()

    def answer(request: Request) -> Response:
        headers = {name.lower(): value for name, value in request.headers}
        is_json = "json" in headers.get("content-type", "")
        body = json.loads(request.body) if is_json else dict(parse_qsl(request.body.decode()))
        asked = Asked(request.method, request.path, dict(parse_qsl(request.query)), body or None, headers)
        status, document = deployment.reply(asked)
        said = b"" if document is None else json.dumps(document).encode()
        return Response(status, (("Retry-After", deployment.retry_after),), said)

    with closing(HttpServer(listen_ipv4(), answer)) as server:
        deployment.issuer = f"http://127.0.0.1:{server.port}"
        deployment.metadata |= {
            "issuer": deployment.issuer,
            "token_endpoint": f"{deployment.issuer}/token",
            "protected_resources": [deployment.issuer],
        }
        yield deployment
