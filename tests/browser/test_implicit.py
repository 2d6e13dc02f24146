"""The implicit grant in a real browser: what a page of the client's finds in its own address."""

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl

import httpx
import pytest

from tests.browser.site import CALLBACK, Page, Site
from tests.browser.visit import Tab, Window
from tests.development import DevelopmentServer
from tests.flows.person import App, Deployment

SEED = Path(__file__).parents[2] / "local" / "seed.json"
LEGACY_PAGE = {
    "client_id": "legacy-page",
    "client_name": "Legacy page",
    "redirect_uris": ["http://127.0.0.1/callback"],
    "grant_types": ["implicit"],
    "response_types": ["token", "id_token token"],
    "token_endpoint_auth_method": "none",
}
# As such pages do: take what is behind the number sign, and out of the address.
TAKES_FRAGMENT = """<!doctype html><title>Client</title><h1>Back at the client</h1>
<script>
  window.taken = location.hash.slice(1);
  history.replaceState(null, "", location.pathname);
</script>"""


@pytest.fixture(scope="module")
def deployment(chromium_path: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """One that has turned the implicit grant on; depends on the browser, so that no server starts without a use."""
    directory = tmp_path_factory.mktemp("implicit")
    seed = json.loads(SEED.read_text(encoding="utf-8"))
    seed["clients"].append(LEGACY_PAGE)
    (directory / "seed.json").write_text(json.dumps(seed), encoding="utf-8")
    parameters = {"ImplicitGrant": "true"}
    with DevelopmentServer(seed=directory / "seed.json", log=directory / "log", parameters=parameters) as server:
        yield Deployment(server.issuer, server.resource)


@pytest.fixture
def page_app(deployment: Deployment, site: Site) -> App:
    site.pages[CALLBACK] = Page(TAKES_FRAGMENT)
    return App(deployment, "legacy-page", None, site.callback)


def taken(tab: Tab) -> dict[str, str]:
    """What the client's page took; the client's server has seen nothing of it."""
    assert tab.landed() == {}
    return dict(parse_qsl(tab.page.evaluate("window.taken"), keep_blank_values=True))


def begin(tab: Tab, app: App, **parameters: str) -> None:
    tab.start(app, code_challenge="", code_challenge_method="", **parameters)


@pytest.mark.rfc("6749", "4.2.2")
@pytest.mark.rfc("OIDC Core", "3.2.2.5")
def test_page_reads_tokens_from_its_fragment_and_its_server_does_not(
    window: Window, page_app: App, deployment: Deployment
) -> None:
    tab = window.tab()
    begin(tab, page_app, response_type="id_token token")
    tab.sign_in()
    tab.sees_consent("Legacy page")
    tab.allow()
    answer = taken(tab)
    assert answer.keys() == {"access_token", "token_type", "expires_in", "scope", "id_token", "state", "iss"}
    assert (answer["state"], answer["iss"]) == (tab.request["state"], deployment.issuer)
    headers = {"Authorization": f"Bearer {answer['access_token']}"}
    assert httpx.get(f"{deployment.resource}/userinfo", headers=headers).json()["email"] == "alice@example.com"


@pytest.mark.rfc("6749", "4.2.2.1")
def test_page_reads_errors_from_its_fragment(window: Window, page_app: App) -> None:
    tab = window.tab()
    begin(tab, page_app, response_type="token")
    tab.sign_in()
    tab.deny()
    assert taken(tab)["error"] == "access_denied"
    begin(tab, page_app, response_type="token", response_mode="query")
    assert taken(tab)["error"] == "invalid_request"
