"""Lists, which people look at."""

from collections.abc import Callable, Iterator
from typing import Self

from authserver.records import dataclass

MOST_COUNTED = 99  # beyond so many there is only "more than"


@dataclass(frozen=True, slots=True)
class Page[T]:
    """A part of a list that people look at: eventually consistent, never for a decision. `next` begins the next."""

    items: tuple[T, ...]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class Counted:
    """How many there are of something, to `MOST_COUNTED`; `are_more` tells whether that is not all."""

    number: int
    are_more: bool

    @classmethod
    def of(cls, found: int) -> Self:
        """What there is, of which one more than `MOST_COUNTED` was looked for."""
        return cls(min(found, MOST_COUNTED), found > MOST_COUNTED)


class BadCursor(ValueError):
    """The text that was to begin the next part of a list does not."""


def everything[R](page: Callable[[str | None], Page[R]]) -> Iterator[R]:
    """Every record of a list, whose parts `page` gives by their cursors: for work that may stop anywhere."""
    cursor = None
    while True:
        part = page(cursor)
        yield from part.items
        cursor = part.next
        if cursor is None:
            return
