"""What browsers hold, and what is waiting for them."""

from dataclasses import replace

from authserver.ends import Begun
from authserver.models.browsers import WITHDRAWN, Consent, Federation, OneTimeLink, PendingRequest, Session
from authserver.models.configuration import IdentityProvider
from authserver.models.invitations import Approval
from authserver.models.organisations import Membership
from authserver.storage.browsers import BrowserState, LinkState
from authserver.storage.lists import Page
from authserver.storage.standing import Ends
from authserver.values import Scope
from tests.fakes import filing
from tests.fakes.record import FakeRecord


class FakeBrowsers:
    """Implements `storage.browsers.BrowserStore`."""

    def __init__(self, record: FakeRecord | None = None) -> None:
        self._record = record or FakeRecord()
        self._lock = self._record.lock
        self._sessions = self._record.sessions
        self._requests: dict[str, PendingRequest] = {}
        self._consents: dict[tuple[str, str], Consent] = {}
        self._approvals: dict[tuple[str, str, str], Approval] = {}
        self._federations: dict[str, Federation] = {}
        self._links: dict[str, OneTimeLink] = {}

    # -- requests, sessions, consents

    def put_request(self, request: PendingRequest) -> None:
        with self._lock:
            self._requests[request.id] = request

    def answer_request(self, request_id: str, answer: str, now: int) -> bool:
        with self._lock:
            request = self._requests.get(request_id)
            if request is None or request.expires_at <= now or request.answer not in (None, answer):
                return False
            self._requests[request_id] = replace(request, answer=answer)
        return True

    def note_password(self, request_id: str, subject: str, begun: Begun, sessions: int, now: int) -> bool:
        with self._lock:
            request = self._requests.get(request_id)
            if request is None or request.expires_at <= now:
                return False
            self._requests[request_id] = replace(
                request, password_of=subject, password_at=now, begun=begun, sessions=sessions
            )
        return True

    def put_session(self, session: Session, provider: IdentityProvider | None = None) -> None:
        with self._lock:
            if provider is not None:
                self._record.require_provider(provider)
            self._sessions[session.id] = session

    def renew_session(self, session: Session, successor: Session) -> bool:
        with self._lock:
            stored = self._sessions.get(session.id)
            if stored is None or stored.secret_hash != session.secret_hash:
                return False
            self._sessions[session.id] = successor
        return True

    def ends(self, subject_key: str) -> Ends:
        return self._record.ends(subject_key)

    def browser_state(
        self,
        *,
        request_id: str | None = None,
        session_id: str | None = None,
        subject_key: str | None = None,
        client_key: str | None = None,
    ) -> BrowserState:
        with self._lock:
            return BrowserState(
                request=self._requests.get(request_id or ""),
                session=self._sessions.get(session_id or ""),
                consent=self._consents.get((subject_key or "", client_key or "")),
                ends=self._record.ends(subject_key or ""),
            )

    def remember_consent(self, consent: Consent, now: int) -> None:
        key = filing.key(consent.subject), filing.key(consent.client_id)
        with self._lock:
            before = self._consents.get(key)
            if before is not None and before.expires_at > now and before.begun == consent.begun:
                consent = replace(
                    consent,
                    scope=Scope.of(sorted((before.scope - consent.declined) | consent.scope)),
                    declined=Scope.of(sorted((before.declined - consent.scope) | consent.declined)),
                    resource=before.resource | consent.resource,
                    created_at=before.created_at,
                )
            self._consents[key] = replace(
                consent, scope=Scope.of(sorted(consent.scope)), declined=Scope.of(sorted(consent.declined))
            )

    def consents(self, subject: str, *, limit: int = 50, cursor: str | None = None) -> Page[Consent]:
        with self._lock:
            return filing.page([one for one in self._consents.values() if one.subject == subject], limit, cursor)

    def sessions(self, subject: str, *, limit: int = 50, cursor: str | None = None) -> Page[Session]:
        with self._lock:
            return filing.page([one for one in self._sessions.values() if one.subject == subject], limit, cursor)

    # -- approvals

    def ask_approval(self, approval: Approval) -> None:
        with self._lock:
            self._approvals[approval.organisation, approval.client_id, approval.subject] = approval

    def approval(self, organisation: str, client_id: str, subject: str) -> Approval | None:
        with self._lock:
            return self._approvals.get((organisation, client_id, subject))

    def answer_approval(
        self, approval: Approval, decision: str, membership: Membership, begun: Begun, now: int, expires_at: int
    ) -> bool:
        key = approval.organisation, approval.client_id, approval.subject
        with self._lock:
            asked = self._approvals.get(key)
            if asked != approval or asked.decision or asked.expires_at <= now:
                return False
            if not self._record.is_administrators(membership):
                return False
            self._approvals[key] = replace(
                asked,
                decision=decision,
                decided_by=membership.subject,
                decided_at=now,
                expires_at=expires_at,
                begun=begun,
            )
        return True

    def take_approval_back(self, approval: Approval) -> bool:
        with self._lock:
            return not approval.decision and self.forget_approval(approval)

    def approvals(self, organisation: str, *, limit: int = 50, cursor: str | None = None) -> Page[Approval]:
        with self._lock:
            asked = [one for one in self._approvals.values() if one.organisation == organisation]
        return filing.page(asked, limit, cursor, newest_first=True)

    def own_approvals(self, subject: str, *, limit: int = 50, cursor: str | None = None) -> Page[Approval]:
        with self._lock:
            asked = [one for one in self._approvals.values() if one.subject == subject]
        return filing.page(asked, limit, cursor, newest_first=True)

    # -- sign-ins at identity providers

    def put_federation(self, federation: Federation) -> None:
        with self._lock:
            self._federations[federation.id] = federation

    def spend_federation(
        self, federation_id: str, request_id: str, provider: str, callback: str | None, claim: str, now: int
    ) -> Federation | None:
        with self._lock:
            existing = self._federations.get(federation_id)
            if (
                existing is None
                or (existing.request_id, existing.provider, existing.callback) != (request_id, provider, callback)
                or existing.expires_at <= now
                or existing.spent_by not in (None, claim)
            ):
                return None
            self._federations[federation_id] = replace(existing, spent_by=claim)
            return self._federations[federation_id]

    # -- links in mails

    def put_link(self, link: OneTimeLink) -> bool:
        with self._lock:
            existing = self._links.get(link.id)
            if existing is not None and existing.spent_by is not None:
                return False
            self._links[link.id] = link
        return True

    def link(self, link_id: str, subject_key: str) -> LinkState:
        with self._lock:
            return LinkState(self._links.get(link_id), self._record.ends(subject_key))

    def links(self, subject: str, *, limit: int = 50, cursor: str | None = None) -> Page[OneTimeLink]:
        with self._lock:
            return filing.page([one for one in self._links.values() if one.subject == subject], limit, cursor)

    # -- what withdrawals, and users, change

    def spend(self, link: OneTimeLink, claim: str, now: int) -> bool:
        """Uses a link, unless it is over, another claim has used it, or something has ended it."""
        with self._lock:
            stored = self._links.get(link.id)
            if stored is None or stored.secret_hash != link.secret_hash or stored.expires_at <= now:
                return False
            if stored.spent_by not in (None, claim):
                return False
            end = self._record.subject(filing.key(link.subject))
            if end.suspended or link.begun.subject != end.epoch or link.sessions not in (None, end.sessions):
                return False
            if link.begun.era != self._record.deployment.era:
                return False
            self._links[link.id] = replace(stored, spent_by=claim)
        return True

    def withdraw(self, link: OneTimeLink) -> bool:
        """Takes a link back, unless it was used, or was taken back before."""
        with self._lock:
            stored = self._links.get(link.id)
            if stored is None or stored.subject != link.subject or stored.spent_by is not None:
                return False
            self._links[link.id] = replace(stored, spent_by=WITHDRAWN)
        return True

    def forget_consent(self, subject: str, client_id: str) -> None:
        with self._lock:
            self._consents.pop((filing.key(subject), filing.key(client_id)), None)

    def forget_approval(self, approval: Approval) -> bool:
        key = approval.organisation, approval.client_id, approval.subject
        with self._lock:
            if self._approvals.get(key) != approval:
                return False
            del self._approvals[key]
        return True

    # -- for tests alone

    def forget(self, kind: str) -> None:
        """What TTL does, but early: every item of `kind` ("requests", "sessions" ...) vanishes."""
        with self._lock:
            getattr(self, f"_{kind}").clear()
