"""Clients that come of metadata documents: what operators see and stop, and those who attack by them."""

from dataclasses import replace
from typing import Any

import pytest

from authserver.aws.dynamodb.counters import DynamoCounters
from authserver.aws.items.primary_keys import document_key
from authserver.management.client_documents import FOR_A_NETWORK, IN_ALL, OF_A_HOST
from authserver.settings import Settings
from authserver.values import Scope
from tests.assertions import Signer
from tests.functions import events
from tests.functions.document_flows import asked, block, code_of, editor, introspects
from tests.functions.gateway import Gateway
from tests.functions.given import TOKENS, change_client, sign_for, stores_of
from tests.functions.journey import App, admin, web
from tests.functions.world import World
from tests.origin import Origin, an_origin

DAY = 86_400
ONE = "/admin/client-documents/{client_id}"


# ------------------------------------------------------------------ operators, and those who attack


def test_a_block_counts_at_once_whatever_is_remembered(world: World, origin: Origin) -> None:
    app = editor(world, origin)
    tokens = app.tokens()
    code = code_of(app)
    fetched = len(origin.asked)
    block(app)
    assert "disabled" in asked(app).body
    assert app.refresh(tokens["refresh_token"]).error == "invalid_client"
    assert app.exchange(code).error == "invalid_client"
    with pytest.raises(RuntimeError, match="Unauthorized"):
        app.gateway.call("GET", "/me", f"Bearer {tokens['access_token']}")
    world.clock.pass_by(2 * DAY)
    assert "disabled" in asked(app).body
    assert len(origin.asked) == fetched
    block(app, "active")
    assert app.refresh(tokens["refresh_token"]).error == "invalid_grant"
    assert asked(app).status == 303


def test_the_keys_of_a_client_that_is_blocked_are_not_fetched(world: World, origin: Origin) -> None:
    signer = Signer(origin.issuer + "/client.json", world.issuer, lambda: int(world.clock.time()))
    uri = origin.put("/keys", {"keys": [signer.jwk]}, cache="max-age=60")
    app = editor(world, origin, token_endpoint_auth_method="private_key_jwt", jwks_uri=uri)
    assert asked(app).status == 303
    block(app)
    fetched = len(origin.asked)
    world.clock.pass_by(3600)
    assert app.post("/introspect", token="x", **signer.form()).error == "invalid_client"
    assert app.post("/introspect", token="x", **replace(signer, kid="forged").form()).error == "invalid_client"
    assert len(origin.asked) == fetched


@pytest.mark.parametrize("changed", [{"status": "disabled"}, {"token_endpoint_auth_method": "none"}])
def test_the_keys_of_a_registered_client_that_may_not_use_them_are_not_fetched(
    changed: dict[str, Any], world: World, keys: Origin
) -> None:
    app = web(Gateway(world))
    signer = sign_for(world, app.client_id, jwks_uri=keys.put("/keys", {"keys": [Signer("", "", lambda: 0).jwk]}))
    change_client(world, app.client_id, **changed)
    assert introspects(app, signer) == 401
    assert keys.asked == []


def test_it_is_no_registered_client_that_operators_change_or_delete(world: World, origin: Origin) -> None:
    app = editor(world, origin)
    app.tokens()
    operator = admin(app.gateway).own_token().json()["access_token"]
    one = "/admin/clients/{client_id}"
    for route, body in ((f"GET {one}", None), (f"PATCH {one}", {"client_name": "Official"}), (f"DELETE {one}", None)):
        assert app.gateway.manage(route, operator, body, client_id=app.client_id).status == 404
    assert app.gateway.manage(f"POST {one}/secrets", operator, {}, client_id=app.client_id).status == 404
    assert asked(app).status == 303


def test_nobody_brings_a_deleted_identifier_back(world: World, origin: Origin) -> None:
    app = editor(world, origin)
    stores_of(world).withdrawals.delete_client(app.client_id)
    operator = admin(app.gateway).own_token().json()["access_token"]
    answer = app.gateway.manage(f"PATCH {ONE}", operator, {"status": "active"}, client_id=app.client_id)
    assert answer.status == 409
    assert asked(app).status == 400
    assert origin.asked == []


def test_an_address_is_blocked_before_it_was_ever_used(world: World, origin: Origin) -> None:
    app = editor(world, origin)
    block(app)
    assert "disabled" in asked(app).body
    assert origin.asked == []


def test_operators_see_what_became_of_it(world: World, origin: Origin) -> None:
    app = editor(world, origin)
    tokens = app.tokens()
    app.refresh(tokens["refresh_token"])
    code_of(app)
    asked(app, code_challenge_method="plain")
    operator = admin(app.gateway).own_token().json()["access_token"]
    told = app.gateway.manage(f"GET {ONE}", operator, client_id=app.client_id).json()
    usage = {name: told["usage"][name] for name in ("authorized", "redeemed", "refreshed", "is_bounded")}
    assert usage == {"authorized": 2, "redeemed": 1, "refreshed": 1, "is_bounded": False}
    assert told["last_refusal"]["reason"] == "code_challenge_method"
    assert told["host"] == "127.0.0.1"
    origin.put("/client.json", {}, 500)
    world.clock.pass_by(3600)
    asked(app)
    operator = admin(app.gateway).own_token().json()["access_token"]
    (listed,) = app.gateway.manage("GET /admin/client-documents", operator).json()["items"]
    assert (listed["client_name"], listed["status"], listed["error"]) == ("An editor", "active", "down")


def begin_a_minute(world: World) -> None:
    world.clock.pass_by(60 - world.clock.time() % 60)


def made_up(app: App, count: int, networks: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The answers for that many documents that do not exist, asked for from each of some networks."""
    answers = []
    for network in range(networks):
        monkeypatch.setattr(events, "SOURCE", f"198.51.100.{network}")
        addresses = (f"{app.client_id}.{network}.{number}" for number in range(count))
        answers += [asked(replace(app, client_id=address)).status for address in addresses]
    monkeypatch.undo()
    return answers


def test_one_network_has_no_more_than_its_share(world: World, origin: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    app = editor(world, origin)
    signer = sign_for(world, "demo-web", jwks_uri=origin.put("/keys", {"keys": [Signer("", "", lambda: 0).jwk]}))
    begin_a_minute(world)
    refused = made_up(app, FOR_A_NETWORK + 5, 1, monkeypatch)
    assert refused == [400] * FOR_A_NETWORK + [503] * 5
    assert asked(app).status == 303
    assert introspects(web(Gateway(world)), signer) == 200


def test_a_token_that_is_asked_of_itself_counts_for_the_network_that_asks(
    world: World, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = editor(world, origin)
    token = app.tokens()["access_token"]
    begin_a_minute(world)
    made_up(app, FOR_A_NETWORK, 1, monkeypatch)
    origin.asked.clear()
    for source, fetched in (("198.51.100.0", []), ("203.0.113.1", ["/client.json"])):
        world.aws.remove("TokensTable", document_key(app.client_id))  # as its time may have it
        monkeypatch.setattr(events, "SOURCE", source)
        app.gateway.send("GET", "/introspect", headers={"authorization": f"Bearer {token}"})
        assert origin.asked == fetched


def test_one_host_has_no_more_than_its_share(world: World, origin: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    app = editor(world, origin)
    signer = sign_for(world, "demo-web", jwks_uri=origin.put("/keys", {"keys": [Signer("", "", lambda: 0).jwk]}))
    with an_origin() as another:  # of the same host, on another port
        elsewhere = replace(app, client_id=f"{another.issuer}/none.json")
        begin_a_minute(world)
        networks = OF_A_HOST // FOR_A_NETWORK
        assert made_up(elsewhere, FOR_A_NETWORK, networks, monkeypatch) == [400] * OF_A_HOST
        assert asked(app).status == 503
        assert introspects(web(Gateway(world)), signer) == 200  # the first keys of registered clients count apart
    world.clock.pass_by(60)
    assert asked(app).status == 303


def test_whatever_strangers_have_fetched_what_is_known_is_looked_after(world: World, origin: Origin) -> None:
    app = editor(world, origin, cache="max-age=60")
    token = app.tokens()["refresh_token"]
    origin.put("/client.json", {}, 410)
    world.clock.pass_by(60)
    for kind in ("new", "keys", "anew"):
        use_up(world, kind)
    assert asked(replace(app, client_id=f"{app.client_id}.new")).status == 503
    assert app.refresh(token).error == "invalid_client"


def test_keys_that_are_gone_are_noticed_whatever_strangers_have_fetched(world: World, keys: Origin) -> None:
    app = web(Gateway(world))
    signer = sign_for(world, app.client_id, jwks_uri=keys.put("/keys", {"keys": [Signer("", "", lambda: 0).jwk]}))
    other = replace(signer, kid="two", number=1)
    assert introspects(app, signer) == 200
    keys.put("/keys", {"keys": [other.jwk]})
    world.clock.pass_by(3600)
    for kind in ("new", "keys", "anew"):
        use_up(world, kind)
    assert (introspects(app, signer), introspects(app, other)) == (401, 200)


def test_keys_that_are_looked_for_anew_take_nothing_from_what_is_new(world: World, origin: Origin) -> None:
    app = editor(world, origin)
    use_up(world, "anew")
    assert asked(app).status == 303


def use_up(world: World, kind: str) -> None:
    """Has as much been counted in this minute as there is for all."""
    begins = int(world.clock.time()) // 60 * 60
    counters = DynamoCounters(world.aws.service("dynamodb"), TOKENS)
    counters.count(f"documents\x00{kind}\x00all", begins, IN_ALL, begins + 120)


def test_unknown_addresses_leave_nothing_for_a_developer(world: World, origin: Origin) -> None:
    app = editor(world, origin)
    app = replace(app, client_id=f"{origin.issuer}/none.json")
    world.aws.calls.clear()
    asked(app)
    asked(app)
    assert not [call for call in world.aws.calls if any(key.startswith("refusals#") for key in call.keys)]


def test_a_document_registers_nothing(world: World, origin: Origin) -> None:
    app = editor(world, origin)
    app.tokens()
    assert not [item for item in stores_of(world).clients.list().items if item.client_id == app.client_id]
    assert Scope.parse("read") <= Scope.parse(app.scope)


@pytest.mark.parametrize(
    ("more", "is_reached"),
    [
        ({}, True),
        ({"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001", "AWS_ENDPOINT_URL": "http://127.0.0.1:4566"}, True),
        ({"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001"}, False),
    ],
)
def test_no_function_in_the_cloud_reaches_its_own_runtime(more: dict[str, str], is_reached: bool, world: World) -> None:
    (function,) = [one for one in world.stack.functions.values() if one.code.name == "documents"]
    environ = {**function.environment, "LOOPBACK_UPSTREAMS": "true"}
    environ.pop("AWS_ENDPOINT_URL", None)
    assert Settings.from_environ(environ | more).loopback_upstreams is is_reached
