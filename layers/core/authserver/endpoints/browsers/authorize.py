"""The authorization endpoint: RFC 6749 section 3.1, OpenID Connect Core sections 3.1.2 and 3.2.2."""

from collections.abc import Mapping

from authserver.errors import ConsentRequired, LoginRequired, OAuthError, ServerError, TemporarilyUnavailable
from authserver.identity.refusals import Noted
from authserver.messages.authorization import (
    Allowed,
    AuthorizationRequest,
    AuthorizationResponse,
    Choice,
    RedirectTarget,
    UnverifiedRefusal,
    ValidatedAuthorizationRequest,
)
from authserver.messages.browser import GoTo
from authserver.models.browsers import Session
from authserver.models.clients import Client
from authserver.services import Services
from authserver.storage.guards import SessionOver

from .redirection import failure, is_told_unasked, resolve_redirect, success
from .under_way import choice_made_before, find_session, hold, must_sign_in
from .validation import validate


def authorize(request: AuthorizationRequest, services: Services) -> AuthorizationResponse | UnverifiedRefusal | GoTo:
    """An answer at once where the user is signed in and has allowed this before; else on to sign-in or consent.

    A silent request (``prompt=none``) is always answered by redirect, whatever is wrong: no user sees its page, and
    the client waits (OpenID Connect Core section 3.1.2.6).

    Raises:
        InvalidRequest: the client or its redirect URI is not known, so that there is nowhere to redirect to.
        TemporarilyUnavailable: a store did not answer; the user may reload.
    """
    with Noted(request.parameters.get("client_id", ""), request.reference, services):
        client, redirect = resolve_redirect(request, services)
    try:
        with Noted(client.client_id, request.reference, services):
            validated = validate(request, client, redirect, services)
        return _decide(request, validated, redirect, services)
    except OAuthError as error:
        answer = failure(redirect, error, services)
        if _is_silent(request):
            return answer
        if isinstance(error, TemporarilyUnavailable):
            raise
        if is_told_unasked(client, redirect) or _has_signed_in(request, client, services):
            return answer
        return UnverifiedRefusal(client, error, answer, request.parameters.get("ui_locales", ""))


def _is_silent(request: AuthorizationRequest) -> bool:
    return "none" in request.parameters.get("prompt", "").split()


def _has_signed_in(request: AuthorizationRequest, client: Client, services: Services) -> bool:
    """Whether the browser is signed in: only then an error redirects it (RFC 9700 section 4.11.2)."""
    return find_session(request.session, client.client_id, services).session is not None


def _decide(
    request: AuthorizationRequest,
    validated: ValidatedAuthorizationRequest,
    redirect: RedirectTarget,
    services: Services,
) -> AuthorizationResponse | GoTo:
    known = find_session(request.session, validated.client.client_id, services)
    session = known.session
    if session is None or must_sign_in(validated, session, None, services.now()):
        return _sign_in(request, validated, services)
    services.told["subject"] = session.subject
    choice = choice_made_before(validated, known.consent, known.ends, services)
    if choice is None:
        if "none" in validated.prompt:
            raise ConsentRequired("The user has not consented", reason="consent_required")
        return _hold("consent", request, services)
    try:
        return success(redirect, _issue(validated, session, choice, services), services)
    except SessionOver:
        return _sign_in(request, validated, services)


def _sign_in(request: AuthorizationRequest, validated: ValidatedAuthorizationRequest, services: Services) -> GoTo:
    if "none" in validated.prompt:
        raise LoginRequired("The user is not signed in", reason="login_required")
    return _hold("login", request, services)


def _hold(page: str, request: AuthorizationRequest, services: Services) -> GoTo:
    handle, browser_secret = hold(request, services)
    return GoTo(page, handle, browser_secret)


def _issue(
    validated: ValidatedAuthorizationRequest, session: Session, choice: Choice, services: Services
) -> Mapping[str, str]:
    allowed = Allowed(session, random=services.random(16), salt=services.random(16), choice=choice)
    answer = services.response_types[validated.response_type].answer(validated, allowed, services)
    if answer is None:
        raise ServerError("The request could not be completed", reason="identifier_collision")
    return answer
