"""Login names: usernames and confirmed addresses, an item for each, which makes it one user's.

A user's item tells by ``login_address`` which address is one of theirs. Whatever gives a user an address, or takes one
away, has that attribute for a condition, as it was read: so no user keeps a name that is no longer theirs.
"""

from collections.abc import Mapping
from typing import Any

from authserver.aws.dynamodb.users import ADDRESS, as_read, login_item, owner_of
from authserver.aws.items.primary_keys import login_key
from authserver.aws.table import Placed, Table, Write, decode_item
from authserver.models.users import address_name
from authserver.records import dataclass
from authserver.values import base32, normalised_username, sha256

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
        """Whether it is a login name of another user."""
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
        """Takes the address if it is free, or the user's, and gives the one from before back."""
        writes, before = [], self.stored.get("login_address", "")
        no_others = ("attribute_not_exists(id) OR #sub = :sub", {":sub": self.sub}, SUB)
        if self.address and self.address != before:
            writes.append(Write.put(login_item(self.address, self.sub), *no_others))
        if before and before not in (self.address, normalised_username(self.stored.get("username", ""))):
            writes.append(Write.delete({"id": login_key(before)}, *no_others))
        return [(table, write) for write in writes]

    def writes_of_renaming(self, table: str, claim: str, now: int) -> list[Placed]:
        """Takes the address from the user who has it for a username, gives them another one, and the one from before
        back."""
        username = _in_place_of(self.holder["username"], claim)
        condition, values = as_read(self.holder, "username", "login_address")
        rename = Write.update(
            {"id": f"user#{self.owner}"},
            "SET username = :username, updated_at = :now",
            condition,
            {":username": username, ":now": now, **values},
        )
        take = Write.put(login_item(self.address, self.sub), "#sub = :owner", {":owner": self.owner}, SUB)
        give = Write.put(login_item(username, self.owner), "attribute_not_exists(id)")
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


def _in_place_of(username: str, claim: str) -> str:
    """A username for a user who had an address for one: what was before the ``@``, and something of the `claim`."""
    local = normalised_username(username).partition("@")[0][:LONGEST]
    return f"{local or 'user'}-{base32(sha256(claim))[:8].lower()}"
