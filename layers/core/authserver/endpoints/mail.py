"""What becomes of an order: the mail that it is for, if there is anybody to get it."""

from authserver.identity.mail_links import LIFETIMES, make_link
from authserver.messages import (
    EMAIL_CHANGED,
    EMAIL_VERIFICATION,
    PASSWORD_CHANGED,
    PASSWORD_RESET,
    Letter,
    MailOrder,
    NoLetter,
)
from authserver.models import ACTIVE, User
from authserver.services import Services
from authserver.values import is_mail_address

# The pages that links lead to.
PAGES = {PASSWORD_RESET: "recover", EMAIL_VERIFICATION: "verify"}
NOTICES = frozenset({PASSWORD_CHANGED, EMAIL_CHANGED})


def write_letter(order: MailOrder, services: Services) -> Letter | NoLetter:
    """The letter that carries out the order, which may come again: its link is the same then."""
    if order.kind not in PAGES and order.kind not in NOTICES:
        return NoLetter("kind_unknown")
    user = services.users.find(order.username) if order.username else services.users.get(order.subject)
    if user is None or user.status != ACTIVE:
        return NoLetter("user_unknown")
    address = order.address or user.email
    if not is_mail_address(address):
        return NoLetter("address_missing")
    if order.kind in NOTICES:
        return Letter(order.kind, address, user.username, services.settings.issuer, order.language)
    return _with_link(order, user, address, services)


def _with_link(order: MailOrder, user: User, address: str, services: Services) -> Letter | NoLetter:
    if order.kind == EMAIL_VERIFICATION and user.pending_email != address:
        return NoLetter("address_unwanted")  # the user has asked for another one since, or has it already
    link = make_link(order, user.sub, address, services)
    if link is None:
        return NoLetter("link_spent")
    return Letter(
        order.kind,
        address,
        user.username,
        services.settings.issuer,
        order.language,
        link=f"{services.settings.issuer}/{PAGES[order.kind]}/{link}",
        lifetime=LIFETIMES[order.kind],
    )
