"""Authentication by a login name and a password, for the sign-in page and the password grant."""

from contextlib import suppress

from authserver.ends import Begun
from authserver.errors import TemporarilyUnavailable
from authserver.models import ACTIVE
from authserver.models.factors import Factors
from authserver.models.users import User
from authserver.records import dataclass
from authserver.services import Services
from authserver.storage.standing import Ends
from authserver.values import Secret

from .begin import account_state, begun_of
from .device import Device
from .throttle import count_attempt, give_back, note_wrong


@dataclass(frozen=True, slots=True)
class Account:
    """A user whose password was right, with the user's second factors."""

    user: User
    factors: Factors | None
    ends: Ends

    @property
    def begun(self) -> Begun:
        """The epochs for what begins for the user; they are of the same instant as the password."""
        return begun_of(self.ends)

    @property
    def asks_for_code(self) -> bool:
        """Whether the password alone is not sufficient."""
        return self.factors is not None and self.factors.asks_for_code


def authenticate(
    name: str, password: Secret, source: str, services: Services, device: Device | None = None
) -> Account | None:
    """The account with this username or confirmed address; None, after the same work, for an unknown name and for a
    wrong password.

    Raises `TooManyAttempts` without having looked at the password.
    """
    state, ends = account_state(services.users.identify(name), services)
    user = state.user
    if user and not user.is_called(name, by_address=services.settings.email_sign_in):
        user = None
    known = device.id if user and device and device.knows(user.sub) else ""
    attempt = count_attempt(user.sub if user else "", name, source, services, known)
    proven = services.passwords.verify(password, user.password_hash if user else None)
    if user is None or not proven or user.status != ACTIVE:
        note_wrong(attempt, services)
        return None
    _renew_hash(user, password, services)
    give_back(attempt, services)
    return Account(user, state.factors, ends)


def _renew_hash(user: User, password: Secret, services: Services) -> None:
    """Replaces an imported hash, or one with older parameters, by one of this server. If the write fails, the next
    sign-in repeats it."""
    if services.passwords.is_outdated(user.password_hash):
        with suppress(TemporarilyUnavailable):
            services.users.rehash(user.sub, user.password_hash, services.passwords.hash(password))
