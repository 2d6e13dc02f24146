"""What the audit keeps of an act."""

import time
from typing import Literal

from authserver.records import dataclass

ActorKind = Literal["user", "client", "iam", "system"]
Outcome = Literal["done", "refused"]


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """Who did what: one administrative or security-relevant act.

    `id` is a UUIDv7 (RFC 9562 section 5.7), `created_at` and `expires_at` epoch seconds. `act` is a stable dotted name,
    such as ``client.secret.made``. `actor` and `object_id` are identifiers, never names or addresses; `client` is the
    application that the actor used. `fields` are the names of what was changed, never the values. `source` stands for
    the address that the request came from, `request` is API Gateway's identifier of it. `reason` says why an act was
    refused, or why the server acted by itself.
    """

    id: str
    created_at: int
    expires_at: int
    act: str
    actor_kind: ActorKind
    actor: str
    object_kind: str
    object_id: str = ""
    client: str = ""
    organisation: str = ""
    fields: tuple[str, ...] = ()
    source: str = ""
    request: str = ""
    outcome: Outcome = "done"
    reason: str = ""


def day_of(instant: int) -> str:
    """The day of an instant in epoch seconds, in UTC, as ``YYYY-MM-DD``."""
    return time.strftime("%Y-%m-%d", time.gmtime(instant))
