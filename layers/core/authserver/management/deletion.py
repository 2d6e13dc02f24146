"""Deleting a user: by an operator, or by the user alone, who has to hand over first what has no other administrator.

The deletion is one write. It has room for few memberships of an administrator: a user who administers more
organisations is taken out of them before, one by one. What the deletion leaves to be removed is ordered then, and is
done by the next scheduled run if the order gets lost.
"""

from collections.abc import Iterator
from contextlib import suppress

from authserver.errors import TemporarilyUnavailable
from authserver.identity.begin import key_text
from authserver.models import ACTIVE
from authserver.models.organisations import ADMINISTRATOR, Membership, Organisation
from authserver.models.users import User
from authserver.records import dataclass
from authserver.services import Services
from authserver.storage.withdrawals import Others

FITTING = 3  # administrator's memberships that the deletion itself has room for
LED = 40  # organisations that one deletion can hand over
LOOKED_AT = 100  # memberships, operators
WITNESSES = 5  # administrators of an organisation, the user among them


@dataclass(frozen=True, slots=True)
class Handover:
    """The other administrators of what a user administers, and what would have none left.

    `is_last_operator`: there is no other operator. `organisations` are those without another administrator; not
    those that are disabled, where no user can be made an administrator, and which only an operator brings back.
    `is_too_much`: the user is in more organisations than one deletion can hand over, and has to leave some before.
    """

    others: Others
    is_last_operator: bool
    organisations: tuple[Organisation, ...]
    is_too_much: bool = False

    @property
    def is_done(self) -> bool:
        """Whether a successor remains for each role and object."""
        return not self.is_last_operator and not self.organisations and not self.is_too_much


def handover_of(user: User, services: Services) -> Handover:
    """As the lists have it; the deletion itself is on the condition that the others are there."""
    operator = _another_operator(user, services) if user.operator else ""
    memberships = services.organisations.memberships_of(user.sub, limit=LOOKED_AT)
    led = [one.organisation for one in memberships.items if one.role == ADMINISTRATOR]
    found = services.organisations.get_all(led[:LED])
    needed = {one: record for one, record in found.items() if record.status == ACTIVE}
    administrators = {one: _another_administrator(one, user, services) if one in needed else "" for one in led[:LED]}
    last_of = (record for one, record in needed.items() if not administrators[one])
    return Handover(
        Others(operator, administrators),
        is_last_operator=user.operator and not operator,
        organisations=tuple(sorted(last_of, key=lambda one: one.name)),
        is_too_much=len(led) > LED or memberships.next is not None,
    )


def delete(user: User, services: Services, others: Others | None = None) -> bool:
    """Deletes the user, and orders the erasure of what is left; False if the `others` are not there, or not enough."""
    if not _has_left(user, services, others):
        return False
    if not services.withdrawals.delete_user(user.sub, services.now(), others):
        return False
    order_erasure(key_text(user.sub), services)
    return True


def _has_left(user: User, services: Services, others: Others | None) -> bool:
    """Whether the user administers no more than fits into the deletion: a membership that outlived it would count as
    that of an administrator, and what its owner approved would stand. False if a named successor is gone."""
    led = [one.organisation for one in _memberships(user, services) if one.role == ADMINISTRATOR]
    if len(led) <= FITTING:
        return True
    from authserver.identity.audit import of_its_own  # hardly any user administers so many

    for organisation in led:
        witness = others.administrators.get(organisation, "") if others else ""
        withdrawals = of_its_own(services, "membership.ended", organisation).withdrawals
        if not witness:
            withdrawals.delete_membership(organisation, user.sub)
        elif not withdrawals.end_membership(organisation, user.sub, witness):
            return False
    return True


def _memberships(user: User, services: Services) -> Iterator[Membership]:
    """All of them, part by part: only an operator deletes a user of more organisations than one part has."""
    page = services.organisations.memberships_of(user.sub, limit=LOOKED_AT)
    yield from page.items
    while page.next:
        page = services.organisations.memberships_of(user.sub, limit=LOOKED_AT, cursor=page.next)
        yield from page.items


def order_erasure(key: str, services: Services) -> None:
    """Has begun at once what a deletion has left, by its key; if the order gets lost, a scheduled run finds it."""
    if services.order_erasure is not None:
        with suppress(TemporarilyUnavailable):
            services.order_erasure(key)


def _another_operator(user: User, services: Services) -> str:
    operators = services.users.operators(limit=LOOKED_AT).items
    able = (one.sub for one in operators if one.sub != user.sub and one.operator and one.status == ACTIVE)
    return next(able, "")


def _another_administrator(organisation: str, user: User, services: Services) -> str:
    administrators = services.organisations.administrators_of(organisation, limit=WITNESSES).items
    return next((one.subject for one in administrators if one.subject != user.sub), "")
