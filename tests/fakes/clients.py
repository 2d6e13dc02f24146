"""Clients."""

import threading
from collections.abc import Iterable
from dataclasses import replace

from authserver.models import Client, ClientSecret
from authserver.storage import Page
from tests.fakes import filing


class FakeClients:
    """Implements `storage.ClientStore`."""

    def __init__(self, clients: Iterable[Client] = ()) -> None:
        self._lock = threading.Lock()
        self._clients = {client.client_id: client for client in clients}

    def get(self, client_id: str) -> Client | None:
        with self._lock:
            return self._clients.get(client_id)

    def put(self, client: Client) -> None:
        with self._lock:
            self._clients[client.client_id] = client

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

    def create(self, client: Client) -> bool:
        with self._lock:
            if client.client_id in self._clients or not 0 < len(client.client_id.encode()) <= 1024:
                return False
            self._clients[client.client_id] = client
        return True

    def replace(self, client: Client) -> bool:
        with self._lock:
            stored = self._clients.get(client.client_id)
            if stored is None or stored.version != client.version:
                return False
            self._clients[client.client_id] = replace(client, version=client.version + 1)
        return True

    def keep(self, client_id: str) -> None:
        with self._lock:
            client = self._clients.get(client_id)
            if client and client.expires_at is not None:
                self._clients[client_id] = replace(client, expires_at=None, version=client.version + 1)

    def delete(self, client_id: str) -> None:
        with self._lock:
            self._clients.pop(client_id, None)

    def list(self, *, owner: str | None = None, limit: int = 50, cursor: str | None = None) -> Page[Client]:
        with self._lock:
            found = [client for client in self._clients.values() if owner in (None, client.owner)]
        return filing.page(found, limit, cursor)
