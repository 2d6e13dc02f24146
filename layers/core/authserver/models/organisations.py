"""Organisations, their members, and what an administrator is asked for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from authserver.ends import Begun
from authserver.models import ACTIVE
from authserver.values import Scope

ADMINISTRATOR, MEMBER = "administrator", "member"
EVERY_ENTITY = "*"  # every company of an organisation, those to come among them


@dataclass(frozen=True, slots=True)
class Organisation:
    """A customer with several companies. `companies` maps their identifiers to their names.

    `version` grows by one with each change.
    """

    id: str
    name: str
    companies: Mapping[str, str] = field(default_factory=dict)
    status: str = ACTIVE
    created_at: int = 0
    version: int = 0

    def companies_within(self, entities: Iterable[str]) -> tuple[str, ...]:
        """The companies that `entities` names and that the organisation has."""
        chosen = set(self.companies if EVERY_ENTITY in entities else entities)
        return tuple(sorted(chosen & set(self.companies)))


@dataclass(frozen=True, slots=True)
class Membership:
    """A user's part in an organisation; `role` is `ADMINISTRATOR` or `MEMBER`.

    `epoch` is random, and another one whenever the membership is made or its role changes: whoever was removed and
    comes back, or was demoted and promoted, gets nothing back of before. `clients` counts, by the client's key, what of
    this member's was ended for one client alone.
    """

    organisation: str
    subject: str
    role: str = MEMBER
    created_at: int = 0
    epoch: str = ""
    clients: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Invitation:
    """An administrator's offer of a membership to whoever is known here by `name`.

    That is a login name, or an e-mail address that was verified, as `values.normalised_username` writes it; nobody has
    looked whether there is such a person. There is one for an organisation and a name, and `id` stands for both. It was
    `begun` in an era of the deployment, under the membership of who sent it, and stands while both are as they were.
    """

    id: str
    organisation: str
    name: str = field(repr=False)
    role: str
    invited_by: str
    created_at: int
    expires_at: int
    begun: Begun = Begun()


@dataclass(frozen=True, slots=True)
class Approval:
    """A member's wish that an administrator of the organisation allow a client more than the member may.

    There is one for an organisation, a client and a member. `decision` is `allow` or `deny` once somebody answered.
    `begun` is what it was asked and answered under, with the administrator who answered as its approver.
    """

    organisation: str
    client_id: str
    subject: str
    scope: Scope
    resource: tuple[str, ...]
    entities: frozenset[str]
    created_at: int
    expires_at: int
    decision: str = ""
    decided_by: str = ""
    decided_at: int = 0
    begun: Begun = Begun()
