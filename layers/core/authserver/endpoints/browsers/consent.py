"""The consent page: the user allows a client what it asks for, or does not, and chooses the organisation."""

from contextlib import suppress
from dataclasses import replace

from authserver.ends import Begun
from authserver.errors import AccessDenied, InvalidRequest, LoginRequired, OAuthError, TemporarilyUnavailable
from authserver.grants import may_refresh
from authserver.identity.activity import APPLICATION_CONNECTED, note
from authserver.marks import N_
from authserver.messages.authorization import Allowed, Choice
from authserver.messages.browser import ApprovalAsked, ConsentForm, ConsentPage, GoTo, Interaction, OrganisationOffer
from authserver.models.browsers import Consent, Session
from authserver.services import Services
from authserver.storage.guards import SessionOver
from authserver.tokens import opaque
from authserver.tokens.access_token import lifetime_of
from authserver.values import base64url, from_base64url, sha256

from .answers import Told, answered, answering_grant, refused
from .choice import TooMany, Unchosen, ask_approval, asked_before, grantable, offer, read_choice
from .permissions import beyond, permissions
from .under_way import (
    ResumedRequest,
    answered_before,
    audience_of,
    choice_made_before,
    csrf_token,
    is_assured,
    must_sign_in,
    needs_choice,
    optional_scope,
    pictured,
    present,
    require_csrf,
    resume_request,
)

PAGE = "consent"
ALLOW, DENY = "allow", "deny"
ASK = "ask"  # the answer of a user who has to ask an administrator
UNCHOSEN = N_("Choose what the app may reach.")
TOO_MANY = N_("These are too many companies to choose one by one. Choose fewer, or every company at once.")
CHANGED = N_("What the app asks for has changed. Please look at it again.")
SIGNED_IN_ANEW = N_("You have signed in again since you opened this page. Please look at it again.")

type Answer = ConsentPage | ApprovalAsked | Told | GoTo


def show_consent(interaction: Interaction, services: Services) -> Answer:
    """The form; or an answer at once where nothing new is asked for, or where this user can never allow it."""
    resumed = resume_request(interaction, services)
    if must_sign_in(resumed.request, resumed.session, resumed.pending.id, services.now()):
        return GoTo("login", interaction.request_handle)
    session = _signed_in(resumed)
    try:
        _require_hinted(resumed, session)
        consent = _consent(resumed, session, services)
        choice = choice_made_before(resumed.request, consent, resumed.ends, services)
        if choice is None:
            return _page(resumed, session, interaction, consent, services)
        _answer(resumed, session, ALLOW, choice, services)
        return _issue(resumed, session, choice, services)
    except (AccessDenied, LoginRequired) as error:
        return refused(resumed.request, error, services, resumed.ui_locales)
    except SessionOver:
        return GoTo("login", interaction.request_handle)


def decide(form: ConsentForm, services: Services) -> Answer:
    """Carries out what the user decided; the first decision on a request is final."""
    resumed = resume_request(form, services)
    if must_sign_in(resumed.request, resumed.session, resumed.pending.id, services.now()):
        return GoTo("login", form.request_handle)
    require_csrf(form.csrf, PAGE, resumed, form.browser_secret, services, form.organisation)
    if form.decision not in (ALLOW, DENY):
        raise InvalidRequest("The decision is missing", reason="decision_missing")
    session = _signed_in(resumed)
    try:
        _require_hinted(resumed, session)
        if form.decision == DENY:
            return _deny(resumed, session, services)
        return _allow(resumed, session, form, services)
    except (AccessDenied, LoginRequired) as error:
        return refused(resumed.request, error, services, resumed.ui_locales)
    except SessionOver:
        return GoTo("login", form.request_handle)


def _signed_in(resumed: ResumedRequest) -> Session:
    if resumed.session is None:
        raise InvalidRequest("The user is not signed in", reason="session_missing")
    return resumed.session


def _require_hinted(resumed: ResumedRequest, session: Session) -> None:
    """OpenID Connect Core section 3.1.2.1, id_token_hint: any other user is an error."""
    hint = resumed.request.subject_hint
    if hint is not None and session.subject != hint:
        raise LoginRequired("Another user than the hinted one is signed in", reason="subject_hint_mismatch")


def _consent(resumed: ResumedRequest, session: Session, services: Services) -> Consent | None:
    """What the user has told this client before."""
    return services.browsers.browser_state(
        subject_key=base64url(opaque.key_of(session.subject)),
        client_key=base64url(opaque.key_of(resumed.request.client.client_id)),
    ).consent


# ------------------------------------------------------------------ the decision


def _deny(resumed: ResumedRequest, session: Session, services: Services) -> Answer:
    _answer(resumed, session, DENY, Choice(), services)
    raise AccessDenied("The user denied the request", reason="denied_by_user")


def _allow(resumed: ResumedRequest, session: Session, form: ConsentForm, services: Services) -> Answer:
    if form.shown != _shown(resumed, session, services):
        problem = CHANGED if form.shown.endswith(_signed_in_as(session)) else SIGNED_IN_ANEW
        return _page_again(resumed, session, form, services, problem)
    try:
        choice = read_choice(form, resumed.request, services)
    except Unchosen:
        return _page_again(resumed, session, form, services, UNCHOSEN)
    except TooMany:
        return _page_again(resumed, session, form, services, TOO_MANY)
    granted = grantable(resumed.request, choice, session, services)
    if granted is None:
        return _ask(resumed, session, choice, services)
    granted = replace(granted, under=granted.under.joined_with(_of_both(resumed)))
    _answer(resumed, session, ALLOW, granted, services)
    response = _issue(resumed, session, granted, services)
    client_id = resumed.request.client.client_id
    note(services, session.subject, APPLICATION_CONNECTED, device=form.device, source=form.source, about=client_id)
    _remember(resumed, session, granted, services)
    return response


def _ask(resumed: ResumedRequest, session: Session, choice: Choice, services: Services) -> Answer:
    """Asks an administrator; the client hears that access is denied, for now."""
    organisation = services.organisations.get(choice.organisation)
    if organisation is None:
        raise InvalidRequest("The organisation is not known", reason="organisation_unknown")
    ask_approval(resumed.request, choice, session, services.by(session))
    _answer(resumed, session, ASK, choice, services)
    error = AccessDenied("An administrator has to approve this first", reason="approval_asked")
    back = refused(resumed.request, error, services, resumed.ui_locales)
    return ApprovalAsked(resumed.request.client, organisation, back, resumed.ui_locales)


def _answer(resumed: ResumedRequest, session: Session, decision: str, choice: Choice, services: Services) -> None:
    """Records whose answer the request got, and which: it stays theirs, and a denied one stays denied."""
    answer = f"{decision} {session.subject}"
    if choice.organisation or choice.declined:
        chosen = "\x00".join((choice.organisation, *sorted(choice.entities), "", *sorted(choice.declined)))
        answer = f"{answer} {base64url(sha256(chosen))}"
    if not services.browsers.answer_request(resumed.pending.id, answer, services.now()):
        raise answered_before(resumed.request)


def _of_both(resumed: ResumedRequest) -> Begun:
    """What the user's word to the client is begun under, but for what it is begun under anyway."""
    return Begun(grant=present(resumed.request, resumed.ends).begun().grant)


def _issue(resumed: ResumedRequest, session: Session, choice: Choice, services: Services) -> Told:
    """A request gets one answer, however often its form is submitted."""
    request = resumed.request
    random = from_base64url(resumed.pending.id)
    allowed = Allowed(session, random=random, salt=resumed.pending.salt, choice=choice)
    try:
        answer = answering_grant(request, services).answer(request, allowed, services)
    except TemporarilyUnavailable:
        raise
    except OAuthError as error:
        return refused(resumed.request, error, services, resumed.ui_locales)
    if answer is None:
        raise answered_before(resumed.request)
    return answered(request, answer, services, resumed.ui_locales)


def _remember(resumed: ResumedRequest, session: Session, choice: Choice, services: Services) -> None:
    """What is only yes or no is not asked again, if the answer can reach this client only."""
    # Memory is a convenience; where it fails the user is asked again, and the answer is given all the same.
    with suppress(TemporarilyUnavailable, SessionOver):
        end, now = _remembered_until(resumed, services), services.now()
        if end == 0:
            return
        client = resumed.request.client
        consent = Consent(
            subject=session.subject,
            client_id=client.client_id,
            scope=resumed.request.scope - choice.declined,
            resource=frozenset(audience_of(resumed.request, services)),
            created_at=now,
            expires_at=end,
            declined=choice.declined,
            begun=session.begun.joined_with(choice.under).joined_with(Begun(client=client.epoch)),
        )
        services.by(session).browsers.remember_consent(consent, now)


def _remembered_until(resumed: ResumedRequest, services: Services) -> int:
    """0 if the user is asked each time."""
    lifetime = services.settings.consent_lifetime
    if lifetime == 0 or not is_assured(resumed.request) or needs_choice(resumed.request, services):
        return 0
    return services.now() + lifetime


# ------------------------------------------------------------------ the page


def _page_again(
    resumed: ResumedRequest, session: Session, form: ConsentForm, services: Services, problem: str
) -> ConsentPage:
    return replace(_page(resumed, session, form, _consent(resumed, session, services), services), problem=problem)


def _page(
    resumed: ResumedRequest, session: Session, interaction: Interaction, consent: Consent | None, services: Services
) -> ConsentPage:
    request, client = resumed.request, resumed.request.client
    offered = offer(request, session, interaction.organisation, services)
    chosen = offered.chosen.id if offered and offered.chosen else ""
    user = services.users.get(session.subject)
    return ConsentPage(
        request_handle=interaction.request_handle,
        csrf=csrf_token(PAGE, resumed, interaction.browser_secret, services, chosen),
        client=pictured(client, services),
        redirect=request.redirect.uri if request.redirect else None,
        permissions=permissions(request, interaction, consent, resumed.ends, offered, user, services),
        account=user.known_as if user else "",
        name=user.name if user else "",
        another_may=request.subject_hint is None,
        beyond=beyond(request, services),
        remembered_until=_remembered_until(resumed, services),
        lifetime=_lasts(resumed, services),
        offer=offered,
        entities=frozenset(interaction.entities) if isinstance(interaction, ConsentForm) else frozenset(),
        needs_approval=_needs_approval(resumed, session, offered, services),
        asked=asked_before(request, offered, session, services),
        shown=_shown(resumed, session, services),
        ui_locales=resumed.ui_locales,
    )


def _shown(resumed: ResumedRequest, session: Session, services: Services) -> str:
    """What the page tells of the request, and in which session: a client that is changed while its user reads is not
    granted the change, and who signs in meanwhile has to look for themselves."""
    request, client = resumed.request, resumed.request.client
    asked = (f"{one.name} {one.description} {one.sensitive}" for one in services.scopes().describe(request.scope))
    told = (
        *(client.client_name, client.client_uri, client.verification, client.preferred_subject_type),
        request.redirect.uri.text if request.redirect else request.device,
        *("", *asked, "", *optional_scope(request, services), "", *audience_of(request, services)),
    )
    return f"{base64url(sha256('\x00'.join(told)))}.{_signed_in_as(session)}"


def _signed_in_as(session: Session) -> str:
    return base64url(sha256(session.id))


def _needs_approval(
    resumed: ResumedRequest, session: Session, offered: OrganisationOffer | None, services: Services
) -> bool:
    """Whether this user cannot allow even one company and the least of the scope.

    Raises `AccessDenied` where no administrator can allow it.
    """
    least = Choice(declined=optional_scope(resumed.request, services))
    if offered is None:
        return grantable(resumed.request, least, session, services) is None
    if offered.chosen is None:
        return False
    return grantable(resumed.request, replace(least, organisation=offered.chosen.id), session, services) is None


def _lasts(resumed: ResumedRequest, services: Services) -> int:
    client = resumed.request.client
    gets_refresh = resumed.request.response_type == "code" or bool(resumed.request.device)
    if gets_refresh and may_refresh(client, resumed.request.scope, services):
        return services.settings.refresh_token_lifetime
    return lifetime_of(client, services)
