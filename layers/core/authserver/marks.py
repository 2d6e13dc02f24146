"""Marks a text for the catalogues where it is written, to be translated where it is shown."""


def N_(text: str) -> str:  # noqa: N802  gettext's own name for it
    """The text."""
    return text
