"""One release back on the emulator, by the command of the runbook: the older code on the tables of the newer.

`tests/deploy/test_rollback.py` has what the command does to aliases, and what it refuses.
"""

import py_compile
import shutil
from pathlib import Path
from typing import Any

import pytest

from local.http_server import HttpServer
from scripts.deploy import release
from tests.deployed.runbook import follow, in_service, still_works, tokens
from tests.deployed.stack import BUILT, SEED, Emulator, Stack
from tests.flows.person import Deployment, demo_app

RECORD = Path("CoreLayer", "python", "authserver", "aws", "items", "tokens.py")
WRITTEN = '            "id": None,\n            "scope": str(authorization.scope),\n'
LATER = "of_a_later_release"


@pytest.fixture
def newer(aws: Emulator, tmp_path: Path) -> Path:  # built by then
    """The template of a build whose core layer has one line more: authorizations have an attribute that the release
    before does not know."""
    copy = tmp_path / "newer"
    shutil.copytree(BUILT.parent, copy)
    module = copy / RECORD
    text = module.read_text()
    assert text.count(WRITTEN) == 1
    module.write_text(text.replace(WRITTEN, f'            "{LATER}": "told",\n{WRITTEN}'))
    py_compile.compile(str(module), doraise=True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    return copy / BUILT.name


def test_the_release_before_runs_on_the_tables_of_the_one_after_it(
    aws: Emulator, newer: Path, addresses: tuple[HttpServer, HttpServer]
) -> None:
    issuer, resource = (f"http://127.0.0.1:{one.port}" for one in addresses)
    app = demo_app(Deployment(issuer, resource, "emulator"))
    parameters = {"Issuer": issuer, "ResourceUrl": resource}
    first, second = (release(one.parent, parameters) for one in (BUILT, newer))

    stack = aws.deploy("s", {**parameters, "Release": first})
    in_service(stack, addresses)
    stack.seed(SEED)
    of_first = tokens(app)
    assert later_attributes(stack) == 0
    assert live(stack) == {first}

    aws.deploy("s", {**parameters, "Release": second}, newer)
    in_service(stack, addresses)
    of_second = tokens(app)
    assert later_attributes(stack) == 1  # the newer code wrote it
    of_first = still_works(app, of_first)
    assert live(stack) == {second}

    (said,) = follow(aws, "rollback.md", "Go back")
    assert f"s is at the release {first}" in said
    assert live(stack) == {first}
    for issued in (of_first, of_second, tokens(app)):
        still_works(app, still_works(app, issued))
    assert later_attributes(stack) == 1  # the older code wrote none

    returned = follow(aws, "rollback.md", "Choose a release", RELEASE=second[:12])
    assert f"s is at the release {second}" in returned[0]
    still_works(app, tokens(app))
    assert later_attributes(stack) == 2


def later_attributes(stack: Stack) -> int:
    """How many authorizations the newer release stored."""
    table: str = stack.resources["TokensTable"]
    names = {"#later": LATER}
    found: dict[str, Any] = stack.emulator.client("dynamodb").scan(
        TableName=table,
        Select="COUNT",
        FilterExpression="attribute_exists(#later)",
        ExpressionAttributeNames=names,
    )
    return int(found["Count"])


def live(stack: Stack) -> set[str]:
    """The releases of the functions, as an invocation of the alias meets them."""
    functions = stack.emulator.client("lambda")
    names = [name for logical_id, name in stack.resources.items() if logical_id.endswith("Function")]
    assert len(names) > 20
    return {functions.get_function_configuration(FunctionName=one, Qualifier="live")["Description"] for one in names}
