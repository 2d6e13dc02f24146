"""How records are filed: under which keys, and in which order they are listed."""

from collections.abc import Sequence

from authserver.storage import BadCursor, Page
from authserver.tokens.opaque import key_of
from authserver.values import base64url


def key(text: str) -> str:
    return base64url(key_of(text))


def cutoff(subject: str | None, client_id: str | None, organisation: str | None) -> tuple[str, ...]:
    parts = (("subject", subject), ("client", client_id), ("organisation", organisation))
    given = [(name, key(value)) for name, value in parts if value is not None]
    if not 1 <= len(given) <= 2:
        raise ValueError("a cutoff is of one or two of subject, client and organisation")
    return tuple(part for pair in given for part in pair)


def page[R](records: Sequence[R], limit: int, cursor: str | None, *, newest_first: bool = False) -> Page[R]:
    """A page of what there is, by age; the cursor is how many went before."""
    ordered = sorted(records, key=lambda record: getattr(record, "created_at", 0), reverse=newest_first)
    try:
        start = int(cursor or 0)
    except ValueError:
        raise BadCursor("cursor") from None
    following = start + limit
    return Page(tuple(ordered[start:following]), str(following) if following < len(ordered) else None)
