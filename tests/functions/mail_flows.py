"""The flows of people who forgot their password, or have another address."""

import re
from dataclasses import asdict

from authserver.messages.mail import EMAIL_VERIFICATION, MailOrder
from authserver.models.users import User
from authserver.values import base64url
from tests.functions.flowing import flow, mail_flow
from tests.functions.gateway import Answer, Gateway
from tests.functions.given import stores_of
from tests.functions.journey import Browser
from tests.functions.world import World

LINK = re.compile(r"https://\S+/((?:recover|verify)/ml_\S+)")
NEW_PASSWORD = "a-new-looking-glass"
NEW_ADDRESS = "alice@elsewhere.example"


def mailed_link(world: World) -> str:
    """Delivers what was ordered; the path of the link in the last mail."""
    world.deliver()
    content = world.aws.mails[-1]["Content"]["Simple"]["Body"]["Text"]["Data"]
    found = LINK.search(content)
    assert found, content
    return f"/{found[1]}"


def forget(world: World, username: str = "alice") -> str:
    """Asks for a link; its path."""
    answer = Gateway(world).post("/recover", {"username": username})
    assert answer.location == "recover?done=sent"
    return mailed_link(world)


def reset(world: World, path: str, password: str = NEW_PASSWORD) -> Answer:
    return Gateway(world).post(path, {"password": password})


def want_address(world: World, address: str = NEW_ADDRESS) -> str:
    """As the account's page does it: notes the wish and orders the link; its path."""
    (alice,) = (key for key, item in world.aws.items("UsersTable").items() if item.get("username") == {"S": "alice"})
    world.aws.change("UsersTable", alice, pending_email={"S": address})
    order = MailOrder(
        kind=EMAIL_VERIFICATION,
        id=base64url(address.encode()[:16].ljust(16)),
        issuer=world.issuer,
        ordered_at=int(world.clock.time()),
        subject=alice.removeprefix("user#"),
        address=address,
    )
    world.aws.invocations.append(("MailFunction", asdict(order)))
    return mailed_link(world)


@mail_flow
def forgotten_password(world: World) -> None:
    gateway = Gateway(world)
    assert gateway.send("GET", "/recover").status == 200
    path = forget(world)
    assert gateway.send("GET", path).status == 200
    assert reset(world, path, "short").status == 400
    assert reset(world, path).location == "../recover?done=password"
    world.deliver()
    assert len(world.aws.mails) == 2
    assert Browser(gateway, password=NEW_PASSWORD).visit("/my").status == 200


@mail_flow
def forgotten_password_of_nobody(world: World) -> None:
    gateway = Gateway(world)
    for username in ("nobody", "nobody"):
        assert gateway.post("/recover", {"username": username}).location == "recover?done=sent"
    world.deliver()
    assert world.aws.mails == []
    assert gateway.send("GET", "/recover/ml_garbage").status == 400
    assert gateway.post("/recover", {"username": " "}).status == 400


@mail_flow
def mails_by_a_function_that_is_warm(world: World) -> None:
    """It looks now and then whether a key was withdrawn."""
    for _ in range(2):
        forget(world)
        world.clock.pass_by(61)
    assert len(world.aws.mails) == 2


@mail_flow
def links_that_are_over(world: World) -> None:
    gateway = Gateway(world)
    path = forget(world)
    assert reset(world, path).status == 303
    assert reset(world, path).status == 303
    assert reset(world, path, "another-looking-glass").status == 400
    assert gateway.send("GET", path).status == 400


def confirm(browser: Browser, path: str) -> Answer:
    """As the recipient of the mail does: signs in if asked to, and confirms the address; the answer to it."""
    page = browser.visit(path)
    return browser.act(page, path, "confirm") if 'name="csrf"' in page.body else page


@mail_flow
def confirm_an_address(world: World) -> None:
    gateway = Gateway(world)
    path = want_address(world)
    browser = Browser(gateway)
    for _ in range(2):
        assert confirm(browser, path).status == 200
    world.deliver()
    assert [mail["Destination"]["ToAddresses"] for mail in world.aws.mails] == [[NEW_ADDRESS], ["alice@example.com"]]


@mail_flow
def confirm_an_address_that_is_somebodys_username(world: World) -> None:
    stores_of(world).users.create(User("sub-of-bob", NEW_ADDRESS, "", email="bob@example.com"))
    assert confirm(Browser(Gateway(world)), want_address(world)).status == 200
    world.deliver()
    assert ["bob@example.com"] in [mail["Destination"]["ToAddresses"] for mail in world.aws.mails]
    stores_of(world).users.create(User("sub-of-carol", "carol", "", email="c@example.com", email_verified=True))
    assert confirm(Browser(Gateway(world)), want_address(world, "c@example.com")).status == 409


@mail_flow
def tell_of_a_password_that_was_changed(world: World) -> None:
    browser, path = Browser(Gateway(world)), "/my/security/password"
    page = browser.visit(path)
    assert browser.act(page, path, "change", current=browser.password, new=NEW_PASSWORD).status == 303
    world.deliver()
    assert [mail["Destination"]["ToAddresses"] for mail in world.aws.mails] == [["alice@example.com"]]


@flow
def nothing_is_recovered_where_no_mails_are_sent(world: World) -> None:
    gateway = Gateway(world)
    assert gateway.send("GET", "/recover").status == 404
    assert gateway.post("/recover", {"username": "alice"}).status == 404
    assert gateway.send("GET", "/recover/ml_x").status == 404
    assert "recover?" not in Browser(gateway).follow(gateway.send("GET", "/my")).body
    world.invoke("mail", {})
    assert not world.aws.invocations
    assert not world.aws.mails
