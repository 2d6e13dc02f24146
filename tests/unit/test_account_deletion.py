"""/my/delete: a person ends their own account; and what operators see of it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from authserver.endpoints.orders.erase import KEPT, SETTLED, erase
from authserver.endpoints.orders.mail import write_letter
from authserver.errors import InvalidGrant, InvalidToken, TemporarilyUnavailable
from authserver.identity.begin import key_text
from authserver.management.admin import operations as admin
from authserver.management.deletion import LED, handover_of
from authserver.messages.mail import ACCOUNT_DELETED, Letter, MailOrder, NoLetter
from authserver.models.organisations import ADMINISTRATOR, MEMBER, Membership, Organisation
from authserver.models.users import User
from authserver.pages.mails import render_mail
from authserver.site import account
from authserver.storage.erasures import KINDS
from authserver.wire.cookies import SESSION_COOKIE
from tests import fakes
from tests.unit.api import Api
from tests.unit.pages import Reader, Shown
from tests.unit.server import App, Server, with_settings

SUB, NAME = "sub-of-alice", "alice"
PAGE, ACTION = "/my/delete", "delete"
FRESH = 900


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def alice(server: Server) -> Reader[Server]:
    return Reader(server, account, NAME)


def deletes(reader: Reader[Server], typed: str = NAME, **form: Any) -> Shown:
    return reader.act(PAGE, ACTION, confirmation=typed, **form)


def is_there(server: Server, sub: str = SUB) -> bool:
    there = server.users.get(sub) is not None
    assert (server.erasures.get(key_text(sub)) is None) is there  # one write does both
    return there


def other_operator(server: Server, **overrides: Any) -> User:
    other = fakes.user(**{"sub": "sub-of-olga", "username": "olga", "operator": True, **overrides})
    assert server.users.create(other)
    return other


def organise(server: Server, organisation: str, **roles: str) -> None:
    server.organisations.create(Organisation(organisation, organisation.title()))
    for name, role in roles.items():
        server.withdrawals.set_membership(Membership(organisation, f"sub-of-{name}", role, 0, epoch=name))


# ------------------------------------------------------------------ the page


def test_the_profile_leads_there(server: Server, alice: Reader[Server]) -> None:
    assert 'href="../my/delete"' in alice.get("/my/profile").html
    page = alice.get(PAGE)
    assert page.status == 200
    assert NAME in page.text
    assert is_there(server)


def test_it_takes_a_sign_in_of_the_last_minutes(server: Server, alice: Reader[Server]) -> None:
    csrf = alice.get(PAGE).html.partition('name="csrf" value="')[2].partition('"')[0]
    server.clock.advance(FRESH)
    for shown in (alice.get(PAGE), deletes(alice, csrf=csrf)):
        assert (shown.status, shown.location.startswith("../login?request=")) == (303, True)
    assert is_there(server)
    alice.sign_in()
    deletes(alice)
    assert not is_there(server)


@pytest.mark.parametrize("typed", ["", "alice@example.com", "bob", "alicea", "a l i c e"])
def test_it_takes_the_word_that_is_shown(server: Server, alice: Reader[Server], typed: str) -> None:
    refused = deletes(alice, typed)
    assert refused.status == 400
    assert "This is not what you were to type." in refused.text
    assert is_there(server)


@pytest.mark.parametrize("typed", ["alice", " Alice ", "ALICE"])
def test_case_and_space_do_not_matter(server: Server, alice: Reader[Server], typed: str) -> None:
    assert deletes(alice, typed).status == 200
    assert not is_there(server)


def test_whoever_has_no_username_types_what_is_shown(server: Server, alice: Reader[Server]) -> None:
    server.users.alter(SUB, username="", email="Al@example.com")
    assert "Al@example.com" in alice.get(PAGE).text
    assert deletes(alice, NAME).status == 400
    server.users.alter(SUB, email="", name="")
    assert SUB in alice.get(PAGE).text
    assert deletes(alice, SUB).status == 200
    assert not is_there(server)


def test_a_form_that_is_not_ours_deletes_nobody(server: Server, alice: Reader[Server]) -> None:
    with pytest.raises(Exception, match="begun in another browser"):
        deletes(alice, csrf="garbage")
    assert is_there(server)


# ------------------------------------------------------------------ after it


def test_a_page_says_that_it_is_done_and_the_browser_is_signed_out(server: Server, alice: Reader[Server]) -> None:
    done = deletes(alice)
    assert done.status == 200
    assert "Your account was deleted" in done.text
    assert NAME not in done.text.casefold().replace("your account", "")
    assert "Sign out" not in done.text
    (cookie,) = done.cookies
    assert cookie.startswith(f"{SESSION_COOKIE}=;")
    assert "Max-Age=0" in cookie
    assert alice.get("/my").location.startswith("login?request=")
    assert deletes(alice, csrf="whatever").location.startswith("../login?request=")


def test_nothing_of_theirs_stands_and_everybody_else_goes_on(server: Server, alice: Reader[Server]) -> None:
    other_operator(server, operator=False)
    tokens = App(server).tokens()
    deletes(alice)
    with pytest.raises(InvalidToken):
        server.access(tokens.access_token)
    with pytest.raises(InvalidGrant):
        App(server).refresh(tokens.refresh_token)
    assert server.users.find(NAME) is None
    assert Reader(server, account, "olga").get("/my").status == 200


def test_the_erasure_is_ordered_by_the_key_alone(server: Server, alice: Reader[Server]) -> None:
    deletes(alice)
    assert server.erasure_orders == [key_text(SUB)]


def test_an_order_that_fails_fails_no_deletion(server: Server, alice: Reader[Server]) -> None:
    def fails(_: Any) -> None:
        raise TemporarilyUnavailable("The order was not taken", reason="test")

    server.services = replace(server.services, order_erasure=fails, order_mail=fails)
    assert deletes(alice).status == 200
    assert not is_there(server)
    server.clock.advance(SETTLED)
    assert erase("", lambda: True, server.services).finished == 1


def test_a_session_that_is_ended_meanwhile_deletes_nobody(server: Server, alice: Reader[Server]) -> None:
    """By a user who signs every browser out in the middle of it."""
    server.before("withdrawals.delete_user", lambda: server.withdrawals.end_sessions(SUB))
    shown = deletes(alice)
    assert shown.location.startswith("../login?request=")
    assert is_there(server)


def test_a_store_that_does_not_answer_deletes_nobody(server: Server, alice: Reader[Server]) -> None:
    def around(verb: str, call: Callable[[], Any]) -> Any:
        if verb == "withdrawals.delete_user":
            raise TemporarilyUnavailable("The store did not answer", reason="test")
        return call()

    server.around = around
    with pytest.raises(TemporarilyUnavailable):
        deletes(alice)
    assert is_there(server)
    assert server.erasure_orders == []


# ------------------------------------------------------------------ where it is forbidden


@pytest.fixture
def forbidden(server: Server) -> Reader[Server]:
    with_settings(server, deletes_accounts=False)
    return Reader(server, account, NAME)


def test_where_it_is_forbidden_the_page_is_not_there(server: Server, forbidden: Reader[Server]) -> None:
    assert "delete" not in forbidden.get("/my/profile").html.casefold()
    server.clock.advance(FRESH)
    missing = forbidden.get(PAGE)
    assert missing.status == 404
    csrf = missing.html.partition('name="csrf" value="')[2].partition('"')[0]
    assert csrf
    assert deletes(forbidden, csrf=csrf).status == 404
    assert is_there(server)


def test_where_it_is_forbidden_an_operator_deletes(server: Server, forbidden: Reader[Server]) -> None:
    assert operator(server).call("DELETE", f"/admin/users/{SUB}").status == 204
    assert not is_there(server)


# ------------------------------------------------------------------ what is handed over first


def test_the_last_operator_hands_over_first(server: Server, alice: Reader[Server]) -> None:
    server.users.alter(SUB, operator=True)
    other_operator(server, status="disabled")
    other_operator(server, sub="sub-of-noah", username="noah", operator=False)
    page = alice.get(PAGE)
    assert "You are the last operator of this server" in page.text
    assert 'name="confirmation"' not in page.html
    assert deletes(alice).status == 409
    assert is_there(server)


def test_an_operator_who_is_not_the_last_leaves(server: Server, alice: Reader[Server]) -> None:
    server.users.alter(SUB, operator=True)
    other_operator(server)
    assert deletes(alice).status == 200
    assert not is_there(server)


def test_of_two_operators_who_leave_at_once_one_stays(server: Server, alice: Reader[Server]) -> None:
    server.users.alter(SUB, operator=True)
    other_operator(server)
    olga = Reader(server, account, "olga")
    csrf = olga.get(PAGE).html.partition('name="csrf" value="')[2].partition('"')[0]
    second: list[Shown] = []
    server.before("withdrawals.delete_user", lambda: second.append(deletes(olga, "olga", csrf=csrf)))
    first = deletes(alice)
    assert (first.status, second[0].status) == (409, 200)
    assert "Somebody else has to take over first" in first.text
    assert is_there(server)


def test_the_last_administrator_hands_over_first(server: Server, alice: Reader[Server]) -> None:
    organise(server, "acme", alice=ADMINISTRATOR, mia=MEMBER)
    organise(server, "globex", alice=ADMINISTRATOR, gil=ADMINISTRATOR)
    organise(server, "initech", alice=MEMBER, ada=ADMINISTRATOR)
    page = alice.get(PAGE)
    assert "You are the last administrator of Acme" in page.text
    assert "Globex" not in page.text
    assert "Initech" not in page.text
    assert 'href="../organisations/acme/members"' in page.html
    assert deletes(alice).status == 409
    assert is_there(server)
    organise(server, "acme", mia=ADMINISTRATOR)
    assert deletes(alice).status == 200
    assert not is_there(server)
    assert {subject for _, subject in server.record.memberships} == {f"sub-of-{name}" for name in ("mia", "gil", "ada")}


def test_an_organisation_that_is_gone_needs_no_administrator(server: Server, alice: Reader[Server]) -> None:
    organise(server, "acme", alice=ADMINISTRATOR)
    server.withdrawals.delete_organisation("acme", server.clock())
    assert deletes(alice).status == 200
    assert not is_there(server)


@pytest.mark.parametrize(("memberships", "led"), [(LED + 1, LED + 1), (101, 0)])
def test_whoever_is_in_too_many_organisations_leaves_some_first(
    server: Server, alice: Reader[Server], memberships: int, led: int
) -> None:
    for number in range(memberships):
        name, role = f"org-{number}", ADMINISTRATOR if number < led else MEMBER
        server.organisations.create(Organisation(name, name))
        for sub in (SUB, "sub-of-bob"):
            server.withdrawals.set_membership(Membership(name, sub, role, server.clock(), epoch=f"{sub} {number}"))
    page = alice.get(PAGE)
    assert "leave some of them first" in page.text
    assert 'href="../organisations"' in page.html
    assert deletes(alice).status == 409
    assert is_there(server)
    server.withdrawals.delete_membership("org-0", SUB)
    assert deletes(alice).status == 200
    assert not is_there(server)


@pytest.mark.parametrize("number", [10, 100, 1000])
def test_who_else_administers_is_found_whatever_members_there_are(
    server: Server, alice: Reader[Server], number: int
) -> None:
    server.organisations.create(Organisation("acme", "Acme"))
    members = [(SUB, ADMINISTRATOR), *((f"m{one}", MEMBER) for one in range(number)), ("sub-of-bob", ADMINISTRATOR)]
    for at, (sub, role) in enumerate(members):
        server.organisations.put_membership(Membership("acme", sub, role, server.clock() + at, epoch=sub))
    user = server.users.get(SUB)
    assert user is not None
    server.calls.clear()
    handover = handover_of(user, server.services)
    assert (handover.is_done, handover.others.administrators) == (True, {"acme": "sub-of-bob"})
    assert server.calls == {
        "organisations.memberships_of": 1,
        "organisations.get_all": 1,
        "organisations.administrators_of": 1,
    }


def test_a_disabled_organisation_keeps_its_last_administrator_from_nothing(
    server: Server, alice: Reader[Server]
) -> None:
    """Its pages are closed to everybody; who enables it, an operator, makes another one an administrator as well."""
    organise(server, "acme", alice=ADMINISTRATOR, mia=MEMBER)
    assert server.withdrawals.change_organisation("acme", status="disabled")
    assert "You are the last administrator" not in alice.get(PAGE).text
    assert deletes(alice).status == 200
    assert not is_there(server)
    assert {subject for _, subject in server.record.memberships} == {"sub-of-mia"}


def test_whoever_becomes_the_last_one_meanwhile_stays(server: Server, alice: Reader[Server]) -> None:
    organise(server, "acme", alice=ADMINISTRATOR, ada=ADMINISTRATOR)
    server.before("withdrawals.delete_user", lambda: organise(server, "acme", ada=MEMBER))
    assert deletes(alice).status == 409
    assert is_there(server)


# ------------------------------------------------------------------ the mail


@pytest.fixture
def orders(server: Server) -> list[MailOrder]:
    orders: list[MailOrder] = []
    server.services = replace(server.services, order_mail=orders.append)
    return orders


@pytest.mark.parametrize("username", [NAME, ""])
def test_the_person_is_told_by_mail(
    server: Server, alice: Reader[Server], orders: list[MailOrder], username: str
) -> None:
    server.users.alter(SUB, username=username)
    deletes(alice, username or "alice@example.com")
    (order,) = orders
    assert (order.kind, order.subject) == (ACCOUNT_DELETED, "")
    letter = write_letter(order, server.services)
    assert isinstance(letter, Letter)
    mail = render_mail(letter)
    assert mail.to == "alice@example.com"
    assert mail.subject == "Your account at Authserver was deleted"
    assert f"The account {username} at" in mail.text if username else "Your account at" in mail.text
    assert "If it was not you" in mail.text


def test_whoever_has_no_address_is_told_nothing(server: Server, alice: Reader[Server], orders: list[MailOrder]) -> None:
    server.users.alter(SUB, email="")
    deletes(alice)
    assert orders == []


def test_an_order_without_an_address_is_no_mail(server: Server) -> None:
    order = MailOrder(ACCOUNT_DELETED, "id", fakes.ISSUER, server.clock(), username=NAME)
    assert write_letter(order, server.services) == NoLetter("address_missing")


def test_nobody_is_told_of_what_was_refused(server: Server, alice: Reader[Server], orders: list[MailOrder]) -> None:
    deletes(alice, "another")
    assert orders == []


# ------------------------------------------------------------------ operators


def operator(server: Server) -> Api:
    return Api(server, admin.OPERATIONS, "operator", scope=Api.EVERY_POWER)


def test_a_deletion_by_an_operator_is_erased_as_well(server: Server) -> None:
    assert operator(server).call("DELETE", f"/admin/users/{SUB}").status == 204
    assert server.erasure_orders == [key_text(SUB)]
    assert not is_there(server)


def test_an_operator_deletes_whoever_is_the_last_administrator(server: Server) -> None:
    organise(server, "acme", alice=ADMINISTRATOR)
    assert operator(server).call("DELETE", f"/admin/users/{SUB}").status == 204
    assert not is_there(server)


def test_operators_see_how_far_it_is(server: Server) -> None:
    api = operator(server)
    assert api.get("/admin/erasures") == {"items": []}
    api.call("DELETE", f"/admin/users/{SUB}")
    requested = server.clock()
    (told,) = api.get("/admin/erasures")["items"]
    assert told == {
        "subject_key": key_text(SUB),
        "sub": SUB,
        "organisation": None,
        "state": "erasing",
        "left": sorted(KINDS),
        "requested_at": requested,
        "finished_at": None,
    }
    erase("", lambda: True, server.services)
    (told,) = api.get("/admin/erasures")["items"]
    assert (told["state"], told["sub"], told["left"]) == ("checking", SUB, [])
    server.clock.advance(SETTLED)
    erase("", lambda: True, server.services)
    (told,) = api.get("/admin/erasures")["items"]
    assert told == {
        "subject_key": key_text(SUB),
        "sub": None,
        "organisation": None,
        "state": "done",
        "left": [],
        "requested_at": requested,
        "finished_at": server.clock(),
    }
    server.clock.advance(KEPT)
    assert api.get("/admin/erasures") == {"items": []}
