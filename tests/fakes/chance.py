"""Time and chance."""

import hashlib
import threading

START = 1_800_000_000


class Clock:
    """A clock that stands still until somebody sets it."""

    def __init__(self, now: int = START) -> None:
        self.time = now

    def __call__(self) -> int:
        return self.time

    def advance(self, seconds: int) -> None:
        self.time += seconds


class Random:
    """Octets that never repeat and are the same in every run with the same `seed`."""

    def __init__(self, seed: str = "") -> None:
        self._seed = seed
        self._lock = threading.Lock()
        self._drawn = 0

    def __call__(self, octets: int) -> bytes:
        with self._lock:
            self._drawn += 1
            number = self._drawn
        blocks = -(-octets // 32)
        drawn = b"".join(hashlib.sha256(f"{self._seed}/{number}/{block}".encode()).digest() for block in range(blocks))
        return drawn[:octets]
