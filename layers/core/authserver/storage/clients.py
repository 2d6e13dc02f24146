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
    """An initial access token that was presented at the time `now`, in this `era` of the deployment, with the hash of
    its secret."""

    token_id: str
    secret_hash: bytes = field(repr=False)
    now: int
    era: str = ""


@dataclass(frozen=True, slots=True)
class Slot:
    """The place of the one client for all registrations of the same metadata, by its `fingerprint`: the identifier
    that was found there, for which another is registered, or an empty string."""

    fingerprint: str
    instead_of: str = ""


class Unlicensed(Exception):
    """The initial access token does not exist, has expired or ended, or has no use left. Nothing was written."""


class ClientStore(Protocol):
    def get(self, client_id: str) -> Client | None:
        """The client's whole record, to be shown or changed, or None. `client_id` is text from outside."""

    def get_all(self, client_ids: Iterable[str]) -> dict[str, Client]:
        """The existing records as `get` reads them, by identifier, with one read for each hundred, and one for each
        hundred logos."""

    def find(self, client_id: str, source: str = "") -> Client | None:
        """The client, to be used now, with the epoch of its end, or None. `client_id` is text from outside.

        A logo that is in the record itself (a ``data:`` URL) is not read with it. An implementation may remember
        records, if it compares their version with that of the end at each call.
        """

    def create(self, client: Client, licence: Licence | None = None, slot: Slot | None = None) -> bool:
        """Registers a client unless its identifier exists or existed before; returns whether it did.

        With a `licence`, the same write takes one use of it, so that no use is lost if no client is registered. Raises
        `Unlicensed`. With a `slot`, the same write puts the client there, unless the slot has changed since it was
        read.
        """

    def shared(self, fingerprint: str) -> str:
        """The identifier of the client that was registered last for this metadata, or an empty string.

        The client may have ended since; its record says so.
        """

    def keep(self, client_id: str) -> None:
        """The registration is in use: it does not expire any more, and gets the next version, so that no concurrent
        change brings the expiry back. Does nothing if there is no such client or it does not expire."""

    def list(self, *, owner: str | None = None, limit: int = 50, cursor: str | None = None) -> Page[Client]:
        """Every client, or every client of an owner, oldest first. Raises `BadCursor`."""

    def rehash(self, client_id: str, position: int, old: str, new: ClientSecret) -> bool:
        """Replaces the client's secret at `position` if its imported hash is `old`; returns whether it was."""

    def note_use(self, client_id: str, position: int, secret: ClientSecret, now: int) -> bool:
        """Notes that the secret at `position` was used, if it was created when `secret` was; returns whether it was."""
