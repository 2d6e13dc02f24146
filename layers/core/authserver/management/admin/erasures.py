"""What is left of users and organisations that were deleted, for operators: /admin/erasures."""

from authserver.documents import erasure as documents
from authserver.management import Answer, Call, Operation, page_of
from authserver.services import Services
from authserver.storage.lists import Page


def list_erasures(call: Call, services: Services) -> Answer:
    """All that was deleted and is not erased yet, or was in the last 30 days; the oldest first."""
    page = services.erasures.list(limit=call.limit, cursor=call.cursor)
    now = services.now()
    kept = tuple(one for one in page.items if one.expires_at is None or one.expires_at > now)
    return page_of(Page(kept, page.next), lambda one: documents.Erasure.of(one).model_dump(mode="json"))


OPERATIONS = (
    Operation(
        "GET /admin/erasures",
        "List what is left of users and organisations that were deleted",
        "admin:users.read",
        list_erasures,
        answer=documents.Erasure,
        is_list=True,
    ),
)
