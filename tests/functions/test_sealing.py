"""The function that seals the audit: what Lambda is told of a batch, and what comes of what failed."""

import json
from typing import Any

import pytest

from authserver.identity.sealing import SWEPT_DAYS
from authserver.models.audit import day_of
from authserver.models.chain import shard_of
from authserver_cli.chain import Evidence, faults_of
from local.template import read_template
from tests.functions.gateway import Gateway
from tests.functions.journey import admin
from tests.functions.sealing_flows import batch, events, record, sealer
from tests.functions.simulated_aws import Call, Fault
from tests.functions.world import TEMPLATE, Clock, World

ACTS = 12


@pytest.fixture
def acts(world: World, gateway: Gateway) -> list[dict[str, Any]]:
    """The events of an operator's acts, as they are stored."""
    token = admin(gateway).own_token().json()["access_token"]
    for number in range(ACTS):
        document = {"client_name": "An app", "redirect_uris": ["https://a.example/callback"]}
        assert gateway.manage("POST /admin/clients", token, {**document, "client_id": f"app-{number}"}).status == 201
    return events(world)


def sealed(world: World) -> set[str]:
    return {key.partition("#")[2] for key in world.aws.items("AuditTable") if key.startswith("sealed#")}


def ids(items: list[dict[str, Any]]) -> set[str]:
    return {item["id"]["S"].partition("#")[2] for item in items}


def test_a_batch_is_sealed_and_archived(world: World, acts: list[dict[str, Any]]) -> None:
    with sealer(world) as (_, archive):
        for _ in range(2):
            assert world.invoke("seal", batch(acts)) == {"batchItemFailures": []}
    assert sealed(world) == ids(acts)
    found = Evidence()
    for content in archive.files.values():
        found.take(json.loads(content))
    assert faults_of(found, int(world.clock.time())) == []
    assert {event["id"] for event in found.events} == ids(acts)


def test_the_shards_that_fail_come_again_and_the_others_do_not_wait(world: World, acts: list[dict[str, Any]]) -> None:
    broken = shard_of(min(ids(acts)))

    def plan(call: Call) -> Fault | None:
        is_its = call.operation == "TransactWriteItems" and f"head#{broken}" in call.keys
        return Fault.DENIED if is_its else None

    with sealer(world):
        with world.aws.failing(plan):
            answer = world.invoke("seal", batch(acts))
        left = {int(one["itemIdentifier"]) for one in answer["batchItemFailures"]}
        assert {shard_of(one) for one in ids([acts[number - 1] for number in left])} == {broken}
        assert sealed(world) == {one for one in ids(acts) if shard_of(one) != broken}
        assert world.invoke("seal", batch(acts[min(left) - 1 :])) == {"batchItemFailures": []}
    assert sealed(world) == ids(acts)


def test_a_record_that_is_no_event_fails_alone(world: World, acts: list[dict[str, Any]]) -> None:
    poison = {"id": {"S": "event#x"}, "act": {"N": "1"}}
    given = {"Records": [record(poison, 0), *batch(acts)["Records"]]}
    with sealer(world):
        assert world.invoke("seal", given) == {"batchItemFailures": [{"itemIdentifier": f"{0:021}"}]}
    assert sealed(world) == ids(acts)


def test_a_transaction_whose_answer_is_lost_is_made_once(world: World, acts: list[dict[str, Any]]) -> None:
    lost = [True]

    def plan(call: Call) -> Fault | None:
        return Fault.LOST if call.operation == "TransactWriteItems" and lost and lost.pop() else None

    with sealer(world), world.aws.failing(plan):
        world.invoke("seal", batch(acts))
        world.invoke("seal", batch(acts))
    assert sealed(world) == ids(acts)
    entries = [len(item["entries"]["L"]) for key, item in world.aws.items("AuditTable").items() if key[:5] == "link#"]
    assert sum(entries) == len(acts)


def test_the_daily_run_says_the_heads_of_the_day_that_is_over(
    world: World, acts: list[dict[str, Any]], clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    today = day_of(int(clock.time()))
    with sealer(world):
        world.invoke("seal", batch(acts))
        clock.pass_by(86_400 + 600)
        *before, published = world.invoke("seal", {})
        with world.aws.failing(lambda _: Fault.DENIED), pytest.raises(RuntimeError, match="dynamodb"):
            world.invoke("seal", {})
    assert sum(head["number"] for head in published["heads"].values()) == len({shard_of(one) for one in ids(acts)})
    *_, line = lines = [line.__dict__ for line in caplog.records if line.message == "audit_heads"]
    assert len(lines) == SWEPT_DAYS, "so that a run that comes late leaves no day out"
    assert (line["day"], line["digest"]) == (today, published["digest"])
    assert [one["heads"] for one in before] == [{}, {}]


def test_an_event_that_is_put_in_place_of_another_comes_to_be_sealed_too() -> None:
    """What was no event when it was put would else be one that no link has."""
    template = read_template(TEMPLATE)
    (one,) = template["Resources"]["SealMapping"]["Properties"]["FilterCriteria"]["Filters"]
    assert set(json.loads(one["Pattern"])["eventName"]) == {"INSERT", "MODIFY"}
