"""The items of what happened to accounts."""

from collections.abc import Mapping
from typing import Any

from authserver.aws.items.records import record_of
from authserver.models.journal import Activity


def activity_of(item: Mapping[str, Any]) -> Activity:
    return record_of(Activity, {**item, "id": item["pk"].partition("#")[2]})
