"""The flows of people who look after their account on our pages."""

import json

from authserver.aws.table import encode
from authserver.models.organisations import Organisation
from tests.functions.flowing import flow, mail_flow
from tests.functions.gateway import Gateway
from tests.functions.given import begun_now, change_client, make_member, stores_of, subject_of_alice
from tests.functions.journey import Browser, native, web
from tests.functions.mail_flows import confirm, mailed_link
from tests.functions.world import World


def _furnish(world: World) -> None:
    """An organisation that Alice belongs to, an app that she let in for it, and one that she registered."""
    alice = subject_of_alice(world)
    stores = stores_of(world)
    stores.organisations.create(Organisation("acme", "Acme", {"one": "One Ltd"}))
    make_member(world, "acme", alice)
    change_client(world, "other-web", owner=alice)
    (granted,) = stores.tokens.authorizations(subject=alice, limit=1).items
    begun = encode(begun_now(world, "acme", granted.client_id, alice).as_attributes())
    world.aws.change("TokensTable", f"authorization#{granted.id}", organisation={"S": "acme"}, begun=begun)


@flow
def look_after_ones_account_on_our_pages(world: World) -> None:
    gateway = Gateway(world)
    browser, elsewhere = Browser(gateway), Browser(gateway)
    connected = web(gateway).tokens(elsewhere)
    native(gateway).tokens(browser)
    _furnish(world)
    with world.using(my=world.load("my")):
        assert "2 apps" in browser.visit("/my").body
        _see_what_there_is(browser)
        _change_the_profile(browser)
        _take_the_data(browser)
        _end_what_there_is(browser)
    assert web(gateway).refresh(connected["refresh_token"]).status == 400
    assert elsewhere.send("GET", "/my").status == 303


def _see_what_there_is(browser: Browser) -> None:
    for path, told in (
        ("/my/apps", "Demo web application"),
        ("/my/apps/demo-web", "What it may do"),
        ("/my/sessions", "This browser"),
        ("/my/activity", "Signed in"),
        ("/my/profile", "alice@example.com"),
        ("/my/profile/email", "Email"),
    ):
        page = browser.visit(path)
        assert (page.status, told in page.body) == (200, True), (path, page)
        assert len(page.body.encode()) < 30_000


def _change_the_profile(browser: Browser) -> None:
    page = browser.visit("/my/profile")
    assert browser.act(page, "/my/profile", "rename", name="").status == 400
    assert "done=renamed" in browser.act(page, "/my/profile", "rename", name="Alice P").location
    assert browser.act(page, "/my/profile/email", "change", email="new@example.com").status == 409


def _take_the_data(browser: Browser) -> None:
    file = browser.act(browser.visit("/my/export"), "/my/export", "download")
    assert file.headers["content-disposition"] == 'attachment; filename="account.json"'
    data = json.loads(file.body)
    assert data["profile"]["name"] == "Alice P"
    assert [one["client_id"] for one in data["own_applications"]] == ["other-web"]


def _end_what_there_is(browser: Browser) -> None:
    one = browser.visit("/my/apps/demo-web")
    assert "done=disconnected" in browser.act(one, "/my/apps/demo-web", "disconnect").location
    everything = browser.visit("/my/apps")
    assert "done=all-disconnected" in browser.act(everything, "/my/apps", "disconnect-all").location
    sessions = browser.visit("/my/sessions")
    assert browser.act(sessions, "/my/sessions", "end", session="x").status == 404
    assert "done=others-ended" in browser.act(sessions, "/my/sessions", "end-others").location


@flow
def have_an_app_ask_again(world: World) -> None:
    """It gave back what it had, and would get it again without a question."""
    browser, path = Browser(Gateway(world)), "/my/apps/demo-web"
    app = web(browser.gateway)
    assert app.post("/revoke", token=app.tokens(browser)["refresh_token"]).status == 200
    with world.using(my=world.load("my")):
        assert "done=forgotten" in browser.act(browser.visit(path), path, "forget").location
    assert "consent?request=" in browser.authorize(app.request()).location


@mail_flow
def want_another_address(world: World) -> None:
    """The link that is ordered leads to a page that makes the address theirs."""
    browser = Browser(Gateway(world))
    page = browser.visit("/my/profile/email")
    assert browser.act(page, "/my/profile/email", "change", email="no address").status == 400
    ordered = browser.act(page, "/my/profile/email", "change", email="alice@elsewhere.example")
    assert "done=mailed" in ordered.location
    assert "alice@elsewhere.example" in browser.visit("/my/profile").body
    assert confirm(browser, mailed_link(world)).status == 200
    assert "alice@elsewhere.example" in browser.visit("/my/profile").body
