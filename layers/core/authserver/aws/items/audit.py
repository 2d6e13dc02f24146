"""The items of the audit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authserver.aws.items.primary_keys import audit_day, event_key, key_text
from authserver.aws.items.records import attributes_of, record_of
from authserver.aws.table import Write, encode_item
from authserver.models.audit import AuditEvent, day_of

if TYPE_CHECKING:
    from collections.abc import Mapping


def event_of(item: Mapping[str, Any]) -> AuditEvent:
    """Raises `ValueError` for an event that is not in the lists where it belongs: some would not show it."""
    named = {"id": item["id"].partition("#")[2], "fields": tuple(item.get("fields", ()))}
    event = record_of(AuditEvent, {**item, **named})
    if any(item.get(name) != value for name, value in _listed(event).items()):
        raise ValueError("listed elsewhere")
    return event


def event_write(event: AuditEvent) -> Write:
    """Puts an event that is not there yet."""
    item = {**attributes_of(event), "id": event_key(event.id), **_listed(event)}
    return Write.put(encode_item(item), "attribute_not_exists(id)")


def _listed(event: AuditEvent) -> dict[str, str]:
    """What the event is listed by: its day, its actor and its object."""
    return {
        "listed": audit_day(day_of(event.created_at), event.id),
        "listed_actor": key_text(event.actor),
        "listed_object": object_listed(event.object_kind, event.object_id),
    }


def object_listed(kind: str, identifier: str) -> str:
    """What the events of an object are listed by."""
    return f"{kind}#{key_text(identifier)}"
