"""Passwords: argon2id (RFC 9106) by argon2-cffi, with its low-memory profile's parameters.

The limits of SECURITY: the whole password counts, exactly as typed; up to 1,024 octets; no NUL.
"""

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from argon2.profiles import RFC_9106_LOW_MEMORY

from authserver.values import Secret

MAX_OCTETS = 1024


class Argon2Passwords:
    """Implements `services.PasswordHasher`."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
        # Made at the start, so that the first unknown name takes no longer than the next.
        self._nobodys_hash = self._hasher.hash("nobody")

    def hash(self, password: Secret) -> str:
        """An argon2id hash. Raises `ValueError` on a password that `is_acceptable` refuses."""
        if not is_acceptable(password):
            raise ValueError("password must be 1 to 1024 octets without NUL")
        return self._hasher.hash(password.reveal())

    def verify(self, password: Secret, password_hash: str | None) -> bool:
        """Whether the password is the hashed one. Without a hash it takes as long, and is not."""
        known = password_hash or self._nobodys_hash
        try:
            matches = self._hasher.verify(known, password.reveal() if is_acceptable(password) else "\x00")
        except (Argon2Error, InvalidHashError):
            return False
        return matches and password_hash is not None


def is_acceptable(password: Secret) -> bool:
    """Whether this may be a password at all; checked before any hashing, whose cost grows with length."""
    octets = password.reveal().encode()
    return 0 < len(octets) <= MAX_OCTETS and b"\x00" not in octets
