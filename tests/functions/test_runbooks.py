"""The runbooks of docs/operations, each followed as it is written, and what it comes to."""

import base64
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from moto.kms.models import kms_backends

from authserver.management.canary import CLIENT_IDS
from authserver.models.clients import Client
from authserver.values import Scope
from authserver_cli.__main__ import main
from local.intrinsics import REGION
from tests.coldstart.warm import FLOWS
from tests.functions import sealing_flows
from tests.functions.canary_flows import canary
from tests.functions.gateway import Gateway
from tests.functions.given import stores_of
from tests.functions.journey import Browser, machine, web
from tests.functions.runbooks import FOLDER, Operator, sections
from tests.functions.sealing_flows import batch, sealer
from tests.functions.simulated_aws import Call, Fault
from tests.functions.world import ROOT, Clock, World


@pytest.fixture
def operator(world: World, tmp_path: Path) -> Operator:
    return Operator(world, tmp_path)


def subject(gateway: Gateway) -> str:
    """Alice's identifier."""
    claims = web(gateway).tokens()["id_token"].split(".")[1]
    return str(json.loads(base64.urlsafe_b64decode(claims + "=="))["sub"])


def is_active(gateway: Gateway, token: str) -> bool:
    return bool(web(gateway).post("/introspect", token=token).json()["active"])


@pytest.mark.rfc("6819", "5.2.3.4")
def test_a_leaked_client_secret_is_worth_nothing_at_once(gateway: Gateway, operator: Operator) -> None:
    app = machine(gateway)
    stolen = app.own_token().json()["access_token"]
    (printed,) = operator.follow("leaked-client-secret.md", "Stop it", CLIENT="demo-machine")
    assert app.own_token().status == 401
    (app.secret,) = re.findall(r"client_secret\s+(\S+)", printed)
    assert gateway.call("GET", "/items", f"Bearer {stolen}").status == 200
    operator.follow("leaked-client-secret.md", "End what was issued with it", CLIENT="demo-machine")
    with pytest.raises(RuntimeError, match="Unauthorized"):
        gateway.call("GET", "/items", f"Bearer {stolen}")
    (shown,) = operator.follow("leaked-client-secret.md", "Check it", CLIENT="demo-machine")
    assert shown.count("created_at") == 2  # of the client, and of its one secret
    assert app.own_token().status == 200


@pytest.mark.parametrize("ring", ["ES256", "token"])
def test_a_stolen_key_is_trusted_for_a_minute_at_most(
    ring: str, world: World, gateway: Gateway, operator: Operator, clock: Clock
) -> None:
    fresh = {name: world.load(name) for name in ("authorize", "login", "consent", "token", "introspect", "admin")}
    with world.using(**fresh):  # which have looked at no other test's clock
        tokens = web(gateway).tokens()
        (listed,) = operator.follow("stolen-key.md", "Find it")
        (kid,) = re.findall(rf"^{ring} +(\S+) +current", listed, re.MULTILINE)
        operator.follow("stolen-key.md", "Withdraw the key", KID=kid)
        clock.pass_by(60)
        what = "access_token" if ring == "ES256" else "refresh_token"
        assert not is_active(gateway, tokens[what])
        refreshed = web(gateway).refresh(tokens["refresh_token"])
        assert (refreshed.status == 200) == (ring == "ES256")
        if refreshed.status == 200:
            assert is_active(gateway, refreshed.json()["access_token"])
        assert is_active(gateway, web(gateway).tokens(Browser(gateway))["access_token"])


def test_restored_tables_bring_back_nothing_that_was_revoked(
    world: World, gateway: Gateway, operator: Operator, clock: Clock
) -> None:
    app = web(gateway)
    revoked, kept = app.tokens(), app.tokens()
    backup = world.aws.snapshot()
    clock.pass_by(3600)
    assert app.post("/revoke", token=revoked["refresh_token"]).status == 200
    assert not is_active(gateway, revoked["refresh_token"])

    operator.follow("restore.md", "1. Save what must survive")
    instant = datetime.fromtimestamp(clock.time() - 3600, UTC).isoformat()
    operator.follow("restore.md", "2. Restore", TABLE="authserver-TokensTable", INSTANT=instant)
    assert [operation for _, operation, _ in operator.called] == [
        "RestoreTableToPointInTime",
        "DescribeTable",
        "UpdateTimeToLive",
        "UpdateContinuousBackups",
        "UpdateTable",
    ]
    world.restore(backup)
    assert is_active(gateway, revoked["refresh_token"]), "the danger that the runbook is for"

    operator.follow("restore.md", "3. End everything")
    clock.pass_by(60)
    for token in (revoked["refresh_token"], kept["refresh_token"], kept["access_token"]):
        assert not is_active(gateway, token)
    assert app.refresh(revoked["refresh_token"]).error == "invalid_grant"
    operator.follow("restore.md", "4. Repeat what the backup undid")
    assert is_active(gateway, app.tokens(Browser(gateway))["access_token"])


def test_a_second_region_takes_over_without_what_was_revoked(
    world: World, gateway: Gateway, operator: Operator, clock: Clock
) -> None:
    """Its tables lack the last writes of the region that is lost, and get them when it answers again."""
    # Another key than the functions': moto cannot open what it wrapped with one that has replicas.
    key = world.aws.client("kms").create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
    where = {"TABLE": "authserver-TokensTable", "KEY": key, "REGION": REGION, "STANDBY": "eu-west-1"}
    operator.follow("region.md", "Prepare the second region", **where)
    assert [(region, operation) for region, operation, _ in operator.called] == [
        (REGION, "UpdateTable"),
        (REGION, "UpdateTable"),
        (REGION, "ReplicateKey"),
        ("eu-west-1", "DescribeTable"),
        ("eu-west-1", "UpdateContinuousBackups"),
        ("eu-west-1", "UpdateTable"),
        ("eu-west-1", "DescribeTable"),
    ]
    assert key in kms_backends[world.aws.account]["eu-west-1"].keys

    app = web(gateway)
    revoked, kept = app.tokens(), app.tokens()
    code = Browser(gateway).go_through(app.request())["code"]
    replicas, replicated = world.aws.snapshot(), everything(world)
    assert app.post("/revoke", token=revoked["refresh_token"]).status == 200
    late = app.exchange(code).json()
    unsent = {place: item for place, item in everything(world).items() if item != replicated.get(place)}

    world.restore(replicas)
    assert is_active(gateway, revoked["refresh_token"]), "the danger that the runbook is for"
    (policy,) = re.findall(r"^```json\n(.*?)^```", (FOLDER / "region.md").read_text(), re.MULTILINE | re.DOTALL)
    condition = {"StringEquals": {"aws:RequestedRegion": REGION}}  # and so no role of the second region
    statement = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition}
    assert json.loads(policy)["Statement"] == [statement]
    operator.follow("region.md", "1. Shut the first region off", ROLE="authserver-TokenFunctionRole-1")
    operator.follow("region.md", "3. End everything")
    clock.pass_by(60)
    for token in (revoked["refresh_token"], kept["refresh_token"], kept["access_token"]):
        assert not is_active(gateway, token)
    assert app.exchange(code).error == "invalid_grant"
    assert is_active(gateway, app.tokens(Browser(gateway))["access_token"])

    written = everything(world)
    for (table, key), item in unsent.items():  # of two writes of an item the later one stays
        if written.get((table, key)) == replicated.get((table, key)):
            world.aws.put(table, item)
    for token in (late["refresh_token"], late["access_token"], revoked["refresh_token"]):
        assert not is_active(gateway, token)
    operator.follow("region.md", "When the first region answers again", ROLE="authserver-TokenFunctionRole-1")
    assert [operation for _, operation, _ in operator.called][-1] == "DeleteRolePolicy"


def everything(world: World) -> dict[tuple[str, str], Any]:
    """The items by table and key."""
    return {(table, key): dict(item) for table in world.aws.snapshot() for key, item in world.aws.items(table).items()}


@pytest.mark.parametrize("state", ["Disabled", "PendingDeletion"])
def test_a_disabled_kms_key_spends_nothing_and_is_enabled_again(
    state: str, world: World, gateway: Gateway, operator: Operator
) -> None:
    key = key_of(world)
    app = web(gateway)
    code = Browser(gateway).go_through(app.request())["code"]
    kms = world.aws.client("kms")
    kms.disable_key(KeyId=key) if state == "Disabled" else kms.schedule_key_deletion(KeyId=key)
    with world.aws.failing(lambda call: unless_enabled(world, key, call)):
        started = world.load("token")  # which has no key yet
    with world.using(token=started):
        with world.aws.failing(lambda call: unless_enabled(world, key, call)):
            assert app.exchange(code).status == 503
        (described,) = operator.follow("kms-key.md", "Look", KEY=key)
        assert json.loads(described)["KeyMetadata"]["KeyState"] == state
        if state == "PendingDeletion":
            operator.follow("kms-key.md", "Cancel the deletion", KEY=key)
            with world.aws.failing(lambda call: unless_enabled(world, key, call)):
                assert app.exchange(code).status == 503
        operator.follow("kms-key.md", "Enable the key", KEY=key)
        with world.aws.failing(lambda call: unless_enabled(world, key, call)):
            assert app.exchange(code).status == 200


def key_of(world: World) -> str:
    """The identifier of the KMS key: moto takes no ARN where KMS does."""
    return world.environment("token")["KMS_KEY"].rpartition("/")[2]


def unless_enabled(world: World, key: str, call: Call) -> Fault | None:
    """What KMS does, and moto does not: a key that is to be deleted opens nothing."""
    if (call.service, call.operation) != ("kms", "Decrypt"):
        return None
    return None if kms_backends[world.aws.account][REGION].keys[key].enabled else Fault.DENIED


def test_an_account_that_was_found_by_guessing_is_cleared(gateway: Gateway, operator: Operator, tmp_path: Path) -> None:
    tokens = web(gateway).tokens()
    sub = subject(gateway)
    (tmp_path / "password.txt").write_text("a long random password")
    operator.follow("sign-in-flood.md", "Help the accounts that were found", SUB=sub)
    assert not is_active(gateway, tokens["access_token"])
    assert not is_active(gateway, tokens["refresh_token"])
    guessed = Browser(gateway)
    assert guessed.sign_in(guessed.follow(guessed.authorize(web(gateway).request()))).status == 401
    owner = Browser(gateway, password="a long random password")
    assert is_active(gateway, web(gateway).tokens(owner)["access_token"])


def test_a_person_gets_a_copy_and_is_erased(
    world: World, gateway: Gateway, operator: Operator, clock: Clock, tmp_path: Path
) -> None:
    tokens = web(gateway).tokens()
    operator.follow("personal-data.md", "Give a copy", SUB=subject(gateway))
    copy = {page.stem: json.loads(page.read_text()) for page in tmp_path.glob("*.json")}
    assert copy["user"]["email"] == "alice@example.com"
    assert {one["client_id"] for one in copy["authorizations"]} == {"demo-web"}
    assert "openid" in copy["consents"][0]["scope"]
    assert copy.keys() >= {"identities", "factors", "links", "acts", "acts-on-the-account"}
    assert "$argon2" not in json.dumps(copy)
    operator.follow("personal-data.md", "Erase", SUB=subject(gateway))
    assert not is_active(gateway, tokens["access_token"])
    for _ in range(3):
        world.deliver()
        clock.pass_by(3600)
        world.invoke("erase", {})
    assert not any("alice" in json.dumps(items) for items in stored(world).values())


def stored(world: World) -> dict[str, Any]:
    return {name: world.aws.items(name) for name in ("UsersTable", "TokensTable")}


def test_a_client_with_the_name_of_the_canary_is_given_to_it(world: World, operator: Operator) -> None:
    """One that signs people in, and whose secret an application has."""
    assert stores_of(world).clients.create(
        Client(client_id=CLIENT_IDS[0], client_name="A bird", scope=Scope(("openid",)))
    )
    with canary(world):
        assert world.invoke("canary", {}) == {"seen": "canary_client_taken"}
        operator.follow("alarms.md", "canary")
        assert world.invoke("canary", {}) == {"seen": "ok"}


def test_each_runbook_with_commands_is_followed() -> None:
    """A new page, or a new heading with commands, needs a drill: above, on the emulator, or on moto's Lambda."""
    drills = (Path(__file__), ROOT / "tests/deployed/test_upgrade.py", ROOT / "tests/deploy/test_rollback.py")
    source = "\n".join(file.read_text() for file in drills)
    drilled = {
        page: set(sections(page)) for page in sorted(path.name for path in FOLDER.glob("*.md")) if sections(page)
    }
    missing = {
        (page, heading)
        for page, headings in drilled.items()
        for heading in headings
        if not re.search(rf'"{re.escape(page)}", "{re.escape(heading)}"', source)
    }
    assert not missing


def test_the_quotas_are_counted() -> None:
    rows = re.findall(r"^\| ([^|]+) \| (\d+) \| (\d+) \| (\d+) \|$", (FOLDER / "quotas.md").read_text(), re.MULTILINE)
    told = {name: tuple(map(int, numbers)) for name, *numbers in rows}
    counted = {name: (one.round_trips, one.read_units, one.write_units) for name, one in FLOWS.items()}
    assert told == {name: counted[name] for name in told}
    first = ("authorize, a stranger", "sign-in page", "sign in", "consent page", "consent", "code exchange")
    assert [sum(told[name][unit] for name in first) for unit in (1, 2)] == [23, 26]


def test_an_export_of_the_audit_shows_that_it_is_whole(
    world: World, operator: Operator, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("authserver_cli.commands.audit.time", clock)
    days = [datetime.fromtimestamp(clock.time() + ahead * 86_400, UTC).date().isoformat() for ahead in (0, 2)]
    span = {"FROM": days[0], "TO": days[1]}
    for _ in range(3):
        operator.follow("leaked-client-secret.md", "Stop it", CLIENT="demo-machine")
    with sealer(world) as (_, archive):
        world.invoke("seal", batch(sealing_flows.events(world)))
        clock.pass_by(86_400 + 600)
        operator.follow("leaked-client-secret.md", "Stop it", CLIENT="demo-machine")
        world.invoke("seal", batch(sealing_flows.events(world)))
        clock.pass_by(86_400 + 600)
        world.invoke("seal", {})
        (verified,) = operator.follow("audit-export.md", "1. Verify the audit", **span)
        assert verified.count("whole") == 2
        _, verified, of_it, by_it = operator.follow("audit-export.md", "2. Export it", SUB="somebody", **span)
        assert verified.count("whole") == 2
        assert (of_it, by_it) == ("", "")
        heads, *_ = operator.follow("audit-export.md", "3. Show that it was not written later", **span)
        assert len(heads.splitlines()) == 2
        operator.follow("audit.md", "The chain", **span)
    for name, content in archive.files.items():
        (tmp_path / "archive" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "archive" / name).write_bytes(content)
    assert CliRunner().invoke(main, ["audit", "verify", "archive"]).output.count("whole") == 2

    key = next(key for key in sorted(world.aws.items("AuditTable")) if key.startswith("event#"))
    world.aws.change("AuditTable", key, act={"S": "nothing.happened"})
    with pytest.raises(AssertionError, match="event changed"):
        operator.follow("audit-export.md", "1. Verify the audit", **span)
