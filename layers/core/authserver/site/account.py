"""The account pages, /my: what a person let which application do, where they are signed in, what happened, and who
they are. What guards the account is in `site.security`.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from authserver.identity.activity import DATA_EXPORTED, SESSIONS_ENDED, note
from authserver.identity.mails import order_verification, tell_of_deletion
from authserver.identity.second_factors import factors_of
from authserver.management import Conflict, NotFound
from authserver.management.account import api_keys as operations_of_keys
from authserver.management.account.applications import (
    connected,
    disconnect_application,
    disconnect_applications,
    get_application,
    list_applications,
)
from authserver.management.account.export import export_account
from authserver.management.account.profile import change_profile
from authserver.management.account.sessions import end_session, list_activity, list_sessions
from authserver.management.deletion import delete, handover_of
from authserver.management.present import Known
from authserver.marks import N_
from authserver.messages.browser import GoTo
from authserver.messages.site import Download, View, Visit
from authserver.models.organisations import EVERY_ENTITY, Organisation
from authserver.models.users import User
from authserver.services import Services
from authserver.site import Rejected, Screen, Visitor, act, api_keys, in_words
from authserver.storage.guards import SessionOver
from authserver.storage.lists import BadCursor
from authserver.tokens.access_token import lifetime_of
from authserver.values import is_web_page, normalised_username

MY, APPS, SESSIONS, ACTIVITY, PROFILE = "my", "my/apps", "my/sessions", "my/activity", "my/profile"
EMAIL, EXPORT, DELETE = "my/profile/email", "my/export", "my/delete"
KEYS = "my/api-keys"
GRANTS_A_PAGE = "50"
LINES_A_PAGE = "25"
RECENT = "3"
WRONG_NAME = N_("Enter a name of up to 200 letters.")
WRONG_ADDRESS = N_("Enter an email address, like name@example.com.")
WRONG_CONFIRMATION = N_("This is not what you were to type.")
HAND_OVER = N_("Somebody else has to take over first what only you look after.")
NO_MAIL = N_("This server sends no mail, so that it cannot find out whether an address is yours.")


# ------------------------------------------------------------------ at a glance


def show_overview(visitor: Visitor, visit: Visit, services: Services) -> View:
    """What there is, what happened last, and what is worth a look."""
    factors = factors_of(visitor.user, services)
    recent = list_activity(visitor.call(visit, query={"limit": RECENT}), services).document["items"]
    return View(
        "my/overview",
        {
            "here": MY,
            "factors": factors,
            "apps": connected(visitor.user, services),
            "sessions": len(list_sessions(visitor.call(visit, query={"limit": "100"}), services).document["items"]),
            "recent": _named(recent, services),
        },
    )


# ------------------------------------------------------------------ connected applications


def show_apps(visitor: Visitor, visit: Visit, services: Services) -> View:
    """The applications that were let in, or that get what was allowed before without asking, by name; of very much of
    that a part. What is connected is known of all of it alone."""
    document = _listed(list_applications, visitor, visit, services, limit=GRANTS_A_PAGE)
    organisations = _organisations(document["items"], services)
    apps = [_summary(one, organisations) for one in document["items"]]
    parts = {"more": document.get("next", ""), "is_first": "after" not in visit.query}
    return View("my/apps", {"here": APPS, "apps": apps, "connected": sum(one["is_connected"] for one in apps), **parts})


def show_app(visitor: Visitor, visit: Visit, services: Services) -> View:
    """What one application may do, when it was let in to do that, and what happens if it is disconnected."""
    cursor = {"before": visit.query["after"]} if "after" in visit.query else {}
    application = get_application(visitor.call(visit, query=cursor), services).document
    organisations = _organisations([application], services)
    client = services.clients.get(application["client_id"])
    return View(
        "my/connected",
        {
            "here": APPS,
            "app": _summary(application, organisations),
            "accesses": _accesses(application, organisations),
            "groups": _by_group(application["remembered"]["permissions"]) if application["remembered"] else {},
            "outlives": lifetime_of(client, services) if client else 0,
            "more": application["next"] or "",
            "is_first": not cursor,
        },
    )


def disconnect(visitor: Visitor, visit: Visit, services: Services) -> GoTo:
    """It loses what it was granted."""
    disconnect_application(visitor.call(visit), services)
    return GoTo(APPS, done="disconnected")


def forget(visitor: Visitor, visit: Visit, services: Services) -> GoTo:
    """The same for one that is not connected: what was allowed before is asked again."""
    disconnect_application(visitor.call(visit), services)
    return GoTo(APPS, done="forgotten")


def disconnect_all(visitor: Visitor, visit: Visit, services: Services) -> GoTo:
    """Every application does."""
    disconnect_applications(visitor.call(visit), services)
    return GoTo(APPS, done="all-disconnected")


def _summary(application: Mapping[str, Any], organisations: Mapping[str, Organisation]) -> dict[str, Any]:
    """An application with what all its grants come to; one that is not connected, with what it was allowed before."""
    grants, remembered = application["grants"], application["remembered"]
    links = {name: _link(application[name]) for name in ("client_uri", "policy_uri", "tos_uri")}
    allowed = grants or ([remembered] if remembered else [])
    permissions = {one["scope"]: one for grant in allowed for one in grant["permissions"]}
    return {
        **{name: application[name] for name in ("client_id", "name", "verification")},
        "logo": application["logo_uri"] or "",
        "host": urlsplit(links["client_uri"]).hostname or "",
        "links": links,
        "permissions": list(permissions.values()),
        "where": sorted({_name_of(one["organisation"], organisations) for one in grants if one["organisation"]}),
        "since": min((one["since"] for one in allowed), default=0),
        "last_used_at": max((one["last_used_at"] for one in grants), default=0),
        "is_connected": bool(grants),
        "remembered_until": remembered["until"] if remembered else 0,
    }


def _link(uri: str | None) -> str:
    """A link of an application if it is a web page, otherwise an empty string."""
    return uri if uri and is_web_page(uri) else ""


def _accesses(application: Mapping[str, Any], organisations: Mapping[str, Organisation]) -> list[dict[str, Any]]:
    """What it may do, by headings, each with the grants that allow just that."""
    alike: dict[frozenset[str], list[Mapping[str, Any]]] = {}
    for grant in application["grants"]:
        alike.setdefault(frozenset(one["scope"] for one in grant["permissions"]), []).append(grant)
    return [
        {"groups": _by_group(grants[0]["permissions"]), "grants": [_grant(one, organisations) for one in grants]}
        for grants in alike.values()
    ]


def _by_group(permissions: Iterable[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for permission in permissions:
        groups.setdefault(permission["group"], []).append(permission)
    return groups


def _grant(grant: Mapping[str, Any], organisations: Mapping[str, Organisation]) -> dict[str, Any]:
    """One authorization of the application, and its companies."""
    organisation = organisations.get(grant["organisation"] or "")
    companies = organisation.companies if organisation else {}
    return {
        **grant,
        "where": _name_of(grant["organisation"], organisations) if grant["organisation"] else "",
        "every_company": EVERY_ENTITY in grant["entities"],
        "companies": [companies.get(one, one) for one in grant["entities"] if one != EVERY_ENTITY],
    }


def _organisations(applications: Iterable[Mapping[str, Any]], services: Services) -> dict[str, Organisation]:
    named = {grant["organisation"] for one in applications for grant in one["grants"]} - {None}
    return services.organisations.get_all(sorted(named)) if named else {}


def _name_of(organisation: str, organisations: Mapping[str, Organisation]) -> str:
    return organisations[organisation].name if organisation in organisations else organisation


# ------------------------------------------------------------------ API keys


def show_keys(visitor: Visitor, visit: Visit, services: Services) -> View:
    """One's own keys, those that do not stand any more among them."""
    found = api_keys.listed(operations_of_keys.list_api_keys, visitor, visit, services)
    return View("my/api_keys", {"here": KEYS, **found})


def end_key(visitor: Visitor, visit: Visit, services: Services) -> GoTo:
    """Ends one key."""
    operations_of_keys.end_api_key(visitor.call(visit, api_key=visit.entered("api_key")), services)
    return GoTo(KEYS, done="key-ended")


def end_keys(visitor: Visitor, visit: Visit, services: Services) -> GoTo:
    """None does, in one write."""
    operations_of_keys.end_api_keys(visitor.call(visit), services)
    return GoTo(KEYS, done="keys-ended")


def show_new_key(visitor: Visitor, visit: Visit, services: Services) -> View:
    """A form for a key."""
    return View("my/new_api_key", {"here": KEYS, "offer": api_keys.offer(visitor, services)})


def make_key(visitor: Visitor, visit: Visit, services: Services) -> View:
    """Makes it, and tells it once."""
    with api_keys.in_words():
        call = visitor.call(visit, body=api_keys.entered(visit, services))
        made = operations_of_keys.make_api_key(call, services)
    return View("my/api_key", {"here": KEYS, "key": made.document})


# ------------------------------------------------------------------ sessions


def show_sessions(visitor: Visitor, visit: Visit, services: Services) -> View:
    """This browser first, then the others."""
    document = _listed(list_sessions, visitor, visit, services)
    others = [one for one in document["items"] if one["id"] != visitor.session.id]
    return View("my/sessions", {"here": SESSIONS, "others": others, "more": document.get("next", "")})


def end_one(visitor: Visitor, visit: Visit, services: Services) -> GoTo:
    """Signs another browser out."""
    end_session(visitor.call(visit, id=visit.entered("session")), services)
    return GoTo(SESSIONS, done="ended")


@act("sessions.ended")
def end_others(visitor: Visitor, visit: Visit, services: Services) -> GoTo:
    """Signs all browsers out but this one, in one write."""
    if services.withdrawals.end_sessions(visitor.user.sub, survivor=visitor.session) is None:
        raise SessionOver
    note(services, visitor.user.sub, SESSIONS_ENDED, device=visit.device, source=visit.source)
    return GoTo(SESSIONS, done="others-ended")


# ------------------------------------------------------------------ activity


def show_activity(visitor: Visitor, visit: Visit, services: Services) -> View:
    """What happened to the account."""
    document = _listed(list_activity, visitor, visit, services)
    lines = _named(document["items"], services)
    return View("my/activity", {"here": ACTIVITY, "lines": lines, "more": document.get("next", "")})


def _listed(
    operation: Any, visitor: Visitor, visit: Visit, services: Services, limit: str = LINES_A_PAGE
) -> dict[str, Any]:
    """A part of a list: what `after` in the address leads to."""
    cursor = visit.query.get("after", "")
    query = {"limit": limit} | ({"cursor": cursor} if cursor else {})
    try:
        return dict(operation(visitor.call(visit, query=query), services).document)
    except BadCursor:
        raise NotFound("page") from None


def _named(lines: Iterable[Mapping[str, Any]], services: Services) -> list[dict[str, Any]]:
    """What happened, with the names of the applications that it was about."""
    lines = tuple(lines)
    named = {one["about"] for one in lines if one["kind"].startswith("application_") and one["about"]}
    known = Known(services, clients=sorted(named))
    return [{**one, "app": known.client_name(one["about"]) if one["about"] in named else ""} for one in lines]


# ------------------------------------------------------------------ the profile, and all that is kept


def show_profile(visitor: Visitor, visit: Visit, services: Services) -> View:
    """The profile of the user, as applications may learn it."""
    may = {"sends_mail": services.order_mail is not None, "may_delete": services.settings.deletes_accounts}
    return View("my/profile", {"here": PROFILE, **may})


def rename(visitor: Visitor, visit: Visit, services: Services) -> GoTo:
    """Another name."""
    with in_words({"name": WRONG_NAME}):
        change_profile(visitor.call(visit, body={"name": visit.entered("name").strip()}), services)
    return GoTo(PROFILE, done="renamed")


def show_email(visitor: Visitor, visit: Visit, services: Services) -> View:
    """A form for another address."""
    return View("my/email", {"here": PROFILE, "sends_mail": services.order_mail is not None})


@act("user.email.asked")
def change_email(visitor: Visitor, visit: Visit, services: Services) -> GoTo:
    """Sends a link to the address, which becomes the person's once it is opened."""
    if services.order_mail is None:
        raise Conflict(NO_MAIL)
    address = visit.entered("email").strip()
    if not order_verification(visitor.user, visitor.session, address, visit.languages, services):
        raise Rejected(email=WRONG_ADDRESS)
    return GoTo(PROFILE, done="mailed")


def show_export(visitor: Visitor, visit: Visit, services: Services) -> View:
    """What is in it, and a button: after a sign-in a file alone would leave an old page there. Of very much, a part,
    which leads on to the next."""
    after = visit.query.get("after", "")
    more = export_account(visitor.user, services, after).next
    return View("my/export", {"here": PROFILE, "more": more or "", "after": after})


def download(visitor: Visitor, visit: Visit, services: Services) -> Download:
    """All that is kept of the person, or the part of it that the page is for."""
    try:
        export = export_account(visitor.user, services, visit.entered("after"))
    except BadCursor:
        raise NotFound("page") from None
    note(services, visitor.user.sub, DATA_EXPORTED, device=visit.device, source=visit.source)
    name = "account-more.json" if visit.entered("after") else "account.json"
    return Download(name, "application/json", json.dumps(export.document, indent=2, ensure_ascii=False))


# ------------------------------------------------------------------ the end


def show_delete(visitor: Visitor, visit: Visit, services: Services) -> View:
    """What deleting means, and a form for it; or what is to be handed over first."""
    handover = handover_of(visitor.user, services)
    return View("my/delete", {"here": PROFILE, "handover": handover, "word": _word_of(visitor.user)})


@act("user.deleted")
def delete_account(visitor: Visitor, visit: Visit, services: Services) -> View:
    """The deletion is one write, on the condition of this very session; then the browser is no longer signed in."""
    user = visitor.user
    if normalised_username(visit.entered("confirmation")) != normalised_username(_word_of(user)):
        raise Rejected(confirmation=WRONG_CONFIRMATION)
    handover = handover_of(user, services)
    if not handover.is_done or not delete(user, services, handover.others):
        raise Conflict(HAND_OVER)
    tell_of_deletion(user, visit.languages, services)
    return View("my/deleted", session="")


def _word_of(user: User) -> str:
    """What the person has to type."""
    return user.known_as or user.sub


def _may_delete(services: Services) -> bool:
    return services.settings.deletes_accounts


NOTICES = {
    "disconnected": N_("The app was disconnected. It has to ask you again."),
    "forgotten": N_("What you allowed the app before counts no more. It has to ask you again."),
    "all-disconnected": N_("All apps were disconnected. Each has to ask you again."),
    "key-ended": N_("The API key has ended. It no longer works."),
    "keys-ended": N_("All your API keys have ended. None works any more."),
    "ended": N_("The browser was signed out."),
    "others-ended": N_("All other browsers were signed out."),
    "renamed": N_("Your name was changed."),
    "mailed": N_("We have sent you a mail. Open the link in it to confirm the address."),
}
SCREENS = (
    Screen(f"/{MY}", show_overview),
    Screen(f"/{APPS}", show_apps, {"disconnect-all": disconnect_all}),
    Screen(f"/{APPS}/{{client_id}}", show_app, {"disconnect": disconnect, "forget": forget}),
    Screen(f"/{KEYS}", show_keys, {"end": end_key, "end-all": end_keys}, is_there=api_keys.are_there),
    Screen(f"/{KEYS}/new", show_new_key, {"make": make_key}, fresh=True, is_there=api_keys.are_there),
    Screen(f"/{SESSIONS}", show_sessions, {"end": end_one, "end-others": end_others}),
    Screen(f"/{ACTIVITY}", show_activity),
    Screen(f"/{PROFILE}", show_profile, {"rename": rename}),
    Screen(f"/{EMAIL}", show_email, {"change": change_email}, fresh=True),
    Screen(f"/{EXPORT}", show_export, {"download": download}, fresh=True),
    Screen(f"/{DELETE}", show_delete, {"delete": delete_account}, fresh=True, is_there=_may_delete),
)
