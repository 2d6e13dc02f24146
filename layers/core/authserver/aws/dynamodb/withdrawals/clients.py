"""Withdrawals of clients, and of the right to register them."""

from dataclasses import replace

from authserver.aws.dynamodb.clients import client_writes
from authserver.aws.dynamodb.ends import move_client_end, raise_client_end
from authserver.aws.dynamodb.withdrawals.common import Withdrawals, suspension_of
from authserver.aws.items.primary_keys import initial_access_token_key, logo_key
from authserver.aws.table import Placed, Write, decode_item
from authserver.ends import SUSPENDED_DELETED, SUSPENDED_DISABLED
from authserver.models import ACTIVE
from authserver.models.clients import Client


class ClientWithdrawals(Withdrawals):
    def revoke_initial_access_token(self, token_id: str) -> bool:
        remove = Write.delete({"pk": initial_access_token_key(token_id)}, "attribute_exists(pk)")
        return not self._tokens.transact([(self._tables.tokens, remove)])

    def change_client(self, client: Client) -> bool:
        stored = self._clients.get({"client_id": client.client_id})
        if stored is None:
            return False
        has_turned = decode_item(stored).get("status", ACTIVE) != client.status
        successor = replace(client, version=client.version + 1)
        records = client_writes(
            self._tables, self._configuration_table, successor, "version = :version", client.version
        )
        ends = move_client_end(
            self._tables.tokens,
            client.client_id,
            successor,
            ends=has_turned,
            suspended=suspension_of(client.status) if has_turned else None,
        )
        return not self._clients.transact([*records, *ends])

    def delete_client(self, client_id: str, version: int | None = None) -> bool:
        decided = ("version = :version", {":version": version}) if version is not None else ()
        writes: list[Placed] = [
            (self._tables.clients, Write.delete({"client_id": client_id}, *decided)),
            (self._configuration_table, Write.delete({"id": logo_key(client_id)})),
            *move_client_end(self._tables.tokens, client_id, ends=True, suspended=SUSPENDED_DELETED),
        ]
        return not self._clients.transact(writes)

    def block_client(self, client_id: str, *, is_blocked: bool) -> bool:
        suspended = SUSPENDED_DISABLED if is_blocked else ""
        condition, values = "attribute_not_exists(suspended) OR suspended <> :deleted", {":deleted": SUSPENDED_DELETED}
        moves = raise_client_end(self._tables.tokens, client_id, suspended=suspended)
        is_not_deleted = Write.check({}, condition, values)
        return not self._tokens.transact([(table, move.and_only_if(is_not_deleted)) for table, move in moves])
