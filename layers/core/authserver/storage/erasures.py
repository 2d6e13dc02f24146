"""What deleted users and organisations leave behind, and how it is erased.

The deletion itself (`withdrawals.WithdrawalStore.delete_user`, `delete_organisation`) is one write: it removes the
record, ends everything of the user or organisation, and leaves an `Erasure`. Nothing can begin for them after it. These
verbs find in lists what still names them, and remove it or make it anonymous. The work may stop at any point and be
repeated. None of it takes a power away, because none is left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from authserver.models.erasures import Erasure
from authserver.records import dataclass
from authserver.values import normalised_username

if TYPE_CHECKING:
    from collections.abc import Callable

    from authserver.models.users import User
    from authserver.storage.lists import Page

# What names a user, and what becomes of it.
AUTHORIZATIONS = "authorizations"  # removed, with the codes and refresh tokens that hang on them
ACCESS_TOKENS = "access_tokens"  # opaque ones, removed
API_KEYS = "api_keys"  # theirs, and those of organisations that they carry: removed
SESSIONS = "sessions"  # removed
CONSENTS = "consents"  # removed
ACTIVITY = "activity"  # removed
LINKS = "links"  # in mails: removed
APPROVALS = "approvals"  # that they asked for: removed
DECISIONS = "decisions"  # of theirs on what others asked for: stay, and tell no more whose they were
INVITATIONS = "invitations"  # for them: removed
INVITATIONS_SENT = "invitations_sent"  # by them, which can no longer be accepted: removed
FACTORS = "factors"  # written by requests under way: removed
# These change what decides something, and are changed by the verbs that there are for it.
MEMBERSHIPS = "memberships"  # made by requests under way: removed
CLIENTS = "clients"  # of which they are the owner: stay for those who use them, with another owner and not verified

LISTED = (
    *(AUTHORIZATIONS, ACCESS_TOKENS, API_KEYS, SESSIONS, CONSENTS, ACTIVITY, LINKS),
    *(APPROVALS, DECISIONS, INVITATIONS, INVITATIONS_SENT, FACTORS),
)
KINDS = (MEMBERSHIPS, *LISTED, CLIENTS)  # first what can still decide something
# What there is of an organisation. None of it gives a power any more: the organisation's end is suspended for good.
MEMBERS = "members"  # memberships in it: removed
OFFERS = "offers"  # invitations to it: removed
KEYS_OF_ORGANISATION = "keys_of_organisation"  # its API keys: removed
KINDS_OF_ORGANISATION = (MEMBERS, OFFERS, KEYS_OF_ORGANISATION)
PAGE = 25


@dataclass(frozen=True, slots=True)
class Erased:
    """How much was found in one step, and where the next step begins; None after the last."""

    found: int
    next: str | None = None


class ErasureStore(Protocol):
    def get(self, subject_key: str) -> Erasure | None:
        """The erasure of the subject whose `tokens.opaque.key_of` this is, in base64url."""

    def open(self, *, limit: int = 50, cursor: str | None = None) -> Page[Erasure]:
        """The erasures that are not finished, oldest first. Raises `BadCursor`."""

    def list(self, *, limit: int = 50, cursor: str | None = None) -> Page[Erasure]:
        """Every erasure, oldest first, including expired ones. Raises `BadCursor`."""

    def erase(self, erasure: Erasure, kind: str, cursor: str | None = None) -> Erased:
        """Removes or makes anonymous what names the subject, at most `PAGE` items of this kind, one of `LISTED` or of
        `KINDS_OF_ORGANISATION`.

        A list may lag behind, so items that it shows may not exist any more.
        """

    def note(self, erasure: Erasure, left: frozenset[str]) -> None:
        """Stores of which kinds something may be left. Does nothing if the erasure is finished or does not exist."""

    def finish(self, erasure: Erasure, checked_at: int, now: int, expires_at: int) -> bool:
        """Stores that the erasure is finished, and removes everything from it that names the subject; returns whether
        it was unfinished."""


def kinds_of(erasure: Erasure) -> tuple[str, ...]:
    """The kinds that are looked for."""
    return KINDS_OF_ORGANISATION if erasure.organisation else KINDS


def left_by_organisation(organisation: str, now: int, key: Callable[[str], str]) -> Erasure:
    """What the deletion of an organisation leaves."""
    return Erasure(
        subject_key=organisation_erasure(organisation, key),
        requested_at=now,
        organisation=organisation,
        left=frozenset(KINDS_OF_ORGANISATION),
    )


def organisation_erasure(organisation: str, key: Callable[[str], str]) -> str:
    """The key of an organisation's erasure."""
    return f"organisation#{key(organisation)}"


def left_by(sub: str, user: User | None, now: int, key: Callable[[str], str]) -> Erasure:
    """The erasure for a deleted user. `user` is None if the record cannot be read; `key` is `key_of`, as text.

    An invitation may be for a name that belongs to another account: only names that are known to be the user's are
    looked for.
    """
    addresses = (user.email, user.pending_email) if user else ()
    return Erasure(
        subject_key=key(sub),
        requested_at=now,
        subject=sub,
        names=frozenset(map(key, user.invited_as)) if user else frozenset(),
        addresses=frozenset(key(normalised_username(one)) for one in addresses if one),
        left=frozenset(KINDS),
    )
