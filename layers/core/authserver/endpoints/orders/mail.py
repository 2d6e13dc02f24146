"""What becomes of an order: the mail that it is for, if there is a recipient."""

from dataclasses import replace

from authserver.identity.mail_links import LIFETIMES, make_link
from authserver.messages.mail import (
    ACCOUNT_DELETED,
    CHANGED_BY_OPERATOR,
    EMAIL_CHANGED,
    EMAIL_VERIFICATION,
    FACTORS_CHANGED,
    PASSWORD_CHANGED,
    PASSWORD_RESET,
    USERNAME_CHANGED,
    Letter,
    MailOrder,
    NoLetter,
)
from authserver.models import ACTIVE
from authserver.models.users import User
from authserver.services import Services
from authserver.values import is_mail_address

# The pages that links lead to.
PAGES = {PASSWORD_RESET: "recover", EMAIL_VERIFICATION: "verify"}
NOTICES = frozenset({PASSWORD_CHANGED, FACTORS_CHANGED, EMAIL_CHANGED, USERNAME_CHANGED, CHANGED_BY_OPERATOR})


def write_letter(order: MailOrder, services: Services) -> Letter | NoLetter:
    """The letter that carries out the order, which may come again: its link is the same then."""
    if order.kind == ACCOUNT_DELETED:
        return _letter(order, order.address, order.username, services)
    if order.kind not in PAGES and order.kind not in NOTICES:
        return NoLetter("kind_unknown")
    user = services.users.get(order.subject) if order.subject else services.users.find(order.username)
    if user is None or not _is_called(user, order, services):
        return NoLetter("user_unknown")
    if user.status != ACTIVE and order.kind != CHANGED_BY_OPERATOR:
        return NoLetter("user_unknown")  # a user whose account was disabled gets this mail, too
    if order.kind == PASSWORD_RESET and not user.password_hash:
        return NoLetter("password_none")
    letter = _letter(order, order.address or user.email, user.username, services)
    if isinstance(letter, NoLetter) or order.kind in NOTICES:
        return letter
    return _with_link(letter, order, user, services)


def _is_called(user: User, order: MailOrder, services: Services) -> bool:
    """Whether the order's user still has the name or address that it was made with."""
    return not order.username or user.is_called(order.username, by_address=services.settings.email_sign_in)


def _letter(order: MailOrder, address: str, username: str, services: Services) -> Letter | NoLetter:
    if not is_mail_address(address):
        return NoLetter("address_missing")
    return Letter(
        kind=order.kind,
        to=address,
        username=username,
        service=services.theme().name,
        issuer=services.settings.issuer,
        languages=order.languages,
        what=order.what,
        about=order.about,
    )


def _with_link(letter: Letter, order: MailOrder, user: User, services: Services) -> Letter | NoLetter:
    if order.kind == EMAIL_VERIFICATION and user.pending_email != letter.to:
        return NoLetter("address_unwanted")  # the user has asked for another one since, or has it already
    link = make_link(order, user.sub, letter.to, services)
    if link is None:
        return NoLetter("link_spent")
    return replace(letter, link=f"{letter.issuer}/{PAGES[order.kind]}/{link}", lifetime=LIFETIMES[order.kind])
