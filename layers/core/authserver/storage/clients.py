"""Registered clients."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Protocol

from authserver.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from authserver.models.clients import Client, ClientSecret
    from authserver.storage.lists import Page


@dataclass(frozen=True, slots=True)
class Licence:
    """An initial access token that was presented at the time `now`, in this `era` of the deployment: what it names, and
    the hash of its secret."""

    token_id: str
    secret_hash: bytes = field(repr=False)
    now: int
    era: str = ""


@dataclass(frozen=True, slots=True)
class Slot:
    """Of the client that is everybody's who registers the same metadata, by its `fingerprint`: who was found there, for
    whom another is registered, or an empty string."""

    fingerprint: str
    instead_of: str = ""


class Unlicensed(Exception):
    """There is no such initial access token, it has expired or ended, or it has no use left. Nothing was written."""


class ClientStore(Protocol):
    def get(self, client_id: str) -> Client | None:
        """The client's record, whole, or None: to look at and to change. `client_id` is text from outside."""

    def get_all(self, client_ids: Iterable[str]) -> dict[str, Client]:
        """Those that there are as `get` reads them, by identifier, in a read for each hundred, and of their logos."""

    def find(self, client_id: str, source: str = "") -> Client | None:
        """The client as it may be used now, with the epoch of its end, or None. `client_id` is text from outside.

        A logo that is in the record itself (a ``data:`` URL) is not read with it. An implementation may remember
        records, if it compares their version with that of the end at each call.
        """

    def create(self, client: Client, licence: Licence | None = None, slot: Slot | None = None) -> bool:
        """Registers a client unless its identifier is taken, or was before; tells whether it did.

        With a `licence` the same write takes one use of it, so that nothing is taken where no client is registered.
        Raises `Unlicensed`. With a `slot` the same write puts the client there, unless somebody else is by now than was
        found.
        """

    def shared(self, fingerprint: str) -> str:
        """The identifier of the client that was given last to whoever registered this metadata, or an empty string.

        What has become of that client its record tells.
        """

    def keep(self, client_id: str) -> None:
        """The registration is in use: it no longer expires, and has the next version, so that no change under way
        brings the expiry back. Nothing if there is no such client or it does not expire."""

    def list(self, *, owner: str | None = None, limit: int = 50, cursor: str | None = None) -> Page[Client]:
        """Every client, or every one of an owner, oldest first. Raises `BadCursor`."""

    def rehash(self, client_id: str, position: int, old: str, new: ClientSecret) -> bool:
        """Replaces the client's secret at `position` if its imported hash is `old`; tells whether it was."""

    def note_use(self, client_id: str, position: int, secret: ClientSecret, now: int) -> bool:
        """Notes that the secret at `position` was used, if it is made when `secret` was; tells whether it is."""
