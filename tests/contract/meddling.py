"""DynamoDB clients that do what DynamoDB may: others write between two items of one read, or at the same instant."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from tests.contract.tables import LOGICAL_IDS, every_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

WRITES = frozenset({"put_item", "update_item", "delete_item", "transact_write_items"})
READS = frozenset({"get_item", "batch_get_item"})

type Place = tuple[str, Mapping[str, Any]]


class Meddler:
    """A client whose every call can be answered otherwise: those that `around` gives an answer to."""

    def __init__(self, client: Any) -> None:
        self.beneath = client
        self.meta = client.meta
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        operation = getattr(self.beneath, name)

        def call(**arguments: Any) -> Any:
            self.calls.append(name)
            return self.around(name, operation, arguments)

        return call

    def around(self, name: str, operation: Callable[..., Any], arguments: dict[str, Any]) -> Any:
        return operation(**arguments)

    @property
    def as_client(self) -> "DynamoDBClient":
        return cast("DynamoDBClient", self)

    def count(self, names: frozenset[str]) -> int:
        """How many calls of these there were."""
        return sum(name in names for name in self.calls)


class Interleaved(Meddler):
    """Reads one item after the other, and has `commit` happen once, after so many of them: a batch is no snapshot.

    `backwards` begins with the last item. `read` is how many items were read.
    """

    def __init__(self, client: Any, after: int, commit: Callable[[], object], *, backwards: bool = False) -> None:
        super().__init__(client)
        self._after = after
        self._commit = commit
        self._backwards = backwards
        self.read = 0

    def around(self, name: str, operation: Callable[..., Any], arguments: dict[str, Any]) -> Any:
        if name == "get_item":
            answer = operation(**arguments)
            self._one_more()
            return answer
        if name != "batch_get_item":
            return operation(**arguments)
        responses: dict[str, list[Any]] = {}
        for table, key in self._order(arguments["RequestItems"]):
            item = self.beneath.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item")
            responses.setdefault(table, []).extend([item] if item else [])
            self._one_more()
        return {"Responses": responses}

    def _order(self, wanted: Mapping[str, Any]) -> list[Place]:
        places = [(table, key) for table, one in wanted.items() for key in one["Keys"]]
        return places[::-1] if self._backwards else places

    def _one_more(self) -> None:
        self.read += 1
        if self.read == self._after:
            self._commit()


class HalfVisible(Meddler):
    """Shows the items whose key `is_old` tells as they were when this was made, in so many of the next reads.

    So a transaction is to be seen while DynamoDB applies it: one of its items already, another not yet.
    """

    def __init__(self, client: Any, is_old: Callable[[str], bool], reads: int = 10**6) -> None:
        super().__init__(client)
        self._is_old = is_old
        self._reads = reads
        self._before: dict[tuple[str, str], Any] = {}
        for table in LOGICAL_IDS:
            for item in every_item(client, table):
                (key,) = [item[name]["S"] for name in ("pk", "id", "client_id", "kid") if name in item][:1]
                self._before[table, key] = item

    def show_old(self, reads: int) -> None:
        """Shows them so in so many reads from now on."""
        self._reads = reads

    def around(self, name: str, operation: Callable[..., Any], arguments: dict[str, Any]) -> Any:
        answer = operation(**arguments)
        if name not in READS or not self._reads:
            return answer
        self._reads -= 1
        if name == "get_item":
            ((_, key),) = arguments["Key"].items()
            found = self._as_seen(arguments["TableName"], key["S"], answer.get("Item"))
            return {"Item": found} if found else {}
        responses: dict[str, list[Any]] = {}
        for table, wanted in arguments["RequestItems"].items():
            for one in wanted["Keys"]:
                ((attribute, key),) = one.items()
                now = [item for item in answer["Responses"].get(table, ()) if item[attribute] == key]
                found = self._as_seen(table, key["S"], now[0] if now else None)
                responses.setdefault(table, []).extend([found] if found else [])
        return {**answer, "Responses": responses}

    def _as_seen(self, table: str, key: str, now: Any) -> Any:
        return self._before.get((table, key)) if self._is_old(key) else now


class Conflicting(Meddler):
    """Answers so many of the next writes with `error`, and makes none of them."""

    def __init__(self, client: Any, error: Callable[[str, dict[str, Any]], ClientError], times: int) -> None:
        super().__init__(client)
        self._error = error
        self.times = times

    def around(self, name: str, operation: Callable[..., Any], arguments: dict[str, Any]) -> Any:
        if name in WRITES and self.times:
            self.times -= 1
            raise self._error(name, arguments)
        return operation(**arguments)


def transaction_conflict(name: str, arguments: dict[str, Any]) -> ClientError:
    """What DynamoDB answers a write of an item that another transaction is writing."""
    if name != "transact_write_items":
        return ClientError({"Error": {"Code": "TransactionConflictException", "Message": "ongoing"}}, name)
    others = [{"Code": "None"}] * (len(arguments["TransactItems"]) - 1)
    return _cancelled(name, [{"Code": "TransactionConflict", "Message": "ongoing"}, *others])


def in_progress(name: str, arguments: dict[str, Any]) -> ClientError:
    """What it answers a transaction whose token another one is using."""
    if name != "transact_write_items":
        return transaction_conflict(name, arguments)
    return ClientError({"Error": {"Code": "TransactionInProgressException", "Message": "in progress"}}, name)


def _cancelled(name: str, reasons: list[dict[str, str]]) -> ClientError:
    answer: Any = {
        "Error": {"Code": "TransactionCanceledException", "Message": "cancelled"},
        "CancellationReasons": reasons,
    }
    return ClientError(answer, name)
