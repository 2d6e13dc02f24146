"""The items of the audit's chain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authserver.aws.items.primary_keys import head_key, link_key, sealed_key
from authserver.aws.items.records import attributes_of, record_of
from authserver.aws.table import Write, encode_item
from authserver.models.chain import Head, Link, Place
from authserver.settings import DAY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LONGER = 7 * DAY  # than its events, which DynamoDB removes some days late, a link tells that they were there


def link_of(item: Mapping[str, Any]) -> Link:
    return record_of(Link, {**item, "entries": tuple(item["entries"])})


def head_of(item: Mapping[str, Any]) -> Head:
    return record_of(Head, item)


def place_of(item: Mapping[str, Any]) -> Place:
    return record_of(Place, item)


def link_write(link: Link) -> Write:
    """Puts a link that is not there yet."""
    place = {"id": link_key(link.shard, link.day, link.number), "expires_at": _expires_at(link)}
    return Write.put(encode_item({**attributes_of(link), **place}), "attribute_not_exists(id)")


def sealed_writes(link: Link) -> Iterator[Write]:
    """Puts for each event of a link which link has it, unless one has it already."""
    place = {"shard": link.shard, "day": link.day, "number": link.number, "expires_at": _expires_at(link)}
    for event_id in link.ids:
        yield Write.put(encode_item({"id": sealed_key(event_id), **place}), "attribute_not_exists(id)")


def head_write(head: Head, before: Head | None) -> Write:
    """Puts a shard's head if the one before is there as it was; the first one if there is none."""
    item = encode_item({"id": head_key(head.shard), **attributes_of(head)})
    if before is None:
        return Write.put(item, "attribute_not_exists(id)")
    return Write.put(item, "#digest = :digest", {":digest": before.digest}, {"#digest": "digest"})


def closed_write(head: Head) -> Write:
    """Keeps the head of a day that is over. It does not expire: it tells that there were links, and how many."""
    item = {"id": head_key(head.shard, head.day), **attributes_of(head)}
    return Write.put(encode_item(item), "attribute_not_exists(id)")


def _expires_at(link: Link) -> int:
    return max(link.kept_until, *(int(entry.rpartition(" ")[2]) + LONGER for entry in link.entries))
