"""Keys, as the admin API tells of them: never what is wrapped."""

from typing import Literal

from authserver.documents import Document


class Key(Document):
    """A key of a ring."""

    kid: str
    ring: str
    state: Literal["next", "current", "retired"]
    created_at: int
    use_from: int
    keep_until: int | None


class Keys(Document):
    """Every key."""

    items: tuple[Key, ...]


class Withdrawal(Document):
    """What the withdrawal of a key did: `successor` signs, or makes credentials, from now on."""

    kid: str
    ring: str
    successor: str


class Rotation(Document):
    """What a rotation did."""

    rotated: tuple[str, ...]
