"""Lists, walked to their end."""

from collections.abc import Callable, Iterator

from authserver.storage.lists import Page


def everything[R](page: Callable[[str | None], Page[R]]) -> Iterator[R]:
    """Every record of a list, whose parts `page` gives by their cursors."""
    cursor = None
    while True:
        part = page(cursor)
        yield from part.items
        cursor = part.next
        if cursor is None:
            return
