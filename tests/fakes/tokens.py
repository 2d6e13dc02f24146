"""Authorizations, cutoffs and tokens."""

import threading
from dataclasses import replace

from authserver.models import AccessTokenRecord, Authorization, InitialAccessToken
from authserver.storage import AlreadyExists, Page, Refused, Standing
from tests.fakes import filing
from tests.fakes.organisations import FakeOrganisations


class FakeTokens:
    """Implements `storage.TokenStore`. Nothing ever vanishes on its own, as if TTL never came."""

    def __init__(self, organisations: FakeOrganisations | None = None) -> None:
        self._organisations = organisations or FakeOrganisations()
        self._lock = threading.Lock()
        self._suspended: set[tuple[str, ...]] = set()
        self._authorizations: dict[str, Authorization] = {}
        self._access_tokens: dict[str, AccessTokenRecord] = {}
        self._revoked: dict[str, int] = {}
        self._cutoffs: dict[tuple[str, ...], int] = {}
        self._initial: dict[str, tuple[InitialAccessToken, str]] = {}

    # -- authorizations

    def create(self, authorization: Authorization) -> None:
        with self._lock:
            existing = self._authorizations.get(authorization.id)
            if existing is not None:
                raise AlreadyExists(existing)
            self._authorizations[authorization.id] = authorization

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

    def revoke(self, authorization_id: str, now: int, client_id: str | None = None) -> bool:
        with self._lock:
            existing = self._authorizations.get(authorization_id)
            if existing is None or client_id not in (None, existing.client_id):
                return False
            if existing.revoked_at is None:
                self._authorizations[authorization_id] = replace(existing, revoked_at=now)
        return True

    def revoke_access_token(self, authorization_id: str, client_id: str, entry: str, bound: int) -> bool:
        with self._lock:
            existing = self._authorizations.get(authorization_id)
            if existing is None or existing.client_id != client_id:
                return False
            noted = existing.revoked_access_tokens
            if entry not in noted and len(noted) >= bound:
                return False
            self._authorizations[authorization_id] = replace(existing, revoked_access_tokens=noted | {entry})
        return True

    def find(self, authorization_id: str) -> Authorization | None:
        with self._lock:
            return self._authorizations.get(authorization_id)

    def set_entities(
        self,
        authorization_id: str,
        organisation: str,
        entities: frozenset[str],
        was: frozenset[str] | None = None,
    ) -> Authorization | None:
        with self._lock:
            existing = self._authorizations.get(authorization_id)
            if existing is None or existing.organisation != organisation or existing.revoked_at is not None:
                return None
            if was not in (None, existing.entities):
                return None
            self._authorizations[authorization_id] = replace(existing, entities=entities)
            return self._authorizations[authorization_id]

    def authorizations(
        self,
        *,
        subject: str | None = None,
        client_id: str | None = None,
        organisation: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Authorization]:
        with self._lock:
            found = [
                one
                for one in self._authorizations.values()
                if subject in (None, one.subject)
                and client_id in (None, one.client_id)
                and organisation in (None, one.organisation)
            ]
        return filing.page(found, limit, cursor)

    def latest_authorizations(
        self, client_id: str, *, limit: int = 50, cursor: str | None = None
    ) -> Page[Authorization]:
        with self._lock:
            found = [one for one in self._authorizations.values() if one.client_id == client_id]
        return filing.page(found, limit, cursor, newest_first=True)

    # -- access tokens

    def put_access_token(self, record: AccessTokenRecord) -> None:
        with self._lock:
            self._access_tokens[record.id] = record

    def put_revoked(self, jti: str, expires_at: int) -> None:
        with self._lock:
            self._revoked[jti] = expires_at

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
        reached: list[tuple[str, ...]] = [("subject", subject_key), ("client", client_key)]
        reached.append(("subject", subject_key, "client", client_key))
        if organisation_key:
            organisation = ("organisation", organisation_key)
            reached += [organisation, ("subject", subject_key, *organisation), ("client", client_key, *organisation)]
        with self._lock:
            return Standing(
                authorization=self._authorizations.get(authorization_id or ""),
                access_token=self._access_tokens.get(access_token_id or ""),
                not_before=max(self._not_before(cutoff) for cutoff in reached),
                is_revoked=jti in self._revoked,
                organisation=self._organisations.of_key(organisation_key),
                membership=self._organisations.membership_of_keys(organisation_key, subject_key),
            )

    def _not_before(self, cutoff: tuple[str, ...]) -> int:
        return 2**53 if cutoff in self._suspended else self._cutoffs.get(cutoff, 0)

    def cut_off(
        self,
        *,
        subject: str | None = None,
        client_id: str | None = None,
        organisation: str | None = None,
        not_before: int,
        expires_at: int,
    ) -> None:
        cutoff = filing.cutoff(subject, client_id, organisation)
        with self._lock:
            self._cutoffs[cutoff] = max(not_before, self._cutoffs.get(cutoff, 0))

    def suspend(
        self, *, subject: str | None = None, client_id: str | None = None, organisation: str | None = None
    ) -> None:
        with self._lock:
            self._suspended.add(filing.cutoff(subject, client_id, organisation))

    def is_suspended(self, *, subject: str | None = None, client_id: str | None = None) -> bool:
        with self._lock:
            return filing.cutoff(subject, client_id, None) in self._suspended

    def resume(
        self,
        *,
        subject: str | None = None,
        client_id: str | None = None,
        organisation: str | None = None,
        now: int,
        expires_at: int,
    ) -> None:
        cutoff = filing.cutoff(subject, client_id, organisation)
        with self._lock:
            if cutoff in self._suspended:
                self._suspended.remove(cutoff)
                self._cutoffs[cutoff] = max(now, self._cutoffs.get(cutoff, 0))

    # -- registration

    def put_initial_access_token(self, token: InitialAccessToken) -> None:
        with self._lock:
            self._initial[token.id] = (token, "")

    def spend_initial_access_token(self, token_id: str, secret_hash: bytes, claim: str, now: int) -> bool:
        with self._lock:
            token, spent_by = self._initial.get(token_id, (None, ""))
            if token is not None and spent_by == claim:
                return True
            if token is None or token.secret_hash != secret_hash or token.remaining < 1 or token.expires_at <= now:
                return False
            self._initial[token_id] = (replace(token, remaining=token.remaining - 1), claim)
            return True

    # -- for tests alone

    def not_before(self, *cutoff: str) -> int:
        """Until when what was issued is dead."""
        with self._lock:
            return self._not_before(cutoff)

    def authorization(self, authorization_id: str) -> Authorization:
        """The record as it is."""
        with self._lock:
            return self._authorizations[authorization_id]

    def every_authorization(self) -> tuple[Authorization, ...]:
        """Every record, oldest first."""
        with self._lock:
            return tuple(self._authorizations.values())

    def forget(self, kind: str) -> None:
        """What TTL does, but early: every item of `kind` ("authorizations", "access_tokens" ...) vanishes."""
        with self._lock:
            getattr(self, f"_{kind}").clear()
