"""Every verb of every port, what kind of verb it is, and a call of it on an estate in which it does what it is for.

`test_verbs` holds this list against the ports: a verb that is not in it fails there, and so does a withdrawal that is
not one of `WithdrawalStore`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from authserver.ends import Begun
from authserver.models import DISABLED
from authserver.models.browsers import Session
from authserver.models.clients import ClientSecret
from authserver.models.documents import FetchedDocument
from authserver.models.journal import Activity, Refusal
from authserver.models.keys import Ring
from authserver.models.organisations import MEMBER
from authserver.resources import ResourceCatalogue
from authserver.scopes import ScopeCatalogue
from authserver.storage import erasures
from authserver.storage.api_keys import ApiKeyStore
from authserver.storage.audit import AuditStore, ChainStore, Wanted
from authserver.storage.browsers import BrowserStore
from authserver.storage.clients import ClientStore, Licence
from authserver.storage.configuration import ConfigurationStore, IdentityProviderStore, KeyStore
from authserver.storage.documents import DocumentStore
from authserver.storage.erasures import ErasureStore
from authserver.storage.journal import CounterStore, JournalStore, Pace, Place
from authserver.storage.organisations import OrganisationStore
from authserver.storage.revocations import RevocationStore
from authserver.storage.tokens import TokenStore, Whose
from authserver.storage.users import FactorStore, UserStore
from authserver.storage.withdrawals import WithdrawalStore
from authserver.values import Scope, sha256
from tests.contract.estate import ACCESS_TOKEN, CATALOGUE, FAR, IMPORTED, INITIAL_HASH, ISSUER, RESOURCES, Estate
from tests.contract.implementations import Stores
from tests.contract.records import END, IDLE, NOW, event, identifier, key, link, membership

PORTS: dict[str, type[Any]] = {
    "api_keys": ApiKeyStore,
    "audit": AuditStore,
    "chain": ChainStore,
    "browsers": BrowserStore,
    "clients": ClientStore,
    "configuration": ConfigurationStore,
    "counters": CounterStore,
    "documents": DocumentStore,
    "erasures": ErasureStore,
    "factors": FactorStore,
    "identity_providers": IdentityProviderStore,
    "journal": JournalStore,
    "keys": KeyStore,
    "organisations": OrganisationStore,
    "tokens": TokenStore,
    "users": UserStore,
    "revocations": RevocationStore,
    "withdrawals": WithdrawalStore,
}

# What a verb is: it reads; it begins something, or uses what it may be used for; it takes a power away; or it changes a
# record that every decision reads anew, and under which nothing was begun, so that there is no end of it to raise.
READ, BEGIN, WITHDRAWAL, CHANGE = "read", "begin", "withdrawal", "change"

type Call = Callable[[Estate, Stores], Any]


@dataclass(frozen=True)
class Verb:
    """`call` makes it on an estate, by these stores of it; `loses` is what it takes away, uses up, or is told to take
    out: nothing else of `Estate.standing_things` ends by it."""

    kind: str
    call: Call
    loses: tuple[str, ...] = ()


def reads(call: Call) -> Verb:
    return Verb(READ, call)


def begins(call: Call, *loses: str) -> Verb:
    return Verb(BEGIN, call, loses)


def changes(call: Call, *loses: str) -> Verb:
    return Verb(CHANGE, call, loses)


def withdraws(call: Call, *loses: str) -> Verb:
    return Verb(WITHDRAWAL, call, loses)


def successor(estate: Estate, **changed: Any) -> Session:
    """The session that takes the place of Alice's, under the subject's next epoch."""
    begun = replace(estate.session.begun, subject=estate.session.begun.subject + 1)
    return replace(estate.new_session, **{"begun": begun, "sessions": estate.session.sessions, **changed})


def renewed(session: Session) -> Session:
    return replace(session, secret_hash=sha256("another secret"))


def widened(estate: Estate) -> Begun:
    """What the organisation's grant is begun under once an administrator has added companies."""
    by = estate.administrator
    ends = estate.stores.tokens.standing(organisation_key=key(by.organisation)).ends
    return replace(
        estate.tenant.begun, widener=key(by.subject), widening=ends.organisation.approvers.get(key(by.subject), 0)
    )


def next_ring(ring: Ring) -> Ring:
    return Ring(ring.name, ring.version + 1, (*ring.keys, replace(ring.keys[-1], kid="a successor")))


PLACE = Place("a group", "a member", NOW, FAR)
PACE = Pace(10, (1,))
REHASHED = ClientSecret(b"x" * 32, IMPORTED.created_at)

API_KEYS: dict[str, Verb] = {
    "create": begins(lambda e, s: s.api_keys.create(e.new_key, e.administrator)),
    "find": reads(lambda e, s: s.api_keys.find(e.own_key.id)),
    "standing": reads(lambda e, s: s.api_keys.standing(e.own_key.id, subject_key=key(e.alice.sub))),
    "api_keys": reads(lambda e, s: s.api_keys.api_keys(subject=e.alice.sub)),
    "note_use": begins(lambda e, s: s.api_keys.note_use(e.own_key.id, NOW)),
    "take_over": begins(
        lambda e, s: s.api_keys.take_over(
            e.acme_key, e.other_administrator, replace(e.acme_key.begun, approver=key(e.gil.sub))
        )
    ),
}

BROWSERS: dict[str, Verb] = {
    "put_request": begins(lambda e, s: s.browsers.put_request(e.new_request)),
    "answer_request": begins(lambda e, s: s.browsers.answer_request(e.request.id, "allow", NOW), "request"),
    "note_password": begins(
        lambda e, s: s.browsers.note_password(e.request.id, e.alice.sub, e.session.begun, e.session.sessions, NOW)
    ),
    "put_session": begins(lambda e, s: s.browsers.put_session(e.new_session)),
    "renew_session": begins(lambda e, s: s.browsers.renew_session(e.other_session, renewed(e.other_session))),
    "sessions": reads(lambda e, s: s.browsers.sessions(e.alice.sub)),
    "ends": reads(lambda e, s: s.browsers.ends(key(e.alice.sub))),
    "browser_state": reads(lambda e, s: s.browsers.browser_state(session_id=e.session.id)),
    "remember_consent": begins(lambda e, s: s.browsers.remember_consent(e.new_consent, NOW)),
    "consents": reads(lambda e, s: s.browsers.consents(e.alice.sub)),
    "ask_approval": begins(lambda e, s: s.browsers.ask_approval(e.new_approval)),
    "approval": reads(lambda e, s: s.browsers.approval(e.acme.id, e.web.client_id, e.alice.sub)),
    "answer_approval": begins(
        lambda e, s: s.browsers.answer_approval(
            e.question, "allow", e.administrator, replace(e.question.begun, approver=key(e.ada.sub)), NOW, FAR
        ),
        "question",
    ),
    # An unanswered question allows nothing.
    "take_approval_back": changes(lambda e, s: s.browsers.take_approval_back(e.question), "question"),
    "approvals": reads(lambda e, s: s.browsers.approvals(e.acme.id)),
    "own_approvals": reads(lambda e, s: s.browsers.own_approvals(e.alice.sub)),
    "put_federation": begins(lambda e, s: s.browsers.put_federation(e.new_federation)),
    "spend_federation": begins(
        lambda e, s: s.browsers.spend_federation(
            e.federation.id, e.federation.request_id, e.federation.provider, None, "claim", NOW
        )
    ),
    "put_link": begins(lambda e, s: s.browsers.put_link(e.new_link)),
    "link": reads(lambda e, s: s.browsers.link(e.reset.id, key(e.alice.sub))),
    "links": reads(lambda e, s: s.browsers.links(e.alice.sub)),
}

CLIENTS: dict[str, Verb] = {
    "get": reads(lambda e, s: s.clients.get(e.web.client_id)),
    "get_all": reads(lambda e, s: s.clients.get_all([e.web.client_id])),
    "find": reads(lambda e, s: s.clients.find(e.web.client_id)),
    "create": begins(
        lambda e, s: s.clients.create(e.new_client, Licence(e.initial.id, INITIAL_HASH, NOW, e.initial.begun.era))
    ),
    "shared": reads(lambda e, s: s.clients.shared("a fingerprint")),
    "keep": begins(lambda e, s: s.clients.keep(e.kept.client_id)),
    "list": reads(lambda e, s: s.clients.list(owner=e.alice.sub)),
    "rehash": begins(lambda e, s: s.clients.rehash(e.web.client_id, 1, IMPORTED.encoded, REHASHED)),
    "note_use": begins(lambda e, s: s.clients.note_use(e.web.client_id, 0, e.web.secrets[0], NOW)),
}

CONFIGURATION: dict[str, Verb] = {
    "scopes": reads(lambda e, s: s.configuration.scopes()),
    "resources": reads(lambda e, s: s.configuration.resources()),
    "theme": reads(lambda e, s: s.configuration.theme()),
    "webhooks": reads(lambda e, s: s.configuration.webhooks()),
    # What is sent to a webhook is decided when it is sent.
    "put_webhooks": changes(lambda e, s: s.configuration.put_webhooks(replace(e.webhooks, all=())), "webhooks"),
    # How the pages look.
    "put_theme": changes(lambda e, s: s.configuration.put_theme(replace(e.theme, name="Looking-glass"))),
    "delete_theme": changes(lambda e, s: s.configuration.delete_theme()),
}

COUNTERS: dict[str, Verb] = {
    "spend": begins(lambda e, s: s.counters.spend(identifier(), "claim", FAR)),
    "attempt": begins(lambda e, s: s.counters.attempt(PLACE, PACE, PACE, NOW)),
    "give_back": begins(lambda e, s: s.counters.give_back(PLACE, 1)),
    "count": begins(lambda e, s: s.counters.count("a name", NOW, 1, FAR)),
    "counted": reads(lambda e, s: s.counters.counted(("a name", NOW))),
}

ERASURES: dict[str, Verb] = {
    "get": reads(lambda e, s: s.erasures.get(e.erasure.subject_key)),
    "open": reads(lambda e, s: s.erasures.open()),
    "list": reads(lambda e, s: s.erasures.list()),
    # What is left of somebody who was deleted has no power: that ended with the deletion.
    "erase": changes(lambda e, s: s.erasures.erase(e.erasure, erasures.SESSIONS)),
    "note": changes(lambda e, s: s.erasures.note(e.erasure, frozenset({erasures.SESSIONS}))),
    "finish": changes(lambda e, s: s.erasures.finish(e.erasure, NOW, NOW, FAR)),
}

FACTORS: dict[str, Verb] = {
    "get": reads(lambda e, s: s.factors.get(key(e.alice.sub))),
    # By their user, in whose browsers nothing changes: the next sign-in asks for what there is then.
    "replace": changes(lambda e, s: s.factors.replace(replace(e.factors, totp=None)), "totp"),
    "use_totp_step": begins(lambda e, s: s.factors.use_totp_step(e.factors, 9, "claim")),
    "spend_recovery_code": begins(
        lambda e, s: s.factors.spend_recovery_code(e.factors, "hash-one", "claim"), "recovery code hash-one"
    ),
    "note_passkey_use": begins(
        lambda e, s: s.factors.note_passkey_use(e.factors, e.factors.passkeys[0].id, 1, "claim", NOW)
    ),
}

IDENTITY_PROVIDERS: dict[str, Verb] = {
    "get": reads(lambda e, s: s.identity_providers.get(e.provider.id)),
    "giving": reads(lambda e, s: s.identity_providers.giving(e.provider.id)),
    "ended": reads(lambda e, s: s.identity_providers.ended(e.provider.id)),
    "by_callback": reads(lambda e, s: s.identity_providers.by_callback("/auth/oauth2/callback")),
    "by_domain": reads(lambda e, s: s.identity_providers.by_domain(e.provider.domains[0])),
    # A user who signed in through one has an account of their own, which does not end with it.
    "put": changes(lambda e, s: s.identity_providers.put(e.new_provider)),
    "change": changes(
        lambda e, s: s.identity_providers.change(e.tenants_provider, e.administrator, status=DISABLED),
        "tenants_provider",
    ),
    "delete": changes(lambda e, s: s.identity_providers.delete(e.tenants_provider.id), "tenants_provider"),
    "list": reads(lambda e, s: s.identity_providers.list()),
}

DOCUMENT = FetchedDocument("https://a.example/c", "https://a.example/c", fetched_at=NOW, created_at=NOW, expires_at=FAR)
KEY_SET = replace(DOCUMENT, uri="https://a.example/k", jwks="{}")

DOCUMENTS: dict[str, Verb] = {
    "find": reads(lambda e, s: s.documents.find(DOCUMENT.client_id)),
    "key_set": reads(lambda e, s: s.documents.key_set(KEY_SET.client_id)),
    "put": begins(lambda e, s: s.documents.put(DOCUMENT, None)),
    "list": reads(lambda e, s: s.documents.list()),
}


JOURNAL: dict[str, Verb] = {
    "note_activity": begins(
        lambda e, s: s.journal.note_activity(Activity(identifier(), e.alice.sub, "signed_in", NOW, FAR))
    ),
    "activities": reads(lambda e, s: s.journal.activities(e.alice.sub)),
    "note_refusal": begins(
        lambda e, s: s.journal.note_refusal(
            e.web.client_id, Refusal(NOW, "invalid_grant", "expired", 1, NOW, "reference"), 10, FAR
        )
    ),
    "refusals": reads(lambda e, s: s.journal.refusals(e.web.client_id, [NOW])),
}

KEYS: dict[str, Verb] = {
    "get": reads(lambda e, s: s.keys.get(e.ring.name)),
    # A ring drops keys that nothing was signed with for as long as a token lives.
    "put": changes(lambda e, s: s.keys.put(next_ring(e.ring))),
}

ORGANISATIONS: dict[str, Verb] = {
    "get": reads(lambda e, s: s.organisations.get(e.acme.id)),
    "get_all": reads(lambda e, s: s.organisations.get_all([e.acme.id])),
    "create": begins(lambda e, s: s.organisations.create(e.new_organisation)),
    "put_company": begins(lambda e, s: s.organisations.put_company(e.acme.id, "c", "C", 10)),
    "list": reads(lambda e, s: s.organisations.list()),
    "membership": reads(lambda e, s: s.organisations.membership(e.acme.id, e.alice.sub)),
    "set_groups": changes(
        lambda e, s: s.organisations.set_groups(e.acme.id, e.alice.sub, frozenset({"guests"}), e.ada.sub)
    ),
    "invite": begins(lambda e, s: s.organisations.invite(e.new_invitation)),
    "invitation": reads(lambda e, s: s.organisations.invitation(e.invitation.id)),
    "accept_invitation": begins(
        lambda e, s: s.organisations.accept_invitation(e.invitation, membership(e.acme.id, identifier()), NOW),
        "invitation",
    ),
    "invitations_of": reads(lambda e, s: s.organisations.invitations_of(e.acme.id)),
    "invitations_for": reads(lambda e, s: s.organisations.invitations_for(e.invitation.name)),
    "memberships_of": reads(lambda e, s: s.organisations.memberships_of(e.alice.sub)),
    "administrators_of": reads(lambda e, s: s.organisations.administrators_of(e.acme.id)),
    "members_counted": reads(lambda e, s: s.organisations.members_counted(e.acme.id)),
    "members_of": reads(lambda e, s: s.organisations.members_of(e.acme.id)),
}

TOKENS: dict[str, Verb] = {
    "create": begins(lambda e, s: s.tokens.create(e.new_authorization, e.session.id)),
    "trade": begins(lambda e, s: s.tokens.trade(sha256("a foreign token"), e.new_authorization)),
    "traded_for": reads(lambda e, s: s.tokens.traded_for(sha256("a foreign token"))),
    "redeem": begins(
        lambda e, s: s.tokens.redeem(e.code.id, e.code.code_hash, "claim", NOW, IDLE, END),
        "unredeemed code",
        "generation 0 of code",
    ),
    "rotate": begins(
        lambda e, s: s.tokens.rotate(e.personal.id, 1, "claim", NOW, IDLE, frozenset()), "generation 1 of personal"
    ),
    "widen": begins(lambda e, s: s.tokens.widen(e.tenant, e.tenant.entities | {"c"}, e.administrator, widened(e))),
    "find": reads(lambda e, s: s.tokens.find(e.personal.id)),
    "authorizations": reads(lambda e, s: s.tokens.authorizations(subject=e.alice.sub)),
    "put_device": begins(lambda e, s: s.tokens.put_device(e.new_device)),
    "device": reads(lambda e, s: s.tokens.device(e.device.id)),
    # What is slowed down or denied had no power yet.
    "slow_device_down": changes(lambda e, s: s.tokens.slow_device_down(e.device.id, e.device.interval, 10)),
    "deny_device": changes(lambda e, s: s.tokens.deny_device(e.device.id, NOW)),
    "allow_device": begins(lambda e, s: s.tokens.allow_device(e.device.id, e.new_authorization, e.session.id, NOW)),
    "put_access_token": begins(lambda e, s: s.tokens.put_access_token(e.new_access_token)),
    "ends_of": reads(lambda e, s: s.tokens.ends_of([Whose(e.alice.sub)])),
    "standing": reads(lambda e, s: s.tokens.standing(authorization_id=e.personal.id)),
    "put_initial_access_token": begins(lambda e, s: s.tokens.put_initial_access_token(e.new_initial)),
    "initial_access_tokens": reads(lambda e, s: s.tokens.initial_access_tokens()),
}

USERS: dict[str, Verb] = {
    "get": reads(lambda e, s: s.users.get(e.alice.sub)),
    "told": reads(lambda e, s: s.users.told(e.alice.sub)),
    "get_all": reads(lambda e, s: s.users.get_all([e.alice.sub])),
    "find": reads(lambda e, s: s.users.find(e.alice.username)),
    "identify": reads(lambda e, s: s.users.identify(e.alice.username)),
    "account_state": reads(lambda e, s: s.users.account_state(e.alice.sub)),
    "create": begins(lambda e, s: s.users.create(e.new_user)),
    "find_by_identity": reads(lambda e, s: s.users.find_by_identity(ISSUER, e.identities[0].subject)),
    "create_federated": begins(
        lambda e, s: s.users.create_federated(
            e.new_federated, ISSUER, identifier(), e.provider, membership(e.acme.id, e.new_federated.sub)
        )
    ),
    "link": begins(lambda e, s: s.users.link(e.new_identity)),
    "identities": reads(lambda e, s: s.users.identities(e.alice.sub)),
    "update": changes(lambda e, s: s.users.update(e.alice.sub, name="Another name", pending_email="x@y.example")),
    "rehash": begins(lambda e, s: s.users.rehash(e.alice.sub, e.alice.password_hash, "the same, hashed anew")),
    "confirm_email": begins(lambda e, s: s.users.confirm_email(e.confirmation, "claim", NOW), "confirmation"),
    "list": reads(lambda e, s: s.users.list()),
    "operators": reads(lambda e, s: s.users.operators()),
}

# Of the things that stand in an estate.
PERSONAL = ("personal", "generation 1 of personal", "access token of personal", "opaque")
TENANT = ("tenant", "generation 1 of tenant", "access token of tenant", "tenant reaches a", "tenant reaches b")
CODE = ("code", "generation 0 of code", "access token of code", "unredeemed code")
GRANTS = (*PERSONAL, *TENANT, *CODE, "consent to read", "consent to write")
SUBJECT = (*GRANTS, "session", "other_session", "reset", "confirmation")
ALICE = (*SUBJECT, "own_key", "alice", "password of alice", "member", "approval", "question")
FACTORS_OF_ALICE = ("totp", "passkey", "recovery code hash-one", "recovery code hash-two")
WEB = (
    "web",
    "web may openid",
    "web may read",
    "web may write",
    "web's secret of 1800000000",
    "web's secret of 1800000001",
)
CLIENT = (*GRANTS, *WEB, "machine", "web_key", "jti", "approval")
ACME = (*TENANT, "acme_key", "acme", "company a", "company b", "member", "administrator", "other_administrator")
ORGANISATION = (*ACME, "approval", "question")
ADMINISTRATOR_OF_ACME = (*TENANT, "acme_key", "administrator", "invitation", "approval")

REVOCATIONS: dict[str, Verb] = {
    "revoke": withdraws(lambda e, s: s.revocations.revoke(e.personal.id, NOW, e.web.client_id), *PERSONAL),
    "revoke_access_token": withdraws(
        lambda e, s: s.revocations.revoke_access_token(e.personal.id, e.web.client_id, ACCESS_TOKEN, 8),
        "access token of personal",
    ),
    "revoke_opaque": withdraws(lambda e, s: s.revocations.revoke_opaque(e.machine.id), "machine"),
    "revoke_jwt": withdraws(lambda e, s: s.revocations.revoke_jwt(e.jti, FAR), "jti"),
}

WITHDRAWALS: dict[str, Verb] = {
    "set_entities": withdraws(
        lambda e, s: s.withdrawals.set_entities(e.tenant.id, e.acme.id, frozenset({"a"}), e.tenant.entities),
        "tenant reaches b",
    ),
    "end_api_key": withdraws(lambda e, s: s.withdrawals.end_api_key(e.own_key.id), "own_key"),
    "end_api_keys": withdraws(lambda e, s: s.withdrawals.end_api_keys(e.alice.sub), "own_key"),
    "end": withdraws(lambda e, s: s.withdrawals.end(subject=e.alice.sub), *SUBJECT, "own_key"),
    "end_grants": withdraws(lambda e, s: s.withdrawals.end_grants(e.alice.sub), *GRANTS),
    "end_sessions": withdraws(
        lambda e, s: s.withdrawals.end_sessions(e.alice.sub, e.session), *CODE, "other_session", "confirmation"
    ),
    "end_session": withdraws(lambda e, s: s.withdrawals.end_session(e.session.id), "session"),
    "forget_consent": withdraws(
        lambda e, s: s.withdrawals.forget_consent(e.alice.sub, e.web.client_id), "consent to read", "consent to write"
    ),
    "withdraw_approval": withdraws(lambda e, s: s.withdrawals.withdraw_approval(e.approval), *TENANT, "approval"),
    "set_password": withdraws(lambda e, s: s.withdrawals.set_password(e.alice.sub, "another hash"), *SUBJECT),
    "replace_password": withdraws(
        lambda e, s: s.withdrawals.replace_password(e.alice, "another hash", e.session, successor(e)), *SUBJECT
    ),
    "reset_password": withdraws(
        lambda e, s: s.withdrawals.reset_password(e.reset, "claim", "another hash", NOW), *SUBJECT
    ),
    "change_user": withdraws(lambda e, s: s.withdrawals.change_user(e.alice.sub, status=DISABLED), *ALICE),
    "delete_user": withdraws(
        lambda e, s: s.withdrawals.delete_user(e.alice.sub, NOW),
        *(*ALICE, *FACTORS_OF_ALICE, "identity 0", "identity 1"),
    ),
    "unlink": withdraws(lambda e, s: s.withdrawals.unlink(e.alice.sub, e.identities[0].id), *SUBJECT, "identity 0"),
    "unlink_own": withdraws(
        lambda e, s: s.withdrawals.unlink_own(e.identities[0], e.factors, e.session, successor(e)),
        *(*SUBJECT, "identity 0"),
    ),
    "withdraw_link": withdraws(lambda e, s: s.withdrawals.withdraw_link(e.confirmation), "confirmation"),
    "remove_factors": withdraws(lambda e, s: s.withdrawals.remove_factors(e.alice.sub), *SUBJECT, *FACTORS_OF_ALICE),
    "lessen_factors": withdraws(
        lambda e, s: s.withdrawals.lessen_factors(replace(e.factors, totp=None), e.session),
        *CODE,
        *("other_session", "confirmation", "totp"),
    ),
    "revoke_initial_access_token": withdraws(
        lambda e, s: s.withdrawals.revoke_initial_access_token(e.initial.id), "initial"
    ),
    "change_client": withdraws(
        lambda e, s: s.withdrawals.change_client(replace(e.web, scope=Scope.parse("read"), status=DISABLED)), *CLIENT
    ),
    "delete_client": withdraws(lambda e, s: s.withdrawals.delete_client(e.web.client_id), *CLIENT),
    "block_client": withdraws(
        lambda e, s: s.withdrawals.block_client(e.web.client_id, is_blocked=True),
        *(*GRANTS, "machine", "web_key", "jti", "approval"),
    ),
    "change_organisation": withdraws(
        lambda e, s: s.withdrawals.change_organisation(e.acme.id, status=DISABLED), *ORGANISATION
    ),
    "delete_organisation": withdraws(lambda e, s: s.withdrawals.delete_organisation(e.acme.id, NOW), *ORGANISATION),
    "drop_company": withdraws(lambda e, s: s.withdrawals.drop_company(e.acme.id, "a"), "company a"),
    "set_membership": withdraws(
        lambda e, s: s.withdrawals.set_membership(membership(e.acme.id, e.ada.sub, MEMBER)), *ADMINISTRATOR_OF_ACME
    ),
    "delete_membership": withdraws(
        lambda e, s: s.withdrawals.delete_membership(e.acme.id, e.alice.sub), *TENANT, "member", "approval", "question"
    ),
    "change_role": withdraws(
        lambda e, s: s.withdrawals.change_role(membership(e.acme.id, e.ada.sub, MEMBER), witness=e.gil.sub),
        *ADMINISTRATOR_OF_ACME,
    ),
    "end_membership": withdraws(
        lambda e, s: s.withdrawals.end_membership(e.acme.id, e.ada.sub, witness=e.gil.sub), *ADMINISTRATOR_OF_ACME
    ),
    "withdraw_invitation": withdraws(lambda e, s: s.withdrawals.withdraw_invitation(e.invitation.id), "invitation"),
    "change_scopes": withdraws(
        lambda e, s: s.withdrawals.change_scopes(ScopeCatalogue.of(CATALOGUE[:1], e.catalogue.version)), "scope write"
    ),
    "change_resources": withdraws(
        lambda e, s: s.withdrawals.change_resources(ResourceCatalogue(RESOURCES[:1], e.resources.version)),
        "resource mcp",
    ),
    "withdraw_key": withdraws(
        lambda e, s: s.withdrawals.withdraw_key(Ring(e.ring.name, e.ring.version + 1, e.ring.keys[1:])), "key old"
    ),
    "end_everything": withdraws(
        lambda e, s: s.withdrawals.end_everything(identifier()),
        *(*SUBJECT, "own_key", "acme_key", "web_key", "era", "machine", "jti", "approval", "question"),
    ),
}

AUDIT = {
    "draw_source_key": changes(lambda _, s: s.audit.draw_source_key(identifier())),
    "record": changes(lambda _, s: s.audit.record(event())),
    "events": reads(lambda _, s: s.audit.events(Wanted(NOW, NOW), limit=10).items),
}
CHAIN = {
    "head": reads(lambda _, s: s.chain.head("0")),
    "heads": reads(lambda _, s: s.chain.heads(["2026-11-30"])),
    "append": changes(lambda _, s: s.chain.append(link(), None)),
    "places": reads(lambda _, s: s.chain.places([identifier()])),
    "links": reads(lambda _, s: s.chain.links([link().place])),
    "events": reads(lambda _, s: s.chain.events([identifier()])),
    "unsealed": reads(lambda _, s: s.chain.unsealed("2026-11-30")),
}
VERBS: dict[str, Verb] = {
    f"{port}.{name}": verb
    for port, verbs in {
        "api_keys": API_KEYS,
        "audit": AUDIT,
        "chain": CHAIN,
        "browsers": BROWSERS,
        "clients": CLIENTS,
        "configuration": CONFIGURATION,
        "counters": COUNTERS,
        "documents": DOCUMENTS,
        "erasures": ERASURES,
        "factors": FACTORS,
        "identity_providers": IDENTITY_PROVIDERS,
        "journal": JOURNAL,
        "keys": KEYS,
        "organisations": ORGANISATIONS,
        "tokens": TOKENS,
        "users": USERS,
        "revocations": REVOCATIONS,
        "withdrawals": WITHDRAWALS,
    }.items()
    for name, verb in verbs.items()
}


def verbs_of(port: type[Any]) -> list[str]:
    """The verbs that a port has."""
    return [name for name, member in vars(port).items() if callable(member) and not name.startswith("_")]


def call(name: str, estate: Estate, stores: Stores) -> None:
    """Makes the verb on the estate by these stores; it does what it is for, or this fails."""
    port, _, verb = name.partition(".")
    answer = VERBS[name].call(estate, stores)
    if vars(PORTS[port])[verb].__annotations__["return"] not in (None, "None"):
        assert answer, f"{name} answers {answer!r}"
