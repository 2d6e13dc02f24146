"""Organisations, their companies, members and invitations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from authserver.models.invitations import Invitation
    from authserver.models.organisations import Membership, Organisation
    from authserver.storage.lists import Counted, Page


class OrganisationStore(Protocol):
    def get(self, organisation: str) -> Organisation | None:
        """The organisation of this identifier, which is text from outside."""

    def get_all(self, organisations: Iterable[str]) -> dict[str, Organisation]:
        """The existing organisations, by identifier, with one read for each hundred."""

    def create(self, organisation: Organisation) -> bool:
        """Adds an organisation unless its identifier exists or existed before; returns whether it did."""

    def put_company(self, organisation: str, company: str, name: str, bound: int) -> bool:
        """Adds or renames a company. False if there is no such organisation or it has `bound` companies already."""

    def list(self, *, limit: int = 50, cursor: str | None = None) -> Page[Organisation]:
        """Every organisation, oldest first. Raises `BadCursor`."""

    def membership(self, organisation: str, subject: str) -> Membership | None:
        """The user's part in the organisation."""

    def set_groups(self, organisation: str, subject: str, groups: frozenset[str], witness: str = "") -> bool:
        """Gives a member these groups and no others, in one write, while `witness` is an administrator; returns whether
        it did.

        Without a witness it is an operator's change. False also if there is no such member. What the member granted
        stays, because claims of groups are read from the membership.
        """

    def invite(self, invitation: Invitation) -> None:
        """Stores an invitation, and replaces one of the same identifier."""

    def invitation(self, invitation_id: str) -> Invitation | None:
        """The invitation of this identifier, which is text from outside."""

    def accept_invitation(self, invitation: Invitation, membership: Membership, now: int) -> bool:
        """Creates the membership and removes the invitation, in one write; returns whether it did.

        Condition: the invitation is stored unchanged and has not expired, its era is the present one, its sender is an
        administrator by the same membership as then, and the subject is not a member.
        """

    def invitations_of(self, organisation: str, *, limit: int = 50, cursor: str | None = None) -> Page[Invitation]:
        """The organisation's invitations, oldest first, including expired ones. Raises `BadCursor`."""

    def invitations_for(self, name: str, *, limit: int = 50, cursor: str | None = None) -> Page[Invitation]:
        """The invitations for this name, oldest first, including expired ones. Raises `BadCursor`."""

    def memberships_of(self, subject: str, *, limit: int = 50, cursor: str | None = None) -> Page[Membership]:
        """The user's memberships, oldest first. Raises `BadCursor`."""

    def administrators_of(self, organisation: str, *, limit: int = 50, cursor: str | None = None) -> Page[Membership]:
        """The members who administer the organisation, oldest first. Raises `BadCursor`."""

    def members_counted(self, organisation: str) -> Counted:
        """The number of the organisation's members, up to `MOST_COUNTED`."""

    def members_of(self, organisation: str, *, limit: int = 50, cursor: str | None = None) -> Page[Membership]:
        """The organisation's members, oldest first. Raises `BadCursor`."""
