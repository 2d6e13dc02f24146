"""Groups in an organisation: who sets them, and what applications are told of them, and when."""

from typing import Any

import pytest

from authserver.endpoints.machines.userinfo import userinfo
from authserver.management.admin import operations as admin
from authserver.models.organisations import ADMINISTRATOR
from authserver.scopes import GROUPS, ClaimDefinition, ScopeCatalogue, ScopeDefinition
from tests.unit.api import Answered, Api
from tests.unit.tenants import CATALOGUE, Connection, Tenants
from tests.unit.test_token_hook import claims_in, hook_into

ACME = "/account/organisations/acme"
PLACES = ("id_token", "userinfo", "access_token")


@pytest.fixture
def server() -> Tenants:
    """Where the scope `read` tells the groups."""
    tenants = Tenants()
    claims = (ClaimDefinition("groups", GROUPS, "strings", PLACES),)
    scopes = [one for one in CATALOGUE.definitions if one.name != "read"]
    tenants.configuration.put_scopes(
        ScopeCatalogue.of((*scopes, ScopeDefinition("read", "Read", claims=claims)), CATALOGUE.version + 1)
    )
    return tenants


def put(server: Tenants, name: str, *groups: str, by: str = "ada", role: str = "member") -> Answered:
    body = {"role": role, "groups": list(groups)}
    return server.account(by).call("PUT", f"{ACME}/members/{name}", body)


def groups_of(server: Tenants, name: str) -> set[str]:
    membership = server.organisations.membership("acme", name)
    return set(membership.groups) if membership else set()


def told(server: Tenants, connection: Connection) -> tuple[Any, ...]:
    """In the ID token, at userinfo, and in the access token."""
    tokens = connection.tokens
    members = userinfo(tokens.access_token.reveal(), server.services).members()
    return tuple(
        claims.get("groups") for claims in (claims_in(tokens.id_token), members, claims_in(tokens.access_token))
    )


def refreshed(connection: Connection) -> Connection:
    connection.tokens = connection.app.refresh(connection.tokens.refresh_token)
    return connection


# ------------------------------------------------------------------ what is told


def test_groups_of_the_organisation_are_told_in_order(server: Tenants) -> None:
    assert put(server, "max", "guests", "dreamers", "guests").document["groups"] == ["dreamers", "guests"]
    assert told(server, server.connect("max", "a1")) == (["dreamers", "guests"],) * 3
    assert told(server, server.connect("mia", "a1")) == (None,) * 3
    assert told(server, server.connect("gus", "g1")) == (None,) * 3


def test_who_acts_for_no_organisation_tells_no_groups(server: Tenants) -> None:
    put(server, "max", "guests")
    connection = server.connect_personally("max")
    assert told(server, connection) == (None,) * 3


def test_a_group_taken_away_counts_at_userinfo_at_once_and_with_the_next_token(server: Tenants) -> None:
    """An issued token states what was true then; so do introspection and the authorizer."""
    put(server, "max", "guests", "dreamers")
    connection = server.connect("max", "a1")
    put(server, "max", "guests")
    assert told(server, connection) == (["dreamers", "guests"], ["guests"], ["dreamers", "guests"])
    assert server.access(connection.tokens.access_token).claims == {"groups": ["dreamers", "guests"]}
    assert told(server, refreshed(connection)) == (["guests"],) * 3
    put(server, "max")
    assert told(server, refreshed(connection)) == (None,) * 3


def test_another_group_ends_nothing_that_was_granted(server: Tenants) -> None:
    connection = server.connect("max", "a1")
    put(server, "max", "guests")
    assert connection.is_alive


def test_the_token_hook_is_asked_with_them(server: Tenants) -> None:
    put(server, "max", "guests", "dreamers")
    hook = hook_into(server, {})
    server.connect("max", "a1")
    assert hook.asked[0]["organisation"] == {"id": "acme", "role": "member", "groups": ["dreamers", "guests"]}


# ------------------------------------------------------------------ who sets them


def test_administrators_set_them_and_members_see_their_own(server: Tenants) -> None:
    assert put(server, "max", "guests").status == 200
    assert server.account("ada").get(f"{ACME}/members/max")["groups"] == ["guests"]
    assert server.account("max").get(ACME)["groups"] == ["guests"]
    assert server.account("max").get("/account/organisations")["items"][0]["groups"] == ["guests"]
    assert put(server, "ada", "leads", role="administrator").document["groups"] == ["leads"]
    assert groups_of(server, "ada") == {"leads"}


def test_nobody_else_does(server: Tenants) -> None:
    assert put(server, "max", "guests", by="mia").status == 403
    assert put(server, "mia", "guests", by="mia").status == 403
    assert put(server, "max", "guests", by="gil").status == 404
    assert put(server, "gus", "guests").status == 404
    assert groups_of(server, "max") == groups_of(server, "mia") == set()


def test_who_is_no_administrator_any_more_when_it_is_written_sets_none(server: Tenants) -> None:
    put(server, "max", role="administrator")

    def demote() -> None:
        assert server.account("max").call("PUT", f"{ACME}/members/ada", {"role": "member"}).status == 200

    server.before("organisations.set_groups", demote)
    assert put(server, "mia", "guests").status == 403
    assert groups_of(server, "mia") == set()


def test_who_leaves_meanwhile_is_not_found(server: Tenants) -> None:
    server.before("organisations.set_groups", lambda: server.withdrawals.delete_membership("acme", "mia"))
    assert put(server, "mia", "guests").status == 404


def test_groups_stay_where_a_role_is_changed_and_change_with_it_if_they_are_given(server: Tenants) -> None:
    put(server, "max", "guests")
    server.account("ada").call("PUT", f"{ACME}/members/max", {"role": ADMINISTRATOR})
    assert groups_of(server, "max") == {"guests"}
    put(server, "max", "dreamers", role="member")
    assert groups_of(server, "max") == {"dreamers"}
    server.account("ada").call("PUT", f"{ACME}/members/max", {"role": "member"})
    assert groups_of(server, "max") == {"dreamers"}


def test_operators_set_them_as_well(server: Tenants) -> None:
    operator = Api(server, admin.OPERATIONS, "operator", scope=Api.EVERY_POWER)
    path = "/admin/organisations/acme/members"
    assert operator.call("PUT", f"{path}/max", {"role": "member", "groups": ["a/b"]}).document["groups"] == ["a/b"]
    assert operator.call("PUT", f"{path}/max", {"role": "administrator"}).document["groups"] == ["a/b"]
    assert operator.call("PUT", f"{path}/gus", {"role": "member", "groups": ["new"]}).document["groups"] == ["new"]
    assert operator.call("PUT", f"{path}/gus", {"role": "member"}).document["groups"] == ["new"]
    assert operator.call("PUT", f"{path}/gus", {"role": "member", "groups": []}).document["groups"] == []
    assert [one["groups"] for one in operator.get(path)["items"] if one["sub"] == "max"] == [["a/b"]]


@pytest.mark.parametrize("groups", [["a b"], [""], ["x" * 65], ["ü"], [1], "guests", [f"g{n}" for n in range(21)]])
def test_groups_are_bounded(groups: Any, server: Tenants) -> None:
    answer = server.account("ada").call("PUT", f"{ACME}/members/max", {"role": "member", "groups": groups})
    assert answer.status == 400
    assert {field.partition(".")[0] for field in answer.fields} == {"groups"}


# ------------------------------------------------------------------ the scope that tells them


def test_a_claim_of_groups_is_a_list(server: Tenants) -> None:
    operator = Api(server, admin.OPERATIONS, "operator", scope=Api.EVERY_POWER)
    claim = {"name": "teams", "attribute": GROUPS}
    scope = {"description": "See your groups", "claims": [{**claim, "type": "string"}]}
    assert operator.call("PUT", "/admin/scopes/teams", scope).status == 400
    scope["claims"] = [{**claim, "type": "strings"}]
    assert operator.call("PUT", "/admin/scopes/teams", scope).status in (200, 201)
