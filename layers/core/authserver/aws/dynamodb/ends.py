"""The writes of ends, which go into one transaction with the records that they are about."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from authserver.aws.items.primary_keys import (
    SHARDS,
    client_end_key,
    deployment_key,
    key_text,
    organisation_end_key,
    subject_end_key,
)
from authserver.aws.table import Placed, Write
from authserver.ends import COUNTERS, SUSPENDED_DELETED, Begun

if TYPE_CHECKING:
    from collections.abc import Mapping

    from authserver.models.browsers import Session
    from authserver.models.clients import Client

NO_MORE: Mapping[str, Any] = {}


def subject_end(
    table: str,
    subject: str,
    *,
    suspended: str | None = None,
    is_operator: bool | None = None,
    version: int | None = None,
    api_keys: bool = False,
    only_if: str = "",
    values: Mapping[str, Any] = NO_MORE,
) -> Placed:
    """Raises the epoch of a subject, and with `api_keys` that of their API keys. The `version` is that which the user's
    record gets in the same transaction, if it is changed. `suspended` is set, or if empty removed.

    The counts of `grants` stay, since an approval is compared with them whatever the epoch is: one that fell would let
    what was disconnected stand again. They are forgotten only for a deleted subject, which never comes back.
    """
    kept = "grants = :none" if suspended == SUSPENDED_DELETED else "grants = if_not_exists(grants, :none)"
    sets, removes, more = _suspension(suspended)
    sets.append(kept)
    more |= {":none": {}, ":one": 1, **values}
    if version is not None:
        sets.append("version = :version")
        more[":version"] = version
    if is_operator:
        sets.append("#operator = :operator")
        more[":operator"] = True
    elif is_operator is not None:
        removes.append("#operator")
    expression = _expression(sets, removes, ["epoch :one", *(("api_keys :one",) if api_keys else ())])
    names = {} if is_operator is None else {"#operator": "operator"}
    key = {"pk": subject_end_key(key_text(subject))}
    return table, Write.update(key, expression, only_if, more, names)


def move_client_end(
    table: str, client_id: str, after: Client | None = None, *, ends: bool = False, suspended: str | None = None
) -> list[Placed]:
    """Gives all copies of a client's end what the client may have as it is `after`, and its version; or else, the
    record being gone or only kept, the next version.

    `ends` raises its epoch; `suspended` is set, or if empty removed.
    """
    sets, removes, more = _suspension(suspended)
    adds = ["epoch :one"] if ends else []
    if after is None:
        adds.append("version :one")
    else:
        sets += ["#scope = :scope", "acts_for_itself = :acts_for_itself", "version = :version"]
        more |= {":scope": str(after.scope), ":acts_for_itself": after.acts_for_itself, ":version": after.version}
    if adds:
        more[":one"] = 1
    names = {"#scope": "scope"} if after is not None else {}
    keys = ({"pk": client_end_key(key_text(client_id), shard)} for shard in range(SHARDS))
    return [(table, Write.update(key, _expression(sets, removes, adds), "", more, names)) for key in keys]


def raise_client_end(table: str, client_id: str, *, suspended: str | None = None) -> list[Placed]:
    """Raises the epoch in all copies of a client's end; its record, if it has one, stays as it is. `suspended` is set,
    or if empty removed."""
    sets, removes, more = _suspension(suspended)
    expression = _expression(sets, removes, ["epoch :one"])
    keys = ({"pk": client_end_key(key_text(client_id), shard)} for shard in range(SHARDS))
    return [(table, Write.update(key, expression, "", {**more, ":one": 1})) for key in keys]


def move_organisation_end(
    table: str, organisation: str, *, version: int | None = None, ends: bool = False, suspended: str | None = None
) -> list[Placed]:
    """Gives all copies of an organisation's end the `version` that its record gets; `ends` raises its epoch, which ends
    what its clients and its approvers did as well; `suspended` is set, or if empty removed."""
    sets, removes, more = _suspension(suspended)
    if version is not None:
        sets.append("version = :version")
        more[":version"] = version
    if ends:
        sets += ["clients = :clients", "approvers = :approvers"]
        more |= {":clients": {}, ":approvers": {}, ":one": 1}
    expression = _expression(sets, removes, ["epoch :one"] if ends else [])
    keys = ({"pk": organisation_end_key(key_text(organisation), shard)} for shard in range(SHARDS))
    return [(table, Write.update(key, expression, "", more)) for key in keys]


def new_version() -> int:
    """Of a record and its end, which are read until both have the same: drawn anew with each write of both. So two that
    were restored from backups of two moments agree again with the next such write."""
    return int.from_bytes(os.urandom(7)) >> 3


def _suspension(suspended: str | None) -> tuple[list[str], list[str], dict[str, Any]]:
    """What of an update sets `suspended`, or if empty removes it: the parts of SET and REMOVE, and the values."""
    if suspended is None:
        return [], [], {}
    return (["suspended = :suspended"], [], {":suspended": suspended}) if suspended else ([], ["suspended"], {})


def _expression(sets: list[str], removes: list[str], adds: list[str]) -> str:
    clauses = (("SET", sets), ("REMOVE", removes), ("ADD", adds))
    return " ".join(f"{word} {', '.join(parts)}" for word, parts in clauses if parts)


def count_in(table: str, keys: list[Mapping[str, str]], name: str, counted: str) -> list[Placed]:
    """Raises the counter of `counted` in the map `name` of each item. Condition: the map is there."""
    raised = "SET #map.#counted = if_not_exists(#map.#counted, :zero) + :one"
    names = {"#map": name, "#counted": counted}
    return [
        (table, Write.update(key, raised, "attribute_exists(#map)", {":zero": 0, ":one": 1}, names)) for key in keys
    ]


def count_first(table: str, keys: list[Mapping[str, str]], name: str, counted: str) -> list[Placed]:
    """The same where there is no map `name` yet, which is the condition."""
    first = {":counts": {counted: 1}}
    return [
        (table, Write.update(key, "SET #map = :counts", "attribute_not_exists(#map)", first, {"#map": name}))
        for key in keys
    ]


def make_map(table: str, keys: list[Mapping[str, str]], name: str) -> list[Placed]:
    """Gives each item an empty map `name`, unless it has one."""
    return [
        (table, Write.update(key, "SET #map = if_not_exists(#map, :none)", "", {":none": {}}, {"#map": name}))
        for key in keys
    ]


def organisation_ends(organisation: str) -> list[Mapping[str, str]]:
    """The keys of all copies of an organisation's end."""
    return [{"pk": organisation_end_key(key_text(organisation), shard)} for shard in range(SHARDS)]


def session_stands(table: str, session: Session, shard: int, prefix: str = "s") -> tuple[Placed, ...]:
    """The conditions that a session stands still: it is there, its user's counters are those that it has, and its era
    is the present one. `shard` is the copy of the deployment's item that tells the era."""
    condition, values = ends_are(session.begun.subject, session.sessions, prefix)
    end = {"pk": subject_end_key(key_text(session.subject))}
    return (
        (table, Write.check(end, condition, values)),
        (table, session_is_there(session.id)),
        era_stands(table, session.begun.era, shard, prefix),
    )


def session_is_there(session_id: str) -> Write:
    """The condition of a transaction that the session has not been ended by itself."""
    return Write.check({"pk": f"session#{session_id}"}, "attribute_exists(pk)")


def era_stands(table: str, era: str, shard: int, prefix: str = "s") -> Placed:
    """The condition that this era is the present one; an empty one is what there is before the first."""
    key, name = {"pk": deployment_key(shard)}, f":{prefix}_era"
    if not era:
        return table, Write.check(key, "attribute_not_exists(era)")
    return table, Write.check(key, f"era = {name}", {name: era})


def ends_are(epoch: int, sessions: int | None, prefix: str = "s") -> tuple[str, dict[str, int]]:
    """The condition that a subject's end has these counters and is not suspended, with its values."""
    conditions, values = ["attribute_not_exists(suspended)"], {}
    counters = {"epoch": epoch} | ({} if sessions is None else {"sessions": sessions})
    for name, counter in counters.items():
        none = f"attribute_not_exists({name}) OR " if counter == 0 else ""
        conditions.append(f"({none}{name} = :{prefix}_{name})")
        values[f":{prefix}_{name}"] = counter
    return " AND ".join(conditions), values


def is_begun(begun: Begun) -> tuple[str, dict[str, Any], dict[str, str]]:
    """The condition that an item was begun under these epochs, with its values and names; one by one, like a list."""
    attributes = begun.as_attributes()
    conditions = [
        f"begun.#b_{name} = :b_{name}" if name in attributes else f"attribute_not_exists(begun.#b_{name})"
        for name in COUNTERS
    ]
    values = {f":b_{name}": counter for name, counter in attributes.items()}
    return " AND ".join(conditions), values, {f"#b_{name}": name for name in COUNTERS}
