"""The language of what people see: the one that the application asks for, or else the browser's."""

import pytest

from tests.functions.gateway import Answer, Gateway
from tests.functions.journey import App, Browser
from tests.functions.second_factors import enter, give_factors
from tests.functions.world import World


def is_german(page: Answer, *sentences: str) -> None:
    assert '<html lang="de" dir="ltr">' in page.body, page
    assert page.headers["content-language"] == "de"
    for sentence in sentences:
        assert sentence in page.body


@pytest.fixture
def german(browser: Browser) -> Browser:
    browser.headers["accept-language"] = "de-AT, de;q=0.9, en;q=0.5"
    return browser


@pytest.mark.rfc("9110", "12.5.4")
def test_a_german_browser_gets_german_pages(german: Browser, native_app: App) -> None:
    page = german.follow(german.authorize(native_app.request()))
    is_german(page, "<h1>Anmelden</h1>", "Benutzername", "Passwort")
    is_german(german.sign_in(page, password="not this one"), "Benutzername oder Passwort stimmt nicht.")
    is_german(german.follow(german.sign_in(page)), "Ihre E-Mail-Adresse sehen", "Erlauben", "Ablehnen")


def test_a_german_browser_gets_german_errors(german: Browser, native_app: App) -> None:
    error = german.authorize(native_app.request(redirect_uri="https://elsewhere.example.com/"))
    is_german(error, "Diese Anfrage lässt sich nicht abschließen")
    assert '<dd lang="en">' in error.body  # for developers, as it is on the wire


def test_a_german_browser_gets_a_german_account(german: Browser, world: World) -> None:
    with world.using(my=world.load("my")):
        is_german(german.visit("/my/security"), "Sicherheit", "Authenticator-App")


@pytest.mark.rfc("OIDC Core", "3.1.2.1")
@pytest.mark.parametrize("wanted", ["de", "fr-CA de-CH en"])
def test_what_the_application_asks_for_lasts_until_it_has_its_answer(
    browser: Browser, native_app: App, world: World, wanted: str
) -> None:
    """`ui_locales`, in a browser that prefers English: through refused forms, a second factor and consent."""
    give_factors(world)
    browser.headers["accept-language"] = "en"
    page = browser.follow(browser.authorize(native_app.request(ui_locales=wanted)))
    is_german(page, "<h1>Anmelden</h1>")
    is_german(browser.sign_in(page, password="not this one"))
    code = browser.follow(browser.sign_in(page))
    is_german(code, "Code eingeben")
    is_german(enter(browser, code, code="000000"), "Dieser Code stimmt nicht oder wurde schon verwendet.")


@pytest.mark.rfc("OIDC Core", "3.1.2.1")
def test_what_the_application_asks_for_is_the_language_of_consent(browser: Browser, native_app: App) -> None:
    page = browser.follow(browser.authorize(native_app.request(ui_locales="de")))
    is_german(browser.follow(browser.sign_in(page)), "Erlauben")


@pytest.mark.rfc("OIDC Core", "3.1.2.1")
def test_a_language_that_there_is_not_is_no_error(browser: Browser, native_app: App) -> None:
    page = browser.follow(browser.authorize(native_app.request(ui_locales="tlh x-y")))
    assert (page.status, page.headers["content-language"]) == (200, "en")


@pytest.mark.rfc("OIDC Discovery", "3")
def test_the_metadata_tells_the_languages(gateway: Gateway) -> None:
    document = gateway.send("GET", "/.well-known/openid-configuration").json()
    assert document["ui_locales_supported"] == ["en", "de"]


@pytest.mark.parametrize("wrong", ["csrf", "request"])
def test_an_expired_page_says_so_in_german(german: Browser, native_app: App, wrong: str) -> None:
    page = german.follow(german.authorize(native_app.request()))
    is_german(german.sign_in(page, **{wrong: "x"}))
