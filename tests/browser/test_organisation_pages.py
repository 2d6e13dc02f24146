"""What administrators and members do on the pages of their organisation, in a real browser, without JavaScript."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from playwright.sync_api import expect

from tests.browser.site import Site
from tests.browser.visit import Tab, Window, at
from tests.flows.person import App, Deployment, demo_app

BOB = ("bob", "builder-demo")
EVERY = "Every company, those added later too"


@pytest.fixture
def books(deployment: Deployment, site: Site) -> App:
    """A client that acts for organisations."""
    return at(replace(demo_app(deployment), client_id="books-app"), site)


@pytest.fixture
def alice(open_window: Callable[..., Window]) -> Tab:
    """The administrator of Acme, on its page."""
    tab = open_window(java_script_enabled=False).tab()
    tab.open("organisations/acme")
    tab.sign_in()
    tab.sees("Acme <Group>")
    return tab


def press(tab: Tab, name: str) -> None:
    tab.page.get_by_role("button", name=name).click()


def go(tab: Tab, name: str) -> None:
    tab.page.get_by_role("link", name=name, exact=True).first.click()


def at_consent(tab: Tab, app: App) -> None:
    """Bob, asked for the companies of Acme."""
    tab.start(app)
    if tab.page.get_by_label("Password").count():
        tab.sign_in(*BOB)
    tab.page.get_by_label("Acme <Group>").check()
    press(tab, "Continue")


def test_a_request_is_denied_and_told_and_then_approved(
    open_window: Callable[..., Window], alice: Tab, books: App
) -> None:
    bob = open_window(java_script_enabled=False).tab()
    at_consent(bob, books)
    bob.page.get_by_label(EVERY).check()
    bob.allow()
    bob.sees("An administrator of Acme <Group> has been asked")

    go(alice, "Requests")
    go(alice, "Bookly")
    alice.sees("Bookly")
    expect(alice.page.get_by_text("bob wants to connect Bookly to Acme <Group>.")).to_be_visible()
    press(alice, "Deny")
    expect(alice.page.get_by_role("status")).to_contain_text("You have denied the request.")

    at_consent(bob, books)
    expect(bob.page.get_by_text("An administrator of Acme <Group> denied on")).to_be_visible()
    bob.page.get_by_label(EVERY).check()
    bob.allow()
    at_consent(bob, books)
    expect(bob.page.get_by_text("there is no answer yet")).to_be_visible()

    go(alice, "Requests")
    go(alice, "Bookly")
    press(alice, "Approve")
    expect(alice.page.get_by_role("status")).to_contain_text("You have approved the request.")
    at_consent(bob, books)
    bob.page.get_by_label(EVERY).check()
    bob.allow()
    tokens = books.exchange(bob.landed()["code"], bob.proof).json()
    assert books.ask_itself(tokens["access_token"]).json()["entities"] == ["*"]

    go(alice, "Connected apps")
    go(alice, "Bookly")
    expect(alice.page.get_by_role("heading", name="Connected by bob")).to_be_visible()
    alice.page.get_by_text("Change the companies").click()
    alice.page.get_by_label(EVERY).uncheck()
    alice.page.get_by_label("Acme Denmark ApS").check()
    press(alice, "Save the companies")
    assert books.ask_itself(tokens["access_token"]).json()["entities"] == ["dk"]
    press(alice, "Disconnect")
    expect(alice.page.get_by_role("status")).to_contain_text("The app is disconnected.")
    assert books.ask_itself(tokens["access_token"]).status_code == 401


def test_somebody_is_invited_and_the_invitation_withdrawn(alice: Tab) -> None:
    go(alice, "Members")
    go(alice, "Invite somebody")
    alice.page.get_by_label("Username or email address").fill("<b>nobody</b>")
    alice.page.get_by_role("radio", name=re.compile("^Administrator")).check()
    press(alice, "Invite")
    alice.sees("Members")
    invitations = alice.page.get_by_role("region", name="Invitations")
    expect(invitations.get_by_role("strong")).to_have_text("<b>nobody</b>")
    press(alice, "Withdraw")
    expect(alice.page.get_by_role("status")).to_have_text("The invitation is withdrawn.")
    expect(alice.page.get_by_text("<b>nobody</b>")).to_have_count(0)


def test_the_last_administrator_stays(alice: Tab) -> None:
    alice.page.get_by_text("Leave this organisation").click()
    press(alice, "Leave")
    expect(alice.page.get_by_role("alert")).to_contain_text("An organisation needs an administrator")
    alice.sees("Acme <Group>")


def test_a_member_finds_no_page_of_administrators(open_window: Callable[..., Window]) -> None:
    tab = open_window(java_script_enabled=False).tab()
    tab.open("organisations/acme/members")
    tab.sign_in(*BOB)
    tab.sees("There is no such page, or it is not yours to see")
    expect(tab.page.get_by_role("alert")).to_have_text("Only an administrator of the organisation may do this")


def test_the_redirect_uri_is_copied_where_there_is_a_script(open_window: Callable[..., Window]) -> None:
    tab = open_window(permissions=["clipboard-read", "clipboard-write"]).tab()
    tab.open("organisations/acme/sign-in/acme-work")
    tab.sign_in()
    tab.sees("Acme work account")
    press(tab, "Copy")
    expect(tab.page.get_by_role("button", name="Copied")).to_be_visible()
