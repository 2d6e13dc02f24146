"""DynamoDB calls on the warm path: the table in ARCHITECTURE.md section 4. Keys are warm, as they are nearly always."""

import pytest

from authserver.tokens import opaque
from tests.coldstart.warm import FLOWS, WarmFlow, authorizer, measured
from tests.functions.gateway import Gateway
from tests.functions.given import issue_opaque_tokens
from tests.functions.journey import Browser, machine, native, web
from tests.functions.simulated_aws import Call, SimulatedAws
from tests.functions.world import World


@pytest.mark.parametrize("name", FLOWS)
def test_a_flow_keeps_its_budget(name: str, world: World) -> None:
    flow = FLOWS[name]
    calls = measured(world, flow)
    cost = (len(calls), sum(call.read for call in calls), sum(call.write for call in calls))
    assert cost == (flow.round_trips, flow.read_units, flow.write_units), calls
    assert not [call for call in calls if call.service == "kms"]


def test_the_budget_is_the_architectures() -> None:
    """Round trips, and read units of what is read for each check of a token."""
    most = {
        "client_credentials": (1, 1),
        "code exchange": (2, 3),
        "code exchange, with claims of the user": (3, 4),
        "refresh": (2, 3),
        "refresh, with claims of the user": (3, 4),
        "code exchange, with a provider's attribute": (4, 5),
        "refresh, with a provider's attribute": (4, 5),
        "userinfo, with a provider's attribute": (2, 5),
        "refresh, for an organisation": (2, 5),
        "revoke a refresh token": (2, 1),
        "revoke a refresh token, confidential": (2, 1),
        "introspect": (1, 3),
        "authorizer": (1, 3),
        "authorizer, opaque": (1, 4),
        "authorizer, for an organisation": (1, 5),
        "authorizer, for an organisation, opaque": (1, 6),
        "authorizer, by an approval": (1, 5),
        "authorizer, of a machine": (1, 2),
        "authorizer, of a machine, opaque": (1, 3),
        "userinfo": (1, 4),
        "userinfo, behind the authorizer": (1, 1),
        "authorize, signed in, consent remembered": (3, 4),
        "sign out by an ID token": (3, 3),
    }
    above = {
        name: (FLOWS[name].round_trips, FLOWS[name].read_units)
        for name, (round_trips, read_units) in most.items()
        if FLOWS[name].round_trips > round_trips or FLOWS[name].read_units > read_units
    }
    assert above == {}


def test_the_deployments_item_is_read_once_a_second(world: World) -> None:
    """However many tokens are checked; beside what is read for the token anyway."""
    request = authorizer(world)
    request()
    for _ in range(3):
        world.clock.pass_by(1)
        world.aws.calls.clear()
        for _ in range(20):
            request()
        read = [key for call in world.aws.calls for key in call.keys if key.startswith("deployment#")]
        assert (len(read), len(world.aws.calls)) == (1, 20)


def test_the_days_first_use_of_a_secret_is_noted_once(world: World, aws: SimulatedAws) -> None:
    """And by a function that remembers the client's record as well."""
    app = machine(Gateway(world))
    for _ in range(2):
        for _ in range(3):
            assert app.own_token().status == 200
        noted = [call for call in aws.calls if (call.operation, call.table) == ("UpdateItem", "ClientsTable")]
        assert len(noted) == 1
        aws.calls.clear()
        world.clock.pass_by(86_400)


def tokens_reads(calls: list[Call]) -> list[str]:
    """What was read of tokens, and of whom they might be: the end of the client that asks, which is read with it, and
    the deployment's item are of neither."""
    reads = [call for call in calls if call.operation in ("GetItem", "BatchGetItem")]
    keys = [key for call in reads for part in call.parts if part.table == "TokensTable" for key in part.keys]
    return [key for key in keys if not key.startswith(("end#client#", "deployment#"))]


CREDENTIALS = (opaque.CODE, opaque.REFRESH_TOKEN, opaque.ACCESS_TOKEN)
GARBAGE = [
    "x" * 40,
    *(f"{kind.prefix}_{'A' * -(-(kind.length + opaque.TAG) * 4 // 3)}" for kind in CREDENTIALS),
    "eyJhbGciOiJFUzI1NiJ9.e30.AAAA",
    "a.b.c",
]


@pytest.mark.parametrize("garbage", GARBAGE)
def test_garbage_costs_no_read_of_tokens(garbage: str, world: World, gateway: Gateway, aws: SimulatedAws) -> None:
    app = web(gateway)
    app.tokens()
    aws.calls.clear()
    assert app.exchange(garbage).error == "invalid_grant"
    assert app.refresh(garbage).error == "invalid_grant"
    assert app.refresh(garbage, "/refresh").error == "invalid_grant"
    assert app.post("/introspect", token=garbage).json() == {"active": False}
    assert app.post("/revoke", token=garbage).status in (200, 400)
    with pytest.raises(RuntimeError, match="Unauthorized"):
        gateway.call("GET", "/me", f"Bearer {garbage}")
    assert gateway.send("GET", "/login", query={"request": garbage}).status == 400
    assert gateway.send("GET", "/consent", query={"request": garbage}).status == 400
    native(gateway).gateway.send("GET", "/authorize", query=app.request(), cookies={"__Host-session": garbage})
    assert tokens_reads(aws.calls) == []


def test_a_credential_with_one_letter_changed_costs_no_read_of_tokens(
    world: World, gateway: Gateway, aws: SimulatedAws
) -> None:
    issue_opaque_tokens(world, "demo-web")
    app = web(gateway)
    tokens = app.tokens()
    code = Browser(gateway).go_through(app.request())["code"]
    aws.calls.clear()
    for credential in (code, tokens["refresh_token"], tokens["access_token"]):
        for position in (3, 20, len(credential) - 1):
            letter = "A" if credential[position] != "A" else "B"
            changed = credential[:position] + letter + credential[position + 1 :]
            app.exchange(changed)
            app.refresh(changed)
            app.post("/introspect", token=changed)
            with pytest.raises(RuntimeError, match="Unauthorized"):
                gateway.call("GET", "/me", f"Bearer {changed}")
    assert tokens_reads(aws.calls) == []


@pytest.mark.parametrize("kid", ["unknown", "", "../../etc/passwd", "x" * 4000])
def test_tokens_that_name_unknown_keys_cost_next_to_nothing(
    kid: str, world: World, gateway: Gateway, aws: SimulatedAws
) -> None:
    """At most one look for each signing ring a minute, and whether a key was withdrawn, however many come."""
    from base64 import urlsafe_b64encode
    from json import dumps

    token = machine(gateway).own_token().json()["access_token"]
    header = urlsafe_b64encode(dumps({"alg": "ES256", "typ": "at+jwt", "kid": kid}).encode()).rstrip(b"=").decode()
    forged = ".".join([header, *token.split(".")[1:]])
    world.clock.pass_by(120)
    aws.calls.clear()
    for _ in range(20):
        with pytest.raises(RuntimeError, match="Unauthorized"):
            gateway.call("GET", "/me", f"Bearer {forged}")
    assert len(aws.calls) <= 3
    assert len([call for call in aws.calls if call.table == "KeysTable"]) <= 2
    assert all(call.table == "KeysTable" or call.prefixes == ("deployment",) for call in aws.calls)


def test_flows_are_warm_ones() -> None:
    assert all(isinstance(flow, WarmFlow) for flow in FLOWS.values())
