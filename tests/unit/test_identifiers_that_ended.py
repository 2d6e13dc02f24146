"""An Idempotency-Key remembers the end: a create that is repeated after the deletion of what it made makes nothing."""

from typing import Any

import pytest

from authserver.endpoints.orders.erase import erase
from authserver.management.admin import operations as admin
from authserver.management.partner import operations as partner
from tests.unit.api import Api
from tests.unit.server import Server
from tests.unit.tenants import Tenants

PROVIDER = {"name": "Work", "issuer": "https://idp.example", "client_id": "authserver", "client_secret": "secret"}
APP = {"client_name": "An app", "redirect_uris": ["https://app.example/callback"], "scope": "read"}
CREATES: dict[str, tuple[str, dict[str, Any], str]] = {
    "user": ("/admin/users", {"username": "bob"}, "sub"),
    "client": ("/admin/clients", APP, "client_id"),
    "provider": ("/admin/identity-providers", PROVIDER, "id"),
    "provider of a name": ("/admin/identity-providers", {**PROVIDER, "id": "work"}, "id"),
    "app": ("/partner/apps", APP, "client_id"),
}


@pytest.fixture
def api() -> Api:
    operations = (*admin.OPERATIONS, *partner.OPERATIONS)
    return Api(Server(), operations, "sub-of-alice", scope=f"{Api.EVERY_POWER} partner")


@pytest.mark.parametrize("kind", CREATES)
def test_a_create_repeated_after_the_deletion_is_refused(api: Api, kind: str) -> None:
    path, body, name = CREATES[kind]
    made = api.call("POST", path, body, key="once")
    assert made.status == 201
    assert api.call("POST", path, body, key="once").document[name] == made.document[name]
    assert api.call("DELETE", f"{path}/{made.document[name]}").status == 204
    for _ in range(2):
        assert api.call("POST", path, body, key="once").status == 409
    assert api.call("GET", f"{path}/{made.document[name]}").status == 404


@pytest.mark.parametrize("kind", CREATES)
def test_another_key_makes_another(api: Api, kind: str) -> None:
    path, body, name = CREATES[kind]
    made = api.call("POST", path, body, key="once")
    assert api.call("DELETE", f"{path}/{made.document[name]}").status == 204
    assert api.call("POST", path, body, key="twice").status == 201


@pytest.mark.parametrize(("path", "name"), [("/admin/users", "sub"), ("/admin/clients", "client_id")])
def test_an_identifier_that_somebody_had_is_given_to_nobody(api: Api, path: str, name: str) -> None:
    body = {"username": "bob"} if name == "sub" else dict(APP)
    assert api.call("POST", path, {**body, name: "chosen"}).status == 201
    assert api.call("DELETE", f"{path}/chosen").status == 204
    assert api.call("POST", path, {**body, name: "chosen"}).status == 409


def test_an_operator_adds_a_provider_of_a_name_again(api: Api) -> None:
    """Its name is in the redirect URI that is registered there; no identity depends on it."""
    body = {**PROVIDER, "id": "work"}
    assert api.call("POST", "/admin/identity-providers", body).status == 201
    assert api.call("DELETE", "/admin/identity-providers/work").status == 204
    assert api.call("POST", "/admin/identity-providers", body).status == 201


def test_a_deleted_organisation_takes_all_that_was_granted_for_it_and_its_identifier_with_it() -> None:
    server = Tenants()
    connection = server.connect("max", "a1")
    personal = server.connect_personally("max")
    operator = Api(server, admin.OPERATIONS, "operator", scope=Api.EVERY_POWER)
    assert operator.call("DELETE", "/admin/organisations/acme").status == 204
    assert (connection.is_alive, personal.is_alive) == (False, True)
    assert operator.call("GET", "/admin/organisations/acme").status == 404
    assert server.account("max").get("/account/organisations")["items"] == []
    assert server.account("ada").call("GET", "/account/organisations/acme/members").status == 404
    assert operator.call("DELETE", "/admin/organisations/acme").status == 204  # again
    (told,) = operator.get("/admin/erasures")["items"]
    assert (told["organisation"], told["sub"], told["left"]) == (
        "acme",
        None,
        ["keys_of_organisation", "members", "offers"],
    )
    erase("", lambda: True, server.services)
    assert not [one for one in server.record.memberships.values() if one.organisation == "acme"]
    assert operator.call("POST", "/admin/organisations", {"id": "acme", "name": "Acme"}).status == 409
    assert operator.call("DELETE", "/admin/organisations/none").status == 404
