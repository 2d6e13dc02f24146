"""Publishes what the queue of dead letters names: reads the changes from the tables' streams again (docs/events.md).

    python -m scripts.replay_events --stack authserver

A stream keeps a change for 24 hours. A change of which no event can be made gets another letter, in the place of the
one that named it. So do the changes from the first on that is not published again.
"""

import argparse
import base64
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

import boto3

SECONDS = 2  # that a queue is asked for more letters
INVISIBLE = 900  # seconds, in which a message is hidden from others while it is worked on
PAGE = 100  # records that are published at once
EMPTY = 20  # pages without records, after which nothing more is expected of a shard that is open
NOT_MADE = "no event can be made of {} of its changes; the log says why, and other letters name them"
NOT_COUNTED = "published, but for what other letters name: the function is of an earlier release, run this again"
NOT_TAKEN = "it was not published again from change {} on; the log says why"


class NotReplayed(Exception):
    """Why the letter stays."""


@dataclass(frozen=True)
class Replayed:
    """Of how many changes no event can be made, which have new letters: None if the function does not tell. `rest` is
    the sequence number of the first change that was not published, empty if all were."""

    not_made: int | None
    rest: str = ""

    @property
    def left(self) -> int:
        return (1 if self.not_made is None else self.not_made) + bool(self.rest)

    @property
    def said(self) -> Iterator[str]:
        if self.rest:
            yield NOT_TAKEN.format(self.rest)
        if self.not_made:
            yield NOT_MADE.format(self.not_made)
        elif not self.rest:
            yield NOT_COUNTED if self.not_made is None else "published"


class Aws(Protocol):
    """Makes clients, as `boto3` does."""

    def client(self, service: str) -> Any: ...


def main(arguments: Sequence[str] | None = None, aws: Aws | None = None) -> int:
    """The exit code: 0 if all was published, 1 if something is left."""
    aws = aws or cast("Aws", boto3)
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--stack", required=True, help="the name of the CloudFormation stack")
    stack = parser.parse_args(arguments).stack
    cloudformation, sqs = aws.client("cloudformation"), aws.client("sqs")
    queue, function = (physical(cloudformation, stack, one) for one in ("EventDeadLetters", "PublishFunction"))
    left = 0
    for letter in list(letters(sqs, queue)):
        named = json.loads(letter["Body"])["DDBStreamBatchInfo"]
        place = f"{named['streamArn'].split('/')[1]}, change {named['startSequenceNumber']}"
        try:
            done = replay(aws, function, named)
        except NotReplayed as error:
            left += 1
            print(f"{place}: {error}")
            continue
        replace(sqs, queue, letter, done.rest)
        left += done.left
        for text in done.said:
            print(f"{place}: {text}")
    return 1 if left else 0


def physical(cloudformation: Any, stack: str, logical_id: str) -> str:
    """The address of a queue, the name of a function."""
    found = cloudformation.describe_stack_resource(StackName=stack, LogicalResourceId=logical_id)
    return str(found["StackResourceDetail"]["PhysicalResourceId"])


def letters(sqs: Any, queue: str) -> Iterator[Mapping[str, Any]]:
    while found := sqs.receive_message(
        QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=SECONDS, VisibilityTimeout=INVISIBLE
    ).get("Messages"):
        yield from found


def replace(sqs: Any, queue: str, letter: Mapping[str, Any], rest: str) -> None:
    """Deletes a letter when another one names what is left of its range, if anything is. What was published must not
    be published by each run: changes of which no event can be made would get another letter each time."""
    told = json.loads(letter["Body"])
    named = told["DDBStreamBatchInfo"]
    if rest == named["startSequenceNumber"]:
        return
    if rest:
        body = json.dumps({**told, "DDBStreamBatchInfo": {**named, "startSequenceNumber": rest}})
        sqs.send_message(QueueUrl=queue, MessageBody=body)
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=letter["ReceiptHandle"])


def replay(aws: Aws, function: str, named: Mapping[str, Any]) -> Replayed:
    """Publishes a range of a stream. Raises `NotReplayed` if the stream does not have it all."""
    records = list(read(aws.client("dynamodbstreams"), named))
    numbers = {int(one["dynamodb"]["SequenceNumber"]) for one in records}
    if not {int(named["startSequenceNumber"]), int(named["endSequenceNumber"])} <= numbers:
        raise NotReplayed("the stream does not have it all any more")
    not_made: int | None = 0
    for first in range(0, len(records), PAGE):
        page = records[first : first + PAGE]
        payload = json.dumps({"Records": page}).encode()
        answer = aws.client("lambda").invoke(FunctionName=f"{function}:live", Payload=payload)
        told = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            return Replayed(not_made, str(page[0]["dynamodb"]["SequenceNumber"]))
        not_made = None if not_made is None or "notMade" not in told else not_made + told["notMade"]
        if told["batchItemFailures"]:
            return Replayed(not_made, str(told["batchItemFailures"][0]["itemIdentifier"]))
    return Replayed(not_made)


def read(streams: Any, named: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The records of a range of a stream, as Lambda hands them to a function."""
    stream, first, last = named["streamArn"], named["startSequenceNumber"], int(named["endSequenceNumber"])
    for shard in [named["shardId"]] if "shardId" in named else list(shards(streams, stream, int(first))):
        try:
            iterator = streams.get_shard_iterator(
                StreamArn=stream, ShardId=shard, ShardIteratorType="AT_SEQUENCE_NUMBER", SequenceNumber=first
            )["ShardIterator"]
        except (streams.exceptions.TrimmedDataAccessException, streams.exceptions.ResourceNotFoundException):
            continue
        number, empty = 0, 0
        while iterator and number < last and empty < EMPTY:
            page = streams.get_records(ShardIterator=iterator)
            for record in page["Records"]:
                number = int(record["dynamodb"]["SequenceNumber"])
                if number <= last:
                    yield as_lambda_has_it(record, stream)
            empty += not page["Records"]
            iterator = page.get("NextShardIterator")


def shards(streams: Any, stream: str, sequence: int) -> Iterator[str]:
    """Those that a sequence number can be in."""
    start: dict[str, str] = {}
    while True:
        described = streams.describe_stream(StreamArn=stream, **start)["StreamDescription"]
        for shard in described["Shards"]:
            bounds = shard["SequenceNumberRange"]
            ending = int(bounds.get("EndingSequenceNumber", sequence))
            if int(bounds["StartingSequenceNumber"]) <= sequence <= ending:
                yield shard["ShardId"]
        if "LastEvaluatedShardId" not in described:
            return
        start = {"ExclusiveStartShardId": described["LastEvaluatedShardId"]}


def as_lambda_has_it(record: Mapping[str, Any], stream: str) -> dict[str, Any]:
    """boto3 has octets where Lambda has base64, and a time where it has seconds."""
    told = {**record["dynamodb"]}
    told["ApproximateCreationDateTime"] = told["ApproximateCreationDateTime"].timestamp()
    plain: dict[str, Any] = json.loads(json.dumps({**record, "dynamodb": told}, default=_base64))
    identity = plain.get("userIdentity")
    if identity:
        plain["userIdentity"] = {"principalId": identity.get("PrincipalId", ""), "type": identity.get("Type", "")}
    return {**plain, "eventSourceARN": stream}


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


if __name__ == "__main__":
    sys.exit(main())
