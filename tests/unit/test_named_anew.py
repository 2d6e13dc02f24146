"""A credential is judged by what was read when it was known what it names, whatever became of a key meanwhile."""

from dataclasses import replace

import pytest

from authserver.management.admin import keys
from authserver.models import DISABLED
from authserver.values import Secret
from tests.fakes import RESOURCE, client, public_client
from tests.unit.api import Api
from tests.unit.server import App, Server
from tests.unit.test_key_withdrawal import withdraw


class Two:
    """A deployment with two instances; `warm` has loaded its keys less than a minute ago."""

    def __init__(self) -> None:
        api = client(client_id="api", resources=(RESOURCE,), grant_types=("client_credentials",))
        self.server = Server(client(), api, public_client())
        self.operator = Api(self.server, keys.OPERATIONS, "operator", scope=Api.EVERY_POWER)
        self.cold, self.warm = self.server.services, self.server.new_instance()
        self.server.services = self.warm
        App(self.server, "api").introspect(App(self.server).token("client_credentials", scope="read").access_token)
        self.server.services = self.cold


def end(server: Server, token: Secret, how: str) -> None:
    match how:
        case "revoked":
            App(server).revoke(token)
        case "its client was ended":
            server.withdrawals.end(client_id="web")
        case _:
            record = server.clients.get("web")
            assert record is not None
            assert server.withdrawals.change_client(replace(record, status=DISABLED))


@pytest.mark.parametrize("how", ["revoked", "its client was ended", "its client was disabled"])
@pytest.mark.rfc("7662", "2.2")
def test_a_token_that_ended_is_active_to_no_instance_that_meets_a_new_key(how: str) -> None:
    two = Two()
    withdraw(two.operator, "ES256")
    token = App(two.server).token("client_credentials", scope="read").access_token  # signed by the successor
    end(two.server, token, how)
    for instance in (two.cold, two.warm, two.warm):
        two.server.services = instance
        assert App(two.server, "api").introspect(token) == {"active": False}


def test_a_token_that_stands_is_active_to_an_instance_that_meets_a_new_key() -> None:
    two = Two()
    withdraw(two.operator, "ES256")
    token = App(two.server).tokens().access_token
    two.server.services = two.warm
    assert App(two.server, "api").introspect(token)["active"]


@pytest.mark.rfc("6749", "6")
def test_a_refresh_token_of_a_new_key_is_taken_by_an_instance_that_did_not_know_it() -> None:
    two = Two()
    two.server.services = two.warm
    App(two.server).refresh(App(two.server).tokens().refresh_token)
    two.server.services = two.cold
    withdraw(two.operator, "token")
    fresh = App(two.server).tokens().refresh_token
    two.server.services = two.warm
    assert App(two.server).refresh(fresh).access_token
