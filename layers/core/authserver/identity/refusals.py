"""The refusals of a client, stored for its developer by day and reason, without anything of the sender or of the
request.

A refusal costs one write, and a success none. Any caller can send requests in the name of a client, so a day has a
bound; beyond it an attempt costs a refused condition, and nothing grows. An unknown client costs the same write, on one
item for all of them, so that time does not reveal which clients exist.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from authserver.errors import (
    AuthorizationPending,
    OAuthError,
    ServerError,
    SlowDown,
    TemporarilyUnavailable,
    UnusableDocument,
)
from authserver.models.journal import Refusal

if TYPE_CHECKING:
    from authserver.services import Services

DAY = 86_400
KEPT = 14 * DAY
MOST_A_DAY = 1000
UNKNOWN = "client_unknown"
NOBODY = ""  # the client of all refusals of unknown clients
OF_NO_CLIENT = frozenset({"client_id_missing", "client_id_repeated"})


# A device's user has to decide yet (RFC 8628 section 3.5), or it is ours, or of a client that there is not.
NOT_THE_DEVELOPERS = (AuthorizationPending, ServerError, SlowDown, TemporarilyUnavailable, UnusableDocument)


class Noted:
    """Notes the error that comes out of this, as one of a client that there is.

    A class, since each request for a token enters two of them, and a generator's costs three times as much.
    """

    __slots__ = ("_client_id", "_reference", "_services")

    def __init__(self, client_id: str, reference: str, services: Services) -> None:
        self._client_id = client_id
        self._reference = reference
        self._services = services

    def __enter__(self) -> None: ...

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if not isinstance(error, OAuthError) or isinstance(error, NOT_THE_DEVELOPERS):
            return
        if error.reason not in OF_NO_CLIENT:
            client_id = NOBODY if error.reason == UNKNOWN else self._client_id
            _note(client_id, error, self._reference, self._services)


def _note(client_id: str, error: OAuthError, reference: str, services: Services) -> None:
    now = services.now()
    refusal = Refusal(now // DAY * DAY, error.error, error.reason, count=1, last_at=now, reference=reference)
    with suppress(TemporarilyUnavailable):
        services.journal.note_refusal(client_id, refusal, MOST_A_DAY, refusal.day + KEPT)
