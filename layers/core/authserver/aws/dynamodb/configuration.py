"""The Configuration table: what operators set while the server runs."""

from dataclasses import asdict

from authserver.aws.items.configuration import catalogue_of, theme_of
from authserver.aws.items.records import attributes_of, read
from authserver.aws.service import Service
from authserver.aws.table import Item, Table, Write, encode
from authserver.errors import TemporarilyUnavailable
from authserver.models.configuration import Theme
from authserver.scopes import ScopeCatalogue

SCOPES, THEME = "scopes", "theme"


class DynamoConfiguration:
    """Implements `storage.configuration.ConfigurationStore`."""

    def __init__(self, dynamodb: Service, table: str) -> None:
        self._table = Table(dynamodb, table)

    def scopes(self) -> ScopeCatalogue | None:
        item = self._table.get({"id": SCOPES})
        if item is None:
            return None
        catalogue = read(catalogue_of, item)
        if catalogue is None:
            # Not "absent": then the default one would say what is sensitive and what is not.
            raise TemporarilyUnavailable("The store did not answer", reason="scopes_malformed")
        return catalogue

    def theme(self) -> Theme | None:
        return read(theme_of, self._table.get({"id": THEME}))

    def put_theme(self, theme: Theme) -> bool:
        attributes = {name: encode(value) for name, value in attributes_of(theme).items()}
        return self._put({**attributes, "id": encode(THEME), "version": encode(theme.version + 1)}, theme.version)

    def delete_theme(self) -> None:
        self._table.delete({"id": THEME})

    def _put(self, item: Item, version: int) -> bool:
        """Puts the item in place of the one with this version; of none, if it is 0."""
        if version == 0:
            return self._table.put_new(item, "id") is None
        return self._table.put_if(item, "version = :version", {":version": version})


def scopes_write(catalogue: ScopeCatalogue) -> Write:
    """Puts the catalogue with the next version in place of that of its own, of none if that is 0."""
    item = {
        "id": encode(SCOPES),
        "version": encode(catalogue.version + 1),
        "definitions": encode(tuple(map(asdict, catalogue.definitions))),
        "removed": encode(tuple(map(asdict, catalogue.removed))),
    }
    if catalogue.version == 0:
        return Write.put(item, "attribute_not_exists(id)")
    return Write.put(item, "version = :version", {":version": catalogue.version})
