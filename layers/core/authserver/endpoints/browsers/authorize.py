"""The authorization endpoint: RFC 6749 section 3.1, OpenID Connect Core sections 3.1.2 and 3.2.2."""

from authserver.errors import ConsentRequired, LoginRequired, OAuthError, ServerError, TemporarilyUnavailable
from authserver.identity.refusals import noted
from authserver.messages.authorization import (
    Allowed,
    AuthorizationRequest,
    AuthorizationResponse,
    Choice,
    ValidatedAuthorizationRequest,
)
from authserver.messages.browser import GoTo
from authserver.models.browsers import Session
from authserver.models.clients import VERIFIED, Client
from authserver.services import Services
from authserver.storage.guards import SessionOver

from .redirection import failure, resolve_redirect, success
from .under_way import choice_made_before, find_session, hold, must_sign_in
from .validation import validate


def authorize(request: AuthorizationRequest, services: Services) -> AuthorizationResponse | GoTo:
    """An answer at once where the user is signed in and has allowed this before; else on to sign-in or consent.

    Raises:
        InvalidRequest: the client or its redirect URI is not known, so that there is nowhere to redirect to.
        OAuthError: any other, where a client that nobody has verified must not be told by redirect.
        TemporarilyUnavailable: a store did not answer; the user may reload.
    """
    with noted(request.parameters.get("client_id", ""), request.reference, services):
        client, redirect = resolve_redirect(request, services)
    try:
        with noted(client.client_id, request.reference, services):
            validated = validate(request, client, redirect, services)
        return _decide(request, validated, services)
    except TemporarilyUnavailable:
        raise
    except OAuthError as error:
        if not _may_be_redirected(request, client, services):
            raise
        return failure(redirect, error, services)


def _may_be_redirected(request: AuthorizationRequest, client: Client, services: Services) -> bool:
    """Whether an error may go to the client now: RFC 9700 section 4.11.2.

    To one that was verified, always. Anybody can register a test client, and a link to us would lead to any page of
    theirs: so not before somebody has signed in here, with ``prompt=none`` as well.
    """
    return (
        client.verification == VERIFIED or find_session(request.session, client.client_id, services).session is not None
    )


def _decide(
    request: AuthorizationRequest, validated: ValidatedAuthorizationRequest, services: Services
) -> AuthorizationResponse | GoTo:
    known = find_session(request.session, validated.client.client_id, services)
    session = known.session
    if session is None or must_sign_in(validated, session, None, services.now()):
        return _sign_in(request, validated, services)
    choice = choice_made_before(validated, known.consent, known.ends, services)
    if choice is None:
        if "none" in validated.prompt:
            raise ConsentRequired("The user has not consented", reason="consent_required")
        return _hold("consent", request, services)
    try:
        return _issue(validated, session, choice, services)
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
) -> AuthorizationResponse:
    allowed = Allowed(session, random=services.random(16), salt=services.random(16), choice=choice)
    answer = services.response_types[validated.response_type].answer(validated, allowed, services)
    if answer is None:
        raise ServerError("The request could not be completed", reason="identifier_collision")
    return success(validated.redirect, answer, services)
