"""Codes of an authenticator app: RFC 6238 with SHA-1, six digits and steps of thirty seconds, as all apps know it."""

import hmac
from collections.abc import Callable

from authserver.models.factors import Factors
from authserver.services import Services
from authserver.values import base32

SECRETS = "factor"  # stands in the encryption context where a key ring's name does
STEP = 30
DRIFT = 1  # steps that the app's clock may be off, either way (section 5.2)
DIGITS = 6


def new_secret(random: Callable[[int], bytes]) -> str:
    """A shared secret as apps take it: 160 bits (RFC 4226 section 4), in base32."""
    return base32(random(20))


def wrap_secret(subject: str, secret: str, services: Services) -> bytes:
    """The secret as it is stored; it opens for this user alone."""
    return services.opener.wrap(secret.encode(), ring=SECRETS, kid=subject)


def take_code(factors: Factors, code: str, services: Services) -> bool:
    """Whether `code` is one of the app's now and was not taken before; it is then."""
    if factors.totp is None or not factors.asks_for_code:
        return False
    step = matching_step(unwrap_secret(factors.subject, factors.totp.secret, services), code, services.now())
    if step is None:
        return False
    return services.factors.use_totp_step(factors, step, services.claim())


def unwrap_secret(subject: str, wrapped: bytes, services: Services) -> str:
    """The shared secret of this user."""
    return services.opener.unwrap(wrapped, ring=SECRETS, kid=subject).decode()


def matching_step(secret: str, code: str, now: int) -> int | None:
    """The time step whose code this is, if it is near; each that could be is compared, in constant time."""
    from pyotp import TOTP

    typed = "".join(code.split())
    if len(typed) != DIGITS or not typed.isascii() or not typed.isdigit():
        return None
    codes = TOTP(secret, digits=DIGITS, interval=STEP)
    nearest = now // STEP
    steps = range(nearest - DRIFT, nearest + DRIFT + 1)
    matching = [step for step in steps if hmac.compare_digest(codes.generate_otp(step), typed)]
    return matching[-1] if matching else None


def provisioning_uri(secret: str, account: str, service: str) -> str:
    """What an authenticator app reads from a QR code."""
    from pyotp import TOTP

    return TOTP(secret, digits=DIGITS, interval=STEP).provisioning_uri(name=account, issuer_name=service)
