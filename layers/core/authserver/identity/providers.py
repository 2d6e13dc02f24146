"""The identity providers that people may choose from, as a function instance sees them."""

from collections.abc import Callable
from urllib.parse import urlsplit

from authserver.errors import TemporarilyUnavailable
from authserver.models.configuration import IdentityProvider
from authserver.ports import Opener
from authserver.services import Services
from authserver.values import Secret, a_labels

CACHE_LIFETIME = 60
STALE_LIFETIME = 3600
SECRETS = "idp"  # stands in the encryption context where a key ring's name does


class RememberedProviders:
    """The active ones, looked at again every minute. If the store does not answer, those of the last hour still hold.

    For the sign-in page alone: who comes back from a provider is let in by the provider's own record.
    """

    def __init__(self, load: Callable[[], tuple[IdentityProvider, ...]], now: Callable[[], int]) -> None:
        self._load = load
        self._now = now
        self._loaded_at = 0
        self._providers: tuple[IdentityProvider, ...] | None = None

    def __call__(self) -> tuple[IdentityProvider, ...]:
        if self._providers is not None and self._loaded_at > self._now() - CACHE_LIFETIME:
            return self._providers
        try:
            self._providers = tuple(provider for provider in self._load() if provider.is_active)
            self._loaded_at = self._now()
        except TemporarilyUnavailable:
            if self._providers is None or self._loaded_at <= self._now() - STALE_LIFETIME:
                raise
        return self._providers


def domain_of(address: str) -> str:
    """The domain of an e-mail address, in lower case and A-labels; empty if it has none."""
    return a_labels(address.rpartition("@")[2].strip()) if "@" in address else ""


def name_of(issuer: str, services: Services) -> str:
    """What people know an issuer as: the name of its provider here, or else its host; for them to see.

    A provider of many tenants has an issuer for each of them, at one host.
    """
    try:
        listed = services.listed_providers()
    except TemporarilyUnavailable:
        listed = ()
    host = urlsplit(issuer).hostname or issuer
    same = [one.name for one in listed if one.issuer == issuer]
    at_host = [one.name for one in listed if urlsplit(one.issuer).hostname == host]
    return next(iter(same or at_host), host)


def wrap_secret(provider_id: str, secret: Secret, opener: Opener) -> bytes:
    """A client secret as it is stored; it opens for this provider alone."""
    return opener.wrap(secret.reveal().encode(), ring=SECRETS, kid=provider_id)


def unwrap_secret(provider: IdentityProvider, services: Services) -> Secret:
    """Our secret at the provider; empty where it wants none."""
    if not provider.client_secret:
        return Secret("")
    return Secret(services.opener.unwrap(provider.client_secret, ring=SECRETS, kid=provider.id).decode())
