"""Fetches what belongs to clients, metadata documents and key sets, for the functions that read them."""

from authserver.aws.bootstrap import bootstrap
from authserver.aws.document_orders import fetching
from authserver.management.client_documents import fetch_document
from authserver.messages.documents import DocumentOrder

services = bootstrap(goes_out=True, stores=())


@fetching
def lambda_handler(order: DocumentOrder) -> str:
    return fetch_document(order, services)
