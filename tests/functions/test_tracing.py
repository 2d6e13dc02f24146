"""Tracing through a function: each call of a request that is sampled is a subsegment, and of no other request."""

import json
import socket

import pytest

from authserver.aws import tracing
from tests.functions.gateway import Gateway
from tests.functions.journey import machine
from tests.functions.world import World

TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled={}"


def test_the_calls_of_a_sampled_request_are_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        daemon.bind(("127.0.0.1", 0))
        daemon.setblocking(False)
        beside = tracing.Daemon(daemon.getsockname())
        monkeypatch.setattr(tracing.Daemon, "of", lambda _: beside)
        with world.using(token=world.load("token", Tracing="Active")):
            for sampled in ("0", "1"):
                monkeypatch.setenv("_X_AMZN_TRACE_ID", TRACE.format(sampled))
                world.aws.calls.clear()
                answer = machine(Gateway(world)).own_token()
                assert answer.status == 200
        told = []
        for _ in world.aws.calls:
            document = daemon.recv(65536).decode().partition("\n")[2]
            assert answer.json()["access_token"] not in document
            told.append(json.loads(document)["aws"])
        with pytest.raises(BlockingIOError):
            daemon.recv(65536)
    beside.close()
    assert [one["operation"] for one in told] == [call.operation for call in world.aws.calls]
    assert "demo-machine" not in str(told)
    assert told
