"""Withdrawals from the whole deployment."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from authserver.aws.dynamodb.configuration import resources_write, scopes_write
from authserver.aws.dynamodb.keys import ring_write
from authserver.aws.items.primary_keys import SHARDS, deployment_key
from authserver.aws.table import Placed, Write
from authserver.models.keys import Ring
from authserver.scopes import ScopeCatalogue

if TYPE_CHECKING:
    from authserver.resources import ResourceCatalogue


from authserver.aws.dynamodb.withdrawals.common import Withdrawals


class DeploymentWithdrawals(Withdrawals):
    def change_scopes(self, catalogue: ScopeCatalogue) -> bool:
        told = self._deployment("SET catalogue = :catalogue", {":catalogue": catalogue.version + 1})
        return not self._tokens.transact([(self._configuration_table, scopes_write(catalogue)), *told])

    def change_resources(self, catalogue: "ResourceCatalogue") -> bool:
        told = self._deployment("SET resources = :resources", {":resources": catalogue.version + 1})
        return not self._tokens.transact([(self._configuration_table, resources_write(catalogue)), *told])

    def withdraw_key(self, ring: Ring) -> bool:
        told = self._deployment("ADD #keys :one", {":one": 1}, {"#keys": "keys"})
        return not self._tokens.transact([(self._keys_table, ring_write(ring)), *told])

    def end_everything(self, era: str) -> None:
        self._write(self._deployment("SET era = :era", {":era": era}))

    def _deployment(
        self, expression: str, values: Mapping[str, Any], names: Mapping[str, str] | None = None
    ) -> list[Placed]:
        keys = ({"pk": deployment_key(shard)} for shard in range(SHARDS))
        return [(self._tables.tokens, Write.update(key, expression, "", values, names or {})) for key in keys]
