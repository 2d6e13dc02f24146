"""Throttles, and what may be used once."""

import threading
from dataclasses import dataclass, field

from authserver.storage.journal import Pace, Place, Tried


@dataclass(slots=True)
class _Counter:
    attempts: int = 0
    last_at: int = 0

    def wait(self, pace: Pace, now: int) -> int:
        return pace.wait_after(self.attempts, self.last_at, now) if self.last_at else 0

    def count(self, now: int) -> int:
        self.attempts += 1
        self.last_at = now
        return self.attempts


@dataclass(slots=True)
class _Group(_Counter):
    members: dict[str, _Counter] = field(default_factory=dict)


class FakeCounters:
    """Implements `storage.journal.CounterStore`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._groups: dict[tuple[str, int], _Group] = {}
        self._spent: dict[str, tuple[str, int]] = {}

    # -- what may be used once

    def spend(self, identifier: str, claim: str, expires_at: int) -> bool:
        with self._lock:
            return self._spent.setdefault(identifier, (claim, expires_at))[0] == claim

    def vanish(self, now: int) -> None:
        """What TTL does by a clock that shows `now`."""
        with self._lock:
            self._spent = {name: mark for name, mark in self._spent.items() if mark[1] > now}

    # -- throttles

    def attempt(self, place: Place, of_group: Pace, of_member: Pace, now: int) -> Tried:
        with self._lock:
            group = self._group(place.group, place.window_start)
            group_wait = group.wait(of_group, now)
            if place.member is None:
                return Tried(group_wait=group_wait) if group_wait else Tried(group.count(now))
            member = group.members.get(place.member, _Counter())
            member_wait = member.wait(of_member, now)
            if group_wait or member_wait:
                return Tried(0, group_wait, member_wait)
            group.count(now)
            group.members[place.member] = member
            return Tried(member.count(now))

    def give_back(self, place: Place, count: int) -> None:
        with self._lock:
            group = self._group(place.group, place.window_start)
            if place.member is None:
                group.attempts = max(0, group.attempts - 1)
            elif member := group.members.get(place.member):
                group.attempts -= 1
                member.attempts -= 1
                if not member.attempts:
                    del group.members[place.member]

    def count(self, name: str, window_start: int, amount: int, expires_at: int) -> int:
        with self._lock:
            counter = self._group(name, window_start)
            counter.attempts += amount
            return counter.attempts

    def counted(self, *counters: tuple[str, int]) -> tuple[int, ...]:
        with self._lock:
            return tuple(self._groups.get(counter, _Group()).attempts for counter in counters)

    def _group(self, name: str, window_start: int) -> _Group:
        return self._groups.setdefault((name, window_start), _Group())
