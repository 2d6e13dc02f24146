"""What other sites may not do to somebody who is signed in here, as the browser enforces it."""

from html import escape

import pytest
from playwright.sync_api import Browser, Cookie, expect

from tests.browser.site import Page, Site
from tests.browser.visit import Tab, Window
from tests.flows.person import App, Deployment, Person, hidden_fields


def form_to(action: str, fields: dict[str, str]) -> Page:
    """A page that posts by itself."""
    inputs = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in fields.items()
    )
    return Page(
        f'<!doctype html><title>Evil</title><form method="post" action="{escape(action)}">{inputs}</form>'
        "<script>document.forms[0].submit()</script>"
    )


def cookies_of(window: Window) -> dict[str, Cookie]:
    return {cookie.get("name", ""): cookie for cookie in window.context.cookies()}


def hidden(tab: Tab) -> dict[str, str]:
    """What the form of the page holds, as only the page itself can know."""
    fields: dict[str, str] = tab.page.evaluate("Object.fromEntries(new FormData(document.forms[0]))")
    return fields


@pytest.mark.rfc("6265bis", "4.1.3.2")
@pytest.mark.rfc("9700", "4.7")
@pytest.mark.rfc("ASVS 5.0", "3.3.1")
def test_cookies_as_the_browser_keeps_them(window: Window, public: App) -> None:
    tab = window.tab()
    tab.start(public)
    tab.sign_in()
    tab.sees_consent()
    cookies = cookies_of(window)
    assert len(cookies) == 3  # the pending request's, too
    assert {"__Host-session", "__Host-device"} <= cookies.keys()
    for name, cookie in cookies.items():
        assert name.startswith("__Host-")
        assert cookie.get("secure") is True
        assert cookie.get("httpOnly") is True
        assert cookie.get("sameSite") == "Lax"
        assert cookie.get("path") == "/"
        assert cookie.get("domain") == "127.0.0.1"  # without a dot in front: for this host alone
    assert tab.page.evaluate("document.cookie") == ""


@pytest.mark.rfc("9700", "4.16")
@pytest.mark.parametrize("where", ["foreign_origin", "origin"])
def test_pages_cannot_be_framed(chromium: Browser, deployment: Deployment, site: Site, public: App, where: str) -> None:
    """By another site, or by another origin of the same one. The console says that it was refused: no window here."""
    request, _ = public.request()
    query = "&amp;".join(f"{name}={escape(value)}" for name, value in request.items())
    site.pages["/frame"] = Page(
        f'<!doctype html><title>Evil</title><iframe src="{deployment.issuer}/authorize?{query}"></iframe>'
    )
    with chromium.new_context() as context:
        page = context.new_page()
        with page.expect_console_message(lambda message: "frame-ancestors" in message.text):
            page.goto(f"{getattr(site, where)}/frame")
        [frame] = page.frames[1:]
        assert frame.get_by_label("Password").count() == 0


@pytest.mark.rfc("9700", "4.7")
def test_no_site_signs_the_browser_in(window: Window, deployment: Deployment, site: Site, public: App) -> None:
    """With a form of the attacker's own request and the attacker's own password: login CSRF."""
    attacker = Person(deployment, "bob", "builder-demo")
    request, _ = public.request()
    form = hidden_fields(attacker.follow(attacker.authorize(**request)))
    fields = form | {"username": "bob", "password": "builder-demo"}
    site.pages["/evil"] = form_to(f"{deployment.issuer}/login", fields)
    tab = window.tab()
    tab.page.goto(f"{site.foreign_origin}/evil")
    tab.sees_expired()
    assert cookies_of(window) == {}
    assert attacker.browser.post(f"{deployment.issuer}/login", data=fields).status_code == 303  # it was a good one


@pytest.mark.rfc("9700", "4.7")
@pytest.mark.rfc("ASVS 5.0", "3.5.1")
def test_no_site_posts_the_sign_in_form(window: Window, deployment: Deployment, site: Site, public: App) -> None:
    """Not even one that knows what is hidden in the form that this browser sees: the cookies stay away."""
    tab, evil = window.tab(), window.tab()
    tab.start(public)
    fields = hidden(tab) | {"username": "bob", "password": "builder-demo"}
    site.pages["/evil"] = form_to(f"{deployment.issuer}/login", fields)
    evil.page.goto(f"{site.foreign_origin}/evil")
    evil.sees_expired()
    assert "__Host-session" not in cookies_of(window)
    tab.sign_in()
    tab.sees_consent()


@pytest.mark.rfc("9700", "4.7")
@pytest.mark.rfc("6749", "10.12")
@pytest.mark.rfc("ASVS 5.0", "10.7.1")
def test_no_site_posts_the_consent_form(signed_in: Window, deployment: Deployment, site: Site, public: App) -> None:
    tab, evil = signed_in.tab(), signed_in.tab()
    tab.start(public)
    tab.sees_consent()
    site.pages["/evil"] = form_to(f"{deployment.issuer}/consent", hidden(tab) | {"decision": "allow"})
    evil.page.goto(f"{site.foreign_origin}/evil")
    evil.page.get_by_role("heading", level=1).wait_for()
    assert site.arrivals.empty()
    assert evil.page.get_by_role("button", name="Allow").count() == 0
    tab.allow()
    assert "code" in tab.landed()


@pytest.mark.rfc("9700", "4.7")
def test_no_neighbour_on_the_same_site_guesses_the_form(
    signed_in: Window, deployment: Deployment, site: Site, public: App
) -> None:
    """Another port of this host is the same site to cookies; what is hidden in the form is what it lacks."""
    tab, evil = signed_in.tab(), signed_in.tab()
    tab.start(public)
    tab.sees_consent()
    fields = hidden(tab)
    site.pages["/evil"] = form_to(f"{deployment.issuer}/consent", fields | {"csrf": "guessed", "decision": "allow"})
    evil.page.goto(f"{site.origin}/evil")
    evil.sees_expired()
    assert site.arrivals.empty()


@pytest.mark.rfc("OIDC Core", "3.1.2.1")
def test_a_client_may_post_its_authorization_request(
    signed_in: Window, deployment: Deployment, site: Site, public: App
) -> None:
    """From its own site; the session, being Lax, comes along no sooner than the redirect after it."""
    tab = signed_in.tab()
    tab.request, tab.proof = public.request()
    site.pages["/start"] = form_to(f"{deployment.issuer}/authorize", tab.request)
    tab.page.goto(f"{site.foreign_origin}/start")
    tab.sees_consent()
    tab.allow()
    answer = tab.landed()
    assert answer["state"] == tab.request["state"]
    assert public.exchange(answer["code"], tab.proof).status_code == 200


@pytest.mark.rfc("9700", "4.2.4")
def test_the_address_of_our_pages_is_not_told(signed_in: Window, confidential: App) -> None:
    """No Referer to the client: the handle of the request is in the address."""
    tab = signed_in.tab()
    tab.start(confidential)
    tab.sees_consent("Demo web application")
    with tab.page.expect_request(lambda request: request.url.startswith(signed_in.site.callback)) as arrival:
        tab.allow()
    expect(tab.page.get_by_role("heading", level=1)).to_have_text("Back at the client")
    assert "referer" not in arrival.value.all_headers()
    assert tab.page.evaluate("document.referrer") == ""
