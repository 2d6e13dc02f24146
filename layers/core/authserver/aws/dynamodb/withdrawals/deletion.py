"""The deletion of a user."""

from collections.abc import Iterable
from typing import Any

from authserver.aws.dynamodb.ends import make_map, organisation_ends, subject_end
from authserver.aws.dynamodb.lists import MAX_PAGE
from authserver.aws.dynamodb.memberships import is_administrator
from authserver.aws.dynamodb.users import as_read
from authserver.aws.dynamodb.withdrawals.common import ATTEMPTS, Withdrawals, contended
from authserver.aws.items.erasures import erasure_item
from authserver.aws.items.organisations import membership_of
from authserver.aws.items.primary_keys import factors_key, key_text, login_key, subject_end_key
from authserver.aws.items.records import read
from authserver.aws.items.users import user_of
from authserver.aws.table import Item, Placed, Write, decode_item
from authserver.ends import SUSPENDED_DELETED
from authserver.models.organisations import ADMINISTRATOR, Membership
from authserver.storage.erasures import left_by
from authserver.storage.users import MOST_IDENTITIES
from authserver.storage.withdrawals import Others

MOST_WRITES = 100  # of a transaction
# That a deletion needs beside memberships: the user, the end, what is left, two login names, the factors; an operator
# who stays, the session that decided, and the deployment's item, which a session's end may be in; the event; and the
# identities.
BESIDE_MEMBERSHIPS = 10 + MOST_IDENTITIES
MOST_OTHERS = 40  # administrators who stay that one transaction checks


class UserDeletion(Withdrawals):
    def delete_user(self, sub: str, now: int, others: Others | None = None) -> bool:
        """The memberships of an administrator take seventeen writes each, so there are few of them in one transaction.

        The caller ends more of them before (`management.deletion`). What does not fit is left to be erased,
        like whatever else names the user: with the user's end, being a member gives no power.
        """
        for _ in range(ATTEMPTS):
            item, memberships = self._users.get({"id": f"user#{sub}"}), self._memberships_of(sub)
            if others is not None and not _are_enough(others, sub, item, memberships):
                return False
            there = self._are_there(others, memberships) if others is not None else []
            memberships = self._fitting(memberships, MOST_WRITES - BESIDE_MEMBERSHIPS - len(there))
            writes: list[Placed] = [
                *there,
                subject_end(self._tables.tokens, sub, suspended=SUSPENDED_DELETED, is_operator=False, api_keys=True),
                *self._removing(sub, item, now),
                *(write for membership in memberships for write in self._leaving(membership)),
            ]
            refused = self._tokens.transact(writes)
            if not refused:
                return True
            if refused & frozenset(range(len(there))):
                return False
            for membership in memberships:
                keys = organisation_ends(membership.organisation)
                self._tokens.beforehand.transact(make_map(self._tables.tokens, keys, "approvers"))
        raise contended()

    def _removing(self, sub: str, item: Item | None, now: int) -> list[Placed]:
        """Removes a user's item as it was read, with what is found by it, and leaves what is to be erased."""
        stored = decode_item(item) if item else {}
        names = {*stored.get("identities", ()), factors_key(sub)}
        names |= {login_key(stored[name]) for name in ("username", "login_address") if name in stored}
        writes: list[Placed] = [
            (self._tables.users, Write.delete({"id": f"user#{sub}"}, *_has_these_names(item))),
            *((self._tables.users, Write.delete({"id": name})) for name in sorted(names)),
        ]
        if item is not None:  # else it was left before, or there was no user
            left = left_by(sub, read(user_of, item), now, key_text)
            writes.append((self._tables.tokens, Write.put(erasure_item(left))))
        return writes

    def _are_there(self, others: Others, memberships: Iterable[Membership]) -> list[Placed]:
        """The conditions that the others are what they are said to be."""
        administrators = [
            (self._tables.users, is_administrator(one.organisation, witness))
            for one in memberships
            if one.role == ADMINISTRATOR and (witness := others.administrators[one.organisation])
        ]
        there = administrators[:MOST_OTHERS]
        if others.operator:
            end = {"pk": subject_end_key(key_text(others.operator))}
            is_operator = "#operator = :operator AND attribute_not_exists(suspended)"
            check = Write.check(end, is_operator, {":operator": True}, {"#operator": "operator"})
            there.append((self._tables.tokens, check))
        return there

    def _memberships_of(self, sub: str) -> tuple[Membership, ...]:
        return self._memberships.page(key_text(sub), membership_of, limit=MAX_PAGE, cursor=None).items

    def _fitting(self, memberships: Iterable[Membership], room: int) -> tuple[Membership, ...]:
        """Those that so many writes can end."""
        fitting: list[Membership] = []
        for membership in memberships:
            room -= len(self._leaving(membership))
            if room < 0:
                break
            fitting.append(membership)
        return tuple(fitting)


def _has_these_names(user: Item | None) -> tuple[str, dict[str, Any]]:
    """The condition that a user's item has the identities and login names that were read, so that none stays behind."""
    if user is None:
        return "attribute_not_exists(id)", {}
    same, values = as_read(decode_item(user), "identities", "username", "login_address")
    return f"attribute_exists(id) AND {same}", values


def _are_enough(others: Others, sub: str, user: Item | None, memberships: Iterable[Membership]) -> bool:
    """Whether a successor is named for every role that the user has."""
    if sub in (others.operator, *others.administrators.values()):
        return False
    if user is not None and decode_item(user).get("operator") and not others.operator:
        return False
    return {one.organisation for one in memberships if one.role == ADMINISTRATOR} <= others.administrators.keys()
