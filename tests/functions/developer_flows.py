"""The flows of developers in their portal."""

import re

from tests.functions.flowing import flow
from tests.functions.gateway import Answer, Gateway
from tests.functions.given import LOGO
from tests.functions.journey import Browser, hidden_fields, web
from tests.functions.world import World

FORM = {
    "client_name": "Tea planner",
    "logo_uri": LOGO,
    "redirect_uris": "https://tea.example/callback",
    "token_endpoint_auth_method": "client_secret_basic",
    "grant_types": ["authorization_code", "refresh_token"],
    "scope": ["openid", "read"],
    "preferred_subject_type": "user",
}


def registered(browser: Browser) -> tuple[str, str]:
    """A new app's identifier and secret, by the form."""
    page = browser.visit("/developer/apps/new")
    once = hidden_fields(page)["once"]
    told = browser.act(page, "/developer/apps/new", "register", once=once, **FORM)
    assert told.status == 200, told
    return shown(told, "client_id"), shown(told, "client_secret")


def shown(page: Answer, name: str) -> str:
    """What a page shows to be copied."""
    found = re.search(rf'<code id="{name}"[^>]*>([^<]*)</code>', page.body)
    assert found, page.body
    return found[1]


@flow
def build_an_app(world: World) -> None:
    """Registered twice by a double click, changed, given another secret, and ended."""
    with world.using(developer=world.load("developer")):
        browser = Browser(Gateway(world))
        page = browser.visit("/developer/apps/new")
        once = hidden_fields(page)["once"]
        first = browser.act(page, "/developer/apps/new", "register", once=once, **FORM)
        again = browser.act(page, "/developer/apps/new", "register", once=once, **FORM)
        app = f"/developer/apps/{shown(first, 'client_id')}"
        assert shown(first, "client_id") == shown(again, "client_id")
        for path in ("/developer", "/developer/scopes", "/developer/endpoints", app, f"{app}/activity"):
            assert browser.visit(path).status == 200, path
        page = browser.visit(f"{app}/settings")
        assert browser.act(page, f"{app}/settings", "save", **FORM | {"client_name": "Tea"}).status == 303
        page = browser.visit(f"{app}/secrets")
        ends = re.findall(r'name="secret" value="([^"]*)"', page.body)
        assert browser.act(page, f"{app}/secrets", "drop", secret=ends[0]).status == 303
        known = hidden_fields(browser.visit(f"{app}/secrets"))["known"]
        assert browser.act(page, f"{app}/secrets", "add", overlap="0", known=known).status == 200
        page = browser.visit(f"{app}/delete")
        assert browser.act(page, f"{app}/delete", "delete", name="Tea").status == 303


@flow
def see_what_an_app_was_refused(world: World) -> None:
    """By each endpoint that knows whose request it refuses; and who connected it."""
    with world.using(developer=world.load("developer")):
        gateway = Gateway(world)
        browser = Browser(gateway)
        client_id, secret = registered(browser)
        app = web(gateway, "https://tea.example/callback")
        app.client_id, app.secret, app.scope = client_id, secret, "openid read"
        app.tokens(browser)
        app.secret = "wrong"
        for path, form in (
            ("/token", {"grant_type": "authorization_code"}),
            ("/refresh", {"grant_type": "refresh_token"}),
            ("/introspect", {"token": "x"}),
            ("/revoke", {"token": "x"}),
        ):
            assert app.post(path, **form).error == "invalid_client"
        assert browser.authorize(app.request(redirect_uri="https://tea.example/other")).status == 400
        page = browser.visit(f"/developer/apps/{client_id}/activity")
        assert "client_secret" in page.body
        assert "redirect_uri_unknown" in page.body
