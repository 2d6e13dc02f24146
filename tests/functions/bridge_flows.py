"""The flows that there are where refresh tokens come over from another system."""

from typing import Any

from tests.functions.flowing import BRIDGE, answered, bridge_flow
from tests.functions.gateway import Gateway
from tests.functions.given import act_for_organisations, change_client, make_member, subject_of_alice
from tests.functions.journey import App, web
from tests.functions.organisation_flows import acme_of_alice
from tests.functions.world import World

TOKEN = "v1.the-refresh-token-of-another-system"
PATHS = ("/token", "/refresh")


def knows(world: World, **answer: Any) -> None:
    """The other system has given every token to the client for Alice."""
    told = {"active": True, "client_id": "demo-web", "sub": subject_of_alice(world), "scope": "openid read", **answer}
    world.aws.operators["RefreshTokenBridge"] = lambda _: told


def app_of(world: World) -> App:
    return web(Gateway(world))


@bridge_flow
def bring_a_refresh_token(world: World) -> None:
    knows(world)
    app = app_of(world)
    for path in PATHS:
        token = f"{TOKEN} {path}"
        first = app.refresh(token, path)
        answered(200, first)
        assert app.refresh(token, path).json()["refresh_token"] == first.json()["refresh_token"]
        answered(200, app.gateway.call("GET", "/me", f"Bearer {first.json()['access_token']}"))
        answered(200, app.refresh(first.json()["refresh_token"], path))
        answered(400, app.refresh(token, path))


@bridge_flow
def bring_a_refresh_token_twice_at_once(world: World) -> None:
    app = app_of(world)
    for path in PATHS:
        token, others = f"{TOKEN} {path}", []
        knows(world)
        answer = world.aws.operators["RefreshTokenBridge"]

        def first_another(question: Any) -> Any:
            knows(world)
            caller = world.aws.caller
            others.append(app.refresh(token, path))  # noqa: B023 - called before the next turn
            world.aws.caller = caller
            return answer(question)  # noqa: B023 - likewise

        world.aws.operators["RefreshTokenBridge"] = first_another
        mine = app.refresh(token, path)
        answered(200, mine)
        assert mine.json()["refresh_token"] == others[0].json()["refresh_token"]


@bridge_flow
def bring_a_refresh_token_for_an_organisation(world: World) -> None:
    acme_of_alice(world)
    make_member(world, "acme", subject_of_alice(world))
    act_for_organisations(world)
    knows(world, org="acme", entities=["one"])
    for path in PATHS:
        answered(200, app_of(world).refresh(f"{TOKEN} {path}", path))


@bridge_flow
def bring_refresh_tokens_that_are_good_for_nothing(world: World) -> None:
    for answer in ({"active": False}, {"client_id": "other-web"}, {"sub": "nobody"}):
        knows(world, **answer)
        for path in PATHS:
            answered(400, app_of(world).refresh(TOKEN, path))
    knows(world, sub=7)
    answered(503, app_of(world).refresh(TOKEN))


@bridge_flow
def bring_a_refresh_token_before_there_are_keys(world: World) -> None:
    for path in PATHS:
        for algorithm, token_format in (("RS256", "jwt"), ("ES256", "opaque")):
            world.restore(world.unborn)
            change_client(world, "demo-web", id_token_signed_response_alg=algorithm, access_token_format=token_format)
            knows(world)
            name = path.removeprefix("/")
            with world.using(**{name: world.load(name, **BRIDGE)}):
                answered(200, app_of(world).refresh(TOKEN, path))
