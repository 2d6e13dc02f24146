"""What a user has beyond a password, as they set it up and take it away: each change is one write on what was read."""

from dataclasses import replace

from authserver.models import Factors, Passkey, Totp, User
from authserver.services import Services
from authserver.tokens.opaque import key_of
from authserver.values import base64url

from . import recovery_codes, totp
from .passkeys import MAX_NAME, MAX_PASSKEYS, Ceremony, take_registration


class ChangedMeanwhile(Exception):
    """Something else was changed since the page was shown, in another window maybe. Nothing was changed now."""


class NotPossible(Exception):
    """The change does not fit what there is, or there would be too much."""


def factors_of(user: User, services: Services) -> Factors:
    """What the user has; nothing, of version 0, if they never set anything up."""
    return services.factors.get(base64url(key_of(user.sub))) or Factors(user.sub)


# ------------------------------------------------------------------ an authenticator app, with recovery codes


def begin_app(user: User, services: Services) -> None:
    """Draws a secret to be shared with an app; nothing asks for its codes before it is confirmed."""
    factors = factors_of(user, services)
    if factors.asks_for_code:
        raise NotPossible
    wrapped = totp.wrap_secret(user.sub, totp.new_secret(services.random), services)
    _write(replace(factors, totp=Totp(wrapped)), services)


def secret_of(factors: Factors, services: Services) -> str:
    """The secret of an app that is being set up; empty if there is none, or it was confirmed and is told no more."""
    if factors.totp is None or factors.asks_for_code:
        return ""
    return totp.unwrap_secret(factors.subject, factors.totp.secret, services)


def confirm_app(user: User, code: str, services: Services) -> tuple[str, ...] | None:
    """The recovery codes, once the app has made the right code; None if it has not."""
    factors = factors_of(user, services)
    if factors.totp is None or factors.asks_for_code:
        raise NotPossible
    step = totp.matching_step(secret_of(factors, services), code, services.now())
    if step is None:
        return None
    confirmed = replace(factors.totp, confirmed_at=services.now(), last_step=step)
    return _with_new_codes(replace(factors, totp=confirmed), services)


def remove_app(user: User, services: Services) -> bool:
    """A password is enough from now on; the recovery codes, which stand in for the app, go with it.

    Tells whether it was not enough before.
    """
    factors = factors_of(user, services)
    _write(replace(factors, totp=None, recovery_codes=frozenset()), services)
    return factors.asks_for_code


def renew_codes(user: User, services: Services) -> tuple[str, ...]:
    """Ten new recovery codes in place of those that there were."""
    factors = factors_of(user, services)
    if not factors.asks_for_code:
        raise NotPossible
    return _with_new_codes(factors, services)


def _with_new_codes(factors: Factors, services: Services) -> tuple[str, ...]:
    codes = recovery_codes.new_codes(services.random)
    _write(replace(factors, recovery_codes=frozenset(map(recovery_codes.hash_of, codes))), services)
    return codes


# ------------------------------------------------------------------ passkeys


def add_passkey(user: User, answer: str, ceremony: Ceremony, name: str, services: Services) -> None:
    """Adds the passkey that an authenticator made. Raises `PasskeyRefused`."""
    factors = factors_of(user, services)
    if len(factors.passkeys) >= MAX_PASSKEYS:
        raise NotPossible
    made = take_registration(answer, ceremony, _name(name), services)
    if any(one.id == made.id for one in factors.passkeys):
        raise NotPossible
    _write(replace(factors, passkeys=(*factors.passkeys, made)), services)


def rename_passkey(user: User, passkey_id: str, name: str, services: Services) -> None:
    """Calls a passkey something else; nothing if it is gone."""
    factors = factors_of(user, services)
    renamed = (replace(one, name=_name(name)) if _is(one, passkey_id) else one for one in factors.passkeys)
    _write(replace(factors, passkeys=tuple(renamed)), services)


def remove_passkey(user: User, passkey_id: str, services: Services) -> bool:
    """Takes a passkey away; tells whether it was there."""
    factors = factors_of(user, services)
    removed = next((one for one in factors.passkeys if _is(one, passkey_id)), None)
    if removed is None:
        return False
    _write(replace(factors, passkeys=tuple(one for one in factors.passkeys if one != removed)), services)
    return True


def is_name(name: str) -> bool:
    """Whether a passkey can be called that."""
    return 0 < len(_name(name)) <= MAX_NAME and name.isprintable()


def _name(name: str) -> str:
    return name.strip()


def _is(passkey: Passkey, passkey_id: str) -> bool:
    return base64url(passkey.id) == passkey_id


def _write(factors: Factors, services: Services) -> None:
    if not services.factors.replace(factors):
        raise ChangedMeanwhile
