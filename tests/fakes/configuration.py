"""Scopes, theme and identity providers."""

from dataclasses import replace
from typing import Any

from authserver.models.configuration import IdentityProvider, Theme
from authserver.models.organisations import Membership
from authserver.models.webhooks import Webhooks
from authserver.resources import ResourceCatalogue
from authserver.scopes import ScopeCatalogue
from authserver.storage.configuration import GIVING_FIELDS, PROVIDER_FIELDS, CallbackTaken, DomainTaken
from tests.fakes.record import FakeRecord


class FakeConfiguration:
    """Implements `storage.configuration.ConfigurationStore`."""

    def __init__(self, record: FakeRecord | None = None) -> None:
        self._record = record or FakeRecord()
        self._lock = self._record.lock
        self._scopes: ScopeCatalogue | None = None
        self._resources: ResourceCatalogue | None = None
        self._theme: Theme | None = None
        self._webhooks: Webhooks | None = None

    def scopes(self) -> ScopeCatalogue | None:
        with self._lock:
            return self._scopes

    def put_scopes(self, catalogue: ScopeCatalogue) -> bool:
        """What `FakeWithdrawals.change_scopes` does."""
        with self._lock:
            if catalogue.version != (self._scopes.version if self._scopes else 0):
                return False
            self._scopes = replace(catalogue, version=catalogue.version + 1)
            self._record.deployment = replace(self._record.deployment, catalogue=catalogue.version + 1)
        return True

    def resources(self) -> ResourceCatalogue | None:
        with self._lock:
            return self._resources

    def put_resources(self, catalogue: ResourceCatalogue) -> bool:
        """What `FakeWithdrawals.change_resources` does."""
        with self._lock:
            if catalogue.version != (self._resources.version if self._resources else 0):
                return False
            self._resources = replace(catalogue, version=catalogue.version + 1)
            self._record.deployment = replace(self._record.deployment, resources=catalogue.version + 1)
        return True

    def theme(self) -> Theme | None:
        with self._lock:
            return self._theme

    def put_theme(self, theme: Theme) -> bool:
        with self._lock:
            if theme.version != (self._theme.version if self._theme else 0):
                return False
            self._theme = replace(theme, version=theme.version + 1)
        return True

    def delete_theme(self) -> None:
        with self._lock:
            self._theme = None

    def webhooks(self) -> Webhooks | None:
        with self._lock:
            return self._webhooks

    def put_webhooks(self, webhooks: Webhooks) -> bool:
        with self._lock:
            if webhooks.version != (self._webhooks.version if self._webhooks else 0):
                return False
            self._webhooks = replace(webhooks, version=webhooks.version + 1)
        return True


class FakeIdentityProviders:
    """Implements `storage.configuration.IdentityProviderStore`."""

    def __init__(self, record: FakeRecord | None = None) -> None:
        self._record = record or FakeRecord()
        self._lock = self._record.lock
        self._providers = self._record.providers
        self._ended: dict[str, IdentityProvider] = {}

    def get(self, provider_id: str) -> IdentityProvider | None:
        with self._lock:
            return self._providers.get(provider_id)

    def giving(self, provider_id: str) -> IdentityProvider | None:
        provider = self.get(provider_id)
        fields = {name: getattr(provider, name) for name in GIVING_FIELDS} if provider else {}
        return IdentityProvider(provider_id, "", "", "", **fields) if provider else None

    def ended(self, provider_id: str) -> str | None:
        with self._lock:
            removed = None if provider_id in self._providers else self._ended.get(provider_id)
            return removed.made_by if removed else None

    def by_domain(self, domain: str) -> IdentityProvider | None:
        with self._lock:
            return next((one for one in self._providers.values() if domain in one.domains), None)

    def by_callback(self, path: str) -> IdentityProvider | None:
        with self._lock:
            return next((one for one in self._providers.values() if path and path == one.callback_path), None)

    def put(self, provider: IdentityProvider) -> bool:
        with self._lock:
            stored = self._providers.get(provider.id)
            if provider.version != (stored.version if stored else 0):
                return False
            others = [one for one in self._providers.values() if one.id != provider.id]
            if any(set(one.domains) & set(provider.domains) for one in others):
                raise DomainTaken
            if provider.callback_path in {one.callback_path for one in others} - {""}:
                raise CallbackTaken
            before = stored or self._ended.get(provider.id)
            self._providers[provider.id] = replace(provider, version=before.version + 1 if before else 1)
        return True

    def change(self, provider: IdentityProvider, by: Membership, **changes: Any) -> IdentityProvider | None:
        if not changes or not changes.keys() <= PROVIDER_FIELDS or changes.get("claims"):
            raise ValueError("these fields cannot be changed")
        with self._lock:
            stored = self._providers.get(provider.id)
            if stored is None or (stored.version, stored.organisation) != (provider.version, by.organisation):
                return None
            if not self._record.is_administrators(by):
                return None
            self._providers[provider.id] = replace(stored, **changes, version=stored.version + 1)
            return self._providers[provider.id]

    def delete(self, provider_id: str) -> None:
        with self._lock:
            removed = self._providers.pop(provider_id, None)
            if removed is not None:
                self._ended[provider_id] = replace(removed, version=removed.version + 1)

    def list(self) -> tuple[IdentityProvider, ...]:
        with self._lock:
            return tuple(sorted(self._providers.values(), key=lambda provider: provider.created_at))
