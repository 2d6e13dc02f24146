"""Organisations, their companies and members, as the APIs read and write them."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints

from authserver.documents import Document, Identifier, Status, Text, status_of
from authserver.models.invitations import Invitation as StoredInvitation
from authserver.models.organisations import ADMINISTRATOR, Membership
from authserver.models.organisations import Organisation as StoredOrganisation
from authserver.models.users import User

MAX_COMPANIES = 500
MAX_GROUPS = 20  # of a member

type Role = Literal["administrator", "member"]

Group = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:/-]{1,64}$")]
CompanyId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]{1,64}$")]


class Organisation(Document):
    """A customer, with the names of its companies by their identifiers."""

    id: str
    name: str
    companies: dict[str, str]
    status: Status
    api_keys: bool = Field(description="Whether its administrators may make API keys for it")
    created_at: int

    @classmethod
    def of(cls, organisation: StoredOrganisation) -> Self:
        return cls.of_record(
            organisation,
            companies=dict(sorted(organisation.companies.items())),
            status=status_of(organisation.status),
        )


class NewOrganisation(Document):
    """An organisation to be."""

    id: Identifier | None = None
    name: Text
    companies: dict[CompanyId, Text] = Field(default={}, max_length=MAX_COMPANIES)
    api_keys: bool = Field(default=False, description="Whether its administrators may make API keys for it")


class OrganisationChanges(Document):
    """What can be changed of an organisation itself."""

    name: Text
    status: Status
    api_keys: bool


class Company(Document):
    """A company of an organisation; its identifier is in the path."""

    name: Text


class CompanyPath(Document):
    """What a company's path must be."""

    company: CompanyId


class NewGroups(Document):
    """A member's groups, which replace the present ones."""

    groups: tuple[Group, ...] = Field(max_length=MAX_GROUPS)


class NewRole(Document):
    """A user's part in an organisation."""

    role: Role
    groups: tuple[Group, ...] | None = Field(
        default=None, max_length=MAX_GROUPS, description="Replace the present ones, which stay if this is absent"
    )

    @property
    def of_groups(self) -> frozenset[str] | None:
        """The groups, each once; None if they stay as they are."""
        return None if self.groups is None else frozenset(self.groups)


class Member(Document):
    """A member of an organisation."""

    sub: str
    username: str
    name: str
    role: Role
    groups: tuple[str, ...]
    created_at: int

    @classmethod
    def of(cls, membership: Membership, user: User | None) -> Self:
        return cls(
            sub=membership.subject,
            username=user.username if user else "",
            name=user.name if user else "",
            role=role_of(membership),
            groups=tuple(sorted(membership.groups)),
            created_at=membership.created_at,
        )


class OwnMembership(Document):
    """An organisation, as a member of it sees it."""

    id: str
    name: str
    companies: dict[str, str]
    status: Status
    role: Role
    groups: tuple[str, ...]

    @classmethod
    def of(cls, membership: Membership, organisation: StoredOrganisation) -> Self:
        return cls(
            **Organisation.of(organisation).model_dump(include={"id", "name", "companies", "status"}),
            role=role_of(membership),
            groups=tuple(sorted(membership.groups)),
        )


class OwnOrganisation(OwnMembership):
    """An organisation, as a member of it sees it from near."""

    administrators: tuple[str, ...] = Field(description="What its administrators are called, of at most 20")
    members: int | None = Field(
        description="How many there are, counted to 99; null unless the caller is an administrator"
    )
    are_more_members: bool | None = Field(description="Whether there are more than `members`; null likewise")


class NewInvitation(Document):
    """An offer of a membership to the user with this username or this verified e-mail address."""

    name: Text
    role: Role = "member"


class Invitation(Document):
    """An offer of a membership, as the organisation's administrators see it."""

    id: str
    name: str
    role: Role
    invited_by: str = Field(description="What who sent it is called")
    created_at: int
    expires_at: int


class OwnInvitation(Document):
    """An offer of a membership, as who may accept it sees it."""

    id: str
    organisation: str
    organisation_name: str
    role: Role
    invited_by: str
    created_at: int
    expires_at: int


class OwnInvitations(Document):
    """Every offer that waits for the user's answer."""

    items: tuple[OwnInvitation, ...]


class InvitationAnswer(Document):
    """What becomes of an invitation."""

    decision: Literal["accept", "decline"]


def role_of(membership: Membership | StoredInvitation) -> Role:
    """The role; whatever is not an administrator is a member."""
    return "administrator" if membership.role == ADMINISTRATOR else "member"
