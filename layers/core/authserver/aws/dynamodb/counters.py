"""The Tokens table: how often something was tried, and what may be used once."""

from collections.abc import Mapping
from typing import Any

from authserver.aws.service import Service
from authserver.aws.table import ConditionFailed, Table, decode_item, encode_item, read_together
from authserver.records import dataclass
from authserver.storage.journal import Pace, Place, Tried
from authserver.values import base64url, sha256

MEMBER_LETTERS = 8  # of the hash that stands for a member: 48 bits, among the few members of one group
GIVE_BACK_ATTEMPTS = 8


class DynamoCounters:
    """Implements `storage.journal.CounterStore`."""

    def __init__(self, dynamodb: Service, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = Table(dynamodb, table)

    # -- what may be used once

    def spend(self, identifier: str, claim: str, expires_at: int) -> bool:
        mark = {"pk": f"spent#{identifier}", "spent_by": claim, "expires_at": expires_at}
        existing = self._table.put_new(encode_item(mark), "pk")
        return existing is None or existing.get("spent_by") == {"S": claim}

    # -- throttles

    def attempt(self, place: Place, of_group: Pace, of_member: Pace, now: int) -> Tried:
        counters = _counters(place)
        paced = tuple(zip(counters, (of_group, of_member), strict=False))
        sets = ", ".join(["expires_at = :expires_at", *(f"#{counter.name}_at = :now" for counter in counters)])
        adds = ", ".join(f"#{counter.name} :one" for counter in counters)
        values = {":expires_at": place.expires_at, ":now": now, ":one": 1}
        names: dict[str, str] = {}
        conditions = []
        for counter, pace in paced:
            in_time, times = _in_time(counter.name, pace, now)
            conditions.append(f"({in_time})")
            values |= times
            names |= counter.names
        expression, condition = f"SET {sets} ADD {adds}", " AND ".join(conditions)
        try:
            updated = self._table.update(_key(place), expression, condition, values, names=names, answer="UPDATED_NEW")
        except ConditionFailed as failure:
            found = decode_item(failure.existing or {})
            return Tried(0, *(counter.wait(found, pace, now) for counter, pace in paced))
        return Tried(counters[-1].count(decode_item(updated)))

    def give_back(self, place: Place, count: int) -> None:
        """Others may count and give back at the same instant: then it is tried again, and stays counted at worst."""
        if place.member is None:
            condition, values = "attempts >= :one", {":less": -1, ":one": 1}
            self._table.update_if(_key(place), "ADD attempts :less", condition, values)
            return
        _, member = _counters(place)
        for _ in range(GIVE_BACK_ATTEMPTS):
            try:
                self._take_one(place, member, is_last=count == 1)
            except ConditionFailed as failure:
                count = member.count(decode_item(failure.existing or {}))
                if not count:
                    return
            else:
                return

    def _take_one(self, place: Place, member: "_Counter", *, is_last: bool) -> None:
        """Takes one attempt from a group and a member, and with the last one the member's attributes.

        Raises `ConditionFailed`.
        """
        self._table.update(
            _key(place),
            "REMOVE #member, #member_at ADD attempts :less" if is_last else "ADD attempts :less, #member :less",
            "#member = :one" if is_last else "#member > :one",
            {":less": -1, ":one": 1},
            names=member.names if is_last else {"#member": member.attempts},
        )

    def count(self, name: str, window_start: int, amount: int, expires_at: int) -> int:
        updated = self._table.update(
            {"pk": throttle_key(name, window_start)},
            "SET expires_at = :expires_at ADD attempts :amount",
            None,
            {":expires_at": expires_at, ":amount": amount},
        )
        return int(updated["attempts"]["N"])

    def counted(self, *counters: tuple[str, int]) -> tuple[int, ...]:
        keys = [throttle_key(name, window_start) for name, window_start in counters]
        items = read_together(self._dynamodb, {self._table.name: ("pk", tuple(dict.fromkeys(keys)))})[self._table.name]
        return tuple(int(decode_item(items.get(key, {})).get("attempts", 0)) for key in keys)


def throttle_key(name: str, window_start: int) -> str:
    """Those of the function that fetches what strangers name have a prefix of their own: it may write no others."""
    own = "documents#" if name.startswith("documents\x00") else ""
    return f"throttle#{own}{base64url(sha256(name))}#{window_start}"


@dataclass(frozen=True, slots=True)
class _Counter:
    """The attributes of a group's or of a member's attempts; in expressions, those of `name`."""

    name: str
    attempts: str
    last_at: str

    @property
    def names(self) -> dict[str, str]:
        return {f"#{self.name}": self.attempts, f"#{self.name}_at": self.last_at}

    def count(self, item: Mapping[str, Any]) -> int:
        return int(item.get(self.attempts, 0))

    def wait(self, item: Mapping[str, Any], pace: Pace, now: int) -> int:
        return pace.wait_after(self.count(item), int(item.get(self.last_at, now)), now)


GROUP = _Counter("group", "attempts", "last_at")


def _counters(place: Place) -> tuple[_Counter, ...]:
    """That of the group, and that of the member if there is one: a short hash stands for it, another in each group."""
    if place.member is None:
        return (GROUP,)
    letters = base64url(sha256(f"{place.group}\x00{place.member}"))[:MEMBER_LETTERS]
    return GROUP, _Counter("member", f"n{letters}", f"t{letters}")


def _key(place: Place) -> dict[str, str]:
    return {"pk": throttle_key(place.group, place.window_start)}


def _in_time(name: str, pace: Pace, now: int) -> tuple[str, dict[str, int]]:
    """The condition that an attempt comes when it may, with its values: DynamoDB cannot compute a pause."""
    last = len(pace.pauses) - 1
    conditions = [f"attribute_not_exists(#{name})", f"#{name} < :{name}_free"]
    values = {f":{name}_free": pace.free}
    for position, pause in enumerate(pace.pauses):
        comparison = "=" if position < last else ">="
        conditions.append(f"(#{name} {comparison} :{name}_n{position} AND #{name}_at <= :{name}_t{position})")
        values |= {f":{name}_n{position}": pace.free + position, f":{name}_t{position}": now - pause}
    return " OR ".join(conditions), values
