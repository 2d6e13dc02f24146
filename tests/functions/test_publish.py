"""Events from what the functions really write, through boto3, and with what can go wrong on their way."""

import json
import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import cycle, pairwise
from typing import Any

import pytest

from authserver.events import TOKENS
from authserver.events.mapping import KINDS
from authserver.events.types import EVENT_TYPES, schema_name
from local.template import read_template
from tests.functions.flows import FLOWS
from tests.functions.simulated_aws import Call, Fault
from tests.functions.streams import Record, record, streaming
from tests.functions.world import TEMPLATE, World

AT = 1_800_000_000.0
BUS_ERROR = {"ErrorCode": "InternalFailure", "ErrorMessage": "an address that no log may have"}


@pytest.fixture(autouse=True)
def fresh(world: World) -> Iterator[None]:
    yield
    world.aws.plan = None


def publish(world: World, records: Sequence[Record]) -> list[str]:
    """The sequence numbers from which Lambda brings the records again."""
    answer = world.invoke("publish", {"Records": list(records)})
    return [one["itemIdentifier"] for one in answer["batchItemFailures"]]


def cloud_events(world: World) -> list[dict[str, Any]]:
    return [json.loads(entry["Detail"]) for entry in world.aws.events]


def user(number: int, status: str, **more: str) -> dict[str, Any]:
    texts = {"id": f"user#u-{number}", "sub": f"u-{number}", "status": status, **more}
    return {name: {"S": text} for name, text in texts.items()}


def toggled(number: int, times: int = 1) -> list[Record]:
    """Changes of one item, each an event."""
    words = ["active", "disabled"] * times
    pairs = list(pairwise(words))[:times]
    return [record("UsersTable", user(number, before), user(number, after), AT) for before, after in pairs]


# ------------------------------------------------------------------ what happens really


# What flows do, by the types that must be among their events.
TOLD: Mapping[str, str] = {
    "sign_in_consent_and_exchange": "session.created token_family.created",
    "exchange_a_code_twice": "session.created token_family.created token_family.ended",
    "refresh_until_reuse": "session.created token_family.created token_family.ended",
    "revoke_each_kind": "access_token.revoked consent.granted token_family.ended",
    "manage_clients": "client.created client.deleted client.disabled client.enabled client.secret.created"
    " client.secret.deleted client.secret.retired token_family.ended",
    "manage_users": "user.created user.deleted user.disabled user.enabled user.updated session.ended api_key.ended",
    "manage_organisations": "membership.created membership.deleted membership.updated organisation.created"
    " organisation.disabled organisation.enabled organisation.updated token_family.ended",
    "manage_identity_providers": "identity_provider.created identity_provider.updated identity_provider.deleted",
    "manage_scopes": "scopes.updated",
    "look_after_what_guards_the_account": "user.factors_changed session.continued session.ended",
    "delete_a_user_and_look_what_is_left": "user.deleted user.erased session.ended consent.revoked token_family.ended",
    "withdraw_a_key": "key.created key.withdrawn",
    "end_everything": "session.ended token_family.ended consent.revoked api_key.ended",
}
REUSED = {"exchange_a_code_twice": "code_replayed", "refresh_until_reuse": "refresh_reused"}


@pytest.mark.parametrize("name", TOLD)
def test_what_a_flow_changes_is_published_as_the_types_say(name: str, world: World) -> None:
    with streaming(world) as records:
        FLOWS[name](world)
    assert publish(world, records) == []
    assert world.aws.messages == []
    events = cloud_events(world)
    for event in events:
        described = EVENT_TYPES[event["type"]]
        assert set(described.required) <= set(event["data"]) <= {*described.required, *described.optional}
        assert event["dataschema"] == schema_name(event["type"])
    assert set(TOLD[name].split()) <= {one["type"] for one in events}
    if name in REUSED:
        assert REUSED[name] in {one["data"].get("reason") for one in events}


def test_an_event_is_a_cloudevent_on_the_bus(world: World) -> None:
    (change,) = toggled(1)
    assert publish(world, [change]) == []
    (entry,) = world.aws.events
    assert (entry["Source"], entry["DetailType"], entry["EventBusName"]) == ("authserver", "user.disabled", "default")
    event = json.loads(entry["Detail"])
    assert event | {"id": ""} == {
        "specversion": "1.0",
        "id": "",
        "source": world.issuer,
        "type": "user.disabled",
        "subject": f"user/{event['data']['user_key']}",
        "time": "2027-01-15T08:00:00Z",
        "datacontenttype": "application/json",
        "dataschema": "urn:authserver:event:1:user.disabled",
        "sequence": change["dynamodb"]["SequenceNumber"].zfill(40),
        "data": {"user": "u-1", "user_key": event["data"]["user_key"]},
    }


def test_what_dynamodb_removes_at_the_end_of_its_time_is_no_event(world: World) -> None:
    session = {name: {"S": text} for name, text in {"pk": "session#s", "id": "s", "subject": "u-1"}.items()}
    publish(world, [record("TokensTable", session, {}, AT, expired=True)])
    assert world.aws.events == []
    publish(world, [record("TokensTable", session, {}, AT)])
    assert [one["type"] for one in cloud_events(world)] == ["session.ended"]


# ------------------------------------------------------------------ what goes wrong


def delivered(world: World, records: Sequence[Record], fails: Callable[[], bool]) -> list[dict[str, Any]]:
    """What arrives, where Lambda brings a batch again from where it failed."""
    arrived: list[dict[str, Any]] = []
    faults = cycle([Fault.THROTTLED, Fault.INTERNAL, Fault.RESET, Fault.DENIED])

    def plan(call: Call) -> Fault | Callable[[Any], Any] | None:
        if call.operation != "PutEvents":
            return None
        entries = call.request["Entries"]
        assert len(entries) <= 10
        assert sum(len(json.dumps(one)) for one in entries) <= 262_144
        if fails():
            return next(faults)
        refused = [fails() for _ in entries]
        arrived.extend(json.loads(one["Detail"]) for one, no in zip(entries, refused, strict=True) if not no)

        def answer(told: Any) -> Any:
            said = [BUS_ERROR if no else one for one, no in zip(told["Entries"], refused, strict=True)]
            return {"FailedEntryCount": sum(refused), "Entries": said}

        return answer

    left = list(records)
    with world.aws.failing(plan):
        for _ in range(1000):
            failed = publish(world, left)
            if not failed:
                return arrived
            first = next(at for at, one in enumerate(left) if one["dynamodb"]["SequenceNumber"] == failed[0])
            left = left[first:]
    raise AssertionError("it never comes to an end")


@pytest.mark.parametrize("seed", range(5))
def test_with_one_fault_in_five_nothing_is_lost_and_each_item_keeps_its_order(seed: int, world: World) -> None:
    chance = random.Random(seed)  # noqa: S311 - faults, the same in each run
    left = {number: toggled(number, 6) for number in range(8)}
    records = []
    while any(left.values()):
        records.append(left[chance.choice([number for number, changes in left.items() if changes])].pop(0))
    sequences = {one["dynamodb"]["SequenceNumber"].zfill(40): at for at, one in enumerate(records)}
    arrived = delivered(world, records, lambda: chance.random() < 0.2)
    assert {one["sequence"] for one in arrived} == set(sequences)
    firsts: dict[str, list[int]] = defaultdict(list)
    for event in arrived:
        if sequences[event["sequence"]] not in firsts[event["subject"]]:
            firsts[event["subject"]].append(sequences[event["sequence"]])
    assert all(order == sorted(order) for order in firsts.values())


def test_nothing_of_an_item_goes_past_a_change_that_was_not_taken(world: World) -> None:
    """Not even within one batch, of which the bus takes some and refuses others."""
    records = toggled(1, 3)
    arrived = delivered(world, records, iter([False, True, False, False, False, False, False, False]).__next__)
    assert [one["type"] for one in arrived] == ["user.disabled", "user.enabled", "user.disabled"]


def test_an_event_that_is_too_large_is_named_in_the_dead_letters_and_others_go_on(world: World) -> None:
    wide = {f"{'x' * 250}{number}": {"S": "v"} for number in range(900)}
    large = record("UsersTable", user(1, "active"), user(1, "active") | wide, AT)
    assert publish(world, [*toggled(2), large, *toggled(3)]) == []
    assert [one["data"]["user"] for one in cloud_events(world)] == ["u-2", "u-3"]
    sequence = large["dynamodb"]["SequenceNumber"]
    assert world.aws.messages == [
        {
            "requestContext": {"condition": "ValueError"},
            "DDBStreamBatchInfo": {
                "streamArn": large["eventSourceARN"],
                "startSequenceNumber": sequence,
                "endSequenceNumber": sequence,
                "batchSize": 1,
            },
        }
    ]


POISON: Mapping[str, Record] = {
    "an attribute of another type": record("UsersTable", {}, user(1, "active") | {"sub": {"L": []}}, AT),
    "no attribute where one has to be": record("TokensTable", {}, {"pk": {"S": "session#s"}}, AT),
    "an unknown kind": record("TokensTable", {}, {"pk": {"S": "novelty#s"}}, AT),
    "an unknown table": record("OrdersTable", {}, {"id": {"S": "1"}}, AT),
}


@pytest.mark.parametrize("what", POISON)
def test_what_no_event_can_be_made_of_is_named_in_the_dead_letters_and_others_go_on(what: str, world: World) -> None:
    answer = world.invoke("publish", {"Records": [POISON[what], *toggled(2)]})
    assert answer == {"batchItemFailures": [], "notMade": 1}
    assert [one["type"] for one in cloud_events(world)] == ["user.disabled"]
    (letter,) = world.aws.messages
    assert letter["DDBStreamBatchInfo"]["startSequenceNumber"] == POISON[what]["dynamodb"]["SequenceNumber"]
    assert "session#" not in json.dumps(letter)


def test_what_comes_again_is_named_in_the_dead_letters_when_it_comes_no_more(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """Behind a change that the bus refuses, Lambda brings it with each attempt: one letter, and one line of the log."""
    before, behind = POISON["an unknown kind"], POISON["no attribute where one has to be"]
    (refused,) = toggled(2)
    left = [before, refused, behind]
    with world.aws.failing(lambda call: Fault.DENIED if call.operation == "PutEvents" else None):
        answer = world.invoke("publish", {"Records": left})
        sequence = refused["dynamodb"]["SequenceNumber"]
        assert answer == {"batchItemFailures": [{"itemIdentifier": sequence}], "notMade": 1}
        for _ in range(3):
            assert publish(world, left[1:]) == [sequence]
    assert world.invoke("publish", {"Records": left[1:]}) == {"batchItemFailures": [], "notMade": 1}
    named = [one["DDBStreamBatchInfo"]["startSequenceNumber"] for one in world.aws.messages]
    assert named == [one["dynamodb"]["SequenceNumber"] for one in (before, behind)]
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["message"] for one in lines].count("event_not_made") == 2


def test_where_the_dead_letters_cannot_be_reached_the_batch_comes_again(world: World) -> None:
    poison = POISON["an unknown kind"]
    with (
        world.aws.failing(lambda call: Fault.INTERNAL if call.operation == "SendMessage" else None),
        pytest.raises(Exception, match="InternalServerError"),
    ):
        publish(world, [poison])


def test_the_log_tells_why_and_nothing_that_was_sent(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    with world.aws.failing(lambda call: Fault.DENIED if call.operation == "PutEvents" else None):
        assert publish(world, toggled(1)) != []
    (line,) = capsys.readouterr().out.splitlines()
    said = json.loads(line)
    assert (said["message"], said["receiver"], said["code"]) == (
        "events_not_taken",
        "eventbridge",
        "AccessDeniedException",
    )
    assert "u-1" not in line


# ------------------------------------------------------------------ what Lambda is told

RESOURCES = read_template(TEMPLATE)["Resources"]
MAPPINGS = {name: one for name, one in RESOURCES.items() if one["Type"] == "AWS::Lambda::EventSourceMapping"}
OURS = {name: one for name, one in MAPPINGS.items() if name.startswith("EventsOf")}


@pytest.mark.parametrize("name", OURS)
def test_a_streams_batches_come_again_from_where_they_failed_and_end_in_the_dead_letters(name: str) -> None:
    properties = OURS[name]["Properties"]
    assert OURS[name]["Condition"] == "HasEvents"
    assert properties["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert properties["BisectBatchOnFunctionError"] is True
    assert properties["StartingPosition"] == "TRIM_HORIZON"
    assert "ParallelizationFactor" not in properties
    assert properties["DestinationConfig"]["OnFailure"]["Destination"] == {"Fn::GetAtt": ["EventDeadLetters", "Arn"]}


def test_there_is_a_stream_of_each_table_but_the_audits_where_events_are_on() -> None:
    read = {one["Properties"]["EventSourceArn"]["Fn::GetAtt"][0] for one in OURS.values()}
    assert read == {name for name, one in RESOURCES.items() if one["Type"] == "AWS::DynamoDB::Table"} - {"AuditTable"}
    for name in read:
        condition, stream, none = RESOURCES[name]["Properties"]["StreamSpecification"]["Fn::If"]
        assert (condition, stream, none) == (
            "HasEvents",
            {"StreamViewType": "NEW_AND_OLD_IMAGES"},
            {"Ref": "AWS::NoValue"},
        )


def test_of_the_tokens_table_lambda_brings_the_kinds_that_events_are_made_of() -> None:
    ((pattern,),) = [one["Properties"]["FilterCriteria"]["Filters"] for one in [OURS["EventsOfTokens"]]]
    prefixes = json.loads(pattern["Pattern"])["dynamodb"]["Keys"]["pk"]["S"]
    told = {f"{kind.partition('#')[0]}#" for table, kind in KINDS if table == TOKENS}
    assert {one["prefix"] for one in prefixes} == told
