"""The canary: what it sees, and what it says."""

import json
from dataclasses import replace
from typing import Any

import pytest

from authserver.identity.begin import key_text
from authserver.management.canary import CLIENT, CLIENT_IDS
from authserver.models import ACTIVE, DISABLED
from authserver.models.clients import ClientSecret
from authserver.values import sha256
from tests.functions import sealing_flows
from tests.functions.canary_flows import canary, delete_client, look_as_the_canary
from tests.functions.given import change_client, stores_of
from tests.functions.simulated_aws import Fault
from tests.functions.world import ROOT, World
from tests.template.written import Written, strings


def told(captured: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in captured.readouterr().out.splitlines()]
    return [line for line in lines if line["message"] == "canary"]


def test_all_is_well(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    look_as_the_canary(world)
    lines = told(capsys)
    assert [(line["Canary"], line["seen"]) for line in lines] == [(1, "ok")] * 4
    assert lines[0]["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [[]]


def test_an_api_that_does_not_answer_is_told(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    with canary(world) as (_, through):
        for fails, reason in (
            (f"{world.issuer}/token", "token_timeout"),
            (f"{world.resource}/me", "resource_timeout"),
        ):
            through.fails = {fails}
            assert world.invoke("canary", {}) == {"seen": reason}
    assert [line["Canary"] for line in told(capsys)] == [0, 0]


def test_a_store_that_does_not_answer_is_told(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    with canary(world), world.aws.failing(lambda call: Fault.DENIED if call.function == "canary" else None):
        assert world.invoke("canary", {})["seen"].startswith("dynamodb_")
    assert [line["Canary"] for line in told(capsys)] == [0]


def test_a_secret_that_another_instance_replaced_is_made_anew(world: World) -> None:
    with canary(world) as (first, _):
        assert world.invoke("canary", {}) == {"seen": "ok"}
        with canary(world):
            assert world.invoke("canary", {}) == {"seen": "ok"}
        with world.using(canary=first):
            assert world.invoke("canary", {}) == {"seen": "ok"}


def test_a_client_of_its_name_that_is_not_its_own_is_left_alone(world: World) -> None:
    clients = stores_of(world).clients
    assert clients.create(replace(CLIENT, owner="", secrets=(ClientSecret(sha256("kept"), 1),)))
    before = clients.get(CLIENT_IDS[0])
    with canary(world):
        assert world.invoke("canary", {}) == {"seen": "canary_client_taken"}
    assert clients.get(CLIENT_IDS[0]) == before


def test_in_place_of_a_client_that_was_deleted_it_makes_the_next_until_none_is_left(world: World) -> None:
    with canary(world):  # the instance lives on
        for client_id in CLIENT_IDS:
            assert world.invoke("canary", {}) == {"seen": "ok"}
            delete_client(world, client_id)
            world.clock.ahead += 2  # what functions remember of a client
        assert world.invoke("canary", {}) == {"seen": "client_ended"}
    with canary(world):
        assert world.invoke("canary", {}) == {"seen": "client_ended"}
    assert [stores_of(world).clients.get(one) for one in CLIENT_IDS] == [None] * len(CLIENT_IDS)


def test_what_it_does_to_its_client_is_in_the_audit(world: World) -> None:
    for _ in range(2):  # instances
        with canary(world):
            for _ in range(2):
                assert world.invoke("canary", {}) == {"seen": "ok"}
                world.clock.ahead += 1
    members = ("act", "actor_kind", "actor", "object_id", "reason")
    of_clients = [event for event in sealing_flows.events(world) if event["object_kind"]["S"] == "client"]
    told = [tuple(event[name]["S"] for name in members) for event in of_clients]
    assert told == [
        ("client.created", "system", "server", "canary", "canary"),
        ("client.secret.made", "system", "server", "canary", "canary"),
    ]


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        ({"status": DISABLED}, "token_invalid_client"),
        ({"grant_types": ("authorization_code",)}, "token_unauthorized_client"),
    ],
)
def test_its_client_that_was_changed_is_told(change: dict[str, Any], seen: str, world: World) -> None:
    with canary(world):
        assert world.invoke("canary", {}) == {"seen": "ok"}
        change_client(world, CLIENT_IDS[0], **change)
        assert world.invoke("canary", {}) == {"seen": seen}


def test_the_runbook_has_what_only_an_operator_can_mend() -> None:
    section = (ROOT / "docs" / "operations" / "alarms.md").read_text().partition("\n## canary\n")[2]
    assert all(f"- `{reason}`:" in section for reason in ("canary_client_taken", "client_ended"))
    assert "- `token_invalid_client` and `token_unauthorized_client`:" in section


def test_its_secret_is_in_no_log(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    with canary(world) as (module, _):
        assert world.invoke("canary", {}) == {"seen": "ok"}
        assert len(module.canary._secret) >= 43
        assert module.canary._secret not in capsys.readouterr().out


def test_it_may_write_no_client_but_its_own() -> None:
    keys = set(strings(Written().template["Resources"]["CanaryFunction"]["Properties"]["Policies"]))
    own = {key for client_id in CLIENT_IDS for key in keys_of(client_id)}
    assert own <= keys
    statements = Written().statements("canary", Canary="On")
    allowed = [key for one in statements for key in one.leading_keys]
    assert all(one.leading_keys for one in statements)
    assert set(allowed) == own | {"event#*"}  # of the audit, whose events are put alone
    assert Written().statements("canary") == []


def keys_of(client_id: str) -> tuple[str, ...]:
    """Those of its record, its logo and its end."""
    return client_id, f"logo#{key_text(client_id)}", f"end#client#{key_text(client_id)}#*"


def test_a_disabled_client_gets_no_new_secret_with_every_look(world: World) -> None:
    """Each is an event of the audit."""
    with canary(world):
        assert world.invoke("canary", {}) == {"seen": "ok"}
        change_client(world, CLIENT_IDS[0], status=DISABLED)
        for _ in range(10):
            world.clock.pass_by(60)
            assert world.invoke("canary", {}) == {"seen": "token_invalid_client"}
        assert [one["act"]["S"] for one in sealing_flows.events(world)].count("client.secret.made") <= 2
        change_client(world, CLIENT_IDS[0], status=ACTIVE)
        assert world.invoke("canary", {}) == {"seen": "ok"}
