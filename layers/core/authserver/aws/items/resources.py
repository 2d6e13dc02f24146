"""The item of the resources that operators store."""

from collections.abc import Mapping
from typing import Any

from authserver.aws.items.records import record_of, typed
from authserver.resources import Resource, ResourceCatalogue


def resources_of(item: Mapping[str, Any]) -> ResourceCatalogue:
    definitions = tuple(map(_resource_of, item["definitions"]))
    removed = tuple(typed(one, str, "removed") for one in item.get("removed", ()))
    return ResourceCatalogue(definitions, typed(item["version"], int, "version"), removed)


def _resource_of(attribute: Mapping[str, Any]) -> Resource:
    return record_of(Resource, {**attribute, "scopes": tuple(attribute.get("scopes", ()))})
