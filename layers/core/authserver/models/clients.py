"""Clients, what they were refused, and who may register one."""

from dataclasses import field

from authserver.models import ACTIVE
from authserver.records import dataclass
from authserver.values import RedirectUri, Scope, host_of

LOGO_APART = "data:"  # the `logo_uri` of a client that was read without its logo, which is in the URI itself
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"  # the grant `device_code` (RFC 8628 section 3.4)
VERIFIED, TEST = "verified", "test"
OWNER_DELETED = "(deleted user)"  # the `owner` of a client whose owner was deleted; no subject has this identifier
PRIVATE_KEY_JWT = "private_key_jwt"
ASSERTION_ALGORITHMS = ("ES256", "PS256", "RS256", "EdDSA", "Ed25519")  # the last two are one (RFC 9864)


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """One of at most two live secrets of a client. Only its SHA-256 is stored, since it is 256 random bits.

    `encoded`, in place of that, is the password hash that another system had of the secret (`identity.hashes`).
    `used_at` is the time of the first use on the day of the last use, for the client's owner to read.
    """

    hash: bytes = field(repr=False)
    created_at: int
    expires_at: int | None = None
    encoded: str = field(default="", repr=False)
    used_at: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Client:
    """A registered client: RFC 7591 metadata and this deployment's policy for it.

    `version` increases by one with each change, which is conditional on it. `verification` is `TEST` until an operator
    has verified the client's operator. `preferred_subject_type` says for whom the client acts: a `user`, or an
    `organisation` or `company` that the user chooses. `optional_scope` is the part of its scope that a user may leave
    out. A registration that is not used by `expires_at` is over. `epoch` is that of its end: it is not part of the
    record, and is set if the client was read to be used (`storage.ClientStore.find`). `jwks` is the text of a JWK set:
    the client's own keys, in the record or else at `jwks_uri`. `id_token_claims`: its ID tokens contain the user's
    claims of its scope, which otherwise are at userinfo only; None if its metadata says nothing. `token_hook`: the
    operator's own function is asked about what is issued to it; None likewise.
    """

    client_id: str
    client_name: str
    redirect_uris: tuple[RedirectUri, ...] = ()
    post_logout_redirect_uris: tuple[RedirectUri, ...] = ()
    grant_types: tuple[str, ...] = ("authorization_code",)
    response_types: tuple[str, ...] = ("code",)
    token_endpoint_auth_method: str = "client_secret_basic"
    token_endpoint_auth_signing_alg: str = ""  # the one algorithm of its assertions; empty for any of ours
    jwks: str = ""
    jwks_uri: str = ""
    scope: Scope = Scope()
    default_scope: Scope = Scope()
    optional_scope: Scope = Scope()
    secrets: tuple[ClientSecret, ...] = ()
    id_token_signed_response_alg: str = "RS256"
    id_token_claims: bool | None = None
    token_hook: bool | None = None
    access_token_format: str = "jwt"
    access_token_lifetime: int | None = None
    refresh_token_lifetime: int | None = None
    require_pkce: bool = True
    parameters_in_query: bool = False  # it posts them in the address, which RFC 6749 section 3.2 knows nothing of
    default_max_age: int | None = None
    resources: tuple[str, ...] = ()  # the resource indicators that this client answers for when it introspects
    owner: str = ""
    client_uri: str = ""
    logo_uri: str = ""
    policy_uri: str = ""
    tos_uri: str = ""
    contacts: tuple[str, ...] = ()
    initiate_login_uri: str = ""
    settings_uri: str = ""
    software_id: str = ""
    software_version: str = ""
    preferred_subject_type: str = "user"
    status: str = ACTIVE
    verification: str = VERIFIED
    registration_token_hash: bytes = field(default=b"", repr=False)
    created_at: int = 0
    expires_at: int | None = None
    version: int = 0
    epoch: int = field(default=0, compare=False)

    @property
    def is_active(self) -> bool:
        """Whether the client is not disabled."""
        return self.status == ACTIVE

    def is_expired(self, now: int) -> bool:
        """Whether this is a registration that was not used in time."""
        return self.expires_at is not None and self.expires_at <= now

    @property
    def is_public(self) -> bool:
        """A client that cannot keep a secret (RFC 6749 section 2.1)."""
        return self.token_endpoint_auth_method == "none"

    @property
    def document_host(self) -> str:
        """The host of the client's metadata document, if its identifier is the address of one."""
        return host_of(self.client_id) if "://" in self.client_id else ""

    @property
    def has_secret(self) -> bool:
        """Whether the client authenticates by a shared secret, and so is given one."""
        return self.token_endpoint_auth_method.startswith("client_secret_")

    @property
    def has_claims_in_id_token(self) -> bool:
        """Whether the client's ID tokens contain the user's claims of its scope. By default those of a confidential
        client do, because many libraries look nowhere else."""
        return not self.is_public if self.id_token_claims is None else self.id_token_claims

    @property
    def is_hooked(self) -> bool:
        """Whether the operator's own function, if there is one, is asked about what is issued to this client."""
        return self.token_hook is not False

    @property
    def acts_for_itself(self) -> bool:
        """Whether it may have a token without a user (RFC 6749 section 4.4)."""
        return "client_credentials" in self.grant_types and not self.is_public

    @property
    def scope_when_unspecified(self) -> Scope:
        """The scope of a request that has none (RFC 6749 section 3.3)."""
        return self.default_scope or self.scope
