"""An upgrade from the last release on the emulator, by the commands of the runbook as they are written."""

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.http_server import HttpServer
from local.template import read_template
from tests.deployed.runbook import follow, in_service, still_works, tokens
from tests.deployed.shape import objections, released, shape_of, with_shape
from tests.deployed.stack import BUILT, SEED, Emulator, Stack
from tests.flows.person import Deployment, demo_app


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
