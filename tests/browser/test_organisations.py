"""Choosing an organisation and its companies, in a real browser."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.site import Site
from tests.browser.visit import Tab, Window, at
from tests.flows.person import App, Deployment, demo_app

BOTH = pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "no-javascript"])
EVERY = "Every company, those added later too"


@pytest.fixture
def ledger(deployment: Deployment, site: Site) -> App:
    """A client that acts for organisations."""
    return at(replace(demo_app(deployment), client_id="ledger-app"), site)


def granted(app: App, tab: Tab) -> dict[str, Any]:
    """What the token that the client got says of itself."""
    token = app.exchange(tab.landed()["code"], tab.proof).json()["access_token"]
    said: dict[str, Any] = app.ask_itself(token).json()
    return said


@BOTH
def test_administrator_chooses_companies(open_window: Callable[..., Window], ledger: App, javascript: bool) -> None:
    tab = open_window(java_script_enabled=javascript).tab()
    tab.start(ledger)
    tab.sign_in()
    tab.sees("Allow Ledgerly to use your organisation's data?")
    expect(tab.page.get_by_role("group", name="Which companies of Acme <Group>?")).to_be_visible()
    tab.page.get_by_label("Acme Denmark ApS").check()
    tab.allow()
    said = granted(ledger, tab)
    assert (said["org"], said["entities"]) == ("acme", ["dk"])


@BOTH
def test_member_of_two_chooses_one_first_and_is_told_when_nothing_is_chosen(
    open_window: Callable[..., Window], ledger: App, javascript: bool
) -> None:
    tab = open_window(java_script_enabled=javascript).tab()
    tab.start(ledger)
    tab.sign_in("bob", "builder-demo")
    tab.page.get_by_label("Globex").check()
    tab.page.get_by_role("button", name="Continue").click()
    expect(tab.page.get_by_label("Acme Denmark ApS")).to_have_count(0)
    tab.page.get_by_role("link", name="Choose another organisation").click()
    tab.page.get_by_label("Acme <Group>").check()
    tab.page.get_by_role("button", name="Continue").click()
    tab.allow()
    expect(tab.page.get_by_role("alert")).to_have_text("Choose what the app may reach.")
    tab.page.get_by_label("Acme Germany GmbH").check()
    tab.page.get_by_label("Acme Denmark ApS").check()
    tab.allow()
    said = granted(ledger, tab)
    assert (said["org"], said["entities"]) == ("acme", ["de", "dk"])


@BOTH
def test_member_asks_an_administrator_for_every_company(
    open_window: Callable[..., Window], ledger: App, javascript: bool
) -> None:
    tab = open_window(java_script_enabled=javascript).tab()
    tab.start(ledger)
    tab.sign_in("bob", "builder-demo")
    tab.page.get_by_label("Acme <Group>").check()
    tab.page.get_by_role("button", name="Continue").click()
    tab.page.get_by_label(EVERY).check()
    tab.allow()
    tab.sees("An administrator of Acme <Group> has been asked")
    tab.page.get_by_role("link", name="Back to Ledgerly").click()
    assert tab.landed()["error"] == "access_denied"


def test_page_fits_a_narrow_telephone(open_window: Callable[..., Window], ledger: App) -> None:
    tab = open_window(viewport={"width": 320, "height": 640}).tab()
    tab.start(ledger)
    tab.sign_in()
    tab.sees("Allow Ledgerly to use your organisation's data?")
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= 320
