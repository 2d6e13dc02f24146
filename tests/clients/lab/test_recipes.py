"""`make recipes`: each page of docs/recipes is run with the real framework, and signs a person in."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.server import DevelopmentServer
from tests.clients.lab.conftest import CACHE, SEED, VENV
from tests.clients.recipes import Kitchen, Recipe
from tests.flows.person import Deployment

TOOL = Path(sys.executable).parent  # where `authserver` is
RUN = ("express", "fastapi")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """The development server, as docs/recipes/README.md has it started."""
    log = tmp_path_factory.mktemp("recipes") / "log"
    parameters = {"Registration": "Open"}
    with DevelopmentServer(seed=SEED, log=log, host="localhost", parameters=parameters) as server:
        yield Deployment(server.issuer, server.resource)


@pytest.fixture
def kitchen(server: Deployment, tmp_path: Path) -> Kitchen:
    assert (CACHE / ".installed").exists(), "run `make recipes`, which installs the frameworks"
    (tmp_path / "node_modules").symlink_to(CACHE / "node_modules")
    return Kitchen(server, tmp_path, (VENV / "bin", TOOL))


@pytest.mark.parametrize("name", RUN)
def test_recipe_ends_in_what_the_page_says(kitchen: Kitchen, name: str) -> None:
    recipe = Recipe.read(name)
    assert recipe.shown in kitchen.look(recipe)
