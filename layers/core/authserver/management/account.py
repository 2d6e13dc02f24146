"""What users see and change of their own, and administrators of their organisation: /account.

The acting user is the token's subject; a client's own token is nobody's. Whether the user administers an organisation
is read, strongly consistent, at each call: nothing in a token says so. What a user may do for an organisation, no
application does for itself: it neither reaches more by its own call nor answers what was asked for it.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Literal

from authserver import models
from authserver.documents import authorization as documents
from authserver.documents import organisation as organisations
from authserver.documents import profile as profiles
from authserver.identity import cutoffs
from authserver.identity.activity import (
    APPLICATION_DISCONNECTED,
    APPLICATIONS_DISCONNECTED,
    PROFILE_CHANGED,
    SESSION_ENDED,
    SESSIONS_ENDED,
    note,
)
from authserver.identity.cutoffs import cut_off
from authserver.management import Answer, Call, Conflict, Invalid, NotFound, Operation, Problem, page_of
from authserver.management.acting import acting_user, administered, membership_in, organisation_of
from authserver.management.authorizations import end_authorizations
from authserver.management.members import OPERATIONS as MEMBERS
from authserver.management.pages import everything
from authserver.services import Services
from authserver.storage import Page
from authserver.tokens.opaque import key_of
from authserver.values import Scope, base64url, from_base64url, sha256

SESSION_ID = re.compile(r"[A-Za-z0-9_-]{22}")
APPROVAL_KEPT = 30 * 86_400  # at least; an answer holds for as long as a consent is remembered


# ------------------------------------------------------------------ the user


def get_profile(call: Call, services: Services) -> Answer:
    """The user."""
    return Answer(document=_write_profile(acting_user(call, services)))


def change_profile(call: Call, services: Services) -> Answer:
    """Changes the name."""
    user = acting_user(call, services)
    wanted = call.patched(profiles.ProfileChanges, {"name": user.name} if user.name else {})
    changed = services.users.update(user.sub, name=wanted.name)
    if changed is None:
        raise NotFound("user")
    if changed.name != user.name:
        _note(call, services, PROFILE_CHANGED)
    return Answer(document=_write_profile(changed))


def list_sessions(call: Call, services: Services) -> Answer:
    """The browsers in which the user is signed in."""
    user = acting_user(call, services)
    page = services.browsers.sessions(user.sub, limit=call.limit, cursor=call.cursor)
    state = services.browsers.browser_state(subject_key=_key(user.sub))
    alive = (one for one in page.items if one.expires_at > services.now() and one.created_at > state.not_before)
    return page_of(Page(tuple(alive), page.next), _write_session)


def end_session(call: Call, services: Services) -> Answer:
    """Signs one browser out."""
    user = acting_user(call, services)
    identifier = call.path["id"] if SESSION_ID.fullmatch(call.path["id"]) else None
    session = services.browsers.browser_state(session_id=identifier).session
    if session is None or session.subject != user.sub:
        raise NotFound("session")
    services.browsers.delete_session(session.id)
    _note(call, services, SESSION_ENDED, about=session.device)
    return Answer()


def end_sessions(call: Call, services: Services) -> Answer:
    """Signs every browser out; applications stay connected.

    One write ends them all. Those that a list knows are removed as well, for people who look.
    """
    user = acting_user(call, services)
    cutoffs.end_sessions(services, user.sub)
    for session in everything(lambda cursor: services.browsers.sessions(user.sub, limit=100, cursor=cursor)):
        services.browsers.delete_session(session.id)
    _note(call, services, SESSIONS_ENDED)
    return Answer()


def list_activity(call: Call, services: Services) -> Answer:
    """What happened to the account in the last 90 days, the newest first."""
    user = acting_user(call, services)
    page = services.journal.activities(user.sub, limit=call.limit, cursor=call.cursor)
    kept = tuple(one for one in page.items if one.expires_at > services.now())
    return page_of(Page(kept, page.next), _write_activity)


# ------------------------------------------------------------------ the user's applications


def list_applications(call: Call, services: Services) -> Answer:
    """What the user let which application do."""
    user = acting_user(call, services)
    return Answer(document=_write_applications(_granted_by(user, services), services))


def get_application(call: Call, services: Services) -> Answer:
    """What the user let one application do."""
    user = acting_user(call, services)
    granted = [one for one in _granted_by(user, services) if one.client_id == call.path["client_id"]]
    alive = list(_alive(granted, services))
    if not alive:
        raise NotFound("application")
    return Answer(document=_application(alive[0].client_id, alive, {}, services).model_dump(mode="json"))


def disconnect_application(call: Call, services: Services) -> Answer:
    """Ends all that the user granted an application, which has to ask again."""
    user = acting_user(call, services)
    client = _client(call, services)
    # First, since the call cannot be made again once the caller's own application has ended.
    services.browsers.forget_consent(user.sub, client.client_id)
    end_authorizations(services, subject=user.sub, client_id=client.client_id)
    _note(call, services, APPLICATION_DISCONNECTED, about=client.client_id)
    return Answer()


def disconnect_applications(call: Call, services: Services) -> Answer:
    """The same for every application that the list has, each by a cutoff of its own: the user stays signed in."""
    user = acting_user(call, services)
    granted = list(_granted_by(user, services))
    for client_id in {one.client_id for one in granted}:
        services.browsers.forget_consent(user.sub, client_id)
    others = [one for one in granted if one.client_id != call.client_id]
    ended = {one: cut_off(services, subject=user.sub, client_id=one) for one in {one.client_id for one in others}}
    for one in others:
        if one.created_at <= ended[one.client_id] and one.revoked_at is None:
            services.tokens.revoke(one.id, ended[one.client_id])
    # The caller's own with the last write, and unmarked: what fails before can be repeated with its token.
    if len(others) < len(granted):
        cut_off(services, subject=user.sub, client_id=call.client_id)
    _note(call, services, APPLICATIONS_DISCONNECTED)
    return Answer()


def connected_clients(user: models.User, services: Services) -> frozenset[str]:
    """The identifiers of the applications that the user let in."""
    return frozenset(one.client_id for one in _alive(_granted_by(user, services), services))


# ------------------------------------------------------------------ organisations


def list_organisations(call: Call, services: Services) -> Answer:
    """The organisations that the user is a member of, with the role."""
    user = acting_user(call, services)
    page = services.organisations.memberships_of(user.sub, limit=call.limit, cursor=call.cursor)
    found = services.organisations.get_all(membership.organisation for membership in page.items)
    members = tuple((one, found[one.organisation]) for one in page.items if one.organisation in found)
    return page_of(Page(members, page.next), lambda one: organisations.OwnMembership.of(*one).model_dump(mode="json"))


def list_applications_of_organisation(call: Call, services: Services) -> Answer:
    """What members granted to applications for the organisation."""
    organisation = administered(call, services)
    granted = everything(
        lambda cursor: services.tokens.authorizations(organisation=organisation.id, limit=100, cursor=cursor)
    )
    return Answer(document=_write_applications(granted, services))


def disconnect_application_of_organisation(call: Call, services: Services) -> Answer:
    """Ends all that members granted an application for the organisation; it has to ask each again."""
    organisation, client = administered(call, services), _client(call, services)
    for subject in end_authorizations(services, client_id=client.client_id, organisation=organisation.id):
        services.browsers.forget_consent(subject, client.client_id)
    return Answer()


def set_companies(call: Call, services: Services) -> Answer:
    """Changes the companies that an application reaches, without new tokens.

    Who granted it may take companies away; an administrator may add some, too, and choose every one, but not by way
    of that application itself.
    """
    wanted = frozenset(call.read(documents.Companies).entities)
    user, organisation = acting_user(call, services), organisation_of(call, services)
    membership = membership_in(organisation, user, services)
    authorization = services.tokens.find(call.path["id"])
    if authorization is None or authorization.organisation != organisation.id:
        raise NotFound("authorization")
    _require_companies(wanted, organisation)
    if membership.role != models.ADMINISTRATOR and authorization.subject != user.sub:
        raise NotFound("authorization")
    was = None
    if membership.role != models.ADMINISTRATOR or authorization.client_id == call.client_id:
        _require_narrower(wanted, authorization, organisation, membership)
        was = authorization.entities
    changed = services.tokens.set_entities(authorization.id, organisation.id, wanted, was)
    if changed is None:
        raise Conflict("The authorization is over, or was changed meanwhile")
    return Answer(document=documents.Authorization.of(changed).model_dump(mode="json"))


def list_approvals(call: Call, services: Services) -> Answer:
    """What members asked the organisation's administrators to allow."""
    organisation = administered(call, services)
    page = services.browsers.approvals(organisation.id, limit=call.limit, cursor=call.cursor)
    waiting = tuple(approval for approval in page.items if approval.expires_at > services.now())
    return page_of(Page(waiting, page.next), lambda approval: _write_approval(approval, services))


def get_approval(call: Call, services: Services) -> Answer:
    """What a member asked, as long as it is what the identifier stands for."""
    organisation = administered(call, services)
    return Answer(document=_write_approval(_approval(call, organisation, services), services))


def answer_approval(call: Call, services: Services) -> Answer:
    """Allows or denies what a member asked. The first answer is final; whoever gave it may say it again."""
    wanted = call.read(documents.Decision)
    organisation = administered(call, services)
    approval = _approval(call, organisation, services)
    if approval.client_id == call.client_id:
        raise _for_itself()
    now = services.now()
    end = now + max(services.settings.consent_lifetime, APPROVAL_KEPT)
    services.browsers.answer_approval(approval, wanted.decision, call.subject, now, end)
    answered = _approval(call, organisation, services)
    if (answered.decision, answered.decided_by) != (wanted.decision, call.subject):
        raise Conflict("This was answered before")
    return Answer(document=_write_approval(answered, services))


# ------------------------------------------------------------------ who may


def _client(call: Call, services: Services) -> models.Client:
    client = services.clients.get(call.path["client_id"])
    if client is None:
        raise NotFound("application")
    return client


def _require_companies(wanted: frozenset[str], organisation: models.Organisation) -> None:
    if models.EVERY_ENTITY in wanted:
        if len(wanted) > 1:
            raise Invalid("entities", "* stands alone")
    elif not wanted <= set(organisation.companies):
        raise Invalid("entities", "must be companies of the organisation")


def _require_narrower(
    wanted: frozenset[str],
    authorization: models.Authorization,
    organisation: models.Organisation,
    membership: models.Membership,
) -> None:
    if wanted == authorization.entities or wanted <= set(organisation.companies_within(authorization.entities)):
        return
    if membership.role == models.ADMINISTRATOR:
        raise _for_itself()
    raise Problem(403, "Only an administrator of the organisation may add companies", reason="not_administrator")


def _for_itself() -> Problem:
    return Problem(403, "An application may not decide what it may do itself", reason="own_application")


def _granted_by(user: models.User, services: Services) -> Iterator[models.Authorization]:
    return everything(lambda cursor: services.tokens.authorizations(subject=user.sub, limit=100, cursor=cursor))


def _note(call: Call, services: Services, kind: str, about: str = "") -> None:
    note(services, call.subject, kind, device=call.device, source=call.source, about=about)


# ------------------------------------------------------------------ writing


def _write_profile(user: models.User) -> dict[str, Any]:
    return profiles.Profile.of(user).model_dump(mode="json")


def _write_session(session: models.Session) -> dict[str, Any]:
    return documents.Session(
        id=session.id,
        since=session.created_at,
        until=session.expires_at,
        device=session.device,
        source=session.source,
    ).model_dump(mode="json")


def _write_activity(activity: models.Activity) -> dict[str, Any]:
    return documents.Activity(
        id=activity.id,
        kind=activity.kind,
        at=activity.created_at,
        device=activity.device,
        source=activity.source,
        about=activity.about,
    ).model_dump(mode="json")


def _write_applications(granted: Iterable[models.Authorization], services: Services) -> dict[str, Any]:
    by_client: dict[str, list[models.Authorization]] = {}
    for authorization in _alive(granted, services):
        by_client.setdefault(authorization.client_id, []).append(authorization)
    names: dict[str, str] = {}
    items = [_application(client_id, grants, names, services) for client_id, grants in by_client.items()]
    items.sort(key=lambda one: (one.name, one.client_id))
    return documents.Applications(items=tuple(items)).model_dump(mode="json")


def _alive(granted: Iterable[models.Authorization], services: Services) -> Iterator[models.Authorization]:
    """Those with tokens that still work: a cutoff of any kind may have ended what the record does not show."""
    now = services.now()
    cutoffs: dict[tuple[str, str, str], int] = {}
    for one in granted:
        if one.revoked_at is not None or not one.rotated_at or one.ends_at <= now:
            continue
        whose = (one.subject, one.client_id, one.organisation)
        if whose not in cutoffs:
            cutoffs[whose] = services.tokens.standing(
                subject_key=_key(one.subject),
                client_key=_key(one.client_id),
                organisation_key=_key(one.organisation) if one.organisation else "",
            ).not_before
        if one.created_at > cutoffs[whose]:
            yield one


def _application(
    client_id: str, granted: list[models.Authorization], names: dict[str, str], services: Services
) -> documents.Application:
    client = services.clients.get(client_id)
    return documents.Application(
        client_id=client_id,
        name=client.client_name if client else client_id,
        logo_uri=(client.logo_uri or None) if client else None,
        client_uri=(client.client_uri or None) if client else None,
        policy_uri=(client.policy_uri or None) if client else None,
        tos_uri=(client.tos_uri or None) if client else None,
        verification=_verification(client),
        grants=tuple(_grant(authorization, names, services) for authorization in granted),
    )


def _grant(authorization: models.Authorization, names: dict[str, str], services: Services) -> documents.Grant:
    return documents.Grant(
        id=authorization.id,
        sub=authorization.subject,
        username=_username(authorization.subject, names, services),
        permissions=_permissions(authorization.scope, services),
        resource=authorization.resource,
        organisation=authorization.organisation or None,
        entities=tuple(sorted(authorization.entities)),
        since=authorization.created_at,
        last_used_at=authorization.rotated_at,
        until=authorization.ends_at,
    )


def _permissions(scope: Iterable[str], services: Services) -> tuple[documents.Permission, ...]:
    return tuple(map(documents.Permission.of, services.scopes().describe(Scope.of(scope))))


def _username(sub: str, names: dict[str, str], services: Services) -> str:
    if sub not in names:
        user = services.users.get(sub)
        names[sub] = user.known_as if user else ""
    return names[sub]


def _verification(client: models.Client | None) -> Literal["verified", "test"]:
    return "verified" if client is not None and client.verification == models.VERIFIED else "test"


def _write_approval(approval: models.Approval, services: Services) -> dict[str, Any]:
    client = services.clients.get(approval.client_id)
    return documents.Approval.model_validate(
        {
            "id": _approval_id(approval),
            "client_id": approval.client_id,
            "client_name": client.client_name if client else approval.client_id,
            "client_uri": (client.client_uri or None) if client else None,
            "verification": _verification(client),
            "sub": approval.subject,
            "username": _username(approval.subject, {}, services),
            "permissions": _permissions(approval.scope, services),
            "resource": approval.resource,
            "entities": tuple(sorted(approval.entities)),
            "asked_at": approval.created_at,
            "expires_at": approval.expires_at,
            "decision": approval.decision or None,
            "decided_by": approval.decided_by or None,
            "decided_by_username": _username(approval.decided_by, {}, services) if approval.decided_by else None,
            "decided_at": approval.decided_at or None,
        }
    ).model_dump(mode="json")


def _approval_id(approval: models.Approval) -> str:
    """Stands for what was asked as well as by whom: whoever answers answers what they saw, not what replaced it."""
    asked = (str(approval.created_at), str(approval.scope), *approval.resource, "", *sorted(approval.entities))
    seal = base64url(sha256("\x00".join(asked))[:12])
    return base64url("\x00".join((seal, approval.client_id, approval.subject)).encode())


def _approval(call: Call, organisation: models.Organisation, services: Services) -> models.Approval:
    try:
        _, client_id, subject = from_base64url(call.path["approval"]).decode().split("\x00")
    except ValueError:
        raise NotFound("approval") from None
    approval = services.browsers.approval(organisation.id, client_id, subject)
    if approval is None or approval.expires_at <= services.now() or _approval_id(approval) != call.path["approval"]:
        raise NotFound("approval")
    return approval


def _key(text: str) -> str:
    return base64url(key_of(text))


READ, WRITE = "account.read", "account.write"
READ_ORGANISATION, WRITE_ORGANISATION = "organisation.read", "organisation.write"
ORGANISATION = "/account/organisations/{organisation}"

OPERATIONS = (
    Operation("GET /account/profile", "Read one's profile", READ, get_profile, answer=profiles.Profile),
    Operation(
        "PATCH /account/profile",
        "Change one's profile",
        WRITE,
        change_profile,
        body=profiles.ProfileChanges,
        answer=profiles.Profile,
    ),
    Operation(
        "GET /account/applications",
        "List one's connected applications",
        READ,
        list_applications,
        answer=documents.Applications,
    ),
    Operation(
        "DELETE /account/applications",
        "Disconnect every application",
        WRITE,
        disconnect_applications,
        status=204,
    ),
    Operation(
        "GET /account/applications/{client_id}",
        "Read a connected application",
        READ,
        get_application,
        answer=documents.Application,
    ),
    Operation(
        "DELETE /account/applications/{client_id}",
        "Disconnect an application",
        WRITE,
        disconnect_application,
        status=204,
    ),
    Operation(
        "GET /account/sessions", "List one's sessions", READ, list_sessions, answer=documents.Session, is_list=True
    ),
    Operation(
        "DELETE /account/sessions",
        "Sign out everywhere",
        WRITE,
        end_sessions,
        status=204,
    ),
    Operation("DELETE /account/sessions/{id}", "Sign one browser out", WRITE, end_session, status=204),
    Operation(
        "GET /account/activity",
        "List what happened to one's account",
        READ,
        list_activity,
        answer=documents.Activity,
        is_list=True,
    ),
    Operation(
        "GET /account/organisations",
        "List one's organisations",
        READ_ORGANISATION,
        list_organisations,
        answer=organisations.OwnMembership,
        is_list=True,
    ),
    *MEMBERS,
    Operation(
        f"GET {ORGANISATION}/applications",
        "List an organisation's connected applications",
        READ_ORGANISATION,
        list_applications_of_organisation,
        answer=documents.Applications,
    ),
    Operation(
        f"DELETE {ORGANISATION}/applications/{{client_id}}",
        "Disconnect an application from an organisation",
        WRITE_ORGANISATION,
        disconnect_application_of_organisation,
        status=204,
    ),
    Operation(
        f"PUT {ORGANISATION}/authorizations/{{id}}/companies",
        "Change the companies that an application reaches",
        WRITE_ORGANISATION,
        set_companies,
        body=documents.Companies,
        answer=documents.Authorization,
    ),
    Operation(
        f"GET {ORGANISATION}/approvals",
        "List what members asked for",
        READ_ORGANISATION,
        list_approvals,
        answer=documents.Approval,
        is_list=True,
    ),
    Operation(
        f"GET {ORGANISATION}/approvals/{{approval}}",
        "Read what a member asked for",
        READ_ORGANISATION,
        get_approval,
        answer=documents.Approval,
    ),
    Operation(
        f"PUT {ORGANISATION}/approvals/{{approval}}",
        "Allow or deny what a member asked for",
        WRITE_ORGANISATION,
        answer_approval,
        body=documents.Decision,
        answer=documents.Approval,
    ),
)
