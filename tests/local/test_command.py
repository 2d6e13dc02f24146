"""`python -m local` from outside: what it says, how it ends."""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from local.__main__ import READY, split_parameters
from local.differences import DIFFERENCES

from .conftest import Project, needs_proc, workers_of

ROOT = Path(__file__).parent.parent.parent


def command(project: Project, *arguments: str) -> list[str]:
    base = [sys.executable, "-m", "local", "--template", str(project.template), "--seed", ""]
    return [*base, "--port", "0", "--resource-port", "0", *arguments]


@contextmanager
def running(project: Project) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process when it is ready, and what it said until then."""
    process = subprocess.Popen(
        command(project), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    said = ""
    assert process.stdout
    with process.stdout:
        for line in process.stdout:
            said += line
            if line.rstrip() == READY:
                break
        try:
            yield process, said
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            process.wait()


def until_no_worker(project: Project, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while workers_of(project):
        assert time.monotonic() < deadline, workers_of(project)
        time.sleep(0.02)


@needs_proc
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_server_stops_cleanly_on_a_signal_and_its_workers_with_it(project: Project, how: signal.Signals) -> None:
    with running(project) as (process, said):
        assert "expanding template.yaml" in said
        assert all(difference.split()[0] in said for difference in DIFFERENCES)
        issuer = re.search(r"Issuer +(http://localhost:\d+)", said)
        assert issuer
        assert httpx.get(f"{issuer[1]}/echo").status_code == 200
        assert workers_of(project)

        process.send_signal(how)
        began = time.monotonic()
        assert process.stdout
        rest = process.stdout.read()
        assert process.wait(timeout=5) == 0
        assert time.monotonic() - began < 2
        assert "Traceback" not in rest
        until_no_worker(project, 1)


@needs_proc
def test_workers_die_with_a_server_that_is_killed_even_busy_ones(project: Project) -> None:
    project.write("functions/guard/app.py", "while True: pass\n")  # never ready, and never asks for an event
    with running(project) as (process, said):
        issuer = re.search(r"Issuer +(http://localhost:\d+)", said)
        assert issuer
        assert httpx.get(f"{issuer[1]}/echo").status_code == 200
        deadline = time.monotonic() + 20
        while len(workers_of(project)) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.02)

        process.kill()
        process.wait()

        until_no_worker(project, 5)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--parameter", "Size=10"], 2, "cannot start: parameter Size: 10 is more than 9"),
        (["--parameter", "Unheard=10"], 2, "cannot start: parameter Unheard: unknown"),
        (["--parameter", "Size"], 2, "Name=Value"),
        (["--template", "nowhere.yaml"], 2, "nowhere.yaml"),
        (["--port", "http"], 2, "not a port"),
        (["--help"], 0, "--resource-port"),
    ],
)
def test_command_that_cannot_start_says_why_without_a_traceback(
    project: Project, arguments: list[str], code: int, said: str
) -> None:
    done = subprocess.run(
        command(project, *arguments), cwd=ROOT, capture_output=True, text=True, check=False, timeout=30
    )

    assert done.returncode == code
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("", []),
        ("LogLevel=DEBUG", ["LogLevel=DEBUG"]),
        ("Scopes=openid email  LogLevel=DEBUG", ["Scopes=openid email", "LogLevel=DEBUG"]),
        (
            "RouteScopes=GET /a=x, POST /b=y CodeLifetime=30",
            ["RouteScopes=GET /a=x, POST /b=y", "CodeLifetime=30"],
        ),
        ("nonsense", ["nonsense"]),
    ],
)
def test_parameters_in_one_text_are_told_apart(text: str, pairs: list[str]) -> None:
    assert split_parameters(text) == pairs
