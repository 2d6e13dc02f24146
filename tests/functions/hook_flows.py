"""The flows that there are where an operator has a token hook."""

from authserver.values import Scope
from tests.functions.flowing import answered, hook_flow
from tests.functions.gateway import Gateway
from tests.functions.given import change_client, let_use_legacy_grants
from tests.functions.journey import Browser, machine, web
from tests.functions.legacy_flows import front_channel
from tests.functions.world import World


@hook_flow
def ask_the_hook_about_every_issue(world: World) -> None:
    let_use_legacy_grants(world, "demo-web")
    change_client(world, "demo-web", scope=Scope.parse("openid profile read"))
    app, person = web(Gateway(world)), Browser(Gateway(world))
    tokens = app.tokens(person)
    for path in ("/token", "/refresh"):
        tokens |= app.refresh(tokens["refresh_token"], path).json()
    answered(200, app.gateway.send("GET", "/userinfo", headers={"authorization": f"Bearer {tokens['access_token']}"}))
    answered(200, app.gateway.call("GET", "/userinfo", f"Bearer {tokens['access_token']}"))
    answered(200, machine(app.gateway).own_token())
    for browser in (person, Browser(Gateway(world))):
        assert "access_token" in browser.go_through(front_channel(app, "token"))
    assert {call.function for call in world.aws.calls if call.table == "TokenHook"} == {
        *("authorize", "consent", "token", "refresh", "userinfo")
    }
