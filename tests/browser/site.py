"""The client's own site, which the browser is sent back to; and, under another name, an attacker's."""

import socket
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from typing import Self
from urllib.parse import parse_qsl, urlsplit

CALLBACK = "/callback"


@dataclass(frozen=True)
class Arrival:
    """A request to the redirect URI."""

    method: str
    parameters: dict[str, str]


@dataclass(frozen=True)
class Page:
    """What a path of the site answers."""

    html: str = "<!doctype html><title>Client</title><h1>Back at the client</h1>"
    location: str | None = None


@dataclass
class Site:
    """A web site on loopback. The browser knows it by address and, as another site altogether, as ``localhost``.

    `arrivals` are the requests to the redirect URI; `pages` is what other paths answer, to be filled by tests.
    """

    family: socket.AddressFamily = socket.AF_INET
    arrivals: Queue[Arrival] = field(default_factory=Queue)
    pages: dict[str, Page] = field(default_factory=dict)

    def __enter__(self) -> Self:
        self._server = _server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def origin(self) -> str:
        host = "127.0.0.1" if self.family == socket.AF_INET else "[::1]"
        return f"http://{host}:{self._server.server_port}"

    @property
    def foreign_origin(self) -> str:
        """The same server as the browser takes for a different site: cookies that are SameSite stay away."""
        return f"http://localhost:{self._server.server_port}"

    @property
    def callback(self) -> str:
        return self.origin + CALLBACK

    def arrived(self) -> dict[str, str]:
        """The parameters of the next arrival at the redirect URI."""
        return self.arrivals.get(timeout=10).parameters


def _server(site: Site) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer("")

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode())

        def _answer(self, body: str) -> None:
            parts = urlsplit(self.path)
            if parts.path == CALLBACK:
                sent = body if self.command == "POST" else parts.query
                site.arrivals.put(Arrival(self.command, dict(parse_qsl(sent, keep_blank_values=True))))
            page = site.pages.get(parts.path, Page() if parts.path in (CALLBACK, "/") else None)
            self.send_response(404 if page is None else 302 if page.location else 200)
            if page is not None and page.location is not None:
                self.send_header("Location", page.location)
            content = b"" if page is None else page.html.encode()
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 http.server's name
            pass

    class Server(ThreadingHTTPServer):
        address_family = site.family
        daemon_threads = True

    return Server(("127.0.0.1" if site.family == socket.AF_INET else "::1", 0), Handler)
