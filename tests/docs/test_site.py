"""The site of the documentation: what the hooks of MkDocs make of it, and, where MkDocs is here, that it builds."""

import json
import os
import re
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from scripts.site_hooks import management_api, on_config, on_page_markdown
from tests.docs.pages import ROOT

MKDOCS = ROOT / ".cache" / "docs" / "bin" / "mkdocs"
DOCUMENT = json.loads((ROOT / "docs" / "openapi.json").read_text(encoding="utf-8"))


def pages_of(nav: Any) -> list[str]:
    if isinstance(nav, str):
        return [nav]
    parts = nav.values() if isinstance(nav, dict) else nav
    return [page for part in parts for page in pages_of(part)]


def test_every_page_is_in_the_navigation_once() -> None:
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    found = pages_of(on_config(SimpleNamespace(docs_dir=str(ROOT / "docs"), nav=nav)).nav)
    here = {str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")}
    assert sorted(found) == sorted({*here, "management-api.md"})


def test_every_page_has_a_section_of_the_navigation() -> None:
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    assert [
        entry["More"]
        for entry in on_config(SimpleNamespace(docs_dir=str(ROOT / "docs"), nav=nav)).nav
        if "More" in entry
    ] == []


def test_the_index_has_every_page_and_folder() -> None:
    docs = ROOT / "docs"
    linked = set(re.findall(r"\]\(([^)#]+)", (docs / "README.md").read_text(encoding="utf-8")))
    pages = {str(page.relative_to(docs)) for page in (*docs.glob("*.md"), *docs.glob("*/README.md"))}
    assert pages - linked == {"README.md"}
    for door in ("docs/recipes/README.md", "CONTRIBUTING.md"):
        assert f"]({door})" in (ROOT / "README.md").read_text(encoding="utf-8"), door


def test_folders_of_the_navigation_are_their_other_pages(tmp_path: Path) -> None:
    for name in ("README.md", "a.md", "folder/b.md", "folder/c.md", "stray.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    nav = ["README.md", {"One": ["folder/c.md", "folder/*", "a.md"]}, {"Empty": ["none/*"]}]
    config = on_config(SimpleNamespace(docs_dir=str(tmp_path), nav=nav))
    assert config.nav == ["README.md", {"One": ["folder/c.md", "folder/b.md", "a.md"]}, {"More": ["stray.md"]}]


def test_links_out_of_the_docs_are_text_on_the_site() -> None:
    page = SimpleNamespace(file=SimpleNamespace(src_uri="migration/README.md"))
    config = SimpleNamespace(docs_dir=str(ROOT / "docs"))
    text = "[a](../../examples/README.md) [b](../deploy.md#x) [c](https://example.com) ![d](../pages/my.png) [e](#x)"
    assert on_page_markdown(text, page, config, None) == (
        "a [b](../deploy.md#x) [c](https://example.com) ![d](../pages/my.png) [e](#x)"
    )


def test_pictures_of_the_site_lead_to_themselves() -> None:
    page = SimpleNamespace(file=SimpleNamespace(src_uri="pages.md"))
    config = SimpleNamespace(docs_dir=str(ROOT / "docs"))
    text = "## My\n\n![My page](pages/my.png)\n\n[![a](pages/a.png)](b.md)"
    assert on_page_markdown(text, page, config, None) == (
        "## My\n\n[![My page](pages/my.png)](pages/my.png)\n\n[![a](pages/a.png)](b.md)"
    )


def test_the_page_of_settings_has_room_for_its_table() -> None:
    page = SimpleNamespace(file=SimpleNamespace(src_uri="settings.md"), meta={})
    on_page_markdown("", page, SimpleNamespace(docs_dir=str(ROOT / "docs")), None)
    assert page.meta == {"hide": ["toc"]}


def test_names_in_tables_stay_whole() -> None:
    styles = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["extra_css"]
    text = "".join((ROOT / "docs" / style).read_text(encoding="utf-8") for style in styles)
    for rule in ("word-break: normal", "overflow-wrap: normal", "white-space: nowrap"):
        assert rule in text, rule


def test_the_page_of_the_management_apis_has_every_operation_and_every_schema() -> None:
    page = management_api(DOCUMENT)
    for path, operations in DOCUMENT["paths"].items():
        for method, operation in operations.items():
            assert f"{{ #{operation['operationId']} }}\n\n`{method.upper()} {path}`" in page
    named = set(re.findall(r"\(#(schema-\w+)\)", page))
    assert named <= {f"schema-{name}" for name in DOCUMENT["components"]["schemas"]}
    assert named


@pytest.mark.skipif(not MKDOCS.exists(), reason="MkDocs is not here; `make docs-site` installs it")
def test_the_site_builds_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    command: list[str | Path] = [MKDOCS, "build", "--strict", "--site-dir", tmp_path]
    built = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240, check=False)
    assert built.returncode == 0, built.stderr
    loaded = re.compile(
        r"<(?:script|img|iframe|link)\b[^>]*?\b(?:src|href)=[\"']?((?:https?:)?//[^\"'\s>]+)", re.IGNORECASE
    )
    for page in tmp_path.rglob("*.html"):
        assert loaded.findall(page.read_text(encoding="utf-8")) == [], page.name
    for style in tmp_path.rglob("*.css"):
        assert not re.search(r"url\([\"']?(?:https?:)?//|@import", style.read_text(encoding="utf-8")), style.name
