"""The Users table: organisations, their companies and their members."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from authserver.aws.dynamodb.lists import Index
from authserver.aws.items import key_text, membership_of, organisation_of, read
from authserver.aws.table import ConditionFailed, Item, Table, assignments, decode_item, encode_item, read_together
from authserver.models import Membership, Organisation
from authserver.storage import Page

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LISTED = "organisation"
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


def membership_key(organisation: str, subject: str) -> str:
    return f"membership#{key_text(organisation)}{key_text(subject)}"
