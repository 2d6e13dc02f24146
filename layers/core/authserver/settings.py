"""The operator's settings. Every environment variable is named here, once; the template sets them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from authserver.records import dataclass, replace
from authserver.values import host_of, is_document_address

if TYPE_CHECKING:
    from collections.abc import Mapping

DAY = 86_400
ANY_HOST = "*"


def _is_deployed(environ: Mapping[str, str]) -> bool:
    """Whether this is a function in the cloud, where what listens on loopback is Lambda's own runtime API."""
    return "AWS_LAMBDA_RUNTIME_API" in environ and not environ.get("AWS_ENDPOINT_URL")


@dataclass(frozen=True, slots=True)
class Settings:
    """The deployment's settings; lifetimes in seconds. `docs/settings.md` explains each.

    `grant_types` are the modules of `authserver.grants`, whose own names are those of `services.Services.grants`.
    `issuer` and `resource` may be empty, when the addresses that API Gateway gave are to be used: see `at`.
    """

    issuer: str
    resource: str
    resources: tuple[str, ...]
    localhost_redirects: bool
    redirect_schemes: frozenset[str]  # private-use schemes without a dot that a redirect URI may have
    grant_types: tuple[str, ...]
    client_auth_methods: tuple[str, ...]
    client_secret_as_registered: bool  # in the header or in the body, as the client registered; else in either
    access_token_algorithm: str
    access_token_lifetime: int
    code_lifetime: int
    refresh_token_idle_lifetime: int
    refresh_token_lifetime: int
    refresh_token_grace: int
    refresh_tokens: str  # who gets one, of those that may: `Always`, or with the scope offline_access alone
    expired_refresh_token_ends: bool  # all that was granted, once it is presented
    session_lifetime: int
    consent_lifetime: int
    key_rotation_days: int
    api_keys: bool  # whether there are any
    api_key_lifetime: int  # at most
    imported_password_hashes: tuple[str, ...]
    clients_table: str
    users_table: str
    tokens_table: str
    keys_table: str
    configuration_table: str
    audit_table: str
    audit_days: int  # for which the audit keeps an event
    audit_bucket: str  # of the function that seals; empty: there is no archive
    audits_addresses: bool  # as they are; else keyed hashes of them
    kms_key: str
    route_scopes: Mapping[str, str]
    accepts_query_tokens: bool
    accepts_api_key_header: bool  # X-API-Key, and keys that may be used from some networks alone
    accepts_token_events: bool  # whether authorizers of type TOKEN are answered: their events have no path parameters
    organisation_parameter: str
    company_parameter: str
    urn_namespace: str
    introspection_urn: bool  # whether introspection tells the subject's URN, by a name of the namespace
    self_introspection_path: str  # where a token is asked of itself in Pleo's form; empty: nowhere
    loopback_upstreams: bool
    registration: str  # who may register a client by RFC 7591: `Off`, `InitialAccessToken` or `Open`
    registrations_per_hour: int  # where it is `Open`: from one address
    registrations_per_day: int  # and in all
    client_documents: tuple[str, ...]  # the hosts whose metadata documents make clients, or ANY_HOST; none: off
    documents_function: str
    token_hook: str  # the token hook; empty if there is none
    continues_without_hook: bool  # whether what that function failed to answer is issued all the same
    webhook_queue: str  # the queue of what is on its way to webhooks; empty: there are none
    mail_from: str  # the sender of mails; empty if none are sent
    mail_function: str
    erase_function: str
    email_sign_in: bool  # whether a confirmed e-mail address works wherever a username does
    deletes_accounts: bool  # whether people may delete their own account
    endpoint_aliases: tuple[str, ...]  # the presets of `aliases.ALIASES` whose paths are answered
    continue_origins: tuple[str, ...]  # the sites, besides this one, to whose pages a `continue` may lead
    refresh_token_bridge: str  # the function that knows the refresh tokens of another system; empty: there is none
    refresh_token_bridge_until: str  # the day, as YYYY-MM-DD, that begins (UTC) without it
    aws_client: str  # what calls DynamoDB and KMS: `lean` or `boto3`
    traces: bool  # whether X-Ray is told of each of these calls

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Settings from environment variables.

        Raises:
            KeyError: a variable without a default is missing.
            ValueError: a number is none.
        """
        return cls(
            issuer=environ.get("ISSUER", ""),
            resource="",
            resources=tuple(environ.get("RESOURCES", "").split()),
            localhost_redirects=environ.get("LOCALHOST_REDIRECTS", "false") == "true",
            redirect_schemes=frozenset(environ.get("REDIRECT_SCHEMES", "").split()),
            grant_types=tuple(environ["GRANT_TYPES"].split()),
            client_auth_methods=tuple(environ["CLIENT_AUTH_METHODS"].split()),
            client_secret_as_registered=environ.get("CLIENT_SECRET_IN") == "AsRegistered",
            access_token_algorithm=environ["ACCESS_TOKEN_ALGORITHM"],
            access_token_lifetime=int(environ["ACCESS_TOKEN_LIFETIME"]),
            code_lifetime=int(environ["CODE_LIFETIME"]),
            refresh_token_idle_lifetime=int(environ["REFRESH_TOKEN_IDLE_LIFETIME"]),
            refresh_token_lifetime=int(environ["REFRESH_TOKEN_LIFETIME"]),
            refresh_token_grace=int(environ["REFRESH_TOKEN_GRACE"]),
            refresh_tokens=environ.get("REFRESH_TOKENS", "Always"),
            expired_refresh_token_ends=environ.get("EXPIRED_REFRESH_TOKEN") == "EndsAuthorization",
            session_lifetime=int(environ["SESSION_LIFETIME"]),
            consent_lifetime=int(environ["CONSENT_LIFETIME"]),
            key_rotation_days=int(environ["KEY_ROTATION_DAYS"]),
            api_keys=environ.get("API_KEYS") == "On",
            api_key_lifetime=int(environ.get("API_KEY_DAYS", "365")) * DAY,
            imported_password_hashes=tuple(environ.get("IMPORTED_PASSWORD_HASHES", "").split()),
            clients_table=environ["CLIENTS_TABLE"],
            users_table=environ["USERS_TABLE"],
            tokens_table=environ["TOKENS_TABLE"],
            keys_table=environ["KEYS_TABLE"],
            configuration_table=environ["CONFIGURATION_TABLE"],
            audit_table=environ.get("AUDIT_TABLE", ""),
            audit_days=int(environ.get("AUDIT_DAYS", "400")),
            audit_bucket=environ.get("AUDIT_BUCKET", ""),
            audits_addresses=environ.get("AUDIT_SOURCES") == "Addresses",
            kms_key=environ["KMS_KEY"],
            route_scopes=_parse_route_scopes(environ.get("ROUTE_SCOPES", "")),
            accepts_query_tokens=environ.get("BEARER_TOKEN_IN", "").endswith("OrQuery"),
            accepts_api_key_header=environ.get("BEARER_TOKEN_IN", "").startswith("HeaderOrApiKey")
            and environ.get("API_KEYS") == "On",
            accepts_token_events=environ.get("TOKEN_AUTHORIZERS") == "NoTenants",
            organisation_parameter=environ.get("ORGANISATION_PARAMETER", "organisation_id"),
            company_parameter=environ.get("COMPANY_PARAMETER", "company_id"),
            urn_namespace=environ.get("URN_NAMESPACE", "authserver"),
            introspection_urn=environ.get("INTROSPECTION_URN") == "true",
            self_introspection_path=environ.get("SELF_INTROSPECTION_PATH", ""),
            loopback_upstreams=environ.get("LOOPBACK_UPSTREAMS") == "true" and not _is_deployed(environ),
            registration=environ.get("REGISTRATION", "Off"),
            registrations_per_hour=int(environ.get("REGISTRATIONS_PER_HOUR", "20")),
            registrations_per_day=int(environ.get("REGISTRATIONS_PER_DAY", "2000")),
            client_documents=_parse_hosts(environ.get("CLIENT_DOCUMENTS", "Off")),
            documents_function=environ.get("DOCUMENTS_FUNCTION", ""),
            token_hook=environ.get("TOKEN_HOOK", ""),
            continues_without_hook=environ.get("TOKEN_HOOK_ON_FAILURE") == "Continue",
            webhook_queue=environ.get("WEBHOOK_QUEUE", ""),
            mail_from=environ.get("MAIL_FROM", ""),
            mail_function=environ.get("MAIL_FUNCTION", ""),
            erase_function=environ.get("ERASE_FUNCTION", ""),
            email_sign_in=environ.get("EMAIL_SIGN_IN", "true") == "true",
            deletes_accounts=environ.get("ACCOUNT_DELETION") == "Allowed",
            endpoint_aliases=tuple(filter(None, environ.get("ENDPOINT_ALIASES", "").split(","))),
            continue_origins=tuple(environ.get("CONTINUE_ORIGINS", "").split()),
            refresh_token_bridge=environ.get("REFRESH_TOKEN_BRIDGE", ""),
            refresh_token_bridge_until=environ.get("REFRESH_TOKEN_BRIDGE_UNTIL", ""),
            aws_client=environ.get("AWS_CLIENT", "lean"),
            traces=environ.get("TRACING") == "Active",
        )

    def at(self, origin: str, resource: str) -> Self:
        """These settings where API Gateway says the deployment is, unless the operator said otherwise.

        `origin` is the AuthorizationApi's own address, from the request context there and from a stage variable of the
        ResourceApi; `resource` is the ResourceApi's, from a stage variable. Neither can be set by a client.
        """
        return replace(self, issuer=self.issuer or origin, resource=self.resource or resource or self.issuer or origin)

    def admits_document(self, client_id: str) -> bool:
        """Whether this is the identifier of a client whose metadata document is its registration here."""
        if not self.client_documents or not is_document_address(client_id, loopback=self.loopback_upstreams):
            return False
        return self.admits_host(client_id)

    def admits_host(self, address: str) -> bool:
        """Whether documents are taken from the host of this address."""
        return self.client_documents == (ANY_HOST,) or host_of(address) in self.client_documents

    @property
    def known_resources(self) -> tuple[str, ...]:
        """The resource indicators that tokens are issued for; the first is the default (RFC 8707 section 2)."""
        return (self.resource, *self.resources)

    @property
    def longest_token_lifetime(self) -> int:
        """No access token, nor id_token, of this deployment lives longer; clients' own lifetimes are capped to it."""
        return max(self.access_token_lifetime, 14 * DAY)


def _parse_hosts(text: str) -> tuple[str, ...]:
    """``Off``, ``On``, or host names."""
    return {"Off": (), "On": (ANY_HOST,)}.get(text) or tuple(text.lower().split()) * (text != "Off")


def _parse_route_scopes(text: str) -> dict[str, str]:
    """``GET /items=read, POST /items=write`` as a mapping from route to space-separated scope.

    ``/items=read|write`` is short for ``GET /items=read, ANY /items=write``.
    """
    routes: dict[str, str] = {}
    for entry in filter(None, map(str.strip, text.split(","))):
        route, equals, scope = entry.partition("=")
        read, either, write = scope.partition("|")
        if not (route and equals) or route.startswith("/") != bool(either):
            raise ValueError("ROUTE_SCOPES: each entry is METHOD /path=scope or /path=read|write")
        if either:
            routes |= {f"GET {route}": read, f"ANY {route}": write}
        else:
            routes[route.strip()] = scope.strip()
    return routes
