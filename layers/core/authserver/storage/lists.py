"""Lists, which people look at."""

from authserver.records import dataclass


@dataclass(frozen=True, slots=True)
class Page[T]:
    """A part of a list that people look at: eventually consistent, never for a decision. `next` begins the next."""

    items: tuple[T, ...]
    next: str | None = None


class BadCursor(ValueError):
    """The text that was to begin the next part of a list does not."""
