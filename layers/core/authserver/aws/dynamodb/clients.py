"""The Clients table."""

from dataclasses import fields, replace
from typing import TYPE_CHECKING

from authserver.aws.dynamodb.lists import Index
from authserver.aws.items import client_of, read, secret_attribute
from authserver.aws.table import Item, Table, encode_item
from authserver.models import Client, ClientSecret
from authserver.storage import Page

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LISTED = "client"


class DynamoClients:
    """Implements `storage.ClientStore`."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._table = Table(client, table)
        self._all = Index(client, table, "client_id", "by_kind", "listed")
        self._owned = Index(client, table, "client_id", "by_owner", "listed_owner")

    def get(self, client_id: str) -> Client | None:
        if not _is_key(client_id):
            return None
        item = self._table.get({"client_id": client_id})
        return read(client_of, item)

    def put(self, client: Client) -> None:
        self._table.put(client_item(client))

    def create(self, client: Client) -> bool:
        return _is_key(client.client_id) and self._table.put_new(client_item(client), "client_id") is None

    def replace(self, client: Client) -> bool:
        successor = client_item(replace(client, version=client.version + 1))
        return self._table.put_if(successor, "version = :version", {":version": client.version})

    def keep(self, client_id: str) -> None:
        self._table.update_if(
            {"client_id": client_id}, "REMOVE expires_at ADD version :one", "attribute_exists(expires_at)", {":one": 1}
        )

    def rehash(self, client_id: str, position: int, old: str, new: ClientSecret) -> bool:
        return self._table.update_if(
            {"client_id": client_id},
            f"SET secrets[{position}] = :new",
            f"secrets[{position}].encoded = :old",
            {":old": old, ":new": secret_attribute(new)},
        )

    def note_use(self, client_id: str, position: int, secret: ClientSecret, now: int) -> bool:
        return self._table.update_if(
            {"client_id": client_id},
            f"SET secrets[{position}].used_at = :now",
            f"secrets[{position}].created_at = :created_at",
            {":now": now, ":created_at": secret.created_at},
        )

    def delete(self, client_id: str) -> None:
        self._table.delete({"client_id": client_id})

    def list(self, *, owner: str | None = None, limit: int = 50, cursor: str | None = None) -> Page[Client]:
        if owner is None:
            return self._all.page(LISTED, client_of, limit=limit, cursor=cursor)
        return self._owned.page(owner, client_of, limit=limit, cursor=cursor)


def client_item(client: Client) -> Item:
    """The item of a client."""
    return encode_item(
        {
            **{field.name: getattr(client, field.name) for field in fields(client)},
            "redirect_uris": tuple(uri.text for uri in client.redirect_uris),
            "post_logout_redirect_uris": tuple(uri.text for uri in client.post_logout_redirect_uris),
            "scope": str(client.scope),
            "default_scope": str(client.default_scope),
            "optional_scope": str(client.optional_scope),
            "secrets": tuple(map(secret_attribute, client.secrets)),
            "listed": LISTED,
            "listed_owner": client.owner,
        }
    )


def _is_key(client_id: str) -> bool:
    """Whether DynamoDB takes it as a key."""
    return 0 < len(client_id.encode("utf-8", "replace")) <= 1024
