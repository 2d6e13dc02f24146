"""The pages with a screen reader, on a phone, and with larger text."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import HOSTILE_NAME, LONG_NAME
from tests.browser.site import Site
from tests.browser.visit import Tab, Window
from tests.flows.person import App

MARKUP = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>&amp;"


def at_sign_in(tab: Tab, app: App) -> None:
    tab.start(app)
    tab.sees_sign_in()


def at_sign_in_error(tab: Tab, app: App) -> None:
    tab.start(app)
    tab.sign_in("nobody", "not this one")
    expect(tab.page.get_by_role("alert")).to_be_visible()


def at_consent(tab: Tab, app: App) -> None:
    tab.start(app)
    tab.page.get_by_role("button", name="Allow").wait_for()


def at_form_post(tab: Tab, app: App) -> None:
    """Only without JavaScript does anybody see this."""
    tab.start(app, response_mode="form_post")
    tab.allow()
    tab.sees("Back to the app")


def at_error(tab: Tab, app: App) -> None:
    tab.start(app, redirect_uri="https://elsewhere.example.com/callback")
    tab.sees_error()


PAGES = pytest.mark.parametrize(
    ("reach", "title"),
    [
        (at_sign_in, "Sign in"),
        (at_sign_in_error, "Error: Sign in"),
        (at_consent, "Allow {name}?"),
        (at_form_post, "Continue"),
        (at_error, "Error: This request cannot be completed"),
    ],
    ids=["sign-in", "sign-in-error", "consent", "form-post", "error"],
)


@PAGES
def test_every_page_is_titled_and_fits(
    open_window: Callable[..., Window],
    open_signed_in: Callable[..., Window],
    public: App,
    reach: Callable[[Tab, App], None],
    title: str,
) -> None:
    """At 320 px, which is 1280 px at 400 % (WCAG 2.2, 1.4.10), and with a name that has no place to break."""
    open_one = open_signed_in if reach in (at_consent, at_form_post) else open_window
    window = open_one(java_script_enabled=reach is not at_form_post, viewport={"width": 320, "height": 568})
    tab = window.tab()
    public.client_id = "long-app"
    reach(tab, public)
    page = tab.page
    expect(page).to_have_title(title.format(name=LONG_NAME))
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    expect(page.get_by_role("main")).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_fields_are_labelled_for_people_and_password_managers(window: Window, public: App) -> None:
    tab = window.tab()
    tab.start(public, login_hint="bob")
    username, password = tab.page.get_by_label("Username"), tab.page.get_by_label("Password")
    expect(username).to_have_value("bob")
    expect(username).to_have_attribute("autocomplete", "username webauthn")
    expect(username).to_have_attribute("autocapitalize", "none")
    expect(password).to_have_attribute("autocomplete", "current-password")
    expect(password).to_have_attribute("type", "password")
    for field in (username, password):
        assert field.evaluate("field => field.required")
        assert float(field.evaluate("field => parseFloat(getComputedStyle(field).fontSize)")) >= 16  # iOS zooms below


def test_what_is_typed_can_be_shown_and_is_hidden_when_it_is_sent(window: Window, public: App) -> None:
    tab = window.tab()
    tab.start(public)
    password = tab.page.get_by_label("Password")
    password.fill("looking-glass")
    tab.page.get_by_role("button", name="Show Password", exact=True).press("Enter")
    expect(password).to_have_attribute("type", "text")
    expect(password).to_have_value("looking-glass")
    expect(password).to_have_attribute("spellcheck", "false")
    expect(tab.page.get_by_role("status")).to_have_text("Your password is visible")
    tab.page.get_by_role("button", name="Hide Password", exact=True).click()
    expect(password).to_have_attribute("type", "password")
    expect(tab.page.get_by_role("status")).to_have_text("Your password is hidden")
    tab.page.get_by_role("button", name="Show Password", exact=True).click()
    tab.page.get_by_label("Username").fill("nobody")
    password.evaluate("field => { field.form.onsubmit = () => false; field.form.requestSubmit() }")
    expect(password).to_have_attribute("type", "password")


def test_nothing_offers_to_show_a_password_where_no_script_can(open_window: Callable[..., Window], public: App) -> None:
    tab = open_window(java_script_enabled=False).tab()
    tab.start(public)
    tab.sees_sign_in()
    expect(tab.page.get_by_role("button", name="Show")).to_have_count(0)


def test_consent_says_who_asks_for_what(signed_in: Window, confidential: App, site: Site) -> None:
    tab = signed_in.tab()
    tab.start(confidential, scope="openid profile email read write")
    page = tab.page
    expect(page.get_by_text("You are signed in as alice.")).to_be_visible()
    expect(page.get_by_role("list", name="Demo web application asks to:").get_by_role("listitem")).to_have_count(5)
    expect(page.get_by_text(site.origin)).to_be_visible()
    expect(page.get_by_role("link", name="Privacy policy")).to_have_attribute("href", "https://app.example.com/privacy")
    expect(page.get_by_role("link", name="Terms of service")).to_have_attribute("href", "https://app.example.com/terms")


@pytest.mark.rfc("9700", "4.7")
def test_markup_in_what_the_client_sends_is_text(open_window: Callable[..., Window], public: App) -> None:
    """No dialog, no script, no request for an image: the window's troubles say so at the end."""
    tab = open_window().tab()
    tab.start(public, state=MARKUP, login_hint=MARKUP, nonce=MARKUP, response_mode="form_post")
    expect(tab.page.get_by_label("Username")).to_have_value(MARKUP)
    tab.sign_in(MARKUP, MARKUP)
    expect(tab.page.get_by_role("alert")).to_be_visible()
    expect(tab.page.get_by_label("Username")).to_have_value(MARKUP)
    tab.sign_in()
    tab.allow()
    tab.page.wait_for_url(tab.window.site.callback)
    assert tab.window.site.arrived()["state"] == MARKUP


def test_markup_in_a_clients_name_is_text(window: Window, public: App) -> None:
    tab = window.tab()
    public.client_id = "hostile-app"
    tab.start(public)
    expect(tab.page.get_by_text(f"to continue to {HOSTILE_NAME}")).to_be_visible()
    tab.sign_in()
    tab.sees_consent(HOSTILE_NAME)
    expect(tab.page).to_have_title(f"Allow {HOSTILE_NAME}?")
    assert tab.page.locator("img, script").count() == 0


@pytest.mark.parametrize(
    ("parameters", "heading"),
    [
        ({"client_id": MARKUP}, "This app is not known here"),
        ({"redirect_uri": MARKUP}, "This request cannot be completed"),
        ({"redirect_uri": "javascript:alert(1)"}, "This request cannot be completed"),
    ],
    ids=["client_id", "redirect_uri", "javascript"],
)
@pytest.mark.rfc("6749", "4.1.2.1")
def test_markup_on_the_error_page_is_text(
    window: Window, public: App, parameters: dict[str, str], heading: str
) -> None:
    tab = window.tab()
    assert tab.start(public, **parameters).status == 400
    tab.sees(heading)
    assert tab.page.locator("img, script").count() == 0
