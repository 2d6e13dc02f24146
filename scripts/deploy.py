"""`make deploy`: checks the account, says what the stack costs when idle, builds it and deploys it.

It asks no questions, so people and pipelines can use it. `sam deploy --guided` does not work for this template: it asks
for each route whether it may be without an API Gateway authorizer, and fails unless every answer is yes.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from authserver_cli.region import take_region
from local.__main__ import split_parameters
from local.errors import RefusedError
from local.parameters import choose_parameters
from local.template import read_template
from scripts.given_data import GIVEN, data_of, with_given_data

ROOT = Path(__file__).parent.parent
TEMPLATE = ROOT / "template.yaml"
CONFIGURATION = ROOT / "samconfig.toml"
BUILD = ROOT / ".aws-sam" / "build"

CONCURRENCY = 100
"""Concurrent executions that an account needs: what AWS keeps for functions that reserve none. New accounts have 10."""

QUOTA = "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"

ALARM_METRICS = 37  # that the alarms of stacks/alarms.yaml look at, each $0.10

# US dollars per month without requests, in us-east-1; other regions differ by some tenths.
KEY = ("the KMS key that wraps private keys", "$1.00")
STORAGE = ("what is stored", "$0.45 a GB: $0.25 for DynamoDB, free below 25 GB an account, and $0.20 for backups")
ALWAYS = (
    KEY,
    ("erase, once an hour, and rotate_keys, once a day", "less than $0.01"),
    STORAGE,
)
SWITCHED_ON = {
    "LoginConcurrency": "nothing: reserved concurrency is free, and no other function can use it",
    "TokensTableWarmThroughput": "nothing; AWS charges once for raising it",
    "UsersTableWarmThroughput": "nothing; AWS charges once for raising it",
    "MailFrom": "nothing; $0.10 for 1,000 mails",
    "Deployment": "$0.20 for two alarms",
    "Tracing": "nothing; $5.00 for a million traces",
    "AlarmTopic": f"${ALARM_METRICS / 10:.2f} for alarms; $3.00 for the dashboard, beyond the account's first three",
    "Events": "nothing; about $1.20 for a million events: $1.00 for EventBridge, $0.20 for Lambda",
    "AuditChain": "nothing; about $5 for a million acts",
    "AuditArchive": "nothing; about $5 for a million acts, and $0.023 a GB",
    "Canary": "$2.00: $0.50 for its calls, $1.50 for the metrics that they keep alive",
}
OFF = ("", "0", "PassThrough", "Off", "AllAtOnce")

NOT_YET = ("REVIEW_IN_PROGRESS",)
"""What CloudFormation says of a stack that was never created."""

NEVER_WAS = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED")
"""What it says of one whose creation failed: it can be deleted, and nothing else."""


class Refused(Exception):
    """Why there is no deployment, and what to do."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: that of the build or of `sam deploy`, or 2 where neither is begun."""
    options = _options(arguments)
    try:
        take_region()
        session = boto3.Session()
        account = require_account(session)
        given = {**configured(options.config_env), **pairs(split_parameters(options.parameters))}
        stack = described(session, options.stack)
        require_secrets_kept(stack, given)
        parameters = chosen(stack, given)
        if not options.accept_quota:
            require_concurrency(session, parameters)
    except Refused as refused:
        print(f"Not deployed: {refused}", file=sys.stderr)
        return 2
    print(f"Deploying the stack {options.stack} to the account {account} in {session.region_name}.\n")
    print(idle_costs(parameters), flush=True)
    if stack and parameters["DeletionProtection"] == "false" and "WrappingKey" not in parameters:
        print("Its tables are not protected from deletion: DeletionProtection=true does that.\n", flush=True)
    # Each step is made when the one before has succeeded.
    build = ["make", "build", f"ARCHITECTURE={parameters['Architecture']}"]
    for step in chain([build], steps(options.stack, options.config_env, given, parameters, is_new=not stack)):
        code = subprocess.run(step, cwd=ROOT, check=False).returncode
        if code:
            return code
    if not stack:
        print(first_keys(session, options.stack), flush=True)
    print(next_steps(options.stack))
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m scripts.deploy", description=__doc__.partition("\n")[0])
    parser.add_argument("--stack", required=True, help="the stack's name, new or there already")
    parser.add_argument("--parameters", default="", metavar="'NAME=VALUE ...'", help="see docs/settings.md")
    parser.add_argument("--config-env", default="default", help="the profile in samconfig.toml")
    parser.add_argument("--accept-quota", action="store_true", help="deploy though the account's quota is small")
    return parser.parse_args(arguments)


# ------------------------------------------------------------------ the account


def require_account(session: boto3.Session) -> str:
    """The account's identifier. Raises `Refused` without a region or credentials that AWS takes."""
    if not session.region_name:
        raise Refused("There is no region. Set AWS_REGION, or a region in your AWS profile.")
    try:
        return str(session.client("sts").get_caller_identity()["Account"])
    except (BotoCoreError, ClientError) as error:
        raise Refused(
            f"AWS does not accept your credentials ({_why(error)}). Sign in, for example with `aws sso login`, or set"
            " AWS_PROFILE."
        ) from None


def require_concurrency(session: boto3.Session, parameters: Mapping[str, str]) -> None:
    """Raises `Refused` if the account's functions may run too few at once to serve people, or to reserve any."""
    try:
        limit = session.client("lambda").get_account_settings()["AccountLimit"]
    except (BotoCoreError, ClientError) as error:
        raise Refused(f"The quota of Lambda cannot be read ({_why(error)}). --accept-quota goes on without.") from None
    reserved = int(parameters.get("LoginConcurrency", "0") or 0)
    left = limit["UnreservedConcurrentExecutions"] - reserved
    if left < CONCURRENCY:
        reserving = f", of which LoginConcurrency would reserve {reserved}" if reserved else ""
        raise Refused(
            f"The account's Lambda functions may run {limit['UnreservedConcurrentExecutions']} times at once"
            f"{reserving}; {CONCURRENCY} have to be left. Ask AWS for more under Service Quotas, AWS Lambda, Concurrent"
            f" executions ({QUOTA}). To try it with few users: make deploy with QUOTA=accept."
        )


def _why(error: BotoCoreError | ClientError) -> str:
    return str(error.response["Error"]["Code"]) if isinstance(error, ClientError) else str(error)


# ------------------------------------------------------------------ parameters


def configured(environment: str) -> dict[str, str]:
    """The parameters of a profile in samconfig.toml. Raises `Refused` if there is no such profile."""
    profiles = tomllib.loads(CONFIGURATION.read_text())
    if environment not in profiles:
        raise Refused(f"samconfig.toml has no profile {environment}.")
    overrides = profiles[environment].get("deploy", {}).get("parameters", {}).get("parameter_overrides", [])
    return pairs(split_parameters(overrides) if isinstance(overrides, str) else overrides)


def pairs(written: Sequence[str]) -> dict[str, str]:
    """``NAME=VALUE`` by name. Raises `Refused`."""
    for one in written:
        if "=" not in one:
            raise Refused(f"{one!r} is no parameter: write NAME=VALUE, and quote a value with blanks in it.")
    return {name: value for name, _, value in (one.partition("=") for one in written)}


def chosen(stack: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, str]:
    """Every parameter as it will be: what is given, else what the stack has, else the default. Raises `Refused`.

    Where there is one of a table or of the key, all of them are declared, and must be there.
    """
    template = read_template(TEMPLATE)
    before = {one["ParameterKey"]: one["ParameterValue"] for one in stack.get("Parameters", [])}
    declared = (with_given_data(template) if data_of(template).keys() & {*given, *before} else template)["Parameters"]
    present = {name: value for name, value in before.items() if name in declared}
    try:
        return choose_parameters(declared, {**present, **given}, {})
    except RefusedError as error:
        raise Refused(f"{error}. docs/settings.md lists the parameters.") from None


def require_secrets_kept(stack: Mapping[str, Any], given: Mapping[str, str]) -> None:
    """Raises `Refused` where the AuthorizationApi requires the secret of CloudFront by a parameter that was of both
    APIs in an earlier template: its own is new, and by its default the API would take requests from anywhere."""
    before = {one["ParameterKey"]: one["ParameterValue"] for one in stack.get("Parameters", [])}
    digests = before.get("OriginSecretDigests")
    if digests and before.get("AuthEdgeTarget") and "AuthOriginSecretDigests" not in {*before, *given}:
        other = "" if before.get("EdgeTarget") else " OriginSecretDigests="
        raise Refused(
            "OriginSecretDigests of the stack is of the ResourceApi alone now, and the AuthorizationApi would take"
            " requests that did not come through CloudFront. Add to PARAMETERS:"
            f" AuthOriginSecretDigests={digests}{other}"
        )


def described(session: boto3.Session, stack: str) -> Mapping[str, Any]:
    """What CloudFormation tells of the stack, empty if there is none. Raises `Refused`."""
    try:
        found = session.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in str(error):
            return {}
        raise Refused(f"The stack {stack} cannot be read ({_why(error)}).") from None
    except BotoCoreError as error:
        raise Refused(f"The stack {stack} cannot be read ({_why(error)}).") from None
    if found.get("StackStatus") in NEVER_WAS:
        raise Refused(
            f"The creation of the stack {stack} failed, and nothing can be deployed to what is left of it. Read why in"
            f" its events, then delete it: {deletion(session, stack)}"
        )
    return {} if found.get("StackStatus") in NOT_YET else found


def deletion(session: boto3.Session, stack: str) -> str:
    """The command for it. The region of an edge is not the operator's."""
    return f"aws cloudformation delete-stack --region {session.region_name} --stack-name {stack}"


# ------------------------------------------------------------------ what is said and done


def idle_costs(parameters: Mapping[str, str]) -> str:
    """What the stack costs per month without requests, an item in each line."""
    on = [(name, price) for name, price in SWITCHED_ON.items() if parameters.get(name, "") not in OFF]
    others = (KEY, STORAGE) if "WrappingKey" in parameters else ()  # of the stack that has the data
    lines = [f"  {item}: {price}" for item, price in (*ALWAYS, *on) if (item, price) not in others]
    return "\n".join(["Without requests, the stack costs per month (list prices of us-east-1):", *lines, ""])


def steps(
    stack: str, environment: str, given: Mapping[str, str], parameters: Mapping[str, str], *, is_new: bool
) -> Iterator[list[str]]:
    """The commands that deploy what was built.

    A new stack gets the deletion protection of its tables by an update: with it from the start, a creation that fails
    could not be rolled back, and would leave tables behind. Both steps deploy the same release.
    """
    given = {"Release": release(BUILD, parameters), **given}
    if "WrappingKey" in parameters:
        yield [sys.executable, "-m", "scripts.given_data"]
        yield [*command(stack, environment, given), "--template-file", str(GIVEN)]
    elif is_new and parameters["DeletionProtection"] == "true":
        yield command(stack, environment, {**given, "DeletionProtection": "false"})
        print("\nThe stack is there. Now its tables are protected from deletion.\n", flush=True)
        yield command(stack, environment, {**given, "DeletionProtection": "true"})
    else:
        yield command(stack, environment, given)


def command(stack: str, environment: str, given: Mapping[str, str]) -> list[str]:
    """`sam deploy`, which asks nothing."""
    overrides = [f'{name}="{value}"' for name, value in given.items()]  # no parameter takes a quote or a backslash
    return [
        str(Path(sys.executable).with_name("sam")),
        *("deploy", "--stack-name", stack, "--config-env", environment),
        *("--resolve-s3", "--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"),
        *("--no-confirm-changeset", "--no-fail-on-empty-changeset"),
        *(("--parameter-overrides", *overrides) if overrides else ()),
    ]


def first_keys(session: boto3.Session, stack: str) -> str:
    """Runs the function `rotate_keys` of a new stack once, which its schedule does only a day later; what came of it.

    Without it, the first function that needs a key makes it, and the audit has no key for addresses until then.
    """
    try:
        resources = session.client("cloudformation")
        found = resources.describe_stack_resource(StackName=stack, LogicalResourceId="RotateKeysFunction")
        name = found["StackResourceDetail"]["PhysicalResourceId"]
        answer = session.client("lambda").invoke(FunctionName=name, Qualifier="live")
        why = answer.get("FunctionError", "")
    except (BotoCoreError, ClientError) as error:
        why = _why(error)
    return f"Its first keys are not made yet ({why}): invoke the function rotate_keys." if why else "Its keys are made."


UNRELEASED = ("Release", "Deployment", "AuthOriginSecretDigests", "OriginSecretDigests")
"""Parameters that no function depends on: the digest itself, how what it names gets there, what stages alone have."""


def release(build: Path, parameters: Mapping[str, str]) -> str:
    """The SHA-256 digest, in hexadecimal, of what was built and of the parameters: a function that has it in its
    description is as they say, whichever of its layers, its own code and its environment changed."""
    digest = hashlib.sha256()
    for file in sorted(path for path in build.rglob("*") if path.is_file()):
        digest.update(f"{file.relative_to(build)}\0{file.stat().st_size}\0".encode())
        digest.update(file.read_bytes())
    told = {name: value for name, value in parameters.items() if name not in UNRELEASED}
    digest.update(json.dumps(told, sort_keys=True).encode())
    return digest.hexdigest()


def next_steps(stack: str) -> str:
    """What an operator does after a deployment."""
    tool = f".venv/bin/authserver --stack {stack}"
    return f"""
Deployed. The outputs above have the issuer and the address of the ResourceApi. Next, with your own AWS permissions:

  {tool} users create alice --email alice@example.com --password
  {tool} clients create "My application" --redirect-uri https://app.example/callback

docs/cli.md has every command, docs/deploy.md what comes then: mail, your own domain, your own APIs."""


if __name__ == "__main__":
    sys.exit(main())
