"""Every record comes back as it was stored: with all its fields set, and with none but those it must have."""

from dataclasses import MISSING, fields, replace
from typing import Any

import pytest

from authserver.ends import Begun, ClientEnd, OrganisationEnd, SubjectEnd
from authserver.models.browsers import Consent, PendingRequest, Session
from authserver.models.clients import Client, ClientSecret
from authserver.models.invitations import Approval
from authserver.models.journal import Activity
from authserver.models.keys import Key, Ring
from authserver.models.organisations import Membership, Organisation
from authserver.models.tokens import AccessTokenRecord, Authorization, DeviceRequest
from authserver.models.users import User
from authserver.storage.browsers import BrowserStore
from authserver.storage.clients import ClientStore
from authserver.storage.configuration import KeyStore
from authserver.storage.journal import JournalStore
from authserver.storage.tokens import TokenStore
from authserver.storage.users import TOLD_FIELDS, UserStore
from authserver.values import CodeChallenge, RedirectUri, Scope
from tests.contract.implementations import Stores
from tests.contract.records import NOW, access_token, authorization, find, identifier, key, pending_request, session

ALL_OCTETS = bytes(range(256))
TEXT = "ä#\x00\u202e🦄 \\\"'"
FULL = Begun(TEXT, 1, 2, 3, 4, 5, TEXT, 6, TEXT, 2**53)


def is_complete(record: Any) -> bool:
    """Whether no field of the record has its default: then none was forgotten here when the model grew."""
    return all(getattr(record, field.name) != field.default for field in fields(record) if field.default is not MISSING)


def full_client() -> Client:
    return Client(
        client_id=identifier(),
        client_name=TEXT,
        redirect_uris=(RedirectUri.parse("https://a.example/b?c=d"), RedirectUri.parse("com.example:/cb")),
        post_logout_redirect_uris=(RedirectUri.parse("https://a.example/bye"), RedirectUri.parse("com.example:/bye")),
        grant_types=("client_credentials", "refresh_token"),
        response_types=("code", "none"),
        token_endpoint_auth_method="client_secret_post",
        token_endpoint_auth_signing_alg="ES256",
        jwks=f'{{"keys": [], "x": "{TEXT}"}}',
        jwks_uri="https://a.example/keys",
        scope=Scope.parse("write read openid"),
        default_scope=Scope.parse("read"),
        optional_scope=Scope.parse("write read"),
        secrets=(ClientSecret(ALL_OCTETS, NOW, NOW + 5), ClientSecret(b"\x00" * 32, NOW - 5)),
        id_token_signed_response_alg="ES256",
        id_token_claims=False,
        token_hook=False,
        access_token_format="opaque",
        access_token_lifetime=61,
        refresh_token_lifetime=62,
        require_pkce=False,
        parameters_in_query=True,
        default_max_age=0,
        resources=("https://api.example", "urn:x"),
        owner="sub#1",
        client_uri="https://a.example",
        logo_uri="https://a.example/logo.png",
        policy_uri="https://a.example/policy",
        tos_uri="https://a.example/tos",
        contacts=("a@example.com", "b@example.com"),
        initiate_login_uri="https://a.example/login",
        settings_uri="https://a.example/settings",
        software_id="software",
        software_version="1.0",
        preferred_subject_type="company",
        status="disabled",
        verification="test",
        registration_token_hash=ALL_OCTETS,
        created_at=NOW,
        expires_at=NOW + 1,
    )


def test_client_with_every_field(stores: Stores) -> None:
    record = full_client()
    assert is_complete(replace(record, version=1, epoch=1)), "these are the stores' own to count"
    assert stores.clients.create(record)
    assert stores.clients.get(record.client_id) == stores.clients.find(record.client_id) == record
    assert stores.withdrawals.change_client(record)
    changed = replace(record, version=1)
    assert stores.clients.get(record.client_id) == stores.clients.find(record.client_id) == changed


def test_client_with_nothing_but_a_name(clients: ClientStore) -> None:
    record = Client(identifier(), "name")
    clients.create(record)
    assert clients.get(record.client_id) == record


def test_client_without_grant_and_response_types_has_none(clients: ClientStore) -> None:
    record = Client(identifier(), "name", grant_types=(), response_types=())
    clients.create(record)
    assert clients.get(record.client_id) == record


def test_client_without_a_name_is_a_client(clients: ClientStore) -> None:
    record = Client(identifier(), "")
    clients.create(record)
    assert clients.get(record.client_id) == record


@pytest.mark.parametrize("field", ["access_token_lifetime", "refresh_token_lifetime", "default_max_age"])
def test_client_with_a_zero_is_not_a_client_without(clients: ClientStore, field: str) -> None:
    zero: Any = {field: 0}
    record = Client(identifier(), "name", **zero)
    clients.create(record)
    assert clients.get(record.client_id) == record


def test_user_with_every_field(users: UserStore) -> None:
    name, hashed = TEXT + identifier(), "$argon2id$"
    record = User(
        f"sub-{identifier()}",
        name,
        hashed,
        "Älice\x00",
        "a@b.example",
        True,
        "disabled",
        True,
        NOW,
        "älice",
        "b@b.example",
        {"given_name": "Älice", "level": 0, "active": False, "groups": ("b", "a"), "address": {"country": "UK"}},
        NOW + 1,
        {"groups": "an-identity"},
    )
    assert is_complete(record)
    assert users.create(record)
    assert users.get(record.sub) == record
    told = {name: getattr(record, name) for name in TOLD_FIELDS}
    assert users.told(record.sub) == User(password_hash="", **told)
    assert users.update(record.sub, attributes=dict.fromkeys(record.attributes)) == replace(record, attributes={})


def test_user_with_nothing_but_a_name(users: UserStore) -> None:
    record = User(f"sub-{identifier()}", identifier(), "hash")
    assert users.create(record)
    assert users.get(record.sub) == record


def full_authorization() -> Authorization:
    return authorization(
        client_id=TEXT,
        subject=f"{TEXT}{identifier()}",
        scope=Scope.parse("write read openid"),
        resource=("https://b.example", "https://a.example"),
        salt=ALL_OCTETS,
        redirect_uri="com.example:/cb?x=%00#",
        code_challenge=CodeChallenge.parse("A" * 43),
        nonce=TEXT,
        redeemed_by="claim",
        generation=2**32 - 1,
        rotated_at=NOW + 1,
        rotated_by="another claim",
        idle_expires_at=NOW + 2,
        revoked_at=0,
        revoked_access_tokens=frozenset({"1.a", "2.b"}),
        organisation=TEXT,
        entities=frozenset({"company", "*"}),
        by_administrator=True,
        details_requested=True,
        is_public=True,
        begun=FULL,
        sessions=0,
        not_granted=Scope.parse("email offline_access"),
        by="password",
        sid=TEXT,
        id_token_claims=frozenset({"email", "name"}),
    )


def test_authorization_with_every_field(tokens: TokenStore) -> None:
    record = full_authorization()
    assert is_complete(record)
    tokens.create(record)
    assert find(tokens, record) == record


def test_authorization_with_nothing_but_its_code(tokens: TokenStore) -> None:
    record = authorization(scope=Scope(), resource=())
    tokens.create(record)
    assert find(tokens, record) == record


def test_access_token_with_every_field(tokens: TokenStore) -> None:
    record = AccessTokenRecord(
        identifier(),
        ALL_OCTETS,
        TEXT,
        TEXT,
        Scope.parse("b a"),
        ("https://b", "https://a"),
        NOW,
        NOW + 1,
        "id",
        0,
        FULL,
        True,
        {"groups": ["b", "a"], "level": 0, "contractor": False, "department": TEXT},
    )
    assert is_complete(record)
    tokens.put_access_token(record)
    found = tokens.standing(subject_key=key("s"), client_key=key("c"), access_token_id=record.id)
    assert found.access_token == record


def test_access_token_with_nothing_but_a_client(tokens: TokenStore) -> None:
    record = access_token(scope=Scope(), audience=())
    tokens.put_access_token(record)
    found = tokens.standing(subject_key=key("s"), client_key=key("c"), access_token_id=record.id)
    assert found.access_token == record


def test_device_with_every_field(tokens: TokenStore) -> None:
    parameters = {"scope": TEXT, "empty": "", "n#": "\n"}
    record = DeviceRequest(identifier(), ALL_OCTETS, TEXT, parameters, ("urn:b", "urn:a"), TEXT, 1, NOW, 5, TEXT)
    assert is_complete(record)
    assert tokens.put_device(record)
    assert tokens.device(record.id) == record
    assert tokens.standing(device_id=record.id).device == record


def test_session_with_every_field(browsers: BrowserStore) -> None:
    record = Session(identifier(), ALL_OCTETS, TEXT, 0, 1, NOW, TEXT, TEXT, TEXT, FULL, 9, TEXT, TEXT)
    assert is_complete(record)
    browsers.put_session(record)
    assert browsers.browser_state(session_id=record.id).session == record
    assert browsers.browser_state(session_id=session().id).session is None


def test_activity_with_every_field(journal: JournalStore) -> None:
    record = Activity(identifier(), f"sub-{identifier()}", TEXT, NOW, NOW + 1, TEXT, TEXT, TEXT)
    assert is_complete(record)
    journal.note_activity(record)
    assert journal.activities(record.subject).items == (record,)


def test_pending_request_with_every_field(browsers: BrowserStore) -> None:
    parameters = {"state": TEXT, "empty": "", "n#": "\n"}
    resource = ("urn:b", "urn:a")
    record = PendingRequest(
        identifier(), ALL_OCTETS, b"", parameters, resource, NOW, "allow", "my/apps", TEXT, NOW, FULL, 7, identifier()
    )
    assert is_complete(record)
    browsers.put_request(record)
    assert browsers.browser_state(request_id=record.id).request == record


def test_approval_with_every_field(browsers: BrowserStore) -> None:
    record = Approval(
        *(f"{TEXT}{identifier()}", TEXT, TEXT, Scope.parse("b a"), ("urn:b", "urn:a"), frozenset({"*", "a"})),
        *(NOW, NOW + 1, "allow", TEXT, NOW, FULL),
    )
    assert is_complete(record)
    browsers.ask_approval(record)
    assert browsers.approval(record.organisation, record.client_id, record.subject) == record


def test_consent_with_every_field(browsers: BrowserStore) -> None:
    declined, resource = Scope.of(["c", "d"]), frozenset({"urn:a", "urn:b"})
    record = Consent(f"{TEXT}{identifier()}", TEXT, Scope.of(["a", "b"]), resource, NOW, NOW + 1, declined, FULL)
    assert is_complete(record)
    browsers.remember_consent(record, NOW)
    found = browsers.browser_state(subject_key=key(record.subject), client_key=key(record.client_id)).consent
    assert found == record


def test_membership_with_every_field(stores: Stores) -> None:
    groups = frozenset({TEXT, "a"})
    record = Membership(f"{TEXT}{identifier()}", TEXT, "administrator", NOW, TEXT, {TEXT: 1, "a": 2}, groups)
    assert is_complete(record)
    stores.withdrawals.set_membership(record, groups)
    assert stores.organisations.membership(record.organisation, record.subject) == record


def test_ends_with_every_field(stores: Stores) -> None:
    """Each as its readers tell it, whatever the identifiers are."""
    subject, web, acme = (f"{TEXT}{identifier()}" for _ in range(3))
    assert stores.clients.create(Client(web, "name"))
    record = stores.clients.get(web)
    assert record is not None
    stores.withdrawals.change_client(replace(record, scope=Scope.parse("b a"), status="disabled"))
    assert stores.users.create(User(subject, "", "", operator=True))
    stores.withdrawals.end_sessions(subject)
    stores.withdrawals.change_user(subject, status="disabled")
    stores.withdrawals.end(subject=subject, client_id=web)
    assert stores.organisations.create(Organisation(acme, "A customer"))
    stores.withdrawals.change_organisation(acme, status="disabled")
    stores.withdrawals.end(organisation=acme, client_id=web)
    boss = Membership(acme, subject, "administrator", NOW, "epoch")
    stores.withdrawals.set_membership(boss)
    stores.withdrawals.set_membership(replace(boss, role="member"))
    ends = stores.tokens.standing(subject_key=key(subject), client_key=key(web), organisation_key=key(acme)).ends
    assert ends.subject == SubjectEnd(1, 1, "disabled", True, {key(web): 1}, 1)
    assert ends.client == ClientEnd(1, "disabled", 1, Scope.parse("b a"), acts_for_itself=False)
    version = ends.organisation.version
    assert ends.organisation == OrganisationEnd(1, "disabled", version, {key(web): 1}, {key(subject): 1})
    assert all(map(is_complete, (ends.subject, ends.client, ends.organisation)))


def test_pending_request_without_parameters(browsers: BrowserStore) -> None:
    record = pending_request(parameters={})
    browsers.put_request(record)
    assert browsers.browser_state(request_id=record.id).request == record


def test_ring_with_every_field(keys: KeyStore) -> None:
    public = {"kty": "EC", "x": TEXT, "empty": ""}
    record = Ring(identifier(), 1, (Key("a", 0, NOW, NOW + 1, public, ALL_OCTETS), Key("b", 1, 2, None, {}, b"")))
    assert keys.put(record)
    assert keys.get(record.name) == record


def test_ring_without_keys(keys: KeyStore) -> None:
    record = Ring(identifier(), 1, ())
    assert keys.put(record)
    assert keys.get(record.name) == record
