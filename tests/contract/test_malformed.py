"""Items that are none of ours to read: absent to every reader, and never an error (SECURITY, fault F23)."""

from typing import Any

import pytest

from authserver.ends import Begun
from authserver.errors import TemporarilyUnavailable
from authserver.storage.tokens import AlreadyExists, Refused
from tests.contract.implementations import Stores
from tests.contract.records import (
    CODE_HASH,
    END,
    IDLE,
    NOW,
    access_token,
    authorization,
    consent,
    find,
    identifier,
    key,
    pending_request,
    session,
    user,
)
from tests.fakes import client

TOKENS = "TokensTable"


# The fakes have no items to be malformed.
pytestmark = pytest.mark.parametrize("stores", ["moto", "ministack"], indirect=True)


def attributes_of(stores: Stores, table: str, item_key: dict[str, str]) -> dict[str, Any]:
    assert stores.dynamodb is not None
    found = stores.dynamodb.get_item(TableName=table, Key={name: {"S": value} for name, value in item_key.items()})
    return dict(found["Item"])


def write(stores: Stores, table: str, item: dict[str, Any]) -> None:
    assert stores.dynamodb is not None
    stores.dynamodb.put_item(TableName=table, Item=item)


REQUIRED = {
    "authorization": ("client_id", "subject", "salt", "created_at", "expires_at", "auth_time", "code_hash"),
    "access_token": ("id", "secret_hash", "client_id", "subject", "issued_at", "expires_at"),
    "session": ("id", "secret_hash", "subject", "auth_time", "created_at", "expires_at"),
    "request": ("id", "browser_hash", "salt", "expires_at"),
    "consent": ("subject", "client_id", "created_at", "expires_at"),
}


def store_one(stores: Stores, kind: str) -> str:
    """Stores a good record of `kind`; its key."""
    match kind:
        case "authorization":
            record = authorization()
            stores.tokens.create(record)
            return record.id
        case "access_token":
            token = access_token()
            stores.tokens.put_access_token(token)
            return token.id
        case "session":
            browser = session()
            stores.browsers.put_session(browser)
            return browser.id
        case "request":
            request = pending_request()
            stores.browsers.put_request(request)
            return request.id
    allowed = consent(client_id="web", begun=Begun(subject=1))
    stores.browsers.remember_consent(allowed, NOW)
    return key(allowed.subject) + key("web")


def read_one(stores: Stores, kind: str, name: str) -> object:
    """What the readers make of the item of that key."""
    match kind:
        case "authorization":
            return stores.tokens.standing(
                subject_key=key("s"), client_key=key("c"), authorization_id=name
            ).authorization
        case "access_token":
            return stores.tokens.standing(subject_key=key("s"), client_key=key("c"), access_token_id=name).access_token
        case "session":
            return stores.browsers.browser_state(session_id=name).session
        case "request":
            return stores.browsers.browser_state(request_id=name).request
    half = len(key("web"))
    return stores.browsers.browser_state(subject_key=name[:-half], client_key=name[-half:]).consent


@pytest.mark.parametrize(("kind", "missing"), [(kind, name) for kind, names in REQUIRED.items() for name in names])
def test_item_without_an_attribute_reads_as_absent(stores: Stores, kind: str, missing: str) -> None:
    name = store_one(stores, kind)
    assert read_one(stores, kind, name) is not None
    item = attributes_of(stores, TOKENS, {"pk": f"{kind}#{name}"})
    assert item.pop(missing)
    write(stores, TOKENS, item)
    assert read_one(stores, kind, name) is None


@pytest.mark.parametrize("kind", REQUIRED)
def test_item_with_nothing_but_a_key_reads_as_absent(stores: Stores, kind: str) -> None:
    name = identifier()
    write(stores, TOKENS, {"pk": {"S": f"{kind}#{name}"}})
    if kind != "consent":
        assert read_one(stores, kind, name) is None


@pytest.mark.parametrize("scope", [{"S": 'a"b'}, {"N": "7"}, {"L": [{"S": "read"}]}, {"BOOL": True}])
def test_authorization_with_a_scope_of_another_kind_reads_as_absent(stores: Stores, scope: dict[str, Any]) -> None:
    name = store_one(stores, "authorization")
    write(stores, TOKENS, attributes_of(stores, TOKENS, {"pk": f"authorization#{name}"}) | {"scope": scope})
    assert read_one(stores, "authorization", name) is None


WRONG_TYPES: dict[str, dict[str, dict[str, Any]]] = {
    "authorization": {
        "client_id": {"N": "1"},
        "subject": {"N": "1"},
        "salt": {"S": "x"},
        "expires_at": {"S": "x"},
        "code_hash": {"S": "x"},
        "code_expires_at": {"S": "x"},
        "redirect_uri": {"L": []},
        "code_challenge": {"N": "1"},
        "generation": {"NULL": True},
        "idle_expires_at": {"BOOL": True},
        "revoked_at": {"S": "x"},
        "revoked_access_tokens": {"S": "x"},
    },
    "access_token": {"secret_hash": {"S": "x"}, "expires_at": {"S": "x"}, "issued_at": {"S": "x"}},
    "session": {"secret_hash": {"S": "x"}, "expires_at": {"S": "x"}, "auth_time": {"L": []}, "subject": {"N": "1"}},
    "request": {"browser_hash": {"S": "x"}, "expires_at": {"S": "x"}, "parameters": {"S": "x"}, "salt": {"S": "x"}},
    "consent": {"expires_at": {"S": "x"}, "scopes": {"N": "1"}},
}


@pytest.mark.parametrize("kind", WRONG_TYPES)
def test_item_with_an_attribute_of_another_type_reads_as_absent(stores: Stores, kind: str) -> None:
    taken = []
    for name, value in WRONG_TYPES[kind].items():
        item_key = store_one(stores, kind)
        write(stores, TOKENS, attributes_of(stores, TOKENS, {"pk": f"{kind}#{item_key}"}) | {name: value})
        if read_one(stores, kind, item_key) is not None:
            taken.append(name)
    assert taken == []


@pytest.mark.parametrize("kind", REQUIRED)
def test_item_with_a_number_that_is_no_integer_raises_nothing(stores: Stores, kind: str) -> None:
    name = store_one(stores, kind)
    item = attributes_of(stores, TOKENS, {"pk": f"{kind}#{name}"}) | {"expires_at": {"N": "1.5"}}
    write(stores, TOKENS, item)
    assert read_one(stores, kind, name) is None


BEGUN_WRONGLY: tuple[dict[str, Any], ...] = (
    {"S": "x"},
    {"L": []},
    {"M": {"subject": {"S": "1"}}},
    {"M": {"subject": {"BOOL": True}}},
    {"M": {"era": {"N": "1"}}},
    {"M": {"grant": {"N": "1.5"}}},
)


@pytest.mark.parametrize("begun", BEGUN_WRONGLY, ids=str)
@pytest.mark.parametrize("kind", REQUIRED)
def test_item_that_was_begun_under_nobody_knows_what_reads_as_absent(
    stores: Stores, kind: str, begun: dict[str, Any]
) -> None:
    name = store_one(stores, kind)
    write(stores, TOKENS, attributes_of(stores, TOKENS, {"pk": f"{kind}#{name}"}) | {"begun": begun})
    assert read_one(stores, kind, name) is None


ENDS_WRONG: dict[str, tuple[dict[str, Any], ...]] = {
    "subject": (
        {"epoch": {"S": "1"}},
        {"epoch": {"N": "1.5"}},
        {"sessions": {"BOOL": True}},
        {"suspended": {"BOOL": True}},
        {"grants": {"L": []}},
        {"grants": {"M": {"a": {"S": "1"}}}},
        {"operator": {"S": "yes"}},
    ),
    "client": (
        {"epoch": {"S": "1"}},
        {"version": {"S": "1"}},
        {"scope": {"S": 'a"b'}},
        {"scope": {"N": "1"}},
        {"suspended": {"N": "1"}},
    ),
    "organisation": (
        {"epoch": {"S": "1"}},
        {"clients": {"S": "x"}},
        {"clients": {"M": {"a": {"S": "1"}}}},
        {"approvers": {"L": []}},
        {"suspended": {"NULL": True}},
    ),
}


@pytest.mark.parametrize(
    ("kind", "attributes"), [(kind, one) for kind, all_ in ENDS_WRONG.items() for one in all_], ids=str
)
def test_end_that_cannot_be_read_is_not_taken_for_none(stores: Stores, kind: str, attributes: dict[str, Any]) -> None:
    """Nothing of what it ends stands; nothing else is touched."""
    name = key(identifier())
    shards = [""] if kind == "subject" else [f"#{shard:x}" for shard in range(16)]
    for shard in shards:
        write(stores, TOKENS, {"pk": {"S": f"end#{kind}#{name}{shard}"}, **attributes})
    wanted: dict[str, Any] = {f"{kind}_key": name}
    with pytest.raises(TemporarilyUnavailable):
        stores.tokens.standing(**wanted)
    if kind == "subject":
        for reading in (
            lambda: stores.browsers.ends(name),
            lambda: stores.browsers.browser_state(subject_key=name),
            lambda: stores.browsers.link(identifier(), name),
        ):
            with pytest.raises(TemporarilyUnavailable):
                reading()
    assert stores.tokens.standing(subject_key=key("s"), client_key=key("c")).ends.is_suspended is False


def test_deployment_that_cannot_be_read_is_not_taken_for_none(stores: Stores) -> None:
    assert stores.dynamodb is not None
    places = [{"pk": {"S": f"deployment#{shard:x}"}} for shard in range(16)]
    before = [stores.dynamodb.get_item(TableName=TOKENS, Key=place).get("Item") for place in places]
    try:
        for place in places:
            write(stores, TOKENS, {**place, "era": {"N": "1"}})
        with pytest.raises(TemporarilyUnavailable):
            stores.deployment()
    finally:
        for place, item in zip(places, before, strict=True):
            stores.dynamodb.delete_item(TableName=TOKENS, Key=place)
            if item:
                write(stores, TOKENS, item)


@pytest.mark.parametrize("rest", [{}, {"version": {"N": "1"}}, {"version": {"N": "1"}, "keys": {"L": [{"M": {}}]}}])
def test_ring_that_is_malformed_reads_as_absent_or_unavailable(stores: Stores, rest: dict[str, Any]) -> None:
    name = identifier()
    write(stores, "KeysTable", {"kid": {"S": name}, **rest})
    try:
        ring = stores.keys.get(name)
    except TemporarilyUnavailable:
        return
    assert ring is None


def test_one_malformed_item_hides_none_of_the_others(stores: Stores) -> None:
    good, bad = access_token(), authorization()
    stores.tokens.put_access_token(good)
    write(stores, TOKENS, {"pk": {"S": f"authorization#{bad.id}"}})
    standing = stores.tokens.standing(
        subject_key=key("s"), client_key=key("c"), authorization_id=bad.id, access_token_id=good.id
    )
    assert (standing.authorization, standing.access_token) == (None, good)


def test_create_over_a_malformed_item_is_refused_without_telling_it(stores: Stores) -> None:
    record = authorization()
    write(stores, TOKENS, {"pk": {"S": f"authorization#{record.id}"}})
    with pytest.raises(AlreadyExists) as conflict:
        stores.tokens.create(record)
    assert conflict.value.existing is None


def test_verbs_on_a_malformed_authorization_are_refused_without_telling_it(stores: Stores) -> None:
    record = authorization()
    write(stores, TOKENS, {"pk": {"S": f"authorization#{record.id}"}, "generation": {"S": "1"}})
    with pytest.raises(Refused) as refusal:
        stores.tokens.redeem(record.id, CODE_HASH, "claim", NOW, IDLE, END)
    assert refusal.value.existing is None
    with pytest.raises(Refused) as refusal:
        stores.tokens.rotate(record.id, 1, "claim", NOW, IDLE, frozenset())
    assert refusal.value.existing is None
    assert not stores.withdrawals.revoke(record.id, NOW, record.client_id)
    assert not stores.withdrawals.revoke_access_token(record.id, record.client_id, "1.a", 8)
    assert find(stores.tokens, record) is None


def test_client_with_a_secret_without_hash_reads_as_absent(stores: Stores) -> None:
    record = client(client_id=identifier())
    stores.clients.create(record)
    item = attributes_of(stores, "ClientsTable", {"client_id": record.client_id})
    write(stores, "ClientsTable", item | {"secrets": {"L": [{"M": {"created_at": {"N": "1"}}}]}})
    assert stores.clients.get(record.client_id) is None


def test_login_name_that_leads_nowhere_finds_nobody(stores: Stores) -> None:
    person = user()
    assert stores.users.create(person)
    assert stores.dynamodb is not None
    stores.dynamodb.delete_item(TableName="UsersTable", Key={"id": {"S": f"user#{person.sub}"}})
    assert stores.users.find(person.username) is None
