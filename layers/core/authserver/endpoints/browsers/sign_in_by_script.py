"""Signing in by a script of a page: how PlaceOS's own sign-in page does it, at `POST /auth/signin`.

The page shows the fields itself, so it has no form of ours, and no token in it. What keeps other sites from signing
a user in to an account of their choosing is that only pages of this origin and of listed ones are listened to, as
their browser says which they are; and that no form can send JSON.
"""

from authserver.errors import AccessDenied, TooManyAttempts, TooManyPasswords
from authserver.identity import activity
from authserver.identity.begin import begun_of
from authserver.identity.device import device_cookie, read_device
from authserver.identity.local_account import Account, authenticate
from authserver.identity.throttle import network_of
from authserver.messages.browser import GoTo, SignInByScript
from authserver.services import Services
from authserver.tokens import opaque
from authserver.tokens.keyring import TOKEN_RING

from .authority import ACCOUNT
from .continuation import origin_of, resolve_continue
from .under_way import begin_session, find_visitor, hold_visit, restart


def sign_in_by_script(asked: SignInByScript, services: Services) -> GoTo:
    """Where the page leads next: on, or to our own page, where a second factor is due.

    Raises:
        AccessDenied: the page is not listened to, or name and password do not belong together.
        InvalidRequest: `continue` may not lead there.
        TooManyPasswords: there were too many attempts.
    """
    if asked.origin not in (origin_of(services.settings.issuer), *services.settings.continue_origins):
        raise AccessDenied("This site may not sign anybody in", reason="sign_in_origin")
    page = resolve_continue(asked.continues, services).address if asked.continues else ACCOUNT
    device = read_device(asked.device_cookie, services)
    try:
        account = authenticate(asked.username, asked.password, asked.source, services, device)
    except TooManyAttempts as error:
        raise TooManyPasswords(error.retry_after) from None
    if account is None:
        raise AccessDenied("The username or password is not correct", reason="password_wrong")
    return (
        _ask_for_code(account, page, services) if account.asks_for_code else _signed_in(asked, account, page, services)
    )


def _ask_for_code(account: Account, page: str, services: Services) -> GoTo:
    """To the page that asks for it; the request knows whose password was right, and the user is not signed in yet."""
    handle, browser_secret = hold_visit(page, services)
    held = opaque.unseal(opaque.REQUEST, handle, services.keys.token_keys(TOKEN_RING))
    sessions = account.ends.subject.sessions
    if held is None or not services.browsers.note_password(
        held.text("id"), account.user.sub, account.begun, sessions, services.now()
    ):
        raise restart("request_over")
    return GoTo("login/code", handle, browser_secret)


def _signed_in(asked: SignInByScript, account: Account, page: str, services: Services) -> GoTo:
    """A new session in place of the old one."""
    before = find_visitor(asked.session, services)
    if before is not None:
        services.withdrawals.end_session(before.id)
    subject = account.user.sub
    session = begin_session(
        subject,
        "",
        begun_of(account.ends),
        account.ends.subject.sessions,
        services,
        by=activity.PASSWORD,
        device=asked.device,
        source=network_of(asked.source),
    )
    activity.note(
        services, subject, activity.SIGNED_IN, device=asked.device, source=asked.source, about=activity.PASSWORD
    )
    return GoTo(
        page,
        session=session,
        session_lifetime=services.settings.session_lifetime,
        device_cookie=device_cookie(subject, services, read_device(asked.device_cookie, services)),
    )
