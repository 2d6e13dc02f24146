"""What is stored outlives its stack, and a creation that fails leaves nothing: `make deployed-test`."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.template import read_template
from scripts.given_data import data_of
from tests.deployed.stack import BUILT, SEED, DeploymentFailed, Emulator, Stack

DATA = data_of(read_template(BUILT.parent.parent.parent / "template.yaml"))


@pytest.fixture
def failing_late(tmp_path: Path) -> Iterator[Path]:
    """The built template and a resource that fails when all others are there."""
    template: dict[str, Any] = read_template(BUILT)
    resources = template["Resources"]
    late = {
        "Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
        "Late": {
            "Type": "AWS::CloudFormation::WaitCondition",
            "DependsOn": [name for name, one in resources.items() if one["Type"].startswith("AWS::Serverless::Fu")],
            "Properties": {"Handle": {"Ref": "Handle"}, "Timeout": "1"},
        },
    }
    file = BUILT.with_name("failing.json")
    file.write_text(json.dumps({**template, "Resources": {**resources, **late}}))
    yield file
    file.unlink()


def tables(aws: Emulator) -> set[str]:
    return set(aws.client("dynamodb").list_tables()["TableNames"])


def keys_in_use(aws: Emulator) -> set[str]:
    kms = aws.client("kms")
    keys = [kms.describe_key(KeyId=one["KeyId"])["KeyMetadata"] for one in kms.list_keys()["Keys"]]
    return {one["Arn"] for one in keys if one["KeyState"] == "Enabled"}


def given(stack: Stack) -> dict[str, str]:
    return {name: stack.outputs[name] for name in DATA}


def test_a_creation_that_fails_takes_back_its_tables_and_its_key(aws: Emulator, failing_late: Path) -> None:
    with pytest.raises(DeploymentFailed, match="ROLLBACK_COMPLETE"):
        aws.deploy("s", {"DeletionProtection": "false"}, failing_late)
    assert tables(aws) == set()
    assert keys_in_use(aws) == set()


def test_make_deploy_creates_a_stack_and_then_protects_its_tables(aws: Emulator) -> None:
    said = aws.run(sys.executable, "-m", "scripts.deploy", "--stack", "s", "--accept-quota")
    assert "Now its tables are protected from deletion." in said
    assert "Its keys are made." in said
    described = [aws.client("dynamodb").describe_table(TableName=name)["Table"] for name in tables(aws)]
    of_the_template = sum(kind == "AWS::DynamoDB::Table" for kind in DATA.values())
    protected = [str(one["DeletionProtectionEnabled"]).lower() for one in described]  # as it was written
    assert protected == ["true"] * of_the_template


def test_a_stack_on_the_data_of_another_goes_on_when_that_is_gone(aws: Emulator) -> None:
    """And its tables can be a stack's own again: docs/operations/reattach.md."""
    green = aws.deploy("green", {"DeletionProtection": "true"})
    green.seed(SEED)
    stored = given(green)
    clients = items(aws, stored["ClientsTable"])
    written = [f"{name}={value}" for name, value in stored.items()]

    aws.run(
        sys.executable, "-m", "scripts.deploy", "--stack", "blue", "--accept-quota", "--parameters", " ".join(written)
    )
    blue = Stack(aws, "blue")
    assert given(blue) == stored
    assert not DATA.keys() & blue.resources.keys()

    delete(aws, "green")
    assert tables(aws) == {value for name, value in stored.items() if DATA[name] == "AWS::DynamoDB::Table"}
    assert keys_in_use(aws) == {stored["WrappingKey"]}

    aws.run(sys.executable, "-m", "scripts.import_data", "--stack", "green", *written)
    again = aws.deploy("green", {})
    assert given(again) == stored
    assert items(aws, stored["ClientsTable"]) == clients > 0

    delete(aws, "blue")
    assert items(aws, stored["ClientsTable"]) == clients


def delete(aws: Emulator, stack: str) -> None:
    client = aws.client("cloudformation")
    client.delete_stack(StackName=stack)
    client.get_waiter("stack_delete_complete").wait(StackName=stack, WaiterConfig={"Delay": 1, "MaxAttempts": 120})


def items(aws: Emulator, table: str) -> int:
    return int(aws.client("dynamodb").scan(TableName=table, Select="COUNT")["Count"])
