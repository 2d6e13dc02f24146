"""Tells how complete the catalogues of the pages are."""

import sys
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

LOCALES = Path(__file__).parents[1] / "layers" / "core" / "authserver" / "pages" / "locale"


def untranslated(catalogue: Catalog) -> list[str]:
    """The texts that have no translation, or only a guessed one."""
    return [str(message.id) for message in catalogue if message.id and (message.fuzzy or not _said(message.string))]


def _said(translation: object) -> bool:
    return all(translation) if isinstance(translation, (list, tuple)) else bool(translation)


def main() -> int:
    for path in sorted(LOCALES.glob("*/LC_MESSAGES/*.po")):
        with path.open("rb") as file:
            catalogue = read_po(file)
        missing = untranslated(catalogue)
        print(f"{path.parent.parent.name}: {len(catalogue) - len(missing)} of {len(catalogue)} texts are translated")
        for text in missing:
            print(f"  missing: {text}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
