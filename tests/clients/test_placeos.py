"""PlaceOS's own library in a real browser, on the pages of examples/placeos; `make lab` looks at what it sends."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import jwt
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, Response, Route, expect, sync_playwright

from examples.placeos.pages import ROOMS, Building, client_of, serve
from tests.browser.conftest import ARGUMENTS, chromium_path  # noqa: F401 a fixture
from tests.clients.placeos import allow, token_of
from tests.development import DevelopmentServer

USERNAME, PASSWORD = "sam", "sam-runs-the-building"
REDIRECTED = ("code", "trusted", "implicit", "implicit-trusted")
TOKENS = "**/auth/oauth/token"  # a refresh: a code goes in the query, and the pattern ends here
REFRESHED = ("trusted", "implicit-trusted")


@pytest.fixture(scope="module")
def building(node: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Building]:
    """The example as a person has it who opens its pages; `node` skips where there is no Node.js."""
    folder = tmp_path_factory.mktemp("placeos")
    with serve(folder / "log", lambda _: None, server=DevelopmentServer) as building:
        yield building


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


def choose(page: Page, home: str, mode: str) -> str:
    """Opens the pages and follows the link to a way to sign in; the address of its page."""
    page.goto(f"{home}{ROOMS}")
    page.locator(f"#modes a[href^='{ROOMS}{mode}/']").click()
    return f"{home}{ROOMS}{mode}/"


def sign_in(page: Page) -> None:
    page.get_by_label("Username").fill(USERNAME)
    page.locator("[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def is_valid(building: Building, token: str) -> bool:
    bearer = {"Authorization": f"Bearer {token}"}
    told = httpx.get(f"{building.issuer}/auth/authority", headers=bearer, timeout=60).json()
    return bool(told["token_valid"])


def expire(page: Page, client_id: str) -> None:
    """What the library keeps has expired, which it finds out when it is set up again."""
    page.goto(f"{page.url.partition(ROOMS)[0]}{ROOMS}rooms.css")
    page.evaluate("id => localStorage.setItem(`${id}_expires_at`, '0')", client_id)


@pytest.mark.parametrize("mode", REDIRECTED)
@pytest.mark.parametrize("origin", ["same", "another"])
def test_a_page_signs_its_user_in_and_out(origin: str, mode: str, building: Building, page: Page) -> None:
    """RFC 6749 sections 4.1 and 4.2, as `@placeos/ts-client` has them; a token is dead once its user signs out."""
    home = building.issuer if origin == "same" else building.elsewhere
    address = choose(page, home, mode)
    sign_in(page)
    allow(page)
    token = token_of(page)
    claims = claims_of(token)
    assert (claims["client_id"], claims["scope"]) == (client_of(address), ["public"])
    assert claims["aud"] == httpx.URL(building.resource).netloc.decode()
    expect(page.locator("#token")).to_contain_text(client_of(address))
    assert is_valid(building, token)

    page.get_by_role("button", name="Sign out").click()
    # The library ends the token before it leaves for the sign-out page. If it asks for another token in between, which
    # happens on a slow machine, it comes to the sign-in page: the session has ended by then.
    page.wait_for_url(re.compile(r"/auth/logout|/login\?request="))
    assert not is_valid(building, token)


def test_a_page_signs_its_user_in_by_a_password(building: Building, page: Page) -> None:
    """RFC 6749 section 4.3, with a public client."""
    address = choose(page, building.issuer, "password")
    page.get_by_label("Username").fill(USERNAME)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in with the password grant").click()
    assert claims_of(token_of(page))["client_id"] == client_of(address)
    assert PASSWORD not in building.log.read_text()


def test_a_page_asks_in_a_frame_once_its_user_allowed_it(building: Building, page: Page) -> None:
    """No page of ours is in a frame (RFC 9700 section 4.16), so the first sign-in is in the window."""
    framed: list[Request] = []
    page.on("request", lambda one: framed.append(one) if one.frame.parent_frame else None)
    address = choose(page, building.issuer, "frame")
    sign_in(page)
    allow(page)
    token_of(page)
    assert not framed
    expire(page, client_of(address))
    page.goto(address)
    token_of(page)
    assert any("/auth/oauth/authorize" in one.url for one in framed)


@pytest.mark.parametrize("origin", ["same", "another"])
@pytest.mark.parametrize("mode", REFRESHED)
def test_a_page_refreshes(mode: str, origin: str, building: Building, page: Page) -> None:
    """RFC 6749 section 6: by its button; and in two tabs at once, which signs its user out of neither."""
    home = building.issuer if origin == "same" else building.elsewhere
    address = choose(page, home, mode)
    sign_in(page)
    allow(page)
    before = token_of(page)
    client_id = client_of(address)
    with page.expect_response("**/auth/oauth/token**") as answered:
        page.get_by_role("button", name="Refresh").click()
    assert answered.value.status == 200
    page.wait_for_function("before => place.token() !== before", arg=before)

    expire(page, client_id)
    statuses = [one.status for one in at_once(page.context, address)]
    assert statuses == [200, 200]
    expire(page, client_id)
    page.goto(address)
    assert is_valid(building, token_of(page))


def at_once(context: BrowserContext, address: str) -> list[Response]:
    """Opens the page in two tabs, and lets neither refresh before both ask to; the answers."""
    held: list[Route] = []
    answers: list[Response] = []

    def hold(route: Route) -> None:
        held.append(route)
        if len(held) == 2:
            for one in held:
                one.continue_()

    context.route(TOKENS, hold)
    context.on("response", lambda one: answers.append(one) if "/auth/oauth/token" in one.url else None)
    tabs = [context.new_page() for _ in range(2)]
    for tab in tabs:
        tab.goto(address, wait_until="commit")
    for tab in tabs:
        token_of(tab)
    context.unroute(TOKENS)
    assert all("grant_type=refresh_token" in (one.request.post_data or "") for one in answers)
    return answers


def test_no_log_has_what_was_in_an_address(building: Building, page: Page) -> None:
    """RFC 9700 section 4.2.4: the library sends codes and verifiers in the query of its token requests."""
    sent: list[str] = []
    page.on("request", lambda one: sent.append(one.url) if "/auth/oauth/token" in one.url else None)
    choose(page, building.issuer, "code")
    sign_in(page)
    allow(page)
    token_of(page)
    (exchanged,) = sent
    secrets = [value for name, value in httpx.URL(exchanged).params.multi_items() if name in ("code", "code_verifier")]
    log = building.log.read_text()
    assert len(secrets) == 2
    assert "/auth/oauth/token" in log
    assert not [secret for secret in secrets if secret in log]
