"""Runs every command of docs/cli.md and docs/import.md, in their order, each page in one shell."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.development import DevelopmentServer

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    log = tmp_path_factory.mktemp("cli") / "server.log"
    with DevelopmentServer(port=0, resource_port=0, seed=ROOT / "local" / "seed.json", log=log) as server:
        yield server.issuer


def run_page(name: str, issuer: str, folder: Path) -> str:
    text = (ROOT / "docs" / name).read_text()
    script = "".join(re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "AUTHSERVER_SERVER": issuer,
        "AUTHSERVER_CLIENT_ID": "demo-admin",
        "AUTHSERVER_CLIENT_SECRET": "demo-admin-secret-for-development-only",
    }
    completed = subprocess.run(
        ["bash", "-xeuo", "pipefail", "-c", script.replace("http://localhost:3000", issuer)],
        capture_output=True, text=True, timeout=180, check=False, cwd=folder, env=environment,
    )  # fmt: skip
    assert completed.returncode == 0, completed.stdout + completed.stderr
    return completed.stdout


def test_every_command_of_the_guide_runs(issuer: str, tmp_path: Path) -> None:
    printed = run_page("cli.md", issuer, tmp_path)
    assert "GET /admin/clients?limit=100" in printed
    assert "Mad Tea Party Ltd" in printed
    assert "demo-web" in printed
    assert '"username": "alice"' in (tmp_path / "users.json").read_text()


def test_every_command_of_the_import_runs(issuer: str, tmp_path: Path) -> None:
    printed = run_page("import.md", issuer, tmp_path)
    assert "2 valid, 1 refused." in printed
    assert "2 imported, 1 refused." in printed
    assert "1 imported, 0 refused." in printed
    assert '"skipped": 2' in printed
    assert "legacy-3" in printed
