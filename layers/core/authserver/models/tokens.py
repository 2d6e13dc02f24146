"""Authorizations, the access tokens that are stored, and devices that wait for an authorization."""

from collections.abc import Mapping
from dataclasses import field
from typing import Any, TypedDict

from authserver.ends import Begun
from authserver.records import dataclass
from authserver.values import CodeChallenge, Scope


class AccessTokenClaims(TypedDict, total=False):
    """What this server itself says in a JWT access token (RFC 9068 section 2.2), beside the claims of the user."""

    iss: str
    sub: str
    aud: str | list[str]
    client_id: str
    scope: str | list[str]
    resource: str  # in the shape of PlaceOS, whose `aud` is another
    iat: int
    exp: int
    jti: str
    auth_time: int
    authorization_id: str
    org: str
    entities: list[str]
    entities_omitted: bool
    authorization_details: list[dict[str, Any]]
    epoch: int
    era: str
    claims_omitted: bool


class IdTokenClaims(TypedDict, total=False):
    """The same of an ID token (OpenID Connect Core section 2)."""

    iss: str
    sub: str
    aud: str
    iat: int
    exp: int
    auth_time: int
    nonce: str
    at_hash: str
    amr: list[str]
    acr: str
    sid: str


class IntrospectedClaims(AccessTokenClaims, total=False):
    """The same of an introspected access token (RFC 7662 section 2.2)."""

    active: bool
    token_type: str
    client_name: str
    subject_type: str
    subject_urn: str


# What no claim of a user is called: what tokens say by themselves, and what a reader would take for this server's word.
RESERVED_CLAIMS = frozenset(
    {
        *(*AccessTokenClaims.__annotations__, *IdTokenClaims.__annotations__, *IntrospectedClaims.__annotations__),
        *("nbf", "cnf", "act", "may_act", "azp", "c_hash", "s_hash", "epochs", "username", "sub_jwk", "events"),
    }
)

BY_PASSWORD, BY_CODE, BY_PASSKEY = "password", "code", "passkey"  # the credential that the user signed in with
# What that is called as `acr`: OpenID Connect EAP ACR Values 1.0 section 3; there is no name for what other ways are.
PHISHING_RESISTANT = "phr"
ACR_OF = {BY_PASSKEY: PHISHING_RESISTANT}


@dataclass(frozen=True, slots=True)
class Authorization:
    """Everything issued to one client for one subject hangs on this record; each verb is one conditional write on it.

    `id` is 16 random octets, 16 of the subject's hash and 16 of the organisation's, in base64url: from the id alone
    their ends can be found, in the same read. `entities` are the companies of the organisation that the client may
    reach, or `EVERY_ENTITY`; they can be changed without issuing new tokens. `generation` counts the refresh tokens
    made; 0 until the code is redeemed. `not_granted` is what the request asked for besides `scope`, and was ignored or
    left out by the user. `by` is what its user signed in by, and `sid` what its ID tokens call the session. Redeeming
    the code forgets the `nonce`, which is for the first ID token alone.
    `sessions` is the counter of the session that granted it: signing out everywhere ends a code that was not redeemed,
    and redeeming forgets it.
    """

    id: str
    client_id: str
    subject: str
    scope: Scope
    resource: tuple[str, ...]
    salt: bytes = field(repr=False)
    created_at: int
    expires_at: int
    auth_time: int
    code_hash: bytes = field(repr=False)
    code_expires_at: int
    redirect_uri: str | None = None  # as the request sent it; absent if the request left it out
    code_challenge: CodeChallenge | None = None
    nonce: str | None = None
    redeemed_by: str | None = None
    generation: int = 0
    rotated_at: int = 0
    rotated_by: str | None = None
    idle_expires_at: int = 0
    revoked_at: int | None = None
    revoked_access_tokens: frozenset[str] = frozenset()
    organisation: str = ""
    entities: frozenset[str] = frozenset()
    by_administrator: bool = False  # granted by the word of an administrator, who has to be one still
    details_requested: bool = False  # the client asked for authorization_details (RFC 9396)
    is_public: bool = False  # granted to a client without credentials: a bearer of its token speaks for it
    begun: Begun = Begun()
    sessions: int | None = None
    not_granted: Scope = Scope()
    by: str = ""
    sid: str = ""
    id_token_claims: frozenset[str] = frozenset()  # asked for by name (OpenID Connect Core section 5.5)

    @property
    def ends_at(self) -> int:
        """When it is over unless it is refreshed before; one without refresh tokens is never idle."""
        return min(self.expires_at, self.idle_expires_at) if self.generation else self.expires_at


@dataclass(frozen=True, slots=True)
class AccessTokenRecord:
    """An opaque access token. A JWT access token has no record; it carries all this itself.

    `begun` is set where there is no authorization, which else says it.
    """

    id: str
    secret_hash: bytes = field(repr=False)
    client_id: str
    subject: str
    scope: Scope
    audience: tuple[str, ...]
    issued_at: int
    expires_at: int
    authorization_id: str | None = None
    auth_time: int | None = None
    begun: Begun = Begun()
    is_revoked: bool = False
    claims: Mapping[str, Any] = field(default_factory=dict)  # of the user, as when it was issued


DENIED = "denied"  # the answer to a device whose code was refused; no authorization is called that


@dataclass(frozen=True, slots=True)
class DeviceRequest:
    """A device that waits until its user has decided in a browser: RFC 8628 section 3.2.

    `id` is half the SHA-256 of its user code, in base64url, so that the code leads here; of the secret of its device
    code the SHA-256 is kept. `parameters` and `resource` are what it asked for, `source` is the network that it did so
    from. `interval` is how many seconds it has to leave between two polls. `answer` is the identifier of the
    authorization that it was given, or `DENIED`, and the first one is final.
    """

    id: str
    secret_hash: bytes = field(repr=False)
    client_id: str
    parameters: Mapping[str, str]
    resource: tuple[str, ...]
    source: str
    created_at: int
    expires_at: int
    interval: int
    answer: str = ""
