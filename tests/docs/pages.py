"""The pages of the repository that people read, and what is in them."""

import re
import unicodedata
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
# Written from the code, which has tests of its own.
GENERATED = {"docs/settings.md", "docs/conformance.md"}

FENCE = re.compile(r"^ *(`{3,}).*?^ *\1 *$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)
LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^)\s]+)\)")


def every_page() -> list[Path]:
    """The Markdown files of the repository, but for what is built or fetched."""
    own = ROOT.glob("*.md")
    folders = [ROOT / name for name in ("docs", "examples", ".github", "tests", "local", "bench", "scripts", "cli")]
    return sorted(
        [*own, *(page for folder in folders for page in folder.rglob("*.md") if "node_modules" not in page.parts)]
    )


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT)) if page.is_relative_to(ROOT) else page.name


def without_blocks(text: str) -> str:
    """A page without its fenced blocks."""
    return FENCE.sub("", text)


def prose(text: str) -> str:
    """A page without blocks, code and the targets of links."""
    text = SPAN.sub("`code`", without_blocks(text))
    return re.sub(r"\]\([^)]*\)", "]", text)


def spans(text: str) -> list[str]:
    """What is in backticks, outside of blocks."""
    return [" ".join(found[1].split()) for found in SPAN.findall(without_blocks(text))]


def targets(text: str) -> list[str]:
    """Where the links of a page lead."""
    return LINK.findall(SPAN.sub("", without_blocks(text)))


def anchors(text: str) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    found: dict[str, int] = {}
    every = set()
    for heading in HEADING.findall(without_blocks(text)):
        slug = _slug(re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading))
        every.add(f"{slug}-{found[slug]}" if slug in found else slug)
        found[slug] = found.get(slug, 0) + 1
    return every


def _slug(heading: str) -> str:
    kept = (
        character
        for character in heading.lower().replace("`", "")
        if character in " -_" or unicodedata.category(character)[0] in "LN"
    )
    return "".join(kept).replace(" ", "-")
