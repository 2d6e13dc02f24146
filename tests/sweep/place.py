"""The tables in MiniStack's engine: what is in them, and back to what was.

Whatever is written goes through `Watched`, which tells the keys before the write. So what may have changed is known
without looking at everything, even if the process that wrote it was killed.
"""

import json
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, cast

import boto3
from botocore.config import Config

from tests.contract.implementations import REGION
from tests.contract.tables import create_tables, definitions
from tests.ministack import PLAIN, BeforeSend, DynamoDB

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

READS = frozenset({"get_item", "batch_get_item", "query"})
WRITES = frozenset({"put_item", "update_item", "delete_item", "transact_write_items"})
AT_ONCE = {"read": 100, "write": 25}  # as many as a batch may have

# A table and the key of an item in it.
type Key = tuple[str, str]
type Item = dict[str, Any]
type State = Mapping[Key, Item]

KEYS = {table: definition["KeySchema"][0]["AttributeName"] for table, definition in definitions().items()}

# Lines for people to read, what is left of work in the background, and counters of attempts, which slow somebody down
# for a while. No power depends on them, so they may be missing, or too many, after a process was killed.
BESIDE = ("activity#", "event#", "refusals#", "erasure#", "throttle#", "spent#")


class Watched:
    """Sits where a client sits, and tells of each write before it is made: which items it is of."""

    def __init__(self, client: "DynamoDBClient", before_write: Callable[[frozenset[Key]], None]) -> None:
        self.meta = client.meta
        self._client = client
        self._before_write = before_write

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        perform = cast("Callable[..., Any]", getattr(self._client, operation))
        if operation in READS:
            return perform
        assert operation in WRITES, f"{operation} is none of the calls that are counted here"

        def call(**arguments: Any) -> Any:
            self._before_write(_written(arguments))
            return perform(**arguments)

        return call

    @property
    def as_client(self) -> "DynamoDBClient":
        """This object, for callers that need the client's type."""
        return cast("DynamoDBClient", self)


class Remembering(Watched):
    """The same, and what is known to be stored is not asked for again until it is written."""

    def __init__(self, place: "Place") -> None:
        super().__init__(place.raw, self._forget)
        self._place = place
        self._known = dict(place.state())
        self._unknown: set[Key] = set()

    def get_item(self, **arguments: Any) -> Any:
        key = _key(arguments)
        self._learn([key])
        return {"Item": self._known[key]} if key in self._known else {}

    def batch_get_item(self, **arguments: Any) -> Any:
        wanted = arguments["RequestItems"]
        keys = {table: [(table, key[KEYS[table]]["S"]) for key in one["Keys"]] for table, one in wanted.items()}
        self._learn([key for one in keys.values() for key in one])
        found = {table: [self._known[key] for key in one if key in self._known] for table, one in keys.items()}
        return {"Responses": found}

    def _learn(self, keys: Collection[Key]) -> None:
        unknown = self._unknown & set(keys)
        if unknown:
            self._known |= self._place.read(unknown)
            self._unknown -= unknown

    def _forget(self, keys: frozenset[Key]) -> None:
        self._place.touch(keys)
        self._unknown |= keys
        for key in keys:
            self._known.pop(key, None)


def _written(arguments: Mapping[str, Any]) -> frozenset[Key]:
    """The items that a call writes, or whose conditions it checks."""
    if "TransactItems" not in arguments:
        return frozenset({_key(arguments)})
    return frozenset(_key(write) for one in arguments["TransactItems"] for write in one.values())


def _key(write: Mapping[str, Any]) -> Key:
    place = write["Item"] if "Item" in write else write["Key"]
    return write["TableName"], place[KEYS[write["TableName"]]]["S"]


class Place:
    """The tables of a database of its own. `raw` is a client that is not watched."""

    def __init__(self, database: DynamoDB) -> None:
        self._session = boto3.Session("testing", "testing", region_name=REGION)
        self.database = database
        self.raw = self._new_client(database.before_send)
        create_tables(self.raw)
        self._known: dict[Key, Item] = {}
        self._touched: set[Key] = set()
        self.client = Watched(self.raw, self.touch).as_client

    def another_client(
        self, before_write: Callable[[frozenset[Key]], None], before_send: BeforeSend | None = None
    ) -> "DynamoDBClient":
        """One that tells of its writes; its calls may be answered elsewhere, for a process of its own."""
        return Watched(self._new_client(before_send or self.database.before_send), before_write).as_client

    def _new_client(self, before_send: BeforeSend) -> "DynamoDBClient":
        config = Config(retries={"total_max_attempts": 1}, proxies={}, parameter_validation=False).merge(PLAIN)
        client = self._session.client("dynamodb", config=config)
        client.meta.events.register("before-send.dynamodb", cast("Callable[..., None]", before_send))
        return client

    def remembering_client(self) -> "DynamoDBClient":
        """One that knows what is stored now."""
        return Remembering(self).as_client

    def touch(self, keys: Collection[Key]) -> None:
        """These items may be others from now on than they were."""
        self._touched |= set(keys)

    def state(self) -> State:
        """Everything that is stored."""
        touched = sorted(self._touched)
        for start in range(0, len(touched), AT_ONCE["read"]):
            keys = touched[start : start + AT_ONCE["read"]]
            found = self.read(keys)
            for key in keys:
                self._known.pop(key, None)
            self._known |= found
        self._touched.clear()
        return dict(self._known)

    def restore(self, wanted: State) -> None:
        """Everything as it was then."""
        different = {key for key in self._known.keys() | wanted.keys() if self._known.get(key) != wanted.get(key)}
        keys = sorted(different | self._touched)
        for start in range(0, len(keys), AT_ONCE["write"]):
            self._write(keys[start : start + AT_ONCE["write"]], wanted)
        self._known = dict(wanted)
        self._touched.clear()

    def read(self, keys: Collection[Key]) -> dict[Key, Item]:
        """Those of these items that are there."""
        request: dict[str, Any] = {}
        for table, key in keys:
            wanted = request.setdefault(table, {"Keys": [], "ConsistentRead": True})
            wanted["Keys"].append({KEYS[table]: {"S": key}})
        answer = self.raw.batch_get_item(RequestItems=request)
        assert not answer.get("UnprocessedKeys")
        return {
            (table, str(item[KEYS[table]]["S"])): cast("Item", item)
            for table, items in answer["Responses"].items()
            for item in items
        }

    def _write(self, keys: Collection[Key], wanted: State) -> None:
        request: dict[str, list[Any]] = {}
        for table, key in keys:
            item = wanted.get((table, key))
            put = {"PutRequest": {"Item": item}}
            delete = {"DeleteRequest": {"Key": {KEYS[table]: {"S": key}}}}
            request.setdefault(table, []).append(put if item else delete)
        answer = self.raw.batch_write_item(RequestItems=request)
        assert not answer.get("UnprocessedItems")


def essence(state: State) -> str:
    """What decides of all that is stored: the same for two states that allow the same."""
    decisive = {"\t".join(key): item for key, item in state.items() if not key[1].startswith(BESIDE)}
    return json.dumps(decisive, sort_keys=True, default=bytes.hex)
