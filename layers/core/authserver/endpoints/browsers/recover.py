"""The pages of people who cannot sign in to say who they are: a forgotten password, and the links of mails.

No answer reveals whether there is an account. Opening a link does not use it up; the form that it shows does. None of
these pages signs a user in, so a second factor stays required. An address is confirmed only by a browser that is
signed in to the account: a link alone would let another person confirm an address that is not theirs.
"""

from collections.abc import Callable, Mapping

from authserver.identity.activity import EMAIL_CHANGED, EMAIL_VERIFIED, PASSWORD_CHANGED, USERNAME_CHANGED, note
from authserver.identity.mail_links import OpenedLink, open_link
from authserver.identity.mails import order_reset, tell_of_new_address, tell_of_new_password, tell_of_new_username
from authserver.identity.new_password import refusal
from authserver.marks import N_
from authserver.messages.browser import GoTo
from authserver.messages.mail import EMAIL_VERIFICATION, PASSWORD_RESET
from authserver.messages.site import View, Visit
from authserver.models.browsers import Session
from authserver.models.users import User
from authserver.records import dataclass
from authserver.services import Services
from authserver.storage.guards import SessionOver
from authserver.storage.users import AddressTaken
from authserver.tokens import opaque
from authserver.tokens.keyring import TOKEN_RING
from authserver.values import Secret

from .under_way import find_visitor, hold_visit, require_visitor_csrf, visitor_csrf

SENT, CHANGED = "sent", "password"  # what was done, in the address of the page that tells it
HELD = "held"  # in the place of a link in the path: the one that the browser keeps
MAX_LOCALES = 200  # characters: they go on in the address
NAME_MISSING = N_("Enter your username.")
EMAIL_OR_NAME_MISSING = N_("Enter your email address or username.")

type Answer = View | GoTo


def recover(visit: Visit, services: Services) -> Answer:
    """Shows one of these pages, or does what its form says."""
    if not services.settings.mail_from:
        return View("recover/off", status=404, reason="mail_off")
    page = PAGES[visit.route]
    return page.act(visit, services) if visit.method == "POST" else page.show(visit, services)


# ------------------------------------------------------------------ a forgotten password


def show_question(visit: Visit, services: Services) -> Answer:
    """Asks for the username; or tells what was done."""
    handle = _pending(visit.query.get("request", ""), services)
    match visit.query.get("done"):
        case "sent":
            context = {"request_handle": handle, "asked_locales": _asked_locales(visit)}
            return View("recover/sent", context, reason="recover_sent")
        case "password":
            return View("recover/changed", reason="recover_changed")
    return _question(handle, services)


def order_link(visit: Visit, services: Services) -> Answer:
    """Orders a link for the user with this username or confirmed address. The answer is the same if there is none."""
    handle, username = _pending(visit.entered("request"), services), visit.entered("username")
    if not username.strip():
        return _question(handle, services, EMAIL_OR_NAME_MISSING if services.settings.email_sign_in else NAME_MISSING)
    order_reset(username, visit.source, visit.languages, services)
    return GoTo("recover", handle, done=SENT, ui_locales=_asked_locales(visit))


def _question(handle: str, services: Services, problem: str = "") -> View:
    context = {"request_handle": handle, "problem": problem, "takes_email": services.settings.email_sign_in}
    return View("recover/ask", context, 400 if problem else 200, "recover_400" if problem else "recover_page")


def show_reset(visit: Visit, services: Services) -> Answer:
    """The form for a new password, as often as the link is opened."""
    opened = open_link(visit.path_parameters["link"], PASSWORD_RESET, services)
    user = _owner(opened, services)
    if opened is None or user is None or not _may_reset(opened, user):
        return _over("recover")
    return View("recover/new", {"username": _name_of(user), "problem": ""}, reason="reset_page")


def reset_password(visit: Visit, services: Services) -> Answer:
    """Sets the password, which ends every session and everything that was granted, and tells the user.

    The form can be sent again, after a failure or by a second click: the link is used for this password alone.
    """
    opened = open_link(visit.path_parameters["link"], PASSWORD_RESET, services)
    user, password = _owner(opened, services), Secret(visit.entered("password"))
    if opened is None or user is None:
        return _over("recover")
    claim = opened.claim(password.reveal())
    if opened.link.spent_by == claim:
        return _done_before(visit, password, services)
    if not _may_reset(opened, user):
        return _over("recover")
    problem = refusal(password, user.username, services.theme().name, user.email)
    if problem:
        return View("recover/new", {"username": _name_of(user), "problem": problem}, 400, "reset_400")
    password_hash = services.passwords.hash(password)
    noting = _noting("user.password.reset", user, visit, services)
    if not noting.withdrawals.reset_password(opened.link, claim, password_hash, services.now()):
        again = open_link(visit.path_parameters["link"], PASSWORD_RESET, services)
        if again is None or again.link.spent_by != claim:
            return _over("recover")
        return _done_before(visit, password, services)
    note(services, user.sub, PASSWORD_CHANGED, device=visit.device, source=visit.source)
    tell_of_new_password(user, visit.languages, services)
    return _changed(visit)


def _may_reset(opened: OpenedLink, user: User) -> bool:
    """A link that went to an address which is not the user's any more is worth nothing.

    Nor does one make a first password: who has none signs in elsewhere, or is not to sign in.
    """
    return opened.is_live and opened.link.address == user.email and bool(user.password_hash)


def _name_of(user: User) -> str:
    """What the user's browser keeps the password by."""
    return user.username or user.email


def _done_before(visit: Visit, password: Secret, services: Services) -> Answer:
    """The link was used by this very form, and set the password in the same write; unless that was changed again."""
    user = _owner(open_link(visit.path_parameters["link"], PASSWORD_RESET, services), services)
    is_set = user is not None and services.passwords.verify(password, user.password_hash or None)
    return _changed(visit) if is_set else _over("recover")


def _changed(visit: Visit) -> GoTo:
    """To a page whose address has no link in it."""
    return GoTo("recover", done=CHANGED, ui_locales=_asked_locales(visit))


# ------------------------------------------------------------------ an address that a user wants to confirm


def show_verification(visit: Visit, services: Services) -> Answer:
    """Asks a signed-in user whether the address is theirs."""
    if visit.path_parameters["link"] == HELD:
        return _to_held_link(visit, services)
    asked = _asked(visit, services)
    if not isinstance(asked, Asked):
        return asked
    context = {
        "username": asked.user.username,
        "address": asked.opened.link.address,
        "csrf": visitor_csrf(asked.session, services),
    }
    return View("recover/verify", context, reason="verify_page")


def confirm_address(visit: Visit, services: Services) -> Answer:
    """Makes the address the user's, if it is the one that they want still; the one from before gets a mail.

    So is a user who had the address for a username. Where another account has it, the page does not tell which.
    """
    asked = _asked(visit, services)
    if not isinstance(asked, Asked):
        return asked
    user, link = asked.user, asked.opened.link
    require_visitor_csrf(visit.entered("csrf"), asked.session, services)
    try:
        users = _noting("user.email.confirmed", user, visit, services).by(asked.session).users
        confirmation = users.confirm_email(link, asked.opened.claim(""), services.now())
    except SessionOver:
        return _sign_in(visit, services)
    except AddressTaken:
        return View("recover/taken", {"address": link.address}, 409, "verify_taken")
    if confirmation is None:
        return _over("verify")
    if confirmation.renamed:
        _tell_of_username(confirmation.renamed, link.address, services)
    if user.pending_email:
        _tell_of_address(user, link.address, visit, services)
    return View("recover/verified", {"address": link.address}, reason="verified")


@dataclass(frozen=True, slots=True)
class Asked:
    """A live link to an address, and its user, who is signed in."""

    opened: OpenedLink
    user: User
    session: Session


def _asked(visit: Visit, services: Services) -> Asked | Answer:
    """The link, for the user who asked for it; or where to go, or what to say, instead."""
    opened = open_link(visit.path_parameters["link"], EMAIL_VERIFICATION, services)
    user = _owner(opened, services)
    if opened is None or user is None or not opened.is_live:
        return _over("verify")
    session = find_visitor(visit.session, services) if visit.session else None
    if session is None:
        return _sign_in(visit, services)
    if session.subject != user.sub:
        return _of_another(session, services)
    return Asked(opened, user, session)


def _sign_in(visit: Visit, services: Services) -> GoTo:
    """To the sign-in page, and from there back. The link itself is left with the browser meanwhile."""
    languages = {"ui_locales": locales} if (locales := _asked_locales(visit)) else {}
    handle, browser_secret = hold_visit(f"verify/{HELD}", services, **languages)
    return GoTo("login", handle, browser_secret, held_link=visit.path_parameters["link"])


def _to_held_link(visit: Visit, services: Services) -> Answer:
    keys = services.keys.token_keys(TOKEN_RING)
    if opaque.unseal(opaque.MAIL_LINK, visit.held_link, keys) is None:
        return _over("verify")
    return GoTo(f"verify/{visit.held_link}")


def _of_another(session: Session, services: Services) -> View:
    """Tells the signed-in user that the link is for another account, and not for which."""
    user = services.users.get(session.subject)
    return View("recover/another", {"account": user.known_as if user else ""}, 403, "verify_another")


def _tell_of_address(user: User, address: str, visit: Visit, services: Services) -> None:
    """Notes it, and tells the address from before; `user` is as they were before."""
    is_other = user.email != address
    kind = EMAIL_CHANGED if is_other else EMAIL_VERIFIED
    note(services, user.sub, kind, device=visit.device, source=visit.source)
    if is_other and user.email:
        tell_of_new_address(user, visit.languages, services)


def _tell_of_username(user: User, address: str, services: Services) -> None:
    """Notes it, and tells the user, who has another username now in place of this address."""
    note(services, user.sub, USERNAME_CHANGED, about=address)
    tell_of_new_username(user, address, services)


# ------------------------------------------------------------------ both


def _noting(act: str, user: User, visit: Visit, services: Services) -> Services:
    """These services for what the user does by the link, which the audit notes."""
    from authserver.identity.audit import by_user  # most requests only show a page

    return by_user(services, act, user.sub, source=visit.source, request=visit.request_id)


def _owner(opened: OpenedLink | None, services: Services) -> User | None:
    return services.users.get(opened.link.subject) if opened else None


def _over(page: str) -> View:
    """The one answer to every invalid link: one that is over, was used, is another user's, or does not exist."""
    return View("recover/over", {"page": page}, 400, f"{page}_over")


def _asked_locales(visit: Visit) -> str:
    """The language goes along from page to page: there is no pending request that says it."""
    return visit.query.get("ui_locales", "")[:MAX_LOCALES]


def _pending(handle: str, services: Services) -> str:
    """The handle of the sign-in that the user came from, to go back to; empty if this server did not make it."""
    if not opaque.is_a(opaque.REQUEST, handle):
        return ""
    keys = services.keys.token_keys(TOKEN_RING)
    return handle if opaque.unseal(opaque.REQUEST, handle, keys) is not None else ""


@dataclass(frozen=True, slots=True)
class Page:
    """What is shown, and what its form does."""

    show: Callable[[Visit, Services], Answer]
    act: Callable[[Visit, Services], Answer]


PAGES: Mapping[str, Page] = {
    "/recover": Page(show_question, order_link),
    "/recover/{link}": Page(show_reset, reset_password),
    "/verify/{link}": Page(show_verification, confirm_address),
}
