"""Runs the pages of docs/recipes as a reader would: their commands, their files, and the person at the browser.

A page's code blocks have titles, which say what each is: `install`, `register` and `run` are commands, and any other
title is the name of a file. The section "What you see" names the address to open, if the program does not open a
browser itself, and in bold what must be shown in the end.
"""

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.clients.lab.visitor import Visitor
from tests.flows.person import Deployment

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "recipes"
BLOCK = re.compile(r'^```(\w+) title="([^"]+)"\n(.*?)^```$', re.MULTILINE | re.DOTALL)
# Each page by what runs it: every run of the tests; `make recipes`, in a project of its own, or with a browser; or a
# test of its settings.
IN_EVERY_RUN = ("flask", "protect-an-api")
IN_THE_LABORATORY = ("appauth", "auth-js", "django", "express", "fastapi", "mcp-python", "mcp-typescript")
IN_A_PROJECT = ("next-js",)
IN_CHROMIUM = ("single-page-app",)
AS_SETTINGS = ("api-gateway-jwt-authorizer", "grafana", "kubernetes", "spring-boot")
COMMANDS = frozenset({"install", "register", "run"})
ADDRESS = re.compile(r"Open\s+<(\S+)>")
ASKED = re.compile(r"^Open (http\S+)$", re.MULTILINE)  # what a program prints that opens no browser
SHOWN = re.compile(r"\*\*(.+?)\*\*", re.DOTALL)
PRINTED = re.compile(r"^```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SECRET = "the-secret-that-was-printed"
ISSUER, RESOURCE = "http://localhost:3000", "http://localhost:3001"  # what `make run` prints
PORTS = ("8000", "9000", "9001")  # of the programs of the pages: an application, and APIs
PATIENCE = 60  # seconds for each thing that is waited for
PAUSE = 0.05  # seconds between two looks
# Stands for the command that opens a browser: it notes the address, and the person of the test goes there.
OPENER = '#!/bin/sh\nprintf "%s\\n" "$1" >> "$OPENED"\n'


@dataclass(frozen=True)
class Recipe:
    """A page: its blocks in their order, each a title and its text, and what it says that one sees."""

    name: str
    blocks: tuple[tuple[str, str], ...]
    seen: str

    @classmethod
    def read(cls, name: str) -> "Recipe":
        text = (PAGES / f"{name}.md").read_text(encoding="utf-8")
        blocks = tuple((title, body) for _, title, body in BLOCK.findall(text))
        return cls(name, blocks, text.partition("## What you see")[2].partition("\n## ")[0])

    def commands(self, title: str) -> list[str]:
        return [body for name, body in self.blocks if name == title]

    @property
    def files(self) -> dict[str, str]:
        return {name: body for name, body in self.blocks if name not in COMMANDS}

    @property
    def address(self) -> str:
        """What the reader opens; empty, if the program opens it."""
        found = ADDRESS.search(self.seen)
        return found[1] if found else ""

    @property
    def shown(self) -> str:
        """What is shown in the end: the section's block of text, or its last bold words."""
        if printed := PRINTED.search(self.seen):
            return printed[1]
        found = SHOWN.findall(self.seen)
        assert found, f"{self.name}.md does not say in bold what one sees"
        return " ".join(found[-1].split())


@dataclass
class Kitchen:
    """Where recipes are run: a server, a folder for their files, and the programs on `path`, the first one first."""

    deployment: Deployment
    folder: Path
    path: tuple[Path, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=lambda: {port: free_port() for port in PORTS})

    def __post_init__(self) -> None:
        opener = self.folder / "xdg-open"
        opener.write_text(OPENER)
        opener.chmod(0o755)

    @property
    def opened(self) -> Path:
        return self.folder / "opened"

    def here(self, text: str) -> str:
        """A text of the page, with the addresses of this test in place of the page's."""
        text = text.replace(ISSUER, self.deployment.issuer).replace(RESOURCE, self.deployment.resource)
        return re.sub(rf"\b({'|'.join(PORTS)})\b", lambda found: str(self.ports[found[1]]), text)

    def prepare(self, recipe: Recipe) -> str:
        """Writes the page's files and registers its clients; the secret of the last one that has one."""
        for name, body in recipe.files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.here(body), encoding="utf-8")
        printed = "".join(self.carry_out(body) for body in recipe.commands("register"))
        secrets = re.findall(r"^client_secret +(\S+)$", printed, re.MULTILINE)
        return secrets[-1] if secrets else ""

    def carry_out(self, script: str) -> str:
        """Runs commands to their end; what they print."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", self.here(script)],
            cwd=self.folder,
            env=self._variables(),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def run(self, recipe: Recipe) -> Iterator["Run"]:
        """Prepares the page and starts its programs, in their order; they end with the context."""
        secret = self.prepare(recipe)
        scripts = recipe.commands("run")
        started: list[Run] = []
        try:
            for number, script in enumerate(scripts):
                one = self._start(script.replace(SECRET, secret), self.folder / f"run{number}.log")
                started.append(one)
                if number + 1 < len(scripts):
                    one.wait_for_port(script, self.ports)
            yield started[-1]
        finally:
            for one in reversed(started):
                one.end()

    def look(self, recipe: Recipe) -> str:
        """Runs the page, is the person at the browser, and returns what is shown in the end."""
        with self.run(recipe) as run:
            if recipe.address:
                run.wait_for_port(recipe.address, self.ports)
                arrival = Visitor().go(self.here(recipe.address))
                return f"{arrival.text}\n{run.said()}"
            if address := run.wait_for_address(self.opened):
                Visitor().go(address)
            return run.wait_for_end()

    def _start(self, script: str, log: Path) -> "Run":
        with log.open("wb") as output:
            process = subprocess.Popen(
                ["bash", "-euo", "pipefail", "-c", self.here(script)],
                cwd=self.folder,
                env=self._variables(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return Run(process, log)

    def _variables(self) -> dict[str, str]:
        """What a reader's shell has: the tool of docs/cli.md, told where the server is, and nothing of the suite."""
        left_out = ("SSL_CERT_FILE", "SSL_CERT_DIR", "PYTHONPATH", "PYTHONWARNINGS")
        kept = {name: value for name, value in os.environ.items() if name not in left_out}
        path = [self.folder, *self.path, kept["PATH"]]
        return {
            **kept,
            **self.environment,
            "PATH": ":".join(map(str, path)),
            "HOME": str(self.folder),
            "BROWSER": str(self.folder / "xdg-open"),
            "OPENED": str(self.opened),
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "AUTHSERVER_SERVER": self.deployment.issuer,
            "AUTHSERVER_CLIENT_ID": "demo-admin",
            "AUTHSERVER_CLIENT_SECRET": "demo-admin-secret-for-development-only",
        }


@dataclass
class Run:
    """A program of a page while it runs."""

    process: subprocess.Popen[bytes]
    log: Path

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def wait_for_port(self, text: str, ports: Mapping[str, int]) -> None:
        """Waits until the program answers at the port that the text names."""
        [port] = {actual for name, actual in ports.items() if re.search(rf"\b({name}|{actual})\b", text)}
        for _ in self._patiently():
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return

    def wait_for_address(self, opened: Path) -> str:
        """Waits until the program opens a browser, or asks its user to; the address, or nothing if it ended before."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            ended = self.process.poll() is not None
            if opened.exists() and (line := opened.read_text().partition("\n"))[1]:
                return line[0]
            if asked := ASKED.search(self.said()):
                return asked[1]
            if ended:
                return ""
            time.sleep(PAUSE)
        raise AssertionError(f"nothing within {PATIENCE} seconds:\n{self.said()}")

    def wait_for_end(self) -> str:
        """Waits until the program has ended by itself, without an error; what it said."""
        assert self.process.wait(timeout=PATIENCE) == 0, self.said()
        return self.said()

    def end(self) -> None:
        """Ends the program with whatever it started."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=PATIENCE)

    def _patiently(self) -> Iterator[None]:
        """Yields until the time is over; fails then, and when the program has ended."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            yield
            assert self.process.poll() is None, self.said()
            time.sleep(PAUSE)
        raise AssertionError(f"nothing within {PATIENCE} seconds:\n{self.said()}")


def free_port() -> int:
    """A free port of the loopback interface."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
