"""The Users table: users, their login names and their identities elsewhere."""

from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from authserver.aws.dynamodb.lists import Index
from authserver.aws.dynamodb.organisations import membership_item
from authserver.aws.items import factors_key, factors_of, identity_key, login_key, read, subject_of, user_of
from authserver.aws.table import (
    ConditionFailed,
    Table,
    Write,
    assignments,
    decode_item,
    encode_item,
    read_together,
)
from authserver.models import Factors, Membership, User
from authserver.storage import Page

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LISTED = "user"
CHANGEABLE = frozenset(field.name for field in fields(User)) - {"sub", "username"}


class DynamoUsers:
    """Implements `storage.UserStore`."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._name = table
        self._table = Table(client, table)
        self._all = Index(client, table, "id", "by_kind", "listed")

    def get(self, sub: str) -> User | None:
        return read(user_of, self._table.get({"id": f"user#{sub}"}))

    def find(self, username: str) -> User | None:
        login = read(subject_of, self._table.get({"id": login_key(username)}))
        # The second read is made for a name that does not exist as well, so that time does not tell which do.
        return self.get(login or "")

    def find_with_factors(self, username: str) -> tuple[User | None, Factors | None]:
        login = read(subject_of, self._table.get({"id": login_key(username)}))
        return self.get_with_factors(login or "")  # for nobody as well, as in `find`

    def get_with_factors(self, sub: str) -> tuple[User | None, Factors | None]:
        user, factors = f"user#{sub}", factors_key(sub)
        found = read_together(self._client, {self._name: ("id", (user, factors))})[self._name]
        return read(user_of, found.get(user)), factors_of(found.get(factors))

    def create(self, user: User) -> bool:
        items = [encode_item({"id": f"user#{user.sub}", "listed": LISTED, **asdict(user)})]
        if user.username:
            items.append(encode_item({"id": login_key(user.username), "sub": user.sub}))
        return self._table.put_all_new(items, "id")

    def find_by_identity(self, issuer: str, subject: str) -> User | None:
        sub = read(subject_of, self._table.get({"id": identity_key(issuer, subject)}))
        return self.get(sub) if sub else None

    def create_federated(self, user: User, issuer: str, subject: str, membership: Membership | None) -> bool:
        identity = identity_key(issuer, subject)
        items = [
            encode_item({"id": f"user#{user.sub}", "listed": LISTED, **asdict(user), "identity": identity}),
            encode_item({"id": identity, "sub": user.sub}),
        ]
        if membership:
            items.append(membership_item(membership))
        return self._table.put_all_new(items, "id")

    def link(self, sub: str, issuer: str, subject: str) -> bool:
        identity = identity_key(issuer, subject)
        owner = self._owner(identity)
        if owner is not None:
            return owner == sub
        item, added = encode_item({"id": identity, "sub": sub}), {":identities": frozenset({identity})}
        linked = self._table.write_all(
            [
                Write.put(item, "attribute_not_exists(id)", {}),
                Write.update({"id": f"user#{sub}"}, "ADD identities :identities", "attribute_exists(id)", added),
            ]
        )
        return linked or self._owner(identity) == sub  # by ourselves: the answer to the write was lost

    def _owner(self, identity: str) -> str | None:
        return read(subject_of, self._table.get({"id": identity}))

    def update(self, sub: str, **changes: Any) -> User | None:
        expression, names, values = assignments(changes, CHANGEABLE)
        try:
            item = self._table.update(
                {"id": f"user#{sub}"}, expression, "attribute_exists(id)", values, names=names, answer="ALL_NEW"
            )
        except ConditionFailed:
            return None
        return user_of(decode_item(item))

    def rehash(self, sub: str, old: str, new: str) -> bool:
        return self._table.update_if(
            {"id": f"user#{sub}"},
            "SET password_hash = :new",
            "password_hash = :old OR password_hash = :new",  # the retry of a write whose answer was lost: salts differ
            {":old": old, ":new": new},
        )

    def reset_password(self, sub: str, password_hash: str, address: str) -> bool:
        return self._table.update_if(
            {"id": f"user#{sub}"},
            "SET password_hash = :password_hash, email_verified = :verified",
            "email = :address",
            {":password_hash": password_hash, ":verified": True, ":address": address},
        )

    def confirm_email(self, sub: str, address: str) -> bool:
        return self._table.update_if(
            {"id": f"user#{sub}"},
            "SET email = :address, email_verified = :verified REMOVE pending_email",
            "pending_email = :address OR (email = :address AND email_verified = :verified)",
            {":address": address, ":verified": True},
        )

    def delete(self, sub: str) -> None:
        item = self._table.get({"id": f"user#{sub}"})
        if item is None:
            return
        user = decode_item(item)
        names = [login_key(user["username"])] if "username" in user else []
        names += {*([user["identity"]] if "identity" in user else ()), *user.get("identities", ())}
        names.append(factors_key(sub))
        self._table.delete_all([{"id": f"user#{sub}"}, *({"id": name} for name in names)])

    def list(self, *, limit: int = 50, cursor: str | None = None) -> Page[User]:
        return self._all.page(LISTED, user_of, limit=limit, cursor=cursor)
