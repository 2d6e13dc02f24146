"""An identifier of a user, a client or an organisation is never used again."""

from contextlib import suppress
from typing import Any

import pytest

from authserver.errors import InvalidClient, InvalidGrant, InvalidToken
from authserver.management.admin import operations as admin
from tests.unit.api import Api
from tests.unit.server import all_at_once
from tests.unit.tenants import Connection, Tenants

APP = {"client_name": "An app", "redirect_uris": ["https://app.example/callback"], "scope": "openid read"}
# How each kind is made, by its path; the identifier is that of one that there is.
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "user": ("/admin/users", {"username": "somebody", "sub": "max"}),
    "client": ("/admin/clients", {**APP, "client_id": "personal"}),
    "organisation": ("/admin/organisations", {"name": "Another", "id": "acme"}),
}
NAMES = {"user": "sub", "client": "client_id", "organisation": "id"}


@pytest.fixture
def server() -> Tenants:
    return Tenants()


@pytest.fixture
def operator(server: Tenants) -> Api:
    return Api(server, admin.OPERATIONS, "operator", scope=Api.EVERY_POWER)


def held(server: Tenants, kind: str) -> Connection:
    """What there is of one of each kind."""
    return server.connect("max", "a1") if kind == "organisation" else server.connect_personally("max")


def is_alive(connection: Connection) -> bool:
    with suppress(InvalidToken):
        connection.server.access(connection.tokens.access_token, "GET /any")
        return True
    with suppress(InvalidGrant, InvalidClient):
        connection.app.refresh(connection.tokens.refresh_token)
        return True
    return False


@pytest.mark.rfc("OIDC Core", "2")
@pytest.mark.parametrize("kind", KINDS)
def test_identifier_is_not_given_again_and_what_it_had_does_not_come_back(
    server: Tenants, operator: Api, kind: str
) -> None:
    path, body = KINDS[kind]
    identifier, connection = body[NAMES[kind]], held(server, kind)
    assert operator.call("POST", path, body).status == 409
    assert is_alive(connection)
    assert operator.call("DELETE", f"{path}/{identifier}").status == 204
    for _ in range(3):
        assert operator.call("POST", path, body).status == 409
        assert operator.call("GET", f"{path}/{identifier}").status == 404
        assert not is_alive(connection)


@pytest.mark.parametrize("kind", KINDS)
def test_of_many_who_make_it_at_once_while_it_is_removed_none_makes_it_again(
    server: Tenants, operator: Api, kind: str
) -> None:
    path, body = KINDS[kind]

    def act(number: int) -> int:
        if number == 0:
            return operator.call("DELETE", f"{path}/{body[NAMES[kind]]}").status
        return operator.call("POST", path, body).status

    deleted, *others = all_at_once(act, 16)
    assert deleted == 204
    assert set(others) == {409}
    assert operator.call("GET", f"{path}/{body[NAMES[kind]]}").status == 404


@pytest.mark.rfc("9700", "4.15")
@pytest.mark.parametrize("is_removed", [False, True], ids=["there", "removed"])
@pytest.mark.parametrize(("kind", "other"), [("user", "client"), ("client", "user")])
def test_identifier_of_a_user_is_no_clients_and_the_other_way_round(
    operator: Api, kind: str, other: str, is_removed: bool
) -> None:
    """Otherwise an API would take a client's own token for the deleted user's."""
    path, body = KINDS[kind]
    identifier = body[NAMES[kind]]
    if is_removed:
        assert operator.call("DELETE", f"{path}/{identifier}").status == 204
    path, body = KINDS[other]
    assert operator.call("POST", path, {**body, NAMES[other]: identifier}).status == 409
    assert operator.call("GET", f"{path}/{identifier}").status == 404


def test_name_that_somebody_signed_in_by_is_free_again_for_somebody_else(operator: Api) -> None:
    assert operator.call("DELETE", "/admin/users/max").status == 204
    made = operator.call("POST", "/admin/users", {"username": "max", "password": "looking-glass"})
    assert made.status == 201
    assert made.document["sub"] != "max"
