"""Where a client has its metadata document and its keys: an origin on loopback that answers as a test wants."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.openid_provider import serving


@dataclass
class Origin:
    """`answers` has a status, headers and a document by path; `asked` the paths that were fetched."""

    issuer: str
    answers: dict[str, tuple[int, Mapping[str, str], Any]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def put(self, path: str, document: Any, status: int = 200, *, cache: str = "") -> str:
        """Has the document there from now on; its address."""
        cache_control = {"Cache-Control": cache} if cache else {}
        self.answers[path] = (status, {"Content-Type": "application/json"} | cache_control, document)
        return self.issuer + path

    def client(self, path: str = "/client.json", *, cache: str = "", **metadata: Any) -> str:
        """Has a client's metadata document there; the client's identifier."""
        address = self.issuer + path
        document = {
            "client_id": address,
            "client_name": "An editor",
            "redirect_uris": ["http://localhost/callback", "http://127.0.0.1/callback"],
            "grant_types": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_method": "none",
            **metadata,
        }
        said = {name: value for name, value in document.items() if value is not None}
        return self.put(path, said, cache=cache)

    def answer(self, _method: str, path: str, _form: Any, _headers: Any) -> tuple[int, Any]:
        self.asked.append(path)
        status, headers, document = self.answers.get(path, (404, {"Content-Type": "application/json"}, {}))

        def write(handler: BaseHTTPRequestHandler) -> None:
            body = document if isinstance(document, bytes) else json.dumps(document).encode()
            handler.send_response(status)
            for name, value in ({"Content-Length": str(len(body))} | dict(headers)).items():
                handler.send_header(name, value)
            handler.end_headers()
            handler.wfile.write(body)

        return status, write


@contextmanager
def an_origin() -> Iterator[Origin]:
    """One that is served, until it is left."""
    with serving(Origin) as origin:
        yield origin
