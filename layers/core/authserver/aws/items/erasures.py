"""The items of what deletions leave to be done."""

from collections.abc import Mapping
from typing import Any

from authserver.aws.items.primary_keys import erasure_key
from authserver.aws.items.records import attributes_of, record_of
from authserver.aws.table import Item, encode_item
from authserver.models.erasures import Erasure

ERASURES_OPEN, ERASURES_DONE = "erasure#open", "erasure#done"  # what erasures are listed by


def erasure_item(erasure: Erasure) -> Item:
    """The item of an erasure that is not done."""
    kept = {**attributes_of(erasure), "pk": erasure_key(erasure.subject_key), "created_at": erasure.requested_at}
    return encode_item({**kept, "subject_key": None, "requested_at": None, "listed_subject": ERASURES_OPEN})


def erasure_of(item: Mapping[str, Any]) -> Erasure:
    subject_key = item["pk"].partition("#")[2]
    return record_of(Erasure, {**item, "subject_key": subject_key, "requested_at": item["created_at"]})
