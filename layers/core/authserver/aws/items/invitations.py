"""The items of invitations and approvals."""

from collections.abc import Mapping
from typing import Any

from authserver.aws.items.records import begun_of, record_of
from authserver.models.invitations import Approval, Invitation
from authserver.values import Scope


def invitation_of(item: Mapping[str, Any]) -> Invitation:
    return record_of(Invitation, {**item, "id": item["id"].removeprefix("invitation#"), "begun": begun_of(item)})


def approval_of(item: Mapping[str, Any]) -> Approval:
    return record_of(
        Approval,
        {
            "entities": frozenset(),
            **item,
            "begun": begun_of(item),
            "scope": Scope.parse(item.get("scope", "")),
            "resource": tuple(item.get("resource", ())),
        },
    )
