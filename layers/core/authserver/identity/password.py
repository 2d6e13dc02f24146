"""Passwords: argon2id (RFC 9106) by argon2-cffi, with its low-memory profile's parameters; imported hashes as well.

The whole password counts, up to 1,024 octets, without NUL. It is hashed in one Unicode form (NIST SP 800-63B section
3.1.1.2). An imported hash may be of another form, so what was typed is tried as it is, too, where that differs.
"""

from collections.abc import Iterable

from argon2 import PasswordHasher
from argon2.profiles import RFC_9106_LOW_MEMORY

from authserver.identity.hashes import PasswordHash, parse
from authserver.identity.new_password import MAX_OCTETS, hashed_form
from authserver.values import Secret


class Argon2Passwords:
    """Implements `services.PasswordHasher`.

    `imported` are hashes of random passwords, one for each kind and cost that this deployment has imported: a wrong
    password is compared with each of them as well as with ours, so that time does not tell whose name was given.
    """

    def __init__(self, imported: Iterable[str] = ()) -> None:
        self._hasher = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
        # Made at the start, so that the first unknown name takes no longer than the next.
        ours = parse(self._hasher.hash("nobody"))
        self._our_recipe = ours.recipe
        self._nobodys = {nobodys.recipe: nobodys for nobodys in (ours, *map(parse, imported))}

    def hash(self, password: Secret) -> str:
        """An argon2id hash. Raises `ValueError` on a password that `is_acceptable` refuses."""
        if not is_acceptable(password):
            raise ValueError("password must be 1 to 1024 octets without NUL")
        return self._hasher.hash(_forms_of(password)[0])

    def verify(self, password: Secret, password_hash: str | None) -> bool:
        """Whether the password is the hashed one. Without a hash it takes as long, and is not."""
        acceptable = is_acceptable(password)
        forms = _forms_of(password) if acceptable else (b"\x00",)
        known = _readable(password_hash)
        if known is not None and any(map(known.matches, forms)) and acceptable:
            return True
        for recipe, nobodys in self._nobodys.items():
            if known is None or known.recipe != recipe:
                for form in forms:
                    nobodys.matches(form)
        return False

    def matches(self, password: Secret, password_hash: str) -> bool:
        """Whether the password is the hashed one, at the cost of that hash alone."""
        known = _readable(password_hash)
        return known is not None and is_acceptable(password) and any(map(known.matches, _forms_of(password)))

    def is_outdated(self, password_hash: str) -> bool:
        """Whether `hash` would make another kind of hash today: an imported one, or one of older parameters."""
        known = _readable(password_hash)
        return known is not None and known.recipe != self._our_recipe


def is_acceptable(password: Secret) -> bool:
    """Whether this may be a password at all; checked before any hashing, whose cost grows with length."""
    typed = password.reveal().encode()
    if not 0 < len(typed) <= MAX_OCTETS or b"\x00" in typed:
        return False
    return len(_forms_of(password)[0]) <= MAX_OCTETS


def _forms_of(password: Secret) -> tuple[bytes, ...]:
    """What is hashed of a password, and then, where that is something else, what was typed."""
    typed = password.reveal()
    return tuple(dict.fromkeys((hashed_form(typed).encode(), typed.encode())))


def _readable(password_hash: str | None) -> PasswordHash | None:
    try:
        return parse(password_hash) if password_hash else None
    except ValueError:
        return None
