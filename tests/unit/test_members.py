"""The members of an organisation: who sees them, who changes them, and that somebody always can."""

from dataclasses import replace
from typing import Any

import pytest

from authserver.models.organisations import ADMINISTRATOR, MEMBER, Membership
from authserver.storage.organisations import OrganisationStore
from tests import fakes
from tests.unit.api import Answered, Api
from tests.unit.tenants import Tenants

ACME = "/account/organisations/acme"
ALL = frozenset({"ada", "max", "mia"})


@pytest.fixture
def server() -> Tenants:
    return Tenants()


@pytest.fixture
def administrator(server: Tenants) -> Api:
    return server.account("ada")


def role(server: Tenants, name: str, organisation: str = "acme") -> str | None:
    membership = server.organisations.membership(organisation, name)
    return membership.role if membership else None


def promote(server: Tenants, name: str) -> None:
    assert server.account("ada").call("PUT", f"{ACME}/members/{name}", {"role": "administrator"}).status == 200


def invite(api: Api, name: str, role: str = "member") -> Any:
    answer = api.call("POST", f"{ACME}/invitations", {"name": name, "role": role})
    assert answer.status == 201, answer
    return answer.document


def answer(server: Tenants, name: str, invitation: str, decision: str = "accept") -> Answered:
    return server.account(name).call("PUT", f"/account/invitations/{invitation}", {"decision": decision})


# ------------------------------------------------------------------ who sees what


def test_an_administrator_sees_the_members(administrator: Api) -> None:
    listed = administrator.get(f"{ACME}/members")["items"]
    assert {one["sub"] for one in listed} == ALL
    assert listed[0] == {
        "sub": "ada",
        "username": "ada",
        "name": "Ada",
        "role": ADMINISTRATOR,
        "groups": [],
        "created_at": fakes.START,
    }


def test_a_member_without_a_username_is_called_something(server: Tenants, administrator: Api) -> None:
    server.users.create(fakes.user(sub="kim", username="", email="kim@work.example", name=""))
    server.organisations.put_membership(Membership("acme", "kim", MEMBER, server.clock() + 1))
    assert administrator.get(f"{ACME}/members")["items"][-1]["username"] == "kim@work.example"


def test_a_member_sees_companies_and_whom_to_turn_to(server: Tenants) -> None:
    seen = server.account("max").get(ACME)
    assert seen == {
        "id": "acme",
        "name": "Acme",
        "companies": {"a1": "A One", "a2": "A Two", "a3": "A Three"},
        "status": "active",
        "role": MEMBER,
        "groups": [],
        "administrators": ["Ada"],
        "members": None,
        "are_more_members": None,
    }
    administrators = server.account("ada").get(ACME)
    assert (administrators["members"], administrators["are_more_members"]) == (len(ALL), False)


# ------------------------------------------------------------------ roles


def test_a_role_is_changed_and_what_it_allowed_is_over(server: Tenants, administrator: Api) -> None:
    promote(server, "max")
    connection = server.connect("max", "*")
    answer = administrator.call("PUT", f"{ACME}/members/max", {"role": "member"})
    assert (answer.status, answer.document["role"]) == (200, MEMBER)
    assert not connection.is_alive
    promote(server, "max")
    assert not connection.is_alive


def test_a_role_that_comes_back_brings_nothing_back(server: Tenants, administrator: Api) -> None:
    """However often it does, within one second."""
    before = [server.connect("max", "a1")]
    for wanted in ("administrator", "member") * 3:
        assert administrator.call("PUT", f"{ACME}/members/max", {"role": wanted}).status == 200
        assert not any(one.is_alive for one in before)
        before.append(server.connect("max", "a1"))


def test_a_member_is_removed_with_all_they_granted(server: Tenants, administrator: Api) -> None:
    connection, other = server.connect("max", "a1"), server.connect("mia", "a1")
    for status in (204, 404):
        assert administrator.call("DELETE", f"{ACME}/members/max").status == status
    assert role(server, "max") is None
    assert not connection.is_alive
    assert other.is_alive


def test_the_last_administrator_stays_one(server: Tenants, administrator: Api) -> None:
    for method, body in (("PUT", {"role": "member"}), ("DELETE", None)):
        answer = administrator.call(method, f"{ACME}/members/ada", body)
        assert (answer.status, answer.reason) == (409, "last_one")
    assert role(server, "ada") == ADMINISTRATOR


def test_one_of_several_administrators_may_go(server: Tenants, administrator: Api) -> None:
    promote(server, "max")
    assert administrator.call("PUT", f"{ACME}/members/ada", {"role": "member"}).status == 200
    assert (role(server, "ada"), role(server, "max")) == (MEMBER, ADMINISTRATOR)
    assert server.account("max").call("DELETE", f"{ACME}/members/max").reason == "last_one"


def test_a_list_that_lags_does_not_let_the_last_one_go(server: Tenants) -> None:
    """It says that max is an administrator, who is none any more."""
    promote(server, "max")
    listed = server.organisations.members_of("acme")
    server.organisations.put_membership(Membership("acme", "max", MEMBER, server.clock()))
    store = fakes.Intercepted[OrganisationStore](
        server.organisations, lambda verb, call: listed if verb == "members_of" else call()
    )
    server.services = replace(server.services, organisations=store.as_store)
    assert server.account("ada").call("DELETE", f"{ACME}/members/ada").reason == "last_one"
    assert role(server, "ada") == ADMINISTRATOR


def test_two_who_demote_each_other_leave_one(server: Tenants) -> None:
    """Ada's role is taken between the look at it and her own write."""
    promote(server, "max")
    max_ = server.account("max")

    def meanwhile(verb: str, call: Any) -> Any:
        if verb == "withdrawals.change_role":
            server.around = lambda _, call: call()
            assert max_.call("PUT", f"{ACME}/members/ada", {"role": "member"}).status == 200
        return call()

    server.around = meanwhile
    assert server.account("ada").call("PUT", f"{ACME}/members/max", {"role": "member"}).status == 403
    assert (role(server, "ada"), role(server, "max")) == (MEMBER, ADMINISTRATOR)


def test_a_member_may_leave_and_remove_nobody_else(server: Tenants) -> None:
    connection = server.connect("max", "a1")
    assert server.account("max").call("DELETE", f"{ACME}/members/mia").status == 403
    assert server.account("max").call("DELETE", f"{ACME}/members/max").status == 204
    assert (role(server, "mia"), role(server, "max")) == (MEMBER, None)
    assert not connection.is_alive


@pytest.mark.parametrize("name", ["gus", "nobody", "", "%00", "#", "a" * 500])
def test_who_is_no_member_gets_no_role(server: Tenants, administrator: Api, name: str) -> None:
    if name:
        assert administrator.call("PUT", f"{ACME}/members/{name}", {"role": "administrator"}).status == 404
    assert {one["sub"] for one in administrator.get(f"{ACME}/members")["items"]} == ALL


# ------------------------------------------------------------------ invitations


def test_an_invitation_makes_a_member_of_who_accepts_it(server: Tenants, administrator: Api) -> None:
    made = invite(administrator, " GUS ", "administrator")
    assert (made["name"], made["role"], made["invited_by"]) == ("gus", ADMINISTRATOR, "Ada")
    (offered,) = server.account("gus").get("/account/invitations")["items"]
    assert (offered["organisation_name"], offered["role"], offered["invited_by"]) == ("Acme", ADMINISTRATOR, "Ada")
    assert role(server, "gus") is None
    assert answer(server, "gus", offered["id"]).status == 204
    assert role(server, "gus") == ADMINISTRATOR
    assert administrator.get(f"{ACME}/invitations")["items"] == []
    assert answer(server, "gus", offered["id"]).status == 404


@pytest.mark.rfc("ASVS 5.0", "6.3.8")
def test_nobody_learns_who_has_an_account(server: Tenants, administrator: Api) -> None:
    """There is a gus and a max, who is a member already; there is no zed."""
    made = [invite(administrator, name) for name in ("gus", "zed", "max")]
    alike = [{name: value for name, value in one.items() if name not in ("id", "name")} for one in made]
    assert alike == [alike[0]] * 3
    assert [one["name"] for one in administrator.get(f"{ACME}/invitations")["items"]] == ["gus", "zed", "max"]


def test_an_invitation_by_mail_address_is_for_who_has_shown_it_to_be_theirs(
    server: Tenants, administrator: Api
) -> None:
    for name, verified in (("kim", True), ("eve", False)):
        server.users.create(fakes.user(sub=name, username=name, email="kim@work.example", email_verified=verified))
    made = invite(administrator, "Kim@Work.example")
    assert server.account("eve").get("/account/invitations")["items"] == []
    assert answer(server, "eve", made["id"]).status == 404
    assert answer(server, "kim", made["id"]).status == 204
    assert (role(server, "kim"), role(server, "eve")) == (MEMBER, None)


def test_an_invitation_is_for_one_alone(server: Tenants, administrator: Api) -> None:
    made = invite(administrator, "gus")
    for name in ("gil", "max"):
        assert server.account(name).get("/account/invitations")["items"] == []
        for decision in ("accept", "decline"):
            assert answer(server, name, made["id"], decision).status == 404
    assert len(server.account("gus").get("/account/invitations")["items"]) == 1


def test_an_invitation_is_declined_or_withdrawn(server: Tenants, administrator: Api) -> None:
    assert answer(server, "gus", invite(administrator, "gus")["id"], "decline").status == 204
    made = invite(administrator, "gus")
    assert administrator.call("DELETE", f"{ACME}/invitations/{made['id']}").status == 204
    assert administrator.call("DELETE", f"{ACME}/invitations/{made['id']}").status == 404
    assert answer(server, "gus", made["id"]).status == 404
    assert role(server, "gus") is None


def test_an_invitation_ends(server: Tenants, administrator: Api) -> None:
    made = invite(administrator, "gus")
    server.clock.advance(14 * 86_400)
    assert server.account("gus").get("/account/invitations")["items"] == []
    assert answer(server, "gus", made["id"]).status == 404
    (listed,) = administrator.get(f"{ACME}/invitations")["items"]
    assert listed["expires_at"] <= server.clock()
    invite(administrator, "gus")
    assert answer(server, "gus", made["id"]).status == 204


def test_an_invitation_ends_with_the_powers_of_who_sent_it(server: Tenants, administrator: Api) -> None:
    promote(server, "max")
    made = invite(server.account("max"), "gus", "administrator")
    administrator.call("PUT", f"{ACME}/members/max", {"role": "member"})
    assert answer(server, "gus", made["id"]).status == 409
    assert role(server, "gus") is None


def test_who_is_an_administrator_again_gets_no_invitation_back(server: Tenants, administrator: Api) -> None:
    promote(server, "max")
    made = invite(server.account("max"), "gus", "administrator")
    for wanted in ("member", "administrator"):
        administrator.call("PUT", f"{ACME}/members/max", {"role": wanted})
    assert answer(server, "gus", made["id"]).status == 409
    assert role(server, "gus") is None


def test_an_invitation_does_not_outlive_a_new_era(server: Tenants, administrator: Api) -> None:
    made = invite(administrator, "gus")
    server.withdrawals.end_everything("another era")
    assert server.account("gus").get("/account/invitations")["items"] == []
    assert answer(server, "gus", made["id"]).status == 404
    invite(administrator, "gus")
    assert answer(server, "gus", made["id"]).status == 204


def test_an_invitation_of_a_member_changes_nothing(server: Tenants, administrator: Api) -> None:
    made = invite(administrator, "max", "administrator")
    assert answer(server, "max", made["id"]).status == 204
    assert role(server, "max") == MEMBER
    assert administrator.get(f"{ACME}/invitations")["items"] == []


def test_an_invitation_to_a_disabled_organisation_is_not_there(server: Tenants, administrator: Api) -> None:
    made = invite(administrator, "gus")
    server.withdrawals.change_organisation("acme", status="disabled")
    assert server.account("gus").get("/account/invitations")["items"] == []
    assert answer(server, "gus", made["id"]).status == 404


def test_there_is_an_end_to_invitations(server: Tenants, administrator: Api) -> None:
    for number in range(100):
        invite(administrator, f"somebody-{number}")
    assert administrator.call("POST", f"{ACME}/invitations", {"name": "one-more"}).reason == "too_many"


@pytest.mark.parametrize("name", ["", "  ", "a" * 201, "a\u0000b", "a\nb", 7, None])
def test_a_name_that_is_none_is_refused(administrator: Api, name: Any) -> None:
    assert administrator.call("POST", f"{ACME}/invitations", {"name": name}).status == 400
