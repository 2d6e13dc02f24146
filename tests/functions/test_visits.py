"""Pages of ours that need a sign-in: where it leads, who has not done it, and what every answer carries."""

from collections.abc import Iterator
from urllib.parse import urljoin, urlsplit

import pytest

from authserver.values import segment_of
from tests.functions.gateway import Gateway
from tests.functions.journey import Browser, hidden_fields
from tests.functions.second_factors import at_code, give_factors
from tests.functions.world import World

AREAS = ("my", "developer", "organisations")
PAGES = (
    "/my",
    "/my/security",
    "/my/security/password",
    "/my/security/app",
    "/my/security/passkeys",
    "/developer",
    "/developer/apps/new",
    "/developer/apps/demo-web/secrets",
    "/developer/playground/callback",
    "/organisations",
    "/organisations/one/members",
)
HOSTILE = (
    *(
        "//evil.example",
        "/\\evil.example",
        "..",
        "../..",
        "..//evil.example",
        "https://evil.example",
        "javascript:alert(1)",
    ),
    *(
        "\r\nLocation: https://evil.example",
        "\x00",
        "?next=https://evil.example",
        "#x",
        "é\u202e",
        "{client_id}",
        "%2f%2fevil.example",
    ),
    "x" * 4000,
)


@pytest.fixture
def site(world: World) -> Iterator[World]:
    with world.using(**{name: world.load(name) for name in AREAS}):
        yield world


@pytest.mark.rfc("9700", "4.11")
@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_sign_in_leads_to_the_page_that_asked_for_it_whatever_its_address_says(site: World, hostile: str) -> None:
    for path in (f"/organisations/{segment_of(hostile)}", f"/organisations/one/requests/{segment_of(hostile)}"):
        browser = Browser(Gateway(site))
        answer = browser.send("GET", path)
        login = urlsplit(urljoin(f"https://{site.domain}{path}", answer.location))
        assert (login.netloc, login.path) == (site.domain, "/login")
        location = browser.sign_in(browser.follow(answer)).location
        assert location.startswith("organisations/")
        to = urlsplit(urljoin(f"https://{site.domain}/login", location))
        assert (to.scheme, to.netloc) == ("https", site.domain)
        assert not to.path.startswith("//")


@pytest.mark.rfc("9700", "4.11")
def test_no_parameter_says_where_a_sign_in_leads(site: World) -> None:
    evil = "https://evil.example/"
    names = ("next", "return_to", "visit", "path", "url", "redirect_uri", "continue", "return", "base")
    browser = Browser(Gateway(site))
    page = browser.follow(browser.send("GET", "/my/security", query=dict.fromkeys(names, evil)))
    assert evil not in page.body
    assert browser.sign_in(page, **dict.fromkeys(names, evil)).location == "my/security"


@pytest.mark.rfc("ASVS 5.0", "6.3.1")
@pytest.mark.parametrize("path", PAGES)
def test_the_password_alone_opens_no_page_to_whoever_owes_a_code(site: World, path: str) -> None:
    give_factors(site)
    browser = Browser(Gateway(site))
    at_code(browser)
    assert "__Host-session" not in browser.cookies
    for method in ("GET", "POST"):
        answer = browser.send(method, path, **({"form": {"action": "change"}} if method == "POST" else {}))
        assert "login?request=" in answer.location


@pytest.mark.rfc("9700", "4.16")
@pytest.mark.rfc("ASVS 5.0", "3.4.6")
@pytest.mark.parametrize("path", PAGES)
def test_no_page_is_kept_framed_or_told_of(site: World, path: str) -> None:
    browser = Browser(Gateway(site))
    sent_away = browser.send("GET", path)
    page = browser.visit(path)
    for answer in (sent_away, page):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
    policy = page.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "base-uri 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["x-frame-options"] == "DENY"
    assert page.headers["x-content-type-options"] == "nosniff"


@pytest.mark.rfc("ASVS 5.0", "3.5.1")
@pytest.mark.parametrize("path", PAGES)
def test_no_page_takes_a_form_of_another_session(site: World, path: str) -> None:
    """Not even one of the same user's: what it was made for has ended."""
    browser, other = Browser(Gateway(site)), Browser(Gateway(site))
    browser.visit(path)
    theirs = hidden_fields(other.visit("/my")).get("csrf", "")
    assert theirs
    for token in (theirs, ""):
        answer = browser.send("POST", path, form={"csrf": token, "action": "change"})
        assert answer.status == 400
        assert "__Host-session" not in "".join(answer.cookies)
