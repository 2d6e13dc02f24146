"""The keys of clients that have them at an address of their own: `jwks_uri` of RFC 7591 section 2.

This module makes no requests: it reads what was fetched for this very client, and has another function fetch it again
if that is too old.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from authserver.errors import InvalidClient, TemporarilyUnavailable
from authserver.messages.documents import DocumentOrder
from authserver.models.documents import RETRY, UNDECIDED, FetchedDocument

if TYPE_CHECKING:
    from authserver.models.clients import Client
    from authserver.services import Services


def key_set(client: Client, source: str, services: Services, *, anew: bool = False) -> str:
    """The text of the client's JWK set, for a request from `source`. `anew`: a key was not in it, so that it is fetched
    again, once a minute at most.

    Raises:
        InvalidClient: there is none at its address.
        TemporarilyUnavailable: it cannot be reached now.
    """
    now = services.now()
    found = _known(client, services)
    is_recent = found is not None and now < found.checked_at + RETRY
    outcome = ""
    if found is None or not found.is_current(now) or (anew and not is_recent):
        outcome = _order(DocumentOrder(client.client_id, client.jwks_uri, anew, source), services)
        found = _known(client, services)
    if found is not None and found.is_usable(now, outcome):
        return found.jwks
    error = (found.why_not(outcome) if found else outcome) or "missing"
    if error in UNDECIDED:
        raise TemporarilyUnavailable("The client's keys cannot be fetched now", reason=f"key_set_{error}")
    raise InvalidClient("Client authentication failed", reason=f"key_set_{error}")


def _known(client: Client, services: Services) -> FetchedDocument | None:
    """The key set that was fetched last from the client's present `jwks_uri`."""
    found = services.documents.key_set(client.client_id)
    return found if found is not None and found.uri == client.jwks_uri else None


def _order(order: DocumentOrder, services: Services) -> str:
    return services.order_document(order) if services.order_document is not None else "unreachable"
