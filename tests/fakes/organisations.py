"""Organisations, memberships and invitations."""

import threading
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from authserver.models import ADMINISTRATOR, Invitation, Membership, Organisation
from authserver.storage import Page
from tests.fakes import filing


class FakeOrganisations:
    """Implements `storage.OrganisationStore`."""

    def __init__(self, organisations: Iterable[Organisation] = (), memberships: Iterable[Membership] = ()) -> None:
        self._lock = threading.Lock()
        self._organisations = {organisation.id: organisation for organisation in organisations}
        self._memberships = {(one.organisation, one.subject): one for one in memberships}
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
            self._organisations[organisation.id] = organisation
        return True

    def update(self, organisation: str, **changes: Any) -> Organisation | None:
        if not changes or not changes.keys() <= {"name", "status"}:
            raise ValueError("these fields cannot be changed")
        with self._lock:
            if organisation not in self._organisations:
                return None
            self._organisations[organisation] = replace(self._organisations[organisation], **changes)
            return self._organisations[organisation]

    def put_company(self, organisation: str, company: str, name: str, bound: int) -> bool:
        with self._lock:
            stored = self._organisations.get(organisation)
            if stored is None or (company not in stored.companies and len(stored.companies) >= bound):
                return False
            self._organisations[organisation] = replace(stored, companies={**stored.companies, company: name})
        return True

    def drop_company(self, organisation: str, company: str) -> bool:
        with self._lock:
            stored = self._organisations.get(organisation)
            if stored is None or company not in stored.companies:
                return False
            left = {one: name for one, name in stored.companies.items() if one != company}
            self._organisations[organisation] = replace(stored, companies=left)
        return True

    def list(self, *, limit: int = 50, cursor: str | None = None) -> Page[Organisation]:
        with self._lock:
            return filing.page(list(self._organisations.values()), limit, cursor)

    def membership(self, organisation: str, subject: str) -> Membership | None:
        with self._lock:
            return self._memberships.get((organisation, subject))

    def put_membership(self, membership: Membership) -> None:
        with self._lock:
            self._memberships[membership.organisation, membership.subject] = membership

    def delete_membership(self, organisation: str, subject: str) -> None:
        with self._lock:
            self._memberships.pop((organisation, subject), None)

    def change_role(self, organisation: str, subject: str, role: str, witness: str) -> bool:
        with self._lock:
            stored = self._memberships.get((organisation, subject))
            if stored is None or witness == subject or not self._is_administrator(organisation, witness):
                return False
            self._memberships[organisation, subject] = replace(stored, role=role)
        return True

    def end_membership(self, organisation: str, subject: str, witness: str) -> bool:
        with self._lock:
            is_alone = witness == subject or not self._is_administrator(organisation, witness)
            if is_alone and (witness or self._is_administrator(organisation, subject)):
                return False
            self._memberships.pop((organisation, subject), None)
        return True

    def _is_administrator(self, organisation: str, subject: str) -> bool:
        stored = self._memberships.get((organisation, subject))
        return stored is not None and stored.role == ADMINISTRATOR

    def invite(self, invitation: Invitation) -> None:
        with self._lock:
            self._invitations[invitation.id] = invitation

    def invitation(self, invitation_id: str) -> Invitation | None:
        with self._lock:
            return self._invitations.get(invitation_id)

    def accept_invitation(self, invitation: Invitation, subject: str, now: int) -> bool:
        with self._lock:
            stored = self._invitations.get(invitation.id)
            if stored != invitation or invitation.expires_at <= now:
                return False
            if not self._is_administrator(invitation.organisation, invitation.invited_by):
                return False
            if (invitation.organisation, subject) in self._memberships:
                return False
            del self._invitations[invitation.id]
            membership = Membership(invitation.organisation, subject, invitation.role, now)
            self._memberships[membership.organisation, subject] = membership
        return True

    def withdraw_invitation(self, invitation_id: str) -> None:
        with self._lock:
            self._invitations.pop(invitation_id, None)

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

    def members_of(self, organisation: str, *, limit: int = 50, cursor: str | None = None) -> Page[Membership]:
        with self._lock:
            return filing.page(
                [one for one in self._memberships.values() if one.organisation == organisation], limit, cursor
            )

    def of_key(self, key: str) -> Organisation | None:
        with self._lock:
            return next((one for one in self._organisations.values() if filing.key(one.id) == key), None)

    def membership_of_keys(self, organisation: str, subject: str) -> Membership | None:
        with self._lock:
            keys = (organisation, subject)
            found = self._memberships.values()
            return next((one for one in found if (filing.key(one.organisation), filing.key(one.subject)) == keys), None)
