"""The introspection endpoint: what is told, and to whom."""

import pytest

from authserver.endpoints.machines.introspect import introspect_in_envelope
from authserver.errors import InvalidClient, InvalidToken
from tests.fakes import ISSUER, OTHER_RESOURCE, RESOURCE, START, client, public_client
from tests.unit.server import App, Browser, Server

INACTIVE = {"active": False}


@pytest.fixture(params=["jwt", "opaque"])
def server(request: pytest.FixtureRequest) -> Server:
    return Server(
        client(access_token_format=request.param),
        client(client_id="api", resources=(RESOURCE,), grant_types=()),
        client(client_id="files", resources=(OTHER_RESOURCE,), grant_types=()),
        public_client(),
    )


@pytest.mark.rfc("7662", "2.2")
@pytest.mark.parametrize("caller", ["web", "api"])
def test_access_token_is_told_to_its_client_and_its_audience(server: Server, caller: str) -> None:
    response = App(server).tokens()
    members = App(server, caller).introspect(response.access_token)
    jti = members.pop("jti")
    assert jti == server.access(response.access_token).jti
    assert members == {
        "active": True,
        "iss": ISSUER,
        "client_id": "web",
        "sub": "sub-of-alice",
        "aud": RESOURCE,
        "scope": "openid read write",
        "token_type": "Bearer",
        "iat": START,
        "exp": START + 3600,
        "auth_time": START,
    }


@pytest.mark.rfc("7662", "4")
def test_access_token_is_not_told_to_another_resource_server(server: Server) -> None:
    response = App(server).tokens()
    assert App(server, "files").introspect(response.access_token) == INACTIVE


@pytest.mark.rfc("3986", "6.2.3")
def test_resource_server_is_known_by_any_spelling_of_its_address(server: Server) -> None:
    server.clients.create(client(client_id="speller", resources=("HTTPS://API.example:443/",), grant_types=()))
    members = App(server, "speller").introspect(App(server).tokens().access_token)
    assert (members["active"], members["aud"]) == (True, RESOURCE)


@pytest.mark.rfc("7662", "2.2")
def test_access_token_for_several_resources_tells_them_all(server: Server) -> None:
    code = Browser(server).code((RESOURCE, OTHER_RESOURCE))
    response = App(server).exchange(code)
    assert App(server, "files").introspect(response.access_token)["aud"] == [RESOURCE, OTHER_RESOURCE]


@pytest.mark.rfc("7662", "2.2")
def test_refresh_token_is_told_to_its_client_alone(server: Server) -> None:
    response = App(server).tokens()
    members = App(server).introspect(response.refresh_token)
    assert members["active"] is True
    assert members["exp"] == START + server.settings.refresh_token_idle_lifetime
    assert App(server, "api").introspect(response.refresh_token) == INACTIVE


@pytest.mark.rfc("7662", "2.2")
def test_refresh_token_that_was_replaced_is_inactive(server: Server) -> None:
    app = App(server)
    first = app.tokens()
    second = app.refresh(first.refresh_token)
    assert app.introspect(first.refresh_token) == INACTIVE
    assert app.introspect(second.refresh_token)["active"] is True


@pytest.mark.rfc("7662", "2.2")
@pytest.mark.parametrize("token", ["", "x", "rt_x", "at_x", "ac_x", "a.b.c", "eyJ.eyJ.eyJ", "\x00"])
def test_garbage_is_inactive(server: Server, token: str) -> None:
    assert App(server).introspect(token) == INACTIVE


@pytest.mark.rfc("7662", "2.2")
def test_credentials_of_other_kinds_are_inactive(server: Server) -> None:
    app = App(server)
    browser = Browser(server)
    code = browser.code()
    response = app.exchange(code)
    assert browser.session is not None
    for token in (code, browser.session, (response.id_token or response.access_token).reveal()):
        assert app.introspect(token) == INACTIVE


@pytest.mark.rfc("7662", "2.2")
def test_expired_access_token_is_inactive(server: Server) -> None:
    app = App(server)
    response = app.tokens()
    server.clock.advance(3599)
    assert app.introspect(response.access_token)["active"] is True
    server.clock.advance(1)
    assert app.introspect(response.access_token) == INACTIVE


@pytest.mark.rfc("7662", "2.1")
def test_introspection_needs_a_client_that_proves_itself(server: Server) -> None:
    response = App(server).tokens()
    for caller in (App(server, "app", None), App(server, "web", "guessed"), App(server, "web", None)):
        with pytest.raises(InvalidClient):
            caller.introspect(response.access_token)


# ------------------------------------------------------------------ Pleo's form


URN = "urn:pleo:params:oauth:subject_urn"


@pytest.mark.rfc("7662", "2.2")
def test_subject_urn_is_told_by_a_name_of_the_operators_where_it_is_turned_on() -> None:
    registered = (client(), client(client_id="api", resources=(RESOURCE,), grant_types=()))
    server = Server(*registered, urn_namespace="pleo", introspection_urn=True)
    token = App(server).tokens().access_token
    for caller in ("web", "api"):
        assert App(server, caller).introspect(token)[URN] == "urn:pleo:user:sub-of-alice"
    assert App(server).introspect("garbage") == INACTIVE
    silent = Server(urn_namespace="pleo")
    assert URN not in App(silent).introspect(App(silent).tokens().access_token)


def test_token_tells_its_holder_what_it_is_in_pleos_envelope(server: Server) -> None:
    token = App(server).tokens().access_token.reveal()
    assert introspect_in_envelope(token, server.services).members() == {
        "data": {
            "authMethod": "OAUTH",
            "clientId": "web",
            "scope": "openid read write",
            "applicationName": "A web application",
            "subjectURN": "urn:authserver:user:sub-of-alice",
        }
    }
    server.withdrawals.end(subject="sub-of-alice")
    with pytest.raises(InvalidToken):
        introspect_in_envelope(token, server.services)
