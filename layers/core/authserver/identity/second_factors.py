"""What a user has beyond a password, as they set it up and take it away: each change is one write on what was read.

The session that asks is looked at between the two. Whoever ends sessions and then takes everything away (an operator,
for somebody whose telephone was stolen) is outrun by no form under way: read before, what it writes is refused; read
after, its session is over.
"""

from dataclasses import replace

from authserver.models import Factors, Passkey, Session, Totp, User
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
    return _factors(user.sub, services)


def _factors(subject: str, services: Services) -> Factors:
    return services.factors.get(base64url(key_of(subject))) or Factors(subject)


# ------------------------------------------------------------------ an authenticator app, with recovery codes


def begin_app(session: Session, services: Services) -> None:
    """Draws a secret to be shared with an app; nothing asks for its codes before it is confirmed."""
    factors = _factors(session.subject, services)
    if factors.asks_for_code:
        raise NotPossible
    wrapped = totp.wrap_secret(session.subject, totp.new_secret(services.random), services)
    _write(replace(factors, totp=Totp(wrapped)), session, services)


def secret_of(factors: Factors, services: Services) -> str:
    """The secret of an app that is being set up; empty if there is none, or it was confirmed and is told no more."""
    if factors.totp is None or factors.asks_for_code:
        return ""
    return totp.unwrap_secret(factors.subject, factors.totp.secret, services)


def confirm_app(session: Session, code: str, services: Services) -> tuple[str, ...] | None:
    """The recovery codes, once the app has made the right code; None if it has not."""
    factors = _factors(session.subject, services)
    if factors.totp is None or factors.asks_for_code:
        raise NotPossible
    step = totp.matching_step(secret_of(factors, services), code, services.now())
    if step is None:
        return None
    confirmed = replace(factors.totp, confirmed_at=services.now(), last_step=step)
    return _with_new_codes(replace(factors, totp=confirmed), session, services)


def remove_app(session: Session, services: Services) -> bool:
    """A password is enough from now on; the recovery codes, which stand in for the app, go with it.

    Tells whether it was not enough before.
    """
    factors = _factors(session.subject, services)
    _write(replace(factors, totp=None, recovery_codes=frozenset()), session, services)
    return factors.asks_for_code


def renew_codes(session: Session, services: Services) -> tuple[str, ...]:
    """Ten new recovery codes in place of those that there were."""
    factors = _factors(session.subject, services)
    if not factors.asks_for_code:
        raise NotPossible
    return _with_new_codes(factors, session, services)


def _with_new_codes(factors: Factors, session: Session, services: Services) -> tuple[str, ...]:
    codes = recovery_codes.new_codes(services.random)
    _write(replace(factors, recovery_codes=frozenset(map(recovery_codes.hash_of, codes))), session, services)
    return codes


# ------------------------------------------------------------------ passkeys


def add_passkey(session: Session, answer: str, ceremony: Ceremony, name: str, services: Services) -> None:
    """Adds the passkey that an authenticator made. Raises `PasskeyRefused`."""
    factors = _factors(session.subject, services)
    if len(factors.passkeys) >= MAX_PASSKEYS:
        raise NotPossible
    made = take_registration(answer, ceremony, _name(name), services)
    if any(one.id == made.id for one in factors.passkeys):
        raise NotPossible
    _write(replace(factors, passkeys=(*factors.passkeys, made)), session, services)


def rename_passkey(session: Session, passkey_id: str, name: str, services: Services) -> None:
    """Calls a passkey something else; nothing if it is gone."""
    factors = _factors(session.subject, services)
    renamed = (replace(one, name=_name(name)) if _is(one, passkey_id) else one for one in factors.passkeys)
    _write(replace(factors, passkeys=tuple(renamed)), session, services)


def remove_passkey(session: Session, passkey_id: str, services: Services) -> bool:
    """Takes a passkey away; tells whether it was there."""
    factors = _factors(session.subject, services)
    removed = next((one for one in factors.passkeys if _is(one, passkey_id)), None)
    if removed is None:
        return False
    _write(replace(factors, passkeys=tuple(one for one in factors.passkeys if one != removed)), session, services)
    return True


def is_name(name: str) -> bool:
    """Whether a passkey can be called that."""
    return 0 < len(_name(name)) <= MAX_NAME and name.isprintable()


def _name(name: str) -> str:
    return name.strip()


def _is(passkey: Passkey, passkey_id: str) -> bool:
    return base64url(passkey.id) == passkey_id


def _write(factors: Factors, session: Session, services: Services) -> None:
    if _is_over(session, services) or not services.factors.replace(factors):
        raise ChangedMeanwhile


def _is_over(session: Session, services: Services) -> bool:
    state = services.browsers.browser_state(session_id=session.id, subject_key=base64url(key_of(session.subject)))
    return state.session is None or session.created_at <= state.not_before
