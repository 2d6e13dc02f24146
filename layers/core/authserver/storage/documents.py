"""What was fetched for clients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from authserver.models.documents import FetchedDocument
    from authserver.storage.lists import Page


class DocumentStore(Protocol):
    def find(self, client_id: str) -> FetchedDocument | None:
        """The metadata document of a client, as it was fetched last. `client_id` is text from outside."""

    def key_set(self, client_id: str) -> FetchedDocument | None:
        """The key set of a client, likewise; each client has its own, wherever it is from."""

    def put(self, document: FetchedDocument, before: FetchedDocument | None) -> bool:
        """Keeps a document, or a key set if it was fetched from another address than the client's identifier, in place
        of the one that was read before it was fetched; tells whether it did.

        Condition: what is there is what was read, or nothing. So no answer takes the place of a later one.
        """

    def list(self, *, limit: int = 50, cursor: str | None = None) -> Page[FetchedDocument]:
        """The metadata documents that were good at least once, the oldest first. Raises `BadCursor`."""
