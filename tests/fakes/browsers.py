"""What browsers hold, and what is waiting for them."""

import threading
from dataclasses import replace

from authserver.models import Approval, Consent, Federation, OneTimeLink, PendingRequest, Session
from authserver.storage import BrowserState, LinkState, Page
from authserver.tokens.opaque import key_of
from authserver.values import Scope, base64url
from tests.fakes import filing
from tests.fakes.tokens import FakeTokens


class FakeBrowsers:
    """Implements `storage.BrowserStore`; the cutoffs of subjects are those of `tokens`."""

    def __init__(self, tokens: FakeTokens | None = None) -> None:
        self._lock = threading.Lock()
        self._not_before = (tokens or FakeTokens()).not_before
        self._ended_sessions: dict[str, int] = {}
        self._requests: dict[str, PendingRequest] = {}
        self._sessions: dict[str, Session] = {}
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

    def note_password(self, request_id: str, subject: str, now: int) -> bool:
        with self._lock:
            request = self._requests.get(request_id)
            if request is None or request.expires_at <= now:
                return False
            self._requests[request_id] = replace(request, password_of=subject, password_at=now)
        return True

    def put_session(self, session: Session) -> None:
        with self._lock:
            self._sessions[session.id] = session

    def delete_session(self, session_id: str) -> None:
        with self._lock:
            self._sessions.pop(session_id, None)

    def sessions(self, subject: str, *, limit: int = 50, cursor: str | None = None) -> Page[Session]:
        with self._lock:
            return filing.page([one for one in self._sessions.values() if one.subject == subject], limit, cursor)

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
                not_before=max(
                    self._not_before("subject", subject_key or ""), self._ended_sessions.get(subject_key or "", 0)
                ),
            )

    def end_sessions(self, subject: str, *, not_before: int, expires_at: int) -> None:
        with self._lock:
            key = base64url(key_of(subject))
            self._ended_sessions[key] = max(not_before, self._ended_sessions.get(key, 0))

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
        key = filing.key(subject), filing.key(client_id)
        with self._lock:
            before = self._consents.get(key)
            if before is not None and before.expires_at > now and before.registered_at == registered_at:
                scope, declined = (before.scope - declined) | scope, (before.declined - scope) | declined
                resource = before.resource | resource
            self._consents[key] = Consent(
                Scope.of(sorted(scope)), resource, registered_at, expires_at, Scope.of(sorted(declined))
            )

    def forget_consent(self, subject: str, client_id: str) -> None:
        with self._lock:
            self._consents.pop((filing.key(subject), filing.key(client_id)), None)

    # -- approvals

    def ask_approval(self, approval: Approval) -> None:
        with self._lock:
            self._approvals[approval.organisation, approval.client_id, approval.subject] = approval

    def approval(self, organisation: str, client_id: str, subject: str) -> Approval | None:
        with self._lock:
            return self._approvals.get((organisation, client_id, subject))

    def answer_approval(self, approval: Approval, decision: str, by: str, now: int, expires_at: int) -> bool:
        key = approval.organisation, approval.client_id, approval.subject
        with self._lock:
            stored = self._approvals.get(key)
            if stored is None or stored.decision or stored.expires_at <= now:
                return False
            asked = ("created_at", "scope", "resource", "entities")
            if any(getattr(stored, name) != getattr(approval, name) for name in asked):
                return False
            self._approvals[key] = replace(
                stored, decision=decision, decided_by=by, decided_at=now, expires_at=expires_at
            )
        return True

    def approvals(self, organisation: str, *, limit: int = 50, cursor: str | None = None) -> Page[Approval]:
        with self._lock:
            return filing.page(
                [one for one in self._approvals.values() if one.organisation == organisation], limit, cursor
            )

    # -- sign-ins at identity providers

    def put_federation(self, federation: Federation) -> None:
        with self._lock:
            self._federations[federation.id] = federation

    def spend_federation(
        self, federation_id: str, request_id: str, provider: str, claim: str, now: int
    ) -> Federation | None:
        with self._lock:
            existing = self._federations.get(federation_id)
            if (
                existing is None
                or (existing.request_id, existing.provider) != (request_id, provider)
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
            return LinkState(self._links.get(link_id), self._not_before("subject", subject_key))

    def spend_link(self, link_id: str, secret_hash: bytes, claim: str, now: int) -> bool:
        with self._lock:
            link = self._links.get(link_id)
            if link is None or link.secret_hash != secret_hash or link.expires_at <= now:
                return False
            if link.spent_by not in (None, claim):
                return False
            self._links[link_id] = replace(link, spent_by=claim)
        return True

    # -- for tests alone

    def forget(self, kind: str) -> None:
        """What TTL does, but early: every item of `kind` ("requests", "sessions" ...) vanishes."""
        with self._lock:
            getattr(self, f"_{kind}").clear()
