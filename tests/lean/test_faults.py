"""What a call does when things go wrong: each fault once, scripted, in a time that passes at once."""

import json
from socket import gaierror

import pytest

from authserver.aws.lean.client import ATTEMPTS, DEADLINE, THROTTLED_ATTEMPTS
from authserver.aws.lean.connection import CONNECT_TIMEOUT, MAX_BODY, MAX_HEAD, MAX_IDLE
from authserver.aws.service import Refused, Unreachable
from tests.lean.peers import (
    CLOSED,
    Event,
    Late,
    Network,
    Raises,
    Wait,
    answer,
    body_of,
    header_of,
    refusal,
    scripted,
    without,
)

ITEM = {"Item": {"pk": {"S": "a"}, "wrapped": {"B": "aGk="}}}
OTHER = {"Item": {"pk": {"S": "another's"}}}
KEY = {"TableName": "t", "Key": {"pk": {"S": "a"}}}
SILENCE = [Wait(60.0)]


def get(network: Network) -> object:
    return network.service().call("GetItem", KEY)


# ------------------------------------------------------------------ patience and its end


@pytest.mark.parametrize("code", ["ProvisionedThroughputExceededException", "ThrottlingException"])
def test_throttling_is_waited_for_longer_with_each_attempt(code: str) -> None:
    network = scripted(refusal(code), refusal(code), refusal(code), answer(ITEM))
    assert get(network) == ITEM
    assert network.time.pauses == [0.05, 0.1, 0.2]
    assert len(network.sockets) == 1


def test_a_pause_is_a_random_part_of_the_longest() -> None:
    network = scripted(refusal("ThrottlingException"), refusal("ThrottlingException"), answer(ITEM))
    service = network.service()
    service._fraction = iter([0.5, 0.0]).__next__
    assert service.call("GetItem", KEY) == ITEM
    assert network.time.pauses == [0.025, 0.0]


def test_throttling_for_good_is_a_refusal() -> None:
    network = scripted(*[refusal("ThrottlingException")] * 9)
    with pytest.raises(Refused, match="ThrottlingException"):
        get(network)
    assert len(network.requests) == THROTTLED_ATTEMPTS


def test_throttling_is_not_waited_for_beyond_the_deadline() -> None:
    slow: list[Event] = [Wait(0.9), refusal("ThrottlingException")]
    network = scripted(*[slow] * 9)
    began = network.time.steady
    with pytest.raises(Refused, match="ThrottlingException"):
        get(network)
    assert network.time.steady - began <= DEADLINE
    assert len(network.requests) == 3


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_an_error_of_the_servers_is_tried_once_more(status: int) -> None:
    network = scripted(refusal("InternalServerError", status), answer(ITEM))
    assert get(network) == ITEM
    assert len(network.sockets) == 1


@pytest.mark.parametrize(
    ("code", "status"),
    [("RequestTimeout", 400), ("PriorRequestNotComplete", 400), ("ReplicatedWriteConflictException", 409)],
)
def test_an_error_that_will_pass_is_tried_once_more(code: str, status: int) -> None:
    assert get(scripted(refusal(code, status), answer(ITEM))) == ITEM
    network = scripted(*[refusal(code, status)] * 9)
    with pytest.raises(Refused, match=code):
        get(network)
    assert len(network.requests) == ATTEMPTS


def test_an_error_of_the_servers_that_stays_is_a_refusal() -> None:
    network = scripted(*[refusal("InternalServerError", 500)] * 9)
    with pytest.raises(Refused, match="InternalServerError"):
        get(network)
    assert len(network.requests) == ATTEMPTS


def test_an_error_that_is_no_document_has_its_status_for_a_code() -> None:
    page = without("x-amz-crc32", answer(b"<html>Service Unavailable</html>", 503))
    network = scripted(page, page)
    with pytest.raises(Refused) as caught:
        get(network)
    assert (caught.value.code, caught.value.body) == ("503", {})


@pytest.mark.parametrize("code", ["ValidationException", "AccessDeniedException", "ResourceNotFoundException"])
def test_what_will_not_be_better_is_asked_once(code: str) -> None:
    network = scripted(refusal(code))
    with pytest.raises(Refused, match=code):
        get(network)
    assert network.time.pauses == []


def test_a_condition_that_failed_tells_the_item_as_it_was() -> None:
    network = scripted(refusal("ConditionalCheckFailedException", more=ITEM))
    with pytest.raises(Refused) as caught:
        network.service().call("PutItem", KEY)
    assert caught.value.code == "ConditionalCheckFailedException"
    assert caught.value.body["Item"] == ITEM["Item"]


def test_keys_that_were_not_processed_are_the_callers_to_ask_for_again() -> None:
    """The answer is the service's own: who asks again waits, and knows what it still wants."""
    partly = {"Responses": {"t": []}, "UnprocessedKeys": {"t": {"Keys": [KEY["Key"]]}}}
    network = scripted(answer(partly))
    assert network.service().call("BatchGetItem", {"RequestItems": {"t": {"Keys": [KEY["Key"]]}}}) == partly
    assert len(network.requests) == 1


# ------------------------------------------------------------------ connections that died


def test_a_connection_is_used_again() -> None:
    network = scripted(*[answer(ITEM)] * 3)
    service = network.service()
    for _ in range(3):
        assert service.call("GetItem", KEY) == ITEM
    assert len(network.sockets) == 1


@pytest.mark.parametrize(("wall", "steady"), [(1, 1), (1, 0), (-100, 1)], ids=["awake", "frozen", "set back"])
def test_what_was_unused_for_long_is_not_sent_to(wall: int, steady: int) -> None:
    """By whichever clock: one may stand still while an environment is frozen, the other may be set back."""
    network = scripted(answer(ITEM), answer(ITEM))
    service = network.service()
    service.call("GetItem", KEY)
    network.time.wall += wall * (MAX_IDLE + 0.1)
    network.time.steady += steady * (MAX_IDLE + 0.1)
    assert service.call("GetItem", KEY) == ITEM
    assert [one.is_closed for one in network.sockets] == [True, False]
    assert len(network.requests) == 2


def test_what_was_unused_for_a_little_is() -> None:
    network = scripted(*[answer(ITEM)] * 3)
    service = network.service()
    for _ in range(3):
        assert service.call("GetItem", KEY) == ITEM
        network.time.pass_by(MAX_IDLE - 0.1)
    assert len(network.sockets) == 1


def test_a_connection_that_was_closed_after_its_answer_is_not_sent_to() -> None:
    network = scripted([answer(ITEM), Late(CLOSED)], answer(ITEM))
    service = network.service()
    service.call("GetItem", KEY)
    assert service.call("GetItem", KEY) == ITEM
    assert (len(network.requests), len(network.sockets)) == (2, 2)


@pytest.mark.parametrize("end", [CLOSED, Raises(ConnectionResetError()), Raises(BrokenPipeError())])
def test_a_reused_connection_without_an_octet_costs_no_attempt_and_no_pause(end: bytes | Raises) -> None:
    network = scripted(answer(ITEM), [end], answer(ITEM))
    service = network.service()
    service.call("GetItem", KEY)
    assert service.call("GetItem", KEY) == ITEM
    assert network.time.pauses == []
    assert len(network.sockets) == 2


def test_a_reused_connection_that_breaks_while_it_is_sent_to_costs_no_attempt() -> None:
    network = scripted(answer(ITEM), [Raises(BrokenPipeError())], answer(ITEM))
    service = network.service()
    service.call("GetItem", KEY)
    network.breaks_when_sent_to = True
    assert service.call("GetItem", KEY) == ITEM
    assert network.time.pauses == []


def test_what_is_sent_once_more_is_the_same_request() -> None:
    network = scripted(answer(ITEM), [CLOSED], answer(ITEM))
    service = network.service()
    service.call("GetItem", KEY)
    service.call("UpdateItem", KEY)
    assert network.requests[1] == network.requests[2]


def test_a_new_connection_without_an_octet_costs_an_attempt() -> None:
    network = scripted([CLOSED], [CLOSED], answer(ITEM))
    with pytest.raises(Unreachable, match="closed"):
        get(network)
    assert len(network.requests) == ATTEMPTS


def test_silence_on_a_reused_connection_costs_an_attempt() -> None:
    """It may be at work: who is only slow is not asked twice at once."""
    network = scripted(answer(ITEM), SILENCE, SILENCE, answer(ITEM))
    service = network.service()
    service.call("GetItem", KEY)
    with pytest.raises(Unreachable, match="timeout"):
        service.call("GetItem", KEY)
    assert len(network.requests) == 1 + ATTEMPTS


def test_a_half_answer_on_a_reused_connection_costs_an_attempt() -> None:
    network = scripted(answer(ITEM), [answer(ITEM)[:40], CLOSED], answer(ITEM))
    service = network.service()
    service.call("GetItem", KEY)
    assert service.call("GetItem", KEY) == ITEM
    assert len(network.time.pauses) == 1


def test_connection_close_is_heeded() -> None:
    network = scripted(answer(ITEM, connection="Close"), answer(ITEM))
    service = network.service()
    service.call("GetItem", KEY)
    assert network.sockets[0].is_closed
    assert service.call("GetItem", KEY) == ITEM


@pytest.mark.parametrize("error", [ConnectionRefusedError(), OSError(101, "unreachable"), gaierror()])
def test_a_connection_that_cannot_be_opened_is_tried_once_more(error: OSError) -> None:
    network = scripted(answer(ITEM))
    network.refuses = [error]
    assert get(network) == ITEM
    network.refuses = [error, error]
    with pytest.raises(Unreachable, match=type(error).__name__):
        get(network)


# ------------------------------------------------------------------ time


def test_no_answer_in_time_and_then_one() -> None:
    network = scripted(SILENCE, answer(ITEM))
    service = network.service()
    assert service.call("GetItem", KEY) == ITEM
    assert [one.is_closed for one in network.sockets] == [True, False]


def test_no_answer_at_all_ends_with_the_deadline() -> None:
    network = scripted(*[SILENCE] * 9)
    began = network.time.steady
    with pytest.raises(Unreachable, match="timeout"):
        get(network)
    assert len(network.requests) == ATTEMPTS
    assert network.time.steady - began <= DEADLINE


def test_an_answer_that_drips_ends_in_time() -> None:
    """Each octet comes well within a timeout; all of them would take a minute."""
    octets = answer(ITEM)
    drip = [event for at in range(len(octets)) for event in (Wait(0.2), octets[at : at + 1])]
    network = scripted(drip, drip)
    began = network.time.steady
    with pytest.raises(Unreachable, match="timeout"):
        get(network)
    assert network.time.steady - began <= DEADLINE


def test_an_answer_in_pieces_that_comes_in_time_is_one() -> None:
    octets = answer(ITEM)
    pieces = [event for at in range(0, len(octets), 7) for event in (Wait(0.001), octets[at : at + 7])]
    assert get(scripted(pieces)) == ITEM


def test_a_peer_that_takes_a_request_slowly_ends_in_time() -> None:
    network = scripted(answer(ITEM))
    network.window, network.seconds_to_send = 10, 0.3
    began = network.time.steady
    with pytest.raises(Unreachable, match="timeout"):
        get(network)
    assert network.time.steady - began <= DEADLINE


def test_a_request_is_sent_in_pieces_where_it_must_be() -> None:
    network = scripted(answer(ITEM))
    network.window = 10
    assert get(network) == ITEM
    assert body_of(network.requests[0]) == KEY


def test_a_connection_that_opens_slowly_leaves_a_second_for_the_answer() -> None:
    network = scripted([Wait(0.9), answer(ITEM)])
    network.refuses = [0.9]
    assert get(network) == ITEM


def test_a_connection_that_never_opens_ends_in_time() -> None:
    network = scripted()
    network.refuses = [60.0, 60.0]
    began = network.time.steady
    with pytest.raises(Unreachable, match="timeout"):
        get(network)
    assert network.time.steady - began <= ATTEMPTS * CONNECT_TIMEOUT + 0.1


# ------------------------------------------------------------------ answers that are none

TOLD = answer(ITEM)
HALF = len(TOLD) - 5
LENGTH = f"content-length: {len(json.dumps(ITEM))}\r\n".encode()
# What comes, and the reason that is told of it.
NOT_ANSWERS: dict[str, tuple[list[Event], str]] = {
    "half an answer": ([TOLD[:HALF], CLOSED], "closed"),
    "half a head": ([TOLD[:30], CLOSED], "closed"),
    "a reset within the body": ([TOLD[:HALF], Raises(ConnectionResetError())], "ConnectionResetError"),
    "longer than told": ([TOLD + b"x"], "longer_than_told"),
    "longer by what no document minds": ([without("x-amz-crc32", TOLD) + b" "], "longer_than_told"),
    "another answer behind it": ([TOLD + answer(OTHER)], "longer_than_told"),
    "no length": ([without("content-length", TOLD), CLOSED], "no_length"),
    "two lengths": ([TOLD.replace(b"\r\n\r\n", b"\r\nContent-Length: 1\r\n\r\n", 1)], "two_lengths"),
    "two equal lengths": ([TOLD.replace(LENGTH, LENGTH + LENGTH, 1)], "two_lengths"),
    "a length that is no number": ([answer(ITEM, content_length="+58")], "no_length"),
    "a negative length": ([answer(ITEM, content_length="-1")], "no_length"),
    "a list of lengths": ([answer(ITEM, content_length="58, 58")], "no_length"),
    "a length beyond all bounds": ([answer(ITEM, content_length="9" * 5000)], "body_too_long"),
    "a body beyond what is taken": ([answer(ITEM, content_length=str(MAX_BODY + 1))], "body_too_long"),
    "chunks": ([without("content-length", answer(b"0\r\n\r\n", transfer_encoding="chunked"))], "no_length"),
    "chunks and a length": ([answer(ITEM, transfer_encoding="chunked")], "no_length"),
    "an interim answer": ([b"HTTP/1.1 100 Continue\r\n\r\n" + TOLD], "malformed_status"),
    "an interim answer with a length": ([b"HTTP/1.1 103 Early\r\nContent-Length: 0\r\n\r\n"], "malformed_status"),
    "another protocol": ([b"SSH-2.0-OpenSSH_9.6\r\n\r\n"], "malformed_status"),
    "another version": ([TOLD.replace(b"HTTP/1.1", b"HTTP/1.0", 1)], "malformed_status"),
    "no status": ([TOLD.replace(b" 200 ", b" OK! ", 1)], "malformed_status"),
    "a status of four digits": ([TOLD.replace(b" 200 ", b" 2000 ", 1)], "malformed_status"),
    "success of another kind": ([answer(ITEM, 202)], "malformed_body"),
    "a folded header": ([TOLD.replace(b"Server\r\n", b"Server\r\n more\r\n", 1)], "malformed_header"),
    "a header without a colon": ([TOLD.replace(b"server: Server", b"server", 1)], "malformed_header"),
    "a header without a name": ([TOLD.replace(b"server: Server", b": Server", 1)], "malformed_header"),
    "a space before the colon": ([TOLD.replace(b"content-length:", b"content-length :", 1)], "malformed_header"),
    "lines that end in less": ([TOLD.replace(b"Server\r\n", b"Server\n", 1)], "malformed_head"),
    "a lone CR": ([TOLD.replace(b"Server\r\n", b"Ser\rver\r\n", 1)], "malformed_head"),
    "a NUL": ([TOLD.replace(b"Server\r\n", b"Ser\0ver\r\n", 1)], "malformed_head"),
    "a head without an end": ([b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * MAX_HEAD], "head_too_long"),
    "a head that is too long": ([TOLD.replace(b"Server\r\n", b"S" * MAX_HEAD + b"\r\n", 1)], "head_too_long"),
    "a wrong checksum": ([answer(ITEM, x_amz_crc32="1")], "checksum"),
    "a checksum that is no number": ([answer(ITEM, x_amz_crc32="x" * 5000)], "checksum"),
    "no document": ([answer(b"<html></html>")], "malformed_body"),
    "half a document": ([answer(b'{"Item":')], "malformed_body"),
    "a document that is no object": ([answer(b"[]")], "malformed_body"),
    "octets that are no text": ([answer(b'{"a":"\xff"}')], "malformed_body"),
    "a document of endless depth": ([answer(b"[" * 100_000)], "malformed_body"),
}


@pytest.mark.parametrize("step", [step for step, _ in NOT_ANSWERS.values()], ids=NOT_ANSWERS.keys())
def test_what_is_no_answer_is_asked_for_again_on_another_connection(step: list[Event]) -> None:
    network = scripted(step, answer(ITEM))
    service = network.service()
    assert service.call("GetItem", KEY) == ITEM
    assert [one.is_closed for one in network.sockets] == [True, False]


@pytest.mark.parametrize(("step", "reason"), NOT_ANSWERS.values(), ids=NOT_ANSWERS.keys())
def test_what_is_never_an_answer_is_unreachable(step: list[Event], reason: str) -> None:
    network = scripted(step, step)
    service = network.service()
    with pytest.raises(Unreachable) as caught:
        service.call("GetItem", KEY)
    assert caught.value.reason == reason
    assert all(one.is_closed for one in network.sockets)


def test_an_answer_that_comes_unasked_is_taken_for_nothing() -> None:
    """It came after the first answer was read, and would be taken for the second."""
    network = scripted([answer(ITEM), Late(answer(OTHER))], answer(ITEM))
    service = network.service()
    service.call("GetItem", KEY)
    assert service.call("GetItem", KEY) == ITEM
    assert [one.is_closed for one in network.sockets] == [True, False]


def test_whoever_breaks_in_leaves_no_answer_behind() -> None:
    """What is raised from outside, such as by a signal, while an answer is under way."""

    class BrokeIn(BaseException):
        pass

    network = scripted([Raises(BrokeIn()), answer(OTHER)], answer(ITEM))
    service = network.service()
    with pytest.raises(BrokeIn):
        service.call("GetItem", KEY)
    assert service.call("GetItem", KEY) == ITEM
    assert [one.is_closed for one in network.sockets] == [True, False]


@pytest.mark.parametrize("name", ["content-length", "Content-Length", "CONTENT-LENGTH"])
def test_names_of_headers_have_no_case(name: str) -> None:
    assert get(scripted(TOLD.replace(b"content-length", name.encode(), 1))) == ITEM


def test_an_answer_without_a_body_is_empty() -> None:
    """KMS answers some operations so."""
    assert get(scripted(answer(b""))) == {}


# ------------------------------------------------------------------ codes


@pytest.mark.parametrize(
    "told",
    [
        "Code",
        "com.amazonaws.dynamodb.v20120810#Code",
        "com.amazon.coral.service#Code",
        "Code:http://internal.amazon.com/coral/com.amazonaws.dynamodb/",
        "aws.protocoltests#Code:http://internal.amazon.com/coral/aws#other",
    ],
)
def test_a_code_is_told_in_the_body_or_a_header(told: str) -> None:
    for octets in (answer({"__type": told}, 400), answer(b"", 400, x_amzn_errortype=told)):
        with pytest.raises(Refused) as caught:
            get(scripted(octets))
        assert caught.value.code == "Code"


@pytest.mark.parametrize("document", [{}, {"__type": ""}, {"__type": 7}, {"__type": None}, [], "x"])
def test_without_a_code_the_status_is_one(document: object) -> None:
    with pytest.raises(Refused) as caught:
        get(scripted(answer(document, 418)))
    assert caught.value.code == "418"


# ------------------------------------------------------------------ repetition


def test_a_transaction_has_one_token_in_all_its_attempts_and_another_in_each_call() -> None:
    network = scripted(refusal("InternalServerError", 500), answer({}), refusal("ThrottlingException"), answer({}))
    service = network.service()
    service.call("TransactWriteItems", {"TransactItems": []})
    service.call("TransactWriteItems", {"TransactItems": []})
    tokens = [body_of(request)["ClientRequestToken"] for request in network.requests]
    assert tokens[0] == tokens[1] != tokens[2] == tokens[3]
    assert all(1 <= len(token) <= 36 for token in tokens)


def test_a_token_of_the_callers_stays() -> None:
    network = scripted(answer({}))
    network.service().call("TransactWriteItems", {"TransactItems": [], "ClientRequestToken": "mine"})
    assert body_of(network.requests[0])["ClientRequestToken"] == "mine"


def test_arguments_are_left_as_they_were() -> None:
    arguments: dict[str, object] = {"TransactItems": []}
    scripted(answer({})).service().call("TransactWriteItems", arguments)
    assert arguments == {"TransactItems": []}


@pytest.mark.parametrize("operation", ["GetItem", "PutItem", "UpdateItem", "Query"])
def test_other_operations_have_no_token(operation: str) -> None:
    network = scripted(answer({}))
    network.service().call(operation, KEY)
    assert body_of(network.requests[0]) == KEY
    assert header_of(network.requests[0], "X-Amz-Target") == f"DynamoDB_20120810.{operation}"


# ------------------------------------------------------------------ the clock

TWO_HOURS_LATER = "Thu, 01 Jan 2026 14:00:00 GMT"


@pytest.mark.parametrize("code", ["InvalidSignatureException", "RequestTimeTooSkewed", "SignatureDoesNotMatch"])
def test_a_wrong_clock_is_set_by_the_date_of_a_refusal(code: str) -> None:
    network = scripted(refusal(code, date=TWO_HOURS_LATER), answer(ITEM), answer(ITEM))
    service = network.service()
    assert service.call("GetItem", KEY) == ITEM
    assert service.call("GetItem", KEY) == ITEM
    times = [header_of(request, "X-Amz-Date") for request in network.requests]
    assert times == ["20260101T120000Z", "20260101T140000Z", "20260101T140000Z"]
    assert network.time.pauses == []


@pytest.mark.parametrize(
    "date",
    [
        "Thu, 01 Jan 2026 12:00:30 GMT",
        "",
        "yesterday",
        "Thu, 01 Foo 2026 14:00:00 GMT",
        "Thu, 32 Jan 2026 14:00:00 GMT",
        "Thursday, 01-Jan-26 14:00:00 GMT",
    ],
)
def test_a_wrong_signature_is_not_the_clocks_fault_where_the_clock_is_right_or_nobody_tells(date: str) -> None:
    network = scripted(refusal("InvalidSignatureException", date=date))
    with pytest.raises(Refused, match="InvalidSignatureException"):
        get(network)
    assert len(network.requests) == 1


def test_a_clock_is_set_once_a_call() -> None:
    network = scripted(
        refusal("InvalidSignatureException", date=TWO_HOURS_LATER),
        refusal("InvalidSignatureException", date="Thu, 01 Jan 2026 16:00:00 GMT"),
    )
    with pytest.raises(Refused, match="InvalidSignatureException"):
        get(network)


# ------------------------------------------------------------------ the init phase


def test_a_connection_that_was_opened_early_is_used() -> None:
    network = scripted(answer(ITEM))
    service = network.service()
    service.connect()
    assert (len(network.sockets), network.requests) == (1, [])
    assert service.call("GetItem", KEY) == ITEM
    assert len(network.sockets) == 1


def test_a_connection_that_could_not_be_opened_early_is_left_to_the_first_call() -> None:
    network = scripted(answer(ITEM))
    network.refuses = [ConnectionRefusedError()]
    service = network.service()
    service.connect()
    assert service.call("GetItem", KEY) == ITEM


def test_a_connection_that_was_opened_early_and_died_costs_no_attempt() -> None:
    network = scripted([CLOSED], answer(ITEM))
    service = network.service()
    service.connect()
    assert service.call("GetItem", KEY) == ITEM
    assert network.time.pauses == []


def test_a_closed_service_opens_another_connection() -> None:
    network = scripted(answer(ITEM), answer(ITEM))
    service = network.service()
    service.call("GetItem", KEY)
    service.close()
    assert network.sockets[0].is_closed
    assert service.call("GetItem", KEY) == ITEM


# ------------------------------------------------------------------ what may not be told


def test_no_error_says_what_was_in_an_answer_or_signed_with() -> None:
    secret = "an-item-that-nobody-may-read"
    steps = [answer({"Item": {"pk": {"S": secret}}})[:-3] + b"..", answer(secret.encode())]
    for step in steps:
        with pytest.raises(Unreachable) as caught:
            get(scripted([step], [step]))
        told: BaseException | None = caught.value
        while told:
            assert secret not in repr(told)
            told = told.__cause__
    with pytest.raises(Refused) as refused:
        get(scripted(refusal("ConditionalCheckFailedException", more={"Item": {"pk": {"S": secret}}})))
    assert secret not in repr(refused.value)
    assert secret not in str(refused.value)
