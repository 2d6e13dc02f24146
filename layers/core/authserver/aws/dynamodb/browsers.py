"""The Tokens table: what is under way in browsers, who is signed in there, and what they have allowed."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from authserver.aws.dynamodb.ends import is_begun
from authserver.aws.dynamodb.identity_providers import write_by
from authserver.aws.dynamodb.lists import Index
from authserver.aws.dynamodb.memberships import is_still_administrator
from authserver.aws.dynamodb.reader import ATTEMPTS, Reader, Tables, Wanted, is_read
from authserver.aws.items.browsers import consent_of, federation_of, link_of, request_of, session_of
from authserver.aws.items.invitations import approval_of
from authserver.aws.items.primary_keys import approval_key, consent_key, key_text, mail_key
from authserver.aws.items.records import attributes_of, begun_attribute, read
from authserver.aws.service import Service
from authserver.aws.table import UNGUARDED, ConditionFailed, Guard, Item, Table, Write, encode_item
from authserver.ends import Begun
from authserver.errors import TemporarilyUnavailable
from authserver.models.browsers import Consent, Federation, OneTimeLink, PendingRequest, Session
from authserver.models.configuration import IdentityProvider
from authserver.models.invitations import Approval
from authserver.models.organisations import Membership
from authserver.storage.browsers import BrowserState, LinkState
from authserver.storage.lists import Page
from authserver.storage.standing import Ends


class DynamoBrowsers:
    """Implements `storage.browsers.BrowserStore`."""

    def __init__(
        self,
        dynamodb: Service,
        tables: Tables,
        configuration_table: str,
        reader: Reader,
        guard: Guard = UNGUARDED,
    ) -> None:
        table = tables.tokens
        self._users_table = tables.users
        self._configuration_table = configuration_table
        self._reader = reader
        self._table = Table(dynamodb, table, guard)
        self._by_subject = Index(dynamodb, table, "pk", "by_subject", "listed_subject")
        self._by_organisation = Index(dynamodb, table, "pk", "by_organisation", "listed_organisation")

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

    def note_password(self, request_id: str, subject: str, begun: Begun, sessions: int, now: int) -> bool:
        return self._table.update_if(
            {"pk": f"request#{request_id}"},
            "SET password_of = :subject, password_at = :now, begun = :begun, sessions = :sessions",
            "expires_at > :now",
            {":subject": subject, ":now": now, ":begun": begun.as_attributes(), ":sessions": sessions},
        )

    def put_session(self, session: Session, provider: IdentityProvider | None = None) -> None:
        if provider is None or not provider.organisation:
            self._table.put(session_item(session))
            return
        put = self._table.name, Write.put(session_item(session))
        write_by(self._table, [put], provider, self._configuration_table, self._table.name)

    def renew_session(self, session: Session, successor: Session) -> bool:
        return self._table.put_if(session_item(successor), "secret_hash = :hash", {":hash": session.secret_hash})

    def sessions(self, subject: str, *, limit: int = 50, cursor: str | None = None) -> Page[Session]:
        return self._by_subject.page(f"session#{key_text(subject)}", session_of, limit=limit, cursor=cursor)

    def ends(self, subject_key: str) -> Ends:
        return self._reader.read(Wanted(subject_key=subject_key)).ends

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
        }
        wanted = Wanted(subject_key=subject_key or "", items=tuple(filter(None, keys.values())))
        for _ in range(ATTEMPTS):
            found = self._reader.read(wanted)
            state = BrowserState(
                request=read(request_of, found.items.get(keys["request"])),
                session=read(session_of, found.items.get(keys["session"])),
                consent=read(consent_of, found.items.get(keys["consent"])),
                ends=found.ends,
            )
            session = state.session
            if session is None or is_read(found.ends, session.begun, session.sessions, is_fresh=found.is_fresh):
                break
            wanted = replace(wanted, fresh=True)
        return state

    def remember_consent(self, consent: Consent, now: int) -> None:
        key = {"pk": consent_key(consent.subject, consent.client_id)}
        sets = {
            "scopes": frozenset(consent.scope),
            "declined": frozenset(consent.declined),
            "resource_indicators": consent.resource,
        }
        added = {name: tokens for name, tokens in sets.items() if tokens}
        # One expression cannot both add to a set and take from it. What is declined is kept first: of what is in both
        # sets, that counts.
        taken_at_once = " DELETE declined :scopes" if consent.scope and not consent.declined else ""
        same, counters, names = is_begun(consent.begun)
        stands, now_and_then = f"expires_at > :now AND {same}", {":now": now, **counters}
        for _ in range(ATTEMPTS):
            # None, as most often, or one that has expired or ended: replaced, so that it does not come back to life.
            if self._table.put_if(_consent_item(consent, sets), f"NOT ({stands})", now_and_then, names=names):
                return
            is_added = self._table.update_if(
                key,
                "SET expires_at = :expires_at ADD " + ", ".join(f"{name} :{name}" for name in added) + taken_at_once,
                stands,
                {":expires_at": consent.expires_at, **now_and_then} | {f":{name}": added[name] for name in added},
                names=names,
            )
            if is_added:
                break
        else:
            raise TemporarilyUnavailable("The store did not answer", reason="consent_contended")
        if consent.scope and consent.declined:
            self._table.update_if(
                key, "DELETE declined :scopes", same, {":scopes": frozenset(consent.scope), **counters}, names=names
            )

    def consents(self, subject: str, *, limit: int = 50, cursor: str | None = None) -> Page[Consent]:
        return self._by_subject.page(f"consent#{key_text(subject)}", consent_of, limit=limit, cursor=cursor)

    # -- approvals

    def ask_approval(self, approval: Approval) -> None:
        self._table.put(
            encode_item(
                {
                    **attributes_of(approval),
                    "pk": approval_key(approval.organisation, approval.client_id, approval.subject),
                    "scope": str(approval.scope),
                    "listed_organisation": f"approval#{key_text(approval.organisation)}",
                    "listed_subject": f"approval#{key_text(approval.subject)}",
                }
            )
        )

    def approval(self, organisation: str, client_id: str, subject: str) -> Approval | None:
        return read(approval_of, self._table.get({"pk": approval_key(organisation, client_id, subject)}))

    def answer_approval(
        self, approval: Approval, decision: str, membership: Membership, begun: Begun, now: int, expires_at: int
    ) -> bool:
        same, values = is_still(approval)
        answer = Write.update(
            {"pk": approval_key(approval.organisation, approval.client_id, approval.subject)},
            "SET decision = :decision, decided_by = :by, decided_at = :now, expires_at = :expires_at, begun = :begun,"
            " listed_client = :listed",
            f"attribute_not_exists(decision) AND expires_at > :now AND created_at = :created_at AND {same}",
            {
                ":decision": decision,
                ":by": membership.subject,
                ":listed": f"approval#{key_text(membership.subject)}",
                ":now": now,
                ":expires_at": expires_at,
                ":begun": begun.as_attributes(),
                ":created_at": approval.created_at,
                **values,
            },
            {f"#{name}": name for name in ASKED},
        )
        administers = is_still_administrator(membership.organisation, membership.subject, membership.epoch)
        return not self._table.transact([(self._table.name, answer), (self._users_table, administers)])

    def take_approval_back(self, approval: Approval) -> bool:
        same, values = is_still(approval)
        remove = Write.delete(
            {"pk": approval_key(approval.organisation, approval.client_id, approval.subject)},
            f"attribute_not_exists(decision) AND created_at = :created_at AND {same}",
            {":created_at": approval.created_at, **values},
            {f"#{name}": name for name in ASKED},
        )
        # In a transaction, which DynamoDB knows again when the answer to it was lost.
        return not self._table.write_all([remove])

    def approvals(self, organisation: str, *, limit: int = 50, cursor: str | None = None) -> Page[Approval]:
        listed = f"approval#{key_text(organisation)}"
        return self._by_organisation.page(listed, approval_of, limit=limit, cursor=cursor, newest_first=True)

    def own_approvals(self, subject: str, *, limit: int = 50, cursor: str | None = None) -> Page[Approval]:
        listed = f"approval#{key_text(subject)}"
        return self._by_subject.page(listed, approval_of, limit=limit, cursor=cursor, newest_first=True)

    # -- sign-ins at identity providers

    def put_federation(self, federation: Federation) -> None:
        self._table.put(encode_item({**attributes_of(federation), "pk": f"federation#{federation.id}", "id": None}))

    def spend_federation(
        self, federation_id: str, request_id: str, provider: str, callback: str | None, claim: str, now: int
    ) -> Federation | None:
        values = {":claim": claim, ":request_id": request_id, ":provider": provider, ":now": now}
        if callback is not None:
            values[":callback"] = callback
        there = "attribute_not_exists(callback)" if callback is None else "callback = :callback"
        try:
            item = self._table.update(
                {"pk": f"federation#{federation_id}"},
                "SET spent_by = :claim",
                f"request_id = :request_id AND provider = :provider AND {there} AND expires_at > :now"
                " AND (attribute_not_exists(spent_by) OR spent_by = :claim)",
                values,
                answer="ALL_NEW",
            )
        except ConditionFailed:
            return None
        return read(federation_of, item)

    # -- links in mails

    def put_link(self, link: OneTimeLink) -> bool:
        listed = {"listed_subject": f"mail#{key_text(link.subject)}"}
        item = encode_item({**attributes_of(link), "pk": mail_key(link.id), "id": None, **listed})
        return self._table.put_if(item, "attribute_not_exists(spent_by)", {})

    def link(self, link_id: str, subject_key: str) -> LinkState:
        key = mail_key(link_id)
        wanted = Wanted(subject_key=subject_key, items=(key,))
        for _ in range(ATTEMPTS):
            found = self._reader.read(wanted)
            state = LinkState(read(link_of, found.items.get(key)), found.ends)
            link = state.link
            if link is None or is_read(found.ends, link.begun, link.sessions, is_fresh=found.is_fresh):
                break
            wanted = replace(wanted, fresh=True)
        return state

    def links(self, subject: str, *, limit: int = 50, cursor: str | None = None) -> Page[OneTimeLink]:
        return self._by_subject.page(f"mail#{key_text(subject)}", link_of, limit=limit, cursor=cursor)


ASKED = ("scope", "entities", "resource")


def is_still(approval: Approval) -> tuple[str, dict[str, Any]]:
    """The condition that an approval's item asks what `approval` does, with its values; it has names for `ASKED`."""
    return _is_still({"scope": str(approval.scope), "entities": approval.entities, "resource": approval.resource})


def session_item(session: Session) -> Item:
    listed = f"session#{key_text(session.subject)}"
    return encode_item({**attributes_of(session), "pk": f"session#{session.id}", "listed_subject": listed})


def _consent_item(consent: Consent, sets: Mapping[str, Any]) -> Item:
    return encode_item(
        {
            **sets,
            "pk": consent_key(consent.subject, consent.client_id),
            "subject": consent.subject,
            "client_id": consent.client_id,
            "created_at": consent.created_at,
            "expires_at": consent.expires_at,
            "begun": begun_attribute(consent.begun),
            "listed_subject": f"consent#{key_text(consent.subject)}",
        }
    )


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
