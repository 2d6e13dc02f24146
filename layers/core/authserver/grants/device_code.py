"""The device authorization grant: RFC 8628. Off unless the operator turns it on.

A device without a browser shows a short code and polls here until its user has typed that code in a browser elsewhere
and decided. What the user allowed is an ordinary authorization, which is redeemed once.

A poll is a read. Each function instance notices in its own memory a device that polls too fast, and only then writes
the interval that the device has to keep from then on.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from authserver.errors import AccessDenied, AuthorizationPending, ExpiredToken, InvalidGrant, InvalidRequest, SlowDown
from authserver.grants import (
    find_own,
    first_tokens,
    known_resource,
    new_authorization,
)
from authserver.models.clients import DEVICE_CODE
from authserver.models.tokens import DENIED
from authserver.services import Named
from authserver.storage.tokens import AlreadyExists, Refused
from authserver.tokens import opaque
from authserver.tokens.keyring import TOKEN_RING
from authserver.tokens.named import of_authorization
from authserver.values import Secret, from_base64url

if TYPE_CHECKING:
    from collections.abc import Mapping

    from authserver.messages.authorization import Allowed, ValidatedAuthorizationRequest
    from authserver.messages.token import TokenRequest, TokenResponse
    from authserver.models.tokens import Authorization, DeviceRequest
    from authserver.services import AuthenticatedClient, Services

GRANT_TYPE: str = DEVICE_CODE
PARAMETERS: tuple[str, ...] = ("device_code",)
RESPONSE_TYPES: tuple[str, ...] = ()  # it begins at an endpoint of its own

SLOWER = 5  # seconds more between two polls (section 3.5)
LONGEST_INTERVAL = 60  # seconds; a device that polls too fast beyond it causes no more writes
REMEMBERED = 512  # devices that an instance remembers


def answer(request: ValidatedAuthorizationRequest, allowed: Allowed, services: Services) -> Mapping[str, str] | None:
    """Stores what the user allowed for the device, which fetches it by itself. The browser gets no parameters.

    None if the same consent was answered differently before. Raises `InvalidRequest` if the device does not wait any
    more, and `SessionOver`.
    """
    now, device = services.now(), services.tokens.device(request.device)
    if device is None:
        raise _over()
    authorization = new_authorization(
        request,
        allowed,
        services,
        code_expires_at=device.expires_at,
        expires_at=device.expires_at,
        code_hash=device.secret_hash,
    )
    try:
        services.tokens.allow_device(device.id, authorization, allowed.session.id, now)
    except AlreadyExists as conflict:
        if not _is_same(conflict.existing, authorization):
            return None
    except Refused:
        raise _over() from None
    return {}


def named(request: TokenRequest, services: Services) -> Named:
    """The device of the device code."""
    code = request.parameters.get("device_code", "")
    credential = opaque.unseal(opaque.DEVICE_CODE, code, services.keys.token_keys(TOKEN_RING))
    return Named(device_id=credential.text("id"), credential=credential) if credential else Named()


def issue(request: TokenRequest, client: AuthenticatedClient, services: Services) -> TokenResponse:
    """Tokens, once the user has allowed them (section 3.4). Redemption comes last, as with any code."""
    device = _own_device(client, services)
    if not device.answer:
        raise _pending(device, services)
    known_resource(request.resource, services)
    granted = _with_authorization(client, device, services)
    authorization = find_own(granted)
    active, response = first_tokens(request, granted, authorization, services)
    _redeem(active, services)
    return response


# ------------------------------------------------------------------ the rules, in order


def _own_device(client: AuthenticatedClient, services: Services) -> DeviceRequest:
    """The device, if it still waits or its user has allowed its request.

    Raises `InvalidGrant` if the device code does not belong to this client, `ExpiredToken`, and `AccessDenied`.
    """
    code, device = client.named.credential, client.standing.device
    if code is None:
        raise InvalidGrant("The device code is invalid", reason="device_code_garbage")
    if device is None:  # we made the code, so there was one
        raise _expired()
    if not Secret(code.text("secret")).matches(device.secret_hash):
        raise InvalidGrant("The device code is invalid", reason="device_code_unknown")
    if device.client_id != client.client_id:
        raise InvalidGrant("The device code is invalid", reason="device_of_another_client")
    if device.expires_at <= services.now():
        raise _expired()
    if device.answer == DENIED:
        raise AccessDenied("The user denied the request", reason="denied_by_user")
    return device


def _pending(device: DeviceRequest, services: Services) -> AuthorizationPending | SlowDown:
    """The error for a device that has to poll again: `AuthorizationPending`, or `SlowDown` if it polled too fast, whose
    longer interval is stored."""
    polled, now = services.polled, services.now()
    before = polled.pop(device.id, None)
    polled[device.id] = now
    if len(polled) > REMEMBERED:
        del polled[next(iter(polled))]
    # A second less: both times are cut to whole ones.
    if before is None or now - before >= device.interval - 1:
        return AuthorizationPending("The user has not decided yet", reason="authorization_pending")
    if device.interval < LONGEST_INTERVAL:
        services.tokens.slow_device_down(device.id, device.interval, device.interval + SLOWER)
    return SlowDown("The user has not decided yet, and polls come too fast", reason="slow_down")


def _with_authorization(client: AuthenticatedClient, device: DeviceRequest, services: Services) -> AuthenticatedClient:
    """The client with the authorization that the device was given, read together with its ends."""
    granted = of_authorization(from_base64url(device.answer), client.named.credential)
    return replace(client, named=granted, standing=granted.standing(services, client_id=client.client_id))


def _redeem(active: Authorization, services: Services) -> None:
    """The one conditional write that licenses the tokens. Raises `InvalidGrant`.

    A device code that is used again revokes nothing, because clients repeat a poll that was not answered (section 3.5).
    """
    try:
        services.tokens.redeem(
            active.id,
            active.code_hash,
            services.claim(),
            active.rotated_at,
            active.idle_expires_at,
            active.expires_at,
        )
    except Refused as refusal:
        existing = refusal.existing
        used = existing is not None and existing.redeemed_by is not None
        raise InvalidGrant(
            "The device code is invalid", reason="device_code_used" if used else "device_code_revoked"
        ) from None


def _is_same(existing: Authorization | None, wanted: Authorization) -> bool:
    return existing is not None and (existing.code_hash, existing.client_id) == (wanted.code_hash, wanted.client_id)


def _expired() -> ExpiredToken:
    return ExpiredToken("The device code has expired", reason="device_code_expired")


def _over() -> InvalidRequest:
    return InvalidRequest("The device does not wait any more", reason="device_over")
