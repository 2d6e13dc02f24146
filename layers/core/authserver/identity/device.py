"""Browsers that signed in to an account before, known by a cookie, which authenticates no user.

Guesses at that account's password in such a browser are counted separately from all others (`throttle`).
"""

from authserver.records import dataclass
from authserver.services import Services
from authserver.tokens import opaque
from authserver.tokens.keyring import TOKEN_RING
from authserver.values import base64url, from_base64url


@dataclass(frozen=True, slots=True)
class Device:
    """A browser, and the account that signed in there last, by `tokens.opaque.key_of` its subject in base64url."""

    id: str
    subject_key: str

    def knows(self, subject: str) -> bool:
        """Whether this subject has signed in here."""
        return self.subject_key == base64url(opaque.key_of(subject))


def read_device(cookie: str | None, services: Services) -> Device | None:
    """The device that the cookie names, if this server made it and its key still exists."""
    if cookie is None:
        return None
    device = opaque.unseal(opaque.DEVICE, cookie, services.keys.token_keys(TOKEN_RING))
    return Device(device.text("id"), device.text("subject")) if device else None


def device_cookie(subject: str, services: Services, device: Device | None) -> str:
    """The cookie of a browser where this subject has just signed in; sealed anew, so that it lasts."""
    identifier = from_base64url(device.id) if device and device.knows(subject) else services.random(16)
    key = services.keys.token_key(TOKEN_RING)
    return opaque.seal(opaque.DEVICE, key, id=identifier, subject=opaque.key_of(subject))
