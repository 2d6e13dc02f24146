"""An estate of fixed values, whose items are kept as they were stored once: `shapes/<kind>.json`.

What is stored under one layout has to be read by whatever comes after it, so that no file is ever changed. One is added
for a kind that has none yet: ``python -m tests.contract.frozen``.
"""

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from authserver.aws.dynamodb.counters import throttle_key
from authserver.aws.dynamodb.identity_providers import domain_key
from authserver.aws.dynamodb.journal import refusals_key
from authserver.aws.items.primary_keys import (
    approval_key,
    client_end_key,
    consent_key,
    deployment_key,
    device_key,
    document_key,
    erasure_key,
    factors_key,
    identity_key,
    key_set_key,
    key_text,
    login_key,
    logo_key,
    membership_key,
    organisation_end_key,
    organisation_key,
    revoked_key,
    shared_key,
    subject_end_key,
    traded_key,
)
from authserver.ends import (
    EVERY_CLIENT,
    SUSPENDED_DELETED,
    SUSPENDED_DISABLED,
    Begun,
    ClientEnd,
    Deployment,
    OrganisationEnd,
    SubjectEnd,
)
from authserver.messages.mail import EMAIL_VERIFICATION
from authserver.models import DISABLED
from authserver.models.api_keys import ApiKey
from authserver.models.audit import AuditEvent
from authserver.models.browsers import Consent, Federation, OneTimeLink, PendingRequest, Session
from authserver.models.chain import Link, entry_of, head_after
from authserver.models.clients import TEST, Client, ClientSecret
from authserver.models.configuration import IdentityProvider, Theme
from authserver.models.documents import FetchedDocument
from authserver.models.erasures import Erasure
from authserver.models.factors import Factors, Passkey, Totp
from authserver.models.invitations import Approval, Invitation
from authserver.models.journal import Activity, Refusal
from authserver.models.keys import Key, Ring
from authserver.models.organisations import ADMINISTRATOR, MEMBER, Membership, Organisation
from authserver.models.registration import InitialAccessToken
from authserver.models.tokens import DENIED, AccessTokenRecord, Authorization, DeviceRequest
from authserver.models.users import Identity, User
from authserver.models.webhooks import Webhook, Webhooks, WebhookSecret
from authserver.resources import Resource, ResourceCatalogue
from authserver.scopes import OPERATOR, ScopeCatalogue, ScopeDefinition
from authserver.storage.audit import Wanted
from authserver.storage.clients import Slot
from authserver.storage.erasures import KINDS, SESSIONS
from authserver.storage.journal import Pace, Place
from authserver.storage.standing import Ends
from authserver.tokens.opaque import authorization_id
from authserver.values import CodeChallenge, RedirectUri, Scope, base64url
from tests.contract.implementations import IMPLEMENTATIONS, Stores

FOLDER = Path(__file__).parent / "shapes"
SHARDED = ("end-client", "end-client-deleted", "end-organisation", "deployment", "revoked")

# ------------------------------------------------------------------ the values

AT, TILL, ERA = 1_800_000_000, 1_900_000_000, "6zTcqWXkT9iFDLZJ4u8YNg"
API, FILES = "https://api.example", "https://files.example"
ISSUER = "https://idp.example"
HASH, SALT = bytes(range(32)), bytes(range(16))
ALICE, BOB, GONE, DONE, WEB, ACME = "sub-of-alice", "sub-of-bob", "sub-of-gone", "sub-of-done", "client-web", "org-acme"
UNDER = Begun(ERA, 1, 2, 3, 4, 5, "epoch-of-alice", 6, key_text("sub-of-ada"), 7)

ALICE_IS = User(
    *(ALICE, "Alice", "$argon2id$hash", "Alice Liddell", "alice@example.com", True),
    operator=True,
    created_at=AT,
    preferred_username="al",
    pending_email="new@example.com",
)
IDENTITY = Identity.of(ALICE, ISSUER, "alice-there", AT)
FACTORS = Factors(
    ALICE,
    Totp(b"wrapped", AT, 7),
    frozenset({"hash-one", "hash-two"}),
    (Passkey(b"passkey", b"cose", "A telephone", AT, 3, AT + 1, True, ("internal", "hybrid")),),
    version=1,
)
LOGO = "data:image/png;base64,iVBORw0KGgo="
CLIENT = Client(
    client_id=WEB,
    client_name="A web application",
    redirect_uris=(RedirectUri.parse("https://web.example/cb"), RedirectUri.parse("com.example:/cb")),
    post_logout_redirect_uris=(RedirectUri.parse("https://web.example/bye"),),
    grant_types=("authorization_code", "refresh_token"),
    response_types=("code", "none"),
    token_endpoint_auth_method="client_secret_post",
    scope=Scope.parse("openid read"),
    default_scope=Scope.parse("read"),
    optional_scope=Scope.parse("read"),
    secrets=(ClientSecret(HASH, AT, TILL, used_at=AT + 1), ClientSecret(b"", AT, encoded="$2b$12$hash")),
    id_token_signed_response_alg="ES256",
    access_token_format="opaque",
    access_token_lifetime=600,
    refresh_token_lifetime=6000,
    require_pkce=False,
    default_max_age=60,
    resources=(API,),
    owner=ALICE,
    client_uri="https://web.example",
    logo_uri=LOGO,
    policy_uri="https://web.example/privacy",
    tos_uri="https://web.example/terms",
    contacts=("a@web.example",),
    initiate_login_uri="https://web.example/login",
    settings_uri="https://web.example/settings",
    software_id="software",
    software_version="1.0",
    preferred_subject_type="organisation",
    verification="test",
    registration_token_hash=HASH,
    created_at=AT,
    version=1,
)
ORGANISATION = Organisation(ACME, "Acme Ltd", {"a": "Company A", "b": "Company B"}, created_at=AT, version=1)
MEMBERSHIP = Membership(ACME, ALICE, MEMBER, AT, "epoch-of-alice", {key_text(WEB): 1})
BOSS = Membership(ACME, "sub-of-grace", ADMINISTRATOR, AT, "epoch-of-grace")
INVITATION = Invitation(
    "i" * 43, ACME, "carol", ADMINISTRATOR, ALICE, AT, TILL, Begun(ERA, membership="epoch-of-alice")
)
CODE = Authorization(
    id=base64url(authorization_id(SALT, ALICE, "")),
    client_id=WEB,
    subject=ALICE,
    scope=Scope.parse("openid read"),
    resource=(API, FILES),
    salt=SALT,
    created_at=AT,
    expires_at=AT + 60,
    auth_time=AT - 5,
    code_hash=HASH,
    code_expires_at=AT + 60,
    redirect_uri="https://web.example/cb",
    code_challenge=CodeChallenge.parse("A" * 43),
    nonce="nonce",
    is_public=True,
    begun=Begun(ERA, 1, 2, 3),
    sessions=4,
)
BROUGHT = replace(CODE, id=base64url(authorization_id(bytes(16), ALICE, "")))
AUTHORIZATION = replace(
    CODE,
    id=base64url(authorization_id(SALT, ALICE, ACME)),
    organisation=ACME,
    entities=frozenset({"a", "*"}),
    by_administrator=True,
    details_requested=True,
    begun=UNDER,
    redeemed_by="the redeemer",
    generation=2,
    rotated_at=AT + 3,
    rotated_by="the rotator",
    idle_expires_at=TILL - 1,
    expires_at=TILL,
    revoked_at=AT + 4,
    revoked_access_tokens=frozenset({"1800000600.jti"}),
    sessions=None,
)
ACCESS_TOKEN = AccessTokenRecord(
    *("access-token", HASH, WEB, ALICE, Scope.parse("read"), (API, FILES), AT, TILL, CODE.id, AT - 5, UNDER, True)
)
API_KEY = ApiKey(
    *("api-key", "A report", HASH, Scope.parse("read export"), (API, FILES), AT, TILL, ALICE),
    organisation=ACME,
    entities=frozenset({"a", "*"}),
    networks=("192.0.2.0/24", "2001:db8::/32"),
    begun=Begun(ERA, 1, organisation=2, approver=key_text(ALICE), approval=3),
    used_at=AT + 5,
)
INITIAL = InitialAccessToken("initial-token", HASH, 3, AT, TILL, Begun(ERA))
REQUEST = PendingRequest(
    "request", HASH, SALT, {"state": "s", "empty": ""}, (API,), TILL, "allow", "my/apps", ALICE, AT, UNDER, 5
)
REQUEST_OF_DEVICE = PendingRequest("request-of-device", HASH, SALT, {"scope": "read"}, (API,), TILL, device="device")
DEVICE = DeviceRequest(
    *("device", HASH, WEB, {"client_id": WEB, "scope": "read"}, (API,), "192.0.2.0", AT, TILL, 10, DENIED)
)
SESSION = Session("session", HASH, ALICE, AT - 5, AT, TILL, "request", "Firefox on Linux", "192.0.2.0", UNDER, 5)
CONSENT = Consent(
    ALICE, WEB, Scope.parse("openid read"), frozenset({API, FILES}), AT, TILL, Scope.parse("email"), UNDER
)
APPROVAL = Approval(
    *(ACME, WEB, ALICE, Scope.parse("read write"), (API, FILES), frozenset({"a", "b"}), AT, TILL),
    *("allow", "sub-of-ada", AT + 1, UNDER),
)
FEDERATION = Federation("federation", "request", "work", "nonce", "verifier", TILL, AT - 60, "the taker")
EVENT = AuditEvent(
    *(
        "019ad0e4-6000-7abc-8def-0123456789ab",
        AT,
        TILL,
        "client.changed",
        "user",
        "sub-of-op",
        "client",
        WEB,
        "console",
    ),
    *("acme", ("scope", "status"), "c291cmNl", "JKJaXmPLvHcESHA=", "refused", "not_found"),
)
SEALED = Link("0", "2027-01-15", 1, AT + 1, TILL, (entry_of(EVENT),), "ZGlnZXN0", "2027-01-14")
ACTIVITY = Activity("activity", ALICE, "signed_in", AT, TILL, "Firefox on Linux", "192.0.2.0", "password")
LINK = OneTimeLink(
    "link", HASH, EMAIL_VERIFICATION, ALICE, "new@example.com", AT, TILL, begun=Begun(ERA, 1), sessions=5
)
REFUSAL = Refusal(AT, "invalid_grant", "code_expired", 1, AT + 1, "reference")
PROVIDER = IdentityProvider(
    id="work",
    name="Work",
    issuer=ISSUER,
    client_id="authserver",
    client_secret=b"wrapped",
    token_endpoint_auth_method="client_secret_post",
    scope=Scope.parse("openid email"),
    claims={"email": "upn"},
    domains=("example.com",),
    organisation=ACME,
    sign_up=True,
    trusts_email="*",
    shown=False,
    created_at=AT,
    made_by="an idempotency key",
    version=1,
)
CATALOGUE = ScopeCatalogue.of(
    (
        ScopeDefinition("orders", "See and place orders", ("orders.read",), sensitive=True, group="Orders"),
        ScopeDefinition("orders.read", "See orders", grantable_by=OPERATOR, advertised=False),
    ),
    1,
)
RESOURCES = ResourceCatalogue(
    (
        Resource("orders", "https://orders.example", "Orders", ("orders", "read"), {"GET /orders": "orders read"}),
        Resource("mcp", "https://mcp.example/mcp"),
    ),
    1,
    ("https://gone.example",),
)
WEBHOOKS = Webhooks(
    (
        Webhook(
            "first",
            "https://hook.example/",
            ("user.*", "session.ended"),
            "Ours",
            "disabled",
            "gone",
            (WebhookSecret(b"newer", AT), WebhookSecret(b"older", 9, TILL)),
            9,
            AT,
            3,
        ),
    ),
    ("removed",),
    1,
)
THEME = Theme("Wonderland", LOGO, "#111111", "#eeeeee", "#222222", "#dddddd", 3, "serif", "a@b.example", version=1)
RING = Ring(
    "signing", 1, (Key("first", AT, AT, TILL, {"kty": "EC", "x": "x"}, b"one"), Key("newest", AT, TILL, None, {}, b"2"))
)
OPEN = Erasure(
    subject_key=key_text(GONE),
    requested_at=AT,
    subject=GONE,
    names=frozenset({key_text("gone")}),
    addresses=frozenset({key_text("gone@example.com")}),
    left=frozenset({SESSIONS}),
)
FINISHED = Erasure(subject_key=key_text(DONE), requested_at=AT, checked_at=AT + 1, finished_at=AT + 2, expires_at=TILL)
FINGERPRINT = "ZtcC7ShY5rJf2mN0vMVG5sK9SBkWBKfqv0yQvbnZ7lA"
EDITOR = "https://editor.example/client.json"
DOCUMENT = FetchedDocument(
    *(EDITOR, EDITOR),
    client=Client(
        *(EDITOR, "An editor", (RedirectUri("http://localhost/callback"),)),
        token_endpoint_auth_method="private_key_jwt",
        jwks_uri="https://editor.example/keys",
        scope=Scope.parse("openid read"),
        verification=TEST,
    ),
    fetched_at=AT,
    fresh_until=AT + 60,
    checked_at=AT + 61,
    error="down",
    created_at=AT,
    expires_at=TILL,
)
KEY_SET = FetchedDocument(
    *(WEB, "https://app.example/keys"),
    jwks='{"keys":[]}',
    fetched_at=AT,
    fresh_until=AT + 60,
    checked_at=AT,
    created_at=AT,
    expires_at=TILL,
)
PLACE = Place("group", "member", AT, TILL)
PACE = Pace(1, (60,))

# ------------------------------------------------------------------ the shapes


@dataclass(frozen=True)
class Shape:
    """An item of this table under this key; what present code reads, and is to read, where all of them are stored.

    `absent` has attributes that an item may lack, with what is read then; `today` is what present code stores and
    reads, where the item has more to tell than when it was kept.
    """

    table: str
    key: str
    read: Callable[[Stores], Any]
    expected: Any
    absent: Mapping[str, Any]
    today: Any


def shape(
    table: str, key: str, read: Callable[[Stores], Any], expected: Any, /, today: Any = None, **absent: Any
) -> Shape:
    return Shape(table, key, read, expected, absent, today or expected)


def without(record: Any, **changes: Any) -> dict[str, Any]:
    """What is read of a record where an attribute is absent, by the attribute: it with its default."""
    return {name: replace(record, **{name: value}) for name, value in changes.items()}


def without_each(record: Any, **changes: Any) -> dict[str, Any]:
    """The same of what is read in a list of one."""
    return {name: (one,) for name, one in without(record, **changes).items()}


def _ends(stores: Stores, subject: str = "", client_id: str = "", organisation: str = "") -> Ends:
    return stores.tokens.standing(
        subject_key=key_text(subject) if subject else "",
        client_key=key_text(client_id) if client_id else "",
        organisation_key=key_text(organisation) if organisation else "",
    ).ends


SUBJECT_END = SubjectEnd(1, 1, "", True, {key_text(WEB): 1, EVERY_CLIENT: 1})
CLIENT_END = ClientEnd(1, "", 1, Scope.parse("openid read"), acts_for_itself=False)
ORGANISATION_END = OrganisationEnd(1, "", 1, {key_text(WEB): 1}, {key_text("sub-of-ada"): 1})
DEPLOYMENT = Deployment(ERA, 1, 1)

SHAPES: dict[str, Shape] = {
    # -- clients
    "client": shape("ClientsTable", WEB, lambda s: s.clients.get(WEB), CLIENT),
    "logo": shape("ConfigurationTable", logo_key(WEB), lambda s: s.clients.get(WEB), CLIENT),
    "shared": shape(
        "ConfigurationTable", shared_key(FINGERPRINT), lambda s: s.clients.shared(FINGERPRINT), "client-shared"
    ),
    # -- users
    "user": shape("UsersTable", f"user#{ALICE}", lambda s: s.users.get(ALICE), ALICE_IS),
    "login": shape("UsersTable", login_key("Alice"), lambda s: s.users.identify("ALICE"), ALICE),
    "organisation": shape(
        "UsersTable",
        organisation_key(ACME),
        lambda s: s.organisations.get(ACME),
        ORGANISATION,
        **without(ORGANISATION, created_at=0),
    ),
    "identity": shape(
        "UsersTable",
        identity_key(IDENTITY.id),
        lambda s: s.users.identities(ALICE),
        (IDENTITY,),
        **{name: (one,) for name, one in without(IDENTITY, issuer="", subject="", created_at=0).items()},
    ),
    "factors": shape("UsersTable", factors_key(ALICE), lambda s: s.factors.get(key_text(ALICE)), FACTORS),
    "membership": shape(
        "UsersTable",
        membership_key(ACME, ALICE),
        lambda s: s.organisations.membership(ACME, ALICE),
        MEMBERSHIP,
        **without(MEMBERSHIP, epoch="", clients={}),
    ),
    "membership-administrator": shape(
        "UsersTable",
        membership_key(ACME, BOSS.subject),
        lambda s: s.organisations.administrators_of(ACME).items,
        (BOSS,),
        listed=(),
    ),
    "invitation": shape(
        "UsersTable",
        f"invitation#{INVITATION.id}",
        lambda s: s.organisations.invitation(INVITATION.id),
        INVITATION,
        **without(INVITATION, begun=Begun()),
    ),
    # -- configuration
    "scopes": shape("ConfigurationTable", "scopes", lambda s: s.configuration.scopes(), CATALOGUE),
    "resources": shape("ConfigurationTable", "resources", lambda s: s.configuration.resources(), RESOURCES),
    "theme": shape("ConfigurationTable", "theme", lambda s: s.configuration.theme(), THEME),
    "webhooks": shape("ConfigurationTable", "webhooks", lambda s: s.configuration.webhooks(), WEBHOOKS),
    "idp": shape(
        "ConfigurationTable",
        "idp#work",
        lambda s: s.identity_providers.get("work"),
        PROVIDER,
        **without(PROVIDER, made_by=""),
    ),
    "idp-gone": shape("ConfigurationTable", "idp#gone", lambda s: s.identity_providers.ended("gone"), "another key"),
    "domain": shape(
        "ConfigurationTable",
        domain_key("example.com"),
        lambda s: s.identity_providers.by_domain("example.com"),
        PROVIDER,
    ),
    # -- ends
    "end-subject": shape(
        "TokensTable",
        subject_end_key(key_text(ALICE)),
        lambda s: _ends(s, subject=ALICE).subject,
        SUBJECT_END,
        today=replace(SUBJECT_END, api_keys=1),
        **without(SUBJECT_END, epoch=0, sessions=0, operator=False, grants={}),
    ),
    "end-subject-disabled": shape(
        "TokensTable",
        subject_end_key(key_text(BOB)),
        lambda s: _ends(s, subject=BOB).subject,
        SubjectEnd(1, 0, SUSPENDED_DISABLED),
        today=SubjectEnd(1, 0, SUSPENDED_DISABLED, api_keys=1),
        epoch=SubjectEnd(0, 0, SUSPENDED_DISABLED),
    ),
    "end-client": shape(
        "TokensTable",
        client_end_key(key_text(WEB), 0),
        lambda s: _ends(s, client_id=WEB).client,
        CLIENT_END,
        **without(CLIENT_END, epoch=0, version=0, scope=None, acts_for_itself=True),
    ),
    "end-client-deleted": shape(
        "TokensTable",
        client_end_key(key_text("client-deleted"), 0),
        lambda s: _ends(s, client_id="client-deleted").client,
        ClientEnd(1, SUSPENDED_DELETED, 1),
    ),
    "end-organisation": shape(
        "TokensTable",
        organisation_end_key(key_text(ACME), 0),
        lambda s: _ends(s, organisation=ACME).organisation,
        ORGANISATION_END,
        **without(ORGANISATION_END, epoch=0, version=0, clients={}, approvers={}),
    ),
    "deployment": shape(
        "TokensTable",
        deployment_key(0),
        lambda s: s.deployment(),
        DEPLOYMENT,
        today=replace(DEPLOYMENT, resources=1),
        **without(DEPLOYMENT, era="", keys=0, catalogue=0),
    ),
    # -- authorizations and tokens
    "authorization-code": shape(
        "TokensTable",
        f"authorization#{CODE.id}",
        lambda s: s.tokens.find(CODE.id),
        CODE,
        **without(CODE, begun=Begun(), sessions=None, is_public=False),
    ),
    "authorization": shape(
        "TokensTable",
        f"authorization#{AUTHORIZATION.id}",
        lambda s: s.tokens.find(AUTHORIZATION.id),
        AUTHORIZATION,
        today=replace(AUTHORIZATION, nonce=None),
        **without(AUTHORIZATION, begun=Begun(), is_public=False),
    ),
    "access_token": shape(
        "TokensTable",
        f"access_token#{ACCESS_TOKEN.id}",
        lambda s: s.tokens.standing(access_token_id=ACCESS_TOKEN.id).access_token,
        ACCESS_TOKEN,
        **without(ACCESS_TOKEN, begun=Begun(), is_revoked=False),
    ),
    "revoked": shape("TokensTable", revoked_key("a-jti", 0), lambda s: s.tokens.standing(jti="a-jti").is_revoked, True),
    "api_key": shape(
        "TokensTable",
        f"api_key#{API_KEY.id}",
        lambda s: s.api_keys.find(API_KEY.id),
        API_KEY,
        used_at=replace(API_KEY, used_at=0),
    ),
    "initial": shape(
        "TokensTable",
        f"initial#{INITIAL.id}",
        lambda s: s.tokens.initial_access_tokens().items,
        (INITIAL,),
        begun=(replace(INITIAL, begun=Begun()),),
    ),
    # -- browsers
    "request": shape(
        "TokensTable",
        f"request#{REQUEST.id}",
        lambda s: s.browsers.browser_state(request_id=REQUEST.id).request,
        REQUEST,
        **without(REQUEST, begun=Begun(), sessions=0),
    ),
    "session": shape(
        "TokensTable",
        f"session#{SESSION.id}",
        lambda s: s.browsers.browser_state(session_id=SESSION.id).session,
        SESSION,
        **without(SESSION, begun=Begun(), sessions=0),
    ),
    "consent": shape(
        "TokensTable",
        consent_key(ALICE, WEB),
        lambda s: s.browsers.browser_state(subject_key=key_text(ALICE), client_key=key_text(WEB)).consent,
        CONSENT,
        **without(CONSENT, begun=Begun()),
    ),
    "approval": shape(
        "TokensTable",
        approval_key(ACME, WEB, ALICE),
        lambda s: s.browsers.approval(ACME, WEB, ALICE),
        APPROVAL,
        **without(APPROVAL, begun=Begun()),
    ),
    "request-of-device": shape(
        "TokensTable",
        f"request#{REQUEST_OF_DEVICE.id}",
        lambda s: s.browsers.browser_state(request_id=REQUEST_OF_DEVICE.id).request,
        REQUEST_OF_DEVICE,
        **without(REQUEST_OF_DEVICE, device=""),
    ),
    "device": shape(
        "TokensTable",
        device_key(DEVICE.id),
        lambda s: s.tokens.device(DEVICE.id),
        DEVICE,
        **without(DEVICE, answer=""),
    ),
    "traded": shape("TokensTable", traded_key(HASH), lambda s: s.tokens.traded_for(HASH), BROUGHT.id),
    "federation": shape(
        "TokensTable",
        f"federation#{FEDERATION.id}",
        lambda s: s.browsers.spend_federation(FEDERATION.id, "request", "work", None, "the taker", AT),
        FEDERATION,
    ),
    "mail": shape(
        "TokensTable",
        f"mail#{LINK.id}",
        lambda s: s.browsers.link(LINK.id, key_text(ALICE)).link,
        LINK,
        **without(LINK, begun=Begun(), sessions=None),
    ),
    # -- what happened
    "event": shape(
        "AuditTable",
        f"event#{EVENT.id}",
        lambda s: s.audit.events(Wanted(AT, AT, object_kind="client", object_id=WEB), limit=2).items,
        (EVENT,),
        **without_each(EVENT, client="", organisation="", fields=(), source="", request="", outcome="done", reason=""),
    ),
    "link": shape(
        "AuditTable",
        "link#0#2027-01-15#1",
        lambda s: s.chain.links([SEALED.place]),
        (SEALED,),
        **without_each(SEALED, previous="", before=""),
    ),
    "sealed": shape("AuditTable", f"sealed#{EVENT.id}", lambda s: s.chain.places([EVENT.id])[EVENT.id], SEALED.place),
    "head": shape("AuditTable", "head#0", lambda s: s.chain.head("0"), head_after(SEALED, None)),
    "activity": shape(
        "TokensTable", f"activity#{ACTIVITY.id}", lambda s: s.journal.activities(ALICE).items, (ACTIVITY,)
    ),
    "refusals": shape("TokensTable", refusals_key(WEB, AT), lambda s: s.journal.refusals(WEB, [AT]), (REFUSAL,)),
    "spent": shape("TokensTable", "spent#used", lambda s: s.counters.spend("used", "another", TILL), False),
    "throttle": shape(
        "TokensTable",
        throttle_key("group", AT),
        lambda s: (s.counters.counted(("group", AT)), s.counters.attempt(PLACE, PACE, PACE, AT + 5).wait),
        ((1,), 55),
    ),
    "erasure": shape("TokensTable", erasure_key(key_text(GONE)), lambda s: s.erasures.get(key_text(GONE)), OPEN),
    "erasure-done": shape(
        "TokensTable", erasure_key(key_text(DONE)), lambda s: s.erasures.get(key_text(DONE)), FINISHED
    ),
    # -- what was fetched
    "document": shape(
        "TokensTable",
        document_key(DOCUMENT.client_id),
        lambda s: s.documents.find(DOCUMENT.client_id),
        DOCUMENT,
        **without(DOCUMENT, client=None, error=""),
    ),
    "document-keys": shape("TokensTable", key_set_key(WEB), lambda s: s.documents.key_set(WEB), KEY_SET),
    # -- keys
    "ring": shape("KeysTable", RING.name, lambda s: s.keys.get(RING.name), RING),
}


def stored(stores: Stores) -> None:
    """Stores all of it, by the verbs that there are for it."""
    _store_people(stores)
    _store_grants(stores)
    _store_browsers(stores)
    added = replace(PROVIDER, version=0)
    stores.identity_providers.put(added)
    stores.identity_providers.put(replace(added, id="gone", domains=(), made_by="another key"))
    stores.identity_providers.delete("gone")
    stores.configuration.put_theme(replace(THEME, version=0))
    stores.configuration.put_webhooks(replace(WEBHOOKS, version=0))
    stores.withdrawals.change_scopes(replace(CATALOGUE, version=0))
    stores.withdrawals.change_resources(replace(RESOURCES, version=0))
    for ring in (RING, replace(RING, name="another")):
        stores.keys.put(ring)
    stores.withdrawals.withdraw_key(replace(RING, name="another", version=2))
    stores.journal.note_activity(ACTIVITY)
    stores.audit.record(EVENT)
    stores.chain.append(SEALED, None)
    stores.journal.note_refusal(WEB, REFUSAL, 9, TILL)
    stores.documents.put(DOCUMENT, None)
    stores.documents.put(KEY_SET, None)
    stores.counters.spend("used", "claim", TILL)
    stores.counters.attempt(PLACE, PACE, PACE, AT)
    stores.withdrawals.end_everything(ERA)


def _store_people(stores: Stores) -> None:
    stores.users.create(ALICE_IS)
    stores.users.link(IDENTITY)
    stores.factors.replace(replace(FACTORS, version=0))
    stores.withdrawals.end(subject=ALICE)
    stores.withdrawals.end(subject=ALICE, client_id=WEB)
    stores.withdrawals.end_grants(ALICE)
    stores.withdrawals.end_sessions(ALICE)
    for sub, name in ((BOB, "bob"), (GONE, "gone"), (DONE, "done")):
        stores.users.create(User(sub, name, "hash", email=f"{name}@example.com"))
    stores.withdrawals.change_user(BOB, status=DISABLED)
    for sub in (GONE, DONE):
        stores.withdrawals.delete_user(sub, AT)
    left = stores.erasures.get(key_text(GONE))
    done = stores.erasures.get(key_text(DONE))
    assert left is not None
    assert done is not None
    assert left.left == frozenset(KINDS)
    stores.erasures.note(left, OPEN.left)
    stores.erasures.finish(done, AT + 1, AT + 2, TILL)


def _store_grants(stores: Stores) -> None:
    stores.clients.create(replace(CLIENT, version=0))
    stores.withdrawals.change_client(replace(CLIENT, version=0))
    stores.withdrawals.end(client_id=WEB)
    stores.clients.create(Client("client-deleted", "Deleted"))
    stores.clients.create(Client("client-shared", "Shared"), slot=Slot(FINGERPRINT))
    stores.withdrawals.delete_client("client-deleted")
    stores.organisations.create(replace(ORGANISATION, companies={"a": "Company A"}, version=0))
    stores.withdrawals.end(organisation=ACME)
    stores.organisations.put_company(ACME, "b", "Company B", 9)
    stores.withdrawals.end(organisation=ACME, client_id=WEB)
    for who in (MEMBERSHIP, BOSS, Membership(ACME, "sub-of-ada", ADMINISTRATOR, AT, "epoch-of-ada")):
        stores.withdrawals.set_membership(who)
    stores.withdrawals.delete_membership(ACME, "sub-of-ada")
    stores.organisations.invite(INVITATION)
    stores.tokens.create(CODE)
    stores.tokens.create(replace(AUTHORIZATION, redeemed_by=None, generation=0, rotated_by=None, revoked_at=None))
    stores.tokens.redeem(AUTHORIZATION.id, HASH, "the redeemer", AT, TILL - 2, TILL)
    stores.tokens.rotate(AUTHORIZATION.id, 1, "the rotator", AT + 3, TILL - 1, frozenset())
    stores.withdrawals.revoke(AUTHORIZATION.id, AT + 4)
    stores.tokens.trade(HASH, BROUGHT)
    stores.tokens.put_access_token(replace(ACCESS_TOKEN, is_revoked=False))
    stores.withdrawals.revoke_opaque(ACCESS_TOKEN.id)
    stores.withdrawals.revoke_jwt("a-jti", TILL)
    stores.api_keys.create(replace(API_KEY, used_at=0))
    stores.api_keys.note_use(API_KEY.id, API_KEY.used_at)
    stores.tokens.put_initial_access_token(INITIAL)


def _store_browsers(stores: Stores) -> None:
    stores.browsers.put_request(REQUEST)
    stores.browsers.put_request(REQUEST_OF_DEVICE)
    stores.tokens.put_device(replace(DEVICE, interval=5, answer=""))
    stores.tokens.slow_device_down(DEVICE.id, 5, 10)
    stores.tokens.deny_device(DEVICE.id, AT)
    stores.browsers.put_session(SESSION)
    stores.browsers.remember_consent(CONSENT, AT)
    stores.browsers.ask_approval(APPROVAL)
    stores.browsers.put_federation(replace(FEDERATION, spent_by=None))
    stores.browsers.spend_federation(FEDERATION.id, "request", "work", None, "the taker", AT)
    stores.browsers.put_link(LINK)


# ------------------------------------------------------------------ the files


def key_attribute(table: str) -> str:
    return {"ClientsTable": "client_id", "TokensTable": "pk", "KeysTable": "kid"}.get(table, "id")


def kept(kind: str) -> dict[str, Any]:
    """The item of this kind as DynamoDB has it, from its file."""
    return {
        name: _with_octets(value)
        for name, value in json.loads((FOLDER / f"{kind}.json").read_text(encoding="utf-8")).items()
    }


def _with_octets(value: dict[str, Any]) -> dict[str, Any]:
    ((kind, content),) = value.items()
    match kind:
        case "B":
            return {"B": base64.b64decode(content)}
        case "L":
            return {"L": [_with_octets(one) for one in content]}
        case "M":
            return {"M": {name: _with_octets(one) for name, one in content.items()}}
    return value


def _as_text(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def keep(stores: Stores) -> Iterator[str]:
    """Makes a file of each kind that has none; their names."""
    assert stores.dynamodb is not None
    for kind, one in SHAPES.items():
        file = FOLDER / f"{kind}.json"
        if file.exists():
            continue
        place = {key_attribute(one.table): {"S": one.key}}
        item = dict(stores.dynamodb.get_item(TableName=one.table, Key=place)["Item"])
        text = json.dumps(item, indent=1, sort_keys=True, ensure_ascii=False, default=_as_text)
        file.write_text(text + "\n", encoding="utf-8")
        yield file.name


def main() -> None:
    with IMPLEMENTATIONS["ministack"]() as stores:
        stored(stores)
        made = list(keep(stores))
    print("\n".join(made) or "There is one of each kind.")  # noqa: T201 - the answer of a command


if __name__ == "__main__":
    main()
