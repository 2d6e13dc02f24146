"""Follows a runbook of docs/operations: runs the commands under one of its headings as they are written there."""

import io
import json
import re
import shlex
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path
from string import Template
from typing import Any
from unittest.mock import patch

import botocore.session
from botocore.validate import ParamValidator
from click.testing import CliRunner

import authserver_cli.stack
from authserver_cli.__main__ import main
from authserver_cli.stack import StackTransport
from local.intrinsics import REGION
from tests.functions.test_admin_by_iam import Session
from tests.functions.world import ROOT, World

FOLDER = ROOT / "docs" / "operations"
RUNBOOKS = tuple(sorted(page.name for page in FOLDER.glob("*.md")))
COMMANDS = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


def sections(page: str) -> dict[str, list[str]]:
    """The commands of a page, each without its line breaks, by the heading above them."""
    text = (FOLDER / page).read_text()
    found: dict[str, list[str]] = {}
    for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        heading, _, body = part.partition("\n")
        lines = "".join(COMMANDS.findall(body)).replace("\\\n", " ").splitlines()
        if lines:
            found[heading] = lines
    return found


class Quiet(Session):
    """The functions run in this process: what they log is not the tool's output."""

    def invoke(self, FunctionName: str, Payload: bytes) -> Any:  # noqa: N803 - boto3's
        with redirect_stdout(io.StringIO()):
            return super().invoke(FunctionName, Payload)


class Operator:
    """Somebody on call, with a shell: `authserver` reaches the functions of `world`, and `aws` its KMS key.

    Other calls of `aws` are checked against the service's model and answered with nothing.
    """

    def __init__(self, world: World, folder: Path) -> None:
        self._world = world
        self._folder = folder
        self.called: list[tuple[str, str, dict[str, Any]]] = []
        """The region, the operation and what was sent, of each call of `aws`."""

    def follow(self, page: str, heading: str, **variables: str) -> list[str]:
        """What each command under the heading printed. `variables` are those that the page uses."""
        return [self._run(line, variables) for line in sections(page)[heading]]

    def _run(self, line: str, variables: Mapping[str, str]) -> str:
        command, _, target = line.partition(" > ")
        command, _, source = command.partition(" < ")
        program, *arguments = (Template(word).substitute(variables) for word in shlex.split(command))
        output = self._authserver(arguments, source) if program == "authserver" else self._aws(*arguments)
        if target:
            (self._folder / target).write_text(output)
        return output

    def _authserver(self, arguments: list[str], source: str) -> str:
        session: Any = Quiet(self._world)
        typed = (self._folder / source).read_text() if source else None
        here = patch.object(authserver_cli.stack, "StackTransport", lambda name: StackTransport(name, session))
        with here:
            result = CliRunner(mix_stderr=False).invoke(main, arguments, typed, env={"AUTHSERVER_STACK": "authserver"})
        assert result.exit_code == 0, (arguments, result.stdout, result.stderr, result.exception)
        return result.stdout

    def _aws(self, service: str, operation: str, *arguments: str) -> str:
        """Runs what the AWS command line would."""
        if operation == "wait":
            operation, arguments = {"table-exists": "describe-table"}[arguments[0]], arguments[1:]
        name = _camel(operation)
        model = botocore.session.get_session().get_service_model(service).operation_model(name)
        shape = model.input_shape
        assert shape
        options = _options(arguments)
        region = options.pop("Region", REGION)
        query = options.pop("Query", "")
        assert options.pop("Output", "text") in {"text", "json"}
        sent = {key: _typed(value, shape.members[key]) for key, value in options.items()}
        report = ParamValidator().validate(sent, shape)
        assert not report.has_errors(), report.generate_report()
        _look_up(query, model.output_shape)
        self.called.append((region, name, sent))
        if service != "kms":
            return ""
        client = self._world.aws.client("kms")
        method = re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
        return json.dumps(getattr(client, method)(**sent), default=str)


def _camel(kebab: str) -> str:
    return "".join(word.title() for word in kebab.split("-"))


def _options(arguments: tuple[str, ...]) -> dict[str, str]:
    options: dict[str, str] = {}
    words = list(arguments)
    while words:
        name = _camel(words.pop(0).removeprefix("--"))
        options[name] = words.pop(0) if words and not words[0].startswith("--") else "true"
    return options


def _look_up(query: str, shape: Any) -> None:
    """Finds the member that `--query` names, such as ``Table.LatestStreamArn``, and fails if the answer has none."""
    for member in filter(None, query.split(".")):
        shape = shape.members[member]


def _typed(value: str, shape: Any) -> Any:
    """A value of the command line as its shape wants it: also the shorthand ``Name=value,Other=value``."""
    match shape.type_name:
        case "boolean":
            return value == "true"
        case "structure":
            pairs = (pair.split("=") for pair in value.split(","))
            return {name: _typed(one, shape.members[name]) for name, one in pairs}
        case "list":
            return json.loads(value)
        case _:
            return value
