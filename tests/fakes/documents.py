"""What was fetched for clients."""

from authserver.models.documents import FetchedDocument
from authserver.storage.lists import Page
from tests.fakes import filing


class FakeDocuments:
    """Implements `storage.documents.DocumentStore`."""

    def __init__(self) -> None:
        self._metadata: dict[str, FetchedDocument] = {}
        self._key_sets: dict[str, FetchedDocument] = {}

    def find(self, client_id: str) -> FetchedDocument | None:
        return self._metadata.get(client_id)

    def key_set(self, client_id: str) -> FetchedDocument | None:
        return self._key_sets.get(client_id)

    def put(self, document: FetchedDocument, before: FetchedDocument | None) -> bool:
        kept = self._metadata if document.uri == document.client_id else self._key_sets
        there = kept.get(document.client_id)
        if there is not None and (before is None or there.checked_at != before.checked_at):
            return False
        kept[document.client_id] = document
        return True

    def list(self, *, limit: int = 50, cursor: str | None = None) -> Page[FetchedDocument]:
        listed = [one for one in self._metadata.values() if one.created_at]
        return filing.page(listed, limit, cursor)
