"""`make recipes`: each page of docs/recipes is run with the real framework, and signs a person in."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from local.server import DevelopmentServer
from tests.browser.conftest import ARGUMENTS, chromium_path  # noqa: F401 a fixture
from tests.clients.lab.conftest import CACHE, SEED, VENV
from tests.clients.recipes import IN_A_PROJECT, IN_THE_LABORATORY, Kitchen, Recipe
from tests.flows.person import Deployment

TOOL = Path(sys.executable).parent  # where `authserver` is


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


@pytest.mark.parametrize("name", IN_THE_LABORATORY)
def test_recipe_ends_in_what_the_page_says(kitchen: Kitchen, name: str) -> None:
    recipe = Recipe.read(name)
    assert recipe.shown in kitchen.look(recipe)


@pytest.mark.parametrize("name", IN_A_PROJECT)
def test_recipe_of_a_framework_that_builds_its_project(server: Deployment, name: str) -> None:
    """The folder has its own node_modules: a build takes no package from outside of its project."""
    recipe = Recipe.read(name)
    kitchen = Kitchen(server, CACHE / name, (VENV / "bin", TOOL))
    assert recipe.shown in kitchen.look(recipe)


def test_single_page_app(kitchen: Kitchen, chromium_path: str) -> None:  # noqa: F811 the fixture
    recipe = Recipe.read("single-page-app")
    with kitchen.run(recipe) as run, sync_playwright() as playwright:
        run.wait_for_port(recipe.address, kitchen.ports)
        browser = playwright.chromium.launch(executable_path=chromium_path, args=ARGUMENTS)
        page = browser.new_page()
        page.goto(kitchen.here(recipe.address))
        page.get_by_role("button", name="Sign in").click()
        page.get_by_label("Username").fill("alice")
        page.locator("[name=password]").fill("wonderland-demo")
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.locator("[name=decision][value=allow]").click()
        page.get_by_text(recipe.shown).wait_for()
        page.get_by_role("button", name="Sign out").click()
        page.get_by_text("Signed out").wait_for()
        browser.close()
