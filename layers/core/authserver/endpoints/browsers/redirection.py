"""Where an authorization response may go: RFC 6749 section 3.1.2. Until this is known, errors stay on our own page."""

from collections.abc import Mapping
from urllib.parse import quote_plus

from authserver.errors import InvalidRequest, OAuthError
from authserver.messages.authorization import AuthorizationRequest, AuthorizationResponse, RedirectTarget
from authserver.models.clients import VERIFIED, Client
from authserver.services import Services
from authserver.values import RedirectUri

RESPONSE_MODES = ("query", "form_post")
# Tokens are kept out of servers' logs and of the Referer header (OAuth 2.0 Multiple Response Types section 2.1).
RESPONSE_MODES_OF_TOKENS = ("fragment", "form_post")
# As it is written in the address that takes it back: all headers of an answer together may have 10,240 octets at API
# Gateway, of which a redirect URI may take 2,048, and a code, `iss` and the rest some 1,500.
MAX_STATE = 6144


def resolve_redirect(request: AuthorizationRequest, services: Services) -> tuple[Client, RedirectTarget]:
    """The client, and the one place to which its answer may go.

    Raises `InvalidRequest`, never to be redirected: for want of a place to go to, or as no answer can have its `state`.
    """
    client = find_client(request, services)
    uri = _registered_uri(request, client, services)
    return client, RedirectTarget(uri, _response_mode(request, uri), _state(request))


def success(target: RedirectTarget, answer: Mapping[str, str], services: Services) -> AuthorizationResponse:
    """RFC 6749 sections 4.1.2 and 4.2.2 with RFC 9207's `iss`."""
    return AuthorizationResponse(target, {**answer, **_common(target, services)})


def failure(target: RedirectTarget, error: OAuthError, services: Services) -> AuthorizationResponse:
    """RFC 6749 sections 4.1.2.1 and 4.2.2.1 with RFC 9207's `iss`."""
    parameters = {"error": error.error, "error_description": error.description, **_common(target, services)}
    return AuthorizationResponse(target, parameters, reason=error.reason)


def is_told_unasked(client: Client, target: RedirectTarget) -> bool:
    """Whether an error goes to the client before a user has signed in: RFC 9700 section 4.11.2.

    To one that was verified, and to a program on the device. Every developer can register a client with a page of
    theirs, and a link to us would lead there.
    """
    return client.verification == VERIFIED or target.uri.stays_on_device


def response_modes(request: AuthorizationRequest) -> tuple[str, ...]:
    """The modes in which this request may be answered, the default one first; errors go the same way as tokens."""
    response_type = "" if "response_type" in request.repeated else request.parameters.get("response_type", "")
    return RESPONSE_MODES_OF_TOKENS if {"token", "id_token"} & set(response_type.split(" ")) else RESPONSE_MODES


def can_be_sent_back(state: str) -> bool:
    """Whether an address has room for it."""
    return len(quote_plus(state)) <= MAX_STATE


def _common(target: RedirectTarget, services: Services) -> dict[str, str]:
    state = {} if target.state is None else {"state": target.state}
    return {**state, "iss": services.settings.issuer}


def find_client(request: AuthorizationRequest, services: Services) -> Client:
    """The client that asks, by its word alone. Raises `InvalidRequest`, never to be redirected."""
    if "client_id" in request.repeated:
        raise InvalidRequest("client_id is repeated", reason="client_id_repeated")
    if "client_id" not in request.parameters:
        raise InvalidRequest("client_id is missing", reason="client_id_missing")
    client = services.clients.find(request.parameters["client_id"], request.source)
    if client is None:
        raise InvalidRequest("This application is not registered here", reason="client_unknown")
    services.told["client_id"] = client.client_id
    if not client.is_active or client.is_expired(services.now()):
        raise InvalidRequest("This application has been disabled", reason="client_disabled")
    return client


def _registered_uri(request: AuthorizationRequest, client: Client, services: Services) -> RedirectUri:
    if "redirect_uri" in request.repeated:
        raise InvalidRequest("redirect_uri is repeated", reason="redirect_uri_repeated")
    presented = request.parameters.get("redirect_uri") or _only_uri(request, client)
    # A program on the user's own machine, whose document names no port, listens where it can (RFC 8252 section 7.3).
    localhost = services.settings.localhost_redirects or services.settings.admits_document(client.client_id)
    if not any(registered.admits(presented, localhost=localhost) for registered in client.redirect_uris):
        raise InvalidRequest("redirect_uri is not registered for this application", reason="redirect_uri_unknown")
    try:
        return RedirectUri.parse(presented, services.settings.redirect_schemes)
    except ValueError:
        raise InvalidRequest("redirect_uri is not allowed", reason="redirect_uri_unsafe") from None


def _only_uri(request: AuthorizationRequest, client: Client) -> str:
    """RFC 6749 section 3.1.2.3; OpenID Connect Core section 3.1.2.1 always wants it said. So do we where the one that
    is registered may be another when the code is exchanged."""
    is_openid = "openid" in request.parameters.get("scope", "").split()
    if is_openid or client.document_host or len(client.redirect_uris) != 1:
        raise InvalidRequest("redirect_uri is missing", reason="redirect_uri_missing")
    return client.redirect_uris[0].text


def _response_mode(request: AuthorizationRequest, uri: RedirectUri) -> str:
    """The mode if it is one of ours; `validate` refuses another, by the default one."""
    modes = response_modes(request)
    mode = request.parameters.get("response_mode", modes[0])
    known = mode in modes and "response_mode" not in request.repeated
    return mode if known and not (uri.is_app and mode == "form_post") else modes[0]


def _state(request: AuthorizationRequest) -> str | None:
    state = None if "state" in request.repeated else request.parameters.get("state")
    if state is not None and not can_be_sent_back(state):
        raise InvalidRequest(
            f"state must have at most {MAX_STATE} characters, as it is encoded", reason="state_too_long"
        )
    return state
