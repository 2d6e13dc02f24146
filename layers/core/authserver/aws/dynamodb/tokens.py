"""The Tokens table: authorizations, tokens, cutoffs, browsers, approvals, throttles."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

from authserver.aws.dynamodb.lists import Index
from authserver.aws.items import (
    access_token_of,
    activity_of,
    approval_of,
    attributes_of,
    authorization_item,
    authorization_of,
    consent_of,
    cutoff_key,
    cutoff_keys,
    federation_of,
    key_text,
    link_of,
    membership_of,
    not_before_of,
    organisation_of,
    read,
    refusals_of,
    request_of,
    session_of,
    sessions_not_before_of,
)
from authserver.aws.table import ConditionFailed, Table, decode_item, encode_item, read_together
from authserver.models import (
    AccessTokenRecord,
    Activity,
    Approval,
    Authorization,
    Federation,
    InitialAccessToken,
    OneTimeLink,
    PendingRequest,
    Refusal,
    Session,
)
from authserver.storage import AlreadyExists, BrowserState, LinkState, Pace, Page, Refused, Standing
from authserver.values import Scope, base64url, sha256

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

AUTHORIZATION_ID = re.compile(r"[A-Za-z0-9_-]{64}")
AT_NO_TIME = 253_402_300_799  # the last second of the year 9999, for what TTL must not remove


class DynamoTokens:
    """Implements `storage.TokenStore`."""

    def __init__(self, client: "DynamoDBClient", table: str, users_table: str) -> None:
        self._client = client
        self._name = table
        self._users_table = users_table
        self._table = Table(client, table)
        self._by_subject = Index(client, table, "pk", "by_subject", "listed_subject")
        self._by_client = Index(client, table, "pk", "by_client", "listed_client")
        self._by_organisation = Index(client, table, "pk", "by_organisation", "listed_organisation")

    # -- authorizations

    def create(self, authorization: Authorization) -> None:
        existing = self._table.put_new(authorization_item(authorization), "pk")
        if existing is not None:
            raise AlreadyExists(read(authorization_of, existing))

    def redeem(
        self, authorization_id: str, code_hash: bytes, claim: str, now: int, idle_expires_at: int, expires_at: int
    ) -> None:
        self._write_authorization(
            authorization_id,
            "SET redeemed_by = :claim, generation = :first, rotated_at = :now,"
            " idle_expires_at = :idle_expires_at, expires_at = :expires_at",
            "code_hash = :code_hash AND code_expires_at > :now AND attribute_not_exists(revoked_at)"
            " AND (attribute_not_exists(redeemed_by) OR redeemed_by = :claim)",
            {
                ":claim": claim,
                ":first": 1,
                ":now": now,
                ":idle_expires_at": idle_expires_at,
                ":expires_at": expires_at,
                ":code_hash": code_hash,
            },
        )

    def rotate(
        self,
        authorization_id: str,
        generation: int,
        claim: str,
        now: int,
        idle_expires_at: int,
        expired_revocations: frozenset[str],
    ) -> None:
        expression = (
            "SET generation = :next, rotated_at = :now, rotated_by = :claim, idle_expires_at = :idle_expires_at"
        )
        values: dict[str, Any] = {
            ":next": generation + 1,
            ":generation": generation,
            ":now": now,
            ":claim": claim,
            ":idle_expires_at": idle_expires_at,
        }
        if expired_revocations:
            expression += " DELETE revoked_access_tokens :expired"
            values[":expired"] = expired_revocations
        self._write_authorization(
            authorization_id,
            expression,
            "generation = :generation AND attribute_not_exists(revoked_at)"
            " AND idle_expires_at > :now AND expires_at > :now",
            values,
        )

    def revoke(self, authorization_id: str, now: int, client_id: str | None = None) -> bool:
        condition = "attribute_exists(pk)"
        values: dict[str, Any] = {":now": now}
        if client_id is not None:
            condition += " AND client_id = :client_id"
            values[":client_id"] = client_id
        try:
            self._write_authorization(
                authorization_id, "SET revoked_at = if_not_exists(revoked_at, :now)", condition, values
            )
        except Refused:
            return False
        return True

    def revoke_access_token(self, authorization_id: str, client_id: str, entry: str, bound: int) -> bool:
        try:
            self._write_authorization(
                authorization_id,
                "ADD revoked_access_tokens :entries",
                "client_id = :client_id AND (attribute_not_exists(revoked_access_tokens)"
                " OR size(revoked_access_tokens) < :bound OR contains(revoked_access_tokens, :entry))",
                {":entries": frozenset({entry}), ":entry": entry, ":client_id": client_id, ":bound": bound},
            )
        except Refused:
            return False
        return True

    def find(self, authorization_id: str) -> Authorization | None:
        if not AUTHORIZATION_ID.fullmatch(authorization_id):
            return None
        return read(authorization_of, self._table.get({"pk": f"authorization#{authorization_id}"}))

    def set_entities(
        self,
        authorization_id: str,
        organisation: str,
        entities: frozenset[str],
        was: frozenset[str] | None = None,
    ) -> Authorization | None:
        if not AUTHORIZATION_ID.fullmatch(authorization_id):
            return None
        condition = "organisation = :organisation AND attribute_not_exists(revoked_at)"
        values: dict[str, Any] = {":organisation": organisation}
        if entities:
            values[":entities"] = entities
        if was:
            condition += " AND entities = :was"
            values[":was"] = was
        elif was is not None:
            condition += " AND attribute_not_exists(entities)"
        try:
            item = self._table.update(
                {"pk": f"authorization#{authorization_id}"},
                "SET entities = :entities" if entities else "REMOVE entities",
                condition,
                values,
                answer="ALL_NEW",
            )
        except ConditionFailed:
            return None
        return authorization_of(decode_item(item))

    def authorizations(
        self,
        *,
        subject: str | None = None,
        client_id: str | None = None,
        organisation: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Authorization]:
        indexes = ((self._by_subject, subject), (self._by_client, client_id), (self._by_organisation, organisation))
        ((index, listed),) = [(index, listed) for index, listed in indexes if listed is not None]
        return index.page(key_text(listed), authorization_of, limit=limit, cursor=cursor)

    def latest_authorizations(
        self, client_id: str, *, limit: int = 50, cursor: str | None = None
    ) -> Page[Authorization]:
        return self._by_client.page(
            key_text(client_id), authorization_of, limit=limit, cursor=cursor, newest_first=True
        )

    def _write_authorization(
        self, authorization_id: str, expression: str, condition: str, values: Mapping[str, Any]
    ) -> None:
        try:
            self._table.update({"pk": f"authorization#{authorization_id}"}, expression, condition, values)
        except ConditionFailed as failure:
            raise Refused(read(authorization_of, failure.existing)) from None

    # -- access tokens

    def put_access_token(self, record: AccessTokenRecord) -> None:
        attributes = {**asdict(record), "pk": f"access_token#{record.id}", "scope": str(record.scope)}
        self._table.put(encode_item(attributes))

    def put_revoked(self, jti: str, expires_at: int) -> None:
        self._table.put(encode_item({"pk": f"revoked#{jti}", "expires_at": expires_at}))

    def standing(
        self,
        *,
        subject_key: str,
        client_key: str,
        organisation_key: str = "",
        authorization_id: str | None = None,
        access_token_id: str | None = None,
        jti: str | None = None,
    ) -> Standing:
        cutoffs = cutoff_keys(subject_key, client_key, organisation_key)
        keys = {
            "authorization": f"authorization#{authorization_id}" if authorization_id else "",
            "access_token": f"access_token#{access_token_id}" if access_token_id else "",
            "revoked": f"revoked#{jti}" if jti else "",
        }
        organisation, membership = f"organisation#{organisation_key}", f"membership#{organisation_key}{subject_key}"
        found = read_together(
            self._client,
            {
                self._name: ("pk", (*cutoffs, *filter(None, keys.values()))),
                self._users_table: ("id", (organisation, membership) if organisation_key else ()),
            },
        )
        items, users = found[self._name], found[self._users_table]
        return Standing(
            authorization=read(authorization_of, items.get(keys["authorization"])),
            access_token=read(access_token_of, items.get(keys["access_token"])),
            not_before=max((not_before_of(items[key]) for key in cutoffs if key in items), default=0),
            is_revoked=keys["revoked"] in items,
            organisation=read(organisation_of, users.get(organisation)),
            membership=read(membership_of, users.get(membership)),
        )

    def cut_off(
        self,
        *,
        subject: str | None = None,
        client_id: str | None = None,
        organisation: str | None = None,
        not_before: int,
        expires_at: int,
    ) -> None:
        try:
            self._table.update(
                {"pk": cutoff_key(subject, client_id, organisation)},
                "SET not_before = :not_before, expires_at = :expires_at",
                "attribute_not_exists(pk) OR (not_before < :not_before AND attribute_not_exists(suspended))",
                {":not_before": not_before, ":expires_at": expires_at},
            )
        except ConditionFailed:
            return  # a later one stands: a cutoff never moves back, or what it ended would come to life again

    def suspend(
        self, *, subject: str | None = None, client_id: str | None = None, organisation: str | None = None
    ) -> None:
        self._table.update(
            {"pk": cutoff_key(subject, client_id, organisation)},
            "SET suspended = :suspended, not_before = if_not_exists(not_before, :never), expires_at = :at_no_time",
            None,
            {":suspended": True, ":never": 0, ":at_no_time": AT_NO_TIME},
        )

    def is_suspended(self, *, subject: str | None = None, client_id: str | None = None) -> bool:
        return "suspended" in (self._table.get({"pk": cutoff_key(subject, client_id, None)}) or {})

    def resume(
        self,
        *,
        subject: str | None = None,
        client_id: str | None = None,
        organisation: str | None = None,
        now: int,
        expires_at: int,
    ) -> None:
        key = {"pk": cutoff_key(subject, client_id, organisation)}
        moved = "SET not_before = :now, expires_at = :expires_at REMOVE suspended"
        kept = "SET expires_at = :expires_at REMOVE suspended"
        values = {":now": now, ":expires_at": expires_at}
        # One that was there before may be later, by a clock that was ahead: a cutoff never moves back.
        if not self._table.update_if(key, moved, "attribute_exists(suspended) AND not_before <= :now", values):
            self._table.update_if(key, kept, "attribute_exists(suspended)", {":expires_at": expires_at})

    # -- registration

    def put_initial_access_token(self, token: InitialAccessToken) -> None:
        self._table.put(encode_item({**attributes_of(token), "pk": f"initial#{token.id}", "id": None}))

    def spend_initial_access_token(self, token_id: str, secret_hash: bytes, claim: str, now: int) -> bool:
        try:
            self._table.update(
                {"pk": f"initial#{token_id}"},
                "SET remaining = remaining - :one, spent_by = :claim",
                "secret_hash = :hash AND remaining > :none AND expires_at > :now"
                " AND (attribute_not_exists(spent_by) OR spent_by <> :claim)",
                {":one": 1, ":none": 0, ":claim": claim, ":hash": secret_hash, ":now": now},
            )
        except ConditionFailed as failure:
            return (failure.existing or {}).get("spent_by") == {"S": claim}
        return True

    # -- browsers

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

    # -- what may be used once

    def spend(self, identifier: str, claim: str, expires_at: int) -> bool:
        mark = {"pk": f"spent#{identifier}", "spent_by": claim, "expires_at": expires_at}
        existing = self._table.put_new(encode_item(mark), "pk")
        return existing is None or existing.get("spent_by") == {"S": claim}

    # -- activity

    def note_activity(self, activity: Activity) -> None:
        listed = f"activity#{key_text(activity.subject)}"
        self._table.put(
            encode_item({**asdict(activity), "pk": f"activity#{activity.id}", "id": None, "listed_subject": listed})
        )

    def activities(self, subject: str, *, limit: int = 50, cursor: str | None = None) -> Page[Activity]:
        listed = f"activity#{key_text(subject)}"
        return self._by_subject.page(listed, activity_of, limit=limit, cursor=cursor, newest_first=True)

    # -- what developers are told

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
        items = read_together(self._client, {self._name: ("pk", tuple(keys))})[self._name]
        return tuple(
            refusal for key, day in keys.items() for refusal in read(partial(refusals_of, day), items.get(key)) or ()
        )

    # -- throttles

    def attempt(self, name: str, window_start: int, pace: Pace, now: int, expires_at: int) -> int:
        condition, values = _in_time(pace, now)
        try:
            self._table.update(
                {"pk": throttle_key(name, window_start)},
                "SET expires_at = :expires_at, last_at = :now ADD attempts :one",
                condition,
                {":expires_at": expires_at, ":now": now, ":one": 1, **values},
            )
        except ConditionFailed as failure:
            counter = decode_item(failure.existing or {})
            pause = pace.pause_after(counter.get("attempts", 0))
            return max(1, min(pause, int(counter.get("last_at", now)) + pause - now))
        return 0

    def count(self, name: str, window_start: int, amount: int, expires_at: int) -> int:
        updated = self._table.update(
            {"pk": throttle_key(name, window_start)},
            "SET expires_at = :expires_at ADD attempts :amount",
            None,
            {":expires_at": expires_at, ":amount": amount},
        )
        return int(updated["attempts"]["N"])


def throttle_key(name: str, window_start: int) -> str:
    return f"throttle#{base64url(sha256(name))}#{window_start}"


def _in_time(pace: Pace, now: int) -> tuple[str, dict[str, int]]:
    """The condition that an attempt comes when it may, with its values: DynamoDB cannot compute a pause."""
    last = len(pace.pauses) - 1
    conditions, values = ["attribute_not_exists(attempts)", "attempts < :free"], {":free": pace.free}
    for position, pause in enumerate(pace.pauses):
        comparison = "=" if position < last else ">="
        conditions.append(f"(attempts {comparison} :n{position} AND last_at <= :t{position})")
        values |= {f":n{position}": pace.free + position, f":t{position}": now - pause}
    return " OR ".join(conditions), values


def refusals_key(client_id: str, day: int) -> str:
    return f"refusals#{key_text(client_id)}#{day}"


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
