"""Signing in through an identity provider, in a real browser."""

import json
import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import SEED
from tests.browser.visit import Window
from tests.development import DevelopmentServer
from tests.flows.person import App, Deployment
from tests.openid_provider import CLIENT_ID, CLIENT_SECRET, OpenIdProvider, serving


@pytest.fixture(scope="module")
def provider() -> Iterator[OpenIdProvider]:
    with serving(lambda issuer: OpenIdProvider(issuer, lambda: int(time.time()))) as running:
        yield running


@pytest.fixture(scope="module")
def deployment(
    chromium_path: str, provider: OpenIdProvider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    """One with an identity provider."""
    folder = tmp_path_factory.mktemp("federation")
    entry = {
        "id": "work",
        "name": "Work",
        "issuer": provider.issuer,
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "domains": ["work.example"],
        "sign_up": True,
    }
    seed = {**json.loads(SEED.read_text(encoding="utf-8")), "identity_providers": [entry]}
    (folder / "seed.json").write_text(json.dumps(seed), encoding="utf-8")
    parameters = {"LoopbackUpstreams": "true"}
    with DevelopmentServer(seed=folder / "seed.json", log=folder / "log", parameters=parameters) as server:
        yield Deployment(server.issuer, server.resource)


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "no-javascript"])
@pytest.mark.rfc("OIDC Core", "3.1")
def test_there_and_back(open_window: Callable[..., Window], public: App, javascript: bool) -> None:
    tab = open_window(java_script_enabled=javascript).tab()
    tab.start(public)
    tab.page.get_by_role("button", name="Sign in with Work").click()
    expect(tab.page.get_by_text("You are signed in as alice@work.example.")).to_be_visible()
    tab.allow()
    tokens = public.exchange(tab.landed()["code"], tab.proof).json()
    assert public.call("/userinfo", tokens["access_token"]).json()["preferred_username"] == "alice.work"


def test_by_address_and_after_a_refusal_back_to_the_sign_in_page(
    open_window: Callable[..., Window], public: App, provider: OpenIdProvider
) -> None:
    tab = open_window(java_script_enabled=False).tab()
    tab.start(public)
    provider.parameters = {"error": "access_denied", "error_description": "<b>call this number</b>"}
    try:
        tab.page.get_by_label("Email or username").fill("alice@work.example")
        tab.page.get_by_role("button", name="Sign in with your organisation").click()
        expect(tab.page.get_by_role("alert")).to_have_text("The sign-in was cancelled or refused there.")
        assert "call this number" not in tab.page.content()
    finally:
        provider.parameters = {}
    tab.page.get_by_role("link", name="Back to the sign-in page").click()
    tab.page.get_by_role("button", name="Sign in with Work").click()
    tab.sees_consent()
