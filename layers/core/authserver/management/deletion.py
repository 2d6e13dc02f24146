"""Deleting a user: by an operator, or by the user alone, who has to hand over first what nobody else looks after.

The deletion is one write. What it leaves to be removed is ordered then, and is done by the next scheduled run if the
order gets lost.
"""

from contextlib import suppress

from authserver.errors import TemporarilyUnavailable
from authserver.identity.begin import key_text
from authserver.management.pages import everything
from authserver.models import ACTIVE
from authserver.models.organisations import ADMINISTRATOR, Organisation
from authserver.models.users import User
from authserver.records import dataclass
from authserver.services import Services
from authserver.storage.withdrawals import Others


@dataclass(frozen=True, slots=True)
class Handover:
    """Who is left where a user goes, and what nobody would be left for.

    `is_last_operator`: nobody else could run this server. `organisations` are those that nobody else administers.
    """

    others: Others
    is_last_operator: bool
    organisations: tuple[Organisation, ...]

    @property
    def is_done(self) -> bool:
        """Whether somebody is left for all of it."""
        return not self.is_last_operator and not self.organisations


def handover_of(user: User, services: Services) -> Handover:
    """As the lists have it; the deletion itself is on the condition that the others are there."""
    operator = _another_operator(user, services) if user.operator else ""
    administrators: dict[str, str] = {}
    last_of = []
    for organisation in _administered(user, services):
        record = services.organisations.get(organisation)
        administrators[organisation] = _another_administrator(organisation, user, services) if record else ""
        if record and not administrators[organisation]:
            last_of.append(record)
    return Handover(
        Others(operator, administrators),
        is_last_operator=user.operator and not operator,
        organisations=tuple(sorted(last_of, key=lambda one: one.name)),
    )


def delete(user: User, services: Services, others: Others | None = None) -> bool:
    """Deletes the user, and orders the erasure of what is left; False if the `others` are not there, or not enough."""
    if not services.withdrawals.delete_user(user.sub, services.now(), others):
        return False
    if services.order_erasure is not None:
        with suppress(TemporarilyUnavailable):  # the next scheduled run finds it
            services.order_erasure(key_text(user.sub))
    return True


def _another_operator(user: User, services: Services) -> str:
    operators = everything(lambda cursor: services.users.operators(limit=100, cursor=cursor))
    able = (one.sub for one in operators if one.sub != user.sub and one.operator and one.status == ACTIVE)
    return next(able, "")


def _administered(user: User, services: Services) -> list[str]:
    memberships = everything(lambda cursor: services.organisations.memberships_of(user.sub, limit=100, cursor=cursor))
    return [one.organisation for one in memberships if one.role == ADMINISTRATOR]


def _another_administrator(organisation: str, user: User, services: Services) -> str:
    members = everything(lambda cursor: services.organisations.members_of(organisation, limit=100, cursor=cursor))
    return next((one.subject for one in members if one.subject != user.sub and one.role == ADMINISTRATOR), "")
