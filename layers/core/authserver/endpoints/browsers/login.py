"""The sign-in pages: a person proves who they are, for one pending request.

A password signs in a user who has nothing else. It does not sign in a user who has an authenticator app: the request
notes whose password was right, and a code of the app, or a recovery code, does the rest. A passkey does it all at once.
"""

from dataclasses import replace

from authserver.errors import AccessDenied, InvalidRequest, TooManyAttempts, UnmetAuthenticationRequirements
from authserver.identity import activity, recovery_codes, totp
from authserver.identity.begin import account_state, begun_of, renewed
from authserver.identity.device import device_cookie, read_device
from authserver.identity.local_account import Account, authenticate
from authserver.identity.passkeys import (
    Ceremony,
    PasskeyRefused,
    offers_passkeys,
    request_options,
    take_assertion,
)
from authserver.identity.providers import domain_of
from authserver.identity.throttle import count_code_attempt, give_back, network_of
from authserver.marks import N_
from authserver.messages.authorization import ValidatedAuthorizationRequest
from authserver.messages.browser import CodeForm, CodePage, GoTo, Interaction, LoginForm, LoginPage, PasskeyForm
from authserver.models import ACTIVE
from authserver.models.browsers import Session
from authserver.models.configuration import IdentityProvider
from authserver.models.tokens import BY_CODE
from authserver.services import Services
from authserver.storage.standing import Ends

from .answers import Told, refused
from .redirection import is_told_unasked
from .under_way import (
    LOGIN,
    Resumed,
    answered_before,
    begin_session,
    csrf_token,
    pictured,
    require_csrf,
    restart,
    resume,
)

CODE = "code"
CANCELLED = "cancelled"  # the answer of a user who went back
UNMET = "unmet"  # the answer of a user who cannot sign in as the client asks
PASSKEY_WANTED = N_("This app asks you to sign in with a passkey.")
WRONG = N_("The username or password is not correct.")
WRONG_CODE = N_("This code is not correct, or has been used before.")
WRONG_PASSKEY = N_("This passkey did not sign you in. Try again, or use your password.")
THROTTLED = N_("Too many attempts. Please wait a while and try again.")


type Answer = LoginPage | CodePage | GoTo | Told


# ------------------------------------------------------------------ with a password


def show_login(interaction: Interaction, services: Services) -> LoginPage | GoTo | Told:
    """The form, or straight on if the session already satisfies the request; or back, if its user never can."""
    resumed = resume(interaction, services)
    if interaction.another:
        return _page(resumed, interaction, services)
    if not resumed.must_sign_in(services.now()):
        return resumed.once_signed_in(interaction.request_handle)
    if resumed.falls_short and resumed.request and resumed.session and not _has_passkey(resumed.session, services):
        return _unmet(resumed, resumed.request, services)
    page = _page(resumed, interaction, services, username=resumed.login_hint)
    if resumed.session is None:
        return page
    return _for_whoever_is_there(page, resumed, interaction, resumed.session, services)


def _has_passkey(session: Session, services: Services) -> bool:
    factors = account_state(session.subject, services)[0].factors
    return factors is not None and bool(factors.passkeys)


def _unmet(resumed: Resumed, request: ValidatedAuthorizationRequest, services: Services) -> Told:
    """Tells the client that its user has signed in and cannot do so as it asks; this request is answered by that."""
    if not services.browsers.answer_request(resumed.pending.id, UNMET, services.now()):
        raise answered_before(request)
    error = UnmetAuthenticationRequirements("The user has no passkey here", reason="acr_unmet")
    return refused(request, error, services, resumed.ui_locales)


def submit(form: LoginForm, services: Services) -> Answer:
    """What the form says: continue as the signed-in user, go back to the application, or sign in."""
    match form.action:
        case "continue":
            return continue_as(form, services)
        case "cancel":
            return cancel(form, services)
    return sign_in(form, services)


def sign_in(form: LoginForm, services: Services) -> LoginPage | GoTo:
    """Checks the password and begins a session. The answer to a wrong name and to a wrong password is one."""
    resumed = resume(form, services)
    require_csrf(form.csrf, LOGIN, resumed, form.browser_secret, services)
    device = read_device(form.device_cookie, services)
    try:
        account = authenticate(form.username, form.password, form.source, services, device)
    except TooManyAttempts as error:
        return _page(
            resumed, form, services, form.username, THROTTLED, status=error.status, retry_after=error.retry_after
        )
    if account is None:
        return _page(resumed, form, services, form.username, WRONG, status=401)
    if account.asks_for_code:
        return _ask_for_code(resumed, form, account, services)
    return _signed_in(resumed, form, account.user.sub, account.ends, services, by=activity.PASSWORD)


def _ask_for_code(resumed: Resumed, form: LoginForm, account: Account, services: Services) -> GoTo:
    """The password was right and the user is not signed in yet: only this request knows, on the server."""
    sessions = account.ends.subject.sessions
    if not services.browsers.note_password(
        resumed.pending.id, account.user.sub, account.begun, sessions, services.now()
    ):
        raise restart("request_over")
    return GoTo("login/code", form.request_handle)


# ------------------------------------------------------------------ without one


def continue_as(form: LoginForm, services: Services) -> LoginPage | GoTo:
    """Takes the session that there is, as its user chose where `prompt=select_account` asked (OpenID Connect Core
    section 3.1.2.1). It is no newer for that."""
    resumed = resume(form, services)
    session = resumed.session
    if session is None or not resumed.may_continue(services.now()):
        return _page(resumed, form, services)
    require_csrf(form.csrf, LOGIN, resumed, form.browser_secret, services, about=session.id)
    cookie = renewed(session, resumed.pending.id, services)
    if not services.browsers.renew_session(session, cookie.session):
        return _page(resumed, form, services)  # it was ended, or renewed by another form, the moment before
    return resumed.once_signed_in(
        form.request_handle, session=cookie.value, lifetime=max(0, session.expires_at - services.now())
    )


def cancel(form: LoginForm, services: Services) -> Told:
    """Tells the client that its user did not want to sign in; this request is answered by that."""
    resumed = resume(form, services)
    require_csrf(form.csrf, LOGIN, resumed, form.browser_secret, services)
    if resumed.request is None or not _may_cancel(resumed):
        raise InvalidRequest("There is nowhere to go back to", reason="nowhere_to_cancel_to")
    if not services.browsers.answer_request(resumed.pending.id, CANCELLED, services.now()):
        raise answered_before(resumed.request)
    error = AccessDenied("The user did not sign in", reason="sign_in_cancelled")
    return refused(resumed.request, error, services, resumed.ui_locales)


def _may_cancel(resumed: Resumed) -> bool:
    """Whether a person who does not sign in may be redirected to the client that asked."""
    if resumed.request is None:
        return False
    redirect = resumed.request.redirect  # a device has none
    return redirect is None or is_told_unasked(resumed.request.client, redirect)


# ------------------------------------------------------------------ and a code


def show_code(interaction: Interaction, services: Services) -> CodePage | GoTo:
    """The form for a code, for a person who has typed the password; others begin with that."""
    resumed = resume(interaction, services)
    account = _half_signed_in(resumed, services)
    if not resumed.must_sign_in(services.now()) and not _is_another(account, resumed.session):
        return resumed.once_signed_in(interaction.request_handle)
    if account is None:
        return GoTo("login", interaction.request_handle)
    return _code_page(resumed, interaction, account, services)


def sign_in_with_code(form: CodeForm, services: Services) -> CodePage | GoTo:
    """Checks a code of the app, or a recovery code, each of which works once, and begins the session.

    The session is begun under the epochs from before the password's check: what has ended the user's sessions since
    then has ended it too.
    """
    resumed = resume(form, services)
    account = _half_signed_in(resumed, services)
    if account is None:
        return GoTo("login", form.request_handle)
    subject = account.user.sub
    require_csrf(form.csrf, CODE, resumed, form.browser_secret, services, about=subject)
    device = read_device(form.device_cookie, services)
    try:
        attempt = count_code_attempt(subject, services, device.id if device and device.knows(subject) else "")
    except TooManyAttempts as error:
        return _code_page(
            resumed, form, account, services, THROTTLED, status=error.status, retry_after=error.retry_after
        )
    if not _is_right(form, account, services):
        return _code_page(resumed, form, account, services, WRONG_CODE, status=401)
    give_back(attempt, services)
    by = activity.RECOVERY_CODE if form.recovery_code else activity.CODE
    return _signed_in(resumed, form, subject, account.ends, services, by=by)


def _half_signed_in(resumed: Resumed, services: Services) -> Account | None:
    """The subject whose password was typed for this request, if that user still has to enter a code."""
    pending = resumed.pending
    if not pending.password_of:
        return None
    state, ends = account_state(pending.password_of, services)
    user, stands = state.user, ends.stand(pending.begun, pending.sessions)
    account = Account(user, state.factors, ends) if user and user.status == ACTIVE and stands else None
    return account if account and account.asks_for_code else None


def _is_another(account: Account | None, session: Session | None) -> bool:
    """Whether the sign-in would replace the session of another user."""
    return account is not None and session is not None and account.user.sub != session.subject


def _is_right(form: CodeForm, account: Account, services: Services) -> bool:
    if account.factors is None:
        return False
    if form.recovery_code:
        return recovery_codes.take_code(account.factors, form.recovery_code, services)
    return totp.take_code(account.factors, form.code, services)


# ------------------------------------------------------------------ with a passkey


def sign_in_with_passkey(form: PasskeyForm, services: Services) -> LoginPage | GoTo:
    """Checks what an authenticator signed and begins a session. Every refusal gets one answer."""
    resumed = resume(form, services)
    require_csrf(form.csrf, LOGIN, resumed, form.browser_secret, services)
    try:
        factors, ends = take_assertion(form.credential, _ceremony(resumed, form), services)
    except PasskeyRefused as refusal:
        return _page(resumed, form, services, problem=WRONG_PASSKEY, status=401, reason=refusal.reason)
    user = services.users.get(factors.subject)
    if user is None or user.status != ACTIVE:
        return _page(resumed, form, services, problem=WRONG_PASSKEY, status=401, reason="user_not_active")
    return _signed_in(resumed, form, user.sub, ends, services, by=activity.PASSKEY)


def _ceremony(resumed: Resumed, interaction: Interaction) -> Ceremony:
    return Ceremony("sign in", f"{resumed.pending.id}\x00{interaction.browser_secret}")


# ------------------------------------------------------------------ signed in


def _signed_in(
    resumed: Resumed,
    form: LoginForm | CodeForm | PasskeyForm,
    subject: str,
    ends: Ends,
    services: Services,
    *,
    by: str,
) -> GoTo:
    """A new session in place of the old one, and on to what waits for it."""
    services.told["subject"] = subject
    if resumed.session is not None:
        services.withdrawals.end_session(resumed.session.id)
    session = begin_session(
        subject,
        resumed.pending.id,
        begun_of(ends),
        ends.subject.sessions,
        services,
        by=BY_CODE if by == activity.RECOVERY_CODE else by,
        device=form.device,
        source=network_of(form.source),
    )
    activity.note(services, subject, activity.SIGNED_IN, device=form.device, source=form.source, about=by)
    return resumed.once_signed_in(
        form.request_handle,
        session=session,
        lifetime=services.settings.session_lifetime,
        device_cookie=device_cookie(subject, services, read_device(form.device_cookie, services)),
    )


# ------------------------------------------------------------------ the pages


def _page(
    resumed: Resumed,
    interaction: Interaction,
    services: Services,
    username: str = "",
    problem: str = "",
    *,
    status: int = 200,
    retry_after: int | None = None,
    reason: str = "",
) -> LoginPage:
    providers = services.listed_providers()
    asks_email = any(provider.domains for provider in providers)
    return LoginPage(
        request_handle=interaction.request_handle,
        csrf=csrf_token(LOGIN, resumed, interaction.browser_secret, services),
        client=pictured(resumed.client, services) if resumed.client else None,
        username=username,
        problem=problem or (PASSKEY_WANTED if resumed.request and resumed.request.acr else ""),
        status=status,
        retry_after=retry_after,
        providers=_to_choose_from(providers, resumed),
        asks_email=asks_email,
        takes_email=asks_email or services.settings.email_sign_in,
        recovers=bool(services.settings.mail_from),
        passkey=request_options(_ceremony(resumed, interaction), services) if offers_passkeys(services) else {},
        ui_locales=resumed.ui_locales,
        reason=reason,
        may_cancel=_may_cancel(resumed),
    )


def _for_whoever_is_there(
    page: LoginPage, resumed: Resumed, interaction: Interaction, session: Session, services: Services
) -> LoginPage:
    """The page for a browser that is signed in, which is not enough or has to be confirmed."""
    user = services.users.get(session.subject)
    if user is None:
        return page
    shown = replace(page, account=user.known_as, name=user.name, username=page.username or user.username)
    if not resumed.may_continue(services.now()):
        return shown
    csrf = csrf_token(LOGIN, resumed, interaction.browser_secret, services, about=session.id)
    return replace(shown, continue_csrf=csrf)


def _code_page(
    resumed: Resumed,
    interaction: Interaction,
    account: Account,
    services: Services,
    problem: str = "",
    *,
    status: int = 200,
    retry_after: int | None = None,
) -> CodePage:
    return CodePage(
        request_handle=interaction.request_handle,
        csrf=csrf_token(CODE, resumed, interaction.browser_secret, services, about=account.user.sub),
        client=resumed.client,
        account=account.user.known_as,
        problem=problem,
        status=status,
        retry_after=retry_after,
        has_recovery_codes=bool(account.factors and account.factors.recovery_codes),
        ui_locales=resumed.ui_locales,
    )


def _to_choose_from(providers: tuple[IdentityProvider, ...], resumed: Resumed) -> tuple[IdentityProvider, ...]:
    """The providers with a button for every user; before them the named one, or the one that the hinted
    user's email address belongs to."""
    domain = domain_of(resumed.login_hint)
    hinted = tuple(one for one in providers if one.id == resumed.provider or (domain and domain in one.domains))
    return hinted + tuple(provider for provider in providers if provider.shown and provider not in hinted)
