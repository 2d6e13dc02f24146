"""The Clients table; and the logos that are in the records themselves, which are apart from what a token request
reads."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from authserver.aws.dynamodb.ends import era_stands, is_begun, move_client_end
from authserver.aws.dynamodb.lists import Index, read_all
from authserver.aws.dynamodb.reader import Reader, Tables, Wanted
from authserver.aws.items.clients import client_attributes, client_of, secret_attribute
from authserver.aws.items.primary_keys import (
    client_end_key,
    document_key,
    initial_access_token_key,
    is_key,
    key_text,
    logo_key,
    part_of,
    parts_of,
    shared_key,
)
from authserver.aws.items.records import read
from authserver.aws.service import Service
from authserver.aws.table import UNGUARDED, Guard, Item, Placed, Table, Write, decode_item, encode_item, read_together
from authserver.ends import Begun
from authserver.models.clients import LOGO_APART, Client, ClientSecret
from authserver.storage.clients import Licence, Slot, Unlicensed
from authserver.storage.lists import Page

LISTED = "client"
# Of a client's end: the identifier was never used before. A client whose registration expired was not removed, but may
# have left a version, which the record of another would not have.
IS_NOBODYS = "attribute_not_exists(suspended) AND attribute_not_exists(version)"


class DynamoClients:
    """Implements `storage.clients.ClientStore`."""

    def __init__(
        self,
        dynamodb: Service,
        tables: Tables,
        configuration_table: str,
        reader: Reader,
        guard: Guard = UNGUARDED,
    ) -> None:
        self._dynamodb = dynamodb
        self._tables = tables
        self._configuration_table = configuration_table
        self._reader = reader
        self._table = Table(dynamodb, tables.clients, guard)
        self._configuration = Table(dynamodb, configuration_table)
        self._all = Index(dynamodb, tables.clients, "client_id", "by_kind", "listed")
        self._owned = Index(dynamodb, tables.clients, "client_id", "by_owner", "listed_owner")

    def get(self, client_id: str) -> Client | None:
        if not is_key(client_id):
            return None
        if self._reader.has_document(client_id):
            return self._of_documents((client_id,)).get(client_id)
        logo = logo_key(client_id)
        found = read_together(
            self._dynamodb,
            {self._tables.clients: ("client_id", (client_id,)), self._configuration_table: ("id", (logo,))},
        )
        client = read(client_of, found[self._tables.clients].get(client_id))
        return with_logo(client, found[self._configuration_table].get(logo)) if client else None

    def get_all(self, client_ids: Iterable[str]) -> dict[str, Client]:
        keys = tuple(filter(is_key, client_ids))
        documented = tuple(filter(self._reader.has_document, keys))
        own = tuple(key for key in keys if key not in documented)
        items = read_all(self._dynamodb, {self._tables.clients: ("client_id", own)})[self._tables.clients]
        records = (read(client_of, item) for item in items.values())
        found = {one.client_id: one for one in self._with_logos(tuple(filter(None, records)))}
        return found | self._of_documents(documented) if documented else found

    def _of_documents(self, client_ids: Iterable[str]) -> dict[str, Client]:
        """Those that come of metadata documents, as these were when they were good last."""
        from authserver.aws.dynamodb.documents import remembered

        keys = {one: document_key(one) for one in client_ids}
        items = read_all(self._dynamodb, {self._tables.tokens: ("pk", keys.values())})[self._tables.tokens]
        found = {one: remembered(one, items.get(key)) for one, key in keys.items()}
        return {one: client for one, client in found.items() if client is not None}

    def find(self, client_id: str, source: str = "") -> Client | None:
        return self._reader.read(Wanted(client_id=client_id, source=source)).client if is_key(client_id) else None

    def create(self, client: Client, licence: Licence | None = None, slot: Slot | None = None) -> bool:
        if not is_key(client.client_id):
            return False
        key = {"pk": client_end_key(key_text(client.client_id), 0)}
        writes: list[Placed] = [
            *client_writes(self._tables, self._configuration_table, client, "attribute_not_exists(client_id)"),
            (self._tables.tokens, Write.check(key, IS_NOBODYS)),
        ]
        if slot is not None:
            writes.append((self._configuration_table, _given_in(slot, client.client_id)))
        is_new = frozenset(range(len(writes)))
        if licence is not None:
            writes.append((self._tables.tokens, _use_of(licence)))
            writes.append(era_stands(self._tables.tokens, licence.era, self._reader.shard()))
        refused = self._table.transact(writes)
        if refused and not refused & is_new:
            raise Unlicensed
        return not refused

    def shared(self, fingerprint: str) -> str:
        item = self._configuration.get({"id": shared_key(fingerprint)})
        return str(decode_item(item or {}).get("client_id", ""))

    def keep(self, client_id: str) -> None:
        keep = Write.update(
            {"client_id": client_id}, "REMOVE expires_at ADD version :one", "attribute_exists(expires_at)", {":one": 1}
        )
        self._table.transact([(self._tables.clients, keep), *move_client_end(self._tables.tokens, client_id)])

    def rehash(self, client_id: str, position: int, old: str, new: ClientSecret) -> bool:
        return self._write_secret(
            client_id,
            f"SET secrets[{position}] = :new",
            f"secrets[{position}].encoded = :old",
            {":old": old, ":new": secret_attribute(new)},
        )

    def note_use(self, client_id: str, position: int, secret: ClientSecret, now: int) -> bool:
        return self._write_secret(
            client_id,
            f"SET secrets[{position}].used_at = :now",
            f"secrets[{position}].created_at = :created_at",
            {":now": now, ":created_at": secret.created_at},
        )

    def _write_secret(self, client_id: str, expression: str, condition: str, values: Mapping[str, Any]) -> bool:
        """Such a write gives the record no other version: what is remembered of it is forgotten, or each use of the
        secret would make the write again."""
        self._reader.forget_client(client_id)
        return self._table.update_if({"client_id": client_id}, expression, condition, values)

    def list(self, *, owner: str | None = None, limit: int = 50, cursor: str | None = None) -> Page[Client]:
        if owner is None:
            page = self._all.page(parts_of(LISTED), client_of, limit=limit, cursor=cursor)
        else:
            page = self._owned.page(owner, client_of, limit=limit, cursor=cursor)
        return Page(self._with_logos(page.items), page.next)

    def _with_logos(self, clients: tuple[Client, ...]) -> tuple[Client, ...]:
        keys = {one.client_id: logo_key(one.client_id) for one in clients if one.logo_uri == LOGO_APART}
        wanted = {self._configuration_table: ("id", tuple(keys.values()))}
        found = read_together(self._dynamodb, wanted)[self._configuration_table]
        return tuple(with_logo(one, found.get(keys.get(one.client_id, ""))) for one in clients)


def _given_in(slot: Slot, client_id: str) -> Write:
    item = encode_item({"id": shared_key(slot.fingerprint), "client_id": client_id})
    if not slot.instead_of:
        return Write.put(item, "attribute_not_exists(client_id)")
    return Write.put(item, "client_id = :before", {":before": slot.instead_of})


def _use_of(licence: Licence) -> Write:
    same, counters, names = is_begun(Begun(era=licence.era))
    return Write.update(
        {"pk": initial_access_token_key(licence.token_id)},
        "ADD remaining :less",
        f"secret_hash = :hash AND remaining > :none AND expires_at > :now AND {same}",
        {":less": -1, ":none": 0, ":hash": licence.secret_hash, ":now": licence.now, **counters},
        names,
    )


def client_writes(
    tables: Tables, configuration_table: str, client: Client, condition: str, version: int | None = None
) -> list[Placed]:
    """The record of a client, and its logo, which is an item of its own if it is in the record itself."""
    values = {} if version is None else {":version": version}
    logo = {"id": logo_key(client.client_id)}
    is_apart = client.logo_uri.startswith(LOGO_APART)
    put = Write.put(encode_item({**logo, "logo_uri": client.logo_uri}))
    return [
        (tables.clients, Write.put(client_item(client), condition, values)),
        (configuration_table, put if is_apart else Write.delete(logo)),
    ]


def client_item(client: Client) -> Item:
    """The item of a client."""
    return encode_item(
        {
            **client_attributes(client),
            "logo_uri": LOGO_APART if client.logo_uri.startswith(LOGO_APART) else client.logo_uri,
            "listed": f"{LISTED}#{part_of(client.client_id)}",
            "listed_owner": client.owner,
        }
    )


def with_logo(client: Client, item: Item | None) -> Client:
    """The client with the logo that is in an item of its own, if it is."""
    if client.logo_uri != LOGO_APART:
        return client
    return replace(client, logo_uri=str(decode_item(item or {}).get("logo_uri", "")))
