"""The members of an organisation, for its administrators, and invitations, for their recipients.

There is always an administrator left: each write that takes one away has, as its condition, another who is one at that
instant. An invitation is for a name; the server does not look whether a user has it, so no administrator can find
out who has an account here, and a user becomes a member only by accepting.
"""

from collections.abc import Callable, Iterable
from typing import Any

from authserver.documents import organisation as documents
from authserver.ends import Begun
from authserver.management import Answer, Call, Conflict, NotFound, Operation, page_of
from authserver.management.account.acting import (
    acting_user,
    administered,
    administration,
    membership_in,
    not_administrator,
    organisation_of,
)
from authserver.management.audited import SELF, act
from authserver.management.present import Known
from authserver.models import ACTIVE
from authserver.models.invitations import Invitation
from authserver.models.organisations import ADMINISTRATOR, Membership, Organisation
from authserver.models.users import User
from authserver.services import Services
from authserver.tokens.opaque import key_of
from authserver.values import base64url, normalised_username

INVITATION_LIFETIME = 14 * 86_400
MAX_INVITATIONS = 100  # that wait for an answer, of one organisation
TRIED = 20  # administrators one of whom has to stay one while another goes


def list_members(call: Call, services: Services) -> Answer:
    """The members of the organisation, oldest first."""
    organisation = administered(call, services)
    page = services.organisations.members_of(organisation.id, limit=call.limit, cursor=call.cursor)
    known = Known(services, (one.subject for one in page.items))
    return page_of(page, lambda one: _write(one, known.user(one.subject)))


def get_member(call: Call, services: Services) -> Answer:
    """A member of the organisation."""
    organisation = administered(call, services)
    return Answer(document=_write_one(_member(organisation, call.path["sub"], services), services))


@act("membership.set", "sub")
def change_role(call: Call, services: Services) -> Answer:
    """Makes a member an administrator or an administrator a member, who loses what they granted as the former; and
    changes the groups, which ends nothing."""
    wanted = call.read(documents.NewRole)
    organisation, subject = administered(call, services), call.path["sub"]
    membership = _member(organisation, subject, services)
    groups = wanted.of_groups
    if wanted.role != membership.role:
        changed = Membership(organisation.id, subject, wanted.role, membership.created_at, epoch=services.claim())
        _while_another_administers(
            call, organisation, services, lambda witness: services.withdrawals.change_role(changed, witness, groups)
        )
    elif groups is not None and groups != membership.groups:
        _set_groups(call, organisation, groups, services)
    return Answer(document=_write_one(_member(organisation, subject, services), services))


@act("membership.groups.set", "sub")
def change_groups(call: Call, services: Services) -> Answer:
    """Changes a member's groups alone, whatever the role is now: for the page, which shows one that may be over."""
    groups = frozenset(call.read(documents.NewGroups).groups)
    organisation = administered(call, services)
    _set_groups(call, organisation, groups, services)
    return Answer(document=_write_one(_member(organisation, call.path["sub"], services), services))


@act("membership.ended", "sub")
def end_membership(call: Call, services: Services) -> Answer:
    """Ends a membership, and all that the member granted for the organisation. Every member may end their own."""
    user, organisation, subject = acting_user(call, services), organisation_of(call, services), call.path["sub"]
    own = membership_in(organisation, user, services)
    if own.role == ADMINISTRATOR:
        _member(organisation, subject, services)
        _while_another_administers(
            call,
            organisation,
            services,
            lambda witness: services.withdrawals.end_membership(organisation.id, subject, witness),
        )
    elif subject != user.sub:
        raise not_administrator()
    elif not services.withdrawals.end_membership(organisation.id, subject, witness=""):
        raise Conflict("Your role was changed meanwhile")
    return Answer()


def _set_groups(call: Call, organisation: Organisation, groups: frozenset[str], services: Services) -> None:
    """Changes the groups by the word of the acting user, who has to be an administrator when it is written."""
    if not services.organisations.set_groups(organisation.id, call.path["sub"], groups, witness=call.subject):
        administered(call, services)
        raise NotFound("member")


# ------------------------------------------------------------------ invitations


def list_invitations(call: Call, services: Services) -> Answer:
    """What the organisation offers, oldest first, what has expired or ended among it."""
    organisation = administered(call, services)
    page = services.organisations.invitations_of(organisation.id, limit=call.limit, cursor=call.cursor)
    return page_of(page, writer_of_invitations(page.items, services))


@act("invitation.made", "organisation")
def invite(call: Call, services: Services) -> Answer:
    """Offers a membership to the user with this username or this verified e-mail address, if there is one."""
    wanted = call.read(documents.NewInvitation)
    organisation, own = administration(call, services)
    name, now = normalised_username(wanted.name), services.now()
    invitation = Invitation(
        id=base64url(key_of(organisation.id) + key_of(name)),
        organisation=organisation.id,
        name=name,
        role=wanted.role,
        invited_by=call.subject,
        created_at=now,
        expires_at=now + INVITATION_LIFETIME,
        begun=Begun(era=services.deployment().era, membership=own.epoch),
    )
    if len(services.organisations.invitations_of(organisation.id, limit=MAX_INVITATIONS).items) >= MAX_INVITATIONS:
        raise Conflict("There are too many invitations; withdraw some first", reason="too_many")
    services.organisations.invite(invitation)
    return Answer(201, writer_of_invitations((invitation,), services)(invitation))


@act("invitation.withdrawn", "organisation")
def withdraw_invitation(call: Call, services: Services) -> Answer:
    """Takes an offer back."""
    organisation = administered(call, services)
    invitation = services.organisations.invitation(call.path["invitation"])
    if invitation is None or invitation.organisation != organisation.id:
        raise NotFound("invitation")
    services.withdrawals.withdraw_invitation(invitation.id)
    return Answer()


def list_own_invitations(call: Call, services: Services) -> Answer:
    """What organisations offer the user."""
    user = acting_user(call, services)
    offered = [one for name in user.invited_as for one in services.organisations.invitations_for(name).items]
    alive = [one for one in offered if is_alive(one, services)]
    found = services.organisations.get_all(one.organisation for one in alive)
    known = Known(services, (one.invited_by for one in alive))
    items = tuple(
        _write_own_invitation(one, organisation, known)
        for one in alive
        if (organisation := found.get(one.organisation)) and organisation.status == ACTIVE
    )
    return Answer(document=documents.OwnInvitations(items=items).model_dump(mode="json"))


@act("invitation.answered", SELF)
def answer_invitation(call: Call, services: Services) -> Answer:
    """Makes the user a member, or takes the offer from the table."""
    wanted, user = call.read(documents.InvitationAnswer), acting_user(call, services)
    invitation = services.organisations.invitation(call.path["invitation"])
    if invitation is None or invitation.name not in user.invited_as or not is_alive(invitation, services):
        raise NotFound("invitation")
    if wanted.decision == "decline":
        services.withdrawals.withdraw_invitation(invitation.id)
        return Answer()
    organisation = services.organisations.get(invitation.organisation)
    if organisation is None or organisation.status != ACTIVE:
        raise NotFound("invitation")
    now = services.now()
    membership = Membership(organisation.id, user.sub, invitation.role, now, epoch=services.claim())
    if not services.organisations.accept_invitation(invitation, membership, now):
        if services.organisations.membership(organisation.id, user.sub) is None:
            raise Conflict("The invitation no longer stands")
        services.withdrawals.withdraw_invitation(invitation.id)  # a member keeps the role
    return Answer()


def is_alive(invitation: Invitation, services: Services) -> bool:
    """Whether it has neither expired nor ended with its era; who sent it is looked at when it is accepted."""
    return invitation.expires_at > services.now() and invitation.begun.era == services.deployment().era


# ------------------------------------------------------------------ members


def _member(organisation: Organisation, subject: str, services: Services) -> Membership:
    membership = services.organisations.membership(organisation.id, subject)
    if membership is None:
        raise NotFound("member")
    return membership


def _while_another_administers(
    call: Call, organisation: Organisation, services: Services, write: Callable[[str], bool]
) -> None:
    """Does a write that takes an administrator other than the one that it is about.

    For others that is the acting user, who has to be one still when it is written. About oneself, any other
    administrator will do; the list only says which to try. Raises `Problem`.
    """
    if call.path["sub"] != call.subject:
        if not write(call.subject):
            administered(call, services)
            raise NotFound("member")
        return
    others = services.organisations.administrators_of(organisation.id, limit=TRIED).items
    if not any(write(one.subject) for one in others if one.subject != call.subject):
        raise Conflict("An organisation needs an administrator; make somebody else one first", reason="last_one")


# ------------------------------------------------------------------ writing


def _write_one(membership: Membership, services: Services) -> dict[str, Any]:
    return _write(membership, services.users.get(membership.subject))


def _write(membership: Membership, user: User | None) -> dict[str, Any]:
    """A member, by what the account is known as: who signs in through an identity provider has no username."""
    member = documents.Member.of(membership, user)
    return {**member.model_dump(mode="json"), "username": user.known_as if user else ""}


def writer_of_invitations(
    invitations: Iterable[Invitation], services: Services
) -> Callable[[Invitation], dict[str, Any]]:
    """Writes each of these offers, as who may take it back sees it."""
    known = Known(services, (one.invited_by for one in invitations))

    def write(invitation: Invitation) -> dict[str, Any]:
        return documents.Invitation.of_record(
            invitation,
            role=documents.role_of(invitation),
            invited_by=known.name(invitation.invited_by),
        ).model_dump(mode="json")

    return write


def _write_own_invitation(invitation: Invitation, organisation: Organisation, known: Known) -> documents.OwnInvitation:
    return documents.OwnInvitation.of_record(
        invitation,
        organisation=organisation.id,
        organisation_name=organisation.name,
        role=documents.role_of(invitation),
        invited_by=known.name(invitation.invited_by),
    )


READ, WRITE = "organisation.read", "organisation.write"
ORGANISATION = "/account/organisations/{organisation}"
INVITATIONS = "/account/invitations"

OPERATIONS = (
    Operation(
        f"GET {ORGANISATION}/members",
        "List the members of an organisation",
        READ,
        list_members,
        answer=documents.Member,
        is_list=True,
    ),
    Operation(f"GET {ORGANISATION}/members/{{sub}}", "Read a member", READ, get_member, answer=documents.Member),
    Operation(
        f"PUT {ORGANISATION}/members/{{sub}}",
        "Change a member's role or groups",
        WRITE,
        change_role,
        body=documents.NewRole,
        answer=documents.Member,
    ),
    Operation(f"DELETE {ORGANISATION}/members/{{sub}}", "Remove a member, or leave", WRITE, end_membership, status=204),
    Operation(
        f"GET {ORGANISATION}/invitations",
        "List an organisation's invitations",
        READ,
        list_invitations,
        answer=documents.Invitation,
        is_list=True,
    ),
    Operation(
        f"POST {ORGANISATION}/invitations",
        "Invite somebody to an organisation",
        WRITE,
        invite,
        body=documents.NewInvitation,
        answer=documents.Invitation,
        status=201,
    ),
    Operation(
        f"DELETE {ORGANISATION}/invitations/{{invitation}}",
        "Withdraw an invitation",
        WRITE,
        withdraw_invitation,
        status=204,
    ),
    Operation(
        f"GET {INVITATIONS}",
        "List one's invitations",
        READ,
        list_own_invitations,
        answer=documents.OwnInvitations,
    ),
    Operation(
        f"PUT {INVITATIONS}/{{invitation}}",
        "Accept or decline an invitation",
        WRITE,
        answer_invitation,
        body=documents.InvitationAnswer,
        status=204,
    ),
)
