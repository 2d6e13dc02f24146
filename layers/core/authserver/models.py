"""What is stored. Times ending in ``_at`` are epoch seconds, lifetimes are seconds."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Self

from authserver.ends import Begun
from authserver.values import CodeChallenge, RedirectUri, Scope, base64url, normalised_username, sha256

ACTIVE, DISABLED = "active", "disabled"
LOGO_APART = "data:"  # the `logo_uri` of a client that was read without its logo, which is in the URI itself
VERIFIED, TEST = "verified", "test"
ADMINISTRATOR, MEMBER = "administrator", "member"
EVERY_ENTITY = "*"  # every company of an organisation, those to come among them
ANY_DOMAIN: Literal["*"] = "*"  # of e-mail addresses
OWNER_DELETED = "(deleted user)"  # the `owner` of a client whose owner is no more; nobody's identifier has parentheses
WITHDRAWN = "withdrawn"  # in place of the claim of whoever used a link: nobody may any more


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """One of up to two live secrets of a client; only its SHA-256 is kept, since it is 256 random bits.

    `encoded` instead of it is the password hash that another system kept of the secret (`identity.hashes`). `used_at`
    is when it was first used on the last day that it was: for its owner to read, so that two differ by nothing in it.
    """

    hash: bytes = field(repr=False)
    created_at: int
    expires_at: int | None = None
    encoded: str = field(default="", repr=False)
    used_at: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Client:
    """A registered client: RFC 7591 metadata and this deployment's policy for it.

    `version` grows by one with each change, which is conditional on it. `verification` is `TEST` until an operator has
    verified who is behind it. `preferred_subject_type` is whom the client acts for: `user`, or an `organisation` or
    `company` that the user chooses; `optional_scope` is what of its scope a user may leave out. A registration that is
    not used by `expires_at` is over. `epoch` is that of its end: it is no part of the record, and there where the
    client was read to be used (`storage.ClientStore.find`).
    """

    client_id: str
    client_name: str
    redirect_uris: tuple[RedirectUri, ...] = ()
    post_logout_redirect_uris: tuple[RedirectUri, ...] = ()
    grant_types: tuple[str, ...] = ("authorization_code",)
    response_types: tuple[str, ...] = ("code",)
    token_endpoint_auth_method: str = "client_secret_basic"
    scope: Scope = Scope()
    default_scope: Scope = Scope()
    optional_scope: Scope = Scope()
    secrets: tuple[ClientSecret, ...] = ()
    id_token_signed_response_alg: str = "RS256"
    access_token_format: str = "jwt"
    access_token_lifetime: int | None = None
    refresh_token_lifetime: int | None = None
    require_pkce: bool = True
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
        """Whether nobody has disabled it."""
        return self.status == ACTIVE

    def is_expired(self, now: int) -> bool:
        """Whether this is a registration that nobody used in time."""
        return self.expires_at is not None and self.expires_at <= now

    @property
    def is_public(self) -> bool:
        """A client that cannot keep a secret (RFC 6749 section 2.1)."""
        return self.token_endpoint_auth_method == "none"

    @property
    def acts_for_itself(self) -> bool:
        """Whether it may have a token without a user (RFC 6749 section 4.4)."""
        return "client_credentials" in self.grant_types and not self.is_public

    @property
    def scope_when_unspecified(self) -> Scope:
        """What a request without a scope asks for (RFC 6749 section 3.3)."""
        return self.default_scope or self.scope


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a client was refused in one way on one day, for its developer: how often, and the last time.

    `day` is when that day began, `error` the code that was answered, `reason` why; `reference` finds the last in the
    logs.
    """

    day: int
    error: str
    reason: str
    count: int
    last_at: int
    reference: str = ""


@dataclass(frozen=True, slots=True)
class InitialAccessToken:
    """What lets its bearer register a client (RFC 7591 section 1.2), as often as `remaining` says. It was `begun` in an
    era of the deployment, and stands while that is the present one."""

    id: str
    secret_hash: bytes = field(repr=False)
    remaining: int
    created_at: int
    expires_at: int
    begun: Begun = Begun()


@dataclass(frozen=True, slots=True)
class User:
    """A person with an account. `sub` never changes and is never used for another person.

    Whoever signs in through an identity provider has no `username`, which is a login name, but maybe a
    `preferred_username`, which is the provider's word and unique nowhere. `pending_email` is the address that the user
    wants to have and has not shown to be theirs.
    """

    sub: str
    username: str
    password_hash: str = field(repr=False)
    name: str = ""
    email: str = ""
    email_verified: bool = False
    status: str = ACTIVE
    operator: bool = False  # may grant the scopes that only operators grant
    created_at: int = 0
    preferred_username: str = ""
    pending_email: str = ""

    @property
    def known_as(self) -> str:
        """What tells the user which account it is."""
        return self.username or self.email or self.preferred_username or self.name

    @property
    def invited_as(self) -> tuple[str, ...]:
        """What an invitation may call the user: the login name, and the e-mail address if it is known to be theirs.

        An address is compared as it is, but for its case: what looks alike is not the same. A login name that looks
        like an address is nobody's: whoever chose it may not have the address.
        """
        names = [name for name in [normalised_username(self.username)] if "@" not in name]
        if self.email_verified and self.email.isascii():
            names.append(normalised_username(self.email))
        return tuple(dict.fromkeys(filter(None, names)))


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a user is at an identity provider: known by its `issuer` and what it calls them, and by nothing else.

    `id` stands for the two. They are empty, and `created_at` 0, where an older layout did not keep them.
    """

    id: str
    sub: str
    issuer: str = ""
    subject: str = ""
    created_at: int = 0

    @classmethod
    def of(cls, sub: str, issuer: str, subject: str, created_at: int = 0) -> Self:
        """The identity that makes whom `issuer` calls `subject` the user `sub`."""
        return cls(identity_id(issuer, subject), sub, issuer, subject, created_at)


def identity_id(issuer: str, subject: str) -> str:
    """What stands for an identity."""
    return base64url(sha256(f"{issuer}\x00{subject}"))


@dataclass(frozen=True, slots=True)
class Totp:
    """A secret shared with an authenticator app (RFC 6238); `secret` is wrapped: only a key service can open it.

    It counts once it is confirmed: the user has shown that the app makes the right codes. `last_step` is the time
    step whose code was taken last, so that none works twice (section 5.2).
    """

    secret: bytes = field(repr=False)
    confirmed_at: int = 0
    last_step: int = 0


@dataclass(frozen=True, slots=True)
class Passkey:
    """A discoverable WebAuthn credential. `public_key` is a COSE key; `sign_count` is the authenticator's, 0 if it
    does not count; `backed_up` tells whether the user's other devices have it too."""

    id: bytes
    public_key: bytes = field(repr=False)
    name: str
    created_at: int
    sign_count: int = 0
    last_used_at: int = 0
    backed_up: bool = False
    transports: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Factors:
    """What a user can prove who they are with, beyond a password.

    `recovery_codes` are SHA-256 hashes in base64url: the codes are 80 random bits. `version` grows by one with each
    change that the user makes, which is conditional on it; using a factor is no such change.
    """

    subject: str
    totp: Totp | None = None
    recovery_codes: frozenset[str] = frozenset()
    passkeys: tuple[Passkey, ...] = ()
    version: int = 0

    @property
    def asks_for_code(self) -> bool:
        """Whether a password alone does not sign this user in."""
        return self.totp is not None and self.totp.confirmed_at > 0


@dataclass(frozen=True, slots=True)
class Organisation:
    """A customer with several companies. `companies` maps their identifiers to their names.

    `version` grows by one with each change.
    """

    id: str
    name: str
    companies: Mapping[str, str] = field(default_factory=dict)
    status: str = ACTIVE
    created_at: int = 0
    version: int = 0

    def companies_within(self, entities: Iterable[str]) -> tuple[str, ...]:
        """The companies that `entities` names and that the organisation has."""
        chosen = set(self.companies if EVERY_ENTITY in entities else entities)
        return tuple(sorted(chosen & set(self.companies)))


@dataclass(frozen=True, slots=True)
class Membership:
    """A user's part in an organisation; `role` is `ADMINISTRATOR` or `MEMBER`.

    `epoch` is random, and another one whenever the membership is made or its role changes: whoever was removed and
    comes back, or was demoted and promoted, gets nothing back of before. `clients` counts, by the client's key, what of
    this member's was ended for one client alone.
    """

    organisation: str
    subject: str
    role: str = MEMBER
    created_at: int = 0
    epoch: str = ""
    clients: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Invitation:
    """An administrator's offer of a membership to whoever is known here by `name`.

    That is a login name, or an e-mail address that was verified, as `values.normalised_username` writes it; nobody has
    looked whether there is such a person. There is one for an organisation and a name, and `id` stands for both. It was
    `begun` in an era of the deployment, under the membership of who sent it, and stands while both are as they were.
    """

    id: str
    organisation: str
    name: str = field(repr=False)
    role: str
    invited_by: str
    created_at: int
    expires_at: int
    begun: Begun = Begun()


@dataclass(frozen=True, slots=True)
class Approval:
    """A member's wish that an administrator of the organisation allow a client more than the member may.

    There is one for an organisation, a client and a member. `decision` is `allow` or `deny` once somebody answered.
    `begun` is what it was asked and answered under, with the administrator who answered as its approver.
    """

    organisation: str
    client_id: str
    subject: str
    scope: Scope
    resource: tuple[str, ...]
    entities: frozenset[str]
    created_at: int
    expires_at: int
    decision: str = ""
    decided_by: str = ""
    decided_at: int = 0
    begun: Begun = Begun()


@dataclass(frozen=True, slots=True)
class Authorization:
    """Everything issued to one client for one subject hangs on this record; each verb is one conditional write on it.

    `id` is 16 random octets, 16 of the subject's hash and 16 of the organisation's, in base64url: from the id alone
    their ends can be found, in the same read. `entities` are the companies of the organisation that the client may
    reach, or `EVERY_ENTITY`; they can be changed without issuing new tokens. `generation` counts the refresh tokens
    made; 0 until the code is redeemed. `sessions` is the counter of the session that granted it: signing out everywhere
    ends a code that was not redeemed, and redeeming forgets it.
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
    is_public: bool = False  # granted to a client without credentials: whoever has its token speaks for it
    begun: Begun = Begun()
    sessions: int | None = None

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


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that has signed in; the cookie's secret is kept as SHA-256.

    `signed_in_for` is the pending request whose user typed the password: what `prompt=login` asks for. `auth_time` is
    when the user did, which may be long before `created_at` where it was at an identity provider. `begun` and
    `sessions` are the user's epochs from before anything was read that decided the sign-in. `device` names browser and
    system, `source` the network it signed in from: for its user to read.
    """

    id: str
    secret_hash: bytes = field(repr=False)
    subject: str
    auth_time: int
    created_at: int
    expires_at: int
    signed_in_for: str
    device: str = ""
    source: str = ""
    begun: Begun = Begun()
    sessions: int = 0


@dataclass(frozen=True, slots=True)
class PendingRequest:
    """An authorization request held on the server while its user signs in and consents.

    `browser_hash` binds it to the browser that began it; `parameters` is the request as it was validated and cannot
    be changed by any form. `salt` and `id` make the code that it can yield, so that it yields only one.
    With a `visit` it is no client's: it is a page of ours that its user wants to see, by its path, and `parameters`
    are those that say how to sign in.
    """

    id: str
    browser_hash: bytes = field(repr=False)
    salt: bytes = field(repr=False)
    parameters: Mapping[str, str]
    resource: tuple[str, ...]
    expires_at: int
    answer: str | None = None  # the decision and the subject who made it
    visit: str = ""
    password_of: str = ""  # the subject who has typed the right password for it, and owes a second factor
    password_at: int = 0
    begun: Begun = Begun()  # and that subject's epochs from before the password was looked at
    sessions: int = 0


@dataclass(frozen=True, slots=True)
class IdentityProvider:
    """An OpenID Provider that people may sign in through; to it, this server is a client.

    `client_secret` is wrapped: only a key service can open it. `claims` maps ours (``name``, ``email``,
    ``email_verified``, ``preferred_username``) to those that they are taken from, where the names differ. Whoever has
    an address in one of `domains` is sent to it. `sign_up` makes an account of who comes for the first time, and a
    member of `organisation`, if there is one. `trusts_email` tells whether its word that an address is verified counts:
    True for addresses in its own `domains`, `ANY_DOMAIN` for every one. `shown` tells whether every sign-in page has a
    button for it. `made_by` stands for the Idempotency-Key of the call that added it. `version` grows by one with each
    write, which is conditional on it.
    """

    id: str
    name: str
    issuer: str
    client_id: str
    client_secret: bytes = field(default=b"", repr=False)
    token_endpoint_auth_method: str = "client_secret_basic"
    scope: Scope = Scope(("openid", "profile", "email"))
    claims: Mapping[str, str] = field(default_factory=dict)
    domains: tuple[str, ...] = ()
    organisation: str = ""
    sign_up: bool = False
    trusts_email: bool | Literal["*"] = False
    shown: bool = True
    status: str = ACTIVE
    created_at: int = 0
    made_by: str = ""
    version: int = 0

    @property
    def is_active(self) -> bool:
        """Whether people may sign in through it."""
        return self.status == ACTIVE


@dataclass(frozen=True, slots=True)
class Federation:
    """A sign-in under way at an identity provider, for one pending request; good for one answer.

    `nonce` and `code_verifier` are what the answer must fit, and if the request wants a new sign-in, the person has to
    have signed in there since `signed_in_since`. `spent_by` is the claim of the one who took the answer.
    """

    id: str
    request_id: str
    provider: str
    nonce: str = field(repr=False)
    code_verifier: str = field(repr=False)
    expires_at: int
    signed_in_since: int | None = None
    spent_by: str | None = None


@dataclass(frozen=True, slots=True)
class OneTimeLink:
    """A link that was sent to `address` for one `purpose` of the subject's; only its secret's SHA-256 is kept.

    `created_at` is when it was ordered, `begun` the subject's epochs then, `sessions` those of the session that ordered
    it, None if none did. `spent_by` is the claim of the one who used it, or `WITHDRAWN` if it was taken back.
    """

    id: str
    secret_hash: bytes = field(repr=False)
    purpose: str
    subject: str
    address: str
    created_at: int
    expires_at: int
    spent_by: str | None = None
    begun: Begun = Begun()
    sessions: int | None = None


@dataclass(frozen=True, slots=True)
class Activity:
    """Something that happened to a user's account, for its user to read; `kind` is one of `identity.activity`.

    `device` and `source` are those of whoever did it, as in a session. `about` says more: an application's identifier,
    or how somebody signed in. Never a secret.
    """

    id: str
    subject: str
    kind: str
    created_at: int
    expires_at: int
    device: str = ""
    source: str = ""
    about: str = ""


@dataclass(frozen=True, slots=True)
class Erasure:
    """What a user's deletion leaves to be done: whatever names them is removed, in the background.

    `subject_key` is `tokens.opaque.key_of` the identifier, in base64url. `subject` is the identifier itself, `names`
    are the keys of what invitations may call the user and `addresses` those of their e-mail addresses, as long as there
    is something to find by them: they are empty once it is done. `left` are the kinds (`storage.erasures.KINDS`) of
    which there may be something still. `checked_at` is when the look around began that found nothing any more.
    """

    subject_key: str
    requested_at: int
    subject: str = ""
    names: frozenset[str] = frozenset()
    addresses: frozenset[str] = frozenset()
    left: frozenset[str] = frozenset()
    checked_at: int = 0
    finished_at: int | None = None
    expires_at: int | None = None


@dataclass(frozen=True, slots=True)
class Consent:
    """What a user has allowed a client before, and what they have left out, so as not to ask again."""

    subject: str
    client_id: str
    scope: Scope
    resource: frozenset[str]
    created_at: int
    expires_at: int
    declined: Scope = Scope()
    begun: Begun = Begun()


@dataclass(frozen=True, slots=True)
class Theme:
    """How the pages look, and whose they are; each field has the form that `theme.objections` wants.

    `accent` is the colour of links and buttons, `on_accent` that of text on it; each has its like for dark pages.
    `radius` is in pixels; `font` the name of one of `theme.FONTS`; `logo` a data URI; `support` an e-mail address or an
    https URL for people who are stuck. `version` grows by one with each write, which is conditional on it.
    """

    name: str = "Authserver"
    logo: str = field(default="", repr=False)
    accent: str = "#1f4fbf"
    on_accent: str = "#ffffff"
    accent_dark: str = "#9dbcff"
    on_accent_dark: str = "#0c1730"
    radius: int = 8
    font: str = "system"
    support: str = ""
    version: int = 0


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a ring. `public` is its JWK where it has a public part; `wrapped` only a key service can open.

    It may be used from `use_from` and is dropped after `keep_until` (None while it is the newest).
    """

    kid: str
    created_at: int
    use_from: int
    keep_until: int | None
    public: Mapping[str, str]
    wrapped: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Ring:
    """The keys of one purpose, oldest first. `version` grows by one with each write, which is conditional on it."""

    name: str
    version: int
    keys: tuple[Key, ...]
