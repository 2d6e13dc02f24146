"""The Users table: users, their login names and their identities elsewhere."""

from collections.abc import Iterable, Mapping
from typing import Any

from authserver.aws.dynamodb.ends import ends_are, era_stands
from authserver.aws.dynamodb.identity_providers import write_by
from authserver.aws.dynamodb.lists import Index, read_all
from authserver.aws.dynamodb.reader import ATTEMPTS, Tables
from authserver.aws.items.ends import end_of, subject_end_of
from authserver.aws.items.factors import factors_of
from authserver.aws.items.organisations import membership_item
from authserver.aws.items.primary_keys import (
    factors_key,
    identity_key,
    key_text,
    login_key,
    mail_key,
    part_of,
    parts_of,
    shard_of,
    subject_end_key,
)
from authserver.aws.items.records import attributes_of, read
from authserver.aws.items.users import identity_item, identity_of, subject_of, user_of
from authserver.aws.service import Service
from authserver.aws.table import (
    UNGUARDED,
    ConditionFailed,
    Guard,
    Item,
    Path,
    Placed,
    Table,
    Write,
    assignments,
    decode_item,
    encode_item,
    read_together,
)
from authserver.errors import TemporarilyUnavailable
from authserver.models.browsers import OneTimeLink
from authserver.models.configuration import IdentityProvider
from authserver.models.organisations import Membership
from authserver.models.users import Identity, User, identity_id
from authserver.storage.lists import Page
from authserver.storage.users import MAPS, MOST_IDENTITIES, PROFILE_FIELDS, AccountState

LISTED = "user"
OPERATORS = "operators"  # what operators are listed by as well, as if they were the members of something


class DynamoUsers:
    """Implements `storage.users.UserStore`."""

    def __init__(self, dynamodb: Service, tables: Tables, configuration_table: str, guard: Guard = UNGUARDED) -> None:
        self._dynamodb = dynamodb
        self._configuration_table = configuration_table
        self._name = table = tables.users
        self._tokens = tables.tokens
        self._table = Table(dynamodb, table, guard)
        self._all = Index(dynamodb, table, "id", "by_kind", "listed")
        self._operators = Index(dynamodb, table, "id", "by_member", "listed_member")

    def get(self, sub: str) -> User | None:
        return read(user_of, self._table.get({"id": f"user#{sub}"}))

    def get_all(self, subs: Iterable[str]) -> dict[str, User]:
        keys = tuple(f"user#{sub}" for sub in subs)
        items = read_all(self._dynamodb, {self._name: ("id", keys)})[self._name]
        records = (read(user_of, item) for item in items.values())
        return {record.sub: record for record in records if record is not None}

    def find(self, username: str) -> User | None:
        # The second read is made for a name that does not exist as well, so that time does not tell which do.
        return self.get(self.identify(username))

    def identify(self, username: str) -> str:
        return read(subject_of, self._table.get({"id": login_key(username)})) or ""

    def account_state(self, sub: str, identity: str = "") -> AccountState:
        user, factors, end = f"user#{sub}", factors_key(sub), subject_end_key(key_text(sub))
        for _ in range(ATTEMPTS):
            found = read_together(self._dynamodb, {self._name: ("id", (user, factors)), self._tokens: ("pk", (end,))})
            item, ended = found[self._name].get(user), found[self._tokens].get(end)
            if item is None or _version(item) == _version(ended):
                is_theirs = not identity or identity_key(identity) in decode_item(item or {}).get("identities", ())
                return AccountState(
                    read(user_of, item) if is_theirs else None,
                    factors_of(found[self._name].get(factors)),
                    end_of(subject_end_of, ended),
                )
        raise TemporarilyUnavailable("The store did not answer", reason="user_contended")

    def create(self, user: User) -> bool:
        items = [encode_item(user_attributes(user))]
        if user.username:
            items.append(encode_item({"id": login_key(user.username), "sub": user.sub}))
        return not self._table.transact(self._creation(user, items))

    def _creation(self, user: User, items: list[Item]) -> list[Placed]:
        """Puts the items if none of their keys is taken, and nobody had the subject before."""
        end = {"pk": subject_end_key(key_text(user.sub))}
        nobodys = "attribute_not_exists(suspended)"
        check = Write.check(end, nobodys)
        if user.operator:
            check = Write.update(
                end, "SET #operator = :operator", nobodys, {":operator": True}, {"#operator": "operator"}
            )
        puts: list[Placed] = [(self._name, Write.put(item, "attribute_not_exists(id)")) for item in items]
        return [*puts, (self._tokens, check)]

    def find_by_identity(self, issuer: str, subject: str) -> User | None:
        sub = self._owner(identity_key(identity_id(issuer, subject)))
        return self.get(sub) if sub else None

    def create_federated(
        self, user: User, issuer: str, subject: str, provider: IdentityProvider, membership: Membership | None
    ) -> bool:
        identity = Identity.of(user.sub, issuer, subject, user.created_at)
        items = [
            encode_item({**user_attributes(user), "identities": frozenset({identity_key(identity.id)})}),
            identity_item(identity),
        ]
        if membership:
            items.append(membership_item(membership))
        return write_by(self._table, self._creation(user, items), provider, self._configuration_table, self._tokens)

    def link(self, identity: Identity) -> bool:
        key = identity_key(identity.id)
        owner = self._owner(key)
        if owner is not None:
            return owner == identity.sub
        refused = self._table.write_all(
            [
                Write.put(identity_item(identity), "attribute_not_exists(id)"),
                Write.update(
                    {"id": f"user#{identity.sub}"},
                    "ADD identities :identities",
                    "attribute_exists(id) AND (attribute_not_exists(identities) OR size(identities) < :most)",
                    {":identities": frozenset({key}), ":most": MOST_IDENTITIES},
                ),
            ]
        )
        return not refused or self._owner(key) == identity.sub  # by ourselves: the answer to the write was lost

    def identities(self, sub: str) -> tuple[Identity, ...]:
        keys = tuple(sorted(decode_item(self._table.get({"id": f"user#{sub}"}) or {}).get("identities", ())))
        items = read_together(self._dynamodb, {self._name: ("id", keys)})[self._name]
        found = (read(identity_of, items.get(key)) for key in keys)
        return tuple(sorted((one for one in found if one and one.sub == sub), key=lambda one: (one.created_at, one.id)))

    def _owner(self, key: str) -> str | None:
        return read(subject_of, self._table.get({"id": key}))

    def update(self, sub: str, *, identity: str = "", **changes: Any) -> User | None:
        expression, names, values = user_assignments(changes, PROFILE_FIELDS)
        key, condition = {"id": f"user#{sub}"}, user_condition(changes)
        if identity:
            condition += " AND contains(identities, :identity)"
            values[":identity"] = identity_key(identity)
        for _ in range(ATTEMPTS):
            try:
                item = self._table.update(key, expression, condition, values, names=names, answer="ALL_NEW")
            except ConditionFailed:
                if not make_user_maps(self._table, sub, changes, identity):
                    return None
            else:
                return user_of(decode_item(item))
        raise TemporarilyUnavailable("The store did not answer", reason="user_contended")

    def rehash(self, sub: str, old: str, new: str) -> bool:
        return self._table.update_if(
            {"id": f"user#{sub}"},
            "SET password_hash = :new",
            "password_hash = :old OR password_hash = :new",  # the retry of a write whose answer was lost: salts differ
            {":old": old, ":new": new},
        )

    def confirm_email(self, link: OneTimeLink, claim: str, now: int) -> bool:
        confirm = Write.update(
            {"id": f"user#{link.subject}"},
            "SET email = :address, email_verified = :verified, updated_at = :now REMOVE pending_email",
            "pending_email = :address OR (email = :address AND email_verified = :verified)",
            {":address": link.address, ":verified": True, ":now": now},
        )
        condition, values = ends_are(link.begun.subject, link.sessions)
        stands = Write.check({"pk": subject_end_key(key_text(link.subject))}, condition, values)
        return not self._table.transact(
            [
                (self._name, confirm),
                (self._tokens, spend_link(link, claim, now)),
                (self._tokens, stands),
                era_stands(self._tokens, link.begun.era, shard_of(link.subject)),
            ]
        )

    def list(self, *, limit: int = 50, cursor: str | None = None) -> Page[User]:
        return self._all.page(parts_of(LISTED), user_of, limit=limit, cursor=cursor)

    def operators(self, *, limit: int = 50, cursor: str | None = None) -> Page[User]:
        return self._operators.page(OPERATORS, user_of, limit=limit, cursor=cursor)


def _version(item: Item | None) -> int:
    """Of a user's record or end: whatever changes both raises both."""
    return int(decode_item(item or {}).get("version", 0))


def user_assignments(
    changes: Mapping[str, Any], changeable: frozenset[str]
) -> tuple[str, dict[str, str], dict[str, Any]]:
    """The update expression that makes these changes of a user, with its names and values; entries of `MAPS` by paths.

    Condition: `user_condition`. Raises `ValueError`.
    """
    paths: dict[Path, Any] = {name: value for name, value in changes.items() if name not in MAPS}
    paths |= {(name, entry): value for name in MAPS for entry, value in changes.get(name, {}).items()}
    return assignments(paths, changeable)


def user_condition(changes: Mapping[str, Any]) -> str:
    """That there is the user, with every map in which there are changes."""
    return " AND ".join(["attribute_exists(id)", *(f"attribute_exists(#{name})" for name in MAPS if changes.get(name))])


def make_user_maps(table: Table, sub: str, changes: Mapping[str, Any], identity: str = "") -> bool:
    """Gives a user, who has the identity, the maps in which there are changes, empty unless they are there.

    False if there is no such user, or there are no such changes.
    """
    is_theirs, values = (
        (" AND contains(identities, :identity)", {":identity": identity_key(identity)}) if identity else ("", {})
    )
    needed = [name for name in MAPS if changes.get(name)]
    made = ", ".join(f"#{name} = if_not_exists(#{name}, :none)" for name in needed)
    names = {f"#{name}": name for name in needed}
    return bool(needed) and table.update_if(
        {"id": f"user#{sub}"}, f"SET {made}", f"attribute_exists(id){is_theirs}", {":none": {}, **values}, names=names
    )


def user_attributes(user: User) -> dict[str, Any]:
    """What is stored of a user."""
    listed = {"listed": f"{LISTED}#{part_of(user.sub)}", "listed_member": OPERATORS if user.operator else None}
    return {
        "id": f"user#{user.sub}",
        **listed,
        **attributes_of(user),
        **{name: getattr(user, name) or None for name in MAPS},
    }


def spend_link(link: OneTimeLink, claim: str, now: int) -> Write:
    """Uses a link of a mail, unless it is over or another claim has."""
    return Write.update(
        {"pk": mail_key(link.id)},
        "SET spent_by = :claim",
        "secret_hash = :hash AND expires_at > :now AND (attribute_not_exists(spent_by) OR spent_by = :claim)",
        {":claim": claim, ":hash": link.secret_hash, ":now": now},
    )
