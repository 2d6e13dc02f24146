"""Collects the sections that tests carry into ``docs/conformance.md``: which test shows which sentence of which RFC."""

import re
from collections import defaultdict
from pathlib import Path

import pytest

DOCUMENT = Path(__file__).parent.parent / "docs" / "conformance.md"
HEAD = """# Conformance

Which test shows which section. Generated from the tests' `@pytest.mark.rfc(number, section)` marks by
`make docs`; a test fails when this page is out of date.
"""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    config.stash[MATRIX] = _matrix(items)


MATRIX = pytest.StashKey[str]()


def pytest_collection_finish(session: pytest.Session) -> None:
    if session.config.getoption("--write-conformance"):
        DOCUMENT.write_text(session.config.stash[MATRIX], encoding="utf-8")


def _matrix(items: list[pytest.Item]) -> str:
    shown: dict[tuple[str, str], set[str]] = defaultdict(set)
    for item in items:
        for mark in item.iter_markers("rfc"):
            number, section = mark.args
            shown[number, section].add(item.nodeid.partition("[")[0])
    lines = [HEAD]
    for number in sorted({number for number, _ in shown}, key=_order):
        lines.append(f"\n## {f'RFC {number}' if number.isdigit() else number}\n\n| section | tests |\n| --- | --- |")
        sections = sorted((section for other, section in shown if other == number), key=_order)
        lines += [f"| {section} | {_names(shown[number, section])} |" for section in sections]
    return "\n".join(lines) + "\n"


def _names(tests: set[str]) -> str:
    return "<br>".join(f"`{test.removeprefix('tests/')}`" for test in sorted(tests))


def _order(text: str) -> list[tuple[int, int, str]]:
    """Numbers by value, so that 5.10 comes after 5.9."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"[.\s]", text)]
