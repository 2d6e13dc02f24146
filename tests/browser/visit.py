"""What a person does in a browser window."""

import json
import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Page, Response, WebError, expect

from tests.browser.site import Site
from tests.flows.person import App, Deployment, Proof

PATIENCE = 10_000  # milliseconds, for a page to be what a test waits for

# Reported by the page itself, before anybody could miss it.
REPORT_VIOLATIONS = """
addEventListener("securitypolicyviolation", event =>
  console.error("violates Content Security Policy: " + event.effectiveDirective + " " + event.blockedURI));
"""


@dataclass
class Window:
    """A browser's window: tabs that share cookies. `troubles` is what the console said that it should not have.

    `empty` is a tab that there is already.
    """

    context: BrowserContext
    deployment: Deployment
    site: Site
    troubles: list[str] = field(default_factory=list)
    empty: Page | None = None

    def __post_init__(self) -> None:
        self.context.add_init_script(REPORT_VIOLATIONS)
        self.context.on("console", self._heard)
        self.context.on("weberror", self._failed)
        self.context.on("dialog", self._asked)

    def tab(self) -> "Tab":
        page, self.empty = self.empty or self.context.new_page(), None
        return Tab(self, page)

    def sign_in_by_cookie(self, name: str, value: str) -> None:
        """Signed in as the session's user."""
        self.context.add_cookies(
            [
                {
                    "name": name,
                    "value": value,
                    # Cookies know no port; and a script, other than a server on loopback, needs https for __Host-.
                    "url": "https://127.0.0.1",
                    "httpOnly": True,
                    "secure": True,
                    "sameSite": "Lax",
                }
            ]
        )

    def expect_no_trouble_until(self, arrived: Callable[[], bool]) -> None:
        """Waits for one or the other; trouble fails the test, and is then told once."""
        while not arrived():
            troubles, self.troubles = self.troubles, []
            assert troubles == []
            self.context.pages[0].wait_for_timeout(20)

    def _heard(self, message: ConsoleMessage) -> None:
        # That a page has status 401 is for the test to judge.
        if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource"):
            self.troubles.append(message.text)

    def _failed(self, error: WebError) -> None:
        self.troubles.append(str(error.error))

    def _asked(self, dialog: Dialog) -> None:
        self.troubles.append(f"dialog: {dialog.message}")
        dialog.dismiss()


class Windows:
    """A browser's windows. What one test has left is opened for the next, in a quarter of the time of a new one."""

    def __init__(self, browser: Browser, deployment: Deployment) -> None:
        self._browser = browser
        self._deployment = deployment
        self._left: defaultdict[str, list[Window]] = defaultdict(list)
        self._options: dict[BrowserContext, str] = {}

    def open(self, site: Site, **options: Any) -> Window:
        """A window with no cookies, nor anything in its tab; takes Playwright's context options."""
        alike = json.dumps(options, sort_keys=True)
        if self._left[alike]:
            window = self._left[alike].pop()
            window.site, window.troubles = site, []
            return window
        context = self._browser.new_context(**options)
        context.set_default_timeout(PATIENCE)
        self._options[context] = alike
        return Window(context, self._deployment, site)

    def leave(self, window: Window) -> None:
        """Forgets all that its tabs knew, and closes them but for one, whose process serves the next test."""
        first, *others = window.context.pages
        for page in others:
            page.close()
        first.unroute_all()
        first.goto("about:blank")
        window.context.clear_cookies()
        window.context.clear_permissions()
        window.context.set_extra_http_headers({})
        window.empty = first
        self._left[self._options[window.context]].append(window)


@dataclass
class Tab:
    """One tab, with the authorization request that was begun in it."""

    window: Window
    page: Page
    request: dict[str, str] = field(default_factory=dict)
    proof: Proof = field(default_factory=Proof)

    def open(self, path: str) -> Response:
        """Opens a page of ours."""
        response = self.page.goto(f"{self.window.deployment.issuer}/{path}")
        assert response is not None
        return response

    def start(self, app: App, **parameters: str) -> Response:
        """Follows the client's link to the authorization endpoint; the answer of the page where that ends."""
        self.request, self.proof = app.request(**parameters)
        response = self.page.goto(_url(f"{self.window.deployment.issuer}/authorize", self.request))
        assert response is not None
        return response

    def sign_in(self, username: str = "alice", password: str = "wonderland-demo") -> None:
        self.page.get_by_label("Username").fill(username)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in", exact=True).click()

    def allow(self) -> None:
        self.page.get_by_role("button", name="Allow").click()

    def deny(self) -> None:
        self.page.get_by_role("button", name="Deny").click()

    def landed(self) -> dict[str, str]:
        """What the client was told; waits until the browser is there."""
        # Asks for the address again and again: `wait_for_url` fails when a second click replaces the navigation that
        # it waits for.
        expect(self.page).to_have_url(re.compile("^" + re.escape(self.window.site.callback)))
        return self.window.site.arrived()

    def sees(self, heading: str) -> None:
        expect(self.page.get_by_role("heading", level=1)).to_have_text(heading)

    def sees_sign_in(self) -> None:
        self.sees("Sign in")

    def sees_consent(self, client_name: str = "Demo single-page and native app") -> None:
        self.sees(f"Allow {client_name} to use your account?")

    def sees_error(self) -> None:
        self.sees("This request cannot be completed")

    def sees_expired(self) -> None:
        self.sees("This page has expired")


def at(app: App, site: Site) -> App:
    """The client with its redirect URI on this port of loopback (RFC 8252 section 7.3)."""
    return replace(app, redirect_uri=site.callback)


def _url(address: str, parameters: dict[str, str]) -> str:
    return f"{address}?{urlencode(parameters)}"
