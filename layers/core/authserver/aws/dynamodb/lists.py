"""Lists by an index: a page of keys, eventually consistent, and then the items themselves, as they are now.

Frequent writes, of one client or of all, are listed in sixteen parts, so that no part of an index takes all the writes.
Such a list is one again here: by age, from all its parts.
"""

from __future__ import annotations

import json
from itertools import batched
from typing import TYPE_CHECKING, Any

from authserver.aws.items.records import read
from authserver.aws.table import Table, read_together
from authserver.storage.lists import BadCursor, Page
from authserver.values import base64url, from_base64url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from authserver.aws.service import Service
    from authserver.aws.table import Item

MAX_PAGE = 100  # as many keys as BatchGetItem takes

# Where a list goes on: for each part of it the last key before and its time, by the part's number.
type Positions = dict[int, tuple[str, int]]


class Index:
    """An index of a table, whose items `convert` makes records of."""

    def __init__(self, dynamodb: Service, table: str, key: str, index: str, attribute: str) -> None:
        self._dynamodb = dynamodb
        self._name = table
        self._table = Table(dynamodb, table)
        self._key = key
        self._index = index
        self._attribute = attribute

    def page[R](
        self,
        parts: str | Sequence[str],
        convert: Callable[[Mapping[str, Any]], R],
        *,
        limit: int,
        cursor: str | None,
        newest_first: bool = False,
        between: tuple[int, int] | None = None,
    ) -> Page[R]:
        """The records listed under a value, or under the values of its parts. Raises `BadCursor`."""
        listed = self.keys(parts, limit=limit, cursor=cursor, newest_first=newest_first, between=between)
        items = read_together(self._dynamodb, {self._name: (self._key, listed.items)})[self._name]
        records = (read(convert, items.get(key)) for key in listed.items)
        return Page(tuple(record for record in records if record is not None), listed.next)

    def keys(
        self,
        parts: str | Sequence[str],
        *,
        limit: int,
        cursor: str | None,
        newest_first: bool = False,
        between: tuple[int, int] | None = None,
    ) -> Page[str]:
        """The keys alone: of items that cannot be read as well, and of some that are not there any more.

        `between` has the first and the last time that is wanted.
        """
        listed = (parts,) if isinstance(parts, str) else tuple(parts)
        wanted = max(1, min(limit, MAX_PAGE))
        positions = _read_cursor(cursor, len(listed)) if cursor else {}
        found: list[tuple[int, int, str]] = []
        is_more = False
        for number, value in enumerate(listed):
            keys, more = self._table.query(
                self._index,
                self._attribute,
                value,
                key=self._key,
                limit=wanted,
                after=positions.get(number),
                newest_first=newest_first,
                between=between,
            )
            found += [(created_at, number, key) for key, created_at in keys]
            is_more |= more
        found.sort(key=lambda one: one[0], reverse=newest_first)  # what is as old as another stays in its part's order
        shown, rest = found[:wanted], found[wanted:]
        for created_at, number, key in shown:
            positions[number] = (key, created_at)
        return Page(tuple(key for _, _, key in shown), _cursor(positions) if rest or is_more else None)


def read_all(dynamodb: Service, wanted: Mapping[str, tuple[str, Iterable[str]]]) -> dict[str, dict[str, Item]]:
    """As `read_together`, of however many keys: in a call for each hundred, whatever tables they are of."""
    found: dict[str, dict[str, Item]] = {table: {} for table in wanted}
    places = [(table, key) for table, (_, keys) in wanted.items() for key in dict.fromkeys(keys)]
    for part in batched(places, MAX_PAGE, strict=False):
        tables = {table: tuple(key for of, key in part if of == table) for table in wanted}
        answer = read_together(dynamodb, {table: (wanted[table][0], keys) for table, keys in tables.items()})
        for table, items in answer.items():
            found[table] |= items
    return found


def _cursor(positions: Positions) -> str:
    return base64url(json.dumps([[number, *place] for number, place in positions.items()]).encode())


def _read_cursor(text: str, parts: int) -> Positions:
    try:
        places = [(number, key, created_at) for number, key, created_at in json.loads(from_base64url(text))]
    except (RecursionError, TypeError, ValueError):
        raise BadCursor("cursor") from None
    if not 0 < len(places) <= parts or not all(_is_place(parts, *place) for place in places):
        raise BadCursor("cursor")
    return {number: (key, created_at) for number, key, created_at in places}


def _is_place(parts: int, number: Any, key: Any, created_at: Any) -> bool:
    numbers = isinstance(number, int) and isinstance(created_at, int)
    if not numbers or isinstance(number, bool) or isinstance(created_at, bool):
        return False
    is_key = isinstance(key, str) and 0 < len(key.encode("utf-8", "replace")) <= 1024
    return is_key and 0 <= number < parts and 0 <= created_at < 10**12
