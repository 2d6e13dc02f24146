"""botocore beside it: the same requests from the same calls, and the same answers and errors from the same octets."""

import base64
import datetime
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

import botocore.auth
import botocore.session
import pytest
from botocore.awsrequest import AWSRequest, AWSResponse, HeadersDict
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.retries import standard

from authserver.aws.lean import client as lean
from authserver.aws.lean.client import DYNAMODB, KMS, Protocol
from authserver.aws.lean.endpoints import Endpoint
from authserver.aws.lean.signing import Signer
from authserver.aws.service import Refused
from tests.lean.peers import (
    ACCESS_KEY_ID,
    CREDENTIALS,
    NOON,
    REGION,
    SECRET_ACCESS_KEY,
    SESSION_TOKEN,
    answer,
    body_of,
    header_of,
    refusal,
    scripted,
    without,
)

SERVICES = {one.name: one for one in (DYNAMODB, KMS)}
ITEM = {
    "pk": {"S": 'é\u2028𝄞 "quoted" \\ \x7f\n'},
    "n": {"N": "-12.5"},
    "b": {"B": "AP8="},
    "none": {"NULL": True},
    "ss": {"SS": ["a", "ü"]},
    "bs": {"BS": ["AA==", "/w=="]},
    "l": {"L": [{"S": ""}, {"B": ""}, {"M": {"k": {"BOOL": True}, "bb": {"B": "cQ=="}}}]},
}
KEY = {"pk": ITEM["pk"]}
# Calls as the port has them: the JSON of the service's protocol, binary as base64.
CALLS: list[tuple[str, str, dict[str, Any]]] = [
    ("dynamodb", "GetItem", {"TableName": "t", "Key": KEY, "ConsistentRead": True}),
    ("dynamodb", "PutItem", {"TableName": "t", "Item": ITEM, "ConditionExpression": "attribute_not_exists(pk)"}),
    (
        "dynamodb",
        "UpdateItem",
        {
            "TableName": "t",
            "Key": KEY,
            "UpdateExpression": "SET n = n + :one",
            "ExpressionAttributeValues": {":one": {"N": "1"}, ":b": ITEM["b"]},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        },
    ),
    ("dynamodb", "DeleteItem", {"TableName": "t", "Key": KEY}),
    ("dynamodb", "Query", {"TableName": "t", "KeyConditionExpression": "pk = :v", "Limit": 5}),
    ("dynamodb", "BatchGetItem", {"RequestItems": {"t": {"Keys": [KEY], "ConsistentRead": True}}}),
    (
        "dynamodb",
        "TransactWriteItems",
        {"TransactItems": [{"Put": {"TableName": "t", "Item": ITEM}}], "ClientRequestToken": "token"},
    ),
    ("kms", "Encrypt", {"KeyId": "key", "Plaintext": "AP8=", "EncryptionContext": {"ring": "r", "kid": "k"}}),
    ("kms", "Decrypt", {"KeyId": "key", "CiphertextBlob": "AP8=", "EncryptionContext": {"ring": "r", "kid": "k"}}),
]
IDS = [operation for _, operation, _ in CALLS]


class Raw(io.BytesIO):
    """A body as botocore reads it."""

    def stream(self) -> Iterator[bytes]:
        yield self.read()


class Botocore:
    """A botocore client that sends nothing: it keeps its requests, and is given the octets of answers."""

    def __init__(self, service: str) -> None:
        self.client = botocore.session.Session().create_client(
            service,
            REGION,
            aws_access_key_id=ACCESS_KEY_ID,
            aws_secret_access_key=SECRET_ACCESS_KEY,
            aws_session_token=SESSION_TOKEN,
            config=Config(retries={"mode": "standard", "total_max_attempts": 1}, parameter_validation=False),
        )
        events: Any = self.client.meta.events
        events.register(f"before-send.{service}", self._answer)
        self.requests: list[Any] = []
        self.octets = answer({})

    def _answer(self, request: Any, **_: Any) -> AWSResponse:
        self.requests.append(request)
        head, _empty, body = self.octets.partition(b"\r\n\r\n")
        status, *lines = head.decode().split("\r\n")
        headers: Any = HeadersDict(dict(line.split(": ", 1) for line in lines))
        return AWSResponse(request.url, int(status.split(" ")[1]), headers, Raw(body))

    def call(self, operation: str, arguments: Mapping[str, Any]) -> Any:
        """The answer as the port has it. Raises `Refused`."""
        model = self.client.meta.service_model.operation_model(operation)
        method = getattr(self.client, botocore.xform_name(operation))
        try:
            told = method(**mapped(arguments, model.input_shape, base64.b64decode))
        except ClientError as error:
            code = error.response["Error"]["Code"]
            shape = next((shape for shape in model.error_shapes if shape.name == code), None)
            raise Refused(code, plain(mapped(dict(error.response), shape, encoded))) from error
        return plain(mapped(told, model.output_shape, encoded))


def encoded(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def mapped(value: Any, shape: Any, blob: Any) -> Any:
    """A value with `blob` of what the service's model calls one."""
    match shape and shape.type_name:
        case "blob":
            return blob(value)
        case "structure":
            return {name: mapped(member, shape.members.get(name), blob) for name, member in value.items()}
        case "map":
            return {name: mapped(member, shape.value, blob) for name, member in value.items()}
        case "list":
            return [mapped(member, shape.member, blob) for member in value]
    return value


def plain(told: Mapping[str, Any]) -> dict[str, Any]:
    """What the service told, without what botocore says about it and what every error has."""
    about = {"ResponseMetadata", "Error", "__type", "message", "Message"}
    return {name: value for name, value in told.items() if name not in about}


def instant(request: Any) -> float:
    """When botocore signed a request, in epoch seconds: its clock cannot be set, ours can."""
    signed = datetime.datetime.strptime(text(request.headers["X-Amz-Date"]), "%Y%m%dT%H%M%S%z")
    return signed.timestamp()


@pytest.fixture(scope="module")
def clients() -> dict[str, Botocore]:
    return {name: Botocore(name) for name in SERVICES}


# ------------------------------------------------------------------ requests


@pytest.mark.parametrize(("service", "operation", "arguments"), CALLS, ids=IDS)
def test_a_request_is_botocores(
    service: str, operation: str, arguments: dict[str, Any], clients: dict[str, Botocore]
) -> None:
    theirs = clients[service]
    theirs.octets = answer({})
    theirs.call(operation, arguments)
    other = theirs.requests[-1]
    network = scripted(answer({}))
    network.time.wall = instant(other)
    network.service(SERVICES[service]).call(operation, arguments)
    ours = network.requests[0]
    assert ours.startswith(f"{other.method} / HTTP/1.1\r\n".encode())
    for name in ("Content-Type", "X-Amz-Target", "X-Amz-Date", "X-Amz-Security-Token"):
        assert header_of(ours, name) == text(other.headers[name])
    assert other.url == f"https://{header_of(ours, 'Host')}/"
    assert body_of(ours) == json.loads(other.body)


@pytest.mark.parametrize(("service", "operation", "arguments"), CALLS, ids=IDS)
def test_a_signature_is_botocores(
    service: str, operation: str, arguments: dict[str, Any], clients: dict[str, Botocore]
) -> None:
    """Of the octets that botocore sends, which writes the same JSON with more spaces."""
    theirs = clients[service]
    theirs.call(operation, arguments)
    other = theirs.requests[-1]
    endpoint = Endpoint(f"{service}.{REGION}.amazonaws.com", 443, tls=True, region=REGION)
    signer = Signer(service, endpoint, text(other.headers["Content-Type"]))
    head = signer.head(text(other.headers["X-Amz-Target"]), other.body, CREDENTIALS, instant(other))
    assert header_of(head, "Authorization") == text(other.headers["Authorization"])


@pytest.mark.parametrize("token", ["", "a/session+token%41=="])
@pytest.mark.parametrize("port", [80, 8000])
@pytest.mark.parametrize("later", [0, 1, 86_400])
def test_a_signature_is_the_one_that_botocore_gives_the_same_request(token: str, port: int, later: int) -> None:
    """Also with a port, without a token, and on another day with the same signer."""
    credentials = CREDENTIALS._replace(session_token=token)
    signer = Signer("dynamodb", Endpoint("127.0.0.1", port, tls=False, region=REGION), "application/x-amz-json-1.0")
    signer.head("DynamoDB_20120810.GetItem", b"{}", credentials, NOON)
    head = signer.head("DynamoDB_20120810.GetItem", b'{"a":1}', credentials, NOON + later)
    assert header_of(head, "Authorization") == botocores_signature(head, b'{"a":1}', "dynamodb")


def botocores_signature(head: bytes, body: bytes, service: str) -> str:
    """The Authorization of a request as it stands, by botocore's signer."""
    signed = ("Content-Type", "Host", "X-Amz-Date", "X-Amz-Security-Token", "X-Amz-Target")
    lines = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:-2])
    headers = {name: value for name, value in lines.items() if name in signed}
    request = AWSRequest("POST", f"http://{headers['Host']}/", headers, body)
    request.context["timestamp"] = headers["X-Amz-Date"]
    credentials = botocore.credentials.Credentials(
        ACCESS_KEY_ID, SECRET_ACCESS_KEY, headers.get("X-Amz-Security-Token")
    )
    auth = botocore.auth.SigV4Auth(credentials, service, REGION)
    signature = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    names = auth.signed_headers(auth.headers_to_sign(request))
    return f"AWS4-HMAC-SHA256 Credential={auth.scope(request)}, SignedHeaders={names}, Signature={signature}"


def text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def test_each_set_of_credentials_signs_for_itself() -> None:
    signer = Signer("kms", Endpoint("h", 443, tls=True, region=REGION), "t")
    other = CREDENTIALS._replace(secret_access_key="another")
    heads = [signer.head("T.Encrypt", b"{}", one, NOON) for one in (CREDENTIALS, other, CREDENTIALS)]
    assert heads[0] == heads[2] != heads[1]


# ------------------------------------------------------------------ answers

OLD = {"Item": ITEM}
REASONS = {
    "CancellationReasons": [
        {"Code": "None"},
        {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed", "Item": ITEM},
        {"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"},
    ]
}
ANSWERS: dict[str, tuple[str, str, bytes]] = {
    "an item": ("dynamodb", "GetItem", answer({"Item": ITEM})),
    "no item": ("dynamodb", "GetItem", answer({})),
    "new attributes": ("dynamodb", "UpdateItem", answer({"Attributes": ITEM})),
    "a page": ("dynamodb", "Query", answer({"Items": [ITEM], "Count": 1, "LastEvaluatedKey": KEY})),
    "unprocessed keys": (
        "dynamodb",
        "BatchGetItem",
        answer({"Responses": {"t": [ITEM]}, "UnprocessedKeys": {"t": {"Keys": [KEY], "ConsistentRead": True}}}),
    ),
    "a transaction": ("dynamodb", "TransactWriteItems", answer({})),
    "ciphertext": ("kms", "Encrypt", answer({"CiphertextBlob": "AP8=", "KeyId": "arn", "EncryptionAlgorithm": "X"})),
    "plaintext": ("kms", "Decrypt", answer({"Plaintext": "AP8=", "KeyId": "arn", "EncryptionAlgorithm": "X"})),
    "nothing at all": ("kms", "Encrypt", answer(b"")),
}
ERRORS: dict[str, tuple[str, str, bytes]] = {
    "a condition": ("dynamodb", "PutItem", refusal("ConditionalCheckFailedException", more=OLD)),
    "a condition of no item": ("dynamodb", "PutItem", refusal("ConditionalCheckFailedException")),
    "cancelled": ("dynamodb", "TransactWriteItems", refusal("TransactionCanceledException", more=REASONS)),
    "in progress": ("dynamodb", "TransactWriteItems", refusal("TransactionInProgressException")),
    "conflict": ("dynamodb", "PutItem", refusal("TransactionConflictException")),
    "no such table": ("dynamodb", "GetItem", refusal("ResourceNotFoundException")),
    "validation": ("dynamodb", "GetItem", answer({"__type": "com.amazon.coral.validate#ValidationException"}, 400)),
    "throttled": ("dynamodb", "GetItem", refusal("ProvisionedThroughputExceededException")),
    "their fault": ("dynamodb", "GetItem", refusal("InternalServerError", 500)),
    "a page of a proxy": ("dynamodb", "GetItem", without("x-amz-crc32", answer(b"<html></html>", 503))),
    "nothing said": ("dynamodb", "GetItem", answer(b"", 502)),
    "another ciphertext": ("kms", "Decrypt", answer({"__type": "InvalidCiphertextException"}, 400)),
    "another key": ("kms", "Decrypt", answer({"__type": "IncorrectKeyException", "Message": "m"}, 400)),
    "disabled": ("kms", "Decrypt", answer({"__type": "DisabledException", "message": "m"}, 400)),
    "not allowed": ("kms", "Decrypt", answer({"__type": "AccessDeniedException", "Message": "m"}, 400)),
    "kms's own fault": ("kms", "Encrypt", answer({"__type": "KMSInternalException"}, 500)),
    "a code with an address": ("kms", "Encrypt", answer({"__type": "NotFoundException:http://amazon.com/"}, 400)),
    "a code of another space": ("kms", "Encrypt", answer({"__type": "a#b#NotFoundException:http://a.com/x#y"}, 400)),
}


@pytest.mark.parametrize(("service", "operation", "octets"), ANSWERS.values(), ids=ANSWERS.keys())
def test_an_answer_is_botocores(service: str, operation: str, octets: bytes, clients: dict[str, Botocore]) -> None:
    clients[service].octets = octets
    arguments = next(one for _, name, one in CALLS if name == operation)
    ours = scripted(octets).service(SERVICES[service]).call(operation, arguments)
    assert plain(ours) == clients[service].call(operation, arguments)


@pytest.mark.parametrize(("service", "operation", "octets"), ERRORS.values(), ids=ERRORS.keys())
def test_an_error_is_botocores(service: str, operation: str, octets: bytes, clients: dict[str, Botocore]) -> None:
    clients[service].octets = octets
    with pytest.raises(Refused) as theirs:
        clients[service].call(operation, {})
    with pytest.raises(Refused) as ours:
        scripted(*[octets] * 9).service(SERVICES[service]).call(operation, {})
    assert ours.value.code == theirs.value.code
    assert plain(ours.value.body) == theirs.value.body


# ------------------------------------------------------------------ what is tried again


def test_what_is_tried_again_is_what_botocore_tries_again() -> None:
    """By code, by status, and by what the two services' models say of their errors."""
    transient: Any = standard.TransientRetryableChecker
    throttled: Any = standard.ThrottledRetryableChecker
    models = [Botocore(name).client.meta.service_model for name in SERVICES]
    modeled = {shape.name for model in models for shape in model.error_shapes if shape.metadata.get("retryable")}
    codes = {*transient._TRANSIENT_ERROR_CODES, *throttled._THROTTLED_ERROR_CODES, *modeled}
    assert codes == lean.TRANSIENT | lean.THROTTLED
    assert set(throttled._THROTTLED_ERROR_CODES) - {"PriorRequestNotComplete"} == lean.THROTTLED
    assert set(transient._TRANSIENT_STATUS_CODES) == lean.TRANSIENT_STATUS


@pytest.mark.parametrize("protocol", [DYNAMODB, KMS])
def test_a_protocol_is_what_the_services_model_says(protocol: Protocol, clients: dict[str, Botocore]) -> None:
    told = clients[protocol.name].client.meta.service_model.metadata
    assert told["protocol"] == "json"
    assert (told["targetPrefix"], told["jsonVersion"]) == (protocol.target, protocol.version)


def test_every_operation_that_we_call_with_a_token_to_repeat_it_by_has_one(clients: dict[str, Botocore]) -> None:
    """Of the operations that this server calls."""
    model: Any = clients["dynamodb"].client.meta.service_model
    called = {operation for service, operation, _ in CALLS if service == "dynamodb"}
    tokens = {
        name: member
        for name in called
        for member, shape in model.operation_model(name).input_shape.members.items()
        if shape.metadata.get("idempotencyToken")
    }
    assert tokens == lean.IDEMPOTENCY_TOKENS
