"""`make deploy`, up to what it tells `sam`: which accounts it refuses, which parameters it passes, what it says."""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, NoCredentialsError
from samcli.cli.types import CfnParameterOverridesType

from local.template import read_template
from scripts import deploy
from scripts.given_data import GIVEN

ROOT = Path(__file__).parent.parent.parent
PARAMETERS = read_template(ROOT / "template.yaml")["Parameters"]


def refused_by_aws(code: str, message: str = "") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "Operation")


class Account:
    """An AWS account, as a boto3 session shows it."""

    def __init__(self) -> None:
        self.region_name: str | None = "eu-central-1"
        self.identity: dict[str, Any] | Exception = {"Account": "123456789012"}
        self.concurrency: int | Exception = 1000
        self.status = "UPDATE_COMPLETE"
        self.stack: dict[str, str] | Exception = refused_by_aws("ValidationError", "Stack s does not exist")
        self.rotation: dict[str, str] | Exception = {}
        self.invoked: list[tuple[str, str]] = []

    def client(self, _service: str) -> "Account":
        return self

    def get_caller_identity(self) -> Any:
        return answer(self.identity)

    def get_account_settings(self) -> Mapping[str, Any]:
        return {"AccountLimit": {"UnreservedConcurrentExecutions": answer(self.concurrency)}}

    def describe_stacks(self, StackName: str) -> Mapping[str, Any]:  # noqa: N803 - boto3's name
        assert StackName == "s"
        parameters = [{"ParameterKey": name, "ParameterValue": value} for name, value in answer(self.stack).items()]
        return {"Stacks": [{"StackStatus": self.status, "Parameters": parameters}]}

    def describe_stack_resource(self, StackName: str, LogicalResourceId: str) -> Mapping[str, Any]:  # noqa: N803 - boto3's
        return {"StackResourceDetail": {"PhysicalResourceId": f"{StackName}-{LogicalResourceId}"}}

    def invoke(self, FunctionName: str, Qualifier: str) -> Any:  # noqa: N803 - boto3's
        self.invoked.append((FunctionName, Qualifier))
        return answer(self.rotation)


def answer(given: Any) -> Any:
    if isinstance(given, Exception):
        raise given
    return given


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Account:
    made = Account()
    monkeypatch.setattr("boto3.Session", lambda: made)
    return made


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[list[str]]:
    """What is run, all of it with success; nothing is built."""
    monkeypatch.setattr(deploy, "BUILD", tmp_path / "build")
    run: list[list[str]] = []

    def note(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        run.append(command)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr("subprocess.run", note)
    return run


def overrides(command: list[str]) -> dict[str, str]:
    """The parameters as `sam` reads them."""
    at = command.index("--parameter-overrides") + 1
    read: dict[str, str] = CfnParameterOverridesType().convert(tuple(command[at:]), None, None)
    return read


def given_to_sam(command: list[str]) -> dict[str, str]:
    """The same without the release, which is of each deployment."""
    read = overrides(command)
    assert re.fullmatch("[0-9a-f]{64}", read.pop("Release"))
    return read


def test_a_deployment_is_checked_built_and_made_without_a_question(
    account: Account, commands: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert deploy.main(["--stack", "s"]) == 0
    build, sam, _ = commands
    assert build == ["make", "build", "ARCHITECTURE=x86_64"]
    assert sam[1:4] == ["deploy", "--stack-name", "s"]
    assert {"--no-confirm-changeset", "--no-fail-on-empty-changeset", "--resolve-s3", "CAPABILITY_IAM"} <= set(sam)
    assert not {"--guided", "-g", "--confirm-changeset"} & set(sam)
    said = capsys.readouterr().out
    assert "the account 123456789012 in eu-central-1" in said
    assert "KMS key that wraps private keys: $1.00" in said
    assert "authserver --stack s users create" in said


def test_a_new_stack_makes_its_first_keys_and_one_that_is_there_has_them(
    account: Account, commands: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert deploy.main(["--stack", "s"]) == 0
    assert "Its keys are made." in capsys.readouterr().out
    account.stack = {"DeletionProtection": "true"}
    assert deploy.main(["--stack", "s"]) == 0
    assert "keys are" not in capsys.readouterr().out
    assert account.invoked == [("s-RotateKeysFunction", "live")]


@pytest.mark.parametrize(
    ("rotation", "why"),
    [({"FunctionError": "Unhandled"}, "Unhandled"), (refused_by_aws("AccessDenied"), "AccessDenied")],
)
def test_keys_that_were_not_made_are_told_and_the_stack_is_deployed(
    rotation: Any, why: str, account: Account, commands: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    account.rotation = rotation
    assert deploy.main(["--stack", "s"]) == 0
    said = capsys.readouterr().out
    assert f"Its first keys are not made yet ({why}" in said
    assert "invoke the function rotate_keys" in said


@pytest.mark.parametrize(
    "given",
    [
        {"Issuer": "https://login.example.com"},
        {"RouteScopes": "GET /orders=orders.read, POST /orders=orders.write", "MailFrom": "a@example.com"},
        {"RedirectSchemes": "", "KeyRotationDays": "30"},
    ],
    ids=lambda given: ",".join(given),
)
def test_sam_reads_the_parameters_that_were_given(
    given: dict[str, str], account: Account, commands: list[list[str]]
) -> None:
    written = " ".join(f"{name}={value}" for name, value in given.items())
    assert deploy.main(["--stack", "s", "--parameters", written]) == 0
    assert [given_to_sam(one) for one in commands[1:]] == [
        {**given, "DeletionProtection": "false"},
        {**given, "DeletionProtection": "true"},
    ]


def test_a_stack_that_is_there_is_updated_once_with_what_was_given_alone(
    account: Account, commands: list[list[str]]
) -> None:
    account.stack = {"DeletionProtection": "true", "KeyRotationDays": "30"}
    assert deploy.main(["--stack", "s", "--parameters", "KeyRotationDays=60"]) == 0
    assert [given_to_sam(one) for one in commands[1:]] == [{"KeyRotationDays": "60"}]


def test_a_new_stack_without_protection_needs_no_second_step(account: Account, commands: list[list[str]]) -> None:
    account.stack, account.status = {}, "REVIEW_IN_PROGRESS"
    assert deploy.main(["--stack", "s", "--parameters", "DeletionProtection=false"]) == 0
    assert [given_to_sam(one) for one in commands[1:]] == [{"DeletionProtection": "false"}]


def test_a_creation_that_fails_is_not_followed_by_the_protection_of_tables(
    account: Account, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run: list[list[str]] = []

    def fail_to_deploy(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        run.append(command)
        return subprocess.CompletedProcess(command, int("deploy" in command))

    monkeypatch.setattr("subprocess.run", fail_to_deploy)
    assert deploy.main(["--stack", "s"]) == 1
    assert [given_to_sam(one) for one in run[1:]] == [{"DeletionProtection": "false"}]
    assert "The stack is there" not in capsys.readouterr().out


def test_a_stack_whose_tables_are_not_protected_is_told_so(
    account: Account, commands: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    account.stack = {"DeletionProtection": "false"}
    assert deploy.main(["--stack", "s"]) == 0
    assert "not protected from deletion" in capsys.readouterr().out


@pytest.mark.parametrize("status", ["ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED"])
def test_what_a_failed_creation_left_is_to_be_deleted_first(
    status: str, account: Account, commands: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    account.stack, account.status = {}, status
    assert deploy.main(["--stack", "s"]) == 2
    assert commands == []
    assert "aws cloudformation delete-stack --region eu-central-1 --stack-name s" in capsys.readouterr().err


EARLIER = {
    "AuthDomainName": "login.example.com",
    "CertificateArn": "arn:aws:acm:eu-central-1:123456789012:certificate/a",
}
EARLIER |= {"AuthEdgeTarget": "d1.cloudfront.net", "OriginSecretDigests": "0" * 64}


@pytest.mark.parametrize("apis", ["both", "one"])
def test_an_api_that_takes_requests_through_cloudfront_alone_is_not_opened_by_an_update(
    apis: str, account: Account, commands: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    """The parameter was of both APIs, and the AuthorizationApi has one of its own since, which by its default requires
    no secret. What the refusal says to add is taken."""
    both = {"DomainName": "api.example.com", "EdgeTarget": "d2.cloudfront.net"}
    account.stack = {**EARLIER, **(both if apis == "both" else {})}
    assert deploy.main(["--stack", "s"]) == 2
    assert commands == []
    added = capsys.readouterr().err.partition("Add to PARAMETERS: ")[2].strip()
    assert added == f"AuthOriginSecretDigests={'0' * 64}" + ("" if apis == "both" else " OriginSecretDigests=")
    assert deploy.main(["--stack", "s", "--parameters", added]) == 0
    assert given_to_sam(commands[1])["AuthOriginSecretDigests"] == "0" * 64


@pytest.mark.parametrize("digests", ["", "0" * 64])
def test_an_api_whose_secret_is_its_own_keeps_it(digests: str, account: Account, commands: list[list[str]]) -> None:
    """One of a second domain is not required before `make edge-secret`."""
    account.stack = {**EARLIER, "AuthOriginSecretDigests": digests, "DomainName": "api.example.com"}
    account.stack["EdgeTarget"] = "d2.cloudfront.net"
    assert deploy.main(["--stack", "s"]) == 0
    assert given_to_sam(commands[1]) == {}


KEY = "arn:aws:kms:eu-central-1:123456789012:key/mrk-0123456789abcdef0123456789abcdef"
DATA = {
    name: f"old-{name}"
    for name in ("ClientsTable", "UsersTable", "TokensTable", "KeysTable", "ConfigurationTable", "AuditTable")
}


@pytest.mark.parametrize("is_there", [False, True])
def test_a_stack_that_is_given_its_data_makes_none(
    is_there: bool, account: Account, commands: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    """And is given it from then on, whatever else is."""
    given = {**DATA, "WrappingKey": KEY}
    if is_there:
        account.stack = given
    written = "KeyRotationDays=60" if is_there else " ".join(f"{name}={value}" for name, value in given.items())
    assert deploy.main(["--stack", "s", "--parameters", written]) == 0
    _, write, sam = commands
    assert write[1:] == ["-m", "scripts.given_data"]
    assert sam[-2:] == ["--template-file", str(GIVEN)]
    assert given_to_sam(sam[:-2]) == ({"KeyRotationDays": "60"} if is_there else given)
    said = capsys.readouterr().out
    assert "KMS key" not in said
    assert "protected" not in said


@pytest.mark.parametrize("missing", [*DATA, "WrappingKey"])
def test_all_tables_and_the_key_are_given_or_none(
    missing: str, account: Account, commands: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    given = {**DATA, "WrappingKey": KEY}
    del given[missing]
    assert deploy.main(["--stack", "s", "--parameters", " ".join(f"{one}={two}" for one, two in given.items())]) == 2
    assert commands == []
    assert missing in capsys.readouterr().err


def test_a_release_is_what_was_built_and_the_parameters_and_nothing_else(tmp_path: Path) -> None:
    def release(text: str = "x = 1", name: str = "core/a.py", **parameters: str) -> str:
        build = tmp_path / str(len(list(tmp_path.iterdir())))
        (build / name).parent.mkdir(parents=True)
        (build / name).write_text(text)
        return deploy.release(build, {"MailFrom": "", **parameters})

    assert release() == release()
    assert release(Release="a" * 64, Deployment="Canary10Percent5Minutes") == release()
    different = [release("x = 2"), release(name="core/b.py"), release(MailFrom="a@example.com"), release("")]
    assert len({release(), *different}) == len(different) + 1


def test_a_profile_has_parameters_and_the_command_line_goes_before_it(
    account: Account, commands: list[list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    profile = tmp_path / "samconfig.toml"
    profile.write_text(
        '[production.deploy.parameters]\nparameter_overrides = ["Issuer=https://a.example", "Registration=Open"]\n'
    )
    monkeypatch.setattr(deploy, "CONFIGURATION", profile)
    assert deploy.main(["--stack", "s", "--config-env", "production", "--parameters", "Registration=Off"]) == 0
    assert {"Issuer": "https://a.example", "Registration": "Off"}.items() <= overrides(commands[-1]).items()
    assert commands[-1][commands[-1].index("--config-env") + 1] == "production"
    assert deploy.main(["--stack", "s", "--config-env", "another"]) == 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"region_name": None}, "AWS_REGION"),
        ({"identity": NoCredentialsError()}, "does not accept your credentials"),
        ({"identity": refused_by_aws("ExpiredToken")}, "ExpiredToken"),
        ({"concurrency": 10}, "10 times at once"),
        ({"concurrency": refused_by_aws("AccessDenied")}, "quota of Lambda cannot be read (AccessDenied)"),
        ({"stack": refused_by_aws("AccessDenied")}, "The stack s cannot be read (AccessDenied)"),
        ({"stack": {"LoginConcurrency": "950"}}, "of which LoginConcurrency would reserve 950"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_an_account_that_cannot_take_it_is_refused_before_anything_is_built(
    change: dict[str, Any], said: str, account: Account, commands: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in change.items():
        setattr(account, name, value)
    assert deploy.main(["--stack", "s"]) == 2
    assert commands == []
    assert said in capsys.readouterr().err


def test_what_is_built_is_for_the_processors_that_the_stack_has(account: Account, commands: list[list[str]]) -> None:
    account.stack = {"Architecture": "arm64"}
    assert deploy.main(["--stack", "s"]) == 0
    assert commands[0] == ["make", "build", "ARCHITECTURE=arm64"]


def test_a_small_quota_can_be_accepted(account: Account, commands: list[list[str]]) -> None:
    account.concurrency = 10
    assert deploy.main(["--stack", "s", "--accept-quota"]) == 0
    assert commands


@pytest.mark.parametrize("written", ["Issuer=ftp://x", "NoSuchParameter=1", "CodeLifetime=soon", "nonsense"])
def test_parameters_that_cloudformation_would_refuse_are_told_at_once(
    written: str, account: Account, commands: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert deploy.main(["--stack", "s", "--parameters", written]) == 2
    assert commands == []
    assert "Not deployed: " in capsys.readouterr().err


def test_what_is_switched_on_is_among_the_costs(
    account: Account, commands: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where the stack has it from before."""
    account.stack = {"MailFrom": "a@example.com", "Removed": "since"}
    assert deploy.main(["--stack", "s", "--parameters", "Tracing=Active"]) == 0
    said = capsys.readouterr().out
    assert "MailFrom: nothing; $0.10 for 1,000 mails" in said
    assert "Tracing: " in said
    assert "LoginConcurrency" not in said


def test_every_price_is_of_a_parameter_whose_default_costs_nothing() -> None:
    assert deploy.SWITCHED_ON.keys() <= PARAMETERS.keys()
    assert {str(PARAMETERS[name]["Default"]) for name in deploy.SWITCHED_ON} <= set(deploy.OFF)


def test_a_build_that_fails_deploys_nothing(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    run: list[list[str]] = []

    def fail(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        run.append(command)
        return subprocess.CompletedProcess(command, 3)

    monkeypatch.setattr("subprocess.run", fail)
    assert deploy.main(["--stack", "s"]) == 3
    assert run == [["make", "build", "ARCHITECTURE=x86_64"]]


def test_make_says_which_stack_is_missing() -> None:
    done = subprocess.run(
        ["make", "-s", "deploy", "-o", ".venv/.installed"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "make deploy STACK=authserver" in done.stderr


@pytest.mark.parametrize("page", ["README.md", "docs/deploy.md"])
def test_the_documented_commands_are_those_that_ask_nothing(page: str) -> None:
    text = (ROOT / page).read_text()
    assert re.search(r"^make deploy STACK=authserver$", text, re.MULTILINE)
    assert not re.search(r"^\s*(\S*/)?sam deploy", text, re.MULTILINE)
