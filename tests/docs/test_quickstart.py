"""Runs every command of docs/quickstart.md, in its order, in one shell."""

import re
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.development import DevelopmentServer
from tests.flows.person import Deployment, Person

ROOT = Path(__file__).parent.parent.parent
QUICKSTART = ROOT / "docs" / "quickstart.md"
CODE = "CODE=ac_the_code_from_the_address"


def commands() -> str:
    return "".join(re.findall(r"^```sh\n(.*?)^```", QUICKSTART.read_text(), re.MULTILINE | re.DOTALL))


def run(script: str) -> str:
    completed = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], capture_output=True, text=True, timeout=120, check=False
    )
    assert completed.returncode == 0, completed.stdout + completed.stderr
    return completed.stdout


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the page's commands print. The browser's part, between the address and the code, a person plays."""
    log = tmp_path_factory.mktemp("quickstart") / "server.log"
    with DevelopmentServer(port=0, resource_port=0, seed=ROOT / "local" / "seed.json", log=log) as server:
        script = commands().replace("http://localhost:3000", server.issuer)
        script = script.replace("http://localhost:3001", server.resource)
        before, after = script.split(CODE)
        verifier = "VERIFIER=" + "v" * 64
        before = re.sub(r"VERIFIER=\$\(.*\)", verifier, before)
        printed = run(before)
        address = re.findall(rf"{re.escape(server.issuer)}/authorize\?\S+", printed)[0]
        code = sign_in(Deployment(server.issuer, server.resource), address)
        variables = "\n".join(line for line in before.splitlines() if re.match(r"[A-Z]+=|member\(\)|curl\(\)", line))
        return printed + run(f"{variables}\nCODE={code}\n{after}")


def sign_in(deployment: Deployment, address: str) -> str:
    """The code that the page at the end shows, as a line for the shell."""
    person = Person(deployment)
    page = person.follow(person.browser.get(address))
    callback = person.decide(person.follow(person.sign_in(page))).headers["location"]
    shown = httpx.get(callback)
    assert shown.status_code == 200
    [code] = re.findall(r"<pre>CODE=(.+)</pre>", shown.text)
    return str(code)


def test_every_command_of_the_page_runs(output: str) -> None:
    assert '"issuer"' in output


def test_machine_lists_items_and_adds_one_that_is_not_stored(output: str) -> None:
    lists = output.count('{"items":[{"id":1,"name":"a first item"},{"id":2,"name":"a second item"}]}')
    assert '{"id":3,"name":"a third"}' in output
    assert lists == 2  # the same before it, and after it by the user's token


def test_call_without_a_token_shows_the_challenge(output: str) -> None:
    assert re.search(r"^WWW-Authenticate: Bearer .*resource_metadata=", output, re.MULTILINE | re.IGNORECASE)


def test_user_is_known_until_revoked(output: str) -> None:
    assert "alice@example.com" in output
    assert re.search(r"\b401\n", output)


def test_introspection_sees_the_revocation(output: str) -> None:
    assert output.index('"active":true') < output.index('"active":false')
