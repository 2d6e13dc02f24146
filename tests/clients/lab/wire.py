"""What goes over the wire between a client and the server: a relay in front of an API that notes each exchange."""

import http.client
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})
LOOPBACK = "127.0.0.1"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD")


@dataclass(frozen=True)
class Exchange:
    """One request of a client's, and the status that answered it. Header names are in lower case."""

    api: str
    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes
    status: int

    @property
    def form(self) -> dict[str, str]:
        """The fields of a form, or nothing."""
        if not self.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return {}
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))

    @property
    def json(self) -> dict[str, Any]:
        """The document of a request that has one, or nothing."""
        if "json" not in self.headers.get("content-type", ""):
            return {}
        document: dict[str, Any] = json.loads(self.body)
        return document

    @property
    def authentication(self) -> str:
        """How the client authenticates: by RFC 7591's names of the methods."""
        if self.headers.get("authorization", "").lower().startswith("basic "):
            return "client_secret_basic"
        if "client_assertion" in self.form:
            return "private_key_jwt"
        return "client_secret_post" if "client_secret" in self.form else "none"


@dataclass
class Wire:
    """All that was exchanged, in its order."""

    exchanges: list[Exchange] = field(default_factory=list)

    def of(self, path: str) -> list[Exchange]:
        return [one for one in self.exchanges if one.path == path]

    def since(self, number: int) -> "Wire":
        return Wire(self.exchanges[number:])


@contextmanager
def relay(
    listener: ThreadingHTTPServer,
    target: str,
    api: str,
    wire: Wire,
    token: str = "",
    challenged: Callable[[str], str] = str,
) -> Iterator[None]:
    """Carries requests to `target`, a host and port, by http, for as long as the context lasts.

    With a `token`, those that bring none get it: for a client that has no way to sign in. `challenged` is what becomes
    of a challenge on its way back.
    """
    listener.RequestHandlerClass = _handler(target, api, wire, token, challenged)
    thread = threading.Thread(target=listener.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        listener.shutdown()
        thread.join()
        listener.server_close()


def reserve(tls: ssl.SSLContext | None = None) -> tuple[ThreadingHTTPServer, str]:
    """A listener, and its address: known before there is anything to relay to. It ends TLS, if it has a certificate."""
    listener = ThreadingHTTPServer((LOOPBACK, 0), BaseHTTPRequestHandler)
    if tls is not None:
        # The handshake is left to the thread of the connection, which blocks no other connection.
        listener.socket = tls.wrap_socket(listener.socket, server_side=True, do_handshake_on_connect=False)
    return listener, f"{'https' if tls else 'http'}://{LOOPBACK}:{listener.server_address[1]}"


def _handler(
    target: str, api: str, wire: Wire, token: str, challenged: Callable[[str], str]
) -> type[BaseHTTPRequestHandler]:
    class Relay(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle(self) -> None:
            with suppress(ConnectionError, ssl.SSLError):  # a client that hangs up is its own business
                super().handle()

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            if token:
                headers.setdefault("authorization", f"Bearer {token}")
            status, answered, content = self.ask(headers, body)
            path, _, query = self.path.partition("?")
            pairs = parse_qsl(query, keep_blank_values=True)
            wire.exchanges.append(Exchange(api, self.command, path, pairs, headers, body, status))
            self.send_response_only(status)
            for name, value in answered:
                if name.lower() not in HOP_BY_HOP:
                    self.send_header(name, challenged(value) if name.lower() == "www-authenticate" else value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def ask(self, headers: dict[str, str], body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
            connection = http.client.HTTPConnection(target, timeout=60)
            try:
                kept = {name: value for name, value in headers.items() if name not in HOP_BY_HOP}
                connection.request(self.command, self.path, body or None, kept)
                response = connection.getresponse()
                return response.status, response.getheaders(), response.read()
            finally:
                connection.close()

        def log_message(self, *_: Any) -> None:
            """Nothing: the wire has it all."""

    for method in METHODS:
        setattr(Relay, f"do_{method}", Relay.answer)
    return Relay
