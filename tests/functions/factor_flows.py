"""The flows of people who prove who they are by more than a password."""

import re

from pyotp import TOTP

from authserver.models.configuration import IdentityProvider
from authserver.models.users import Identity
from authserver.values import base64url
from tests.authenticator import Authenticator
from tests.functions.flowing import flow, mail_flow
from tests.functions.gateway import Answer, Gateway
from tests.functions.given import put_link, stores_of
from tests.functions.journey import Browser, admin, native
from tests.functions.second_factors import (
    RECOVERY_CODE,
    at_code,
    code_now,
    enter,
    give_factors,
    give_passkey,
    options_of,
    present,
    subject_of,
)
from tests.functions.world import World


def refused(answer: Answer) -> None:
    assert answer.status == 401, answer


@flow
def sign_in_with_a_code(world: World) -> None:
    give_factors(world)
    browser = Browser(Gateway(world))
    page = at_code(browser)
    refused(enter(browser, page, code="000000"))
    assert "consent?request=" in enter(browser, page, code=code_now(world)).location
    other = Browser(browser.gateway)
    assert "consent?request=" in enter(other, at_code(other), recovery_code=RECOVERY_CODE).location


@flow
def sign_in_again_once_an_operator_has_removed_what_was_lost(world: World) -> None:
    lost_everything(world)


@mail_flow
def tell_of_factors_that_an_operator_removed(world: World) -> None:
    lost_everything(world)
    world.deliver()
    assert [mail["Destination"]["ToAddresses"] for mail in world.aws.mails] == [["alice@example.com"]]


def lost_everything(world: World) -> None:
    give_factors(world)
    gateway, factors = Gateway(world), "/admin/users/{sub}/factors"
    token, alice = admin(gateway).own_token(scope="admin:users").json()["access_token"], subject_of(world)
    assert gateway.manage(f"GET {factors}", token, sub=alice).json()["authenticator_app"] is True
    assert gateway.manage(f"DELETE {factors}", token, sub=alice).status == 204
    browser = Browser(gateway)
    page = browser.follow(browser.authorize(native(gateway).request()))
    assert "consent?request=" in browser.sign_in(page).location


@flow
def sign_in_with_a_passkey(world: World) -> None:
    device = Authenticator(world.issuer)
    give_passkey(world, device)
    browser = Browser(Gateway(world))
    page = browser.follow(browser.authorize(native(browser.gateway).request()))
    signed = device.sign(options_of(page))
    assert "consent?request=" in present(browser, page, signed).location
    refused(present(browser, page, signed))
    refused(present(browser, page, "{}"))


@flow
def look_after_what_guards_the_account(world: World) -> None:
    browser = Browser(Gateway(world))
    with world.using(my=world.load("my")):
        _change_password(browser)
        _set_up_an_app(world, browser)
        _add_a_passkey(world, browser)


def _change_password(browser: Browser) -> None:
    path = "/my/security/password"
    page = browser.visit(path)
    browser.cookies.pop("__Host-device", None)  # known, it would be counted by itself
    for _ in range(3):  # the first ones of a source cost less
        wrong = browser.act(page, path, "change", current="wrong", new="a new and better one")
        assert (wrong.status, "not your password" in wrong.body) == (400, True)
    changed = browser.act(page, path, "change", current=browser.password, new="a new and better one")
    assert "done=password" in changed.location
    assert "was changed" in browser.send("GET", "/my/security", query={"done": "password"}).body


def _set_up_an_app(world: World, browser: Browser) -> None:
    path = "/my/security/app"
    browser.act(browser.visit(path), path, "begin")
    page = browser.visit(path)
    (secret,) = re.findall(r"<code>([A-Z2-7 ]+)</code>", page.body)
    told = browser.act(page, path, "confirm", code=TOTP(secret.replace(" ", "")).at(int(world.clock.time())))
    assert len(re.findall(r"<li>[0-9a-z-]{19}</li>", told.body)) == 10
    page = browser.visit(path)
    form = dict(re.findall(r'name="(version)" value="([^"]+)"', page.body))
    assert browser.act(page, path, "renew", **form).status == 200
    assert "app-removed" in browser.act(page, path, "remove").location


def _add_a_passkey(world: World, browser: Browser) -> None:
    path, device = "/my/security/passkeys", Authenticator(world.issuer)
    page = browser.visit(path)
    added = browser.act(page, path, "add", name="A key", credential=device.register(options_of(page)))
    assert "passkey-added" in added.location
    about = {"passkey": base64url(device.id)}
    assert "passkey-renamed" in browser.act(page, path, "rename", name="Another", **about).location
    assert "Another" in browser.visit(path).body
    assert "passkey-removed" in browser.act(page, path, "remove", **about).location


@flow
def look_after_other_ways_in(world: World) -> None:
    """A sign-in elsewhere, and a link that was sent by mail."""
    alice, issuer = subject_of(world), "https://login.wonderland.example"
    provider = IdentityProvider("wonderland", "Wonderland", issuer, "authserver", b"x")
    stores_of(world).identity_providers.put(provider)
    assert stores_of(world).users.link(Identity.of(alice, issuer, "alice-there", int(world.clock.time())))
    theirs = Identity.of(alice, issuer, "alice-there").id
    provided = {"attributes": {"groups": ("tea",)}, "provided": {"groups": theirs}}
    assert stores_of(world).users.update(alice, identity=theirs, **provided)
    browser = Browser(Gateway(world))
    with world.using(my=world.load("my")):
        page = browser.visit("/my/security/identities")
        assert "Wonderland" in page.body
        assert "unlinked" in browser.act(page, "/my/security/identities", "unlink", identity=theirs).location
        link = put_link(world, alice, "alice@example.com")
        page = browser.visit("/my/security/links")
        assert browser.act(page, "/my/security/links", "withdraw", link=link).status == 303
        assert browser.act(page, "/my/security/links", "withdraw", link=link).status == 404


@flow
def sign_in_again_in_a_known_browser(world: World) -> None:
    browser = Browser(Gateway(world))
    for _ in range(2):
        page = browser.follow(browser.authorize(native(browser.gateway).request(prompt="login")))
        assert "consent?request=" in browser.sign_in(page).location
