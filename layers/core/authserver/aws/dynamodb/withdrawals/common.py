"""What the parts of the withdrawals share."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from authserver.aws.dynamodb.browsers import session_item
from authserver.aws.dynamodb.ends import count_first, count_in, ends_are, organisation_ends
from authserver.aws.dynamodb.lists import Index
from authserver.aws.dynamodb.memberships import ROLE
from authserver.aws.dynamodb.reader import Tables
from authserver.aws.dynamodb.revocations import DynamoRevocations
from authserver.aws.items.primary_keys import key_text, membership_key, subject_end_key
from authserver.aws.service import Service
from authserver.aws.table import UNGUARDED, Guard, Placed, Table, Write
from authserver.ends import SUSPENDED_DISABLED
from authserver.errors import TemporarilyUnavailable
from authserver.models import ACTIVE
from authserver.models.browsers import Session
from authserver.models.organisations import ADMINISTRATOR, Membership

ATTEMPTS = 4


class Withdrawals(DynamoRevocations):
    """What every part has."""

    def __init__(
        self,
        dynamodb: Service,
        tables: Tables,
        configuration_table: str,
        keys_table: str,
        guard: Guard = UNGUARDED,
    ) -> None:
        super().__init__(dynamodb, tables, guard)
        self._tables = tables
        self._configuration_table = configuration_table
        self._keys_table = keys_table
        self._users = Table(dynamodb, tables.users, guard)
        self._clients = Table(dynamodb, tables.clients, guard)
        self._memberships = Index(dynamodb, tables.users, "id", "by_member", "listed_member")

    def _count(self, keys: list[Mapping[str, str]], name: str, counted: str) -> None:
        """Raises a counter in the map of each item, which is made where it is not there yet."""
        for _ in range(ATTEMPTS):
            if not self._tokens.transact(count_in(self._tables.tokens, keys, name, counted)):
                return
            if not self._tokens.transact(count_first(self._tables.tokens, keys, name, counted)):
                return
        raise contended()

    def _ending_all_but(self, survivor: Session) -> tuple[list[Placed], Session]:
        """Raises the counter of a subject's sessions from that of one of them, which gets the next one."""
        key = {"pk": subject_end_key(key_text(survivor.subject))}
        condition, values = ends_are(survivor.begun.subject, survivor.sessions)
        successor = replace(survivor, sessions=survivor.sessions + 1)
        writes: list[Placed] = [
            (self._tables.tokens, Write.update(key, "ADD sessions :one", condition, {":one": 1, **values})),
            (self._tables.tokens, Write.put(session_item(successor), "attribute_exists(pk)")),
        ]
        return writes, successor

    def _leaving(self, membership: Membership) -> list[Placed]:
        """Removes a membership; one of an administrator with the approvals that this one gave."""
        key = {"id": membership_key(membership.organisation, membership.subject)}
        remove = Write.delete(key, *unchanged(membership))
        return [(self._tables.users, remove), *self._end_of_approver(membership)]

    def _end_of_approver(self, membership: Membership | None) -> list[Placed]:
        if membership is None or membership.role != ADMINISTRATOR:
            return []
        keys = organisation_ends(membership.organisation)
        return count_in(self._tables.tokens, keys, "approvers", key_text(membership.subject))

    def _write(self, writes: list[Placed]) -> None:
        """Writes without conditions of their own."""
        if self._tokens.transact(writes):
            raise contended()


def suspension_of(status: str | None) -> str | None:
    """What a status makes of an end: nothing if there is none."""
    if status is None:
        return None
    return "" if status == ACTIVE else SUSPENDED_DISABLED


def unchanged(membership: Membership | None) -> tuple[str, dict[str, Any], dict[str, str]]:
    """The condition that a membership is still the one that was read."""
    if membership is None:
        return "attribute_not_exists(id)", {}, {}
    if not membership.epoch:
        return "#role = :was AND attribute_not_exists(epoch)", {":was": membership.role}, dict(ROLE)
    return "epoch = :was", {":was": membership.epoch}, {}


def contended() -> TemporarilyUnavailable:
    return TemporarilyUnavailable("The store did not answer", reason="withdrawal_contended")
