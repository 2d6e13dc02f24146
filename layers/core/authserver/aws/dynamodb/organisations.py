"""The Users table: organisations, their companies and their members."""

import re
from collections.abc import Iterable

from authserver.aws.dynamodb.ends import era_stands, is_begun, move_organisation_end, new_version
from authserver.aws.dynamodb.lists import Index, read_all
from authserver.aws.dynamodb.memberships import (
    BY_ADMINISTRATOR,
    GROUPS,
    ROLE,
    is_administrator,
    is_still_administrator,
)
from authserver.aws.dynamodb.reader import Tables
from authserver.aws.items.invitations import invitation_of
from authserver.aws.items.organisations import membership_item, membership_of, organisation_of
from authserver.aws.items.primary_keys import (
    administrators_key,
    key_text,
    membership_key,
    organisation_end_key,
    organisation_key,
    shard_of,
)
from authserver.aws.items.records import attributes_of, read
from authserver.aws.service import Service
from authserver.aws.table import UNGUARDED, Guard, Placed, Table, Write, encode_item
from authserver.models.invitations import Invitation
from authserver.models.organisations import Membership, Organisation
from authserver.storage.lists import MOST_COUNTED, Counted, Page

LISTED = "organisation"
INVITATION_ID = re.compile(r"[A-Za-z0-9_-]{43}")


class DynamoOrganisations:
    """Implements `storage.organisations.OrganisationStore`."""

    def __init__(self, dynamodb: Service, tables: Tables, guard: Guard = UNGUARDED) -> None:
        self._dynamodb = dynamodb
        self._name = table = tables.users
        self._tokens = tables.tokens
        self._table = Table(dynamodb, table, guard)
        self._all = Index(dynamodb, table, "id", "by_kind", "listed")
        self._members = Index(dynamodb, table, "id", "by_organisation", "listed_organisation")
        self._memberships = Index(dynamodb, table, "id", "by_member", "listed_member")

    def get(self, organisation: str) -> Organisation | None:
        return read(organisation_of, self._table.get({"id": organisation_key(organisation)}))

    def get_all(self, organisations: Iterable[str]) -> dict[str, Organisation]:
        keys = map(organisation_key, organisations)
        items = read_all(self._dynamodb, {self._name: ("id", keys)})[self._name]
        records = (read(organisation_of, item) for item in items.values())
        return {record.id: record for record in records if record is not None}

    def create(self, organisation: Organisation) -> bool:
        item = encode_item(
            {
                **attributes_of(organisation),
                "id": organisation_key(organisation.id),
                "organisation": organisation.id,
                "listed": LISTED,
                "api_keys": organisation.api_keys or None,
            }
        )
        end = {"pk": organisation_end_key(key_text(organisation.id), 0)}
        writes: list[Placed] = [
            (self._name, Write.put(item, "attribute_not_exists(id)")),
            (self._tokens, Write.check(end, "attribute_not_exists(suspended)")),  # the identifier was never used
        ]
        return not self._table.transact(writes)

    def put_company(self, organisation: str, company: str, name: str, bound: int) -> bool:
        version = new_version()
        put = Write.update(
            {"id": organisation_key(organisation)},
            "SET companies.#company = :name, version = :version",
            "attribute_exists(id) AND (attribute_exists(companies.#company) OR size(companies) < :bound)",
            {":name": name, ":bound": bound, ":version": version},
            {"#company": company},
        )
        ends = move_organisation_end(self._tokens, organisation, version=version)
        return not self._table.transact([(self._name, put), *ends])

    def list(self, *, limit: int = 50, cursor: str | None = None) -> Page[Organisation]:
        return self._all.page(LISTED, organisation_of, limit=limit, cursor=cursor)

    def membership(self, organisation: str, subject: str) -> Membership | None:
        return read(membership_of, self._table.get({"id": membership_key(organisation, subject)}))

    def set_groups(self, organisation: str, subject: str, groups: frozenset[str], witness: str = "") -> bool:
        is_own = witness == subject
        change = Write.update(
            {"id": membership_key(organisation, subject)},
            "SET #groups = :groups" if groups else "REMOVE #groups",
            "#role = :administrator" if is_own else "attribute_exists(id)",
            ({":groups": groups} if groups else {}) | (BY_ADMINISTRATOR if is_own else {}),
            GROUPS | (ROLE if is_own else {}),
        )
        if is_own or not witness:
            return not self._table.write_all([change])
        return not self._table.transact([(self._name, change), (self._name, is_administrator(organisation, witness))])

    def invite(self, invitation: Invitation) -> None:
        self._table.put(
            encode_item(
                {
                    **attributes_of(invitation),
                    "id": invitation_key(invitation.id),
                    "listed_organisation": f"invitation#{key_text(invitation.organisation)}",
                    "listed_member": f"invitation#{key_text(invitation.name)}",
                    "listed": f"invited#{key_text(invitation.invited_by)}",
                }
            )
        )

    def invitation(self, invitation_id: str) -> Invitation | None:
        return read(invitation_of, self._table.get({"id": invitation_key(invitation_id)}))

    def accept_invitation(self, invitation: Invitation, membership: Membership, now: int) -> bool:
        by = invitation.invited_by
        if membership.subject == by:
            return False
        same, counters, names = is_begun(invitation.begun)
        spend = Write.delete(
            {"id": invitation_key(invitation.id)},
            f"created_at = :created_at AND expires_at > :now AND #role = :role AND invited_by = :invited_by AND {same}",
            {
                ":created_at": invitation.created_at,
                ":now": now,
                ":role": invitation.role,
                ":invited_by": by,
                **counters,
            },
            {**ROLE, **names},
        )
        writes: list[Placed] = [
            (self._name, spend),
            (self._name, is_still_administrator(invitation.organisation, by, invitation.begun.membership)),
            (self._name, Write.put(membership_item(membership), "attribute_not_exists(id)")),
            era_stands(self._tokens, invitation.begun.era, shard_of(membership.subject)),
        ]
        return not self._table.transact(writes)

    def invitations_of(self, organisation: str, *, limit: int = 50, cursor: str | None = None) -> Page[Invitation]:
        return self._members.page(f"invitation#{key_text(organisation)}", invitation_of, limit=limit, cursor=cursor)

    def invitations_for(self, name: str, *, limit: int = 50, cursor: str | None = None) -> Page[Invitation]:
        return self._memberships.page(f"invitation#{key_text(name)}", invitation_of, limit=limit, cursor=cursor)

    def memberships_of(self, subject: str, *, limit: int = 50, cursor: str | None = None) -> Page[Membership]:
        return self._memberships.page(key_text(subject), membership_of, limit=limit, cursor=cursor)

    def administrators_of(self, organisation: str, *, limit: int = 50, cursor: str | None = None) -> Page[Membership]:
        return self._all.page(administrators_key(organisation), membership_of, limit=limit, cursor=cursor)

    def members_counted(self, organisation: str) -> Counted:
        listed = self._members.keys(key_text(organisation), limit=MOST_COUNTED + 1, cursor=None)
        return Counted.of(len(listed.items))

    def members_of(self, organisation: str, *, limit: int = 50, cursor: str | None = None) -> Page[Membership]:
        return self._members.page(key_text(organisation), membership_of, limit=limit, cursor=cursor)


def invitation_key(invitation_id: str) -> str:
    return f"invitation#{invitation_id if INVITATION_ID.fullmatch(invitation_id) else ''}"
