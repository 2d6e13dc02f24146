"""Subsegments of X-Ray: what the daemon is told of a call, and that no call waits for it or fails by it."""

import json
import socket
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from authserver.aws import tracing
from authserver.aws.service import Refused, Unreachable
from authserver.aws.tracing import TracedService

TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1;Lineage=a:0"
SECRET = "value-of-an-item"
GET = {"TableName": "tokens", "Key": {"key": {"S": SECRET}}}


class Heard:
    """X-Ray's daemon, on loopback, and a service whose calls it is told of."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(5)
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self.daemon = tracing.Daemon.of({"AWS_XRAY_DAEMON_ADDRESS": self.address})

    def service(self, outcome: Exception | None = None) -> TracedService:
        assert self.daemon
        return TracedService(Answering(outcome), "DynamoDB", self.daemon)

    def told(self) -> dict[str, Any]:
        header, _, document = self._socket.recv(65536).decode().partition("\n")
        assert json.loads(header) == {"format": "json", "version": 1}
        assert SECRET not in document
        read: dict[str, Any] = json.loads(document)
        return read

    def is_told_nothing(self) -> bool:
        """A datagram on loopback is there when it has been sent."""
        self._socket.setblocking(False)
        try:
            self._socket.recv(65536)
        except BlockingIOError:
            return True
        finally:
            self._socket.settimeout(5)
        return False

    def close(self) -> None:
        self._socket.close()
        if self.daemon:
            self.daemon.close()


class Answering:
    """A service that answers, or does what it is given."""

    def __init__(self, outcome: Exception | None = None) -> None:
        self.outcome = outcome

    def call(self, _operation: str, _arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        if self.outcome:
            raise self.outcome
        return {"Item": {"key": {"S": SECRET}}}


@pytest.fixture
def heard() -> Iterator[Heard]:
    made = Heard()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", TRACE)


def test_a_call_is_a_subsegment_of_the_function(heard: Heard) -> None:
    assert heard.service().call("GetItem", GET)["Item"]
    told = heard.told()
    assert len(told.pop("id")) == 16
    assert 0 <= told.pop("end_time") - told.pop("start_time") < 60
    assert told == {
        "type": "subsegment",
        "trace_id": "1-5759e988-bd862e3fe1be46a994272793",
        "parent_id": "53995c3f42cd8ad8",
        "name": "DynamoDB",
        "namespace": "aws",
        "aws": {"operation": "GetItem", "table_name": "tokens"},
    }


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"RequestItems": {"users": {"Keys": [{"S": SECRET}]}, "tokens": {}}}, {"resource_names": ["tokens", "users"]}),
        (
            {
                "TransactItems": [
                    {"Put": {"TableName": "tokens", "Item": {"S": SECRET}}},
                    {"Delete": {"TableName": "a"}},
                ]
            },
            {"resource_names": ["a", "tokens"]},
        ),
        ({"KeyId": SECRET, "CiphertextBlob": SECRET, "EncryptionContext": {"kid": SECRET}}, {}),
    ],
    ids=["batch", "transaction", "kms"],
)
def test_a_call_names_its_tables_and_nothing_else(
    arguments: dict[str, Any], told: dict[str, Any], heard: Heard
) -> None:
    heard.service().call("Operation", arguments)
    assert heard.told()["aws"] == {"operation": "Operation", **told}


@pytest.mark.parametrize(
    ("outcome", "came"),
    [
        (
            Refused("ConditionalCheckFailedException", {"Item": SECRET}),
            {"annotations": {"outcome": "ConditionalCheckFailedException"}},
        ),
        (
            Refused("ThrottlingException", {"Message": SECRET}),
            {"error": True, "throttle": True, "annotations": {"outcome": "ThrottlingException"}},
        ),
        (
            Refused("AccessDeniedException", {"Message": SECRET}),
            {"error": True, "annotations": {"outcome": "AccessDeniedException"}},
        ),
        (Unreachable("timeout"), {"fault": True, "annotations": {"outcome": "timeout"}}),
        (KeyError(SECRET), {"fault": True}),
    ],
    ids=["condition", "throttled", "denied", "unreachable", "bug"],
)
def test_what_came_of_it_is_told_and_raised_as_ever(outcome: Exception, came: dict[str, Any], heard: Heard) -> None:
    with pytest.raises(type(outcome)):
        heard.service(outcome).call("UpdateItem", GET)
    told = heard.told()
    assert {name: told[name] for name in ("error", "fault", "throttle", "annotations") if name in told} == came


@pytest.mark.parametrize(
    "trace", ["", TRACE.replace("Sampled=1", "Sampled=0"), "Root=1-2-3;Sampled=1", "Sampled=1", "garbage;=;"]
)
def test_a_request_that_is_not_sampled_is_not_told(trace: str, heard: Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", trace)
    assert heard.service().call("GetItem", GET)["Item"]
    assert heard.is_told_nothing()


@pytest.mark.parametrize("form", ["{}", "udp:{}", "tcp:127.0.0.1:1 udp:{}"])
def test_each_form_of_the_daemons_address_is_understood(form: str, heard: Heard) -> None:
    daemon = tracing.Daemon.of({"AWS_XRAY_DAEMON_ADDRESS": form.format(heard.address)})
    assert daemon
    daemon.send({"id": "1"})
    assert heard.told() == {"id": "1"}
    daemon.close()


@pytest.mark.parametrize("address", ["", "127.0.0.1", ":2000", "127.0.0.1:port", "tcp:127.0.0.1:2000", "a.name:2000"])
def test_an_address_that_is_none_is_no_daemon(address: str) -> None:
    assert tracing.Daemon.of({"AWS_XRAY_DAEMON_ADDRESS": address}) is None


@pytest.mark.parametrize("address", ["127.0.0.1:1", "127.0.0.1:99999"])
def test_a_daemon_that_cannot_be_told_fails_nothing(address: str) -> None:
    daemon = tracing.Daemon.of({"AWS_XRAY_DAEMON_ADDRESS": address})
    assert daemon
    service = TracedService(Answering(), "DynamoDB", daemon)
    for _ in range(3):
        assert service.call("GetItem", GET)["Item"]
    daemon.close()
