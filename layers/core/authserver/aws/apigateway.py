"""API Gateway's events and answers: both payload formats, and the authorizer's three.

`endpoint` does what every function needs and nothing else: event to `HttpRequest`, `HttpResponse` to answer, one log
line with a metric in it, errors to the wire.
"""

from base64 import b64decode
from binascii import Error as BinasciiError
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from authserver.aws.log import write_request, write_unexpected
from authserver.errors import (
    InsufficientScope,
    InvalidRequest,
    InvalidToken,
    MethodNotAllowed,
    OAuthError,
    ServerError,
    TemporarilyUnavailable,
)
from authserver.messages.access import AccessRequest, ActiveAccessToken
from authserver.models.organisations import EVERY_ENTITY
from authserver.wire.http import CORS, HttpRequest, HttpResponse, bearer_challenge, render_error, render_preflight

type Event = Mapping[str, Any]
type Handler = Callable[[Event, Any], dict[str, Any]]
type ErrorRenderer = Callable[[OAuthError, HttpRequest], HttpResponse]

QUERY_TOKENS = ("access_token", "bearer_token")
TOKEN_EVENT_REFUSED = (
    "An API has an authorizer of type TOKEN, whose events have no path parameters: nobody could check the organisation"
    " or the company that a path names. Make its type REQUEST; or, if no path of the API names one, deploy with"
    " TokenAuthorizers=NoTenants."
)


def _render_error(error: OAuthError, _: HttpRequest) -> HttpResponse:
    return render_error(error)


def endpoint(
    *methods: str, cors: bool = False, render_error: ErrorRenderer = _render_error
) -> Callable[[Callable[[HttpRequest], HttpResponse]], Handler]:
    """Makes a Lambda handler of a function from `HttpRequest` to `HttpResponse` that serves these methods.

    `cors` answers preflights and lets pages of any origin read the answer, without credentials. `render_error` is how
    this endpoint says an `OAuthError`.
    """

    def decorate(serve: Callable[[HttpRequest], HttpResponse]) -> Handler:
        @wraps(serve)
        def handler(event: Event, _context: Any) -> dict[str, Any]:
            request, response = _serve(event, serve, methods, cors, render_error)
            _log(request, response.status, response.reason, event)
            return _answer(response, event)

        return handler

    return decorate


def _serve(
    event: Event,
    serve: Callable[[HttpRequest], HttpResponse],
    methods: tuple[str, ...],
    cors: bool,
    render_error: ErrorRenderer,
) -> tuple[HttpRequest, HttpResponse]:
    request = HttpRequest("", "", id=_request_id(event))
    try:
        request = read_request(event)
        if cors and request.method == "OPTIONS":
            return request, render_preflight(methods)
        _require_method(request, methods)
        response = serve(request)
    except OAuthError as error:
        response = render_error(error, request)
    except Exception:  # noqa: BLE001 - told with its traceback, and answered
        write_unexpected(_request_id(event))
        response = render_error(ServerError("The request could not be completed", reason="unexpected"), request)
    return request, response.with_headers(*CORS) if cors else response


def _require_method(request: HttpRequest, methods: tuple[str, ...]) -> None:
    served = (*methods, "HEAD") if "GET" in methods else methods
    if request.method not in served:
        raise MethodNotAllowed(", ".join(served))


# ------------------------------------------------------------------ events


def read_request(event: Event) -> HttpRequest:
    """The request in an event of either payload format. Raises `InvalidRequest` on anything else."""
    try:
        return _read_v2(event) if event.get("version") == "2.0" else _read_v1(event)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise InvalidRequest("The request is not well-formed", reason="event_malformed") from None


def _read_v2(event: Event) -> HttpRequest:
    context = event["requestContext"]
    return HttpRequest(
        method=context["http"]["method"].upper(),
        route=event["routeKey"],
        query=_text(event.get("rawQueryString") or ""),
        headers=_read_headers(event),
        cookies=_read_cookies(event.get("cookies") or ()),
        body=_read_body(event),
        source=context["http"]["sourceIp"],
        origin=f"https://{context['domainName']}",
        resource=(event.get("stageVariables") or {}).get("resource", ""),
        path_parameters=event.get("pathParameters") or {},
        id=_request_id(event),
    )


def _read_v1(event: Event) -> HttpRequest:
    context = event["requestContext"]
    return HttpRequest(
        method=event["httpMethod"].upper(),
        route=f"{event['httpMethod'].upper()} {event['resource']}",
        query=_read_v1_query(event),
        headers=_read_headers(event),
        body=_read_body(event),
        source=context["identity"]["sourceIp"],
        origin=(event.get("stageVariables") or {}).get("issuer", ""),
        resource=(event.get("stageVariables") or {}).get("resource", ""),
        path_parameters=event.get("pathParameters") or {},
        authorizer={name: str(value) for name, value in (context.get("authorizer") or {}).items()},
        id=_request_id(event),
    )


def _read_v1_query(event: Event) -> str:
    """The query in its raw form again, each repetition of a parameter in it."""
    query = event.get("multiValueQueryStringParameters") or {}
    return urlencode([(name, _text(value)) for name, values in query.items() for value in values])


def _read_headers(event: Event) -> dict[str, str]:
    return {name.lower(): _text(value) for name, value in (event.get("headers") or {}).items()}


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


# ------------------------------------------------------------------ the authorizer


def authorizer(
    issuer: str,
    *,
    accepts_token_events: bool,
) -> Callable[[Callable[[AccessRequest], ActiveAccessToken]], Handler]:
    """Makes a Lambda authorizer of a function that returns the token that lets a call pass, or raises `OAuthError`.

    It answers REST APIs (request and token events, with a policy) and HTTP APIs (format 2.0, simple responses). Token
    events have no path parameters; unless it `accepts_token_events`, it fails on them as one that is misconfigured.
    """

    def decorate(check: Callable[[AccessRequest], ActiveAccessToken]) -> Handler:
        @wraps(check)
        def handler(event: Event, _context: Any) -> dict[str, Any]:
            simple = event.get("version") == "2.0"
            if event.get("type") == "TOKEN" and not accepts_token_events:
                _log_access(event, 500, "token_event_refused", advice=TOKEN_EVENT_REFUSED)
                raise RuntimeError("authorizers of type TOKEN are refused")
            try:
                token = check(_read_access_request(event))
            except OAuthError as error:
                _log_access(event, error.status, error.reason)
                return _refuse(error, event, issuer, simple=simple)
            _log_access(event, 200, "ok")
            answer = {"isAuthorized": True} if simple else _policy("Allow", event, token.subject)
            return {**answer, "context": _context_of(token)}

        return handler

    return decorate


def _read_access_request(event: Event) -> AccessRequest:
    """The call that an authorizer event is about. The route is the API's own spelling, never the caller's path."""
    try:
        if event.get("version") == "2.0":
            method, _, path = event["routeKey"].partition(" ")
            return _access_request(event, f"{method} {path}", _audience(event, event["routeArn"]))
        _refuse_wildcards(event["methodArn"])
        if event.get("type") == "TOKEN":
            method, _, path = _call_of(event["methodArn"])
            return AccessRequest(
                event["authorizationToken"], (), f"{method} /{path}", _audience({}, event["methodArn"])
            )
        route = f"{event['httpMethod'].upper()} {event['resource']}"
        return _access_request(event, route, _audience(event, event["methodArn"]))
    except (AttributeError, KeyError, TypeError, ValueError):
        raise InvalidToken("An access token is required", reason="event_malformed") from None


def _access_request(event: Event, route: str, audience: str) -> AccessRequest:
    headers = _read_headers(event)
    repeated = event.get("multiValueHeaders") or {}
    if any(name.lower() == "authorization" and len(values) > 1 for name, values in repeated.items()):
        raise ValueError("more than one Authorization header")
    query = event.get("multiValueQueryStringParameters") or {
        name: value.split(",") for name, value in (event.get("queryStringParameters") or {}).items()
    }
    tokens = tuple(value for name in QUERY_TOKENS for value in query.get(name) or ())
    path_parameters = event.get("pathParameters") or {}
    return AccessRequest(headers.get("authorization"), tokens, route, audience, path_parameters)


def _audience(event: Event, arn: str) -> str:
    """The resource identifier of the API that is called: its stage variable ``resource``, or its own address."""
    configured = (event.get("stageVariables") or {}).get("resource")
    if configured:
        return str(configured)
    _, partition, _, region, _, path = arn.split(":", 5)
    api_id, stage = path.split("/")[:2]
    suffix = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
    base = f"https://{api_id}.execute-api.{region}.{suffix}"
    return base if stage == "$default" else f"{base}/{stage}"


def _call_of(arn: str) -> tuple[str, str, str]:
    """Method, an unused separator and path of a method ARN."""
    _, _, rest = arn.split(":", 5)[5].partition("/")
    _, _, call = rest.partition("/")
    return call.partition("/")


def _refuse_wildcards(arn: str) -> None:
    """A `*` or `?` in the path that was called would be a wildcard in the policy that allows it."""
    if "*" in arn or "?" in arn:
        raise InsufficientScope("No scope covers this route", reason="route_wildcard")


def _refuse(error: OAuthError, event: Event, issuer: str, *, simple: bool) -> dict[str, Any]:
    """What makes API Gateway answer as RFC 6750 section 3.1 says.

    Deviation: API Gateway has one status for a refusal with a challenge of its own, 403. So a token that was sent in
    two ways at once is answered 403 with ``error="invalid_request"`` instead of 400.
    """
    if isinstance(error, TemporarilyUnavailable):
        # Becomes AUTHORIZER_FAILURE: denied, with 503 and Retry-After, and not cached.
        raise RuntimeError("temporarily unavailable") from None
    if simple:
        return {"isAuthorized": False, "context": {"error": error.error}}
    if isinstance(error, InvalidToken):
        # The one message that API Gateway turns into 401.
        raise RuntimeError("Unauthorized") from None
    challenge = bearer_challenge(error, resource_metadata=f"{issuer}/.well-known/oauth-protected-resource")
    context = {"error": error.error, "error_description": error.description, "challenge": challenge}
    return {**_policy("Deny", event, "anonymous"), "context": context}


def _policy(effect: str, event: Event, principal: str) -> dict[str, Any]:
    """A policy for exactly the method and path that was called, so that no cache can widen it."""
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": [event["methodArn"]]}
    return {"principalId": principal, "policyDocument": {"Version": "2012-10-17", "Statement": [statement]}}


def _context_of(token: ActiveAccessToken) -> dict[str, str]:
    """What the API behind the authorizer is told; values are text, since REST APIs take nothing else."""
    context = {
        "sub": token.subject,
        "client_id": token.client_id,
        "scope": str(token.scope),
        "jti": token.jti,
        "expires_at": str(token.expires_at),
    }
    if token.authorization_id:
        context["authorization_id"] = token.authorization_id
    if token.organisation:
        context |= {
            "org": token.organisation,
            "entities": EVERY_ENTITY if token.every_entity else " ".join(token.entities),
        }
    return context


# ------------------------------------------------------------------ logs


def _log(request: HttpRequest, status: int, reason: str, event: Event) -> None:
    write_request(request.route or "unknown", request.method, status, reason, _request_id(event))


def _log_access(event: Event, status: int, reason: str, **more: str) -> None:
    route = str(event.get("resource") or event.get("routeKey") or "token")
    write_request(f"authorizer {route}", str(event.get("httpMethod", "")), status, reason, _request_id(event), **more)


def _request_id(event: Event) -> str:
    context = event.get("requestContext")
    return str(context.get("requestId", "")) if isinstance(context, Mapping) else ""
