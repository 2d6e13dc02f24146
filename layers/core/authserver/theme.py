"""What a theme may be: colours that can be read (WCAG 2.2, success criteria 1.4.3 and 1.4.11), a small logo, a font.

Its values go into the pages' style, so nothing is taken that has not exactly the form it should have. The rules hold
when a theme is set and again when it is loaded: a page in unreadable colours is worse than a plain one.
"""

import re
from base64 import b64decode
from binascii import Error as BinasciiError
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Protocol

from authserver.errors import TemporarilyUnavailable
from authserver.models.configuration import Theme
from authserver.records import dataclass
from authserver.values import is_web_page

CACHE_LIFETIME = 60
DEFAULT = Theme()
READABLE = (
    4.5  # success criterion 1.4.3, of text; the focus ring's 3 (1.4.11) is within it, since the ring is the accent
)
EASILY_READ = 7.0  # success criterion 1.4.6

BLACK, WHITE = "#000000", "#ffffff"
COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
MAX_NAME = 60
MAX_RADIUS = 24
MAX_LOGO = 6 * 1024
LOGO = re.compile(r"data:image/(png|webp|gif|jpeg);base64,([A-Za-z0-9+/]+={0,2})")
MAILBOX = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}")
# Fonts that are on people's machines already: nothing is fetched.
FONTS = {
    "system": 'system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif',
    "humanist": 'Seravek,"Gill Sans Nova",Ubuntu,Calibri,"DejaVu Sans",sans-serif',
    "serif": 'Charter,"Bitstream Charter","Sitka Text",Cambria,serif',
    "rounded": 'ui-rounded,"Hiragino Maru Gothic ProN",Quicksand,Comfortaa,"Arial Rounded MT",Calibri,sans-serif',
}

type Objection = tuple[str, str]  # the field, and what is wrong with it


@dataclass(frozen=True, slots=True)
class Ground:
    """What the accent is seen on, as the stylesheet has it: cards, and the paper around them."""

    card: str
    paper: str


LIGHT = Ground("#ffffff", "#f5f6f8")
DARK = Ground("#1b1e24", "#121418")


def complete(theme: Theme) -> Theme:
    """The theme with the colours that were left out: text on the accent, and an accent for the dark.

    What has not the form of a colour stays as it is, for `objections` to name alone.
    """
    accent = theme.accent if _is_colour(theme.accent) else DEFAULT.accent
    accent_dark = theme.accent_dark or lighter(accent)
    return replace(
        theme,
        accent_dark=accent_dark,
        on_accent=theme.on_accent or on(accent),
        on_accent_dark=theme.on_accent_dark or on(accent_dark if _is_colour(accent_dark) else DEFAULT.accent_dark),
    )


def objections(theme: Theme) -> Iterator[Objection]:
    """Everything that speaks against a complete theme, field by field."""
    malformed = tuple(_malformed(theme))
    yield from malformed or _unreadable(theme)


# ------------------------------------------------------------------ contrast


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, from 1 to 21 (WCAG 2.2, "contrast ratio")."""
    darker, brighter = sorted((_luminance(one), _luminance(other)))
    return (brighter + 0.05) / (darker + 0.05)


def on(colour: str) -> str:
    """White where it can be read on `colour`, or else black, which then can."""
    return WHITE if contrast(WHITE, colour) >= READABLE else BLACK


def lighter(colour: str) -> str:
    """The nearest mixture of `colour` and white that is easily read on the dark grounds; at the latest it is white."""
    mixtures = (_mixed(colour, percent) for percent in range(0, 101, 5))
    return next(
        mixture for mixture in mixtures if all(contrast(mixture, one) >= EASILY_READ for one in (DARK.card, DARK.paper))
    )


def _luminance(colour: str) -> float:
    """WCAG 2.2, "relative luminance"."""
    red, green, blue = (_linear(octet / 255) for octet in bytes.fromhex(colour[1:]))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    linear: float = channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
    return linear


def _mixed(colour: str, percent: int) -> str:
    octets = (octet + (255 - octet) * percent // 100 for octet in bytes.fromhex(colour[1:]))
    return f"#{bytes(octets).hex()}"


def _unreadable(theme: Theme) -> Iterator[Objection]:
    for suffix, where, ground in (("", "", LIGHT), ("_dark", " in the dark", DARK)):
        accent, on_accent = getattr(theme, f"accent{suffix}"), getattr(theme, f"on_accent{suffix}")
        yield from _pair(f"accent{suffix}", f"link text {accent} on cards {ground.card}{where}", accent, ground.card)
        yield from _pair(
            f"accent{suffix}", f"link text {accent} on the page {ground.paper}{where}", accent, ground.paper
        )
        yield from _pair(f"on_accent{suffix}", f"button text {on_accent} on accent {accent}{where}", on_accent, accent)


def _pair(field: str, what: str, one: str, other: str) -> Iterator[Objection]:
    ratio = contrast(one, other)
    if ratio < READABLE:
        rounded_down = int(ratio * 10) / 10
        yield field, f"{what} has a contrast of {rounded_down} to 1; {READABLE} to 1 is needed"


# ------------------------------------------------------------------ form


def _malformed(theme: Theme) -> Iterator[Objection]:
    if not 0 < len(theme.name) <= MAX_NAME or not theme.name.isprintable():
        yield "name", f"must be 1 to {MAX_NAME} characters without control characters"
    for field in ("accent", "accent_dark", "on_accent", "on_accent_dark"):
        if not _is_colour(getattr(theme, field)):
            yield field, "must be a colour such as #1f4fbf"
    if not 0 <= theme.radius <= MAX_RADIUS:
        yield "radius", f"must be a number of pixels from 0 to {MAX_RADIUS}"
    if theme.font not in FONTS:
        yield "font", f"must be one of {', '.join(FONTS)}"
    if theme.logo and not is_logo(theme.logo):
        yield "logo", f"must be data:image/png, webp, gif or jpeg in base64 of that kind, at most {MAX_LOGO} octets"
    if not is_web_page(theme.support) and not is_mailbox(theme.support):
        yield "support", "must be an e-mail address or an https URL"


def _is_colour(text: str) -> bool:
    return bool(COLOUR.fullmatch(text))


def is_mailbox(text: str) -> bool:
    """Whether `text` is an e-mail address as most are."""
    return bool(MAILBOX.fullmatch(text))


def is_logo(uri: str) -> bool:
    """Whether this is a small picture of the kind that it says it is. SVG is none: it is a document with scripts."""
    found = LOGO.fullmatch(uri)
    if found is None or len(found[2]) > MAX_LOGO * 4 // 3 + 3:
        return False
    try:
        octets = b64decode(found[2], validate=True)
    except BinasciiError:
        return False
    return len(octets) <= MAX_LOGO and kind_of_picture(octets) == found[1]


def kind_of_picture(octets: bytes) -> str:
    """What the first octets say that a file is; empty if it is no picture for pages."""
    if octets.startswith(b"RIFF") and octets[8:12] == b"WEBP":
        return "webp"
    begins = {b"\x89PNG\r\n\x1a\n": "png", b"GIF87a": "gif", b"GIF89a": "gif", b"\xff\xd8\xff": "jpeg"}
    return next((kind for magic, kind in begins.items() if octets.startswith(magic)), "")


# ------------------------------------------------------------------ memory


class Looks(Protocol):
    """Gives the theme that pages have now; `remembered`, as it was read last, without a read."""

    def __call__(self, *, remembered: bool = False) -> Theme: ...


class RememberedTheme:
    """The stored theme, or the default one, as an instance sees it: looked at again every minute.

    A page never fails for its looks: if the store does not answer, what was there before stays; and a theme that
    could not be read, since it was changed without the admin API, is not used.
    """

    def __init__(self, load: Callable[[], Theme | None], now: Callable[[], int]) -> None:
        self._load = load
        self._now = now
        self._loaded_at = 0
        self._theme = DEFAULT

    def __call__(self, *, remembered: bool = False) -> Theme:
        if not remembered and self._loaded_at <= self._now() - CACHE_LIFETIME:
            self._loaded_at = self._now()  # also if it fails: a request waits for the theme once a minute at most
            self._look()
        return self._theme

    def _look(self) -> None:
        try:
            stored = self._load() or DEFAULT
        except TemporarilyUnavailable:
            return
        faults = [f"{field}: {detail}" for field, detail in objections(stored)]
        if faults:
            import logging  # a tenth of what the functions without pages import

            logging.getLogger(__name__).error("the stored theme is not used", extra={"faults": faults})
        self._theme = DEFAULT if faults else stored
