"""What is read with every request is small: DynamoDB counts an item by each 4 KB that is read, and 1 KB written."""

from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from authserver.aws.table import VERSION
from authserver.ends import Begun
from authserver.models.clients import ClientSecret
from authserver.models.organisations import ADMINISTRATOR
from authserver.models.tokens import Authorization
from authserver.storage.tokens import AlreadyExists, Refused
from authserver.values import CodeChallenge, RedirectUri, Scope, base64url, sha256
from tests.contract.estate import built
from tests.contract.implementations import Stores
from tests.contract.records import END, IDLE, NOW, authorization, identifier, key, membership, session, user
from tests.contract.tables import LOGICAL_IDS, every_item
from tests.contract.verbs import BEGIN, CHANGE, VERBS, WITHDRAWAL
from tests.fakes import client
from tests.functions.capacity import size_of

pytestmark = pytest.mark.parametrize("own_stores", ["moto", "ministack"], indirect=True)

KEYS = {"ClientsTable": "client_id", "KeysTable": "kid", "TokensTable": "pk"}


def item(stores: Stores, table: str, name: str) -> dict[str, Any]:
    assert stores.dynamodb is not None
    found = stores.dynamodb.get_item(TableName=table, Key={KEYS.get(table, "id"): {"S": name}})
    return dict(found["Item"])


def items(stores: Stores, table: str) -> list[dict[str, Any]]:
    assert stores.dynamodb is not None
    return every_item(stores.dynamodb, table)


FULL = Begun(
    era=base64url(bytes(16)),
    subject=12,
    client=3,
    grant=4,
    organisation=5,
    installation=6,
    membership=base64url(bytes(range(16))),
    member_grant=7,
    approver=key("approver"),
    approval=8,
)


def usual_authorization() -> Authorization:
    """One for an organisation by an administrator's approval, with everything that a usual request has."""
    return authorization(
        client_id=identifier(),
        subject=identifier(),
        organisation=identifier(),
        entities=frozenset({"company-one", "company-two", "company-three"}),
        scope=Scope.parse("openid profile email"),
        resource=("https://api.example.com/v1", "https://files.example.com"),
        redirect_uri="https://application.example.com/oauth/callback",
        code_challenge=CodeChallenge.parse(base64url(sha256("verifier"))),
        nonce=base64url(bytes(16)),
        details_requested=True,
        is_public=True,
        begun=FULL,
        sessions=3,
        by="password",
        sid=base64url(bytes(12)),
    )


def test_a_usual_authorization_is_written_for_one_unit_all_its_life(own_stores: Stores) -> None:
    record = usual_authorization()
    name, claims = f"authorization#{record.id}", [identifier() for _ in range(4)]
    own_stores.tokens.create(record)
    sizes = [size_of(item(own_stores, "TokensTable", name))]
    own_stores.tokens.redeem(record.id, record.code_hash, claims[0], NOW, IDLE, END)
    sizes.append(size_of(item(own_stores, "TokensTable", name)))
    for generation in (1, 2, 3):
        own_stores.tokens.rotate(record.id, generation, claims[generation], NOW, IDLE, frozenset())
    own_stores.withdrawals.revoke(record.id, NOW)
    sizes.append(size_of(item(own_stores, "TokensTable", name)))
    assert max(sizes) <= 1024, sizes


def test_a_session_is_written_for_one_unit(own_stores: Stores) -> None:
    record = session(
        subject=identifier(),
        device="Firefox on Windows 11",
        source="2001:db8::/48",
        begun=FULL,
        sessions=9,
        by="password",
        origin=identifier(),
    )
    own_stores.browsers.put_session(record)
    assert size_of(item(own_stores, "TokensTable", f"session#{record.id}")) <= 1024


def test_a_usual_client_is_read_for_one_unit_however_large_its_logo_is(own_stores: Stores) -> None:
    site = "https://application.example.com"
    record = client(
        client_id=identifier(),
        client_name="An application with quite a long name, in words",
        redirect_uris=tuple(RedirectUri.parse(f"{site}/oauth/callback/{number}") for number in range(8)),
        post_logout_redirect_uris=tuple(RedirectUri.parse(f"{site}/signed-out/{number}") for number in range(4)),
        scope=Scope.of([f"resource-{number}.read" for number in range(20)]),
        optional_scope=Scope.of([f"resource-{number}.read" for number in range(10)]),
        default_scope=Scope.parse("resource-1.read"),
        secrets=(ClientSecret(bytes(32), NOW, NOW + 9, used_at=NOW), ClientSecret(bytes(32), NOW, encoded="x" * 120)),
        resources=(f"{site}/api", f"{site}/files"),
        owner=identifier(),
        client_uri=site,
        logo_uri="data:image/png;base64," + "A" * 100_000,
        policy_uri=f"{site}/privacy",
        tos_uri=f"{site}/terms",
        contacts=("somebody@application.example.com", "somebody.else@application.example.com"),
        initiate_login_uri=f"{site}/login",
        settings_uri=f"{site}/settings",
        software_id=identifier(),
        software_version="1.22.333",
        registration_token_hash=bytes(32),
    )
    assert own_stores.clients.create(record)
    assert own_stores.withdrawals.change_client(record)
    assert size_of(item(own_stores, "ClientsTable", record.client_id)) <= 4096
    assert own_stores.clients.get(record.client_id) == replace(record, version=1)


def test_ends_are_written_for_one_unit_each(own_stores: Stores) -> None:
    """With a dozen applications disconnected; a transaction pays each twice."""
    person, web, acme = user(operator=True), identifier(), identifier()
    scope = Scope.of([f"resource-{number}.read" for number in range(20)])
    assert own_stores.users.create(person)
    assert own_stores.clients.create(client(client_id=web))
    assert own_stores.withdrawals.change_client(client(client_id=web, scope=scope))
    member = membership(acme, person.sub, ADMINISTRATOR)
    own_stores.withdrawals.set_membership(member)
    for number in range(12):
        own_stores.withdrawals.end(subject=person.sub, client_id=f"client-{number}")
        own_stores.withdrawals.end(organisation=acme, client_id=f"client-{number}")
    own_stores.withdrawals.end_sessions(person.sub)
    own_stores.withdrawals.end_grants(person.sub)
    own_stores.withdrawals.set_membership(replace(member, role="member", epoch=identifier()))
    own_stores.withdrawals.end(client_id=web)
    ends = [one for one in items(own_stores, "TokensTable") if one["pk"]["S"].startswith("end#")]
    mine = [one for one in ends if any(name in one["pk"]["S"] for name in (key(person.sub), key(web), key(acme)))]
    assert len(mine) == 33
    assert max(map(size_of, mine)) <= 1024


def test_every_item_tells_the_layout_in_which_it_was_written(own_stores: Stores) -> None:
    """Whatever verb wrote it last."""
    estate = built(own_stores)
    others = built(own_stores)
    for kinds, where in (((BEGIN, CHANGE), estate), ((WITHDRAWAL,), others)):
        for verb in VERBS.values():
            if verb.kind in kinds:
                with suppress(AlreadyExists, Refused):  # some find what others have left
                    verb.call(where, own_stores)
    for table in LOGICAL_IDS:
        without = [one for one in items(own_stores, table) if one.get("v") != {"N": str(VERSION)}]
        assert without == [], table


def test_no_end_ever_expires(own_stores: Stores) -> None:
    """Nor does what tells that an identifier was somebody's."""
    estate = built(own_stores)
    for verb in VERBS.values():
        if verb.kind == WITHDRAWAL:
            verb.call(estate, own_stores)
    kept = ("end#", "deployment#")
    ends = [one for one in items(own_stores, "TokensTable") if one["pk"]["S"].startswith(kept)]
    assert len(ends) > 30
    assert [one for one in ends if "expires_at" in one] == []


def test_everything_else_in_the_tokens_table_expires(own_stores: Stores) -> None:
    estate = built(own_stores)
    for verb in VERBS.values():
        if verb.kind in (BEGIN, CHANGE):
            with suppress(AlreadyExists, Refused):
                verb.call(estate, own_stores)
    kept = ("end#", "deployment#", "erasure#")
    without = [
        one["pk"]["S"]
        for one in items(own_stores, "TokensTable")
        if "expires_at" not in one and not one["pk"]["S"].startswith(kept)
    ]
    assert without == []
