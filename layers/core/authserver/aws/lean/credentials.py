"""With what requests are signed: what stands in the environment, or what a container's endpoint gives for a time."""

import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from authserver.aws.lean.connection import CHUNK, Deadline, OpenSocket, TransportFault, open_socket, read_head, send
from authserver.aws.lean.endpoints import Unsupported, valid_port

RENEW_BEFORE = 15 * 60  # seconds before their end
RENEW_PAUSE = 30  # seconds between two fetches that are not urgent: the endpoint may not have newer ones yet
FETCH_TIMEOUT = 1.0  # seconds
MAX_ANSWER = 64 * 1024  # octets
CONTAINER_HOST = "169.254.170.2"  # that of a relative URI
# What is asked without TLS, besides loopback addresses: the endpoints of ECS and of EKS.
CONTAINER_HOSTS = (CONTAINER_HOST, "169.254.170.23", "localhost")
CONTAINER_URI = re.compile(r"http://([a-z0-9.-]+)(?::(\d{1,5}))?(/[!-~]*)")
LOOPBACK = re.compile(r"127(\.\d{1,3}){3}", re.ASCII)
# What botocore looks at after the keys in the environment, and before the endpoint of a container.
UNKNOWN = ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_SHARED_CREDENTIALS_FILE")


class Credentials(NamedTuple):
    """`session_token` is empty if there is none; `expires` is in epoch seconds."""

    access_key_id: str
    secret_access_key: str
    session_token: str
    expires: float


class CredentialSource:
    """Remembers credentials until it is time for others. All threads and services may share one.

    `load` gives the present ones, or raises `TransportFault`.
    """

    def __init__(self, load: Callable[[Deadline], Credentials], clock: Callable[[], float] = time.time) -> None:
        self._load = load
        self._clock = clock
        self._lock = threading.Lock()
        self._held: Credentials | None = None
        self._renew_at = 0.0  # epoch seconds

    def current(self, deadline: Deadline) -> Credentials:
        """Those to sign with now. Raises `TransportFault` if there are none that are still good."""
        held = self._held
        if held is not None and self._clock() < self._renew_at:
            return held
        return self.renewed(held, deadline)

    def renewed(self, held: Credentials | None, deadline: Deadline) -> Credentials:
        """Others than `held`, whose time has come or which a service refused; the same if no others can be had yet.

        Raises `TransportFault` if nothing is left that is still good.
        """
        if not self._lock.acquire(timeout=deadline.left()):
            raise TransportFault("credentials")
        try:
            found = self._held
            if found is None or found is held:  # no other thread was here first
                self._held = found = self._loaded(held, deadline)
                self._renew_at = max(found.expires - RENEW_BEFORE, self._clock() + RENEW_PAUSE)
            return found
        finally:
            self._lock.release()

    def _loaded(self, held: Credentials | None, deadline: Deadline) -> Credentials:
        try:
            return self._load(deadline)
        except TransportFault:
            if held is None or held.expires <= self._clock():
                raise
            return held


def credential_source(environ: Mapping[str, str]) -> CredentialSource:
    """The source that botocore would find in the environment. Raises `Unsupported`."""
    if environ.get("AWS_ACCESS_KEY_ID"):
        if not environ.get("AWS_SECRET_ACCESS_KEY"):
            raise Unsupported("half a key")
        return CredentialSource(lambda _: from_environment(environ))
    for name in UNKNOWN:
        if environ.get(name):
            raise Unsupported(name)
    return CredentialSource(ContainerEndpoint(environ).fetch)


def from_environment(environ: Mapping[str, str]) -> Credentials:
    """Lambda replaces an environment before its credentials end, so they have no end that is known."""
    token = environ.get("AWS_SECURITY_TOKEN") or environ.get("AWS_SESSION_TOKEN") or ""
    return Credentials(environ["AWS_ACCESS_KEY_ID"], environ["AWS_SECRET_ACCESS_KEY"], token, float("inf"))


class ContainerEndpoint:
    """The endpoint that gives a container (ECS, EKS) or a restored snapshot (Lambda's SnapStart) its credentials."""

    def __init__(self, environ: Mapping[str, str], open_socket: OpenSocket = open_socket) -> None:
        """Raises `Unsupported` without one, or with one that plain HTTP must not be spoken to."""
        relative = environ.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
        full = environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI", "")
        match = CONTAINER_URI.fullmatch(f"http://{CONTAINER_HOST}{relative}" if relative else full)
        if not match:
            raise Unsupported("no credentials")
        self._host, port, self._path = match.groups()
        if self._host not in CONTAINER_HOSTS and not LOOPBACK.fullmatch(self._host):
            raise Unsupported("this AWS_CONTAINER_CREDENTIALS_FULL_URI")
        self._port = valid_port(port or 80)
        self._environ = environ
        self._open_socket = open_socket

    def fetch(self, deadline: Deadline) -> Credentials:
        """Raises `TransportFault`, without a trace of what was answered."""
        within = deadline.within(FETCH_TIMEOUT)
        try:
            return _credentials(self._asked(self._request(), within))
        except (OSError, TransportFault, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise TransportFault("credentials") from None

    def _request(self) -> bytes:
        """HTTP/1.0, by which no answer comes in chunks: each ends with its connection."""
        token = self._token()
        if not (token.isascii() and token.isprintable()):
            raise TransportFault("credentials")
        authorization = f"Authorization: {token}\r\n" if token else ""
        host = f"Host: {self._host}:{self._port}\r\n"
        return f"GET {self._path} HTTP/1.0\r\n{host}Accept: application/json\r\n{authorization}\r\n".encode()

    def _token(self) -> str:
        """Reads the file each time: Lambda replaces it before its token expires."""
        file = self._environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
        if not file:
            return self._environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", "")
        from pathlib import Path

        return Path(file).read_text()

    def _asked(self, request: bytes, deadline: Deadline) -> bytes:
        """The body of the answer. Raises `OSError`, `TransportFault`."""
        received = b""
        opened = self._open_socket(self._host, self._port, deadline)
        try:
            send(opened, request, deadline)
            while len(received) <= MAX_ANSWER:
                opened.settimeout(deadline.left())
                part = opened.recv(CHUNK)
                if not part:
                    break
                received += part
        finally:
            opened.close()
        head, _, body = received.partition(b"\r\n\r\n")
        status, headers = read_head(head, b"01")
        is_whole = len(received) <= MAX_ANSWER and headers.get(b"content-length") in (None, b"%d" % len(body))
        if status != 200 or not is_whole:
            raise TransportFault("credentials")
        return body


def _credentials(body: bytes) -> Credentials:
    """Raises what a document of another shape makes Python raise."""
    from datetime import datetime

    told = json.loads(body)
    expires = datetime.fromisoformat(told["Expiration"])
    key, secret, token = told["AccessKeyId"], told["SecretAccessKey"], told.get("Token") or ""
    if expires.tzinfo is None or not all(text.isascii() and text.isprintable() for text in (key, secret, token)):
        raise ValueError("credentials")
    return Credentials(key, secret, token, expires.timestamp())
