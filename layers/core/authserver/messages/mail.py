"""Mails: as they are ordered, written and sent."""

from dataclasses import field

from authserver.ends import Begun
from authserver.records import dataclass

PASSWORD_RESET, EMAIL_VERIFICATION = "password_reset", "email_verification"
PASSWORD_CHANGED, FACTORS_CHANGED, EMAIL_CHANGED = "password_changed", "factors_changed", "email_changed"
USERNAME_CHANGED = "username_changed"
CHANGED_BY_OPERATOR, ACCOUNT_DELETED = "changed_by_operator", "account_deleted"


@dataclass(frozen=True, slots=True)
class MailOrder:
    """An order for a mail, made by a page that does not know whether there is a recipient.

    `kind` is the kind of mail, `subject` the recipient, `address` the address, if it is not the user's present one. A
    user who asks for a new password is identified by the `username` or address that was typed, and by the subject if
    that belongs to a user. Of an account that was deleted, only the username and the address are known. `issuer` is
    where the page is, `ordered_at` the time in epoch seconds, `begun` and `sessions` are the recipient's epochs as the
    page read them, and `languages` are the reader's preferences (RFC 9110 section 12.5.4). The link in a mail is
    derived from the order's `id`, so an order that is carried out twice gives the same link. `what` is the act of an
    operator, a kind of `identity.activity`, and `about` its object, or the earlier username.
    """

    kind: str
    id: str
    issuer: str
    ordered_at: int
    username: str = field(default="", repr=False)
    subject: str = ""
    address: str = field(default="", repr=False)
    languages: str = ""
    begun: Begun = Begun()
    sessions: int | None = None
    what: str = ""
    about: str = ""


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail before it is rendered. `link` is what it leads to; `username` tells which account it is about, `service`
    and `issuer` where that is, `what` and `about` what an operator did, `about` also the username from before.
    """

    kind: str
    to: str = field(repr=False)
    username: str = field(repr=False)
    service: str
    issuer: str
    languages: str = ""
    link: str = field(default="", repr=False)
    lifetime: int = 0  # of the link, in seconds
    what: str = ""
    about: str = ""


@dataclass(frozen=True, slots=True)
class NoLetter:
    """An order for which no mail is sent; `reason` is for the log."""

    reason: str


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail as it is sent: one subject, one text in two forms."""

    to: str = field(repr=False)
    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)
