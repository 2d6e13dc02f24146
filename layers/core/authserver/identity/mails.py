"""Orders for mails. Neither the answer nor its time reveals whether there is an account.

For one user, by whichever name, and for one name that no user has, there is one mail a minute, and after the first
three of an hour one per quarter of an hour. A mail that is held back is not refused: the link of the mail before it
still works, so repeated orders cannot keep a user from getting one.
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
VERIFICATIONS_TO_ADDRESS = 10  # that one address gets from all accounts together


def order_reset(username: str, source: str, languages: str, services: Services) -> None:
    """Orders a link to a new password for the user with this username or confirmed address, if there is one.

    Raises `TooManyAttempts` if this source orders too many, by whatever names.
    """
    network = f"source\x00{network_of(source)}"
    if _count(network, HOUR, services) > FREE_OF_SOURCE and _count(network, SOURCE_DELAY, services) > 1:
        raise TooManyAttempts(_rest_of(SOURCE_DELAY, services))
    # With a user or without, this takes the same time: another function writes the mail later.
    subject = services.users.identify(username)
    # If addresses are no login names, an order by one sends no mail, and must not hold back one by the username.
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
            _count(name, MINUTE, services, -1)  # the next attempt must not wait for a mail that was never ordered
        raise


def order_verification(user: User, session: Session, address: str, languages: str, services: Services) -> bool:
    """Stores that the user wants this address, and orders the link that shows that it is theirs.

    The address becomes the user's when the link is opened, unless the sessions of this `session`'s user were ended
    before. False if no mail can be sent to the address. Raises `TooManyAttempts`.
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
    """Tells the earlier address of a user that it is not the user's any more."""
    _tell(EMAIL_CHANGED, user, languages, services)


def tell_of_new_username(user: User, before: str, services: Services) -> None:
    """Tells a user that the username from `before` is another user's confirmed address, and that they have another one
    now."""
    _tell(USERNAME_CHANGED, user, "", services, about=before)


def tell_of_operator(user: User, what: str, about: str, services: Services) -> None:
    """Tells a user what an operator did to the account, one of `activity.BY_OPERATOR`, in no particular language.

    The mail goes to the address of `user`, as it was before the act. Without an address there is no mail.
    """
    if user.email:
        _tell(CHANGED_BY_OPERATOR, user, "", services, what, about)


def tell_of_deletion(user: User, languages: str, services: Services) -> None:
    """Tells the user of a deleted account, `user` as it was, that it was deleted. The address cannot be looked up any
    more."""
    if user.email:
        with suppress(TemporarilyUnavailable):
            _order(ACCOUNT_DELETED, services, username=user.username, address=user.email, languages=languages)


def _tell(kind: str, user: User, languages: str, services: Services, what: str = "", about: str = "") -> None:
    """Never fails: the act is done, whether or not a mail can report it."""
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
    """Does nothing if this deployment sends no mails."""
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
    """The number of this mail in its window, including this one."""
    window = services.now() // length * length
    return services.counters.count(f"mail\x00{length}\x00{whose}", window, amount, window + 2 * length)


def _rest_of(length: int, services: Services) -> int:
    return length - services.now() % length
