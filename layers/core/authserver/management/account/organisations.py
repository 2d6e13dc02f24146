"""The user's organisations, and what their members connected to them: /account/organisations."""

from dataclasses import replace

from authserver.documents import authorization as documents
from authserver.documents import organisation as organisations
from authserver.identity.begin import key_text
from authserver.management import Answer, Call, Conflict, Invalid, NotFound, Operation, Problem, page_of
from authserver.management.account.acting import (
    acting_user,
    administered,
    administrators_word,
    client_of,
    for_itself,
    membership_in,
    organisation_of,
)
from authserver.management.account.granted import alive_among, described, grants_by_client, grants_of
from authserver.management.audited import act
from authserver.management.present import Known, PresentEnds
from authserver.models.organisations import ADMINISTRATOR, EVERY_ENTITY, Membership, Organisation
from authserver.models.tokens import Authorization
from authserver.services import Services
from authserver.storage.lists import Page

NAMED = 20  # administrators that are listed as a member's contacts


def list_organisations(call: Call, services: Services) -> Answer:
    """The organisations that the user is a member of, with the role."""
    user = acting_user(call, services)
    page = services.organisations.memberships_of(user.sub, limit=call.limit, cursor=call.cursor)
    found = services.organisations.get_all(membership.organisation for membership in page.items)
    members = tuple((one, found[one.organisation]) for one in page.items if one.organisation in found)
    return page_of(Page(members, page.next), lambda one: organisations.OwnMembership.of(*one).model_dump(mode="json"))


def get_organisation(call: Call, services: Services) -> Answer:
    """An organisation that the user is a member of: its companies, and its administrators as contacts."""
    user, organisation = acting_user(call, services), organisation_of(call, services)
    own = membership_in(organisation, user, services)
    administrators = [
        one.subject for one in services.organisations.administrators_of(organisation.id, limit=NAMED).items
    ]
    known = Known(services, administrators)
    counted = services.organisations.members_counted(organisation.id) if own.role == ADMINISTRATOR else None
    document = organisations.OwnOrganisation(
        **organisations.OwnMembership.of(own, organisation).model_dump(),
        administrators=tuple(map(known.name, administrators)),
        members=counted.number if counted else None,
        are_more_members=counted.are_more if counted else None,
    )
    return Answer(document=document.model_dump(mode="json"))


def list_applications_of_organisation(call: Call, services: Services) -> Answer:
    """What members granted to applications for the organisation.

    A part of the list is of so many grants, the newest first and those that are over among them, and has an application
    once: with its grants in this part. Another part may have the same application again, with others.
    """
    organisation = administered(call, services)
    page = services.tokens.authorizations(
        organisation=organisation.id, limit=call.limit, cursor=call.cursor, newest_first=True
    )
    alive = tuple(alive_among(page.items, PresentEnds(services, page.items), services))
    by_client = grants_by_client(alive)
    known = Known(services, (one.subject for one in alive), by_client)
    items = [
        documents.ConnectedApplication(**described(client_id, known), grants=grants_of(grants, known, services))
        for client_id, grants in by_client.items()
    ]
    items.sort(key=lambda one: (one.name, one.client_id))
    return page_of(Page(tuple(items), page.next), lambda one: one.model_dump(mode="json"))


@act("application.disconnected", "client_id")
def disconnect_application_of_organisation(call: Call, services: Services) -> Answer:
    """Ends all that members granted an application for the organisation; it has to ask each again."""
    organisation, client = administered(call, services), client_of(call, services)
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


def _widened(
    authorization: Authorization, wanted: frozenset[str], call: Call, services: Services
) -> Authorization | None:
    """With more companies, for as long as the administrator who adds them stays one."""
    membership, count = administrators_word(call, authorization.organisation, services)
    begun = replace(authorization.begun, widener=key_text(call.subject), widening=count)
    return services.tokens.widen(authorization, wanted, membership, begun)


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
        raise for_itself()


READ, WRITE = "organisation.read", "organisation.write"
ORGANISATION = "/account/organisations/{organisation}"

OPERATIONS = (
    Operation(
        "GET /account/organisations",
        "List one's organisations",
        READ,
        list_organisations,
        answer=organisations.OwnMembership,
        is_list=True,
    ),
    Operation(
        f"GET {ORGANISATION}",
        "Read one of one's organisations",
        READ,
        get_organisation,
        answer=organisations.OwnOrganisation,
    ),
    Operation(
        f"GET {ORGANISATION}/applications",
        "List an organisation's connected applications",
        READ,
        list_applications_of_organisation,
        answer=documents.ConnectedApplication,
        is_list=True,
    ),
    Operation(
        f"DELETE {ORGANISATION}/applications/{{client_id}}",
        "Disconnect an application from an organisation",
        WRITE,
        disconnect_application_of_organisation,
        status=204,
    ),
    Operation(
        f"PUT {ORGANISATION}/authorizations/{{id}}/companies",
        "Change the companies that an application reaches",
        WRITE,
        set_companies,
        body=documents.Companies,
        answer=documents.Authorization,
    ),
)
