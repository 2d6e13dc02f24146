"""The Tokens table: what was fetched for clients, and the clients that come of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from authserver.aws.dynamodb.lists import Index
from authserver.aws.items.clients import client_attributes
from authserver.aws.items.documents import document_of
from authserver.aws.items.primary_keys import document_key, key_set_key
from authserver.aws.items.records import attributes_of, read
from authserver.aws.table import Item, Table, encode_item
from authserver.ends import SUSPENDED_DELETED
from authserver.errors import UnreachableDocument, UnusableDocument
from authserver.models import DISABLED
from authserver.models.clients import TEST, Client
from authserver.models.documents import UNDECIDED, FetchedDocument
from authserver.values import host_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from authserver.aws.service import Service
    from authserver.ends import ClientEnd
    from authserver.storage.lists import Page

LISTED = "document"  # what metadata documents are listed by


class DynamoDocuments:
    """Implements `storage.documents.DocumentStore`."""

    def __init__(self, dynamodb: Service, table: str) -> None:
        self._table = Table(dynamodb, table)
        self._index = Index(dynamodb, table, "pk", "by_subject", "listed_subject")

    def find(self, client_id: str) -> FetchedDocument | None:
        return _of(client_id, self._table.get({"pk": document_key(client_id)}))

    def key_set(self, client_id: str) -> FetchedDocument | None:
        return _of(client_id, self._table.get({"pk": key_set_key(client_id)}))

    def put(self, document: FetchedDocument, before: FetchedDocument | None) -> bool:
        is_metadata = document.uri == document.client_id
        key = document_key if is_metadata else key_set_key
        client = client_attributes(document.client) if document.client else {}
        item = {
            **attributes_of(document),
            "pk": key(document.client_id),
            "client": {name: value for name, value in client.items() if value not in (None, "", ())} or None,
            "listed_subject": LISTED if is_metadata and document.created_at else None,
        }
        is_as_read, values = "attribute_not_exists(pk)", {}
        if before is not None:  # no two attempts have one time: there is a minute between them
            is_as_read, values = f"{is_as_read} OR checked_at = :at", {":at": before.checked_at}
        return self._table.put_if(encode_item(item), is_as_read, values)

    def list(self, *, limit: int = 50, cursor: str | None = None) -> Page[FetchedDocument]:
        return self._index.page(LISTED, document_of, limit=limit, cursor=cursor)


class DocumentClients:
    """The clients that come of metadata documents, for `reader.Reader`.

    `admits` tells whether an identifier is one of theirs; `fetch` has the document fetched for a request from an
    address, waits, and tells what went wrong, or nothing. Functions without it go by what others have fetched: they
    continue what those began.
    """

    def __init__(self, admits: Callable[[str], bool], fetch: Callable[[str, str], str] | None = None) -> None:
        self.admits = admits
        self._fetch = fetch

    def refresh(self, client_id: str, source: str, item: Item | None, end: ClientEnd, now: int) -> str | None:
        """Has the document fetched if it has to be; what came of it, or None. Not that of a client that is blocked."""
        found = _of(client_id, item)
        if self._fetch is None or end.suspended or (found is not None and found.is_current(now)):
            return None
        return self._fetch(client_id, source)

    def present(
        self, client_id: str, item: Item | None, end: ClientEnd, now: int, outcome: str | None
    ) -> Client | None:
        """The client as its document is now, with its epoch; None if there is none. `outcome` is that of `refresh`.

        Raises `UnusableDocument` and `UnreachableDocument` if the document cannot be gone by, for good or at the
        moment.
        """
        if end.suspended == SUSPENDED_DELETED:
            return None
        if end.suspended:  # whatever its document says
            return replace(remembered(client_id, item) or nameless(client_id), status=DISABLED, epoch=end.epoch)
        found = _of(client_id, item)
        tried = "unreachable" if self._fetch is None else outcome or ""
        if found is not None and found.client is not None and found.is_usable(now, tried):
            return replace(found.client, epoch=end.epoch)
        error = found.why_not(outcome or "") if found else outcome
        if error in UNDECIDED:
            raise UnreachableDocument("The client's metadata document cannot be had now", reason=f"document_{error}")
        if error:
            raise UnusableDocument(f"The client's metadata document is not usable: {error}", reason=f"document_{error}")
        return None


def nameless(client_id: str) -> Client:
    """A client of whose document nothing is known now: what people see of it in lists."""
    return Client(client_id=client_id, client_name=host_of(client_id), verification=TEST)


def remembered(client_id: str, item: Item | None) -> Client | None:
    """The client as its document was when it was last good, for people to see."""
    found = _of(client_id, item)
    return found.client if found else None


def _of(client_id: str, item: Item | None) -> FetchedDocument | None:
    """What was fetched for this very client, and not for one whose key is the same."""
    found = read(document_of, item)
    return found if found is not None and found.client_id == client_id else None
