"""The pages' style, in the colours, corners and font of a theme."""

from functools import lru_cache
from pathlib import Path

from authserver.models.configuration import Theme
from authserver.theme import FONTS

STYLE = (Path(__file__).parent / "style.css").read_text(encoding="utf-8")


@lru_cache(maxsize=8)
def style_of(theme: Theme) -> str:
    """The style sheet, and after it what the theme says otherwise; the sheet alone until an operator sets a theme.

    Only for a theme to which `theme.objections` has none: its values stand in the style as they are.
    """
    if theme.version == 0:
        return STYLE
    light = f"--accent:{theme.accent};--on-accent:{theme.on_accent}"
    dark = f"--accent:{theme.accent_dark};--on-accent:{theme.on_accent_dark}"
    shape = f"--radius:{theme.radius}px;--font:{FONTS[theme.font]}"
    return f"{STYLE}:root{{{light};{shape}}}@media (prefers-color-scheme:dark){{:root{{{dark}}}}}"
