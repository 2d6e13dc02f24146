"""`make rollback` on moto's Lambda: which versions are live afterwards, and what is refused."""

import json
import os
import shlex
import subprocess
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from moto import mock_aws

from scripts import rollback
from tests.functions.runbooks import sections
from tests.functions.world import ROOT

A, B, C = "a" * 64, "b" * 64, "c" * 64
TRUST = {"Statement": {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}}
NAMES = ("Mail", "Token")
TEMPLATE = {
    "Resources": {
        name: {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "FunctionName": f"s-{name}",
                "Runtime": "python3.13",
                "Handler": "index.handler",
                "Role": "arn:aws:iam::123456789012:role/r",
                "Code": {"ZipFile": "handler = print"},
            },
        }
        for name in NAMES
    }
}


class Deployed:
    """A stack of two functions, and the releases that were deployed to it."""

    def __init__(self) -> None:
        boto3.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(TRUST))
        boto3.client("cloudformation").create_stack(StackName="s", TemplateBody=json.dumps(TEMPLATE))
        self.functions = boto3.client("lambda")

    def deploy(self, release: str, *names: str) -> None:
        """As CloudFormation does: a description, a version of it, and the alias at that version."""
        for name in names or NAMES:
            self.functions.update_function_configuration(FunctionName=f"s-{name}", Description=release)
            version = self.functions.publish_version(FunctionName=f"s-{name}")["Version"]
            put = self.functions.update_alias if self._aliased(name) else self.functions.create_alias
            put(FunctionName=f"s-{name}", Name="live", FunctionVersion=version)

    def live(self) -> list[str]:
        """The release of each function, as an invocation of its alias meets it."""
        return [
            self.functions.get_function_configuration(FunctionName=f"s-{name}", Qualifier=self._version(name))[
                "Description"
            ]
            for name in NAMES
        ]

    def _aliased(self, name: str) -> bool:
        return bool(self.functions.list_aliases(FunctionName=f"s-{name}")["Aliases"])

    def _version(self, name: str) -> str:
        version: str = self.functions.get_alias(FunctionName=f"s-{name}", Name="live")["FunctionVersion"]
        return version


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployed]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with mock_aws(config={"lambda": {"use_docker": False}}):
        yield Deployed()


def test_going_back_and_returning(stack: Deployed) -> None:
    stack.deploy(A)
    stack.deploy(B)
    assert rollback.main(["--stack", "s"]) == 0
    assert stack.live() == [A, A]
    assert rollback.main(["--stack", "s", "--release", B[:8]]) == 0
    assert stack.live() == [B, B]


def test_the_runbook_goes_back_and_returns(stack: Deployed) -> None:
    """By its commands as they are written; `make deployed-test` follows them on an emulator."""
    stack.deploy(A)
    stack.deploy(B)
    assert rollback.main(arguments_of("rollback.md", "Go back")) == 0
    assert stack.live() == [A, A]
    assert rollback.main(arguments_of("rollback.md", "Choose a release", RELEASE=B[:8])) == 0
    assert stack.live() == [B, B]


def arguments_of(page: str, heading: str, **variables: str) -> list[str]:
    """What `make` would give to the command."""
    (command,) = sections(page)[heading]
    told = subprocess.run(
        ["bash", "-c", command.replace("make", "make --dry-run", 1)],
        cwd=ROOT,
        env={**os.environ, "STACK": "s", **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    # Within `make test`, make says besides which directory it enters and leaves.
    (line,) = (one for one in told.stdout.splitlines() if "scripts.rollback" in one)
    words = shlex.split(line)
    return words[words.index("scripts.rollback") + 1 :]


def test_a_release_that_was_deployed_again_comes_after_the_one_between(stack: Deployed) -> None:
    for release in (A, B, A):
        stack.deploy(release)
    assert rollback.main(["--stack", "s"]) == 0
    assert stack.live() == [B, B]


def test_a_release_that_was_left_is_not_gone_back_to(stack: Deployed) -> None:
    for release in (A, B):
        stack.deploy(release)
    assert rollback.main(["--stack", "s"]) == 0
    stack.deploy(C)
    assert rollback.main(["--stack", "s"]) == 0
    assert stack.live() == [A, A]
    assert rollback.main(["--stack", "s", "--release", B]) == 0  # unless somebody says so
    assert stack.live() == [B, B]


def test_a_function_that_is_newer_stays(stack: Deployed) -> None:
    stack.deploy(A, "Token")
    stack.deploy(B)
    assert rollback.main(["--stack", "s"]) == 0
    assert stack.live() == [B, A]


def test_functions_of_two_releases_are_brought_to_the_one_that_is_named(
    stack: Deployed, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a rollback leaves them that ended halfway."""
    stack.deploy(A)
    stack.deploy(B)
    stack.functions.update_alias(FunctionName="s-Mail", Name="live", FunctionVersion="1")
    assert stack.live() == [A, B]
    assert rollback.main(["--stack", "s"]) == 2
    assert "not of one release" in capsys.readouterr().err
    assert rollback.main(["--stack", "s", "--release", A]) == 0
    assert stack.live() == [A, A]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [([], "no release before"), (["--release", C], "0 releases"), (["--release", "x"], "0 releases")],
)
def test_without_a_release_to_go_back_to_nothing_moves(
    arguments: list[str], why: str, stack: Deployed, capsys: pytest.CaptureFixture[str]
) -> None:
    stack.deploy(A)
    assert rollback.main(["--stack", "s", *arguments]) == 2
    assert why in capsys.readouterr().err
    assert stack.live() == [A, A]


def test_a_gradual_deployment_is_left_to_codedeploy(stack: Deployed, capsys: pytest.CaptureFixture[str]) -> None:
    stack.deploy(A)
    stack.deploy(B)
    stack.functions.update_alias(
        FunctionName="s-Token", Name="live", RoutingConfig={"AdditionalVersionWeights": {"1": 0.9}}
    )
    assert rollback.main(["--stack", "s"]) == 2
    assert "Stop it in CodeDeploy" in capsys.readouterr().err
    assert stack.live() == [B, B]


def test_what_cannot_be_moved_is_told(
    stack: Deployed, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stack.deploy(A)
    stack.deploy(B)
    call: Any = BaseClient._make_api_call  # type: ignore[attr-defined]  # no stub has it

    def throttled(client: Any, operation: str, asked: Any) -> Any:
        if operation == "UpdateAlias" and asked["FunctionName"] == "s-Mail":
            raise ClientError({"Error": {"Code": "TooManyRequestsException"}}, operation)
        return call(client, operation, asked)

    monkeypatch.setattr(BaseClient, "_make_api_call", throttled)
    assert rollback.main(["--stack", "s"]) == 1
    assert f"Not moved: s-Mail. Run: make rollback with RELEASE={A}" in capsys.readouterr().err
    assert stack.live() == [B, A]
