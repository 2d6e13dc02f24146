"""The scope catalogue, as the admin API reads and writes it."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints

from authserver import scopes
from authserver.documents import Document, Text

type GrantableBy = Literal["anyone", "administrator", "operator"]

ScopeName = Annotated[str, StringConstraints(pattern=r"^[\x21\x23-\x5b\x5d-\x7e]{1,128}$")]


class Scope(Document):
    """A scope: what it lets a client do, in the user's words."""

    name: str
    description: str
    implies: tuple[str, ...]
    sensitive: bool
    grantable_by: GrantableBy
    advertised: bool
    group: str
    built_in: bool = Field(description="One of this server's own, which cannot be changed")

    @classmethod
    def of(cls, definition: scopes.ScopeDefinition) -> Self:
        return cls.model_validate(
            {
                "name": definition.name,
                "description": definition.description,
                "implies": definition.implies,
                "sensitive": definition.sensitive,
                "grantable_by": definition.grantable_by,
                "advertised": definition.advertised,
                "group": definition.group,
                "built_in": definition.name in scopes.BUILT_IN,
            }
        )


class Scopes(Document):
    """The whole catalogue."""

    items: tuple[Scope, ...]


class NewScope(Document):
    """The definition of the scope that the path names."""

    description: Text
    implies: tuple[ScopeName, ...] | None = Field(
        default=None,
        max_length=100,
        description="The scopes it includes. Left out: its own .read and .write, where they are defined",
    )
    sensitive: bool = Field(default=False, description="Is pointed out to whoever is asked")
    grantable_by: GrantableBy = Field(default="anyone", description="Who may grant it")
    advertised: bool = Field(default=True, description="Is named in the metadata")
    group: Annotated[str, StringConstraints(max_length=100, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")] = Field(
        default="", description="The heading under which people see it"
    )


class ScopePath(Document):
    """What a scope's path must be."""

    scope: ScopeName
