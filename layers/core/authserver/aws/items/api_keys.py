"""The items of API keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authserver.aws.items.primary_keys import api_key_key, key_text
from authserver.aws.items.records import attributes_of, begun_of, record_of
from authserver.aws.table import Item, encode_item
from authserver.models.api_keys import CLIENT, ORGANISATION, ApiKey
from authserver.values import Scope

if TYPE_CHECKING:
    from collections.abc import Mapping


def api_key_item(key: ApiKey) -> Item:
    """The item of a key, listed by whose it is; one of an organisation by its carrier as well."""
    return encode_item(
        {
            **attributes_of(key),
            "pk": api_key_key(key.id),
            "id": None,
            "scope": str(key.scope),
            "used_at": key.used_at or None,
            "listed_subject": listed(key.subject) if key.subject else None,
            "listed_client": listed(key.client_id) if key.owner == CLIENT else None,
            "listed_organisation": listed(key.organisation) if key.owner == ORGANISATION else None,
        }
    )


def listed(owner: str) -> str:
    """What the keys of a user, a client or an organisation are listed by."""
    return f"api_key#{key_text(owner)}"


def api_key_of(item: Mapping[str, Any]) -> ApiKey:
    return record_of(
        ApiKey,
        {
            **item,
            "id": item["pk"].partition("#")[2],
            "begun": begun_of(item),
            "scope": Scope.parse(item.get("scope", "")),
            "resource": tuple(item.get("resource", ())),
            "networks": tuple(item.get("networks", ())),
        },
    )
