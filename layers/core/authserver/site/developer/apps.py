"""One's own apps: what they are, their secrets, what went wrong with them, their end."""

from collections.abc import Mapping
from typing import Any

from authserver.documents.client import Terms
from authserver.management import Call, Conflict, Problem
from authserver.management.client_records import existing
from authserver.management.partner import operations as partner
from authserver.management.partner.app_activity import DAYS, activity_of
from authserver.marks import N_
from authserver.messages.browser import GoTo
from authserver.messages.site import View, Visit
from authserver.models.clients import TEST, VERIFIED
from authserver.services import Services
from authserver.site import Act, Answer, Rejected, Screen, SignInAnew, Visitor, path_of
from authserver.site.developer.form import (
    DEFAULTS,
    changes,
    entered_document,
    fields_of,
    in_words,
    offer,
)
from authserver.site.developer.mistakes import explain
from authserver.values import Scope, base64url

type App = Mapping[str, Any]

ONE = "/developer/apps/{client_id}"
NAME_DIFFERS = N_("This is not the name of the app.")
CHANGED = N_("There is another secret than when this page was opened. Look at the list, then try again.")

# ------------------------------------------------------------------ all of them


def show_apps(visitor: Visitor, visit: Visit, services: Services) -> View:
    """The developer's apps; for a developer without apps, what an app is."""
    answer = partner.list_apps(visitor.call(visit, query={"limit": str(partner.MAX_APPS)}), services)
    apps = [{**DEFAULTS, **app} for app in answer.document["items"]]
    return View("developer/apps", {"here": "developer", "apps": apps, "most": partner.MAX_APPS})


def show_new(visitor: Visitor, visit: Visit, services: Services) -> View:
    """The form for a new app. `once` makes a form that is submitted twice one app."""
    return View(
        "developer/new",
        {
            "here": "developer",
            "saved": fields_of({}),
            "offer": offer(Terms.for_anybody(services), services),
            "once": base64url(services.random(16)),
        },
    )


def register(visitor: Visitor, visit: Visit, services: Services) -> View | GoTo:
    """Registers the app; tells its secret, if it has one."""
    document = {name: value for name, value in entered_document(visit).items() if value not in ("", None)}
    app = partner.create_app(visitor.call(visit, body=document), services).document
    return _told(app, "registered")


# ------------------------------------------------------------------ one of them


def show_app(visitor: Visitor, visit: Visit, services: Services) -> View:
    """What an app is, and whether it is verified."""
    app = _own(visitor, visit, services)
    catalogue = services.scopes()
    scopes = catalogue.describe(catalogue.present(Scope.parse(app["scope"])))
    return _view("app", "", app, scopes=scopes, support=services.theme().support)


def show_settings(visitor: Visitor, visit: Visit, services: Services) -> View:
    """The app's form."""
    app = _own(visitor, visit, services)
    terms = Terms.for_anybody(services, existing(app["client_id"], services))
    return _view("settings", "settings", app, saved=fields_of(app), offer=offer(terms, services))


def save(visitor: Visitor, visit: Visit, services: Services) -> View | GoTo:
    """Changes what differs."""
    before = _own(visitor, visit, services)
    patch = changes(before, entered_document(visit, Scope.parse(before["scope"])))
    if _gives_credentials(before, patch) and not visitor.signed_in_lately(services.now()):
        raise SignInAnew
    app = partner.patch_app(visitor.call(visit, body=patch), services).document
    was_verified = (before["verification"], app["verification"]) == (VERIFIED, TEST)
    return _told(app, "test_again" if was_verified else "saved", "/settings")


def _gives_credentials(before: App, patch: Mapping[str, Any]) -> bool:
    """Whether an app that had no secret gets one, as on the page of secrets, or gets other keys."""
    gets_secret = patch.get("token_endpoint_auth_method", "").startswith("client_secret_")
    has_secret = before["token_endpoint_auth_method"].startswith("client_secret_")
    return (gets_secret and not has_secret) or bool({"jwks", "jwks_uri"} & patch.keys())


# ------------------------------------------------------------------ its secrets


def show_secrets(visitor: Visitor, visit: Visit, services: Services) -> View:
    """The app's secrets, by what tells them apart."""
    return _view("secrets", "secrets", _own(visitor, visit, services))


def add_secret(visitor: Visitor, visit: Visit, services: Services) -> View:
    """Makes another secret and tells it; the others end after the overlap."""
    app = _own(visitor, visit, services)
    if visit.entered("known") != " ".join(secret["id"] for secret in app["secrets"]):
        raise Conflict(CHANGED, reason="changed_meanwhile")
    overlap = visit.entered("overlap")
    body = {"overlap": int(overlap)} if overlap.isascii() and overlap.isdigit() else {}
    made = partner.create_secret(visitor.call(visit, body=body), services).document
    return _view("secret", "secrets", app, secret=made["client_secret"])


def drop_secret(visitor: Visitor, visit: Visit, services: Services) -> GoTo:
    """Ends a secret at once."""
    client_id = visit.path_parameters["client_id"]
    call = visitor.call(visit, client_id=client_id, secret=visit.entered("secret"))
    partner.delete_secret(call, services)
    return _to(client_id, "secret_ended", "/secrets")


# ------------------------------------------------------------------ what it did, and its end


def show_activity(visitor: Visitor, visit: Visit, services: Services) -> View:
    """Who connected it on the last days, and what was refused."""
    app = _own(visitor, visit, services)
    activity = activity_of(visitor.call(visit), services)
    mistakes = [(one, explain(one)) for one in activity.mistakes]
    return _view("activity", "activity", app, activity=activity, mistakes=mistakes, days=DAYS)


def show_deletion(visitor: Visitor, visit: Visit, services: Services) -> View:
    """What deleting the app does."""
    return _view("delete", "delete", _own(visitor, visit, services))


def delete(visitor: Visitor, visit: Visit, services: Services) -> GoTo:
    """Ends the app, if its name was typed."""
    app = _own(visitor, visit, services)
    if visit.entered("name").strip() != app["client_name"]:
        raise Rejected(name=NAME_DIFFERS)
    partner.delete_app(visitor.call(visit), services)
    return GoTo("developer", done="deleted")


# ------------------------------------------------------------------ steps


def _own(visitor: Visitor, visit: Visit, services: Services) -> App:
    """The visitor's app. Raises `NotFound`, for another's as for one that there is not."""
    call: Call = visitor.call(visit)
    app: App = {"scope": "", **partner.get_app(call, services).document}
    return app


def _view(template: str, tab: str, app: App, **more: Any) -> View:
    return View(f"developer/{template}", {"here": "developer", "app": {**DEFAULTS, **app}, "tab": tab, **more})


def _told(app: App, done: str, page: str = "") -> View | GoTo:
    """To a page of the app's; but first its secret is shown, if it was just made."""
    if "client_secret" in app:
        return _view("secret", "secrets", app, secret=app["client_secret"])
    return _to(app["client_id"], done, page)


def _to(client_id: str, done: str, page: str = "") -> GoTo:
    return GoTo(path_of("developer", "apps", client_id) + page, done=done)


def _in_words(act: Act) -> Act:
    """An act whose refusals are shown in the words of the form."""

    def perform(visitor: Visitor, visit: Visit, services: Services) -> Answer:
        try:
            return act(visitor, visit, services)
        except Problem as problem:
            raise in_words(problem) from None

    return perform


NOTICES = {
    "registered": N_("Your app is registered."),
    "saved": N_("Your changes are saved."),
    "test_again": N_("Your changes are saved. They have to be verified: until then this is a test app again."),
    "secret_ended": N_("The secret has ended. Nothing that uses it works any more."),
    "deleted": N_("The app is deleted, and all that was issued to it has ended."),
}
SCREENS = (
    Screen("/developer", show_apps),
    Screen("/developer/apps/new", show_new, {"register": _in_words(register)}),
    Screen(ONE, show_app),
    Screen(f"{ONE}/settings", show_settings, {"save": _in_words(save)}),
    Screen(f"{ONE}/secrets", show_secrets, {"add": add_secret, "drop": drop_secret}, fresh=True),
    Screen(f"{ONE}/activity", show_activity),
    Screen(f"{ONE}/delete", show_deletion, {"delete": delete}, fresh=True),
)
