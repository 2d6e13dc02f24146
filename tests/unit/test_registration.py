"""Clients that register themselves, and manage what they registered: RFC 7591, RFC 7592."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from authserver.endpoints.machines.metadata import server_metadata
from authserver.errors import (
    InvalidClient,
    InvalidClientMetadata,
    InvalidRedirectUri,
    InvalidSoftwareStatement,
    InvalidToken,
    MethodNotAllowed,
    OAuthError,
    RegistrationClosed,
    TooManyRegistrations,
)
from authserver.management.admin import clients
from authserver.management.registration.initial_access import new_initial_access_token
from authserver.management.registration.operations import serve
from authserver.management.registration.shared import UNUSED_LIFETIME
from authserver.models import DISABLED
from authserver.models.clients import TEST, VERIFIED
from authserver.values import sha256
from authserver.wire.http import HttpRequest
from tests.fakes import REDIRECT_URI, client
from tests.unit.api import Api
from tests.unit.server import App, Browser, Server, all_at_once, with_settings

DOCUMENT: dict[str, Any] = {"client_name": "An app", "redirect_uris": [REDIRECT_URI]}
REFRESHING = DOCUMENT | {"grant_types": ["authorization_code", "refresh_token"]}


@pytest.fixture
def server() -> Server:
    return Server(registration="Open")


def ask(
    server: Server, method: str, client_id: str = "", document: Any = None, bearer: str = "", source: str = "192.0.2.1"
) -> tuple[int, Any]:
    """The status and the JSON of an answer."""
    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {bearer}"} if bearer else {})
    response = serve(
        HttpRequest(
            method,
            "ANY /register",
            headers=headers,
            body=json.dumps(document).encode(),
            source=source,
            path_parameters={"client_id": client_id} if client_id else {},
        ),
        server.services,
    )
    assert ("Cache-Control", "no-store") in response.headers
    return response.status, json.loads(response.body) if response.body else None


def register(server: Server, **metadata: Any) -> dict[str, Any]:
    status, made = ask(server, "POST", document=REFRESHING | metadata)
    assert status == 201
    return dict(made)


def again(server: Server, made: dict[str, Any], method: str = "GET", document: Any = None) -> Any:
    return ask(server, method, made["client_id"], document, made["registration_access_token"])[1]


# ------------------------------------------------------------------ registering


@pytest.mark.rfc("7591", "3.2.1")
def test_answer_has_all_that_is_in_force_and_the_client_works(server: Server) -> None:
    made = register(server)
    assert made["client_secret_expires_at"] == 0
    assert made["client_id_issued_at"] == server.clock()
    assert made["registration_client_uri"] == f"{server.settings.issuer}/register/{made['client_id']}"
    assert made["response_types"] == ["code"]
    assert made["token_endpoint_auth_method"] == "client_secret_basic"
    assert made["scope"] == "openid profile email read write"
    app = App(server, made["client_id"], made["client_secret"])
    assert app.refresh(app.tokens(scope="openid read").refresh_token).access_token


@pytest.mark.rfc("7591", "3.2.1")
def test_public_client_gets_no_secret(server: Server) -> None:
    made = register(server, token_endpoint_auth_method="none")
    assert not {"client_secret", "client_secret_expires_at"} & made.keys()


@pytest.mark.rfc("7591", "5")
def test_nothing_secret_is_stored(server: Server) -> None:
    made = register(server)
    record = server.clients.get(made["client_id"])
    assert record is not None
    assert [stored.hash for stored in record.secrets] == [sha256(made["client_secret"])]
    assert record.registration_token_hash == sha256(made["registration_access_token"])
    assert (record.verification, record.owner) == (TEST, "")


@pytest.mark.rfc("7591", "2")
def test_unknown_metadata_is_ignored(server: Server) -> None:
    made = register(server, favourite_colour="blue", client_id="chosen", client_secret="chosen", tos_uri=None)
    assert "favourite_colour" not in made
    assert "chosen" not in (made["client_id"], made["client_secret"])


@pytest.mark.rfc("7591", "3.2.2")
@pytest.mark.parametrize(
    ("document", "error", "field"),
    [
        ({"redirect_uris": ["http://app.example/"]}, InvalidRedirectUri, "redirect_uris.0"),
        ({"redirect_uris": []}, InvalidRedirectUri, "redirect_uris"),
        ({"redirect_uris": 'a"\\'}, InvalidRedirectUri, "redirect_uris"),
        ({"redirect_uris": ["unheard-of://app/callback"]}, InvalidRedirectUri, "redirect_uris.0"),
        ({"redirect_uris": [REDIRECT_URI, "javascript:alert(1)"]}, InvalidRedirectUri, "redirect_uris.1"),
        ({"redirect_uris": [REDIRECT_URI, None]}, InvalidRedirectUri, "redirect_uris.1"),
        ({"client_name": "\ud800"}, InvalidClientMetadata, ""),
        ({"scope": ["openid"]}, InvalidClientMetadata, "scope"),
        ({"scope": 'openid "'}, InvalidClientMetadata, "scope"),
        ({"grant_types": "authorization_code"}, InvalidClientMetadata, "grant_types"),
        ({"grant_types": [1]}, InvalidClientMetadata, "grant_types.0"),
        ({"grant_types": []}, InvalidClientMetadata, "grant_types"),
        ({"grant_types": ["password"]}, InvalidClientMetadata, "grant_types.0"),
        ({"grant_types": ["refresh_token", "password"]}, InvalidClientMetadata, "grant_types"),
        ({"grant_types": ["implicit"], "response_types": ["token"]}, InvalidClientMetadata, "grant_types.0"),
        ({"response_types": "code"}, InvalidClientMetadata, "response_types"),
        ({"token_endpoint_auth_method": "unheard_of"}, InvalidClientMetadata, "token_endpoint_auth_method"),
        ({"software_statement": "eyJ"}, InvalidSoftwareStatement, ""),
        ({"software_statement": {}}, InvalidSoftwareStatement, ""),
    ],
)
def test_refusal_names_the_field_in_the_alphabet_of_errors(
    document: dict[str, Any], error: type[OAuthError], field: str, server: Server
) -> None:
    with pytest.raises(error) as refusal:
        ask(server, "POST", document=DOCUMENT | document)
    assert refusal.value.status == 400
    assert refusal.value.description.startswith(field)
    assert all(0x20 <= ord(one) <= 0x7E and one not in '"\\' for one in refusal.value.description)


@pytest.mark.rfc("7591", "3")
def test_registration_is_off_by_default_and_not_advertised(server: Server) -> None:
    assert server_metadata(server.services).members()["registration_endpoint"].endswith("/register")
    closed = Server()
    assert "registration_endpoint" not in server_metadata(closed.services).members()
    for method, client_id in (("POST", ""), ("GET", "web"), ("PUT", "web"), ("DELETE", "web")):
        with pytest.raises(RegistrationClosed):
            ask(closed, method, client_id, DOCUMENT)


@pytest.mark.parametrize(
    ("method", "client_id", "allow"), [("GET", "", "POST"), ("POST", "web", "GET, HEAD, PUT, DELETE")]
)
def test_other_methods_are_told_which_there_are(method: str, client_id: str, allow: str, server: Server) -> None:
    with pytest.raises(MethodNotAllowed) as refusal:
        ask(server, method, client_id)
    assert refusal.value.allow == allow


# ------------------------------------------------------------------ who may


@pytest.mark.rfc("7591", "3")
def test_initial_access_token_lets_register_as_often_as_it_says() -> None:
    server = Server(registration="InitialAccessToken")
    token, record = new_initial_access_token(2, 60, server.services)
    server.tokens.put_initial_access_token(record)
    assert token.encode() not in record.secret_hash
    with pytest.raises(InvalidClientMetadata):
        ask(server, "POST", document=DOCUMENT | {"grant_types": ["unknown"]}, bearer=token)  # and it costs no use
    for bearer in ("", "ia_x", token[:-1], token[:-1] + ("A" if token[-1] != "A" else "B"), "x" + token):
        with pytest.raises(InvalidToken):
            ask(server, "POST", document=DOCUMENT, bearer=bearer)
    for _ in range(2):
        assert ask(server, "POST", document=DOCUMENT, bearer=token)[0] == 201
    with pytest.raises(InvalidToken):
        ask(server, "POST", document=DOCUMENT, bearer=token)


def test_one_use_lets_one_of_many_register() -> None:
    server = Server(registration="InitialAccessToken")
    token, record = new_initial_access_token(1, 60, server.services)
    server.tokens.put_initial_access_token(record)

    def attempt(_: int) -> bool:
        try:
            return ask(server, "POST", document=DOCUMENT, bearer=token)[0] == 201
        except InvalidToken:
            return False

    assert sum(all_at_once(attempt)) == 1


def test_initial_access_token_ends() -> None:
    server = Server(registration="InitialAccessToken")
    token, record = new_initial_access_token(1, 60, server.services)
    server.tokens.put_initial_access_token(record)
    server.clock.advance(60)
    with pytest.raises(InvalidToken):
        ask(server, "POST", document=DOCUMENT, bearer=token)


def test_initial_access_token_does_not_outlive_a_new_era() -> None:
    server = Server(registration="InitialAccessToken")
    tokens = [new_initial_access_token(1, 60, server.services) for _ in range(2)]
    for _, record in tokens:
        server.tokens.put_initial_access_token(record)
    (first, _), (second, _) = tokens
    assert ask(server, "POST", document=DOCUMENT, bearer=first)[0] == 201
    server.withdrawals.end_everything("another era")
    with pytest.raises(InvalidToken):
        ask(server, "POST", document=DOCUMENT, bearer=second)


@pytest.mark.rfc("6585", "4")
def test_open_registration_is_bounded_for_a_source_and_for_all() -> None:
    server = Server(registration="Open", registrations_per_hour=3, registrations_per_day=4)
    for _ in range(3):
        ask(server, "POST", document=DOCUMENT)
    with pytest.raises(TooManyRegistrations, match="from this address within the hour") as refusal:
        ask(server, "POST", document=DOCUMENT)
    assert 0 < refusal.value.retry_after <= 3600
    assert ask(server, "POST", document=DOCUMENT, source="192.0.2.2")[0] == 201
    with pytest.raises(TooManyRegistrations, match="today") as refusal:
        ask(server, "POST", document=DOCUMENT, source="192.0.2.3")
    assert 3600 < refusal.value.retry_after <= 86_400
    assert (refusal.value.status, refusal.value.error) == (429, "too_many_requests")


def test_holder_of_a_network_is_one_source() -> None:
    server = Server(registration="Open", registrations_per_hour=3)
    for number in range(3):
        ask(server, "POST", document=DOCUMENT, source=f"2001:db8:0:1:{number:x}::1")
    with pytest.raises(TooManyRegistrations):
        ask(server, "POST", document=DOCUMENT, source="2001:db8:0:1:ffff::1")
    assert ask(server, "POST", document=DOCUMENT, source="2001:db8:0:2::1")[0] == 201


# ------------------------------------------------------------------ until it is used


def test_unused_registration_ends_after_a_week_and_a_used_one_does_not(server: Server) -> None:
    used, unused = register(server), register(server)
    refresh_token = App(server, used["client_id"], used["client_secret"]).tokens().refresh_token
    server.clock.advance(UNUSED_LIFETIME)
    App(server, used["client_id"], used["client_secret"]).refresh(refresh_token)
    assert again(server, used)
    with pytest.raises(InvalidClient):
        App(server, unused["client_id"], unused["client_secret"]).refresh(refresh_token)
    with pytest.raises(InvalidToken):
        again(server, unused)


def test_first_token_while_the_registration_is_being_changed_keeps_it(server: Server) -> None:
    made = register(server)
    app = App(server, made["client_id"], made["client_secret"])
    code = Browser(server).code((), client_id=made["client_id"])

    def meanwhile(verb: str, call: Callable[[], Any]) -> Any:
        if verb == "withdrawals.change_client":
            server.around = lambda _, call: call()
            app.exchange(code)
        return call()

    server.around = meanwhile
    again(server, made, "PUT", REFRESHING | {"client_id": made["client_id"], "client_name": "New"})
    record = server.clients.get(made["client_id"])
    assert record is not None
    assert (record.client_name, record.expires_at) == ("New", None)


def test_registration_that_an_operator_verified_stays_unused(server: Server) -> None:
    made = register(server)
    operator = Api(server, clients.OPERATIONS, "operator")
    one = f"/admin/clients/{made['client_id']}"
    assert operator.call("PATCH", one, {"contacts": ["a@example.com"]}).document["expires_at"]
    assert "expires_at" not in operator.call("PATCH", one, {"verification": VERIFIED}).document
    server.clock.advance(UNUSED_LIFETIME)
    assert again(server, made)


def test_token_that_was_refused_keeps_no_registration(server: Server) -> None:
    made = register(server)
    app = App(server, made["client_id"], made["client_secret"])
    with pytest.raises(OAuthError):
        app.exchange("garbage")
    record = server.clients.get(made["client_id"])
    assert record is not None
    assert record.expires_at is not None


# ------------------------------------------------------------------ managing


@pytest.mark.rfc("7592", "2.1")
def test_client_reads_itself_and_its_secret_is_not_told_again(server: Server) -> None:
    made = register(server)
    seen = again(server, made)
    assert "client_secret" not in seen
    assert seen == {name: value for name, value in made.items() if not name.startswith("client_secret")}


@pytest.mark.rfc("7592", "2.1")
def test_wrong_token_unknown_client_and_another_client_are_told_the_same(server: Server) -> None:
    one, other = register(server), register(server)
    said = set()
    for client_id, bearer in (
        ("web", "\ud800"),
        (one["client_id"], other["registration_access_token"]),
        (one["client_id"], one["client_secret"]),
        ("unknown", one["registration_access_token"]),
        ("web", "ra_" + "A" * 43),
        ("web", "\x00"),
    ):
        for method in ("GET", "PUT", "DELETE"):
            with pytest.raises(InvalidToken) as refusal:
                ask(server, method, client_id, DOCUMENT | {"client_id": client_id}, bearer)
            said.add((refusal.value.status, refusal.value.description))
    assert len(said) == 1
    with pytest.raises(InvalidToken):
        ask(server, "GET", one["client_id"])


@pytest.mark.rfc("7592", "2.2")
def test_put_replaces_and_the_token_stays(server: Server) -> None:
    made = register(server, client_uri="https://app.example/", contacts=["a@example.com"])
    document = DOCUMENT | {"client_id": made["client_id"], "client_secret": made["client_secret"], "client_name": "New"}
    seen = again(server, made, "PUT", document)
    assert seen["client_name"] == "New"
    assert not {"client_uri", "contacts"} & seen.keys()
    assert seen["grant_types"] == ["authorization_code"]
    assert seen["registration_access_token"] == made["registration_access_token"]
    assert again(server, made)["client_name"] == "New"


@pytest.mark.rfc("7592", "2.2")
@pytest.mark.parametrize(
    "wrong",
    [
        {"client_id": "web"},
        {"client_id": None},
        {"client_secret": "of my own choice"},
        {"client_secret": 1},
        {"client_secret": "\ud800"},
        {"registration_access_token": "x"},
        {"registration_client_uri": "https://as.example/register/x"},
        {"client_secret_expires_at": 0},
        {"client_id_issued_at": 0},
    ],
)
def test_put_that_says_what_is_the_servers_is_refused(wrong: dict[str, Any], server: Server) -> None:
    made = register(server)
    with pytest.raises(InvalidClientMetadata):
        again(server, made, "PUT", DOCUMENT | {"client_id": made["client_id"]} | wrong)


def test_put_that_makes_a_client_confidential_tells_its_secret_once() -> None:
    server = Server(registration="InitialAccessToken")
    token, record = new_initial_access_token(1, 60, server.services)
    server.tokens.put_initial_access_token(record)
    _, made = ask(server, "POST", document=REFRESHING | {"token_endpoint_auth_method": "none"}, bearer=token)
    seen = again(server, made, "PUT", REFRESHING | {"client_id": made["client_id"]})
    assert App(server, made["client_id"], seen["client_secret"]).tokens().access_token
    assert "client_secret" not in again(server, made)


@pytest.mark.parametrize(
    ("changed", "verification"),
    [
        ({"client_name": "Another"}, TEST),
        ({"redirect_uris": [REDIRECT_URI, "https://b.example/"]}, TEST),
        ({"scope": "openid"}, TEST),
        ({"settings_uri": "https://app.example/settings"}, TEST),
        ({"post_logout_redirect_uris": ["https://b.example/"]}, TEST),
        ({"contacts": ["b@example.com"]}, VERIFIED),
    ],
)
def test_verified_client_that_changes_what_people_see_is_a_test_client_again(
    changed: dict[str, Any], verification: str, server: Server
) -> None:
    made = register(server)
    before = server.clients.get(made["client_id"])
    assert before is not None
    server.clients.put(
        client(**{name: getattr(before, name) for name in before.__slots__} | {"verification": VERIFIED})
    )
    again(server, made, "PUT", REFRESHING | {"client_id": made["client_id"]} | changed)
    after = server.clients.get(made["client_id"])
    assert after is not None
    assert after.verification == verification


@pytest.mark.rfc("7592", "2.3")
def test_delete_ends_everything_that_the_client_holds(server: Server) -> None:
    made = register(server)
    tokens = App(server, made["client_id"], made["client_secret"]).tokens(scope="openid read")
    assert server.access(tokens.access_token)
    assert ask(server, "DELETE", made["client_id"], bearer=made["registration_access_token"])[0] == 204
    with pytest.raises(InvalidToken):
        server.access(tokens.access_token)
    with pytest.raises(InvalidToken):
        again(server, made)
    with pytest.raises(InvalidClient):
        App(server, made["client_id"], made["client_secret"]).refresh(tokens.refresh_token)


def test_disabled_client_manages_nothing(server: Server) -> None:
    made = register(server)
    before = server.clients.get(made["client_id"])
    assert before is not None
    server.clients.put(client(**{name: getattr(before, name) for name in before.__slots__} | {"status": DISABLED}))
    with pytest.raises(InvalidToken):
        again(server, made, "DELETE")


def test_registration_that_is_turned_off_later_takes_nothing_from_a_client(server: Server) -> None:
    made = register(server)
    with_settings(server, registration="Off")
    assert App(server, made["client_id"], made["client_secret"]).tokens().access_token
    with pytest.raises(RegistrationClosed):
        again(server, made)
