"""What members asked the administrators of an organisation to allow, by which applications act for it."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from authserver.documents import authorization as documents
from authserver.identity.begin import key_text
from authserver.management import Answer, Call, Conflict, NotFound, Operation, page_of
from authserver.management.account.acting import (
    acting_user,
    administered,
    administrators_word,
    for_itself,
    membership_in,
    not_administrator,
    organisation_of,
)
from authserver.management.account.granted import permissions, verification
from authserver.management.audited import act
from authserver.management.present import Known, PresentEnds
from authserver.models.invitations import Approval
from authserver.models.organisations import ADMINISTRATOR, Organisation
from authserver.services import Services
from authserver.storage.lists import Page
from authserver.values import base64url, from_base64url, sha256

ALLOW = "allow"
APPROVAL_KEPT = 30 * 86_400  # at least; an answer holds for as long as a consent is remembered


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
        raise for_itself()
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
        raise for_itself()
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
    membership, count = administrators_word(call, approval.organisation, services)
    begun = replace(approval.begun, approver=key_text(call.subject), approval=count)
    services.browsers.answer_approval(approval, decision, membership, begun, now, end)


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
            "verification": verification(client),
            "sub": approval.subject,
            "username": known.username(approval.subject),
            "permissions": permissions(approval.scope, services),
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


READ, WRITE = "organisation.read", "organisation.write"
APPROVALS = "/account/organisations/{organisation}/approvals"

OPERATIONS = (
    Operation(
        f"GET {APPROVALS}",
        "List what members asked for",
        READ,
        list_approvals,
        answer=documents.Approval,
        is_list=True,
    ),
    Operation(
        f"GET {APPROVALS}/{{approval}}",
        "Read what a member asked for",
        READ,
        get_approval,
        answer=documents.Approval,
    ),
    Operation(
        f"PUT {APPROVALS}/{{approval}}",
        "Allow or deny what a member asked for",
        WRITE,
        answer_approval,
        body=documents.Decision,
        answer=documents.Approval,
    ),
    Operation(
        f"DELETE {APPROVALS}/{{approval}}",
        "Take back what was asked or answered",
        WRITE,
        withdraw_approval,
        status=204,
    ),
)
