"""Subsegments of AWS X-Ray for calls of DynamoDB and KMS, without its SDK. Imported where `Tracing` is Active.

A subsegment says what was called, of which tables, how long it took and what came of it; it has no key, no value and
nothing else of an item. It goes as one datagram to the daemon beside the function: lost is lost, and no request waits
for it or fails by it. AWS calls the form of these documents "X-Ray segment documents".
"""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from authserver.aws.service import Refused, Unreachable
from authserver.values import json_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from authserver.aws.service import Service

HEADER = '{"format":"json","version":1}\n'
ANSWERS = ("ConditionalCheckFailedException", "TransactionCanceledException")  # a condition that did not hold
THROTTLED = ("ProvisionedThroughputExceededException", "RequestLimitExceeded", "ThrottlingException")


class Daemon:
    """X-Ray's daemon, which takes datagrams. Its socket is opened for the first."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._socket: socket.socket | None = None

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Daemon | None:
        """The one that the environment names, as ``192.0.2.1:2000`` or ``tcp:192.0.2.1:2000 udp:192.0.2.1:2000``. A
        name in its place would have to be looked up while a request waits, so that there is none then."""
        named = environ.get("AWS_XRAY_DAEMON_ADDRESS", "").split()
        udp = [one for one in named if not one.startswith("tcp:")]
        host, _, port = udp[0].removeprefix("udp:").rpartition(":") if udp else ("", "", "")
        try:
            socket.inet_pton(socket.AF_INET, host)
            return cls((host, int(port)))
        except (OSError, ValueError):
            return None

    def send(self, document: Mapping[str, Any]) -> None:
        """Never waits, and never raises for what the network does."""
        with suppress(OSError, OverflowError):
            if self._socket is None:
                opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                opened.setblocking(False)
                self._socket = opened
            self._socket.sendto(f"{HEADER}{json_text(document)}".encode(), self._address)

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()


class TracedService:
    """Implements `service.Service` by one whose calls are told to the daemon."""

    def __init__(self, service: Service, name: str, daemon: Daemon) -> None:
        self._service = service
        self._name = name
        self._daemon = daemon

    def call(self, operation: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        segment = sampled(os.environ.get("_X_AMZN_TRACE_ID", ""))
        if segment is None:
            return self._service.call(operation, arguments)
        began = time.time()
        came: Mapping[str, Any] = {"fault": True}
        try:
            answer = self._service.call(operation, arguments)
            came = {}
        except Refused as refused:
            came = _refusal(refused.code)
            raise
        except Unreachable as unreachable:
            came = {"fault": True, "annotations": {"outcome": unreachable.reason}}
            raise
        finally:
            trace_id, parent_id = segment
            self._daemon.send(
                {
                    "type": "subsegment",
                    "id": os.urandom(8).hex(),
                    "trace_id": trace_id,
                    "parent_id": parent_id,
                    "name": self._name,
                    "namespace": "aws",
                    "start_time": began,
                    "end_time": time.time(),
                    "aws": {"operation": operation, **_tables_of(arguments)},
                    **came,
                }
            )
        return answer


def sampled(trace: str) -> tuple[str, str] | None:
    """Trace and parent of ``Root=1-…;Parent=…;Sampled=1``, which Lambda puts into the environment for each request;
    None for one that is not sampled, and outside of requests."""
    members = dict(member.partition("=")[::2] for member in trace.split(";"))
    if members.get("Sampled") != "1" or not members.get("Root") or not members.get("Parent"):
        return None
    return members["Root"], members["Parent"]


def _refusal(code: str) -> dict[str, Any]:
    if code in ANSWERS:
        return {"annotations": {"outcome": code}}
    return {"error": True, **({"throttle": True} if code in THROTTLED else {}), "annotations": {"outcome": code}}


def _tables_of(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The table that is called, or the tables of a call of several."""
    if table := arguments.get("TableName"):
        return {"table_name": table}
    tables = set(arguments.get("RequestItems", ()))
    for write in arguments.get("TransactItems", ()):
        tables.update(one["TableName"] for one in write.values())
    return {"resource_names": sorted(tables)} if tables else {}
