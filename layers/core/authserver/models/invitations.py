"""What people offer and ask of each other in organisations."""

from dataclasses import field

from authserver.ends import Begun
from authserver.records import dataclass
from authserver.values import Scope


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
