"""Which language a page is in, and what its catalogues say."""

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from authserver.pages.language import ENGLISH, choose, direction, languages, translations
from authserver.pages.pseudo import Pseudo
from authserver.pages.words import Words, initials, iso

LOCALES = Path(__file__).parents[2] / "layers" / "core" / "authserver" / "pages" / "locale"
AT = 1_795_357_500  # 2026-11-22, 14:25 UTC


@pytest.mark.rfc("9110", "12.5.4")
@pytest.mark.parametrize(
    ("accept_language", "language"),
    [
        ("de", "de"),
        ("de-AT", "de"),
        ("DE-at;q=0.5, en;q=0.4", "de"),
        ("en, de;q=0.9", "en"),
        ("fr, de;q=0.3, en;q=0.2", "de"),
        ("fr, es", "en"),
        ("de;q=0, en", "en"),
        ("de;q=x", "en"),
        ("de;level=1", "en"),
        ("*", "en"),
        ("", "en"),
        (",;,=;q=", "en"),
        ("de" * 10_000, "en"),
        ("x," * 10_000 + "de", "en"),
    ],
)
def test_the_best_accepted_language_that_there_is(accept_language: str, language: str) -> None:
    assert choose("", accept_language) == language


@pytest.mark.rfc("OIDC Core", "3.1.2.1")
def test_ui_locales_come_before_accept_language() -> None:
    assert choose("fr-CA de en", "en") == "de"
    assert choose("fr", "de") == "de"
    assert choose("en de", "de") == "en"


def test_languages_that_nobody_speaks_are_for_development() -> None:
    assert choose("en-XA", "") == ENGLISH
    assert choose("en-XA", "", pseudo=True) == "en-XA"
    assert choose("", "ar-XB", pseudo=True) == "ar-XB"
    assert direction("ar-XB") == "rtl"
    assert direction("de") == "ltr"


def test_what_is_put_into_a_text_stays_as_it_is() -> None:
    assert Pseudo().gettext("Back to <strong>%(app)s</strong>") == "⟦Báçk tó <strong>%(app)s</strong> · · · · · ·⟧"


def test_times_in_words() -> None:
    english, german = Words(translations("en")), Words(translations("de"))
    assert english.moment(AT) == "22 November 2026, 14:25 UTC"
    assert german.day(AT) == "22. November 2026"
    assert iso(AT) == "2026-11-22T14:25:00Z"
    said = [english.duration(seconds) for seconds in (90, 3_600, 7_200, 86_400, 15_552_000)]
    assert said == ["90 seconds", "60 minutes", "2 hours", "24 hours", "180 days"]


@pytest.mark.parametrize(
    ("name", "letters"), [("Demo web application", "DA"), ("ledgerly", "L"), ("<img>", "?"), ("Ä Ö", "ÄÖ"), ("", "?")]
)
def test_initials(name: str, letters: str) -> None:
    assert initials(name) == letters


@pytest.mark.parametrize("language", sorted(languages() - {ENGLISH}))
def test_a_catalogue_is_complete(language: str) -> None:
    """Every text, in every form, with the places that English has."""
    with (LOCALES / language / "LC_MESSAGES" / "authserver.po").open("rb") as file:
        catalogue = read_po(file)
    for message in catalogue:
        if message.id:
            ids = message.id if isinstance(message.id, tuple) else (message.id,)
            said = message.string if isinstance(message.string, tuple) else (message.string,)
            assert not message.fuzzy, message.id
            assert all(said), message.id
            assert {places(text) for text in said} <= {places(text) for text in ids}, message.id


def places(text: object) -> frozenset[str]:
    return frozenset(re.findall(r"%\(\w+\)[sd]|</?\w+[^>]*>", str(text)))


def test_german_is_there() -> None:
    assert "de" in languages()
