"""What users see and change of their own, and administrators of their organisation: /account.

The acting user is the token's subject; a client's own token has none. Whether the user administers an organisation
is read, strongly consistent, at each call: nothing in a token says so. What a user may do for an organisation, no
application does for itself: it neither reaches more by its own call nor answers what was asked for it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Literal

from authserver.documents import authorization as documents
from authserver.documents import organisation as organisations
from authserver.documents import profile as profiles
from authserver.identity.activity import (
    APPLICATION_DISCONNECTED,
    APPLICATIONS_DISCONNECTED,
    PROFILE_CHANGED,
    SESSION_ENDED,
    SESSIONS_ENDED,
    note,
)
from authserver.identity.begin import key_text
from authserver.management import Answer, Call, Conflict, Invalid, NotFound, Operation, Problem, page_of
from authserver.management.account.acting import (
    acting_user,
    administered,
    membership_in,
    not_administrator,
    organisation_of,
)
from authserver.management.account.api_keys import OPERATIONS as API_KEYS
from authserver.management.account.members import OPERATIONS as MEMBERS
from authserver.management.audited import SELF, act
from authserver.management.pages import LONGEST, one_after_the_other
from authserver.management.present import Known, PresentEnds
from authserver.models.browsers import Consent, Session
from authserver.models.clients import VERIFIED, Client
from authserver.models.invitations import Approval
from authserver.models.journal import Activity
from authserver.models.organisations import ADMINISTRATOR, EVERY_ENTITY, Membership, Organisation
from authserver.models.tokens import Authorization
from authserver.models.users import User
from authserver.records import dataclass
from authserver.services import Services
from authserver.storage.lists import Counted, Page
from authserver.values import Scope, base64url, from_base64url, sha256

ALLOW = "allow"
SESSION_ID = re.compile(r"[A-Za-z0-9_-]{22}")
PARTS = 10  # of a list that are looked through for what is alive
APPROVAL_KEPT = 30 * 86_400  # at least; an answer holds for as long as a consent is remembered


# ------------------------------------------------------------------ the user


def get_profile(call: Call, services: Services) -> Answer:
    """The user."""
    return Answer(document=_write_profile(acting_user(call, services)))


@act("user.profile.changed", SELF)
def change_profile(call: Call, services: Services) -> Answer:
    """Changes the name."""
    user = acting_user(call, services)
    wanted = call.patched(profiles.ProfileChanges, {"name": user.name} if user.name else {})
    changes: dict[str, Any] = {"name": wanted.name}
    if wanted.name != user.name:
        changes["updated_at"] = services.now()
    changed = services.users.update(user.sub, **changes)
    if changed is None:
        raise NotFound("user")
    if changed.name != user.name:
        _note(call, services, PROFILE_CHANGED)
    return Answer(document=_write_profile(changed))


def list_sessions(call: Call, services: Services) -> Answer:
    """The browsers in which the user is signed in."""
    user = acting_user(call, services)
    ends = services.browsers.ends(key_text(user.sub))
    alive: list[Session] = []
    cursor = call.cursor
    for _ in range(PARTS):  # of many that were signed out at once, those that are left come last
        page = services.browsers.sessions(user.sub, limit=call.limit - len(alive), cursor=cursor)
        alive += (one for one in page.items if one.expires_at > services.now() and ends.stand(one.begun, one.sessions))
        cursor = page.next
        if cursor is None or len(alive) >= call.limit:
            break
    return page_of(Page(tuple(alive), cursor), _write_session)


@act("session.ended", SELF)
def end_session(call: Call, services: Services) -> Answer:
    """Signs one browser out."""
    user = acting_user(call, services)
    identifier = call.path["id"] if SESSION_ID.fullmatch(call.path["id"]) else None
    session = services.browsers.browser_state(session_id=identifier).session
    if session is None or session.subject != user.sub:
        raise NotFound("session")
    services.withdrawals.end_session(session.id)
    _note(call, services, SESSION_ENDED, about=session.device)
    return Answer()


@act("sessions.ended", SELF)
def end_sessions(call: Call, services: Services) -> Answer:
    """Signs every browser out, in one write; applications stay connected."""
    services.withdrawals.end_sessions(acting_user(call, services).sub)
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
    """What the user let which application do, and which gets what was allowed before without asking again.

    A part of the list is of so many grants, the newest first, and then of so many remembered answers, those that are
    over among them. It has an application once, with what is in this part; another part may have the same one again.
    """
    found = _let_in(acting_user(call, services), call.limit, call.cursor, services)
    client_ids = tuple(found.granted.keys() | found.remembered.keys())
    known = Known(services, (call.subject,), client_ids)
    items = [
        _own_application(one, found.granted.get(one, []), found.remembered.get(one), known, services)
        for one in client_ids
    ]
    items.sort(key=lambda one: (one.name, one.client_id))
    return page_of(Page(tuple(items), found.next), lambda one: one.model_dump(mode="json"))


def get_application(call: Call, services: Services) -> Answer:
    """The same of one application, with its grants among the latest thousand of the user; `next` looks further."""
    user, client_id = acting_user(call, services), call.path["client_id"]
    granted: list[Authorization] = []
    cursor = call.query.get("before")
    for _ in range(PARTS):
        page = _granted_by(user, LONGEST, cursor, services)
        granted += (one for one in page.items if one.client_id == client_id)
        cursor = page.next
        if cursor is None:
            break
    consent = services.browsers.browser_state(subject_key=key_text(user.sub), client_key=key_text(client_id)).consent
    ends = PresentEnds(services, [*granted, *([consent] if consent else [])])
    alive = list(_alive(granted, ends, services))
    if consent is not None and not _is_remembered(consent, ends, services):
        consent = None
    if not alive and consent is None and cursor is None:
        raise NotFound("application")
    application = _own_application(client_id, alive, consent, Known(services, (user.sub,), (client_id,)), services)
    document = documents.OwnApplication(**application.model_dump(), next=cursor)
    return Answer(document=document.model_dump(mode="json"))


@act("application.disconnected", "client_id")
def disconnect_application(call: Call, services: Services) -> Answer:
    """Ends all that the user granted an application or allowed it before; it has to ask again."""
    user = acting_user(call, services)
    client = _client(call, services)
    services.withdrawals.end(subject=user.sub, client_id=client.client_id)
    _note(call, services, APPLICATION_DISCONNECTED, about=client.client_id)
    return Answer()


@act("applications.disconnected", SELF)
def disconnect_applications(call: Call, services: Services) -> Answer:
    """The same for every application, whether the lists have it yet or not; the user stays signed in."""
    user = acting_user(call, services)
    services.withdrawals.end_grants(user.sub)
    _note(call, services, APPLICATIONS_DISCONNECTED)
    return Answer()


def connected(user: User, services: Services) -> Counted:
    """How many applications the latest hundred grants of the user let in, and whether there are more grants."""
    page = _granted_by(user, LONGEST, None, services)
    alive = _alive(page.items, PresentEnds(services, page.items), services)
    return Counted(len({one.client_id for one in alive}), page.next is not None)


@dataclass(frozen=True, slots=True)
class LetIn:
    """A part of what a user let in, by client: grants that stand, and answers that are remembered."""

    granted: Mapping[str, list[Authorization]]
    remembered: Mapping[str, Consent]
    next: str | None


def _let_in(user: User, limit: int, cursor: str | None, services: Services) -> LetIn:
    """A part that has something, unless too many in a row have nothing: of many that were ended at once."""
    for _ in range(PARTS):
        (grants, consents), cursor = one_after_the_other(
            (
                lambda size, at: _granted_by(user, size, at, services),
                lambda size, at: services.browsers.consents(user.sub, limit=size, cursor=at),
            ),
            limit=limit,
            cursor=cursor,
        )
        ends = PresentEnds(services, (*grants, *consents))
        found = LetIn(
            granted=_by_client(_alive(grants, ends, services)),
            remembered={one.client_id: one for one in consents if _is_remembered(one, ends, services)},
            next=cursor,
        )
        if found.granted or found.remembered or cursor is None:
            break
    return found


def _granted_by(user: User, limit: int, cursor: str | None, services: Services) -> Page[Authorization]:
    return services.tokens.authorizations(subject=user.sub, limit=limit, cursor=cursor, newest_first=True)


# ------------------------------------------------------------------ organisations


def list_organisations(call: Call, services: Services) -> Answer:
    """The organisations that the user is a member of, with the role."""
    user = acting_user(call, services)
    page = services.organisations.memberships_of(user.sub, limit=call.limit, cursor=call.cursor)
    found = services.organisations.get_all(membership.organisation for membership in page.items)
    members = tuple((one, found[one.organisation]) for one in page.items if one.organisation in found)
    return page_of(Page(members, page.next), lambda one: organisations.OwnMembership.of(*one).model_dump(mode="json"))


def list_applications_of_organisation(call: Call, services: Services) -> Answer:
    """What members granted to applications for the organisation.

    A part of the list is of so many grants, the newest first and those that are over among them, and has an application
    once: with its grants in this part. Another part may have the same application again, with others.
    """
    organisation = administered(call, services)
    page = services.tokens.authorizations(
        organisation=organisation.id, limit=call.limit, cursor=call.cursor, newest_first=True
    )
    alive = tuple(_alive(page.items, PresentEnds(services, page.items), services))
    by_client = _by_client(alive)
    known = Known(services, (one.subject for one in alive), by_client)
    items = [
        documents.ConnectedApplication(**_described(client_id, known), grants=_grants(grants, known, services))
        for client_id, grants in by_client.items()
    ]
    items.sort(key=lambda one: (one.name, one.client_id))
    return page_of(Page(tuple(items), page.next), lambda one: one.model_dump(mode="json"))


@act("application.disconnected", "client_id")
def disconnect_application_of_organisation(call: Call, services: Services) -> Answer:
    """Ends all that members granted an application for the organisation; it has to ask each again."""
    organisation, client = administered(call, services), _client(call, services)
    services.withdrawals.end(client_id=client.client_id, organisation=organisation.id)
    return Answer()


@act("authorization.companies.set", "id")
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
    if membership.role != ADMINISTRATOR and authorization.subject != user.sub:
        raise NotFound("authorization")
    if not PresentEnds(services).let_stand(authorization):
        raise Conflict("The authorization is over, or was changed meanwhile")
    if _is_narrower(wanted, authorization, organisation):
        changed = services.withdrawals.set_entities(authorization.id, organisation.id, wanted, authorization.entities)
    else:
        _require_word(authorization, membership, call)
        changed = _widened(authorization, wanted, call, services)
    if changed is None:
        raise Conflict("The authorization is over, or was changed meanwhile")
    stands = PresentEnds(services).let_stand(changed)
    return Answer(document=documents.Authorization.of(changed, stands=stands).model_dump(mode="json"))


def list_approvals(call: Call, services: Services) -> Answer:
    """What members asked the organisation's administrators to allow, newest first. A member who is no administrator
    sees their own."""
    user, organisation = acting_user(call, services), organisation_of(call, services)
    if membership_in(organisation, user, services).role == ADMINISTRATOR:
        page = services.browsers.approvals(organisation.id, limit=call.limit, cursor=call.cursor)
    else:
        asked = services.browsers.own_approvals(user.sub, limit=call.limit, cursor=call.cursor)
        page = Page(tuple(one for one in asked.items if one.organisation == organisation.id), asked.next)
    ends = PresentEnds(services, page.items)
    shown = tuple(one for one in page.items if _is_asked(one, ends, services))
    known = _known_of(shown, services)
    return page_of(Page(shown, page.next), lambda one: _write_approval(one, known, ends, services))


def get_approval(call: Call, services: Services) -> Answer:
    """What a member asked, as long as it is what the identifier stands for; for administrators and that member."""
    ends = PresentEnds(services)
    approval, _ = _approval_to_see(call, ends, services)
    return Answer(document=_write_approval(approval, _known_of((approval,), services), ends, services))


@act("approval.answered", "organisation")
def answer_approval(call: Call, services: Services) -> Answer:
    """Allows or denies what a member asked. The first answer is final; its administrator may repeat it."""
    wanted = call.read(documents.Decision)
    organisation = administered(call, services)
    approval = _approval(call, organisation, PresentEnds(services), services)
    if approval.client_id == call.client_id:
        raise _for_itself()
    now = services.now()
    end = now + max(services.settings.consent_lifetime, APPROVAL_KEPT)
    _record_answer(approval, wanted.decision, call, now, end, services)
    ends = PresentEnds(services)
    answered = _approval(call, organisation, ends, services)
    is_said = (answered.decision, answered.decided_by) == (wanted.decision, call.subject)
    # An approval of before that has ended since allows nothing.
    if not is_said or (wanted.decision == ALLOW and not ends.let_approval_stand(answered)):
        raise Conflict("This was answered before")
    return Answer(document=_write_approval(answered, _known_of((answered,), services), ends, services))


@act("approval.withdrawn", "organisation")
def withdraw_approval(call: Call, services: Services) -> Answer:
    """Takes back what was asked, or answered.

    Before an answer, the member may as well as an administrator, and nothing else changes. After one,
    an administrator may; that ends all that the member granted the application for the organisation.
    """
    approval, is_administrator = _approval_to_see(call, PresentEnds(services), services)
    if approval.client_id == call.client_id:
        raise _for_itself()
    if not approval.decision:
        is_done = services.browsers.take_approval_back(approval)
    elif is_administrator:
        is_done = services.withdrawals.withdraw_approval(approval)
    else:
        raise not_administrator()
    if not is_done:
        raise Conflict("This was answered or changed meanwhile; look at it again")
    return Answer()


def _record_answer(approval: Approval, decision: str, call: Call, now: int, end: int, services: Services) -> None:
    """Under the epochs of the administrator, who has to be one still when it is written."""
    membership, count = _administrators_word(call, approval.organisation, services)
    begun = replace(approval.begun, approver=key_text(call.subject), approval=count)
    services.browsers.answer_approval(approval, decision, membership, begun, now, end)


def _widened(
    authorization: Authorization, wanted: frozenset[str], call: Call, services: Services
) -> Authorization | None:
    """With more companies, for as long as the administrator who adds them stays one."""
    membership, count = _administrators_word(call, authorization.organisation, services)
    begun = replace(authorization.begun, widener=key_text(call.subject), widening=count)
    return services.tokens.widen(authorization, wanted, membership, begun)


def _administrators_word(call: Call, organisation: str, services: Services) -> tuple[Membership, int]:
    """The administrator's membership, and how often that one ceased to be an administrator before."""
    ends = services.tokens.standing(subject_key=key_text(call.subject), organisation_key=key_text(organisation)).ends
    if ends.membership is None:
        raise not_administrator()
    return ends.membership, ends.begun(key_text(call.subject)).approval


# ------------------------------------------------------------------ who may


def _client(call: Call, services: Services) -> Client:
    client = services.clients.get(call.path["client_id"])
    if client is None:
        raise NotFound("application")
    return client


def _require_companies(wanted: frozenset[str], organisation: Organisation) -> None:
    if EVERY_ENTITY in wanted:
        if len(wanted) > 1:
            raise Invalid("entities", "* stands alone")
    elif not wanted <= set(organisation.companies):
        raise Invalid("entities", "must be companies of the organisation")


def _is_narrower(wanted: frozenset[str], authorization: Authorization, organisation: Organisation) -> bool:
    return wanted == authorization.entities or wanted <= set(organisation.companies_within(authorization.entities))


def _require_word(authorization: Authorization, membership: Membership, call: Call) -> None:
    """Companies are added by an administrator, and not by way of the application that gets them."""
    if membership.role != ADMINISTRATOR:
        raise Problem(403, "Only an administrator of the organisation may add companies", reason="not_administrator")
    if authorization.client_id == call.client_id:
        raise _for_itself()


def _for_itself() -> Problem:
    return Problem(403, "An application may not decide what it may do itself", reason="own_application")


def _note(call: Call, services: Services, kind: str, about: str = "") -> None:
    note(services, call.subject, kind, device=call.device, source=call.source, about=about)


# ------------------------------------------------------------------ writing


def _write_profile(user: User) -> dict[str, Any]:
    return profiles.Profile.of(user).model_dump(mode="json")


def _write_session(session: Session) -> dict[str, Any]:
    return documents.Session(
        id=session.id,
        since=session.created_at,
        until=session.expires_at,
        device=session.device,
        source=session.source,
    ).model_dump(mode="json")


def _write_activity(activity: Activity) -> dict[str, Any]:
    return documents.Activity(
        id=activity.id,
        kind=activity.kind,
        at=activity.created_at,
        device=activity.device,
        source=activity.source,
        about=activity.about,
    ).model_dump(mode="json")


def _by_client(granted: Iterable[Authorization]) -> dict[str, list[Authorization]]:
    by_client: dict[str, list[Authorization]] = {}
    for authorization in granted:
        by_client.setdefault(authorization.client_id, []).append(authorization)
    return by_client


def _alive(granted: Iterable[Authorization], ends: PresentEnds, services: Services) -> Iterator[Authorization]:
    """Those with tokens that still work: something may have ended what the record does not show."""
    now = services.now()
    for one in granted:
        if one.rotated_at and one.ends_at > now and ends.let_stand(one):
            yield one


def _is_remembered(consent: Consent, ends: PresentEnds, services: Services) -> bool:
    """Whether the user is not asked again: an answer may have ended that is there still."""
    return consent.expires_at > services.now() and ends.let_consent_stand(consent)


def _own_application(
    client_id: str,
    granted: list[Authorization],
    consent: Consent | None,
    known: Known,
    services: Services,
) -> documents.Application:
    return documents.Application(
        **_described(client_id, known),
        grants=_grants(granted, known, services),
        remembered=_remembered(consent, services) if consent else None,
    )


def _described(client_id: str, known: Known) -> dict[str, Any]:
    """What an application is, whatever it was granted."""
    client = known.client(client_id)
    links = ("logo_uri", "client_uri", "policy_uri", "tos_uri")
    return {
        "client_id": client_id,
        "name": known.client_name(client_id),
        **{name: (getattr(client, name) or None) if client else None for name in links},
        "verification": _verification(client),
    }


def _remembered(consent: Consent, services: Services) -> documents.Remembered:
    return documents.Remembered(
        permissions=_permissions(consent.scope - consent.declined, services),
        resource=tuple(sorted(consent.resource)),
        since=consent.created_at,
        until=consent.expires_at,
    )


def _grants(granted: Iterable[Authorization], known: Known, services: Services) -> tuple[documents.Grant, ...]:
    return tuple(_grant(authorization, known, services) for authorization in granted)


def _grant(authorization: Authorization, known: Known, services: Services) -> documents.Grant:
    return documents.Grant(
        id=authorization.id,
        sub=authorization.subject,
        username=known.username(authorization.subject),
        permissions=_permissions(authorization.scope, services),
        resource=authorization.resource,
        organisation=authorization.organisation or None,
        entities=tuple(sorted(authorization.entities)),
        since=authorization.created_at,
        last_used_at=authorization.rotated_at,
        until=authorization.ends_at,
    )


def _permissions(scope: Iterable[str], services: Services) -> tuple[documents.Permission, ...]:
    """What a scope permits: what was removed of it permits nothing any more."""
    catalogue = services.scopes()
    return tuple(map(documents.Permission.of, catalogue.describe(catalogue.present(Scope.of(scope)))))


def _verification(client: Client | None) -> Literal["verified", "test"]:
    return "verified" if client is not None and client.verification == VERIFIED else "test"


def _known_of(asked: Iterable[Approval], services: Services) -> Known:
    """The users, clients and organisations that these name."""
    asked = tuple(asked)
    people = (sub for one in asked for sub in (one.subject, one.decided_by))
    return Known(services, people, (one.client_id for one in asked))


def _write_approval(approval: Approval, known: Known, ends: PresentEnds, services: Services) -> dict[str, Any]:
    client = known.client(approval.client_id)
    return documents.Approval.model_validate(
        {
            "id": _approval_id(approval),
            "client_id": approval.client_id,
            "client_name": known.client_name(approval.client_id),
            "client_uri": (client.client_uri or None) if client else None,
            "verification": _verification(client),
            "sub": approval.subject,
            "username": known.username(approval.subject),
            "permissions": _permissions(approval.scope, services),
            "resource": approval.resource,
            "entities": tuple(sorted(approval.entities)),
            "asked_at": approval.created_at,
            "expires_at": approval.expires_at,
            "decision": approval.decision or None,
            "decided_by": approval.decided_by or None,
            "decided_by_username": known.username(approval.decided_by) if approval.decided_by else None,
            "decided_at": approval.decided_at or None,
            "stands": ends.let_approval_stand(approval),
        }
    ).model_dump(mode="json")


def _approval_id(approval: Approval) -> str:
    """Identifies the request with its content: an administrator answers what they saw, and not what replaced it."""
    asked = (str(approval.created_at), str(approval.scope), *approval.resource, "", *sorted(approval.entities))
    seal = base64url(sha256("\x00".join(asked))[:12])
    return base64url("\x00".join((seal, approval.client_id, approval.subject)).encode())


def _asked(call: Call) -> tuple[str, str]:
    """The client and the member that the identifier of an approval names; empty for garbage."""
    try:
        _, client_id, subject = from_base64url(call.path["approval"]).decode().split("\x00")
    except ValueError:
        return "", ""
    return client_id, subject


def _approval(call: Call, organisation: Organisation, ends: PresentEnds, services: Services) -> Approval:
    client_id, subject = _asked(call)
    approval = services.browsers.approval(organisation.id, client_id, subject) if subject else None
    if approval is None or not _is_asked(approval, ends, services) or _approval_id(approval) != call.path["approval"]:
        raise NotFound("approval")
    return approval


def _approval_to_see(call: Call, ends: PresentEnds, services: Services) -> tuple[Approval, bool]:
    """An approval that the user asked for, or any if the user is an administrator; and whether that is so."""
    user, organisation = acting_user(call, services), organisation_of(call, services)
    is_administrator = membership_in(organisation, user, services).role == ADMINISTRATOR
    if not is_administrator and _asked(call)[1] != user.sub:
        raise not_administrator()
    return _approval(call, organisation, ends, services), is_administrator


def _is_asked(approval: Approval, ends: PresentEnds, services: Services) -> bool:
    """Whether it is kept still; an answer to a question that something has ended would allow nothing."""
    is_over = approval.expires_at <= services.now()
    return not is_over and (bool(approval.decision) or ends.let_approval_stand(approval))


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
        "List one's applications",
        READ,
        list_applications,
        answer=documents.Application,
        is_list=True,
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
        "Read one of one's applications",
        READ,
        get_application,
        answer=documents.OwnApplication,
        query={"before": "`next` of the answer before"},
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
    *API_KEYS,
    Operation(
        f"GET {ORGANISATION}/applications",
        "List an organisation's connected applications",
        READ_ORGANISATION,
        list_applications_of_organisation,
        answer=documents.ConnectedApplication,
        is_list=True,
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
    Operation(
        f"DELETE {ORGANISATION}/approvals/{{approval}}",
        "Take back what was asked or answered",
        WRITE_ORGANISATION,
        withdraw_approval,
        status=204,
    ),
)
