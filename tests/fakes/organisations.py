"""Organisations, memberships and invitations."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from authserver.ends import Begun
from authserver.models.invitations import Invitation
from authserver.models.organisations import ADMINISTRATOR, Membership, Organisation
from authserver.storage.lists import Counted, Page
from tests.fakes import filing
from tests.fakes.record import FakeRecord


class FakeOrganisations:
    """Implements `storage.organisations.OrganisationStore`."""

    def __init__(
        self,
        organisations: Iterable[Organisation] = (),
        memberships: Iterable[Membership] = (),
        record: FakeRecord | None = None,
    ) -> None:
        self._record = record or FakeRecord()
        self._lock = self._record.lock
        self._organisations = {organisation.id: organisation for organisation in organisations}
        self._memberships = self._record.memberships
        self._memberships |= {(one.organisation, one.subject): one for one in memberships}
        self._invitations: dict[str, Invitation] = {}

    def get(self, organisation: str) -> Organisation | None:
        with self._lock:
            return self._organisations.get(organisation)

    def get_all(self, organisations: Iterable[str]) -> dict[str, Organisation]:
        with self._lock:
            return {one: self._organisations[one] for one in organisations if one in self._organisations}

    def create(self, organisation: Organisation) -> bool:
        with self._lock:
            if organisation.id in self._organisations:
                return False
            if self._record.organisation(filing.key(organisation.id)).suspended:
                return False
            self._organisations[organisation.id] = organisation
        return True

    def put_company(self, organisation: str, company: str, name: str, bound: int) -> bool:
        with self._lock:
            stored = self._organisations.get(organisation)
            if stored is None or (company not in stored.companies and len(stored.companies) >= bound):
                return False
            self.alter(organisation, companies={**stored.companies, company: name})
        return True

    # -- what withdrawals change

    def alter(self, organisation: str, **changes: Any) -> Organisation | None:
        """Sets fields of an organisation, with the next version of it and of its end; ends nothing."""
        with self._lock:
            stored = self._organisations.get(organisation)
            if stored is None:
                return None
            self._organisations[organisation] = replace(stored, version=stored.version + 1, **changes)
            self._record.move_organisation(organisation, versions=1)
            return self._organisations[organisation]

    def remove(self, organisation: str) -> None:
        with self._lock:
            self._organisations.pop(organisation, None)

    def set_groups(self, organisation: str, subject: str, groups: frozenset[str], witness: str = "") -> bool:
        with self._lock:
            stored = self._memberships.get((organisation, subject))
            if stored is None or (witness and not self.is_administrator(organisation, witness)):
                return False
            self._memberships[organisation, subject] = replace(stored, groups=groups)
        return True

    def put_membership(self, membership: Membership) -> None:
        """Puts a membership whatever is there; ends nothing but what its epoch ends."""
        with self._lock:
            self._memberships[membership.organisation, membership.subject] = membership

    def is_administrator(self, organisation: str, subject: str) -> bool:
        with self._lock:
            stored = self._memberships.get((organisation, subject))
            return stored is not None and stored.role == ADMINISTRATOR

    def forget_invitation(self, invitation_id: str) -> None:
        with self._lock:
            self._invitations.pop(invitation_id, None)

    # -- lists, members and invitations

    def list(self, *, limit: int = 50, cursor: str | None = None) -> Page[Organisation]:
        with self._lock:
            return filing.page(list(self._organisations.values()), limit, cursor)

    def membership(self, organisation: str, subject: str) -> Membership | None:
        with self._lock:
            return self._memberships.get((organisation, subject))

    def invite(self, invitation: Invitation) -> None:
        with self._lock:
            self._invitations[invitation.id] = invitation

    def invitation(self, invitation_id: str) -> Invitation | None:
        with self._lock:
            return self._invitations.get(invitation_id)

    def accept_invitation(self, invitation: Invitation, membership: Membership, now: int) -> bool:
        with self._lock:
            stored = self._invitations.get(invitation.id)
            if stored != invitation or invitation.expires_at <= now:
                return False
            if membership.subject == invitation.invited_by:
                return False
            if not self._stands(invitation):
                return False
            if (membership.organisation, membership.subject) in self._memberships:
                return False
            del self._invitations[invitation.id]
            self._memberships[membership.organisation, membership.subject] = membership
        return True

    def _stands(self, invitation: Invitation) -> bool:
        by = self._memberships.get((invitation.organisation, invitation.invited_by))
        if by is None or by.role != ADMINISTRATOR:
            return False
        return invitation.begun == Begun(era=self._record.deployment.era, membership=by.epoch)

    def invitations_of(self, organisation: str, *, limit: int = 50, cursor: str | None = None) -> Page[Invitation]:
        with self._lock:
            return filing.page(
                [one for one in self._invitations.values() if one.organisation == organisation], limit, cursor
            )

    def invitations_for(self, name: str, *, limit: int = 50, cursor: str | None = None) -> Page[Invitation]:
        with self._lock:
            return filing.page([one for one in self._invitations.values() if one.name == name], limit, cursor)

    def memberships_of(self, subject: str, *, limit: int = 50, cursor: str | None = None) -> Page[Membership]:
        with self._lock:
            return filing.page([one for one in self._memberships.values() if one.subject == subject], limit, cursor)

    def administrators_of(self, organisation: str, *, limit: int = 50, cursor: str | None = None) -> Page[Membership]:
        with self._lock:
            administrators = [one for one in self._memberships.values() if self._administers(one, organisation)]
        return filing.page(administrators, limit, cursor)

    def _administers(self, membership: Membership, organisation: str) -> bool:
        return membership.organisation == organisation and membership.role == ADMINISTRATOR

    def members_counted(self, organisation: str) -> Counted:
        with self._lock:
            return Counted.of(sum(one.organisation == organisation for one in self._memberships.values()))

    def members_of(self, organisation: str, *, limit: int = 50, cursor: str | None = None) -> Page[Membership]:
        with self._lock:
            return filing.page(
                [one for one in self._memberships.values() if one.organisation == organisation], limit, cursor
            )

    def of_key(self, key: str) -> Organisation | None:
        with self._lock:
            return next((one for one in self._organisations.values() if filing.key(one.id) == key), None)
