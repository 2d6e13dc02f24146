"""Withdrawals of organisations, their companies, members and invitations."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from authserver.aws.dynamodb.ends import make_map, move_organisation_end, new_version, organisation_ends
from authserver.aws.dynamodb.memberships import BY_ADMINISTRATOR, GROUPS, ROLE, is_administrator
from authserver.aws.dynamodb.organisations import invitation_key
from authserver.aws.dynamodb.withdrawals.common import ATTEMPTS, Withdrawals, contended, suspension_of, unchanged
from authserver.aws.items.erasures import erasure_item
from authserver.aws.items.organisations import membership_item, membership_of, organisation_of
from authserver.aws.items.primary_keys import key_text, membership_key, organisation_key
from authserver.aws.items.records import read
from authserver.aws.table import Placed, Write, assignments
from authserver.ends import SUSPENDED_DELETED
from authserver.models.organisations import Membership, Organisation
from authserver.storage.erasures import left_by_organisation

ORGANISATION_FIELDS = frozenset({"name", "status", "api_keys"})
IS_NO_ADMINISTRATOR = "attribute_not_exists(id) OR NOT #role = :administrator"


class OrganisationWithdrawals(Withdrawals):
    def change_organisation(self, organisation: str, **changes: Any) -> Organisation | None:
        if not changes:
            raise ValueError("these fields cannot be changed")
        version = new_version()
        expression, names, values = assignments({**changes, "version": version}, ORGANISATION_FIELDS | {"version"})
        key = {"id": organisation_key(organisation)}
        change = Write.update(key, expression, "attribute_exists(id)", values, names)
        ends = move_organisation_end(
            self._tables.tokens,
            organisation,
            version=version,
            ends="status" in changes,
            suspended=suspension_of(changes.get("status")),
        )
        if self._tokens.transact([(self._tables.users, change), *ends]):
            return None
        return read(organisation_of, self._users.get(key))

    def delete_organisation(self, organisation: str, now: int) -> None:
        left = erasure_item(left_by_organisation(organisation, now, key_text))
        writes: list[Placed] = [
            (self._tables.users, Write.delete({"id": organisation_key(organisation)})),
            (self._tables.tokens, Write.put(left)),
            *move_organisation_end(self._tables.tokens, organisation, ends=True, suspended=SUSPENDED_DELETED),
        ]
        self._write(writes)

    def drop_company(self, organisation: str, company: str) -> bool:
        version = new_version()
        drop = Write.update(
            {"id": organisation_key(organisation)},
            "SET version = :version REMOVE companies.#company",
            "attribute_exists(companies.#company)",
            {":version": version},
            {"#company": company},
        )
        ends = move_organisation_end(self._tables.tokens, organisation, version=version)
        return not self._tokens.transact([(self._tables.users, drop), *ends])

    def set_membership(self, membership: Membership, groups: frozenset[str] | None = None) -> None:
        key = {"id": membership_key(membership.organisation, membership.subject)}

        def writes(stored: Membership | None) -> list[Placed]:
            put = _replacing(stored, membership, groups)
            return [(self._tables.users, put), *self._end_of_approver(stored)]

        self._with_approvals(key, writes)

    def delete_membership(self, organisation: str, subject: str) -> None:
        key = {"id": membership_key(organisation, subject)}
        self._with_approvals(key, lambda stored: self._leaving(stored) if stored else [])

    def change_role(self, membership: Membership, witness: str, groups: frozenset[str] | None = None) -> bool:
        if witness == membership.subject:
            return False
        key = {"id": membership_key(membership.organisation, membership.subject)}

        def writes(stored: Membership | None) -> list[Placed] | None:
            if stored is None:
                return None
            put = _replacing(stored, replace(membership, created_at=stored.created_at), groups)
            administers = is_administrator(membership.organisation, witness)
            return [(self._tables.users, put), (self._tables.users, administers), *self._end_of_approver(stored)]

        return self._with_approvals(key, writes, must=1)

    def end_membership(self, organisation: str, subject: str, witness: str) -> bool:
        if witness == subject:
            return False
        key = {"id": membership_key(organisation, subject)}
        if not witness:
            alone = Write.delete(key, IS_NO_ADMINISTRATOR, BY_ADMINISTRATOR, ROLE)
            return not self._users.write_all([alone])
        administers = (self._tables.users, is_administrator(organisation, witness))

        def writes(stored: Membership | None) -> list[Placed]:
            leaving = self._leaving(stored) if stored else [(self._tables.users, Write.delete(key))]
            return [leaving[0], administers, *leaving[1:]]

        return self._with_approvals(key, writes, must=1)

    def _with_approvals(
        self,
        key: Mapping[str, str],
        writes: Callable[[Membership | None], list[Placed] | None],
        must: int | None = None,
    ) -> bool:
        """Writes what a membership as it is stored asks for; again while another request changes it.

        False if there is nothing to write, or the condition at the position `must` does not hold.
        """
        for _ in range(ATTEMPTS):
            stored = read(membership_of, self._users.get(key))
            wanted = writes(stored)
            if wanted is None:
                return False
            refused = self._tokens.transact(wanted) if wanted else frozenset()
            if not refused:
                return True
            if must in refused:
                return False
            if stored is not None:
                keys = organisation_ends(stored.organisation)
                self._tokens.beforehand.transact(make_map(self._tables.tokens, keys, "approvers"))
        raise contended()

    def withdraw_invitation(self, invitation_id: str) -> None:
        self._users.delete({"id": invitation_key(invitation_id)})


def _replacing(stored: Membership | None, membership: Membership, groups: frozenset[str] | None) -> Write:
    """Puts a membership in place of the one that was read, with these groups, or with those that it had.

    The groups must not have changed meanwhile: a group that was taken away would be back.
    """
    had = stored.groups if stored else frozenset()
    condition, values, names = unchanged(stored)
    if stored is not None:
        condition += " AND #groups = :groups" if had else " AND attribute_not_exists(#groups)"
        values, names = values | ({":groups": had} if had else {}), names | GROUPS
    return Write.put(
        membership_item(replace(membership, groups=had if groups is None else groups)), condition, values, names
    )
