"""The items of organisations, memberships, invitations and approvals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authserver.aws.items.primary_keys import administrators_key, key_text, membership_key
from authserver.aws.items.records import attributes_of, record_of
from authserver.aws.table import Item, encode_item
from authserver.models.organisations import ADMINISTRATOR, Membership, Organisation

if TYPE_CHECKING:
    from collections.abc import Mapping


def organisation_of(item: Mapping[str, Any]) -> Organisation:
    return record_of(Organisation, {**item, "id": item["organisation"]})


def membership_item(membership: Membership) -> Item:
    """The item of a membership; its map of clients is there from the start, so that one of them can be counted."""
    listed = {
        "id": membership_key(membership.organisation, membership.subject),
        "listed_organisation": key_text(membership.organisation),
        "listed_member": key_text(membership.subject),
        "listed": administrators_key(membership.organisation) if membership.role == ADMINISTRATOR else None,
    }
    return encode_item({**attributes_of(membership), **listed})


def membership_of(item: Mapping[str, Any]) -> Membership:
    return record_of(Membership, item)
