"""API keys, in the Tokens table."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from authserver.aws.dynamodb.ends import is_begun
from authserver.aws.dynamodb.lists import Index
from authserver.aws.dynamodb.memberships import is_still_administrator
from authserver.aws.dynamodb.reader import ATTEMPTS, Reader, Tables, Wanted, is_read
from authserver.aws.items.api_keys import api_key_item, api_key_of, listed
from authserver.aws.items.primary_keys import api_key_key, key_text, organisation_end_key, shard_of, subject_end_key
from authserver.aws.items.records import read
from authserver.aws.table import NO_VALUES, UNGUARDED, Guard, Placed, Table, Write
from authserver.models.api_keys import ORGANISATION
from authserver.storage.api_keys import USED_EVERY, KeyStanding

if TYPE_CHECKING:
    from authserver.aws.service import Service
    from authserver.ends import Begun
    from authserver.models.api_keys import ApiKey
    from authserver.models.organisations import Membership
    from authserver.storage.lists import Page
    from authserver.storage.standing import Ends


class DynamoApiKeys:
    """Implements `storage.api_keys.ApiKeyStore`."""

    def __init__(self, dynamodb: Service, tables: Tables, reader: Reader, guard: Guard = UNGUARDED) -> None:
        self._name = table = tables.tokens
        self._users = tables.users
        self._reader = reader
        self._table = Table(dynamodb, table, guard)
        self._by_subject = Index(dynamodb, table, "pk", "by_subject", "listed_subject")
        self._by_client = Index(dynamodb, table, "pk", "by_client", "listed_client")
        self._by_organisation = Index(dynamodb, table, "pk", "by_organisation", "listed_organisation")

    def create(self, key: ApiKey, by: Membership | None = None) -> bool:
        writes: list[Placed] = [(self._name, Write.put(api_key_item(key), "attribute_not_exists(pk)"))]
        if by is not None:
            writes.append((self._users, is_still_administrator(by.organisation, by.subject, by.epoch)))
        return not self._table.transact(writes)

    def find(self, key_id: str) -> ApiKey | None:
        return read(api_key_of, self._table.get({"pk": api_key_key(key_id)}))

    def standing(
        self, key_id: str, *, subject_key: str = "", client_key: str = "", organisation_key: str = ""
    ) -> KeyStanding:
        place = api_key_key(key_id)
        wanted = Wanted(
            subject_key=subject_key,
            client_key=client_key,
            organisation_key=organisation_key,
            companies=bool(organisation_key),
            membership=False,
            items=(place,),
        )
        for _ in range(ATTEMPTS):
            found = self._reader.read(wanted)
            key = read(api_key_of, found.items.get(place))
            standing = KeyStanding(key, self._of_carrier(found.ends, key, subject_key), found.organisation)
            if key is None or is_read(standing.ends.of_api_keys(), key.begun, None, is_fresh=found.is_fresh):
                break
            wanted = replace(wanted, fresh=True)
        return standing

    def _of_carrier(self, ends: Ends, key: ApiKey | None, subject_key: str) -> Ends:
        """The ends, with the carrier's: a key that was taken over is carried by another user than its credential
        names."""
        if key is None or key.owner != ORGANISATION or key_text(key.subject) == subject_key:
            return ends
        return replace(ends, subject=self._reader.read(Wanted(subject_key=key_text(key.subject))).ends.subject)

    def api_keys(
        self,
        *,
        subject: str | None = None,
        client_id: str | None = None,
        organisation: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[ApiKey]:
        indexes = ((self._by_subject, subject), (self._by_client, client_id), (self._by_organisation, organisation))
        ((index, owner),) = [(index, owner) for index, owner in indexes if owner is not None]
        return index.page(listed(owner), api_key_of, limit=limit, cursor=cursor)

    def note_use(self, key_id: str, now: int) -> None:
        self._table.update_if(
            {"pk": api_key_key(key_id)},
            "SET used_at = :now",
            "attribute_exists(pk) AND (attribute_not_exists(used_at) OR used_at <= :before)",
            {":now": now, ":before": now - USED_EVERY},
        )

    def take_over(self, key: ApiKey, by: Membership, begun: Begun) -> ApiKey | None:
        place = {"pk": api_key_key(key.id)}
        same, counters, names = is_begun(key.begun)
        change = Write.update(
            place,
            "SET subject = :subject, begun = :begun, listed_subject = :listed",
            f"subject = :was AND {same}",
            {
                **counters,
                ":was": key.subject,
                ":subject": by.subject,
                ":begun": begun.as_attributes(),
                ":listed": listed(by.subject),
            },
            names,
        )
        writes: list[Placed] = [
            (self._name, change),
            (self._users, is_still_administrator(by.organisation, by.subject, by.epoch)),
            (self._name, self._carrier_stays(key)),
            (self._name, self._carrier_is_not_ended(key)),
        ]
        if self._table.transact(writes):
            return None
        return read(api_key_of, self._table.get(place))

    def _carrier_is_not_ended(self, key: ApiKey) -> Write:
        """The condition that the keys of its carrier have not been ended, either."""
        end, count = {"pk": subject_end_key(key_text(key.subject))}, "attribute_not_exists(api_keys)"
        values: dict[str, int] = {}
        if key.begun.subject:
            count, values = "api_keys = :count", {":count": key.begun.subject}
        return Write.check(end, f"{count} AND attribute_not_exists(suspended)", values or NO_VALUES)

    def _carrier_stays(self, key: ApiKey) -> Write:
        """The condition that the key's carrier has not ceased to be an administrator since, nor the
        organisation ended: a key that has fallen stays ended."""
        end = {"pk": organisation_end_key(key_text(key.organisation), shard_of(key.id))}
        begun, names = key.begun, {"#approver": key.begun.approver}
        epoch, values = "attribute_not_exists(epoch)", {}
        if begun.organisation:
            epoch, values = "epoch = :epoch", {":epoch": begun.organisation}
        count = "attribute_not_exists(approvers.#approver)"
        if begun.approval:
            count, values = "approvers.#approver = :approval", {**values, ":approval": begun.approval}
        return Write.check(end, f"{count} AND {epoch} AND attribute_not_exists(suspended)", values or NO_VALUES, names)
