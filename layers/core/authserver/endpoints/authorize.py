"""The authorization endpoint: RFC 6749 section 3.1, OpenID Connect Core sections 3.1.2 and 3.2.2."""

from authserver.errors import ConsentRequired, LoginRequired, OAuthError, ServerError, TemporarilyUnavailable
from authserver.messages import (
    Allowed,
    AuthorizationRequest,
    AuthorizationResponse,
    GoTo,
    RedirectTarget,
    ValidatedAuthorizationRequest,
)
from authserver.models import Session
from authserver.services import Services

from .browser import find_session, hold, must_consent, must_sign_in
from .redirection import failure, resolve_redirect, success
from .validation import validate


def authorize(request: AuthorizationRequest, services: Services) -> AuthorizationResponse | GoTo:
    """An answer at once where the user is signed in and has allowed this before; else on to sign-in or consent.

    Raises:
        InvalidRequest: the client or its redirect URI is not known, so that there is nowhere to redirect to.
        TemporarilyUnavailable: a store did not answer; the user may reload.
    """
    client, redirect = resolve_redirect(request, services)
    try:
        validated = validate(request, client, redirect, services)
        return _decide(request, validated, services)
    except TemporarilyUnavailable:
        raise
    except OAuthError as error:
        return failure(redirect, error, services)


def _decide(
    request: AuthorizationRequest, validated: ValidatedAuthorizationRequest, services: Services
) -> AuthorizationResponse | GoTo:
    session, consent = find_session(request.session, validated.client.client_id, services)
    if session is None or must_sign_in(validated, session, None, services.now()):
        if "none" in validated.prompt:
            raise LoginRequired("The user is not signed in", reason="login_required")
        return _hold("login", request, services)
    if must_consent(validated, consent, services):
        if "none" in validated.prompt:
            raise ConsentRequired("The user has not consented", reason="consent_required")
        return _hold("consent", request, services)
    return _issue(validated, session, validated.redirect, services)


def _hold(page: str, request: AuthorizationRequest, services: Services) -> GoTo:
    handle, browser_secret = hold(request, services)
    return GoTo(page, handle, browser_secret)


def _issue(
    validated: ValidatedAuthorizationRequest, session: Session, redirect: RedirectTarget, services: Services
) -> AuthorizationResponse:
    allowed = Allowed(session.subject, session.auth_time, random=services.random(16), salt=services.random(16))
    answer = services.response_types[validated.response_type].answer(validated, allowed, services)
    if answer is None:
        raise ServerError("The request could not be completed", reason="identifier_collision")
    return success(redirect, answer, services)
