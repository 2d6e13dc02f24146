"""Documents that were fetched for clients."""

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
        """Stores a metadata document, or a key set if it was fetched from another address than the client's identifier,
        in place of the one that was read before the fetch; returns whether it did.

        Condition: the stored document is the one that was read, or there is none. So an earlier answer never replaces a
        later one.
        """

    def list(self, *, limit: int = 50, cursor: str | None = None) -> Page[FetchedDocument]:
        """The metadata documents that were valid at least once, oldest first. Raises `BadCursor`."""
