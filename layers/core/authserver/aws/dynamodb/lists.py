"""Lists by an index: a page of keys, eventually consistent, and then the items themselves, as they are now."""

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from authserver.aws.items import read
from authserver.aws.table import Table, read_together
from authserver.storage import BadCursor, Page
from authserver.values import base64url, from_base64url

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MAX_PAGE = 100  # as many keys as BatchGetItem takes


class Index:
    """An index of a table, whose items `convert` makes records of."""

    def __init__(self, client: "DynamoDBClient", table: str, key: str, index: str, attribute: str) -> None:
        self._client = client
        self._name = table
        self._table = Table(client, table)
        self._key = key
        self._index = index
        self._attribute = attribute

    def page[R](
        self,
        value: str,
        convert: Callable[[Mapping[str, Any]], R],
        *,
        limit: int,
        cursor: str | None,
        newest_first: bool = False,
    ) -> Page[R]:
        """The records listed under `value`. Raises `BadCursor`."""
        keys, last = self._table.query(
            self._index,
            self._attribute,
            value,
            key=self._key,
            limit=max(1, min(limit, MAX_PAGE)),
            after=_read_cursor(cursor) if cursor else None,
            newest_first=newest_first,
        )
        items = read_together(self._client, {self._name: (self._key, keys)})[self._name]
        records = (read(convert, items.get(key)) for key in keys)
        return Page(tuple(record for record in records if record is not None), _cursor(last) if last else None)


def _cursor(last: tuple[str, int]) -> str:
    return base64url(json.dumps(last).encode())


def _read_cursor(text: str) -> tuple[str, int]:
    try:
        key, created_at = json.loads(from_base64url(text))
    except (RecursionError, TypeError, ValueError):
        raise BadCursor("cursor") from None
    if not isinstance(key, str) or not 0 < len(key.encode("utf-8", "replace")) <= 1024:
        raise BadCursor("cursor")
    if not isinstance(created_at, int) or isinstance(created_at, bool) or not 0 <= created_at < 10**12:
        raise BadCursor("cursor")
    return key, created_at
