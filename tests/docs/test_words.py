"""One term for each thing, and subjects that are named: words that no page uses."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import GENERATED, ROOT, every_page, name_of, prose

GLOSSARY = ROOT / "docs" / "glossary.md"
# Words of the glossary's last table, and where they are right: terms of other systems, and of specifications' names.
ALLOWED = {
    "tenant": {"docs/federation.md", "examples/placeos/README.md"},  # Microsoft's word; those who rent in a building
    # RFC 6749's word
    "resource owner": {"CHANGELOG.md", "docs/legacy-grants.md", "docs/glossary.md", "examples/placeos/README.md"},
}
RIDDLES = r"whoever|nobody"
# Pages say who it is: an attacker, a user, an operator, a client.
RIDDLES_OF_PAGES = rf"{RIDDLES}|somebody"
# Sources besides pages, and the folders that are made rather than written.
SOURCES = ("*.py", "*.html", "*.txt", "*.yaml", "*.yml", "*.toml", "*.js", "*.mjs", "*.css")
MADE = {".venv", ".cache", ".aws-sam", "dist", "node_modules"}
# A pattern that searches pages for a sentence with the word; and this file.
RIDDLES_ALLOWED = {"tests/docs/test_claims.py", "tests/docs/test_words.py"}
# Their sentences are those of the code, which the last test reads.
OF_CODE = GENERATED
PAGES = every_page()


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
    assert riddles(prose(page.read_text(encoding="utf-8")), RIDDLES_OF_PAGES) == []


def written(suffix: str) -> Iterator[Path]:
    """The files of the repository with this suffix, but for what is made."""
    for folder, folders, names in ROOT.walk():
        folders[:] = [name for name in folders if name not in MADE]
        yield from (folder / name for name in names if name.endswith(suffix))


def sentences(source: str) -> Iterator[str]:
    """The comments of Python code, and its strings with a blank: docstrings, messages, descriptions."""
    yield from (
        token.string
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    )
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield node.value


def riddles(text: str, words: str = RIDDLES) -> list[str]:
    """Where a text has one of the words, with the 40 characters before and after it."""
    places = re.finditer(rf"\b(?:{words})\b", text, re.IGNORECASE)
    return [" ".join(text[max(place.start() - 40, 0) : place.end() + 40].split()) for place in places]


@pytest.mark.parametrize("suffix", [pattern.removeprefix("*") for pattern in SOURCES])
def test_sources_name_their_subjects(suffix: str) -> None:
    """Comments, docstrings, messages, descriptions and the texts of pages. Names and test data may have the words."""
    found = {}
    for path in written(suffix):
        text = path.read_text(encoding="utf-8")
        if riddles(text) and name_of(path) not in RIDDLES_ALLOWED:
            found[name_of(path)] = riddles("\n".join(sentences(text)) if suffix == ".py" else text)
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_sentences_of_code_are_its_comments_and_strings_with_a_blank() -> None:
    code = 'nobody = "nobody"  # nobody waits\ndef f():\n    """Whoever calls."""\n'
    assert riddles("\n".join(sentences(code))) == ["# nobody waits Whoever calls."] * 2


def test_the_glossary_has_words_that_are_not_used() -> None:
    assert {"tenant", "end user", "log in", "authorisation"} <= set(forbidden())
    assert found("tenant", "two tenants")
    assert found("end user", "an end-user")
    assert not found("log in", "the log index")


def test_settings_and_the_template_name_their_subjects() -> None:
    assert riddles((ROOT / "docs" / "settings.md").read_text(encoding="utf-8")) == []


def test_the_glossary_explains_a_term_once() -> None:
    text = GLOSSARY.read_text(encoding="utf-8").partition("## Words that these pages do not use")[0]
    terms = [term for cell in re.findall(r"^\| ([^|]+) \|", text, re.MULTILINE) for term in cell.split(", ")]
    assert {term for term in terms if terms.count(term) > 1} == {"term", "---"}
