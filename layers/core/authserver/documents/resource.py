"""Resources, as the admin API and the seed file read and write them."""

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from authserver import resources
from authserver.documents import Document
from authserver.documents.scope import ScopeName
from authserver.values import is_resource_indicator

ResourceId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
Route = Annotated[str, StringConstraints(pattern=r"^([A-Z]{1,16} /[\x21-\x7e]{0,512}|\$default)$")]
ScopesOfRoute = Annotated[
    str, StringConstraints(pattern=r"^([\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*)?$", max_length=512)
]


def _indicator(text: str) -> str:
    if not is_resource_indicator(text):
        raise ValueError("must be an absolute URI without a fragment")
    return text


class NewResource(Document):
    """The resource that the path names."""

    identifier: Annotated[str, AfterValidator(_indicator)] = Field(
        description="The address of the API, by which tokens are asked for (RFC 8707)"
    )
    name: Annotated[str, StringConstraints(max_length=100, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")] = Field(
        default="", description="What people may be told (RFC 9728 section 2)"
    )
    scopes: list[ScopeName] = Field(default=[], max_length=200, description="The scopes that it knows")
    routes: dict[Route, ScopesOfRoute] = Field(
        default={},
        max_length=1000,
        description=(
            "What the authorizer asks for, by METHOD /path: scopes separated by spaces. ANY is every method that has no"
            " entry of that path, a path with /... at its end stands for itself and every route beneath it, and"
            " $default for every other route. Without any, the parameter RouteScopes says it"
        ),
    )
    token_profile: Literal["rfc9068", "placeos"] = Field(
        default="rfc9068",
        description=(
            "Shape of the JWT access tokens for this resource alone. placeos: aud is the host of the identifier and"
            " scope an array, as the services of PlaceOS decode them"
        ),
    )

    @model_validator(mode="after")
    def _has_a_host(self) -> Self:
        if self.token_profile == resources.PLACEOS and not urlsplit(self.identifier).netloc:
            raise ValueError("token_profile: placeos needs an identifier with a host, which is the aud of its tokens")
        return self


class Resource(NewResource):
    """An API that takes access tokens of this server."""

    id: ResourceId

    @classmethod
    def of(cls, resource: resources.Resource) -> Self:
        return cls.told(
            id=resource.id,
            identifier=resource.identifier,
            name=resource.name,
            scopes=list(resource.scopes),
            routes=dict(resource.routes),
            token_profile=resource.token_profile,
        )


class Resources(Document):
    """All that are stored."""

    items: tuple[Resource, ...]


class ResourcePath(Document):
    """What a resource's path must be."""

    resource_id: ResourceId
