"""Withdrawals of what users have: their password, factors, identities, and what an operator gave them."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from authserver.aws.dynamodb.browsers import session_item
from authserver.aws.dynamodb.ends import ends_are, era_stands, new_version, subject_end
from authserver.aws.dynamodb.users import (
    ADDRESS,
    OPERATORS,
    make_user_maps,
    spend_link,
    user_assignments,
    user_condition,
)
from authserver.aws.items.factors import factors_item
from authserver.aws.items.primary_keys import factors_key, identity_key, key_text, shard_of, subject_end_key
from authserver.aws.items.records import read
from authserver.aws.items.users import user_of
from authserver.aws.table import NO_VALUES, Item, Placed, Write, assignments, decode_item
from authserver.models.browsers import OneTimeLink, Session
from authserver.models.factors import Factors
from authserver.models.users import Identity, Source, User
from authserver.storage.users import AddressTaken
from authserver.storage.withdrawals import USER_FIELDS

if TYPE_CHECKING:
    from authserver.aws.dynamodb.login_names import Move


from authserver.aws.dynamodb.withdrawals.common import ATTEMPTS, Withdrawals, contended, suspension_of


class UserWithdrawals(Withdrawals):
    def set_password(self, sub: str, password_hash: str) -> bool:
        version = new_version()
        change = Write.update(
            {"id": f"user#{sub}"},
            "SET password_hash = :password_hash, version = :version",
            "attribute_exists(id)",
            {":password_hash": password_hash, ":version": version},
        )
        end = subject_end(self._tables.tokens, sub, version=version)
        return not self._tokens.transact([(self._tables.users, change), end])

    def replace_password(self, user: User, password_hash: str, session: Session, successor: Session) -> bool:
        version = new_version()
        change = Write.update(
            {"id": f"user#{user.sub}"},
            "SET password_hash = :new, version = :version",
            "password_hash = :old",
            {":new": password_hash, ":old": user.password_hash, ":version": version},
        )
        condition, values = ends_are(session.begun.subject, session.sessions)
        tokens = self._tables.tokens
        writes: list[Placed] = [
            (self._tables.users, change),
            subject_end(tokens, user.sub, version=version, only_if=condition, values=values),
            (tokens, Write.delete({"pk": f"session#{session.id}"}, "attribute_exists(pk)")),
            (tokens, Write.put(session_item(successor))),
        ]
        return not self._tokens.transact(writes)

    def reset_password(self, link: OneTimeLink, claim: str, password_hash: str, now: int) -> bool:
        move = self._verifying(link)
        for _ in range(ATTEMPTS):
            if not self._tokens.transact(self._resetting(move, link, claim, password_hash, now)):
                return True
            before, move = move, self._verifying(link)
            if move == before:
                return False
        raise contended()

    def _move_of(self, sub: str, changes: Mapping[str, Any]) -> "Move":
        from authserver.aws.dynamodb.login_names import move_of

        return move_of(self._users, sub, changes)

    def _verifying(self, link: OneTimeLink) -> "Move":
        return self._move_of(link.subject, {"email": link.address, "email_verified": True})

    def _resetting(self, move: "Move", link: OneTimeLink, claim: str, password_hash: str, now: int) -> list[Placed]:
        """The writes of a reset; where the address is another user's login name, it verifies nothing."""
        version, tokens = new_version(), self._tables.tokens
        verified = {} if move.is_taken else {"email_verified": True, "login_address": move.address}
        expression, names, values = assignments(
            {"password_hash": password_hash, "version": version, **verified},
            frozenset({"password_hash", "version", "email_verified", "login_address"}),
        )
        same, read_values = move.condition
        values |= {":address": link.address, **read_values}
        change = Write.update({"id": f"user#{link.subject}"}, expression, f"email = :address AND {same}", values, names)
        condition, end_values = ends_are(link.begun.subject, link.sessions)
        return [
            (self._tables.users, change),
            (tokens, spend_link(link, claim, now)),
            subject_end(tokens, link.subject, version=version, only_if=condition, values=end_values),
            era_stands(tokens, link.begun.era, shard_of(link.subject)),
            *([] if move.is_taken else move.writes(self._tables.users)),
        ]

    def change_user(self, sub: str, **changes: Any) -> User | None:
        if not changes.keys() <= USER_FIELDS:
            raise ValueError("these fields cannot be changed")
        version = new_version() if {"status", "operator"} & changes.keys() else None
        for _ in range(ATTEMPTS):
            move = self._move_of(sub, changes) if ADDRESS & changes.keys() else None
            if move and move.is_taken:
                raise AddressTaken
            if not self._tokens.transact(self._changing(sub, changes, version, move)):
                return read(user_of, self._users.get({"id": f"user#{sub}"}))
            if not make_user_maps(self._users.beforehand, sub, changes) and not (move and move.stored):
                return None
        raise contended()

    def _changing(self, sub: str, changes: Mapping[str, Any], version: int | None, move: "Move | None") -> list[Placed]:
        listed = {"listed_member": OPERATORS if changes["operator"] else ""} if "operator" in changes else {}
        versioned = {} if version is None else {"version": version}
        named = {"login_address": move.address} if move else {}
        expression, names, values = user_assignments(
            {**changes, **listed, **versioned, **named}, USER_FIELDS | {"listed_member", "version", "login_address"}
        )
        condition = user_condition(changes)
        if move:
            same, read_values = move.condition
            condition, values = f"{condition} AND {same}", {**values, **read_values}
        change = Write.update({"id": f"user#{sub}"}, expression, condition, values, names)
        writes: list[Placed] = [(self._tables.users, change), *(move.writes(self._tables.users) if move else [])]
        if version is not None:
            writes.append(self._end_of_changed(sub, changes, version))
        return writes

    def _end_of_changed(self, sub: str, changes: Mapping[str, Any], version: int) -> Placed:
        """Raises the subject's epoch, unless the only change is that the user becomes an operator."""
        is_operator = changes.get("operator")
        if is_operator and "status" not in changes:
            key = {"pk": subject_end_key(key_text(sub))}
            names = {"#operator": "operator"}
            mark, values = "SET #operator = :operator, version = :version", {":operator": True, ":version": version}
            return self._tables.tokens, Write.update(key, mark, "", values, names)
        suspended = suspension_of(changes.get("status"))
        return subject_end(
            self._tables.tokens,
            sub,
            version=version,
            suspended=suspended,
            is_operator=is_operator,
            api_keys=suspended is not None,
        )

    def unlink(self, sub: str, identity_id: str) -> bool:
        version = new_version()

        def writes(item: Item | None) -> list[Placed]:
            return [
                *self._unlinking(sub, identity_id, "contains(identities, :key)", version, item),
                subject_end(self._tables.tokens, sub, version=version),
            ]

        return self._unlinked(sub, writes)

    def unlink_own(self, identity: Identity, factors: Factors, session: Session, successor: Session) -> bool:
        is_theirs = "contains(identities, :key)"
        left: list[Placed] = []
        if factors.passkeys:
            same = Write.check({"id": factors_key(identity.sub)}, "version = :version", {":version": factors.version})
            left.append((self._tables.users, same))
        else:
            has_password = "attribute_exists(username) AND attribute_exists(password_hash)"
            is_theirs += f" AND (({has_password}) OR size(identities) > :one)"
        condition, values = ends_are(session.begun.subject, session.sessions)
        tokens, version = self._tables.tokens, new_version()

        def writes(item: Item | None) -> list[Placed]:
            one = {} if left else {":one": 1}
            return [
                *self._unlinking(identity.sub, identity.id, is_theirs, version, item, one),
                subject_end(tokens, identity.sub, version=version, only_if=condition, values=values),
                (tokens, Write.delete({"pk": f"session#{session.id}"}, "attribute_exists(pk)")),
                (tokens, Write.put(session_item(successor))),
                *left,
            ]

        return self._unlinked(identity.sub, writes)

    def _unlinked(self, sub: str, writes: Callable[[Item | None], list[Placed]]) -> bool:
        """Makes the writes for the user's item, again if what the identities provided was changed meanwhile."""
        item = self._users.get({"id": f"user#{sub}"})
        for _ in range(ATTEMPTS):
            if not self._tokens.transact(writes(item)):
                return True
            before, item = item, self._users.get({"id": f"user#{sub}"})
            if _provided(item) == _provided(before):
                return False
        raise contended()

    def _unlinking(
        self,
        sub: str,
        identity_id: str,
        condition: str,
        version: int,
        item: Item | None,
        values: Mapping[str, Any] = NO_VALUES,
    ) -> list[Placed]:
        """Removes an identity, takes it out of its user's, and what it provided out of the attributes: on the condition
        of the user, in which it is `:key`, and that nothing else was provided since the `item`."""
        key, provided = identity_key(identity_id), _provided(item)
        places = {f"provided{number}": name for number, name in enumerate(provided)}
        gone = [place for place, name in places.items() if Source.of(provided[name]).identity == identity_id]
        removed = ", ".join(f"attributes.#{place}, provided.#{place}" for place in gone)
        # Entry by entry: MiniStack, on which the development server runs, takes any two maps for the same.
        counted = "attribute_not_exists(provided)" if provided is NO_VALUES else "size(provided) = :provided"
        same = " AND ".join([counted, *(f"provided.#{place} = :{place}" for place in places)])
        drop = Write.update(
            {"id": f"user#{sub}"},
            f"SET version = :version{f' REMOVE {removed}' if removed else ''} DELETE identities :keys",
            f"{condition} AND {same}",
            {
                ":keys": frozenset({key}),
                ":key": key,
                ":version": version,
                **({} if provided is NO_VALUES else {":provided": len(provided)}),
                **{f":{place}": provided[name] for place, name in places.items()},
                **values,
            },
            {f"#{place}": name for place, name in places.items()},
        )
        remove = Write.delete({"id": key}, "#sub = :sub", {":sub": sub}, {"#sub": "sub"})
        return [(self._tables.users, drop), (self._tables.users, remove)]

    def remove_factors(self, sub: str) -> None:
        self._write(
            [
                (self._tables.users, Write.delete({"id": factors_key(sub)})),
                subject_end(self._tables.tokens, sub),
            ]
        )

    def lessen_factors(self, factors: Factors, survivor: Session) -> Session | None:
        item = factors_item(replace(factors, version=factors.version + 1))
        lessen = Write.put(item, "version = :version", {":version": factors.version})
        writes, successor = self._ending_all_but(survivor)
        return None if self._tokens.transact([(self._tables.users, lessen), *writes]) else successor


def _provided(item: Item | None) -> Mapping[str, str]:
    """Which attributes of a user came from where, as it is stored; `NO_VALUES` if there is no such map."""
    provided: Mapping[str, str] = decode_item(item or {}).get("provided", NO_VALUES)
    return provided
