"""The sign-in page: a person proves who they are, for one pending request."""

from contextlib import suppress

from authserver.errors import TemporarilyUnavailable, TooManyAttempts
from authserver.messages import GoTo, Interaction, LoginForm, LoginPage
from authserver.models import ACTIVE, User
from authserver.services import Services
from authserver.values import normalised_username

from .browser import Resumed, begin_session, csrf_token, must_sign_in, require_csrf, resume

PAGE = "login"
WRONG = "The username or password is not correct."
THROTTLED = "Too many attempts. Please wait a while and try again."

# Attempts in a window of 15 minutes, wrong ones and those under way. The pair of account and source is what an
# attacker at one place meets first, so that they cannot lock the account for its owner elsewhere.
WINDOW = 900
LIMITS = {"account-at-source": 10, "account": 100, "source": 100}


def show_login(interaction: Interaction, services: Services) -> LoginPage | GoTo:
    """The form, or straight on if the session already satisfies the request."""
    resumed = resume(interaction, services)
    if not must_sign_in(resumed.request, resumed.session, resumed.pending.id, services.now()):
        return GoTo("consent", interaction.request_handle)
    return _page(resumed, interaction, services, username=resumed.request.login_hint or "")


def sign_in(form: LoginForm, services: Services) -> LoginPage | GoTo:
    """Checks the password and begins a session. The answer to a wrong name and to a wrong password is one."""
    resumed = resume(form, services)
    require_csrf(form.csrf, PAGE, resumed, form.browser_secret, services)
    try:
        window = services.now() // WINDOW * WINDOW
        _count_attempt(form, window, services)
    except TooManyAttempts as error:
        return _page(
            resumed, form, services, form.username, THROTTLED, status=error.status, retry_after=error.retry_after
        )
    user = _authenticate(form, services)
    if user is None:
        return _page(resumed, form, services, form.username, WRONG, status=401)
    _give_back_attempt(form, window, services)
    if resumed.session is not None:
        services.tokens.delete_session(resumed.session.id)
    session = begin_session(user.sub, resumed.pending.id, services)
    lifetime = services.settings.session_lifetime
    return GoTo("consent", form.request_handle, session=session, session_lifetime=lifetime)


def _authenticate(form: LoginForm, services: Services) -> User | None:
    user = services.users.find(form.username) if form.username else None
    proven = services.passwords.verify(form.password, user.password_hash if user else None)
    if user is None or not proven or user.status != ACTIVE:
        return None
    _renew_hash(user, form, services)
    return user


def _renew_hash(user: User, form: LoginForm, services: Services) -> None:
    """An imported hash, or one of older parameters, gives way to ours. A write that fails, the next sign-in repeats."""
    if services.passwords.is_outdated(user.password_hash):
        with suppress(TemporarilyUnavailable):
            services.users.rehash(user.sub, user.password_hash, services.passwords.hash(form.password))


def _count_attempt(form: LoginForm, window: int, services: Services) -> None:
    """Counts before checking, so that parallel attempts count too. Raises `TooManyAttempts`."""
    counts = _add_to_counters(form, window, 1, services)
    if any(counts[kind] > limit for kind, limit in LIMITS.items()):
        raise TooManyAttempts(max(1, window + WINDOW - services.now()))


def _give_back_attempt(form: LoginForm, window: int, services: Services) -> None:
    """A right password was no attempt: people behind one address sign in all day."""
    _add_to_counters(form, window, -1, services)


def _add_to_counters(form: LoginForm, window: int, amount: int, services: Services) -> dict[str, int]:
    account = normalised_username(form.username)
    names = {
        "account-at-source": f"login\x00pair\x00{account}\x00{form.source}",
        "account": f"login\x00account\x00{account}",
        "source": f"login\x00source\x00{form.source}",
    }
    return {kind: services.tokens.count(name, window, amount, window + 2 * WINDOW) for kind, name in names.items()}


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
    return LoginPage(
        request_handle=interaction.request_handle,
        csrf=csrf_token(PAGE, resumed, interaction.browser_secret, services),
        client=resumed.request.client,
        username=username,
        problem=problem,
        status=status,
        retry_after=retry_after,
    )
