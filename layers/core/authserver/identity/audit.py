"""The audit's events: who acts, on what, and from where.

An act that writes by `services.noting(note)` leaves its event together with its first write. An event holds
identifiers, names of fields and a keyed hash of the address: nothing that a person's erasure would have to remove.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Any

from authserver.models.audit import AuditEvent
from authserver.records import replace
from authserver.settings import DAY
from authserver.storage.audit import Note
from authserver.values import base64url

if TYPE_CHECKING:
    from authserver.models.audit import ActorKind
    from authserver.services import Services

NOWHERE = ("", "0.0.0.0")  # noqa: S104 - what the command-line tool says where no request came from an address
SOURCE_OCTETS = 12


def note_of(
    services: Services, act: str, actor_kind: ActorKind, actor: str, object_kind: str, *, source: str = "", **more: Any
) -> Note:
    """The note of an act that begins now; `source` is the address that its request came from, `more` the other fields
    of the event."""
    now = services.now()
    return Note(
        AuditEvent(
            id=identifier(now, services.random(10)),
            created_at=now,
            expires_at=now + services.settings.audit_days * DAY,
            act=act,
            actor_kind=actor_kind,
            actor=actor,
            object_kind=object_kind,
            source=source_of(source, services),
            **more,
        )
    )


def by_user(services: Services, act: str, sub: str, *, source: str = "", request: str = "") -> Services:
    """These services for what a user does to their own account."""
    return services.noting(note_of(services, act, "user", sub, "user", object_id=sub, source=source, request=request))


def by_client(services: Services, act: str, client_id: str, *, source: str = "", request: str = "") -> Services:
    """These services for what a client does to its own registration; one that is made now tells its identifier."""
    return services.noting(
        note_of(services, act, "client", client_id, "client", object_id=client_id, source=source, request=request)
    )


def of_its_own(services: Services, act: str, organisation: str) -> Services:
    """These services for an act that is done before the one under way, to the same object and by the same actor: it
    stays done if the other one is refused after all."""
    if services.note is None:
        return services
    now, event = services.now(), services.note.event
    own = replace(event, id=identifier(now, services.random(10)), act=act, organisation=organisation, fields=())
    return services.noting(Note(own))


def by_itself(services: Services, act: str, object_kind: str, **more: Any) -> Services:
    """These services for what the server does by itself."""
    return services.noting(note_of(services, act, "system", "server", object_kind, **more))


def identifier(now: int, chance: bytes) -> str:
    """A UUIDv7 of an instant in epoch seconds: RFC 9562 section 5.7. `chance` are ten octets."""
    high, low = int.from_bytes(chance[:2]) & 0x0FFF | 0x7000, int.from_bytes(chance[2:]) >> 2 | 1 << 63
    digits = f"{now * 1000:012x}{high:04x}{low:016x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def draw_source_key(services: Services) -> None:
    """Sees to it that there is a key for the hashes of addresses."""
    if not services.deployment().source_key:
        services.audit.draw_source_key(base64url(services.random(32)))


def source_of(address: str, services: Services) -> str:
    """The stored form of an address: a keyed hash, or the address itself where the operator wants it so.

    The key is drawn by the first rotation of the keys; until then there is nothing.
    """
    if address in NOWHERE:
        return ""
    if services.settings.audits_addresses:
        return address
    key = services.deployment().source_key
    return base64url(hmac.digest(key.encode(), address.encode(), "sha256")[:SOURCE_OCTETS]) if key else ""
