"""Who did what, as the admin API tells it."""

from typing import Self

from pydantic import Field

from authserver.documents import Document
from authserver.models.audit import ActorKind, AuditEvent, Outcome


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
        return cls(
            id=event.id,
            time=event.created_at,
            act=event.act,
            outcome=event.outcome,
            actor=Actor(kind=event.actor_kind, id=event.actor, client=event.client or None),
            object=Object(kind=event.object_kind, id=event.object_id or None, organisation=event.organisation or None),
            fields=event.fields,
            source=event.source or None,
            request=event.request or None,
            reason=event.reason or None,
        )
