"""Signing out, as a browser does it: with the cookies that it brings, and where it lets a form lead."""

import pytest
from playwright.sync_api import expect

from tests.browser.site import Page, Site
from tests.browser.test_attacks import form_to
from tests.browser.visit import Tab, Window, at
from tests.flows.person import App, Deployment, demo_web

LOGOUT = "OIDC RP-Initiated Logout"
ASKED = "Do you want to sign out?"


def sign_in(window: Window) -> Tab:
    """With a session of the test's own, since it ends."""
    tab = window.tab()
    tab.open("my")
    tab.sign_in()
    expect(tab.page.get_by_role("heading", level=1)).to_contain_text("Alice")
    return tab


def is_signed_in(tab: Tab) -> bool:
    tab.open("my")
    return tab.page.get_by_role("button", name="Sign out").count() == 1


@pytest.fixture
def web(deployment: Deployment, site: Site) -> App:
    site.pages["/signed-out"] = Page("<!doctype html><title>Client</title><h1>Bye</h1>")
    return at(demo_web(deployment), site)


def wanted_by(web: App, site: Site) -> dict[str, str]:
    return {"client_id": web.client_id, "post_logout_redirect_uri": f"{site.origin}/signed-out", "state": "a&b"}


def test_the_button_of_our_own_pages_signs_out_and_back_does_not_show_them(window: Window) -> None:
    tab = sign_in(window)
    tab.page.get_by_role("button", name="Sign out").click()
    tab.sees("You are signed out")
    assert "__Host-session" not in {cookie.get("name") for cookie in window.context.cookies()}
    tab.page.go_back()
    tab.sees_sign_in()
    tab.open("logout")
    tab.page.get_by_role("link", name="Sign in again").click()
    tab.sees_sign_in()


def test_who_thinks_better_of_it_stays(window: Window) -> None:
    tab = sign_in(window)
    tab.open("logout")
    tab.sees(ASKED)
    expect(tab.page.get_by_text("You are signed in as alice.")).to_be_visible()
    tab.page.get_by_role("link", name="Stay signed in").click()
    assert is_signed_in(tab)


@pytest.mark.rfc(LOGOUT, "2")
def test_a_form_of_another_site_leads_to_the_question_and_then_back(window: Window, web: App, site: Site) -> None:
    """The browser does not bring the session with such a form; with the link that it is sent on as, it does."""
    tab = sign_in(window)
    site.pages["/leave"] = form_to(f"{window.deployment.issuer}/logout", wanted_by(web, site))
    tab.page.goto(f"{site.foreign_origin}/leave")
    tab.sees(ASKED)
    tab.page.get_by_role("button", name="Sign out").click()
    tab.sees("Bye")
    assert tab.page.url == f"{site.origin}/signed-out?state=a%26b"
    assert not is_signed_in(tab)


@pytest.mark.rfc(LOGOUT, "2")
def test_a_form_of_another_site_with_the_users_id_token_signs_out_at_once(window: Window, web: App, site: Site) -> None:
    tab = window.tab()
    tab.start(web)
    tab.sign_in()
    tab.allow()
    tokens = web.exchange(tab.landed()["code"], tab.proof).json()
    fields = wanted_by(web, site) | {"id_token_hint": tokens["id_token"]}
    site.pages["/leave"] = form_to(f"{window.deployment.issuer}/logout", fields)
    tab.page.goto(f"{site.foreign_origin}/leave")
    tab.sees("Bye")
    assert not is_signed_in(tab)


@pytest.mark.rfc("9700", "4.7")
def test_a_form_of_another_site_cannot_sign_anybody_out_unasked(window: Window, site: Site) -> None:
    tab = sign_in(window)
    site.pages["/attack"] = form_to(f"{window.deployment.issuer}/logout", {"csrf": "x"})
    tab.page.goto(f"{site.foreign_origin}/attack")
    expect(tab.page.get_by_role("heading", level=1)).to_be_visible()
    assert is_signed_in(tab)


@pytest.mark.rfc(LOGOUT, "3")
def test_who_is_sent_with_a_mistake_can_sign_out_all_the_same(window: Window, web: App, site: Site) -> None:
    tab = sign_in(window)
    tab.open(f"logout?client_id={web.client_id}&post_logout_redirect_uri={site.origin}/elsewhere")
    tab.sees("Do you want to sign out?")
    expect(tab.page.get_by_text("post_logout_redirect_uri is not registered for this application")).to_be_visible()
    tab.page.get_by_role("button", name="Sign out").click()
    tab.sees("You are signed out")
    assert not is_signed_in(tab)
