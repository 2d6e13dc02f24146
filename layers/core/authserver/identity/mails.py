"""Ordering mails. What is ordered, and how long that takes, tells nobody whether there is an account.

For one user, whoever asks by whichever name, and for one name that is nobody's, there is one mail a minute, and after
the first three of an hour one in a quarter of an hour. What is held back is not refused: the link of the mail before is
still good, so nobody keeps a user from one.
"""

from contextlib import suppress

from authserver.ends import NOTHING, Begun
from authserver.errors import TemporarilyUnavailable, TooManyAttempts
from authserver.messages.mail import (
    ACCOUNT_DELETED,
    CHANGED_BY_OPERATOR,
    EMAIL_CHANGED,
    EMAIL_VERIFICATION,
    FACTORS_CHANGED,
    PASSWORD_CHANGED,
    PASSWORD_RESET,
    USERNAME_CHANGED,
    MailOrder,
)
from authserver.models.browsers import Session
from authserver.models.users import User
from authserver.services import Services
from authserver.values import base64url, is_mail_address

from .begin import begun_of, key_text
from .throttle import network_of, whose

MINUTE, QUARTER, HOUR = 60, 900, 3600
FREE = 3  # mails in an hour for a user
FREE_OF_SOURCE = 50  # orders in an hour from a source; after them, one each `SOURCE_DELAY`
SOURCE_DELAY = 30
VERIFICATIONS_AN_HOUR = 5  # that a user has sent
VERIFICATIONS_TO_ADDRESS = 10  # that one address gets, whoever wants it: anybody may have many accounts


def order_reset(username: str, source: str, languages: str, services: Services) -> None:
    """Orders a link to a new password for whoever has this username or confirmed address, if anybody.

    Raises `TooManyAttempts` if this source asks for too many, by whatever names.
    """
    network = f"source\x00{network_of(source)}"
    if _count(network, HOUR, services) > FREE_OF_SOURCE and _count(network, SOURCE_DELAY, services) > 1:
        raise TooManyAttempts(_rest_of(SOURCE_DELAY, services))
    # Whether there is anybody or not, it takes the same: the mail is written later, by somebody who must not ask.
    subject = services.users.identify(username)
    # Where addresses are no login names, an order by one is sent to nobody, and must not hold back one by the username.
    name = whose(subject if services.settings.email_sign_in else "", username)
    if _count(name, MINUTE, services) > 1:
        return
    try:
        begun = begun_of(services.browsers.ends(key_text(subject)))
        in_quarter, in_hour = _count(name, QUARTER, services), _count(name, HOUR, services)
        if in_quarter == 1 or in_hour <= FREE:
            _order(PASSWORD_RESET, services, username=username, subject=subject, languages=languages, begun=begun)
    except TemporarilyUnavailable:
        with suppress(TemporarilyUnavailable):
            _count(name, MINUTE, services, -1)  # whoever asks again is not to wait for what was never ordered
        raise


def order_verification(user: User, session: Session, address: str, languages: str, services: Services) -> bool:
    """Notes that the user wants this address, and orders the link that shows that it is theirs.

    It becomes theirs when the link was opened, unless the sessions of whoever asked in this `session` were ended
    before. False if it is no address that mail can be sent to. Raises `TooManyAttempts`.
    """
    if not is_mail_address(address):
        return False
    by_user, to_address = f"subject\x00{user.sub}", f"address\x00{address.casefold()}"
    if _count(by_user, HOUR, services) > VERIFICATIONS_AN_HOUR:
        raise TooManyAttempts(_rest_of(HOUR, services))
    if _count(to_address, HOUR, services) > VERIFICATIONS_TO_ADDRESS:
        raise TooManyAttempts(_rest_of(HOUR, services))
    services.users.update(user.sub, pending_email=address)
    _order(
        EMAIL_VERIFICATION,
        services,
        subject=user.sub,
        address=address,
        languages=languages,
        begun=session.begun,
        sessions=session.sessions,
    )
    return True


def tell_of_new_password(user: User, languages: str, services: Services) -> None:
    """Tells a user that their password was changed."""
    _tell(PASSWORD_CHANGED, user, languages, services)


def tell_of_new_factors(user: User, languages: str, services: Services) -> None:
    """Tells a user that something else that they sign in with was added or removed."""
    _tell(FACTORS_CHANGED, user, languages, services)


def tell_of_new_address(user: User, languages: str, services: Services) -> None:
    """Tells whoever has the address that was the user's that it is not any more."""
    _tell(EMAIL_CHANGED, user, languages, services)


def tell_of_new_username(user: User, before: str, services: Services) -> None:
    """Tells a user that the username from `before` is somebody else's confirmed address, and that theirs is another."""
    _tell(USERNAME_CHANGED, user, "", services, about=before)


def tell_of_operator(user: User, what: str, about: str, services: Services) -> None:
    """Tells a user what an operator did to the account, one of `activity.BY_OPERATOR`, in no language of theirs.

    It goes to the address of `user`, who is as they were before, and to nobody where there was none.
    """
    if user.email:
        _tell(CHANGED_BY_OPERATOR, user, "", services, what, about)


def tell_of_deletion(user: User, languages: str, services: Services) -> None:
    """Tells whoever had the account, `user` as it was, that it was deleted: nobody can look the address up any more."""
    if user.email:
        with suppress(TemporarilyUnavailable):
            _order(ACCOUNT_DELETED, services, username=user.username, address=user.email, languages=languages)


def _tell(kind: str, user: User, languages: str, services: Services, what: str = "", about: str = "") -> None:
    """Never fails: what is told is done, whether or not a mail can tell it."""
    with suppress(TemporarilyUnavailable):
        _order(kind, services, subject=user.sub, address=user.email, languages=languages, what=what, about=about)


def _order(
    kind: str,
    services: Services,
    *,
    username: str = "",
    subject: str = "",
    address: str = "",
    languages: str = "",
    begun: Begun = NOTHING,
    sessions: int | None = None,
    what: str = "",
    about: str = "",
) -> None:
    """Nothing where this deployment sends no mails."""
    if services.order_mail is None:
        return
    services.order_mail(
        MailOrder(
            kind=kind,
            id=base64url(services.random(16)),
            issuer=services.settings.issuer,
            ordered_at=services.now(),
            username=username,
            subject=subject,
            address=address,
            languages=languages,
            begun=begun,
            sessions=sessions,
            what=what,
            about=about,
        )
    )


def _count(whose: str, length: int, services: Services, amount: int = 1) -> int:
    """How often a mail was asked for in this window, this time included."""
    window = services.now() // length * length
    return services.counters.count(f"mail\x00{length}\x00{whose}", window, amount, window + 2 * length)


def _rest_of(length: int, services: Services) -> int:
    return length - services.now() % length
