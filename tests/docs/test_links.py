"""Every link between pages leads to a file, and every anchor to a heading; every page can be found."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, anchors, every_page, name_of, targets


@pytest.mark.parametrize("page", every_page(), ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in targets(text):
        if re.match(r"[a-z]+:", target):
            assert target.startswith(("https://", "http://localhost:", "mailto:")), target
            continue
        path, _, anchor = target.partition("#")
        found = page if not path else page.parent / path
        assert found.exists(), target
        if anchor and found.suffix == ".md":
            assert anchor in anchors(found.read_text(encoding="utf-8")), target


def test_anchors_are_githubs() -> None:
    text = "# A `b` & c\n## Same\n## Same\n```\n# no heading\n```\n### [Linked](x.md), here\n"
    assert anchors(text) == {"a-b--c", "same", "same-1", "linked-here"}


def test_every_page_of_the_docs_is_linked_from_another() -> None:
    linked = {
        (page.parent / target.partition("#")[0]).resolve()
        for page in every_page()
        for target in targets(page.read_text(encoding="utf-8"))
        if not re.match(r"[a-z]+:", target)
    }
    alone = {name_of(page) for page in (ROOT / "docs").rglob("*.md") if page.resolve() not in linked}
    assert alone == set()
