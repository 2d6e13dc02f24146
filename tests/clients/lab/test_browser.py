"""oidc-client-ts in a real browser: a page of another origin signs somebody in, renews, revokes and signs out."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.browser.conftest import ARGUMENTS, chromium_path  # noqa: F401 a fixture
from tests.clients.lab import shape
from tests.clients.lab.clients import REGISTERED
from tests.clients.lab.conftest import CACHE, HERE, Laboratory
from tests.clients.lab.table import Row, finds, method

PACKAGE = "oidc-client-ts"
SCRIPT = CACHE / "node_modules" / PACKAGE / "dist" / "browser" / "oidc-client-ts.min.js"
TOLD = "#told:not(:empty)"


class Site(BaseHTTPRequestHandler):
    """The application: one page at every address, and the library beside it."""

    def do_GET(self) -> None:
        is_script = self.path == f"/{SCRIPT.name}"
        body = (SCRIPT if is_script else HERE / "site" / "index.html").read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", "text/javascript" if is_script else "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def home() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def page(chromium_path: str) -> Iterator[Page]:  # noqa: F811 the fixture
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=ARGUMENTS)
        yield browser.new_page(ignore_https_errors=True)  # Chromium knows no authority but its own
        browser.close()


def told(page: Page) -> Any:
    return json.loads(page.locator(TOLD).inner_text())


def test_single_page_app(lab: Laboratory, page: Page, home: str, rows: list[Row], versions: dict[str, str]) -> None:
    registered = {
        **REGISTERED,
        "client_name": f"An app of {PACKAGE}",
        "redirect_uris": [f"{home}/callback"],
        "post_logout_redirect_uris": [f"{home}/signed-out"],
        "token_endpoint_auth_method": "none",
    }
    client_id = lab.register(**registered)["client_id"]
    began = len(lab.wire.exchanges)
    page.goto(home)
    page.evaluate(
        "given => localStorage.setItem('given', given)", urlencode({"issuer": lab.issuer, "client_id": client_id})
    )
    page.goto(home)
    page.evaluate("void manager.signinRedirect()")
    page.get_by_label("Username").fill("alice")
    page.locator("[name=password]").fill("wonderland-demo")
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.locator("[name=decision][value=allow]").click()
    page.wait_for_url(f"{home}/callback?*")
    user = told(page)
    assert (user["profile"]["name"], user["profile"]["email"]) == ("Alice Liddell", "alice@example.com")

    renewed = page.evaluate("""async () => {
        const before = (await manager.getUser()).access_token;
        return (await manager.signinSilent()).access_token !== before;
    }""")
    assert renewed
    page.goto(f"{home}/callback?code=any&state=another")
    assert "No matching state" in told(page)["refused"]
    page.evaluate("manager.revokeTokens(['refresh_token'])")
    page.evaluate("void manager.signoutRedirect()")
    page.wait_for_url(f"{home}/signed-out*")
    wire = lab.wire.since(began)
    assert all(one.form.get("code") != "any" for one in wire.of("/token"))
    rows.append(
        Row(
            PACKAGE,
            versions[PACKAGE],
            "single-page app, in Chromium",
            finds(wire),
            "an operator",
            method(wire),
            "works",
            "renews by its refresh token; signs out by RP-initiated logout",
        )
    )
    kept = shape.with_any_port(registered)
    shape.keep(PACKAGE, PACKAGE, versions[PACKAGE], kept, wire, lab.issuer, lab.resource)
