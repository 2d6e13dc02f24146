"""Nothing is told as done because it looks as if it were: what was not written is told as what it is."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from authserver.endpoints.browsers.recover import recover
from authserver.endpoints.orders.mail import write_letter
from authserver.identity.mails import order_reset
from authserver.management.admin import authorizations, identity_providers, users
from authserver.management.admin import organisations as operators_organisations
from authserver.messages.browser import GoTo
from authserver.messages.mail import Letter, MailOrder
from authserver.messages.site import View
from authserver.site import FRESH, organisations, security
from authserver.values import Secret, base64url
from authserver.wire.http import HttpRequest
from authserver.wire.site import parse_visit
from tests import fakes
from tests.authenticator import Authenticator
from tests.fakes import ISSUER
from tests.unit.api import Answered, Api
from tests.unit.pages import Reader
from tests.unit.server import Server
from tests.unit.tenants import Tenants
from tests.unit.test_faults import direct
from tests.unit.test_second_factors import give_passkey

# ------------------------------------------------------------------ creates that are repeated under their key

USER: dict[str, Any] = {
    "sub": "carol-1",
    "username": "carol",
    "password": "looking-glass-house",
    "name": "Carol",
    "email": "carol@example.com",
}


@pytest.fixture
def operator() -> Api:
    operations = (*users.OPERATIONS, *operators_organisations.OPERATIONS, *identity_providers.OPERATIONS)
    return Api(Server(), operations, "operator")


def create_user(operator: Api, key: str = "a-key", **changes: Any) -> Answered:
    return operator.call("POST", "/admin/users", USER | changes, key=key)


def test_a_user_that_is_as_wanted_is_the_one_that_the_call_made(operator: Api) -> None:
    first, again = create_user(operator), create_user(operator)
    assert (first.status, again.status) == (201, 201)
    assert first.document == again.document


@pytest.mark.parametrize(
    "changes",
    [
        {"password": "another password"},
        {"name": "Caroline"},
        {"email": "caroline@example.com"},
        {"email_verified": True},
        {"password": None},
    ],
    ids=str,
)
def test_a_user_of_the_same_name_that_differs_is_not_told_as_made(operator: Api, changes: dict[str, Any]) -> None:
    """An importing operator would take what was not written for done."""
    create_user(operator)
    wanted = {name: value for name, value in (USER | changes).items() if value is not None}
    answer = operator.call("POST", "/admin/users", wanted, key="a-key")
    assert (answer.status, answer.reason) == (409, "conflict")
    stored = operator.server.users.get("carol-1")
    assert stored is not None
    assert operator.server.services.passwords.verify(Secret(USER["password"]), stored.password_hash)


def test_a_user_who_was_disabled_since_is_not_told_as_made(operator: Api) -> None:
    create_user(operator)
    operator.server.withdrawals.change_user("carol-1", status="disabled")
    assert create_user(operator).status == 409


@pytest.mark.parametrize(
    "changes", [{"name": "Other"}, {"companies": {"a": "A", "b": "B"}}, {"companies": {}}], ids=str
)
def test_an_organisation_that_differs_is_not_told_as_made(operator: Api, changes: dict[str, Any]) -> None:
    wanted = {"id": "initech", "name": "Initech", "companies": {"a": "A"}}
    for _ in range(2):
        assert operator.call("POST", "/admin/organisations", wanted, key="one").status == 201
    assert operator.call("POST", "/admin/organisations", wanted | changes, key="one").status == 409


def test_an_identity_provider_that_another_call_made_is_not_told_as_made(operator: Api) -> None:
    """Its secret cannot be compared: the same call is known by its key."""
    wanted = {"id": "work", "name": "Work", "issuer": "https://i.example", "client_id": "x", "client_secret": "first"}
    for _ in range(2):
        assert operator.call("POST", "/admin/identity-providers", wanted, key="one").status == 201
    other = operator.call("POST", "/admin/identity-providers", wanted | {"client_secret": "second"}, key="two")
    assert other.status == 409


# ------------------------------------------------------------------ what is not there to be ended


@pytest.mark.parametrize("subject", ["gus", "nobody"])
def test_who_is_no_member_is_not_told_as_removed(subject: str) -> None:
    server = Tenants()
    assert server.account("ada").call("DELETE", f"/account/organisations/acme/members/{subject}").status == 404
    operator = Api(server, operators_organisations.OPERATIONS, "operator")
    assert operator.call("DELETE", f"/admin/organisations/acme/members/{subject}").status == 404


def test_the_page_does_not_tell_of_a_removal_that_another_administrator_made() -> None:
    server = Tenants()
    ada = Reader(server, organisations, "ada")
    csrf = csrf_of(ada.get("/organisations/acme/members/max").html)
    server.withdrawals.delete_membership("acme", "max")
    answer = ada.act("/organisations/acme/members/max", "remove", csrf=csrf)
    assert (answer.status, answer.done) == (404, "")


def test_a_grant_that_vanished_is_not_told_as_revoked() -> None:
    server = Tenants()
    connection = server.connect("max", "a1")
    operator = Api(server, authorizations.OPERATIONS, "operator")

    def vanish_before(verb: str, call: Callable[[], Any]) -> Any:
        if verb == "withdrawals.revoke":
            server.around = direct
            return False  # as if it had expired in between
        return call()

    server.around = vanish_before
    assert operator.call("DELETE", f"/admin/authorizations/{connection.id}").status == 404


@pytest.mark.parametrize("action", ["rename", "remove"])
def test_a_passkey_that_is_gone_is_told_as_gone(action: str) -> None:
    server, device = Server(), Authenticator(ISSUER)
    give_passkey(server, device)
    alice = Reader(server, security, "alice")
    path, form = "/my/security/passkeys", {"passkey": base64url(device.id), "name": "New"}
    csrf = csrf_of(alice.get(path).html)
    assert alice.act(path, "remove", csrf=csrf, **form).done == "passkey-removed"
    before = len(server.journal.activities("sub-of-alice").items)
    answer = alice.act(path, action, csrf=csrf, **form)
    assert (answer.status, answer.done) == (404, "")
    assert any("This is not there any more." in notice for notice in answer.notices)
    assert len(server.journal.activities("sub-of-alice").items) == before


def csrf_of(html: str) -> str:
    return html.partition('name="csrf" value="')[2].partition('"')[0]


# ------------------------------------------------------------------ a new password by a link


class Forgetful:
    """Alice, who has a link in a mail to set a new password by."""

    def __init__(self) -> None:
        self.server = Server()
        orders: list[MailOrder] = []
        self.server.services = fakes.services(
            settings=self.server.settings,
            users=self.server.users,
            browsers=self.server.browsers,
            withdrawals=self.server.withdrawals,
            key_store=self.server.keys,
            now=self.server.clock,
            random=self.server.random,
            record=self.server.record,
            order_mail=orders.append,
        )
        order_reset("alice", "192.0.2.1", "", self.server.services)
        letter = write_letter(orders[0], self.server.services)
        assert isinstance(letter, Letter)
        self.link = letter.link.rpartition("/")[2]

    def reset(self, password: str) -> Any:
        request = HttpRequest(
            method="POST",
            route="ANY /recover/{link}",
            headers={"content-type": "application/x-www-form-urlencoded"},
            body=urlencode({"password": password}).encode(),
            path_parameters={"link": self.link},
        )
        return recover(parse_visit(request), self.server.services)


def test_a_form_that_is_sent_twice_is_told_as_done_while_its_password_is_the_password() -> None:
    alice = Forgetful()
    for _ in range(2):
        answer = alice.reset("through the looking-glass")
        assert isinstance(answer, GoTo)
        assert answer.done == "password"


def test_a_form_that_is_sent_again_later_is_not_told_as_done_once_the_password_is_another() -> None:
    alice = Forgetful()
    assert isinstance(alice.reset("through the looking-glass"), GoTo)
    hasher = alice.server.services.passwords
    alice.server.withdrawals.set_password("sub-of-alice", hasher.hash(Secret("what an operator set")))
    answer = alice.reset("through the looking-glass")
    assert isinstance(answer, View)
    assert (answer.status, answer.template) == (400, "recover/over")


def test_pages_that_take_a_new_sign_in_tell_nothing_as_done_before_it() -> None:
    server = Server()
    alice = Reader(server, security, "alice")
    csrf = csrf_of(alice.get("/my/security/passkeys").html)
    server.clock.advance(FRESH)
    answer = alice.act("/my/security/passkeys", "remove", csrf=csrf, passkey="x")
    assert (answer.status, answer.done, "login?request=" in answer.location) == (303, "", True)
