"""The Tokens table: what is under way in browsers, who is signed in there, and what they have allowed."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from authserver.aws.dynamodb.lists import Index
from authserver.aws.items import (
    approval_of,
    attributes_of,
    consent_of,
    cutoff_key,
    federation_of,
    key_text,
    link_of,
    not_before_of,
    read,
    request_of,
    session_of,
    sessions_not_before_of,
)
from authserver.aws.table import ConditionFailed, Table, encode_item, read_together
from authserver.models import Approval, Federation, OneTimeLink, PendingRequest, Session
from authserver.storage import BrowserState, LinkState, Page
from authserver.values import Scope

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DynamoBrowsers:
    """Implements `storage.BrowserStore`."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._name = table
        self._table = Table(client, table)
        self._by_subject = Index(client, table, "pk", "by_subject", "listed_subject")
        self._by_organisation = Index(client, table, "pk", "by_organisation", "listed_organisation")

    # -- requests, sessions, consents

    def put_request(self, request: PendingRequest) -> None:
        self._table.put(encode_item({**attributes_of(request), "pk": f"request#{request.id}"}))

    def answer_request(self, request_id: str, answer: str, now: int) -> bool:
        try:
            self._table.update(
                {"pk": f"request#{request_id}"},
                "SET answer = :answer",
                "expires_at > :now AND (attribute_not_exists(answer) OR answer = :answer)",
                {":answer": answer, ":now": now},
            )
        except ConditionFailed:
            return False
        return True

    def note_password(self, request_id: str, subject: str, now: int) -> bool:
        return self._table.update_if(
            {"pk": f"request#{request_id}"},
            "SET password_of = :subject, password_at = :now",
            "expires_at > :now",
            {":subject": subject, ":now": now},
        )

    def put_session(self, session: Session) -> None:
        listed = f"session#{key_text(session.subject)}"
        self._table.put(
            encode_item(
                {
                    **asdict(session),
                    "pk": f"session#{session.id}",
                    "listed_subject": listed,
                }
            )
        )

    def delete_session(self, session_id: str) -> None:
        self._table.delete({"pk": f"session#{session_id}"})

    def end_sessions(self, subject: str, *, not_before: int, expires_at: int) -> None:
        try:
            self._table.update(
                {"pk": cutoff_key(subject, None, None)},
                "SET sessions_not_before = :not_before, not_before = if_not_exists(not_before, :never),"
                " expires_at = :expires_at",
                "attribute_not_exists(suspended)"
                " AND (attribute_not_exists(sessions_not_before) OR sessions_not_before < :not_before)",
                {":not_before": not_before, ":never": 0, ":expires_at": expires_at},
            )
        except ConditionFailed:
            return  # nothing of it stands anyway, or a later cutoff does

    def sessions(self, subject: str, *, limit: int = 50, cursor: str | None = None) -> Page[Session]:
        return self._by_subject.page(f"session#{key_text(subject)}", session_of, limit=limit, cursor=cursor)

    def browser_state(
        self,
        *,
        request_id: str | None = None,
        session_id: str | None = None,
        subject_key: str | None = None,
        client_key: str | None = None,
    ) -> BrowserState:
        keys = {
            "request": f"request#{request_id}" if request_id else "",
            "session": f"session#{session_id}" if session_id else "",
            "consent": f"consent#{subject_key}{client_key}" if subject_key and client_key else "",
            "cutoff": f"cutoff#subject#{subject_key}" if subject_key else "",
        }
        items = read_together(self._client, {self._name: ("pk", tuple(filter(None, keys.values())))})[self._name]
        found = {kind: items.get(key) for kind, key in keys.items()}
        return BrowserState(
            request=read(request_of, found["request"]),
            session=read(session_of, found["session"]),
            consent=read(consent_of, found["consent"]),
            not_before=sessions_not_before_of(found["cutoff"]) if found["cutoff"] else 0,
        )

    def remember_consent(
        self,
        subject: str,
        client_id: str,
        registered_at: int,
        scope: Scope,
        resource: frozenset[str],
        now: int,
        expires_at: int,
        declined: Scope = Scope(),
    ) -> None:
        key = {"pk": f"consent#{key_text(subject)}{key_text(client_id)}"}
        sets = {"scopes": frozenset(scope), "declined": frozenset(declined), "resource_indicators": resource}
        added = {name: tokens for name, tokens in sets.items() if tokens}
        # One expression cannot both add to a set and take from it. What is declined is kept first: of what is in both
        # sets, that counts.
        taken_at_once = " DELETE declined :scopes" if scope and not declined else ""
        try:
            self._table.update(
                key,
                "SET expires_at = :expires_at, registered_at = :registered_at ADD "
                + ", ".join(f"{name} :{name}" for name in added)
                + taken_at_once,
                "attribute_not_exists(pk) OR (expires_at > :now AND registered_at = :registered_at)",
                {
                    ":expires_at": expires_at,
                    ":now": now,
                    ":registered_at": registered_at,
                    **{f":{name}": tokens for name, tokens in added.items()},
                },
            )
        except ConditionFailed:
            # One that has expired and that TTL has not removed yet, or that of another client: replaced, so that it
            # does not come back to life.
            self._table.put(encode_item({**key, **sets, "registered_at": registered_at, "expires_at": expires_at}))
            return
        if scope and declined:
            self._table.update_if(
                key,
                "DELETE declined :scopes",
                "registered_at = :registered_at",
                {":scopes": frozenset(scope), ":registered_at": registered_at},
            )

    def forget_consent(self, subject: str, client_id: str) -> None:
        self._table.delete({"pk": f"consent#{key_text(subject)}{key_text(client_id)}"})

    # -- approvals

    def ask_approval(self, approval: Approval) -> None:
        self._table.put(
            encode_item(
                {
                    **attributes_of(approval),
                    "pk": approval_key(approval.organisation, approval.client_id, approval.subject),
                    "scope": str(approval.scope),
                    "listed_organisation": f"approval#{key_text(approval.organisation)}",
                }
            )
        )

    def approval(self, organisation: str, client_id: str, subject: str) -> Approval | None:
        return read(approval_of, self._table.get({"pk": approval_key(organisation, client_id, subject)}))

    def answer_approval(self, approval: Approval, decision: str, by: str, now: int, expires_at: int) -> bool:
        asked = {"scope": str(approval.scope), "entities": approval.entities, "resource": approval.resource}
        same, values = _is_still(asked)
        try:
            self._table.update(
                {"pk": approval_key(approval.organisation, approval.client_id, approval.subject)},
                "SET decision = :decision, decided_by = :by, decided_at = :now, expires_at = :expires_at",
                f"attribute_not_exists(decision) AND expires_at > :now AND created_at = :created_at AND {same}",
                {
                    ":decision": decision,
                    ":by": by,
                    ":now": now,
                    ":expires_at": expires_at,
                    ":created_at": approval.created_at,
                    **values,
                },
                names={f"#{name}": name for name in asked},
            )
        except ConditionFailed:
            return False
        return True

    def approvals(self, organisation: str, *, limit: int = 50, cursor: str | None = None) -> Page[Approval]:
        listed = f"approval#{key_text(organisation)}"
        return self._by_organisation.page(listed, approval_of, limit=limit, cursor=cursor)

    # -- sign-ins at identity providers

    def put_federation(self, federation: Federation) -> None:
        self._table.put(encode_item({**asdict(federation), "pk": f"federation#{federation.id}", "id": None}))

    def spend_federation(
        self, federation_id: str, request_id: str, provider: str, claim: str, now: int
    ) -> Federation | None:
        try:
            item = self._table.update(
                {"pk": f"federation#{federation_id}"},
                "SET spent_by = :claim",
                "request_id = :request_id AND provider = :provider AND expires_at > :now"
                " AND (attribute_not_exists(spent_by) OR spent_by = :claim)",
                {":claim": claim, ":request_id": request_id, ":provider": provider, ":now": now},
                answer="ALL_NEW",
            )
        except ConditionFailed:
            return None
        return read(federation_of, item)

    # -- links in mails

    def put_link(self, link: OneTimeLink) -> bool:
        item = encode_item({**asdict(link), "pk": f"mail#{link.id}", "id": None})
        return self._table.put_if(item, "attribute_not_exists(spent_by)", {})

    def link(self, link_id: str, subject_key: str) -> LinkState:
        key, cutoff = f"mail#{link_id}", f"cutoff#subject#{subject_key}"
        items = read_together(self._client, {self._name: ("pk", (key, cutoff))})[self._name]
        return LinkState(read(link_of, items.get(key)), not_before_of(items[cutoff]) if cutoff in items else 0)

    def spend_link(self, link_id: str, secret_hash: bytes, claim: str, now: int) -> bool:
        return self._table.update_if(
            {"pk": f"mail#{link_id}"},
            "SET spent_by = :claim",
            "secret_hash = :hash AND expires_at > :now AND (attribute_not_exists(spent_by) OR spent_by = :claim)",
            {":claim": claim, ":hash": secret_hash, ":now": now},
        )


def approval_key(organisation: str, client_id: str, subject: str) -> str:
    return f"approval#{key_text(organisation)}{key_text(client_id)}{key_text(subject)}"


def _is_still(asked: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The condition that an item's attributes are these, with its values; a list is compared element by element."""
    conditions, values = [], {}
    for name, value in asked.items():
        if not value:
            conditions.append(f"attribute_not_exists(#{name})")
        elif isinstance(value, tuple):
            conditions.append(f"size(#{name}) = :{name}_size")
            values[f":{name}_size"] = len(value)
            for position, element in enumerate(value):
                conditions.append(f"#{name}[{position}] = :{name}_{position}")
                values[f":{name}_{position}"] = element
        else:
            conditions.append(f"#{name} = :{name}")
            values[f":{name}"] = value
    return " AND ".join(conditions), values
