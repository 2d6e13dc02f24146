"""The flows of people on our own pages."""

from tests.functions.flowing import flow
from tests.functions.gateway import Gateway
from tests.functions.journey import Browser, hidden_fields, web
from tests.functions.world import World


@flow
def visit_the_account(world: World) -> None:
    """By somebody who has to sign in first."""
    with world.using(my=world.load("my")):
        page = Browser(Gateway(world)).visit("/my")
    assert page.status == 200
    assert "Alice" in page.body


@flow
def visit_before_there_are_keys(world: World) -> None:
    """The first request that a deployment gets can be to a page of its own, which then makes the key that it needs."""
    for name in ("my", "developer", "organisations"):
        world.restore(world.unborn)
        with world.using(**{name: world.load(name)}):
            assert Gateway(world).send("GET", f"/{name}").status == 303


@flow
def sign_out(world: World) -> None:
    """By a button of our own, by a client's link with and without an ID token, and by one that leads nowhere."""
    bye = "https://app.example.com/signed-out"
    with world.using(logout=world.load("logout")):
        browser = Browser(Gateway(world))
        page = browser.visit("/my")
        answer = browser.send("POST", "/logout", form={"csrf": hidden_fields(page)["csrf"]})
        assert "You are signed out" in answer.body
        tokens = web(browser.gateway).tokens(browser)
        wanted = {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": bye}
        assert browser.send("GET", "/logout", query=wanted | {"post_logout_redirect_uri": f"{bye}/x"}).status == 400
        tokens = web(browser.gateway).tokens(browser)
        wanted["id_token_hint"] = tokens["id_token"]
        sent_on = browser.send("POST", "/logout", form=wanted | {"state": "s"})
        assert browser.follow(sent_on).location == f"{bye}?state=s"
        browser.visit("/my")
        page = browser.send("GET", "/logout", query={"client_id": "demo-web", "post_logout_redirect_uri": bye})
        assert browser.send("POST", "/logout", form=hidden_fields(page) | {"csrf": "x"}).status == 400
        assert browser.send("POST", "/logout", form=hidden_fields(page)).location == bye
        assert 'name="password"' in browser.follow(browser.send("GET", "/my")).body
