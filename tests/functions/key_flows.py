"""The flows of keys: how they are followed by others, and what is done before there are any."""

import secrets
from typing import TYPE_CHECKING

from authserver.tokens.keyring import NO_RING_COOLDOWN
from tests.functions.events import request_authorizer_event
from tests.functions.flowing import answered, flow
from tests.functions.gateway import Gateway
from tests.functions.journey import native, other, web
from tests.functions.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

from tests.functions.given import issue_opaque_tokens


@flow
def rotate_keys(world: World) -> None:
    assert world.invoke("rotate_keys", {})["rotated"] == []
    world.clock.pass_by(91 * 86400)
    assert len(world.invoke("rotate_keys", {})["rotated"]) == 4
    world.clock.pass_by(86400)
    native(Gateway(world)).tokens()


@flow
def rotate_keys_at_first(world: World) -> None:
    world.restore(world.unborn)
    with world.using(rotate_keys=world.load("rotate_keys")):
        assert len(world.invoke("rotate_keys", {})["rotated"]) == 4
    assert world.aws.item("TokensTable", "deployment#0")["source_key"]


@flow
def begin_without_keys(world: World) -> None:
    """The first function that needs a key makes it, if the template permits; each has just started."""
    world.restore(world.unborn)
    issue_opaque_tokens(world, "other-web")
    fresh = {name: world.load(name) for name in ("authorize", "login", "consent", "token", "refresh", "revoke")}
    fresh |= {name: world.load(name) for name in ("introspect", "authorizer", "metadata")}
    world.clock.pass_by(NO_RING_COOLDOWN)  # they have looked for keys, and may look again
    with world.using(**fresh):
        gateway = Gateway(world)
        answered(200, gateway.send("GET", "/.well-known/jwks.json"))
        for app in (native(gateway), web(gateway), other(gateway)):
            tokens = app.tokens()
            answered(200, app.refresh(tokens["refresh_token"], "/refresh"))
            answered(200, gateway.call("GET", "/me", f"Bearer {tokens['access_token']}"))
            answered(200, app.post("/revoke", token=tokens["access_token"]))
            answered(200, app.post("/revoke", token=tokens["refresh_token"]))
            if app.secret:
                assert app.post("/introspect", token=tokens["access_token"]).json() == {"active": False}
                assert app.post("/introspect", token=tokens["refresh_token"]).json() == {"active": False}
        answered(200, gateway.send("GET", "/.well-known/jwks.json"))


@flow
def garbage_before_there_are_keys(world: World) -> None:
    """On the first day of a stack there are no keys yet; what is certainly not ours is refused all the same."""
    gateway = Gateway(world)
    app = web(gateway)
    garbage = secrets.token_urlsafe(60)

    def authorizer() -> None:
        event = request_authorizer_event("GET", "/me", headers={"Authorization": f"Bearer at_{garbage}"})
        try:
            world.invoke("authorizer", event)
        except RuntimeError as error:
            assert str(error) == "Unauthorized"  # noqa: PT017 - what API Gateway turns into 401

    def introspect() -> None:
        for kind in ("rt", "at", "x"):
            assert app.post("/introspect", token=f"{kind}_{garbage}").json() == {"active": False}

    def revoke() -> None:
        for kind in ("rt", "at", "x"):
            answered(200, app.post("/revoke", token=f"{kind}_{garbage}"))

    first: dict[str, Callable[[], None]] = {
        "login": lambda: answered(400, gateway.send("GET", "/login", query={"request": f"rq_{garbage}"})),
        "consent": lambda: answered(400, gateway.send("GET", "/consent", query={"request": f"rq_{garbage}"})),
        "token": lambda: answered(400, app.exchange(f"ac_{garbage}")),
        "refresh": lambda: answered(400, app.refresh(f"rt_{garbage}", "/refresh")),
        "revoke": revoke,
        "introspect": introspect,
        "authorizer": authorizer,
    }
    for name, ask in first.items():
        world.restore(world.unborn)
        with world.using(**{name: world.load(name)}):
            ask()
