"""`python -m local` from outside: what it says, how it ends."""

import json
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
def running(project: Project, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process when it is ready, and what it said until then."""
    process = subprocess.Popen(
        command(project, *arguments),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
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


def issuer_in(said: str) -> str:
    found = re.search(r"Issuer +(http://localhost:\d+)", said)
    assert found, said
    return found[1]


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
        issuer = issuer_in(said)
        differences = [said.index(" ".join(difference.split()[:4])) for difference in DIFFERENCES]
        assert said.index(issuer) < min(differences)
        assert httpx.get(f"{issuer}/echo").status_code == 200
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
        assert httpx.get(f"{issuer_in(said)}/echo").status_code == 200
        deadline = time.monotonic() + 20
        while len(workers_of(project)) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.02)

        process.kill()
        process.wait()

        until_no_worker(project, 5)


def test_request_is_shown_in_one_line_without_its_query_and_what_its_function_prints(project: Project) -> None:
    with running(project) as (process, said):
        headers = {"x-print": "said aloud"}
        httpx.get(f"{issuer_in(said)}/echo", params={"code": "unutterable"}, headers=headers)
        httpx.get(f"{issuer_in(said)}/echo", headers={"x-raise": "it failed"})
        process.terminate()
        assert process.stdout
        rest = process.stdout.read()
    assert re.search(r"^GET /echo 200 \d+ ms Echo$", rest, re.MULTILINE)
    assert re.search(r"^GET /echo 500 \d+ ms Echo$", rest, re.MULTILINE)
    assert "Echo | said aloud\n" in rest
    assert "Echo | ERROR RuntimeError: it failed\n" in rest
    assert "app.py" in rest
    assert "unutterable" not in rest
    assert "{" not in rest


def test_requests_can_be_lines_of_json(project: Project) -> None:
    with running(project, "--json") as (process, said):
        httpx.get(f"{issuer_in(said)}/echo")
        process.terminate()
        assert process.stdout
        entries = [json.loads(line) for line in process.stdout.read().splitlines() if line.startswith("{")]
    (access,) = (entry for entry in entries if entry.get("path") == "/echo")
    assert (access["method"], access["status"], access["function"]) == ("GET", 200, "Echo")


@pytest.mark.parametrize(
    ("seed", "said"),
    [
        ('{\n"users": [}', "line 2, column 11: not JSON"),
        ('{"users": [{"username": "u"}]}', "users.0.password: "),
        ("[]", "must be an object"),
        ("\xff", "not UTF-8"),
        (None, "No such file"),
    ],
)
def test_seed_that_cannot_be_used_is_told_by_its_file_and_place(project: Project, seed: str | None, said: str) -> None:
    file = project.root / "my-seed.json"
    if seed is not None:
        file.write_bytes(seed.encode("latin-1"))
    done = subprocess.run(
        command(project, "--seed", str(file)), cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 2
    assert re.match(rf"cannot start: {re.escape(str(file))}: .*{re.escape(said)}", done.stderr, re.DOTALL)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--parameter", "Size=10"], 2, "cannot start: parameter Size: 10 is more than 9"),
        (["--parameter", "Unheard=10"], 2, "cannot start: parameter Unheard: unknown"),
        (["--parameter", "Size"], 2, "Name=Value"),
        (["--template", "nowhere.yaml"], 2, "nowhere.yaml"),
        (["--authorities", "nowhere.pem"], 2, "nowhere.pem"),
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
