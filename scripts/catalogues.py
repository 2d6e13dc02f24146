"""Brings the texts of the pages into the catalogues that translators work on, and tells how complete these are.

python -m scripts.catalogues            (tests/unit/test_languages.py fails when a catalogue is out of date)
"""

from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po, write_po

from authserver.languages import CATALOGUES
from authserver.pages.language import POLICIES

SOURCES = CATALOGUES.parents[1]
METHODS = [("**.py", "python"), ("pages/templates/**.html", "jinja2"), ("pages/mail/**", "jinja2")]
HEADER = """\
msgid ""
msgstr ""
"Language: {0.locale}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: {0.plural_forms}\\n"

"""
TEMPLATES = {"silent": "false", "trimmed": str(POLICIES["ext.i18n.trimmed"])}
# Which argument is a text; beside those of gettext, what tells a user why something cannot be.
KEYWORDS = {**DEFAULT_KEYWORDS, "Problem": (2,), "Conflict": (1,), "Invalid": (2,)}


def texts() -> Catalog:
    """Every text for people that the sources have."""
    found = Catalog()
    options = {pattern: TEMPLATES for pattern, method in METHODS if method == "jinja2"}
    for _, _, message, _, context in extract_from_dir(SOURCES, METHODS, options, KEYWORDS):
        found.add(message, context=context)
    return found


def catalogue_of(language: str) -> Catalog:
    """What translators have made of them."""
    with path_of(language).open("rb") as file:
        return read_po(file, locale=language)


def path_of(language: str) -> Path:
    """Where they have."""
    return CATALOGUES / language / "LC_MESSAGES" / "authserver.po"


def untranslated(catalogue: Catalog) -> list[str]:
    """The texts that have no translation."""
    return [str(message.id) for message in catalogue if message.id and not _said(message.string)]


def _said(translation: object) -> bool:
    return all(translation) if isinstance(translation, (list, tuple)) else bool(translation)


def main() -> None:
    found = texts()
    for language in sorted(folder.name for folder in CATALOGUES.iterdir()):
        catalogue = catalogue_of(language)
        catalogue.update(found, no_fuzzy_matching=True, update_creation_date=False)
        with path_of(language).open("wb") as file:
            file.write(HEADER.format(catalogue).encode())
            write_po(
                file, catalogue, width=0, no_location=True, omit_header=True, sort_output=True, ignore_obsolete=True
            )
        missing = untranslated(catalogue)
        print(f"{language}: {len(catalogue) - len(missing)} of {len(catalogue)} texts are translated")
        for text in missing:
            print(f"  missing: {text}")


if __name__ == "__main__":
    main()
