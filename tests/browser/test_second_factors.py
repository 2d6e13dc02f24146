"""Second factors as people meet them: an authenticator app, recovery codes, and passkeys by a virtual authenticator."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from pyotp import TOTP

from tests.browser.visit import Tab, Window
from tests.development import DevelopmentServer
from tests.flows.person import MOST_SIGN_INS, App, Deployment

SEED = Path(__file__).parents[2] / "local" / "seed.json"
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture(scope="module")
def deployment(chromium_path: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """By the name localhost: no browser makes a passkey for an address. Its users belong to these tests alone."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    issuer = f"http://localhost:{port}"
    log = tmp_path_factory.mktemp("factors") / "log"
    with DevelopmentServer(parameters={"Issuer": issuer}, port=port, seed=SEED, log=log) as server:
        yield Deployment(issuer, server.resource)


def sign_in(tab: Tab, password: str = "wonderland-demo", username: str = "alice") -> None:
    tab.page.get_by_label("Username").fill(username)
    tab.page.get_by_label("Password").fill(password)
    tab.page.get_by_role("button", name="Sign in", exact=True).click()


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def set_up_an_app(tab: Tab) -> tuple[str, list[str]]:
    """The secret, as a person would type it, and the recovery codes."""
    page = tab.page
    tab.open("my/security/app")
    press(page, "Set up an app")
    expect(page.get_by_role("img", name="A QR code that has the key below")).to_be_visible()
    secret = page.get_by_role("code").inner_text().replace(" ", "")
    page.get_by_label("Code", exact=True).fill(TOTP(secret).now())
    press(page, "Turn it on")
    expect(page.get_by_role("heading", name="Your recovery codes")).to_be_visible()
    codes = page.get_by_role("main").get_by_role("list").get_by_role("listitem").all_inner_texts()
    assert len(codes) == 10
    page.get_by_role("link", name="I have kept them").click()
    expect(page.get_by_role("link", name="Manage the app")).to_be_visible()
    return secret, codes


@pytest.mark.parametrize("javascript", [True, False])
def test_app_and_recovery_code(javascript: bool, open_window: Callable[..., Window], public: App) -> None:
    """From setting it up to signing in with it; then without the telephone; then taking it away."""
    tab = open_window(java_script_enabled=javascript).tab()
    tab.open("my/security")
    sign_in(tab, "builder-demo", "bob")
    _, codes = set_up_an_app(tab)

    other = open_window(java_script_enabled=javascript).tab()
    other.start(public)
    sign_in(other, "builder-demo", "bob")
    expect(other.page.get_by_role("heading", name="Enter a code")).to_be_visible()
    other.open("my")
    expect(other.page.get_by_role("heading", name="Sign in")).to_be_visible()  # half signed in is not signed in

    other.start(public)
    sign_in(other, "builder-demo", "bob")
    other.page.get_by_label("Code", exact=True).fill("000000")
    press(other.page, "Continue")
    expect(other.page.get_by_role("alert")).to_contain_text("not correct")
    other.page.get_by_text("I do not have my authenticator app").click()
    other.page.get_by_label("Recovery code").fill(codes[0].upper())
    press(other.page, "Use the recovery code")
    other.allow()
    assert "code" in other.landed()

    tab.open("my/security/app")
    expect(tab.page.get_by_text("9 codes are left")).to_be_visible()
    press(tab.page, "Remove the app")
    expect(tab.page.get_by_role("status")).to_contain_text("was removed")


@pytest.mark.rfc("WebAuthn", "7.2")
def test_passkey_from_adding_to_signing_in(open_window: Callable[..., Window], public: App) -> None:
    window = open_window()
    tab = window.tab()
    authenticator = window.context.new_cdp_session(tab.page)
    authenticator.send("WebAuthn.enable")
    made: dict[str, Any] = authenticator.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    tab.open("my/security/passkeys")
    sign_in(tab)
    tab.page.get_by_label("Name").fill("My laptop")
    press(tab.page, "Add a passkey")
    expect(tab.page.get_by_role("status")).to_contain_text("was added")
    expect(tab.page.get_by_role("heading", name="My laptop")).to_be_visible()

    press(tab.page, "Add a passkey")  # the same device has one already
    expect(tab.page.get_by_role("alert")).to_contain_text("Your device did not make a passkey")

    window.context.clear_cookies()
    authenticator.send(
        "WebAuthn.setUserVerified", {"authenticatorId": made["authenticatorId"], "isUserVerified": False}
    )
    tab.start(public)
    press(tab.page, "Sign in with a passkey")
    tab.page.wait_for_timeout(300)
    expect(tab.page.get_by_role("heading", name="Sign in")).to_be_visible()  # signed in only after the gesture
    authenticator.send("WebAuthn.setUserVerified", {"authenticatorId": made["authenticatorId"], "isUserVerified": True})
    press(tab.page, "Sign in with a passkey")
    tab.allow()
    assert "code" in tab.landed()

    tab.open("my/security/passkeys")
    expect(tab.page.get_by_text("Last used on")).to_be_visible()
    press(tab.page, "Remove My laptop")
    expect(tab.page.get_by_text("You have no passkeys yet.")).to_be_visible()
    authenticator.detach()


def test_without_javascript_no_passkey_is_offered(open_window: Callable[..., Window], public: App) -> None:
    tab = open_window(java_script_enabled=False).tab()
    tab.start(public)
    expect(tab.page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    expect(tab.page.get_by_role("button", name="Sign in with a passkey")).to_be_hidden()


def test_another_password_signs_every_other_browser_out(open_window: Callable[..., Window]) -> None:
    tab, other = open_window().tab(), open_window().tab()
    for one in (tab, other):
        one.open("my")
        sign_in(one, "builder-demo", "bob")
    tab.open("my/security/password")
    tab.page.get_by_label("Current password").fill("builder-demo")
    tab.page.get_by_label("New password").fill("a new and better one")
    press(tab.page, "Change password")
    expect(tab.page.get_by_role("status")).to_contain_text("Your password was changed")
    other.open("my")
    expect(other.page.get_by_role("heading", name="Sign in")).to_be_visible()
    for _ in range(MOST_SIGN_INS):  # in the very second of the change nothing stands
        if other.page.get_by_label("Password", exact=True).count():
            sign_in(other, "a new and better one", "bob")
            other.page.wait_for_load_state()
    expect(other.page.get_by_role("heading", level=1)).to_contain_text("Hello")
