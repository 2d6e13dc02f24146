"""What operators set while the server runs, and the server's keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from authserver.models.configuration import IdentityProvider, Theme
    from authserver.models.keys import Ring
    from authserver.models.organisations import Membership
    from authserver.models.webhooks import Webhooks
    from authserver.resources import ResourceCatalogue
    from authserver.scopes import ScopeCatalogue
    from authserver.storage.audit import Note


class ConfigurationStore(Protocol):
    def scopes(self) -> ScopeCatalogue | None:
        """The catalogue that an operator has stored, or None."""

    def resources(self) -> ResourceCatalogue | None:
        """The resources that operators have stored, or None."""

    def theme(self) -> Theme | None:
        """The theme that an operator has stored, or None."""

    def put_theme(self, theme: Theme) -> bool:
        """Writes the theme, with the next version, if what is stored has its version (0: none); tells whether."""

    def delete_theme(self) -> None:
        """Removes the theme; idempotent."""

    def webhooks(self) -> Webhooks | None:
        """The webhooks that operators have registered; None if there never were any."""

    def put_webhooks(self, webhooks: Webhooks) -> bool:
        """Writes the webhooks, with the next version, if what is stored has their version (0: none); tells whether."""


class DomainTaken(Exception):
    """Another identity provider has one of these domains. Nothing was written."""


class CallbackTaken(Exception):
    """Another identity provider answers at this path. Nothing was written."""


class ProviderOver(Exception):
    """The identity provider that a user signed in with may not sign users in any more. Nothing was written."""


# What an organisation may come to change of its own provider.
PROVIDER_FIELDS = frozenset(
    {
        *("name", "issuer", "client_id", "client_secret", "token_endpoint_auth_method"),
        *("sign_up", "trusts_email", "shown", "status", "claims"),
    }
)


# What decides which attributes of its users count that it gave; of the rest a record has the defaults then.
GIVING_FIELDS = ("epoch", "claims", "organisation")


class IdentityProviderStore(Protocol):
    def get(self, provider_id: str) -> IdentityProvider | None:
        """The identity provider of this identifier, which is text from outside."""

    def giving(self, provider_id: str) -> IdentityProvider | None:
        """The same with its `GIVING_FIELDS` alone, for claims: nothing is read of how people sign in there."""

    def ended(self, provider_id: str) -> str | None:
        """`made_by` of a provider that was removed, if there is none of this identifier now; else None."""

    def by_domain(self, domain: str) -> IdentityProvider | None:
        """The provider of users with an e-mail address in this domain, which is text from outside; None if there is
        none."""

    def by_callback(self, path: str) -> IdentityProvider | None:
        """The identity provider that answers at this path (`callback_path`), which is text from outside."""

    def put(self, provider: IdentityProvider) -> bool:
        """Writes a provider with its domains, its path and the next version, if what is stored has its version; tells
        whether.

        Version 0 stands for none: there never was one of this identifier, or it was removed. Raises `DomainTaken`,
        `CallbackTaken`.
        """

    def change(self, provider: IdentityProvider, by: Membership, **changes: Any) -> IdentityProvider | None:
        """Sets `PROVIDER_FIELDS` of a provider in one write; returns the changed provider, or None if unwritten.

        Condition: it is stored as it was read, it is of the organisation of `by`, and `by` is an administrator's and
        as it was read. Raises `ValueError` on no fields, on any other, and on claims: they may be dropped, not mapped.
        """

    def delete(self, provider_id: str) -> None:
        """Removes a provider and frees its domains and its path; idempotent."""

    def list(self) -> tuple[IdentityProvider, ...]:
        """Every provider, oldest first: eventually consistent, for people to choose from; it decides nothing."""


class KeyStore(Protocol):
    def get(self, name: str) -> Ring | None:
        """The ring of this name."""

    def put(self, ring: Ring, note: Note | None = None) -> bool:
        """Writes `ring` if its version is the successor of what is stored (1 of nothing); tells whether it did.

        The event of a note that is not written yet is written with it.
        """
