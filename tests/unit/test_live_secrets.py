"""Of a client's secrets only those that are live count: the last of them stays, whatever else is stored still."""

from dataclasses import replace

import pytest

from authserver.errors import InvalidClient
from authserver.management.admin import clients
from authserver.management.client_records import secret_identifier
from authserver.models.clients import ClientSecret
from authserver.values import sha256
from tests.fakes import CLIENT_SECRET, START, client
from tests.unit.api import Api
from tests.unit.server import App, Server

SECRETS = "/admin/clients/web/secrets"
LIVE = client().secrets[0]
OVER = ClientSecret(sha256("over"), START - 100, expires_at=START - 1)
ENDING = ClientSecret(sha256("ending"), START - 100, expires_at=START + 60)


def at(*secrets: ClientSecret) -> tuple[Server, Api]:
    server = Server(replace(client(), secrets=secrets))
    return server, Api(server, clients.OPERATIONS, "operator", scope="admin:clients")


def delete(api: Api, secret: ClientSecret) -> tuple[int, str]:
    answer = api.call("DELETE", f"{SECRETS}/{secret_identifier(secret)}")
    return answer.status, answer.reason if answer.status >= 400 else ""


def works(server: Server, secret: str) -> bool:
    try:
        return bool(App(server, secret=secret).token("client_credentials").access_token)
    except InvalidClient:
        return False


@pytest.mark.parametrize("stored", [(LIVE,), (LIVE, OVER), (OVER, LIVE), (OVER, OVER, LIVE)])
def test_the_last_secret_that_works_is_not_deleted_whatever_else_is_stored(stored: tuple[ClientSecret, ...]) -> None:
    server, api = at(*stored)
    assert delete(api, LIVE) == (409, "secret_last")
    assert works(server, CLIENT_SECRET)


@pytest.mark.parametrize("stored", [(ENDING, LIVE), (OVER, LIVE, ENDING)])
def test_one_of_two_that_work_is_deleted_and_the_other_works(stored: tuple[ClientSecret, ...]) -> None:
    server, api = at(*stored)
    assert delete(api, ENDING) == (204, "")
    assert works(server, CLIENT_SECRET)
    assert not works(server, "ending")
    assert delete(api, LIVE) == (409, "secret_last")


def test_one_that_ends_meanwhile_counts_until_then() -> None:
    server, api = at(ENDING, LIVE)
    server.clock.advance(60)
    assert delete(api, LIVE) == (409, "secret_last")
    assert works(server, CLIENT_SECRET)


def test_what_has_ended_is_not_there_to_be_deleted() -> None:
    _, api = at(OVER, LIVE)
    assert delete(api, OVER) == (404, "not_found")
    assert [one["id"] for one in api.get("/admin/clients/web")["secrets"]] == [secret_identifier(LIVE)]
