"""What a use case may reach, in memory: stores that keep the laws of `authserver.storage`, a clock, randomness, keys.

``tests/contract`` holds these stores to the same laws as DynamoDB, so that whatever a unit test shows on them holds
there as well.
"""

import hashlib
import hmac
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import fields as dataclass_fields
from functools import cache
from importlib import import_module
from typing import Any, cast

from authserver.identity.providers import RememberedProviders
from authserver.models import (
    ADMINISTRATOR,
    AccessTokenRecord,
    Activity,
    Approval,
    Authorization,
    Client,
    ClientSecret,
    Consent,
    Factors,
    Federation,
    IdentityProvider,
    InitialAccessToken,
    Invitation,
    Membership,
    OneTimeLink,
    Organisation,
    PendingRequest,
    Refusal,
    Ring,
    Session,
    Theme,
    User,
)
from authserver.scopes import RememberedScopes, ScopeCatalogue
from authserver.services import Opener, PasswordHasher, Services
from authserver.settings import Settings
from authserver.storage import (
    PROVIDER_FIELDS,
    AlreadyExists,
    BadCursor,
    BrowserState,
    BrowserStore,
    ClientStore,
    ConfigurationStore,
    CounterStore,
    FactorStore,
    IdentityProviderStore,
    JournalStore,
    KeyStore,
    LinkState,
    Pace,
    Page,
    Refused,
    Standing,
    TokenStore,
    UserStore,
)
from authserver.theme import RememberedTheme
from authserver.tokens.keyring import RINGS, KeyRing
from authserver.tokens.opaque import key_of
from authserver.values import RedirectUri, Scope, Secret, base64url, normalised_username, sha256

START = 1_800_000_000
ISSUER = "https://as.example"
RESOURCE = "https://api.example"
OTHER_RESOURCE = "https://files.example"
REDIRECT_URI = "https://app.example/callback"
PASSWORD = "wonderland"
CLIENT_SECRET = "client-secret-of-256-random-bits"


# ------------------------------------------------------------------ time and chance


class Clock:
    """A clock that stands still until somebody sets it."""

    def __init__(self, now: int = START) -> None:
        self.time = now

    def __call__(self) -> int:
        return self.time

    def advance(self, seconds: int) -> None:
        self.time += seconds


class Random:
    """Octets that never repeat and are the same in every run with the same `seed`."""

    def __init__(self, seed: str = "") -> None:
        self._seed = seed
        self._lock = threading.Lock()
        self._drawn = 0

    def __call__(self, octets: int) -> bytes:
        with self._lock:
            self._drawn += 1
            number = self._drawn
        blocks = -(-octets // 32)
        drawn = b"".join(hashlib.sha256(f"{self._seed}/{number}/{block}".encode()).digest() for block in range(blocks))
        return drawn[:octets]


class FakePasswords:
    """Implements `services.PasswordHasher`, and costs nothing."""

    def hash(self, password: Secret) -> str:
        return "fake:" + hashlib.sha256(password.reveal().encode()).hexdigest()

    def verify(self, password: Secret, password_hash: str | None) -> bool:
        return password_hash is not None and hmac.compare_digest(
            self.hash(password), password_hash.removeprefix("old ")
        )

    def matches(self, password: Secret, password_hash: str) -> bool:
        return self.verify(password, password_hash)

    def is_outdated(self, password_hash: str) -> bool:
        return password_hash.startswith("old ")


class FakeOpener:
    """Implements `services.Opener`: what was wrapped for one ring and key opens for no other."""

    def wrap(self, plaintext: bytes, *, ring: str, kid: str) -> bytes:
        return self._context(ring, kid) + bytes(octet ^ 0xA5 for octet in plaintext)

    def unwrap(self, wrapped: bytes, *, ring: str, kid: str) -> bytes:
        context = self._context(ring, kid)
        if not wrapped.startswith(context):
            raise ValueError("wrapped for another ring or key")
        return bytes(octet ^ 0xA5 for octet in wrapped[len(context) :])

    def _context(self, ring: str, kid: str) -> bytes:
        return hashlib.sha256(f"{ring}\x00{kid}".encode()).digest()


# ------------------------------------------------------------------ stores


class FakeClients:
    """Implements `storage.ClientStore`."""

    def __init__(self, clients: Iterable[Client] = ()) -> None:
        self._lock = threading.Lock()
        self._clients = {client.client_id: client for client in clients}

    def get(self, client_id: str) -> Client | None:
        with self._lock:
            return self._clients.get(client_id)

    def put(self, client: Client) -> None:
        with self._lock:
            self._clients[client.client_id] = client

    def rehash(self, client_id: str, position: int, old: str, new: ClientSecret) -> bool:
        with self._lock:
            client = self._clients.get(client_id)
            secrets = client.secrets if client and old else ()
            if client is None or [secret.encoded for secret in secrets[position : position + 1]] != [old]:
                return False
            before, after = secrets[:position], secrets[position + 1 :]
            self._clients[client_id] = replace(client, secrets=(*before, new, *after))
        return True

    def note_use(self, client_id: str, position: int, secret: ClientSecret, now: int) -> bool:
        with self._lock:
            client = self._clients.get(client_id)
            secrets = client.secrets if client else ()
            if client is None or [one.created_at for one in secrets[position : position + 1]] != [secret.created_at]:
                return False
            used = replace(secrets[position], used_at=now)
            self._clients[client_id] = replace(client, secrets=(*secrets[:position], used, *secrets[position + 1 :]))
        return True

    def create(self, client: Client) -> bool:
        with self._lock:
            if client.client_id in self._clients or not 0 < len(client.client_id.encode()) <= 1024:
                return False
            self._clients[client.client_id] = client
        return True

    def replace(self, client: Client) -> bool:
        with self._lock:
            stored = self._clients.get(client.client_id)
            if stored is None or stored.version != client.version:
                return False
            self._clients[client.client_id] = replace(client, version=client.version + 1)
        return True

    def keep(self, client_id: str) -> None:
        with self._lock:
            client = self._clients.get(client_id)
            if client and client.expires_at is not None:
                self._clients[client_id] = replace(client, expires_at=None, version=client.version + 1)

    def delete(self, client_id: str) -> None:
        with self._lock:
            self._clients.pop(client_id, None)

    def list(self, *, owner: str | None = None, limit: int = 50, cursor: str | None = None) -> Page[Client]:
        with self._lock:
            found = [client for client in self._clients.values() if owner in (None, client.owner)]
        return _page(found, limit, cursor)


class FakeUsers:
    """Implements `storage.UserStore`."""

    def __init__(
        self,
        users: Iterable[User] = (),
        organisations: "FakeOrganisations | None" = None,
        factors: "FakeFactors | None" = None,
    ) -> None:
        self._lock = threading.Lock()
        self.factors = factors or FakeFactors()
        self._users: dict[str, User] = {}
        self._identities: dict[tuple[str, str], str] = {}
        self.organisations = organisations or FakeOrganisations()
        self._subs: dict[str, str] = {}
        for user in users:
            self.create(user)

    def get(self, sub: str) -> User | None:
        with self._lock:
            return self._users.get(sub)

    def find(self, username: str) -> User | None:
        with self._lock:
            return self._users.get(self._subs.get(normalised_username(username), ""))

    def find_with_factors(self, username: str) -> tuple[User | None, Factors | None]:
        user = self.find(username)
        return user, self.factors.get(_key(user.sub)) if user else None

    def get_with_factors(self, sub: str) -> tuple[User | None, Factors | None]:
        return self.get(sub), self.factors.get(_key(sub))

    def create(self, user: User) -> bool:
        name = normalised_username(user.username)
        with self._lock:
            if name in self._subs or user.sub in self._users:
                return False
            if user.username:
                self._subs[name] = user.sub
            self._users[user.sub] = user
        return True

    def rehash(self, sub: str, old: str, new: str) -> bool:
        with self._lock:
            user = self._users.get(sub)
            if user is None or user.password_hash not in (old, new):
                return False
            self._users[sub] = replace(user, password_hash=new)
        return True

    def reset_password(self, sub: str, password_hash: str, address: str) -> bool:
        with self._lock:
            user = self._users.get(sub)
            if user is None or user.email != address:
                return False
            self._users[sub] = replace(user, password_hash=password_hash, email_verified=True)
        return True

    def confirm_email(self, sub: str, address: str) -> bool:
        with self._lock:
            user = self._users.get(sub)
            if user is None or not (user.pending_email == address or (user.email == address and user.email_verified)):
                return False
            self._users[sub] = replace(user, email=address, email_verified=True, pending_email="")
        return True

    def find_by_identity(self, issuer: str, subject: str) -> User | None:
        with self._lock:
            return self._users.get(self._identities.get((issuer, subject), ""))

    def create_federated(self, user: User, issuer: str, subject: str, membership: Membership | None) -> bool:
        with self._lock:
            if (issuer, subject) in self._identities or user.sub in self._users:
                return False
            self._identities[issuer, subject] = user.sub
            self._users[user.sub] = user
        if membership is not None:
            self.organisations.put_membership(membership)
        return True

    def link(self, sub: str, issuer: str, subject: str) -> bool:
        with self._lock:
            if sub not in self._users or self._identities.get((issuer, subject), sub) != sub:
                return False
            self._identities[issuer, subject] = sub
        return True

    def update(self, sub: str, **changes: Any) -> User | None:
        if not changes or not changes.keys() <= {one.name for one in dataclass_fields(User)} - {"sub", "username"}:
            raise ValueError("these fields cannot be changed")
        with self._lock:
            if sub not in self._users:
                return None
            self._users[sub] = replace(self._users[sub], **changes)
            return self._users[sub]

    def delete(self, sub: str) -> None:
        with self._lock:
            user = self._users.pop(sub, None)
            if user is not None:
                self._subs.pop(normalised_username(user.username), None)
                self._identities = {known: other for known, other in self._identities.items() if other != sub}
        self.factors.drop(_key(sub))

    def list(self, *, limit: int = 50, cursor: str | None = None) -> Page[User]:
        with self._lock:
            return _page(list(self._users.values()), limit, cursor)


class FakeFactors:
    """Implements `storage.FactorStore`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._factors: dict[str, Factors] = {}
        self._used_by: dict[str, str] = {}

    def get(self, subject_key: str) -> Factors | None:
        with self._lock:
            return self._factors.get(subject_key)

    def drop(self, subject_key: str) -> None:
        with self._lock:
            self._factors.pop(subject_key, None)

    def replace(self, factors: Factors) -> bool:
        key = _key(factors.subject)
        with self._lock:
            stored = self._factors.get(key)
            passkeys = tuple(sorted(factors.passkeys, key=lambda one: (one.created_at, one.id)))
            successor = replace(factors, version=factors.version + 1, passkeys=passkeys)
            if factors.version != (stored.version if stored else 0):
                return stored == successor
            self._factors[key] = successor
            self._used_by.pop(key, None)
        return True

    def use_totp_step(self, factors: Factors, step: int, claim: str) -> bool:
        def use(stored: Factors) -> Factors | None:
            if stored.version != factors.version or stored.totp is None or stored.totp.last_step >= step:
                return None
            return replace(stored, totp=replace(stored.totp, last_step=step))

        return self._use(factors, use, claim)

    def spend_recovery_code(self, factors: Factors, code_hash: str, claim: str) -> bool:
        def use(stored: Factors) -> Factors | None:
            if stored.version != factors.version or code_hash not in stored.recovery_codes:
                return None
            return replace(stored, recovery_codes=stored.recovery_codes - {code_hash})

        return self._use(factors, use, claim)

    def note_passkey_use(self, factors: Factors, passkey_id: bytes, sign_count: int, claim: str, now: int) -> bool:
        def use(stored: Factors) -> Factors | None:
            noted = [one.sign_count for one in stored.passkeys if one.id == passkey_id]
            if not noted or (noted[0] >= sign_count if sign_count else noted[0]):
                return None
            return replace(
                stored,
                passkeys=tuple(
                    replace(one, sign_count=sign_count, last_used_at=now) if one.id == passkey_id else one
                    for one in stored.passkeys
                ),
            )

        return self._use(factors, use, claim)

    def _use(self, factors: Factors, use: Callable[[Factors], Factors | None], claim: str) -> bool:
        key = _key(factors.subject)
        with self._lock:
            stored = self._factors.get(key)
            used = use(stored) if stored else None
            if used is None:
                return stored is not None and self._used_by.get(key) == claim
            self._factors[key], self._used_by[key] = used, claim
        return True


class FakeOrganisations:
    """Implements `storage.OrganisationStore`."""

    def __init__(self, organisations: Iterable[Organisation] = (), memberships: Iterable[Membership] = ()) -> None:
        self._lock = threading.Lock()
        self._organisations = {organisation.id: organisation for organisation in organisations}
        self._memberships = {(one.organisation, one.subject): one for one in memberships}
        self._invitations: dict[str, Invitation] = {}

    def get(self, organisation: str) -> Organisation | None:
        with self._lock:
            return self._organisations.get(organisation)

    def get_all(self, organisations: Iterable[str]) -> dict[str, Organisation]:
        with self._lock:
            return {one: self._organisations[one] for one in organisations if one in self._organisations}

    def create(self, organisation: Organisation) -> bool:
        with self._lock:
            if organisation.id in self._organisations:
                return False
            self._organisations[organisation.id] = organisation
        return True

    def update(self, organisation: str, **changes: Any) -> Organisation | None:
        if not changes or not changes.keys() <= {"name", "status"}:
            raise ValueError("these fields cannot be changed")
        with self._lock:
            if organisation not in self._organisations:
                return None
            self._organisations[organisation] = replace(self._organisations[organisation], **changes)
            return self._organisations[organisation]

    def put_company(self, organisation: str, company: str, name: str, bound: int) -> bool:
        with self._lock:
            stored = self._organisations.get(organisation)
            if stored is None or (company not in stored.companies and len(stored.companies) >= bound):
                return False
            self._organisations[organisation] = replace(stored, companies={**stored.companies, company: name})
        return True

    def drop_company(self, organisation: str, company: str) -> bool:
        with self._lock:
            stored = self._organisations.get(organisation)
            if stored is None or company not in stored.companies:
                return False
            left = {one: name for one, name in stored.companies.items() if one != company}
            self._organisations[organisation] = replace(stored, companies=left)
        return True

    def list(self, *, limit: int = 50, cursor: str | None = None) -> Page[Organisation]:
        with self._lock:
            return _page(list(self._organisations.values()), limit, cursor)

    def membership(self, organisation: str, subject: str) -> Membership | None:
        with self._lock:
            return self._memberships.get((organisation, subject))

    def put_membership(self, membership: Membership) -> None:
        with self._lock:
            self._memberships[membership.organisation, membership.subject] = membership

    def delete_membership(self, organisation: str, subject: str) -> None:
        with self._lock:
            self._memberships.pop((organisation, subject), None)

    def change_role(self, organisation: str, subject: str, role: str, witness: str) -> bool:
        with self._lock:
            stored = self._memberships.get((organisation, subject))
            if stored is None or witness == subject or not self._is_administrator(organisation, witness):
                return False
            self._memberships[organisation, subject] = replace(stored, role=role)
        return True

    def end_membership(self, organisation: str, subject: str, witness: str) -> bool:
        with self._lock:
            is_alone = witness == subject or not self._is_administrator(organisation, witness)
            if is_alone and (witness or self._is_administrator(organisation, subject)):
                return False
            self._memberships.pop((organisation, subject), None)
        return True

    def _is_administrator(self, organisation: str, subject: str) -> bool:
        stored = self._memberships.get((organisation, subject))
        return stored is not None and stored.role == ADMINISTRATOR

    def invite(self, invitation: Invitation) -> None:
        with self._lock:
            self._invitations[invitation.id] = invitation

    def invitation(self, invitation_id: str) -> Invitation | None:
        with self._lock:
            return self._invitations.get(invitation_id)

    def accept_invitation(self, invitation: Invitation, subject: str, now: int) -> bool:
        with self._lock:
            stored = self._invitations.get(invitation.id)
            if stored != invitation or invitation.expires_at <= now:
                return False
            if not self._is_administrator(invitation.organisation, invitation.invited_by):
                return False
            if (invitation.organisation, subject) in self._memberships:
                return False
            del self._invitations[invitation.id]
            membership = Membership(invitation.organisation, subject, invitation.role, now)
            self._memberships[membership.organisation, subject] = membership
        return True

    def withdraw_invitation(self, invitation_id: str) -> None:
        with self._lock:
            self._invitations.pop(invitation_id, None)

    def invitations_of(self, organisation: str, *, limit: int = 50, cursor: str | None = None) -> Page[Invitation]:
        with self._lock:
            return _page([one for one in self._invitations.values() if one.organisation == organisation], limit, cursor)

    def invitations_for(self, name: str, *, limit: int = 50, cursor: str | None = None) -> Page[Invitation]:
        with self._lock:
            return _page([one for one in self._invitations.values() if one.name == name], limit, cursor)

    def memberships_of(self, subject: str, *, limit: int = 50, cursor: str | None = None) -> Page[Membership]:
        with self._lock:
            return _page([one for one in self._memberships.values() if one.subject == subject], limit, cursor)

    def members_of(self, organisation: str, *, limit: int = 50, cursor: str | None = None) -> Page[Membership]:
        with self._lock:
            return _page([one for one in self._memberships.values() if one.organisation == organisation], limit, cursor)

    def of_key(self, key: str) -> Organisation | None:
        with self._lock:
            return next((one for one in self._organisations.values() if _key(one.id) == key), None)

    def membership_of_keys(self, organisation: str, subject: str) -> Membership | None:
        with self._lock:
            keys = (organisation, subject)
            found = self._memberships.values()
            return next((one for one in found if (_key(one.organisation), _key(one.subject)) == keys), None)


class FakeConfiguration:
    """Implements `storage.ConfigurationStore`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._scopes: ScopeCatalogue | None = None
        self._theme: Theme | None = None

    def scopes(self) -> ScopeCatalogue | None:
        with self._lock:
            return self._scopes

    def put_scopes(self, catalogue: ScopeCatalogue) -> bool:
        with self._lock:
            if catalogue.version != (self._scopes.version if self._scopes else 0):
                return False
            self._scopes = replace(catalogue, version=catalogue.version + 1)
        return True

    def theme(self) -> Theme | None:
        with self._lock:
            return self._theme

    def put_theme(self, theme: Theme) -> bool:
        with self._lock:
            if theme.version != (self._theme.version if self._theme else 0):
                return False
            self._theme = replace(theme, version=theme.version + 1)
        return True

    def delete_theme(self) -> None:
        with self._lock:
            self._theme = None


class FakeIdentityProviders:
    """Implements `storage.IdentityProviderStore`."""

    def __init__(self, providers: Iterable[IdentityProvider] = ()) -> None:
        self._lock = threading.Lock()
        self._providers = {provider.id: provider for provider in providers}

    def get(self, provider_id: str) -> IdentityProvider | None:
        with self._lock:
            return self._providers.get(provider_id)

    def by_domain(self, domain: str) -> IdentityProvider | None:
        with self._lock:
            return next((one for one in self._providers.values() if domain in one.domains), None)

    def put(self, provider: IdentityProvider) -> bool:
        with self._lock:
            others = [one for one in self._providers.values() if one.id != provider.id]
            if any(set(one.domains) & set(provider.domains) for one in others):
                return False
            self._providers[provider.id] = provider
        return True

    def change(self, provider_id: str, organisation: str, issued_by: str, **changes: Any) -> IdentityProvider | None:
        if not changes or not changes.keys() <= PROVIDER_FIELDS:
            raise ValueError("these fields cannot be changed")
        with self._lock:
            stored = self._providers.get(provider_id)
            if stored is None or not organisation or (stored.organisation, stored.issuer) != (organisation, issued_by):
                return None
            self._providers[provider_id] = replace(stored, **changes)
            return self._providers[provider_id]

    def delete(self, provider_id: str) -> None:
        with self._lock:
            self._providers.pop(provider_id, None)

    def list(self) -> tuple[IdentityProvider, ...]:
        with self._lock:
            return tuple(sorted(self._providers.values(), key=lambda provider: provider.created_at))


class FakeKeys:
    """Implements `storage.KeyStore`."""

    def __init__(self, rings: Iterable[Ring] = ()) -> None:
        self._lock = threading.Lock()
        self._rings = {ring.name: ring for ring in rings}

    def get(self, name: str) -> Ring | None:
        with self._lock:
            return self._rings.get(name)

    def put(self, ring: Ring) -> bool:
        with self._lock:
            stored = self._rings.get(ring.name)
            if ring.version != (stored.version if stored else 0) + 1:
                return False
            self._rings[ring.name] = ring
        return True


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
        return _page(found, limit, cursor)

    def latest_authorizations(
        self, client_id: str, *, limit: int = 50, cursor: str | None = None
    ) -> Page[Authorization]:
        with self._lock:
            found = [one for one in self._authorizations.values() if one.client_id == client_id]
        return _page(found, limit, cursor, newest_first=True)

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
        cutoff = _cutoff(subject, client_id, organisation)
        with self._lock:
            self._cutoffs[cutoff] = max(not_before, self._cutoffs.get(cutoff, 0))

    def suspend(
        self, *, subject: str | None = None, client_id: str | None = None, organisation: str | None = None
    ) -> None:
        with self._lock:
            self._suspended.add(_cutoff(subject, client_id, organisation))

    def is_suspended(self, *, subject: str | None = None, client_id: str | None = None) -> bool:
        with self._lock:
            return _cutoff(subject, client_id, None) in self._suspended

    def resume(
        self,
        *,
        subject: str | None = None,
        client_id: str | None = None,
        organisation: str | None = None,
        now: int,
        expires_at: int,
    ) -> None:
        cutoff = _cutoff(subject, client_id, organisation)
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
            return _page([one for one in self._sessions.values() if one.subject == subject], limit, cursor)

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
        key = _key(subject), _key(client_id)
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
            self._consents.pop((_key(subject), _key(client_id)), None)

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
            return _page([one for one in self._approvals.values() if one.organisation == organisation], limit, cursor)

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


class FakeJournal:
    """Implements `storage.JournalStore`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._activities: dict[str, Activity] = {}
        self._refusals: dict[tuple[str, int], dict[tuple[str, str], Refusal]] = {}

    # -- activity

    def note_activity(self, activity: Activity) -> None:
        with self._lock:
            self._activities[activity.id] = activity

    def activities(self, subject: str, *, limit: int = 50, cursor: str | None = None) -> Page[Activity]:
        with self._lock:
            of_subject = [one for one in self._activities.values() if one.subject == subject]
            return _page(of_subject, limit, cursor, newest_first=True)

    # -- what developers are told

    def note_refusal(self, client_id: str, refusal: Refusal, bound: int, expires_at: int) -> bool:
        with self._lock:
            noted = self._refusals.setdefault((client_id, refusal.day), {})
            if sum(one.count for one in noted.values()) >= bound:
                return False
            kind = (refusal.error, refusal.reason)
            noted[kind] = replace(refusal, count=(noted[kind].count if kind in noted else 0) + 1)
        return True

    def refusals(self, client_id: str, days: Iterable[int]) -> tuple[Refusal, ...]:
        with self._lock:
            return tuple(one for day in days for one in self._refusals.get((client_id, day), {}).values())


@dataclass(slots=True)
class _Counter:
    attempts: int
    expires_at: int
    last_at: int = 0


class FakeCounters:
    """Implements `storage.CounterStore`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counters: dict[tuple[str, int], _Counter] = {}
        self._spent: dict[str, str] = {}

    # -- what may be used once

    def spend(self, identifier: str, claim: str, expires_at: int) -> bool:
        with self._lock:
            return self._spent.setdefault(identifier, claim) == claim

    # -- throttles

    def attempt(self, name: str, window_start: int, pace: Pace, now: int, expires_at: int) -> int:
        with self._lock:
            counter = self._counters.setdefault((name, window_start), _Counter(0, expires_at))
            pause = pace.pause_after(counter.attempts)
            if pause and counter.last_at > now - pause:
                return max(1, min(pause, counter.last_at + pause - now))
            counter.attempts += 1
            counter.last_at = now
        return 0

    def count(self, name: str, window_start: int, amount: int, expires_at: int) -> int:
        with self._lock:
            counter = self._counters.setdefault((name, window_start), _Counter(0, expires_at))
            counter.attempts += amount
            counter.expires_at = expires_at
            return counter.attempts


def _key(text: str) -> str:
    return base64url(key_of(text))


def _cutoff(subject: str | None, client_id: str | None, organisation: str | None) -> tuple[str, ...]:
    parts = (("subject", subject), ("client", client_id), ("organisation", organisation))
    given = [(name, _key(value)) for name, value in parts if value is not None]
    if not 1 <= len(given) <= 2:
        raise ValueError("a cutoff is of one or two of subject, client and organisation")
    return tuple(part for pair in given for part in pair)


def _page[R](records: Sequence[R], limit: int, cursor: str | None, *, newest_first: bool = False) -> Page[R]:
    """A page of what there is, by age; the cursor is how many went before."""
    ordered = sorted(records, key=lambda record: getattr(record, "created_at", 0), reverse=newest_first)
    try:
        start = int(cursor or 0)
    except ValueError:
        raise BadCursor("cursor") from None
    following = start + limit
    return Page(tuple(ordered[start:following]), str(following) if following < len(ordered) else None)


# ------------------------------------------------------------------ wrappers


class Intercepted[S]:
    """Sits where a store sits; `around` is given each call's verb and the call, and decides what becomes of it."""

    def __init__(self, store: S, around: Callable[[str, Callable[[], Any]], Any]) -> None:
        self._store = store
        self._around = around

    def __getattr__(self, verb: str) -> Callable[..., Any]:
        method = getattr(self._store, verb)

        def call(*args: Any, **kwargs: Any) -> Any:
            return self._around(verb, lambda: method(*args, **kwargs))

        return call

    @property
    def as_store(self) -> S:
        """This object, for whoever wants the store's type."""
        return cast("S", self)


class Counted[S](Intercepted[S]):
    """A store whose calls are counted by verb in `calls`."""

    def __init__(self, store: S) -> None:
        super().__init__(store, self._count)
        self.calls: Counter[str] = Counter()

    def _count(self, verb: str, call: Callable[[], Any]) -> Any:
        self.calls[verb] += 1
        return call()


# ------------------------------------------------------------------ builders


def settings(**overrides: Any) -> Settings:
    """Sane settings, with `overrides`."""
    defaults = Settings(
        issuer=ISSUER,
        resource=RESOURCE,
        resources=(OTHER_RESOURCE,),
        localhost_redirects=False,
        grant_types=("authorization_code", "refresh_token", "client_credentials"),
        client_auth_methods=("client_secret_basic", "client_secret_post", "none"),
        access_token_algorithm="ES256",
        access_token_lifetime=3600,
        code_lifetime=60,
        refresh_token_idle_lifetime=30 * 86_400,
        refresh_token_lifetime=180 * 86_400,
        refresh_token_grace=30,
        session_lifetime=43_200,
        consent_lifetime=365 * 86_400,
        key_rotation_days=90,
        imported_password_hashes=(),
        clients_table="clients",
        users_table="users",
        tokens_table="tokens",
        keys_table="keys",
        configuration_table="configuration",
        kms_key="key",
        route_scopes={"GET /items": "read", "POST /items": "write", "GET /any": ""},
        accepts_query_tokens=False,
        organisation_parameter="organisation_id",
        company_parameter="company_id",
        urn_namespace="authserver",
        loopback_upstreams=False,
        registration="Off",
        mail_from="authserver@as.example",
        mail_function="mail",
    )
    return replace(defaults, **overrides)


def client(**overrides: Any) -> Client:
    """A confidential client with the secret `CLIENT_SECRET` that may do everything, with `overrides`."""
    defaults: dict[str, Any] = {
        "client_id": "web",
        "client_name": "A web application",
        "redirect_uris": (RedirectUri.parse(REDIRECT_URI),),
        "grant_types": ("authorization_code", "refresh_token", "client_credentials"),
        "scope": Scope.parse("openid profile email read write"),
        "default_scope": Scope.parse("read"),
        "secrets": (ClientSecret(sha256(CLIENT_SECRET), START, used_at=START),),
        "id_token_signed_response_alg": "ES256",  # parsing an RSA key in every test would take most of its time
        "created_at": START,
    }
    return Client(**{**defaults, **overrides})


def public_client(**overrides: Any) -> Client:
    """A client without a secret, with `overrides`."""
    defaults: dict[str, Any] = {
        "client_id": "app",
        "client_name": "An application on somebody's telephone",
        "token_endpoint_auth_method": "none",
        "secrets": (),
        "grant_types": ("authorization_code", "refresh_token"),
    }
    return client(**{**defaults, **overrides})


def user(**overrides: Any) -> User:
    """Alice, whose password is `PASSWORD`, with `overrides`."""
    defaults: dict[str, Any] = {
        "sub": "sub-of-alice",
        "username": "alice",
        "password_hash": FakePasswords().hash(Secret(PASSWORD)),
        "name": "Alice Liddell",
        "email": "alice@example.com",
        "email_verified": True,
    }
    return User(**{**defaults, **overrides})


@cache
def rings() -> tuple[Ring, ...]:
    """All four rings with a key each, made at `START`, once in a run: making RSA keys is slow."""
    store = FakeKeys()
    KeyRing(store, FakeOpener(), settings(), Clock(), Random("rings")).rotate()
    return tuple(ring for ring in map(store.get, RINGS) if ring is not None)


def plugins(package: str, names: Iterable[str], attribute: str) -> Mapping[str, Any]:
    """The modules of `package`, by what they say they are: `aws.bootstrap.load_plugins` without boto3."""
    modules = [import_module(f"{package}.{name}") for name in names]
    return {getattr(module, attribute): module for module in modules}


def services(
    *,
    settings: Settings = settings(),  # noqa: B008 - frozen
    clients: ClientStore | None = None,
    users: UserStore | None = None,
    organisations: Any = None,
    configuration: ConfigurationStore | None = None,
    tokens: TokenStore | None = None,
    browsers: BrowserStore | None = None,
    journal: JournalStore | None = None,
    counters: CounterStore | None = None,
    key_store: KeyStore | None = None,
    opener: Opener | None = None,
    now: Callable[[], int] | None = None,
    random: Callable[[int], bytes] | None = None,
    passwords: PasswordHasher | None = None,
    identity_providers: IdentityProviderStore | None = None,
    factors: FactorStore | None = None,
    **overrides: Any,
) -> Services:
    """Everything that a use case may reach: real keys, grants and client authentication over stores in memory.

    Without stores of the test's own there are a confidential client ("web"), a public one ("app"), Alice, and keys.
    `overrides` are any other fields of `Services`.
    """
    now = now or Clock()
    random = random or Random()
    key_store = key_store or FakeKeys(rings())
    organisations = organisations or FakeOrganisations()
    configuration = configuration or FakeConfiguration()
    identity_providers = identity_providers or FakeIdentityProviders()
    opener = opener or FakeOpener()
    own_factors = FakeFactors()
    tokens = tokens or FakeTokens(organisations)
    fields: dict[str, Any] = {
        "settings": settings,
        "clients": clients or FakeClients([client(), public_client()]),
        "users": users or FakeUsers([user()], organisations, own_factors),
        "factors": factors or own_factors,
        "organisations": organisations,
        "tokens": tokens,
        "browsers": browsers or FakeBrowsers(tokens if isinstance(tokens, FakeTokens) else None),
        "journal": journal or FakeJournal(),
        "counters": counters or FakeCounters(),
        "configuration": configuration,
        "scopes": RememberedScopes(configuration.scopes, now),
        "keys": KeyRing(key_store, opener, settings, now, random),
        "now": now,
        "random": random,
        "grants": plugins("authserver.grants", settings.grant_types, "GRANT_TYPE"),
        "client_authentication": plugins("authserver.client_authentication", settings.client_auth_methods, "METHOD"),
        "passwords": passwords or FakePasswords(),
        "identity_providers": identity_providers,
        "listed_providers": RememberedProviders(identity_providers.list, now),
        "theme": RememberedTheme(configuration.theme, now),
        "opener": opener,
    }
    return Services(**{**fields, **overrides})
