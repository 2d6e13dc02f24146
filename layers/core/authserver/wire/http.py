"""HTTP requests and responses, JSON, and errors: what every endpoint says."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any, Protocol

from authserver.errors import (
    InsufficientScope,
    InvalidClient,
    InvalidRequest,
    InvalidToken,
    MethodNotAllowed,
    OAuthError,
    TemporarilyUnavailable,
    TooManyAttempts,
)
from authserver.records import dataclass, replace
from authserver.values import json_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

type Headers = tuple[tuple[str, str], ...]

TOKEN_MISSING = "token_missing"  # the reason of `InvalidToken` where there was none
PROTECTED_RESOURCE = "/.well-known/oauth-protected-resource"  # RFC 9728 section 3
NO_STORE = (("Cache-Control", "no-store"), ("Pragma", "no-cache"))
# What pages of any origin may send: the headers of the protocol by name, since ``*`` does not stand for Authorization
# and older browsers do not know it, and whatever else their libraries add, such as for tracing.
CORS_REQUEST_HEADERS = "Authorization, Content-Type, DPoP, MCP-Protocol-Version, *"
# Without credentials: these endpoints take no cookies (RFC 9700 section 2.6; OAuth 2.1 section 3.2).
CORS = (
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Expose-Headers", "WWW-Authenticate, Retry-After, Apigw-Requestid, x-amzn-RequestId"),
)


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """An HTTP request. Header names are lower-case; `query` is raw; `source` is the address that API Gateway saw.

    `origin` and `resource` say where the deployment is (see `Settings.at`); `address` is what API Gateway puts before
    the paths of the ResourceApi, or of an operator's own API, and empty at the AuthorizationApi; `authorizer` is what
    the Lambda authorizer passed on.
    """

    method: str
    route: str
    query: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    cookies: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    source: str = ""
    origin: str = ""
    resource: str = ""
    address: str = ""
    path_parameters: Mapping[str, str] = field(default_factory=dict)
    authorizer: Mapping[str, str] = field(default_factory=dict)
    id: str = ""  # API Gateway's own, which the log has as well


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """An HTTP response; `cookies` are whole Set-Cookie values."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: str = field(default="", repr=False)
    cookies: tuple[str, ...] = field(default=(), repr=False)
    reason: str = "ok"  # for the log

    def with_headers(self, *headers: tuple[str, str]) -> HttpResponse:
        return HttpResponse(self.status, (*self.headers, *headers), self.body, self.cookies, self.reason)


class JsonMessage(Protocol):
    """A message whose wire form is a JSON object."""

    def members(self) -> dict[str, Any]: ...


def render(message: JsonMessage) -> HttpResponse:
    """A message as JSON that no cache stores (RFC 6749 section 5.1)."""
    return HttpResponse(200, (("Content-Type", "application/json"), *NO_STORE), json_text(message.members()))


def render_cacheable(message: JsonMessage, seconds: int) -> HttpResponse:
    """A message as JSON that any cache may keep for so many seconds; 0 = none."""
    cache = f"public, max-age={seconds}" if seconds else "no-store"
    headers = (("Content-Type", "application/json"), ("Cache-Control", cache))
    return HttpResponse(200, headers, json_text(message.members()))


def render_not_found(message: JsonMessage) -> HttpResponse:
    """404, for a path under a route of this server at which there is nothing."""
    return replace(render(message), status=404, reason="not_found")


def render_error(error: OAuthError) -> HttpResponse:
    """An error as JSON with its status, challenge and cache headers (RFC 6749 section 5.2, RFC 6750 section 3)."""
    body = {"error": error.error, "error_description": error.description}
    if _is_nothing_wrong(error):
        body = {"message": error.description}
    headers = (("Content-Type", "application/json"), *NO_STORE, *error_headers(error))
    return HttpResponse(error.status, headers, json_text(body), reason=error.reason)


def render_resource_error(error: OAuthError, _request: HttpRequest) -> HttpResponse:
    """An error of a protected resource. Its challenge also describes a malformed request (RFC 6750 section 3.1)."""
    response = render_error(error)
    if type(error) is InvalidRequest:
        return response.with_headers(("WWW-Authenticate", bearer_challenge(error)))
    return response


def _is_nothing_wrong(error: OAuthError) -> bool:
    """Whether the request has no access token, in which case the challenge names no error (RFC 6750 section 3.1)."""
    return isinstance(error, InvalidToken) and error.reason == TOKEN_MISSING


def error_headers(error: OAuthError) -> tuple[tuple[str, str], ...]:
    """The headers that belong to an error whatever its body is."""
    match error:
        case InvalidClient():
            # Some clients show their developer the challenge and not the body, so it says what is wrong as well.
            told = f'error="{error.error}", error_description="{error.description}"'
            return (("WWW-Authenticate", f'Basic realm="authserver", {told}, charset="UTF-8"'),)
        case InvalidToken() if _is_nothing_wrong(error):
            return (("WWW-Authenticate", 'Bearer realm="authserver"'),)
        case InvalidToken() | InsufficientScope():
            return (("WWW-Authenticate", bearer_challenge(error)),)
        case MethodNotAllowed():
            return (("Allow", error.allow),)
        case TemporarilyUnavailable():
            return (("Retry-After", "1"),)
        case TooManyAttempts():
            return (("Retry-After", str(error.retry_after)),)
        case _:
            return ()


def bearer_challenge(error: OAuthError, *, resource_metadata: str = "") -> str:
    """The challenge that tells what a token lacked (RFC 6750 section 3, RFC 9728 section 5.1)."""
    parameters = {"realm": "authserver", "error": error.error, "error_description": error.description}
    if isinstance(error, InsufficientScope) and error.scope:
        parameters["scope"] = error.scope
    if resource_metadata:
        parameters["resource_metadata"] = resource_metadata
    return "Bearer " + ", ".join(f'{name}="{value}"' for name, value in parameters.items())


def cors_for(request: HttpRequest, origins: Iterable[str]) -> Headers:
    """The CORS headers of an endpoint that looks at cookies: with them for pages of these origins, and for any others
    without."""
    origin = request.headers.get("origin", "")
    if origin not in origins:
        return (*CORS, ("Vary", "Origin"))
    exposed = CORS[1:]
    return (
        ("Access-Control-Allow-Origin", origin),
        ("Access-Control-Allow-Credentials", "true"),
        *exposed,
        ("Vary", "Origin"),
    )


def render_preflight(methods: tuple[str, ...], cors: Headers = CORS) -> HttpResponse:
    """The answer to a CORS preflight."""
    return HttpResponse(
        204,
        (
            *cors,
            ("Access-Control-Allow-Methods", ", ".join((*methods, "OPTIONS"))),
            ("Access-Control-Allow-Headers", CORS_REQUEST_HEADERS),
            ("Access-Control-Max-Age", "7200"),
        ),
    )
