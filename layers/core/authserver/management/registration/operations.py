"""/register: clients register themselves (RFC 7591, OpenID Connect Dynamic Client Registration) and manage what they
registered (RFC 7592), where the operator lets them.

Decisions where the RFCs leave one:

- What is registered so is a test client without an owner, until an operator says otherwise; unused for a week it ends.
- Metadata that this server does not know is ignored (RFC 7591 section 2). What it cannot give, a client is registered
  without, and the answer tells what is in force (section 3.2.1); only what no client can do without is refused
  (`documents.in_force`).
- Where registration is open, the same metadata of a public client gives the same client: it has no secret that would
  tell two of them apart, and an assistant that registers for each of its users leaves one record. Such a
  client cannot be managed by RFC 7592, since it is shared. A deleted, disabled or expired client is not shared again.
- The registration access token is not rotated (RFC 7592 section 3 allows either): a client whose answer was lost could
  never come back.
- A software statement is refused (RFC 7591 section 3.1.1 allows to ignore it): a caller that relies on one should learn
  of it.
- Tokens of both kinds are random and kept as SHA-256. They need no key of this server's: the one function that may be
  called without authentication can open none.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from authserver.documents.client import ClientMetadata, Terms, metadata_of
from authserver.documents.in_force import NOT_IN_FORCE, Unusable, in_force
from authserver.errors import (
    InvalidClientMetadata,
    InvalidRedirectUri,
    InvalidSoftwareStatement,
    InvalidToken,
    MethodNotAllowed,
    OAuthError,
    RegistrationClosed,
    RequestTooLarge,
    TemporarilyUnavailable,
    TooManyRegistrations,
    UnsupportedMediaType,
)
from authserver.identity.throttle import network_of
from authserver.management import MAX_BODY, Conflict, Problem, read_json
from authserver.management.client_records import as_unverified, change, create, end, live
from authserver.management.registration.initial_access import read_initial_access_token
from authserver.management.registration.shared import new_client, shared_client
from authserver.models.clients import Client
from authserver.services import Services
from authserver.storage.clients import Licence, Unlicensed
from authserver.values import Secret, base64url, sha256
from authserver.wire.http import NO_STORE, HttpRequest, HttpResponse

HOUR, DAY = 3600, 86_400
PER_HOUR = "Too many clients were registered from this address within the hour"
PER_DAY = "Too many clients were registered today"
PREFIX = "ra_"
# What the server says of a registration, and a client therefore must not (RFC 7592 section 2.2).
SERVERS_OWN = (
    "registration_access_token",
    "registration_client_uri",
    "client_secret_expires_at",
    "client_id_issued_at",
)
NOBODYS_HASH = bytes(32)


def serve(request: HttpRequest, services: Services) -> HttpResponse:
    """Answers a request to either endpoint. Raises `OAuthError`."""
    if services.settings.registration == "Off":
        raise RegistrationClosed("Clients cannot register themselves here", reason="registration_off")
    client_id = request.path_parameters.get("client_id")
    match (client_id, request.method):
        case (None, "POST"):
            return register(request, services)
        case (None, _):
            raise MethodNotAllowed("POST")
        case (str(), "GET" | "HEAD"):
            return read(request, client_id, services)
        case (str(), "PUT"):
            return update(request, client_id, services)
        case (str(), "DELETE"):
            return delete(request, client_id, services)
    raise MethodNotAllowed("GET, HEAD, PUT, DELETE")


# ------------------------------------------------------------------ use cases


def register(request: HttpRequest, services: Services) -> HttpResponse:
    """RFC 7591 section 3.1: the rules first, so that nothing is spent on what is refused."""
    services = _noting("client.registered", "", request, services)
    licence = _licence(request, services)
    metadata = _acceptable(_document(request), None, services)
    if licence is None and metadata.token_endpoint_auth_method == "none":
        client = shared_client(metadata, lambda: _take_a_place(request.source, services), services)
        return _answer(201, client, None, None, services)
    if licence is None:
        _take_a_place(request.source, services)
    token = PREFIX + base64url(services.random(32))
    wanted = replace(new_client(metadata, services), registration_token_hash=sha256(token))
    try:
        client, secret = create(wanted, services, repeatable=False, licence=licence)
    except Unlicensed:
        raise InvalidToken("The initial access token is not valid", reason="initial_token_spent") from None
    except Conflict:
        raise TemporarilyUnavailable("Please register again", reason="identifier_collision") from None
    return _answer(201, client, token, secret, services)


def read(request: HttpRequest, client_id: str, services: Services) -> HttpResponse:
    """RFC 7592 section 2.1."""
    token = _bearer(request)
    return _answer(200, _own(client_id, token, services), token, None, services)


def update(request: HttpRequest, client_id: str, services: Services) -> HttpResponse:
    """RFC 7592 section 2.2: what the document leaves out goes back to its default."""
    services = _noting("client.changed", client_id, request, services)
    token = _bearer(request)
    document = _document(request)

    def changed(client: Client) -> Client:
        _require_of_this_client(document, client, services)
        return as_unverified(client, _acceptable(document, client, services).applied_to(client))

    try:
        client, secret = change(lambda: _own(client_id, token, services), changed, services)
    except Conflict:
        raise _changed_meanwhile() from None
    return _answer(200, client, token, secret, services)


def delete(request: HttpRequest, client_id: str, services: Services) -> HttpResponse:
    """RFC 7592 section 2.3: everything that was issued to the client ends with it."""
    services = _noting("client.deleted", client_id, request, services)
    token = _bearer(request)
    try:
        end(lambda: _own(client_id, token, services), services)
    except Conflict:
        raise _changed_meanwhile() from None
    return HttpResponse(204, NO_STORE)


def _noting(act: str, client_id: str, request: HttpRequest, services: Services) -> Services:
    """These services for what a client does to its own registration, which the audit notes."""
    from authserver.identity.audit import by_client  # few deployments let clients register

    return by_client(services, act, client_id, source=request.source, request=request.id)


# ------------------------------------------------------------------ who may


def _licence(request: HttpRequest, services: Services) -> Licence | None:
    """The initial access token, of which the registration itself takes a use; None where none is needed.

    Raises `InvalidToken` on what is certainly none.
    """
    if services.settings.registration == "Open":
        return None
    initial = read_initial_access_token(_bearer(request))
    if initial is None:
        raise InvalidToken("An initial access token is required", reason="initial_token_garbage")
    return Licence(*initial, services.now(), services.deployment().era)


def _take_a_place(source: str, services: Services) -> None:
    """What licenses a registration without a token: a place in the hour of the source and in the day of all.

    Raises `TooManyRegistrations`.
    """
    settings = services.settings
    _count(f"register {network_of(source)}", HOUR, settings.registrations_per_hour, PER_HOUR, services)
    _count("register", DAY, settings.registrations_per_day, PER_DAY, services)


def _count(name: str, window: int, limit: int, refusal: str, services: Services) -> None:
    now = services.now()
    begins = now // window * window
    if services.counters.count(name, begins, 1, begins + 2 * window) > limit:
        raise TooManyRegistrations(max(1, begins + window - now), refusal)


def _own(client_id: str, token: str, services: Services) -> Client:
    """The client whose registration access token this is.

    Raises `InvalidToken`, the same for an unknown client and a wrong token (RFC 7592 section 2.1).
    """
    client = services.clients.get(client_id)
    stored = client.registration_token_hash if client else b""
    if not token.isascii() or not Secret(token).matches(stored or NOBODYS_HASH) or client is None:
        raise InvalidToken("The registration access token is not valid", reason="registration_token_wrong")
    if not client.is_active or client.is_expired(services.now()):
        raise InvalidToken("The registration access token is not valid", reason="registration_over")
    return client


def _bearer(request: HttpRequest) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise InvalidToken("An access token is required", reason="token_missing")
    return token.strip()


def _changed_meanwhile() -> TemporarilyUnavailable:
    return TemporarilyUnavailable("The client is being changed", reason="changed_meanwhile")


# ------------------------------------------------------------------ what is registered


def _document(request: HttpRequest) -> Mapping[str, Any]:
    """The metadata as it was sent; what is null is left out. Raises `OAuthError`."""
    try:
        document = read_json(request)
    except Problem as problem:
        raise _said_by_rfc_7591(problem) from None
    if not isinstance(document, Mapping):
        raise InvalidClientMetadata("The body must be a JSON object", reason="body_malformed")
    said = {name: value for name, value in document.items() if value is not None}
    if said.get("software_statement", "") != "":
        raise InvalidSoftwareStatement("Software statements are not supported", reason="software_statement")
    return said


def _said_by_rfc_7591(problem: Problem) -> OAuthError:
    match problem.status:
        case 413:
            return RequestTooLarge(f"The body must have at most {MAX_BODY} octets", reason=problem.reason)
        case 415:
            return UnsupportedMediaType("The body must be application/json", reason=problem.reason)
    return InvalidClientMetadata("The body must be a JSON object", reason=problem.reason)


def _acceptable(document: Mapping[str, Any], held: Client | None, services: Services) -> ClientMetadata:
    """What of the metadata can be in force. Raises `InvalidRedirectUri` and `InvalidClientMetadata`."""
    try:
        return in_force(document, Terms.for_anybody(services, held))
    except Unusable as unusable:
        raise _refusal(unusable.faults) from None


def _refusal(faults: list[tuple[str, str]]) -> OAuthError:
    """The first fault; all its words are ours. Quotes and backslashes have no place there (RFC 6749 section 5.2)."""
    name, detail = faults[0]
    description = f"{name}: {detail}".replace('"', "'").replace("\\", "/")
    if name.startswith("redirect_uris"):
        return InvalidRedirectUri(description, reason="redirect_uri")
    return InvalidClientMetadata(description, reason="metadata")


def _require_of_this_client(document: Mapping[str, Any], client: Client, services: Services) -> None:
    """RFC 7592 section 2.2. Raises `InvalidClientMetadata`."""
    if document.get("client_id") != client.client_id:
        raise InvalidClientMetadata("client_id: must be the client's own", reason="client_id")
    for name in SERVERS_OWN:
        if name in document:
            raise InvalidClientMetadata(f"{name}: must not be sent", reason="servers_own")
    secret = document.get("client_secret")
    if secret is not None and not _has(client, secret, services.now()):
        raise InvalidClientMetadata("client_secret: must be the client's own", reason="client_secret")


def _has(client: Client, secret: object, now: int) -> bool:
    return isinstance(secret, str) and any(Secret(secret).matches(stored.hash) for stored in live(client.secrets, now))


def _answer(status: int, client: Client, token: str | None, secret: str | None, services: Services) -> HttpResponse:
    """The client information response: RFC 7591 section 3.2.1, RFC 7592 section 3. A secret is in one answer alone.

    Without a `token`, the client cannot be managed by RFC 7592.
    """
    managed = {
        "registration_access_token": token,
        "registration_client_uri": f"{services.settings.issuer}/register/{client.client_id}",
    }
    members = {
        "client_id": client.client_id,
        "client_id_issued_at": client.created_at,
        **({"client_secret": secret, "client_secret_expires_at": 0} if secret else {}),
        **(managed if token else {}),
        **metadata_of(client),
        **NOT_IN_FORCE,
    }
    return HttpResponse(status, (("Content-Type", "application/json"), *NO_STORE), json.dumps(members))
