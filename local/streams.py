"""Streams of tables and queues, to the functions that event source mappings name: what Lambda's pollers do."""

import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from local.intrinsics import REGION
from local.logs import Log
from local.stack import SourceMapping
from local.workers import FunctionError

PAUSE = 1.0  # seconds before what failed is tried again
ATTEMPTS = 30  # after which a change is left out, as Lambda does after an hour

type Invoke = Callable[[str, Mapping[str, Any]], Any]
type Record = dict[str, Any]


class Streams:
    """Gives each change of a table to the functions that read its stream, in their order.

    `invoke` invokes a function by its logical id and waits. `read` are the tables that have a reader.
    """

    def __init__(self, mappings: Sequence[SourceMapping], account: str, invoke: Invoke, log: Log) -> None:
        self._account = account
        self._invoke = invoke
        self._log = log
        self._numbers = iter(range(10**20, 10**21))
        self._readers = [(one, queue.SimpleQueue[Record]()) for one in mappings if one.table]
        self.read = frozenset(one.table for one, _ in self._readers)
        for mapping, records in self._readers:
            threading.Thread(target=self._follow, args=(mapping, records), daemon=True).start()

    def add(self, table: str, key: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
        """An item of a table changed; `before` and `after` are attribute values, empty where there was or is none."""
        if before == after:
            return
        images = {"OldImage": before, "NewImage": after}
        number = str(next(self._numbers))
        record = {
            "eventID": number,
            "eventName": "MODIFY" if before and after else "INSERT" if after else "REMOVE",
            "eventSource": "aws:dynamodb",
            "awsRegion": REGION,
            "eventSourceARN": f"arn:aws:dynamodb:{REGION}:{self._account}:table/{table}/stream/latest",
            "dynamodb": {
                "ApproximateCreationDateTime": time.time(),
                "Keys": dict(key),
                "SequenceNumber": number,
                **{name: dict(image) for name, image in images.items() if image},
            },
        }
        for mapping, records in self._readers:
            if mapping.table == table and mapping.wants(record):
                records.put(record)

    def _follow(self, mapping: SourceMapping, records: "queue.SimpleQueue[Record]") -> None:
        batch: list[Record] = []
        failures = 0
        while True:
            batch += _waiting(records, mapping.batch_size - len(batch), wait=not batch)
            left = self._left_of(mapping, batch)
            failures = failures + 1 if len(left) == len(batch) else 0
            if failures == ATTEMPTS:
                self._log.line(mapping.function, f"a change is left out after {ATTEMPTS} attempts")
                left, failures = left[1:], 0
            batch = left
            if batch:
                time.sleep(PAUSE)

    def _left_of(self, mapping: SourceMapping, batch: list[Record]) -> list[Record]:
        """What the function did not take."""
        try:
            answer = self._invoke(mapping.function, {"Records": batch})
        except FunctionError as error:
            self._log.line(mapping.function, f"failed on a stream: {error.error_type}: {error.message}")
            return batch
        failed = [one["itemIdentifier"] for one in (answer or {}).get("batchItemFailures", [])]
        numbers = [one["dynamodb"]["SequenceNumber"] for one in batch]
        return batch[numbers.index(failed[0]) :] if failed else []


def _waiting(records: "queue.SimpleQueue[Record]", most: int, *, wait: bool) -> Iterator[Record]:
    """What is there, at most so many; with `wait`, at least one."""
    for number in range(most):
        try:
            yield records.get(block=wait and number == 0)
        except queue.Empty:
            return
