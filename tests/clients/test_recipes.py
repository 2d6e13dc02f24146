"""The recipes whose frameworks the tests have anyway, and what holds for every page; `make recipes` runs all of them."""

import re
import sys
from pathlib import Path

import pytest

from tests.clients.recipes import PAGES, ROOT, Kitchen, Recipe
from tests.flows.person import Deployment

NAMES = sorted(page.stem for page in PAGES.glob("*.md") if page.stem != "README")
HERE = ("flask",)


@pytest.fixture
def kitchen(deployment: Deployment, tmp_path: Path) -> Kitchen:
    return Kitchen(deployment, tmp_path, (Path(sys.executable).parent,))


@pytest.mark.parametrize("name", HERE)
def test_recipe_ends_in_what_the_page_says(kitchen: Kitchen, name: str) -> None:
    recipe = Recipe.read(name)
    assert recipe.shown in kitchen.look(recipe)
