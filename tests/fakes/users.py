"""Users."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from authserver.models.browsers import OneTimeLink
from authserver.models.configuration import IdentityProvider
from authserver.models.organisations import Membership
from authserver.models.users import Identity, User, address_name, identity_id
from authserver.storage.lists import Page
from authserver.storage.users import (
    MAPS,
    MOST_IDENTITIES,
    PROFILE_FIELDS,
    TOLD_FIELDS,
    AccountState,
    AddressTaken,
    Confirmation,
)
from authserver.values import base32, normalised_username, sha256
from tests.fakes import filing
from tests.fakes.browsers import FakeBrowsers
from tests.fakes.factors import FakeFactors
from tests.fakes.record import FakeRecord


class FakeUsers:
    """Implements `storage.users.UserStore`."""

    def __init__(
        self,
        users: Iterable[User] = (),
        record: FakeRecord | None = None,
        factors: FakeFactors | None = None,
        browsers: FakeBrowsers | None = None,
    ) -> None:
        self._record = record or FakeRecord()
        self._lock = self._record.lock
        self.factors = factors or FakeFactors(self._record)
        self._browsers = browsers or FakeBrowsers(self._record)
        self._users: dict[str, User] = {}
        self._identities: dict[str, Identity] = {}
        self._subs: dict[str, str] = {}  # by login name
        self._addresses: dict[str, str] = {}  # the login name that is an address, by subject
        for user in users:
            self.create(user)

    def get(self, sub: str) -> User | None:
        with self._lock:
            return self._users.get(sub)

    def told(self, sub: str) -> User | None:
        user = self.get(sub)
        return User(**{"password_hash": "", **{name: getattr(user, name) for name in TOLD_FIELDS}}) if user else None

    def get_all(self, subs: Iterable[str]) -> dict[str, User]:
        with self._lock:
            return {sub: self._users[sub] for sub in subs if sub in self._users}

    def find(self, name: str) -> User | None:
        with self._lock:
            return self._users.get(self.identify(name))

    def identify(self, name: str) -> str:
        with self._lock:
            return self._subs.get(normalised_username(name), "")

    def create(self, user: User) -> bool:
        address = address_name(user.email, verified=user.email_verified)
        with self._lock:
            return not (address and address in self._subs) and self._create(user, address)

    def _create(self, user: User, address: str) -> bool:
        name = normalised_username(user.username)
        with self._lock:
            end = self._record.subject(filing.key(user.sub))
            if name in self._subs or user.sub in self._users or end.suspended:
                return False
            if user.username:
                self._subs[name] = user.sub
            self._users[user.sub] = user
            self._move(user.sub, address)
            if user.operator:
                self._record.subjects[filing.key(user.sub)] = replace(end, operator=True)
        return True

    def _move(self, sub: str, address: str) -> None:
        """Makes an address, or none, what a user signs in with beside the username."""
        before = self._addresses.pop(sub, "")
        if before and before != normalised_username(self._users[sub].username):
            del self._subs[before]
        if address:
            self._subs[address], self._addresses[sub] = sub, address

    def _is_anothers(self, address: str, sub: str) -> bool:
        return self._subs.get(address, sub) != sub

    def account_state(self, sub: str, identity: str = "") -> AccountState:
        with self._lock:
            known = self._identities.get(identity)
            is_theirs = not identity or (known is not None and known.sub == sub)
            key = filing.key(sub)
            return AccountState(self.get(sub) if is_theirs else None, self.factors.get(key), self._record.subject(key))

    def rehash(self, sub: str, old: str, new: str) -> bool:
        with self._lock:
            user = self._users.get(sub)
            if user is None or user.password_hash not in (old, new):
                return False
            self._users[sub] = replace(user, password_hash=new)
        return True

    def find_by_identity(self, issuer: str, subject: str) -> User | None:
        with self._lock:
            known = self._identities.get(identity_id(issuer, subject))
            return self._users.get(known.sub) if known else None

    def link(self, identity: Identity) -> bool:
        with self._lock:
            known = self._identities.get(identity.id)
            if known is not None:
                return known.sub == identity.sub
            if identity.sub not in self._users or len(self.identities(identity.sub)) >= MOST_IDENTITIES:
                return False
            self._identities[identity.id] = identity
        return True

    def identities(self, sub: str) -> tuple[Identity, ...]:
        with self._lock:
            theirs = [one for one in self._identities.values() if one.sub == sub]
        return tuple(sorted(theirs, key=lambda one: (one.created_at, one.id)))

    def confirm_email(self, link: OneTimeLink, claim: str, now: int) -> Confirmation | None:
        address, name = link.address, address_name(link.address, verified=True)
        with self._lock:
            user = self._users.get(link.subject)
            holder = self._users.get(self._subs.get(name, link.subject))
            is_anothers = self._is_anothers(name, link.subject)
            if is_anothers and (holder is None or self._addresses.get(holder.sub) == name):
                raise AddressTaken
            if user is None or not (user.pending_email == address or (user.email == address and user.email_verified)):
                return None
            if not self._browsers.spend(link, claim, now):
                return None
            renamed = self._rename(holder, claim, now) if holder and is_anothers else None
            self._users[user.sub] = replace(user, email=address, email_verified=True, pending_email="", updated_at=now)
            self._move(user.sub, name)
        return Confirmation(renamed)

    def _rename(self, user: User, claim: str, now: int) -> User:
        before = normalised_username(user.username)
        username = f"{before.partition('@')[0]}-{base32(sha256(claim))[:8].lower()}"
        del self._subs[before]
        self._subs[username] = user.sub
        self._users[user.sub] = renamed = replace(user, username=username, updated_at=now)
        return renamed

    def create_federated(
        self, user: User, issuer: str, subject: str, provider: IdentityProvider, membership: Membership | None
    ) -> bool:
        with self._lock:
            self._record.require_provider(provider)
            address = address_name(user.email, verified=user.email_verified)
            name = "" if address in self._subs else address
            if identity_id(issuer, subject) in self._identities or not self._create(user, name):
                return False
            identity = Identity.of(user.sub, issuer, subject, user.created_at)
            self._identities[identity.id] = identity
            if membership is not None:
                self._record.memberships[membership.organisation, membership.subject] = membership
        return True

    def update(self, sub: str, *, identity: str = "", **changes: Any) -> User | None:
        if not changes or not changes.keys() <= PROFILE_FIELDS:
            raise ValueError("these fields cannot be changed")
        with self._lock:
            known = self._identities.get(identity)
            if identity and (known is None or known.sub != sub):
                return None
            return self.change(sub, **changes)

    # -- what withdrawals change

    def change(self, sub: str, **changes: Any) -> User | None:
        """Sets fields of a user, and of `MAPS` the entries that are named."""
        with self._lock:
            user = self._users.get(sub)
            if user is None:
                return None
            for name in changes.keys() & {*MAPS}:
                entries = {**getattr(user, name), **changes[name]}
                changes[name] = {entry: value for entry, value in entries.items() if value is not None}
            changed = self.alter(sub, **changes)
            if changed and changes.keys() & {"email", "email_verified"}:
                self.verify(changed)
            return changed

    def verify(self, user: User) -> bool:
        """Makes an address that is confirmed a login name, unless it is somebody else's; tells whether it is not."""
        address = address_name(user.email, verified=user.email_verified)
        is_free = not self._is_anothers(address, user.sub)
        self._move(user.sub, address if is_free else "")
        return is_free

    def require_free(self, user: User) -> None:
        """Raises `AddressTaken` where a confirmed address is a login name of somebody else's."""
        if self._is_anothers(address_name(user.email, verified=user.email_verified), user.sub):
            raise AddressTaken

    def alter(self, sub: str, **changes: Any) -> User | None:
        """Sets fields of a user, whatever they are; ends nothing."""
        with self._lock:
            if sub not in self._users:
                return None
            self._users[sub] = replace(self._users[sub], **changes)
            if "operator" in changes:
                end = self._record.subject(filing.key(sub))
                self._record.subjects[filing.key(sub)] = replace(end, operator=changes["operator"])
            return self._users[sub]

    def remove(self, sub: str) -> None:
        with self._lock:
            if sub in self._users:
                self._move(sub, "")
                self._subs.pop(normalised_username(self._users.pop(sub).username), None)
                self._identities = {known: one for known, one in self._identities.items() if one.sub != sub}

    def unlink(self, sub: str, identity_id: str) -> bool:
        with self._lock:
            known = self._identities.get(identity_id)
            if known is None or known.sub != sub:
                return False
            del self._identities[identity_id]
            user = self._users[sub]
            gone = dict.fromkeys(name for name in user.provided if user.source_of(name).identity == identity_id)
            self.change(sub, attributes=gone, provided=gone)
        return True

    def list(self, *, limit: int = 50, cursor: str | None = None) -> Page[User]:
        with self._lock:
            return filing.page(list(self._users.values()), limit, cursor)

    def operators(self, *, limit: int = 50, cursor: str | None = None) -> Page[User]:
        with self._lock:
            return filing.page([one for one in self._users.values() if one.operator], limit, cursor)
