"""Made-up languages, for development: they show which text no catalogue has, and where a longer one, or one
that runs from right to left, has no room.
"""

import re
from gettext import NullTranslations

LONGER, MIRRORED = "en-XA", "ar-XB"
PSEUDO = frozenset({LONGER, MIRRORED})
PLACES = re.compile(r"(%\(\w+\)[sd]|%%|<[^>]*>|&\w+;)")  # of what is put in, and of markup
ACCENTED = str.maketrans("aceinouyACEINOUY", "áçéíñóúýÁÇÉÍÑÓÚÝ")


class Pseudo(NullTranslations):
    """English with accents, in brackets, two fifths longer."""

    def gettext(self, message: str) -> str:
        said = "".join(part if PLACES.fullmatch(part) else part.translate(ACCENTED) for part in PLACES.split(message))
        return f"⟦{said}{' ·' * (len(message) // 5)}⟧"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)
