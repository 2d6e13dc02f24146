"""Authorizations and tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from authserver.ends import NOTHING, Begun

if TYPE_CHECKING:
    from collections.abc import Iterable

    from authserver.models.organisations import Membership
    from authserver.models.registration import InitialAccessToken
    from authserver.models.tokens import AccessTokenRecord, Authorization, DeviceRequest
    from authserver.storage.lists import Page
    from authserver.storage.standing import Ends, Standing


class Whose(NamedTuple):
    """Whom a record is about, by identifier; what it is not about is empty."""

    subject: str = ""
    client_id: str = ""
    organisation: str = ""


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


class TokenStore(Protocol):
    # -- authorizations

    def create(self, authorization: Authorization, session: str = "") -> None:
        """Puts a new authorization. Raises `AlreadyExists` rather than overwrite.

        Condition: the `session` that decided it, if one did, is there. Raises `browsers.SessionOver` else. Whether it
        was ended together with others, the authorization's counters tell.
        """

    def trade(self, token_hash: bytes, authorization: Authorization) -> None:
        """Puts a new authorization in place of another system's refresh token, in one write.

        Condition: no other has been put in place of it. Raises `AlreadyExists` with that one, None if it is there no
        more. What a token was traded for is never forgotten.
        """

    def traded_for(self, token_hash: bytes) -> str | None:
        """The identifier of the authorization that took the place of another system's refresh token."""

    def redeem(
        self, authorization_id: str, code_hash: bytes, claim: str, now: int, idle_expires_at: int, expires_at: int
    ) -> None:
        """Spends the code and sets how long the authorization lives: RFC 6749 section 4.1.2.

        Condition: the hash is equal, the code has not expired, nothing is revoked, and it was not redeemed, or was
        by this very `claim` (the retry of a write whose answer was lost). Raises `Refused` with the item. From then on
        the counter of the session that granted it is forgotten, and so is the nonce.
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

    def widen(
        self, authorization: Authorization, entities: frozenset[str], by: Membership, begun: Begun
    ) -> Authorization | None:
        """Gives an authorization companies that it did not reach, by the word of an administrator, under which it is
        `begun` from then on; it as it is now.

        None if it is revoked, reaches others or was begun otherwise than was read; if `by` is no administrator's
        membership any more, or another than it was; or if who added companies before has ceased to be one.
        """

    def find(self, authorization_id: str) -> Authorization | None:
        """The authorization of this identifier, which is text from outside."""

    def authorizations(
        self,
        *,
        subject: str | None = None,
        client_id: str | None = None,
        organisation: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
        newest_first: bool = False,
    ) -> Page[Authorization]:
        """Those of a subject, of a client or of an organisation (exactly one is given), oldest first, or newest.

        Raises `BadCursor`. Revoked and expired ones are among them.
        """

    # -- devices

    def put_device(self, device: DeviceRequest) -> bool:
        """Lets a device wait for its user; False if there is one with its user code."""

    def device(self, device_id: str) -> DeviceRequest | None:
        """The device of a user code; one that has been answered, or has waited too long, is there."""

    def slow_device_down(self, device_id: str, interval: int, longer: int) -> None:
        """Has the device poll at a `longer` interval, if its present one is `interval`: RFC 8628 section 3.5."""

    def deny_device(self, device_id: str, now: int) -> bool:
        """Tells a device that it gets nothing. False if it was answered otherwise before, or waits no longer."""

    def allow_device(self, device_id: str, authorization: Authorization, session: str, now: int) -> None:
        """Puts a new authorization, as `create` does, and gives it to the device, in one write.

        Condition: the device waits, or was given this very authorization. Raises `Refused` else.
        """

    # -- access tokens

    def put_access_token(self, record: AccessTokenRecord) -> None:
        """Stores an opaque access token."""

    def standing(
        self,
        *,
        client_id: str | None = None,
        client_key: str = "",
        subject_key: str = "",
        organisation_key: str = "",
        authorization_id: str | None = None,
        access_token_id: str | None = None,
        jti: str | None = None,
        device_id: str | None = None,
        begun: Begun = NOTHING,
        companies: bool = False,
        user: str = "",
        source: str = "",
    ) -> Standing:
        """All that decides whether a token stands, in one read.

        The keys are `tokens.opaque.key_of` the subject, the client and the organisation, in base64url, empty where
        there is none. With `client_id` that client's record is read as well, as `ClientStore.find` reads it, with
        `companies` the organisation's, and with `user` that of the user of this subject; the end is that of
        `client_key`, or else of `client_id`. `begun` is what a token says itself of what it was begun under. What is
        older than that, or than what a record says, is read again, a few times.
        """

    def ends_of(self, whose: Iterable[Whose]) -> dict[Whose, Ends]:
        """The present ends of whom many records of a list are about, in a read for each hundred of them."""

    # -- registration

    def put_initial_access_token(self, token: InitialAccessToken) -> None:
        """Lets its bearer register clients (`ClientStore.create`)."""

    def initial_access_tokens(self, *, limit: int = 50, cursor: str | None = None) -> Page[InitialAccessToken]:
        """Every one, oldest first; expired ones and those without a use left are among them. Raises `BadCursor`."""
