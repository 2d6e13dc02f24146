"""Users."""

import threading
from collections.abc import Iterable
from dataclasses import fields as dataclass_fields
from dataclasses import replace
from typing import Any

from authserver.models import Factors, Membership, User
from authserver.storage import Page
from authserver.values import normalised_username
from tests.fakes import filing
from tests.fakes.factors import FakeFactors
from tests.fakes.organisations import FakeOrganisations


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
        return user, self.factors.get(filing.key(user.sub)) if user else None

    def get_with_factors(self, sub: str) -> tuple[User | None, Factors | None]:
        return self.get(sub), self.factors.get(filing.key(sub))

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
        self.factors.remove(sub)

    def list(self, *, limit: int = 50, cursor: str | None = None) -> Page[User]:
        with self._lock:
            return filing.page(list(self._users.values()), limit, cursor)
