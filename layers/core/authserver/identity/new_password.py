"""What may become a password: NIST SP 800-63B section 3.1.1.2. All of it counts, in the Unicode form that is hashed."""

from unicodedata import normalize

from authserver.marks import N_
from authserver.values import Secret, normalised_username

MIN_CHARACTERS = 8
MAX_OCTETS = 1024

TOO_SHORT = N_("A password needs at least 8 characters.")
TOO_LONG = N_("This password is too long.")
UNUSABLE = N_("This password has a character that cannot be used.")
MADE_OF_NAME = N_(
    "Your username and the name of this service are guessed first, with digits and signs added, too. "
    "Take another, for example three or four words."
)
COMMON = N_(
    "This password is among the most common ones, which are guessed first. "
    "Take another, for example three or four words."
)


def hashed_form(text: str) -> str:
    """A password in the form NFKC: keyboards and systems type one letter in several ways."""
    return normalize("NFKC", text)


def refusal(password: Secret, username: str, service: str, address: str = "") -> str:
    """Why this cannot be the new password of `username`, who may sign in by `address` as well, at `service`: a sentence
    for its user; empty if it can be."""
    text = hashed_form(password.reveal())
    if len(text) < MIN_CHARACTERS:
        return TOO_SHORT
    if max(len(text.encode()), len(password.reveal().encode())) > MAX_OCTETS:
        return TOO_LONG
    if "\x00" in text:
        return UNUSABLE
    names = (username, address, *(name.partition("@")[0] for name in (username, address)), service)
    if any(_is_made_of(name, text) for name in names):
        return MADE_OF_NAME
    return COMMON if _is_common(text) else ""


def _is_made_of(name: str, text: str) -> bool:
    """Whether the text is the name, or the name with what is no letter around it."""
    name = normalised_username(name)
    before, found, after = normalised_username(text).partition(name) if name else (text, "", "")
    return bool(found) and not any(character.isalpha() for character in before + after)


def _is_common(text: str) -> bool:
    """Whether it is among the 30,000 that leaked lists have most often; 11,000 of them are long enough (ASVS 6.2.4)."""
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    return text.lower() in FREQUENCY_LISTS["passwords"]
