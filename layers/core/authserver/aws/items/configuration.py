"""The items of what operators configure."""

from collections.abc import Mapping
from typing import Any

from authserver.aws.items.records import record_of, typed
from authserver.models.configuration import IdentityProvider, Theme
from authserver.scopes import ClaimDefinition, ScopeCatalogue, ScopeDefinition
from authserver.values import Scope


def catalogue_of(item: Mapping[str, Any]) -> ScopeCatalogue:
    definitions, removed = (map(_definition_of, one) for one in (item["definitions"], item.get("removed", ())))
    return ScopeCatalogue.of(definitions, typed(item["version"], int, "version"), removed)


def _definition_of(attribute: Mapping[str, Any]) -> ScopeDefinition:
    claims = tuple(map(_claim_of, attribute.get("claims", ())))
    return record_of(ScopeDefinition, {**attribute, "implies": tuple(attribute.get("implies", ())), "claims": claims})


def _claim_of(attribute: Mapping[str, Any]) -> ClaimDefinition:
    return record_of(ClaimDefinition, {**attribute, "places": tuple(attribute["places"])})


def theme_of(item: Mapping[str, Any]) -> Theme:
    return record_of(Theme, item)


def provider_of(item: Mapping[str, Any]) -> IdentityProvider:
    return record_of(
        IdentityProvider,
        {
            **item,
            "id": item["provider"],
            "scope": Scope.parse(item.get("scope", "")),
            "domains": tuple(item.get("domains", ())),
        },
    )


def giving_of(item: Mapping[str, Any]) -> IdentityProvider:
    """The provider of an item of which the `GIVING_FIELDS` alone were read."""
    return record_of(IdentityProvider, {"name": "", "issuer": "", "client_id": "", **item, "id": item["provider"]})
