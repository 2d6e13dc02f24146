"""One call to a service: an attempt, what is put right at once, what is tried again, and what it comes to."""

import os
import re
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from json import JSONDecoder, JSONEncoder
from json.encoder import c_make_encoder, encode_basestring_ascii  # type: ignore[attr-defined]  # typeshed has it not
from typing import Any, NamedTuple, Self
from zlib import crc32

from authserver.aws.lean.connection import Answer, Connection, Deadline, OpenSocket, TransportFault, open_socket
from authserver.aws.lean.credentials import Credentials, CredentialSource
from authserver.aws.lean.endpoints import Endpoint, endpoint
from authserver.aws.lean.signing import Signer
from authserver.aws.service import Refused, Unreachable

# Seconds for a call with all its attempts: one that waited out its answer on an open connection (1), and one that opens
# another and waits (1 + 1). The shortest timeout of a function that calls is 5, so there is time to answer with a 503.
DEADLINE = 3.0
ATTEMPTS = 2  # where no answer came, or one that the service could not help
THROTTLED_ATTEMPTS = 5  # where it only asked for patience; the deadline may end them earlier
FIRST_PAUSE = 0.05  # seconds at most before the second attempt; twice as long before each after it
SKEW_IN_DOUBT = 60  # seconds by which a clock must be wrong for that to have been the reason; AWS takes five minutes

# Those that botocore's standard mode tries again.
TRANSIENT_STATUS = frozenset({500, 502, 503, 504})
TRANSIENT = frozenset(
    {
        "PriorRequestNotComplete",
        "ReplicatedWriteConflictException",
        "RequestTimeout",
        "RequestTimeoutException",
    }
)
THROTTLED = frozenset(
    {
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
UNTIMELY = frozenset({"InvalidSignatureException", "RequestExpired", "RequestTimeTooSkewed", "SignatureDoesNotMatch"})
EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException"})

HTTP_DATE = re.compile(r"\w{3}, (?P<day>\d\d) (?P<month>\w{3}) (?P<year>\d{4}) (?P<time>\d\d:\d\d:\d\d) GMT", re.ASCII)
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# As in `values`, from which this package imports nothing: the encoder that `json.dumps` makes anew for each text.
_written_as_json = c_make_encoder(
    None, JSONEncoder().default, encode_basestring_ascii, None, ":", ",", False, False, False
)
_decode = JSONDecoder().decode


class Protocol(NamedTuple):
    """What a service's model says of it: AWS JSON 1.0 or 1.1, by `version`."""

    name: str
    target: str
    version: str


DYNAMODB = Protocol("dynamodb", "DynamoDB_20120810", "1.0")
KMS = Protocol("kms", "TrentService", "1.1")
# The operations of which a service knows a repetition by a token, and the name that it has.
IDEMPOTENCY_TOKENS = {"TransactWriteItems": "ClientRequestToken"}


def fraction() -> float:
    """A random number of at least 0 and less than 1."""
    return int.from_bytes(os.urandom(6)) / 2**48


class LeanService:
    """Implements `service.Service`. Each thread has a connection of its own."""

    def __init__(
        self,
        protocol: Protocol,
        endpoint: Endpoint,
        credentials: CredentialSource,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        fraction: Callable[[], float] = fraction,
        open_socket: OpenSocket = open_socket,
    ) -> None:
        """`clock` tells epoch seconds; `fraction` a random part of the longest pause."""
        self._protocol = protocol
        self._endpoint = endpoint
        self._credentials = credentials
        self._signer = Signer(protocol.name, endpoint, f"application/x-amz-json-{protocol.version}")
        self._clock = clock
        self._monotonic = monotonic
        self._sleep = sleep
        self._fraction = fraction
        self._open_socket = open_socket
        self._threads = threading.local()
        self._skew = 0.0  # seconds by which the service's clock is ahead of ours

    @classmethod
    def from_environ(cls, protocol: Protocol, environ: Mapping[str, str], credentials: CredentialSource) -> Self:
        """The service that the environment leads to. Raises `endpoints.Unsupported`: then it is boto3's to call."""
        return cls(protocol, endpoint(protocol.name, environ), credentials)

    def connect(self) -> None:
        """Opens the connection of this thread, in the init phase. A failure is left to the first call."""
        with suppress(TransportFault):
            self._connection().open(Deadline(DEADLINE, self._monotonic))

    def close(self) -> None:
        """Closes the connection of this thread."""
        self._connection().close()

    def call(self, operation: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        target = f"{self._protocol.target}.{operation}"
        body = "".join(_written_as_json(_with_token(operation, arguments), 0)).encode()
        deadline = Deadline(DEADLINE, self._monotonic)
        attempt, is_put_right = 1, False
        while True:
            try:
                credentials = self._credentials.current(deadline)
                return self._attempt(target, body, credentials, deadline)
            except TransportFault as fault:
                if attempt >= ATTEMPTS or not self._has_paused(attempt, deadline):
                    raise Unreachable(fault.reason) from fault
            except _Refusal as refusal:
                if not is_put_right and self._put_right(refusal, credentials, deadline):
                    is_put_right = True
                    continue
                if attempt >= refusal.attempts or not self._has_paused(attempt, deadline):
                    raise
            attempt += 1

    def _has_paused(self, attempt: int, deadline: Deadline) -> bool:
        """Waits for a random part of a pause that doubles with each attempt; not if the deadline comes first."""
        pause = self._fraction() * FIRST_PAUSE * 2 ** (attempt - 1)
        if not deadline.allows(pause):
            return False
        self._sleep(pause)
        return True

    def _connection(self) -> Connection:
        connection: Connection | None = getattr(self._threads, "connection", None)
        if connection is None:
            connection = self._threads.connection = Connection(
                self._endpoint, clock=self._clock, monotonic=self._monotonic, open_socket=self._open_socket
            )
        return connection

    def _attempt(self, target: str, body: bytes, credentials: Credentials, deadline: Deadline) -> Mapping[str, Any]:
        """Raises `TransportFault`, `_Refusal`."""
        head = self._signer.head(target, body, credentials, self._clock() + self._skew)
        connection = self._connection()
        answer = connection.exchange(head + body, deadline)
        try:
            return _document(answer)
        except TransportFault:
            connection.close()
            raise

    def _put_right(self, refusal: "_Refusal", credentials: Credentials, deadline: Deadline) -> bool:
        """Whether there was a reason for the refusal in what we sign with, which is another now."""
        if refusal.code in EXPIRED:
            return self._has_renewed(credentials, deadline)
        return refusal.code in UNTIMELY and self._has_set_clock(refusal.date)

    def _has_renewed(self, credentials: Credentials, deadline: Deadline) -> bool:
        try:
            return self._credentials.renewed(credentials, deadline) != credentials
        except TransportFault:
            return False

    def _has_set_clock(self, date: str) -> bool:
        try:
            skew = epoch_seconds(date) - self._clock()
        except ValueError:
            return False
        if abs(skew - self._skew) < SKEW_IN_DOUBT:
            return False
        self._skew = skew
        return True


class _Refusal(Refused):
    """`attempts` tells how many are worth while; `date` is when the service says that it refused."""

    def __init__(self, answer: Answer, body: Mapping[str, Any]) -> None:
        super().__init__(_error_code(answer, body), body)
        self.date = (answer.headers.get(b"date") or b"").decode("latin-1")
        is_transient = self.code in TRANSIENT or answer.status in TRANSIENT_STATUS
        self.attempts = THROTTLED_ATTEMPTS if self.code in THROTTLED else ATTEMPTS if is_transient else 1


def _with_token(operation: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """The arguments with a token by which the service knows all attempts of one call for one."""
    name = IDEMPOTENCY_TOKENS.get(operation)
    return {**arguments, name: os.urandom(16).hex()} if name and name not in arguments else arguments


def _document(answer: Answer) -> Mapping[str, Any]:
    """What was answered. Raises `_Refusal`, and `TransportFault` for what no service answers."""
    checksum = answer.headers.get(b"x-amz-crc32")
    if checksum is not None and checksum != b"%d" % crc32(answer.body):
        raise TransportFault("checksum")
    document = _object(answer.body)
    if answer.status >= 300:
        raise _Refusal(answer, document or {})
    if answer.status != 200 or document is None:
        raise TransportFault("malformed_body")
    return document


def _object(body: bytes) -> Mapping[str, Any] | None:
    """A body as a JSON object; an empty one is one, too, and None stands for anything else."""
    try:
        document = _decode(body.decode()) if body else {}
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _error_code(answer: Answer, body: Mapping[str, Any]) -> str:
    """``Code`` of ``some.name.space#Code:some more``, which the body or a header tells; else the status."""
    told = body.get("__type")
    if not isinstance(told, str):
        told = (answer.headers.get(b"x-amzn-errortype") or b"").decode("latin-1")
    return told.partition(":")[0].rpartition("#")[2] or str(answer.status)


def epoch_seconds(date: str) -> float:
    """Of an HTTP date (``Sun, 06 Nov 1994 08:49:37 GMT``; RFC 9110, section 5.6.7). Raises `ValueError`."""
    from datetime import datetime

    match = HTTP_DATE.fullmatch(date)
    if not match or match["month"] not in MONTHS:
        raise ValueError("date")
    month = MONTHS.index(match["month"]) + 1
    return datetime.fromisoformat(f"{match['year']}-{month:02}-{match['day']}T{match['time']}Z").timestamp()
