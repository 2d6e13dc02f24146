"""Who a username and a password belong to, for the sign-in page and the password grant alike."""

from contextlib import suppress

from authserver.errors import TemporarilyUnavailable
from authserver.models import ACTIVE, User
from authserver.services import Services
from authserver.values import Secret

from .throttle import count_attempt, give_back_attempt


def authenticate(username: str, password: Secret, source: str, services: Services) -> User | None:
    """The user; None, after the same time, for an unknown name and for a wrong password.

    Raises `TooManyAttempts` without having looked at the password.
    """
    window = count_attempt(username, source, services)
    user = services.users.find(username) if username else None
    proven = services.passwords.verify(password, user.password_hash if user else None)
    if user is None or not proven or user.status != ACTIVE:
        return None
    _renew_hash(user, password, services)
    give_back_attempt(username, source, window, services)
    return user


def _renew_hash(user: User, password: Secret, services: Services) -> None:
    """An imported hash, or one of older parameters, gives way to ours. A write that fails, the next sign-in repeats."""
    if services.passwords.is_outdated(user.password_hash):
        with suppress(TemporarilyUnavailable):
            services.users.rehash(user.sub, user.password_hash, services.passwords.hash(password))
