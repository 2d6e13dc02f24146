"""The server's keys."""

from collections.abc import Mapping
from dataclasses import field

from authserver.records import dataclass


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a ring. `public` is its JWK where it has a public part; `wrapped` only a key service can open.

    It may be used from `use_from` and is dropped after `keep_until` (None while it is the newest).
    """

    kid: str
    created_at: int
    use_from: int
    keep_until: int | None
    public: Mapping[str, str]
    wrapped: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Ring:
    """The keys of one purpose, oldest first. `version` grows by one with each write, which is conditional on it."""

    name: str
    version: int
    keys: tuple[Key, ...]
