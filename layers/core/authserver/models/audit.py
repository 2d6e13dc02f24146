"""What the audit keeps of an act."""

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
    # Of years that begin in March, 400 of which are 146,097 days; the last day of such a year is the leap day.
    cycle, day = divmod(instant // 86_400 + 719_468, 146_097)
    year = (day - day // 1_460 + day // 36_524 - day // 146_096) // 365
    day -= 365 * year + year // 4 - year // 100
    month = (5 * day + 2) // 153
    date = day - (153 * month + 2) // 5 + 1
    return f"{400 * cycle + year + (month >= 10):04}-{month + 3 if month < 10 else month - 9:02}-{date:02}"
