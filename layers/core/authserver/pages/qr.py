"""QR codes, as a picture in the page; the library is loaded when the first is shown."""

from markupsafe import Markup


def qr(text: str) -> Markup:
    """An SVG that has the text; dark on light in any colour scheme, as cameras want it."""
    import segno

    svg = segno.make(text, error="m", micro=False).svg_inline(
        scale=4, border=4, dark="#000", light="#fff", svgclass=None, lineclass=None
    )
    return Markup(svg)  # noqa: S704  made of squares


def grouped(text: str) -> str:
    """In groups of four, to be typed."""
    return " ".join(text[start : start + 4] for start in range(0, len(text), 4))
