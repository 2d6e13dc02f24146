"""The answer to a request whose user has decided: it goes to the client by redirect, or waits for the device to ask."""

from collections.abc import Mapping
from typing import cast

from authserver.errors import AccessDenied, OAuthError
from authserver.messages.authorization import AuthorizationResponse, ValidatedAuthorizationRequest
from authserver.messages.browser import DeviceAnswered
from authserver.models.clients import DEVICE_CODE
from authserver.plugins import AuthorizationGrant
from authserver.services import Services

from .redirection import failure, success

type Told = AuthorizationResponse | DeviceAnswered


def answering_grant(request: ValidatedAuthorizationRequest, services: Services) -> AuthorizationGrant:
    """The grant that makes the answer."""
    if request.redirect is None:
        return cast("AuthorizationGrant", services.grants[DEVICE_CODE])
    return services.response_types[request.response_type]


def answered(
    request: ValidatedAuthorizationRequest, answer: Mapping[str, str], services: Services, ui_locales: str
) -> Told:
    """What was allowed, as its grant answered it."""
    if request.redirect is None:
        return DeviceAnswered(request.client, is_allowed=True, ui_locales=ui_locales)
    return success(request.redirect, answer, services)


def refused(request: ValidatedAuthorizationRequest, error: OAuthError, services: Services, ui_locales: str) -> Told:
    """The error. A device can be told one alone, that access is denied: any other is raised again, for our own page."""
    if request.redirect is not None:
        return failure(request.redirect, error, services)
    if not isinstance(error, AccessDenied):
        raise error
    is_denied = services.tokens.deny_device(request.device, services.now())
    return DeviceAnswered(request.client, is_allowed=False, ui_locales=ui_locales, is_too_late=not is_denied)
