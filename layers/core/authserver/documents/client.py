"""Client metadata (RFC 7591 section 2, OpenID Connect Dynamic Client Registration section 2 and RP-Initiated Logout
section 3.1), and who may say what.

What a field may hold by itself the model says; what fields mean together, and to this deployment, `objections` says.
Both hold for every caller that registers a client: operators, partners, clients themselves and the seed file.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints

from authserver.documents import Document, WebPage, printable
from authserver.models.clients import DEVICE_CODE, PRIVATE_KEY_JWT, Client
from authserver.records import dataclass
from authserver.scopes import OF_OUR_APIS, OPERATOR, ScopeCatalogue
from authserver.services import Services
from authserver.theme import is_logo
from authserver.values import RedirectUri, Scope, is_on_loopback, is_resource_indicator, is_web_page

MAX_URIS = 20
MAX_CONTACTS = 10
MAX_NAME = 200
MAX_SCOPE = 4096
# Grants that only an operator gives to a client: one needs no user, so that every client that may register could call
# the APIs of this deployment (RFC 6749 section 4.4); RFC 9700 sections 2.1.2 and 2.4 advise against the others.
OPERATORS_GRANTS = ("client_credentials", "implicit", "password")
# No user consents under these grants: the client's registered scope is the whole permission, so only an operator may
# extend it.
GRANTS_WITHOUT_CONSENT = ("client_credentials", "password")

type Objection = tuple[str, str]  # the field, and what is wrong with it


def _redirect_uri(text: str) -> str:
    """Whether this deployment knows its scheme, `objections` says."""
    return RedirectUri.parse(text, schemes=None).text


def _scope(text: str) -> str:
    return str(Scope.parse(text))


def _resource(text: str) -> str:
    if not is_resource_indicator(text):
        raise ValueError("must be an absolute URI without a fragment")
    return text


def _logo(text: str) -> str:
    if not is_web_page(text) and not is_logo(text):
        raise ValueError("must be an https URL, or a png, webp, gif or jpeg of at most 6 KB as a data: URL")
    return text


def _key_set(document: dict[str, Any]) -> dict[str, Any]:
    from authserver.tokens.foreign import key_set_of  # which brings the JOSE library

    return {"keys": key_set_of(document)}


def _key_set_uri(text: str) -> str:
    if not is_web_page(text) and not is_on_loopback(text):
        raise ValueError("must be an https URL")
    return text


Line = Annotated[str, StringConstraints(max_length=MAX_NAME, strip_whitespace=True), AfterValidator(printable)]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]{1,100}$")]
Scopes = Annotated[str, StringConstraints(max_length=MAX_SCOPE), AfterValidator(_scope)]
Logo = Annotated[str, StringConstraints(max_length=10_000), AfterValidator(_logo)]
Mailbox = Annotated[str, StringConstraints(max_length=254, pattern=r"^[^\s@<>]{1,64}@[^\s@<>]+$")]


class ClientMetadata(Document):
    """What a client is registered with. What is left out has RFC 7591's default, or this deployment's."""

    client_name: Line = ""
    redirect_uris: list[Annotated[str, AfterValidator(_redirect_uri)]] = Field(default=[], max_length=MAX_URIS)
    post_logout_redirect_uris: list[Annotated[str, AfterValidator(_redirect_uri)]] = Field(
        default=[], max_length=MAX_URIS
    )
    grant_types: list[Name] = Field(default=["authorization_code"], max_length=MAX_URIS)
    response_types: list[Annotated[str, StringConstraints(max_length=100)]] | None = Field(default=None, max_length=9)
    token_endpoint_auth_method: Name = "client_secret_basic"
    token_endpoint_auth_signing_alg: Literal["", "ES256", "PS256", "RS256", "EdDSA", "Ed25519"] = ""
    jwks: Annotated[dict[str, Any], AfterValidator(_key_set)] | None = None
    jwks_uri: Annotated[str, StringConstraints(max_length=2048), AfterValidator(_key_set_uri)] = ""
    scope: Scopes = ""
    default_scope: Scopes = ""
    optional_scope: Scopes = ""
    id_token_signed_response_alg: Literal["RS256", "ES256"] = "RS256"
    id_token_claims: bool | None = Field(
        default=None, description="ID tokens tell what the scope tells of the user; else true for confidential clients"
    )
    token_hook: bool | None = Field(
        default=None, description="The token hook is asked about what is issued to it; else true. An operator's to say"
    )
    access_token_format: Literal["jwt", "opaque"] = "jwt"
    access_token_lifetime: int | None = Field(default=None, ge=1)
    refresh_token_lifetime: int | None = Field(default=None, ge=1)
    require_pkce: bool = True
    parameters_in_query: bool = Field(
        default=False, description="Its token requests have parameters in their address, at the paths of PlaceOS"
    )
    default_max_age: int | None = Field(default=None, ge=0, le=2**31)
    resources: list[Annotated[str, AfterValidator(_resource)]] = Field(default=[], max_length=MAX_URIS)
    client_uri: WebPage = ""
    logo_uri: Logo = ""
    policy_uri: WebPage = ""
    tos_uri: WebPage = ""
    contacts: list[Mailbox] = Field(default=[], max_length=MAX_CONTACTS)
    initiate_login_uri: WebPage = ""
    settings_uri: WebPage = ""
    software_id: Line = ""
    software_version: Line = ""
    preferred_subject_type: Literal["user", "organisation", "company"] = "user"
    # Metadata that other servers know and that changes nothing here.
    application_type: Literal["web", "native"] = "web"
    subject_type: Literal["public"] = "public"

    @property
    def effective_response_types(self) -> list[str]:
        """Those that were given, or the one of the authorization code grant (RFC 7591 section 2)."""
        if self.response_types is not None:
            return self.response_types
        return ["code"] if "authorization_code" in self.grant_types else []

    def applied_to(self, client: Client) -> Client:
        """The client with this metadata in place of its own."""
        values = {name: getattr(self, name) for name in FIELDS}
        tuples = {name: tuple(values[name]) for name in ("grant_types", "resources", "contacts")}
        return replace(
            client,
            **{
                **values,
                **tuples,
                "client_name": self.client_name or client.client_id,
                **{name: tuple(map(RedirectUri, getattr(self, name))) for name in REDIRECTS},
                "response_types": tuple(self.effective_response_types),
                "jwks": json.dumps(self.jwks, separators=(",", ":")) if self.jwks else "",
                "scope": Scope.parse(self.scope),
                "default_scope": Scope.parse(self.default_scope),
                "optional_scope": Scope.parse(self.optional_scope),
            },
        )


REDIRECTS = ("redirect_uris", "post_logout_redirect_uris")
# The fields that are stored: each is a field of `Client` as well.
FIELDS = tuple(name for name in ClientMetadata.model_fields if name not in ("application_type", "subject_type"))


def metadata_of(client: Client) -> dict[str, Any]:
    """The client's metadata as a document; what is not set is left out."""
    values: dict[str, Any] = {name: getattr(client, name) for name in FIELDS}
    for name in REDIRECTS:
        values[name] = [uri.text for uri in values[name]]
    for name in ("scope", "default_scope", "optional_scope"):
        values[name] = str(values[name])
    values["jwks"] = json.loads(client.jwks) if client.jwks else None
    for name in ("grant_types", "response_types", "resources", "contacts"):
        values[name] = list(values[name])
    values["parameters_in_query"] = client.parameters_in_query or None  # few have heard of it
    needed = ("grant_types", "response_types", "scope")
    return {name: value for name, value in values.items() if name in needed or value not in (None, "", [])}


@dataclass(frozen=True, slots=True)
class Terms:
    """What this deployment lets a client be. Lifetimes are the longest; `catalogue` None knows every scope, and
    `redirect_schemes` None every scheme.

    `response_types` maps each to its grant. `is_operator`: an operator registers, and may give what only operators
    may; what an operator has given before (`held`) a client may keep, and a scope that was removed since.
    """

    grant_types: tuple[str, ...]
    response_types: Mapping[str, str]
    auth_methods: tuple[str, ...]
    redirect_schemes: Collection[str] | None
    catalogue: ScopeCatalogue | None
    access_token_lifetime: int
    refresh_token_lifetime: int
    is_operator: bool = False
    held: Client | None = None
    loopback: bool = False  # whether we fetch from this machine as well, in development

    @classmethod
    def for_operators(cls, services: Services, held: Client | None = None) -> "Terms":
        """Whatever this deployment can do."""
        settings = services.settings
        return cls(
            tuple(services.grants),
            {name: grant.GRANT_TYPE for name, grant in services.response_types.items()},
            settings.client_auth_methods,
            settings.redirect_schemes,
            services.scopes(),
            settings.longest_token_lifetime,
            settings.refresh_token_lifetime,
            is_operator=True,
            held=held,
            loopback=settings.loopback_upstreams,
        )

    @classmethod
    def for_anybody(cls, services: Services, held: Client | None = None) -> "Terms":
        """No scope of an operator's or of our own APIs, only grants with a user, the deployment's lifetimes, no API."""
        terms = cls.for_operators(services, held)
        given = held.grant_types if held else ()
        return replace(
            terms,
            grant_types=tuple(grant for grant in terms.grant_types if grant not in OPERATORS_GRANTS or grant in given),
            access_token_lifetime=services.settings.access_token_lifetime,
            is_operator=False,
        )

    @property
    def held_scope(self) -> Scope:
        """What the client may ask for already."""
        return self.held.scope if self.held else Scope()

    @property
    def held_hook(self) -> bool | None:
        """Whether the token hook is asked about the client, as an operator has set; None if none has."""
        return self.held.token_hook if self.held else None

    def has(self, field: str, value: object) -> bool:
        """Whether the client has this already."""
        return self.held is not None and getattr(self.held, field) == value


# Everything that this version can do, for code that checks a document before it is sent: what a deployment has turned
# off, it refuses when it is asked for it.
OF_ANY_DEPLOYMENT = Terms(
    grant_types=("authorization_code", "refresh_token", "client_credentials", "implicit", "password", DEVICE_CODE),
    response_types={
        "code": "authorization_code",
        "token": "implicit",
        "id_token": "implicit",
        "id_token token": "implicit",
    },
    auth_methods=("client_secret_basic", "client_secret_post", "private_key_jwt", "none"),
    redirect_schemes=None,
    catalogue=None,
    access_token_lifetime=14 * 86_400,
    refresh_token_lifetime=730 * 86_400,
    is_operator=True,
)


def objections(metadata: ClientMetadata, terms: Terms) -> Iterator[Objection]:
    """Everything that speaks against this metadata, field by field."""
    yield from _grants_are_enabled(metadata, terms)
    yield from _responses_fit_the_grants(metadata, terms)
    yield from _redirects_are_there(metadata, terms)
    yield from _public_clients_keep_no_secret(metadata)
    yield from _keys_are_in_one_place(metadata, terms)
    yield from _scopes_are_allowed(metadata, terms)
    yield from _lifetimes_are_within(metadata, terms)
    if not terms.is_operator:
        yield from _nothing_of_an_operators(metadata, terms)


def _grants_are_enabled(metadata: ClientMetadata, terms: Terms) -> Iterator[Objection]:
    if not metadata.grant_types:
        yield "grant_types", "must not be empty"
    for position, grant in enumerate(metadata.grant_types):
        if grant not in terms.grant_types:
            yield f"grant_types.{position}", f"must be one of {', '.join(terms.grant_types)}"
    if metadata.grant_types == ["refresh_token"]:
        yield "grant_types", "refresh_token needs another grant that gives refresh tokens"
    if metadata.token_endpoint_auth_method not in terms.auth_methods:
        yield "token_endpoint_auth_method", f"must be one of {', '.join(terms.auth_methods)}"


def _responses_fit_the_grants(metadata: ClientMetadata, terms: Terms) -> Iterator[Objection]:
    """RFC 7591 section 2.1."""
    given = [" ".join(sorted(response_type.split(" "))) for response_type in metadata.effective_response_types]
    for position, response_type in enumerate(given):
        if terms.response_types.get(response_type) not in metadata.grant_types:
            yield f"response_types.{position}", "belongs to none of grant_types"
    for grant in metadata.grant_types:
        needed = [name for name, owner in terms.response_types.items() if owner == grant]
        if needed and not {*needed} & {*given}:
            yield "response_types", f"must have one of {', '.join(needed)} for grant_types {grant}"


def _redirects_are_there(metadata: ClientMetadata, terms: Terms) -> Iterator[Objection]:
    """RFC 7591 section 2: clients of a flow with redirection must register their redirect URIs."""
    if metadata.effective_response_types and not metadata.redirect_uris:
        yield "redirect_uris", "must not be empty for these grant_types"
    for name in REDIRECTS:
        uris = getattr(metadata, name)
        if len({*uris}) < len(uris):
            yield name, "must not contain one twice"
        for position, uri in enumerate(uris):
            try:
                RedirectUri.parse(uri, terms.redirect_schemes)
            except ValueError as error:
                yield f"{name}.{position}", str(error)


def _public_clients_keep_no_secret(metadata: ClientMetadata) -> Iterator[Objection]:
    if metadata.token_endpoint_auth_method == "none" and "client_credentials" in metadata.grant_types:
        yield "grant_types", "client_credentials needs a confidential client (RFC 6749 section 4.4)"


def _keys_are_in_one_place(metadata: ClientMetadata, terms: Terms) -> Iterator[Objection]:
    """RFC 7591 section 2."""
    if metadata.jwks and metadata.jwks_uri:
        yield "jwks", "must not be given together with jwks_uri"
    if metadata.token_endpoint_auth_method == PRIVATE_KEY_JWT and not (metadata.jwks or metadata.jwks_uri):
        yield "jwks", f"or jwks_uri is needed for token_endpoint_auth_method {PRIVATE_KEY_JWT}"
    if is_on_loopback(metadata.jwks_uri) and not terms.loopback:
        yield "jwks_uri", "must be an https URL"


def _scopes_are_allowed(metadata: ClientMetadata, terms: Terms) -> Iterator[Objection]:
    for name in ("default_scope", "optional_scope"):
        if not Scope.parse(getattr(metadata, name)) <= Scope.parse(metadata.scope):
            yield name, f"{name} must be within scope"
    if "openid" in Scope.parse(metadata.optional_scope):
        yield "optional_scope", "must not have openid, which says what kind of request it is"
    if terms.catalogue is None:
        return
    for name in Scope.parse(metadata.scope):
        if terms.catalogue.get(name) is None and name not in terms.held_scope:
            yield "scope", "has a scope that this server does not know"
        elif not terms.is_operator and name not in terms.held_scope and is_an_operators(name, terms.catalogue):
            yield "scope", "has a scope that only an operator gives to a client"


def is_an_operators(name: str, catalogue: ScopeCatalogue) -> bool:
    """Whether a scope needs an operator's word or opens an API of this server's own, by itself or by what it implies.

    Any user can consent to `account`; but an app that has it is as mighty as the user before it.
    """
    scope = catalogue.expand(Scope((name,)))
    return bool(scope & OF_OUR_APIS) or OPERATOR in catalogue.grantable_by(scope)


def _lifetimes_are_within(metadata: ClientMetadata, terms: Terms) -> Iterator[Objection]:
    for name in ("access_token_lifetime", "refresh_token_lifetime"):
        given, longest = getattr(metadata, name), getattr(terms, name)
        if given is not None and given > longest and not terms.has(name, given):
            yield name, f"must be at most {longest}"


def _nothing_of_an_operators(metadata: ClientMetadata, terms: Terms) -> Iterator[Objection]:
    without_consent = {*GRANTS_WITHOUT_CONSENT} & {*metadata.grant_types} & {*terms.grant_types}
    if without_consent and not Scope.parse(metadata.scope) <= terms.held_scope:
        yield "scope", "can only be extended by an operator while grant_types has a grant without consent"
    if metadata.resources and not terms.has("resources", tuple(metadata.resources)):
        yield "resources", "may be set by an operator alone"
    if metadata.token_hook != terms.held_hook:
        yield "token_hook", "may be set by an operator alone"
    if not metadata.require_pkce and not terms.has("require_pkce", False):
        yield "require_pkce", "may be turned off by an operator alone"
    if metadata.parameters_in_query and not terms.has("parameters_in_query", True):
        yield "parameters_in_query", "may be turned on by an operator alone"
