"""The Lambda authorizer's events and answers: those of REST APIs (request and token events) and of HTTP APIs."""

from __future__ import annotations

import json
import time
from functools import wraps
from typing import TYPE_CHECKING, Any

from authserver.aws.apigateway import (
    MALFORMED,
    Event,
    Handler,
    base_path_of,
    read_headers,
    read_path_parameters,
    request_id_of,
    source_of,
)
from authserver.aws.log import told, write_request, write_unexpected
from authserver.errors import InsufficientScope, InvalidToken, NotThroughEdge, OAuthError, TemporarilyUnavailable
from authserver.messages.access import AccessRequest, ActiveAccessToken
from authserver.models.organisations import EVERY_ENTITY
from authserver.wire.http import PROTECTED_RESOURCE, bearer_challenge

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

UNAUTHORIZED = "Unauthorized"  # the one message of an exception that API Gateway answers with 401
API_KEY = "x-api-key"
OF_THE_TEMPLATE = "RouteScopes"  # the stage variable `routes` of the ResourceApi
QUERY_TOKENS = ("access_token", "bearer_token")


TOKEN_EVENT_REFUSED = (
    "An API has an authorizer of type TOKEN, whose events have no path parameters: it could not check the organisation"
    " or the company that a path names. Make its type REQUEST; or, if no path of the API names one, deploy with"
    " TokenAuthorizers=NoTenants."
)


class NoAnswer(RuntimeError):
    """What API Gateway lets an authorizer answer by an exception alone: 401, and 503 where nothing can be told."""


def authorizer(*, accepts_token_events: bool) -> Callable[[Callable[[AccessRequest], ActiveAccessToken]], Handler]:
    """Makes a Lambda authorizer of a function that returns the token that lets a call pass, or raises `OAuthError`.

    It answers REST APIs (request and token events, with a policy) and HTTP APIs (format 2.0, simple responses). Token
    events have no path parameters; unless it `accepts_token_events`, it fails on them as one that is misconfigured.
    """

    def decorate(check: Callable[[AccessRequest], ActiveAccessToken]) -> Handler:
        @wraps(check)
        def handler(event: Event, _context: Any) -> dict[str, Any]:
            answer = _decide(event, check, accepts_token_events=accepts_token_events)
            if isinstance(answer, str):
                # Here and no deeper: Lambda writes each frame down, for every bad token.
                raise NoAnswer(answer)
            return answer

        return handler

    return decorate


def _decide(
    event: Event, check: Callable[[AccessRequest], ActiveAccessToken], *, accepts_token_events: bool
) -> dict[str, Any] | str:
    """The answer, or the message of the exception that stands for one."""
    began = time.perf_counter()
    told.clear()
    if event.get("type") == "TOKEN" and not accepts_token_events:
        _log_access(event, 500, "token_event_refused", began, advice=TOKEN_EVENT_REFUSED)
        return "authorizers of type TOKEN are refused"
    simple = event.get("version") == "2.0"
    try:
        token = check(_read_access_request(event))
    except OAuthError as error:
        _log_access(event, error.status, error.reason, began)
        return _refusal(error, event, simple=simple)
    except Exception:  # noqa: BLE001 - told with its traceback, once
        write_unexpected(request_id_of(event))
        _log_access(event, 500, "unexpected", began)
        return "unexpected"
    _log_access(event, 200, "ok", began)
    answer = {"isAuthorized": True} if simple else _policy("Allow", event, token.subject)
    return {**answer, "context": _context_of(token)}


def _read_access_request(event: Event) -> AccessRequest:
    """The call that an authorizer event is about. The route is the API's own spelling; token events have none, so that
    of the caller stands for it where it can be no other spelling of another path."""
    try:
        if event.get("type") == "TOKEN":  # no address, no header and no stage variable
            _refuse_wildcards(event["methodArn"])
            method, _, path = _call_of(event["methodArn"])
            _refuse_spellings(path)
            return AccessRequest(
                event["authorizationToken"], (), f"{method} /{path}", _audience({}, event["methodArn"])
            )
        source = source_of(event)
        if event.get("version") == "2.0":
            method, _, path = event["routeKey"].partition(" ")
            return _access_request(event, f"{method} {path}", _audience(event, event["routeArn"]), source)
        _refuse_wildcards(event["methodArn"])
        route = f"{event['httpMethod'].upper()} {event['resource']}"
        return _access_request(event, route, _audience(event, event["methodArn"]), source)
    except MALFORMED:
        raise InvalidToken("An access token is required", reason="event_malformed") from None


def _access_request(event: Event, route: str, audience: str, source: str) -> AccessRequest:
    headers = read_headers(event)
    repeated = event.get("multiValueHeaders") or {}
    if any(name.lower() == "authorization" and len(values) > 1 for name, values in repeated.items()):
        raise ValueError("more than one Authorization header")
    query = event.get("multiValueQueryStringParameters") or {
        name: value.split(",") for name, value in (event.get("queryStringParameters") or {}).items()
    }
    tokens = tuple(value for name in QUERY_TOKENS for value in query.get(name) or ())
    return AccessRequest(
        *(headers.get("authorization"), tokens, route, audience, read_path_parameters(event)),
        api_keys=_api_keys(headers, repeated),
        source=source,
        is_own=(event.get("stageVariables") or {}).get("routes") == OF_THE_TEMPLATE,
    )


def _api_keys(headers: Mapping[str, str], repeated: Mapping[str, list[str]]) -> tuple[str, ...]:
    """What each ``X-API-Key`` has; HTTP APIs join those of a name by commas, which makes none of several."""
    several = (values for name, values in repeated.items() if name.lower() == API_KEY)
    once = (headers[API_KEY],) if API_KEY in headers else ()
    return tuple(next(several, once))


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


def _refuse_spellings(path: str) -> None:
    """A path that whatever is behind the API may read as another one, for which another scope is asked."""
    steps = path.split("/") if path else []
    if any(character in path for character in "%;\\") or any(step in ("", ".", "..") for step in steps):
        raise InsufficientScope("No scope covers this route", reason="route_spelling")


def _refusal(error: OAuthError, event: Event, *, simple: bool) -> dict[str, Any] | str:
    """What makes API Gateway answer as RFC 6750 section 3.1 says.

    Deviation: API Gateway has one status for a refusal with a challenge of its own, 403. So a token that was sent in
    two ways at once is answered 403 with ``error="invalid_request"`` instead of 400.
    """
    if isinstance(error, TemporarilyUnavailable):
        # Becomes AUTHORIZER_FAILURE: denied, with 503 and Retry-After, and not cached.
        return "temporarily unavailable"
    if isinstance(error, NotThroughEdge):
        # Not cached either: a policy would refuse the same token that comes through the edge. And no 503, by which
        # anybody past the edge could set off the alarms of an API that works.
        return UNAUTHORIZED
    if simple:
        return {"isAuthorized": False, "context": {"error": error.error}}
    if isinstance(error, InvalidToken):
        return UNAUTHORIZED
    challenge = bearer_challenge(error, resource_metadata=_metadata_of(event))
    context = {"error": error.error, "error_description": error.description, "challenge": challenge}
    return {**_policy("Deny", event, "anonymous"), "context": context}


def _metadata_of(event: Event) -> str:
    """Where the API that is called has the document about its resource: RFC 9728 section 3.1.

    The well-known path is inserted before the resource's own path, but behind what API Gateway puts before all paths
    of the API, so that the address leads into it.
    """
    is_token = event.get("type") == "TOKEN"
    resource = _audience({} if is_token else event, event["methodArn"])
    base_path = f"/{event['methodArn'].split('/')[1]}" if is_token else base_path_of(event)
    scheme, _, host, *steps = resource.rstrip("/").split("/")
    path = "".join(f"/{step}" for step in steps)
    base = base_path if f"{path}/".startswith(f"{base_path}/") else ""
    return f"{scheme}//{host}{base}{PROTECTED_RESOURCE}{path.removeprefix(base)}"


def _policy(effect: str, event: Event, principal: str) -> dict[str, Any]:
    """A policy for exactly the method and path that was called, so that no cache can widen it."""
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": [event["methodArn"]]}
    return {"principalId": principal, "policyDocument": {"Version": "2012-10-17", "Statement": [statement]}}


def _context_of(token: ActiveAccessToken) -> dict[str, str]:
    """The context for the API behind the authorizer; values are text, since REST APIs accept nothing else."""
    context = {
        "sub": token.subject,
        **({"client_id": token.client_id} if token.client_id else {}),
        "scope": str(token.scope),
        "jti": token.jti,
        "expires_at": str(token.expires_at),
    }
    if token.authorization_id:
        context["authorization_id"] = token.authorization_id
    if token.api_key:
        context["api_key"] = token.api_key
    if token.claims:
        context["claims"] = json.dumps(token.claims)
    if token.organisation:
        context |= {
            "org": token.organisation,
            "entities": EVERY_ENTITY if token.every_entity else " ".join(token.entities),
        }
    return context


def _log_access(event: Event, status: int, reason: str, began: float, **more: str) -> None:
    route, method = event.get("resource") or event.get("routeKey") or "token", str(event.get("httpMethod", ""))
    write_request(f"authorizer {route}", method, status, reason, request_id_of(event), began, **more)
