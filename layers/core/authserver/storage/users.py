"""Users, and what they prove who they are with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from authserver.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from authserver.ends import SubjectEnd
    from authserver.models.browsers import OneTimeLink
    from authserver.models.configuration import IdentityProvider
    from authserver.models.factors import Factors
    from authserver.models.organisations import Membership
    from authserver.models.users import Identity, User
    from authserver.storage.lists import Page

# Attributes that are changed entry by entry: a change of one entry does not undo a simultaneous change of another.
MAPS = ("attributes", "provided")
# What can be changed of a user without ending anything of theirs.
PROFILE_FIELDS = frozenset(
    {"name", "email", "email_verified", "preferred_username", "pending_email", "updated_at", *MAPS}
)

# The claims of a user are made of these (`identity.claims`); of the rest a record has the defaults then.
TOLD_FIELDS = (
    *("sub", "username", "name", "email", "email_verified", "created_at", "preferred_username", "attributes"),
    *("provided", "updated_at"),
)

# Of one user: as many as are removed with the user, in one write.
MOST_IDENTITIES = 20


@dataclass(frozen=True, slots=True)
class AccountState:
    """A user, what they have besides a password, and their end; neither of the former where there is none."""

    user: User | None
    factors: Factors | None
    end: SubjectEnd


class AddressTaken(Exception):
    """The address is a login name of another user. Nothing was written."""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """An address was made a user's. `renamed` is who had it for a username until then, as they are now."""

    renamed: User | None = None


class UserStore(Protocol):
    """Usernames and confirmed addresses are one namespace: each is the login name of one user.

    A confirmed address becomes one in the write that makes it confirmed, and ceases to be in the write that takes it
    from its user. Addresses that no mail can be sent to are none (`models.users.address_name`).
    """

    def get(self, sub: str) -> User | None:
        """The user with this subject identifier."""

    def told(self, sub: str) -> User | None:
        """The same with its `TOLD_FIELDS` alone, for claims: neither the hash of the password nor what decides
        anything is read."""

    def get_all(self, subs: Iterable[str]) -> dict[str, User]:
        """The existing ones of these users, by subject identifier, in one read for each hundred."""

    def find(self, name: str) -> User | None:
        """The user with this login name, whatever its case or Unicode form."""

    def identify(self, name: str) -> str:
        """The subject with this login name, whatever its case or Unicode form; empty if no user has it."""

    def account_state(self, sub: str, identity: str = "") -> AccountState:
        """All that decides a sign-in, the user and the end as they were at one instant: what begins under that end was
        decided by nothing from before it.

        With an `identity` (`models.identity_id`) there is no user where it is not theirs.
        """

    def create(self, user: User) -> bool:
        """Adds a user unless a login name or the subject is taken, or the subject was before; tells whether it did."""

    def find_by_identity(self, issuer: str, subject: str) -> User | None:
        """The user that this issuer identifies by this subject."""

    def create_federated(
        self, user: User, issuer: str, subject: str, provider: IdentityProvider, membership: Membership | None
    ) -> bool:
        """Adds a user without a username, known by this identity, and a membership, unless a user has the identity.

        A confirmed address becomes their login name if it is free. Tells whether it did. Condition, if the
        provider is an organisation's: it is stored as it was read, and active, and the organisation is not suspended.
        Raises `ProviderOver` where it does not hold.
        """

    def link(self, identity: Identity) -> bool:
        """Makes an identity its user's; one that is already, stays as it is.

        False if there is no such user, the identity is another user's, or the user has `MOST_IDENTITIES` already.
        """

    def identities(self, sub: str) -> tuple[Identity, ...]:
        """The identities of a user, oldest first."""

    def update(self, sub: str, *, identity: str = "", **changes: Any) -> User | None:
        """Sets `PROFILE_FIELDS` of a user in one write; the user as it is now, None if absent.

        Of `MAPS` it sets the entries that are named, and removes those with None; all others stay as they are by then.
        Condition, with an `identity` (`models.identity_id`): it is the user's still, else None.
        An address that becomes confirmed becomes a login name if it is free.
        Raises `ValueError` on no change, and on a change of any other field.
        """

    def rehash(self, sub: str, old: str, new: str) -> bool:
        """Replaces the user's password hash if it is `old`; tells whether it was."""

    def confirm_email(self, link: OneTimeLink, claim: str, now: int) -> Confirmation | None:
        """Uses a link and makes its address the user's verified one, and a login name, in one write; None if not.

        Condition: that of `BrowserStore.spend_link`, nothing has ended the link, and the address is the one that the
        user wants, or was made theirs by this very claim.

        A user who has the address for a username gets another one in the same write: who opened its mail has the better
        right to it. They keep their password and whatever they began. Raises `AddressTaken` if it is another user's
        confirmed address.
        """

    def list(self, *, limit: int = 50, cursor: str | None = None) -> Page[User]:
        """Every user, oldest first. Raises `BadCursor`."""

    def operators(self, *, limit: int = 50, cursor: str | None = None) -> Page[User]:
        """Every operator, oldest first; disabled ones are among them. Raises `BadCursor`."""


class FactorStore(Protocol):
    """What users prove who they are with, beyond a password. Each use gives them the next version, as a change does: so
    no change that was under way brings back what was used.

    One that is stored but cannot be read is never taken for none: that raises `TemporarilyUnavailable`.
    """

    def get(self, subject_key: str) -> Factors | None:
        """The factors of the user whose `tokens.opaque.key_of` this is, in base64url; text from outside."""

    def replace(self, factors: Factors) -> bool:
        """Writes the factors, with the next version, if what is stored has their version (0: none); tells whether.

        The retry of a write whose answer was lost finds what it wrote, and is true.
        """

    def use_totp_step(self, factors: Factors, step: int, claim: str) -> bool:
        """Takes the code of a time step, once: RFC 6238 section 5.2. Tells whether it may be taken.

        Condition: nothing was changed since `factors` were read, and no code of this or a later step was taken, or
        this one was by this very `claim` (the retry of a write whose answer was lost).
        """

    def spend_recovery_code(self, factors: Factors, code_hash: str, claim: str) -> bool:
        """Takes a recovery code, once; tells whether it may be taken.

        Condition: it is there and nothing was changed since, or it was taken by this very `claim`.
        """

    def note_passkey_use(self, factors: Factors, passkey_id: bytes, sign_count: int, claim: str, now: int) -> bool:
        """Notes that a passkey was used; tells whether it may be: WebAuthn section 7.2, step 22.

        Condition: the passkey is there, and `sign_count` is greater than what was noted or both are 0, or this very
        `claim` has noted it.
        """
