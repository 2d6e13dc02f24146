"""The conditions of a transaction that are about memberships."""

from __future__ import annotations

from authserver.aws.items.primary_keys import membership_key
from authserver.aws.table import Write
from authserver.models.organisations import ADMINISTRATOR

ROLE = {"#role": "role"}  # a word of DynamoDB's own
GROUPS = {"#groups": "groups"}
BY_ADMINISTRATOR = {":administrator": ADMINISTRATOR}


def is_administrator(organisation: str, subject: str) -> Write:
    """The condition of a transaction that a user is an administrator."""
    key = {"id": membership_key(organisation, subject)}
    return Write.check(key, "#role = :administrator", BY_ADMINISTRATOR, ROLE)


def is_still_administrator(organisation: str, subject: str, epoch: str) -> Write:
    """The condition of a transaction that a user is an administrator by the membership that has this epoch."""
    key = {"id": membership_key(organisation, subject)}
    if not epoch:
        return Write.check(key, "#role = :administrator AND attribute_not_exists(epoch)", BY_ADMINISTRATOR, ROLE)
    values = {**BY_ADMINISTRATOR, ":epoch": epoch}
    return Write.check(key, "#role = :administrator AND epoch = :epoch", values, ROLE)
