"""Erasures, in the Tokens table, and what they look for in it and in the Users table."""

from collections.abc import Callable, Mapping
from typing import Any

from authserver.aws.dynamodb.lists import Index
from authserver.aws.items.erasures import ERASURES_DONE, ERASURES_OPEN, erasure_of
from authserver.aws.items.primary_keys import erasure_key, factors_key, key_text
from authserver.aws.items.records import read
from authserver.aws.service import Service
from authserver.aws.table import ConditionFailed, Table
from authserver.models.erasures import Erasure
from authserver.storage import erasures
from authserver.storage.erasures import PAGE, Erased
from authserver.storage.lists import Page

# What the index by subject lists these kinds as, in front of the subject's key.
BY_SUBJECT = {
    erasures.API_KEYS: "api_key#",
    erasures.AUTHORIZATIONS: "",
    erasures.ACCESS_TOKENS: "access_token#",
    erasures.SESSIONS: "session#",
    erasures.CONSENTS: "consent#",
    erasures.ACTIVITY: "activity#",
    erasures.LINKS: "mail#",
    erasures.APPROVALS: "approval#",
}


class DynamoErasures:
    """Implements `storage.erasures.ErasureStore`."""

    def __init__(self, dynamodb: Service, tokens_table: str, users_table: str) -> None:
        self._tokens = Table(dynamodb, tokens_table)
        self._users = Table(dynamodb, users_table)
        self._by_subject = Index(dynamodb, tokens_table, "pk", "by_subject", "listed_subject")
        self._by_client = Index(dynamodb, tokens_table, "pk", "by_client", "listed_client")
        self._tokens_by_organisation = Index(dynamodb, tokens_table, "pk", "by_organisation", "listed_organisation")
        self._by_kind = Index(dynamodb, users_table, "id", "by_kind", "listed")
        self._by_member = Index(dynamodb, users_table, "id", "by_member", "listed_member")
        self._by_organisation = Index(dynamodb, users_table, "id", "by_organisation", "listed_organisation")

    def get(self, subject_key: str) -> Erasure | None:
        return read(erasure_of, self._tokens.get({"pk": erasure_key(subject_key)}))

    def open(self, *, limit: int = 50, cursor: str | None = None) -> Page[Erasure]:
        return self._by_subject.page(ERASURES_OPEN, erasure_of, limit=limit, cursor=cursor)

    def list(self, *, limit: int = 50, cursor: str | None = None) -> Page[Erasure]:
        return self._by_subject.page((ERASURES_OPEN, ERASURES_DONE), erasure_of, limit=limit, cursor=cursor)

    # -- what names the subject

    def erase(self, erasure: Erasure, kind: str, cursor: str | None = None) -> Erased:
        key = erasure.subject_key
        if kind in BY_SUBJECT:
            return self._each(self._by_subject, (f"{BY_SUBJECT[kind]}{key}",), cursor, self._remover(kind, erasure))
        match kind:
            case erasures.DECISIONS:
                return self._each(
                    self._by_client, (f"approval#{key}",), cursor, lambda pk: self._forget_decider(pk, erasure)
                )
            case erasures.INVITATIONS_SENT:
                return self._each(
                    self._by_kind, (f"invited#{key}",), cursor, lambda item: self._withdraw_offer(item, erasure)
                )
            case erasures.INVITATIONS if erasure.names:
                names = tuple(f"invitation#{name}" for name in sorted(erasure.names))
                return self._each(self._by_member, names, cursor, lambda item: self._drop_offer(item, erasure))
            case erasures.INVITATIONS:
                return Erased(0)
            case erasures.MEMBERS:
                return self._each(self._by_organisation, (key_text(erasure.organisation),), cursor, self._drop)
            case erasures.OFFERS:
                listed = f"invitation#{key_text(erasure.organisation)}"
                return self._each(self._by_organisation, (listed,), cursor, self._drop)
            case erasures.KEYS_OF_ORGANISATION:
                listed = f"api_key#{key_text(erasure.organisation)}"
                return self._each(self._tokens_by_organisation, (listed,), cursor, self._remove)
            case erasures.FACTORS:
                return Erased(int(self._users.delete_if({"id": factors_key(erasure.subject)}, "attribute_exists(id)")))
        raise ValueError(kind)

    def _each(self, index: Index, parts: tuple[str, ...], cursor: str | None, act: Callable[[str], bool]) -> Erased:
        """Acts on a page of what is listed; what is not there any more counts for nothing."""
        listed = index.keys(parts, limit=PAGE, cursor=cursor)
        return Erased(sum(act(key) for key in listed.items), listed.next)

    def _remove(self, pk: str) -> bool:
        return self._tokens.delete_if({"pk": pk}, "attribute_exists(pk)")

    def _remover(self, kind: str, erasure: Erasure) -> Callable[[str], bool]:
        """An API key that was taken over belongs to its new carrier, although the index may still name the old one."""
        if kind != erasures.API_KEYS:
            return self._remove
        values = {":subject": erasure.subject}
        return lambda pk: self._tokens.delete_if({"pk": pk}, "subject = :subject", values)

    def _drop(self, key: str) -> bool:
        return self._users.delete_if({"id": key}, "attribute_exists(id)")

    def _forget_decider(self, pk: str, erasure: Erasure) -> bool:
        """What they decided stays, begun under the approver's key, by which it ends."""
        expression = "REMOVE decided_by, listed_client"
        return self._tokens.update_if({"pk": pk}, expression, "decided_by = :subject", {":subject": erasure.subject})

    def _withdraw_offer(self, key: str, erasure: Erasure) -> bool:
        return self._users.delete_if({"id": key}, "invited_by = :subject", {":subject": erasure.subject})

    def _drop_offer(self, key: str, erasure: Erasure) -> bool:
        """A later invitation is for the user who has the name since."""
        return self._users.delete_if({"id": key}, "created_at <= :at", {":at": erasure.requested_at})

    # -- how it goes

    def note(self, erasure: Erasure, left: frozenset[str]) -> None:
        expression, values = ("SET #left = :left", {":left": left}) if left else ("REMOVE #left", {})
        self._update_open(erasure, expression, values, {"#left": "left"})

    def finish(self, erasure: Erasure, checked_at: int, now: int, expires_at: int) -> bool:
        return self._update_open(
            erasure,
            "SET checked_at = :checked_at, finished_at = :now, expires_at = :expires_at, listed_subject = :done"
            " REMOVE subject, organisation, #names, addresses, #left",
            {":checked_at": checked_at, ":now": now, ":expires_at": expires_at, ":done": ERASURES_DONE},
            {"#names": "names", "#left": "left"},
        )

    def _update_open(
        self, erasure: Erasure, expression: str, values: Mapping[str, Any], names: Mapping[str, str]
    ) -> bool:
        key = {"pk": erasure_key(erasure.subject_key)}
        is_open = "attribute_exists(pk) AND attribute_not_exists(finished_at)"
        try:
            self._tokens.update(key, expression, is_open, values, names=names)
        except ConditionFailed:
            return False
        return True
