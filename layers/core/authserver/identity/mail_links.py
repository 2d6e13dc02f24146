"""Links in mails. Each is good for one purpose, once, for a limited time, until something ends everything of its
subject or it is taken back.

Opening a link shows a form, which uses it, because programs that inspect mails open links and send no forms.
"""

import hmac
import re
from dataclasses import field

from authserver.messages.mail import EMAIL_VERIFICATION, PASSWORD_RESET, MailOrder
from authserver.models.browsers import WITHDRAWN, OneTimeLink
from authserver.models.users import User
from authserver.records import dataclass
from authserver.services import Services
from authserver.storage.standing import Ends
from authserver.tokens import opaque
from authserver.tokens.keyring import TOKEN_RING
from authserver.values import Secret, base64url, from_base64url, sha256

from .begin import key_text

LIFETIMES = {PASSWORD_RESET: 1800, EMAIL_VERIFICATION: 86_400}  # seconds
LINK_ID = re.compile(r"[A-Za-z0-9_-]{22}")
A_PART, PARTS = 100, 10  # of a list that is looked through for what is pending


@dataclass(frozen=True, slots=True)
class OpenedLink:
    """A link whose secret was right. It is over when its time is, or whatever its subject had was ended since, or it
    was taken back."""

    link: OneTimeLink
    secret: bytes = field(repr=False)
    is_expired: bool
    is_ended: bool

    @property
    def is_live(self) -> bool:
        """Whether the link has not ended. Another use of it is not checked."""
        return not self.is_expired and not self.is_ended

    def claim(self, content: str) -> str:
        """The claim of a form with this content: if the form is sent again after a failure, it is the same use of the
        link."""
        return base64url(hmac.digest(self.secret, b"claim\x00" + content.encode(), "sha256"))


def make_link(order: MailOrder, subject: str, address: str, services: Services) -> str | None:
    """Stores the one link of the order; returns its text for a URL, or None if it was used already.

    The link is derived from the order, so an order that is carried out twice gives the same link. It begins under the
    epochs of the order, so what has ended everything of the subject since has ended the link too.
    """
    key = services.keys.token_key(TOKEN_RING)
    identifier = from_base64url(order.id)
    secret = opaque.derived_secret(order.kind, key, identifier, 0, b"")
    stored = services.browsers.put_link(
        OneTimeLink(
            id=order.id,
            secret_hash=sha256(base64url(secret)),
            purpose=order.kind,
            subject=subject,
            address=address,
            created_at=order.ordered_at,
            expires_at=order.ordered_at + LIFETIMES[order.kind],
            begun=order.begun,
            sessions=order.sessions,
        )
    )
    if not stored:
        return None
    return opaque.seal(opaque.MAIL_LINK, key, id=identifier, subject=opaque.key_of(subject), secret=secret)


def open_link(text: str, purpose: str, services: Services) -> OpenedLink | None:
    """The link of this purpose; None for garbage, and for a link that does not exist any more."""
    credential = opaque.unseal(opaque.MAIL_LINK, text, services.keys.token_keys(TOKEN_RING))
    if credential is None:
        return None
    state = services.browsers.link(credential.text("id"), credential.text("subject"))
    link = state.link
    if link is None or link.purpose != purpose or not Secret(credential.text("secret")).matches(link.secret_hash):
        return None
    return OpenedLink(
        link,
        credential.fields["secret"],
        is_expired=link.expires_at <= services.now(),
        is_ended=link.spent_by == WITHDRAWN or not state.ends.stand(link.begun, link.sessions),
    )


def pending_links(user: User, services: Services) -> tuple[OneTimeLink, ...]:
    """The links to the user's account that may still be used, oldest first, to be shown."""
    ends, found = services.browsers.ends(key_text(user.sub)), list[OneTimeLink]()
    cursor = None
    for _ in range(PARTS):
        page = services.browsers.links(user.sub, limit=A_PART, cursor=cursor)
        found += (one for one in page.items if _is_pending(one, user, ends, services))
        cursor = page.next
        if cursor is None:
            break
    return tuple(found)


def pending_link(link_id: str, user: User, services: Services) -> OneTimeLink | None:
    """The one of these that has this identifier, which is text from outside."""
    if not LINK_ID.fullmatch(link_id):
        return None
    state = services.browsers.link(link_id, key_text(user.sub))
    return state.link if state.link and _is_pending(state.link, user, state.ends, services) else None


def _is_pending(link: OneTimeLink, user: User, ends: Ends, services: Services) -> bool:
    """Whether the link could be used now: its purpose still fits the user."""
    if link.subject != user.sub or link.spent_by is not None or link.expires_at <= services.now():
        return False
    if not ends.stand(link.begun, link.sessions):
        return False
    if link.purpose == PASSWORD_RESET:
        return link.address == user.email and bool(user.password_hash)
    return link.address == user.pending_email
