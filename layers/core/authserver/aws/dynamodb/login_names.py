"""Login names: usernames and confirmed addresses, an item for each, which makes it one user's.

A user's item tells by ``login_address`` which address is one of theirs. Whatever gives a user an address, or takes one
away, has that attribute for a condition, as it was read: so nobody keeps a name that is not theirs any more.
"""

from collections.abc import Mapping
from typing import Any

from authserver.aws.items.primary_keys import login_key
from authserver.aws.items.records import read
from authserver.aws.items.users import subject_of
from authserver.aws.table import Item, Placed, Table, Write, decode_item, encode_item
from authserver.models.users import address_name
from authserver.records import dataclass
from authserver.values import base32, normalised_username, sha256

ADDRESS = frozenset({"email", "email_verified"})  # what decides which address is a login name
SUB = {"#sub": "sub"}
LONGEST = 200  # characters of a username that stay where it gives way


@dataclass(frozen=True, slots=True)
class Move:
    """What the login names of a user, `sub`, are to be: `address` besides the username, or none; as they were read.

    `stored` is the user's item, `owner` who has the address by now, and `holder` their item if it is not the user.
    """

    sub: str
    address: str
    stored: Mapping[str, Any]
    owner: str
    holder: Mapping[str, Any]

    @property
    def is_taken(self) -> bool:
        """Whether it is a login name of somebody else's."""
        return self.owner not in ("", self.sub)

    @property
    def gives_way(self) -> bool:
        """Whether that is a username, which is no address of theirs."""
        is_username = normalised_username(self.holder.get("username", "")) == self.address
        return self.is_taken and is_username and self.holder.get("login_address") != self.address

    @property
    def condition(self) -> tuple[str, dict[str, Any]]:
        """That all which decided this is in the user's item as it was read."""
        return as_read(self.stored, *sorted(ADDRESS), "login_address")

    def writes(self, table: str) -> list[Placed]:
        """Takes the address if it is nobody's, or the user's, and gives the one from before back."""
        writes, before = [], self.stored.get("login_address", "")
        if self.address and self.address != before:
            nobodys = "attribute_not_exists(id) OR #sub = :sub"
            writes.append(Write.put(_item(self.address, self.sub), nobodys, {":sub": self.sub}, SUB))
        if before and before not in (self.address, normalised_username(self.stored.get("username", ""))):
            writes.append(Write.delete({"id": login_key(before)}, "#sub = :sub", {":sub": self.sub}, SUB))
        return [(table, write) for write in writes]

    def writes_of_renaming(self, table: str, username: str, now: int) -> list[Placed]:
        """Takes the address from whoever has it for a username, gives them another one, and the one from before
        back."""
        condition, values = as_read(self.holder, "username", "login_address")
        rename = Write.update(
            {"id": f"user#{self.owner}"},
            "SET username = :username, updated_at = :now",
            condition,
            {":username": username, ":now": now, **values},
        )
        take = Write.put(_item(self.address, self.sub), "#sub = :owner", {":owner": self.owner}, SUB)
        give = Write.put(_item(username, self.owner), "attribute_not_exists(id)")
        others = [placed for placed in self.writes(table) if placed[1].kind == "Delete"]
        return [*((table, write) for write in (take, give, rename)), *others]


def move_of(table: Table, sub: str, changes: Mapping[str, Any]) -> Move:
    """The move that these changes of a user's item are. `stored` is empty if there is no such user."""
    stored = decode_item(table.get({"id": f"user#{sub}"}) or {})
    after = {"email": "", "email_verified": False, **stored, **changes}
    address = address_name(after["email"], verified=after["email_verified"])
    owner = owner_of(table, address) if address else ""
    is_other = owner not in ("", sub)
    holder = decode_item(table.get({"id": f"user#{owner}"}) or {}) if is_other else {}
    return Move(sub, address, stored, owner, holder)


def owner_of(table: Table, name: str) -> str:
    """The subject with this login name; empty if it is nobody's."""
    return read(subject_of, table.get({"id": login_key(name)})) or ""


def new_items(sub: str, username: str, address: str) -> list[Item]:
    """The items of the login names of somebody new."""
    names = dict.fromkeys(filter(None, (normalised_username(username), address)))
    return [_item(name, sub) for name in names]


def in_place_of(username: str, claim: str) -> str:
    """A username for whoever had an address for one: what was before the ``@``, and something of the `claim`."""
    local = normalised_username(username).partition("@")[0][:LONGEST]
    return f"{local or 'user'}-{base32(sha256(claim))[:8].lower()}"


def as_read(stored: Mapping[str, Any], *names: str) -> tuple[str, dict[str, Any]]:
    """The condition that these attributes of an item are what was read, with its values."""
    conditions = [f"{name} = :{name}_was" if name in stored else f"attribute_not_exists({name})" for name in names]
    return " AND ".join(conditions), {f":{name}_was": stored[name] for name in names if name in stored}


def _item(name: str, sub: str) -> Item:
    return encode_item({"id": login_key(name), "sub": sub})
