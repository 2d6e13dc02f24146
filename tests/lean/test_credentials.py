"""Where credentials come from, and when they are fetched anew."""

import json
import socket
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from authserver.aws.lean.connection import Deadline, TransportFault
from authserver.aws.lean.credentials import (
    MAX_ANSWER,
    RENEW_BEFORE,
    RENEW_PAUSE,
    ContainerEndpoint,
    Credentials,
    CredentialSource,
    credential_source,
)
from authserver.aws.lean.endpoints import Unsupported
from authserver.aws.service import Refused, Unreachable
from tests.lean.peers import (
    CLOSED,
    CREDENTIALS,
    NOON,
    Event,
    Network,
    Raises,
    Time,
    Wait,
    answer,
    header_of,
    refusal,
    scripted,
    without,
)

KEYS = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret"}
FULL = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:2773/credentials?a=b"}
HOUR = 3600
FIRST = CREDENTIALS._replace(access_key_id="FIRST", expires=NOON + HOUR)
SECOND = CREDENTIALS._replace(access_key_id="SECOND", expires=NOON + 2 * HOUR)
GOT = {"Item": {"pk": {"S": "a"}}}


def soon(seconds: float = 3.0) -> Deadline:
    return Deadline(seconds, Time().monotonic)


def told(**changes: object) -> dict[str, object]:
    document: dict[str, object] = {
        "AccessKeyId": "id",
        "SecretAccessKey": "secret",
        "Token": "token",
        "Expiration": "2026-01-01T13:00:00Z",
    }
    return document | changes


def closing(document: object, status: int = 200, **headers: str) -> list[Event]:
    """How an HTTP/1.0 request is answered: to the end of the connection."""
    return [answer(document, status, **headers), CLOSED]


def fetched(steps: list[Event], **environ: str) -> tuple[Credentials, bytes]:
    """What a container's endpoint gave, and the request that it was asked by."""
    network = scripted(steps)
    endpoint = ContainerEndpoint(FULL | environ, network.open_socket)
    return endpoint.fetch(Deadline(3.0, network.time.monotonic)), network.requests[0]


class Loads:
    """Gives one set of credentials after the other, or the fault among them."""

    def __init__(self, *given: Credentials | TransportFault) -> None:
        self.given = list(given)
        self.asked = 0

    def __call__(self, deadline: Deadline) -> Credentials:
        deadline.left()
        self.asked += 1
        one = self.given.pop(0)
        if isinstance(one, TransportFault):
            raise one
        return one


# ------------------------------------------------------------------ the environment


def test_keys_come_from_the_environment() -> None:
    source = credential_source(KEYS | {"AWS_SESSION_TOKEN": "token"} | FULL)
    assert source.current(soon()) == Credentials("id", "secret", "token", float("inf"))


def test_the_token_may_have_its_older_name() -> None:
    source = credential_source(KEYS | {"AWS_SECURITY_TOKEN": "older", "AWS_SESSION_TOKEN": "newer"})
    assert source.current(soon()).session_token == "older"


def test_keys_need_no_token() -> None:
    assert credential_source(KEYS).current(soon()).session_token == ""


def test_keys_of_the_environment_are_read_again_when_they_have_ended() -> None:
    environ = KEYS | {"AWS_SESSION_TOKEN": "old"}
    network = scripted(refusal("ExpiredTokenException"), answer(GOT))
    service = network.service(credentials=credential_source(environ))
    source = service._credentials
    source.current(soon())
    environ["AWS_SESSION_TOKEN"] = "new"
    assert service.call("GetItem", {}) == GOT
    assert [header_of(one, "X-Amz-Security-Token") for one in network.requests] == ["old", "new"]


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"AWS_ACCESS_KEY_ID": "id"},
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI": ""},
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://example.com/"},
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1.example.com/"},
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1@example.com/"},
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "https://example.com/"},
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://localhost/ HTTP/1.1\r\nx: y"},
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://localhost:99999/"},
        {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "@example.com/"},
        {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": ".example.com/"},
        FULL | {"AWS_WEB_IDENTITY_TOKEN_FILE": "/token"},
        FULL | {"AWS_SHARED_CREDENTIALS_FILE": "/credentials"},
    ],
)
def test_credentials_of_other_kinds_are_left_to_boto3(environ: dict[str, str]) -> None:
    with pytest.raises(Unsupported):
        credential_source(environ)


# ------------------------------------------------------------------ the endpoint of a container


def test_a_containers_endpoint_gives_credentials() -> None:
    credentials, request = fetched(closing(told()), AWS_CONTAINER_AUTHORIZATION_TOKEN="Basic abc")
    assert credentials == Credentials("id", "secret", "token", NOON + HOUR)
    assert request.startswith(b"GET /credentials?a=b HTTP/1.0\r\nHost: 127.0.0.1:2773\r\n")
    assert header_of(request, "Authorization") == "Basic abc"


def test_a_relative_uri_is_of_the_containers_own_host() -> None:
    hosts: list[tuple[str, int]] = []
    network = scripted(closing(told()))

    def open_socket(host: str, port: int, deadline: Deadline) -> socket.socket:
        hosts.append((host, port))
        return network.open_socket(host, port, deadline)

    environ = FULL | {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/credentials/1"}
    ContainerEndpoint(environ, open_socket).fetch(soon())
    assert hosts == [("169.254.170.2", 80)]
    assert network.requests[0].startswith(b"GET /v2/credentials/1 HTTP/1.0\r\n")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "169.254.170.23", "169.254.170.2"])
def test_hosts_that_botocore_asks_without_tls_are_asked(host: str) -> None:
    fetched(closing(told()), AWS_CONTAINER_CREDENTIALS_FULL_URI=f"http://{host}:80/")


def test_a_token_in_a_file_is_read_each_time(tmp_path: Path) -> None:
    file = tmp_path / "token"
    environ = {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(file), "AWS_CONTAINER_AUTHORIZATION_TOKEN": "other"}
    for token in ("first", "second"):
        file.write_text(token)
        assert header_of(fetched(closing(told()), **environ)[1], "Authorization") == token


@pytest.mark.parametrize("token", ["a\r\nX: y", "a\n", "é"])
def test_a_token_that_is_no_header_is_not_sent(token: str, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(token)
    network = scripted()
    endpoint = ContainerEndpoint(FULL | {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(file)}, network.open_socket)
    with pytest.raises(TransportFault):
        endpoint.fetch(soon())
    assert network.sockets == []


def test_a_token_file_that_is_not_there_is_a_fault() -> None:
    endpoint = ContainerEndpoint(FULL | {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/nowhere/at/all"})
    with pytest.raises(TransportFault, match="credentials"):
        endpoint.fetch(soon())


def test_an_endpoint_that_speaks_an_older_http_is_understood() -> None:
    octets = answer(told()).replace(b"HTTP/1.1", b"HTTP/1.0", 1)
    assert fetched([octets[:50], Wait(0.1), octets[50:], CLOSED])[0].access_key_id == "id"


NOT_CREDENTIALS: dict[str, list[Event]] = {
    "an error": closing({"message": "no"}, 403),
    "nothing": [CLOSED],
    "half": [answer(told())[:-4], CLOSED],
    "half without a length": [b"HTTP/1.1 200 OK\r\n\r\n" + json.dumps(told()).encode()[:-4], CLOSED],
    "more than was told": [answer(told()) + b" ", CLOSED],
    "no end": [answer(b"x" * MAX_ANSWER * 2), Wait(60.0)],
    "silence": [Wait(60.0)],
    "a drip": [event for _ in range(90) for event in (Wait(0.2), b"x")],
    "a reset": [Raises(ConnectionResetError())],
    "no document": closing(b"<html></html>"),
    "a list": closing([told()]),
    "a deep document": closing(b"[" * 60_000),
    "no key": closing({name: value for name, value in told().items() if name != "AccessKeyId"}),
    "a key that is no text": closing(told(AccessKeyId=7)),
    "a key of two lines": closing(told(AccessKeyId="a\r\nb")),
    "a token beyond ASCII": closing(told(Token="é")),
    "no end told": closing(told(Expiration=None)),
    "an end that is no time": closing(told(Expiration="soon")),
    "an end in no time zone": closing(told(Expiration="2026-01-01T13:00:00")),
}


@pytest.mark.parametrize("steps", NOT_CREDENTIALS.values(), ids=NOT_CREDENTIALS.keys())
def test_what_is_no_credentials_is_a_fault_that_tells_nothing(steps: list[Event]) -> None:
    network = scripted(steps)
    began = network.time.steady
    with pytest.raises(TransportFault, match=r"^credentials$") as caught:
        ContainerEndpoint(FULL, network.open_socket).fetch(Deadline(3.0, network.time.monotonic))
    assert caught.value.__cause__ is None
    assert network.sockets[0].is_closed
    assert network.time.steady - began <= 1.01


def test_no_more_is_read_of_an_answer_than_there_can_be_in_one() -> None:
    """It would be credentials but for its size; what comes later is not waited for."""
    network = scripted([without("content-length", answer(told())) + b" " * MAX_ANSWER, Wait(0.9), b" ", CLOSED])
    began = network.time.steady
    with pytest.raises(TransportFault):
        ContainerEndpoint(FULL, network.open_socket).fetch(Deadline(3.0, network.time.monotonic))
    assert network.time.steady == began


# ------------------------------------------------------------------ in time


def test_credentials_are_remembered_until_a_while_before_their_end() -> None:
    time, loads = Time(), Loads(FIRST, SECOND)
    source = CredentialSource(loads, time.clock)
    assert [source.current(soon()) for _ in range(3)] == [FIRST] * 3
    time.pass_by(HOUR - RENEW_BEFORE - 1)
    assert source.current(soon()) is FIRST
    time.pass_by(1)
    assert source.current(soon()) is SECOND
    assert loads.asked == 2


def test_credentials_that_are_still_good_are_used_while_no_others_can_be_had() -> None:
    time, loads = Time(), Loads(FIRST, TransportFault("credentials"), TransportFault("credentials"), SECOND)
    source = CredentialSource(loads, time.clock)
    source.current(soon())
    time.pass_by(HOUR - RENEW_BEFORE)
    assert [source.current(soon()) for _ in range(3)] == [FIRST] * 3
    assert loads.asked == 2
    time.pass_by(RENEW_PAUSE)
    assert source.current(soon()) is FIRST
    time.pass_by(RENEW_PAUSE)
    assert source.current(soon()) is SECOND


def test_an_endpoint_that_has_no_others_yet_is_not_asked_at_every_call() -> None:
    time, loads = Time(), Loads(FIRST, FIRST, SECOND)
    source = CredentialSource(loads, time.clock)
    source.current(soon())
    time.pass_by(HOUR - RENEW_BEFORE)
    assert [source.current(soon()) for _ in range(3)] == [FIRST] * 3
    assert loads.asked == 2


def test_credentials_that_have_ended_are_not_signed_with() -> None:
    time, loads = Time(), Loads(FIRST, TransportFault("credentials"))
    source = CredentialSource(loads, time.clock)
    source.current(soon())
    time.pass_by(HOUR)
    with pytest.raises(TransportFault):
        source.current(soon())


def test_credentials_that_were_replaced_meanwhile_are_not_fetched_again() -> None:
    """By another thread, to which the same ones were called expired."""
    loads = Loads(FIRST, SECOND)
    source = CredentialSource(loads, Time().clock)
    assert source.current(soon()) is FIRST
    assert [source.renewed(FIRST, soon()) for _ in range(2)] == [SECOND] * 2
    assert loads.asked == 2


def test_many_threads_fetch_once() -> None:
    barrier = Barrier(8)
    loads = Loads(FIRST, SECOND)
    source = CredentialSource(loads, Time().clock)

    def ask(_: int) -> Credentials:
        barrier.wait()
        return source.current(soon())

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(8))) == {FIRST}
    assert loads.asked == 1


# ------------------------------------------------------------------ in a call


def network_with(loads: Loads, *steps: Iterable[Event] | bytes) -> tuple[Network, CredentialSource]:
    network = scripted(*steps)
    return network, CredentialSource(loads, network.time.clock)


@pytest.mark.parametrize("code", ["ExpiredTokenException", "ExpiredToken"])
def test_credentials_that_a_service_calls_expired_are_fetched_anew_at_once(code: str) -> None:
    network, source = network_with(Loads(FIRST, SECOND), refusal(code), answer(GOT))
    assert network.service(credentials=source).call("GetItem", {}) == GOT
    assert ["FIRST" in str(one) for one in network.requests] == [True, False]
    assert network.time.pauses == []


def test_expired_credentials_without_others_are_a_refusal() -> None:
    for loads in (Loads(FIRST, FIRST), Loads(FIRST, TransportFault("credentials"))):
        network, source = network_with(loads, refusal("ExpiredTokenException"))
        with pytest.raises(Refused, match="ExpiredTokenException"):
            network.service(credentials=source).call("GetItem", {})
        assert len(network.requests) == 1


def test_expired_credentials_are_fetched_once_a_call() -> None:
    expired = refusal("ExpiredTokenException")
    network, source = network_with(Loads(FIRST, SECOND, FIRST), expired, expired)
    with pytest.raises(Refused, match="ExpiredTokenException"):
        network.service(credentials=source).call("GetItem", {})


def test_credentials_that_cannot_be_fetched_cost_an_attempt() -> None:
    fault = TransportFault("credentials")
    network, source = network_with(Loads(fault, FIRST), answer(GOT))
    assert network.service(credentials=source).call("GetItem", {}) == GOT
    network, source = network_with(Loads(fault, fault))
    with pytest.raises(Unreachable, match="credentials"):
        network.service(credentials=source).call("GetItem", {})
    assert network.requests == []
