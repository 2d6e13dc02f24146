"""Users, and what they are known as at identity providers."""

from collections.abc import Mapping
from dataclasses import field
from typing import Self

from authserver.models import ACTIVE
from authserver.records import dataclass
from authserver.values import base64url, is_mail_address, normalised_username, sha256

# An address (OpenID Connect Core section 5.1.1) is by its members.
Attribute = str | int | bool | tuple[str, ...] | Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Source:
    """Where an attribute came from: the `id` of the identity that it came with, and goes with; the `id` of the provider
    that told it, and the `epoch` that the provider had then."""

    identity: str
    provider: str
    epoch: str

    @classmethod
    def of(cls, text: str) -> Self:
        """The source that `str` made this text of. A text of the identity alone names no provider."""
        identity, _, rest = text.partition(" ")
        provider, _, epoch = rest.partition(" ")
        return cls(identity, provider, epoch)

    def __str__(self) -> str:
        return f"{self.identity} {self.provider} {self.epoch}"


@dataclass(frozen=True, slots=True)
class User:
    """A person with an account. `sub` never changes and is never used for another person.

    A user who signs in through an identity provider has no `username`, which is a login name, but maybe a
    `preferred_username`, which is the provider's word and unique nowhere. `pending_email` is the address that the user
    wants to have and has not shown to be theirs. `attributes` are the other claims of OpenID Connect that have a value,
    and what operators keep of the user besides, by name (`identity.claims`); `updated_at` is when a claim for
    applications last changed, 0 if it never did. `provided` tells which of the attributes that operators keep came
    from an identity provider: by the name, its `Source` as text.
    """

    sub: str
    username: str
    password_hash: str = field(repr=False)
    name: str = ""
    email: str = ""
    email_verified: bool = False
    status: str = ACTIVE
    operator: bool = False  # may grant the scopes that only operators grant
    created_at: int = 0
    preferred_username: str = ""
    pending_email: str = ""
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    updated_at: int = 0
    provided: Mapping[str, str] = field(default_factory=dict)

    def source_of(self, attribute: str) -> Source:
        """Where an attribute that was `provided` came from."""
        return Source.of(self.provided[attribute])

    @property
    def known_as(self) -> str:
        """What tells the user which account it is."""
        return self.username or self.email or self.preferred_username or self.name

    def is_called(self, name: str, *, by_address: bool = True) -> bool:
        """Whether this user may sign in by this login name: by an address only if `by_address`."""
        return by_address or normalised_username(self.username) == normalised_username(name)

    @property
    def invited_as(self) -> tuple[str, ...]:
        """What an invitation may call the user: the login name, and the e-mail address if it is known to be theirs.

        An address is compared as it is, but for its case: what looks alike is not the same. A login name that looks
        like an address identifies no user: its owner may not have the address.
        """
        names = [name for name in [normalised_username(self.username)] if "@" not in name]
        if self.email_verified and self.email.isascii():
            names.append(normalised_username(self.email))
        return tuple(dict.fromkeys(filter(None, names)))


def address_name(email: str, *, verified: bool) -> str:
    """The login name that an address is once it was confirmed; empty if it was not, or no mail can be sent to it.

    So it is ASCII, and nothing that merely looks like it is the same.
    """
    return normalised_username(email) if verified and is_mail_address(email) else ""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a user is at an identity provider: known by its `issuer` and what it calls them, and by nothing else.

    `id` stands for the two. They are empty, and `created_at` 0, where an older layout did not keep them.
    """

    id: str
    sub: str
    issuer: str = ""
    subject: str = ""
    created_at: int = 0

    @classmethod
    def of(cls, sub: str, issuer: str, subject: str, created_at: int = 0) -> Self:
        """The identity that links `subject` of `issuer` to the user `sub`."""
        return cls(identity_id(issuer, subject), sub, issuer, subject, created_at)


def identity_id(issuer: str, subject: str) -> str:
    """What stands for an identity."""
    return base64url(sha256(f"{issuer}\x00{subject}"))
