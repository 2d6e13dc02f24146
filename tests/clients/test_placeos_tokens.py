"""The access tokens of PlaceOS, by its own library in a real browser: with the user in them, dead after signing out."""

import hashlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import jwt
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.browser.conftest import ARGUMENTS, chromium_path  # noqa: F401 a fixture
from tests.clients.conftest import CACHE, SEED
from tests.clients.lab.conftest import free_port
from tests.clients.lab.wire import Wire, relay, reserve
from tests.clients.placeos import ROOMS, allow, bundled, expire, serve_rooms, set_up, sign_in, token_of
from tests.development import DevelopmentServer
from tests.flows.person import Deployment

OPERATOR = ("demo-admin", "demo-admin-secret-for-development-only")


@pytest.fixture(scope="module")
def site(node: str, chromium_path: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:  # noqa: F811 the fixture
    """A server with the paths of PlaceOS, and the pages that use the library, as its nginx has them: of one origin."""
    folder = tmp_path_factory.mktemp("placeos")
    ahead, issuer = reserve()
    port = free_port()
    parameters = {"EndpointAliases": "placeos", "Issuer": issuer}
    with (
        DevelopmentServer(port=port, seed=SEED, log=folder / "log", parameters=parameters) as server,
        relay(ahead, f"127.0.0.1:{port}", "authorization", Wire()),
    ):
        serve_rooms(ahead, bundled(CACHE, folder / "place.js"))
        yield Deployment(issuer, server.resource)


@pytest.fixture
def page(site: Deployment, chromium_path: str) -> Iterator[Page]:  # noqa: F811 the fixture
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=ARGUMENTS)
        context = browser.new_context()
        context.set_default_timeout(30_000)
        yield context.new_page()
        browser.close()


def operate(site: Deployment, method: str, path: str, document: dict[str, Any]) -> None:
    form = {"grant_type": "client_credentials", "scope": "admin:clients admin:resources admin:scopes"}
    token = httpx.post(f"{site.issuer}/token", data=form, auth=OPERATOR, timeout=60).json()["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    done = httpx.request(method, f"{site.resource}{path}", json=document, headers=bearer, timeout=60)
    assert done.is_success, done.text


def test_a_page_signs_its_user_in_comes_back_and_signs_out(site: Deployment, page: Page) -> None:
    address = f"{site.issuer}{ROOMS}"
    client_id = hashlib.md5(address.encode(), usedforsecurity=False).hexdigest()  # as the library has it
    name = {"name": "u.n", "attribute": "name", "places": ["access_token"]}
    operate(site, "PUT", "/admin/scopes/public", {"description": "See rooms and book them", "claims": [name]})
    tower = {"identifier": site.resource, "scopes": ["public"], "token_profile": "placeos"}
    operate(site, "PUT", "/admin/resources/tower", tower)
    operate(
        site,
        "POST",
        "/admin/clients",
        {
            "client_id": client_id,
            "client_name": "Rooms",
            "redirect_uris": [address],
            "grant_types": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_method": "none",
            "scope": "public",
            "parameters_in_query": True,
        },
    )
    set_up(page, f"{address}?trust=true", auth_type="auth_code")
    sign_in(page)
    allow(page)
    token = token_of(page)
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (claims["client_id"], claims["scope"]) == (client_id, ["public"])
    assert claims["aud"] == urlsplit(site.resource).netloc
    assert claims["u"] == {"n": "Alice Liddell", "p": 0, "r": []}

    expire(page, address, client_id)
    page.goto(address)
    renewed = token_of(page)
    assert renewed != token
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/auth/logout")
    expect(page.get_by_role("heading")).to_contain_text("signed out")
    for ended in (token, renewed):
        bearer = {"Authorization": f"Bearer {ended}"}
        told = httpx.get(f"{site.issuer}/auth/authority", headers=bearer, timeout=60).json()
        assert told["token_valid"] is False
