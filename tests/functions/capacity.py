"""Item sizes and capacity units by DynamoDB's documented rules.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
moto's own ConsumedCapacity is a constant, so it is computed here.
"""

import base64
from collections.abc import Iterable, Mapping
from typing import Any

INDEX_KEYS = ("listed", "listed_owner", "listed_subject", "listed_client", "listed_organisation", "listed_member")


def size_of(item: Mapping[str, Mapping[str, Any]]) -> int:
    """The octets of an item: its attributes' names and values."""
    return sum(len(name.encode()) + _size_of_value(value) for name, value in item.items())


def _size_of_value(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(str(content).encode())
        case "N":
            text = str(content)
            digits = text.lstrip("-").replace(".", "").strip("0")
            return (len(digits) + 1) // 2 + 1 + text.startswith("-")
        case "B":
            return len(content if isinstance(content, bytes) else base64.b64decode(content))
        case "BOOL" | "NULL":
            return 1
        case "SS":
            return sum(len(one.encode()) for one in content)
        case "L":
            return 3 + sum(1 + _size_of_value(one) for one in content)
        case "M":
            return 3 + sum(1 + len(name.encode()) + _size_of_value(one) for name, one in content.items())
    raise ValueError(f"no size is known of {kind}")


def read_units(sizes: Iterable[int], *, consistent: bool) -> float:
    """One for each 4 KB of each item, half of it for an eventually consistent read; a missing item counts as one."""
    units = sum(max(1, -(-size // 4096)) for size in sizes)
    return float(units) if consistent else units / 2


def write_units(before: int, after: Mapping[str, Mapping[str, Any]]) -> tuple[float, float]:
    """What writing an item costs, which had so many octets before, in the table and in its indexes.

    One for each 1 KB of the larger of before and after, which a transaction pays twice; a condition that is only
    checked, and an item that is not there, cost one as well. And one for each index that a new item enters.
    """
    own = float(max(1, -(-max(before, size_of(after)) // 1024)))
    return own, 0.0 if before else float(sum(name in after for name in INDEX_KEYS))
