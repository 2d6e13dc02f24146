"""A user's second factors, as the user adds and removes them. Each change is one write on the condition of what was
read.

The services are those of the session (`Services.by`). So after the session has ended, or an operator has ended
everything (for a user whose telephone was stolen, say), no form that is in progress changes anything.
"""

from dataclasses import replace

from authserver.models.browsers import Session
from authserver.models.factors import Factors, Passkey, Totp
from authserver.models.users import User
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
    """The user's factors; empty ones of version 0, if the user never set anything up."""
    return _factors(user.sub, services)


def _factors(subject: str, services: Services) -> Factors:
    return services.factors.get(base64url(key_of(subject))) or Factors(subject)


# ------------------------------------------------------------------ an authenticator app, with recovery codes


def begin_app(subject: str, services: Services) -> None:
    """Draws a secret to be shared with an app; nothing asks for its codes before it is confirmed."""
    factors = _factors(subject, services)
    if factors.asks_for_code:
        raise NotPossible
    wrapped = totp.wrap_secret(subject, totp.new_secret(services.random), services)
    _write(replace(factors, totp=Totp(wrapped)), services)


def secret_of(factors: Factors, services: Services) -> str:
    """The secret of an app that is being set up; empty if there is none, or it was confirmed and is no longer shown."""
    if factors.totp is None or factors.asks_for_code:
        return ""
    return totp.unwrap_secret(factors.subject, factors.totp.secret, services)


def confirm_app(subject: str, code: str, services: Services) -> tuple[str, ...] | None:
    """The recovery codes, once the app has made the right code; None if it has not."""
    factors = _factors(subject, services)
    if factors.totp is None or factors.asks_for_code:
        raise NotPossible
    step = totp.matching_step(secret_of(factors, services), code, services.now())
    if step is None:
        return None
    confirmed = replace(factors.totp, confirmed_at=services.now(), last_step=step)
    return _with_new_codes(replace(factors, totp=confirmed), services)


def remove_app(session: Session, services: Services) -> bool:
    """A password is enough from now on; the recovery codes, which stand in for the app, go with it.

    Tells whether it was not enough before; then every browser but the session's is signed out.
    """
    factors = _factors(session.subject, services)
    without = replace(factors, totp=None, recovery_codes=frozenset())
    if factors.asks_for_code:
        _lessen(without, session, services)
    else:
        _write(without, services)
    return factors.asks_for_code


def renew_codes(subject: str, version: str, services: Services) -> tuple[str, ...]:
    """Ten new recovery codes in place of those that there were.

    `version` is of the factors that the page showed: of a form that is sent twice, one makes codes, so that no page
    shows codes that the other one has replaced.
    """
    factors = _factors(subject, services)
    if not factors.asks_for_code:
        raise NotPossible
    if version != str(factors.version):
        raise ChangedMeanwhile
    return _with_new_codes(factors, services)


def _with_new_codes(factors: Factors, services: Services) -> tuple[str, ...]:
    codes = recovery_codes.new_codes(services.random)
    _write(replace(factors, recovery_codes=frozenset(map(recovery_codes.hash_of, codes))), services)
    return codes


# ------------------------------------------------------------------ passkeys


def add_passkey(subject: str, answer: str, ceremony: Ceremony, name: str, services: Services) -> None:
    """Adds the passkey that an authenticator made. Raises `PasskeyRefused`."""
    factors = _factors(subject, services)
    if len(factors.passkeys) >= MAX_PASSKEYS:
        raise NotPossible
    made = take_registration(answer, ceremony, _name(name), services)
    if any(one.id == made.id for one in factors.passkeys):
        raise NotPossible
    _write(replace(factors, passkeys=(*factors.passkeys, made)), services)


def rename_passkey(subject: str, passkey_id: str, name: str, services: Services) -> bool:
    """Renames a passkey; returns whether it exists."""
    factors = _factors(subject, services)
    if not any(_is(one, passkey_id) for one in factors.passkeys):
        return False
    renamed = (replace(one, name=_name(name)) if _is(one, passkey_id) else one for one in factors.passkeys)
    _write(replace(factors, passkeys=tuple(renamed)), services)
    return True


def remove_passkey(session: Session, passkey_id: str, services: Services) -> bool:
    """Removes a passkey and signs out every browser but the session's, because another person may have signed in by it;
    returns whether it existed."""
    factors = _factors(session.subject, services)
    removed = next((one for one in factors.passkeys if _is(one, passkey_id)), None)
    if removed is None:
        return False
    _lessen(replace(factors, passkeys=tuple(one for one in factors.passkeys if one != removed)), session, services)
    return True


def is_name(name: str) -> bool:
    """Whether a passkey can be called that."""
    return 0 < len(_name(name)) <= MAX_NAME and name.isprintable()


def _name(name: str) -> str:
    return name.strip()


def _is(passkey: Passkey, passkey_id: str) -> bool:
    return base64url(passkey.id) == passkey_id


def _lessen(factors: Factors, session: Session, services: Services) -> None:
    if services.withdrawals.lessen_factors(factors, session) is None:
        raise ChangedMeanwhile


def _write(factors: Factors, services: Services) -> None:
    if not services.factors.replace(factors):
        raise ChangedMeanwhile
