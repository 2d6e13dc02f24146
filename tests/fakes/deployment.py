"""Settings, records and services as most tests want them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from typing import Any

from authserver.ends import Deployment
from authserver.identity.providers import RememberedProviders
from authserver.models.clients import Client, ClientSecret
from authserver.models.keys import Ring
from authserver.models.users import User
from authserver.ports import Opener, PasswordHasher
from authserver.resources import RememberedResources
from authserver.scopes import RememberedScopes
from authserver.services import Services
from authserver.settings import Settings
from authserver.storage.browsers import BrowserStore
from authserver.storage.clients import ClientStore
from authserver.storage.configuration import ConfigurationStore, IdentityProviderStore, KeyStore
from authserver.storage.erasures import ErasureStore
from authserver.storage.journal import CounterStore, JournalStore
from authserver.storage.revocations import RevocationStore
from authserver.storage.tokens import TokenStore
from authserver.storage.users import FactorStore, UserStore
from authserver.storage.withdrawals import WithdrawalStore
from authserver.theme import RememberedTheme
from authserver.tokens.keyring import RINGS, KeyRing
from authserver.values import RedirectUri, Scope, Secret, sha256
from tests.fakes.api_keys import FakeApiKeys
from tests.fakes.audit import FakeAudit, FakeChain, conditional
from tests.fakes.browsers import FakeBrowsers
from tests.fakes.chance import START, Clock, Random
from tests.fakes.clients import FakeClients
from tests.fakes.configuration import FakeConfiguration, FakeIdentityProviders
from tests.fakes.counters import FakeCounters
from tests.fakes.documents import FakeDocuments
from tests.fakes.erasures import FakeErasures
from tests.fakes.factors import FakeFactors
from tests.fakes.journal import FakeJournal
from tests.fakes.keys import FakeKeys, FakeOpener
from tests.fakes.organisations import FakeOrganisations
from tests.fakes.passwords import FakePasswords
from tests.fakes.record import FakeRecord
from tests.fakes.tokens import FakeTokens
from tests.fakes.users import FakeUsers
from tests.fakes.withdrawals import FakeWithdrawals

ISSUER = "https://as.example"
RESOURCE = "https://api.example"
OTHER_RESOURCE = "https://files.example"
REDIRECT_URI = "https://app.example/callback"
PASSWORD = "wonderland"
CLIENT_SECRET = "client-secret-of-256-random-bits"


def settings(**overrides: Any) -> Settings:
    """Sane settings, with `overrides`."""
    defaults = Settings(
        issuer=ISSUER,
        resource=RESOURCE,
        resources=(OTHER_RESOURCE,),
        localhost_redirects=False,
        redirect_schemes=frozenset({"cursor", "vscode"}),
        grant_types=("authorization_code", "refresh_token", "client_credentials"),
        client_auth_methods=("client_secret_basic", "client_secret_post", "private_key_jwt", "none"),
        client_secret_as_registered=False,
        access_token_algorithm="ES256",
        access_token_lifetime=3600,
        code_lifetime=60,
        refresh_token_idle_lifetime=30 * 86_400,
        refresh_token_lifetime=180 * 86_400,
        refresh_token_grace=30,
        refresh_tokens="Always",
        expired_refresh_token_ends=False,
        session_lifetime=43_200,
        consent_lifetime=365 * 86_400,
        endpoint_aliases=(),
        continue_origins=(),
        key_rotation_days=90,
        api_keys=False,
        api_key_lifetime=365 * 86_400,
        imported_password_hashes=(),
        clients_table="clients",
        users_table="users",
        tokens_table="tokens",
        keys_table="keys",
        configuration_table="configuration",
        audit_table="audit",
        audit_days=400,
        audit_bucket="",
        audits_addresses=False,
        kms_key="key",
        route_scopes={"GET /items": "read", "POST /items": "write", "GET /any": ""},
        accepts_query_tokens=False,
        accepts_api_key_header=False,
        accepts_token_events=False,
        organisation_parameter="organisation_id",
        company_parameter="company_id",
        urn_namespace="authserver",
        introspection_urn=False,
        self_introspection_path="",
        loopback_upstreams=False,
        registration="Off",
        registrations_per_hour=20,
        registrations_per_day=2000,
        client_documents=(),
        documents_function="documents",
        token_hook="",
        continues_without_hook=False,
        webhook_queue="",
        mail_from="authserver@as.example",
        mail_function="mail",
        erase_function="erase",
        email_sign_in=True,
        deletes_accounts=True,
        refresh_token_bridge="",
        refresh_token_bridge_until="",
        aws_client="lean",
        traces=False,
    )
    return replace(defaults, **overrides)


def client(**overrides: Any) -> Client:
    """A confidential client with the secret `CLIENT_SECRET` that may do everything, with `overrides`."""
    defaults: dict[str, Any] = {
        "client_id": "web",
        "client_name": "A web application",
        "redirect_uris": (RedirectUri.parse(REDIRECT_URI),),
        "grant_types": ("authorization_code", "refresh_token", "client_credentials"),
        "scope": Scope.parse("openid profile email read write"),
        "default_scope": Scope.parse("read"),
        "secrets": (ClientSecret(sha256(CLIENT_SECRET), START, used_at=START),),
        "id_token_signed_response_alg": "ES256",  # parsing an RSA key in every test would take most of its time
        "created_at": START,
    }
    return Client(**{**defaults, **overrides})


def public_client(**overrides: Any) -> Client:
    """A client without a secret, with `overrides`."""
    defaults: dict[str, Any] = {
        "client_id": "app",
        "client_name": "An application on somebody's telephone",
        "token_endpoint_auth_method": "none",
        "secrets": (),
        "grant_types": ("authorization_code", "refresh_token"),
    }
    return client(**{**defaults, **overrides})


def user(**overrides: Any) -> User:
    """Alice, whose password is `PASSWORD`, with `overrides`."""
    username = overrides.get("username", "alice")
    defaults: dict[str, Any] = {
        "sub": "sub-of-alice",
        "username": username,
        "password_hash": FakePasswords().hash(Secret(PASSWORD)),
        "name": "Alice Liddell",
        "email": f"{username.lower().replace(' ', '.')}@example.com",
        "email_verified": True,
    }
    return User(**{**defaults, **overrides})


@dataclass(frozen=True)
class FakeStores:
    """All stores in memory, of one record."""

    record: FakeRecord
    clients: FakeClients
    users: FakeUsers
    factors: FakeFactors
    organisations: FakeOrganisations
    tokens: FakeTokens
    browsers: FakeBrowsers
    configuration: FakeConfiguration
    keys: FakeKeys
    api_keys: FakeApiKeys
    withdrawals: FakeWithdrawals
    identity_providers: FakeIdentityProviders
    journal: FakeJournal
    erasures: FakeErasures
    audit: FakeAudit
    chain: FakeChain

    @property
    def revocations(self) -> FakeWithdrawals:
        return self.withdrawals

    @classmethod
    def of(
        cls,
        clients: Iterable[Client] = (),
        users: Iterable[User] = (),
        rings: Iterable[Ring] = (),
        record: FakeRecord | None = None,
    ) -> "FakeStores":
        """Those with these clients, users and keys in them."""
        record = record or FakeRecord()
        own_clients, organisations = FakeClients(clients, record), FakeOrganisations(record=record)
        factors, browsers = FakeFactors(record), FakeBrowsers(record)
        own_users = FakeUsers(users, record, factors, browsers)
        tokens = FakeTokens(record, own_clients, organisations, own_users)
        configuration, keys, journal = FakeConfiguration(record), FakeKeys(rings, record), FakeJournal()
        withdrawals = FakeWithdrawals(
            record, own_clients, own_users, organisations, tokens, browsers, configuration, keys
        )
        return cls(
            record,
            own_clients,
            own_users,
            factors,
            organisations,
            tokens,
            browsers,
            configuration,
            keys,
            FakeApiKeys(record, organisations),
            withdrawals,
            FakeIdentityProviders(record),
            journal,
            FakeErasures(record, tokens, browsers, organisations, factors, journal),
            FakeAudit(record),
            FakeChain(record),
        )


@cache
def rings() -> tuple[Ring, ...]:
    """All four rings with a key each, made at `START`, once in a run: making RSA keys is slow."""
    store = FakeKeys()
    KeyRing(store, FakeOpener(), settings(), Clock(), Random("rings"), Deployment).rotate()
    return tuple(ring for ring in map(store.get, RINGS) if ring is not None)


def plugins(package: str, names: Iterable[str], attribute: str) -> Mapping[str, Any]:
    """The modules of `package`, by what they say they are: `aws.bootstrap.load_plugins` without boto3."""
    modules = [import_module(f"{package}.{name}") for name in names]
    return {getattr(module, attribute): module for module in modules}


def services(
    *,
    settings: Settings = settings(),  # noqa: B008 - frozen
    clients: ClientStore | None = None,
    users: UserStore | None = None,
    organisations: Any = None,
    configuration: ConfigurationStore | None = None,
    tokens: TokenStore | None = None,
    browsers: BrowserStore | None = None,
    revocations: RevocationStore | None = None,
    withdrawals: WithdrawalStore | None = None,
    journal: JournalStore | None = None,
    counters: CounterStore | None = None,
    erasures: ErasureStore | None = None,
    key_store: KeyStore | None = None,
    opener: Opener | None = None,
    now: Callable[[], int] | None = None,
    random: Callable[[int], bytes] | None = None,
    passwords: PasswordHasher | None = None,
    identity_providers: IdentityProviderStore | None = None,
    factors: FactorStore | None = None,
    record: FakeRecord | None = None,
    deployment: Callable[[], Deployment] | None = None,
    **overrides: Any,
) -> Services:
    """Everything that a use case may reach: real keys, grants and client authentication over stores in memory.

    Without stores of the test's own there are a confidential client ("web"), a public one ("app"), Alice, and keys.
    `overrides` are any other fields of `Services`.
    """
    now = now or Clock()
    random = random or Random()
    opener = opener or FakeOpener()
    own = FakeStores.of([client(), public_client()], [user()], rings(), record)
    key_store = key_store or own.keys
    configuration = configuration or own.configuration
    identity_providers = identity_providers or own.identity_providers
    told = deployment or (lambda: own.record.deployment)
    guarded = {
        "clients": clients or own.clients,
        "users": users or own.users,
        "factors": factors or own.factors,
        "organisations": organisations or own.organisations,
        "tokens": tokens or own.tokens,
        "browsers": browsers or own.browsers,
        "revocations": revocations or own.revocations,
        "api_keys": own.api_keys,
        "withdrawals": withdrawals or own.withdrawals,
        "identity_providers": identity_providers,
        "configuration": configuration,
    }
    fields: dict[str, Any] = {
        "settings": settings,
        **guarded,
        "journal": journal or own.journal,
        "erasures": erasures or own.erasures,
        "documents": FakeDocuments(),
        "counters": counters or FakeCounters(),
        "audit": own.audit,
        "chain": own.chain,
        "scopes": RememberedScopes(configuration.scopes, told),
        "resources": RememberedResources(configuration.resources, told),
        "deployment": told,
        "keys": KeyRing(key_store, opener, settings, now, random, told),
        "now": now,
        "random": random,
        "grants": plugins("authserver.grants", settings.grant_types, "GRANT_TYPE"),
        "client_authentication": plugins("authserver.client_authentication", settings.client_auth_methods, "METHOD"),
        "passwords": passwords or FakePasswords(),
        "listed_providers": RememberedProviders(identity_providers.list, now),
        "theme": RememberedTheme(configuration.theme, now),
        "opener": opener,
        "settle": lambda: None,
        "stores_of": lambda session, note: conditional(guarded, own.record, session, note),
    }
    return Services(**{**fields, **overrides})
