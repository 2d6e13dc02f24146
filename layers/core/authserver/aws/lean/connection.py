"""One connection to a service, speaking of HTTP/1.1 (RFC 9112) what AWS speaks: a request, an answer of a told length.

Everything else (chunks, interim answers, no length, more than was told) is a `TransportFault`, after which the
connection is closed: an answer is never taken for that to another request. Proxies are not supported.
"""

import re
import select
import socket
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from authserver.aws.lean.endpoints import Endpoint
from authserver.aws.lean.tls import context, roots

CONNECT_TIMEOUT = 1.0  # seconds, with the TLS handshake
ANSWER_TIMEOUT = 1.0  # seconds from the first octet of a request to the last of its answer
MAX_IDLE = 8.0  # seconds; what was unused for longer may have died unnoticed while the environment was frozen
MAX_HEAD = 16 * 1024  # octets
MAX_BODY = 32 * 1024 * 1024  # octets: BatchGetItem answers with 16 MB of items at most, and base64 and names add to it
CHUNK = 64 * 1024  # octets asked of the socket at a time; most answers are one

# The status line and the headers (RFC 9112, sections 4 and 5), with no octet anywhere that could be read as another
# line. Names are tokens (RFC 9110, section 5.6.2).
TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
STATUS = rb"HTTP/1\.([01]) ([2-9][0-9]{2}) [^\r\n\0]*"
HEAD = re.compile(STATUS + rb"(?:\r\n" + TOKEN + rb":[^\r\n\0]*)*+")

TIMEOUT = "timeout"

type OpenSocket = Callable[[str, int, Deadline], socket.socket]


class TransportFault(Exception):
    """No answer was had, or none that can be relied on. `reason` is a tag, without anything of the answer."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Deadline:
    """An instant by which something is over. `monotonic` tells seconds by a clock that never goes back."""

    __slots__ = ("_end", "_monotonic")

    def __init__(self, seconds: float, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._end = monotonic() + seconds

    def within(self, seconds: float) -> "Deadline":
        """This deadline, or one in so many seconds if that is earlier."""
        other = Deadline(seconds, self._monotonic)
        return other if other._end < self._end else self

    def allows(self, seconds: float) -> bool:
        """Whether it is later than in so many seconds."""
        return self._end - self._monotonic() > seconds

    def left(self) -> float:
        """Seconds, more than none. Raises `TransportFault`."""
        seconds = self._end - self._monotonic()
        if seconds <= 0:
            raise TransportFault(TIMEOUT)
        return seconds


class Headers:
    """The headers of a head that is well-formed. Each is looked for when it is asked for, since few are."""

    __slots__ = ("_head", "_in_lower_case")

    def __init__(self, head: bytes) -> None:
        self._head = head
        self._in_lower_case = head.lower()

    def get(self, name: bytes) -> bytes | None:
        """The value of the last header of this name, given in lower case; None without one."""
        line = b"\r\n" + name + b":"
        start = self._in_lower_case.rfind(line)
        return self._head[start + len(line) :].partition(b"\r\n")[0].strip(b" \t") if start >= 0 else None

    def count(self, name: bytes) -> int:
        return self._in_lower_case.count(b"\r\n" + name + b":")


class Answer(NamedTuple):
    status: int
    headers: Headers
    body: bytes


def open_socket(
    host: str, port: int, deadline: Deadline, resolve: Callable[..., Sequence[Any]] = socket.getaddrinfo
) -> socket.socket:
    """A TCP connection to the first address that takes one. Raises `OSError`, `TransportFault`.

    Only the look-up of the name is not bound by the deadline: the system's resolver has limits of its own. It is given
    octets, since Python imports its codec of international names for text.
    """
    failure: OSError = ConnectionRefusedError("no address")
    for family, kind, protocol, _, address in resolve(host.encode(), port, type=socket.SOCK_STREAM):
        opened = socket.socket(family, kind, protocol)
        try:
            opened.settimeout(deadline.left())
            opened.connect(address)
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            opened.close()
            failure = error
        except TransportFault:
            opened.close()
            raise
        else:
            return opened
    raise failure


class Connection:
    """A connection that is opened when it is needed, and again when it is of no more use. It belongs to one thread."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        open_socket: OpenSocket = open_socket,
    ) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._monotonic = monotonic
        self._open_socket = open_socket
        self._socket: socket.socket | None = None
        self._poll: select.poll | None = None  # once it has answered: tells whether anything came since
        self._used = (0.0, 0.0)  # by both clocks: that which never goes back may stand still in a frozen environment
        self._heard = False  # whether any octet of the present answer has come

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = self._poll = None

    def open(self, deadline: Deadline) -> None:
        """Opens it if it is not. Raises `TransportFault`."""
        try:
            self._opened(deadline)
        except BaseException as error:
            self._close_by(error)
            raise

    def exchange(self, request: bytes, deadline: Deadline) -> Answer:
        """Sends a request and reads its answer. Raises `TransportFault`.

        A connection that was open before and ends without an octet of an answer had died while it was idle: the
        request is sent once more, at once, on a new one.
        """
        if self._socket is not None and self._is_stale():
            self.close()
        was_open = self._socket is not None
        try:
            return self._exchange(request, deadline)
        except TransportFault as fault:
            if not was_open or self._heard or fault.reason == TIMEOUT:
                raise
        return self._exchange(request, deadline)

    def _is_stale(self) -> bool:
        """Whether it was unused for too long, or something came unasked: its end, or what is no answer to us."""
        wall, steady = self._used
        idle = max(self._clock() - wall, self._monotonic() - steady)
        return idle > MAX_IDLE or (self._poll is not None and bool(self._poll.poll(0)))

    def _exchange(self, request: bytes, deadline: Deadline) -> Answer:
        self._heard = False
        try:
            opened = self._opened(deadline)
            within = deadline.within(ANSWER_TIMEOUT)
            send(opened, request, within)
            answer = self._read(opened, within)
        except BaseException as error:
            self._close_by(error)
            raise
        if (answer.headers.get(b"connection") or b"").lower() == b"close":
            self.close()
        else:
            self._keep(opened)
        return answer

    def _close_by(self, error: BaseException) -> None:
        """Closes the connection, whatever went wrong, since an answer may be under way.

        Raises `TransportFault` for what the system raises.
        """
        self.close()
        if isinstance(error, OSError):
            raise TransportFault(TIMEOUT if isinstance(error, TimeoutError) else type(error).__name__) from error

    def _opened(self, deadline: Deadline) -> socket.socket:
        if self._socket is None:
            within = deadline.within(CONNECT_TIMEOUT)
            self._socket = self._open_socket(self._endpoint.host, self._endpoint.port, within)
            if self._endpoint.tls:
                self._socket.settimeout(within.left())
                trust = context(roots(self._endpoint.host, self._endpoint.ca_bundle))
                self._socket = trust.wrap_socket(self._socket, server_hostname=self._endpoint.host.encode())
            self._used = self._clock(), self._monotonic()
        return self._socket

    def _keep(self, opened: socket.socket) -> None:
        """Only what has answered is polled: before, TLS session tickets may have come, which are no fault."""
        self._used = self._clock(), self._monotonic()
        if self._poll is None:
            self._poll = select.poll()
            self._poll.register(opened, select.POLLIN)

    def _read(self, opened: socket.socket, deadline: Deadline) -> Answer:
        received = _receive(opened, deadline)
        self._heard = True
        while (end := received.find(b"\r\n\r\n")) < 0 and len(received) <= MAX_HEAD:
            received += _receive(opened, deadline)
        if not 0 <= end <= MAX_HEAD:
            raise TransportFault("head_too_long")
        status, headers = read_head(received[:end])
        parts = [received[end + 4 :]]
        missing = _content_length(headers) - len(parts[0])
        while missing > 0:
            parts.append(_receive(opened, deadline))
            missing -= len(parts[-1])
        if missing < 0:
            raise TransportFault("longer_than_told")
        return Answer(status, headers, b"".join(parts))


def send(opened: socket.socket, request: bytes, deadline: Deadline) -> None:
    opened.settimeout(deadline.left())
    sent = opened.send(request)
    while sent < len(request):
        opened.settimeout(deadline.left())
        sent += opened.send(memoryview(request)[sent:])


def _receive(opened: socket.socket, deadline: Deadline) -> bytes:
    """What has come, at least an octet. It waits no longer than what is left, however slowly an answer drips."""
    opened.settimeout(deadline.left())
    received = opened.recv(CHUNK)
    if not received:
        raise TransportFault("closed")
    return received


def read_head(head: bytes, versions: bytes = b"1") -> tuple[int, Headers]:
    """The status and the headers (RFC 9112, sections 4 and 5). Raises `TransportFault`.

    `head` is without the empty line; `versions` are the digits that may follow ``HTTP/1.``. A name that is there twice
    is one of those that this client never looks at.
    """
    whole = HEAD.fullmatch(head)
    if whole is None or whole[1] not in versions:
        raise TransportFault(_fault_of(head, versions))
    headers = Headers(head)
    if headers.count(b"content-length") > 1:
        raise TransportFault("two_lengths")
    return int(whole[2]), headers


def _fault_of(head: bytes, versions: bytes) -> str:
    """What is wrong with a head, for logs."""
    lines = head.split(b"\r\n")
    if any(octet in line for line in lines for octet in (b"\r", b"\n", b"\0")):
        return "malformed_head"
    status = re.fullmatch(STATUS, lines[0])
    return "malformed_header" if status and status[1] in versions else "malformed_status"


def _content_length(headers: Headers) -> int:
    length = headers.get(b"content-length") or b""
    if headers.get(b"transfer-encoding") is not None or not length.isdigit():
        raise TransportFault("no_length")
    if len(length) > len(str(MAX_BODY)) or int(length) > MAX_BODY:
        raise TransportFault("body_too_long")
    return int(length)
