"""The consent page: the user allows a client what it asks for, or does not."""

from contextlib import suppress

from authserver.errors import AccessDenied, InvalidRequest, LoginRequired, OAuthError, TemporarilyUnavailable
from authserver.grants import may_refresh
from authserver.messages import AuthorizationResponse, ConsentForm, ConsentPage, GoTo, Interaction
from authserver.models import Session
from authserver.services import Services
from authserver.tokens import opaque
from authserver.tokens.access_token import lifetime_of
from authserver.values import base64url, from_base64url

from .browser import (
    Resumed,
    audience_of,
    csrf_token,
    is_assured,
    must_consent,
    must_sign_in,
    require_csrf,
    resume,
)
from .redirection import failure, success

PAGE = "consent"
ALLOW, DENY = "allow", "deny"


def show_consent(interaction: Interaction, services: Services) -> ConsentPage | AuthorizationResponse | GoTo:
    """The form; or an answer at once where nothing new is asked for."""
    resumed = resume(interaction, services)
    if must_sign_in(resumed.request, resumed.session, resumed.pending.id, services.now()):
        return GoTo("login", interaction.request_handle)
    session = _signed_in(resumed)
    if _is_somebody_else(resumed, session):
        return _refuse_somebody_else(resumed, services)
    if not _must_ask(resumed, session, services):
        _answer(resumed, session, ALLOW, services)
        return _issue(resumed, session, services)
    return _page(resumed, session, interaction, services)


def decide(form: ConsentForm, services: Services) -> AuthorizationResponse | GoTo:
    """Carries out what the user decided; the first decision on a request is final."""
    resumed = resume(form, services)
    if must_sign_in(resumed.request, resumed.session, resumed.pending.id, services.now()):
        return GoTo("login", form.request_handle)
    require_csrf(form.csrf, PAGE, resumed, form.browser_secret, services)
    if form.decision not in (ALLOW, DENY):
        raise InvalidRequest("The decision is missing", reason="decision_missing")
    session = _signed_in(resumed)
    if _is_somebody_else(resumed, session):
        return _refuse_somebody_else(resumed, services)
    _answer(resumed, session, form.decision, services)
    if form.decision == DENY:
        error = AccessDenied("The user denied the request", reason="denied_by_user")
        return failure(resumed.request.redirect, error, services)
    response = _issue(resumed, session, services)
    _remember(resumed, session, services)
    return response


def _signed_in(resumed: Resumed) -> Session:
    if resumed.session is None:
        raise InvalidRequest("The user is not signed in", reason="session_missing")
    return resumed.session


def _is_somebody_else(resumed: Resumed, session: Session) -> bool:
    hint = resumed.request.subject_hint
    return hint is not None and session.subject != hint


def _refuse_somebody_else(resumed: Resumed, services: Services) -> AuthorizationResponse:
    """OpenID Connect Core section 3.1.2.1, id_token_hint: any other user is an error."""
    error = LoginRequired("Another user than the hinted one is signed in", reason="subject_hint_mismatch")
    return failure(resumed.request.redirect, error, services)


def _must_ask(resumed: Resumed, session: Session, services: Services) -> bool:
    state = services.tokens.browser_state(
        subject_key=base64url(opaque.key_of(session.subject)),
        client_key=base64url(opaque.key_of(resumed.request.client.client_id)),
    )
    return must_consent(resumed.request, state.consent, services)


def _answer(resumed: Resumed, session: Session, decision: str, services: Services) -> None:
    """Records whose answer the request got: it stays theirs, and a denied one stays denied."""
    answer = f"{decision} {session.subject}"
    if not services.tokens.answer_request(resumed.pending.id, answer, services.now()):
        raise _answered_before()


def _issue(resumed: Resumed, session: Session, services: Services) -> AuthorizationResponse:
    """One request gives one answer, however often its form is submitted."""
    request = resumed.request
    try:
        answer = services.response_types[request.response_type].answer(
            request,
            session.subject,
            session.auth_time,
            services,
            random=from_base64url(resumed.pending.id),
            salt=resumed.pending.salt,
        )
    except TemporarilyUnavailable:
        raise
    except OAuthError as error:
        return failure(request.redirect, error, services)
    if answer is None:
        raise _answered_before()
    return success(request.redirect, answer, services)


def _remember(resumed: Resumed, session: Session, services: Services) -> None:
    lifetime = services.settings.consent_lifetime
    if lifetime == 0 or not is_assured(resumed.request):
        return
    # Memory is a convenience; where it fails the user is asked again, and the answer is given all the same.
    with suppress(TemporarilyUnavailable):
        services.tokens.remember_consent(
            session.subject,
            resumed.request.client.client_id,
            resumed.request.scope,
            frozenset(audience_of(resumed.request, services)),
            services.now(),
            services.now() + lifetime,
        )


def _page(resumed: Resumed, session: Session, interaction: Interaction, services: Services) -> ConsentPage:
    client = resumed.request.client
    user = services.users.get(session.subject)
    refreshes = resumed.request.response_type == "code" and may_refresh(client, services)
    lasts = services.settings.refresh_token_lifetime if refreshes else lifetime_of(client, services)
    return ConsentPage(
        request_handle=interaction.request_handle,
        csrf=csrf_token(PAGE, resumed, interaction.browser_secret, services),
        client=client,
        redirect=resumed.request.redirect.uri,
        permissions=services.scopes().describe(resumed.request.scope),
        account=user.username if user else "",
        lifetime=lasts,
    )


def _answered_before() -> InvalidRequest:
    return InvalidRequest("This request was answered before", reason="answered_before")
