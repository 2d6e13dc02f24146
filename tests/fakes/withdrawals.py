"""Withdrawals, each under the one lock: of several records and ends, one write."""

from dataclasses import replace
from typing import Any

from authserver.ends import EVERY_CLIENT, SUSPENDED_DELETED, SUSPENDED_DISABLED
from authserver.messages.mail import EMAIL_VERIFICATION
from authserver.models import ACTIVE
from authserver.models.browsers import OneTimeLink, Session
from authserver.models.clients import Client
from authserver.models.factors import Factors
from authserver.models.invitations import Approval
from authserver.models.keys import Ring
from authserver.models.organisations import ADMINISTRATOR, Membership, Organisation
from authserver.models.tokens import Authorization
from authserver.models.users import Identity, User
from authserver.resources import ResourceCatalogue
from authserver.scopes import ScopeCatalogue
from authserver.storage.erasures import left_by, left_by_organisation
from authserver.storage.withdrawals import USER_FIELDS, Others
from tests.fakes import filing
from tests.fakes.browsers import FakeBrowsers
from tests.fakes.clients import FakeClients
from tests.fakes.configuration import FakeConfiguration
from tests.fakes.keys import FakeKeys
from tests.fakes.organisations import FakeOrganisations
from tests.fakes.record import FakeRecord
from tests.fakes.tokens import FakeTokens
from tests.fakes.users import FakeUsers


class FakeWithdrawals:
    """Implements `storage.withdrawals.WithdrawalStore` on the other stores in memory, which share the record."""

    def __init__(
        self,
        record: FakeRecord,
        clients: FakeClients,
        users: FakeUsers,
        organisations: FakeOrganisations,
        tokens: FakeTokens,
        browsers: FakeBrowsers,
        configuration: FakeConfiguration,
        keys: FakeKeys,
    ) -> None:
        self._record = record
        self._lock = record.lock
        self._clients = clients
        self._users = users
        self._organisations = organisations
        self._tokens = tokens
        self._browsers = browsers
        self._configuration = configuration
        self._keys = keys

    # -- tokens

    def revoke(
        self,
        authorization_id: str,
        now: int,
        client_id: str | None = None,
        *,
        only_public: bool = False,
        reason: str = "",
    ) -> bool:
        with self._lock:
            existing = self._tokens.find(authorization_id)
            if existing is None or client_id not in (None, existing.client_id):
                return False
            if only_public and not existing.is_public:
                return False
            if existing.revoked_at is None:
                self._tokens.replace(replace(existing, revoked_at=now))
        return True

    def revoke_access_token(
        self, authorization_id: str, client_id: str, entry: str, bound: int, *, only_public: bool = False
    ) -> bool:
        with self._lock:
            existing = self._tokens.find(authorization_id)
            if existing is None or existing.client_id != client_id or (only_public and not existing.is_public):
                return False
            noted = existing.revoked_access_tokens
            if entry not in noted and len(noted) >= bound:
                return False
            self._tokens.replace(replace(existing, revoked_access_tokens=noted | {entry}))
        return True

    def revoke_opaque(self, access_token_id: str) -> None:
        self._tokens.revoke_opaque(access_token_id)

    def revoke_jwt(self, jti: str, expires_at: int) -> None:
        self._tokens.revoke_jwt(jti, expires_at)

    def set_entities(
        self,
        authorization_id: str,
        organisation: str,
        entities: frozenset[str],
        was: frozenset[str],
    ) -> Authorization | None:
        with self._lock:
            existing = self._tokens.find(authorization_id)
            if existing is None or existing.organisation != organisation or existing.revoked_at is not None:
                return None
            if existing.entities not in (was, entities):
                return None
            self._tokens.replace(replace(existing, entities=entities))
            return self._tokens.find(authorization_id)

    # -- ends

    def end_api_key(self, key_id: str) -> bool:
        with self._lock:
            return self._record.api_keys.pop(key_id, None) is not None

    def end_api_keys(self, subject: str) -> None:
        with self._lock:
            self._record.end_api_keys(subject)

    def end(self, *, subject: str | None = None, client_id: str | None = None, organisation: str | None = None) -> None:
        with self._lock:
            match subject, client_id, organisation:
                case str(), None, None:
                    self._record.end_subject(subject, api_keys=True)
                case None, str(), None:
                    key = filing.key(client_id)
                    before = self._record.client(key)
                    self._record.clients[key] = replace(before, epoch=before.epoch + 1)
                case None, None, str():
                    self._record.move_organisation(organisation, ends=True)
                case str(), str(), None:
                    self._record.end_grants(subject, filing.key(client_id))
                case None, str(), str():
                    self._record.count_in(organisation, "clients", filing.key(client_id))
                case _:
                    raise ValueError(
                        "an end is of a subject, a client or an organisation, or between a client and another"
                    )

    def end_grants(self, subject: str) -> None:
        with self._lock:
            self._record.end_grants(subject, EVERY_CLIENT)

    def end_sessions(self, subject: str, survivor: Session | None = None) -> Session | None:
        key = filing.key(subject)
        with self._lock:
            if survivor is not None and not self._record.stands(survivor):
                return None
            before = self._record.subject(key)
            self._record.subjects[key] = replace(before, sessions=before.sessions + 1)
            if survivor is None:
                return None
            successor = replace(survivor, sessions=survivor.sessions + 1)
            self._record.sessions[successor.id] = successor
            return successor

    def end_session(self, session_id: str) -> None:
        with self._lock:
            self._record.sessions.pop(session_id, None)

    def forget_consent(self, subject: str, client_id: str) -> None:
        self._browsers.forget_consent(subject, client_id)

    def withdraw_approval(self, approval: Approval) -> bool:
        with self._lock:
            if not self._browsers.forget_approval(approval):
                return False
            member = self._record.memberships.get((approval.organisation, approval.subject))
            if member is not None:
                key = filing.key(approval.client_id)
                counted = {**member.clients, key: member.clients.get(key, 0) + 1}
                self._organisations.put_membership(replace(member, clients=counted))
        return True

    # -- users

    def set_password(self, sub: str, password_hash: str) -> bool:
        with self._lock:
            if self._users.alter(sub, password_hash=password_hash) is None:
                return False
            self._record.end_subject(sub)
        return True

    def replace_password(self, user: User, password_hash: str, session: Session, successor: Session) -> bool:
        with self._lock:
            stored = self._users.get(user.sub)
            if stored is None or stored.password_hash != user.password_hash or not self._record.stands(session):
                return False
            self._users.alter(user.sub, password_hash=password_hash)
            self._record.end_subject(user.sub)
            del self._record.sessions[session.id]
            self._record.sessions[successor.id] = successor
        return True

    def reset_password(self, link: OneTimeLink, claim: str, password_hash: str, now: int) -> bool:
        with self._lock:
            stored = self._users.get(link.subject)
            if stored is None or stored.email != link.address or not self._browsers.spend(link, claim, now):
                return False
            verifies = self._users.verify(replace(stored, email_verified=True))
            self._users.alter(
                link.subject, password_hash=password_hash, email_verified=verifies or stored.email_verified
            )
            self._record.end_subject(link.subject)
        return True

    def change_user(self, sub: str, **changes: Any) -> User | None:
        if not changes or not changes.keys() <= USER_FIELDS:
            raise ValueError("these fields cannot be changed")
        with self._lock:
            stored = self._users.get(sub)
            address = {name: changes[name] for name in changes.keys() & {"email", "email_verified"}}
            if stored is not None and address:
                self._users.require_free(replace(stored, **address))
            changed = self._users.change(sub, **changes)
            if changed is None:
                return None
            if "status" in changes or changes.get("operator") is False:
                self._record.end_subject(sub, _suspended(changes.get("status")), api_keys="status" in changes)
            return changed

    def delete_user(self, sub: str, now: int, others: Others | None = None) -> bool:
        with self._lock:
            user = self._users.get(sub)
            if others is not None and not self._are_there(others, sub):
                return False
            if user is not None:
                left = left_by(sub, user, now, filing.key)
                self._record.erasures[left.subject_key] = left
            for organisation, subject in list(self._record.memberships):
                if subject == sub:
                    self.delete_membership(organisation, sub)
            self._users.remove(sub)
            self._users.factors.remove(sub)
            self._record.end_subject(sub, SUSPENDED_DELETED, is_operator=False, api_keys=True)
        return True

    def _are_there(self, others: Others, sub: str) -> bool:
        """Whether the others are what they are said to be, and all that is needed."""
        user, end = self._users.get(sub), self._record.subject(filing.key(others.operator))
        if sub in (others.operator, *others.administrators.values()):
            return False
        if user is not None and user.operator and not others.operator:
            return False
        if others.operator and (not end.operator or end.suspended):
            return False
        administers = self._organisations.is_administrator
        return all(
            organisation in others.administrators
            and (not (other := others.administrators[organisation]) or administers(organisation, other))
            for organisation, subject in self._record.memberships
            if subject == sub and administers(organisation, sub)
        )

    def unlink(self, sub: str, identity_id: str) -> bool:
        with self._lock:
            if not self._users.unlink(sub, identity_id):
                return False
            self._record.end_subject(sub)
        return True

    def unlink_own(self, identity: Identity, factors: Factors, session: Session, successor: Session) -> bool:
        sub = identity.sub
        with self._lock:
            stored = self._users.get(sub)
            if stored is None or not self._record.stands(session):
                return False
            known = self._users.factors.get(filing.key(sub))
            if factors.passkeys and (known is None or known.version != factors.version):
                return False
            is_left = (stored.username and stored.password_hash) or len(self._users.identities(sub)) > 1
            if not (factors.passkeys or is_left) or not self._users.unlink(sub, identity.id):
                return False
            self._record.end_subject(sub)
            del self._record.sessions[session.id]
            self._record.sessions[successor.id] = successor
        return True

    def withdraw_link(self, link: OneTimeLink) -> bool:
        with self._lock:
            if not self._browsers.withdraw(link):
                return False
            wanted = self._users.get(link.subject)
            if link.purpose == EMAIL_VERIFICATION and wanted and wanted.pending_email == link.address:
                self._users.alter(link.subject, pending_email="")
        return True

    def remove_factors(self, sub: str) -> None:
        with self._lock:
            self._users.factors.remove(sub)
            self._record.end_subject(sub)

    def lessen_factors(self, factors: Factors, survivor: Session) -> Session | None:
        with self._lock:
            if not self._record.stands(survivor):
                return None
            stored = self._users.factors.get(filing.key(factors.subject))
            if stored is None or stored.version != factors.version or not self._users.factors.replace(factors):
                return None
            return self.end_sessions(survivor.subject, survivor)

    # -- clients

    def revoke_initial_access_token(self, token_id: str) -> bool:
        with self._lock:
            return self._record.initial_access_tokens.pop(token_id, None) is not None

    def change_client(self, client: Client) -> bool:
        with self._lock:
            stored = self._clients.get(client.client_id)
            if stored is None or stored.version != client.version:
                return False
            has_turned = stored.status != client.status
            self._clients.put(replace(client, version=client.version + 1))
            self._record.move_client(
                client.client_id,
                client,
                ends=has_turned,
                suspended=_suspended(client.status) if has_turned else None,
            )
        return True

    def delete_client(self, client_id: str, version: int | None = None) -> bool:
        with self._lock:
            stored = self._clients.get(client_id)
            if version is not None and (stored is None or stored.version != version):
                return False
            self._clients.remove(client_id)
            self._record.move_client(client_id, ends=True, suspended=SUSPENDED_DELETED)
        return True

    def block_client(self, client_id: str, *, is_blocked: bool) -> bool:
        with self._lock:
            if self._record.client(filing.key(client_id)).suspended == SUSPENDED_DELETED:
                return False
            suspended = SUSPENDED_DISABLED if is_blocked else ""
            self._record.move_client(client_id, ends=True, suspended=suspended)
        return True

    # -- organisations

    def change_organisation(self, organisation: str, **changes: Any) -> Organisation | None:
        if not changes or not changes.keys() <= {"name", "status", "api_keys"}:
            raise ValueError("these fields cannot be changed")
        with self._lock:
            changed = self._organisations.alter(organisation, **changes)
            if changed is not None and "status" in changes:
                self._record.move_organisation(organisation, ends=True, suspended=_suspended(changes["status"]))
            return changed

    def delete_organisation(self, organisation: str, now: int) -> None:
        left = left_by_organisation(organisation, now, filing.key)
        with self._lock:
            self._record.erasures[left.subject_key] = left
            self._organisations.remove(organisation)
            self._record.move_organisation(organisation, 1, ends=True, suspended=SUSPENDED_DELETED)

    def drop_company(self, organisation: str, company: str) -> bool:
        with self._lock:
            stored = self._organisations.get(organisation)
            if stored is None or company not in stored.companies:
                return False
            left = {one: name for one, name in stored.companies.items() if one != company}
            self._organisations.alter(organisation, companies=left)
        return True

    def set_membership(self, membership: Membership, groups: frozenset[str] | None = None) -> None:
        with self._lock:
            stored = self._record.memberships.get((membership.organisation, membership.subject))
            had = stored.groups if stored else frozenset()
            membership = replace(membership, groups=had if groups is None else groups)
            self._end_of_approver(membership.organisation, membership.subject)
            self._organisations.put_membership(membership)

    def delete_membership(self, organisation: str, subject: str) -> None:
        with self._lock:
            self._end_of_approver(organisation, subject)
            self._record.memberships.pop((organisation, subject), None)

    def change_role(self, membership: Membership, witness: str, groups: frozenset[str] | None = None) -> bool:
        organisation, subject = membership.organisation, membership.subject
        with self._lock:
            stored = self._record.memberships.get((organisation, subject))
            if stored is None or witness == subject:
                return False
            if not self._organisations.is_administrator(organisation, witness):
                return False
            self.set_membership(replace(membership, created_at=stored.created_at), groups)
        return True

    def end_membership(self, organisation: str, subject: str, witness: str) -> bool:
        with self._lock:
            is_alone = witness == subject or not self._organisations.is_administrator(organisation, witness)
            if is_alone and (witness or self._organisations.is_administrator(organisation, subject)):
                return False
            self.delete_membership(organisation, subject)
        return True

    def _end_of_approver(self, organisation: str, subject: str) -> None:
        stored = self._record.memberships.get((organisation, subject))
        if stored is not None and stored.role == ADMINISTRATOR:
            self._record.count_in(organisation, "approvers", filing.key(subject))

    def withdraw_invitation(self, invitation_id: str) -> None:
        self._organisations.forget_invitation(invitation_id)

    # -- the deployment

    def change_scopes(self, catalogue: ScopeCatalogue) -> bool:
        return self._configuration.put_scopes(catalogue)

    def change_resources(self, catalogue: ResourceCatalogue) -> bool:
        return self._configuration.put_resources(catalogue)

    def withdraw_key(self, ring: Ring) -> bool:
        with self._lock:
            if not self._keys.put(ring):
                return False
            self._record.deployment = replace(self._record.deployment, keys=self._record.deployment.keys + 1)
        return True

    def end_everything(self, era: str) -> None:
        with self._lock:
            self._record.deployment = replace(self._record.deployment, era=era)


def _suspended(status: str | None) -> str | None:
    if status is None:
        return None
    return "" if status == ACTIVE else SUSPENDED_DISABLED
