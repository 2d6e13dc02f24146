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

    def put(self, document: FetchedDocument) -> None:
        """Keeps a document, or a key set if it has no `client` and was fetched from another address than the client's
        identifier, in place of the one before."""

    def list(self, *, limit: int = 50, cursor: str | None = None) -> Page[FetchedDocument]:
        """The metadata documents that were good at least once, the oldest first. Raises `BadCursor`."""
