"""What a use case may reach."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any, Self, cast

from authserver.ends import NOTHING, Begun
from authserver.records import dataclass, replace
from authserver.values import base64url, resource_among

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from authserver.ends import Deployment
    from authserver.events import Event
    from authserver.messages.documents import DocumentOrder
    from authserver.messages.mail import MailOrder
    from authserver.models.browsers import Session
    from authserver.models.clients import Client
    from authserver.models.configuration import IdentityProvider
    from authserver.plugins import AuthorizationGrant, ClientAuthenticationMethod, GrantType
    from authserver.ports import Archive, Bridge, Fetcher, Keys, Mailer, Opener, PasswordHasher, TokenHook
    from authserver.resources import ResourceCatalogue
    from authserver.scopes import Scopes
    from authserver.settings import Settings
    from authserver.storage.api_keys import ApiKeyStore
    from authserver.storage.audit import AuditStore, ChainStore, Note
    from authserver.storage.browsers import BrowserStore
    from authserver.storage.clients import ClientStore
    from authserver.storage.configuration import ConfigurationStore, IdentityProviderStore
    from authserver.storage.documents import DocumentStore
    from authserver.storage.erasures import ErasureStore
    from authserver.storage.journal import CounterStore, JournalStore
    from authserver.storage.organisations import OrganisationStore
    from authserver.storage.revocations import RevocationStore
    from authserver.storage.standing import Standing
    from authserver.storage.tokens import TokenStore
    from authserver.storage.users import FactorStore, UserStore
    from authserver.storage.withdrawals import WithdrawalStore
    from authserver.theme import Looks

ADDRESSES = 16  # that are remembered


@dataclass(frozen=True, slots=True)
class Named:
    """What the credential of a request names, so that everything that decides whether it stands can be read together
    with the request's client: the arguments of `storage.tokens.TokenStore.standing`.

    `credential` is the credential of this server that was presented, None if it was none.
    """

    client_key: str = ""
    subject_key: str = ""
    organisation_key: str = ""
    authorization_id: str | None = None
    access_token_id: str | None = None
    jti: str | None = None
    device_id: str | None = None
    begun: Begun = NOTHING
    companies: bool = False
    user: str = ""
    credential: Any = field(default=None, repr=False)

    def standing(
        self, services: Services, *, client_id: str | None = None, source: str = "", with_user: bool = False
    ) -> Standing:
        """Everything that decides whether the credential stands, with the record of the client that presents it, from
        `source`; one read.

        `with_user`: also reads the user's record, if the credential itself names the user.
        """
        return services.tokens.standing(
            client_id=client_id,
            client_key=self.client_key,
            subject_key=self.subject_key,
            organisation_key=self.organisation_key,
            authorization_id=self.authorization_id,
            access_token_id=self.access_token_id,
            jti=self.jti,
            device_id=self.device_id,
            begun=self.begun,
            companies=self.companies,
            user=self.user if with_user else "",
            source=source,
        )


@dataclass(frozen=True, slots=True)
class AuthenticatedClient:
    """A client that has authenticated, what its request named, and what was read of both together.

    Only `client_authentication.authenticate` creates one.
    """

    client: Client
    standing: Standing
    named: Named = Named()

    @property
    def client_id(self) -> str:
        return self.client.client_id


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


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that a use case may reach.

    `scopes` returns the scope catalogue, `resources` the stored resources (None if none were ever stored),
    `listed_providers` the identity providers to choose from, `theme` how pages look, `deployment` the deployment's item
    as it was at most a second ago, `now` epoch seconds, and `random` so many octets from a cryptographic source.
    `settle` waits until every function has seen the deployment's item as it was just written. `stores_of` returns those
    of these stores that write only while a session stands, and whose first write stores the event of a note. The
    `fetcher` is for the four functions that make requests, and the `mailer` for the one that sends mails. Others order
    mails by `order_mail`, which takes the same time whether or not there is a recipient. `order_erasure` starts the
    erasure of a subject, by its key. `order_document` has another function fetch a document of a client, waits for it,
    and returns the error, or an empty string. `order_delivery` sends an event of a
    source, the issuer, to the webhook of an identifier. `token_hook` and `bridge` are the operator's own functions, if
    there are any; the latter is for the two functions that refresh. `told` is what the log lines of the present request
    tell: the `client_id` of a registered client, and a keyed hash of the `subject`. `polled` is when devices last
    polled this instance.
    """

    settings: Settings
    clients: ClientStore
    users: UserStore
    factors: FactorStore
    organisations: OrganisationStore
    tokens: TokenStore
    browsers: BrowserStore
    revocations: RevocationStore
    api_keys: ApiKeyStore
    withdrawals: WithdrawalStore
    journal: JournalStore
    counters: CounterStore
    audit: AuditStore
    chain: ChainStore
    erasures: ErasureStore
    documents: DocumentStore
    configuration: ConfigurationStore
    scopes: Scopes
    resources: Callable[[], ResourceCatalogue | None]
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
    stores_of: Callable[[Session | None, Note | None], Mapping[str, Any]]
    fetcher: Fetcher | None = None
    order_mail: Callable[[MailOrder], None] | None = None
    order_erasure: Callable[[str], None] | None = None
    order_document: Callable[[DocumentOrder], str] | None = None
    order_delivery: Callable[[str, Event, str], None] | None = None
    token_hook: TokenHook | None = None
    mailer: Mailer | None = None
    archive: Archive | None = None
    bridge: Bridge | None = None
    told: dict[str, str] = field(default_factory=dict, compare=False, repr=False)
    session: Session | None = None
    note: Note | None = None
    polled: dict[str, int] = field(default_factory=dict, compare=False, repr=False)
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
        """These services for what a session decides: after the session has ended, their stores write nothing and raise
        `storage.browsers.SessionOver`."""
        return replace(self, session=session, **self.stores_of(session, self.note))

    def noting(self, note: Note) -> Self:
        """These services for an act that the audit notes: its first write, whatever it is, writes the event, too.

        That is one transaction, so neither is without the other. A note in place of another replaces it.
        """
        return replace(self, note=note, **self.stores_of(self.session, note))

    def is_about(self, object_id: str, kind: str = "") -> None:
        """Tells the audit what the act is done to, before it is written, where that is known only while it runs."""
        if self.note is not None:
            self.note.is_about(object_id, kind)

    def claim(self) -> str:
        """A random value that a conditional write stores, so that its retry, if the answer was lost, recognises its own
        write."""
        return base64url(self.random(16))

    @property
    def known_resources(self) -> tuple[str, ...]:
        """The resource indicators that tokens are issued for: those of the parameters, and what is stored beside."""
        own, stored = self.settings.known_resources, self.resources()
        return own if stored is None else (*own, *stored.identifiers_beside(own))

    def known_resource(self, indicator: str) -> str | None:
        """The known resource that `indicator` stands for, as the operator wrote it; None if there is none."""
        found, stored = resource_among(indicator, self.settings.known_resources), self.resources()
        if found is not None or stored is None:
            return found
        resource = stored.get(indicator)
        return resource.identifier if resource else None

    def is_for_placeos(self, audience: tuple[str, ...]) -> bool:
        """Whether an audience is one resource, whose tokens have the shape of PlaceOS."""
        stored = self.resources()
        resource = stored.get(audience[0]) if stored is not None and len(audience) == 1 else None
        return resource is not None and resource.is_of_placeos

    def present_audience(self, audience: tuple[str, ...]) -> tuple[str, ...]:
        """The resources of an audience that still exist."""
        stored = self.resources()
        return audience if stored is None else stored.present(audience)

    @property
    def response_types(self) -> Mapping[str, AuthorizationGrant]:
        """The response types of the authorization endpoint, and the grant that answers each."""
        return {
            response_type: cast("AuthorizationGrant", grant)
            for grant in self.grants.values()
            for response_type in getattr(grant, "RESPONSE_TYPES", ())
        }
