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
    """What a page asks to be sent, without knowing whether there is anybody to send it to.

    `kind` says what, `subject` to whom, `address` where to, if not to the one that the user has. Whoever asks for a new
    password is known by the `username` or address that was typed, and by the subject if that is somebody's. Of an
    account that was deleted, the username and the address are all that is known. `issuer` is where the page is,
    `ordered_at` when that was, `begun` and `sessions` the epochs of whoever it is for, as the page read them,
    `languages` what its reader prefers (RFC 9110 section 12.5.4). The link in a mail is made of the order's `id`, so
    that an order carried out twice gives the same link. `what` is what an operator did, a kind of `identity.activity`,
    and `about` what it was about; or the username from before.
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
    """An order that nobody gets a mail for; `reason` is for the log."""

    reason: str


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail as it is sent: one subject, one text in two forms."""

    to: str = field(repr=False)
    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)
