"""An upgrade from the last release on the emulator, by the commands of the runbook as they are written.

The way back is followed in `tests/deploy/test_rollback.py`: the emulator loses the descriptions of a stack's functions,
by which `make rollback` knows releases.
"""

import copy
import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from local.http_server import HttpServer
from local.template import read_template
from tests.deployed.shape import objections, released, shape_of, with_shape
from tests.deployed.stack import BUILT, ROOT, SEED, Emulator, Stack, address
from tests.flows.person import App, Deployment, Person, demo_app
from tests.functions.runbooks import sections


@pytest.fixture
def older(aws: Emulator) -> Iterator[Path]:  # built by then
    """The built template with the tables, keys and APIs of the last release.

    Where a table has the same indexes now, it lacks one, as it may have: one that no function needs to sign people in,
    since functions are those of now. The sign-in page asks the only index of the Configuration table.
    """
    *_, last = released().values()
    template = read_template(BUILT)
    shape = copy.deepcopy(last)
    for name, now in shape_of(template).items():
        indexes = shape.get(name, {}).get("GlobalSecondaryIndexes")
        if indexes and len(indexes) > 1 and indexes.keys() == now["GlobalSecondaryIndexes"].keys():
            indexes.popitem()
    reshaped = with_shape(template, shape)
    assert not list(objections(shape_of(reshaped), shape_of(template)))
    file = BUILT.with_name("older.json")
    file.write_text(json.dumps(reshaped))
    yield file
    file.unlink(missing_ok=True)  # `make build` of the runbook clears the folder


@pytest.fixture
def addresses() -> Iterator[tuple[HttpServer, HttpServer]]:
    """Of both APIs."""
    with closing(address()) as issuer, closing(address()) as resource:
        yield issuer, resource


def test_an_upgrade_keeps_what_is_stored(aws: Emulator, older: Path, addresses: tuple[HttpServer, HttpServer]) -> None:
    issuer, resource = (f"http://127.0.0.1:{one.port}" for one in addresses)
    app = demo_app(Deployment(issuer, resource, "emulator"))
    parameters = {"Issuer": issuer, "ResourceUrl": resource, "DeletionProtection": "true", "Release": "0" * 64}
    stack = aws.deploy("s", parameters, older)
    before = stack.resources
    in_service(stack, addresses)
    stack.seed(SEED)
    first = tokens(app)

    (proposed,) = follow(aws, "upgrade.md", "2. Look at what would change")[1:]
    assert not re.search(r"Modify .* True", proposed)
    assert stack.resources == before
    follow(aws, "upgrade.md", "3. Deploy it")
    follow(aws, "upgrade.md", "4. Check it")
    stack = Stack(aws, "s")
    after, template = stack.resources, read_template(BUILT)
    for name, one in shape_of(template).items():
        assert after[name] == before[name], name
        if indexes := one.get("GlobalSecondaryIndexes"):
            described = aws.client("dynamodb").describe_table(TableName=after[name])["Table"]
            assert {one["IndexName"] for one in described["GlobalSecondaryIndexes"]} == indexes.keys()
    in_service(stack, addresses)
    refreshed = still_works(app, first)
    still_works(app, refreshed)
    still_works(app, tokens(app))


def in_service(stack: Stack, addresses: tuple[HttpServer, HttpServer]) -> None:
    stack.bridge()
    stack.forward(*addresses)


def tokens(app: App) -> dict[str, Any]:
    """Of somebody who signs in."""
    return app.tokens_for(Person(app.deployment), scope="openid read")


def still_works(app: App, issued: dict[str, Any]) -> dict[str, Any]:
    """What was issued before is taken; its successors."""
    assert app.call("/me", issued["access_token"]).status_code == 200
    response = app.refresh(issued["refresh_token"])
    assert response.status_code == 200, response.text
    return dict(response.json())


def follow(aws: Emulator, page: str, heading: str) -> list[str]:
    """What each command under a heading of a runbook said, in the shell of an operator of the stack ``s``."""
    environment = {name: value for name, value in aws.environment.items() if not name.startswith("SSL_CERT_")}
    environment |= {"STACK": "s", "AUTHSERVER_STACK": "s", "QUOTA": "accept"}
    environment["PATH"] = f"{ROOT / '.venv' / 'bin'}:{environment['PATH']}"
    said = []
    for command in sections(page)[heading]:
        done = subprocess.run(
            ["bash", "-c", command], cwd=ROOT, env=environment, stdout=-1, stderr=-2, text=True, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}"
        said.append(done.stdout)
    return said
