"""What is printed, where to, and with which exit code."""

import json
import os
import pty
import subprocess
import sys
from typing import Any

import pytest

from tests.cli.conftest import Run
from tests.cli.deployment import CLIENT_ID, SECRET, FakeDeployment

PROBLEM = {
    "type": "urn:authserver:problem:invalid",
    "title": "The request is not valid",
    "status": 400,
    "detail": "scope: is not known; client_uri: must be an https URL",
    "errors": [{"field": "scope", "detail": "is not known"}, {"field": "client_uri", "detail": "must be an https URL"}],
}


@pytest.mark.parametrize(
    ("status", "document", "code", "said"),
    [
        (400, PROBLEM, 1, "The request is not valid (400)\n  scope: is not known\n  client_uri: must be an https URL"),
        (409, {"title": "Taken", "detail": "There is one"}, 1, "Taken: There is one (409)"),
        (404, {"title": "There is no such client"}, 4, "There is no such client (404)"),
        (
            403,
            {"error": "insufficient_scope", "error_description": "Not this"},
            5,
            "insufficient_scope: Not this (403)",
        ),
        (403, {"message": "Missing Authentication Token"}, 4, "The API of this deployment does not have this (404)"),
        (401, {"message": "Unauthorized"}, 5, "Unauthorized (401)"),
        (500, {"title": "It failed"}, 3, "It failed (500)"),
        (503, None, 3, "HTTP 503 (503)"),
        (418, "a teapot", 1, "HTTP 418 (418)"),
    ],
)
def test_refusal_is_told_and_has_its_exit_code(
    status: int, document: Any, code: int, said: str, run: Run, deployment: FakeDeployment
) -> None:
    deployment.answer("GET", "/admin/clients/c", (status, document))
    result = run("clients", "show", "c")
    assert (result.exit_code, result.stdout) == (code, "")
    assert result.stderr == f"Error: {said}\n"


def test_document_is_lines_for_people_and_json_for_programs(run: Run, deployment: FakeDeployment) -> None:
    document = {
        "client_id": "c",
        "client_name": "Überall",
        "require_pkce": True,
        "redirect_uris": ["https://a.example/", "https://b.example/"],
        "created_at": 1_800_000_000,
        "owner": "",
        "companies": {"tea": "Tea", "oz": "Oz"},
        "secrets": [{"id": "1", "created_at": 1}, {"id": "2"}],
    }
    deployment.answer("GET", "/admin/clients/c", (200, document))
    assert run("clients", "show", "c").stdout.splitlines() == [
        "client_id      c",
        "client_name    Überall",
        "require_pkce   yes",
        "redirect_uris  https://a.example/, https://b.example/",
        "created_at     2027-01-15 08:00:00 UTC",
        "companies      tea: Tea",
        "               oz: Oz",
        "secrets        id 1, created_at 1970-01-01 00:00:01 UTC",
        "               id 2",
    ]
    for line in (("clients", "show", "c", "--json"), ("--json", "clients", "show", "c")):
        assert json.loads(run(*line).stdout) == document


def test_list_is_a_table(run: Run, deployment: FakeDeployment) -> None:
    rows = [{"sub": "1", "username": "alice", "email": "a@b.example", "operator": True}, {"sub": "22", "username": "b"}]
    deployment.answer("GET", "/admin/users", (200, {"items": rows}))
    assert run("users", "list").stdout.splitlines() == [
        "SUB  USERNAME  NAME  EMAIL        STATUS  OPERATOR",
        "1    alice           a@b.example          yes",
        "22   b",
    ]


def test_text_of_others_cannot_command_the_terminal(run: Run, deployment: FakeDeployment) -> None:
    hostile = "\x1b]0;owned\x07\x1b[2Jname\r\n\u202e"
    deployment.answer("GET", "/admin/clients/c", (200, {"client_name": hostile}))
    deployment.answer("GET", "/admin/clients", (200, {"items": [{"client_name": hostile}]}))
    for line in ("clients show c", "clients list", "clients show c --json"):
        printed = run(*line.split()).stdout
        assert all(character.isprintable() for character in printed.replace("\n", ""))
        assert "\\x1b" in printed or "\\u001b" in printed


def test_refusal_cannot_command_the_terminal(run: Run, deployment: FakeDeployment) -> None:
    deployment.answer("GET", "/admin/clients/c", (400, {"title": "\x1b[2J", "errors": [{"detail": "\x07"}]}))
    assert not {"\x1b", "\x07"} & set(run("clients", "show", "c").stderr)


def test_secret_is_printed_once_and_the_warning_is_kept_out_of_pipes(run: Run, deployment: FakeDeployment) -> None:
    deployment.answer("POST", "/admin/clients", (201, {"client_id": "c", "client_secret": "s3cret"}))
    for options in ([], ["--json"]):
        result = run("clients", "create", "Web", *options)
        assert result.stdout.count("s3cret") == 1
        assert "shown this once" in result.stderr
        assert "s3cret" not in result.stderr


def in_a_terminal(deployment: FakeDeployment, typed: str, *arguments: str) -> tuple[int, str]:
    """Runs the tool with a real terminal as its input and error stream; what was shown there."""
    ours, theirs = pty.openpty()
    environ = {**os.environ, "AUTHSERVER_SERVER": deployment.issuer, "AUTHSERVER_CLIENT_ID": CLIENT_ID}
    environ |= {"AUTHSERVER_CLIENT_SECRET": SECRET}
    process = subprocess.Popen(
        [sys.executable, "-m", "authserver_cli", *arguments], stdin=theirs, stderr=theirs, env=environ,
        stdout=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    os.write(ours, typed.encode())
    shown = b""
    try:
        while chunk := os.read(ours, 1024):
            shown += chunk
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    return process.wait(30), shown.decode()


def test_terminal_is_asked_for_confirmation(deployment: FakeDeployment) -> None:
    code, shown = in_a_terminal(deployment, "n\n", "clients", "delete", "c")
    assert "c goes for good" in shown
    assert (code, deployment.asked) == (1, [])
    code, _ = in_a_terminal(deployment, "y\n", "clients", "delete", "c")
    assert (code, [asked.method for asked in deployment.asked]) == (0, ["DELETE"])
