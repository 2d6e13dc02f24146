"""The items of the server's keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authserver.aws.items.records import record_of
from authserver.models.keys import Key, Ring

if TYPE_CHECKING:
    from collections.abc import Mapping


def ring_of(item: Mapping[str, Any]) -> Ring:
    keys = tuple(record_of(Key, {"keep_until": None, **key}) for key in item["keys"])
    return record_of(Ring, {"name": item["kid"], "version": item["version"], "keys": keys})
