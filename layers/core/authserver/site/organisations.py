"""The pages of organisations, /organisations: who is in one, what is connected to it, and how its people sign in.

A member sees what concerns every member; the rest is for administrators, as the operations themselves require.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from authserver.management import Answer, Call, Conflict, NotFound, Problem
from authserver.management.account import api_keys as operations_of_keys
from authserver.management.account import approvals, members, organisations, own_providers
from authserver.management.account.acting import administered
from authserver.management.present import Known
from authserver.marks import N_
from authserver.messages.browser import GoTo
from authserver.messages.site import View, Visit
from authserver.models.organisations import ADMINISTRATOR, EVERY_ENTITY, MEMBER
from authserver.services import Services
from authserver.site import Rejected, Screen, SignInAnew, Visitor, api_keys, in_words, path_of
from authserver.storage.lists import Page

LONGEST, MEMBERS_A_PAGE = "100", "50"  # of one part of a list, of which a page is made
CHANGED = N_("This request has changed or is over since you opened it. Please look at it again.")
ANSWERED = N_("Another administrator has answered this meanwhile.")
INVITATION_OVER = N_("This invitation is over or was withdrawn. Ask for a new one.")
NO_COMPANY = N_("Choose at least one company, or every company. To end all access, disconnect the app.")
NO_ISSUER = N_("Enter the address exactly as the provider writes it: https, without query or fragment.")
NO_CLIENT_ID = N_("Enter the identifier that the provider gave you, up to 256 plain characters.")
NO_SECRET = N_("Enter the secret that the provider gave you. With another issuer or another method it is needed anew.")
NO_NAME = N_("Enter a name of up to 200 characters.")
SHOWN_NAME = N_("Everybody sees this name on the sign-in page, so only the operator of this service changes it.")
NO_GROUPS = N_("Enter up to 20 names of up to 64 letters, digits and _ . : / - each, separated by spaces.")
WORDS = {
    own_providers.SHOWN: SHOWN_NAME,
    "name": NO_NAME,
    "issuer": NO_ISSUER,
    "client_id": NO_CLIENT_ID,
    "client_secret": NO_SECRET,
}

ROUTE = "/organisations"
ONE = f"{ROUTE}/{{organisation}}"
NOTICES = {
    "accepted": N_("You are a member now."),
    "declined": N_("The invitation is declined."),
    "left": N_("You have left the organisation. What you had allowed for it has ended."),
    "invited": N_("The invitation waits under Organisations for the person of that name. We send no mail: tell them."),
    "withdrawn": N_("The invitation is withdrawn."),
    "role": N_("The role is changed."),
    "groups": N_("The groups are changed. Apps that ask are told with their next token."),
    "removed": N_("The membership has ended, and with it all that this member had allowed for the organisation."),
    "provider": N_("Saved. Try it in a private window before you sign out here."),
    "companies": N_("The companies are changed, from the app's next request on."),
    "disconnected": N_("The app is disconnected. It has to ask each member again."),
    "key-ended": N_("The API key has ended. It no longer works."),
    "key-taken-over": N_("You carry the API key now. It works as before."),
    "allowed": N_("You have approved the request. The member can connect the app now."),
    "denied": N_("You have denied the request. The member is told when they try again."),
    "taken-back": N_("The request is taken back."),
    "approval-withdrawn": N_("The approval is withdrawn, and what the member had allowed the app here has ended."),
}

type Operate = Callable[[Call, Services], Answer]


# ------------------------------------------------------------------ every member


def show_organisations(visitor: Visitor, visit: Visit, services: Services) -> View:
    """Where the visitor is a member, and where they are invited to be."""
    mine = organisations.list_organisations(visitor.call(visit, query={"limit": LONGEST}), services).document["items"]
    invitations = members.list_own_invitations(visitor.call(visit), services).document["items"]
    active = [one for one in mine if one["status"] == "active"]
    return View("organisations/all", {"here": "organisations", "organisations": active, "invitations": invitations})


def accept(visitor: Visitor, visit: Visit, services: Services) -> GoTo:
    """Becomes a member."""
    return _answer_invitation(visitor, visit, services, "accept", "accepted")


def decline(visitor: Visitor, visit: Visit, services: Services) -> GoTo:
    """Does not become one."""
    return _answer_invitation(visitor, visit, services, "decline", "declined")


def _answer_invitation(visitor: Visitor, visit: Visit, services: Services, decision: str, done: str) -> GoTo:
    call = visitor.call(visit, body={"decision": decision}, invitation=visit.entered("invitation"))
    try:
        members.answer_invitation(call, services)
    except (Conflict, NotFound) as problem:
        raise Problem(problem.status, INVITATION_OVER, reason="invitation_over") from None
    return GoTo("organisations", done=done)


def show_overview(visitor: Visitor, visit: Visit, services: Services) -> View:
    """What there is; and for administrators, what waits for them."""
    context = _context(visitor, visit, services)
    if context["is_administrator"]:
        applications, asked = _applications(visitor, visit, services), _approvals(visitor, visit, services)
        context |= {
            "waiting": [one for one in asked.items if not one["decision"]],
            "more_requests": bool(asked.next),
            "applications": applications.items,
            "are_more": bool(applications.next),
        }
    return _view("overview", "", context)


def leave(visitor: Visitor, visit: Visit, services: Services) -> GoTo:
    """Ends the visitor's own membership."""
    call = visitor.call(visit, organisation=visit.path_parameters["organisation"], sub=visitor.user.sub)
    members.end_membership(call, services)
    return GoTo("organisations", done="left")


def show_companies(visitor: Visitor, visit: Visit, services: Services) -> View:
    """The companies; for administrators, with the applications that reach each."""
    context = _context(visitor, visit, services) | {"are_more": False}
    reached: dict[str, set[str]] = {}
    if context["is_administrator"]:
        applications = _applications(visitor, visit, services)
        context["are_more"] = bool(applications.next)
        for application in applications.items:
            for grant in application["grants"]:
                named = context["organisation"]["companies"] if EVERY_ENTITY in grant["entities"] else grant["entities"]
                for company in named:
                    reached.setdefault(company, set()).add(application["name"])
    return _view("companies", "companies", context | {"reached": {one: sorted(apps) for one, apps in reached.items()}})


# ------------------------------------------------------------------ members, for administrators


def show_members(visitor: Visitor, visit: Visit, services: Services) -> View:
    """A page of the members and the invitations."""
    listed = _part(members.list_members, visitor, visit, services, visit.query.get("after", ""), MEMBERS_A_PAGE)
    context = {
        "members": listed.items,
        "next": listed.next or "",
        "is_first": "after" not in visit.query,
        "invitations": _part(members.list_invitations, visitor, visit, services).items,
    }
    return _view("members", "members", _context(visitor, visit, services) | context)


def withdraw(visitor: Visitor, visit: Visit, services: Services) -> GoTo:
    """Takes an invitation back."""
    organisation = visit.path_parameters["organisation"]
    call = visitor.call(visit, organisation=organisation, invitation=visit.entered("invitation"))
    members.withdraw_invitation(call, services)
    return _back_to(visit, "members", done="withdrawn")


def show_invite(visitor: Visitor, visit: Visit, services: Services) -> View:
    """The form for an invitation."""
    return _for_administrators("invite", "members", visitor, visit, services)


def invite(visitor: Visitor, visit: Visit, services: Services) -> GoTo:
    """Invites a user, whether or not a user of that name exists."""
    role = ADMINISTRATOR if visit.entered("role") == ADMINISTRATOR else MEMBER
    with in_words({"name": NO_NAME}):
        members.invite(visitor.call(visit, body={"name": visit.entered("name"), "role": role}), services)
    return _back_to(visit, "members", done="invited")


def show_member(visitor: Visitor, visit: Visit, services: Services) -> View:
    """A member, with what can be changed and what becomes of it."""
    member = members.get_member(visitor.call(visit), services).document
    is_oneself = member["sub"] == visitor.user.sub
    return _view("member", "members", _context(visitor, visit, services) | {"member": member, "is_oneself": is_oneself})


def change_role(visitor: Visitor, visit: Visit, services: Services) -> GoTo:
    """Makes a member an administrator, or the other way round."""
    role = ADMINISTRATOR if visit.entered("role") == ADMINISTRATOR else MEMBER
    members.change_role(visitor.call(visit, body={"role": role}), services)
    if visit.path_parameters["sub"] == visitor.user.sub and role == MEMBER:
        return _back_to(visit, done="role")
    return _back_to(visit, "members", done="role")


def change_groups(visitor: Visitor, visit: Visit, services: Services) -> GoTo:
    """Changes a member's groups, which applications learn."""
    groups = dict.fromkeys(visit.entered("groups").split())
    try:
        members.change_groups(visitor.call(visit, body={"groups": [*groups]}), services)
    except Problem as problem:
        raise Rejected(groups=NO_GROUPS) if problem.errors else problem from None
    return _back_to(visit, "members", visit.path_parameters["sub"], done="groups")


def remove(visitor: Visitor, visit: Visit, services: Services) -> GoTo:
    """Ends a membership."""
    members.end_membership(visitor.call(visit), services)
    if visit.path_parameters["sub"] == visitor.user.sub:
        return GoTo("organisations", done="left")
    return _back_to(visit, "members", done="removed")


# ------------------------------------------------------------------ signing in, for administrators


def show_providers(visitor: Visitor, visit: Visit, services: Services) -> View:
    """The identity providers of the organisation."""
    providers = _part(own_providers.list_own_providers, visitor, visit, services).items
    return _view("providers", "sign-in", _context(visitor, visit, services) | {"providers": providers})


def show_provider(visitor: Visitor, visit: Visit, services: Services) -> View:
    """One organisation, as a form."""
    provider = own_providers.get_own_provider(visitor.call(visit), services).document
    return _view("provider", "sign-in", _context(visitor, visit, services) | {"provider": provider})


def change_provider(visitor: Visitor, visit: Visit, services: Services) -> GoTo:
    """Changes it. A secret that is not entered stays as it is."""
    fields = ("name", "issuer", "client_id", "token_endpoint_auth_method")
    body = {name: visit.entered(name).strip() for name in fields}
    body["status"] = "active" if visit.entered("enabled") else "disabled"
    if visit.entered("client_secret") and body["token_endpoint_auth_method"] != "none":
        body["client_secret"] = visit.entered("client_secret")
    with in_words(WORDS):
        own_providers.change_own_provider(visitor.call(visit, body=body), services)
    return _back_to(visit, "sign-in", visit.path_parameters["idp"], done="provider")


# ------------------------------------------------------------------ connected applications, for administrators


def show_applications(visitor: Visitor, visit: Visit, services: Services) -> View:
    """What members let which application do for the organisation; of very much of it, a part."""
    found = _applications(visitor, visit, services)
    context = {"applications": found.items, "next": found.next or "", "after": visit.query.get("after", "")}
    return _view("apps", "apps", _context(visitor, visit, services) | context)


def show_application(visitor: Visitor, visit: Visit, services: Services) -> View:
    """One application, with each of its grants in that part of the list."""
    found = _applications(visitor, visit, services)
    application = next((one for one in found.items if one["client_id"] == visit.path_parameters["client_id"]), None)
    if application is None:
        raise NotFound("application")
    context = {"application": application, "are_more": bool(found.next)}
    return _view("app", "apps", _context(visitor, visit, services) | context)


def set_companies(visitor: Visitor, visit: Visit, services: Services) -> GoTo:
    """Changes which companies one grant reaches; the member who granted it may narrow it under their connected apps,
    administrators here."""
    administered(visitor.call(visit), services)
    entities = _entities(visit)
    if not entities:
        raise Problem(400, NO_COMPANY, reason="company_missing")
    organisation, grant = visit.path_parameters["organisation"], visit.entered("grant")
    call = visitor.call(visit, body={"entities": entities}, organisation=organisation, id=grant)
    organisations.set_companies(call, services)
    back = _back_to(visit, "apps", visit.path_parameters["client_id"], done="companies")
    return replace(back, after=visit.query.get("after", ""))


def disconnect(visitor: Visitor, visit: Visit, services: Services) -> GoTo:
    """Ends all that members granted it for the organisation."""
    organisations.disconnect_application_of_organisation(visitor.call(visit), services)
    return _back_to(visit, "apps", done="disconnected")


# ------------------------------------------------------------------ API keys, for administrators


def show_keys(visitor: Visitor, visit: Visit, services: Services) -> View:
    """The organisation's keys, with who carries each."""
    found = api_keys.listed(operations_of_keys.list_api_keys_of_organisation, visitor, visit, services)
    context, known = _context(visitor, visit, services), Known(services, [one["sub"] for one in found["keys"]])
    names = {one["sub"]: known.name(one["sub"]) for one in found["keys"]}
    may_have_any = administered(visitor.call(visit), services).api_keys
    return _view("api_keys", "api-keys", context | found | {"names": names, "may_have_any": may_have_any})


def end_key(visitor: Visitor, visit: Visit, services: Services) -> GoTo:
    """Ends one key, also one that another member carries."""
    operations_of_keys.end_api_key_of_organisation(_of_key(visitor, visit), services)
    return _back_to(visit, "api-keys", done="key-ended")


def take_over_key(visitor: Visitor, visit: Visit, services: Services) -> GoTo:
    """The visitor carries it from now on, so that it outlives another's part; that takes a sign-in of the last
    minutes."""
    if not visitor.signed_in_lately(services.now()):
        raise SignInAnew
    with api_keys.in_words():
        operations_of_keys.take_over_api_key(_of_key(visitor, visit), services)
    return _back_to(visit, "api-keys", done="key-taken-over")


def show_new_key(visitor: Visitor, visit: Visit, services: Services) -> View:
    """A form for a key."""
    operations_of_keys.require_allowed(administered(visitor.call(visit), services))
    offer = api_keys.offer(visitor, services, for_organisation=True)
    return _view("new_api_key", "api-keys", _context(visitor, visit, services) | {"offer": offer})


def make_key(visitor: Visitor, visit: Visit, services: Services) -> View:
    """Makes it, and tells it once."""
    with api_keys.in_words():
        body = api_keys.entered(visit, services) | {"entities": _entities(visit)}
        made = operations_of_keys.make_api_key_of_organisation(visitor.call(visit, body=body), services)
    return _view("api_key", "api-keys", _context(visitor, visit, services) | {"key": made.document})


def _of_key(visitor: Visitor, visit: Visit) -> Call:
    organisation = visit.path_parameters["organisation"]
    return visitor.call(visit, organisation=organisation, api_key=visit.entered("api_key"))


# ------------------------------------------------------------------ what members ask for, for them and administrators


def show_requests(visitor: Visitor, visit: Visit, services: Services) -> View:
    """The questions that wait, then the answered ones, the latest first; a member's own, or for administrators all. Of
    very many, a part: the latest that were asked."""
    asked = _approvals(visitor, visit, services)
    context = {
        "waiting": [one for one in asked.items if not one["decision"]],
        "answered": sorted((one for one in asked.items if one["decision"]), key=lambda one: -one["decided_at"]),
        "next": asked.next or "",
        "is_first": "after" not in visit.query,
    }
    return _view("requests", "requests", _context(visitor, visit, services) | context)


def show_request(visitor: Visitor, visit: Visit, services: Services) -> View:
    """What exactly is asked; its address stands for just that. What has changed meanwhile is among all of them."""
    try:
        asked = approvals.get_approval(visitor.call(visit), services).document
    except NotFound:
        return _changed(visitor, visit, services)
    return _view("request", "requests", _context(visitor, visit, services) | {"asked": asked})


def allow(visitor: Visitor, visit: Visit, services: Services) -> View | GoTo:
    """Approves it."""
    return _answer(visitor, visit, services, "allow", "allowed")


def deny(visitor: Visitor, visit: Visit, services: Services) -> View | GoTo:
    """Denies it."""
    return _answer(visitor, visit, services, "deny", "denied")


def withdraw_approval(visitor: Visitor, visit: Visit, services: Services) -> View | GoTo:
    """Takes back the request, or the approval that it got."""
    call = visitor.call(visit)
    try:
        was_answered = bool(approvals.get_approval(call, services).document["decision"])
        approvals.withdraw_approval(call, services)
    except (Conflict, NotFound):
        return _changed(visitor, visit, services)
    return _back_to(visit, "requests", done="approval-withdrawn" if was_answered else "taken-back")


def _answer(visitor: Visitor, visit: Visit, services: Services, decision: str, done: str) -> View | GoTo:
    try:
        approvals.answer_approval(visitor.call(visit, body={"decision": decision}), services)
    except NotFound:
        return _changed(visitor, visit, services)
    except Conflict as conflict:
        raise Problem(conflict.status, ANSWERED, reason=conflict.reason) from None
    return _back_to(visit, "requests", visit.path_parameters["approval"], done=done)


def _changed(visitor: Visitor, visit: Visit, services: Services) -> View:
    view = show_requests(visitor, visit, services)
    return replace(view, context={**view.context, "problem": CHANGED}, status=409, reason="approval_changed")


# ------------------------------------------------------------------ what the pages have in common


def _context(visitor: Visitor, visit: Visit, services: Services) -> dict[str, Any]:
    """The organisation of the page, and whether the visitor administers it."""
    call = visitor.call(visit, organisation=visit.path_parameters["organisation"])
    organisation = organisations.get_organisation(call, services).document
    at = path_of("organisations", organisation["id"])
    return {"organisation": organisation, "is_administrator": organisation["role"] == ADMINISTRATOR, "at": at}


def _view(template: str, here: str, context: Mapping[str, Any]) -> View:
    path = f"{context['at']}/{here}" if here else context["at"]
    return View(f"organisations/{template}", {**context, "here": path})


def _for_administrators(template: str, here: str, visitor: Visitor, visit: Visit, services: Services) -> View:
    """A page that shows nothing but what to enter."""
    administered(visitor.call(visit), services)
    return _view(template, here, _context(visitor, visit, services))


def _part(
    operate: Operate, visitor: Visitor, visit: Visit, services: Services, after: str = "", limit: str = ""
) -> Page[dict[str, Any]]:
    """A part of a list, from `after` on."""
    query = {"limit": limit or LONGEST} | ({"cursor": after} if after else {})
    call = visitor.call(visit, query=query, organisation=visit.path_parameters["organisation"])
    listed = operate(call, services).document
    return Page(tuple(listed["items"]), listed.get("next"))


def _applications(visitor: Visitor, visit: Visit, services: Services) -> Page[dict[str, Any]]:
    """The applications of a part of the list, from `after` in the address on."""
    after = visit.query.get("after", "")
    return _part(organisations.list_applications_of_organisation, visitor, visit, services, after)


def _approvals(visitor: Visitor, visit: Visit, services: Services) -> Page[dict[str, Any]]:
    return _part(approvals.list_approvals, visitor, visit, services, visit.query.get("after", ""))


def _entities(visit: Visit) -> list[str]:
    """The companies that a form has chosen: every one, or each once."""
    chosen = visit.form.get("entities", ())
    return [EVERY_ENTITY] if EVERY_ENTITY in chosen else list(dict.fromkeys(chosen))


def _back_to(visit: Visit, *page: str, done: str) -> GoTo:
    return GoTo(path_of("organisations", visit.path_parameters["organisation"], *page), done=done)


SCREENS = (
    Screen(ROUTE, show_organisations, {"accept": accept, "decline": decline}),
    Screen(ONE, show_overview, {"leave": leave}),
    Screen(f"{ONE}/companies", show_companies),
    Screen(f"{ONE}/members", show_members, {"withdraw": withdraw}),
    Screen(
        f"{ONE}/members/{{sub}}",
        show_member,
        {"role": change_role, "groups": change_groups, "remove": remove},
        fresh=True,
    ),
    Screen(f"{ONE}/invite", show_invite, {"invite": invite}, fresh=True),
    Screen(f"{ONE}/sign-in", show_providers),
    Screen(f"{ONE}/sign-in/{{idp}}", show_provider, {"change": change_provider}, fresh=True),
    Screen(f"{ONE}/apps", show_applications),
    Screen(f"{ONE}/apps/{{client_id}}", show_application, {"companies": set_companies, "disconnect": disconnect}),
    Screen(
        f"{ONE}/api-keys",
        show_keys,
        {"end": end_key, "take-over": take_over_key},
        is_there=api_keys.are_there,
    ),
    Screen(f"{ONE}/api-keys/new", show_new_key, {"make": make_key}, fresh=True, is_there=api_keys.are_there),
    Screen(f"{ONE}/requests", show_requests),
    Screen(f"{ONE}/requests/{{approval}}", show_request, {"allow": allow, "deny": deny, "withdraw": withdraw_approval}),
)
