"""The recipes whose frameworks the tests have anyway, and what holds for every page. `make recipes` runs all pages."""

import json
import re
import sys
from pathlib import Path

import pytest

from tests.clients.recipes import (
    AS_SETTINGS,
    IN_A_PROJECT,
    IN_CHROMIUM,
    IN_EVERY_RUN,
    IN_THE_LABORATORY,
    PAGES,
    ROOT,
    Kitchen,
    Recipe,
)
from tests.flows.person import Deployment

NAMES = sorted(page.stem for page in PAGES.glob("*.md") if page.stem != "README")


@pytest.fixture
def kitchen(deployment: Deployment, tmp_path: Path) -> Kitchen:
    return Kitchen(deployment, tmp_path, (Path(sys.executable).parent,))


def pinned() -> set[str]:
    """The packages that the laboratory installs, of both registries."""
    python = re.findall(r"^([\w.-]+)==", (ROOT / "requirements-lab.txt").read_text(), re.MULTILINE)
    manifests = ("package.json", *(f"{name}/package.json" for name in IN_A_PROJECT))
    node = [json.loads((ROOT / "tests/clients/lab" / path).read_text())["dependencies"] for path in manifests]
    return {*python, *(name for dependencies in node for name in dependencies)}


def test_every_page_is_run_or_checked() -> None:
    assert sorted((*IN_EVERY_RUN, *IN_THE_LABORATORY, *IN_A_PROJECT, *IN_CHROMIUM, *AS_SETTINGS)) == NAMES


def test_index_has_every_page() -> None:
    assert sorted(re.findall(r"\]\(([\w-]+)\.md\)", (PAGES / "README.md").read_text())) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_packages_that_a_page_installs_are_those_that_it_is_run_with(name: str) -> None:
    commands = Recipe.read(name).commands("install")
    named = {word for command in commands for word in re.sub(r'["\\]', "", command).split()[2:]}
    assert {re.sub(r"(?<=.)[\[@].*", "", word) for word in named} <= pinned()


@pytest.mark.parametrize("name", NAMES)
def test_page_registers_and_says_what_one_sees(name: str) -> None:
    recipe = Recipe.read(name)
    assert "authserver " in "".join(recipe.commands("register"))
    assert recipe.files
    assert recipe.seen.strip()


@pytest.mark.parametrize("name", IN_EVERY_RUN)
def test_recipe_ends_in_what_the_page_says(kitchen: Kitchen, name: str) -> None:
    recipe = Recipe.read(name)
    assert recipe.shown in kitchen.look(recipe)
