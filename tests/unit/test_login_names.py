"""A confirmed e-mail address works wherever a username does, and reveals no more than that does."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from authserver.endpoints.orders.mail import write_letter
from authserver.errors import InvalidGrant
from authserver.identity.mails import order_reset
from authserver.messages.browser import GoTo, LoginPage
from authserver.messages.mail import PASSWORD_RESET, USERNAME_CHANGED, Letter, MailOrder
from authserver.pages.mails import render_mail
from authserver.values import Secret
from tests import fakes
from tests.fakes import PASSWORD, FakePasswords
from tests.unit.server import Server
from tests.unit.test_confirmed_addresses import Mailing, Window, says
from tests.unit.test_password_grant import ask, serving
from tests.unit.test_sign_in import at_login

ALICE = "sub-of-alice"
BOTH = ("alice", "alice@example.com")


def signs_in(server: Server, name: str, password: str = PASSWORD) -> bool:
    browser, handle = at_login(server)
    return isinstance(browser.sign_in(handle, username=name, password=Secret(password)), GoTo)


# ------------------------------------------------------------------ signing in


@pytest.mark.rfc("8265", "3.3")
@pytest.mark.parametrize("name", [*BOTH, "ALICE@Example.COM", " alice@example.com ", "alice\uff20example.com"])
def test_username_and_confirmed_address_sign_in_however_they_are_written(name: str) -> None:
    assert signs_in(Server(), name)


@pytest.mark.parametrize("name", ["alice@example.org", "al.ice@example.com", "alice+x@example.com", "@example.com"])
def test_an_address_that_is_another_signs_nobody_in(name: str) -> None:
    assert not signs_in(Server(), name)


@pytest.mark.parametrize("change", [{"email_verified": False}, {"email": "new@example.com", "email_verified": True}])
def test_an_address_that_is_not_confirmed_any_more_signs_nobody_in(change: dict[str, Any]) -> None:
    server = Server()
    server.withdrawals.change_user(ALICE, **change)
    assert not signs_in(server, "alice@example.com")
    assert signs_in(server, "alice")


def test_the_password_grant_takes_both_names() -> None:
    server = serving()
    for name in BOTH:
        assert ask(server, name).access_token
    with pytest.raises(InvalidGrant):
        ask(server, "alice@example.com", "guessed")


def test_where_it_is_off_an_address_is_nobodys_name() -> None:
    server = Server(email_sign_in=False)
    assert signs_in(server, "alice")
    assert not signs_in(server, "alice@example.com")
    browser, handle = at_login(server)
    page: Any = browser.login_page(handle)
    assert not page.takes_email
    with pytest.raises(InvalidGrant):
        ask(serving(email_sign_in=False), "alice@example.com")


def test_where_it_is_off_a_username_may_still_be_ones_own_address() -> None:
    server = Server(email_sign_in=False)
    name = "bob@example.com"
    assert server.users.create(fakes.user(sub="sub-of-bob", username=name, email=name))
    assert signs_in(server, name)


# ------------------------------------------------------------------ what it tells, and costs


class Hashing(FakePasswords):
    """Counts the hashes that are computed."""

    def __init__(self) -> None:
        super().__init__()
        self.computed = 0

    def verify(self, password: Secret, password_hash: str | None) -> bool:
        self.computed += 1
        return super().verify(password, password_hash)


def work_of(name: str, **settings: Any) -> tuple[list[tuple[int, str]], Counter[str], int]:
    """What guessing at a name is told, from the first time to the refusal, and what it costs."""
    server, passwords = Server(**settings), Hashing()
    server.users.create(fakes.user(sub="sub-of-bob", username="bob", email="bob@example.com", email_verified=False))
    server.services = replace(server.services, passwords=passwords)
    browser, handle = at_login(server)
    browser.login_page(handle)
    server.calls.clear()
    told = []
    for _ in range(7):
        page = browser.sign_in(handle, username=name, password=Secret("guessed"))
        assert isinstance(page, LoginPage)
        told.append((page.status, page.problem))
    return told, server.calls, passwords.computed


@pytest.mark.rfc("ASVS 5.0", "6.3.8")
@pytest.mark.parametrize("is_on", [True, False])
@pytest.mark.parametrize("name", ["alice@example.com", "bob@example.com", "nobody@example.com", "nobody"])
def test_every_name_costs_and_says_the_same(name: str, is_on: bool) -> None:
    """By count of calls and hashes: time follows them."""
    assert work_of(name, email_sign_in=is_on) == work_of("alice", email_sign_in=is_on)


@pytest.mark.parametrize("name", BOTH)
def test_a_sign_in_by_an_address_costs_what_one_by_a_username_does(name: str) -> None:
    server, other = Server(), Server()
    for one, typed in ((server, name), (other, "alice")):
        browser, handle = at_login(one)
        one.calls.clear()
        assert isinstance(browser.sign_in(handle, username=typed, password=Secret(PASSWORD)), GoTo)
    assert server.calls == other.calls


def statuses(server: Server, names: list[str]) -> list[int]:
    browser, handle = at_login(server)
    pages: list[Any] = [browser.sign_in(handle, username=name, password=Secret("guessed")) for name in names]
    return [page.status for page in pages]


@pytest.mark.rfc("6749", "10.10")
@pytest.mark.parametrize("names", [BOTH, BOTH[::-1]])
def test_both_names_of_somebody_are_guessed_at_as_one(names: tuple[str, str]) -> None:
    first, second = names
    server = Server()
    assert statuses(server, [first] * 3 + [second] * 2) == [401] * 5
    assert statuses(server, [first, second]) == [429, 429]


@pytest.mark.rfc("6749", "10.10")
def test_a_name_that_is_nobodys_is_counted_in_its_normal_form() -> None:
    spellings = ["no@b\u00fccher.example", "NO@xn--bcher-kva.example", " no@B\u00dcCHER.example"] * 2
    assert statuses(Server(), spellings) == [401] * 5 + [429]


def test_a_name_that_is_somebodys_identifier_is_guessed_at_for_itself() -> None:
    """Typing a user's identifier delays no sign-in of that user."""
    server = Server()
    assert statuses(server, [ALICE] * 6) == [401] * 5 + [429]
    assert statuses(server, ["alice"]) == [401]


# ------------------------------------------------------------------ a forgotten password


def post(**settings: Any) -> tuple[Server, list[MailOrder]]:
    server, orders = Server(mail_from="as@example.com", **settings), list[MailOrder]()
    server.services = replace(server.services, order_mail=orders.append)
    return server, orders


@pytest.mark.parametrize("name", BOTH)
def test_a_link_is_sent_for_both_names(name: str) -> None:
    server, orders = post()
    order_reset(name.upper(), "203.0.113.7", "", server.services)
    letter = write_letter(orders[0], server.services)
    assert isinstance(letter, Letter)
    assert (letter.kind, letter.to, letter.username) == (PASSWORD_RESET, "alice@example.com", "alice")


def test_an_address_that_is_not_confirmed_gets_no_link() -> None:
    server, orders = post()
    server.withdrawals.change_user(ALICE, email_verified=False)
    order_reset("alice@example.com", "203.0.113.7", "", server.services)
    assert not isinstance(write_letter(orders[0], server.services), Letter)


def test_where_it_is_off_an_address_gets_no_link() -> None:
    server, orders = post(email_sign_in=False)
    order_reset("alice@example.com", "203.0.113.7", "", server.services)
    assert not isinstance(write_letter(orders[0], server.services), Letter)
    order_reset("alice", "203.0.113.7", "", server.services)
    assert isinstance(write_letter(orders[1], server.services), Letter)


def test_where_it_is_off_orders_by_an_address_hold_back_none_by_the_username() -> None:
    """Otherwise a person who knows the address could keep its user from ever getting a link."""
    server, orders = post(email_sign_in=False)
    for _ in range(20):
        order_reset("alice@example.com", "198.51.100.1", "", server.services)
        server.clock.advance(60)
    orders.clear()
    order_reset("alice", "203.0.113.7", "", server.services)
    assert isinstance(write_letter(orders[0], server.services), Letter)


def test_both_names_of_somebody_get_one_mail_a_minute() -> None:
    server, orders = post()
    for name in BOTH:
        order_reset(name, "203.0.113.7", "", server.services)
    assert len(orders) == 1


def test_asking_for_a_link_costs_the_same_for_every_name() -> None:
    worked = []
    for name in (*BOTH, "nobody", "nobody@example.com"):
        server, orders = post()
        order_reset(name, "203.0.113.7", "", server.services)
        assert len(orders) == 1
        worked.append(server.calls)
    assert worked == worked[:1] * 4


# ------------------------------------------------------------------ confirming an address


def test_an_address_that_was_confirmed_signs_in_and_the_one_from_before_does_not() -> None:
    server = Mailing()
    assert Window.of(server, "alice").confirm(server.want()).status == 200
    assert signs_in(server, "alice@new.example")
    assert not signs_in(server, "alice@example.com")


def test_of_two_who_confirm_one_address_the_second_is_told_and_nothing_of_the_first() -> None:
    server = Mailing()
    links = {name: server.want("shared@new.example", name) for name in ("alice", "bob")}
    assert Window.of(server, "bob").confirm(links["bob"]).status == 200
    alice = Window.of(server, "alice")
    for _ in range(2):
        page = alice.confirm(links["alice"])
        assert (page.status, says(page, "This address is in use")) == (409, True)
        assert "bob" not in page.body
    assert server.address == ("alice@example.com", True)
    assert signs_in(server, "shared@new.example")
    server.withdrawals.delete_user("sub-of-bob", server.clock())
    assert alice.confirm(links["alice"]).status == 200, "the link was not used up"
    assert server.address == ("shared@new.example", True)


def test_whoever_had_the_address_for_a_username_is_told_and_signs_in_by_another() -> None:
    server = Mailing()
    server.users.create(fakes.user(sub="sub-of-carol", username="x@corp.example", email="carol@home.example"))
    assert signs_in(server, "x@corp.example")
    link = server.want("x@corp.example")
    before = len(server.orders)
    assert Window.of(server, "alice").confirm(link).status == 200
    carol = server.users.get("sub-of-carol")
    assert carol is not None
    assert carol.username.startswith("x-")
    assert signs_in(server, carol.username)
    assert signs_in(server, "carol@home.example")
    order = next(one for one in server.orders[before:] if one.kind == USERNAME_CHANGED)
    assert (order.subject, order.about) == ("sub-of-carol", "x@corp.example")
    letter = write_letter(order, server.services)
    assert isinstance(letter, Letter)
    mail = render_mail(letter)
    assert mail.to == "carol@home.example"
    assert carol.username in mail.text
    assert "alice" not in mail.text
    (line,) = (one for one in server.journal.activities("sub-of-carol").items if one.kind == USERNAME_CHANGED)
    assert (line.about, line.device, line.source) == ("x@corp.example", "", "")


# ------------------------------------------------------------------ invitations


def test_an_invitation_to_a_confirmed_address_is_for_however_it_is_typed() -> None:
    person = fakes.user(email="ann@xn--bcher-kva.example")
    assert "ann@xn--bcher-kva.example" in person.invited_as
