"""The items of what was fetched for clients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authserver.aws.items.clients import client_of
from authserver.aws.items.records import record_of
from authserver.models.documents import FetchedDocument

if TYPE_CHECKING:
    from collections.abc import Mapping


def document_of(item: Mapping[str, Any]) -> FetchedDocument:
    client = {"client": client_of(item["client"])} if "client" in item else {}
    return record_of(FetchedDocument, {**item, **client})
