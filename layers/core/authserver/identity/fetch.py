"""Requests to the internet: a JSON document from an https address, within limits.

The name is resolved once, and the connection goes to an address that was checked: public ones only, so that no address
leads into a private network. No redirect is followed, no proxy is used, no body is read beyond its bound, and however
slowly an answer arrives, the whole takes a few seconds at most.
"""

import math
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse
from ipaddress import ip_address
from threading import Thread
from typing import Any
from urllib.parse import SplitResult, urlencode, urlsplit

from authserver.identity.addresses import Address, is_public
from authserver.ports import Fetched, FetchFailed, Sent
from authserver.records import dataclass
from authserver.values import read_json

SECONDS = 5.0  # for one document
MAX_OCTETS = 262_144
MAX_URL = 2048
REMEMBERED = 64  # documents
USER_AGENT = "authserver"
FILED = ("text/plain", "application/octet-stream", "binary/octet-stream")  # by these file servers give a key set

type Resolve = Callable[[str, int], list[str]]


class Fetch:
    """Implements `services.Fetcher`. `clock` gives seconds; `loopback` lets http reach this machine, for development.

    What `get` was allowed to remember is kept for the instance's life, so that most sign-ins fetch one document.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        loopback: bool = False,
        resolve: Resolve | None = None,
        tls: ssl.SSLContext | None = None,
        deadline: float = math.inf,
        remembered: "dict[str, tuple[float, Mapping[str, Any]]] | None" = None,
    ) -> None:
        self._clock = clock
        self._loopback = loopback
        self._resolve = resolve or resolve_name
        self._tls = tls or ssl.create_default_context()
        self._deadline = deadline
        self._remembered = {} if remembered is None else remembered

    def within(self, seconds: float) -> "Fetch":
        return Fetch(
            self._clock,
            loopback=self._loopback,
            resolve=self._resolve,
            tls=self._tls,
            deadline=self._clock() + seconds,
            remembered=self._remembered,
        )

    def permits(self, url: str) -> bool:
        try:
            self._parse(url)
        except FetchFailed:
            return False
        return True

    def get(self, url: str, *, younger_than: int = 0, bearer: str = "", filed: bool = False) -> Mapping[str, Any]:
        fetched_at, document = self._remembered.get(url, (0.0, None))
        if document is not None and fetched_at > self._clock() - younger_than:
            return document
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        document = _document(self._fetch(_Request("GET", url, headers)), FILED if filed else ())
        if younger_than:
            self._remember(url, document)
        return document

    def get_dated(self, url: str, *, most: int, filed: bool = False) -> Fetched:
        answer = self._fetch(_Request("GET", url, {}, most=most))
        return Fetched(_document(answer, FILED if filed else ()), _max_age(answer))

    def post(self, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> Mapping[str, Any]:
        media_type = {"Content-Type": "application/x-www-form-urlencoded"}
        return _document(self._fetch(_Request("POST", url, {**media_type, **headers}, urlencode(form).encode())))

    def send(self, url: str, body: bytes, headers: Mapping[str, str], *, seconds: float) -> Sent:
        answer = self._fetch(_Request("POST", url, headers, body, most=0, seconds=seconds))
        return Sent(answer.status, _wait(answer.retry_after, self._clock()))

    def _remember(self, url: str, document: Mapping[str, Any]) -> None:
        if len(self._remembered) >= REMEMBERED:
            self._remembered.clear()
        self._remembered[url] = (self._clock(), document)

    def _fetch(self, request: "_Request") -> "_Answer":
        parts = self._parse(request.url)
        allowed = SECONDS if request.seconds is None else request.seconds
        seconds = min(allowed, self._deadline - self._clock())
        if seconds <= 0:
            raise FetchFailed("timeout")
        exchange = _Exchange(request, parts, lambda: self._address(parts), self._tls, seconds)
        # A thread, because resolving a name cannot be interrupted; the caller stops waiting when its time is over.
        thread = Thread(target=exchange.run, daemon=True)
        thread.start()
        thread.join(seconds)
        if thread.is_alive():
            exchange.abandon()
            raise FetchFailed("timeout")
        return exchange.answer()

    def _parse(self, url: str) -> SplitResult:
        """The parts of an address that may be fetched. Raises `FetchFailed`."""
        if len(url) > MAX_URL or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
            raise FetchFailed("url")
        try:
            parts = urlsplit(url)
            _ = parts.port
        except ValueError:
            raise FetchFailed("url") from None
        schemes = ("https", "http") if self._loopback else ("https",)
        if parts.scheme not in schemes or not parts.hostname or "@" in parts.netloc or parts.fragment:
            raise FetchFailed("url")
        return parts

    def _address(self, parts: SplitResult) -> str:
        """Where the name leads first, if all that it leads to is public. Raises `FetchFailed`."""
        addresses = self._resolve(parts.hostname or "", _port(parts))
        if not addresses:
            raise FetchFailed("name_unknown")
        if not all(self._is_allowed(ip_address(address), parts.scheme) for address in addresses):
            raise FetchFailed("address")
        return addresses[0]

    def _is_allowed(self, address: Address, scheme: str) -> bool:
        if self._loopback and address.is_loopback:
            return True
        return scheme == "https" and is_public(address)


def resolve_name(host: str, port: int) -> list[str]:
    """The addresses of a host, each once, in the system's order."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


# ------------------------------------------------------------------ one request and its answer


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(default=None, repr=False)
    most: int = MAX_OCTETS  # of the answer's body; 0: it is not looked at
    seconds: float | None = None  # None: as many as for a document


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    media_type: str
    body: bytes = field(repr=False)
    cache_control: str = ""
    age: str = ""
    retry_after: str = ""


class _Exchange:
    """A request on its way, in a thread of its own, which can be abandoned at any moment."""

    def __init__(
        self,
        request: _Request,
        parts: SplitResult,
        address: Callable[[], str],
        tls: ssl.SSLContext,
        seconds: float,
    ) -> None:
        self._request = request
        self._parts = parts
        self._address = address
        self._tls = tls
        self._seconds = seconds
        self._socket: socket.socket | None = None
        self._abandoned = False
        self._answer: _Answer | None = None
        self._failure = FetchFailed("unreachable")

    def run(self) -> None:
        try:
            self._answer = self._perform()
        except FetchFailed as failure:
            self._failure = failure
        except ssl.SSLError:
            self._failure = FetchFailed("tls")
        except TimeoutError:
            self._failure = FetchFailed("timeout")
        except (OSError, HTTPException, ValueError):
            self._failure = FetchFailed("unreachable")

    def answer(self) -> _Answer:
        if self._answer is None:
            raise self._failure
        return self._answer

    def abandon(self) -> None:
        """Ends the conversation, so that the thread ends as well."""
        self._abandoned = True
        if self._socket is not None:
            try:
                self._socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                return  # it was over anyway

    def _perform(self) -> _Answer:
        try:
            connection = self._connect(self._address())
            path = self._parts.path or "/"
            target = f"{path}?{self._parts.query}" if self._parts.query else path
            connection.request(self._request.method, target, self._request.body, self._headers())
            with connection.getresponse() as response:
                return _read(response, self._request.most) if self._request.most else _looked_at(response)
        finally:
            if self._socket is not None:
                self._socket.close()

    def _connect(self, address: str) -> HTTPConnection:
        """A connection to the address that was looked at, whatever the name may lead to by now."""
        host = self._parts.hostname or ""
        self._socket = socket.create_connection((address, _port(self._parts)), self._seconds)
        if self._parts.scheme == "https":
            wrapped = self._tls.wrap_socket(self._socket, server_hostname=host, do_handshake_on_connect=False)
            self._socket = wrapped
            wrapped.do_handshake()
        connection = HTTPConnection(host, _port(self._parts))  # so that the digits of an IPv6 address are no port
        connection.sock = self._socket
        if self._abandoned:
            raise FetchFailed("timeout")
        return connection

    def _headers(self) -> dict[str, str]:
        common = {
            "Host": self._parts.netloc,
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": USER_AGENT,
        }
        return {**common, **self._request.headers, "Connection": "close"}


def _read(response: HTTPResponse, most: int) -> _Answer:
    """The answer, whose body is small and plain. Raises `FetchFailed`."""
    if response.getheader("Content-Encoding", "identity").lower() != "identity":
        raise FetchFailed("content_encoding")
    body = response.read(most + 1)
    if len(body) > most:
        raise FetchFailed("too_large")
    if response.length:
        raise FetchFailed("truncated")
    media_type = (response.getheader("Content-Type") or "").partition(";")[0].strip().lower()
    cache_control = (response.getheader("Cache-Control") or "").lower()
    return _Answer(response.status, media_type, body, cache_control, response.getheader("Age") or "")


def _looked_at(response: HTTPResponse) -> _Answer:
    """The answer without its body."""
    return _Answer(response.status, "", b"", retry_after=response.getheader("Retry-After") or "")


def _max_age(answer: _Answer) -> int | None:
    """For how long the answer may be remembered from now on: RFC 9111 sections 4.2 and 5.2.2."""
    directives = {
        name: value for name, _, value in (one.strip().partition("=") for one in answer.cache_control.split(","))
    }
    if directives.keys() & {"no-store", "no-cache"}:
        return 0
    seconds = _seconds(directives.get("max-age", ""))
    return None if seconds is None else max(0, seconds - (_seconds(answer.age) or 0))


def _wait(retry_after: str, now: float) -> int:
    """The seconds that an answer asks to wait, which it may tell as a date (RFC 9110 section 10.2.3); 0 if none."""
    seconds = _seconds(retry_after)
    if seconds is not None:
        return seconds
    try:
        at = parsedate_to_datetime(retry_after).timestamp()
    except (OverflowError, ValueError):
        return 0
    return max(0, math.ceil(at - now))


def _seconds(text: str) -> int | None:
    digits = text.strip().strip('"')
    return int(digits[:10]) if digits.isascii() and digits.isdigit() else None


def _port(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)


def _document(answer: _Answer, also: Sequence[str] = ()) -> Mapping[str, Any]:
    """The JSON object of a good answer, of a media type of JSON or one of these. Raises `FetchFailed`."""
    if 300 <= answer.status < 400:
        raise FetchFailed("redirect")
    if answer.status != 200:
        raise FetchFailed("status", _error(answer), answer.status)
    if answer.media_type not in ("application/json", *also) and not answer.media_type.endswith("+json"):
        raise FetchFailed("content_type")
    try:
        document = read_json(answer.body)
    except (ValueError, RecursionError):
        raise FetchFailed("not_json") from None
    if not isinstance(document, dict):
        raise FetchFailed("not_json")
    return document


def _error(answer: _Answer) -> str:
    """What a refusal of a token endpoint is called: RFC 6749 section 5.2."""
    try:
        document = read_json(answer.body) if answer.status == 400 else {}
    except (ValueError, RecursionError):
        return ""
    error = document.get("error") if isinstance(document, dict) else ""
    return error if isinstance(error, str) else ""
