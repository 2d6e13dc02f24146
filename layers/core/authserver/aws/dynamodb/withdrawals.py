"""Withdrawals: each one a transaction of a record and of the ends that it raises, or one conditional write."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from authserver.aws.dynamodb.browsers import ASKED, is_still, session_item
from authserver.aws.dynamodb.clients import client_writes
from authserver.aws.dynamodb.configuration import resources_write, scopes_write
from authserver.aws.dynamodb.ends import (
    count_first,
    count_in,
    ends_are,
    era_stands,
    make_map,
    move_client_end,
    move_organisation_end,
    new_version,
    organisation_ends,
    raise_client_end,
    subject_end,
)
from authserver.aws.dynamodb.keys import ring_write
from authserver.aws.dynamodb.lists import MAX_PAGE, Index
from authserver.aws.dynamodb.memberships import BY_ADMINISTRATOR, GROUPS, ROLE, is_administrator
from authserver.aws.dynamodb.organisations import invitation_key
from authserver.aws.dynamodb.reader import Tables
from authserver.aws.dynamodb.revocations import DynamoRevocations
from authserver.aws.dynamodb.tokens import AUTHORIZATION_ID, reaches
from authserver.aws.dynamodb.users import (
    ADDRESS,
    OPERATORS,
    as_read,
    make_user_maps,
    spend_link,
    user_assignments,
    user_condition,
)
from authserver.aws.items.erasures import erasure_item
from authserver.aws.items.factors import factors_item
from authserver.aws.items.organisations import membership_item, membership_of, organisation_of
from authserver.aws.items.primary_keys import (
    SHARDS,
    approval_key,
    consent_key,
    deployment_key,
    factors_key,
    identity_key,
    initial_access_token_key,
    key_text,
    login_key,
    logo_key,
    mail_key,
    membership_key,
    organisation_key,
    shard_of,
    subject_end_key,
)
from authserver.aws.items.records import read
from authserver.aws.items.tokens import authorization_of
from authserver.aws.items.users import user_of
from authserver.aws.service import Service
from authserver.aws.table import (
    NO_VALUES,
    UNGUARDED,
    ConditionFailed,
    Guard,
    Item,
    Placed,
    Table,
    Write,
    assignments,
    decode_item,
)
from authserver.ends import EVERY_CLIENT, SUSPENDED_DELETED, SUSPENDED_DISABLED
from authserver.errors import TemporarilyUnavailable
from authserver.messages.mail import EMAIL_VERIFICATION
from authserver.models import ACTIVE
from authserver.models.browsers import WITHDRAWN, OneTimeLink, Session
from authserver.models.clients import Client
from authserver.models.factors import Factors
from authserver.models.invitations import Approval
from authserver.models.keys import Ring
from authserver.models.organisations import ADMINISTRATOR, Membership, Organisation
from authserver.models.tokens import Authorization
from authserver.models.users import Identity, User
from authserver.scopes import ScopeCatalogue
from authserver.storage.erasures import left_by, left_by_organisation
from authserver.storage.users import MOST_IDENTITIES, AddressTaken
from authserver.storage.withdrawals import USER_FIELDS, Others

if TYPE_CHECKING:
    from authserver.aws.dynamodb.login_names import Move
    from authserver.resources import ResourceCatalogue

ATTEMPTS = 4
ORGANISATION_FIELDS = frozenset({"name", "status"})
IS_NO_ADMINISTRATOR = "attribute_not_exists(id) OR NOT #role = :administrator"
MOST_WRITES = 100  # of a transaction
# That a deletion needs beside memberships: the user, the end, what is left, two login names, the factors; an operator
# who stays, the session that decided; and the identities.
BESIDE_MEMBERSHIPS = 8 + MOST_IDENTITIES
MOST_OTHERS = 40  # administrators who stay that one transaction checks


class DynamoWithdrawals(DynamoRevocations):
    """Implements `storage.withdrawals.WithdrawalStore`."""

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

    # -- tokens

    def set_entities(
        self,
        authorization_id: str,
        organisation: str,
        entities: frozenset[str],
        was: frozenset[str],
    ) -> Authorization | None:
        if not AUTHORIZATION_ID.fullmatch(authorization_id):
            return None
        condition, values = reaches(organisation, was, entities)
        try:
            item = self._tokens.update(
                {"pk": f"authorization#{authorization_id}"},
                "SET entities = :entities" if entities else "REMOVE entities",
                condition,
                values,
                answer="ALL_NEW",
            )
        except ConditionFailed:
            return None
        return authorization_of(decode_item(item))

    # -- ends

    def end(self, *, subject: str | None = None, client_id: str | None = None, organisation: str | None = None) -> None:
        tokens = self._tables.tokens
        match subject, client_id, organisation:
            case str(), None, None:
                self._write([subject_end(tokens, subject)])
            case None, str(), None:
                self._write(raise_client_end(tokens, client_id))
            case None, None, str():
                self._write(move_organisation_end(tokens, organisation, ends=True))
            case str(), str(), None:
                self._count([{"pk": subject_end_key(key_text(subject))}], "grants", key_text(client_id))
            case None, str(), str():
                self._count(organisation_ends(organisation), "clients", key_text(client_id))
            case _:
                raise ValueError("an end is of a subject, a client or an organisation, or between a client and another")

    def end_grants(self, subject: str) -> None:
        self._count([{"pk": subject_end_key(key_text(subject))}], "grants", EVERY_CLIENT)

    def _count(self, keys: list[Mapping[str, str]], name: str, counted: str) -> None:
        """Raises a counter in the map of each item, which is made where it is not there yet."""
        for _ in range(ATTEMPTS):
            if not self._tokens.transact(count_in(self._tables.tokens, keys, name, counted)):
                return
            if not self._tokens.transact(count_first(self._tables.tokens, keys, name, counted)):
                return
        raise _contended()

    def end_sessions(self, subject: str, survivor: Session | None = None) -> Session | None:
        if survivor is None:
            key = {"pk": subject_end_key(key_text(subject))}
            self._write([(self._tables.tokens, Write.update(key, "ADD sessions :one", "", {":one": 1}))])
            return None
        writes, successor = self._ending_all_but(survivor)
        return None if self._tokens.transact(writes) else successor

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

    def end_session(self, session_id: str) -> None:
        self._tokens.delete({"pk": f"session#{session_id}"})

    def forget_consent(self, subject: str, client_id: str) -> None:
        self._tokens.delete({"pk": consent_key(subject, client_id)})

    def withdraw_approval(self, approval: Approval) -> bool:
        same, values = is_still(approval)
        remove = Write.delete(
            {"pk": approval_key(approval.organisation, approval.client_id, approval.subject)},
            f"created_at = :created_at AND {same}",
            {":created_at": approval.created_at, **values},
            {f"#{name}": name for name in ASKED},
        )
        membership = {"id": membership_key(approval.organisation, approval.subject)}
        counts = count_in(self._tables.users, [membership], "clients", key_text(approval.client_id))
        for _ in range(ATTEMPTS):
            refused = self._tokens.transact([(self._tables.tokens, remove), *counts])
            if not refused or 0 in refused:
                return not refused
            if self._users.get(membership) is None:  # no member any more, of whom there is nothing to end
                return not self._tokens.transact([(self._tables.tokens, remove)])
            self._tokens.transact(make_map(self._tables.users, [membership], "clients"))
        raise _contended()

    # -- users

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
        raise _contended()

    def _move_of(self, sub: str, changes: Mapping[str, Any]) -> "Move":
        from authserver.aws.dynamodb.login_names import move_of

        return move_of(self._users, sub, changes)

    def _verifying(self, link: OneTimeLink) -> "Move":
        return self._move_of(link.subject, {"email": link.address, "email_verified": True})

    def _resetting(self, move: "Move", link: OneTimeLink, claim: str, password_hash: str, now: int) -> list[Placed]:
        """The writes of a reset; where the address is somebody else's login name, it verifies nothing."""
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
            if not make_user_maps(self._users, sub, changes) and not (move and move.stored):
                return None
        raise _contended()

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
        """Raises the subject's epoch, unless all that happens is that somebody becomes an operator."""
        is_operator = changes.get("operator")
        if is_operator and "status" not in changes:
            key = {"pk": subject_end_key(key_text(sub))}
            names = {"#operator": "operator"}
            mark, values = "SET #operator = :operator, version = :version", {":operator": True, ":version": version}
            return self._tables.tokens, Write.update(key, mark, "", values, names)
        suspended = _suspended(changes.get("status"))
        return subject_end(self._tables.tokens, sub, version=version, suspended=suspended, is_operator=is_operator)

    def delete_user(self, sub: str, now: int, others: Others | None = None) -> bool:
        """The memberships of an administrator take seventeen writes each, so there are few of them in one transaction.

        Whoever calls this ends more of them before (`management.deletion`). What does not fit is left to be erased,
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
                subject_end(self._tables.tokens, sub, suspended=SUSPENDED_DELETED, is_operator=False),
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
                self._tokens.transact(make_map(self._tables.tokens, keys, "approvers"))
        raise _contended()

    def _removing(self, sub: str, item: Item | None, now: int) -> list[Placed]:
        """Removes a user's item as it was read, with what is found by it, and leaves what is to be erased."""
        stored = decode_item(item) if item else {}
        names = {*stored.get("identities", ()), factors_key(sub)}
        names |= {login_key(stored[name]) for name in ("username", "login_address") if name in stored}
        writes: list[Placed] = [
            (self._tables.users, Write.delete({"id": f"user#{sub}"}, *_has_these_names(item))),
            *((self._tables.users, Write.delete({"id": name})) for name in sorted(names)),
        ]
        if item is not None:  # else it was left before, or there was nobody
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
        raise _contended()

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
        gone = [place for place, name in places.items() if provided[name] == identity_id]
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

    def withdraw_link(self, link: OneTimeLink) -> bool:
        withdraw = Write.update(
            {"pk": mail_key(link.id)},
            "SET spent_by = :withdrawn",
            "subject = :subject AND attribute_not_exists(spent_by)",
            {":withdrawn": WITHDRAWN, ":subject": link.subject},
        )
        writes: list[Placed] = [(self._tables.tokens, withdraw)]
        if link.purpose != EMAIL_VERIFICATION:
            return not self._tokens.transact(writes)
        unwanted = Write.update(
            {"id": f"user#{link.subject}"},
            "REMOVE pending_email",
            "pending_email = :address",
            {":address": link.address},
        )
        refused = self._tokens.transact([*writes, (self._tables.users, unwanted)])
        if refused == {1}:  # another address is wanted by now, and stays
            refused = self._tokens.transact(writes)
        return not refused

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

    # -- clients

    def revoke_initial_access_token(self, token_id: str) -> bool:
        remove = Write.delete({"pk": initial_access_token_key(token_id)}, "attribute_exists(pk)")
        return not self._tokens.transact([(self._tables.tokens, remove)])

    def change_client(self, client: Client) -> bool:
        stored = self._clients.get({"client_id": client.client_id})
        if stored is None:
            return False
        has_turned = decode_item(stored).get("status", ACTIVE) != client.status
        successor = replace(client, version=client.version + 1)
        records = client_writes(
            self._tables, self._configuration_table, successor, "version = :version", client.version
        )
        ends = move_client_end(
            self._tables.tokens,
            client.client_id,
            successor,
            ends=has_turned,
            suspended=_suspended(client.status) if has_turned else None,
        )
        return not self._clients.transact([*records, *ends])

    def delete_client(self, client_id: str, version: int | None = None) -> bool:
        decided = ("version = :version", {":version": version}) if version is not None else ()
        writes: list[Placed] = [
            (self._tables.clients, Write.delete({"client_id": client_id}, *decided)),
            (self._configuration_table, Write.delete({"id": logo_key(client_id)})),
            *move_client_end(self._tables.tokens, client_id, ends=True, suspended=SUSPENDED_DELETED),
        ]
        return not self._clients.transact(writes)

    def block_client(self, client_id: str, *, is_blocked: bool) -> bool:
        suspended = SUSPENDED_DISABLED if is_blocked else ""
        condition, values = "attribute_not_exists(suspended) OR suspended <> :deleted", {":deleted": SUSPENDED_DELETED}
        moves = raise_client_end(self._tables.tokens, client_id, suspended=suspended)
        is_not_deleted = Write.check({}, condition, values)
        return not self._tokens.transact([(table, move.and_only_if(is_not_deleted)) for table, move in moves])

    # -- organisations

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
            suspended=_suspended(changes.get("status")),
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

    def _leaving(self, membership: Membership) -> list[Placed]:
        """Removes a membership; one of an administrator with the approvals that this one gave."""
        key = {"id": membership_key(membership.organisation, membership.subject)}
        remove = Write.delete(key, *_unchanged(membership))
        return [(self._tables.users, remove), *self._end_of_approver(membership)]

    def _end_of_approver(self, membership: Membership | None) -> list[Placed]:
        if membership is None or membership.role != ADMINISTRATOR:
            return []
        keys = organisation_ends(membership.organisation)
        return count_in(self._tables.tokens, keys, "approvers", key_text(membership.subject))

    def _with_approvals(
        self,
        key: Mapping[str, str],
        writes: Callable[[Membership | None], list[Placed] | None],
        must: int | None = None,
    ) -> bool:
        """Writes what a membership as it is stored asks for; anew while somebody else changes it.

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
                self._tokens.transact(make_map(self._tables.tokens, keys, "approvers"))
        raise _contended()

    def withdraw_invitation(self, invitation_id: str) -> None:
        self._users.delete({"id": invitation_key(invitation_id)})

    # -- the deployment

    def change_scopes(self, catalogue: ScopeCatalogue) -> bool:
        told = self._deployment("SET catalogue = :catalogue", {":catalogue": catalogue.version + 1})
        return not self._tokens.transact([(self._configuration_table, scopes_write(catalogue)), *told])

    def change_resources(self, catalogue: "ResourceCatalogue") -> bool:
        told = self._deployment("SET resources = :resources", {":resources": catalogue.version + 1})
        return not self._tokens.transact([(self._configuration_table, resources_write(catalogue)), *told])

    def withdraw_key(self, ring: Ring) -> bool:
        told = self._deployment("ADD #keys :one", {":one": 1}, {"#keys": "keys"})
        return not self._tokens.transact([(self._keys_table, ring_write(ring)), *told])

    def end_everything(self, era: str) -> None:
        self._write(self._deployment("SET era = :era", {":era": era}))

    def _deployment(
        self, expression: str, values: Mapping[str, Any], names: Mapping[str, str] | None = None
    ) -> list[Placed]:
        keys = ({"pk": deployment_key(shard)} for shard in range(SHARDS))
        return [(self._tables.tokens, Write.update(key, expression, "", values, names or {})) for key in keys]

    def _write(self, writes: list[Placed]) -> None:
        """Writes without conditions of their own."""
        if self._tokens.transact(writes):
            raise _contended()


def _suspended(status: str | None) -> str | None:
    """What a status makes of an end: nothing if there is none."""
    if status is None:
        return None
    return "" if status == ACTIVE else SUSPENDED_DISABLED


def _provided(item: Item | None) -> Mapping[str, str]:
    """Which attributes of a user came with which identity, as it is stored; `NO_VALUES` if there is no such map."""
    provided: Mapping[str, str] = decode_item(item or {}).get("provided", NO_VALUES)
    return provided


def _has_these_names(user: Item | None) -> tuple[str, dict[str, Any]]:
    """The condition that a user's item has the identities and login names that were read, so that none stays behind."""
    if user is None:
        return "attribute_not_exists(id)", {}
    same, values = as_read(decode_item(user), "identities", "username", "login_address")
    return f"attribute_exists(id) AND {same}", values


def _are_enough(others: Others, sub: str, user: Item | None, memberships: Iterable[Membership]) -> bool:
    """Whether somebody else is named for all that the user is."""
    if sub in (others.operator, *others.administrators.values()):
        return False
    if user is not None and decode_item(user).get("operator") and not others.operator:
        return False
    return {one.organisation for one in memberships if one.role == ADMINISTRATOR} <= others.administrators.keys()


def _unchanged(membership: Membership | None) -> tuple[str, dict[str, Any], dict[str, str]]:
    """The condition that a membership is still the one that was read."""
    if membership is None:
        return "attribute_not_exists(id)", {}, {}
    if not membership.epoch:
        return "#role = :was AND attribute_not_exists(epoch)", {":was": membership.role}, dict(ROLE)
    return "epoch = :was", {":was": membership.epoch}, {}


def _replacing(stored: Membership | None, membership: Membership, groups: frozenset[str] | None) -> Write:
    """Puts a membership in place of the one that was read, with these groups, or with those that it had.

    Nobody may have changed the groups meanwhile: what was taken away would be back.
    """
    had = stored.groups if stored else frozenset()
    condition, values, names = _unchanged(stored)
    if stored is not None:
        condition += " AND #groups = :groups" if had else " AND attribute_not_exists(#groups)"
        values, names = values | ({":groups": had} if had else {}), names | GROUPS
    return Write.put(
        membership_item(replace(membership, groups=had if groups is None else groups)), condition, values, names
    )


def _contended() -> TemporarilyUnavailable:
    return TemporarilyUnavailable("The store did not answer", reason="withdrawal_contended")
