"""A small threaded HTTP/1.1 server on loopback, with keep-alive.

API Gateway's event shapes need what WSGI does not keep: header names as the client wrote them, repeated headers, and
the path before it is decoded. So this stands directly on the standard library's `http.server`.
"""

import contextlib
import errno
import http
import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any

from local.errors import PortInUseError, StartupError

LARGEST_BODY = 10 * 1024 * 1024  # bytes; API Gateway's limit for a payload


@dataclass(frozen=True)
class Request:
    """One HTTP request. `path` and `query` are as sent, percent-encoded; `headers` keep case, order and repeats."""

    method: str
    path: str
    query: str
    protocol: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    source_ip: str

    def header(self, name: str) -> str | None:
        """The header's value, repeats joined by commas, or None."""
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        return ",".join(values) if values else None


@dataclass(frozen=True)
class Response:
    """One HTTP answer. Content-Length is the server's business. `function` is who gave it, for the log."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    function: str = ""


type Handler = Callable[[Request], Response]


class HttpServer:
    """Answers every request on one listening socket with one handler, each connection in a thread of its own."""

    def __init__(self, listener: socket.socket, handler: Handler) -> None:
        self.port: int = listener.getsockname()[1]
        self.handler = handler
        self._listener = listener
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._closed = False
        self._acceptor = threading.Thread(target=self._accept, name=f"accept-{self.port}", daemon=True)
        self._acceptor.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, address = self._listener.accept()
            except OSError:
                return
            with self._lock:
                if self._closed:
                    connection.close()
                    return
                self._open.add(connection)
            threading.Thread(target=self._converse, args=(connection, address), daemon=True).start()

    def _converse(self, connection: socket.socket, address: tuple[Any, ...]) -> None:
        try:
            # A client that hangs up is its own business; ValueError is what a closed file gives.
            with contextlib.suppress(OSError, ValueError):
                _Conversation(connection, address, self)  # type: ignore[arg-type]  # no socketserver of the library's
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()

    def close(self) -> None:
        """Stop listening and hang up."""
        with self._lock:
            self._closed = True
            connections = list(self._open)
        _wake_acceptor(self._listener)
        self._acceptor.join(timeout=1)
        self._listener.close()
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def _wake_acceptor(listener: socket.socket) -> None:
    """Closing a socket does not wake the thread that waits in accept() on it, on every platform; a caller does."""
    with contextlib.suppress(OSError), socket.create_connection(listener.getsockname()[:2], timeout=1):
        pass


class _BodyRefusedError(Exception):
    def __init__(self, status: http.HTTPStatus) -> None:
        super().__init__(status.phrase)
        self.status = status


class _Conversation(BaseHTTPRequestHandler):
    """One connection: requests are read and answered until the client is done."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # an answer in two small segments would wait for a delayed ACK: 40 ms
    wbufsize = -1
    timeout = 120  # seconds; an idle connection is dropped after this
    server: HttpServer  # type: ignore[assignment]  # no socketserver of the library's

    def _answer(self) -> None:
        try:
            body = self._read_body()
        except _BodyRefusedError as refusal:
            self.close_connection = True
            self._send(_plain_error(refusal.status))
            return
        path, _, query = self.path.partition("?")
        request = Request(
            method=self.command,
            path=path,
            query=query,
            protocol=self.request_version,
            headers=tuple(self.headers.items()),
            body=body,
            source_ip=self.client_address[0],
        )
        self._send(self._handled(request))

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _answer  # noqa: N815 http.server's names

    def _handled(self, request: Request) -> Response:
        try:
            return self.server.handler(request)
        except Exception:  # noqa: BLE001 a bug of this server's: say so, and go on
            traceback.print_exc()
            return _plain_error(http.HTTPStatus.INTERNAL_SERVER_ERROR)

    def _read_body(self) -> bytes:
        length = self.headers.get_all("Content-Length", [])
        if self.headers.get("Transfer-Encoding"):
            if length:
                raise _BodyRefusedError(http.HTTPStatus.BAD_REQUEST)
            return b"".join(self._chunks())
        if not length:
            return b""
        if len(set(length)) > 1 or not length[0].isascii() or not length[0].isdecimal():
            raise _BodyRefusedError(http.HTTPStatus.BAD_REQUEST)
        if int(length[0]) > LARGEST_BODY:
            raise _BodyRefusedError(http.HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        return self.rfile.read(int(length[0]))

    def _chunks(self) -> Iterator[bytes]:
        read = 0
        while True:
            try:
                size = int(self.rfile.readline(64).partition(b";")[0].strip(), 16)
            except ValueError:
                raise _BodyRefusedError(http.HTTPStatus.BAD_REQUEST) from None
            read += size
            if size < 0 or read > LARGEST_BODY:
                raise _BodyRefusedError(http.HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            if size == 0:
                while self.rfile.readline(1024).strip():
                    pass  # trailers
                return
            yield self.rfile.read(size)
            self.rfile.readline(64)

    def _send(self, response: Response) -> None:
        self.send_response_only(response.status)
        for name, value in response.headers:
            self.send_header(name, value)
        if response.status != http.HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(len(response.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD" and response.status != http.HTTPStatus.NO_CONTENT:
            self.wfile.write(response.body)
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 http.server's name
        """Silent: who serves decides what is logged."""


def _plain_error(status: http.HTTPStatus) -> Response:
    body = f'{{"message":"{status.phrase}"}}'.encode()
    return Response(status, (("Content-Type", "application/json"),), body)


def listen(port: int) -> list[socket.socket]:
    """Listening sockets on 127.0.0.1 and, where the machine has IPv6, on [::1], with the same port (0 = any free)."""
    ipv4 = _bind(socket.AF_INET, "127.0.0.1", port)
    chosen: int = ipv4.getsockname()[1]
    try:
        return [ipv4, _bind(socket.AF_INET6, "::1", chosen)]
    except PortInUseError:
        ipv4.close()
        if port == 0:
            return listen(0)
        raise
    except OSError:
        return [ipv4]  # no IPv6 loopback here


def listen_ipv4() -> socket.socket:
    """A listening socket on any free port of 127.0.0.1."""
    return _bind(socket.AF_INET, "127.0.0.1", 0)


def _bind(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortInUseError(f"port {port} on {host} is in use; choose another one or stop who uses it") from None
        if error.errno == errno.EACCES:
            raise StartupError(f"port {port} needs privileges; choose one above 1023") from None
        raise
