"""What stands at the other end: answers as AWS writes them, and sockets and a server that follow a script.

A `ScriptedSocket` has no threads and a time of its own, so whatever waits, drips or times out does so at once. A
`Server` is on a loopback address, for what has to be true of real connections.
"""

import json
import os
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self, cast
from zlib import crc32

from authserver.aws.lean.client import DYNAMODB, LeanService, Protocol
from authserver.aws.lean.connection import Deadline
from authserver.aws.lean.credentials import Credentials, CredentialSource
from authserver.aws.lean.endpoints import Endpoint

ACCESS_KEY_ID, SECRET_ACCESS_KEY, SESSION_TOKEN = "AKIDEXAMPLE", "a/secret+key", "a/session+token=="
CREDENTIALS = Credentials(ACCESS_KEY_ID, SECRET_ACCESS_KEY, SESSION_TOKEN, float("inf"))
REGION = "eu-central-1"
NOON = 1_767_268_800.0  # 2026-01-01T12:00:00Z, when scripted time begins


# ------------------------------------------------------------------ answers


def answer(document: Any, status: int = 200, **headers: str) -> bytes:
    """An answer as DynamoDB writes it; headers are added or, by a name with underscores, replaced."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    own = {
        "server": "Server",
        "date": "Thu, 01 Jan 2026 12:00:00 GMT",
        "content-type": "application/x-amz-json-1.0",
        "content-length": str(len(body)),
        "connection": "keep-alive",
        "x-amzn-requestid": "VK3U8F4QGJ6N5R7T9V2X4Z6B8D",
        "x-amz-crc32": str(crc32(body)),
    }
    told = own | {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"HTTP/1.1 {status} OK", *(f"{name}: {value}" for name, value in told.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def refusal(code: str, status: int = 400, *, more: Mapping[str, Any] | None = None, **headers: str) -> bytes:
    document = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "no", **(more or {})}
    return answer(document, status, **headers)


def without(header: str, octets: bytes) -> bytes:
    """The answer without one of its headers."""
    head, end, body = octets.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.startswith(f"{header}:".encode())]
    return b"\r\n".join(lines) + end + body


def body_of(request: bytes) -> Any:
    return json.loads(request.partition(b"\r\n\r\n")[2])


def header_of(request: bytes, name: str) -> str:
    lines = request.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
    return dict(line.split(": ", 1) for line in lines)[name]


def length_of(request: bytes | bytearray) -> int | None:
    """How long the first request is in what has come, or None as long as its head is not there."""
    head, end, _ = bytes(request).partition(b"\r\n\r\n")
    if not end:
        return None
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return len(head) + 4 + (int(lengths[0].partition(b":")[2]) if lengths else 0)


# ------------------------------------------------------------------ scripted time and sockets


@dataclass(frozen=True)
class Wait:
    """The peer says nothing for so many seconds."""

    seconds: float


@dataclass(frozen=True)
class Late:
    """Octets that come after the answer was read, unasked."""

    octets: bytes


@dataclass(frozen=True)
class Raises:
    """A fault of the connection, from the system or an attacker."""

    error: BaseException


CLOSED = b""  # as `recv` tells the end
type Event = bytes | Wait | Late | Raises


class Time:
    """Both clocks and the pauses. It passes only where somebody waits, or where a test says so."""

    def __init__(self) -> None:
        self.wall = NOON
        self.steady = 1000.0
        self.pauses: list[float] = []

    def pass_by(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds

    def clock(self) -> float:
        return self.wall

    def monotonic(self) -> float:
        return self.steady

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.pass_by(seconds)


class ScriptedSocket:
    """The near end of a connection, whose peer answers each request with the next events of `script`."""

    def __init__(self, network: "Network") -> None:
        self._network = network
        # What comes unasked is put into a real pair of sockets, so that it can be polled.
        self._near, self._far = (end.detach() for end in socket.socketpair())
        self._timeout = 0.0
        self._sent = bytearray()
        self._events: deque[Event] = deque()
        self.is_closed = False

    def settimeout(self, seconds: float) -> None:
        assert seconds > 0
        self._timeout = seconds

    def fileno(self) -> int:
        return self._near

    def send(self, octets: bytes) -> int:
        taken = octets[: self._network.window]
        self._network.time.pass_by(self._network.seconds_to_send)
        if self._network.seconds_to_send > self._timeout:
            raise TimeoutError
        self._sent += taken
        length = length_of(self._sent)
        if length is not None and len(self._sent) >= length:
            request, self._sent = bytes(self._sent[:length]), self._sent[length:]
            self._network.requests.append(request)
            self._events.extend(self._network.answer(request))
            first = self._events[0] if self._network.breaks_when_sent_to else None
            if isinstance(first, Raises):
                raise first.error
        return len(taken)

    def recv(self, size: int) -> bytes:
        assert not self.is_closed
        while self._events:
            event = self._events.popleft()
            match event:
                case bytes():
                    if len(event) > size:
                        self._events.appendleft(event[size:])
                    self._let_come_what_is_late()
                    return event[:size]
                case Wait(seconds):
                    if seconds > self._timeout:
                        break
                    self._network.time.pass_by(seconds)
                case Raises(error):
                    raise error
        self._network.time.pass_by(self._timeout)
        raise TimeoutError

    def _let_come_what_is_late(self) -> None:
        while self._events and isinstance(self._events[0], Late):
            late = self._events.popleft()
            assert isinstance(late, Late)
            if late.octets:
                os.write(self._far, late.octets)
            else:
                os.close(self._far)
                self._far = -1

    def close(self) -> None:
        if not self.is_closed:
            self.is_closed = True
            for end in {self._near, self._far} - {-1}:
                os.close(end)

    def __del__(self) -> None:
        self.close()


type Script = Callable[[bytes], Iterable[Event]]


@dataclass
class Network:
    """Opens scripted sockets. A step is what a peer does about one request, whichever connection it comes by."""

    steps: deque[Iterable[Event]] = field(default_factory=deque)
    time: Time = field(default_factory=Time)
    script: Script | None = None
    requests: list[bytes] = field(default_factory=list)
    sockets: list[ScriptedSocket] = field(default_factory=list)
    refuses: list[OSError | float] = field(default_factory=list)  # what opening raises, or how long it takes
    window: int = 1 << 30  # octets that a socket takes at a time
    seconds_to_send: float = 0.0
    breaks_when_sent_to: bool = False

    def answer(self, request: bytes) -> Iterable[Event]:
        return self.script(request) if self.script else self.steps.popleft()

    def open_socket(self, host: str, port: int, deadline: Deadline) -> socket.socket:
        if self.refuses:
            told = self.refuses.pop(0)
            if isinstance(told, OSError):
                raise told
            if told > deadline.left():
                self.time.pass_by(deadline.left())
                raise TimeoutError
            self.time.pass_by(told)
        opened = ScriptedSocket(self)
        self.sockets.append(opened)
        return cast("socket.socket", opened)

    def service(self, protocol: Protocol = DYNAMODB, credentials: CredentialSource | None = None) -> LeanService:
        return LeanService(
            protocol,
            Endpoint(f"{protocol.name}.{REGION}.amazonaws.com", 80, tls=False, region=REGION),
            credentials or static(),
            clock=self.time.clock,
            monotonic=self.time.monotonic,
            sleep=self.time.sleep,
            fraction=lambda: 1.0,
            open_socket=self.open_socket,
        )


def scripted(*steps: Iterable[Event] | bytes) -> Network:
    """A network whose peers answer so, request by request: with octets, or with events."""
    return Network(deque([[step] if isinstance(step, bytes) else step for step in steps]))


def static(credentials: Credentials = CREDENTIALS) -> CredentialSource:
    return CredentialSource(lambda _: credentials)


# ------------------------------------------------------------------ a server

# Does something to a connection by which a request came, and tells whether it goes on.
type Step = Callable[[socket.socket, bytes], bool]


def says(*parts: bytes) -> Step:
    def step(connection: socket.socket, request: bytes) -> bool:
        for part in parts:
            connection.sendall(part)
        return True

    return step


def says_and_closes(*parts: bytes) -> Step:
    def step(connection: socket.socket, request: bytes) -> bool:
        says(*parts)(connection, request)
        return False

    return step


def resets(connection: socket.socket, request: bytes) -> bool:
    """Closes with a reset rather than an end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    return False


class Server:
    """Takes connections on a loopback address, and answers each request with the next step; speaks TLS if told how."""

    def __init__(self, *steps: Step, tls: ssl.SSLContext | None = None) -> None:
        self._steps = deque(steps)
        self._tls = tls
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept)]
        self._open: list[socket.socket] = []
        self.port: int = self._listener.getsockname()[1]
        self.requests: list[bytes] = []
        self.connections = 0

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._threads[0].join()
        for connection in self._open:
            with suppress(OSError):  # it may be gone
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads[1:]:
            thread.join()

    def endpoint(self, host: str = "127.0.0.1", ca_bundle: str = "") -> Endpoint:
        return Endpoint(host, self.port, self._tls is not None, REGION, ca_bundle)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            thread = threading.Thread(target=self._serve, args=[connection])
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            if not self._tls:
                self._answer(connection)
                return
            with self._tls.wrap_socket(connection, server_side=True) as secured:
                self._answer(secured)

    def _answer(self, connection: socket.socket) -> None:
        received = bytearray()
        goes_on = True
        while goes_on and (part := connection.recv(1 << 16)):
            received += part
            length = length_of(received)
            if length is not None and len(received) >= length:
                request = bytes(received[:length])
                del received[:length]
                with self._lock:
                    self.requests.append(request)
                    step = self._steps.popleft()
                goes_on = step(connection, request)
