"""Who did what, as the admin API tells it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from pydantic import Field

from authserver.documents import Document
from authserver.models.audit import ActorKind, AuditEvent, Outcome

if TYPE_CHECKING:
    from authserver.models.chain import Link


class Actor(Document):
    """Who acted."""

    kind: ActorKind = Field(
        description="`iam`: an operator who invoked the admin function by AWS permissions; `system`: on schedule"
    )
    id: str = Field(description="The identifier of the user or the client, or the ARN of the IAM principal")
    client: str | None = Field(description="The client that the actor used")


class Object(Document):
    """What it was done to."""

    kind: str
    id: str | None
    organisation: str | None = Field(description="The organisation that it is of, or that the actor acted for")


class Event(Document):
    """One administrative or security-relevant act."""

    id: str = Field(description="A UUIDv7: later events have greater identifiers")
    time: int = Field(description="When, in epoch seconds")
    expires_at: int = Field(description="Until when it is kept, in epoch seconds")
    act: str = Field(description="What was done: a dotted name that never changes")
    outcome: Outcome
    actor: Actor
    object: Object
    fields: tuple[str, ...] = Field(description="The names of what was set, never the values")
    source: str | None = Field(description="Stands for the address that the request came from: `AuditSources`")
    request: str | None = Field(description="API Gateway's identifier of the request, as in the logs")
    reason: str | None = Field(description="Why it was refused, or why the server acted by itself")

    @classmethod
    def of(cls, event: AuditEvent) -> Self:
        from authserver.models.chain import told  # of all calls, those that read the audit alone need it

        return cls.model_validate(told(event), strict=False)  # whose lists are no tuples


class SealedBatch(Document):
    """A link of the audit's chain, with the events that it seals and that are still there."""

    link: dict[str, Any] = Field(description="Its fields, as its digest is made of them: docs/operations/audit.md")
    events: tuple[Event, ...]

    @classmethod
    def of(cls, link: "Link", events: Mapping[str, AuditEvent]) -> Self:
        from authserver.models.chain import told_link

        return cls(link=told_link(link), events=tuple(map(Event.of, link.of(events))))


class ChainHead(Document):
    """The last link of a shard on a day."""

    shard: str
    day: str = Field(description="In UTC, as `YYYY-MM-DD`")
    number: int = Field(description="How many links the shard has of this day")
    digest: str = Field(description="Of the last of them")
    kept_until: int = Field(description="Until when all of them are kept, in epoch seconds")
    since: int = Field(description="When the shard's first link was made, in epoch seconds")
