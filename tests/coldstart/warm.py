"""The warm flows that have a budget, each one request; the benchmark measures the same."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.functions.events import request_authorizer_event
from tests.functions.gateway import Gateway
from tests.functions.given import approve, give_groups, give_organisations, issue_opaque_tokens
from tests.functions.journey import App, Browser, machine, native, parameters_of, web
from tests.functions.sign_in_flows import choose
from tests.functions.simulated_aws import Call
from tests.functions.world import World

type Request = Callable[[], Any]


@dataclass(frozen=True)
class WarmFlow:
    """`prepare` goes as far as the request that counts, and gives it."""

    function: str
    prepare: Callable[[World], Request]
    round_trips: int
    read_units: float
    write_units: float


def measured(world: World, flow: WarmFlow) -> list[Call]:
    """The calls of the flow's one request, its function being warm, and not the day's first of its client."""
    for app in (machine, web):
        assert app(Gateway(world)).post("/revoke", token="garbage").status == 200
    before = world.aws.snapshot()
    flow.prepare(world)()
    world.aws.restore(before)  # from here on everything is as the first time, and what functions remember of it is true
    request = flow.prepare(world)
    world.aws.calls.clear()
    request()
    return [call for call in world.aws.calls if call.function == flow.function]


def succeeded(answer: Any) -> None:
    assert answer.status in (200, 303), answer
    assert "error=" not in answer.headers.get("location", "")


def client_credentials(world: World) -> Request:
    app = machine(Gateway(world))
    return lambda: succeeded(app.own_token())


def opaque_client_credentials(world: World) -> Request:
    issue_opaque_tokens(world, "demo-machine")
    return client_credentials(world)


def exchange(world: World) -> Request:
    app = native(Gateway(world))
    code = Browser(app.gateway).go_through(app.request())["code"]
    return lambda: succeeded(app.exchange(code))


def refresh(world: World) -> Request:
    app = native(Gateway(world))
    token = app.tokens()["refresh_token"]
    return lambda: succeeded(app.refresh(token, "/refresh"))


def _about_a_token(world: World, path: str, name: str, app: App) -> Request:
    token = app.tokens()[name]
    return lambda: succeeded(app.post(path, token=token))


def revoke_refresh_token(world: World) -> Request:
    return _about_a_token(world, "/revoke", "refresh_token", native(Gateway(world)))


def revoke_refresh_token_of_a_confidential_client(world: World) -> Request:
    return _about_a_token(world, "/revoke", "refresh_token", web(Gateway(world)))


def revoke_access_token(world: World) -> Request:
    return _about_a_token(world, "/revoke", "access_token", native(Gateway(world)))


def introspect(world: World) -> Request:
    return _about_a_token(world, "/introspect", "access_token", web(Gateway(world)))


def introspect_opaque(world: World) -> Request:
    issue_opaque_tokens(world, "demo-web")
    return introspect(world)


def _checked(world: World, token: str) -> Request:
    headers = {"Authorization": f"Bearer {token}"}
    event = request_authorizer_event("GET", "/me", resource=world.resource, headers=headers)
    return lambda: world.invoke("authorizer", event)


def authorizer(world: World) -> Request:
    return _checked(world, native(Gateway(world)).tokens()["access_token"])


def authorizer_opaque(world: World) -> Request:
    issue_opaque_tokens(world, "demo-app")
    return authorizer(world)


def authorizer_of_a_machine(world: World) -> Request:
    return _checked(world, machine(Gateway(world)).own_token().json()["access_token"])


def authorizer_of_a_machine_opaque(world: World) -> Request:
    issue_opaque_tokens(world, "demo-machine")
    return authorizer_of_a_machine(world)


def _for_an_organisation(world: World) -> tuple[App, Any]:
    give_organisations(world)
    app = web(Gateway(world))
    code = parameters_of(choose(app, Browser(app.gateway), "one"))["code"]
    return app, app.exchange(code).json()


def authorizer_for_an_organisation(world: World) -> Request:
    _, tokens = _for_an_organisation(world)
    return _checked(world, tokens["access_token"])


def authorizer_for_an_organisation_opaque(world: World) -> Request:
    issue_opaque_tokens(world, "demo-web")
    return authorizer_for_an_organisation(world)


def authorizer_by_an_approval(world: World) -> Request:
    """Of every company, which an administrator allowed the member to grant."""
    alice = give_organisations(world)
    app, browser = web(Gateway(world)), Browser(Gateway(world))
    choose(app, browser, "*")
    approve(world, "acme", "demo-web", alice)
    code = parameters_of(choose(app, browser, "*"))["code"]
    return _checked(world, app.exchange(code).json()["access_token"])


def refresh_for_an_organisation(world: World) -> Request:
    app, tokens = _for_an_organisation(world)
    return lambda: succeeded(app.refresh(tokens["refresh_token"], "/refresh", scope="openid read"))


def exchange_with_claims(world: World) -> Request:
    """The ID token of a confidential client tells what its scope tells of the user."""
    app = web(Gateway(world))
    code = Browser(app.gateway).go_through(app.request())["code"]
    return lambda: succeeded(app.exchange(code))


def refresh_with_claims(world: World) -> Request:
    app = web(Gateway(world))
    token = app.tokens()["refresh_token"]
    return lambda: succeeded(app.refresh(token, "/refresh"))


def _with_a_providers_attribute(prepare: Callable[[World], Request]) -> Callable[[World], Request]:
    """The same where it tells an attribute that an identity provider gave; not the first since the scopes changed."""

    def prepared(world: World) -> Request:
        give_groups(world)
        prepare(world)()
        return prepare(world)

    return prepared


def introspect_oneself(world: World) -> Request:
    gateway = Gateway(world)
    headers = {"authorization": f"Bearer {native(gateway).tokens()['access_token']}"}
    return lambda: succeeded(gateway.send("GET", "/introspect", headers=headers))


def userinfo(world: World) -> Request:
    gateway = Gateway(world)
    headers = {"authorization": f"Bearer {native(gateway).tokens()['access_token']}"}
    return lambda: succeeded(gateway.send("GET", "/userinfo", headers=headers))


def userinfo_opaque(world: World) -> Request:
    issue_opaque_tokens(world, "demo-app")
    return userinfo(world)


def userinfo_behind_the_authorizer(world: World) -> Request:
    gateway = Gateway(world)
    token = native(gateway).tokens()["access_token"]
    return lambda: succeeded(gateway.call("GET", "/userinfo", f"Bearer {token}"))


def authorize_remembered(world: World) -> Request:
    app = web(Gateway(world))
    browser = Browser(app.gateway)
    app.tokens(browser)
    request = app.request()
    return lambda: succeeded(browser.authorize(request))


def authorize_stranger(world: World) -> Request:
    app = native(Gateway(world))
    request = app.request()
    return lambda: succeeded(Browser(app.gateway).authorize(request))


def show_login(world: World) -> Request:
    browser = Browser(Gateway(world))
    started = browser.authorize(native(browser.gateway).request())
    return lambda: succeeded(browser.follow(started))


def sign_in(world: World) -> Request:
    browser = Browser(Gateway(world))
    page = browser.follow(browser.authorize(native(browser.gateway).request()))
    return lambda: succeeded(browser.sign_in(page))


def show_consent(world: World) -> Request:
    browser = Browser(Gateway(world))
    answer = browser.sign_in(browser.follow(browser.authorize(native(browser.gateway).request())))
    return lambda: succeeded(browser.follow(answer))


def allow(world: World) -> Request:
    browser = Browser(Gateway(world))
    page = browser.follow(browser.sign_in(browser.follow(browser.authorize(web(browser.gateway).request()))))
    return lambda: succeeded(browser.decide(page))


def sign_out(world: World) -> Request:
    browser = Browser(Gateway(world))
    query = {"id_token_hint": web(browser.gateway).tokens(browser)["id_token"], "client_id": "demo-web"}
    query["post_logout_redirect_uri"] = "https://app.example.com/signed-out"
    return lambda: succeeded(browser.send("GET", "/logout", query=query))


def _account_page(path: str) -> Callable[[World], Request]:
    """A page of somebody who is signed in here and has let one app in."""

    def prepare(world: World) -> Request:
        browser = Browser(Gateway(world))
        web(browser.gateway).tokens(browser)
        return lambda: succeeded(browser.send("GET", path))

    return prepare


def disconnect(world: World) -> Request:
    browser, path = Browser(Gateway(world)), "/my/apps/demo-web"
    web(browser.gateway).tokens(browser)
    page = browser.send("GET", path)
    return lambda: succeeded(browser.act(page, path, "disconnect"))


def metadata(world: World) -> Request:
    gateway = Gateway(world)
    return lambda: succeeded(gateway.send("GET", "/.well-known/openid-configuration"))


def key_set(world: World) -> Request:
    gateway = Gateway(world)
    return lambda: succeeded(gateway.send("GET", "/.well-known/jwks.json"))


# Round trips, and capacity units read and written, by DynamoDB's documented rules (see `capacity`).
FLOWS: dict[str, WarmFlow] = {
    "client_credentials": WarmFlow("token", client_credentials, 1, 1, 0),
    "client_credentials, opaque": WarmFlow("token", opaque_client_credentials, 2, 1, 1),
    "code exchange": WarmFlow("token", exchange, 2, 3, 1),
    "code exchange, with claims of the user": WarmFlow("token", exchange_with_claims, 3, 4, 1),
    "refresh": WarmFlow("refresh", refresh, 2, 3, 1),
    "refresh, with claims of the user": WarmFlow("refresh", refresh_with_claims, 3, 4, 1),
    # Whether the identity provider that gave it gives it still.
    "code exchange, with a provider's attribute": WarmFlow(
        "token", _with_a_providers_attribute(exchange_with_claims), 4, 5, 1
    ),
    "refresh, with a provider's attribute": WarmFlow(
        "refresh", _with_a_providers_attribute(refresh_with_claims), 4, 5, 1
    ),
    "userinfo, with a provider's attribute": WarmFlow("userinfo", _with_a_providers_attribute(userinfo), 2, 5, 0),
    "revoke a refresh token": WarmFlow("revoke", revoke_refresh_token, 1, 0, 1),
    "revoke a refresh token, confidential": WarmFlow("revoke", revoke_refresh_token_of_a_confidential_client, 2, 1, 1),
    "revoke an access token": WarmFlow("revoke", revoke_access_token, 1, 0, 1),
    "introspect": WarmFlow("introspect", introspect, 1, 3, 0),
    "introspect, opaque": WarmFlow("introspect", introspect_opaque, 1, 4, 0),
    # The authorization, the ends of the subject and of the client; with an organisation its end and the membership.
    "authorizer": WarmFlow("authorizer", authorizer, 1, 3, 0),
    "authorizer, opaque": WarmFlow("authorizer", authorizer_opaque, 1, 4, 0),
    "authorizer, for an organisation": WarmFlow("authorizer", authorizer_for_an_organisation, 1, 5, 0),
    "authorizer, for an organisation, opaque": WarmFlow("authorizer", authorizer_for_an_organisation_opaque, 1, 6, 0),
    "authorizer, by an approval": WarmFlow("authorizer", authorizer_by_an_approval, 1, 5, 0),
    "authorizer, of a machine": WarmFlow("authorizer", authorizer_of_a_machine, 1, 2, 0),
    "authorizer, of a machine, opaque": WarmFlow("authorizer", authorizer_of_a_machine_opaque, 1, 2, 0),
    "refresh, for an organisation": WarmFlow("refresh", refresh_for_an_organisation, 2, 5, 1),
    "introspect oneself": WarmFlow("introspect", introspect_oneself, 2, 4, 0),
    # What the authorizer reads, and the user: in the same call, unless the token does not tell whose it is.
    "userinfo": WarmFlow("userinfo", userinfo, 1, 4, 0),
    "userinfo, opaque": WarmFlow("userinfo", userinfo_opaque, 2, 5, 0),
    "userinfo, behind the authorizer": WarmFlow("userinfo", userinfo_behind_the_authorizer, 1, 1, 0),
    # What a session decides is written while it stands, in a transaction: each write and each condition costs twice.
    "authorize, signed in, consent remembered": WarmFlow("authorize", authorize_remembered, 3, 4, 6),
    "authorize, a stranger": WarmFlow("authorize", authorize_stranger, 2, 1, 1),
    "sign-in page": WarmFlow("login", show_login, 2, 2, 0),
    "sign in": WarmFlow("login", sign_in, 8, 6, 6),
    "consent page": WarmFlow("consent", show_consent, 4, 7, 0),
    "consent": WarmFlow("consent", allow, 6, 4, 18),
    "sign out by an ID token": WarmFlow("logout", sign_out, 3, 3, 1),
    # Each app that was let in costs one more where apps are counted, and four where they are told: whether it stands
    # still, and a logo that is apart, are among it.
    "account": WarmFlow("my", _account_page("/my"), 14, 16.5, 0),
    "connected apps": WarmFlow("my", _account_page("/my/apps"), 10, 12, 0),
    "a connected app": WarmFlow("my", _account_page("/my/apps/demo-web"), 10, 14.5, 0),
    "disconnect an app": WarmFlow("my", disconnect, 8, 6, 25),  # with its event in the audit
    "sessions": WarmFlow("my", _account_page("/my/sessions"), 6, 6.5, 0),
    "activity": WarmFlow("my", _account_page("/my/activity"), 6, 7.5, 0),
    "metadata": WarmFlow("metadata", metadata, 0, 0, 0),
    "key set": WarmFlow("metadata", key_set, 0, 0, 0),
}
