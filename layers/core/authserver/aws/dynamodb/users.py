"""The Users table: users, their login names and their identities elsewhere."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

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
from authserver.models.users import Identity, User, address_name, identity_id
from authserver.storage.lists import Page
from authserver.storage.users import (
    MAPS,
    MOST_IDENTITIES,
    PROFILE_FIELDS,
    TOLD_FIELDS,
    AccountState,
    AddressTaken,
    Confirmation,
)
from authserver.values import normalised_username

if TYPE_CHECKING:
    from authserver.aws.dynamodb.login_names import Move

LISTED = "user"
ADDRESS = frozenset({"email", "email_verified"})  # what decides which address is a login name
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

    def told(self, sub: str) -> User | None:
        return read(user_of, self._table.get({"id": f"user#{sub}"}, TOLD_FIELDS))

    def get_all(self, subs: Iterable[str]) -> dict[str, User]:
        keys = tuple(f"user#{sub}" for sub in subs)
        items = read_all(self._dynamodb, {self._name: ("id", keys)})[self._name]
        records = (read(user_of, item) for item in items.values())
        return {record.sub: record for record in records if record is not None}

    def find(self, name: str) -> User | None:
        # The second read is made for a name that does not exist as well, so that time does not tell which do.
        return self.get(self.identify(name))

    def identify(self, name: str) -> str:
        return owner_of(self._table, name)

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
        raise _contended()

    def create(self, user: User) -> bool:
        address = address_name(user.email, verified=user.email_verified)
        items = [
            encode_item({**user_attributes(user), "login_address": address}),
            *_login_items(user, address),
        ]
        return not self._table.transact(self._creation(user, items))

    def _creation(self, user: User, items: list[Item]) -> list[Placed]:
        """Puts the items if none of their keys is taken, and the subject was never used before."""
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
        others = [identity_item(identity), *([membership_item(membership)] if membership else [])]
        attributes = {**user_attributes(user), "identities": frozenset({identity_key(identity.id)})}
        address = address_name(user.email, verified=user.email_verified)
        free = [address] if address and not owner_of(self._table, address) else []
        for name in (*free, ""):  # another account may take it meanwhile
            items = [encode_item({**attributes, "login_address": name}), *others, *_login_items(user, name)]
            writes = self._creation(user, items)
            if write_by(self._table, writes, provider, self._configuration_table, self._tokens):
                return True
        return False

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
        if ADDRESS & changes.keys():
            return self._update_with_address(sub, changes, condition, identity)
        for _ in range(ATTEMPTS):
            try:
                item = self._table.update(key, expression, condition, values, names=names, answer="ALL_NEW")
            except ConditionFailed:
                if not make_user_maps(self._table.beforehand, sub, changes, identity):
                    return None
            else:
                return user_of(decode_item(item))
        raise _contended()

    def _update_with_address(self, sub: str, changes: Mapping[str, Any], condition: str, identity: str) -> User | None:
        """The same where an address is among the changes, which is a login name if it is confirmed and free."""
        from authserver.aws.dynamodb.login_names import move_of

        for _ in range(ATTEMPTS):
            move = move_of(self._table, sub, changes)
            if move.is_taken:
                move = replace(move, address="")
            if not move.stored or (identity and identity_key(identity) not in move.stored.get("identities", ())):
                return None
            if not self._table.transact(self._moving(move, changes, condition, identity)):
                return self.get(sub)
            make_user_maps(self._table.beforehand, sub, changes, identity)
        raise _contended()

    def _moving(self, move: "Move", changes: Mapping[str, Any], condition: str, identity: str) -> list[Placed]:
        expression, names, values = user_assignments(
            {**changes, "login_address": move.address}, PROFILE_FIELDS | {"login_address"}
        )
        as_read, read_values = move.condition
        values |= read_values | ({":identity": identity_key(identity)} if identity else {})
        change = Write.update({"id": f"user#{move.sub}"}, expression, f"{condition} AND {as_read}", values, names)
        return [(self._name, change), *move.writes(self._name)]

    def rehash(self, sub: str, old: str, new: str) -> bool:
        return self._table.update_if(
            {"id": f"user#{sub}"},
            "SET password_hash = :new",
            "password_hash = :old OR password_hash = :new",  # the retry of a write whose answer was lost: salts differ
            {":old": old, ":new": new},
        )

    def confirm_email(self, link: OneTimeLink, claim: str, now: int) -> Confirmation | None:
        move = self._confirming(link)
        for _ in range(ATTEMPTS):
            if move.is_taken and not move.gives_way:
                raise AddressTaken
            if not self._table.transact(self._confirmation(move, link, claim, now)):
                return Confirmation(self.get(move.owner) if move.gives_way else None)
            before, move = move, self._confirming(link)
            if move == before:
                return None
        raise _contended()

    def _confirming(self, link: OneTimeLink) -> "Move":
        from authserver.aws.dynamodb.login_names import move_of

        return move_of(self._table, link.subject, {"email": link.address, "email_verified": True})

    def _confirmation(self, move: "Move", link: OneTimeLink, claim: str, now: int) -> list[Placed]:
        as_read, read_values = move.condition
        confirm = Write.update(
            {"id": f"user#{link.subject}"},
            "SET email = :address, email_verified = :verified, updated_at = :now, login_address = :name"
            " REMOVE pending_email",
            f"(pending_email = :address OR (email = :address AND email_verified = :verified)) AND {as_read}",
            {":address": link.address, ":verified": True, ":now": now, ":name": move.address, **read_values},
        )
        condition, values = ends_are(link.begun.subject, link.sessions)
        stands = Write.check({"pk": subject_end_key(key_text(link.subject))}, condition, values)
        names = move.writes_of_renaming(self._name, claim, now) if move.gives_way else move.writes(self._name)
        return [
            (self._name, confirm),
            (self._tokens, spend_link(link, claim, now)),
            (self._tokens, stands),
            era_stands(self._tokens, link.begun.era, shard_of(link.subject)),
            *names,
        ]

    def list(self, *, limit: int = 50, cursor: str | None = None) -> Page[User]:
        return self._all.page(parts_of(LISTED), user_of, limit=limit, cursor=cursor)

    def operators(self, *, limit: int = 50, cursor: str | None = None) -> Page[User]:
        return self._operators.page(OPERATORS, user_of, limit=limit, cursor=cursor)


def _contended() -> TemporarilyUnavailable:
    return TemporarilyUnavailable("The store did not answer", reason="user_contended")


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
    # A value for each: MiniStack makes one map of one value, and a change of the one would be a change of the other.
    made = ", ".join(f"#{name} = if_not_exists(#{name}, :{name})" for name in needed)
    names = {f"#{name}": name for name in needed}
    empty: dict[str, Any] = {f":{name}": {} for name in needed}
    return bool(needed) and table.update_if(
        {"id": f"user#{sub}"}, f"SET {made}", f"attribute_exists(id){is_theirs}", {**empty, **values}, names=names
    )


def owner_of(table: Table, name: str) -> str:
    """The subject with this login name; empty if it is free."""
    return read(subject_of, table.get({"id": login_key(name)})) or ""


def login_item(name: str, sub: str) -> Item:
    """What makes a login name a user's."""
    return encode_item({"id": login_key(name), "sub": sub})


def _login_items(user: User, address: str) -> list[Item]:
    names = dict.fromkeys(filter(None, (normalised_username(user.username), address)))
    return [login_item(name, user.sub) for name in names]


def as_read(stored: Mapping[str, Any], *names: str) -> tuple[str, dict[str, Any]]:
    """The condition that these attributes of an item are what was read, with its values."""
    conditions = [f"{name} = :{name}_was" if name in stored else f"attribute_not_exists({name})" for name in names]
    return " AND ".join(conditions), {f":{name}_was": stored[name] for name in names if name in stored}


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
