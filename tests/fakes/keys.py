"""Key rings, and the service that wraps keys."""

import hashlib
from collections.abc import Iterable

from authserver.models.keys import Ring
from authserver.storage.audit import Note
from tests.fakes.record import FakeRecord


class FakeOpener:
    """Implements `services.Opener`: what was wrapped for one ring and key opens for no other."""

    def wrap(self, plaintext: bytes, *, ring: str, kid: str) -> bytes:
        return self._context(ring, kid) + bytes(octet ^ 0xA5 for octet in plaintext)

    def unwrap(self, wrapped: bytes, *, ring: str, kid: str) -> bytes:
        context = self._context(ring, kid)
        if not wrapped.startswith(context):
            raise ValueError("wrapped for another ring or key")
        return bytes(octet ^ 0xA5 for octet in wrapped[len(context) :])

    def _context(self, ring: str, kid: str) -> bytes:
        return hashlib.sha256(f"{ring}\x00{kid}".encode()).digest()


class FakeKeys:
    """Implements `storage.configuration.KeyStore`."""

    def __init__(self, rings: Iterable[Ring] = (), record: FakeRecord | None = None) -> None:
        self._record = record or FakeRecord()
        self._lock = self._record.lock
        self._rings = {ring.name: ring for ring in rings}

    def get(self, name: str) -> Ring | None:
        with self._lock:
            return self._rings.get(name)

    def put(self, ring: Ring, note: Note | None = None) -> bool:
        with self._lock:
            stored = self._rings.get(ring.name)
            if ring.version != (stored.version if stored else 0) + 1:
                return False
            self._rings[ring.name] = ring
            self._record.keep(note)
        return True
