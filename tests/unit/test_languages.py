"""Which language a page is in, and what its catalogues say."""

import re
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from babel.messages.catalog import Message

from authserver.languages import ENGLISH, languages
from authserver.messages.mail import Letter, Mail
from authserver.pages.language import choose, direction, translations
from authserver.pages.mails import TEMPLATES, render_mail
from authserver.pages.pseudo import Pseudo
from authserver.pages.words import Words, initials, iso
from scripts.catalogues import catalogue_of, texts

OTHERS = [language for language in languages() if language != ENGLISH]
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


@pytest.fixture(scope="module")
def sources() -> dict[Any, Message]:
    return {message.id: message for message in texts() if message.id}


@pytest.mark.parametrize("language", OTHERS)
def test_a_catalogue_has_what_the_sources_say(language: str, sources: dict[Any, Message]) -> None:
    """Nothing is missing, and nothing is left of what is not said any more; if it is: ``make catalogues``."""
    catalogue = {message.id for message in catalogue_of(language) if message.id}
    assert sorted(map(str, sources.keys() - catalogue)) == []
    assert sorted(map(str, catalogue - sources.keys())) == []


@pytest.mark.parametrize("language", OTHERS)
def test_a_catalogue_is_complete(language: str) -> None:
    """Every text, in every form, with the places, the markup and the punctuation mark at its end that English has."""
    for message in catalogue_of(language):
        if message.id:
            ids = message.id if isinstance(message.id, tuple) else (message.id,)
            said = message.string if isinstance(message.string, tuple) else (message.string,)
            assert not message.fuzzy, message.id
            assert all(said), message.id
            for text in said:
                assert shape_of(text) in [shape_of(one) for one in ids], message.id


def test_texts_have_no_space_around_them(sources: dict[Any, Message]) -> None:
    for said in sources:
        for text in said if isinstance(said, tuple) else (said,):
            assert text == " ".join(text.split())


def shape_of(said: object) -> tuple[Counter[str], bool, str]:
    """What a translation has to keep: places and tags, as often as they are there, no space around it, its end."""
    text = str(said)
    end = text[-1] if text[-1] in ".:?!" else ""
    return Counter(re.findall(r"%\(\w+\)[sd]|</?\w[^>]*>", text)), text == " ".join(text.split()), end


@pytest.mark.parametrize("said", [r"\b[Dd](u|ich|ir|ein\w*)\b", r"\b[Ee][Mm]ail", r"\bE-mail", "[Aa]pplikation"])
def test_german_is_formal_and_as_german_is_written(said: str) -> None:
    assert [text for text in german() if re.search(said, re.sub(r"%\(\w+\)[sd]", "", text))] == []


@pytest.mark.parametrize(
    ("english", "german_word"),
    [
        ("redirect URI", "Redirect-URI"),
        ("client secret", "Client-Secret"),
        ("passkey", "Passkey"),
        ("authenticator app", "Authenticator-App"),
        ("recovery code", "Wiederherstellungscode"),
        ("identity provider", "Identitätsanbieter"),
        ("session", "Sitzung"),
        ("organisation", "Organisation"),
        ("compan", "Firm"),
        ("member", "Mitglied"),
    ],
)
def test_one_thing_has_one_german_name(english: str, german_word: str) -> None:
    for message in catalogue_of("de"):
        if message.id and re.search(rf"\b{english}", str(message.id), re.IGNORECASE):
            assert german_word.lower() in str(message.string).lower(), message.id


def german() -> list[str]:
    return [str(message.string) for message in catalogue_of("de") if message.id]


@pytest.mark.rfc("9110", "12.5.4")
@pytest.mark.parametrize("kind", sorted(path.stem for path in TEMPLATES.glob("*.txt")))
def test_a_mail_is_in_the_language_of_whoever_ordered_it(kind: str) -> None:
    letter = Letter(
        kind, "a@example.com", "alice", "Ledgerly", "https://as.example", "de-CH, en;q=0.8", "https://x", 3600
    )
    english, german_mail = render_mail(replace(letter, languages="fr")), render_mail(letter)
    assert '<html lang="de" dir="ltr">' in german_mail.html
    assert '<html lang="en" dir="ltr">' in english.html
    assert german_mail.subject != english.subject
    assert set(paragraphs(german_mail)) & set(paragraphs(english)) <= {letter.link}


def paragraphs(mail: Mail) -> list[str]:
    return mail.text.strip().split("\n\n")


def test_german_is_there() -> None:
    assert "de" in languages()
