"""What the pages name exists: parameters, outputs, routes, operations, commands, options, targets, modules, files."""

import json
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import click
import pytest
from samtranslator.yaml_helper import yaml_parse

from authserver_cli.__main__ import main
from local.template import read_template
from scripts.given_data import with_given_data
from scripts.package import ARTIFACTS
from tests.docs.pages import FENCE, ROOT, every_page, name_of, spans

TEMPLATE = (ROOT / "template.yaml").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
OPENAPI = json.loads((ROOT / "docs" / "openapi.json").read_text(encoding="utf-8"))
# Words of other systems and of standards that look like names of ours.
OTHERS = {
    "docs/clients.md": {"ClientSecretBasic", "PrivateKeyJwt"},
    "docs/migration/cognito.md": {"ClientId", "ClientSecret", "InitiateAuth"},
    "docs/operations/kms-key.md": {"PendingDeletion"},
    "docs/protect-your-api.md": {"AuthorizationScopes"},
    "docs/threat-model.md": {"HttpOnly", "SameSite"},
    "docs/decisions/sign-in.md": {"SameSite"},
    "docs/operations/package.md": {"CfnInclude"},
    "docs/recipes/spring-boot.md": {"JwtDecoderFactory"},
    "docs/settings.md": {"Name"},
}
# Pages that tell of the routes of other systems; tests of their own compare them with what is answered.
ROUTES_OF_OTHERS = ("docs/placeos.md", "docs/pleo.md", "docs/migration/", "examples/", "docs/recipes/")
# Examples of an API of one's own, of another program's address, and the ends of paths that a table has begun.
EXAMPLES = {
    "/orders",
    "/companies/{}/entries",
    "/callback",
    "/api/auth/callback/{}",
    "/auth/callback/{}",
    "/stage",
    "/...",
}
ENDS = {"docs/developer-portal.md": {"/settings", "/secrets", "/activity", "/delete"}}
LOCAL = {"/outbox", "/callback"}  # of the development server

PAGES = pytest.mark.parametrize("page", every_page(), ids=name_of)


def section(name: str) -> set[str]:
    """The logical names in a section of the template."""
    text = re.split(rf"^{name}:\n", TEMPLATE, flags=re.MULTILINE)[1]
    return set(re.findall(r"^  (\w+):", re.split(r"^\w", text, maxsplit=1, flags=re.MULTILINE)[0], re.MULTILINE))


PARAMETERS = section("Parameters")
# What a parameter or an attribute of a resource may be, on one line or on a line each.
VALUES = {value for values in re.findall(r"AllowedValues: \[(.*?)\]", TEMPLATE) for value in values.split(", ")}
VALUES |= {
    value
    for values in re.findall(r"AllowedValues:\n((?: +- .+\n)+)", TEMPLATE)
    for value in re.findall("- (.+)", values)
}
VALUES |= set(re.findall(r"^    DeletionPolicy: (\w+)$", TEMPLATE, re.MULTILINE))
# Where outputs are published, in the Parameter Store of Systems Manager.
PUBLISHED = {
    path.replace("${AWS::StackName}", "{}") for path in re.findall(r'Type: String, Name: !Sub "(/[^"]+)"', TEMPLATE)
}


@cache
def derived() -> set[str]:
    """The parameters of templates that are made of this one, for given tables and key, and for other tools; and the
    parameters and outputs of the edge."""
    given = with_given_data(read_template(ROOT / "template.yaml"))["Parameters"]
    edge = yaml_parse((ROOT / "stacks" / "edge.yaml").read_text(encoding="utf-8"))
    return {*given, *ARTIFACTS, *edge["Parameters"], *edge["Outputs"]}


def types(text: str) -> set[str]:
    """The last parts of the types of CloudFormation that a page names, such as Table of AWS::DynamoDB::Table."""
    return set(re.findall(r"\bAWS::\w+::(\w+)", text))


@cache
def packages() -> set[str]:
    """What a pinned requirement installs."""
    pinned = "".join(path.read_text(encoding="utf-8") for path in ROOT.glob("requirements-*.txt"))
    return set(re.findall(r"^([\w.-]+)(?:\[\w,]+\])?==", pinned, re.MULTILINE))


@cache
def classes() -> set[str]:
    """The classes of the code."""
    text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "layers" / "core").rglob("*.py"))
    return set(re.findall(r"^class (\w+)", text, re.MULTILINE))


def lines_of_blocks(text: str) -> Iterator[str]:
    """The lines of fenced blocks, those that go on joined."""
    for found in FENCE.finditer(text):
        yield from re.sub(r"\\\n\s*", "", found[0]).splitlines()[1:-1]


def commands(text: str, program: str) -> list[str]:
    """What a page has of a program, in backticks, and in blocks at the beginning of a line or behind a pipe."""
    begins = re.compile(rf"^(?:.*[|;(] *)?(?:\.venv/bin/)?(?={program} )")
    in_blocks = [begins.sub("", line) for line in lines_of_blocks(text)]
    return [one for one in [*spans(text), *in_blocks] if one.startswith(f"{program} ")]


@PAGES
def test_parameters_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    given = [name for span in spans(text) for name in re.findall(r"(?<![\w.-])([A-Z][a-z]+[A-Za-z]*)=", span)]
    for command in commands(text, "make"):
        given += re.findall(r"(?:^|[\s'=])([A-Z][a-z]\w*)=", command.partition("PARAMETERS=")[2])
    assert set(given) - PARAMETERS - derived() - OTHERS.get(name_of(page), set()) == set()


@PAGES
def test_names_of_the_template_and_of_the_code_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = {span for span in spans(text) if re.fullmatch(r"(?:[A-Z][a-z]+){2,}\d?", span)}
    known = PARAMETERS | derived() | VALUES | section("Outputs") | section("Resources") | classes() | types(text)
    assert named - known - OTHERS.get(name_of(page), set()) == set()


@cache
def routes() -> set[str]:
    """The routes of the template, with {} for each parameter and {+} for all that follows."""
    paths = [quoted or plain for quoted, plain in re.findall(r'Path: (?:"(/[^"]+)"|(/[^\s,}]+))', TEMPLATE)]
    return {re.sub(r"\{\w+\}", "{}", re.sub(r"\{\w+\+\}", "{+}", path)) for path in paths}


@cache
def operations() -> set[tuple[str, str]]:
    return {
        (method.upper(), re.sub(r"\{\w+\}", "{}", path))
        for path, described in OPENAPI["paths"].items()
        for method in described
    }


def is_routed(path: str) -> bool:
    patterns = ("[^/]+".join(map(re.escape, route.split("{}"))).replace(re.escape("{+}"), ".+") for route in routes())
    return any(re.fullmatch(pattern, path) for pattern in patterns)


def exists(methods: str, path: str) -> bool:
    """Whether a path, and each of its methods if it has any, is one of the APIs'; or what operations are beneath."""
    if path in LOCAL or path in EXAMPLES or path in PUBLISHED:
        return True
    here = {method for method, operation in operations() if operation == path}
    if path.startswith(("/admin", "/account", "/partner")):
        asked = set(re.findall("[A-Z]+", methods))
        return asked <= here if here else any(operation.startswith(f"{path}/") for _, operation in operations())
    return is_routed(path) or any(route.startswith(f"{path}/") for route in routes())


@PAGES
def test_routes_exist(page: Path) -> None:
    if name_of(page).startswith(ROUTES_OF_OTHERS):
        return
    for span in spans(page.read_text(encoding="utf-8")):
        found = re.fullmatch(r"((?:[A-Z]{3,6}(?:, )?)*) ?(/[a-z.][^\s`=]*?)(?:\?.*)?(?:=.*)?", span)
        if not found or found[1] in {"METHOD", "ANY"} or "…" in found[2] or found[2] in ENDS.get(name_of(page), set()):
            continue
        path = re.sub(r"\{\w+\}|<[\w ]+>|auth0%7C5f7c", "{}", found[2])
        path = re.sub(r"\{path\+\}$", "{}", path)
        assert exists(found[1], path), span


@PAGES
def test_commands_of_the_tool_exist(page: Path) -> None:
    for command in commands(page.read_text(encoding="utf-8"), "authserver"):
        try:
            command = re.sub(r"\$\(.*?\)", "", command)
            words = shlex.split(re.split(r" \|\|? | > | \(|; ", command)[0])[1:]
        except ValueError:  # a quotation that a later line ends
            words = command.split()[1:]
        at: click.Command = main
        options = options_of(main)
        for word in words:
            name = word.partition("=")[0].strip("[]")
            if name.startswith("-") and name != "-":
                assert name in options, command
            elif isinstance(at, click.Group) and name in at.commands:
                at = at.commands[name]
                options |= options_of(at)
        assert at is not main or words[0].startswith("-"), command
        if isinstance(at, click.Group) and at is not main:
            rest = [word for word in words[words.index(at.name or "") + 1 :] if not word.startswith(("-", "…"))]
            assert rest == [], command


def options_of(command: click.Command) -> set[str]:
    every = {"--help", "-h"}
    for parameter in command.params:
        every |= {*parameter.opts, *parameter.secondary_opts}
    return every


@PAGES
def test_targets_exist(page: Path) -> None:
    for command in commands(page.read_text(encoding="utf-8"), "make"):
        for target in re.findall(r"^make ([a-z][\w-]*)", command):
            assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE), command


@PAGES
def test_modules_exist(page: Path) -> None:
    for module in re.findall(r"python3? -m ([\w.]+)", page.read_text(encoding="utf-8")):
        path, top = ROOT / module.replace(".", "/"), module.partition(".")[0]
        ours = path.with_suffix(".py").exists() or (path / "__main__.py").exists()
        assert ours or top in {"pip", *sys.stdlib_module_names, *packages()}, module


@PAGES
def test_environment_variables_of_the_tool_exist(page: Path) -> None:
    known = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "cli").rglob("*.py"))
    for name in re.findall(r"\bAUTHSERVER_\w+", page.read_text(encoding="utf-8")):
        assert name in known, name


@PAGES
def test_files_exist(page: Path) -> None:
    folders = (ROOT, ROOT / "layers" / "core", ROOT / "layers" / "core" / "authserver", page.parent)
    for span in spans(page.read_text(encoding="utf-8")):
        if re.fullmatch(r"(?:[\w-]+/)+[\w.-]*|[\w-]+\.py", span) and not re.search(r"\b[xX]\.py|/x/", span):
            if "." not in span and not (ROOT / span.partition("/")[0]).is_dir():
                continue  # not a path of ours: a media type, a scope
            assert any((folder / span).exists() for folder in folders), span


@pytest.mark.parametrize(
    ("text", "test"),
    [
        ("`make run PARAMETERS='CodeLifetimes=6'`", test_parameters_exist),
        ("`AccessTokenLife=60`", test_parameters_exist),
        ("the output `AuthorizerArn`", test_names_of_the_template_and_of_the_code_exist),
        ("`GET /admin/client`", test_routes_exist),
        ("`PUT /admin/clients/{client_id}`", test_routes_exist),
        ("`/tokens`", test_routes_exist),
        ("`authserver client list`", test_commands_of_the_tool_exist),
        ("`authserver clients lists`", test_commands_of_the_tool_exist),
        ("```sh\nauthserver users create a \\\n  --nickname b\n```\n", test_commands_of_the_tool_exist),
        ("`make documentation`", test_targets_exist),
        ("`python -m benchmark`", test_modules_exist),
        ("`AllAtTwice`", test_names_of_the_template_and_of_the_code_exist),
        ("`/authserver/<stack>/Issuers`", test_routes_exist),
        ("`AUTHSERVER_SECRET`", test_environment_variables_of_the_tool_exist),
        ("`grants/code.py`", test_files_exist),
    ],
)  # fmt: skip
def test_a_name_that_is_not_there_is_found(text: str, test: Callable[[Path], None], tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(text, encoding="utf-8")
    with pytest.raises(AssertionError):
        test(page)
