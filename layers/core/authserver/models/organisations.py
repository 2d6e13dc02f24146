"""Organisations and their members."""

from collections.abc import Iterable, Mapping
from dataclasses import field

from authserver.models import ACTIVE
from authserver.records import dataclass

ADMINISTRATOR, MEMBER = "administrator", "member"
EVERY_ENTITY = "*"  # every company of an organisation, including future ones


@dataclass(frozen=True, slots=True)
class Organisation:
    """A customer with several companies. `companies` maps their identifiers to their names.

    `api_keys` tells whether its administrators may make API keys for it. `version` grows by one with each change.
    """

    id: str
    name: str
    companies: Mapping[str, str] = field(default_factory=dict)
    status: str = ACTIVE
    created_at: int = 0
    version: int = 0
    api_keys: bool = False

    def companies_within(self, entities: Iterable[str]) -> tuple[str, ...]:
        """The companies that `entities` names and that the organisation has."""
        chosen = set(self.companies if EVERY_ENTITY in entities else entities)
        return tuple(sorted(chosen & set(self.companies)))


@dataclass(frozen=True, slots=True)
class Membership:
    """A user's part in an organisation; `role` is `ADMINISTRATOR` or `MEMBER`.

    `epoch` is random, and another one whenever the membership is created or its role changes. So a user who was removed
    and comes back, or was demoted and promoted, gets back nothing from before. `clients` counts, by the client's key,
    how often what this member granted was ended for one client. `groups` have a meaning for applications only, which
    get them as a claim.
    """

    organisation: str
    subject: str
    role: str = MEMBER
    created_at: int = 0
    epoch: str = ""
    clients: Mapping[str, int] = field(default_factory=dict)
    groups: frozenset[str] = frozenset()
