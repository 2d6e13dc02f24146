"""The languages of pages and mails: English, which they are written in, and those of the catalogues in `pages/locale`.

`pages.language` chooses among them.
"""

from functools import lru_cache
from pathlib import Path

ENGLISH = "en"
CATALOGUES = Path(__file__).parent / "pages" / "locale"


@lru_cache
def languages() -> tuple[str, ...]:
    """Their tags (RFC 5646), English first. A catalogue counts once it is compiled."""
    return (ENGLISH, *sorted(found.parent.parent.name for found in CATALOGUES.glob("*/LC_MESSAGES/*.mo")))
