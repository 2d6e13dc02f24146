"""The Configuration table: what operators set while the server runs."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from authserver.aws.items.configuration import catalogue_of, theme_of
from authserver.aws.items.records import attributes_of, read, read_known
from authserver.aws.table import UNGUARDED, Guard, Item, Table, Write, encode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from authserver.aws.service import Service
    from authserver.models.configuration import Theme
    from authserver.models.webhooks import Webhooks
    from authserver.resources import ResourceCatalogue
    from authserver.scopes import ScopeCatalogue

SCOPES, RESOURCES, THEME, WEBHOOKS = "scopes", "resources", "theme", "webhooks"


class DynamoConfiguration:
    """Implements `storage.configuration.ConfigurationStore`."""

    def __init__(self, dynamodb: Service, table: str, guard: Guard = UNGUARDED) -> None:
        self._table = Table(dynamodb, table, guard)

    def scopes(self) -> ScopeCatalogue | None:
        # Not "absent": then the default one would say what is sensitive and what is not.
        return read_known(catalogue_of, self._table.get({"id": SCOPES}), reason="scopes_malformed")

    def resources(self) -> ResourceCatalogue | None:
        from authserver.aws.items.resources import resources_of  # most deployments store none

        # Not "absent": then routes would ask for what the parameters say, and what was removed would be back.
        return read_known(resources_of, self._table.get({"id": RESOURCES}), reason="resources_malformed")

    def theme(self) -> Theme | None:
        return read(theme_of, self._table.get({"id": THEME}))

    def put_theme(self, theme: Theme) -> bool:
        attributes = {name: encode(value) for name, value in attributes_of(theme).items()}
        return self._put({**attributes, "id": encode(THEME), "version": encode(theme.version + 1)}, theme.version)

    def delete_theme(self) -> None:
        self._table.delete({"id": THEME})

    def webhooks(self) -> Webhooks | None:
        from authserver.aws.items.webhooks import webhooks_of  # few functions know of any

        # Not "absent": then what is on its way to them would be dropped.
        return read_known(webhooks_of, self._table.get({"id": WEBHOOKS}), reason="webhooks_malformed")

    def put_webhooks(self, webhooks: Webhooks) -> bool:
        from authserver.aws.items.webhooks import webhooks_attributes

        item = {"id": WEBHOOKS, **webhooks_attributes(webhooks), "version": webhooks.version + 1}
        return self._put({name: encode(value) for name, value in item.items()}, webhooks.version)

    def _put(self, item: Item, version: int) -> bool:
        """Puts the item in place of the one with this version; of none, if it is 0."""
        if version == 0:
            return self._table.put_new(item, "id") is None
        return self._table.put_if(item, "version = :version", {":version": version})


def scopes_write(catalogue: ScopeCatalogue) -> Write:
    """Puts the catalogue with the next version in place of that of its own, of none if that is 0."""
    definitions, removed = tuple(map(asdict, catalogue.definitions)), tuple(map(asdict, catalogue.removed))
    return _next({"id": SCOPES, "definitions": definitions, "removed": removed}, catalogue.version)


def resources_write(catalogue: ResourceCatalogue) -> Write:
    """The same of the resources."""
    definitions = tuple({**attributes_of(one), "routes": dict(one.routes)} for one in catalogue.definitions)
    return _next({"id": RESOURCES, "definitions": definitions, "removed": catalogue.removed}, catalogue.version)


def _next(values: Mapping[str, Any], version: int) -> Write:
    item = {name: encode(value) for name, value in {**values, "version": version + 1}.items()}
    if version == 0:
        return Write.put(item, "attribute_not_exists(id)")
    return Write.put(item, "version = :version", {":version": version})
