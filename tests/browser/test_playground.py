"""The playground in a real browser: every flow that an app may use, from its first request to the end of its tokens."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Locator, Page, ViewportSize, expect

from tests.browser.accessible import require_accessible
from tests.browser.every_page import BOB
from tests.browser.visit import Tab, Window
from tests.development import DevelopmentServer
from tests.flows.person import App, Deployment

DESK = ViewportSize(width=1200, height=800)
HEAVIEST = 30_000  # octets of a page, with style and scripts
EVERY_GRANT = ["authorization_code", "refresh_token", "client_credentials", "implicit", "password"]
EVERY_RESPONSE = ["code", "token", "id_token", "id_token token"]
SEED = Path(__file__).parents[2] / "local" / "seed.json"
CALLBACK = "/developer/playground/callback"


@pytest.fixture(scope="module")
def deployment(chromium_path: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """One that has turned on every grant; depends on the browser, so that no server starts without a use."""
    log = tmp_path_factory.mktemp("playground") / "log"
    parameters = {"ImplicitGrant": "true", "PasswordGrant": "true"}
    with DevelopmentServer(seed=SEED, log=log, parameters=parameters) as server:
        yield Deployment(server.issuer, server.resource)


@dataclass
class Walk:
    """An app of bob's, to which an operator has given every grant, and the tab in which he tries it."""

    tab: Tab
    client_id: str
    secret: str

    @property
    def page(self) -> Page:
        return self.tab.page

    def open(self, flow: str) -> None:
        self.tab.open(f"developer/playground?client_id={self.client_id}&flow={flow}")

    def begin(self) -> None:
        """Sends the browser off, and lets the app in."""
        self.page.get_by_role("button", name="Send the request").click()
        self.tab.allow()
        self.page.wait_for_url(lambda url: urlsplit(url).path == CALLBACK)

    def step(self, title: str) -> Locator:
        return self.page.locator("section").filter(has=self.page.get_by_role("heading", level=2, name=title))

    def send(self, title: str, button: str) -> Any:
        """Sends the request of a step; what was answered."""
        step = self.step(title)
        secret = step.get_by_label("client_secret")
        if secret.count():
            secret.fill(self.secret)
        step.get_by_role("button", name=button).click()
        expect(step.get_by_role("status")).to_have_text("HTTP 200")
        shown = step.locator("[data-answer] > pre")
        return json.loads(shown.inner_text()) if shown.count() else None


@pytest.fixture
def walk(open_window: Callable[..., Window], deployment: Deployment) -> Walk:
    tab = open_window(viewport=DESK).tab()
    tab.open("developer/apps/new")
    tab.sign_in(*BOB)
    tab.page.get_by_label("Name", exact=True).fill("Tea planner")
    tab.page.get_by_label("Redirect URIs", exact=True).fill("https://tea.example/callback")
    for scope in ("openid", "email", "read"):
        tab.page.locator(f"[name=scope][value={scope}]").check()
    tab.page.get_by_role("button", name="Register").click()
    client_id, secret = (tab.page.locator(f"#{name}").inner_text() for name in ("client_id", "client_secret"))
    operator = App(deployment, "demo-admin", "demo-admin-secret-for-development-only")
    token = operator.post("/token", grant_type="client_credentials", scope="admin:clients").json()["access_token"]
    given = {"grant_types": EVERY_GRANT, "response_types": EVERY_RESPONSE}
    assert operator.call(f"/admin/clients/{client_id}", token, "PATCH", json=given).status_code == 200
    walk = Walk(tab, client_id, secret)
    walk.open("authorization_code")
    walk.page.get_by_role("button", name="Add it to this test app").click()
    return walk


@pytest.mark.rfc("6749", "4.1")
def test_the_code_flow_is_walked_through_to_its_end(walk: Walk) -> None:
    walk.begin()
    tokens = walk.send("Step 2", "Exchange the code")
    access, identity = (
        walk.page.locator("section section").filter(has=walk.page.get_by_role("heading", name=kind))
        for kind in ("Access token", "ID token")
    )
    assert "Whom it is for: an API, or in an ID token the app." in access.inner_text()
    assert "What the app sent with its request." in identity.inner_text()
    left, right = access.bounding_box(), identity.bounding_box()
    assert left
    assert right
    assert (left["y"], left["x"] < right["x"]) == (right["y"], True)  # beside each other

    assert walk.send("Step 3", "Ask")["active"]
    assert walk.send("Step 4", "Call userinfo")["email"] == "bob@example.com"
    renewed = walk.send("Step 5", "Refresh")
    assert renewed["refresh_token"] != tokens["refresh_token"]
    assert walk.step("At the end").locator("[name=token]").input_value() == renewed["access_token"]
    walk.send("At the end", "Revoke")
    assert walk.send("Step 3", "Ask") == {"active": False}


@pytest.mark.rfc("6749", "4.2")
def test_tokens_in_a_fragment_are_taken_out_of_the_address(walk: Walk) -> None:
    walk.open("implicit")
    walk.page.get_by_label("response_type").select_option("id_token token")
    walk.begin()
    expect(walk.page.get_by_role("heading", name="ID token")).to_be_visible()
    assert "access_token" not in walk.page.url
    assert walk.page.evaluate("location.hash") == ""
    assert "The state is the one that was sent" in walk.page.inner_text("main")
    assert walk.send("ask who the person is", "Call userinfo")["email"] == "bob@example.com"
    walk.send("At the end", "Revoke")


@pytest.mark.rfc("6749", "4.2.2.1")
def test_what_is_refused_in_a_fragment_is_told(walk: Walk) -> None:
    walk.open("implicit")
    walk.page.get_by_role("button", name="Send the request").click()
    walk.tab.deny()
    expect(walk.page.get_by_text("access_denied")).to_be_visible()


def test_without_a_script_a_fragment_is_said_to_be_in_the_address(
    walk: Walk, open_window: Callable[..., Window], deployment: Deployment
) -> None:
    tab = open_window(java_script_enabled=False).tab()
    tab.open("developer/playground/callback#access_token=x&state=y")
    tab.sign_in(*BOB)
    assert "It stands behind the # of this page's address" in tab.page.inner_text("main")


@pytest.mark.rfc("6749", "4.4")
def test_an_app_acts_for_itself(walk: Walk) -> None:
    walk.open("client_credentials")
    tokens = walk.send("Step 1", "Get a token")
    assert "refresh_token" not in tokens
    assert walk.send("Step 2", "Ask")["client_id"] == walk.client_id
    assert not walk.step("ask who the person is").count()


@pytest.mark.rfc("6749", "4.3.2")
@pytest.mark.skipif(not shutil.which("curl") or not shutil.which("bash"), reason="needs bash and curl")
def test_a_password_is_typed_into_ones_own_shell_alone(walk: Walk) -> None:
    walk.open("password")
    assert not walk.step("Step 1").locator("form, input").count()
    line = walk.step("Step 1").locator("pre").inner_text()
    line = line.replace("CLIENT_SECRET", walk.secret).replace("USERNAME", BOB[0])
    ran = subprocess.run(["bash", "-c", line], input=BOB[1] + "\n", capture_output=True, text=True, check=True)
    tokens = json.loads(ran.stdout)
    walk.step("ask who the person is").locator("[data-takes]").fill(tokens["access_token"])
    assert walk.send("ask who the person is", "Call userinfo")["email"] == "bob@example.com"


@pytest.mark.parametrize("language", ["en", "de"])
def test_each_step_is_light_and_for_everybody(walk: Walk, language: str) -> None:
    walk.begin()
    pages = [walk.page.url]
    walk.open("implicit")
    walk.begin()
    walk.page.wait_for_url(lambda url: "state=" in url)
    pages += [walk.page.url, walk.page.url.partition("?")[0]]
    start = f"{walk.tab.window.deployment.issuer}/developer/playground"
    pages += [start, *(f"{start}?client_id={walk.client_id}&flow={flow}" for flow in EVERY_GRANT)]
    walk.page.context.set_extra_http_headers({"Accept-Language": language})
    walk.page.set_viewport_size({"width": 320, "height": 568})
    for address in pages:
        answer = walk.page.goto(address)
        assert answer
        assert len(answer.body()) < HEAVIEST, address
        assert walk.page.evaluate("document.documentElement.scrollWidth") <= 320, address
        require_accessible(walk.page)
    walk.page.set_viewport_size(DESK)
