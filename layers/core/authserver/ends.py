"""Ends: everything that begins stores the counters that it began under, and stands while they are unchanged.

A subject, a client and an organisation each have an *end*: an item with an ``epoch``. Each withdrawal raises the epoch
in the same write. A session, an authorization, a consent, a link in a mail or an access token stores the epochs that it
began under (`Begun`), and a check compares them with the present ones, for equality. No clock takes part, so the clocks
of two functions may differ by minutes. A single token is marked instead, for longer than it lives (`FORGOTTEN_AFTER`).

An end that was never written has epoch 0. Ends are never removed: that of a deleted user stays, suspended, and the
identifier is not used again.
"""

from collections.abc import Mapping
from dataclasses import field, fields
from operator import attrgetter, gt

from authserver.records import dataclass
from authserver.values import Scope

# Why nothing of a subject, a client or an organisation stands now: `SUSPENDED_DELETED` is for good.
SUSPENDED_DISABLED, SUSPENDED_DELETED = "disabled", "deleted"

# Seconds. What marks that something was taken away is forgotten only so long after the thing itself has expired: by
# then it has for every function, since each clock differs from the right time by at most `CLOCK_SKEW`.
CLOCK_SKEW = 300
FORGOTTEN_AFTER = 2 * CLOCK_SKEW

EVERY_CLIENT = "*"  # where `SubjectEnd.grants` counts what ended for all clients at once; the key of none


@dataclass(frozen=True, slots=True)
class Begun:
    """The epochs under which something began, each 0 or empty where it does not apply.

    `era` is the deployment's. `grant` counts what ended between the subject and the client, `installation` between the
    organisation and the client, `member_grant` between the member and the client. `membership` is random: it is drawn
    anew whenever a membership is created or its role changes. `approver` is the key of the administrator by whose
    approval this was granted, and `approval` counts how often that administrator ceased to be one; `widener` and
    `widening` say the same of the administrator who added companies afterwards.
    """

    era: str = ""
    subject: int = 0
    client: int = 0
    grant: int = 0
    organisation: int = 0
    installation: int = 0
    membership: str = ""
    member_grant: int = 0
    approver: str = ""
    approval: int = 0
    widener: str = ""
    widening: int = 0

    def as_attributes(self) -> dict[str, int | str]:
        """Those that are not 0 or empty, by name: what is stored, and what a token says."""
        return {name: value for name in COUNTERS if (value := getattr(self, name))}

    def joined_with(self, other: "Begun") -> "Begun":
        """These epochs, and those of `other` where these have none."""
        return Begun(**{name: getattr(self, name) or getattr(other, name) for name in COUNTERS})

    def is_after(self, present: "Begun") -> bool:
        """Whether a counter is greater than the present one.

        Such a counter was read from one item of a transaction while another did not show it yet.
        """
        return any(map(gt, _numbers_of(self), _numbers_of(present)))


NOTHING = Begun()  # what nothing can end
COUNTERS = tuple(one.name for one in fields(Begun))
_numbers_of = attrgetter(*(one.name for one in fields(Begun) if one.type is int))


@dataclass(frozen=True, slots=True)
class Deployment:
    """What ends everything at once, and the versions of what every function remembers.

    `era` is 128 random bits, drawn anew by an operator's `end everything`; a restored backup cannot repeat it. `keys`
    counts the withdrawals of keys, `catalogue` the versions of the scope catalogue, `resources` those of the stored
    resources. `source_key` is what the audit's hashes of addresses are made with, empty until it was drawn.
    """

    era: str = ""
    keys: int = 0
    catalogue: int = 0
    resources: int = 0
    source_key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class SubjectEnd:
    """The end of a user. `sessions` counts how often all browsers were signed out while applications stayed connected,
    `api_keys` how often all API keys were ended.

    `grants` counts what ended for each client, by its key, and for `EVERY_CLIENT`. `operator` tells whether the user is
    one: only then scopes that operators alone grant are worth anything.
    """

    epoch: int = 0
    sessions: int = 0
    suspended: str = ""
    operator: bool = False
    grants: Mapping[str, int] = field(default_factory=dict)
    api_keys: int = 0

    def grant(self, client_key: str) -> int:
        """The epoch of what the subject granted a client, 0 without one.

        Neither count ever decreases, so the epoch never has an earlier value again.
        """
        return self.grants.get(client_key, 0) + self.grants.get(EVERY_CLIENT, 0) if client_key else 0


@dataclass(frozen=True, slots=True)
class ClientEnd:
    """The end of a client. `version` is that of its record; `scope` is what it may have now, and `acts_for_itself`
    whether it may have a token of its own. They are None and true if the client has not been changed since it was
    registered, since it cannot have more than it was registered for."""

    epoch: int = 0
    suspended: str = ""
    version: int = 0
    scope: Scope | None = None
    acts_for_itself: bool = True


@dataclass(frozen=True, slots=True)
class OrganisationEnd:
    """The end of an organisation. `clients` has the epoch for each client, `approvers` for each former
    administrator."""

    epoch: int = 0
    suspended: str = ""
    version: int = 0
    clients: Mapping[str, int] = field(default_factory=dict)
    approvers: Mapping[str, int] = field(default_factory=dict)
