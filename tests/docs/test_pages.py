"""What docs/ says is what the code says."""

import re

import pytest

from scripts.write_docs import ROOT, differences_page, openapi_page, settings_page
from tests.conformance import DOCUMENT, MATRIX

DOCS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "examples").glob("*/README.md"))]


def test_settings_page_is_what_the_template_says() -> None:
    assert (ROOT / "docs" / "settings.md").read_text() == settings_page(), "run `make docs`"


def test_development_server_page_is_what_the_server_prints() -> None:
    assert (ROOT / "docs" / "development-server.md").read_text() == differences_page(), "run `make docs`"


def test_openapi_document_is_what_the_operations_say() -> None:
    assert (ROOT / "docs" / "openapi.json").read_text() == openapi_page(), "run `make docs`"


def test_conformance_matrix_is_what_the_tests_carry(request: pytest.FixtureRequest) -> None:
    chosen = request.config.args_source.name != "TESTPATHS" or request.config.getoption("keyword")
    if chosen:
        pytest.skip("only the whole suite has all the marks")
    assert DOCUMENT.read_text() == request.config.stash[MATRIX], "run `make docs`"


@pytest.mark.parametrize("page", DOCS, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: object) -> None:
    assert isinstance(page, type(ROOT))
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_endpoint_table_is_what_the_template_routes() -> None:
    """Every route of the template is in the README's table, or beneath one that says so; every path there is routed."""
    template = (ROOT / "template.yaml").read_text()
    paths = [quoted or plain for quoted, plain in re.findall(r'Path: (?:"(/[^"]+)"|(/[^\s,}]+))', template)]
    routed = {path.partition("/{")[0] or path for path in paths}
    table = (ROOT / "README.md").read_text().partition("## Endpoints")[2].partition("##")[0]
    cells = [row.partition("| ")[2].partition(" | ")[0] for row in table.splitlines()]
    named = {path for cell in cells for path in re.findall(r"`(/[^`]+)`", cell)}
    tops = {path for cell in cells if "beneath" in cell for path in re.findall(r"`(/[^`]+)`", cell)}
    assert {path for path in named - routed if not any(one.startswith(f"{path}/") for one in routed)} == set()
    assert {path for path in routed if not any(path.startswith(f"{top}/") for top in tops)} <= named


def test_paths_that_the_readme_names_exist() -> None:
    text = (ROOT / "README.md").read_text()
    for path in re.findall(r"`((?:functions|layers|docs|local|tests|template)[\w/.-]*\.(?:py|yaml|md|json))`", text):
        assert (ROOT / path).exists(), path
