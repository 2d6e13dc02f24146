"""The Keys table."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from authserver.aws.items.keys import ring_of
from authserver.aws.items.records import read_known
from authserver.aws.table import Guard, Table, Write, encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from authserver.aws.service import Service
    from authserver.aws.table import Noting
    from authserver.models.keys import Ring
    from authserver.storage.audit import Note


class DynamoKeys:
    """Implements `storage.configuration.KeyStore`."""

    def __init__(
        self, dynamodb: Service, table: str, noting: Callable[[Note | None], Noting | None] = lambda _: None
    ) -> None:
        self._dynamodb = dynamodb
        self._table = Table(dynamodb, table)
        self._noting = noting

    def get(self, name: str) -> Ring | None:
        # Not "absent": then a new one would be made in its place.
        return read_known(ring_of, self._table.get({"kid": name}), reason="ring_malformed")

    def put(self, ring: Ring, note: Note | None = None) -> bool:
        table = Table(self._dynamodb, self._table.name, Guard(noting=self._noting(note)))
        return not table.write_all([ring_write(ring)])


def ring_write(ring: Ring) -> Write:
    """Puts the ring in place of the one of the version before, of none if it is the first."""
    keys = tuple({name: value for name, value in asdict(key).items() if value is not None} for key in ring.keys)
    item = {"kid": encode(ring.name), "version": encode(ring.version), "keys": encode(keys)}
    if ring.version == 1:
        return Write.put(item, "attribute_not_exists(kid)")
    return Write.put(item, "version = :previous", {":previous": ring.version - 1})
