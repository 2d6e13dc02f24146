"""A browser, the server, and a client's site for the browser to come back to."""

import json
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Playwright, expect, sync_playwright

from tests.browser.site import Site
from tests.browser.visit import PATIENCE, Window, Windows, at
from tests.development import DevelopmentServer
from tests.flows.person import App, Deployment, Person, demo_app, demo_web

SESSION_COOKIE = "__Host-session"
CONFIDENTIAL_CLIENTS = 16
SEED = Path(__file__).parents[2] / "local" / "seed.json"
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--in-process-gpu",  # one process less, which takes part in every frame
]
HOSTILE_NAME = "<img src=x onerror=alert(1)>\"'&"
LONG_NAME = "Donaudampfschifffahrtsgesellschaftskapitänspatentverwaltung"
MORE_CLIENTS = [
    {
        "client_id": "six-app",
        "client_name": "App on IPv6 loopback",
        "redirect_uris": ["http://[::1]/callback"],
        "grant_types": ["authorization_code"],
        "token_endpoint_auth_method": "none",
    },
    {
        "client_id": "hostile-app",
        "client_name": HOSTILE_NAME,
        "redirect_uris": ["http://127.0.0.1/callback"],
        "grant_types": ["authorization_code"],
        "token_endpoint_auth_method": "none",
    },
    {
        "client_id": "ledger-app",
        "client_name": "Ledgerly",
        "redirect_uris": ["http://127.0.0.1/callback"],
        "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": "none",
        "preferred_subject_type": "organisation",
    },
    {
        "client_id": "modest-app",
        "client_name": "Modest",
        "client_secret": "modest-secret-for-development-only",
        "redirect_uris": ["http://127.0.0.1/callback"],
        "grant_types": ["authorization_code", "refresh_token"],
        "scope": "openid profile email read write",
        "optional_scope": "email write",
    },
    {
        "client_id": "books-app",
        "client_name": "Bookly",
        "redirect_uris": ["http://127.0.0.1/callback"],
        "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": "none",
        "preferred_subject_type": "organisation",
    },
    {
        "client_id": "long-app",
        "client_name": LONG_NAME,
        "redirect_uris": ["http://127.0.0.1/callback"],
        "grant_types": ["authorization_code"],
        "token_endpoint_auth_method": "none",
    },
]
MORE_USERS = [
    {"username": "carol", "password": "who has an app", "name": "Carol Danvers"},
    {"username": "dave", "password": "who has an app, too", "email": "dave@example.com", "name": "Dave Bowman"},
    {"username": "erin", "password": "who changes her address", "email": "erin@example.com", "name": "Erin Gilbert"},
]
ORGANISATIONS = [
    {
        "id": "acme",
        "name": "Acme <Group>",
        "companies": {"dk": "Acme Denmark ApS", "de": "Acme Germany GmbH"},
        "members": {"alice": "administrator", "bob": "member"},
        "api_keys": True,
    },
    {"id": "globex", "name": "Globex", "companies": {"se": "Globex Sweden AB"}, "members": {"bob": "member"}},
]
SCOPES = [{"name": "read", "description": "Read your items", "group": "Items", "api_keys": True}]
API_KEYS = {"ApiKeys": "On", "BearerTokenIn": "HeaderOrApiKey"}
WORK_OF_ACME = {
    "id": "acme-work",
    "name": "Acme work account",
    "issuer": "https://login.acme.example",
    "client_id": "authserver",
    "client_secret": "a secret of development",
    "organisation": "acme",
    "domains": ["acme.example"],
    "shown": False,
}


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The headless shell where there is one: Chromium without a desktop's windows, for two thirds of the CPU time."""
    for name in ("chromium-headless-shell", "chromium", "chromium-browser"):
        if path := shutil.which(name):
            return path
    pytest.skip("Chromium is not installed (on Debian: apt-get install chromium-headless-shell)")


@pytest.fixture(scope="session")
def deployment(chromium_path: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """The development server; depends on the browser, so that no server starts without a use."""
    with furnished(tmp_path_factory.mktemp("browser")) as running:
        yield running


@contextmanager
def furnished(directory: Path) -> Iterator[Deployment]:
    """A development server with people, applications and organisations in every situation."""
    seed = json.loads(SEED.read_text(encoding="utf-8"))
    seed["clients"] += [*MORE_CLIENTS, *_confidential_clients(seed["clients"])]
    seed["users"] += MORE_USERS
    seed["organisations"], seed["scopes"] = ORGANISATIONS, SCOPES
    seed["identity_providers"] = [WORK_OF_ACME, *seed.get("identity_providers", ())]
    (directory / "seed.json").write_text(json.dumps(seed), encoding="utf-8")
    with DevelopmentServer(parameters=API_KEYS, seed=directory / "seed.json", log=directory / "log") as server:
        yield Deployment(server.issuer, server.resource)


def _confidential_clients(clients: list[dict[str, Any]]) -> list[dict[str, Any]]:
    [model] = [client for client in clients if client["client_id"] == "demo-web"]
    return [{**model, "client_id": f"demo-web-{number}"} for number in range(CONFIDENTIAL_CLIENTS)]


@pytest.fixture(scope="session")
def unused_ids() -> Iterator[str]:
    """Identifiers of confidential clients that no user has allowed anything yet."""
    return (f"demo-web-{number}" for number in range(CONFIDENTIAL_CLIENTS))


# Not for the whole session: while Playwright runs, its event loop is the main thread's, where others want theirs.
@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="module")
def chromium(chromium_path: str, playwright: Playwright) -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE)
    browser = playwright.chromium.launch(executable_path=chromium_path, args=ARGUMENTS)
    yield browser
    browser.close()


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as running:
        yield running


@pytest.fixture
def site_on_ipv6() -> Iterator[Site]:
    try:
        running = Site(socket.AF_INET6).__enter__()
    except OSError as error:
        pytest.skip(f"no IPv6 loopback here: {error}")
    yield running
    running.__exit__()


@pytest.fixture(scope="module")
def windows(chromium: Browser, deployment: Deployment) -> Windows:
    return Windows(chromium, deployment)


@pytest.fixture
def open_window(windows: Windows, site: Site) -> Iterator[Callable[..., Window]]:
    """Opens a window without any cookies; takes Playwright's context options. At the end none may have had trouble."""
    opened: list[Window] = []

    def open_one(**options: Any) -> Window:
        opened.append(windows.open(site, **options))
        return opened[-1]

    yield open_one
    for window in opened:
        windows.leave(window)
    assert [trouble for window in opened for trouble in window.troubles] == []


@pytest.fixture(scope="session")
def session_cookie(deployment: Deployment) -> str:
    """Signs alice in, once for all who do not care how: passwords are slow by design."""
    return cookie_of(Person(deployment))


def cookie_of(person: Person) -> str:
    """The session that somebody begins."""
    request, _ = demo_app(person.deployment).request()
    person.sign_in(person.follow(person.authorize(**request)))
    return person.browser.cookies[SESSION_COOKIE]


@pytest.fixture
def open_signed_in(open_window: Callable[..., Window], session_cookie: str) -> Callable[..., Window]:
    """Opens a window where alice is signed in already. Not for tests that sign in: that ends the session before."""

    def open_one(**options: Any) -> Window:
        window = open_window(**options)
        window.sign_in_by_cookie(SESSION_COOKIE, session_cookie)
        return window

    return open_one


@pytest.fixture
def signed_in(open_signed_in: Callable[..., Window]) -> Window:
    return open_signed_in()


@pytest.fixture
def window(open_window: Callable[..., Window]) -> Window:
    return open_window()


@pytest.fixture
def public(deployment: Deployment, site: Site) -> App:
    """A public client on loopback, for whom consent is asked each time."""
    return at(demo_app(deployment), site)


@pytest.fixture
def confidential(deployment: Deployment, site: Site, unused_ids: Iterator[str]) -> App:
    """A confidential client, for whom consent is remembered; no user has allowed it anything yet."""
    return at(replace(demo_web(deployment), client_id=next(unused_ids)), site)
