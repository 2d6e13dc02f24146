"""API keys, as the APIs read and write them. Times are epoch seconds."""

from ipaddress import ip_network
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints

from authserver.documents import Document, Identifier, Text
from authserver.documents.authorization import MAX_CHOSEN, Entity
from authserver.documents.scope import ScopeName
from authserver.models.api_keys import CLIENT, ORGANISATION
from authserver.models.api_keys import ApiKey as StoredApiKey

MAX_NETWORKS = 20


def _network(text: str) -> str:
    try:
        return str(ip_network(text, strict=False))
    except ValueError:
        raise ValueError("must be an IP address or a network, such as 192.0.2.0/24") from None


Network = Annotated[str, StringConstraints(max_length=49), AfterValidator(_network)]
ResourceIndicator = Annotated[str, StringConstraints(min_length=1, max_length=2048)]


class NewApiKey(Document):
    """An API key to create, for the user who calls."""

    name: Annotated[Text, StringConstraints(max_length=100)] = Field(description="What it is for, in its owner's words")
    scope: tuple[ScopeName, ...] = Field(min_length=1, max_length=50, description="No more than its maker has")
    resource: tuple[ResourceIndicator, ...] = Field(
        default=(), max_length=10, description="The APIs that it is for. Left out: the default one"
    )
    networks: tuple[Network, ...] = Field(
        default=(),
        max_length=MAX_NETWORKS,
        description="Where it may be used from, such as 192.0.2.0/24. Left out: from everywhere",
    )
    expires_at: int | None = Field(default=None, description="Left out: as late as this deployment lets it")


class NewOrganisationApiKey(NewApiKey):
    """A key of an organisation to be."""

    entities: tuple[Entity, ...] = Field(
        min_length=1, max_length=MAX_CHOSEN, description="The companies it reaches; * alone means every one, also later"
    )


class NewApiKeyFor(NewApiKey):
    """A key to be of a user (`sub`), of a client (`client_id`), or of an organisation, which `sub` carries."""

    sub: Identifier | None = None
    client_id: Annotated[str, StringConstraints(min_length=1, max_length=1024)] | None = None
    organisation: Identifier | None = None
    entities: tuple[Entity, ...] = Field(default=(), max_length=MAX_CHOSEN, description="Of an organisation's key")


class ApiKey(Document):
    """An API key, of which the key itself was shown once."""

    id: str
    name: str
    owner: Literal["user", "client", "organisation"]
    sub: str | None = Field(description="Whose it is; of an organisation's, the administrator who carries it")
    client_id: str | None
    organisation: str | None
    scope: str
    entities: tuple[str, ...]
    resource: tuple[str, ...]
    networks: tuple[str, ...]
    created_at: int
    expires_at: int
    last_used_at: int | None = Field(description="Behind by an hour at most")
    stands: bool = Field(description="false once it has expired, or anything that it depends on was ended")

    @classmethod
    def of(cls, key: StoredApiKey, *, stands: bool) -> Self:
        return cls.of_record(
            key,
            owner="client" if key.owner == CLIENT else "organisation" if key.owner == ORGANISATION else "user",
            sub=key.subject or None,
            client_id=key.client_id or None,
            organisation=key.organisation or None,
            scope=str(key.scope),
            entities=tuple(sorted(key.entities)),
            last_used_at=key.used_at or None,
            stands=stands,
        )


class MadeApiKey(ApiKey):
    """A key that was just made, with the key itself, which is not told again."""

    api_key: str
