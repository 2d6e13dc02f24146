"""What was granted to clients, as the APIs tell it. Times are epoch seconds."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints

from authserver.documents import Document
from authserver.models.tokens import Authorization as StoredAuthorization
from authserver.scopes import ScopeDefinition

MAX_CHOSEN = 100  # companies by name, as at consent; who wants more takes all of them

Entity = Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9_.:-]{1,64}|\*)$")]


class Authorization(Document):
    """What a user granted a client, once."""

    id: str
    client_id: str
    sub: str
    scope: str
    resource: tuple[str, ...]
    organisation: str | None
    entities: tuple[str, ...]
    created_at: int
    last_used_at: int | None = Field(description="When its tokens were last issued; null before the code is redeemed")
    expires_at: int
    revoked_at: int | None
    stands: bool = Field(description="false once it was revoked, or anything that it depends on was ended since")

    @classmethod
    def of(cls, authorization: StoredAuthorization, *, stands: bool) -> Self:
        return cls.of_record(
            authorization,
            sub=authorization.subject,
            scope=str(authorization.scope),
            organisation=authorization.organisation or None,
            entities=tuple(sorted(authorization.entities)),
            last_used_at=authorization.rotated_at or None,
            stands=stands,
        )


class Permission(Document):
    """A scope, in the user's words."""

    scope: str
    description: str
    group: str
    sensitive: bool

    @classmethod
    def of(cls, definition: ScopeDefinition) -> Self:
        return cls.of_record(
            definition,
            scope=definition.name,
        )


class Grant(Document):
    """One time that a user let an application in."""

    id: str
    sub: str
    username: str
    permissions: tuple[Permission, ...]
    resource: tuple[str, ...]
    organisation: str | None
    entities: tuple[str, ...] = Field(description="The companies it reaches; * means every one, now and later")
    since: int
    last_used_at: int
    until: int


class Remembered(Document):
    """An answer that the user gave: an app that asks for no more gets it again without a page."""

    permissions: tuple[Permission, ...]
    resource: tuple[str, ...]
    since: int
    until: int


class ConnectedApplication(Document):
    """An application that members let in for an organisation."""

    client_id: str
    name: str
    logo_uri: str | None
    client_uri: str | None
    policy_uri: str | None
    tos_uri: str | None
    verification: Literal["verified", "test"]
    grants: tuple[Grant, ...] = Field(description="Those in this part of the list; another part may have more of it")


class Application(ConnectedApplication):
    """An application that a user let in, or allowed something before; what of that is in this part of the list."""

    grants: tuple[Grant, ...] = Field(description="Those in this part of the list; another part may have more of it")
    remembered: Remembered | None = Field(
        description="What it gets again without asking the user, if it is in this part"
    )


class OwnApplication(Application):
    """One application that a user let in, or allowed something before."""

    grants: tuple[Grant, ...] = Field(description="Those among the user's latest thousand, of all applications")
    remembered: Remembered | None = Field(description="What it gets again without asking the user, if anything")
    next: str | None = Field(description="Leads to earlier grants, where the user has more; null where not")


class Consent(Document):
    """What a user allowed a client, and is not asked again."""

    client_id: str
    client_name: str
    scope: str
    declined: str = Field(description="What the user left out, which is left out again")
    resource: tuple[str, ...]
    created_at: int
    expires_at: int
    stands: bool = Field(description="false once it is over, or anything that it depends on was ended since")


class Companies(Document):
    """The companies that an authorization reaches; ``*`` alone means every one, now and later."""

    entities: tuple[Entity, ...] = Field(min_length=1, max_length=MAX_CHOSEN)


class Approval(Document):
    """What a member asked an administrator to allow. Its identifier stands for what was asked, too."""

    id: str
    client_id: str
    client_name: str
    client_uri: str | None
    verification: Literal["verified", "test"]
    sub: str
    username: str
    permissions: tuple[Permission, ...]
    resource: tuple[str, ...]
    entities: tuple[str, ...]
    asked_at: int
    expires_at: int
    decision: Literal["allow", "deny"] | None
    decided_by: str | None
    decided_by_username: str | None
    decided_at: int | None
    stands: bool = Field(description="false once anything that it depends on was ended: the member has to ask again")


class Decision(Document):
    """An administrator's answer."""

    decision: Literal["allow", "deny"]


class Session(Document):
    """A browser that is signed in."""

    id: str
    since: int
    until: int
    device: str = Field(description="Browser and system as far as they say, or empty")
    source: str = Field(description="The network that it signed in from, or empty")


class Activity(Document):
    """Something that happened to the account."""

    id: str
    kind: str
    at: int
    device: str
    source: str
    about: str = Field(description="What it was about: an application's identifier, or how the user signed in")
