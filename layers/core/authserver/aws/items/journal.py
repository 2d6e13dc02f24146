"""The items of what happened to accounts."""

from collections.abc import Mapping
from typing import Any

from authserver.aws.items.records import record_of
from authserver.models.journal import Activity, Refusal


def activity_of(item: Mapping[str, Any]) -> Activity:
    return record_of(Activity, {**item, "id": item["pk"].partition("#")[2]})


def refusals_of(day: int, item: Mapping[str, Any]) -> tuple[Refusal, ...]:
    """Those of one day; a kind is an error and its reason, with two more attributes of that name and another word."""
    attributes = {name: value for name, value in item.items() if " " in name}
    return tuple(
        record_of(
            Refusal,
            {
                "day": day,
                "error": kind[0],
                "reason": kind[1],
                "count": count,
                "last_at": attributes.get(f"{name} last_at"),
                "reference": attributes.get(f"{name} reference"),
            },
        )
        for name, count in attributes.items()
        if len(kind := name.split(" ")) == 2
    )
