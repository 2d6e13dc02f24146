"""The Keys table."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from authserver.aws.items.keys import ring_of
from authserver.aws.items.records import read
from authserver.aws.table import Table, Write, encode
from authserver.errors import TemporarilyUnavailable

if TYPE_CHECKING:
    from authserver.aws.service import Service
    from authserver.models.keys import Ring


class DynamoKeys:
    """Implements `storage.configuration.KeyStore`."""

    def __init__(self, dynamodb: Service, table: str) -> None:
        self._table = Table(dynamodb, table)

    def get(self, name: str) -> Ring | None:
        item = self._table.get({"kid": name})
        if item is None:
            return None
        ring = read(ring_of, item)
        if ring is None:
            # Not "absent": then a new one would be made in its place.
            raise TemporarilyUnavailable("The store did not answer", reason="ring_malformed")
        return ring

    def put(self, ring: Ring) -> bool:
        return not self._table.write_all([ring_write(ring)])


def ring_write(ring: Ring) -> Write:
    """Puts the ring in place of the one of the version before, of none if it is the first."""
    keys = tuple({name: value for name, value in asdict(key).items() if value is not None} for key in ring.keys)
    item = {"kid": encode(ring.name), "version": encode(ring.version), "keys": encode(keys)}
    if ring.version == 1:
        return Write.put(item, "attribute_not_exists(kid)")
    return Write.put(item, "version = :previous", {":previous": ring.version - 1})
