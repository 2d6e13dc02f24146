"""The code that a person reads from a device and types in a browser: RFC 8628 section 6.1.

Twenty consonants, so that no word comes out and nothing looks like a digit: eight of them are 34.5 bits, enough where
guessing is throttled. Case, spaces and dashes make no difference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from authserver.tokens.opaque import key_of

if TYPE_CHECKING:
    from collections.abc import Callable

LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
LENGTH = 8
SEPARATORS = "- _.\t\u00a0\u2010\u2011\u2012\u2013\u2014"


def new_user_code(random: Callable[[int], bytes]) -> str:
    """A code of letters alone. Each code has the same chance, except for a difference of 2^-93."""
    number = int.from_bytes(random(16))
    return "".join(LETTERS[number // len(LETTERS) ** place % len(LETTERS)] for place in range(LENGTH))


def read_user_code(typed: str) -> str | None:
    """The letters of a code that a user typed; None if it cannot be one."""
    letters = typed.strip().upper().translate(dict.fromkeys(map(ord, SEPARATORS)))
    is_code = len(letters) == LENGTH and not set(letters) - set(LETTERS)
    return letters if is_code else None


def shown(letters: str) -> str:
    """A code as people read it."""
    half = LENGTH // 2
    return f"{letters[:half]}-{letters[half:]}"


def device_id(letters: str) -> bytes:
    """The identifier of the device that shows this code: half its SHA-256."""
    return key_of(letters)
