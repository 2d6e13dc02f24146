"""The scope catalogue, as the admin API reads and writes it."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from authserver import scopes
from authserver.documents import Document, Text
from authserver.identity.claims import CLAIM, SCOPE_OF
from authserver.models.tokens import RESERVED_CLAIMS

type GrantableBy = Literal["anyone", "administrator", "operator"]

ScopeName = Annotated[str, StringConstraints(pattern=r"^[\x21\x23-\x5b\x5d-\x7e]{1,128}$")]

Attribute = Annotated[str, StringConstraints(pattern=r"^([a-z][a-z0-9_]{0,63}|organisation\.(role|groups))$")]


class Claim(Document):
    """A claim that a scope tells: the user's attribute that it comes from, its type, and where it goes."""

    name: Annotated[str, StringConstraints(pattern=rf"^{CLAIM}$")]
    attribute: Attribute = Field(
        description="An attribute of the user; or organisation.role or organisation.groups, those in the organisation"
        " that the token is for"
    )
    type: Literal["string", "integer", "boolean", "strings"] = "string"
    places: tuple[Literal["id_token", "userinfo", "access_token"], ...] = Field(
        default=("id_token", "userinfo"), min_length=1, max_length=3
    )

    @model_validator(mode="after")
    def _are_several(self) -> Self:
        if self.attribute == scopes.GROUPS and self.type != "strings":
            raise ValueError(f"{scopes.GROUPS} is of the type strings")
        return self

    @model_validator(mode="after")
    def _is_nobody_elses(self) -> Self:
        if self.name in RESERVED_CLAIMS:
            raise ValueError("this server says it of tokens by itself")
        if self.name in SCOPE_OF:
            raise ValueError(f"is a claim of OpenID Connect, which the scope {SCOPE_OF[self.name]} tells")
        return self

    @classmethod
    def of(cls, claim: scopes.ClaimDefinition) -> Self:
        return cls.told(name=claim.name, attribute=claim.attribute, type=claim.type, places=claim.places)

    def definition(self) -> scopes.ClaimDefinition:
        return scopes.ClaimDefinition(self.name, self.attribute, self.type, tuple(dict.fromkeys(self.places)))


class Scope(Document):
    """A scope: what it lets a client do, in the user's words."""

    name: str
    description: str
    implies: tuple[str, ...]
    sensitive: bool
    grantable_by: GrantableBy
    advertised: bool
    group: str
    claims: tuple[Claim, ...]
    api_keys: bool = Field(description="Whether API keys may have it")
    built_in: bool = Field(description="One of this server's own, which cannot be changed")

    @classmethod
    def of(cls, definition: scopes.ScopeDefinition) -> Self:
        return cls.told(
            name=definition.name,
            description=definition.description,
            implies=definition.implies,
            sensitive=definition.sensitive,
            grantable_by=definition.grantable_by,
            advertised=definition.advertised,
            group=definition.group,
            claims=tuple(map(Claim.of, definition.claims)),
            api_keys=definition.api_keys,
            built_in=definition.name in scopes.BUILT_IN,
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
    sensitive: bool = Field(default=False, description="Whether the consent page points the scope out")
    grantable_by: GrantableBy = Field(default="anyone", description="Who may grant it")
    advertised: bool = Field(default=True, description="Is named in the metadata")
    group: Annotated[str, StringConstraints(max_length=100, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")] = Field(
        default="", description="The heading under which people see it"
    )
    claims: tuple[Claim, ...] = Field(
        default=(), max_length=20, description="What it tells of the user beside the claims of OpenID Connect"
    )
    api_keys: bool = Field(default=False, description="Whether API keys may have it")


class ScopePath(Document):
    """What a scope's path must be."""

    scope: ScopeName
