"""`python -m local.sam` from outside, with Docker: how it ends. `make sam-local-test` runs it."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from local.sam import DOCKER, READY, why_not

ROOT = Path(__file__).parent.parent.parent
STOPS_WITHIN = 300  # seconds, on a busy machine
# What a shell starts in the background has SIGINT ignored, and so has whatever that starts.
IN_THE_BACKGROUND = ("sh", "-c", 'trap "" INT; exec "$@"', "sh")


@pytest.fixture(autouse=True)
def _with_docker(request: pytest.FixtureRequest) -> None:
    if not request.config.getoption("--sam-local"):
        pytest.skip("it needs --sam-local")
    if reason := why_not():
        pytest.skip(f"sam local was not tested: {reason}")


@contextmanager
def started(*before: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The process, in a session of its own, and its port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = int(listener.getsockname()[1])
    process = subprocess.Popen(
        [*before, sys.executable, "-m", "local.sam", "--port", str(port)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield process, port
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        assert process.stdout
        process.stdout.close()


def is_ready(process: subprocess.Popen[str]) -> str:
    """What it said until then."""
    assert process.stdout
    said = ""
    for line in process.stdout:
        said += line
        if line.rstrip() == READY:
            return said
    raise AssertionError(said)


def containers_and_networks(process: subprocess.Popen[str]) -> list[str]:
    """What Docker has of it: the network, whatever is in it, and so each container of a function."""
    name = f"authserver-{process.pid}"
    listings = (("ps", "--all", "--filter", f"network={name}"), ("network", "ls", "--filter", f"name={name}"))
    return [
        line
        for listing in listings
        for line in subprocess.run(
            [DOCKER, *listing, "--quiet"], capture_output=True, check=True, text=True
        ).stdout.splitlines()
    ]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_on_a_signal_also_in_the_background_and_leaves_nothing(how: signal.Signals) -> None:
    with started(*IN_THE_BACKGROUND) as (process, port):
        is_ready(process)
        assert httpx.get(f"http://127.0.0.1:{port}/.well-known/jwks.json", timeout=60).status_code == 200
        assert len(containers_and_networks(process)) >= 3  # the network, the relay, and a function

        process.send_signal(how)
        rest, _ = process.communicate(timeout=STOPS_WITHIN)
        assert process.returncode == 0
        assert "stopping" in rest
        assert "Traceback" not in rest
        assert containers_and_networks(process) == []
        with socket.socket() as again:
            assert again.connect_ex(("127.0.0.1", port)) != 0


def test_it_stops_while_it_starts() -> None:
    with started(*IN_THE_BACKGROUND) as (process, _):
        assert process.stdout
        assert process.stdout.readline().startswith("starting ")
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=STOPS_WITHIN)
        assert "Traceback" not in rest
        assert process.returncode == 0
        assert containers_and_networks(process) == []
