"""What the dead letters name is read from its stream again and published: by the handler of `publish` and boto3's
clients, on moto."""

import io
import json
from collections.abc import Iterator, Sequence
from typing import Any

import boto3
import pytest
from moto import mock_aws

from authserver.aws.dead_letters import SqsDeadLetters
from authserver.aws.publishing import Written, publishing
from authserver.events import TOKENS
from scripts.replay_events import main

QUEUES = {"EventDeadLetters": "https://sqs.eu-central-1.amazonaws.com/123456789012/dead", "PublishFunction": "publish"}


def client_of(service: str) -> Any:
    make: Any = boto3.client  # a service that only a variable names has no type
    return make(service, "eu-central-1")


class Stack:
    """Clients of moto for the stream and the queue; what is named by CloudFormation is said here, and Lambda runs the
    handler of `publish`, whose bus is a list."""

    def __init__(self) -> None:
        self.told: list[Written] = []
        self.accepts = True
        self.refuses: set[str] = set()  # keys of items whose changes are not taken
        self.fails = 0  # the number of the call at which the function fails
        self.called = 0
        self.tells_of_not_made = True
        self.queue = boto3.client("sqs", "eu-central-1").create_queue(QueueName="dead")["QueueUrl"]
        dead_letters = SqsDeadLetters(boto3.client("sqs", "eu-central-1"), self.queue)
        self.publish = publishing([self], dead_letters, {"tokens": TOKENS}, "https://login.example.com")

    def take(self, events: Sequence[Written]) -> int:
        if not self.accepts:
            return 0
        refused = (at for at, one in enumerate(events) if one.event.change.key in self.refuses)
        taken = next(refused, len(events))
        self.told += events[:taken]
        return taken

    def client(self, service: str) -> Any:
        return self if service in ("cloudformation", "lambda") else client_of(service)

    def describe_stack_resource(self, StackName: str, LogicalResourceId: str) -> Any:  # noqa: N803 - boto3's
        assert StackName == "authserver"
        return {
            "StackResourceDetail": {"PhysicalResourceId": {**QUEUES, "EventDeadLetters": self.queue}[LogicalResourceId]}
        }

    def invoke(self, FunctionName: str, Payload: bytes) -> Any:  # noqa: N803 - boto3's
        assert FunctionName == "publish:live"
        self.called += 1
        if self.called == self.fails:
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(b'{"errorType": "ClientError"}')}
        answer = self.publish(json.loads(Payload), None)
        if not self.tells_of_not_made:
            del answer["notMade"]
        return {"Payload": io.BytesIO(json.dumps(answer).encode())}

    def letter(self, stream: str, first: str, last: str) -> None:
        named = {"streamArn": stream, "startSequenceNumber": first, "endSequenceNumber": last}
        body = json.dumps({"DDBStreamBatchInfo": named})
        boto3.client("sqs", "eu-central-1").send_message(QueueUrl=self.queue, MessageBody=body)

    @property
    def letters(self) -> int:
        client: Any = boto3.client("sqs", "eu-central-1")
        counts = client.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["All"])["Attributes"]
        return int(counts["ApproximateNumberOfMessages"]) + int(counts["ApproximateNumberOfMessagesNotVisible"])

    @property
    def named(self) -> list[str]:
        """The changes that visible letters name."""
        client: Any = boto3.client("sqs", "eu-central-1")
        found = client.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(one["Body"])["DDBStreamBatchInfo"]["startSequenceNumber"] for one in found]


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setattr("scripts.replay_events.SECONDS", 0)
    with mock_aws():
        yield Stack()


@pytest.fixture
def written(stack: Stack) -> tuple[str, list[str]]:
    """A stream, and the sequence numbers of four changes in it: of the third no event can be made."""
    dynamodb = boto3.client("dynamodb", "eu-central-1")
    table = dynamodb.create_table(
        TableName="tokens",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )["TableDescription"]
    for number in range(4):
        item = {"pk": f"{'novelty' if number == 2 else 'session'}#{number}", "id": str(number), "subject": "u-1"}
        texts: dict[str, Any] = {name: {"S": text} for name, text in item.items()}
        dynamodb.put_item(TableName="tokens", Item={**texts, "secret_hash": {"B": b"octets"}})
    stream = table["LatestStreamArn"]
    streams = boto3.client("dynamodbstreams", "eu-central-1")
    [shard] = streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"]
    iterator = streams.get_shard_iterator(StreamArn=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")
    records = streams.get_records(ShardIterator=iterator["ShardIterator"])["Records"]
    return stream, [one["dynamodb"]["SequenceNumber"] for one in records]


def test_what_a_letter_names_is_published_and_the_letter_gone(stack: Stack, written: tuple[str, list[str]]) -> None:
    stream, numbers = written
    stack.letter(stream, numbers[0], numbers[1])
    assert main(["--stack", "authserver"], stack) == 0
    changes = [one.event.change for one in stack.told]
    assert [(one.table, one.key, one.after["secret_hash"]) for one in changes] == [
        (TOKENS, "session#0", b"octets"),
        (TOKENS, "session#1", b"octets"),
    ]
    assert [one.sequence for one in changes] == numbers[:2]
    assert stack.letters == 0


def test_what_no_event_can_be_made_of_is_left_with_a_letter(
    stack: Stack, written: tuple[str, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    """A letter of its own, in the place of the one that named others with it."""
    stream, numbers = written
    stack.letter(stream, numbers[1], numbers[3])
    for _ in range(2):
        assert main(["--stack", "authserver"], stack) == 1
        said = capsys.readouterr().out
        assert "no event can be made of 1 of its changes" in said
        assert "published" not in said
        assert stack.letters == 1
    assert stack.named == [numbers[2]]
    assert [one.event.change.key for one in stack.told] == ["session#1", "session#3"]


def test_what_is_not_published_again_keeps_its_letter(
    stack: Stack, written: tuple[str, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    stream, numbers = written
    stack.letter(stream, numbers[0], numbers[0])
    stack.accepts = False
    assert main(["--stack", "authserver"], stack) == 1
    assert stack.letters == 1
    assert f"tokens, change {numbers[0]}: it was not published again" in capsys.readouterr().out


@pytest.mark.parametrize("how", ["not taken", "a failure"])
def test_a_letter_whose_range_is_published_in_part_names_the_rest_from_then_on(
    how: str,
    stack: Stack,
    written: tuple[str, list[str]],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In pages of one change: what no event can be made of is on an earlier page than what is not published, and gets
    one letter, however often the command runs."""
    monkeypatch.setattr("scripts.replay_events.PAGE", 1)
    stream, numbers = written
    stack.letter(stream, numbers[1], numbers[3])
    if how == "not taken":
        stack.refuses = {"session#3"}
    else:
        stack.fails = 3
    assert main(["--stack", "authserver"], stack) == 1
    said = capsys.readouterr().out
    assert "no event can be made of 1 of its changes" in said
    assert f"it was not published again from change {numbers[3]} on" in said
    assert [one.event.change.key for one in stack.told] == ["session#1"]
    assert stack.letters == 2
    stack.refuses = set()
    assert main(["--stack", "authserver"], stack) == 1
    assert stack.named == [numbers[2]]
    assert [one.event.change.key for one in stack.told] == ["session#1", "session#3"]


def test_a_function_of_an_earlier_release_publishes_too(
    stack: Stack, written: tuple[str, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    """After `make rollback`. It does not tell of how many changes no event can be made, so that another run has to."""
    stream, numbers = written
    stack.tells_of_not_made = False
    stack.letter(stream, numbers[0], numbers[3])
    assert main(["--stack", "authserver"], stack) == 1
    assert "run this again" in capsys.readouterr().out
    assert [one.event.change.key for one in stack.told] == ["session#0", "session#1", "session#3"]
    assert stack.letters == 1
    assert stack.named == [numbers[2]]


def test_what_the_stream_has_no_more_keeps_its_letter(
    stack: Stack, written: tuple[str, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where it has a part: what is left must not be taken for all."""
    stream, numbers = written
    stack.letter(stream, numbers[3], str(int(numbers[3]) + 1))
    assert main(["--stack", "authserver"], stack) == 1
    assert (stack.told, stack.letters) == ([], 1)
    assert "the stream does not have it all any more" in capsys.readouterr().out
