"""Invitations of organisations to users, and what members ask administrators to approve."""

from dataclasses import field

from authserver.ends import Begun
from authserver.records import dataclass
from authserver.values import Scope


@dataclass(frozen=True, slots=True)
class Invitation:
    """An administrator's offer of a membership to the user who is known here by `name`.

    That is a login name or a verified e-mail address, as `values.normalised_username` writes it. Such a user need not
    exist. There is one invitation for an organisation and a name, and `id` stands for both. It was `begun` in an era of
    the deployment, under the membership of its sender, and stands while both are unchanged.
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
    """A member's request that an administrator of the organisation allow a client more than the member may.

    There is one for an organisation, a client and a member. `decision` is `allow` or `deny` after an administrator has
    answered. `begun` are the epochs under which it was asked and answered, with the administrator who answered as its
    approver.
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
