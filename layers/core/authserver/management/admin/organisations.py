"""Organisations, their companies and members, for operators: /admin/organisations."""

from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from authserver.documents import organisation as documents
from authserver.ends import SUSPENDED_DELETED
from authserver.identity.activity import ADMINISTRATOR_MADE, MEMBER_MADE, MEMBERSHIP_ENDED
from authserver.identity.begin import key_text
from authserver.management import Answer, Call, Conflict, Invalid, NotFound, Operation, page_of
from authserver.management.account.members import is_alive, writer_of_invitations
from authserver.management.admin.told import tell
from authserver.management.audited import act
from authserver.management.deletion import order_erasure
from authserver.management.present import Known
from authserver.models.organisations import ADMINISTRATOR, Membership, Organisation
from authserver.models.users import User
from authserver.services import Services
from authserver.storage.erasures import organisation_erasure
from authserver.storage.lists import Page


def list_organisations(call: Call, services: Services) -> Answer:
    """Every organisation, oldest first."""
    return page_of(services.organisations.list(limit=call.limit, cursor=call.cursor), _write)


@act("organisation.created")
def create_organisation(call: Call, services: Services) -> Answer:
    """Adds an organisation."""
    wanted = call.read(documents.NewOrganisation)
    organisation = Organisation(
        id=wanted.id or call.new_identifier(services),
        name=wanted.name,
        companies=wanted.companies,
        api_keys=wanted.api_keys,
        created_at=services.now(),
    )
    services.is_about(organisation.id)
    if not services.organisations.create(organisation):
        organisation = _made_before(call, organisation, services)
    return Answer(201, _write(organisation))


def get_organisation(call: Call, services: Services) -> Answer:
    """An organisation with its companies."""
    return Answer(document=_write(_organisation(call, services)))


@act("organisation.changed", "organisation")
def change_organisation(call: Call, services: Services) -> Answer:
    """Renames, disables or enables an organisation. Disabling ends everything granted for it at once."""
    organisation = _organisation(call, services)
    current = {"name": organisation.name, "status": organisation.status, "api_keys": organisation.api_keys}
    wanted = call.patched(documents.OrganisationChanges, current)
    changes = {name: value for name, value in wanted.model_dump().items() if value != current[name]}
    changed = services.withdrawals.change_organisation(organisation.id, **changes) if changes else organisation
    if changed is None:
        raise NotFound("organisation")
    return Answer(document=_write(changed))


@act("organisation.deleted", "organisation")
def delete_organisation(call: Call, services: Services) -> Answer:
    """Removes an organisation for good, with all that was granted for it; its identifier is never used again.

    That is one write. Its memberships and invitations are removed in the background (`GET /admin/erasures`).
    """
    organisation = call.path["organisation"]
    end = services.tokens.standing(organisation_key=key_text(organisation)).ends.organisation
    if end.suspended != SUSPENDED_DELETED:  # else the call is repeated
        services.withdrawals.delete_organisation(_organisation(call, services).id, services.now())
    order_erasure(organisation_erasure(organisation, key_text), services)
    return Answer()


@act("organisation.company.set", "organisation")
def put_company(call: Call, services: Services) -> Answer:
    """Adds or renames a company."""
    company, wanted = _company(call), call.read(documents.Company)
    organisation = _organisation(call, services)
    if not services.organisations.put_company(organisation.id, company, wanted.name, documents.MAX_COMPANIES):
        raise Conflict("The organisation has as many companies as there may be", reason="too_many")
    return Answer()


@act("organisation.company.removed", "organisation")
def drop_company(call: Call, services: Services) -> Answer:
    """Takes a company out. Tokens reach it no longer: each is compared with the companies that there are."""
    if not services.withdrawals.drop_company(call.path["organisation"], _company(call)):
        raise NotFound("company")
    return Answer()


def list_members(call: Call, services: Services) -> Answer:
    """The members of an organisation, oldest first."""
    organisation = _organisation(call, services)
    page = services.organisations.members_of(organisation.id, limit=call.limit, cursor=call.cursor)
    known = Known(services, (one.subject for one in page.items))
    return page_of(page, lambda one: _write_member(one, known.user(one.subject)))


@act("membership.set", "sub")
def put_member(call: Call, services: Services) -> Answer:
    """Makes a user a member or changes the role, and notifies the user. What a former administrator was issued for it
    is over. Groups may be changed with it, or alone."""
    wanted = call.read(documents.NewRole)
    organisation, sub = _organisation(call, services), call.path["sub"]
    user = services.users.get(sub)
    if user is None:
        raise NotFound("user")
    before, groups = services.organisations.membership(organisation.id, sub), wanted.of_groups
    if before is not None and before.role == wanted.role:
        if groups is not None and groups != before.groups:
            before = _with_groups(before, groups, services)
        return Answer(document=_write_member(before, user))
    since = before.created_at if before else services.now()
    membership = Membership(organisation.id, sub, wanted.role, since, epoch=services.claim())
    services.withdrawals.set_membership(membership, groups)
    made = ADMINISTRATOR_MADE if membership.role == ADMINISTRATOR else MEMBER_MADE
    tell(user, made, services, about=organisation.name)
    had = before.groups if before else frozenset()
    return Answer(document=_write_member(replace(membership, groups=had if groups is None else groups), user))


@act("membership.ended", "sub")
def delete_member(call: Call, services: Services) -> Answer:
    """Ends a membership, and all that the member was issued for the organisation, and notifies the user."""
    organisation, sub = _organisation(call, services), call.path["sub"]
    before, user = services.organisations.membership(organisation.id, sub), services.users.get(sub)
    if before is None:
        raise NotFound("member")
    services.withdrawals.delete_membership(organisation.id, sub)
    if user:
        tell(user, MEMBERSHIP_ENDED, services, about=organisation.name)
    return Answer()


def list_invitations(call: Call, services: Services) -> Answer:
    """The organisation's unanswered invitations, oldest first."""
    organisation = _organisation(call, services)
    page = services.organisations.invitations_of(organisation.id, limit=call.limit, cursor=call.cursor)
    pending = tuple(one for one in page.items if is_alive(one, services))
    return page_of(Page(pending, page.next), writer_of_invitations(pending, services))


@act("invitation.withdrawn", "organisation")
def withdraw_invitation(call: Call, services: Services) -> Answer:
    """Takes an offer back."""
    organisation = _organisation(call, services)
    invitation = services.organisations.invitation(call.path["invitation"])
    if invitation is None or invitation.organisation != organisation.id:
        raise NotFound("invitation")
    services.withdrawals.withdraw_invitation(invitation.id)
    return Answer()


def _with_groups(membership: Membership, groups: frozenset[str], services: Services) -> Membership:
    """The membership with these groups, once they are stored."""
    if not services.organisations.set_groups(membership.organisation, membership.subject, groups):
        raise NotFound("member")
    return replace(membership, groups=groups)


def _write_member(membership: Membership, user: User | None) -> dict[str, Any]:
    """A member, with the user's names."""
    return documents.Member.of(membership, user).model_dump(mode="json")


def _organisation(call: Call, services: Services) -> Organisation:
    organisation = services.organisations.get(call.path["organisation"])
    if organisation is None:
        raise NotFound("organisation")
    return organisation


def _company(call: Call) -> str:
    try:
        return documents.CompanyPath(company=call.path["company"]).company
    except ValidationError:
        raise Invalid("company", "must be 1 to 64 letters, digits and _ . : -") from None


def _made_before(call: Call, organisation: Organisation, services: Services) -> Organisation:
    """The organisation that the same call made before, if it is still what the call asks for. Raises `Conflict`."""
    existing = services.organisations.get(organisation.id) if call.idempotency_key else None
    if existing is None or _asked_of(existing) != _asked_of(organisation):
        raise Conflict("The identifier is taken")
    return existing


def _asked_of(organisation: Organisation) -> tuple[str, dict[str, str], str, bool]:
    """What a create asks for."""
    return organisation.name, dict(organisation.companies), organisation.status, organisation.api_keys


def _write(organisation: Organisation) -> dict[str, Any]:
    return documents.Organisation.of(organisation).model_dump(mode="json")


READ, WRITE = "admin:orgs.read", "admin:orgs.write"
ORGANISATIONS = "/admin/organisations"
ORGANISATION = "/admin/organisations/{organisation}"

OPERATIONS = (
    Operation(
        f"GET {ORGANISATIONS}",
        "List organisations",
        READ,
        list_organisations,
        answer=documents.Organisation,
        is_list=True,
    ),
    Operation(
        f"POST {ORGANISATIONS}",
        "Add an organisation",
        WRITE,
        create_organisation,
        body=documents.NewOrganisation,
        answer=documents.Organisation,
        status=201,
        is_create=True,
    ),
    Operation(f"GET {ORGANISATION}", "Read an organisation", READ, get_organisation, answer=documents.Organisation),
    Operation(
        f"PATCH {ORGANISATION}",
        "Rename, disable or enable an organisation",
        WRITE,
        change_organisation,
        body=documents.OrganisationChanges,
        answer=documents.Organisation,
    ),
    Operation(f"DELETE {ORGANISATION}", "Delete an organisation", WRITE, delete_organisation, status=204),
    Operation(
        f"PUT {ORGANISATION}/companies/{{company}}",
        "Add or rename a company",
        WRITE,
        put_company,
        body=documents.Company,
        status=204,
    ),
    Operation(f"DELETE {ORGANISATION}/companies/{{company}}", "Take a company out", WRITE, drop_company, status=204),
    Operation(f"GET {ORGANISATION}/members", "List members", READ, list_members, answer=documents.Member, is_list=True),
    Operation(
        f"PUT {ORGANISATION}/members/{{sub}}",
        "Add a member, or change the role or the groups",
        WRITE,
        put_member,
        body=documents.NewRole,
        answer=documents.Member,
    ),
    Operation(f"DELETE {ORGANISATION}/members/{{sub}}", "End a membership", WRITE, delete_member, status=204),
    Operation(
        f"GET {ORGANISATION}/invitations",
        "List invitations that wait for an answer",
        READ,
        list_invitations,
        answer=documents.Invitation,
        is_list=True,
    ),
    Operation(
        f"DELETE {ORGANISATION}/invitations/{{invitation}}",
        "Withdraw an invitation",
        WRITE,
        withdraw_invitation,
        status=204,
    ),
)
