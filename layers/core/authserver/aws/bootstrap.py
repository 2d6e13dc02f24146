"""Builds the services of a function, once per cold start. Nothing is asked of the network before the first request."""

import logging
import os
import secrets
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, cast

from authserver.aws.boto import Config, boto3
from authserver.aws.dynamodb import (
    DynamoBrowsers,
    DynamoClients,
    DynamoConfiguration,
    DynamoCounters,
    DynamoFactors,
    DynamoIdentityProviders,
    DynamoJournal,
    DynamoKeys,
    DynamoOrganisations,
    DynamoTokens,
    DynamoUsers,
)
from authserver.aws.kms import KmsOpener
from authserver.identity.providers import RememberedProviders
from authserver.messages import MailOrder
from authserver.scopes import RememberedScopes
from authserver.services import Fetcher, Mailer, PasswordHasher, Services
from authserver.settings import Settings
from authserver.theme import RememberedTheme
from authserver.tokens.keyring import KeyRing
from authserver.values import Secret

# Well below the functions' timeouts, so that a slow store becomes a 503 and not a silent death (SECURITY, section 4).
# It tells at INFO where it found credentials, at every cold start.
logging.getLogger("botocore.credentials").setLevel(logging.WARNING)

CONFIG = Config(
    connect_timeout=1,
    read_timeout=1,
    retries={"mode": "standard", "total_max_attempts": 2},
    parameter_validation=False,  # costs time on each call; the contract tests send the same calls with it
)


def bootstrap(
    *,
    jose: bool | str = False,
    passwords: bool | str = False,
    goes_out: bool = False,
    orders_mail: bool = False,
    sends_mail: bool = False,
) -> Services:
    """The services, from the environment.

    `jose` loads the JOSE library now, in the init phase, rather than with the first token: for the functions that sign
    or verify. `passwords` does so for the library that checks them; elsewhere only an imported client secret needs it.
    Each may be the name of a grant type instead: then where the operator has turned that on.
    `goes_out` is for the one function that fetches from the internet, `orders_mail` for those whose pages have mails
    sent, and `sends_mail` for the one that sends them.
    """
    settings = Settings.from_environ(os.environ)
    hasher = LazyPasswords(settings)
    if jose is True or jose in settings.grant_types:
        import_module("authserver.tokens.jwt")
    if passwords is True or passwords in settings.grant_types:
        hasher.load()
    dynamodb = boto3.client("dynamodb", config=CONFIG)
    kms = boto3.client("kms", config=CONFIG)
    configuration = DynamoConfiguration(dynamodb, settings.configuration_table)
    opener = KmsOpener(kms, settings.kms_key)
    providers = DynamoIdentityProviders(dynamodb, settings.configuration_table)
    return Services(
        settings=settings,
        clients=DynamoClients(dynamodb, settings.clients_table),
        users=DynamoUsers(dynamodb, settings.users_table),
        factors=DynamoFactors(dynamodb, settings.users_table),
        organisations=DynamoOrganisations(dynamodb, settings.users_table),
        tokens=DynamoTokens(dynamodb, settings.tokens_table, settings.users_table),
        browsers=DynamoBrowsers(dynamodb, settings.tokens_table),
        journal=DynamoJournal(dynamodb, settings.tokens_table),
        counters=DynamoCounters(dynamodb, settings.tokens_table),
        configuration=configuration,
        scopes=RememberedScopes(configuration.scopes, now),
        keys=KeyRing(DynamoKeys(dynamodb, settings.keys_table), opener, settings, now, secrets.token_bytes),
        now=now,
        random=secrets.token_bytes,
        grants=load_plugins("authserver.grants", settings.grant_types, "GRANT_TYPE"),
        client_authentication=load_plugins("authserver.client_authentication", settings.client_auth_methods, "METHOD"),
        passwords=hasher,
        identity_providers=providers,
        listed_providers=RememberedProviders(providers.list, now),
        theme=RememberedTheme(configuration.theme, now),
        opener=opener,
        fetcher=_fetcher(settings) if goes_out else None,
        order_mail=_mail_orders(settings) if orders_mail and settings.mail_from else None,
        mailer=_mailer(settings) if sends_mail and settings.mail_from else None,
    )


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


def _fetcher(settings: Settings) -> Fetcher:
    from authserver.identity.fetch import Fetch

    return Fetch(clock, loopback=settings.loopback_upstreams)


def _mail_orders(settings: Settings) -> Callable[[MailOrder], None]:
    from authserver.aws.mail_orders import MailOrders

    return MailOrders(boto3.client("lambda", config=CONFIG), settings.mail_function)


def _mailer(settings: Settings) -> Mailer:
    from authserver.aws.ses import CONFIG, SesMailer

    return SesMailer(boto3.client("sesv2", config=CONFIG), settings.mail_from)


def load_plugins(package: str, names: tuple[str, ...], attribute: str) -> Mapping[str, Any]:
    """The modules of `package` that the operator named, by what they say they are."""
    modules = (import_module(f"{package}.{name}") for name in names)
    return {getattr(module, attribute): module for module in modules}
