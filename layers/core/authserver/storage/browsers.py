"""Requests in progress in browsers, sessions, consents, approvals and links."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from authserver.records import dataclass
from authserver.storage.standing import Ends

if TYPE_CHECKING:
    from authserver.ends import Begun
    from authserver.models.browsers import Consent, Federation, OneTimeLink, PendingRequest, Session
    from authserver.models.configuration import IdentityProvider
    from authserver.models.invitations import Approval
    from authserver.models.organisations import Membership
    from authserver.storage.lists import Page


@dataclass(frozen=True, slots=True)
class BrowserState:
    """Everything that is stored about a browser, from one read, including expired and ended items.

    `ends` are the present ones of the subject.
    """

    request: PendingRequest | None = None
    session: Session | None = None
    consent: Consent | None = None
    ends: Ends = Ends()


@dataclass(frozen=True, slots=True)
class LinkState:
    """A one-time link and the present ends of its subject, from one read, also if the link is over."""

    link: OneTimeLink | None = None
    ends: Ends = Ends()


class BrowserStore(Protocol):
    # -- requests, sessions, consents

    def put_request(self, request: PendingRequest) -> None:
        """Stores an authorization request while its user signs in and consents."""

    def answer_request(self, request_id: str, answer: str, now: int) -> bool:
        """Stores the user's answer. False if the request expired, does not exist, or was answered differently
        before."""

    def note_password(self, request_id: str, subject: str, begun: Begun, sessions: int, now: int) -> bool:
        """Stores the subject whose password was typed for a request, with the epochs from before the check, and
        replaces an earlier one.

        False if the request expired or does not exist.
        """

    def put_session(self, session: Session, provider: IdentityProvider | None = None) -> None:
        """Signs a browser in. For an organisation's `provider` the condition is that of `UserStore.create_federated`;
        otherwise there is none. Raises `ProviderOver`."""

    def renew_session(self, session: Session, successor: Session) -> bool:
        """Replaces the session by the `successor`, the same session with another secret, in one write. False if the
        session does not exist with its earlier secret.

        The identifier stays the same, so the session can be ended however often it was renewed.
        """

    def sessions(self, subject: str, *, limit: int = 50, cursor: str | None = None) -> Page[Session]:
        """The subject's sessions, oldest first; expired ones are among them. Raises `BadCursor`."""

    def ends(self, subject_key: str) -> Ends:
        """The present ends of a subject. Must be read before anything that decides what begins for the subject."""

    def browser_state(
        self,
        *,
        request_id: str | None = None,
        session_id: str | None = None,
        subject_key: str | None = None,
        client_key: str | None = None,
    ) -> BrowserState:
        """Everything that is stored about a browser, in one read. The consent is that of `subject_key` to
        `client_key`."""

    def remember_consent(self, consent: Consent, now: int) -> None:
        """Adds to what the subject has allowed the client, and to what the subject has declined of its scope.

        What is allowed now is not declined any more, and the other way round. A consent that has expired, or began
        under other epochs, is replaced.
        """

    def consents(self, subject: str, *, limit: int = 50, cursor: str | None = None) -> Page[Consent]:
        """The subject's consents, oldest first, including those that are over. Raises `BadCursor`."""

    # -- approvals

    def ask_approval(self, approval: Approval) -> None:
        """Asks an administrator, and replaces the same member's earlier question for the same client."""

    def approval(self, organisation: str, client_id: str, subject: str) -> Approval | None:
        """The member's question."""

    def answer_approval(
        self, approval: Approval, decision: str, membership: Membership, begun: Begun, now: int, expires_at: int
    ) -> bool:
        """Stores an administrator's answer to `approval`, and the epochs that the answer began under.

        False if the question was changed, was answered or is over, or if this `membership` is not an administrator's
        any more.
        """

    def take_approval_back(self, approval: Approval) -> bool:
        """Removes a question that is unchanged and unanswered; returns whether it was."""

    def approvals(self, organisation: str, *, limit: int = 50, cursor: str | None = None) -> Page[Approval]:
        """The questions in an organisation, newest first, including answered and expired ones. Raises `BadCursor`."""

    def own_approvals(self, subject: str, *, limit: int = 50, cursor: str | None = None) -> Page[Approval]:
        """The subject's questions in every organisation; otherwise as `approvals`."""

    # -- sign-ins at identity providers

    def put_federation(self, federation: Federation) -> None:
        """Stores that a browser was sent to an identity provider."""

    def spend_federation(
        self, federation_id: str, request_id: str, provider: str, callback: str | None, claim: str, now: int
    ) -> Federation | None:
        """Accepts the one answer that a sign-in at a provider may have; returns its record, or None if the answer must
        not be accepted.

        Condition: the record is of this request, this provider and this `callback`, it has not expired, and no answer
        was accepted, or one was by this very `claim` (the retry of a write whose answer was lost).
        """

    # -- links in mails

    def put_link(self, link: OneTimeLink) -> bool:
        """Stores a link, and replaces one of its identifier. False if that one was used."""

    def link(self, link_id: str, subject_key: str) -> LinkState:
        """The link, and what may have ended it, in one read."""

    def links(self, subject: str, *, limit: int = 50, cursor: str | None = None) -> Page[OneTimeLink]:
        """The subject's links, oldest first, including those that were used or are over. Raises `BadCursor`."""
