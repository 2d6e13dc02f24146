"""The choice at consent of the organisation and its companies whose data a client may reach.

A client that acts for organisations or companies says so by its `preferred_subject_type`. A member chooses among the
companies; every company at once, and scopes that only administrators grant, need an administrator's word, which a
member can ask for. Roles are read anew, and consistently, for each decision.
"""

from dataclasses import replace

from authserver.ends import Begun
from authserver.errors import AccessDenied, InvalidRequest
from authserver.identity.begin import key_text
from authserver.messages.authorization import Choice, ValidatedAuthorizationRequest
from authserver.messages.browser import ConsentForm, OrganisationOffer
from authserver.models import ACTIVE
from authserver.models.browsers import Session
from authserver.models.invitations import Approval
from authserver.models.organisations import ADMINISTRATOR, EVERY_ENTITY, Organisation
from authserver.models.users import User
from authserver.scopes import ADMINISTRATOR as BY_ADMINISTRATOR
from authserver.scopes import OPERATOR as BY_OPERATOR
from authserver.scopes import covered
from authserver.services import Services
from authserver.storage.standing import Ends
from authserver.values import Scope, are_resources_within

from .under_way import audience_of, optional_scope

OFFERED = 50  # organisations on the page
CHOSEN = 100  # companies by name; who wants more takes all of them
APPROVAL_LIFETIME = 14 * 86_400
ALLOW = "allow"


def offer(
    request: ValidatedAuthorizationRequest, session: Session, organisation: str, services: Services
) -> OrganisationOffer | None:
    """What the user can choose from; None if the client acts for users. `organisation` is the one chosen already.

    Raises `AccessDenied` if the request names an organisation that the user is not in.
    """
    if request.client.preferred_subject_type == "user":
        return None
    organisations = _organisations_of(session, services)
    if request.details and request.details.organisation:
        organisations = tuple(one for one in organisations if one.id == request.details.organisation)
        if not organisations:
            raise AccessDenied("The user is not a member of this organisation", reason="organisation_not_own")
    chosen = next((one for one in organisations if one.id == organisation or len(organisations) == 1), None)
    role = _role(chosen.id, session, services) if chosen else ""
    return OrganisationOffer(
        organisations=organisations,
        chosen=chosen,
        companies=_companies_offered(chosen, request) if chosen else {},
        is_administrator=role == ADMINISTRATOR,
        one_company=request.client.preferred_subject_type == "company",
        every=chosen is not None and _may_be_every(request),
        most=1 if request.client.preferred_subject_type == "company" else CHOSEN,
    )


def read_choice(form: ConsentForm, request: ValidatedAuthorizationRequest, services: Services) -> Choice:
    """What the user chose, if it can be chosen: the scopes that may be left out and are not, and for whom.

    Raises `InvalidRequest`; `Unchosen` if nothing is left, or a company is yet to be named; `TooMany`.
    """
    declined = Scope(tuple(name for name in optional_scope(request, services) if name not in form.scope))
    if request.scope and not request.scope - declined:
        raise Unchosen
    return replace(_read_companies(form, request, services), declined=declined)


def _read_companies(form: ConsentForm, request: ValidatedAuthorizationRequest, services: Services) -> Choice:
    if request.client.preferred_subject_type == "user":
        return Choice()
    organisation = services.organisations.get(form.organisation)
    if organisation is None or organisation.status != ACTIVE:
        raise InvalidRequest("The organisation is not known", reason="organisation_unknown")
    if request.details and request.details.organisation not in ("", organisation.id):
        raise InvalidRequest("The application asked for another organisation", reason="organisation_not_asked")
    entities = frozenset(form.entities)
    offered = _companies_offered(organisation, request)
    if _may_be_every(request):
        offered = {**offered, EVERY_ENTITY: ""}
    if not entities <= offered.keys():
        raise InvalidRequest("A company is not one of this organisation", reason="company_unknown")
    if EVERY_ENTITY in entities:
        entities = frozenset({EVERY_ENTITY})
    if not entities:
        raise Unchosen
    if len(entities) > (1 if request.client.preferred_subject_type == "company" else CHOSEN):
        raise TooMany
    return Choice(organisation.id, entities)


class Unchosen(Exception):
    """The user has chosen no scope, or no company."""


class TooMany(Exception):
    """The user has chosen more companies by name than can be."""


def grantable(
    request: ValidatedAuthorizationRequest, choice: Choice, session: Session, services: Services
) -> Choice | None:
    """The choice as this user may grant it now; None if an administrator has to be asked.

    Raises `AccessDenied` on what no administrator can allow this user.
    """
    words = services.scopes().grantable_by(request.scope - choice.declined)
    if BY_OPERATOR in words and not _is_operator(services.users.get(session.subject)):
        raise AccessDenied("Only an operator may grant this", reason="operator_scope")
    if BY_ADMINISTRATOR in words and not choice.organisation:
        raise AccessDenied("Only an administrator of an organisation may grant this", reason="administrator_scope")
    if not choice.organisation:
        return choice
    ends = _ends(choice.organisation, request, session, services)
    if ends.membership is None or ends.is_suspended:
        raise AccessDenied("The user is not a member of this organisation", reason="organisation_not_own")
    choice = replace(choice, under=_under(ends))
    if BY_ADMINISTRATOR not in words and EVERY_ENTITY not in choice.entities:
        return choice
    if ends.membership.role == ADMINISTRATOR:
        return replace(choice, by_administrator=True)
    approval = _approval(request, choice, session, ends, services)
    return replace(choice, under=choice.under.joined_with(_by_approver(approval))) if approval else None


def _ends(organisation: str, request: ValidatedAuthorizationRequest, session: Session, services: Services) -> Ends:
    """The present ends of the user as a member of the organisation, and of the client there."""
    return services.tokens.standing(
        client_key=key_text(request.client.client_id),
        subject_key=key_text(session.subject),
        organisation_key=key_text(organisation),
    ).ends


def _under(ends: Ends) -> Begun:
    """What is granted for an organisation is begun under these of its epochs."""
    begun = ends.begun()
    return replace(
        Begun(),
        organisation=begun.organisation,
        installation=begun.installation,
        membership=begun.membership,
        member_grant=begun.member_grant,
    )


def _by_approver(approval: Approval) -> Begun:
    """An authorization that an approval allowed ends when its approver stops being an administrator."""
    return Begun(approver=approval.begun.approver, approval=approval.begun.approval)


def ask_approval(request: ValidatedAuthorizationRequest, choice: Choice, session: Session, services: Services) -> None:
    """Asks the organisation's administrators for what the user may not grant."""
    now = services.now()
    ends = _ends(choice.organisation, request, session, services)
    services.browsers.ask_approval(
        Approval(
            organisation=choice.organisation,
            client_id=request.client.client_id,
            subject=session.subject,
            scope=request.scope - choice.declined,
            resource=audience_of(request, services),
            entities=choice.entities,
            created_at=now,
            expires_at=now + APPROVAL_LIFETIME,
            begun=replace(ends.begun(), subject=0),  # the member's password has no part in it
        )
    )


def asked_before(
    request: ValidatedAuthorizationRequest, offered: OrganisationOffer | None, session: Session, services: Services
) -> Approval | None:
    """What this user asked the administrators for this client, if it waits for an answer or was denied: to be told."""
    if offered is None or offered.chosen is None or offered.is_administrator:
        return None
    approval = services.browsers.approval(offered.chosen.id, request.client.client_id, session.subject)
    if approval is None or approval.decision == ALLOW or approval.expires_at <= services.now():
        return None
    is_denied = bool(approval.decision)
    return approval if is_denied or _stands(approval, _ends(offered.chosen.id, request, session, services)) else None


def _organisations_of(session: Session, services: Services) -> tuple[Organisation, ...]:
    """The organisations of the user, as a list to show: the record that decides is read again."""
    memberships = services.organisations.memberships_of(session.subject, limit=OFFERED).items
    found = services.organisations.get_all(membership.organisation for membership in memberships)
    return tuple(
        sorted((one for one in found.values() if one.status == ACTIVE), key=lambda one: (one.name.casefold(), one.id))
    )


def _companies_offered(organisation: Organisation, request: ValidatedAuthorizationRequest) -> dict[str, str]:
    """The organisation's companies, or those of them that the request names."""
    asked = request.details.entities if request.details else ()
    named = {one: name for one, name in organisation.companies.items() if not asked or one in asked}
    return dict(sorted(named.items(), key=lambda item: (item[1].casefold(), item[0])))


def _may_be_every(request: ValidatedAuthorizationRequest) -> bool:
    """Whether every company may be chosen at once: not where one is wanted, or some were named."""
    is_for_organisations = request.client.preferred_subject_type == "organisation"
    return is_for_organisations and not (request.details and request.details.entities)


def _role(organisation: str, session: Session, services: Services) -> str:
    membership = services.organisations.membership(organisation, session.subject)
    return membership.role if membership else ""


def _is_operator(user: User | None) -> bool:
    return user is not None and user.operator


def _approval(
    request: ValidatedAuthorizationRequest, choice: Choice, session: Session, ends: Ends, services: Services
) -> Approval | None:
    """The administrator's word by which the user may grant this, if it stands and covers it."""
    approval = services.browsers.approval(choice.organisation, request.client.client_id, session.subject)
    if approval is None or approval.decision != ALLOW or approval.expires_at <= services.now():
        return None
    if not _stands(approval, ends):
        return None
    within = choice.entities <= approval.entities or EVERY_ENTITY in approval.entities
    if not within or not are_resources_within(audience_of(request, services), approval.resource):
        return None
    wanted = request.scope - choice.declined
    return approval if wanted <= covered(wanted, approval.scope, services.scopes) else None


def _stands(approval: Approval, ends: Ends) -> bool:
    """Whether nothing has ended what was asked, nor the answer; the member's own password has no part in it."""
    return ends.stand(replace(approval.begun, subject=ends.subject.epoch))
