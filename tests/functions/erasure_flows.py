"""The flows of people who delete their account, and of what that leaves."""

from dataclasses import replace

from authserver.identity.begin import key_text
from authserver.models.factors import Factors
from authserver.models.invitations import Invitation
from authserver.models.organisations import ADMINISTRATOR, MEMBER, Organisation
from authserver.models.users import Identity
from authserver.values import base64url
from tests.contract.records import api_key
from tests.functions.flowing import answered, flow, mail_flow
from tests.functions.gateway import Answer, Gateway
from tests.functions.given import (
    LOGO,
    act_for_organisations,
    approve,
    ask_approval,
    change_client,
    issue_opaque_tokens,
    make_member,
    put_link,
    stores_of,
    subject_of_alice,
)
from tests.functions.journey import Browser, admin, native, web
from tests.functions.mail_flows import forget
from tests.functions.world import World

PAGE = "/my/delete"
ACMES = 6  # organisations: leaving them all takes more writes than one transaction has
SETTLED = 1000  # seconds
BOB, BOBS_PASSWORD = "bob", "builder-demo"


def subject_of_bob(world: World) -> str:
    users = world.aws.items("UsersTable").items()
    (bob,) = (key.removeprefix("user#") for key, item in users if item.get("username") == {"S": BOB})
    return bob


def live_long(world: World) -> str:
    """Alice does all that leaves something of her, anywhere; her subject."""
    gateway, alice, bob = Gateway(world), subject_of_alice(world), subject_of_bob(world)
    issue_opaque_tokens(world, "demo-web")
    web(gateway).tokens(Browser(gateway))
    native(gateway).tokens(Browser(gateway))
    stores = stores_of(world)
    for subject in (alice, bob):
        stores.withdrawals.change_user(subject, operator=True)
    for number in range(ACMES):
        name = "acme" if number == 0 else f"acme{number}"
        stores.organisations.create(Organisation(name, name.title(), {"one": "One Ltd"}))
        for subject in (alice, bob):
            make_member(world, name, subject, ADMINISTRATOR)
    stores.organisations.create(Organisation("globex", "Globex", {"one": "One Ltd"}))
    make_member(world, "globex", alice, MEMBER)
    act_for_organisations(world)
    ask_approval(world, alice)
    approve(world, "acme", "demo-web", alice)
    decide_of_others(world, alice)
    invite(world, "alice", bob)
    invite(world, "alice@example.com", bob)
    invite(world, "mabel", alice)
    contacts = ("alice@example.com", "help@app.example")
    change_client(world, "other-web", owner=alice, contacts=contacts, logo_uri=LOGO)
    change_client(world, "demo-web", owner=alice)
    assert stores.api_keys.create(api_key(subject=alice))
    stores.factors.replace(Factors(alice))
    stores.users.link(Identity.of(alice, "https://login.wonderland.example", "alice-there", int(world.clock.time())))
    stores.users.update(alice, email_verified=True, pending_email="alice@elsewhere.example")
    return alice


def decide_of_others(world: World, alice: str) -> None:
    """She answers what somebody else asked."""
    ask_approval(world, "somebody else")
    stores = stores_of(world)
    asked = stores.browsers.approval("acme", "demo-web", "somebody else")
    membership = stores.organisations.membership("acme", alice)
    assert asked
    assert membership
    now, begun = int(world.clock.time()), replace(asked.begun, approver=key_text(alice))
    assert stores.browsers.answer_approval(asked, "allow", membership, begun, now, 2**33)


def invite(world: World, name: str, invited_by: str) -> None:
    now, identifier = int(world.clock.time()), base64url(f"{name:32}".encode())[:43]
    stores_of(world).organisations.invite(Invitation(identifier, "acme", name, MEMBER, invited_by, now, 2**33))


def delete(browser: Browser) -> Answer:
    page = browser.visit(PAGE)
    assert "Delete my account for good" in page.body, page
    return browser.act(page, PAGE, "delete", confirmation=browser.username)


def erase(world: World) -> None:
    """What was ordered, and then what the schedule does once everything is settled."""
    world.deliver()
    world.clock.pass_by(SETTLED)
    assert world.invoke("erase", {})["open"] == 0


@flow
def delete_ones_account(world: World) -> None:
    alice, gateway = live_long(world), Gateway(world)
    browser = Browser(gateway)
    put_link(world, alice, "alice@example.com")
    answered(200, delete(browser))
    make_member(world, "acme", alice, ADMINISTRATOR)  # by somebody who was about to
    assert browser.cookies["__Host-session"] == ""
    answered(303, browser.send("GET", "/my"))
    ((function, order),) = world.aws.invocations
    assert (function, order) == ("EraseFunction", {"subject_key": key_text(alice)})
    erase(world)
    assert f"user#{alice}" not in world.aws.items("UsersTable")


@flow
def hand_over_before_one_leaves(world: World) -> None:
    """The last administrator is told; one who becomes the last meanwhile as well."""
    alice, gateway = subject_of_alice(world), Gateway(world)
    stores_of(world).organisations.create(Organisation("acme", "Acme"))
    make_member(world, "acme", alice, ADMINISTRATOR)
    browser = Browser(gateway)
    page = browser.visit(PAGE)
    assert "You are the last administrator of Acme" in page.body
    answered(409, browser.act(browser.visit("/my/profile"), PAGE, "delete", confirmation="alice"))
    answered(400, browser.act(browser.visit("/my/profile"), PAGE, "delete", confirmation="bob"))
    assert world.aws.invocations == []


@flow
def delete_a_user_and_look_what_is_left(world: World) -> None:
    gateway, alice = Gateway(world), subject_of_alice(world)
    Browser(gateway).visit("/my")
    token = admin(gateway).own_token(scope="admin:users").json()["access_token"]
    stores_of(world).users.update(alice, name="Alice")
    answered(204, gateway.manage("DELETE /admin/users/{sub}", token, sub=alice))
    (left,) = gateway.manage("GET /admin/erasures", token).json()["items"]
    assert (left["sub"], left["state"]) == (alice, "erasing")
    erase(world)
    token = admin(gateway).own_token(scope="admin:users").json()["access_token"]
    (left,) = gateway.manage("GET /admin/erasures", token).json()["items"]
    assert (left["sub"], left["state"]) == (None, "done")


@flow
def delete_an_organisation_and_look_what_is_left(world: World) -> None:
    gateway, alice = Gateway(world), subject_of_alice(world)
    stores_of(world).organisations.create(Organisation("acme", "Acme"))
    for subject, role in ((alice, ADMINISTRATOR), ("somebody else", MEMBER)):
        make_member(world, "acme", subject, role)
    invite(world, "mabel", alice)
    token = admin(gateway).own_token(scope="admin:orgs").json()["access_token"]
    answered(204, gateway.manage("DELETE /admin/organisations/{organisation}", token, organisation="acme"))
    ((function, order),) = world.aws.invocations
    assert (function, order) == ("EraseFunction", {"subject_key": f"organisation#{key_text('acme')}"})
    assert sum(item.get("organisation") == {"S": "acme"} for item in world.aws.items("UsersTable").values()) == 3
    erase(world)
    assert not [item for item in world.aws.items("UsersTable").values() if item.get("organisation") == {"S": "acme"}]


@flow
def nothing_is_to_be_erased(world: World) -> None:
    assert world.invoke("erase", {}) == {"erased": 0, "finished": 0, "open": 0}


@mail_flow
def delete_ones_account_where_mails_are_sent(world: World) -> None:
    forget(world)
    answered(200, delete(Browser(Gateway(world))))
    world.deliver()
    assert world.aws.mails[-1]["Destination"]["ToAddresses"] == ["alice@example.com"]
    assert "was deleted" in world.aws.mails[-1]["Content"]["Simple"]["Subject"]["Data"]
