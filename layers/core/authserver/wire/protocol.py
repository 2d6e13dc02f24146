"""What clients send to the endpoints of the back channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authserver.errors import InvalidRequest, InvalidToken
from authserver.messages.token import ClientRequest, TokenPresented, TokenRequest
from authserver.values import Secret
from authserver.wire.forms import FORM_MEDIA_TYPE, media_type_of, read_form, read_query, single
from authserver.wire.http import TOKEN_MISSING

if TYPE_CHECKING:
    from authserver.wire.http import HttpRequest

PLACEOS = " /auth/"  # in the routes of its paths


def parse_token_request(request: HttpRequest) -> TokenRequest:
    """RFC 6749 section 3.2. Raises `InvalidRequest`.

    At the paths of PlaceOS, whose clients do so, the parameters of a post without a body may be in the query. The
    client's record says whether it may.
    """
    is_in_query = not request.body and bool(request.query) and PLACEOS in request.route
    parameters, resource, leaks = _read_client_form(request, in_query=is_in_query)
    if "grant_type" not in parameters and not leaks:  # which is refused in any case
        raise InvalidRequest("grant_type is missing", reason="grant_type_missing")
    return TokenRequest(
        parameters,
        resource,
        request.headers.get("authorization"),
        parameters.get("grant_type", ""),
        is_in_query,
        source=request.source,
        reference=request.id,
        leaks=leaks,
        is_legacy=PLACEOS in request.route,
    )


def parse_client_request(request: HttpRequest) -> ClientRequest:
    """RFC 8628 section 3.1. Raises `InvalidRequest`."""
    parameters, resource, leaks = _read_client_form(request)
    return ClientRequest(
        parameters,
        resource,
        request.headers.get("authorization"),
        source=request.source,
        reference=request.id,
        leaks=leaks,
    )


def parse_token_presented(request: HttpRequest) -> TokenPresented:
    """RFC 7009 section 2.1, RFC 7662 section 2.1. Raises `InvalidRequest`."""
    return _parse_presented(request, "token")


def parse_refresh_token_presented(request: HttpRequest) -> TokenPresented:
    """The same by the name that Keycloak's clients have for it where they sign out. Raises `InvalidRequest`."""
    return _parse_presented(request, "refresh_token")


def _parse_presented(request: HttpRequest, name: str) -> TokenPresented:
    parameters, resource, leaks = _read_client_form(request)
    if name not in parameters and not leaks:  # which is refused in any case
        raise InvalidRequest(f"{name} is missing", reason="token_missing")
    return TokenPresented(
        parameters,
        resource,
        request.headers.get("authorization"),
        Secret(parameters.get(name, "")),
        source=request.source,
        reference=request.id,
        leaks=leaks,
        is_legacy=PLACEOS in request.route,
    )


def parse_bearer(request: HttpRequest) -> str:
    """The access token of the Authorization header (RFC 6750 section 2.1). Raises `InvalidToken`."""
    return _required(_token_in_header(request))


def parse_access_token(request: HttpRequest) -> str:
    """The access token of the Authorization header or of a form that was posted (RFC 6750 sections 2.1 and 2.2).

    Raises:
        InvalidToken: there is none.
        InvalidRequest: there are two, or the form is malformed.
    """
    in_header, in_form = _token_in_header(request), _token_in_form(request)
    if in_header and in_form:
        raise InvalidRequest("The access token was sent in more than one way", reason="token_transports")
    return _required(in_header or in_form)


def _token_in_header(request: HttpRequest) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _token_in_form(request: HttpRequest) -> str:
    if request.method != "POST" or media_type_of(request) != FORM_MEDIA_TYPE:
        return ""
    return single(read_form(request)).get("access_token", "")


def _required(token: str) -> str:
    if not token:
        raise InvalidToken("An access token is required", reason=TOKEN_MISSING)
    return token


def _read_client_form(request: HttpRequest, *, in_query: bool = False) -> tuple[dict[str, str], tuple[str, ...], bool]:
    """The parameters, the resources among them, and whether a credential is in the address.

    RFC 6749 section 2.3.1: credentials never travel in the request URI. Whose they are is for the endpoint to note.
    """
    pairs, leaks = read_form(request), False
    if request.query:
        query = read_query(request)
        leaks = any(name in ("client_secret", "client_assertion") for name, _ in query)
        if in_query:
            pairs = query
        elif leaks:
            pairs = [*(dict(query) | dict(pairs)).items()]  # the client may be named in the one or in the other
    return single(pairs), tuple(value for name, value in pairs if name == "resource"), leaks
