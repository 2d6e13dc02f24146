"""The sign-in page: a person proves who they are, for one pending request."""

from authserver.errors import TooManyAttempts
from authserver.identity.local_account import authenticate
from authserver.identity.providers import domain_of
from authserver.identity.throttle import network_of
from authserver.marks import N_
from authserver.messages import GoTo, Interaction, LoginForm, LoginPage
from authserver.models import IdentityProvider
from authserver.services import Services

from .browser import LOGIN, Resumed, begin_session, csrf_token, require_csrf, resume

WRONG = N_("The username or password is not correct.")
THROTTLED = N_("Too many attempts. Please wait a while and try again.")


def show_login(interaction: Interaction, services: Services) -> LoginPage | GoTo:
    """The form, or straight on if the session already satisfies the request."""
    resumed = resume(interaction, services)
    if not resumed.must_sign_in(services.now()):
        return resumed.once_signed_in(interaction.request_handle)
    return _page(resumed, interaction, services, username=resumed.login_hint)


def sign_in(form: LoginForm, services: Services) -> LoginPage | GoTo:
    """Checks the password and begins a session. The answer to a wrong name and to a wrong password is one."""
    resumed = resume(form, services)
    require_csrf(form.csrf, LOGIN, resumed, form.browser_secret, services)
    asked_at = services.now()
    try:
        user = authenticate(form.username, form.password, form.source, services)
    except TooManyAttempts as error:
        return _page(
            resumed, form, services, form.username, THROTTLED, status=error.status, retry_after=error.retry_after
        )
    if user is None:
        return _page(resumed, form, services, form.username, WRONG, status=401)
    if resumed.session is not None:
        services.tokens.delete_session(resumed.session.id)
    session = begin_session(
        user.sub, resumed.pending.id, asked_at, services, device=form.device, source=network_of(form.source)
    )
    return resumed.once_signed_in(form.request_handle, session=session, lifetime=services.settings.session_lifetime)


def _page(
    resumed: Resumed,
    interaction: Interaction,
    services: Services,
    username: str = "",
    problem: str = "",
    *,
    status: int = 200,
    retry_after: int | None = None,
) -> LoginPage:
    providers = services.listed_providers()
    return LoginPage(
        request_handle=interaction.request_handle,
        csrf=csrf_token(LOGIN, resumed, interaction.browser_secret, services),
        client=resumed.client,
        username=username,
        problem=problem,
        status=status,
        retry_after=retry_after,
        providers=_to_choose_from(providers, resumed.login_hint),
        asks_email=any(provider.domains for provider in providers),
        ui_locales=resumed.ui_locales,
    )


def _to_choose_from(providers: tuple[IdentityProvider, ...], login_hint: str) -> tuple[IdentityProvider, ...]:
    """Those with a button for everybody; before them the one that the hinted user's e-mail address belongs to."""
    domain = domain_of(login_hint)
    hinted = tuple(provider for provider in providers if domain and domain in provider.domains)
    return hinted + tuple(provider for provider in providers if provider.shown and provider not in hinted)
