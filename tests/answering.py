"""The far end of a connection of the lean client, in this process: what it sends is answered where it would be sent."""

import os
import re
from collections.abc import Callable, Mapping
from typing import Any
from zlib import crc32

from authserver.aws.lean.client import LeanService, Protocol
from authserver.aws.lean.connection import Deadline
from authserver.aws.lean.credentials import Credentials, CredentialSource
from authserver.aws.lean.endpoints import Endpoint
from local.intrinsics import REGION

type Answer = Callable[[str, bytes], tuple[int, Mapping[str, str], bytes]]
"""The status, the headers and the body for a request with this ``X-Amz-Target`` and body; `OSError` is that none comes.
"""

TARGET = re.compile(rb"\r\nX-Amz-Target: ([^\r\n]+)")
CREDENTIALS = Credentials("local", "local", "", float("inf"))
_silence, _ = os.pipe()  # a descriptor on which nothing ever comes


class Answering:
    """What the lean client uses of a socket."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._sent = b""

    def settimeout(self, seconds: float) -> None:
        """Returns at once: no test waits for it."""

    def fileno(self) -> int:
        return _silence

    def close(self) -> None:
        """There is nothing to close."""

    def send(self, octets: bytes | memoryview) -> int:
        self._sent += octets
        return len(octets)

    def recv(self, _most: int) -> bytes:
        head, _, body = self._sent.partition(b"\r\n\r\n")
        self._sent = b""
        target = TARGET.search(head)
        assert target is not None
        status, headers, answered = self._answer(target[1].decode(), body)
        own = {"content-length": str(len(answered)), "x-amz-crc32": str(crc32(answered))}
        lines = [
            f"{name}: {value}"
            for name, value in ({name.lower(): value for name, value in headers.items()} | own).items()
        ]
        return "\r\n".join((f"HTTP/1.1 {status} Answer", *lines, "", "")).encode() + answered


def answered_by(answer: Answer, protocol: Protocol) -> LeanService:
    """The lean client of a service that answers so, which pauses for no time before it tries again."""

    def open_socket(_host: str, _port: int, _deadline: Deadline) -> Any:
        return Answering(answer)

    return LeanService(
        protocol,
        Endpoint("local", 80, tls=False, region=REGION),
        CredentialSource(lambda _: CREDENTIALS),
        sleep=lambda _seconds: None,
        open_socket=open_socket,
    )
