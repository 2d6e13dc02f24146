"""Event source mappings: what functions get of tables and queues, and what comes again."""

import json
import threading
from collections.abc import Mapping
from typing import Any

import pytest

from local.logs import Log
from local.queues import Queues
from local.stack import SourceMapping
from local.streams import Streams
from local.workers import FunctionError

PATIENCE = 10
SESSIONS = {"dynamodb": {"Keys": {"pk": {"S": [{"prefix": "session#"}, {"prefix": "end#"}]}}}}
INSERTED = {"eventName": ["INSERT"]}


class Recorder:
    """A function: answers with what it was told to, and then that all went well."""

    def __init__(self, enough: int, *answers: Any) -> None:
        self.events: list[Any] = []
        self.done = threading.Event()
        self._enough = enough
        self._answers = list(answers)

    def __call__(self, _: str, event: Mapping[str, Any]) -> Any:
        self.events.append(event)
        if len(self.events) >= self._enough:
            self.done.set()
        answer = self._answers.pop(0) if self._answers else {"batchItemFailures": []}
        if isinstance(answer, Exception):
            raise answer
        return answer(event) if callable(answer) else answer


@pytest.fixture
def log(tmp_path: Any) -> Any:
    made = Log(tmp_path / "log", as_json=False)
    yield made
    made.close()


def item(key: str, status: str) -> dict[str, Any]:
    return {"pk": {"S": key}, "status": {"S": status}}


def test_a_stream_has_the_changes_that_a_filter_lets_through(log: Log) -> None:
    function = Recorder(1)
    mapping = SourceMapping("F", "Tokens", "", 100, (SESSIONS,))
    streams = Streams((mapping,), "1", function, log)
    for table, key in (("Tokens", "throttle#1"), ("Others", "session#1"), ("Tokens", "end#client#1")):
        streams.add(table, {"pk": {"S": key}}, {}, item(key, "active"))
    streams.add("Tokens", {"pk": {"S": "session#1"}}, item("session#1", "a"), item("session#1", "a"))
    assert function.done.wait(PATIENCE)
    ((record,),) = (event["Records"] for event in function.events)
    assert (record["eventName"], record["dynamodb"]["Keys"]) == ("INSERT", {"pk": {"S": "end#client#1"}})
    assert "OldImage" not in record["dynamodb"]


@pytest.mark.parametrize(("before", "wanted"), [({}, True), ({"pk": {"S": "k"}}, False)])
def test_a_filter_can_ask_what_kind_of_change_it_is(before: Any, wanted: bool) -> None:
    mapping = SourceMapping("F", "T", "", 1, (INSERTED,))
    assert mapping.wants({"eventName": "INSERT" if not before else "MODIFY"}) is wanted


def test_a_batch_comes_again_from_where_it_failed_and_whole_if_the_function_fails(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("local.streams.PAUSE", 0)

    def second(event: Any) -> Any:
        return {"batchItemFailures": [{"itemIdentifier": event["Records"][-1]["dynamodb"]["SequenceNumber"]}]}

    function = Recorder(3, FunctionError("no", "Error"), second)
    streams = Streams((SourceMapping("F", "T", "", 1, ()),), "1", function, log)
    streams.add("T", {"pk": {"S": "k"}}, {}, item("k", "active"))
    assert function.done.wait(PATIENCE)
    assert function.events[0] == function.events[1] == function.events[2]


URL = "https://sqs.eu-central-1.amazonaws.com/1/queue"


def sent(queues: Queues, body: str) -> None:
    attributes = {"webhook": {"DataType": "String", "StringValue": "one"}}
    entry = {"MessageBody": body, "MessageAttributes": attributes, "MessageGroupId": "one"}
    answer = queues.answer("SendMessageBatch", {"QueueUrl": URL, "Entries": [{"Id": "0", **entry}]})
    assert answer
    assert [one["Id"] for one in json.loads(answer.body)["Successful"]] == ["0"]


def test_a_message_leaves_the_queue_once_it_is_taken_and_comes_again_until_then(log: Log) -> None:
    queues = Queues("1", {"queue": 60})

    def later(event: Any) -> Any:
        (record,) = event["Records"]
        change = {"QueueUrl": URL, "ReceiptHandle": record["receiptHandle"], "VisibilityTimeout": 0}
        assert queues.answer("ChangeMessageVisibility", change)
        return {"batchItemFailures": [{"itemIdentifier": record["messageId"]}]}

    function = Recorder(2, later)
    sent(queues, "a body")
    queues.read(SourceMapping("F", "", "queue", 1), function, log)
    assert function.done.wait(PATIENCE)
    first, second = (event["Records"][0] for event in function.events)
    assert [one["attributes"]["ApproximateReceiveCount"] for one in (first, second)] == ["1", "2"]
    assert first["messageAttributes"] == {"webhook": {"dataType": "String", "stringValue": "one"}}
    assert first["body"] == second["body"] == "a body"


def test_a_queue_that_there_is_not_takes_nothing() -> None:
    answer = Queues("1", {}).answer("SendMessage", {"QueueUrl": URL, "MessageBody": "a body"})
    assert answer
    assert answer.status == 400
