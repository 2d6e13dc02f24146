"""The flows of devices without a browser, and of people who have one."""

from authserver.models.clients import ClientSecret
from tests.functions.flowing import answered, authorizing_devices, device_flow, flow
from tests.functions.gateway import Answer, Gateway
from tests.functions.given import LOGO, act_for_organisations, change_client, give_organisations, imported_hash
from tests.functions.journey import App, Browser, hidden_fields
from tests.functions.world import World

DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"


def tool(gateway: Gateway) -> App:
    return App(gateway, "demo-cli")


def begin(app: App, **form: str) -> dict[str, str]:
    answer = app.post("/device_authorization", **form)
    answered(200, answer)
    begun: dict[str, str] = answer.json()
    return begun


def poll(app: App, begun: dict[str, str]) -> Answer:
    return app.post("/token", grant_type=DEVICE_CODE, device_code=begun["device_code"])


def say(browser: Browser, begun: dict[str, str], action: str) -> Answer:
    """Types the code and answers the question; the page after it, for the signed-in user."""
    question = browser.follow(browser.send("POST", "/device", form={"user_code": begun["user_code"]}))
    page = browser.follow(browser.send("POST", "/device", form=hidden_fields(question) | {"action": action}))
    return browser.follow(browser.sign_in(page)) if 'name="password"' in page.body else page


@flow
def device_where_none_is_authorized(world: World) -> None:
    gateway = Gateway(world)
    answered(404, tool(gateway).post("/device_authorization"))
    answered(404, Browser(gateway).send("GET", "/device"))
    answered(404, Browser(gateway).send("POST", "/device", form={"user_code": "BCDF-GHJK"}))
    answered(400, poll(tool(gateway), {"device_code": "dc_x"}))


@device_flow
def device_is_allowed(world: World) -> None:
    change_client(world, "demo-cli", logo_uri=LOGO)
    gateway = Gateway(world)
    app, browser = tool(gateway), Browser(gateway)
    begun = begin(app, scope="openid read", resource=world.resource)
    for error in ("authorization_pending", "slow_down"):
        assert poll(app, begun).json()["error"] == error
    answered(200, browser.send("GET", "/device"))
    answered(400, browser.send("POST", "/device", form={"user_code": "BCDF-GHJK"}))
    answered(200, browser.decide(say(browser, begun, "confirm")))
    tokens = poll(app, begun).json()
    answered(200, gateway.call("GET", "/me", f"Bearer {tokens['access_token']}"))
    answered(200, app.refresh(tokens["refresh_token"]))
    answered(400, poll(app, begun))
    again = begin(app)
    answered(200, browser.decide(say(browser, again, "confirm")))


@device_flow
def device_asks_for_a_resource(world: World) -> None:
    """By functions that have just started, and have to look which resources there are."""
    gateway = Gateway(world)
    app, browser = tool(gateway), Browser(gateway)
    begun = begin(app, scope="read", resource=world.resource)
    answered(200, browser.decide(say(browser, begun, "confirm")))
    form = {"grant_type": DEVICE_CODE, "device_code": begun["device_code"], "resource": world.resource}
    answered(200, app.post("/token", **form))


@device_flow
def device_is_denied(world: World) -> None:
    """By a person who did not start it, on the consent page, and by going back from the sign-in page."""
    gateway = Gateway(world)
    app, browser = tool(gateway), Browser(gateway)
    for number in range(3):
        begun = begin(app)
        if number == 0:
            answered(200, say(browser, begun, "deny"))
        elif number == 1:
            answered(200, browser.decide(say(browser, begun, "confirm"), "deny"))
        else:
            stranger = Browser(gateway)
            question = stranger.follow(stranger.send("POST", "/device", form={"user_code": begun["user_code"]}))
            form = hidden_fields(question) | {"action": "confirm"}
            page = stranger.follow(stranger.send("POST", "/device", form=form))
            answered(200, stranger.send("POST", "/login", form=hidden_fields(page) | {"action": "cancel"}))
        assert poll(app, begun).json()["error"] == "access_denied"


@device_flow
def device_for_an_organisation(world: World) -> None:
    give_organisations(world)
    act_for_organisations(world, "demo-cli")
    gateway = Gateway(world)
    app, browser = tool(gateway), Browser(gateway)
    begun = begin(app, scope="read")
    page = say(browser, begun, "confirm")
    fields = hidden_fields(page)
    page = browser.send("GET", "/consent", query={"request": fields["request"], "organisation": "acme"})
    answered(200, browser.decide(page, entities="one"))
    answered(200, poll(app, begun))


@device_flow
def device_of_a_confidential_client(world: World) -> None:
    """With a secret of ours, and with one whose hash came from another system; and what it may not."""
    gateway = Gateway(world)
    app = App(gateway, "demo-web", "demo-web-secret-for-development-only")
    answered(400, app.post("/device_authorization"))
    change_client(world, "demo-web", grant_types=("authorization_code", DEVICE_CODE))
    begun = begin(app, scope="read")
    answered(400, poll(app, begun))
    answered(400, app.post("/device_authorization", scope="nonsense"))
    change_client(world, "demo-web", secrets=(ClientSecret(b"", 1, encoded=imported_hash(app.secret)),))
    for _ in range(7):
        answered(401, App(gateway, "demo-web", "wrong").post("/device_authorization"))
    for _ in range(2):
        begin(app, scope="read")


@device_flow
def device_before_there_are_keys(world: World) -> None:
    world.restore(world.unborn)
    with authorizing_devices(world):
        begin(tool(Gateway(world)))
