"""What may become a password: NIST SP 800-63B section 3.1.1.2. What was typed counts exactly as it was typed."""

from authserver.marks import N_
from authserver.values import Secret, normalised_username

MIN_CHARACTERS = 8
MAX_OCTETS = 1024

TOO_SHORT = N_("A password needs at least 8 characters.")
TOO_LONG = N_("This password is too long.")
UNUSABLE = N_("This password has a character that cannot be used.")
SAME_AS_USERNAME = N_("The password must not be your username.")


def refusal(password: Secret, username: str) -> str:
    """Why this cannot be the new password of `username`, a sentence for its user; empty if it can be."""
    text = password.reveal()
    if len(text) < MIN_CHARACTERS:
        return TOO_SHORT
    if len(text.encode()) > MAX_OCTETS:
        return TOO_LONG
    if "\x00" in text:
        return UNUSABLE
    if username and normalised_username(text) == normalised_username(username):
        return SAME_AS_USERNAME
    return ""
