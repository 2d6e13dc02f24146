"""CONTRIBUTING.md and docs/versioning.md name what there is."""

import re
from pathlib import Path

import pytest

from scripts.write_docs import ROOT

PAGES = [ROOT / name for name in ("CONTRIBUTING.md", "SECURITY.md", "docs/versioning.md")]
TEXT = {page.name: page.read_text(encoding="utf-8") for page in PAGES}
NAMES = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
FOLDERS = r"\.ci|\.github|cli|docs|functions|layers|local|scripts|storage|tests"


@NAMES
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)[)#]", TEXT[page.name]):
        assert (page.parent / target).exists(), target


@NAMES
def test_paths_and_targets_exist(page: Path) -> None:
    roots = (ROOT, ROOT / "layers/core/authserver")
    for path in re.findall(rf"`((?:{FOLDERS})/[\w./-]*)`", TEXT[page.name]):
        assert any((root / path).exists() for root in roots), path
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = re.findall(r"(?:^|`)make ([a-z-]+)", TEXT[page.name], re.MULTILINE)
    assert set(named) <= targets
