"""Clients."""

from collections.abc import Iterable
from dataclasses import replace

from authserver.models.clients import LOGO_APART, Client, ClientSecret
from authserver.storage.clients import Licence, Slot, Unlicensed
from authserver.storage.lists import Page
from tests.fakes import filing
from tests.fakes.record import FakeRecord


class FakeClients:
    """Implements `storage.clients.ClientStore`."""

    def __init__(self, clients: Iterable[Client] = (), record: FakeRecord | None = None) -> None:
        self._record = record or FakeRecord()
        self._lock = self._record.lock
        self._clients = {client.client_id: client for client in clients}
        self._shared: dict[str, str] = {}

    def get(self, client_id: str) -> Client | None:
        with self._lock:
            return self._clients.get(client_id)

    def get_all(self, client_ids: Iterable[str]) -> dict[str, Client]:
        with self._lock:
            return {one: self._clients[one] for one in client_ids if one in self._clients}

    def find(self, client_id: str, source: str = "") -> Client | None:
        with self._lock:
            client = self._clients.get(client_id)
            if client is None:
                return None
            logo = LOGO_APART if client.logo_uri.startswith(LOGO_APART) else client.logo_uri
            return replace(client, logo_uri=logo, epoch=self._record.client(filing.key(client_id)).epoch)

    def create(self, client: Client, licence: Licence | None = None, slot: Slot | None = None) -> bool:
        with self._lock:
            is_key = 0 < len(client.client_id.encode()) <= 1024
            if client.client_id in self._clients or not is_key:
                return False
            end = self._record.client(filing.key(client.client_id))
            if end.suspended or end.version:
                return False
            if slot is not None and self._shared.get(slot.fingerprint, "") != slot.instead_of:
                return False
            if licence is not None:
                self._take_a_use(licence)
            self._clients[client.client_id] = client
            if slot is not None:
                self._shared[slot.fingerprint] = client.client_id
        return True

    def shared(self, fingerprint: str) -> str:
        with self._lock:
            return self._shared.get(fingerprint, "")

    def _take_a_use(self, licence: Licence) -> None:
        token = self._record.initial_access_tokens.get(licence.token_id)
        if token is None or token.secret_hash != licence.secret_hash:
            raise Unlicensed
        if token.remaining < 1 or token.expires_at <= licence.now:
            raise Unlicensed
        if not token.begun.era == licence.era == self._record.deployment.era:
            raise Unlicensed
        self._record.initial_access_tokens[token.id] = replace(token, remaining=token.remaining - 1)

    def keep(self, client_id: str) -> None:
        with self._lock:
            client = self._clients.get(client_id)
            if client and client.expires_at is not None:
                self._clients[client_id] = replace(client, expires_at=None, version=client.version + 1)
                self._record.move_client(client_id)

    # -- what withdrawals change

    def put(self, client: Client) -> None:
        """Puts a client whatever is there, with what it may have in its end, as if it had been changed to that."""
        with self._lock:
            key = filing.key(client.client_id)
            self._clients[client.client_id] = client
            end = replace(self._record.client(key), scope=client.scope, acts_for_itself=client.acts_for_itself)
            self._record.clients[key] = end

    def remove(self, client_id: str) -> None:
        with self._lock:
            self._clients.pop(client_id, None)

    def rehash(self, client_id: str, position: int, old: str, new: ClientSecret) -> bool:
        with self._lock:
            client = self._clients.get(client_id)
            secrets = client.secrets if client and old else ()
            if client is None or [secret.encoded for secret in secrets[position : position + 1]] != [old]:
                return False
            before, after = secrets[:position], secrets[position + 1 :]
            self._clients[client_id] = replace(client, secrets=(*before, new, *after))
        return True

    def note_use(self, client_id: str, position: int, secret: ClientSecret, now: int) -> bool:
        with self._lock:
            client = self._clients.get(client_id)
            secrets = client.secrets if client else ()
            if client is None or [one.created_at for one in secrets[position : position + 1]] != [secret.created_at]:
                return False
            used = replace(secrets[position], used_at=now)
            self._clients[client_id] = replace(client, secrets=(*secrets[:position], used, *secrets[position + 1 :]))
        return True

    def list(self, *, owner: str | None = None, limit: int = 50, cursor: str | None = None) -> Page[Client]:
        with self._lock:
            found = [client for client in self._clients.values() if owner in (None, client.owner)]
        return filing.page(found, limit, cursor)
