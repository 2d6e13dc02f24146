"""Lists that are made of lists."""

from collections.abc import Callable, Sequence
from typing import Any

from authserver.storage.lists import BadCursor, Page

LONGEST = 100  # of one part of a list

type Listed = Callable[[int, str | None], Page[Any]]
"""A list, of which it gives a part by its length and cursor."""


def one_after_the_other(
    lists: Sequence[Listed], *, limit: int, cursor: str | None
) -> tuple[list[tuple[Any, ...]], str | None]:
    """A part of lists that are one: what of each is in it, and where the next part begins.

    It looks at `limit` records at most, however many of them can be read. Raises `BadCursor`.
    """
    number, at = _place(cursor, len(lists))
    found: list[tuple[Any, ...]] = [()] * len(lists)
    while limit > 0 and number < len(lists):
        size = min(limit, LONGEST)
        page = lists[number](size, at)
        found[number] += page.items
        at = page.next
        limit -= len(page.items) if at is None else size
        number += at is None
    return found, None if number == len(lists) else f"{number}.{at or ''}"


def _place(cursor: str | None, lists: int) -> tuple[int, str | None]:
    """The list that a part begins in, by its number, and its own cursor."""
    number, dot, at = (cursor or "0.").partition(".")
    if not dot or number not in map(str, range(lists)):
        raise BadCursor("cursor")
    return int(number), at or None
