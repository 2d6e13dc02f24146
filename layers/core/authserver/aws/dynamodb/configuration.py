"""The Configuration table: what operators set while the server runs."""

from dataclasses import asdict
from typing import TYPE_CHECKING

from authserver.aws.items import catalogue_of, read
from authserver.aws.table import Table, encode
from authserver.errors import TemporarilyUnavailable
from authserver.scopes import ScopeCatalogue

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SCOPES = "scopes"


class DynamoConfiguration:
    """Implements `storage.ConfigurationStore`."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._table = Table(client, table)

    def scopes(self) -> ScopeCatalogue | None:
        item = self._table.get({"id": SCOPES})
        if item is None:
            return None
        catalogue = read(catalogue_of, item)
        if catalogue is None:
            # Not "absent": then the default one would say what is sensitive and what is not.
            raise TemporarilyUnavailable("The store did not answer", reason="scopes_malformed")
        return catalogue

    def put_scopes(self, catalogue: ScopeCatalogue) -> bool:
        definitions = tuple(asdict(definition) for definition in catalogue.definitions)
        item = {"id": encode(SCOPES), "version": encode(catalogue.version + 1), "definitions": encode(definitions)}
        if catalogue.version == 0:
            return self._table.put_new(item, "id") is None
        return self._table.put_if(item, "version = :version", {":version": catalogue.version})
