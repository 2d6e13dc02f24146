"""Which language a page is in: RFC 9110 section 12.5.4, OpenID Connect Core section 3.1.2.1 (`ui_locales`).

Texts are in English in the templates; other languages are gettext catalogues in `locale`, made from their .po files by
``make catalogues``.
"""

import gettext
from collections.abc import Mapping
from functools import lru_cache

from authserver.languages import CATALOGUES, ENGLISH, languages
from authserver.pages.pseudo import PSEUDO, Pseudo

DOMAIN = "authserver"
RIGHT_TO_LEFT = frozenset({"ar", "dv", "fa", "he", "ps", "sd", "ug", "ur", "yi"})
MOST = 20  # languages that one request may ask for
# Of every jinja2 environment: line breaks and indentation in a template are no part of a text.
POLICIES = {"ext.i18n.trimmed": True}


def choose(ui_locales: str, accept_language: str, *, pseudo: bool = False) -> str:
    """The first language that is asked for and that there is; English if there is none. `pseudo` adds some."""
    known = {language.lower(): language for language in (*languages(), *(PSEUDO if pseudo else ()))}
    asked = (*_asked(ui_locales), *_accepted(accept_language))
    return next((language for tag in asked if (language := _available(tag, known))), ENGLISH)


def direction(language: str) -> str:
    """``ltr`` or ``rtl``."""
    return "rtl" if language.partition("-")[0] in RIGHT_TO_LEFT else "ltr"


@lru_cache
def translations(language: str) -> gettext.NullTranslations:
    """The catalogue of a language; English has none, since the texts are English."""
    if language == ENGLISH:
        return gettext.NullTranslations()
    if language in PSEUDO:
        return Pseudo()
    return gettext.translation(DOMAIN, CATALOGUES, [language])


def _asked(ui_locales: str) -> list[str]:
    """Space-separated language tags, the best first."""
    return ui_locales.split(maxsplit=MOST)[:MOST]


def _accepted(accept_language: str) -> list[str]:
    """Language ranges by weight; those of weight 0 are not wanted, and what is malformed says nothing."""
    ranges = []
    for position, entry in enumerate(accept_language.split(",", MOST)[:MOST]):
        tag, _, parameter = entry.partition(";")
        weight = _weight(parameter.strip())
        if weight > 0:
            ranges.append((-weight, position, tag.strip()))
    return [tag for _, _, tag in sorted(ranges)]


def _weight(parameter: str) -> float:
    if not parameter:
        return 1.0
    name, _, value = parameter.partition("=")
    try:
        return min(float(value), 1.0) if name.strip().lower() == "q" else 0.0
    except ValueError:
        return 0.0


def _available(tag: str, known: Mapping[str, str]) -> str:
    """What there is for a language tag, if need be without its region and script (RFC 4647 section 3.4); or nothing."""
    parts = tag.lower().split("-")
    while parts:
        if (found := known.get("-".join(parts))) is not None:
            return found
        parts.pop()
    return ""
