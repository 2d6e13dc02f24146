"""The flows of people who answer otherwise than by yes or no: leave something out, are somebody else, or go back."""

import re
from urllib.parse import urlsplit

from authserver.values import Scope
from tests.functions.flowing import flow
from tests.functions.gateway import Answer, Gateway
from tests.functions.given import change_client
from tests.functions.journey import Browser, hidden_fields, native, parameters_of, web
from tests.functions.world import World


def csrf_of_first_form(page: Answer) -> str:
    found = re.search(r'name="csrf" value="([^"]*)"', page.body)
    assert found, page
    return found[1]


@flow
def leave_out_what_is_optional(world: World) -> None:
    """It stays left out, until the user is asked again and takes it in."""
    change_client(world, "demo-web", optional_scope=Scope.parse("email profile"))
    gateway = Gateway(world)
    app, browser = web(gateway), Browser(gateway)
    page = browser.follow(browser.sign_in(browser.follow(browser.authorize(app.request()))))
    code = parameters_of(browser.decide(page, scope="profile"))["code"]
    assert app.exchange(code).json()["scope"] == "openid profile read"
    assert app.tokens(browser)["scope"] == "openid profile read"
    again = browser.follow(browser.authorize(app.request(prompt="consent")))
    code = parameters_of(browser.decide(again, scope="email"))["code"]
    assert app.exchange(code).json()["scope"] == "openid email read"
    assert app.tokens(browser)["scope"] == "openid email read"


@flow
def allow_twice(world: World) -> None:
    """One consent is one code, and none once that is spent."""
    gateway = Gateway(world)
    app, browser = web(gateway), Browser(gateway)
    page = browser.follow(browser.sign_in(browser.follow(browser.authorize(app.request()))))
    codes = [parameters_of(browser.decide(page))["code"] for _ in range(2)]
    assert len(set(codes)) == 1
    assert app.exchange(codes[0]).status == 200
    assert "This page has expired" in browser.decide(page).body


@flow
def go_on_as_who_is_signed_in(world: World) -> None:
    gateway = Gateway(world)
    app, browser = web(gateway), Browser(gateway)
    app.tokens(browser)
    request = app.request(prompt="select_account")
    page = browser.follow(browser.authorize(request))
    assert "Continue as alice" in page.body
    form = hidden_fields(page) | {"csrf": csrf_of_first_form(page), "action": "continue"}
    onward = browser.send("POST", "/login", form=form)
    assert "code" in parameters_of(browser.follow(onward))


@flow
def answer_as_somebody_else(world: World) -> None:
    gateway = Gateway(world)
    app, browser = native(gateway), Browser(gateway)
    page = browser.follow(browser.sign_in(browser.follow(browser.authorize(app.request()))))
    link = re.search(r'href="(login[^"]*)"', page.body)
    assert link, page
    address = urlsplit(link[1].replace("&amp;", "&"))
    login = browser.send("GET", "/login", query=address.query.encode())
    assert "Continue as" not in login.body
    consent = browser.follow(browser.sign_in(login, username="bob", password="builder-demo"))
    assert "bob" in consent.body
    assert "code" in parameters_of(browser.decide(consent))


@flow
def go_back_instead_of_signing_in(world: World) -> None:
    gateway = Gateway(world)
    browser = Browser(gateway)
    page = browser.follow(browser.authorize(native(gateway).request()))
    cancelled = browser.send("POST", "/login", form=hidden_fields(page) | {"action": "cancel"})
    assert "error=access_denied" in cancelled.location
    denied = browser.decide(browser.follow(browser.sign_in(page)))
    assert denied.status == 400
