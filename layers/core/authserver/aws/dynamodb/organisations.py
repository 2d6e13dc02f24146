"""The Users table: organisations, their companies and their members."""

import re
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from authserver.aws.dynamodb.lists import Index
from authserver.aws.items import attributes_of, invitation_of, key_text, membership_of, organisation_of, read
from authserver.aws.table import (
    ConditionFailed,
    Item,
    Table,
    Write,
    assignments,
    decode_item,
    encode_item,
    read_together,
)
from authserver.models import ADMINISTRATOR, Invitation, Membership, Organisation
from authserver.storage import Page

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LISTED = "organisation"
ROLE = {"#role": "role"}  # a word of DynamoDB's own
BY_ADMINISTRATOR = {":administrator": ADMINISTRATOR}
IS_NO_ADMINISTRATOR = "attribute_not_exists(id) OR NOT #role = :administrator"
INVITATION_ID = re.compile(r"[A-Za-z0-9_-]{43}")
CHANGEABLE = frozenset({"name", "status"})


class DynamoOrganisations:
    """Implements `storage.OrganisationStore`."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._name = table
        self._table = Table(client, table)
        self._all = Index(client, table, "id", "by_kind", "listed")
        self._members = Index(client, table, "id", "by_organisation", "listed_organisation")
        self._memberships = Index(client, table, "id", "by_member", "listed_member")

    def get(self, organisation: str) -> Organisation | None:
        return read(organisation_of, self._table.get({"id": organisation_key(organisation)}))

    def get_all(self, organisations: Iterable[str]) -> dict[str, Organisation]:
        keys = tuple(dict.fromkeys(map(organisation_key, organisations)))
        items = read_together(self._client, {self._name: ("id", keys)})[self._name]
        records = (read(organisation_of, item) for item in items.values())
        return {record.id: record for record in records if record is not None}

    def create(self, organisation: Organisation) -> bool:
        item = encode_item(
            {
                **asdict(organisation),
                "id": organisation_key(organisation.id),
                "organisation": organisation.id,
                "listed": LISTED,
            }
        )
        return self._table.put_new(item, "id") is None

    def update(self, organisation: str, **changes: Any) -> Organisation | None:
        expression, names, values = assignments(changes, CHANGEABLE)
        try:
            item = self._table.update(
                {"id": organisation_key(organisation)},
                expression,
                "attribute_exists(id)",
                values,
                names=names,
                answer="ALL_NEW",
            )
        except ConditionFailed:
            return None
        return organisation_of(decode_item(item))

    def put_company(self, organisation: str, company: str, name: str, bound: int) -> bool:
        return self._changed(
            organisation,
            "SET companies.#company = :name",
            "attribute_exists(id) AND (attribute_exists(companies.#company) OR size(companies) < :bound)",
            company,
            {":name": name, ":bound": bound},
        )

    def drop_company(self, organisation: str, company: str) -> bool:
        return self._changed(
            organisation, "REMOVE companies.#company", "attribute_exists(companies.#company)", company, {}
        )

    def _changed(
        self, organisation: str, expression: str, condition: str, company: str, values: dict[str, Any]
    ) -> bool:
        key = {"id": organisation_key(organisation)}
        try:
            self._table.update(key, expression, condition, values, names={"#company": company})
        except ConditionFailed:
            return False
        return True

    def list(self, *, limit: int = 50, cursor: str | None = None) -> Page[Organisation]:
        return self._all.page(LISTED, organisation_of, limit=limit, cursor=cursor)

    def membership(self, organisation: str, subject: str) -> Membership | None:
        return read(membership_of, self._table.get({"id": membership_key(organisation, subject)}))

    def put_membership(self, membership: Membership) -> None:
        self._table.put(membership_item(membership))

    def delete_membership(self, organisation: str, subject: str) -> None:
        self._table.delete({"id": membership_key(organisation, subject)})

    def change_role(self, organisation: str, subject: str, role: str, witness: str) -> bool:
        if witness == subject:
            return False
        change = Write.update(
            {"id": membership_key(organisation, subject)},
            "SET #role = :role",
            "attribute_exists(id)",
            {":role": role},
            ROLE,
        )
        return self._table.write_all([_is_administrator(organisation, witness), change])

    def end_membership(self, organisation: str, subject: str, witness: str) -> bool:
        if witness == subject:
            return False
        key = {"id": membership_key(organisation, subject)}
        if not witness:
            return self._table.delete_if(key, IS_NO_ADMINISTRATOR, BY_ADMINISTRATOR, ROLE)
        return self._table.write_all([_is_administrator(organisation, witness), Write.delete(key, "", {})])

    def invite(self, invitation: Invitation) -> None:
        self._table.put(
            encode_item(
                {
                    **attributes_of(invitation),
                    "id": invitation_key(invitation.id),
                    "listed_organisation": f"invitation#{key_text(invitation.organisation)}",
                    "listed_member": f"invitation#{key_text(invitation.name)}",
                }
            )
        )

    def invitation(self, invitation_id: str) -> Invitation | None:
        return read(invitation_of, self._table.get({"id": invitation_key(invitation_id)}))

    def accept_invitation(self, invitation: Invitation, subject: str, now: int) -> bool:
        if subject == invitation.invited_by:
            return False
        membership = Membership(invitation.organisation, subject, invitation.role, now)
        spend = Write.delete(
            {"id": invitation_key(invitation.id)},
            "created_at = :created_at AND expires_at > :now AND #role = :role AND invited_by = :invited_by",
            {
                ":created_at": invitation.created_at,
                ":now": now,
                ":role": invitation.role,
                ":invited_by": invitation.invited_by,
            },
            ROLE,
        )
        return self._table.write_all(
            [
                spend,
                _is_administrator(invitation.organisation, invitation.invited_by),
                Write.put(membership_item(membership), "attribute_not_exists(id)", {}),
            ]
        )

    def withdraw_invitation(self, invitation_id: str) -> None:
        self._table.delete({"id": invitation_key(invitation_id)})

    def invitations_of(self, organisation: str, *, limit: int = 50, cursor: str | None = None) -> Page[Invitation]:
        return self._members.page(f"invitation#{key_text(organisation)}", invitation_of, limit=limit, cursor=cursor)

    def invitations_for(self, name: str, *, limit: int = 50, cursor: str | None = None) -> Page[Invitation]:
        return self._memberships.page(f"invitation#{key_text(name)}", invitation_of, limit=limit, cursor=cursor)

    def memberships_of(self, subject: str, *, limit: int = 50, cursor: str | None = None) -> Page[Membership]:
        return self._memberships.page(key_text(subject), membership_of, limit=limit, cursor=cursor)

    def members_of(self, organisation: str, *, limit: int = 50, cursor: str | None = None) -> Page[Membership]:
        return self._members.page(key_text(organisation), membership_of, limit=limit, cursor=cursor)


def organisation_key(organisation: str) -> str:
    return f"organisation#{key_text(organisation)}"


def membership_item(membership: Membership) -> Item:
    return encode_item(
        {
            **asdict(membership),
            "id": membership_key(membership.organisation, membership.subject),
            "listed_organisation": key_text(membership.organisation),
            "listed_member": key_text(membership.subject),
        }
    )


def _is_administrator(organisation: str, subject: str) -> Write:
    """The condition of a transaction that somebody is an administrator."""
    key = {"id": membership_key(organisation, subject)}
    return Write.check(key, "#role = :administrator", BY_ADMINISTRATOR, ROLE)


def invitation_key(invitation_id: str) -> str:
    return f"invitation#{invitation_id if INVITATION_ID.fullmatch(invitation_id) else ''}"


def membership_key(organisation: str, subject: str) -> str:
    return f"membership#{key_text(organisation)}{key_text(subject)}"
