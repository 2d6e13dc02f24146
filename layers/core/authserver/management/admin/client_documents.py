"""Clients that come of metadata documents, for operators: /admin/client-documents."""

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from authserver.documents import Document
from authserver.documents.client import metadata_of
from authserver.management import Answer, Call, Conflict, Invalid, Operation, page_of
from authserver.management.admin.clients import READ, WRITE
from authserver.management.audited import act
from authserver.models import ACTIVE, DISABLED
from authserver.models.documents import FetchedDocument
from authserver.services import Services
from authserver.storage.tokens import Whose
from authserver.values import host_of, is_document_address

if TYPE_CHECKING:
    from authserver.models.journal import Refusal
    from authserver.models.tokens import Authorization

DAY = 86_400
DAYS = 14  # that refusals are kept
PAGE, MOST_PAGES = 100, 10


class ClientUsage(Document):
    """What became of a client's requests, counted among its authorizations that are kept."""

    authorized: int = Field(description="How often a user allowed it")
    redeemed: int = Field(description="How many of these codes it exchanged")
    refreshed: int = Field(description="How often it has refreshed these")
    is_bounded: bool = Field(description=f"Whether there are more than the {PAGE * MOST_PAGES} that were counted")
    last_used_at: int | None = None


class LastRefusal(Document):
    """What it was refused last, on the last two weeks."""

    error: str
    reason: str
    at: int


class DocumentedClient(Document):
    """A client and its metadata document, as it was when it was fetched last."""

    client_id: str
    client_name: str = ""
    host: str
    status: Literal["active", "disabled"] = "active"
    token_endpoint_auth_method: str = ""
    redirect_uris: list[str] = Field(default=[])
    grant_types: list[str] = Field(default=[])
    scope: str = ""
    jwks_uri: str = ""
    fetched_at: int | None = None
    fresh_until: int | None = None
    checked_at: int | None = None
    error: str = Field(default="", description="What was wrong with the document when it was fetched last")
    key_set_error: str = Field(default="", description="The same of the keys at jwks_uri")
    usage: ClientUsage | None = Field(default=None, description="Where one client is asked for")
    last_refusal: LastRefusal | None = Field(default=None, description="Likewise")


class DocumentedClientChange(Document):
    """Whether the identifier may be used here. If not, what was issued to it is refused, regardless of its document."""

    status: Literal["active", "disabled"]


def list_documents(call: Call, services: Services) -> Answer:
    """The clients whose document was valid when it was fetched, oldest first."""
    page = services.documents.list(limit=call.limit, cursor=call.cursor)
    ends = services.tokens.ends_of(Whose("", one.client_id, "") for one in page.items)
    blocked = {whose.client_id for whose, found in ends.items() if found.client.suspended}
    return page_of(page, lambda one: _write(_described(one, is_blocked=one.client_id in blocked)))


def get_document(call: Call, services: Services) -> Answer:
    """One client, with what became of its requests; also one whose document was never fetched."""
    client_id = _client_id(call, services)
    found = services.documents.find(client_id) or FetchedDocument(client_id, client_id)
    keys = services.documents.key_set(client_id)
    described = _described(found, is_blocked=_is_blocked(client_id, services))
    more = {
        "key_set_error": keys.error if keys else "",
        "usage": _usage(client_id, services),
        "last_refusal": _last_refusal(client_id, services),
    }
    return Answer(document=_write(described.model_copy(update=more)))


@act("client.document.changed", "client_id")
def change_document(call: Call, services: Services) -> Answer:
    """Blocks the identifier or lets it in again, in one write; everything that was issued to it ends either way."""
    client_id = _client_id(call, services)
    is_blocked = call.read(DocumentedClientChange).status == DISABLED
    is_changed = is_blocked != _is_blocked(client_id, services)
    if is_changed and not services.withdrawals.block_client(client_id, is_blocked=is_blocked):
        raise Conflict("A client of this identifier was deleted")
    found = services.documents.find(client_id) or FetchedDocument(client_id, client_id)
    return Answer(document=_write(_described(found, is_blocked=is_blocked)))


def _client_id(call: Call, services: Services) -> str:
    """An address that could be an identifier; whether such clients are let in at present does not matter."""
    client_id = call.path["client_id"]
    if not is_document_address(client_id, loopback=services.settings.loopback_upstreams):
        raise Invalid("client_id", "must be the address of a metadata document")
    return client_id


def _is_blocked(client_id: str, services: Services) -> bool:
    whose = Whose("", client_id, "")
    return bool(services.tokens.ends_of((whose,))[whose].client.suspended)


def _described(found: FetchedDocument, *, is_blocked: bool) -> DocumentedClient:
    metadata = metadata_of(found.client) if found.client else {}
    told: dict[str, Any] = {name: metadata[name] for name in DocumentedClient.model_fields if name in metadata}
    times = {name: getattr(found, name) or None for name in ("fetched_at", "fresh_until", "checked_at")}
    state = {"host": host_of(found.client_id), "status": DISABLED if is_blocked else ACTIVE, "error": found.error}
    return DocumentedClient(**{**told, **times, **state, "client_id": found.client_id})


def _usage(client_id: str, services: Services) -> ClientUsage:
    found: list[Authorization] = []
    cursor = None
    for _ in range(MOST_PAGES):
        page = services.tokens.authorizations(client_id=client_id, limit=PAGE, cursor=cursor, newest_first=True)
        found += page.items
        cursor = page.next
        if cursor is None:
            break
    redeemed = [one for one in found if one.redeemed_by is not None]
    return ClientUsage(
        authorized=len(found),
        redeemed=len(redeemed),
        refreshed=sum(max(0, one.generation - 1) for one in redeemed),
        is_bounded=cursor is not None,
        last_used_at=max((one.rotated_at for one in redeemed), default=None),
    )


def _last_refusal(client_id: str, services: Services) -> LastRefusal | None:
    today = services.now() // DAY * DAY
    refusals = services.journal.refusals(client_id, tuple(today - DAY * back for back in range(DAYS)))
    last: Refusal | None = max(refusals, key=lambda one: one.last_at, default=None)
    return LastRefusal(error=last.error, reason=last.reason, at=last.last_at) if last else None


def _write(described: DocumentedClient) -> dict[str, Any]:
    document = described.model_dump(mode="json")
    return {name: value for name, value in document.items() if value not in (None, "", [])}


OPERATIONS = (
    Operation(
        "GET /admin/client-documents",
        "List the clients that come of metadata documents",
        READ,
        list_documents,
        answer=DocumentedClient,
        is_list=True,
    ),
    Operation(
        "GET /admin/client-documents/{client_id}",
        "See such a client, and what became of its requests",
        READ,
        get_document,
        answer=DocumentedClient,
    ),
    Operation(
        "PATCH /admin/client-documents/{client_id}",
        "Block the identifier of such a client, or let it in again",
        WRITE,
        change_document,
        body=DocumentedClientChange,
        answer=DocumentedClient,
    ),
)
