"""The journal of accounts, refusals, and counters of attempts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from authserver.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from authserver.models.journal import Activity, Refusal
    from authserver.storage.lists import Page


class JournalStore(Protocol):
    # -- activity

    def note_activity(self, activity: Activity) -> None:
        """Stores an event of a user's account."""

    def activities(self, subject: str, *, limit: int = 50, cursor: str | None = None) -> Page[Activity]:
        """The events of the subject's account, newest first, unlike other lists. Raises `BadCursor`."""

    # -- for developers

    def note_refusal(self, client_id: str, refusal: Refusal, bound: int, expires_at: int) -> bool:
        """Adds one refusal of a client to those of its day, as the last of its kind; returns whether it did.

        Condition: the day has fewer than `bound`.
        """

    def refusals(self, client_id: str, days: Iterable[int]) -> tuple[Refusal, ...]:
        """The client's refusals on these days, in one read."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often something may be tried: `free` times at once, and then each time after a pause, in seconds.

    The last of the `pauses` holds for all that follow.
    """

    free: int
    pauses: tuple[int, ...]

    def pause_after(self, attempts: int) -> int:
        """The pause before the next attempt."""
        return 0 if attempts < self.free else self.pauses[min(attempts - self.free, len(self.pauses) - 1)]

    def wait_after(self, attempts: int, last_at: int, now: int) -> int:
        """How many seconds are left of that pause, tolerating clocks that differ."""
        pause = self.pause_after(attempts)
        return max(0, min(pause, last_at + pause - now))


@dataclass(frozen=True, slots=True)
class Place:
    """Where attempts are counted in one window: at a group and, if one is named, also at this member of the group.

    All members of a group are one item. A member is in it only while it has attempts.
    """

    group: str
    member: str | None
    window_start: int
    expires_at: int


@dataclass(frozen=True, slots=True)
class Tried:
    """The result of an attempt: it was counted, or the group or the member has to wait for so many seconds."""

    count: int = 0  # of the member's attempts, this one among them; of the group's if no member is named
    group_wait: int = 0
    member_wait: int = 0

    @property
    def wait(self) -> int:
        return max(self.group_wait, self.member_wait)


class CounterStore(Protocol):
    # -- what may be used once

    def spend(self, identifier: str, claim: str, expires_at: int) -> bool:
        """Marks `identifier`, a random one of this server, as used until `expires_at`, which must be later than any
        clock allows its use; returns whether it was unused.

        The mark of this very `claim` does not count (the retry of a write whose answer was lost).
        """

    # -- throttles

    def attempt(self, place: Place, of_group: Pace, of_member: Pace, now: int) -> Tried:
        """Counts an attempt at this place if both paces permit it now.

        It is one write, so each of several simultaneous attempts meets the count that the one before left. An attempt
        that has to wait is not counted.
        """

    def give_back(self, place: Place, count: int) -> None:
        """Takes back an attempt that was answered with `count`. Does nothing if the counter does not exist any more."""

    def count(self, name: str, window_start: int, amount: int, expires_at: int) -> int:
        """Adds `amount` to the counter of `name` in this window; its new value."""

    def counted(self, *counters: tuple[str, int]) -> tuple[int, ...]:
        """The values of these counters, of which each is a name and the start of a window, in one read."""
