"""Builds the services of a function, once per cold start: connections and keys, too, since that has a whole core."""

from __future__ import annotations

import os
import time
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from authserver.aws.dynamodb import AT_ONCE, DynamoStores
from authserver.aws.dynamodb.keys import DynamoKeys
from authserver.aws.dynamodb.reader import DEPLOYMENT_AGE, Reader, Tables
from authserver.aws.kms import KmsOpener
from authserver.aws.later import Later
from authserver.aws.log import told, write_problem
from authserver.aws.table import Guard
from authserver.scopes import RememberedScopes
from authserver.services import Services
from authserver.settings import Settings
from authserver.tokens.keyring import TOKEN_RING, KeyRing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from authserver.aws.dynamodb.documents import DocumentClients
    from authserver.aws.service import Service
    from authserver.ends import Deployment
    from authserver.events import Event
    from authserver.messages.documents import DocumentOrder
    from authserver.messages.mail import MailOrder
    from authserver.models.browsers import Session
    from authserver.plugins import GrantType
    from authserver.ports import Archive, Bridge, Fetcher, Mailer, PasswordHasher, TokenHook
    from authserver.resources import ResourceCatalogue
    from authserver.storage.audit import AuditStore, ChainStore, Note
    from authserver.storage.configuration import IdentityProviderStore
    from authserver.storage.documents import DocumentStore
    from authserver.storage.erasures import ErasureStore
    from authserver.storage.journal import CounterStore, JournalStore
    from authserver.theme import Looks
    from authserver.values import Secret

ID_TOKEN_RING = "RS256"  # what clients get unless they ask for another (OpenID Connect Core section 15.1)


def bootstrap(
    *,
    jose: bool | str = False,
    passwords: bool | str = False,
    goes_out: bool = False,
    orders_mail: bool = False,
    sends_mail: bool = False,
    seals: bool = False,
    orders_erasures: bool = False,
    orders_documents: bool = False,
    orders_deliveries: bool = False,
    has_bridge: bool = False,
    issues: bool = False,
    checks: bool = False,
    grants: bool = True,
    stores: tuple[str, ...] = AT_ONCE,
) -> Services:
    """The services, from the environment.

    `jose` loads the JOSE library now, in the init phase, rather than with the first token: for the functions that sign
    or verify. `passwords` does so for the library that checks them; elsewhere only an imported client secret needs it.
    Each may be the name of a grant type instead: then where the operator has turned that on.
    `issues` is for the functions that issue tokens, and `checks` for those that are shown them: their keys are loaded
    now, where the lean client is used.
    `grants` is false for those that never ask for a grant type, and so import none.
    `stores` are those that are imported and made now; the others, when they are first used.
    `goes_out` is for the four functions that fetch from the internet, `orders_mail` for those whose pages have mails
    sent, and `sends_mail` for the one that sends them; `seals` for the one that has the audit's archive;
    `orders_erasures` for those that delete users, `orders_documents` for those where clients begin or authenticate,
    `orders_deliveries` for the one that tries webhooks, `has_bridge` for those that refresh.
    """
    settings = Settings.from_environ(os.environ)
    hasher = LazyPasswords(settings)
    if jose is True or jose in settings.grant_types:
        import_module("authserver.tokens.jwt")
    if passwords is True or passwords in settings.grant_types:
        hasher.load()
    dynamodb, kms = connected(settings, os.environ)
    if settings.traces:
        from authserver.aws.tracing import Daemon, TracedService

        if daemon := Daemon.of(os.environ):
            dynamodb, kms = TracedService(dynamodb, "DynamoDB", daemon), TracedService(kms, "KMS", daemon)
    tables = Tables(settings.clients_table, settings.users_table, settings.tokens_table)
    order_document = _document_orders(settings) if orders_documents and settings.documents_function else None
    documented = _documented(settings, order_document) if settings.client_documents else None
    reader = Reader(dynamodb, tables, clocks, lambda: os.urandom(1)[0], documented)
    made = DynamoStores(
        dynamodb, tables, settings.configuration_table, settings.keys_table, settings.audit_table, reader
    )
    own = made.guarded(at_once=stores)
    configuration = own["configuration"]
    resources = Later(lambda: _resources(configuration, reader.deployment))
    opener = KmsOpener(kms, settings.kms_key)

    def stores_of(session: Session | None, note: Note | None) -> dict[str, Any]:
        from authserver.aws.dynamodb.ends import session_stands

        checks = session_stands(settings.tokens_table, session, reader.shard(), "guard") if session else ()
        return made.guarded(Guard(checks, made.noting(note)))

    keys = KeyRing(
        DynamoKeys(dynamodb, settings.keys_table, made.noting), opener, settings, now, os.urandom, reader.deployment
    )
    if settings.aws_client == "lean":
        keys.load_ahead(
            (TOKEN_RING, settings.access_token_algorithm, ID_TOKEN_RING) if issues else (),
            (settings.access_token_algorithm,) if checks else (),
        )
    return Services(
        settings=settings,
        **own,
        journal=cast("JournalStore", Later(made.journal)),
        counters=cast("CounterStore", Later(made.counters)),
        erasures=cast("ErasureStore", Later(made.erasures)),
        documents=cast("DocumentStore", Later(made.documents)),
        audit=cast("AuditStore", Later(made.audit)),
        chain=cast("ChainStore", Later(made.chain)),
        scopes=RememberedScopes(lambda: configuration.scopes(), reader.deployment),
        resources=lambda: resources() if reader.deployment().resources else None,
        deployment=reader.deployment,
        keys=keys,
        now=now,
        random=os.urandom,
        grants=_grants(settings) if grants else cast("Mapping[str, GrantType]", Later(lambda: _grants(settings))),
        client_authentication=load_plugins("authserver.client_authentication", settings.client_auth_methods, "METHOD"),
        passwords=hasher,
        listed_providers=Later(lambda: _listed_providers(own["identity_providers"])),
        theme=cast("Looks", Later(lambda: _theme(configuration))),
        opener=opener,
        settle=settle,
        stores_of=stores_of,
        fetcher=_fetcher(settings) if goes_out else None,
        order_mail=_mail_orders(settings) if orders_mail and settings.mail_from else None,
        archive=_archive(settings) if seals and settings.audit_bucket else None,
        mailer=_mailer(settings) if sends_mail and settings.mail_from else None,
        order_erasure=_erasure_orders(settings) if orders_erasures else None,
        order_document=order_document,
        order_delivery=_delivery_orders(settings) if orders_deliveries and settings.webhook_queue else None,
        bridge=_bridge(settings) if has_bridge and settings.refresh_token_bridge else None,
        token_hook=_token_hook(settings) if settings.token_hook else None,
        told=told,
    )


def connected(settings: Settings, environ: Mapping[str, str]) -> tuple[Service, Service]:
    """DynamoDB and KMS: by the lean client, or by boto3 where the operator or the environment asks for what only that
    knows.

    The lean client opens its connections at once, in the init phase, where Lambda gives a whole core.
    """
    if settings.aws_client == "lean":
        from authserver.aws.lean.client import DYNAMODB, KMS, LeanService
        from authserver.aws.lean.credentials import credential_source
        from authserver.aws.lean.endpoints import Unsupported

        try:
            credentials = credential_source(environ)
            services = [LeanService.from_environ(one, environ, credentials) for one in (DYNAMODB, KMS)]
        except Unsupported as unsupported:
            write_problem("boto3 is used, for what the lean client does not know", setting=str(unsupported))
        else:
            services[0].connect()
            return services[0], services[1]
    from authserver.aws.boto import CONFIG, BotoService, boto3

    return BotoService(boto3.client("dynamodb", config=CONFIG)), BotoService(boto3.client("kms", config=CONFIG))


class LazyPasswords:
    """Implements `services.PasswordHasher` by one that is loaded when the first hash is met."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._hasher: PasswordHasher | None = None

    def load(self) -> PasswordHasher:
        if self._hasher is None:
            module = import_module("authserver.identity.password")
            self._hasher = cast("PasswordHasher", module.Argon2Passwords(self._settings.imported_password_hashes))
        return self._hasher

    def hash(self, password: Secret) -> str:
        return self.load().hash(password)

    def verify(self, password: Secret, password_hash: str | None) -> bool:
        return self.load().verify(password, password_hash)

    def matches(self, password: Secret, password_hash: str) -> bool:
        return self.load().matches(password, password_hash)

    def is_outdated(self, password_hash: str) -> bool:
        return self.load().is_outdated(password_hash)


def now() -> int:
    """Epoch seconds."""
    return int(time.time())


def clock() -> float:
    """Epoch seconds and parts of them."""
    return time.time()


def clocks() -> tuple[float, float]:
    """Seconds by the wall clock, and by the one that never goes back; each with a beginning of its own."""
    return time.time(), time.monotonic()


def settle() -> None:
    """Waits until what functions remember of the deployment's item is older than they let it become."""
    time.sleep(2 * DEPLOYMENT_AGE)


def _listed_providers(store: IdentityProviderStore) -> Callable[[], Any]:
    from authserver.identity.providers import RememberedProviders

    return RememberedProviders(store.list, now)


def _resources(configuration: Any, deployment: Callable[[], Deployment]) -> Callable[[], ResourceCatalogue]:
    from authserver.resources import RememberedResources

    return RememberedResources(configuration.resources, deployment)


def _theme(configuration: Any) -> Looks:
    from authserver.theme import RememberedTheme

    return RememberedTheme(configuration.theme, now)


def _fetcher(settings: Settings) -> Fetcher:
    from authserver.identity.fetch import Fetch

    return Fetch(clock, loopback=settings.loopback_upstreams)


def _mail_orders(settings: Settings) -> Callable[[MailOrder], None]:
    from authserver.aws.boto import CONFIG, boto3
    from authserver.aws.mail_orders import MailOrders

    return MailOrders(boto3.client("lambda", config=CONFIG), settings.mail_function)


def _erasure_orders(settings: Settings) -> Callable[[str], None]:
    from authserver.aws.boto import CONFIG, boto3
    from authserver.aws.erasure_orders import ErasureOrders

    return ErasureOrders(boto3.client("lambda", config=CONFIG), settings.erase_function)


def _document_orders(settings: Settings) -> Callable[[DocumentOrder], str]:
    """Made with the first order: boto3 takes long to load, and documents are fetched seldom."""

    def make() -> Any:
        from authserver.aws.document_orders import DocumentOrders

        return DocumentOrders(settings.documents_function)

    return cast("Callable[[DocumentOrder], str]", Later(make))


def _delivery_orders(settings: Settings) -> Callable[[str, Event, str], None]:
    """Made with the first order: boto3 takes long to load, and webhooks are tried seldom."""

    def make() -> Any:
        from authserver.aws.boto import CONFIG, boto3
        from authserver.aws.deliveries import DeliveryOrders

        return DeliveryOrders(boto3.client("sqs", config=CONFIG), settings.webhook_queue)

    return cast("Callable[[str, Event, str], None]", Later(make))


def _bridge(settings: Settings) -> Bridge:
    from authserver.aws.refresh_token_bridge import RefreshTokenBridge

    return RefreshTokenBridge(settings.refresh_token_bridge, settings.refresh_token_bridge_until)


def _token_hook(settings: Settings) -> TokenHook:
    from authserver.aws.token_hook import InvokedHook

    return InvokedHook(settings.token_hook)


def _documented(settings: Settings, order: Callable[[DocumentOrder], str] | None) -> DocumentClients:
    """The clients that come of metadata documents; imported where the operator lets there be any."""
    from authserver.aws.dynamodb.documents import DocumentClients
    from authserver.messages.documents import DocumentOrder

    return DocumentClients(
        settings.admits_document,
        None if order is None else lambda client_id, source: order(DocumentOrder(client_id, source=source)),
    )


def _mailer(settings: Settings) -> Mailer:
    from authserver.aws.boto import boto3
    from authserver.aws.ses import CONFIG, SesMailer

    return SesMailer(boto3.client("sesv2", config=CONFIG), settings.mail_from)


def _archive(settings: Settings) -> Archive:
    from authserver.aws.archive import S3Archive
    from authserver.aws.boto import CONFIG, boto3

    return S3Archive(boto3.client("s3", config=CONFIG), settings.audit_bucket)


def _grants(settings: Settings) -> Mapping[str, GrantType]:
    return load_plugins("authserver.grants", settings.grant_types, "GRANT_TYPE")


def load_plugins(package: str, names: tuple[str, ...], attribute: str) -> Mapping[str, Any]:
    """The modules of `package` that the operator named, by what they say they are."""
    modules = (import_module(f"{package}.{name}") for name in names)
    return {getattr(module, attribute): module for module in modules}
