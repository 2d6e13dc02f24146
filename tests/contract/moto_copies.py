"""What makes moto's transactions fast: copies of the items that they name, and not of whole tables."""

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest import mock

from moto.dynamodb import models
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table


@contextmanager
def copies_of_targets(request: Mapping[str, Any]) -> Iterator[None]:
    """For one call of TransactWriteItems, while no other is made: `request` is its body, or its arguments.

    To restore them should a transaction be refused, moto copies the tables whole, once for each of its writes. It
    changes no item but those that the transaction names.
    """
    with mock.patch.object(models, "copy", _CopiesOfTargets(request)):  # where moto has the module
        yield


class _CopiesOfTargets:
    def __init__(self, request: Mapping[str, Any]) -> None:
        self._request = request

    def deepcopy(self, value: Any) -> Any:
        if not isinstance(value, Table):
            return copy.deepcopy(value)
        before = copy.copy(value)
        before.items = copy.copy(value.items)
        for target in self._targets(value):
            if target in before.items:
                before.items[target] = copy.deepcopy(before.items[target])
        return before

    def _targets(self, table: Table) -> Iterator[DynamoType]:
        for one in self._request.get("TransactItems", ()):
            ((_, write),) = one.items()
            if write["TableName"] == table.name:
                yield DynamoType(write.get("Key", write.get("Item"))[table.hash_key_attr])
