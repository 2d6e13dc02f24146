"""Links in mails that somebody may still use: operators and their user see them, and take them back."""

import json
import re
from dataclasses import asdict, replace
from typing import Any

import pytest

from authserver.aws.mail_orders import delivery
from authserver.endpoints.browsers.recover import recover
from authserver.endpoints.orders.mail import write_letter
from authserver.identity.mails import order_verification
from authserver.management.account.export import export_account
from authserver.management.admin import users
from authserver.messages.browser import GoTo
from authserver.messages.mail import Letter, MailOrder, NoLetter
from authserver.messages.site import View, Visit
from authserver.models.users import User
from tests.fakes import START, user
from tests.unit.api import Api
from tests.unit.server import Server
from tests.unit.test_linked_identities import page
from tests.unit.test_second_factors import SUB
from tests.unit.test_security_pages import Person, gone_to, view

PAGE, OVERVIEW = "/my/security/links", "/my/security"
PATH = f"/admin/users/{SUB}/links"
OLD, NEW = "alice@example.com", "new@example.com"


class Post:
    """A server whose mails are ordered, and carried out by the function that does it, as over the wire."""

    def __init__(self) -> None:
        self.server = Server()
        self.orders: list[MailOrder] = []
        self.letters: list[Letter] = []
        self.server.services = replace(self.server.services, order_mail=self.orders.append)
        self.api = Api(self.server, users.OPERATIONS, "operator", scope="admin:users")

    def deliver(self) -> list[str]:
        """Carries all the orders out, those from before again; why there was no letter."""
        reasons: list[str] = []

        def carry_out(order: MailOrder) -> str:
            letter = write_letter(order, self.server.services)
            if isinstance(letter, NoLetter):
                reasons.append(letter.reason)
                return letter.reason
            self.letters.append(letter)
            return "sent"

        for order in self.orders:
            delivery(carry_out)(json.loads(json.dumps(asdict(order))), None)
        return reasons

    def ask_for_a_password(self) -> Letter:
        self.visit("POST", "/recover", username="alice")
        assert self.deliver() == []
        return self.letters[-1]

    def want(self, address: str) -> Letter:
        """Alice wants another address, by the page of her profile."""
        person = self.alice_signed_in()
        session = view(person.open(OVERVIEW)).context["visitor"].session
        assert order_verification(self.alice(), session, address, "", self.server.services)
        self.deliver()
        return self.letters[-1]

    def visit(self, method: str, route: str, link: str = "", **form: str) -> View | GoTo:
        fields = {name: (value,) for name, value in form.items()}
        path = route.replace("{link}", link)[1:]
        visit = Visit(method, route, path, {"link": link}, form=fields, source="192.0.2.1")
        return recover(visit, self.server.services)

    def reset(self, letter: Letter, password: str = "a new and better one") -> View | GoTo:
        return self.visit("POST", "/recover/{link}", letter.link.rpartition("/")[2], password=password)

    def alice(self) -> User:
        alice = self.server.users.get(SUB)
        assert alice
        return alice

    def alice_signed_in(self) -> Person:
        person = Person(self.server)
        person.code()
        return person

    def listed(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.api.get(PATH)["items"]
        return items


@pytest.fixture
def post() -> Post:
    return Post()


# ------------------------------------------------------------------ for operators


def test_an_operator_sees_what_was_sent_to_whom_and_never_the_link(post: Post) -> None:
    assert post.listed() == []
    letter = post.ask_for_a_password()
    (link,) = post.listed()
    assert link == {
        "id": post.orders[0].id,
        "purpose": "password_reset",
        "address": OLD,
        "created_at": START,
        "expires_at": START + 1800,
    }
    assert letter.link.rpartition("/")[2] not in str(link)


def test_a_link_that_was_taken_back_is_over_and_sets_no_password(post: Post) -> None:
    letter, before = post.ask_for_a_password(), post.alice()
    (link,) = post.listed()
    assert post.api.call("DELETE", f"{PATH}/{link['id']}").status == 204
    opened = post.visit("GET", "/recover/{link}", letter.link.rpartition("/")[2])
    assert isinstance(opened, View)
    assert opened.template == "recover/over"
    used = post.reset(letter)
    assert isinstance(used, View)
    assert used.template == "recover/over"
    assert post.alice() == before
    assert post.listed() == []
    assert post.api.call("DELETE", f"{PATH}/{link['id']}").status == 404


def test_a_link_that_was_taken_back_does_not_come_back_when_its_order_is_carried_out_again(post: Post) -> None:
    """Lambda repeats an order whose answer it did not get."""
    post.ask_for_a_password()
    (link,) = post.listed()
    assert post.api.call("DELETE", f"{PATH}/{link['id']}").status == 204
    post.orders[:] = post.orders[:1]  # without what tells of the withdrawal
    assert post.deliver() == ["link_spent"]
    assert post.listed() == []


def test_a_link_that_is_taken_back_while_its_form_is_sent_sets_no_password(post: Post) -> None:
    letter, before = post.ask_for_a_password(), post.alice()
    (link,) = post.listed()

    def withdraw() -> None:
        assert post.api.call("DELETE", f"{PATH}/{link['id']}").status == 204

    post.server.before("withdrawals.reset_password", withdraw)
    used = post.reset(letter)
    assert isinstance(used, View)
    assert used.template == "recover/over"
    assert post.alice() == before


def test_a_link_that_was_used_is_neither_listed_nor_taken_back(post: Post) -> None:
    letter = post.ask_for_a_password()
    (link,) = post.listed()
    assert isinstance(post.reset(letter), GoTo)
    assert post.listed() == []
    assert post.api.call("DELETE", f"{PATH}/{link['id']}").status == 404


@pytest.mark.parametrize("what", ["time", "sessions", "password", "address"])
def test_a_link_that_is_over_is_neither_listed_nor_taken_back(what: str, post: Post) -> None:
    post.ask_for_a_password()
    (link,) = post.listed()
    match what:
        case "time":
            post.server.clock.advance(1800)
        case "sessions":
            post.server.withdrawals.end(subject=SUB)
        case "password":
            post.server.users.alter(SUB, password_hash="")
        case "address":
            post.server.users.alter(SUB, email="other@example.com")
    assert post.listed() == []
    assert post.api.call("DELETE", f"{PATH}/{link['id']}").status == 404


def test_an_address_whose_link_was_taken_back_is_not_confirmed_and_not_wanted_any_more(post: Post) -> None:
    letter = post.want(NEW)
    (link,) = post.listed()
    assert (link["purpose"], link["address"]) == ("email_verification", NEW)
    assert post.alice().pending_email == NEW
    assert post.api.call("DELETE", f"{PATH}/{link['id']}").status == 204
    confirmed = post.visit("POST", "/verify/{link}", letter.link.rpartition("/")[2])
    assert isinstance(confirmed, View)
    assert confirmed.template == "recover/over"
    assert (post.alice().email, post.alice().pending_email) == (OLD, "")


def test_a_link_to_an_address_that_is_not_wanted_any_more_is_not_listed(post: Post) -> None:
    post.want(NEW)
    post.want("newer@example.com")
    assert [one["address"] for one in post.listed()] == ["newer@example.com"]


@pytest.mark.parametrize("link", ["x", "A" * 22, "A" * 500, "%20"])
def test_what_is_no_link_of_the_users_is_not_there(link: str, post: Post) -> None:
    assert post.api.call("DELETE", f"{PATH}/{link}").status == 404


def test_a_link_of_another_user_is_not_taken_back_by_the_wrong_name(post: Post) -> None:
    post.ask_for_a_password()
    (link,) = post.listed()
    assert post.server.users.create(user(sub="bob", username="bob"))
    assert post.api.call("DELETE", f"/admin/users/bob/links/{link['id']}").status == 404
    assert post.listed() == [link]


def test_who_may_change_users_takes_no_link_from_an_operator(post: Post) -> None:
    post.ask_for_a_password()
    (link,) = post.listed()
    post.server.users.alter(SUB, operator=True)
    assert post.api.call("DELETE", f"{PATH}/{link['id']}").reason == "insufficient_scope"
    assert post.listed() == [link]


# ------------------------------------------------------------------ on the user's page


def test_the_page_tells_what_was_sent_where_and_when(post: Post) -> None:
    post.ask_for_a_password()
    post.server.clock.advance(60)
    post.want(NEW)
    person = post.alice_signed_in()
    for seen in (page(person, person.open(OVERVIEW)), page(person, person.open(PAGE))):
        assert f"A link to set a new password was sent to {OLD} on 15 January 2027, 08:00 UTC." in seen
        assert f"A link to confirm the address {NEW} was sent there on 15 January 2027, 08:01 UTC." in seen


def test_its_user_takes_a_link_back_and_it_is_noted(post: Post) -> None:
    letter = post.ask_for_a_password()
    person = post.alice_signed_in()
    assert gone_to(person.act(PAGE, "withdraw", link=post.orders[0].id)) == ("my/security/links", "link-withdrawn")
    assert isinstance(post.reset(letter), View)
    assert "There is no link that could still be used." in page(person, person.open(PAGE))
    assert "mail" not in page(person, person.open(OVERVIEW))
    assert "link_withdrawn" in [one.kind for one in post.server.journal.activities(SUB).items]
    assert view(person.act(PAGE, "withdraw", link=post.orders[0].id)).status == 404


def test_a_session_that_was_ended_meanwhile_takes_nothing_back(post: Post) -> None:
    post.ask_for_a_password()
    person = post.alice_signed_in()
    session = view(person.open(PAGE)).context["visitor"].session
    post.server.before("withdrawals.withdraw_link", lambda: post.server.withdrawals.end_session(session.id))
    assert gone_to(person.act(PAGE, "withdraw", link=post.orders[0].id)) == ("login", "")
    assert len(post.listed()) == 1


@pytest.mark.parametrize("link", ["", "x", "A" * 22, "x" * 5000])
def test_what_is_no_link_of_ones_own_is_not_there(link: str, post: Post) -> None:
    person = post.alice_signed_in()
    assert view(person.act(PAGE, "withdraw", link=link)).status == 404


def test_the_copy_of_ones_data_tells_of_them_and_has_no_secret(post: Post) -> None:
    letter = post.ask_for_a_password()
    told = export_account(post.alice(), post.server.services).document["links"]
    assert told == [{"purpose": "password_reset", "address": OLD, "created_at": START, "expires_at": START + 1800}]
    assert not re.search(re.escape(letter.link.rpartition("/")[2]), str(told))
