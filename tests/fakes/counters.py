"""Throttles, and what may be used once."""

import threading
from dataclasses import dataclass

from authserver.storage import Pace


@dataclass(slots=True)
class _Counter:
    attempts: int
    expires_at: int
    last_at: int = 0


class FakeCounters:
    """Implements `storage.CounterStore`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counters: dict[tuple[str, int], _Counter] = {}
        self._spent: dict[str, str] = {}

    # -- what may be used once

    def spend(self, identifier: str, claim: str, expires_at: int) -> bool:
        with self._lock:
            return self._spent.setdefault(identifier, claim) == claim

    # -- throttles

    def attempt(self, name: str, window_start: int, pace: Pace, now: int, expires_at: int) -> int:
        with self._lock:
            counter = self._counters.setdefault((name, window_start), _Counter(0, expires_at))
            pause = pace.pause_after(counter.attempts)
            if pause and counter.last_at > now - pause:
                return max(1, min(pause, counter.last_at + pause - now))
            counter.attempts += 1
            counter.last_at = now
        return 0

    def count(self, name: str, window_start: int, amount: int, expires_at: int) -> int:
        with self._lock:
            counter = self._counters.setdefault((name, window_start), _Counter(0, expires_at))
            counter.attempts += amount
            counter.expires_at = expires_at
            return counter.attempts
