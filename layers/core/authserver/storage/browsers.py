"""What is under way in browsers, who is signed in there, and what they have allowed."""

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
    """What is known of a browser, from one read; expired items, and those that something has ended, are among them.

    `ends` are the present ones of the subject.
    """

    request: PendingRequest | None = None
    session: Session | None = None
    consent: Consent | None = None
    ends: Ends = Ends()


@dataclass(frozen=True, slots=True)
class LinkState:
    """A one-time link, and the present ends of its subject, from one read; a link that is over is there."""

    link: OneTimeLink | None = None
    ends: Ends = Ends()


class BrowserStore(Protocol):
    # -- requests, sessions, consents

    def put_request(self, request: PendingRequest) -> None:
        """Holds an authorization request while its user signs in and consents."""

    def answer_request(self, request_id: str, answer: str, now: int) -> bool:
        """Records the user's answer. False if it expired, vanished or was answered differently before."""

    def note_password(self, request_id: str, subject: str, begun: Begun, sessions: int, now: int) -> bool:
        """Notes whose password was typed for a request, and the epochs from before that was looked at, in place of any.

        False if the request expired or vanished.
        """

    def put_session(self, session: Session, provider: IdentityProvider | None = None) -> None:
        """Signs a browser in; by an organisation's `provider` on the condition of `UserStore.create_federated`, else on
        none. Raises `ProviderOver`.
        """

    def renew_session(self, session: Session, successor: Session) -> bool:
        """Puts the `successor`, the same session with another secret, in its place, in one write. Tells whether it was
        there with the secret that it had.

        It keeps its identifier: whoever ends it ends it however often it was renewed.
        """

    def sessions(self, subject: str, *, limit: int = 50, cursor: str | None = None) -> Page[Session]:
        """The subject's sessions, oldest first; expired ones are among them. Raises `BadCursor`."""

    def ends(self, subject_key: str) -> Ends:
        """The present ends of a subject: to be read before anything is that decides what begins for them."""

    def browser_state(
        self,
        *,
        request_id: str | None = None,
        session_id: str | None = None,
        subject_key: str | None = None,
        client_key: str | None = None,
    ) -> BrowserState:
        """What is known of a browser, in one read. The consent is that of `subject_key` to `client_key`."""

    def remember_consent(self, consent: Consent, now: int) -> None:
        """Adds to what the subject has allowed the client, and to what they have declined, which is none of its scope.

        What is allowed now is declined no more, and the other way round. What has expired, or was begun under other
        epochs, is replaced.
        """

    def consents(self, subject: str, *, limit: int = 50, cursor: str | None = None) -> Page[Consent]:
        """What the subject has allowed, oldest first; what is over is among it. Raises `BadCursor`."""

    # -- approvals

    def ask_approval(self, approval: Approval) -> None:
        """Asks an administrator, in place of what the same member asked for the same client before."""

    def approval(self, organisation: str, client_id: str, subject: str) -> Approval | None:
        """What the member asked for."""

    def answer_approval(
        self, approval: Approval, decision: str, membership: Membership, begun: Begun, now: int, expires_at: int
    ) -> bool:
        """Records an administrator's answer to what `approval` asks, and what the answer was begun under.

        False if it was changed, answered or is over, or the administrator, by this `membership`, is none any more.
        """

    def take_approval_back(self, approval: Approval) -> bool:
        """Removes a question that is still what `approval` asks and that nobody has answered; tells whether."""

    def approvals(self, organisation: str, *, limit: int = 50, cursor: str | None = None) -> Page[Approval]:
        """What was asked in an organisation, newest first; answered and expired ones among them. Raises `BadCursor`."""

    def own_approvals(self, subject: str, *, limit: int = 50, cursor: str | None = None) -> Page[Approval]:
        """What the subject asked, in whichever organisation; else as `approvals`."""

    # -- sign-ins at identity providers

    def put_federation(self, federation: Federation) -> None:
        """Notes that a browser goes to an identity provider."""

    def spend_federation(
        self, federation_id: str, request_id: str, provider: str, claim: str, now: int
    ) -> Federation | None:
        """Takes the one answer that a sign-in at a provider may have; the record, None if it must not be taken.

        Condition: it is of this request and this provider, it has not expired, and nobody took its answer, or this
        very `claim` did (the retry of a write whose answer was lost).
        """

    # -- links in mails

    def put_link(self, link: OneTimeLink) -> bool:
        """Stores a link, in place of one of its identifier; False if that one was spent."""

    def link(self, link_id: str, subject_key: str) -> LinkState:
        """The link, and what may have ended it, in one read."""

    def links(self, subject: str, *, limit: int = 50, cursor: str | None = None) -> Page[OneTimeLink]:
        """The subject's links, oldest first; what was used or is over is among them. Raises `BadCursor`."""
