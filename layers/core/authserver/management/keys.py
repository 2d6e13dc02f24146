"""The server's keys, for operators: /admin/keys."""

from typing import Any, Literal

from authserver.documents import key as documents
from authserver.management import Answer, Call, Operation
from authserver.models import Key, Ring
from authserver.services import Services


def list_keys(_call: Call, services: Services) -> Answer:
    """Every key, ring by ring, oldest first; never what is wrapped."""
    rings = services.keys.rings()
    return Answer(document={"items": [_write(key, ring, services.now()) for ring in rings for key in ring.keys]})


def rotate_keys(_call: Call, services: Services) -> Answer:
    """Gives every ring a new key, which is published now and used in about 70 minutes.

    A ring whose newest key is not in use yet gets none; so the same call twice is one rotation.
    """
    return Answer(document=documents.Rotation(rotated=services.keys.rotate(at_once=True)).model_dump(mode="json"))


def _write(key: Key, ring: Ring, now: int) -> dict[str, Any]:
    return documents.Key(
        kid=key.kid,
        ring=ring.name,
        state=_state(key, ring, now),
        created_at=key.created_at,
        use_from=key.use_from,
        keep_until=key.keep_until,
    ).model_dump(mode="json")


def _state(key: Key, ring: Ring, now: int) -> Literal["next", "current", "retired"]:
    if key.use_from > now:
        return "next"
    newest = max(one.use_from for one in ring.keys if one.use_from <= now)
    return "current" if key.use_from == newest else "retired"


READ, WRITE = "admin:keys.read", "admin:keys.write"

OPERATIONS = (
    Operation("GET /admin/keys", "List keys", READ, list_keys, answer=documents.Keys),
    Operation("POST /admin/keys/rotation", "Rotate the keys", WRITE, rotate_keys, answer=documents.Rotation),
)
