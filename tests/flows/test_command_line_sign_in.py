"""The command-line tool as a person uses it: signed in by a browser here or elsewhere, and signed out again."""

import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.flows.person import Deployment, Person
from tests.flows.test_device import answer_question, type_code

TOOL = [sys.executable, "-m", "authserver_cli"]
PATIENCE = 60  # seconds


@pytest.fixture
def operator(deployment: Deployment) -> Person:
    return Person(deployment, "olivia", "operator-demo")


class CommandLine:
    """A home of somebody's own, in which the tool is run."""

    def __init__(self, deployment: Deployment, home: Path) -> None:
        self.home = home
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AUTHSERVER_")},
            "AUTHSERVER_SERVER": deployment.issuer,
            "XDG_CONFIG_HOME": str(home),
            "BROWSER": "true",  # which opens nothing: the test does
        }

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*TOOL, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    @contextmanager
    def running(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        process = subprocess.Popen(
            [*TOOL, *arguments], env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    @property
    def files(self) -> list[Path]:
        return sorted(path for path in self.home.rglob("*") if path.is_file())


@pytest.fixture
def line(deployment: Deployment, tmp_path: Path) -> CommandLine:
    return CommandLine(deployment, tmp_path)


def read_until(process: subprocess.Popen[str], pattern: str) -> str:
    """What stands in the first line of the error stream that has the pattern."""
    assert process.stderr
    said = ""
    for text in process.stderr:
        said += text
        if found := re.search(pattern, text):
            return found[1]
    raise AssertionError(said)


def sign_in_by_device(line: CommandLine, operator: Person, decision: str = "allow") -> tuple[int, str]:
    """The whole of it; the exit code and what was said."""
    with line.running("login", "--device", "--scope", "admin:clients") as process:
        code = read_until(process, r"^    ([A-Z]{4}-[A-Z]{4})$")
        consent = answer_question(operator, type_code(operator, code), "confirm")
        assert "Authserver on the command line" in consent.text
        operator.decide(consent, decision)
        output, errors = process.communicate(timeout=PATIENCE)
        return process.returncode, output + errors


@pytest.mark.rfc("8628", "3.5")
def test_operator_signs_in_by_a_code_and_commands_act_for_them_until_they_sign_out(
    line: CommandLine, operator: Person, deployment: Deployment
) -> None:
    assert sign_in_by_device(line, operator)[0] == 0
    (file,) = line.files
    assert (stat.S_IMODE(file.stat().st_mode), stat.S_IMODE(file.parent.stat().st_mode)) == (0o600, 0o700)
    listed = line.run("clients", "list", "--all")
    assert (listed.returncode, "demo-cli" in listed.stdout) == (0, True), listed.stderr
    assert line.run("users", "list").returncode == 5, "which was not asked for"

    kept = file.read_text()
    file.write_text(kept.replace('"expires_at": 1', '"expires_at": -1'))  # by the file's word the token has ended
    assert line.run("clients", "show", "demo-cli").returncode == 0
    assert file.read_text() != kept, "another token"

    refreshed = file.read_text()
    assert line.run("logout").returncode == 0
    assert line.files == []
    file.write_text(refreshed)
    refused = line.run("clients", "list")
    if deployment.has_gateway_responses:
        assert (refused.returncode, "You are signed out" in refused.stderr) == (5, True), refused.stderr
        assert line.files == []
    assert refused.returncode


@pytest.mark.rfc("8628", "3.5")
def test_sign_in_that_was_denied_is_told_and_leaves_nothing(line: CommandLine, operator: Person) -> None:
    code, said = sign_in_by_device(line, operator, "deny")
    assert (code, "access_denied" in said, line.files) == (5, True, [])


@pytest.mark.rfc("8252", "7.3")
@pytest.mark.rfc("8252", "8.1")
def test_operator_signs_in_by_a_browser_on_the_same_machine(line: CommandLine, operator: Person) -> None:
    with line.running("login", "--scope", "admin:clients") as process:
        url = httpx.URL(read_until(process, r"^(http\S+)$"))
        loopback = httpx.URL(url.params["redirect_uri"])
        assert loopback.host == "127.0.0.1"
        assert url.params["code_challenge_method"] == "S256"
        assert httpx.get(loopback, params={"code": "injected", "state": "another"}).status_code == 200
        page = operator.follow(operator.authorize(**dict(url.params)))
        consent = operator.follow(operator.sign_in(page))
        back = operator.decide(consent)
        assert httpx.get(back.headers["location"]).status_code == 200
        output, errors = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, errors
    assert "You are signed in" in output
    assert line.run("clients", "list").returncode == 0


def test_whoever_is_no_operator_gets_no_scope_of_one(line: CommandLine, person: Person) -> None:
    with line.running("login", "--device") as process:
        code = read_until(process, r"^    ([A-Z]{4}-[A-Z]{4})$")
        page = answer_question(person, type_code(person, code), "confirm")
        assert "Nothing was allowed" in page.text
        _, errors = process.communicate(timeout=PATIENCE)
    assert (process.returncode, "access_denied" in errors) == (5, True)


def test_nobody_signs_in_to_a_stack_or_out_of_nothing(line: CommandLine) -> None:
    assert line.run("login", "--stack", "authserver").returncode == 2
    out = line.run("logout")
    assert (out.returncode, "You are not signed in" in out.stdout) == (0, True)
    would = line.run("login", "--dry-run")
    assert (would.returncode, "authserver-cli" in would.stdout, line.files) == (0, True, [])
