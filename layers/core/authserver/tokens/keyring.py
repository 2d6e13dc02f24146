"""The server's keys, as a function instance sees them: loaded once, refreshed now and then, unwrapped on first use.

There are four rings: ``ES256`` and ``RS256`` hold signing keys, ``token`` the keys of codes, refresh tokens and
handles, and ``access_token`` that of opaque access tokens, which the authorizer checks and which is used for nothing
else. If API keys are on, ``api_key`` is a fifth, whose keys are kept for as long as API keys live.

A new key is published `PUBLISH_LEAD` before it signs, which is longer than any cache of the old key set lives. It is
kept until what it made last has expired. A stolen key is withdrawn: a count in the deployment's item tells every
function, which loads its rings anew at most `LOOK_AGAIN` later, and once more as much later, because a transaction
becomes visible item by item and the ring may have been read as it was before. A withdrawal therefore takes effect
within a minute.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from authserver.errors import TemporarilyUnavailable, UnauthorizedClient
from authserver.models.keys import Key, Ring
from authserver.records import replace
from authserver.services import SigningKey, VerificationKey
from authserver.settings import DAY, Settings
from authserver.values import base64url

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from authserver.ends import Deployment
    from authserver.ports import Opener
    from authserver.storage.audit import Note
    from authserver.storage.configuration import KeyStore

SIGNING_RINGS = ("ES256", "RS256")
TOKEN_RING = "token"
ACCESS_TOKEN_RING = "access_token"
API_KEY_RING = "api_key"
RINGS = (*SIGNING_RINGS, TOKEN_RING, ACCESS_TOKEN_RING)

CACHE_LIFETIME = 300
STALE_LIFETIME = 3600
LOOK_AGAIN = 30  # seconds; whether a key was withdrawn
UNKNOWN_KID_COOLDOWN = 60
NO_RING_COOLDOWN = 1  # there are no keys yet, and the first one signs as soon as it is made
JWKS_MAX_AGE = 3600
PUBLISH_LEAD = JWKS_MAX_AGE + CACHE_LIFETIME + 300


class KeyRing:
    """Implements `services.Keys` on a `KeyStore` and a key service."""

    def __init__(
        self,
        store: KeyStore,
        opener: Opener,
        settings: Settings,
        now: Callable[[], int],
        random: Callable[[int], bytes],
        deployment: Callable[[], Deployment],
    ) -> None:
        self._names = (*RINGS, API_KEY_RING) if settings.api_keys else RINGS
        self._store = store
        self._opener = opener
        self._settings = settings
        self._now = now
        self._random = random
        self._deployment = deployment
        self._withdrawals = 0  # how many there had been when the rings were loaded
        self._looked_at: int | None = None
        self._noticed_at: int | None = None  # a withdrawal, of which the rings may have been read as they were
        self._rings: dict[str, tuple[int, Ring | None]] = {}
        self._unwrapped: dict[str, bytes] = {}
        self._signing: dict[str, SigningKey] = {}
        self._verification: dict[str, VerificationKey] = {}

    # -- what use cases ask for

    def signing_key(self, algorithm: str) -> SigningKey:
        if algorithm not in SIGNING_RINGS:
            raise UnauthorizedClient("The client's signature algorithm is not supported", reason="algorithm_unknown")
        return self._load_signing_key(algorithm, self._current(self._ring_made_on_need(algorithm)))

    def verification_key(self, kid: str) -> VerificationKey | None:
        found = self._find_published(kid)
        if found is None and self._reload_stale_signing_rings():
            found = self._find_published(kid)
        return found

    def token_key(self, ring: str) -> bytes:
        return self._unwrap(ring, self._current(self._ring_made_on_need(ring)))

    def token_keys(self, ring: str) -> tuple[bytes, ...]:
        loaded = self._ring(ring)
        if loaded is None:
            return ()
        return tuple(self._unwrap(ring, key) for key in reversed(loaded.keys) if not self._is_over(key))

    def published(self) -> tuple[Mapping[str, str], ...]:
        rings = (self._ring(name) for name in SIGNING_RINGS)
        return tuple(key.public for ring in rings if ring for key in ring.keys if not self._is_over(key))

    def rings(self) -> tuple[Ring, ...]:
        return tuple(ring for name in self._names if (ring := self._store.get(name)))

    def are_current(self) -> bool:
        self._looked_at = self._now()
        withdrawals = self._deployment().keys
        if withdrawals != self._withdrawals:
            self._withdrawals, self._noticed_at = withdrawals, self._looked_at
        elif self._noticed_at is not None and self._noticed_at <= self._looked_at - LOOK_AGAIN:
            self._noticed_at = None
        else:
            return True
        self._rings.clear()
        return False

    def withdrawn(self, kid: str) -> Ring | None:
        for ring in self.rings():
            kept = tuple(key for key in ring.keys if key.kid != kid)
            if len(kept) < len(ring.keys):
                return Ring(ring.name, ring.version + 1, self._with_current(ring.name, kept))
        return None

    def _with_current(self, name: str, keys: tuple[Key, ...]) -> tuple[Key, ...]:
        """The keys with one that is in use from now on: the newest, or another one if that is being retired."""
        newest = keys[-1] if keys else None
        if newest is None or newest.keep_until is not None:
            return (*keys, self._new_key(name, self._now()))
        return (*keys[:-1], replace(newest, use_from=min(newest.use_from, self._now())))

    def rotate(self, *, at_once: bool = False, note: Note | None = None) -> tuple[str, ...]:
        return tuple(name for name in self._names if self._rotate(name, at_once=at_once, note=note))

    def overdue(self) -> int:
        """For how many seconds a ring has had no new key since one was due; 0 if each is in time."""
        late = (
            self._now() - self._rotation_period(ring.name) - ring.keys[-1].created_at
            for ring in self.rings()
            if ring.keys
        )
        return max(0, max(late, default=0))

    def load_ahead(self, used: Sequence[str], checked: Sequence[str]) -> None:
        """Loads rings before the first request needs them. Of the `used` rings, the keys that sign or seal are
        unwrapped.

        A ring that does not exist yet is left to the function that makes it, and a failure to the first request.
        """
        with suppress(TemporarilyUnavailable):
            for name in (*used, *checked):
                ring = self._ring(name)
                if ring is not None and name in used:
                    self._load_to_use(name, self._current(ring))

    def _load_to_use(self, name: str, key: Key) -> None:
        if name in SIGNING_RINGS:
            self._load_signing_key(name, key)
        else:
            self._unwrap(name, key)

    # -- rotation

    def _rotate(self, name: str, *, at_once: bool = False, note: Note | None = None) -> bool:
        stored = self._store.get(name)
        ring = stored or Ring(name, 0, ())
        kept = tuple(key for key in ring.keys if not self._is_over(key))
        if not kept or self._is_due(name, kept[-1], at_once=at_once):
            kept = self._with_successor(name, kept)
        if kept == ring.keys:
            return False
        # The invocation that loses this write has nothing left to do: the winner did the same.
        return self._store.put(Ring(name, ring.version + 1, kept), note)

    def _with_successor(self, name: str, keys: tuple[Key, ...]) -> tuple[Key, ...]:
        use_from = self._now() + PUBLISH_LEAD if keys else self._now()
        # Instances may use the old key until they see the new one, and what it makes then lives its full life.
        keep_until = use_from + STALE_LIFETIME + self._longest_life(name)
        retired = tuple(replace(key, keep_until=key.keep_until or keep_until) for key in keys)
        return (*retired, self._new_key(name, use_from))

    def _new_key(self, name: str, use_from: int) -> Key:
        if name in SIGNING_RINGS:
            from authserver.tokens.jwk import generate

            private, public = generate(name)
            kid = public["kid"]
        else:
            private, public = self._random(32), {}
            kid = base64url(self._random(8))
        wrapped = self._opener.wrap(private, ring=name, kid=kid)
        return Key(kid, self._now(), use_from, None, public, wrapped)

    def _is_due(self, name: str, newest: Key, *, at_once: bool) -> bool:
        if at_once:
            return newest.use_from <= self._now()
        return newest.created_at <= self._now() - self._rotation_period(name)

    def _rotation_period(self, name: str) -> int:
        """By age, but never so often that more than a handful of keys live at once: each is unwrapped on its own."""
        return max(self._settings.key_rotation_days * DAY, self._longest_life(name) // 4)

    def _longest_life(self, name: str) -> int:
        settings = self._settings
        if name == TOKEN_RING:
            return max(settings.code_lifetime + settings.refresh_token_lifetime, settings.session_lifetime)
        if name == API_KEY_RING:
            return settings.api_key_lifetime
        return settings.longest_token_lifetime

    # -- loading

    def _ring_made_on_need(self, name: str) -> Ring:
        ring = self._ring(name)
        if ring is None:
            self._rotate(name)
            ring = self._load(name)
        if ring is None:
            raise TemporarilyUnavailable("The server has no keys yet", reason="no_keys")
        return ring

    def _ring(self, name: str) -> Ring | None:
        if self._looked_at is None:
            self._looked_at = self._now()  # what is loaded now is as it is now
        elif self._looked_at <= self._now() - LOOK_AGAIN:
            self.are_current()
        loaded_at, ring = self._rings.get(name, (0, None))
        if ring is None:
            return self._load(name)
        if loaded_at > self._now() - CACHE_LIFETIME:
            return ring
        try:
            return self._load(name)
        except TemporarilyUnavailable:
            # Keys are published long before and kept long after their use: what was read a while ago still holds.
            if loaded_at > self._now() - STALE_LIFETIME:
                return ring
            raise

    def _load(self, name: str) -> Ring | None:
        ring = self._store.get(name)
        self._rings[name] = (self._now(), ring)
        return ring

    def _reload_stale_signing_rings(self) -> bool:
        """Reads the rings again for an unknown key: at most once a minute, so that garbage causes few reads, and once a
        second while a ring does not exist."""
        stale = [name for name in SIGNING_RINGS if self._is_stale(name)]
        for name in stale:
            self._load(name)
        return bool(stale)

    def _is_stale(self, name: str) -> bool:
        loaded_at, ring = self._rings.get(name, (0, None))
        return loaded_at <= self._now() - (UNKNOWN_KID_COOLDOWN if ring else NO_RING_COOLDOWN)

    def _find_published(self, kid: str) -> VerificationKey | None:
        for name in SIGNING_RINGS:
            ring = self._ring_if_there(name)
            for key in ring.keys if ring else ():
                if key.kid == kid and not self._is_over(key):
                    return self._load_verification_key(name, key)
        return None

    def _ring_if_there(self, name: str) -> Ring | None:
        """Like `_ring`, but a ring that was not there is left to `_reload_stale_signing_rings`."""
        if name in self._rings and self._rings[name][1] is None:
            return None
        return self._ring(name)

    def _load_signing_key(self, algorithm: str, key: Key) -> SigningKey:
        if key.kid not in self._signing:
            from authserver.tokens.jwk import load_private

            self._signing[key.kid] = SigningKey(key.kid, algorithm, load_private(self._unwrap(algorithm, key)))
        return self._signing[key.kid]

    def _load_verification_key(self, algorithm: str, key: Key) -> VerificationKey:
        if key.kid not in self._verification:
            from authserver.tokens.jwk import load_public

            self._verification[key.kid] = VerificationKey(key.kid, algorithm, load_public(key.public))
        return self._verification[key.kid]

    # -- keys

    def _current(self, ring: Ring) -> Key:
        usable = [key for key in ring.keys if key.use_from <= self._now() and not self._is_over(key)]
        # A clock that runs behind the one that made the first key must not stop the server.
        return usable[-1] if usable else ring.keys[0]

    def _is_over(self, key: Key) -> bool:
        return key.keep_until is not None and key.keep_until <= self._now()

    def _unwrap(self, ring: str, key: Key) -> bytes:
        if key.kid not in self._unwrapped:
            self._unwrapped[key.kid] = self._opener.unwrap(key.wrapped, ring=ring, kid=key.kid)
        return self._unwrapped[key.kid]
