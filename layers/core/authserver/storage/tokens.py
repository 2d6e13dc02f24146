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
    """The identifiers of those that a record is about; empty for the others."""

    subject: str = ""
    client_id: str = ""
    organisation: str = ""


class AlreadyExists(Exception):
    """An item of that identifier exists; `existing` is it, None if it cannot be read."""

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
        """Puts a new authorization. Raises `AlreadyExists` instead of replacing one.

        Condition: the `session` that decided it, if one did, exists. Raises `browsers.SessionOver` otherwise. The
        authorization's own counters say whether the session was ended together with others.
        """

    def trade(self, token_hash: bytes, authorization: Authorization) -> None:
        """Puts a new authorization in place of another system's refresh token, in one write.

        Condition: no other authorization took its place. Raises `AlreadyExists` with that one, None if that does not
        exist any more. The trade of a token is never forgotten.
        """

    def traded_for(self, token_hash: bytes) -> str | None:
        """The identifier of the authorization that took the place of another system's refresh token."""

    def redeem(
        self, authorization_id: str, code_hash: bytes, claim: str, now: int, idle_expires_at: int, expires_at: int
    ) -> None:
        """Spends the code and sets the lifetime of the authorization: RFC 6749 section 4.1.2.

        Condition: the hash is equal, the code has not expired, nothing is revoked, and it was not redeemed, or was by
        this very `claim` (the retry of a write whose answer was lost). Raises `Refused` with the item. The write
        removes the counter of the session that granted it, and the nonce.
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

        Condition: the generation is equal, nothing is revoked, neither lifetime is over. The same write removes
        `expired_revocations` from the noted access tokens. Raises `Refused` with the item.
        """

    def widen(
        self, authorization: Authorization, entities: frozenset[str], by: Membership, begun: Begun
    ) -> Authorization | None:
        """Adds companies to an authorization by the approval of an administrator, under which it is `begun` from then
        on; returns it as it is now.

        None if it is revoked, reaches other companies or began otherwise than was read; if `by` is not an
        administrator's membership any more, or has changed; or if the administrator who added companies before has
        ceased to be one.
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
        """The authorizations of a subject, of a client or of an organisation (exactly one is given), oldest or newest
        first.

        Raises `BadCursor`. Revoked and expired ones are included.
        """

    # -- devices

    def put_device(self, device: DeviceRequest) -> bool:
        """Stores a device that waits for its user. False if its user code exists."""

    def device(self, device_id: str) -> DeviceRequest | None:
        """The device of a user code, also if it was answered or has waited too long."""

    def slow_device_down(self, device_id: str, interval: int, longer: int) -> None:
        """Sets a device's `longer` interval between polls, if the present one is `interval`: RFC 8628 section 3.5."""

    def deny_device(self, device_id: str, now: int) -> bool:
        """Stores that the device's request was denied. False if it was answered differently before, or does not wait
        any more."""

    def allow_device(self, device_id: str, authorization: Authorization, session: str, now: int) -> None:
        """Puts a new authorization, as `create` does, and assigns it to the device, in one write.

        Condition: the device waits, or was assigned this very authorization. Raises `Refused` otherwise.
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
        """Everything that decides whether a token stands, in one read.

        The keys are `tokens.opaque.key_of` the subject, the client and the organisation, in base64url, or empty. With
        `client_id` that client's record is read as well, as `ClientStore.find` reads it, with `companies` the
        organisation's, and with `user` that of the user of this subject; the end is that of `client_key`, or else of
        `client_id`. `begun` are the epochs that the token itself contains. Ends that are older than those, or than the
        epochs of a record, are read again, a few times.
        """

    def ends_of(self, whose: Iterable[Whose]) -> dict[Whose, Ends]:
        """The present ends for many records of a list, with one read for each hundred of them."""

    # -- registration

    def put_initial_access_token(self, token: InitialAccessToken) -> None:
        """Stores an initial access token, with which clients can be registered (`ClientStore.create`)."""

    def initial_access_tokens(self, *, limit: int = 50, cursor: str | None = None) -> Page[InitialAccessToken]:
        """Every initial access token, oldest first, including expired ones and those without a use left. Raises
        `BadCursor`."""
