"""The device authorization endpoint: RFC 8628 section 3.1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authserver.client_authentication import authenticate, refuse_leak
from authserver.endpoints.browsers.validation import DEVICE_PARAMETERS, validate, what_counts
from authserver.errors import DevicesTurnedOff, InvalidRequest, ServerError, TooManyDevices
from authserver.identity.refusals import Noted
from authserver.identity.throttle import HOUR, network_of
from authserver.messages.authorization import AuthorizationRequest
from authserver.messages.token import DeviceAuthorizationResponse
from authserver.models.clients import DEVICE_CODE
from authserver.models.tokens import DeviceRequest
from authserver.tokens import opaque
from authserver.tokens.keyring import TOKEN_RING
from authserver.tokens.user_code import device_id, new_user_code, shown
from authserver.values import Secret, base64url, sha256

if TYPE_CHECKING:
    from authserver.messages.token import ClientRequest
    from authserver.models.clients import Client
    from authserver.services import Services

LIFETIME = 900  # seconds in which the user types the code and decides
INTERVAL = 5  # seconds between two polls
PER_SOURCE_AN_HOUR = 200
MOST_ASKED = 3072  # octets of what is asked for: a poll is to read one unit of 4 KB
ATTEMPTS = 3  # at a user code that no other device shows


def authorize_device(request: ClientRequest, services: Services) -> DeviceAuthorizationResponse:
    """A device code and a user code. Raises `OAuthError` as RFC 6749 section 5.2 lists them, and `TooManyDevices`.

    What is asked for is held to the rules of an authorization request, now and when its user comes.
    """
    if DEVICE_CODE not in services.grants:
        raise DevicesTurnedOff("Devices cannot be authorized here", reason="device_off")
    refuse_leak(request, services)
    client = authenticate(request, services).client
    asked = what_counts(AuthorizationRequest(request.parameters))
    parameters = {name: value for name, value in asked.items() if name in DEVICE_PARAMETERS}
    parameters["client_id"] = client.client_id
    with Noted(client.client_id, request.reference, services):
        _require_bounded(parameters, request)
        validate(AuthorizationRequest(parameters, request.resource), client, None, services)
    _count(request.source, services)
    return _begin(client, parameters, request, services)


def _require_bounded(parameters: dict[str, str], request: ClientRequest) -> None:
    if sum(len(text.encode()) for text in (*parameters.values(), *request.resource)) > MOST_ASKED:
        raise InvalidRequest("The request asks for too much", reason="request_too_long")


def _begin(
    client: Client, parameters: dict[str, str], request: ClientRequest, services: Services
) -> DeviceAuthorizationResponse:
    key, now, issuer = services.keys.token_key(TOKEN_RING), services.now(), services.settings.issuer
    for _ in range(ATTEMPTS):
        letters, secret = new_user_code(services.random), services.random(16)
        identifier = device_id(letters)
        device = DeviceRequest(
            id=base64url(identifier),
            secret_hash=sha256(base64url(secret)),
            client_id=client.client_id,
            parameters=parameters,
            resource=request.resource,
            source=network_of(request.source),
            created_at=now,
            expires_at=now + LIFETIME,
            interval=INTERVAL,
        )
        if services.tokens.put_device(device):
            return DeviceAuthorizationResponse(
                device_code=Secret(opaque.seal(opaque.DEVICE_CODE, key, id=identifier, secret=secret)),
                user_code=shown(letters),
                verification_uri=f"{issuer}/device",
                verification_uri_complete=f"{issuer}/device?user_code={shown(letters)}",
                expires_in=LIFETIME,
                interval=INTERVAL,
            )
    raise ServerError("The request could not be completed", reason="user_code_collision")


def _count(source: str, services: Services) -> None:
    """Each request writes an item, and any caller can name a public client. Raises `TooManyDevices`."""
    now = services.now()
    begins = now // HOUR * HOUR
    if services.counters.count(f"device {network_of(source)}", begins, 1, begins + 2 * HOUR) > PER_SOURCE_AN_HOUR:
        raise TooManyDevices(max(1, begins + HOUR - now))
