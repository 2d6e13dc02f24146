"""How records are filed: under which keys, and in which order they are listed."""

from collections.abc import Sequence

from authserver.storage.lists import BadCursor, Page
from authserver.tokens.opaque import key_of
from authserver.values import base64url


def key(text: str) -> str:
    return base64url(key_of(text))


def page[R](records: Sequence[R], limit: int, cursor: str | None, *, newest_first: bool = False) -> Page[R]:
    """A page of what there is, by age; the cursor is how many went before."""
    ordered = sorted(records, key=lambda record: getattr(record, "created_at", 0), reverse=newest_first)
    try:
        start = int(cursor or 0)
    except ValueError:
        raise BadCursor("cursor") from None
    following = start + limit
    return Page(tuple(ordered[start:following]), str(following) if following < len(ordered) else None)
