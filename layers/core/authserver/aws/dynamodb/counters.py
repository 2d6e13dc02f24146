"""The Tokens table: how often something was tried, and what may be used once."""

from typing import TYPE_CHECKING

from authserver.aws.table import ConditionFailed, Table, decode_item, encode_item
from authserver.storage import Pace
from authserver.values import base64url, sha256

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DynamoCounters:
    """Implements `storage.CounterStore`."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._table = Table(client, table)

    # -- what may be used once

    def spend(self, identifier: str, claim: str, expires_at: int) -> bool:
        mark = {"pk": f"spent#{identifier}", "spent_by": claim, "expires_at": expires_at}
        existing = self._table.put_new(encode_item(mark), "pk")
        return existing is None or existing.get("spent_by") == {"S": claim}

    # -- throttles

    def attempt(self, name: str, window_start: int, pace: Pace, now: int, expires_at: int) -> int:
        condition, values = _in_time(pace, now)
        try:
            self._table.update(
                {"pk": throttle_key(name, window_start)},
                "SET expires_at = :expires_at, last_at = :now ADD attempts :one",
                condition,
                {":expires_at": expires_at, ":now": now, ":one": 1, **values},
            )
        except ConditionFailed as failure:
            counter = decode_item(failure.existing or {})
            pause = pace.pause_after(counter.get("attempts", 0))
            return max(1, min(pause, int(counter.get("last_at", now)) + pause - now))
        return 0

    def count(self, name: str, window_start: int, amount: int, expires_at: int) -> int:
        updated = self._table.update(
            {"pk": throttle_key(name, window_start)},
            "SET expires_at = :expires_at ADD attempts :amount",
            None,
            {":expires_at": expires_at, ":amount": amount},
        )
        return int(updated["attempts"]["N"])


def throttle_key(name: str, window_start: int) -> str:
    return f"throttle#{base64url(sha256(name))}#{window_start}"


def _in_time(pace: Pace, now: int) -> tuple[str, dict[str, int]]:
    """The condition that an attempt comes when it may, with its values: DynamoDB cannot compute a pause."""
    last = len(pace.pauses) - 1
    conditions, values = ["attribute_not_exists(attempts)", "attempts < :free"], {":free": pace.free}
    for position, pause in enumerate(pace.pauses):
        comparison = "=" if position < last else ">="
        conditions.append(f"(attempts {comparison} :n{position} AND last_at <= :t{position})")
        values |= {f":n{position}": pace.free + position, f":t{position}": now - pause}
    return " OR ".join(conditions), values
