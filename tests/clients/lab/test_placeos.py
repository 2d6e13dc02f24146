"""PlaceOS's own library in a real browser: `@placeos/ts-client` signs people in, unmodified, in each of its modes."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.conftest import ARGUMENTS, chromium_path  # noqa: F401 a fixture
from tests.clients.lab.conftest import CACHE, SEED, Place, free_port
from tests.clients.lab.shape import keep, with_any_port
from tests.clients.lab.wire import Wire, relay, reserve
from tests.clients.placeos import (
    ROOMS,
    SECRETS,
    allow,
    bundled,
    expire,
    send_page,
    serve_rooms,
    set_up,
    sign_in,
    token_of,
)
from tests.development import DevelopmentServer

VERSION = json.loads((Path(__file__).parent / "package.json").read_text())["dependencies"]["@placeos/ts-client"]
KEPT = (
    *("client_name", "redirect_uris", "grant_types", "token_endpoint_auth_method", "scope"),
    *("parameters_in_query", "require_pkce"),
)


@dataclass(frozen=True)
class Building(Place):
    """A server with the paths of PlaceOS, and its pages: of the same origin, and of another one."""

    elsewhere: str
    log: Path

    def register(self, redirect_uri: str, **metadata: Any) -> dict[str, Any]:  # type: ignore[override]  # by its URI
        """A client under the identifier that the library draws from its redirect URI."""
        given = {
            "client_id": hashlib.md5(redirect_uri.encode(), usedforsecurity=False).hexdigest(),
            "client_name": "Rooms",
            "redirect_uris": [redirect_uri],
            "grant_types": ["authorization_code", "refresh_token", "implicit", "password"],
            "response_types": ["code", "token"],
            "token_endpoint_auth_method": "none",
            "scope": "public",
            "require_pkce": False,
            "parameters_in_query": True,
        }
        return super().register(**given | metadata)


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The library and what it needs as one script."""
    return bundled(CACHE, tmp_path_factory.mktemp("placeos") / "place.js")


@pytest.fixture(scope="module")
def building(script: bytes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Building]:
    log, wire = tmp_path_factory.mktemp("building") / "log", Wire()
    with ExitStack() as stack:
        ahead, issuer = reserve()
        other, elsewhere = reserve()
        behind, resource = reserve()
        elsewhere = elsewhere.replace("127.0.0.1", "localhost")
        port, resource_port = free_port(), free_port()
        stack.enter_context(
            DevelopmentServer(
                port=port,
                resource_port=resource_port,
                seed=SEED,
                log=log,
                json=True,
                parameters={
                    "Issuer": issuer,
                    "ResourceUrl": resource,
                    "EndpointAliases": "placeos",
                    "ContinueOrigins": elsewhere,
                    "ImplicitGrant": "true",
                    "PasswordGrant": "true",
                },
            )
        )
        stack.enter_context(relay(ahead, f"127.0.0.1:{port}", "authorization", wire))
        stack.enter_context(relay(behind, f"127.0.0.1:{resource_port}", "resource", wire))
        serve_rooms(ahead, script)
        other.RequestHandlerClass = BaseHTTPRequestHandler
        stack.enter_context(_Site(other, script))
        here = Building(issuer, resource, wire, elsewhere, log)
        _define_public(here)
        yield here


def _define_public(building: Building) -> None:
    """The scope that PlaceOS's pages ask for."""
    form = {"grant_type": "client_credentials", "scope": "admin:scopes"}
    auth = ("demo-admin", "demo-admin-secret-for-development-only")
    token = httpx.post(f"{building.issuer}/token", data=form, auth=auth, timeout=60).json()["access_token"]
    made = httpx.put(
        f"{building.resource}/admin/scopes/public",
        json={"description": "See rooms and book them"},
        headers={"Authorization": f"Bearer {token}"},
        timeout=60,
    )
    assert made.status_code in (200, 201), made.text


class _Site:
    """The same pages on an origin of their own."""

    def __init__(self, listener: ThreadingHTTPServer, script: bytes) -> None:
        class Site(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                send_page(self, script)

            def log_message(self, *_: Any) -> None:
                """Nothing."""

        listener.RequestHandlerClass = Site
        self._listener = listener
        self._thread = threading.Thread(target=listener.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown()
        self._thread.join()
        self._listener.server_close()


@pytest.fixture(scope="module")
def chromium(chromium_path: str) -> Iterator[Browser]:  # noqa: F811 the fixture
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context()
    context.set_default_timeout(30_000)
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("trusted", [False, True], ids=["anybody's", "trusted"])
@pytest.mark.parametrize("auth_type", ["auth_code", "implicit"])
@pytest.mark.parametrize("origin", ["same", "another"])
def test_a_page_signs_its_user_in(origin: str, auth_type: str, trusted: bool, building: Building, page: Page) -> None:
    home = building.issuer if origin == "same" else building.elsewhere
    address = f"{home}{ROOMS}{auth_type}-{trusted}/"
    client_id = building.register(address)["client_id"]
    began = len(building.wire.exchanges)
    there = {"auth_uri": f"{building.issuer}/auth/oauth/authorize", "token_uri": f"{building.issuer}/auth/oauth/token"}
    host = {} if origin == "same" else {"host": building.issuer.partition("://")[2], **there}
    set_up(page, f"{address}?trust=true" if trusted else address, auth_type=auth_type, **host)
    sign_in(page)
    allow(page)
    claims = jwt.decode(token_of(page), options={"verify_signature": False})
    assert (claims["client_id"], claims["scope"]) == (client_id, "public")
    wire = building.wire.since(began)
    (asked,) = [dict(one.query) for one in wire.of("/auth/oauth/authorize")]
    assert asked["response_type"] == ("code" if trusted or auth_type == "auth_code" else "token")
    assert ("code_challenge" in asked) == (auth_type == "auth_code")
    for exchange in wire.of("/auth/oauth/token"):
        assert dict(exchange.query)["grant_type"] == "authorization_code"
        assert not exchange.body


def test_a_page_signs_in_by_a_password(building: Building, page: Page) -> None:
    """With a public client: a secret in the address would be refused."""
    address = f"{building.issuer}{ROOMS}password/"
    client_id = building.register(address)["client_id"]
    set_up(page, address, auth_type="password", **SECRETS)
    claims = jwt.decode(token_of(page), options={"verify_signature": False})
    assert claims["client_id"] == client_id
    asked = dict(building.wire.of("/auth/oauth/token")[-1].query)
    assert (asked["grant_type"], asked["password"]) == ("password", SECRETS["password"])

    building.register(f"{building.issuer}{ROOMS}secret/")
    set_up(page, f"{building.issuer}{ROOMS}secret/", auth_type="password", client_secret="one that it had", **SECRETS)
    page.wait_for_timeout(1000)
    (refused,) = [one for one in building.wire.of("/auth/oauth/token") if "client_secret" in dict(one.query)][:1]
    assert refused.status == 400
    assert page.evaluate("place.token(false)") == ""


def test_a_page_that_is_signed_in_asks_in_a_frame(building: Building, page: Page) -> None:
    """Once its user has allowed it, for no page of ours is in a frame (RFC 9700 section 4.16). What was allowed is
    remembered for public clients at https alone, so this one has a secret, which the implicit grant does without."""
    address = f"{building.issuer}{ROOMS}frame/"
    building.register(address, token_endpoint_auth_method="client_secret_basic")
    for use_iframe in (False, True):
        set_up(page, address, auth_type="implicit", use_iframe=use_iframe)
        if not use_iframe:
            sign_in(page)
            allow(page)
        token_of(page)
    frames = [one for one in building.wire.of("/auth/oauth/authorize") if one.headers.get("sec-fetch-dest") == "iframe"]
    assert len(frames) == 1


def test_refreshing_twice_at_once_signs_nobody_out(building: Building, page: Page) -> None:
    """A page that is opened in two tabs refreshes in both: they get the same successor."""
    address = f"{building.issuer}{ROOMS}twice/"
    building.register(address)
    set_up(page, f"{address}?trust=true", auth_type="auth_code")
    sign_in(page)
    allow(page)
    token_of(page)
    client_id = page.evaluate("place.clientId()")
    expire(page, address, client_id)
    tabs = [page.context.new_page() for _ in range(2)]
    began = len(building.wire.exchanges)
    for tab in tabs:
        tab.goto(address, wait_until="commit")
    for tab in tabs:
        token_of(tab)
    refreshed = building.wire.since(began).of("/auth/oauth/token")
    assert len(refreshed) == 2
    assert {(one.form["grant_type"], one.status) for one in refreshed} == {("refresh_token", 200)}
    assert all(not one.query for one in refreshed)
    expire(page, address, client_id)
    page.goto(address)
    token_of(page)
    assert not building.wire.since(began).of("/auth/login")


def test_signing_out_ends_the_token_and_the_session(building: Building, page: Page) -> None:
    address = f"{building.issuer}{ROOMS}leave/"
    building.register(address)
    set_up(page, f"{address}?trust=true", auth_type="auth_code")
    sign_in(page)
    allow(page)
    token = token_of(page)
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/auth/logout")
    expect(page.get_by_role("heading")).to_contain_text("signed out")
    bearer = {"Authorization": f"Bearer {token}"}
    told = httpx.get(f"{building.issuer}/auth/authority", headers=bearer, timeout=60).json()
    assert told["token_valid"] is False
    page.goto(f"{address}place.js")  # our own pages fetch nothing
    assert page.evaluate("fetch('/auth/authority').then(r => r.json()).then(a => a.session)") is False


def test_what_the_library_sends_is_kept_to_be_sent_again_without_it(building: Building, page: Page) -> None:
    """A page of another origin, whose user signs in, comes back later, and signs out."""
    address, host = f"{building.elsewhere}{ROOMS}kept/", building.issuer.partition("://")[2]
    grants = ["authorization_code", "refresh_token"]  # which need no parameter of the deployment's
    registered = building.register(address, grant_types=grants, response_types=["code"])
    there = {"auth_uri": f"{building.issuer}/auth/oauth/authorize", "token_uri": f"{building.issuer}/auth/oauth/token"}
    began = len(building.wire.exchanges)
    set_up(page, f"{address}?trust=true", auth_type="auth_code", host=host, **there)
    sign_in(page)
    allow(page)
    token_of(page)
    expire(page, address, registered["client_id"])
    page.goto(address)
    token_of(page)
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/auth/logout**")
    told = {name: registered[name] for name in KEPT}
    wire = building.wire.since(began)
    assert any("authorization" in one.headers for one in wire.of("/auth/logout"))
    here = building.issuer, building.resource
    keep("placeos-ts-client", "@placeos/ts-client", VERSION, with_any_port(told), wire, *here)


def test_no_log_has_what_was_in_an_address(building: Building) -> None:
    """The last of these tests: codes, verifiers and passwords went over the wire in queries."""
    log = building.log.read_text()
    secrets = {
        value
        for exchange in building.wire.of("/auth/oauth/token")
        for name, value in exchange.query
        if name in ("code", "code_verifier", "password", "client_secret")
    }
    assert len(secrets) > 4
    assert "/auth/oauth/token" in log
    assert not [secret for secret in secrets if secret in log]
