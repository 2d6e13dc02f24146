"""Real connections: sockets, threads, names with several addresses."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from authserver.aws.lean.client import DYNAMODB, LeanService
from authserver.aws.lean.connection import Connection, Deadline, TransportFault, open_socket
from authserver.aws.lean.endpoints import Endpoint
from authserver.aws.service import Unreachable
from tests.lean.peers import Server, Step, answer, body_of, resets, says, says_and_closes, static

GOT = {"Item": {"pk": {"S": "a"}}}


def service(endpoint: Endpoint) -> LeanService:
    return LeanService(DYNAMODB, endpoint, static(), sleep=lambda _: None)


def test_calls_go_over_one_connection() -> None:
    with Server(*[says(answer(GOT))] * 3) as server:
        client = service(server.endpoint())
        assert [client.call("GetItem", {}) for _ in range(3)] == [GOT] * 3
        assert server.connections == 1


def test_an_answer_of_megabytes_is_read() -> None:
    big = {"Items": [{"b": {"B": "A" * 399_999}}] * 10}
    with Server(says(answer(big)), says(answer(GOT))) as server:
        client = service(server.endpoint())
        assert client.call("Query", {}) == big
        assert client.call("GetItem", {}) == GOT


def test_a_request_of_megabytes_is_sent() -> None:
    arguments = {"TransactItems": [{"S": "x" * 400_000}] * 10, "ClientRequestToken": "t"}
    with Server(says(answer({}))) as server:
        service(server.endpoint()).call("TransactWriteItems", arguments)
        assert body_of(server.requests[0]) == arguments


@pytest.mark.parametrize("end", [says_and_closes(), resets], ids=["end", "reset"])
def test_a_connection_that_dies_without_an_answer_is_opened_again(end: Step) -> None:
    with Server(says(answer(GOT)), end, says(answer(GOT))) as server:
        client = service(server.endpoint())
        assert [client.call("GetItem", {}) for _ in range(2)] == [GOT] * 2
        assert (len(server.requests), server.connections) == (3, 2)


def test_a_connection_that_was_closed_after_its_answer_is_opened_again() -> None:
    with Server(says_and_closes(answer(GOT)), says(answer(GOT))) as server:
        client = service(server.endpoint())
        assert [client.call("GetItem", {}) for _ in range(2)] == [GOT] * 2
        assert server.connections == 2


def test_half_an_answer_is_asked_for_again() -> None:
    with Server(says_and_closes(answer(GOT)[:-5]), says(answer(GOT))) as server:
        assert service(server.endpoint()).call("GetItem", {}) == GOT


def test_nobody_there_is_unreachable() -> None:
    with Server() as server:
        gone = server.endpoint()
    with pytest.raises(Unreachable, match="ConnectionRefusedError"):
        service(gone).call("GetItem", {})


def test_the_next_address_of_a_name_is_tried() -> None:
    def resolve(*_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port)) for port in (closed, server.port)]

    with Server() as other:
        closed = other.port
    with Server() as server:
        opened = open_socket("two.example", 80, Deadline(3.0, time.monotonic), resolve)
        assert opened.getpeername()[1] == server.port
        opened.close()
    with pytest.raises(ConnectionRefusedError):
        open_socket("two.example", 80, Deadline(3.0, time.monotonic), resolve)


def test_a_name_without_addresses_is_nobody() -> None:
    with pytest.raises(OSError, match="no address"):
        open_socket("none.example", 80, Deadline(3.0, time.monotonic), lambda *_, **__: [])


def test_no_address_is_tried_after_the_deadline() -> None:
    ticks = iter([0.0, 10.0])
    with Server() as server, pytest.raises(TransportFault, match="timeout"):
        open_socket("127.0.0.1", server.port, Deadline(3.0, ticks.__next__))


def test_a_server_that_keeps_silent_is_waited_for_no_longer_than_the_deadline() -> None:
    """The one test that waits, for a twentieth of a second: that sockets are really given what is left."""
    with Server(lambda *_: True) as server:
        connection = Connection(server.endpoint())
        began = time.monotonic()
        with pytest.raises(TransportFault, match="timeout"):
            connection.exchange(b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", Deadline(0.05, time.monotonic))
        assert 0.05 <= time.monotonic() - began < 1.0


def test_each_thread_has_a_connection_of_its_own_and_its_own_answers() -> None:
    def echoes(connection: socket.socket, request: bytes) -> bool:
        return says(answer(body_of(request)))(connection, request)

    barrier = Barrier(4)
    with Server(*[echoes] * 80) as server:
        client = service(server.endpoint())

        def ask(name: int) -> set[int]:
            barrier.wait()
            return {client.call("GetItem", {"n": name})["n"] for _ in range(20)}

        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(ask, range(4))) == [{0}, {1}, {2}, {3}]
        assert server.connections == 4
