"""Writes the pages of docs/ that say what the code says already: settings, how local differs from AWS, the APIs.

python scripts/write_docs.py            (tests/docs fails when a page is out of date)
"""

import json
import re
from pathlib import Path
from typing import Any

import yaml

from authserver.management.openapi import OPERATIONS, document
from local.differences import DIFFERENCES
from scripts.costs import cost_page, readme

ROOT = Path(__file__).parent.parent
SETTINGS_HEAD = """# Settings

The parameters of `template.yaml`, which is also where the functions' environment comes from. Give them to
`sam deploy --parameter-overrides`, or to `make run PARAMETERS='Name=Value …'`. Written by `scripts/write_docs.py`.

Durations are in seconds, unless their name says days.

| parameter | environment variable | default | allowed | what it is |
| --- | --- | --- | --- | --- |
"""
DIFFERENCES_HEAD = """# The development server

`make run` expands `template.yaml` with AWS SAM's own translator and serves what comes out, so there is no second table
of routes, permissions or environment variables. Each function runs in processes of its own on `awslambdaric`, AWS's
runtime client, behind a small Runtime API, with only its own environment; DynamoDB is MiniStack and KMS moto, both in
process; both APIs answer in API Gateway's shapes; authorizers, gateway responses and the functions' roles are
evaluated. Code is reloaded when it changes. It refuses to start on anything in the template that it does not
understand. The flow tests run on this same server.

It is ready in a few seconds, because a function starts with its first event: as a fork of one process that has imported
already what most functions import (`local/fork_server.py`). When the server is ready it starts the others once, one
after the other, and tells which cannot be imported; it does so after a change of code as well.

Each request is one line: method, path, status, time and function, without its query and whatever else may be a secret.
Of what functions write, JSON at INFO and below is left out, and problems are shown with their traceback.
`make run JSON=1` shows everything as lines of JSON instead, and `--log FILE` keeps everything in a file.
`.venv/bin/python -m local --help` lists its options. `python -m bench server` measures how soon it is ready, and what
memory it takes.

## How it differs from AWS

Written by `scripts/write_docs.py` from what the server prints at its start.

"""
SAM_LOCAL = """
## `sam local`

`make sam-local` runs the same functions in Lambda's container image (needs Docker, and `make build`), and
`make sam-local-test` the black-box flows against it. `sam local` itself differs: both APIs are on one port, header
names come in title case, form bodies in clear, an authorizer that raises gives 502 instead of 401, and there are no
gateway responses, so refusals carry no challenge of ours.
"""


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's tags as the name they refer to."""


_Loader.add_multi_constructor("!", lambda loader, suffix, node: _tag(loader, suffix, node))


def _tag(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return f"!{suffix} {node.value}"
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return None


def settings_page() -> str:
    template = yaml.load((ROOT / "template.yaml").read_text(), _Loader)  # noqa: S506 - a SafeLoader
    variables = _variables(template)
    rows = [
        f"| `{name}` | {_code(variables.get(name))} | {_code(str(parameter['Default']))} | {_allowed(parameter)}"
        f" | {parameter['Description']} |"
        for name, parameter in template["Parameters"].items()
    ]
    return SETTINGS_HEAD + "\n".join(rows).replace("$default=", "`$default=`") + "\n"


def openapi_page() -> str:
    """The management APIs, at addresses of an example."""
    described = document(OPERATIONS, issuer="https://as.example.com", resource="https://api.example.com")
    return json.dumps(described, indent=2) + "\n"


def differences_page() -> str:
    return DIFFERENCES_HEAD + "\n".join(f"- {difference}" for difference in DIFFERENCES) + "\n" + SAM_LOCAL


def _variables(template: dict[str, Any]) -> dict[str, str]:
    """The environment variable that each parameter sets, directly or within an intrinsic function."""
    environments = [template["Globals"]["Function"]["Environment"]["Variables"]]
    environments += [
        resource.get("Properties", {}).get("Environment", {}).get("Variables", {})
        for resource in template["Resources"].values()
    ]
    found: dict[str, str] = {}
    for environment in environments:
        for variable, value in environment.items():
            for name in re.findall(r"!Ref (\w+)", str(value)):
                found.setdefault(name, variable)
    return found


def _allowed(parameter: dict[str, Any]) -> str:
    if "AllowedValues" in parameter:
        return ", ".join(str(value) for value in parameter["AllowedValues"])
    if "MinValue" in parameter:
        return f"{parameter['MinValue']} to {parameter['MaxValue']}"
    return str(parameter.get("ConstraintDescription", ""))


def _code(text: str | None) -> str:
    return f"`{text}`" if text else ""


def main() -> None:
    (ROOT / "docs" / "settings.md").write_text(settings_page(), encoding="utf-8")
    (ROOT / "docs" / "development-server.md").write_text(differences_page(), encoding="utf-8")
    (ROOT / "docs" / "openapi.json").write_text(openapi_page(), encoding="utf-8")
    (ROOT / "docs" / "cost.md").write_text(cost_page(), encoding="utf-8")
    page = ROOT / "README.md"
    page.write_text(readme(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
