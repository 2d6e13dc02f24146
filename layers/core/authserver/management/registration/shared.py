"""The one client for all registrations of the same metadata.

Public clients alone, where registration is open: nothing distinguishes them but what they register, and what cannot be
told apart may be one. A slot in the Configuration table names the client by the fingerprint of its metadata. It is
written with the client, in one transaction, on the condition that it is as it was found; the loser of a race finds the
winner's. Registering the metadata of another client gives a stranger only an identifier that is no secret: no one can
change or end the client, and where its answers go is part of what was registered.
"""

import json
from collections.abc import Callable
from dataclasses import replace

from authserver.documents.client import ClientMetadata, metadata_of
from authserver.errors import TemporarilyUnavailable
from authserver.management import Conflict, NotFound
from authserver.management.client_records import ATTEMPTS, change
from authserver.models.clients import TEST, Client
from authserver.services import Services
from authserver.storage.clients import Slot
from authserver.values import base64url, sha256

DAY = 86_400
UNUSED_LIFETIME = 7 * DAY
SCOPES = ("scope", "default_scope", "optional_scope")


def new_client(metadata: ClientMetadata, services: Services) -> Client:
    """A client as it is registered by itself: a test client without an owner, over if it is not used."""
    now = services.now()
    blank = Client(
        client_id=base64url(services.random(16)),
        client_name="",
        verification=TEST,
        created_at=now,
        expires_at=now + UNUSED_LIFETIME,
    )
    return metadata.applied_to(blank)


def shared_client(metadata: ClientMetadata, take_a_place: Callable[[], None], services: Services) -> Client:
    """The client of this metadata; registered, once there is a place for it, if it is not there yet or any more.

    Raises what `take_a_place` raises, and `TemporarilyUnavailable` if others keep being quicker.
    """
    wanted = new_client(metadata, services)
    slot = Slot(fingerprint(wanted))
    for attempt in range(ATTEMPTS):
        slot = replace(slot, instead_of=services.clients.shared(slot.fingerprint))
        given = _given(slot, services)
        if given is not None:
            return given
        if attempt == 0:
            take_a_place()
        services.is_about(wanted.client_id)
        if services.clients.create(wanted, slot=slot):
            return wanted
    raise TemporarilyUnavailable("Please register again", reason="changed_meanwhile")


def fingerprint(client: Client) -> str:
    """What tells the metadata of this client from any other's, in whatever order it is: 43 letters."""
    named = client.client_name != client.client_id  # or else it has its identifier for a name
    document = {
        name: sorted(value) if isinstance(value, list) else " ".join(sorted(value.split())) if name in SCOPES else value
        for name, value in metadata_of(client if named else replace(client, client_name="")).items()
    }
    return base64url(sha256(json.dumps(document, sort_keys=True)))


def _given(slot: Slot, services: Services) -> Client | None:
    """The client that was found, if it may still be shared, with time for the caller who gets it."""
    try:
        client, _ = change(lambda: _everybodys(slot, services), lambda one: _prolonged(one, services), services)
    except NotFound:
        return None
    except Conflict:
        raise TemporarilyUnavailable("The client is being changed", reason="changed_meanwhile") from None
    return client


def _everybodys(slot: Slot, services: Services) -> Client:
    """The client that was found, if it is in use or may be, still as it was registered, and without an owner.

    Raises `NotFound`.
    """
    client = services.clients.get(slot.instead_of) if slot.instead_of else None
    if client is None or not client.is_active or client.is_expired(services.now()):
        raise NotFound("client")
    if client.owner or client.registration_token_hash or fingerprint(client) != slot.fingerprint:
        raise NotFound("client")
    return client


def _prolonged(client: Client, services: Services) -> Client:
    """Renews the expiry of a client that is not used yet, once a day at most: each caller who gets it has the full
    time."""
    now = services.now()
    if client.expires_at is None or client.expires_at - now > UNUSED_LIFETIME - DAY:
        return client
    return replace(client, expires_at=now + UNUSED_LIFETIME)
