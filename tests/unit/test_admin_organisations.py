"""/admin/organisations: companies, members, and what each change ends."""

from typing import Any

import pytest

from authserver.errors import TemporarilyUnavailable
from authserver.models.organisations import MEMBER, Membership
from tests.unit.api import Api
from tests.unit.tenants import Tenants

ACME = "/admin/organisations/acme"


@pytest.fixture
def server() -> Tenants:
    return Tenants()


@pytest.fixture
def api(server: Tenants) -> Api:
    return server.operator


def test_created_organisation_is_found(api: Api) -> None:
    body = {"name": "Initech", "companies": {"i1": "I One"}}
    answer = api.call("POST", "/admin/organisations", body)
    assert answer.status == 201
    assert answer.document | body == answer.document
    assert answer.document["status"] == "active"
    assert api.get(f"/admin/organisations/{answer.document['id']}") == answer.document
    assert answer.document in api.get("/admin/organisations")["items"]


def test_create_repeated_with_its_key_creates_once(api: Api) -> None:
    first, again = (api.call("POST", "/admin/organisations", {"name": "Initech"}, key="one") for _ in range(2))
    assert (first.status, again.status) == (201, 201)
    assert first.document == again.document
    assert len(api.get("/admin/organisations")["items"]) == 3
    assert api.call("POST", "/admin/organisations", {"id": "acme", "name": "Other"}, key="two").status == 409


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": "n", "id": "a/" * 128}, "id"),
        ({"name": "n", "status": "active"}, "status"),
        ({"name": "n", "companies": {"a b": "A"}}, "companies"),
        ({"name": "n", "companies": {"a": ""}}, "companies"),
        ({"name": "n", "companies": {"*": "every"}}, "companies"),
        ({"name": "n", "companies": {f"c{number}": "C" for number in range(501)}}, "companies"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_each_refusal_names_the_field(api: Api, body: Any, named: str) -> None:
    answer = api.call("POST", "/admin/organisations", body)
    assert answer.status == 400
    assert {field.partition(".")[0] for field in answer.fields} == {named}


def test_disabling_ends_everything_of_the_organisation_and_nothing_else(server: Tenants, api: Api) -> None:
    own, of_another, personal = (
        server.connect("max", "a1"),
        server.connect("gus", "g1"),
        server.connect_personally("max"),
    )
    assert api.call("PATCH", ACME, {"status": "disabled"}).document["status"] == "disabled"
    assert (own.is_alive, of_another.is_alive, personal.is_alive) == (False, True, True)
    assert api.call("PATCH", ACME, {"status": "active"}).status == 200
    assert not own.is_alive
    assert server.connect("max", "a1").is_alive


@pytest.mark.parametrize("is_written", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("status", ["disabled", "active"])
def test_a_change_of_status_that_is_interrupted_is_made_altogether_or_not_at_all(
    server: Tenants, api: Api, status: str, is_written: bool
) -> None:
    connection = server.connect("max", "a1")
    if status == "active":
        api.call("PATCH", ACME, {"status": "disabled"})
    before = api.get(ACME)["status"]

    def crash(called: str, call: Any) -> Any:
        if called == "withdrawals.change_organisation":
            if is_written:
                call()
            raise TemporarilyUnavailable("The store did not answer", reason="test")
        return call()

    server.around = crash
    with pytest.raises(TemporarilyUnavailable):
        api.call("PATCH", ACME, {"status": status})
    server.around = lambda _, call: call()
    assert api.get(ACME)["status"] == (status if is_written else before)
    assert connection.is_alive is (status == "disabled" and not is_written)
    assert api.call("PATCH", ACME, {"status": "active"}).status == 200
    assert server.connect("max", "a1").is_alive


def test_a_new_name_ends_nothing(server: Tenants, api: Api) -> None:
    connection = server.connect("max", "a1")
    assert api.call("PATCH", ACME, {"name": "Acme & Co"}).document["name"] == "Acme & Co"
    assert connection.is_alive


# ------------------------------------------------------------------ companies


def test_companies_are_added_renamed_and_taken_out(api: Api) -> None:
    for name in ("A Four", "A Fourth"):
        assert api.call("PUT", f"{ACME}/companies/a4", {"name": name}).status == 204
        assert api.get(ACME)["companies"]["a4"] == name
    assert api.call("DELETE", f"{ACME}/companies/a4").status == 204
    assert "a4" not in api.get(ACME)["companies"]
    assert api.call("DELETE", f"{ACME}/companies/a4").status == 404


def test_a_company_that_is_taken_out_is_reached_no_longer(server: Tenants, api: Api) -> None:
    connection = server.connect("max", "a1", "a2")
    assert connection.entities == {"a1", "a2"}
    api.call("DELETE", f"{ACME}/companies/a2")
    assert connection.entities == {"a1"}


@pytest.mark.parametrize("company", ["*", "a b", "x" * 65, "é", "a%2Fb"])
def test_a_companys_identifier_is_checked(api: Api, company: str) -> None:
    assert api.call("PUT", f"{ACME}/companies/{company}", {"name": "N"}).fields == {"company"}
    assert len(api.get(ACME)["companies"]) == 3


def test_a_company_too_many_is_refused(api: Api) -> None:
    full = {f"c{number}": "C" for number in range(500)}
    made = api.call("POST", "/admin/organisations", {"name": "Full", "companies": full}).document
    path = f"/admin/organisations/{made['id']}"
    assert api.call("PUT", f"{path}/companies/one-more", {"name": "N"}).reason == "too_many"
    assert api.call("PUT", f"{path}/companies/c1", {"name": "Renamed"}).status == 204


# ------------------------------------------------------------------ members


def test_members_are_listed_with_their_names_and_roles(api: Api) -> None:
    members = {one["sub"]: (one["name"], one["role"]) for one in api.get(f"{ACME}/members")["items"]}
    assert members == {"ada": ("Ada", "administrator"), "max": ("Max", "member"), "mia": ("Mia", "member")}


def test_a_member_is_added_and_removed(server: Tenants, api: Api) -> None:
    assert api.call("PUT", f"{ACME}/members/sub-of-alice", {"role": "member"}).document["username"] == "alice"
    member = server.organisations.membership("acme", "sub-of-alice")
    assert member
    assert member.epoch
    assert member == Membership("acme", "sub-of-alice", MEMBER, server.clock(), member.epoch)
    for status in (204, 404):
        assert api.call("DELETE", f"{ACME}/members/sub-of-alice").status == status
        assert server.organisations.membership("acme", "sub-of-alice") is None


def test_a_removed_member_loses_what_was_granted_for_it_and_nothing_else(server: Tenants, api: Api) -> None:
    own, colleagues, personal = (
        server.connect("max", "a1"),
        server.connect("mia", "a1"),
        server.connect_personally("max"),
    )
    assert api.call("DELETE", f"{ACME}/members/max").status == 204
    assert (own.is_alive, colleagues.is_alive, personal.is_alive) == (False, True, True)


@pytest.mark.parametrize(("role", "alive"), [("member", False), ("administrator", True)])
def test_a_demoted_administrator_loses_what_was_granted_for_it(
    server: Tenants, api: Api, role: str, alive: bool
) -> None:
    own = server.connect("ada", "*", scope="openid export")
    personal = server.connect_personally("ada")
    assert api.call("PUT", f"{ACME}/members/ada", {"role": role}).document["role"] == role
    assert (own.is_alive, personal.is_alive) == (alive, True)


@pytest.mark.parametrize("role", ["owner", "", None, 1])
def test_a_role_that_is_none_is_refused(server: Tenants, api: Api, role: Any) -> None:
    assert api.call("PUT", f"{ACME}/members/max", {"role": role}).fields == {"role"}
    membership = server.organisations.membership("acme", "max")
    assert membership
    assert membership.role == MEMBER


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/admin/organisations/none", None),
        ("PATCH", "/admin/organisations/none", {"name": "N"}),
        ("PUT", "/admin/organisations/none/companies/c", {"name": "N"}),
        ("DELETE", "/admin/organisations/none/companies/c", None),
        ("GET", "/admin/organisations/none/members", None),
        ("PUT", "/admin/organisations/none/members/max", {"role": "member"}),
        ("DELETE", "/admin/organisations/none/members/max", None),
        ("PUT", f"{ACME}/members/nobody", {"role": "member"}),
    ],
)
def test_what_is_not_there_is_not_found(server: Tenants, api: Api, method: str, path: str, body: Any) -> None:
    assert api.call(method, path, body).status == 404
    assert server.organisations.membership("none", "max") is None
    assert server.organisations.membership("acme", "nobody") is None


def test_an_organisation_is_disabled_whatever_it_may_be_called_today(server: Tenants, api: Api) -> None:
    """A name that an older rule admitted stays, unless a new one is given, which is held to the rules."""
    odd = "Acme\tInc"
    assert server.services.withdrawals.change_organisation("acme", name=odd)
    answer = api.call("PATCH", ACME, {"status": "disabled"})
    assert (answer.status, answer.document["name"], answer.document["status"]) == (200, odd, "disabled")
    assert api.call("PATCH", ACME, {"status": "active", "name": odd}).fields == {"name"}
