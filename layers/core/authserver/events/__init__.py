"""Events: what happened, as others are told it (CloudEvents 1.0), made of what changed in the tables.

`mapping` says which change of which item is which event, `types` what each type of event has, `cloudevents` how an
event is written. An event has identifiers, names of fields, versions and times. No secret, hash of a secret, token,
password, address or name is in it.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any

from authserver.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

CLIENTS, USERS, TOKENS, KEYS, CONFIGURATION = "clients", "users", "tokens", "keys", "configuration"


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one item of a `table`, as a stream of DynamoDB tells it.

    `before` and `after` are the item's attributes, empty where there was or is no item. `sequence` is the stream's
    number of the change: of two changes of one item, the later has the greater one. `at` is when it was made, in epoch
    seconds. `is_expiry`: DynamoDB removed the item because its time to live was over.
    """

    table: str
    key: str
    before: Mapping[str, Any] = field(repr=False)
    after: Mapping[str, Any] = field(repr=False)
    sequence: str
    at: int
    is_expiry: bool = False

    def has_changed(self, name: str) -> bool:
        """Whether an attribute has another value now, or has one or none in contrast to before."""
        return bool(self.before.get(name) != self.after.get(name))

    def has_begun(self, name: str) -> bool:
        """Whether there is an attribute that there was not."""
        return name in self.after and name not in self.before

    def has_risen(self, name: str) -> bool:
        """Whether a counter is another one: one that is not there is 0."""
        return bool(self.before.get(name, 0) != self.after.get(name, 0))


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened. `subject` names what it happened to, `data` are the members of its type (`types`).

    `change` is what it was made of: for receivers that look up more. It is not told.
    """

    id: str
    type: str
    subject: str
    data: Mapping[str, Any]
    change: Change = field(repr=False)
