"""Whatever octets come: an answer, a refusal or nothing in time; no other error, and never another call's answer."""

import itertools
import json
from collections.abc import Callable

from hypothesis import example, given, settings
from hypothesis import strategies as st

from authserver.aws.lean.client import ATTEMPTS, DEADLINE, LeanService
from authserver.aws.lean.connection import Deadline, Headers, TransportFault
from authserver.aws.lean.credentials import ContainerEndpoint, Credentials
from authserver.aws.service import Refused, Unreachable
from tests.lean.peers import CLOSED, Event, Late, Network, Raises, Wait, answer, body_of, refusal, scripted

CALLS = 4
ENDS = st.sampled_from([CLOSED, Raises(ConnectionResetError()), Wait(60.0)])
FRAGMENTS = st.sampled_from(
    [
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n",
        b"Content-Length: 2\r\n",
        b"Content-Length: 99999999999999999999\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Connection: close\r\n",
        b"x-amz-crc32: 0\r\n",
        b"x-amzn-ErrorType: A#B:C\r\n",
        b"Date: Thu, 01 Jan 2026 14:00:00 GMT\r\n",
        b"\r\n",
        b"{}",
        b'{"__type":"ThrottlingException"}',
        b'{"__type":"ExpiredTokenException"}',
        b'{"__type":"InvalidSignatureException"}',
        b"5\r\n",
        b"[" * 5000,
        b"9" * 5000,
    ]
)
OCTETS = st.one_of(st.binary(max_size=300), st.lists(FRAGMENTS | st.binary(max_size=6), max_size=12).map(b"".join))


def pieces(octets: bytes, cuts: list[int]) -> list[Event]:
    """The octets as they may come: cut anywhere."""
    ends = [0, *sorted({cut % (len(octets) + 1) for cut in cuts} - {0, len(octets)}), len(octets)]
    return [octets[start:end] for start, end in itertools.pairwise(ends) if end > start]


def outcome(service: LeanService, arguments: dict[str, int]) -> object:
    try:
        return service.call("GetItem", arguments)
    except (Refused, Unreachable) as error:
        return error


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(OCTETS, st.lists(st.integers(0, 10_000), max_size=4), ENDS), min_size=1, max_size=8))
@example([(answer(b"[" * 100_000), [], Wait(60.0))])
@example([(refusal("InvalidSignatureException", date="Fri, 31 Dec 9999 23:59:59 GMT"), [], CLOSED)])
@example([(answer({}, 400, date="Thu, 00 Jan 0000 00:00:00 GMT"), [], CLOSED)])
def test_any_octets_are_an_answer_a_refusal_or_nothing(steps: list[tuple[bytes, list[int], Event]]) -> None:
    told = itertools.cycle([[*pieces(octets, cuts), end] for octets, cuts, end in steps])
    network = Network(script=lambda _: next(told))
    service = network.service()
    for _ in range(CALLS):
        began = network.time.steady
        assert isinstance(outcome(service, {"a": 1}), dict | Refused | Unreachable)
        assert network.time.steady - began <= DEADLINE
    service.close()


# What may be wrong with an answer so that it could be taken for another's. Each makes events of the right answer and of
# one that belongs to no call.
FAULTS: list[Callable[[bytes, bytes], list[Event]]] = [
    lambda right, _: [right],
    lambda right, _: [right, CLOSED],
    lambda right, _: [right, Late(CLOSED)],
    lambda right, stray: [right + stray],
    lambda right, stray: [right, Late(stray)],
    lambda right, stray: [right, Late(stray[:20]), Late(stray[20:])],
    lambda right, _: [right[:-3], CLOSED],
    lambda right, _: [right[:-3], Wait(60.0)],
    lambda right, _: [right[:30], Raises(ConnectionResetError())],
    lambda right, _: [CLOSED],
    lambda right, _: [Wait(60.0), right],
    lambda right, _: [Wait(0.4), right[:50], Wait(0.4), right[50:]],
    lambda right, _: [Raises(ConnectionResetError())],
    lambda right, _: [b"HTTP/1.1 100 Continue\r\n\r\n" + right],
    lambda right, stray: [right.replace(b"content-length: ", b"content-length: 0\r\ncontent-length: ", 1), stray],
    lambda right, stray: [right.replace(b"content-length: ", b"content-length: 1\r\nx: ", 1) + stray],
    lambda right, _: [right.replace(b"HTTP/1.1", b"HTTP/1.0", 1)],
    lambda right, stray: [right.replace(b"keep-alive", b"close", 1), Late(stray)],
    lambda right, stray: [right.replace(b"content-length", b"transfer-encoding: chunked\r\ncontent-length", 1), stray],
    lambda right, _: [refusal("ThrottlingException")],
    lambda right, stray: [refusal("InternalServerError", 500) + stray],
    lambda right, stray: [refusal("InternalServerError", 500), Late(stray)],
]


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(FAULTS), min_size=1, max_size=3 * ATTEMPTS * CALLS), st.integers(0, 9))
def test_an_answer_is_never_taken_for_that_to_another_call(
    faults: list[Callable[[bytes, bytes], list[Event]]], pause: int
) -> None:
    peers = itertools.chain(faults, itertools.repeat(FAULTS[0]))
    stray = answer({"call": "nobody's"})
    network = Network(script=lambda request: next(peers)(answer({"call": body_of(request)["call"]}), stray))
    service = network.service()
    for number in range(CALLS):
        told = outcome(service, {"call": number})
        assert told == {"call": number} or isinstance(told, Refused | Unreachable)
        network.time.pass_by(pause)
    service.close()


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10_000), st.binary(min_size=1, max_size=3))
def test_a_body_that_was_changed_on_its_way_is_found_by_its_checksum(at: int, change: bytes) -> None:
    octets = answer({"Item": {"pk": {"S": "a"}, "b": {"B": "aGk="}}})
    start = octets.index(b"\r\n\r\n") + 4
    place = start + at % (len(octets) - start - len(change))
    changed = octets[:place] + change + octets[place + len(change) :]
    service = scripted(changed, changed).service()
    told = outcome(service, {})
    if changed == octets:
        assert told == json.loads(octets[start:])
    else:
        assert isinstance(told, Unreachable)
        assert told.reason == "checksum"
    service.close()


@settings(max_examples=300, deadline=None)
@given(OCTETS, st.lists(st.integers(0, 10_000), max_size=4), ENDS)
def test_any_octets_of_a_containers_endpoint_are_credentials_or_a_fault(
    octets: bytes, cuts: list[int], end: Event
) -> None:
    network = scripted([*pieces(octets, cuts), end])
    endpoint = ContainerEndpoint(
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://localhost/"}, open_socket=network.open_socket
    )
    try:
        told: Credentials | TransportFault = endpoint.fetch(Deadline(3.0, network.time.monotonic))
    except TransportFault as fault:
        told = fault
    assert isinstance(told, Credentials) or told.reason == "credentials"


NAMES = st.sampled_from([b"content-length", b"x-amz-crc32", b"date"])
LINES = st.lists(
    st.tuples(
        NAMES.map(bytes.upper) | NAMES | NAMES.map(b"x-".__add__) | NAMES.map(lambda name: name + b"-2"),
        st.text(st.sampled_from(" \t:a1"), max_size=6).map(str.encode) | NAMES.map(b"\t%b: 1 ".__mod__),
    ),
    max_size=6,
)


@given(LINES, NAMES)
def test_a_header_is_the_last_line_of_its_name(lines: list[tuple[bytes, bytes]], name: bytes) -> None:
    named = [value.strip(b" \t") for given, value in lines if given.lower() == name]
    head = b"\r\n".join([b"HTTP/1.1 200 OK", *(b":".join(line) for line in lines)])
    headers = Headers(head)
    assert headers.get(name) == (named[-1] if named else None)
    assert headers.count(name) == len(named)
