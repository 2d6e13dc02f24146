"""An approval is the word of an administrator: it falls with their role and membership, and never comes back."""

from typing import Any

import pytest

from authserver.errors import InvalidGrant
from authserver.management.admin import users
from authserver.messages.authorization import AuthorizationResponse
from authserver.messages.browser import ApprovalAsked, ConsentPage
from authserver.models import ACTIVE, DISABLED
from authserver.models.organisations import ADMINISTRATOR, MEMBER
from authserver.values import Secret
from tests import fakes
from tests.fakes import PASSWORD, FakePasswords
from tests.unit.api import Api
from tests.unit.server import App, Browser
from tests.unit.tenants import Connection, Tenants

SCOPE = "openid export"  # which takes an administrator
APPROVALS = "/account/organisations/acme/approvals"


@pytest.fixture
def server() -> Tenants:
    """Ada and Kim administer Acme; Max and Mia are members."""
    server = Tenants()
    server.users.create(fakes.user(sub="kim", username="kim", name="Kim"))
    give_role(server, "kim", ADMINISTRATOR)
    return server


def give_role(server: Tenants, name: str, role: str) -> None:
    """As an operator does."""
    path = f"/admin/organisations/acme/members/{name}"
    assert server.operator.call("PUT", path, {"role": role}).status == 200


def remove(server: Tenants, name: str) -> None:
    assert server.operator.call("DELETE", f"/admin/organisations/acme/members/{name}").status == 204


def invite_again(server: Tenants, name: str, role: str) -> None:
    made = server.account("kim").call("POST", "/account/organisations/acme/invitations", {"name": name, "role": role})
    path = f"/account/invitations/{made.document['id']}"
    assert server.account(name).call("PUT", path, {"decision": "accept"}).status == 204


def approved(server: Tenants, name: str = "max", by: str = "ada") -> Connection:
    """What a member connects by the approval of an administrator."""
    assert isinstance(server.choose(name, "a1", scope=SCOPE), ApprovalAsked)
    administrator = server.account(by)
    (asked,) = [one for one in administrator.get(APPROVALS)["items"] if not one["decision"]]
    assert administrator.call("PUT", f"{APPROVALS}/{asked['id']}", {"decision": "allow"}).status == 200
    return server.connect(name, "a1", scope=SCOPE)


def is_asked(server: Tenants, name: str = "max") -> bool:
    """Whether the member needs an administrator's word, anew."""
    return isinstance(server.choose(name, "a1", scope=SCOPE), ApprovalAsked)


# ------------------------------------------------------------------ the approver


def demote(server: Tenants) -> None:
    give_role(server, "ada", MEMBER)


def demote_and_promote(server: Tenants) -> None:
    demote(server)
    give_role(server, "ada", ADMINISTRATOR)


def take_out(server: Tenants) -> None:
    remove(server, "ada")


def take_out_and_invite_again(server: Tenants) -> None:
    remove(server, "ada")
    invite_again(server, "ada", ADMINISTRATOR)


def delete(server: Tenants) -> None:
    api = Api(server, users.OPERATIONS, "operator", scope=Api.EVERY_POWER)
    assert api.call("DELETE", "/admin/users/ada").status == 204


FALLS = [demote, demote_and_promote, take_out, take_out_and_invite_again, delete]


@pytest.mark.parametrize("fall", FALLS)
def test_approval_falls_with_the_role_and_the_membership_of_who_gave_it(server: Tenants, fall: Any) -> None:
    connection, plain = approved(server), server.connect("max", "a1")
    by_kim = approved(server, "mia", by="kim")
    fall(server)
    assert [one.is_alive for one in (connection, plain, by_kim)] == [False, True, True]
    assert is_asked(server)
    assert not is_asked(server, "mia")
    assert not connection.is_alive


@pytest.mark.parametrize("fall", FALLS)
def test_approval_that_fell_is_given_anew_and_then_stands(server: Tenants, fall: Any) -> None:
    approved(server)
    fall(server)
    assert approved(server, by="kim").is_alive
    assert not is_asked(server)


def test_approval_that_is_given_again_and_again_within_a_second_falls_each_time(server: Tenants) -> None:
    before: list[Connection] = []
    for _ in range(6):
        before.append(approved(server))
        demote_and_promote(server)
        assert not any(one.is_alive for one in before)


def test_approval_stands_whatever_becomes_of_the_password_of_who_gave_it(server: Tenants) -> None:
    connection = approved(server)
    server.withdrawals.set_password("ada", FakePasswords().hash(Secret("another")))
    server.withdrawals.end_sessions("ada")
    server.withdrawals.end(subject="ada")
    server.withdrawals.end(subject="ada", client_id="web")
    server.withdrawals.remove_factors("ada")
    assert connection.is_alive
    assert not is_asked(server)


def test_new_name_of_the_role_that_there_is_ends_nothing(server: Tenants) -> None:
    connection = approved(server)
    give_role(server, "ada", ADMINISTRATOR)
    give_role(server, "max", MEMBER)
    assert connection.is_alive
    assert not is_asked(server)


# ------------------------------------------------------------------ the member who asked


def test_member_keeps_the_approval_and_loses_what_was_granted_with_another_password(server: Tenants) -> None:
    connection = approved(server)
    server.withdrawals.set_password("max", FakePasswords().hash(Secret(PASSWORD)))
    assert not connection.is_alive
    assert not is_asked(server)
    assert server.connect("max", "a1", scope=SCOPE).is_alive


@pytest.mark.parametrize("role", [MEMBER, ADMINISTRATOR])
def test_member_who_was_removed_and_comes_back_has_no_approval(server: Tenants, role: str) -> None:
    connection = approved(server)
    remove(server, "max")
    assert not connection.is_alive
    invite_again(server, "max", role)
    if role == ADMINISTRATOR:
        give_role(server, "max", MEMBER)
    assert not connection.is_alive
    assert is_asked(server)


@pytest.mark.parametrize("whose", ["user", "organisation"])
def test_what_was_approved_before_a_disabling_is_not_granted_by_it_after(server: Tenants, whose: str) -> None:
    connection = approved(server)
    for status in (DISABLED, ACTIVE):
        if whose == "user":
            server.withdrawals.change_user("max", status=status)
        else:
            server.withdrawals.change_organisation("acme", status=status)
        assert not connection.is_alive
    # The member's own end is not the administrator's word; the organisation's is the end of all that was said in it.
    assert is_asked(server) is (whose == "organisation")


# ------------------------------------------------------------------ meanwhile


@pytest.mark.parametrize("fall", FALLS)
def test_answer_of_who_is_no_administrator_any_more_is_not_written(server: Tenants, fall: Any) -> None:
    """Who is one again by the time of the write was another one when they looked at it."""
    assert isinstance(server.choose("max", "a1", scope=SCOPE), ApprovalAsked)
    (asked,) = server.account("ada").get(APPROVALS)["items"]
    server.before("browsers.answer_approval", lambda: fall(server))
    answer = server.account("ada").call("PUT", f"{APPROVALS}/{asked['id']}", {"decision": "allow"})
    assert answer.status in (403, 404, 409)
    found = server.browsers.approval("acme", "web", "max")
    assert found
    assert found.decision == ""
    assert is_asked(server)


@pytest.mark.parametrize("fall", FALLS)
@pytest.mark.parametrize(
    ("verb", "is_seen"),
    [
        ("tokens.standing", True),
        ("browsers.approval", False),
        ("browsers.answer_request", False),
        ("tokens.create", False),
    ],
)
def test_what_is_granted_by_an_approval_that_falls_at_that_moment_is_worth_nothing(
    server: Tenants, verb: str, is_seen: bool, fall: Any
) -> None:
    """Before the ends are read it is seen in time; after that, what comes of it is begun under what has ended."""
    approved(server)
    browser = Browser(server, "max")
    pending: Any = browser.authorize((), frozenset(), scope=SCOPE)
    browser.sign_in(pending.request_handle)
    page = browser.consent_page(pending.request_handle, "acme")
    assert isinstance(page, ConsentPage)
    server.before(verb, lambda: fall(server))
    answer = browser.decide(pending.request_handle, csrf=page.csrf, organisation="acme", entities=("a1",))
    assert isinstance(answer, ApprovalAsked if is_seen else AuthorizationResponse)
    if isinstance(answer, AuthorizationResponse):
        with pytest.raises(InvalidGrant) as refusal:
            App(server).exchange(answer.parameters["code"])
        assert refusal.value.reason == "ended"
