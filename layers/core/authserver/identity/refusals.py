"""What a client is refused is kept for its developer, by day and reason: nothing of whoever sent it, and nothing sent.

It costs a write for each refusal and none for what succeeds. Anybody may name a client, so a day has a bound; beyond it
the attempt costs what a refused condition does, and nothing grows. A client that there is not costs the same write, on
one item for all of them, so that time does not tell which clients there are.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from authserver.errors import OAuthError, ServerError, TemporarilyUnavailable
from authserver.models.journal import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from authserver.services import Services

DAY = 86_400
KEPT = 14 * DAY
MOST_A_DAY = 1000
UNKNOWN = "client_unknown"
NOBODY = ""  # the client of all refusals of those that there are not
OF_NO_CLIENT = frozenset({"client_id_missing", "client_id_repeated"})


@contextmanager
def noted(client_id: str, reference: str, services: Services) -> Iterator[None]:
    """Notes the error that comes out of this, as one of a client that there is."""
    try:
        yield
    except (ServerError, TemporarilyUnavailable):
        raise  # ours, not the developer's
    except OAuthError as error:
        if error.reason not in OF_NO_CLIENT:
            _note(NOBODY if error.reason == UNKNOWN else client_id, error, reference, services)
        raise


def _note(client_id: str, error: OAuthError, reference: str, services: Services) -> None:
    now = services.now()
    refusal = Refusal(now // DAY * DAY, error.error, error.reason, count=1, last_at=now, reference=reference)
    with suppress(TemporarilyUnavailable):
        services.journal.note_refusal(client_id, refusal, MOST_A_DAY, refusal.day + KEPT)
