"""API Gateway's events and answers, in both payload formats.

`endpoint` does what every function needs and nothing else: event to `HttpRequest`, `HttpResponse` to answer, one log
line with a metric in it, errors to the wire.
"""

from __future__ import annotations

import time
from base64 import b64decode
from binascii import Error as BinasciiError
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any
from urllib.parse import unquote, urlencode

from authserver.aws.log import told, write_request, write_unexpected
from authserver.errors import (
    InvalidRequest,
    MethodNotAllowed,
    NotThroughEdge,
    OAuthError,
    ServerError,
)
from authserver.wire.http import CORS, NO_STORE, Headers, HttpRequest, HttpResponse, render_error, render_preflight

# The stage variable of an API behind CloudFront (`edge`). Going back to earlier functions brings back none of it. The
# template writes a word where there is no edge: a stage may keep a variable that is left out.
EDGE_SECRET_DIGESTS = "edge_secret_digests"
NO_EDGE = "none"

type Event = Mapping[str, Any]
type Handler = Callable[[Event, Any], dict[str, Any]]
type Cors = Callable[[HttpRequest], Headers]
type ErrorRenderer = Callable[[OAuthError, HttpRequest], HttpResponse]


def _render_error(error: OAuthError, _: HttpRequest) -> HttpResponse:
    return render_error(error)


def endpoint(
    *methods: str,
    cors: bool | Cors = False,
    render_error: ErrorRenderer = _render_error,
    find_route: Callable[[Event], Event] = lambda event: event,
) -> Callable[[Callable[[HttpRequest], HttpResponse]], Handler]:
    """Makes a Lambda handler of a function from `HttpRequest` to `HttpResponse` that serves these methods.

    `cors` answers preflights and lets pages of any origin read the answer, without credentials; or it gives the headers
    that let them, none where no page may. `render_error` is how this endpoint says an `OAuthError`. `find_route` tells
    the routes apart that the template routes here as one (`routes.Paths.find`).
    """

    def decorate(serve: Callable[[HttpRequest], HttpResponse]) -> Handler:
        @wraps(serve)
        def handler(event: Event, _context: Any) -> dict[str, Any]:
            began = time.perf_counter()
            told.clear()
            request, response = _serve(event, serve, methods, cors, render_error, find_route)
            route = request.route or "unknown"
            if caller := request.authorizer:
                told.update(client_id=caller.get("client_id", ""), subject=caller.get("sub", ""))
            write_request(route, request.method, response.status, response.reason, request.id, began)
            return _answer(response, event)

        return handler

    return decorate


def _serve(
    event: Event,
    serve: Callable[[HttpRequest], HttpResponse],
    methods: tuple[str, ...],
    cors: bool | Cors,
    render_error: ErrorRenderer,
    find_route: Callable[[Event], Event],
) -> tuple[HttpRequest, HttpResponse]:
    request = HttpRequest("", "", id=request_id_of(event))
    try:
        request = read_request(event, find_route)
        if not _is_of_this_realm(request, event):
            return request, no_such_path("realm_unknown")
        if request.method == "OPTIONS" and (headers := _cors_of(request, cors)):
            return request, render_preflight(methods, headers)
        _require_method(request, methods)
        response = serve(request)
    except NotThroughEdge as refusal:
        return request, _forbidden(refusal)
    except OAuthError as error:
        response = render_error(error, request)
    except Exception:  # noqa: BLE001 - told with its traceback, and answered
        write_unexpected(request.id)
        response = render_error(ServerError("The request could not be completed", reason="unexpected"), request)
    return request, response.with_headers(*_cors_of(request, cors))


def _forbidden(refusal: NotThroughEdge) -> HttpResponse:
    """What API Gateway answers itself to a request that a policy refuses; nothing is read to render it."""
    headers = (("Content-Type", "application/json"), *NO_STORE)
    return HttpResponse(refusal.status, headers, '{"message":"Forbidden"}', reason=refusal.reason)


def no_such_path(reason: str) -> HttpResponse:
    """What API Gateway says of a path that it does not know."""
    return HttpResponse(404, (("Content-Type", "application/json"),), '{"message":"Not Found"}', reason=reason)


def _cors_of(request: HttpRequest, cors: bool | Cors) -> Headers:
    if callable(cors):
        return cors(request)
    return CORS if cors else ()


def _is_of_this_realm(request: HttpRequest, event: Event) -> bool:
    """Whether the path is there: those of Keycloak name a realm, which has to be the one that the operator named."""
    realm = request.path_parameters.get("realm")
    return realm is None or realm == (event.get("stageVariables") or {}).get("realm")


def _require_method(request: HttpRequest, methods: tuple[str, ...]) -> None:
    served = (*methods, "HEAD") if "GET" in methods else methods
    if request.method not in served:
        raise MethodNotAllowed(", ".join(served))


# ------------------------------------------------------------------ events


MALFORMED = (AttributeError, KeyError, TypeError, ValueError)  # what reading an event of another form raises


def source_of(event: Event) -> str:
    """The address that a request of either API comes from; whatever wants to know it asks here.

    It is the one that API Gateway saw, and no header has a say; but where the API is behind CloudFront, the viewer's.
    Raises `NotThroughEdge` if the request did not come from there, and what is in `MALFORMED`.
    """
    digests = (event.get("stageVariables") or {}).get(EDGE_SECRET_DIGESTS)
    if digests and digests != NO_EDGE:
        from authserver.aws.edge import viewer_of

        return viewer_of(event, digests)
    context = event["requestContext"]
    return _text((context.get("identity") or context["http"])["sourceIp"])


def read_request(event: Event, find_route: Callable[[Event], Event] = lambda event: event) -> HttpRequest:
    """The request in an event of either payload format, under the route that `find_route` finds for it.

    Raises `NotThroughEdge` before anything else, and `InvalidRequest` on what is no such event.
    """
    try:
        source = source_of(event)
        event = find_route(event)
        return _read_v2(event, source) if event.get("version") == "2.0" else _read_v1(event, source)
    except MALFORMED:
        raise InvalidRequest("The request is not well-formed", reason="event_malformed") from None


def _read_v2(event: Event, source: str) -> HttpRequest:
    context, variables = event["requestContext"], event.get("stageVariables") or {}
    own_address = f"https://{context['domainName']}"
    is_of_a_resource = "issuer" in variables
    return HttpRequest(
        method=context["http"]["method"].upper(),
        route=event["routeKey"],
        query=_text(event.get("rawQueryString") or ""),
        headers=read_headers(event),
        cookies=_read_cookies(event.get("cookies") or ()),
        body=_read_body(event),
        source=source,
        origin=variables.get("issuer") or own_address,
        resource=variables.get("resource") or (own_address if is_of_a_resource else ""),
        address=own_address if is_of_a_resource else "",
        path_parameters=read_path_parameters(event),
        id=request_id_of(event),
    )


def _read_v1(event: Event, source: str) -> HttpRequest:
    context, variables = event["requestContext"], event.get("stageVariables") or {}
    base_path = base_path_of(event)
    resource = variables.get("resource") or f"https://{context['domainName']}{base_path}"
    return HttpRequest(
        method=event["httpMethod"].upper(),
        route=f"{event['httpMethod'].upper()} {event['resource']}",
        query=_read_v1_query(event),
        headers=read_headers(event),
        body=_read_body(event),
        source=source,
        origin=variables.get("issuer", ""),
        resource=resource,
        address=f"{'/'.join(resource.split('/')[:3])}{base_path}",
        path_parameters=read_path_parameters(event),
        authorizer={name: str(value) for name, value in (context.get("authorizer") or {}).items()},
        id=request_id_of(event),
    )


def base_path_of(event: Event) -> str:
    """What is before a REST API's own paths in the address that was called: its stage, or what a custom domain maps
    to it; empty at a root."""
    called = str((event.get("requestContext") or {}).get("path") or "").strip("/").split("/")
    parameters = event.get("pathParameters") or {}
    own = sum(_steps(step, parameters) for step in event["resource"].split("/") if step)
    return "".join(f"/{step}" for step in called[: max(len(called) - own, 0)] if step)


def _steps(step: str, parameters: Mapping[str, str]) -> int:
    """How many steps of a path this one of a route stands for: ``{proxy+}`` for several."""
    return len(parameters.get(step[1:-2], "").strip("/").split("/")) if step.endswith("+}") else 1


def _read_v1_query(event: Event) -> str:
    """The query in its raw form again, each repetition of a parameter in it."""
    query = event.get("multiValueQueryStringParameters") or {}
    return urlencode([(name, _text(value)) for name, values in query.items() for value in values])


def read_headers(event: Event) -> dict[str, str]:
    return {name.lower(): _text(value) for name, value in (event.get("headers") or {}).items()}


def read_path_parameters(event: Event) -> dict[str, str]:
    """What the path's parameters say, percent-decoded once. Raises `ValueError` on what is not UTF-8.

    REST APIs hand them over as they were sent, with ``%2F`` within its segment. HTTP APIs, whose events alone have a
    ``version``, decode the path before they look for its route.
    """
    given = event.get("pathParameters") or {}
    if "version" in event:
        return {name: _text(value) for name, value in given.items()}
    return {name: unquote(_text(value), errors="strict") for name, value in given.items()}


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not text")
    return value


def _read_body(event: Event) -> bytes:
    body = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        return str(body).encode("utf-8", "surrogateescape")
    try:
        return b64decode(body, validate=True)
    except BinasciiError as error:
        raise ValueError("body is not base64") from error


def _read_cookies(cookies: Iterable[str]) -> dict[str, str]:
    """Cookies by name; the first of a name is the one with the longest path (RFC 6265 section 5.4)."""
    found: dict[str, str] = {}
    for cookie in cookies:
        for pair in cookie.split(";"):
            name, equals, value = pair.strip().partition("=")
            if equals:
                found.setdefault(name, value)
    return found


# ------------------------------------------------------------------ answers


def _answer(response: HttpResponse, event: Event) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "statusCode": response.status,
        "headers": dict(response.headers),
        "body": response.body,
        "isBase64Encoded": False,
    }
    if response.cookies and event.get("version") == "2.0":
        answer["cookies"] = list(response.cookies)
    return answer


def request_id_of(event: Event) -> str:
    """API Gateway's own name for a request; empty for what is no event of its."""
    context = event.get("requestContext")
    return str(context.get("requestId", "")) if isinstance(context, dict) else ""
