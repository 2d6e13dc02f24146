"""The pages of people who cannot sign in to say who they are: a forgotten password, and the links of mails.

Nobody is told whether there is an account. To open a link uses nothing; the form that it shows does. Nobody is signed
in by any of it, so that a second factor stays one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from authserver.identity.activity import EMAIL_CHANGED, EMAIL_VERIFIED, PASSWORD_CHANGED, note
from authserver.identity.cutoffs import cut_off
from authserver.identity.mail_links import OpenedLink, open_link, spend
from authserver.identity.mails import order_reset, tell_of_new_address, tell_of_new_password
from authserver.identity.new_password import refusal
from authserver.marks import N_
from authserver.messages import EMAIL_VERIFICATION, PASSWORD_RESET, GoTo, View, Visit
from authserver.models import User
from authserver.services import Services
from authserver.tokens import opaque
from authserver.tokens.keyring import TOKEN_RING
from authserver.values import Secret

SENT, CHANGED = "sent", "password"  # what was done, in the address of the page that tells it
MAX_LOCALES = 200  # characters: they go on in the address
NAME_MISSING = N_("Enter your username.")

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
    return View("recover/ask", {"request_handle": handle, "problem": ""}, reason="recover_page")


def order_link(visit: Visit, services: Services) -> Answer:
    """Orders a link for whoever has this username. The answer is one, whether anybody has."""
    handle, username = _pending(visit.entered("request"), services), visit.entered("username")
    if not username.strip():
        return View("recover/ask", {"request_handle": handle, "problem": NAME_MISSING}, 400, "recover_400")
    order_reset(username, visit.source, visit.languages, services)
    return GoTo("recover", handle, done=SENT, ui_locales=_asked_locales(visit))


def show_reset(visit: Visit, services: Services) -> Answer:
    """The form for a new password, as often as the link is opened."""
    opened = open_link(visit.path_parameters["link"], PASSWORD_RESET, services)
    user = _owner(opened, services)
    if opened is None or user is None or not _may_reset(opened, user):
        return _over("recover")
    return View("recover/new", {"username": user.username, "problem": ""}, reason="reset_page")


def reset_password(visit: Visit, services: Services) -> Answer:
    """Sets the password, which ends every session and everything that was granted, and tells the user.

    The form can be sent again, after a failure or by a second click: the link is used for this password alone.
    """
    opened = open_link(visit.path_parameters["link"], PASSWORD_RESET, services)
    user, password = _owner(opened, services), Secret(visit.entered("password"))
    if opened is None or user is None:
        return _over("recover")
    claim = opened.claim(password.reveal())
    if opened.is_ended and opened.link.spent_by == claim:
        return _changed(visit)  # by this very form, the moment before
    if not _may_reset(opened, user):
        return _over("recover")
    problem = refusal(password, user.username, services.theme().name)
    if problem:
        return View("recover/new", {"username": user.username, "problem": problem}, 400, "reset_400")
    password_hash = services.passwords.hash(password)
    if not spend(opened, claim, services):
        return _over("recover")
    if not services.users.reset_password(user.sub, password_hash, opened.link.address):
        return _over("recover")
    cut_off(services, subject=user.sub)
    note(services, user.sub, PASSWORD_CHANGED, device=visit.device, source=visit.source)
    tell_of_new_password(user, visit.languages, services)
    return _changed(visit)


def _may_reset(opened: OpenedLink, user: User) -> bool:
    """A link that went to an address which is not the user's any more is worth nothing.

    Nor does one make a first password: who has none signs in elsewhere, or is not to sign in.
    """
    return opened.is_live and opened.link.address == user.email and bool(user.password_hash)


def _changed(visit: Visit) -> GoTo:
    """To a page whose address has no link in it."""
    return GoTo("recover", done=CHANGED, ui_locales=_asked_locales(visit), base="../")


# ------------------------------------------------------------------ an address that somebody says is theirs


def show_verification(visit: Visit, services: Services) -> Answer:
    """Asks whether the address is theirs."""
    opened = open_link(visit.path_parameters["link"], EMAIL_VERIFICATION, services)
    user = _owner(opened, services)
    if opened is None or user is None or not opened.is_live:
        return _over("verify")
    context = {"username": user.username, "address": opened.link.address}
    return View("recover/verify", context, reason="verify_page")


def confirm_address(visit: Visit, services: Services) -> Answer:
    """Makes the address the user's, if it is the one that they want still; the one from before is told."""
    opened = open_link(visit.path_parameters["link"], EMAIL_VERIFICATION, services)
    user = _owner(opened, services)
    if opened is None or user is None or not spend(opened, opened.claim(""), services):
        return _over("verify")
    if not services.users.confirm_email(user.sub, opened.link.address):
        return _over("verify")
    if user.pending_email:
        _tell_of_address(user, opened.link.address, visit, services)
    return View("recover/verified", {"address": opened.link.address}, reason="verified")


def _tell_of_address(user: User, address: str, visit: Visit, services: Services) -> None:
    """Notes it, and tells the address from before; `user` is as they were before."""
    is_other = user.email != address
    kind = EMAIL_CHANGED if is_other else EMAIL_VERIFIED
    note(services, user.sub, kind, device=visit.device, source=visit.source)
    if is_other and user.email:
        tell_of_new_address(user, visit.languages, services)


# ------------------------------------------------------------------ both


def _owner(opened: OpenedLink | None, services: Services) -> User | None:
    return services.users.get(opened.link.subject) if opened else None


def _over(page: str) -> View:
    """One answer to all that is wrong with a link: it is over, used, another's or none."""
    return View("recover/over", {"page": page}, 400, f"{page}_over")


def _asked_locales(visit: Visit) -> str:
    """The language goes along from page to page: there is no pending request that says it."""
    return visit.query.get("ui_locales", "")[:MAX_LOCALES]


def _pending(handle: str, services: Services) -> str:
    """The handle of the sign-in that somebody came from, to go back to; empty if it is none of ours."""
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
