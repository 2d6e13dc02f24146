"""The management APIs: admin, partner and account, on the ResourceApi. The authorizer has checked token and scope.

An API is a tuple of `Operation`; its function answers a request by looking its route up there (`serve`), and the
OpenAPI document is made of the same tuples. Errors are problem details (RFC 9457), lists are pages with a cursor, a
create can be repeated under one ``Idempotency-Key``, and a change is a JSON merge patch (RFC 7396).
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import field, replace
from typing import Any

from pydantic import ValidationError

from authserver.documents import Document, refusals
from authserver.errors import InvalidToken, MethodNotAllowed, OAuthError
from authserver.records import dataclass
from authserver.services import Services
from authserver.storage.lists import BadCursor, Page
from authserver.values import Scope, base64url, sha256
from authserver.wire.cookies import device_of
from authserver.wire.forms import read_query, single
from authserver.wire.http import NO_STORE, HttpRequest, HttpResponse, error_headers

MAX_BODY = 65_536
MAX_PATH_PARAMETER = 1024  # the identifier of an approval has 704, with identifiers of 255 in it
MAX_DEPTH = 32  # of a body: what is deeper is no document of ours, and costs recursion
MAX_PAGE = 100
DEFAULT_PAGE = 50
PAGE_SIZE = re.compile(r"[1-9][0-9]{0,2}")
IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,200}")
JSON = re.compile(r"application/(json|merge-patch\+json)")


class Problem(Exception):
    """What is wrong with a call, as RFC 9457 says it. `reason` is a short tag for the log and the ``type``."""

    def __init__(self, status: int, title: str, *, reason: str, errors: list[dict[str, str]] | None = None) -> None:
        super().__init__(title)
        self.status = status
        self.title = title
        self.reason = reason
        self.errors = errors or []


class NotFound(Problem):
    """There is no such thing, or none that the caller may know of."""

    def __init__(self, what: str) -> None:
        super().__init__(404, f"There is no such {what}", reason="not_found")


class Conflict(Problem):
    """The object exists already, or another request changed it meanwhile."""

    def __init__(self, title: str, *, reason: str = "conflict") -> None:
        super().__init__(409, title, reason=reason)


class Invalid(Problem):
    """A field that cannot be so; `field` names it as the document does."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(400, "The request is not valid", reason="invalid", errors=[{"field": field, "detail": detail}])


@contextmanager
def _refused() -> Iterator[None]:
    """Tells of a document that is not valid, field by field. Raises `Problem`."""
    try:
        yield
    except ValidationError as error:
        raise Problem(400, "The request is not valid", reason="invalid", errors=refusals(error)) from None


@dataclass(frozen=True, slots=True)
class Call:
    """A call of an operation, by a token that the authorizer let pass.

    `subject` is the user, or the client itself where the token is its own; `organisation` and `entities` are what it
    was granted for; `path` the path's parameters; `body` the JSON of the request; `idempotency_key` what makes a
    repeated create the same one; `device` and `source` describe the caller, as far as known; `request_id` finds the
    call in the logs.
    """

    subject: str
    client_id: str
    scope: Scope
    route: str
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    idempotency_key: str = ""
    device: str = ""
    source: str = ""
    organisation: str = ""
    entities: frozenset[str] = frozenset()
    request_id: str = ""

    @property
    def is_administrative(self) -> bool:
        """Whether it is a call of the admin API."""
        return self.route.partition(" ")[2].startswith("/admin/")

    @property
    def limit(self) -> int:
        """How many items of a list are wanted. Raises `Invalid`."""
        text = self.query.get("limit", str(DEFAULT_PAGE))
        if not PAGE_SIZE.fullmatch(text) or int(text) > MAX_PAGE:
            raise Invalid("limit", f"must be a number from 1 to {MAX_PAGE}")
        return int(text)

    @property
    def cursor(self) -> str | None:
        """Where the wanted part of a list begins."""
        return self.query.get("cursor")

    def read[D: Document](self, kind: type[D]) -> D:
        """The body as a document. Raises `Problem`, which names each field that is wrong."""
        with _refused():
            return kind.model_validate_json(json.dumps(self.body))

    def patched[D: Document](self, kind: type[D], current: Mapping[str, Any]) -> D:
        """What the body, a JSON merge patch (RFC 7396), makes of `current`, whose other fields are not looked at again.

        Raises `Problem`.
        """
        if not isinstance(self.body, Mapping):
            raise Invalid("(document)", "must be a JSON object")
        with _refused():
            return kind.changed(merge(current, self.body), self.body.keys())

    def new_identifier(self, services: Services, octets: int = 16) -> str:
        """An identifier for what this call creates: the same again if the call is repeated with its key."""
        if not self.idempotency_key:
            return base64url(services.random(octets))
        return base64url(sha256("\x00".join((self.client_id, self.subject, self.route, self.idempotency_key)))[:octets])


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation answers; `document` becomes JSON."""

    status: int = 200
    document: Any = None
    headers: tuple[tuple[str, str], ...] = ()


type Perform = Callable[[Call, Services], Answer]


@dataclass(frozen=True, slots=True)
class Operation:
    """One route of an API. `scope` is what the template's ROUTE_SCOPES ask; `body` and `answer` are documents."""

    route: str
    summary: str
    scope: str
    perform: Perform
    body: type[Document] | None = None
    answer: type[Document] | None = None
    status: int = 200
    query: Mapping[str, str] = field(default_factory=dict)  # the parameters and what they mean
    is_list: bool = False
    is_create: bool = False


def merge(target: Any, patch: Any) -> Any:
    """RFC 7396 section 2."""
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged


def page_of[R](page: Page[R], write: Callable[[R], Any]) -> Answer:
    """A part of a list, and the cursor of the next if there is one."""
    document: dict[str, Any] = {"items": [write(record) for record in page.items]}
    if page.next:
        document["next"] = page.next
    return Answer(document=document)


# ------------------------------------------------------------------ HTTP


def serve(request: HttpRequest, operations: tuple[Operation, ...], services: Services) -> HttpResponse:
    """Answers a request by the operation of its route."""
    try:
        operation = _operation_of(request, operations)
        call = read_call(request, operation)
        return _render(operation.perform(call, services))
    except Problem as problem:
        return render_problem(problem)
    except BadCursor:
        return render_problem(Invalid("cursor", "is not one of this list"))
    except ValidationError as error:
        return render_problem(Problem(400, "The request is not valid", reason="invalid", errors=refusals(error)))


def _operation_of(request: HttpRequest, operations: tuple[Operation, ...]) -> Operation:
    """Raises `MethodNotAllowed` (RFC 9110 section 15.5.6) and `NotFound`."""
    method, _, path = request.route.partition(" ")
    here = {one.route.partition(" ")[0]: one for one in operations if one.route.partition(" ")[2] == path}
    if not here:
        raise NotFound("operation")
    if method not in here:
        raise MethodNotAllowed(", ".join(here))
    return here[method]


def read_call(request: HttpRequest, operation: Operation) -> Call:
    """The call that a request is. Raises `Problem`, and `InvalidToken` if no authorizer let it pass."""
    if "client_id" not in request.authorizer:
        raise InvalidToken("An access token is required", reason="authorizer_missing")
    if any(len(value.encode("utf-8", "replace")) > MAX_PATH_PARAMETER for value in request.path_parameters.values()):
        raise NotFound("operation")
    key = request.headers.get("idempotency-key", "")
    if key and not IDEMPOTENCY_KEY.fullmatch(key):
        raise Invalid("Idempotency-Key", "must be 1 to 200 visible ASCII characters")
    return Call(
        subject=request.authorizer.get("sub", ""),
        client_id=request.authorizer["client_id"],
        scope=Scope.parse(request.authorizer.get("scope", "")),
        route=request.route,
        path=request.path_parameters,
        query=single(read_query(request)),
        body=read_json(request) if operation.body else None,
        idempotency_key=key,
        device=device_of(request),
        source=request.source,
        organisation=request.authorizer.get("org", ""),
        entities=frozenset(request.authorizer.get("entities", "").split()),
        request_id=request.id,
    )


def read_json(request: HttpRequest) -> Any:
    """The JSON of a body. Raises `Problem`."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not JSON.fullmatch(media_type):
        raise Problem(415, "The body must be application/json", reason="media_type")
    if len(request.body) > MAX_BODY:
        raise Problem(413, "The body is too large", reason="too_large")
    try:
        document = json.loads(request.body, parse_constant=_refuse_constant)
        _require_shallow(document)
        json.dumps(document, ensure_ascii=False).encode()  # a surrogate without its other half is no text
    except (RecursionError, ValueError):
        raise Problem(400, "The body is not JSON", reason="body_malformed") from None
    return document


def _require_shallow(document: Any) -> None:
    """Raises `ValueError` on a document of more than `MAX_DEPTH` levels."""
    level = [document]
    for _ in range(MAX_DEPTH):
        level = [part for whole in level for part in _parts(whole)]
        if not level:
            return
    raise ValueError("too deep")


def _parts(whole: Any) -> Iterable[Any]:
    match whole:
        case dict():
            return whole.values()
        case list():
            return whole
    return ()


def _refuse_constant(_: str) -> None:
    raise ValueError("not JSON")


def _render(answer: Answer) -> HttpResponse:
    if answer.document is None:
        return HttpResponse(204 if answer.status == 200 else answer.status, (*NO_STORE, *answer.headers))
    headers = (("Content-Type", "application/json"), *NO_STORE, *answer.headers)
    return HttpResponse(answer.status, headers, json.dumps(answer.document))


def render_problem(problem: Problem) -> HttpResponse:
    """RFC 9457 section 3."""
    members: dict[str, Any] = {
        "type": f"urn:authserver:problem:{problem.reason}",
        "title": problem.title,
        "status": problem.status,
    }
    if problem.errors:
        members["errors"] = problem.errors
        members["detail"] = "; ".join(f"{error['field']}: {error['detail']}" for error in problem.errors)
    headers = (("Content-Type", "application/problem+json"), *NO_STORE)
    return HttpResponse(problem.status, headers, json.dumps(members), reason=problem.reason)


def render_error(error: OAuthError, _: HttpRequest) -> HttpResponse:
    """An error of the protocol, such as a store that does not answer, as a problem."""
    response = render_problem(Problem(error.status, error.description, reason=error.error))
    return replace(response, reason=error.reason).with_headers(*error_headers(error))
