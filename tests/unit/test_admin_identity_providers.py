"""/admin/identity-providers, and the identities that operators link to users."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from authserver.identity.providers import unwrap_secret
from authserver.management.admin import identity_providers, users
from authserver.models.organisations import Organisation
from tests.unit.api import Api
from tests.unit.server import Server

ALL, ONE = "/admin/identity-providers", "/admin/identity-providers/wonderland"
PROVIDER: dict[str, Any] = {
    "id": "wonderland",
    "name": "Wonderland",
    "issuer": "https://login.wonderland.example",
    "client_id": "authserver",
    "client_secret": "a-secret-at-wonderland",
    "domains": ["wonderland.example"],
}


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def api(server: Server) -> Api:
    return Api(server, (*identity_providers.OPERATIONS, *users.OPERATIONS), "operator")


def secret_of(server: Server) -> str:
    provider = server.services.identity_providers.get("wonderland")
    assert provider is not None
    return unwrap_secret(provider, server.services).reveal()


def test_a_provider_is_added_and_its_secret_never_told(server: Server, api: Api) -> None:
    answer = api.call("POST", ALL, PROVIDER)
    assert (answer.status, answer.document["has_client_secret"], answer.document["status"]) == (201, True, "active")
    assert api.get(ONE) == answer.document
    assert api.get(ALL)["items"] == [answer.document]
    assert "client_secret" not in answer.document
    assert PROVIDER["client_secret"] not in str(answer.document)
    assert secret_of(server) == PROVIDER["client_secret"]


def test_an_identifier_is_made_where_none_is_given(api: Api) -> None:
    unnamed = {name: value for name, value in PROVIDER.items() if name not in ("id", "domains")}
    first, again = (api.call("POST", ALL, unnamed, key="one").document for _ in range(2))
    assert first == again
    assert api.get(f"{ALL}/{first['id']}") == first
    assert api.call("POST", ALL, unnamed).document["id"] != first["id"]


def test_a_taken_identifier_or_domain_is_a_conflict(server: Server, api: Api) -> None:
    api.call("POST", ALL, PROVIDER)
    assert api.call("POST", ALL, PROVIDER | {"client_id": "other"}).status == 409
    assert api.call("POST", ALL, PROVIDER | {"id": "other"}).reason == "domain_taken"
    assert api.get(ONE)["client_id"] == "authserver"


def test_a_patch_keeps_the_secret_unless_it_names_one(server: Server, api: Api) -> None:
    api.call("POST", ALL, PROVIDER)
    changed = api.call("PATCH", ONE, {"name": "Looking-glass", "domains": [], "status": "disabled"}).document
    assert (changed["name"], changed["domains"], changed["status"]) == ("Looking-glass", [], "disabled")
    assert secret_of(server) == PROVIDER["client_secret"]
    api.call("PATCH", ONE, {"client_secret": "another"})
    assert secret_of(server) == "another"
    assert api.call("PATCH", ONE, {"client_secret": None}).document["has_client_secret"] is False
    api.call("PATCH", ONE, {"client_secret": "another"})
    assert api.call("PATCH", ONE, {"token_endpoint_auth_method": "none"}).document["has_client_secret"] is False


def test_what_one_issuer_gave_is_not_sent_to_another(server: Server, api: Api) -> None:
    api.call("POST", ALL, PROVIDER)
    elsewhere = {"issuer": "https://elsewhere.example"}
    assert api.call("PATCH", ONE, elsewhere).fields == {"client_secret"}
    assert (api.get(ONE)["issuer"], secret_of(server)) == (PROVIDER["issuer"], PROVIDER["client_secret"])
    assert api.call("PATCH", ONE, {"issuer": PROVIDER["issuer"]}).status == 200
    assert api.call("PATCH", ONE, elsewhere | {"client_secret": "of elsewhere"}).status == 200
    assert secret_of(server) == "of elsewhere"
    public = {"issuer": PROVIDER["issuer"], "token_endpoint_auth_method": "none"}
    assert api.call("PATCH", ONE, public).document["has_client_secret"] is False


def test_a_removed_provider_frees_its_domains(api: Api) -> None:
    api.call("POST", ALL, PROVIDER)
    assert api.call("DELETE", ONE).status == 204
    assert api.call("GET", ONE).status == 404
    assert api.call("DELETE", ONE).status == 404
    assert api.call("POST", ALL, PROVIDER | {"id": "other"}).status == 201


def test_a_patch_of_what_is_disabled_meanwhile_leaves_it_disabled(server: Server, api: Api) -> None:
    api.call("POST", ALL, PROVIDER)
    server.before("identity_providers.put", lambda: api.call("PATCH", ONE, {"status": "disabled"}))
    changed = api.call("PATCH", ONE, {"name": "Looking-glass"})
    assert (changed.status, changed.document["name"], changed.document["status"]) == (200, "Looking-glass", "disabled")
    assert api.get(ONE) == changed.document
    assert secret_of(server) == PROVIDER["client_secret"]


def test_a_patch_of_what_is_removed_meanwhile_does_not_bring_it_back(server: Server, api: Api) -> None:
    api.call("POST", ALL, PROVIDER)
    server.before("identity_providers.put", lambda: api.call("DELETE", ONE))
    assert api.call("PATCH", ONE, {"name": "Looking-glass"}).status == 404
    assert api.call("GET", ONE).status == 404
    assert api.call("POST", ALL, PROVIDER | {"id": "other"}).status == 201


def test_a_patch_is_of_what_came_in_place_of_what_was_removed_meanwhile(server: Server, api: Api) -> None:
    api.call("POST", ALL, PROVIDER)

    def replaced() -> None:
        api.call("DELETE", ONE)
        api.call("POST", ALL, PROVIDER | {"client_id": "another", "status": "disabled"})

    server.before("identity_providers.put", replaced)
    changed = api.call("PATCH", ONE, {"name": "Looking-glass"}).document
    assert (changed["name"], changed["client_id"], changed["status"]) == ("Looking-glass", "another", "disabled")


def test_a_patch_of_what_others_keep_changing_is_a_conflict(server: Server, api: Api) -> None:
    api.call("POST", ALL, PROVIDER)

    def around(verb: str, call: Callable[[], Any]) -> Any:
        if verb == "identity_providers.put":
            stored = server.identity_providers.get("wonderland")
            assert stored
            assert server.identity_providers.put(stored)
        return call()

    server.around = around
    assert api.call("PATCH", ONE, {"name": "Looking-glass"}).reason == "changed_meanwhile"
    assert api.get(ONE)["name"] == PROVIDER["name"]


def test_of_two_who_add_a_provider_at_once_one_does(server: Server, api: Api) -> None:
    server.before("identity_providers.put", lambda: api.call("POST", ALL, PROVIDER))
    answer = api.call("POST", ALL, PROVIDER | {"client_id": "other", "domains": []})
    assert (answer.status, answer.reason) == (409, "conflict")
    assert api.get(ONE)["client_id"] == "authserver"


def test_new_users_become_members_of_an_organisation_that_there_is(server: Server, api: Api) -> None:
    assert api.call("POST", ALL, PROVIDER | {"organisation": "acme"}).fields == {"organisation"}
    server.organisations.create(Organisation("acme", "Acme"))
    assert api.call("POST", ALL, PROVIDER | {"organisation": "acme"}).status == 201


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"issuer": "http://login.example"}, "issuer"),
        ({"issuer": "https://login.example/?a"}, "issuer"),
        ({"domains": ["no domain"]}, "domains"),
        ({"scope": "profile"}, "scope"),
        ({"id": "Capital"}, "id"),
        ({"client_id": ""}, "client_id"),
        ({"claims": {"sub": "x"}}, "claims"),
        ({"unknown": 1}, "unknown"),
    ],
    ids=str,
)
def test_each_refusal_names_the_field(api: Api, changed: dict[str, Any], named: str) -> None:
    answer = api.call("POST", ALL, PROVIDER | changed)
    assert answer.status == 400
    assert {field.partition(".")[0] for field in answer.fields} == {named}
    assert api.get(ALL)["items"] == []


def test_an_identifier_is_for_good(api: Api) -> None:
    api.call("POST", ALL, PROVIDER)
    assert api.call("PATCH", ONE, {"id": "other"}).fields == {"id"}


# ------------------------------------------------------------------ identities


IDENTITIES = "/admin/users/sub-of-alice/identities"
IDENTITY = {"issuer": "https://login.wonderland.example", "subject": "alice-there"}


@pytest.mark.rfc("OIDC Core", "5.7")
def test_a_linked_identity_is_the_users_and_nobody_elses(server: Server, api: Api) -> None:
    for _ in range(2):
        linked = api.call("POST", IDENTITIES, IDENTITY).document
        assert {name: linked[name] for name in ("sub", *IDENTITY)} == {"sub": "sub-of-alice", **IDENTITY}
    found = server.users.find_by_identity(IDENTITY["issuer"], IDENTITY["subject"])
    assert found is not None
    assert found.sub == "sub-of-alice"
    other = api.call("POST", "/admin/users", {"username": "bob"}).document["sub"]
    assert api.call("POST", f"/admin/users/{other}/identities", IDENTITY).status == 409
    assert api.call("POST", "/admin/users/nobody/identities", IDENTITY).status == 404


@pytest.mark.parametrize("identity", [{}, {"issuer": "x", "subject": "y"}, IDENTITY | {"subject": ""}], ids=str)
def test_an_identity_that_is_none_is_refused(api: Api, identity: Any) -> None:
    assert api.call("POST", IDENTITIES, identity).status == 400


def test_a_provider_is_disabled_whatever_may_be_said_of_one_today(server: Server, api: Api) -> None:
    """What older rules admitted stays, unless something new is given, which is held to the rules."""
    api.call("POST", ALL, PROVIDER)
    stored = server.services.identity_providers.get("wonderland")
    assert stored is not None
    odd = replace(stored, name="Wonder\tland", claims={"Given Name": "given"}, token_endpoint_auth_method="tls")
    assert server.services.identity_providers.put(odd)
    answer = api.call("PATCH", ONE, {"status": "disabled"})
    assert (answer.status, answer.document["status"], answer.document["name"]) == (200, "disabled", odd.name)
    after = server.services.identity_providers.get("wonderland")
    assert after == replace(odd, status="disabled", version=odd.version + 2)
    assert api.call("PATCH", ONE, {"name": odd.name}).fields == {"name"}
    assert api.call("PATCH", ONE, {"claims": {"email": "mail"}}).fields == {"claims.Given Name.[key]"}
