"""Identity providers, as the seed file and the admin API read them."""

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from authserver.documents import Document, Identifier, Status, Text, status_of
from authserver.identity.claims import ATTRIBUTE, MAX_ATTRIBUTES, OF_ACCOUNTS, SCOPE_OF
from authserver.identity.providers import domain_of
from authserver.models.configuration import ANY_DOMAIN, CALLBACK
from authserver.models.configuration import IdentityProvider as StoredIdentityProvider
from authserver.values import LOOPBACK_LITERALS, Scope

# In place of as many others, with a path in place of another, their provider, and the event in the audit: the hundred
# writes that one transaction of DynamoDB takes.
MAX_DOMAINS = 48

STRATEGY = "[A-Za-z0-9._~-]{1,64}"


def _ours(name: str) -> str:
    if name == "updated_at" or name in OF_ACCOUNTS:
        raise ValueError("belongs to the account here, and no provider can set it")
    return name


ProviderId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
Claim = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,128}$")]
type TrustsEmail = bool | Literal["*"]
OurClaim = Annotated[str, StringConstraints(pattern=f"^{ATTRIBUTE}$"), AfterValidator(_ours)]


def _issuer(text: str) -> str:
    """OpenID Connect Discovery section 3; http for development, where fetching decides."""
    parts = urlsplit(text)
    is_plain = text.isascii() and text.isprintable() and not set(" ?#@\\") & set(text)
    is_loopback = parts.scheme == "http" and parts.hostname in (*LOOPBACK_LITERALS, "localhost")
    if not is_plain or not parts.hostname or not (parts.scheme == "https" or is_loopback):
        raise ValueError("must be an https URL without query, fragment or user")
    return text


def _domain(text: str) -> str:
    normalised = domain_of(f"@{text}")
    if not normalised or "." not in normalised or len(normalised) > 253:
        raise ValueError("must be a domain, such as example.com")
    return normalised


def _path(text: str) -> str:
    """No step that browsers and proxies take away, so that the browser comes back to this path."""
    if {".", ".."} & {*text.split("/")}:
        raise ValueError("must not end in /. or /..")
    return text


def _scope(text: str) -> str:
    if "openid" not in Scope.parse(text):
        raise ValueError("must have openid in it")
    return text


class Provider(Document):
    """A provider but for its identifier. `client_secret` is in clear, and wrapped when stored."""

    name: Text
    issuer: Annotated[str, StringConstraints(max_length=512), AfterValidator(_issuer)]
    client_id: Annotated[str, StringConstraints(pattern=r"^[\x20-\x7e]{1,256}$")]
    client_secret: Annotated[str, StringConstraints(pattern=r"^[\x20-\x7e]{0,1024}$")] = Field(default="", repr=False)
    token_endpoint_auth_method: Literal["client_secret_basic", "client_secret_post", "none"] = "client_secret_basic"
    scope: Annotated[str, StringConstraints(max_length=512), AfterValidator(_scope)] = "openid profile email"
    claims: dict[OurClaim, Claim] = Field(
        default={},
        max_length=MAX_ATTRIBUTES,
        description="The provider's claim for one of OpenID Connect, or for an attribute of users",
    )
    domains: list[Annotated[str, AfterValidator(_domain)]] = Field(default=[], max_length=MAX_DOMAINS)
    organisation: Identifier | Literal[""] = ""
    sign_up: bool = False
    trusts_email: TrustsEmail = Field(default=False, description="true: for addresses in its domains; *: for every one")
    shown: bool = True
    callback_path: Annotated[
        str, StringConstraints(pattern=rf"^({CALLBACK}(/{STRATEGY}|\?id={STRATEGY})?)?$"), AfterValidator(_path)
    ] = Field(
        default="",
        description=(
            "Path of the redirect URI that the provider has from PlaceOS, where EndpointAliases contains placeos:"
            f" {CALLBACK}, with /<strategy> or ?id=<strategy> if that is part of it. Empty: this server's own"
        ),
    )
    status: Status = "active"

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        if self.token_endpoint_auth_method == "none" and self.client_secret:
            raise ValueError("token_endpoint_auth_method none means that there is no client_secret")
        if len(set(self.domains)) < len(self.domains):
            raise ValueError("domains: one is there twice")
        if self.trusts_email == ANY_DOMAIN and self.organisation:
            raise ValueError(
                "trusts_email: * is not for a provider of an organisation, whose administrators can change it"
            )
        own = sorted(self.claims.keys() - SCOPE_OF.keys())
        if own and self.organisation:
            raise ValueError(
                f"claims: {own[0]} is not for a provider of an organisation, whose administrators can change it"
            )
        return self


class NewIdentityProvider(Provider):
    """A provider to be; its identifier is in the address that it sends people back to."""

    id: ProviderId | None = None


class IdentityProvider(Provider):
    """A provider to be, or to take the place of what there is."""

    id: ProviderId

    def record(self, wrapped_secret: bytes, created_at: int) -> StoredIdentityProvider:
        """The provider as it is stored, with its secret as `identity.providers.wrap_secret` made it."""
        fields = self.model_dump(exclude={"client_secret", "scope", "domains"}, warnings=False)  # of what was kept
        return StoredIdentityProvider(
            **fields,
            client_secret=wrapped_secret,
            scope=Scope.parse(self.scope),
            domains=tuple(self.domains),
            created_at=created_at,
        )


class DescribedProvider(Document):
    """A provider in an answer: without its secret, but with whether it has one."""

    id: str
    name: str
    issuer: str
    client_id: str
    has_client_secret: bool
    token_endpoint_auth_method: str
    scope: str
    claims: dict[str, str]
    domains: tuple[str, ...]
    organisation: str
    sign_up: bool
    trusts_email: TrustsEmail
    shown: bool
    callback_path: str
    status: Status
    created_at: int

    @classmethod
    def of(cls, provider: StoredIdentityProvider) -> Self:
        return cls.of_record(
            provider,
            has_client_secret=bool(provider.client_secret),
            scope=str(provider.scope),
            claims=dict(provider.claims),
            status=status_of(provider.status),
        )


class DescribedProviders(Document):
    """Every provider."""

    items: tuple[DescribedProvider, ...]
