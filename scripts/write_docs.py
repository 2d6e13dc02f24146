"""Writes the pages of docs/ that say what the code says already: settings, how local differs from AWS, the APIs,
what the reasons in the log mean.

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
from scripts.event_pages import event_page, event_schemas
from scripts.on_call import on_call_page

ROOT = Path(__file__).parent.parent
SETTINGS_HEAD = """# Settings

The parameters of `template.yaml`, which sets the functions' environment variables from them. Set them with `make deploy
PARAMETERS='Name=Value …'` or `make run PARAMETERS='Name=Value …'`. `scripts/write_docs.py` writes this page.

Durations are in seconds, unless their name says days.

| parameter | environment variable | default | allowed | meaning |
| --- | --- | --- | --- | --- |
"""
DIFFERENCES_HEAD = """# The development server

`make run` starts the development server: the whole deployment on your machine. It expands `template.yaml` with AWS
SAM's translator and serves the result, so routes, permissions and environment variables are those of the template.

- Each function runs in its own processes on `awslambdaric`, AWS's runtime client, behind a small Runtime API, with only
  its own environment.
- DynamoDB is MiniStack and KMS is moto, both in the server's process.
- Both APIs answer in the formats of API Gateway. The server evaluates authorizers, gateway responses and the functions'
  roles.
- The server reloads code when it changes. It refuses to start if the template has something that it does not support.
- The flow tests run on this server.

It needs `git`, `make`, Python 3.13 and a network to a package index. The first start sets up `.venv` (less than a
minute, 0.2 GB; `make test` extends it to 0.8 GB). `scripts/install-browser` installs Chromium for the browser tests.

```
make run PORT=4000 RESOURCE_PORT=4001 SEED=my-seed.json PARAMETERS='AccessTokenLifetime=600 RefreshTokenGrace=0'
```

The server is ready in a few seconds, because a function starts with its first event, as a fork of one process that has
already imported what most functions need (`local/fork_server.py`). When the server is ready, and after each change of
code, it starts every other function once and reports which of them cannot be imported.

Each request prints one line with method, path, status, time and function, without the query and other possible secrets.
The server omits the JSON that functions log at INFO and below, and shows problems with their traceback. `make run
JSON=1` prints everything as lines of JSON instead, and `--log FILE` writes everything to a file. `.venv/bin/python -m
local --help` lists all options. `python -m bench server` measures the time until the server is ready, and its memory.

## How it differs from AWS

`scripts/write_docs.py` writes this list from what the server prints at its start.

"""
SAM_LOCAL = """
## `sam local`

`make sam-local` runs the same functions in Lambda's container image (it needs Docker, and `make build`), and `make
sam-local-test` runs the black-box flows against it. It stops on Ctrl-C, SIGINT and SIGTERM, also in the background, and
removes its containers. `sam local` itself differs from AWS: both APIs are on one port,
header names are in title case, form bodies are not encoded, an authorizer that raises an error answers 502 instead of
401, and there are no gateway responses, so refusals have no challenge.
"""


class _Loader(yaml.CSafeLoader):
    """Reads CloudFormation's tags as the name they refer to."""


_Loader.add_multi_constructor("!", lambda loader, suffix, node: _tag(loader, suffix, node))


def _tag(loader: yaml.CSafeLoader, suffix: str, node: yaml.Node) -> Any:
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
    (ROOT / "docs" / "events.md").write_text(event_page(), encoding="utf-8")
    (ROOT / "docs" / "events.schema.json").write_text(event_schemas(), encoding="utf-8")
    page = ROOT / "README.md"
    page.write_text(readme(page.read_text(encoding="utf-8")), encoding="utf-8")
    (ROOT / "docs" / "operations" / "on-call.md").write_text(on_call_page(), encoding="utf-8")


if __name__ == "__main__":
    main()
