"""/my/security: what a person proves with who they are: a password, an authenticator app, passkeys, sign-ins elsewhere;
and the links that were sent to them.

To look at takes a session; to change anything takes a sign-in of the last minutes.
"""

from collections.abc import Mapping
from dataclasses import replace

from authserver.identity import activity
from authserver.identity.begin import named_anew, new_session
from authserver.identity.device import read_device
from authserver.identity.mail_links import pending_link, pending_links
from authserver.identity.mails import tell_of_new_factors, tell_of_new_password
from authserver.identity.new_password import refusal
from authserver.identity.passkeys import Ceremony, PasskeyRefused, creation_options, offers_passkeys
from authserver.identity.providers import name_of
from authserver.identity.second_factors import (
    ChangedMeanwhile,
    NotPossible,
    add_passkey,
    begin_app,
    confirm_app,
    factors_of,
    is_name,
    remove_app,
    remove_passkey,
    rename_passkey,
    renew_codes,
    secret_of,
)
from authserver.identity.throttle import count_attempt, give_back, network_of, note_wrong
from authserver.identity.totp import provisioning_uri
from authserver.management import Conflict, NotFound
from authserver.marks import N_
from authserver.messages.browser import GoTo
from authserver.messages.site import View, Visit
from authserver.models.factors import Factors
from authserver.models.tokens import BY_PASSWORD
from authserver.models.users import Identity
from authserver.services import Services
from authserver.site import Act, Answer, Rejected, Screen, Visitor, act
from authserver.values import Secret, base64url

HERE = "my/security"
PASSWORD, APP, PASSKEYS = f"{HERE}/password", f"{HERE}/app", f"{HERE}/passkeys"
IDENTITIES, LINKS = f"{HERE}/identities", f"{HERE}/links"
WRONG_PASSWORD = N_("This is not your password.")
WRONG_CODE = N_("This is not the code that the app shows now. Try the next one.")
WRONG_PASSKEY = N_("The passkey could not be saved. Try again.")
WRONG_NAME = N_("Give it a name of up to 64 characters.")
CHANGED_MEANWHILE = N_("Something was changed in another window in the meantime. Please look again.")
NO_PASSWORD = N_("Your account has no password here.")
UNCHANGED = N_("This is the password you already have.")
LAST_WAY = N_("This is your only way to sign in. Set up another one first, such as a passkey.")


def show_security(visitor: Visitor, visit: Visit, services: Services) -> View:
    """Everything at a glance."""
    factors = factors_of(visitor.user, services)
    return View(
        "my/security",
        {
            "here": HERE,
            "factors": factors,
            "may_have_passkeys": offers_passkeys(services),
            "identities": _identities(visitor, services),
            "links": pending_links(visitor.user, services),
        },
    )


# ------------------------------------------------------------------ the password


def show_password(visitor: Visitor, visit: Visit, services: Services) -> View:
    """A form for another password, or why there is none to change."""
    return View("my/password", {"here": HERE})


@act("user.password.changed")
def change_password(visitor: Visitor, visit: Visit, services: Services) -> GoTo:
    """A user who knows the password sets another; the same write ends other sessions and the access of applications."""
    user, typed, wanted = visitor.user, Secret(visit.entered("current")), Secret(visit.entered("new"))
    if not user.password_hash:
        raise Conflict(NO_PASSWORD)
    _require_password(visitor, typed, visit, services)
    if objection := refusal(wanted, user.username, services.theme().name, user.email):
        raise Rejected(new=objection)
    if typed == wanted:
        raise Rejected(new=UNCHANGED)
    session, begun = visitor.session, visitor.session.begun
    after = new_session(
        user.sub,
        session.signed_in_for,
        replace(begun, subject=begun.subject + 1),
        session.sessions,
        services,
        by=BY_PASSWORD,
        device=visit.device,
        source=network_of(visit.source),
    )
    password_hash = services.passwords.hash(wanted)
    if not services.withdrawals.replace_password(user, password_hash, session, after.session):
        raise Conflict(CHANGED_MEANWHILE)
    _note(activity.PASSWORD_CHANGED, visitor, visit, services)
    return GoTo(HERE, done="password", session=after.value, session_lifetime=services.settings.session_lifetime)


def _require_password(visitor: Visitor, typed: Secret, visit: Visit, services: Services) -> None:
    """Throttled as at sign-in: a session that was left open is no place to guess at. Raises `TooManyAttempts`."""
    user, device = visitor.user, read_device(visit.device_cookie, services)
    known = device.id if device and device.knows(user.sub) else ""
    attempt = count_attempt(user.sub, "", visit.source, services, known)
    if not services.passwords.matches(typed, user.password_hash):
        note_wrong(attempt, services)
        raise Rejected(current=WRONG_PASSWORD)
    give_back(attempt, services)


# ------------------------------------------------------------------ an authenticator app


def show_app(visitor: Visitor, visit: Visit, services: Services) -> View:
    """How to set one up, or that there is one."""
    factors = factors_of(visitor.user, services)
    secret = secret_of(factors, services)
    uri = provisioning_uri(secret, visitor.user.known_as, services.theme().name) if secret else ""
    return View("my/app", {"here": HERE, "factors": factors, "secret": secret, "uri": uri})


@act("user.app.begun")
def begin(visitor: Visitor, visit: Visit, services: Services) -> GoTo:
    """It complements a password: a user without one here is not asked for a code."""
    if not visitor.user.password_hash:
        raise Conflict(NO_PASSWORD)
    begin_app(visitor.user.sub, services)
    return GoTo(APP)


@act("user.app.added")
def confirm(visitor: Visitor, visit: Visit, services: Services) -> View:
    """The app has shown that it has the secret; the recovery codes are shown now and never again."""
    codes = confirm_app(visitor.user.sub, visit.entered("code"), services)
    if codes is None:
        raise Rejected(code=WRONG_CODE)
    _note(activity.FACTOR_ADDED, visitor, visit, services, about=activity.CODE)
    return _told_once(codes, is_new=True)


@act("user.recovery_codes.made")
def renew(visitor: Visitor, visit: Visit, services: Services) -> View:
    """Other recovery codes, told once as well."""
    codes = renew_codes(visitor.user.sub, visit.entered("version"), services)
    _note(activity.RECOVERY_CODES_MADE, visitor, visit, services)
    return _told_once(codes, is_new=False)


@act("user.app.removed")
def remove(visitor: Visitor, visit: Visit, services: Services) -> GoTo:
    """The password is enough again."""
    was_on = remove_app(visitor.session, services)
    if not was_on:
        return GoTo(HERE)
    _note(activity.FACTOR_REMOVED, visitor, visit, services, about=activity.CODE)
    return GoTo(HERE, done="app-removed")


def _told_once(codes: tuple[str, ...], *, is_new: bool) -> View:
    return View("my/codes", {"here": HERE, "codes": codes, "is_new": is_new})


# ------------------------------------------------------------------ passkeys


def show_passkeys(visitor: Visitor, visit: Visit, services: Services) -> View:
    """The passkeys of the user, and a way to add one."""
    factors, offered = factors_of(visitor.user, services), offers_passkeys(services)
    ceremony, name = _ceremony(visitor), services.theme().name
    options = creation_options(ceremony, visitor.user, factors, name, services) if offered else {}
    passkeys = [(base64url(one.id), one) for one in factors.passkeys]
    return View("my/passkeys", {"here": HERE, "passkeys": passkeys, "options": options, "device": visit.device})


@act("user.passkey.added")
def add(visitor: Visitor, visit: Visit, services: Services) -> GoTo:
    """What the authenticator made for the page's challenge."""
    try:
        add_passkey(visitor.user.sub, visit.entered("credential"), _ceremony(visitor), _named(visit), services)
    except PasskeyRefused as refused:
        raise Conflict(WRONG_PASSKEY, reason=refused.reason) from None
    _note(activity.FACTOR_ADDED, visitor, visit, services, about=activity.PASSKEY)
    return GoTo(PASSKEYS, done="passkey-added")


@act("user.passkey.renamed")
def rename(visitor: Visitor, visit: Visit, services: Services) -> GoTo:
    """Another name for one of them."""
    if not rename_passkey(visitor.user.sub, visit.entered("passkey"), _named(visit), services):
        raise NotFound("passkey")
    return GoTo(PASSKEYS, done="passkey-renamed")


@act("user.passkey.removed")
def take_away(visitor: Visitor, visit: Visit, services: Services) -> GoTo:
    """One of them signs in no more."""
    if not remove_passkey(visitor.session, visit.entered("passkey"), services):
        raise NotFound("passkey")
    _note(activity.FACTOR_REMOVED, visitor, visit, services, about=activity.PASSKEY)
    return GoTo(PASSKEYS, done="passkey-removed")


def _named(visit: Visit) -> str:
    name = visit.entered("name")
    if not is_name(name):
        raise Rejected(name=WRONG_NAME)
    return name


def _ceremony(visitor: Visitor) -> Ceremony:
    return Ceremony("add", visitor.session.id)


# ------------------------------------------------------------------ sign-ins elsewhere


def show_identities(visitor: Visitor, visit: Visit, services: Services) -> View:
    """The user's identities at other services, each of which signs the user in here."""
    return View("my/identities", {"here": HERE, "identities": _identities(visitor, services)})


@act("user.identity.unlinked")
def unlink(visitor: Visitor, visit: Visit, services: Services) -> GoTo:
    """One of them signs in no more; what other browsers and applications have is over, by the same write."""
    user, session, linked = visitor.user, visitor.session, services.users.identities(visitor.user.sub)
    identity = next((one for one in linked if one.id == visit.entered("identity")), None)
    if identity is None:
        raise NotFound("identity")
    factors = _usable(factors_of(user, services), services)
    has_password = bool(user.username and user.password_hash)
    if not (has_password or factors.passkeys or len(linked) > 1):
        raise Conflict(LAST_WAY, reason="last_way")
    begun = replace(session.begun, subject=session.begun.subject + 1)
    after = named_anew(replace(session, begun=begun), services)
    if not services.withdrawals.unlink_own(identity, factors, session, after.session):
        raise Conflict(CHANGED_MEANWHILE)
    _note(activity.IDENTITY_REMOVED, visitor, visit, services, about=name_of(identity.issuer, services))
    lifetime = session.expires_at - services.now()
    return GoTo(IDENTITIES, done="unlinked", session=after.value, session_lifetime=lifetime)


def _identities(visitor: Visitor, services: Services) -> list[tuple[str, Identity]]:
    """Each with what its provider is called."""
    return [(name_of(one.issuer, services), one) for one in services.users.identities(visitor.user.sub)]


def _usable(factors: Factors, services: Services) -> Factors:
    """The factors without passkeys where this server cannot take any."""
    return factors if offers_passkeys(services) else replace(factors, passkeys=())


# ------------------------------------------------------------------ links that were sent by mail


def show_links(visitor: Visitor, visit: Visit, services: Services) -> View:
    """The links that can still be used."""
    return View("my/links", {"here": HERE, "links": pending_links(visitor.user, services)})


@act("user.link.withdrawn")
def withdraw(visitor: Visitor, visit: Visit, services: Services) -> GoTo:
    """Withdraws the link: opened, it says that it is over."""
    link = pending_link(visit.entered("link"), visitor.user, services)
    if link is None or not services.withdrawals.withdraw_link(link):
        raise NotFound("link")
    activity.note(services, visitor.user.sub, activity.LINK_WITHDRAWN, device=visit.device, source=visit.source)
    return GoTo(LINKS, done="link-withdrawn")


def _note(kind: str, visitor: Visitor, visit: Visit, services: Services, about: str = "") -> None:
    """Notes it in the account's activity and sends the user a mail."""
    activity.note(services, visitor.user.sub, kind, device=visit.device, source=visit.source, about=about)
    tell = tell_of_new_password if kind == activity.PASSWORD_CHANGED else tell_of_new_factors
    tell(visitor.user, visit.languages, services)


# ------------------------------------------------------------------ the screens


def _versioned(perform_one: Act) -> Act:
    """What was read may have changed by the time it is written."""

    def perform(visitor: Visitor, visit: Visit, services: Services) -> Answer:
        try:
            return perform_one(visitor, visit, services)
        except (ChangedMeanwhile, NotPossible):
            raise Conflict(CHANGED_MEANWHILE) from None

    return perform


def _acts(**acts: Act) -> Mapping[str, Act]:
    return {name: _versioned(act) for name, act in acts.items()}


NOTICES = {
    "password": N_("Your password was changed. All other browsers and connected apps have to sign in again."),
    "app-removed": N_(
        "The authenticator app was removed. Your password alone signs you in now. All other browsers have to sign in"
        " again."
    ),
    "passkey-added": N_("The passkey was added. You can sign in with it from now on."),
    "passkey-renamed": N_("The passkey was renamed."),
    "passkey-removed": N_(
        "The passkey was removed. It no longer signs you in. All other browsers have to sign in again."
    ),
    "unlinked": N_("It no longer signs you in. All other browsers and connected apps have to sign in again."),
    "link-withdrawn": N_("The link was withdrawn. It no longer works."),
}
SCREENS = (
    Screen(f"/{HERE}", show_security),
    Screen(f"/{PASSWORD}", show_password, _acts(change=change_password), fresh=True),
    Screen(f"/{APP}", show_app, _acts(begin=begin, confirm=confirm, renew=renew, remove=remove), fresh=True),
    Screen(f"/{PASSKEYS}", show_passkeys, _acts(add=add, rename=rename, remove=take_away), fresh=True),
    Screen(f"/{IDENTITIES}", show_identities, _acts(unlink=unlink), fresh=True),
    Screen(f"/{LINKS}", show_links, _acts(withdraw=withdraw), fresh=True),
)
