"""One term for each thing, and subjects that are named: words that no page uses."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import GENERATED, ROOT, every_page, name_of, prose

GLOSSARY = ROOT / "docs" / "glossary.md"
# Words of the glossary's last table, and where they are right: terms of other systems, and of specifications' names.
ALLOWED = {
    "tenant": {"docs/federation.md", "examples/placeos/README.md"},  # Microsoft's word; those who rent in a building
    "resource owner": {"docs/legacy-grants.md", "docs/glossary.md", "examples/placeos/README.md"},  # RFC 6749's word
}
RIDDLES = r"whoever|nobody"
# Their sentences are those of the code and of the changes that they tell of.
OF_CODE = {"CHANGELOG.md", *GENERATED}
PAGES = [page for page in every_page() if name_of(page).startswith(("README", "docs/", "examples/", "SECURITY"))]


def forbidden() -> list[str]:
    """The first column of the glossary's table of words that are not used."""
    table = GLOSSARY.read_text(encoding="utf-8").partition("## Words that these pages do not use")[2]
    cells = re.findall(r"^\| ([^|]+) \| [^|]+ \|$", table, re.MULTILINE)[2:]
    return [word for cell in cells for word in cell.split(", ")]


def found(word: str, text: str) -> list[str]:
    """Where a text has a word, also in the plural."""
    pattern = word.replace(" ", r"[ -]\s*")
    return re.findall(rf".{{0,40}}\b{pattern}s?\b.{{0,40}}", text, re.IGNORECASE if word.islower() else 0)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_page_uses_the_terms_of_the_glossary(page: Path) -> None:
    text = prose(page.read_text(encoding="utf-8"))
    if page == GLOSSARY:
        text = text.partition("## Words that these pages do not use")[0]
    for word in forbidden():
        if name_of(page) not in ALLOWED.get(word, ()):
            assert found(word, text) == [], word


@pytest.mark.parametrize("page", [page for page in PAGES if name_of(page) not in OF_CODE], ids=name_of)
def test_a_page_names_its_subjects(page: Path) -> None:
    assert (
        re.findall(rf".{{0,40}}\b(?:{RIDDLES})\b.{{0,40}}", prose(page.read_text(encoding="utf-8")), re.IGNORECASE)
        == []
    )


def test_the_glossary_has_words_that_are_not_used() -> None:
    assert {"tenant", "end user", "log in", "authorisation"} <= set(forbidden())
    assert found("tenant", "two tenants")
    assert found("end user", "an end-user")
    assert not found("log in", "the log index")


def test_settings_and_the_template_name_their_subjects() -> None:
    assert (
        re.findall(rf"\b(?:{RIDDLES})\b", (ROOT / "docs" / "settings.md").read_text(encoding="utf-8"), re.IGNORECASE)
        == []
    )


def test_the_glossary_explains_a_term_once() -> None:
    text = GLOSSARY.read_text(encoding="utf-8").partition("## Words that these pages do not use")[0]
    terms = [term for cell in re.findall(r"^\| ([^|]+) \|", text, re.MULTILINE) for term in cell.split(", ")]
    assert {term for term in terms if terms.count(term) > 1} == {"term", "---"}
