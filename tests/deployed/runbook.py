"""The commands of docs/operations on the emulator, and what is still good after them."""

import subprocess
from typing import Any

from local.http_server import HttpServer
from tests.deployed.stack import ROOT, Emulator, Stack
from tests.flows.person import App, Person
from tests.functions.runbooks import sections


def follow(aws: Emulator, page: str, heading: str, **variables: str) -> list[str]:
    """What each command under a heading of a runbook said, in the shell of an operator of the stack ``s``."""
    environment = {**aws.environment, "STACK": "s", "AUTHSERVER_STACK": "s", "QUOTA": "accept", **variables}
    environment["PATH"] = f"{ROOT / '.venv' / 'bin'}:{environment['PATH']}"
    said = []
    for command in sections(page)[heading]:
        done = subprocess.run(
            ["bash", "-c", command], cwd=ROOT, env=environment, stdout=-1, stderr=-2, text=True, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}"
        said.append(done.stdout)
    return said


def in_service(stack: Stack, addresses: tuple[HttpServer, HttpServer]) -> None:
    stack.bridge()
    stack.forward(*addresses)


def tokens(app: App) -> dict[str, Any]:
    """Of a person who signs in."""
    return app.tokens_for(Person(app.deployment), scope="openid read")


def still_works(app: App, issued: dict[str, Any]) -> dict[str, Any]:
    """What was issued before is taken; its successors."""
    assert app.call("/me", issued["access_token"]).status_code == 200
    response = app.refresh(issued["refresh_token"])
    assert response.status_code == 200, response.text
    return dict(response.json())
