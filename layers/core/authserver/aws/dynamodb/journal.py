"""The Tokens table: what happened, as users and developers may read."""

from collections.abc import Iterable
from functools import partial

from authserver.aws.dynamodb.lists import Index
from authserver.aws.items.journal import activity_of, refusals_of
from authserver.aws.items.primary_keys import key_text
from authserver.aws.items.records import attributes_of, read
from authserver.aws.service import Service
from authserver.aws.table import ConditionFailed, Table, encode_item, read_together
from authserver.models.journal import Activity, Refusal
from authserver.storage.lists import Page


class DynamoJournal:
    """Implements `storage.journal.JournalStore`."""

    def __init__(self, dynamodb: Service, table: str) -> None:
        self._dynamodb = dynamodb
        self._name = table
        self._table = Table(dynamodb, table)
        self._by_subject = Index(dynamodb, table, "pk", "by_subject", "listed_subject")

    # -- activity

    def note_activity(self, activity: Activity) -> None:
        listed = f"activity#{key_text(activity.subject)}"
        self._table.put(
            encode_item(
                {**attributes_of(activity), "pk": f"activity#{activity.id}", "id": None, "listed_subject": listed}
            )
        )

    def activities(self, subject: str, *, limit: int = 50, cursor: str | None = None) -> Page[Activity]:
        listed = f"activity#{key_text(subject)}"
        return self._by_subject.page(listed, activity_of, limit=limit, cursor=cursor, newest_first=True)

    # -- for developers

    def note_refusal(self, client_id: str, refusal: Refusal, bound: int, expires_at: int) -> bool:
        kind = f"{refusal.error} {refusal.reason}"
        try:
            self._table.update(
                {"pk": refusals_key(client_id, refusal.day)},
                "SET #last_at = :now, #reference = :reference, expires_at = :expires_at ADD #count :one, refused :one",
                "attribute_not_exists(refused) OR refused < :bound",
                {
                    ":now": refusal.last_at,
                    ":reference": refusal.reference,
                    ":expires_at": expires_at,
                    ":one": 1,
                    ":bound": bound,
                },
                names={"#count": kind, "#last_at": f"{kind} last_at", "#reference": f"{kind} reference"},
            )
        except ConditionFailed:
            return False
        return True

    def refusals(self, client_id: str, days: Iterable[int]) -> tuple[Refusal, ...]:
        keys = {refusals_key(client_id, day): day for day in days}
        items = read_together(self._dynamodb, {self._name: ("pk", tuple(keys))})[self._name]
        return tuple(
            refusal for key, day in keys.items() for refusal in read(partial(refusals_of, day), items.get(key)) or ()
        )


def refusals_key(client_id: str, day: int) -> str:
    return f"refusals#{key_text(client_id)}#{day}"
