"""What pages claim to exist, to be missing or to cost, compared with the template, its routes and the settings."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from samtranslator.yaml_helper import yaml_parse

from authserver.management.openapi import OPERATIONS
from local.errors import RefusedError
from local.parameters import choose_parameters
from scripts import deploy
from tests.template.written import Written

ROOT = Path(__file__).parent.parent.parent
PAGES = sorted([ROOT / "README.md", ROOT / "SECURITY.md", *(ROOT / "docs").rglob("*.md")])
TEXTS = {str(page.relative_to(ROOT)): page.read_text(encoding="utf-8") for page in PAGES}
CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)

# What docs/architecture.md says is not here yet, in its words, and what there would be if it were.
MISSING: dict[str, Callable[[Written], bool]] = {
    "Pages for operators": lambda written: any(path.startswith("/operator") for path in paths(written)),
    "pages for API keys": lambda written: any(re.match(r"/(my|developer)/.*api-keys", path) for path in paths(written)),
    "sign-up": lambda written: any(re.match(r"/sign-?up", path) for path in paths(written)),
    "PAR": lambda written: "/par" in paths(written),
}


@pytest.fixture(scope="module")
def written() -> Written:
    return Written()


def paths(written: Written) -> set[str]:
    return {route.partition(" ")[2] for _, route in written.routes("HttpApi").values()}


def found(pattern: str) -> Iterator[tuple[str, re.Match[str]]]:
    """(page, match) in all that pages show as code."""
    for page, text in TEXTS.items():
        for code in CODE.findall(text):
            yield from ((page, match) for match in re.finditer(pattern, code))


def test_what_is_said_to_be_missing_is_missing(written: Written) -> None:
    said = " ".join(TEXTS["docs/architecture.md"].partition("## Not here yet")[2].split())
    for what, is_here in MISSING.items():
        assert (what in said) is not is_here(written), f"docs/architecture.md, Not here yet: {what}"


@pytest.mark.parametrize("phrase", ["no admin interface", "interface does not exist"])
def test_what_there_is_by_now_is_nowhere_said_to_be_missing(phrase: str) -> None:
    assert [page for page, text in TEXTS.items() if phrase in " ".join(text.split())] == []


def test_parameters_that_pages_set_are_taken(written: Written) -> None:
    """Those that are a piece of code of their own, and those that `make` is given."""
    one = r"([A-Z][a-z]+(?:[A-Z][A-Za-z]*)+)=([\w:./@-]*)"
    alone = [(page, match[1], match[2]) for page, match in found(rf"\A`{one}`\Z")]
    to_make = [
        (page, *given)
        for page, match in found(r"PARAMETERS='([^']*)'")
        for given in re.findall(rf"(?<![\w.]){one}(?=\s|$)", match[1])
    ]
    assert len(alone) > 20
    assert to_make
    edge = yaml_parse((ROOT / "stacks" / "edge.yaml").read_text(encoding="utf-8"))["Parameters"]
    for page, name, value in (*alone, *to_make):
        if name not in OTHERS:
            try:
                of_edge = {name: edge[name]} if name in edge else {}
                declared = written.template["Parameters"]
                choose_parameters(declared if name in declared else of_edge, {name: value}, {})
            except RefusedError as error:
                pytest.fail(f"{page}: {name}={value}: {error}")


OTHERS = {"ClientsTable", "UsersTable", "TokensTable", "KeysTable", "ConfigurationTable", "WrappingKey", "SameSite"}
"""Parameters of a stack that is given its data (scripts/given_data.py), and what is no parameter."""


def test_targets_of_make_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    said = {(page, match[1]) for page, match in found(r"(?<![\w./-])make (?:-s )?([a-z][a-z-]+)")}
    assert {target for _, target in said} >= {"deploy", "run", "test"}
    assert {(page, target) for page, target in said if target not in targets} == set()


def test_operations_that_pages_name_exist() -> None:
    """With whatever name a page has for a part of the path."""
    routes = {re.sub(r"\{\w+\+?\}", "*", one.route) for one in OPERATIONS}
    said = {
        (page, re.sub(r"\{\w+\}|\$\w+", "*", f"{match[1]} {match[2]}"))
        for page, match in found(r"\b(GET|POST|PUT|PATCH|DELETE) (/(?:admin|partner|account)/[\w{}/$-]+)(?=[`\s?])")
    }
    assert len(said) > 20
    assert {one for one in said if one[1] not in routes} == set()


def test_secrets_are_made_of_characters_that_every_header_and_form_takes() -> None:
    """Base64 has ``+`` and ``/``, which a form, and Basic of RFC 6749 section 2.3.1, take for something else."""
    said = [(page, match[1]) for page, match in found(r"openssl rand (-\w+)")]
    assert said
    assert {(page, option) for page, option in said if option != "-hex"} == set()


def test_what_a_stack_costs_when_idle_is_said_as_make_deploy_says_it() -> None:
    (key,) = [price for item, price in deploy.ALWAYS if "KMS" in item]
    assert f"{key} per month for its KMS key" in " ".join(TEXTS["docs/deploy.md"].split())
    assert f"costs {key.removesuffix('.00')} per month" in " ".join(TEXTS["README.md"].split())
    idle = re.compile(r"costs? nothing (when|while) (idle|nobody)|(idle|unused)[^.]{0,30} costs? nothing")
    assert [page for page, text in TEXTS.items() if idle.search(" ".join(text.split()))] == []
