"""Authorizations and tokens, and whether they stand."""

from collections.abc import Iterable
from dataclasses import replace

from authserver.ends import NOTHING, Begun
from authserver.models.clients import Client
from authserver.models.organisations import Membership
from authserver.models.registration import InitialAccessToken
from authserver.models.tokens import DENIED, AccessTokenRecord, Authorization, DeviceRequest
from authserver.storage.guards import SessionOver
from authserver.storage.lists import Page
from authserver.storage.standing import Ends, Standing
from authserver.storage.tokens import AlreadyExists, Refused, Whose
from tests.fakes import filing
from tests.fakes.clients import FakeClients
from tests.fakes.organisations import FakeOrganisations
from tests.fakes.record import FakeRecord
from tests.fakes.users import FakeUsers


class FakeTokens:
    """Implements `storage.tokens.TokenStore`. Nothing ever vanishes on its own, as if TTL never came."""

    def __init__(
        self,
        record: FakeRecord | None = None,
        clients: FakeClients | None = None,
        organisations: FakeOrganisations | None = None,
        users: FakeUsers | None = None,
    ) -> None:
        self._record = record or FakeRecord()
        self._lock = self._record.lock
        self._clients = clients or FakeClients(record=self._record)
        self._organisations = organisations or FakeOrganisations(record=self._record)
        self._users = users
        self._authorizations: dict[str, Authorization] = {}
        self._access_tokens: dict[str, AccessTokenRecord] = {}
        self._revoked: dict[str, int] = {}
        self._traded: dict[bytes, str] = {}
        self._devices: dict[str, DeviceRequest] = {}

    # -- authorizations

    def create(self, authorization: Authorization, session: str = "") -> None:
        with self._lock:
            if session and session not in self._record.sessions:
                raise SessionOver
            existing = self._authorizations.get(authorization.id)
            if existing is not None:
                raise AlreadyExists(existing)
            self._authorizations[authorization.id] = authorization

    def trade(self, token_hash: bytes, authorization: Authorization) -> None:
        with self._lock:
            if token_hash in self._traded or authorization.id in self._authorizations:
                raise AlreadyExists(self._authorizations.get(self._traded.get(token_hash, "")))
            self._traded[token_hash] = authorization.id
            self._authorizations[authorization.id] = authorization

    def traded_for(self, token_hash: bytes) -> str | None:
        with self._lock:
            return self._traded.get(token_hash)

    def redeem(
        self, authorization_id: str, code_hash: bytes, claim: str, now: int, idle_expires_at: int, expires_at: int
    ) -> None:
        with self._lock:
            existing = self._authorizations.get(authorization_id)
            if (
                existing is None
                or existing.code_hash != code_hash
                or existing.code_expires_at <= now
                or existing.revoked_at is not None
                or existing.redeemed_by not in (None, claim)
            ):
                raise Refused(existing)
            self._authorizations[authorization_id] = replace(
                existing,
                redeemed_by=claim,
                generation=1,
                rotated_at=now,
                idle_expires_at=idle_expires_at,
                expires_at=expires_at,
                sessions=None,
                nonce=None,
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
        with self._lock:
            existing = self._authorizations.get(authorization_id)
            if (
                existing is None
                or existing.generation != generation
                or existing.revoked_at is not None
                or min(existing.idle_expires_at, existing.expires_at) <= now
            ):
                raise Refused(existing)
            self._authorizations[authorization_id] = replace(
                existing,
                generation=generation + 1,
                rotated_at=now,
                rotated_by=claim,
                idle_expires_at=idle_expires_at,
                revoked_access_tokens=existing.revoked_access_tokens - expired_revocations,
            )

    def widen(
        self, authorization: Authorization, entities: frozenset[str], by: Membership, begun: Begun
    ) -> Authorization | None:
        with self._lock:
            existing = self._authorizations.get(authorization.id)
            if existing is None or existing.revoked_at is not None:
                return None
            if (existing.entities, existing.begun) != (authorization.entities, authorization.begun):
                return None
            if not self._record.is_administrators(by) or not self._has_its_widener(existing):
                return None
            self._authorizations[authorization.id] = replace(existing, entities=entities, begun=begun)
            return self._authorizations[authorization.id]

    def _has_its_widener(self, authorization: Authorization) -> bool:
        begun, end = authorization.begun, self._record.organisation(filing.key(authorization.organisation))
        return not begun.widener or end.approvers.get(begun.widener, 0) == begun.widening

    def find(self, authorization_id: str) -> Authorization | None:
        with self._lock:
            return self._authorizations.get(authorization_id)

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
        with self._lock:
            found = [
                one
                for one in self._authorizations.values()
                if subject in (None, one.subject)
                and client_id in (None, one.client_id)
                and organisation in (None, one.organisation)
            ]
        return filing.page(found, limit, cursor, newest_first=newest_first)

    # -- devices

    def put_device(self, device: DeviceRequest) -> bool:
        with self._lock:
            return self._devices.setdefault(device.id, device).secret_hash == device.secret_hash

    def device(self, device_id: str) -> DeviceRequest | None:
        with self._lock:
            return self._devices.get(device_id)

    def slow_device_down(self, device_id: str, interval: int, longer: int) -> None:
        with self._lock:
            device = self._devices.get(device_id)
            if device is not None and device.interval == interval:
                self._devices[device_id] = replace(device, interval=longer)

    def deny_device(self, device_id: str, now: int) -> bool:
        with self._lock:
            return self._answer(device_id, DENIED, now)

    def allow_device(self, device_id: str, authorization: Authorization, session: str, now: int) -> None:
        with self._lock:
            if session not in self._record.sessions:
                raise SessionOver
            existing = self._authorizations.get(authorization.id)
            if existing is not None:
                raise AlreadyExists(existing)
            if not self._answer(device_id, authorization.id, now):
                raise Refused(None)
            self._authorizations[authorization.id] = authorization

    def _answer(self, device_id: str, answer: str, now: int) -> bool:
        device = self._devices.get(device_id)
        if device is None or device.expires_at <= now or device.answer not in ("", answer):
            return False
        self._devices[device_id] = replace(device, answer=answer)
        return True

    # -- access tokens

    def put_access_token(self, record: AccessTokenRecord) -> None:
        with self._lock:
            self._access_tokens[record.id] = record

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
        with self._lock:
            key = client_key or (filing.key(client_id) if client_id is not None else "")
            return Standing(
                ends=self._record.ends(subject_key, key, organisation_key),
                client=self._client(client_id),
                authorization=self._authorizations.get(authorization_id or ""),
                access_token=self._access_tokens.get(access_token_id or ""),
                is_revoked=jti in self._revoked,
                organisation=self._organisations.of_key(organisation_key) if companies else None,
                user=self._users.get(user) if self._users and user else None,
                device=self._devices.get(device_id or ""),
            )

    def ends_of(self, whose: Iterable[Whose]) -> dict[Whose, Ends]:
        with self._lock:
            return {one: self._record.ends(*(filing.key(name) if name else "" for name in one)) for one in whose}

    def _client(self, client_id: str | None) -> Client | None:
        return self._clients.find(client_id) if client_id else None

    # -- what withdrawals change

    def replace(self, authorization: Authorization) -> None:
        with self._lock:
            self._authorizations[authorization.id] = authorization

    def revoke_opaque(self, access_token_id: str) -> None:
        with self._lock:
            if access_token_id in self._access_tokens:
                record = replace(self._access_tokens[access_token_id], is_revoked=True)
                self._access_tokens[access_token_id] = record

    def revoke_jwt(self, jti: str, expires_at: int) -> None:
        with self._lock:
            self._revoked[jti] = expires_at

    # -- registration

    def put_initial_access_token(self, token: InitialAccessToken) -> None:
        with self._lock:
            self._record.initial_access_tokens[token.id] = token

    def initial_access_tokens(self, *, limit: int = 50, cursor: str | None = None) -> Page[InitialAccessToken]:
        with self._lock:
            return filing.page(list(self._record.initial_access_tokens.values()), limit, cursor)

    # -- for tests alone

    def authorization(self, authorization_id: str) -> Authorization:
        """The record as it is."""
        with self._lock:
            return self._authorizations[authorization_id]

    def every_authorization(self) -> tuple[Authorization, ...]:
        """Every record, oldest first."""
        with self._lock:
            return tuple(self._authorizations.values())

    def vanish(self, now: int) -> None:
        """What TTL does by a clock that shows `now`."""
        with self._lock:
            self._authorizations = {name: one for name, one in self._authorizations.items() if one.expires_at > now}
            self._access_tokens = {name: one for name, one in self._access_tokens.items() if one.expires_at > now}
            self._revoked = {jti: expires_at for jti, expires_at in self._revoked.items() if expires_at > now}
            self._devices = {name: one for name, one in self._devices.items() if one.expires_at > now}

    def forget(self, kind: str) -> None:
        """What TTL does, but early: every item of `kind` ("authorizations", "access_tokens" ...) vanishes."""
        with self._lock:
            getattr(self, f"_{kind}").clear()
