"""The flows that there are where the legacy grants are on."""

import secrets

from tests.functions.flowing import LEGACY, answered, legacy_flow
from tests.functions.gateway import Gateway
from tests.functions.given import (
    change_client,
    give_groups,
    import_password_of_alice,
    issue_opaque_tokens,
    let_use_legacy_grants,
)
from tests.functions.journey import App, Browser, web
from tests.functions.world import World


def front_channel(app: App, response_type: str) -> dict[str, str]:
    """An authorization request whose answer is tokens."""
    return app.request(response_type=response_type, code_challenge="", code_challenge_method="")


@legacy_flow
def implicit_with_and_without_a_session(world: World) -> None:
    let_use_legacy_grants(world, "demo-web")
    gateway = Gateway(world)
    app, browser = web(gateway), Browser(gateway)
    for response_type in ("token", "id_token", "id_token token"):
        for person in (browser, browser, Browser(gateway)):
            answer = person.go_through(front_channel(app, response_type))
            assert ("access_token" in answer) == ("token" in response_type.split())
    answered(200, gateway.call("GET", "/me", f"Bearer {answer['access_token']}"))
    answered(200, app.post("/revoke", token=answer["access_token"]))


@legacy_flow
def implicit_with_what_an_identity_provider_gave(world: World) -> None:
    give_groups(world)
    let_use_legacy_grants(world, "demo-web")
    names = ("authorize", "login", "consent")
    with world.using(**{name: world.load(name, **LEGACY) for name in names}):
        app, browser = web(Gateway(world)), Browser(Gateway(world))
        for _ in range(2):
            assert "access_token" in browser.go_through(front_channel(app, "id_token token"))


@legacy_flow
def implicit_with_opaque_tokens(world: World) -> None:
    let_use_legacy_grants(world, "demo-web")
    issue_opaque_tokens(world, "demo-web")
    gateway = Gateway(world)
    browser = Browser(gateway)
    for _ in range(2):
        answer = browser.go_through(front_channel(web(gateway), "token"))
        answered(200, gateway.call("GET", "/me", f"Bearer {answer['access_token']}"))


@legacy_flow
def implicit_before_there_are_keys(world: World) -> None:
    """Whichever function signs first makes the key: with a session it is authorize, from a sign-in on it is consent."""
    for algorithm, token_format in (("RS256", "jwt"), ("ES256", "opaque")):
        for signs_first in ("authorize", "consent"):
            world.restore(world.unborn)
            let_use_legacy_grants(world, "demo-web")
            issue = {"id_token_signed_response_alg": algorithm, "access_token_format": token_format}
            change_client(world, "demo-web", **issue)
            names = ("authorize", "login", "consent")
            with world.using(**{name: world.load(name, **LEGACY) for name in names}):
                app, browser = web(Gateway(world)), Browser(Gateway(world))
                if signs_first == "authorize":
                    browser.go_through(app.request())  # signs nothing, but leaves a session and a remembered consent
                answer = browser.go_through(front_channel(app, "id_token token"))
                assert {"access_token", "id_token"} <= answer.keys()


@legacy_flow
def password_grant(world: World) -> None:
    let_use_legacy_grants(world, "demo-web")
    import_password_of_alice(world)
    app = web(Gateway(world))
    tokens = app.post("/token", grant_type="password", username="alice", password="wonderland-demo").json()
    answered(200, app.refresh(tokens["refresh_token"], "/refresh"))
    for username in ("alice", "nobody"):
        answered(400, app.post("/token", grant_type="password", username=username, password=secrets.token_urlsafe()))


@legacy_flow
def password_grant_before_there_are_keys(world: World) -> None:
    world.restore(world.unborn)
    let_use_legacy_grants(world, "demo-web")
    with world.using(token=world.load("token", **LEGACY)):
        app = web(Gateway(world))
        answered(200, app.post("/token", grant_type="password", username="alice", password="wonderland-demo"))
