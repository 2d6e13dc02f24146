"""The ports: what the use cases ask of a database, in the verbs of the RFCs.

Laws that every implementation keeps (``tests/contract`` proves them on each):

- Every verb that changes something is one atomic write, and conditional wherever what is there already matters. The
  success of such a write is the only licence to issue. Sessions, requests and access tokens are put without a
  condition: their identifiers are 128 random bits, drawn for that write.
- Every read is strongly consistent.
- Expiry is compared by whoever reads; an item that is still there is not thereby alive.
- A store that does not answer raises `errors.TemporarilyUnavailable`; nothing is half done.
"""

from dataclasses import dataclass
from typing import Protocol

from authserver.models import (
    AccessTokenRecord,
    Authorization,
    Client,
    ClientSecret,
    Consent,
    PendingRequest,
    Ring,
    Session,
    User,
)
from authserver.values import Scope


class AlreadyExists(Exception):
    """There is an item of that identity; `existing` is it, None if it cannot be read."""

    def __init__(self, existing: Authorization | None) -> None:
        super().__init__("already exists")
        self.existing = existing


class Refused(Exception):
    """The condition of a write did not hold. `existing` is the item as it was at that instant, None if absent."""

    def __init__(self, existing: Authorization | None) -> None:
        super().__init__("refused")
        self.existing = existing


@dataclass(frozen=True, slots=True)
class Standing:
    """Everything that decides whether a token still stands, from one read.

    `not_before` is the latest cutoff that touches its subject, its client or both; whatever was issued at or before
    it is dead. `is_revoked` tells whether that one access token was revoked.
    """

    authorization: Authorization | None = None
    access_token: AccessTokenRecord | None = None
    not_before: int = 0
    is_revoked: bool = False


@dataclass(frozen=True, slots=True)
class BrowserState:
    """What is known of a browser, from one read; expired items are still among them."""

    request: PendingRequest | None = None
    session: Session | None = None
    consent: Consent | None = None
    not_before: int = 0


class ClientStore(Protocol):
    def get(self, client_id: str) -> Client | None:
        """The client, or None. `client_id` is text from outside."""

    def put(self, client: Client) -> None:
        """Registers or replaces a client."""

    def rehash(self, client_id: str, position: int, old: str, new: ClientSecret) -> bool:
        """Replaces the client's secret at `position` if its imported hash is `old`; tells whether it was."""


class UserStore(Protocol):
    def get(self, sub: str) -> User | None:
        """The user with this subject identifier."""

    def find(self, username: str) -> User | None:
        """The user with this login name, whatever its case or Unicode form."""

    def create(self, user: User) -> bool:
        """Adds a user unless the login name or the subject is taken; tells whether it did."""

    def rehash(self, sub: str, old: str, new: str) -> bool:
        """Replaces the user's password hash if it is `old`; tells whether it was."""


class KeyStore(Protocol):
    def get(self, name: str) -> Ring | None:
        """The ring of this name."""

    def put(self, ring: Ring) -> bool:
        """Writes `ring` if its version is the successor of what is stored (1 of nothing); tells whether it did."""


class TokenStore(Protocol):
    # -- authorizations

    def create(self, authorization: Authorization) -> None:
        """Puts a new authorization. Raises `AlreadyExists` rather than overwrite."""

    def redeem(
        self, authorization_id: str, code_hash: bytes, claim: str, now: int, idle_expires_at: int, expires_at: int
    ) -> None:
        """Spends the code and sets how long the authorization lives: RFC 6749 section 4.1.2.

        Condition: the hash is equal, the code has not expired, nothing is revoked, and it was not redeemed, or was
        by this very `claim` (the retry of a write whose answer was lost). Raises `Refused` with the item.
        """

    def rotate(
        self,
        authorization_id: str,
        generation: int,
        claim: str,
        now: int,
        idle_expires_at: int,
        expired_revocations: frozenset[str],
    ) -> None:
        """Replaces refresh token `generation` by its successor: RFC 9700 section 4.14.2.

        Condition: the generation is equal, nothing is revoked, neither lifetime is over. `expired_revocations` are
        dropped from the noted access tokens in the same write. Raises `Refused` with the item.
        """

    def revoke(self, authorization_id: str, now: int, client_id: str | None = None) -> bool:
        """Revokes for good, if it exists and (where given) belongs to `client_id`; idempotent; tells whether."""

    def revoke_access_token(self, authorization_id: str, client_id: str, entry: str, bound: int) -> bool:
        """Notes one access token (``<expires_at>.<jti>``) as revoked in its authorization.

        False when the authorization is missing, another client's, or already notes `bound` tokens.
        """

    # -- access tokens

    def put_access_token(self, record: AccessTokenRecord) -> None:
        """Stores an opaque access token."""

    def put_revoked(self, jti: str, expires_at: int) -> None:
        """Notes an access token without an authorization as revoked, for as long as it would have lived."""

    def standing(
        self,
        *,
        subject_key: str,
        client_key: str,
        authorization_id: str | None = None,
        access_token_id: str | None = None,
        jti: str | None = None,
    ) -> Standing:
        """All that decides whether a token stands, in one read.

        The keys are `tokens.opaque.key_of` the subject and the client, in base64url.
        """

    def cut_off(self, *, subject: str | None, client_id: str | None, not_before: int, expires_at: int) -> None:
        """Ends everything issued until `not_before` for a subject, for a client, or for the pair."""

    # -- browsers

    def put_request(self, request: PendingRequest) -> None:
        """Holds an authorization request while its user signs in and consents."""

    def answer_request(self, request_id: str, answer: str, now: int) -> bool:
        """Records the user's answer. False if it expired, vanished or was answered differently before."""

    def put_session(self, session: Session) -> None:
        """Signs a browser in."""

    def delete_session(self, session_id: str) -> None:
        """Signs a browser out; idempotent."""

    def browser_state(
        self,
        *,
        request_id: str | None = None,
        session_id: str | None = None,
        subject_key: str | None = None,
        client_key: str | None = None,
    ) -> BrowserState:
        """What is known of a browser, in one read. The consent is that of `subject_key` to `client_key`."""

    def remember_consent(
        self, subject: str, client_id: str, scope: Scope, resource: frozenset[str], now: int, expires_at: int
    ) -> None:
        """Adds to what the subject has allowed the client; what has expired is replaced."""

    # -- throttles

    def count(self, name: str, window_start: int, amount: int, expires_at: int) -> int:
        """Adds `amount` to the counter of `name` in this window; its new value."""
