"""/admin/organisations/{organisation}/invitations: operators see what organisations offer, and take it back."""

from typing import Any

import pytest

from authserver.management.account import members
from authserver.management.admin import organisations
from authserver.models.invitations import Invitation
from authserver.models.organisations import ADMINISTRATOR, MEMBER, Membership, Organisation
from tests.fakes import START, user
from tests.unit.api import Api
from tests.unit.server import Server

ALICE, BOB = "sub-of-alice", "sub-of-bob"
PATH = "/admin/organisations/acme/invitations"


@pytest.fixture
def server() -> Server:
    server = Server()
    for name in ("acme", "other"):
        assert server.organisations.create(Organisation(name, name.capitalize(), created_at=START))
        server.organisations.put_membership(Membership(name, ALICE, ADMINISTRATOR, START, f"epoch at {name}"))
    assert server.users.create(user(sub=BOB, username="bob", email=""))
    return server


@pytest.fixture
def operator(server: Server) -> Api:
    return Api(server, organisations.OPERATIONS, "operator", scope="admin:orgs")


def invited(server: Server, name: str = "bob", organisation: str = "acme") -> dict[str, Any]:
    """What Alice, who administers both, offers."""
    alice = Api(server, members.OPERATIONS, ALICE, scope="organisation")
    answer = alice.call("POST", f"/account/organisations/{organisation}/invitations", {"name": name})
    assert answer.status == 201
    return dict(answer.document)


def accepts(server: Server, invitation: dict[str, Any]) -> int:
    bob = Api(server, members.OPERATIONS, BOB, scope="organisation")
    return bob.call("PUT", f"/account/invitations/{invitation['id']}", {"decision": "accept"}).status


def test_an_operator_sees_what_waits_for_an_answer_and_who_sent_it(server: Server, operator: Api) -> None:
    assert operator.get(PATH) == {"items": []}
    invitation = invited(server)
    invited(server, organisation="other")
    assert operator.get(PATH) == {"items": [invitation]}
    assert (invitation["name"], invitation["role"], invitation["invited_by"]) == ("bob", MEMBER, "Alice Liddell")


def test_what_was_answered_or_has_expired_does_not_wait(server: Server, operator: Api) -> None:
    assert accepts(server, invited(server)) == 204
    assert operator.get(PATH) == {"items": []}
    carols = invited(server, "carol")
    server.clock.advance(carols["expires_at"] - carols["created_at"])
    assert operator.get(PATH) == {"items": []}


def test_invitations_are_listed_in_parts(server: Server, operator: Api) -> None:
    for name in ("a", "b", "c"):
        invited(server, name)
        server.clock.advance(1)
    first = operator.get(PATH, limit="2")
    second = operator.get(PATH, limit="2", cursor=first["next"])
    assert [[one["name"] for one in part["items"]] for part in (first, second)] == [["a", "b"], ["c"]]


def test_an_invitation_that_an_operator_withdrew_makes_nobody_a_member(server: Server, operator: Api) -> None:
    invitation = invited(server)
    assert operator.call("DELETE", f"{PATH}/{invitation['id']}").status == 204
    assert accepts(server, invitation) == 404
    assert server.organisations.membership("acme", BOB) is None
    assert operator.get(PATH) == {"items": []}
    assert operator.call("DELETE", f"{PATH}/{invitation['id']}").status == 404


def test_an_invitation_that_is_withdrawn_while_it_is_accepted_makes_nobody_a_member(
    server: Server, operator: Api
) -> None:
    invitation = invited(server)
    server.before("organisations.accept_invitation", lambda: operator.call("DELETE", f"{PATH}/{invitation['id']}"))
    assert accepts(server, invitation) == 409
    assert server.organisations.membership("acme", BOB) is None


def test_an_invitation_of_another_organisation_is_not_there(server: Server, operator: Api) -> None:
    invitation = invited(server, organisation="other")
    assert operator.call("DELETE", f"{PATH}/{invitation['id']}").status == 404
    assert accepts(server, invitation) == 204


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("DELETE", "/x")])
def test_an_organisation_that_there_is_not_has_none(method: str, path: str, operator: Api) -> None:
    assert operator.call(method, f"/admin/organisations/nobodys/invitations{path}").status == 404


def test_the_operations_need_the_scopes_of_organisations() -> None:
    scopes = {one.route: one.scope for one in organisations.OPERATIONS if "invitations" in one.route}
    assert sorted(scopes.values()) == ["admin:orgs.read", "admin:orgs.write"]


def test_who_sent_it_and_is_gone_is_not_named(server: Server, operator: Api) -> None:
    invitation = Invitation("A" * 43, "acme", "bob", MEMBER, "somebody gone", START, START + 60)
    server.organisations.invite(invitation)
    assert [one["invited_by"] for one in operator.get(PATH)["items"]] == [""]
