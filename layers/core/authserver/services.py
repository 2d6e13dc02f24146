"""What a use case may reach, and the shapes that plug-ins have.

A plug-in is a plain module: it has the Protocol's attributes and functions, and nothing is registered anywhere but in
the template (``GRANT_TYPES``, ``CLIENT_AUTH_METHODS``).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol, Self, runtime_checkable

from authserver.ends import Begun
from authserver.values import base64url

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from authserver.ends import Deployment
    from authserver.messages.authorization import Allowed, ValidatedAuthorizationRequest
    from authserver.messages.mail import Mail, MailOrder
    from authserver.messages.token import ClientRequest, PresentedSecret, TokenRequest, TokenResponse
    from authserver.models.browsers import Session
    from authserver.models.clients import Client
    from authserver.models.configuration import IdentityProvider
    from authserver.models.keys import Ring
    from authserver.scopes import Scopes
    from authserver.settings import Settings
    from authserver.storage.browsers import BrowserStore
    from authserver.storage.clients import ClientStore
    from authserver.storage.configuration import ConfigurationStore, IdentityProviderStore
    from authserver.storage.erasures import ErasureStore
    from authserver.storage.journal import CounterStore, JournalStore
    from authserver.storage.organisations import OrganisationStore
    from authserver.storage.standing import Standing
    from authserver.storage.tokens import TokenStore
    from authserver.storage.users import FactorStore, UserStore
    from authserver.storage.withdrawals import WithdrawalStore
    from authserver.theme import Looks
    from authserver.values import Secret

ADDRESSES = 16  # that are remembered


@dataclass(frozen=True, slots=True)
class Named:
    """What the credential of a request names, so that all that decides whether it stands can be read together with the
    request's client: the arguments of `storage.tokens.TokenStore.standing`.

    `credential` is what we made and was presented, None if it was nothing of ours.
    """

    client_key: str = ""
    subject_key: str = ""
    organisation_key: str = ""
    authorization_id: str | None = None
    access_token_id: str | None = None
    jti: str | None = None
    begun: Begun = Begun()
    companies: bool = False
    credential: Any = field(default=None, repr=False)

    def standing(self, services: Services, *, client_id: str | None = None) -> Standing:
        """All that decides whether it stands, with the record of the client that presents it; one read."""
        return services.tokens.standing(
            client_id=client_id,
            client_key=self.client_key,
            subject_key=self.subject_key,
            organisation_key=self.organisation_key,
            authorization_id=self.authorization_id,
            access_token_id=self.access_token_id,
            jti=self.jti,
            begun=self.begun,
            companies=self.companies,
        )


@dataclass(frozen=True, slots=True)
class AuthenticatedClient:
    """A client that has proven who it is, what its request named, and what was read of both together.

    Only `client_authentication.authenticate` makes one.
    """

    client: Client
    standing: Standing
    named: Named = Named()

    @property
    def client_id(self) -> str:
        return self.client.client_id


class Opener(Protocol):
    """A key service: wraps and unwraps key material bound to a ring and a key identifier."""

    def wrap(self, plaintext: bytes, *, ring: str, kid: str) -> bytes: ...

    def unwrap(self, wrapped: bytes, *, ring: str, kid: str) -> bytes: ...


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key, ready to sign with; `private` belongs to the JOSE library."""

    kid: str
    algorithm: str
    private: Any


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A public key and the one algorithm it may be used with (RFC 8725 section 3.1)."""

    kid: str
    algorithm: str
    public: Any


class Keys(Protocol):
    """The server's keys, as a function instance sees them."""

    def signing_key(self, algorithm: str) -> SigningKey:
        """The newest key that may be used; made on first need. Raises `UnauthorizedClient` on an unknown algorithm."""

    def verification_key(self, kid: str) -> VerificationKey | None:
        """The published key of this identifier, or None."""

    def token_key(self, ring: str) -> bytes:
        """The secret to make credentials with; made on first need."""

    def token_keys(self, ring: str) -> tuple[bytes, ...]:
        """The secrets that credentials may have been made with, the newest first; none before the first is made."""

    def published(self) -> tuple[Mapping[str, str], ...]:
        """Every public JWK (RFC 7517), those not yet in use among them."""

    def rings(self) -> tuple[Ring, ...]:
        """Every ring as it is stored now."""

    def are_current(self) -> bool:
        """Whether no key was withdrawn since those at hand were loaded, as far as the deployment's item tells that was
        read last. If one was, or may have been half to be seen, they are loaded anew when they are asked for next."""

    def rotate(self, *, at_once: bool = False) -> tuple[str, ...]:
        """Makes, publishes and drops keys by age; the names of the rings that changed.

        `at_once` does not wait for a key to be old; but a ring whose newest key is not in use yet gets no other.
        """

    def withdrawn(self, kid: str) -> Ring | None:
        """The ring of a key as it is to be without that one, with a successor that signs at once; None if there is no
        such key."""


class PasswordHasher(Protocol):
    """Slow by design; `verify` with no hash takes as long as with one, and is False."""

    def hash(self, password: Secret) -> str: ...

    def verify(self, password: Secret, password_hash: str | None) -> bool: ...

    def matches(self, password: Secret, password_hash: str) -> bool:
        """The same at the cost of that one hash, where time may tell whether it was right."""

    def is_outdated(self, password_hash: str) -> bool:
        """Whether `hash` would make it in another way today."""


class FetchFailed(Exception):
    """A document could not be had; `reason` is a tag for logs, `error` what an answer with the status 400 calls it.

    The latter is anybody's text: to be compared with what is known, not to be shown or logged.
    """

    def __init__(self, reason: str, error: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.error = error


class Fetcher(Protocol):
    """The way out: JSON objects from https addresses on the internet, within bounds of time and size."""

    def within(self, seconds: float) -> Fetcher:
        """The same, with an end to all that it fetches from now on together."""

    def permits(self, url: str) -> bool:
        """Whether this is an address that may be fetched, as far as its text tells."""

    def get(self, url: str, *, younger_than: int = 0, bearer: str = "") -> Mapping[str, Any]:
        """The document, or what was fetched less than `younger_than` seconds ago. Raises `FetchFailed`."""

    def post(self, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> Mapping[str, Any]:
        """The answer to a form. Raises `FetchFailed`."""


class Mailer(Protocol):
    """Who sends mails. Raises `TemporarilyUnavailable` if it was not taken."""

    def send(self, mail: Mail) -> None: ...


@dataclass(frozen=True, slots=True)
class Services:
    """What a use case may reach: nothing else exists for it.

    `scopes` gives the scope catalogue, `listed_providers` the identity providers to choose from, `theme` how pages
    look, `deployment` what was told to every function at most a second ago, `now` epoch seconds, `random` that many
    octets from a cryptographic source. `settle` waits until every function has heard what was just told to all of them.
    `stores_of` gives those of these stores that write only while a session stands. The `fetcher` is for the one
    function that goes out, the `mailer` for the one that sends mails; others order them by `order_mail`, which takes as
    long whether there is anybody to send one to or not. `order_erasure` has the erasure of a subject, by its key, begun
    at once.
    """

    settings: Settings
    clients: ClientStore
    users: UserStore
    factors: FactorStore
    organisations: OrganisationStore
    tokens: TokenStore
    browsers: BrowserStore
    withdrawals: WithdrawalStore
    journal: JournalStore
    counters: CounterStore
    erasures: ErasureStore
    configuration: ConfigurationStore
    scopes: Scopes
    deployment: Callable[[], Deployment]
    keys: Keys
    now: Callable[[], int]
    random: Callable[[int], bytes]
    grants: Mapping[str, GrantType | AuthorizationGrant]
    client_authentication: Mapping[str, ClientAuthenticationMethod]
    passwords: PasswordHasher
    identity_providers: IdentityProviderStore
    listed_providers: Callable[[], tuple[IdentityProvider, ...]]
    theme: Looks
    opener: Opener
    settle: Callable[[], None]
    stores_of: Callable[[Session], Mapping[str, Any]]
    fetcher: Fetcher | None = None
    order_mail: Callable[[MailOrder], None] | None = None
    order_erasure: Callable[[str], None] | None = None
    mailer: Mailer | None = None
    _at: dict[tuple[str, str], Services] = field(default_factory=dict, init=False, compare=False, repr=False)

    def at(self, origin: str, resource: str) -> Services:
        """These services at the addresses by which a request reached them (see `Settings.at`).

        Remembered: a deployment has few addresses, and every request asks.
        """
        found = self._at.get((origin, resource))
        if found is None:
            if len(self._at) >= ADDRESSES:
                self._at.clear()
            found = self._at[origin, resource] = replace(self, settings=self.settings.at(origin, resource))
        return found

    def by(self, session: Session) -> Self:
        """These services for what a session decides: nothing is written any more once it was ended.

        Their stores raise `storage.browsers.SessionOver` then.
        """
        return replace(self, **self.stores_of(session))

    def claim(self) -> str:
        """What a conditional write leaves behind, so that its retry, when the answer was lost, finds its own."""
        return base64url(self.random(16))

    @property
    def response_types(self) -> Mapping[str, AuthorizationGrant]:
        """What the authorization endpoint can be asked for, and the grant that answers."""
        return {
            response_type: grant
            for grant in self.grants.values()
            if isinstance(grant, AuthorizationGrant)
            for response_type in grant.RESPONSE_TYPES
        }


@runtime_checkable
class GrantType(Protocol):
    """A grant type that clients bring to the token endpoint: ``grants/<name>.py``."""

    GRANT_TYPE: str
    PARAMETERS: tuple[str, ...]  # those that a request must have

    def named(self, request: TokenRequest, services: Services) -> Named:
        """What the request's credential names, of which nothing is true yet; nothing for garbage."""

    def issue(self, request: TokenRequest, client: AuthenticatedClient, services: Services) -> TokenResponse:
        """Checks the grant and issues. Raises `OAuthError`."""


@runtime_checkable
class AuthorizationGrant(Protocol):
    """A grant type that begins at the authorization endpoint: ``grants/<name>.py``, which may be both."""

    GRANT_TYPE: str
    RESPONSE_TYPES: tuple[str, ...]  # as IANA registered them

    def answer(
        self, request: ValidatedAuthorizationRequest, allowed: Allowed, services: Services
    ) -> Mapping[str, str] | None:
        """The parameters of the authorization response; None if the same consent was answered before."""


class ClientAuthenticationMethod(Protocol):
    """A client authentication method: ``client_authentication/<name>.py``, named as IANA registered it."""

    METHOD: str

    def presented(self, request: ClientRequest) -> PresentedSecret | None:
        """The credentials that `request` carries by this method, or None."""

    def verify(self, client: Client, presented: PresentedSecret, services: Services) -> bool:
        """Whether they prove that the caller is `client`."""
