"""Webhooks, from the admin API to a signed request: Standard Webhooks."""

import json
import random
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from authserver.endpoints.orders.deliver import SOONEST, WAITS, attempts_before
from tests.functions.simulated_aws import Call, Fault
from tests.functions.streams import streaming
from tests.functions.webhooks import FAULTS, QUEUE, Received, Receiver, Webhooks, sqs_record, webhooks_of
from tests.functions.world import World


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def webhooks(world: World) -> Iterator[Webhooks]:
    with webhooks_of(world) as made:
        yield made
    world.aws.plan = None


def test_a_change_reaches_a_webhook_as_a_signed_cloudevent(webhooks: Webhooks, receiver: Receiver) -> None:
    made = webhooks.create(receiver.url, "user.*")
    with webhooks.happening():
        webhooks.call("POST /admin/users", {"username": "carol"}, status=201)
    webhooks.run()
    (got,) = receiver.received
    assert got.event["type"] == "user.created"
    assert got.headers["content-type"] == "application/cloudevents+json"
    assert got.headers["webhook-id"] == got.event["id"]
    assert got.verifies(made["secret"])


def happen(webhooks: Webhooks, *names: str) -> None:
    """A user is added for each name."""
    with webhooks.happening():
        for name in names:
            webhooks.call("POST /admin/users", {"username": name}, status=201)


def answering(*statuses: int, **headers: str) -> Callable[[Received], tuple[int, Mapping[str, str]]]:
    """Each of these once, and then 204."""
    left = list(statuses)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: (left.pop(0), named) if left else (204, {})


# ------------------------------------------------------------------ who is sent what


def test_each_webhook_is_sent_the_types_that_it_asks_for(webhooks: Webhooks, receiver: Receiver) -> None:
    asked = {"all": ("*",), "family": ("user.*",), "one": ("user.disabled",), "other": ("client.*", "user.enabled")}
    for path, types in asked.items():
        webhooks.create(f"{receiver.url}/{path}", *types)
    with webhooks.happening():
        sub = webhooks.call("POST /admin/users", {"username": "carol"}, status=201)["sub"]
        webhooks.call("PATCH /admin/users/{sub}", {"status": "disabled"}, sub=sub)
    webhooks.run()
    sent = {name: [one.event["type"] for one in receiver.received if one.path.endswith(f"/{name}")] for name in asked}
    assert sorted(sent["family"]) == ["user.created", "user.disabled"]
    assert sent["one"] == ["user.disabled"]
    assert sent["other"] == []
    assert {"user.created", "user.disabled"} <= set(sent["all"])


def test_a_webhook_tells_of_webhooks_without_what_is_secret(webhooks: Webhooks, receiver: Receiver) -> None:
    first = webhooks.create(receiver.url, "webhook.*")
    with webhooks.happening():
        other = webhooks.create("https://other.example/?key=hidden", "user.*")
        one = {"webhook": other["id"]}
        webhooks.call("PATCH /admin/webhooks/{webhook}", {"status": "disabled"}, **one)
        webhooks.call("POST /admin/webhooks/{webhook}/secrets", {}, status=201, **one)
        webhooks.call("DELETE /admin/webhooks/{webhook}", status=204, **one)
    webhooks.run()
    told = {one.event["type"]: one.event["data"] for one in receiver.received}
    assert set(told) == {"webhook.created", "webhook.disabled", "webhook.updated", "webhook.deleted"}
    assert told["webhook.updated"] == {"webhook": other["id"], "version": 3, "fields": ["secrets"]}
    assert all(b"hidden" not in one.body and one.verifies(first["secret"]) for one in receiver.received)


def test_without_a_webhook_a_batch_costs_one_read(webhooks: Webhooks) -> None:
    webhooks.world.aws.calls.clear()
    happen(webhooks, "carol", "dave")
    mine = [call for call in webhooks.world.aws.calls if call.function == "publish" and call.service != "events"]
    assert [(call.operation, call.keys, call.consistent, call.read) for call in mine] == [
        ("GetItem", ("webhooks",), True, 1)
    ]
    assert webhooks.messages == []


def test_a_test_event_goes_the_way_of_all_events(webhooks: Webhooks, receiver: Receiver) -> None:
    made = webhooks.create(receiver.url, "client.*")
    event = webhooks.call("POST /admin/webhooks/{webhook}/test", status=202, webhook=made["id"])
    webhooks.run()
    (got,) = receiver.received
    assert (got.id, got.event["type"], got.event["data"]) == (event["id"], "webhook.test", {"webhook": made["id"]})
    assert got.event["source"] == webhooks.world.issuer
    assert got.verifies(made["secret"])
    acts = [one["act"]["S"] for one in webhooks.world.aws.items("AuditTable").values() if "act" in one]
    assert sorted(one for one in acts if one.startswith("webhook.")) == ["webhook.created", "webhook.tried"]


# ------------------------------------------------------------------ what goes wrong


@pytest.mark.parametrize("seed", range(3))
def test_with_one_fault_in_five_nothing_is_lost(seed: int, webhooks: Webhooks, receiver: Receiver) -> None:
    chance = random.Random(seed)  # noqa: S311 - faults, the same in each run
    urls = [f"{receiver.url}/{number}" for number in range(2)]
    made = {url.rpartition("/")[2]: webhooks.create(url, "user.created") for url in urls}
    taken: set[tuple[str, str]] = set()

    def answer(got: Received) -> tuple[int, Mapping[str, str]]:
        if chance.random() < 0.2:
            return chance.choice([500, 503, 429, 302]), {}
        taken.add((got.path.rpartition("/")[2], got.id))
        return 200, {}

    def plan(call: Call) -> Fault | Callable[[Any], Any] | None:
        if call.function not in ("publish", "deliver") or chance.random() >= 0.2:
            return None
        if call.operation == "SendMessageBatch" and chance.random() < 0.5:
            return lambda told: {"Successful": told["Successful"][1:], "Failed": [{"Id": "0", "Code": "InternalError"}]}
        return chance.choice(FAULTS)

    receiver.answer = answer
    with webhooks.world.aws.failing(plan):
        happen(webhooks, *(f"user-{number}" for number in range(12)))
        ids = {json.loads(message.body)["id"] for message in webhooks.messages}
        webhooks.run()
    assert len(ids) == 12
    assert taken == {(number, event) for number in made for event in ids}
    assert webhooks.dead_letters == []


def test_messages_are_sent_in_batches_that_sqs_takes(webhooks: Webhooks) -> None:
    for number in range(3):
        webhooks.create(f"https://{number}.example/", "user.*")
    sizes = []

    def plan(call: Call) -> None:
        if call.operation == "SendMessageBatch":
            entries = call.request["Entries"]
            assert len({one["Id"] for one in entries}) == len(entries)
            assert sum(len(json.dumps(one)) for one in entries) <= 262_144
            sizes.append(len(entries))

    with webhooks.world.aws.failing(plan):
        happen(webhooks, *(f"user-{number}" for number in range(11)))
    assert sum(sizes) == 33
    assert max(sizes) <= 10


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 404, 429, 500, 503])
def test_what_is_not_taken_is_sent_again_with_the_same_id(status: int, webhooks: Webhooks, receiver: Receiver) -> None:
    made = webhooks.create(receiver.url, "user.*")
    receiver.answer = answering(status, Location="http://169.254.169.254/latest/meta-data/")
    happen(webhooks, "carol")
    began = webhooks.world.clock.time()
    webhooks.run()
    first, second = receiver.received
    assert first.id == second.id
    assert first.body == second.body
    assert 4 <= webhooks.world.clock.time() - began <= 6
    assert int(second.headers["webhook-timestamp"]) > int(first.headers["webhook-timestamp"])
    assert second.verifies(made["secret"])


def test_after_eight_attempts_in_some_28_hours_it_is_a_dead_letter(webhooks: Webhooks, receiver: Receiver) -> None:
    made = webhooks.create(receiver.url, "user.*")
    receiver.answer = lambda _: (500, {})
    happen(webhooks, "carol")
    (message,) = webhooks.messages
    began = webhooks.world.clock.time()
    webhooks.run()
    assert len(receiver.received) == 8
    assert 0.85 * 28 <= (webhooks.world.clock.time() - began) / 3600 <= 1.15 * 28
    (letter,) = webhooks.dead_letters
    assert letter["MessageBody"] == message.body
    assert letter["MessageAttributes"]["webhook"]["StringValue"] == made["id"]


def test_a_dead_letter_is_tried_anew_once_it_is_moved_back(webhooks: Webhooks, receiver: Receiver) -> None:
    webhooks.create(receiver.url, "user.*")
    receiver.answer = lambda _: (500, {})
    happen(webhooks, "carol")
    webhooks.run()
    (letter,) = webhooks.dead_letters
    webhooks.world.aws.sent[:] = [(QUEUE, letter)]  # what StartMessageMoveTask does
    receiver.received.clear()
    webhooks.run()
    assert len(receiver.received) == 8


def test_what_cannot_be_kept_as_a_dead_letter_stays_in_the_queue(webhooks: Webhooks, receiver: Receiver) -> None:
    webhooks.create(receiver.url, "user.*")
    receiver.answer = lambda _: (500, {})
    happen(webhooks, "carol")
    for _ in range(7):
        webhooks.next()
    with webhooks.world.aws.failing(lambda call: Fault.INTERNAL if call.operation == "SendMessage" else None):
        webhooks.next()
    assert (len(webhooks.messages), webhooks.dead_letters) == (1, [])
    webhooks.run()
    assert len(webhooks.dead_letters) == 1


def test_receives_that_lambda_throttled_are_no_attempts(webhooks: Webhooks, receiver: Receiver) -> None:
    webhooks.create(receiver.url, "user.*")
    receiver.answer = lambda _: (500, {})
    happen(webhooks, "carol")
    (message,) = webhooks.messages
    message.received = 40  # within no time
    webhooks.run()
    assert len(receiver.received) == 8


def test_attempts_are_counted_by_receives_and_by_time() -> None:
    assert [attempts_before(number + 1, age) for number, age in enumerate(SOONEST)] == list(range(len(WAITS) + 1))
    assert attempts_before(100, 0) == 0
    assert attempts_before(1, 10**6) == 0
    assert attempts_before(1, -5) == 0


@pytest.mark.parametrize(
    ("retry_after", "waits"), [("60", (60, 60)), ("86400", (300, 300)), ("1", (4, 6)), ("soon", (4, 6)), ("-1", (4, 6))]
)
@pytest.mark.rfc("9110", "10.2.3")
def test_retry_after_is_kept_up_to_the_next_wait(
    retry_after: str, waits: tuple[int, int], webhooks: Webhooks, receiver: Receiver
) -> None:
    webhooks.create(receiver.url, "user.*")
    receiver.answer = answering(503, Retry_After=retry_after)
    happen(webhooks, "carol")
    began = webhooks.world.clock.time()
    webhooks.run()
    assert waits[0] <= round(webhooks.world.clock.time() - began) <= waits[1]


def test_nobody_there_is_tried_again_as_well(webhooks: Webhooks) -> None:
    gone = Receiver()
    webhooks.create(gone.url, "user.*")
    gone.close()
    happen(webhooks, "carol")
    webhooks.run()
    assert len(webhooks.dead_letters) == 1


@pytest.mark.rfc("9110", "15.5.11")
def test_an_answer_410_disables_the_webhook(webhooks: Webhooks, receiver: Receiver) -> None:
    made = webhooks.create(receiver.url, "user.*")
    other = webhooks.create(f"{receiver.url}/other", "user.*")
    receiver.answer = lambda got: (204 if got.path.endswith("other") else 410, {})
    happen(webhooks, "carol", "dave")
    webhooks.run()
    assert len([one for one in receiver.received if not one.path.endswith("other")]) == 1
    assert len([one for one in receiver.received if one.path.endswith("other")]) == 2
    assert len(webhooks.dead_letters) == 1, "what was answered 410, by which an alarm tells that the webhook is gone"
    stored = webhooks.call("GET /admin/webhooks/{webhook}", webhook=made["id"])
    assert (stored["status"], stored["disabled_reason"], stored["version"]) == ("disabled", "gone", 2)
    assert webhooks.call("GET /admin/webhooks/{webhook}", webhook=other["id"])["status"] == "active"
    events = [one for one in webhooks.world.aws.items("AuditTable").values() if "act" in one]
    (act,) = [one for one in events if one["act"]["S"] == "webhook.disabled"]
    assert (act["actor"]["S"], act["object_id"]["S"]) == ("server", made["id"])
    enabled = webhooks.call("PATCH /admin/webhooks/{webhook}", {"status": "active"}, webhook=made["id"])
    assert (enabled["status"], enabled["disabled_reason"]) == ("active", "")


def test_an_answer_410_disables_nothing_that_was_changed_meanwhile(webhooks: Webhooks, receiver: Receiver) -> None:
    made = webhooks.create(receiver.url, "user.*")
    happen(webhooks, "carol")

    def answer(_: Received) -> tuple[int, Mapping[str, str]]:
        caller = webhooks.world.aws.caller
        moved = {"url": f"{receiver.url}/moved"}
        webhooks.call("PATCH /admin/webhooks/{webhook}", moved, webhook=made["id"])
        webhooks.world.aws.caller = caller
        receiver.answer = lambda _: (204, {})
        return 410, {}

    receiver.answer = answer
    webhooks.run()
    assert webhooks.call("GET /admin/webhooks/{webhook}", webhook=made["id"])["status"] == "active"
    assert [one.path for one in receiver.received] == ["/hook", "/hook/moved"]


def test_a_webhook_without_a_secret_is_sent_nothing_unsigned(webhooks: Webhooks, receiver: Receiver) -> None:
    """No operation makes such a one: its item was damaged."""
    webhooks.create(receiver.url, "user.*")
    happen(webhooks, "carol")
    (key, item) = next(one for one in webhooks.world.aws.items("ConfigurationTable").items() if one[0] == "webhooks")
    text = json.dumps(item)
    damaged = json.loads(re.sub(r'("secrets": )\{"L": \[.*?\]\}(?=[,}])', r'\1{"L": []}', text))
    webhooks.world.aws.put("ConfigurationTable", damaged)
    webhooks.next()
    assert (key, receiver.received, len(webhooks.messages)) == ("webhooks", [], 1)


def test_where_many_messages_are_hidden_none_is_hidden_for_long(webhooks: Webhooks, receiver: Receiver) -> None:
    """SQS would give out no more messages, those of other webhooks neither."""
    webhooks.world.aws.hidden = 80_000
    webhooks.create(receiver.url, "user.*")
    happen(webhooks, "carol")
    receiver.answer = lambda _: (503, {})
    webhooks.run()
    assert (len(receiver.received), len(webhooks.dead_letters)) == (3, 1)


@pytest.mark.parametrize("refused", ["PutEvents", "SendMessageBatch"])
def test_what_one_receiver_took_comes_not_again_because_another_did_not(
    refused: str, webhooks: Webhooks, receiver: Receiver
) -> None:
    webhooks.create(receiver.url, "user.*")
    with streaming(webhooks.world) as records:
        for name in ("carol", "dave"):
            webhooks.call("POST /admin/users", {"username": name}, status=201)
    with webhooks.world.aws.failing(lambda call: Fault.DENIED if call.operation == refused else None):
        for _ in range(3):
            assert webhooks.world.invoke("publish", {"Records": records})["batchItemFailures"]
    webhooks.publish(records)
    bus = [one["Detail"] for one in webhooks.world.aws.events]
    assert len(bus) == len(set(bus))
    webhooks.run()
    assert len(receiver.received) == len({one.id for one in receiver.received}) > 0


@pytest.mark.parametrize("how", ["deleted", "disabled"])
def test_what_waits_for_a_webhook_that_is_no_more_is_dropped(
    how: str, webhooks: Webhooks, receiver: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    made = webhooks.create(receiver.url, "user.*")
    happen(webhooks, "carol")
    if how == "deleted":
        webhooks.call("DELETE /admin/webhooks/{webhook}", status=204, webhook=made["id"])
    else:
        webhooks.call("PATCH /admin/webhooks/{webhook}", {"status": "disabled"}, webhook=made["id"])
    capsys.readouterr()
    webhooks.run()
    assert (receiver.received, webhooks.dead_letters) == ([], [])
    (line,) = (json.loads(one) for one in capsys.readouterr().out.splitlines())
    assert (line["reason"], line["webhook"], line["outcome"]) == ("webhook_dropped", made["id"], "refused")


@pytest.mark.parametrize("operation", ["GetItem", "Decrypt"])
def test_where_the_store_or_the_key_service_fails_the_message_stays(
    operation: str, webhooks: Webhooks, receiver: Receiver
) -> None:
    webhooks.create(receiver.url, "user.*")
    happen(webhooks, "carol")
    with webhooks.world.aws.failing(lambda call: Fault.INTERNAL if call.operation == operation else None):
        webhooks.next()
    assert (len(webhooks.messages), receiver.received) == (1, [])
    webhooks.run()
    assert len(receiver.received) == 1


def test_the_key_service_is_asked_for_each_secret_once(webhooks: Webhooks, receiver: Receiver) -> None:
    webhooks.create(receiver.url, "user.*")
    happen(webhooks, "carol", "dave")
    webhooks.next()
    webhooks.world.aws.calls.clear()
    webhooks.next()
    calls = [(call.operation, call.keys, call.consistent, call.read) for call in webhooks.world.aws.calls]
    assert calls == [("GetItem", ("webhooks",), True, 1)]
    assert len(receiver.received) == 2


def test_a_message_that_comes_twice_is_the_same_delivery(webhooks: Webhooks, receiver: Receiver) -> None:
    webhooks.create(receiver.url, "user.*")
    happen(webhooks, "carol")
    (message,) = webhooks.messages
    message.received = 1
    for _ in range(2):
        webhooks.world.invoke("deliver", {"Records": [sqs_record(message)]})
    assert len({one.id for one in receiver.received}) == 1


def test_messages_of_a_batch_are_each_for_themselves(webhooks: Webhooks, receiver: Receiver) -> None:
    webhooks.create(receiver.url, "user.*")
    happen(webhooks, "carol", "dave", "erin")
    for message in webhooks.messages:
        message.received = 1
    receiver.answer = answering(204, 500, 204)
    records = [sqs_record(message) for message in webhooks.messages]
    answer = webhooks.world.invoke("deliver", {"Records": records})
    assert answer == {"batchItemFailures": [{"itemIdentifier": records[1]["messageId"]}]}


@pytest.mark.parametrize("body", ["", "no JSON", "[]", "{}", '{"id": 1, "type": "user.created"}'])
def test_what_is_no_delivery_is_kept_as_a_dead_letter(
    body: str, webhooks: Webhooks, capsys: pytest.CaptureFixture[str]
) -> None:
    webhooks.create("https://one.example/", "user.*")
    happen(webhooks, "carol")
    (message,) = webhooks.messages
    record = sqs_record(message) | {"body": body}
    assert webhooks.world.invoke("deliver", {"Records": [record]}) == {"batchItemFailures": []}
    assert len(webhooks.dead_letters) == 1
    assert "message_malformed" in capsys.readouterr().out


# ------------------------------------------------------------------ secrets


def test_while_secrets_are_rotated_both_verify_and_then_the_new_one_alone(
    webhooks: Webhooks, receiver: Receiver
) -> None:
    made = webhooks.create(receiver.url, "user.*")
    answer = webhooks.call("POST /admin/webhooks/{webhook}/secrets", {"overlap": 1800}, status=201, webhook=made["id"])
    assert answer["secret"] != made["secret"]
    happen(webhooks, "carol")
    webhooks.run()
    (both,) = receiver.received
    assert len(both.headers["webhook-signature"].split(" ")) == 2
    assert both.verifies(made["secret"])
    assert both.verifies(answer["secret"])
    receiver.received.clear()
    webhooks.world.clock.pass_by(1800)
    happen(webhooks, "dave")
    webhooks.run()
    (newer,) = receiver.received
    assert newer.is_signed_with(answer["secret"])
    assert not newer.is_signed_with(made["secret"])


def test_a_rotation_without_overlap_ends_the_secret_at_once(webhooks: Webhooks, receiver: Receiver) -> None:
    made = webhooks.create(receiver.url, "user.*")
    answer = webhooks.call("POST /admin/webhooks/{webhook}/secrets", {"overlap": 0}, status=201, webhook=made["id"])
    happen(webhooks, "carol")
    webhooks.run()
    (got,) = receiver.received
    assert got.verifies(answer["secret"])
    assert not got.verifies(made["secret"])


def test_there_are_two_secrets_at_most(webhooks: Webhooks, receiver: Receiver) -> None:
    made = webhooks.create(receiver.url, "user.*")
    route = "POST /admin/webhooks/{webhook}/secrets"
    second, third = (webhooks.call(route, {}, status=201, webhook=made["id"]) for _ in range(2))
    happen(webhooks, "carol")
    webhooks.run()
    (got,) = receiver.received
    told = (made["secret"], second["secret"], third["secret"])
    assert [got.verifies(secret) for secret in told] == [False, True, True]


def test_a_signature_is_worth_nothing_for_another_body_or_time(webhooks: Webhooks, receiver: Receiver) -> None:
    made = webhooks.create(receiver.url, "user.*")
    happen(webhooks, "carol")
    webhooks.run()
    (got,) = receiver.received
    assert not Received(got.path, got.headers, got.body + b" ").verifies(made["secret"])
    late = {**got.headers, "webhook-timestamp": str(int(got.headers["webhook-timestamp"]) + 1)}
    assert not Received(got.path, late, got.body).verifies(made["secret"])


def test_nothing_that_is_secret_reaches_a_log_or_the_table(
    webhooks: Webhooks, receiver: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    made = webhooks.create(f"{receiver.url}?key=in-the-query", "user.*")
    other = webhooks.call("POST /admin/webhooks/{webhook}/secrets", {}, status=201, webhook=made["id"])
    receiver.answer = answering(500, 302, 410)
    happen(webhooks, "a-name-of-a-user")
    webhooks.run()
    webhooks.call("GET /admin/webhooks")
    (*_, got) = receiver.received
    written = capsys.readouterr().out
    forbidden = [made["secret"], other["secret"], "in-the-query", "a-name-of-a-user", "127.0.0.1"]
    forbidden += [one.removeprefix("v1,") for one in got.headers["webhook-signature"].split(" ")]
    forbidden += [made["secret"].removeprefix("whsec_"), got.event["data"]["user"]]
    assert [text for text in forbidden if text in written] == []
    stored = json.dumps(webhooks.world.aws.item("ConfigurationTable", "webhooks"), default=str)
    assert made["secret"].removeprefix("whsec_") not in stored


# ------------------------------------------------------------------ where deliveries go


INTERNAL = (
    *("127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "198.18.0.1"),
    *("0.0.0.0", "224.0.0.1", "255.255.255.255"),  # noqa: S104 - what is refused
    *("::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "::ffff:169.254.169.254", "::ffff:10.0.0.1"),
    *("64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "::169.254.169.254"),
)


@pytest.fixture
def deployed(world: World) -> Iterator[Webhooks]:
    """Where LoopbackUpstreams is off."""
    with webhooks_of(world, LoopbackUpstreams="false") as made:
        yield made


@pytest.mark.parametrize("address", INTERNAL)
def test_an_address_that_is_not_public_is_refused_when_it_is_registered(address: str, deployed: Webhooks) -> None:
    host = f"[{address}]" if ":" in address else address
    answer = deployed.call("POST /admin/webhooks", {"url": f"https://{host}/"}, status=400)
    assert answer["errors"] == [{"field": "url", "detail": "must be at a public address"}]


@pytest.mark.parametrize("address", INTERNAL)
def test_a_name_that_leads_to_no_public_address_is_sent_nothing(
    address: str, deployed: Webhooks, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def connected(*_: Any, **__: Any) -> Any:
        raise AssertionError("a connection was made")

    deployed.create("https://rebound.example/", "user.*")
    happen(deployed, "carol")
    monkeypatch.setattr("socket.create_connection", connected)
    found = [(0, 0, 0, "", (one, 443)) for one in ("93.184.216.34", address)]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: found)
    capsys.readouterr()
    deployed.next()
    (line,) = (json.loads(one) for one in capsys.readouterr().out.splitlines())
    assert (line["reason"], line["failure"]) == ("webhook_failed", "address")


URLS = {
    "http://hook.example/": "must be an https URL",
    "http://127.0.0.1/": "must be an https URL",
    "http://localhost/": "must be an https URL",
    "https://user@hook.example/": "must not contain a user name or a password",
    "https://user:password@hook.example/": "must not contain a user name or a password",
    "https://hook.example/#part": "must be an https URL without a fragment",
    "https://hook.example/ path": "must be an https URL without a fragment",
    "https://": "must be an https URL",
    "https://hook.example:port/": "must be an https URL",
    "ftp://hook.example/": "must be an https URL",
    "hook.example": "must be an https URL",
    "https://höök.example/": "must be an https URL without a fragment",
    f"https://hook.example/{'a' * 1024}": "String should have at most 1024 characters",
}


@pytest.mark.parametrize("url", URLS)
def test_an_url_that_cannot_be_is_refused_with_why(url: str, deployed: Webhooks) -> None:
    answer = deployed.call("POST /admin/webhooks", {"url": url}, status=400)
    assert answer["errors"] == [{"field": "url", "detail": URLS[url]}]
    made = deployed.create("https://hook.example/")
    changed = deployed.call("PATCH /admin/webhooks/{webhook}", {"url": url}, status=400, webhook=made["id"])
    assert changed["errors"] == answer["errors"]


# ------------------------------------------------------------------ the operations


def test_a_webhook_is_listed_changed_and_removed(deployed: Webhooks) -> None:
    made = deployed.create("https://hook.example/", "user.*", "user.*", description="Ours")
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", made["secret"])
    without = {name: value for name, value in made.items() if name != "secret"}
    one = {"webhook": made["id"]}
    assert deployed.call("GET /admin/webhooks") == {"items": [without]}
    assert without["types"] == ["user.*"]
    deployed.world.clock.pass_by(5)
    changed = deployed.call("PATCH /admin/webhooks/{webhook}", {"types": ["*"], "version": 1}, **one)
    assert changed == without | {"types": ["*"], "version": 2, "updated_at": made["updated_at"] + 5}
    deployed.call("PATCH /admin/webhooks/{webhook}", {"types": ["key.*"], "version": 1}, status=409, **one)
    assert deployed.call("PATCH /admin/webhooks/{webhook}", {}, **one) == changed
    deployed.call("DELETE /admin/webhooks/{webhook}", status=204, **one)
    for route in ("GET", "PATCH", "DELETE"):
        body: Any = {} if route == "PATCH" else None
        deployed.call(f"{route} /admin/webhooks/{{webhook}}", body, status=404, **one)
    deployed.call("POST /admin/webhooks/{webhook}/secrets", {}, status=404, **one)
    deployed.call("POST /admin/webhooks/{webhook}/test", status=404, **one)


@pytest.mark.parametrize("types", [[], ["user"], ["user*"], ["novelty.*"], [".*"], ["User.created"], ["*", ""]])
def test_types_that_no_event_has_are_refused(types: list[str], deployed: Webhooks) -> None:
    deployed.call("POST /admin/webhooks", {"url": "https://hook.example/", "types": types}, status=400)


def test_there_are_ten_at_most(deployed: Webhooks) -> None:
    for number in range(10):
        deployed.create(f"https://{number}.example/")
    answer = deployed.call("POST /admin/webhooks", {"url": "https://eleven.example/"}, status=409)
    assert answer["title"] == "There are at most 10 webhooks"


def test_a_create_that_is_repeated_with_its_key_is_one_webhook_with_both_secrets(
    webhooks: Webhooks, receiver: Receiver
) -> None:
    document = {"url": receiver.url, "types": ["user.*"]}
    first, second = (webhooks.call("POST /admin/webhooks", document, status=201, key="once") for _ in range(2))
    assert first["id"] == second["id"]
    happen(webhooks, "carol")
    webhooks.run()
    (got,) = receiver.received
    assert got.verifies(first["secret"])
    assert got.verifies(second["secret"])
    other = {"url": "https://other.example/"}
    webhooks.call("POST /admin/webhooks", other, status=409, key="once")
    webhooks.call("DELETE /admin/webhooks/{webhook}", status=204, webhook=first["id"])
    webhooks.call("POST /admin/webhooks", document, status=409, key="once")


def test_a_disabled_webhook_cannot_be_tried(deployed: Webhooks) -> None:
    made = deployed.create("https://hook.example/", status="disabled")
    assert made["disabled_reason"] == "operator"
    deployed.call("POST /admin/webhooks/{webhook}/test", status=409, webhook=made["id"])


def test_changes_at_once_lose_nothing(deployed: Webhooks) -> None:
    """A write in between is seen: the change is made of what is stored then."""
    made = deployed.create("https://hook.example/")
    reads = iter(range(100))

    def plan(call: Call) -> None:
        if call.operation == "TransactWriteItems" and next(reads) == 0:
            deployed.world.aws.plan = None
            deployed.create("https://other.example/")

    with deployed.world.aws.failing(plan):
        deployed.call("PATCH /admin/webhooks/{webhook}", {"description": "Ours"}, webhook=made["id"])
    listed = deployed.call("GET /admin/webhooks")["items"]
    assert sorted((one["url"], one["description"]) for one in listed) == [
        ("https://hook.example/", "Ours"),
        ("https://other.example/", ""),
    ]


@pytest.mark.parametrize(
    ("route", "body"),
    [
        ("GET /admin/webhooks", None),
        ("POST /admin/webhooks", {"url": "https://hook.example/"}),
        ("GET /admin/webhooks/{webhook}", None),
        ("PATCH /admin/webhooks/{webhook}", {}),
        ("DELETE /admin/webhooks/{webhook}", None),
        ("POST /admin/webhooks/{webhook}/secrets", {}),
        ("POST /admin/webhooks/{webhook}/test", None),
    ],
)
def test_where_webhooks_is_off_there_are_none(route: str, body: Any, world: World) -> None:
    path = {"webhook": "one"} if "{" in route else {}
    answer = Webhooks(world).call(route, body, status=404, **path)
    assert answer["type"] == "urn:authserver:problem:webhooks_off"
