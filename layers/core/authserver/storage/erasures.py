"""What is left of users and organisations that were deleted, and how it goes.

The deletion itself (`withdrawals.WithdrawalStore.delete_user`, `delete_organisation`) is one write: it removes the
record, ends all that was theirs and leaves an `Erasure`. Nothing can begin for them after it. What names them still is
looked for by these verbs, in lists, and removed or made anonymous; whoever does it may stop at any point, and begin
again. None of it takes a power away, for nothing of theirs has any.
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
INVITATIONS_SENT = "invitations_sent"  # by them, which nobody can accept any more: removed
FACTORS = "factors"  # written by whoever was about to: removed
# These change what decides something, and are changed by the verbs that there are for it.
MEMBERSHIPS = "memberships"  # made by whoever was about to: removed
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
    """How much was found in one step, and where the next one begins; None after the last."""

    found: int
    next: str | None = None


class ErasureStore(Protocol):
    def get(self, subject_key: str) -> Erasure | None:
        """The erasure of the subject whose `tokens.opaque.key_of` this is, in base64url."""

    def open(self, *, limit: int = 50, cursor: str | None = None) -> Page[Erasure]:
        """Those that are not done, oldest first. Raises `BadCursor`."""

    def list(self, *, limit: int = 50, cursor: str | None = None) -> Page[Erasure]:
        """Every one, oldest first; those that have expired are among them. Raises `BadCursor`."""

    def erase(self, erasure: Erasure, kind: str, cursor: str | None = None) -> Erased:
        """Removes or makes anonymous what names the subject, at most `PAGE` of this kind, one of `LISTED`, or of
        `KINDS_OF_ORGANISATION`.

        A list may lag behind: what it shows and is not there any more is not found.
        """

    def note(self, erasure: Erasure, left: frozenset[str]) -> None:
        """Keeps of which kinds there may be something left. Nothing if it is done, or there is no such erasure."""

    def finish(self, erasure: Erasure, checked_at: int, now: int, expires_at: int) -> bool:
        """Keeps that it is done, and forgets all that names the subject; tells whether it was not done before."""


def kinds_of(erasure: Erasure) -> tuple[str, ...]:
    """What is looked for."""
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
    """What the deletion of a user leaves. `user` is None where the record cannot be read; `key` is `key_of`, as text.

    An invitation may be for a name that somebody else gave an account: only what is known to be theirs is looked for.
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
