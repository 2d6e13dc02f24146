"""Links in mails: good for one purpose, once, for a while, until whatever ends everything of their subject.

Whoever opens one is shown a form, which uses it: programs that look into mails open links, and send no forms.
"""

import hmac
from dataclasses import dataclass, field

from authserver.messages import EMAIL_VERIFICATION, PASSWORD_RESET, MailOrder
from authserver.models import OneTimeLink
from authserver.services import Services
from authserver.tokens import opaque
from authserver.tokens.keyring import TOKEN_RING
from authserver.values import Secret, base64url, from_base64url, sha256

LIFETIMES = {PASSWORD_RESET: 1800, EMAIL_VERIFICATION: 86_400}  # seconds


@dataclass(frozen=True, slots=True)
class OpenedLink:
    """A link whose secret was right. It is over when its time is, or whatever its subject had was ended since."""

    link: OneTimeLink
    secret: bytes = field(repr=False)
    is_expired: bool
    is_ended: bool

    @property
    def is_live(self) -> bool:
        """Whether it may be used, unless somebody else has."""
        return not self.is_expired and not self.is_ended

    def claim(self, content: str) -> str:
        """Stands for one form with this content: sent again after a failure, it is the same use of the link."""
        return base64url(hmac.digest(self.secret, b"claim\x00" + content.encode(), "sha256"))


def make_link(order: MailOrder, subject: str, address: str, services: Services) -> str | None:
    """Stores the one link that the order is for; what it is in a URL. None if it was used already.

    It is made of the order: carried out twice, an order gives the same link. What ended everything of the subject
    since it was ordered has ended the link, too.
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
        )
    )
    if not stored:
        return None
    return opaque.seal(opaque.MAIL_LINK, key, id=identifier, subject=opaque.key_of(subject), secret=secret)


def open_link(text: str, purpose: str, services: Services) -> OpenedLink | None:
    """The link of this purpose, found again; None for garbage, and for one that nobody knows any more."""
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
        is_ended=link.created_at <= state.not_before,
    )


def spend(opened: OpenedLink, claim: str, services: Services) -> bool:
    """Uses the link; tells whether it may be used. Only what a form asks for may follow."""
    return opened.is_live and services.browsers.spend_link(
        opened.link.id, opened.link.secret_hash, claim, services.now()
    )
