"""Ways through the pages, in a real browser."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from playwright.sync_api import expect

from tests.browser.site import Page, Site
from tests.browser.visit import Tab, Window, at
from tests.flows.person import App, Deployment

BOTH = pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "no-javascript"])


def tokens_of(app: App, tab: Tab, answer: dict[str, str]) -> dict[str, str]:
    response = app.exchange(answer["code"], tab.proof)
    assert response.status_code == 200, response.text
    tokens: dict[str, str] = response.json()
    return tokens


def works(app: App, tokens: dict[str, str]) -> bool:
    return app.call("/me", tokens["access_token"]).status_code == 200


@BOTH
@pytest.mark.rfc("6749", "4.1")
@pytest.mark.rfc("9207", "2")
@pytest.mark.rfc("8252", "7.3")
def test_sign_in_and_allow(
    open_window: Callable[..., Window], public: App, deployment: Deployment, javascript: bool
) -> None:
    tab = open_window(java_script_enabled=javascript).tab()
    tab.start(public)
    tab.sees_sign_in()
    tab.sign_in()
    tab.sees_consent()
    expect(tab.page.get_by_text("You are signed in as alice.")).to_be_visible()
    tab.allow()
    answer = tab.landed()
    assert answer.keys() == {"code", "state", "iss"}
    assert (answer["state"], answer["iss"]) == (tab.request["state"], deployment.issuer)
    assert works(public, tokens_of(public, tab, answer))


@BOTH
@pytest.mark.rfc("6749", "4.1.2.1")
@pytest.mark.rfc("9207", "2")
def test_deny(open_signed_in: Callable[..., Window], public: App, deployment: Deployment, javascript: bool) -> None:
    tab = open_signed_in(java_script_enabled=javascript).tab()
    tab.start(public)
    tab.deny()
    answer = tab.landed()
    assert answer.pop("error_description")
    assert answer == {"error": "access_denied", "state": tab.request["state"], "iss": deployment.issuer}


@BOTH
@pytest.mark.rfc("OAuth 2.0 Form Post Response Mode", "2")
def test_form_post(open_signed_in: Callable[..., Window], public: App, site: Site, javascript: bool) -> None:
    tab = open_signed_in(java_script_enabled=javascript).tab()
    tab.start(public, response_mode="form_post")
    tab.allow()
    if not javascript:
        tab.sees("Back to the app")
        assert site.arrivals.empty()
        tab.page.get_by_role("button", name="Continue").click()
    tab.page.wait_for_url(site.callback)
    arrival = site.arrivals.get(timeout=10)
    assert arrival.method == "POST"
    assert arrival.parameters["state"] == tab.request["state"]
    assert works(public, tokens_of(public, tab, arrival.parameters))


def test_the_keyboard_alone_is_enough(window: Window, public: App) -> None:
    tab = window.tab()
    tab.start(public)
    keyboard = tab.page.keyboard
    keyboard.press("Tab")
    keyboard.type("alice")
    keyboard.press("Tab")
    keyboard.type("wonderland-demo")
    keyboard.press("Enter")
    tab.sees_consent()
    for link in ("Use another account", "Connected apps"):
        keyboard.press("Tab")
        expect(tab.page.get_by_role("link", name=link)).to_be_focused()
    keyboard.press("Tab")
    expect(tab.page.get_by_role("button", name="Deny")).to_be_focused()
    keyboard.press("Tab")
    allow = tab.page.get_by_role("button", name="Allow")
    expect(allow).to_be_focused()
    assert allow.evaluate("button => getComputedStyle(button).outlineStyle") == "solid"
    keyboard.press("Enter")
    assert "code" in tab.landed()


@BOTH
def test_a_confirmed_address_signs_in_by_the_same_field(
    open_window: Callable[..., Window], public: App, javascript: bool
) -> None:
    tab = open_window(java_script_enabled=javascript).tab()
    tab.start(public)
    assert tab.page.get_by_role("textbox").count() == 2
    expect(tab.page.get_by_label("Email or username")).to_have_attribute("autocomplete", "username webauthn")
    tab.sign_in("Alice@EXAMPLE.com")
    tab.sees_consent()


@BOTH
def test_a_wrong_password_is_said_accessibly(open_window: Callable[..., Window], public: App, javascript: bool) -> None:
    tab = open_window(java_script_enabled=javascript).tab()
    tab.start(public)
    tab.sign_in("alice", "not this one")
    expect(tab.page.get_by_role("alert")).to_have_text("The username or password is not correct.")
    expect(tab.page).to_have_title("Error: Sign in")
    expect(tab.page.get_by_label("Username")).to_have_value("alice")
    expect(tab.page.get_by_label("Username")).to_have_accessible_description("The username or password is not correct.")
    expect(tab.page.get_by_label("Password")).to_have_value("")
    tab.page.get_by_label("Password").fill("wonderland-demo")
    tab.page.get_by_role("button", name="Sign in", exact=True).click()
    tab.sees_consent()


def test_reloading_the_sign_in_page_changes_nothing(window: Window, public: App) -> None:
    tab = window.tab()
    tab.start(public)
    tab.page.reload()
    tab.sees_sign_in()
    # No user's name: a reload posts it once more, and alice has five attempts an hour for all tests on this server.
    tab.sign_in("nobody-who-reloads", "not this one")
    expect(tab.page.get_by_role("alert")).to_be_visible()
    tab.page.reload()
    tab.sees_sign_in()
    tab.sign_in()
    tab.allow()
    assert works(public, tokens_of(public, tab, tab.landed()))


def test_two_tabs_do_not_mix(signed_in: Window, public: App, confidential: App) -> None:
    """Both are at the consent page; the second is finished first."""
    first, second = signed_in.tab(), signed_in.tab()
    first.start(public)
    first.sees_consent()
    second.start(confidential)
    second.sees_consent("Demo web application")
    for tab, app in ((second, confidential), (first, public)):
        tab.allow()
        answer = tab.landed()
        assert answer["state"] == tab.request["state"]
        assert works(app, tokens_of(app, tab, answer))


def test_two_tabs_may_both_sign_in(window: Window, public: App, confidential: App) -> None:
    """Both are at the sign-in page; the second is finished first, so that the browser is signed in by then."""
    first, second = window.tab(), window.tab()
    first.start(public)
    second.start(confidential)
    for tab, app in ((second, confidential), (first, public)):
        tab.sees_sign_in()
        tab.sign_in()
        tab.allow()
        answer = tab.landed()
        assert answer["state"] == tab.request["state"]
        assert works(app, tokens_of(app, tab, answer))


@pytest.mark.rfc("9700", "4.7")
def test_a_consent_page_of_an_earlier_session_does_not_count(window: Window, public: App) -> None:
    """It says "you are signed in as alice"; by now, it is bob."""
    first, second = window.tab(), window.tab()
    first.start(public)
    first.sign_in()
    first.sees_consent()
    second.start(public, prompt="login")
    second.sign_in("bob", "builder-demo")
    second.sees_consent()
    first.allow()
    expect(first.page.get_by_text("You have signed in again since you opened this page.")).to_be_visible()
    expect(first.page.get_by_text("You are signed in as bob.")).to_be_visible()
    assert window.site.arrivals.empty()


@pytest.mark.rfc("6749", "4.1.2")
def test_back_after_the_end_does_no_harm(signed_in: Window, public: App) -> None:
    tab = signed_in.tab()
    tab.start(public)
    tab.allow()
    tokens = tokens_of(public, tab, tab.landed())
    tab.page.go_back()
    tab.sees_consent()
    tab.allow()
    tab.sees_expired()
    assert signed_in.site.arrivals.empty()
    assert works(public, tokens)
    assert public.refresh(tokens["refresh_token"]).status_code == 200


def test_back_and_deny_does_not_undo(signed_in: Window, public: App) -> None:
    tab = signed_in.tab()
    tab.start(public)
    tab.allow()
    tokens = tokens_of(public, tab, tab.landed())
    tab.page.go_back()
    tab.deny()
    tab.sees_expired()
    assert works(public, tokens)


def test_back_after_the_end_does_no_harm_where_consent_is_remembered(signed_in: Window, confidential: App) -> None:
    tab = signed_in.tab()
    tab.start(confidential)
    tab.allow()
    tokens = tokens_of(confidential, tab, tab.landed())
    tab.page.go_back()
    tab.sees_expired()
    assert signed_in.site.arrivals.empty()
    assert works(confidential, tokens)


def test_back_to_the_sign_in_page_goes_on(window: Window, public: App) -> None:
    tab = window.tab()
    tab.start(public)
    tab.sign_in()
    tab.sees_consent()
    tab.page.go_back()
    tab.sees_consent()


@BOTH
def test_a_double_click_yields_one_usable_code(
    open_signed_in: Callable[..., Window], public: App, javascript: bool
) -> None:
    window = open_signed_in(java_script_enabled=javascript)
    tab = window.tab()
    tab.start(public)
    tab.page.get_by_role("button", name="Allow").dblclick()
    answer = tab.landed()
    tokens = tokens_of(public, tab, answer)
    while not window.site.arrivals.empty():
        assert window.site.arrived() == answer
    assert works(public, tokens)


@pytest.mark.rfc("OIDC Core", "3.1.2.1")
def test_prompt_login_asks_again(window: Window, public: App) -> None:
    first, again = window.tab(), window.tab()
    first.start(public)
    first.sign_in()
    first.allow()
    first.landed()
    again.start(public, prompt="login")
    again.sees_sign_in()
    again.sign_in()
    again.sees_consent()
    again.allow()
    assert "code" in again.landed()


@pytest.mark.rfc("OIDC Core", "3.1.2.1")
def test_the_session_is_enough_next_time(signed_in: Window, public: App) -> None:
    """And a public client on loopback asks for consent each time: any program may pose as it (RFC 8252 section 8.6)."""
    first, again = signed_in.tab(), signed_in.tab()
    first.start(public)
    first.allow()
    first.landed()
    again.start(public)
    again.sees_consent()


def test_consent_is_remembered_for_a_confidential_client(open_window: Callable[..., Window], confidential: App) -> None:
    window = open_window()
    first, again = window.tab(), window.tab()
    first.start(confidential)
    first.sign_in()
    first.sees_consent("Demo web application")
    first.allow()
    first.landed()
    again.start(confidential)
    assert works(confidential, tokens_of(confidential, again, again.landed()))
    # In another browser it is remembered as well, once it is known who sits there.
    elsewhere = open_window().tab()
    elsewhere.start(confidential)
    elsewhere.sign_in()
    assert "code" in elsewhere.landed()


@pytest.mark.rfc("6749", "4.1.2.1")
def test_a_denied_request_stays_denied(signed_in: Window, confidential: App) -> None:
    """Whatever the user allows the same client later, in another tab."""
    denied, allowed = signed_in.tab(), signed_in.tab()
    denied.start(confidential)
    denied.sees_consent("Demo web application")
    consent_page = denied.page.url
    denied.deny()
    assert denied.landed()["error"] == "access_denied"
    allowed.start(confidential)
    allowed.allow()
    assert "code" in allowed.landed()
    denied.page.goto(consent_page)
    assert signed_in.site.arrivals.empty(), signed_in.site.arrived().keys()


def test_the_client_may_send_the_browser_on_to_another_site(signed_in: Window, public: App, site: Site) -> None:
    """Chromium applies the form's form-action to every redirect after it, the client's own ones too."""
    site.pages["/home"] = Page()
    site.pages["/callback"] = Page(location=f"{site.foreign_origin}/home")
    tab = signed_in.tab()
    tab.start(public)
    tab.allow()
    assert "code" in site.arrived()
    signed_in.expect_no_trouble_until(lambda: tab.page.url == f"{site.foreign_origin}/home")


@pytest.mark.rfc("8252", "7.3")
@pytest.mark.parametrize("response_mode", ["query", "form_post"])
def test_a_client_on_ipv6_loopback(signed_in: Window, public: App, site_on_ipv6: Site, response_mode: str) -> None:
    tab = signed_in.tab()
    tab.start(replace(public, client_id="six-app", redirect_uri=site_on_ipv6.callback), response_mode=response_mode)
    tab.allow()
    signed_in.expect_no_trouble_until(lambda: tab.page.url.startswith(site_on_ipv6.callback))
    assert "code" in site_on_ipv6.arrived()


# ------------------------------------------------------------------ other answers than yes and no


@pytest.fixture
def modest(deployment: Deployment, site: Site) -> App:
    """A client that can do without some of what it asks for."""
    app = App(deployment, "modest-app", "modest-secret-for-development-only")
    return at(app, site)


@BOTH
@pytest.mark.rfc("6749", "3.3")
def test_what_is_unticked_is_not_granted_and_what_is_new_is_asked_for_alone(
    open_signed_in: Callable[..., Window], modest: App, javascript: bool
) -> None:
    window = open_signed_in(java_script_enabled=javascript)
    tab = window.tab()
    tab.start(modest, scope="openid email read", prompt="consent")
    page = tab.page
    expect(page.get_by_text("Untick what you do not want to allow.")).to_be_visible()
    page.get_by_label("See your email address").uncheck()
    tab.allow()
    assert tokens_of(modest, tab, tab.landed())["scope"] == "openid read"
    tab.start(modest, scope="openid email read")
    assert tokens_of(modest, tab, tab.landed())["scope"] == "openid read"
    tab.start(modest, scope="openid profile email read write")
    new = page.get_by_role("list", name="New: Modest now also asks to")
    expect(new.get_by_role("listitem")).to_have_text(
        ["See your name, username and the rest of your profile New", "Add and change your items New"]
    )
    expect(page.get_by_text("Read your items")).to_be_hidden()
    page.get_by_text("What it may do already").click()
    expect(page.get_by_text("Read your items")).to_be_visible()
    expect(page.get_by_label("See your email address")).not_to_be_checked()
    page.get_by_label("See your email address").check()
    tab.deny()
    assert tab.landed()["error"] == "access_denied"


@BOTH
def test_another_account_answers_the_same_request(
    open_window: Callable[..., Window], public: App, javascript: bool
) -> None:
    tab = open_window(java_script_enabled=javascript).tab()
    tab.start(public)
    tab.sign_in()
    tab.sees_consent()
    tab.page.get_by_role("link", name="Use another account").click()
    tab.sees_sign_in()
    expect(tab.page.get_by_label("Username")).to_have_value("")
    tab.sign_in("bob", "builder-demo")
    expect(tab.page.get_by_text("You are signed in as bob.")).to_be_visible()
    tab.allow()
    answer = tab.landed()
    assert answer["state"] == tab.request["state"]
    token = tokens_of(public, tab, answer)["access_token"]
    assert public.call("/userinfo", token).json()["preferred_username"] == "bob"


@BOTH
@pytest.mark.rfc("OIDC Core", "3.1.2.1")
def test_prompt_select_account_takes_no_password_from_who_stays(
    open_window: Callable[..., Window], public: App, javascript: bool
) -> None:
    tab = open_window(java_script_enabled=javascript).tab()
    tab.start(public)
    tab.sign_in()
    tab.sees_consent()
    tab.start(public, prompt="select_account")
    tab.sees_sign_in()
    tab.page.get_by_role("button", name="Continue as alice").click()
    tab.sees_consent()
    tab.allow()
    assert works(public, tokens_of(public, tab, tab.landed()))


@BOTH
@pytest.mark.rfc("6749", "4.1.2.1")
def test_whoever_does_not_want_to_sign_in_goes_back(
    open_window: Callable[..., Window], public: App, javascript: bool
) -> None:
    tab = open_window(java_script_enabled=javascript).tab()
    tab.start(public)
    tab.page.get_by_role("button", name="Cancel and go back to Demo single-page and native app").click()
    answer = tab.landed()
    assert (answer["error"], answer["state"]) == ("access_denied", tab.request["state"])


def test_neither_button_outweighs_the_other(signed_in: Window, public: App) -> None:
    tab = signed_in.tab()
    tab.start(public)
    looks = [
        tab.page.get_by_role("button", name=name).evaluate(
            "b => { const s = getComputedStyle(b), r = b.getBoundingClientRect();"
            " return [r.width, r.height, s.color, s.backgroundColor, s.borderTopColor, s.fontWeight, s.fontSize]; }"
        )
        for name in ("Deny", "Allow")
    ]
    assert looks[0] == looks[1]


def test_an_expired_page_leads_to_the_account_and_nowhere_else(signed_in: Window, deployment: Deployment) -> None:
    tab = signed_in.tab()
    tab.open("login?request=garbage")
    tab.sees_expired()
    assert [link.get_attribute("href") for link in tab.page.get_by_role("link").all()] == ["my"]
