"""Keys that clients have elsewhere, those of metadata documents and registered ones."""

from dataclasses import replace
from typing import Any

import pytest

from tests.assertions import Signer
from tests.functions.document_flows import introspects
from tests.functions.gateway import Gateway
from tests.functions.given import sign_for
from tests.functions.journey import web
from tests.functions.world import World
from tests.origin import Origin

# ------------------------------------------------------------------ keys elsewhere, of registered clients as well


@pytest.mark.rfc("OIDC Core", "10.1.1")
def test_an_unknown_kid_is_looked_for_once_a_minute(world: World, keys: Origin) -> None:
    app = web(Gateway(world))
    signer = sign_for(world, app.client_id, jwks_uri=keys.put("/keys", {"keys": [Signer("", "", lambda: 0).jwk]}))
    newer = replace(signer, kid="two", number=1)
    assert introspects(app, signer) == 200
    keys.put("/keys", {"keys": [signer.jwk, newer.jwk]})
    assert [introspects(app, newer) for _ in range(3)] == [401] * 3
    assert len(keys.asked) == 1
    world.clock.pass_by(60)
    assert introspects(app, newer) == 200
    unknown = replace(signer, kid="three", number=2)
    assert [introspects(app, unknown) for _ in range(3)] == [401] * 3
    world.clock.pass_by(60)
    assert [introspects(app, unknown) for _ in range(3)] == [401] * 3
    assert len(keys.asked) == 3


@pytest.mark.parametrize(("document", "status"), [({}, 403), ({}, 503), ({"keys": []}, 200)])
def test_an_unknown_kid_does_not_break_a_set_that_is_fresh(
    document: Any, status: int, world: World, keys: Origin
) -> None:
    app = web(Gateway(world))
    good = {"keys": [Signer("", "", lambda: 0).jwk]}
    signer = sign_for(world, app.client_id, jwks_uri=keys.put("/keys", good, cache="max-age=180"))
    assert introspects(app, signer) == 200
    keys.put("/keys", document, status)
    world.clock.pass_by(120)
    assert introspects(app, replace(signer, kid="forged", number=3)) == 401
    assert len(keys.asked) == 2
    assert introspects(app, signer) == 200
    world.clock.pass_by(60)
    assert introspects(app, signer) == (200 if status == 503 else 401)
    assert len(keys.asked) == 3


@pytest.mark.rfc("7521", "4.2")
@pytest.mark.parametrize("subject", ["\ud800", "https://h.example/\ud800", "x" * 3000, "é" * 600])
@pytest.mark.parametrize("path", ["/token", "/introspect"])
def test_an_assertion_of_what_can_be_no_identifier_is_refused(path: str, subject: str, world: World) -> None:
    signer = replace(Signer("demo-web", world.issuer, lambda: int(world.clock.time())), client_id=subject)
    form = {"grant_type": "refresh_token", "refresh_token": "x", "token": "x", **signer.form()}
    assert Gateway(world).post(path, form).error == "invalid_client"


def test_a_client_identifier_that_is_too_long_is_an_unknown_client(world: World) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": "x", "client_id": "x" * 3000}
    assert Gateway(world).post("/token", form).error == "invalid_client"


def test_two_clients_at_one_address_have_a_set_each(world: World, keys: Origin) -> None:
    uri = keys.put("/keys", {"keys": [Signer("", "", lambda: 0).jwk]})
    one, two = (sign_for(world, client_id, jwks_uri=uri) for client_id in ("demo-web", "demo-machine"))
    app = web(Gateway(world))
    assert (introspects(app, one), introspects(app, two)) == (200, 200)
    assert keys.asked == ["/keys", "/keys"]


def test_an_address_that_is_changed_has_no_keys_of_the_one_before(world: World, keys: Origin) -> None:
    app = web(Gateway(world))
    signer = sign_for(world, app.client_id, jwks_uri=keys.put("/old", {"keys": [Signer("", "", lambda: 0).jwk]}))
    assert introspects(app, signer) == 200
    other = Signer("", "", lambda: 0, kid="two", number=1)
    sign_for(world, app.client_id, jwks_uri=keys.put("/new", {"keys": [other.jwk]}))
    assert introspects(app, signer) == 401
    assert introspects(app, replace(signer, kid="two", number=1)) == 200


@pytest.mark.parametrize(
    "document", [{"keys": []}, {"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}, b"<html>", b"x" * 40_000, []]
)
def test_what_is_no_key_set_authenticates_nobody(document: Any, world: World, keys: Origin) -> None:
    app = web(Gateway(world))
    signer = sign_for(world, app.client_id, jwks_uri=keys.put("/keys", document))
    assert [introspects(app, signer) for _ in range(2)] == [401, 401]
    assert keys.asked == ["/keys"]


def test_keys_that_are_taken_away_do_not_come_back_when_their_origin_goes_down(world: World, keys: Origin) -> None:
    app = web(Gateway(world))
    good = {"keys": [Signer("", "", lambda: 0).jwk]}
    signer = sign_for(world, app.client_id, jwks_uri=keys.put("/keys", good, cache="max-age=60"))
    assert introspects(app, signer) == 200
    answers: tuple[tuple[Any, int], ...] = (({"keys": []}, 200), ({}, 503), ({}, 503))
    for document, status in answers:
        keys.put("/keys", document, status)
        world.clock.pass_by(60)
        assert introspects(app, signer) == 401
    keys.put("/keys", good)
    world.clock.pass_by(60)
    assert introspects(app, signer) == 200


def test_a_key_set_that_cannot_be_reached_is_no_mistake_of_the_client(world: World, keys: Origin) -> None:
    app = web(Gateway(world))
    signer = sign_for(world, app.client_id, jwks_uri=keys.put("/keys", {}, 502))
    assert introspects(app, signer) == 503
