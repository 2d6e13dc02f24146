"""Whatever was stored once is read by present code, as what it was: each kind of item, and those that lack what is new.

`tests.contract.frozen` has the values; the files in `shapes` were stored once, and are never changed.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from authserver.storage.tokens import AlreadyExists, Refused
from tests.contract.estate import built
from tests.contract.frozen import FOLDER, SHAPES, SHARDED, kept, key_attribute, stored
from tests.contract.implementations import IMPLEMENTATIONS, Stores
from tests.contract.tables import LOGICAL_IDS, every_item
from tests.contract.verbs import BEGIN, CHANGE, VERBS, WITHDRAWAL


@pytest.fixture(scope="module", params=["ministack", "moto"])
def old_stores(request: pytest.FixtureRequest) -> Iterator[Stores]:
    """Stores in which there is nothing but what was stored once. A test that changes an item changes it back."""
    with IMPLEMENTATIONS[request.param]() as stores:
        for kind in SHAPES:
            put(stores, kind, kept(kind))
        yield stores


def put(stores: Stores, kind: str, item: dict[str, Any]) -> None:
    """Stores an item, in all its copies if it has some."""
    assert stores.dynamodb is not None
    table = SHAPES[kind].table
    if kind not in SHARDED:
        stores.dynamodb.put_item(TableName=table, Item=item)
        return
    for shard in range(16):
        name = f"{item['pk']['S'][:-1]}{shard:x}"
        stores.dynamodb.put_item(TableName=table, Item={**item, "pk": {"S": name}})


@contextmanager
def lacking(stores: Stores, kind: str, attribute: str) -> Iterator[None]:
    """As if the item had been written before there was this attribute."""
    item = kept(kind)
    assert attribute in item
    put(stores, kind, {name: value for name, value in item.items() if name != attribute})
    yield
    put(stores, kind, item)


def test_there_is_a_file_of_each_kind_and_no_other() -> None:
    assert {file.stem for file in FOLDER.iterdir()} == set(SHAPES)


@pytest.mark.parametrize("kind", SHAPES)
def test_a_file_is_an_item_of_its_key_and_of_the_first_layout(kind: str) -> None:
    assert kept(kind)[key_attribute(SHAPES[kind].table)] == {"S": SHAPES[kind].key}
    assert kept(kind)["v"] == {"N": "1"}


@pytest.mark.parametrize("kind", SHAPES)
def test_what_was_stored_once_is_read_as_what_it_was(old_stores: Stores, kind: str) -> None:
    assert SHAPES[kind].read(old_stores) == SHAPES[kind].expected


@pytest.mark.parametrize("kind", SHAPES)
def test_what_tells_no_layout_is_read_all_the_same(old_stores: Stores, kind: str) -> None:
    with lacking(old_stores, kind, "v"):
        assert SHAPES[kind].read(old_stores) == SHAPES[kind].expected


@pytest.mark.parametrize(
    ("kind", "attribute"), [(kind, attribute) for kind, shape in SHAPES.items() for attribute in shape.absent]
)
def test_what_lacks_what_came_later_is_read_with_nothing_in_its_place(
    old_stores: Stores, kind: str, attribute: str
) -> None:
    with lacking(old_stores, kind, attribute):
        assert SHAPES[kind].read(old_stores) == SHAPES[kind].absent[attribute]


@pytest.mark.parametrize("kind", SHAPES)
def test_what_has_what_came_later_still_is_read_as_what_it_was(old_stores: Stores, kind: str) -> None:
    """By an instance that is older than what another one wrote, while a new version is deployed."""
    item = kept(kind)
    put(old_stores, kind, {**item, "of_a_later_layout": {"M": {"a": {"N": "1"}}}})
    assert SHAPES[kind].read(old_stores) == SHAPES[kind].expected
    put(old_stores, kind, item)


# ------------------------------------------------------------------ none is missing


def kind_of(table: str, key: str) -> str:
    """What an item is, as the schema in `aws.dynamodb` calls it."""
    if table in ("ClientsTable", "KeysTable"):
        return table
    first, _, rest = key.partition("#")
    return f"{table} {first}#{rest.partition('#')[0]}" if first == "end" else f"{table} {first}"


@pytest.mark.parametrize("own_stores", ["ministack"], indirect=True)
def test_there_is_a_shape_of_whatever_a_verb_stores(own_stores: Stores) -> None:
    for kinds in ((BEGIN, CHANGE), (WITHDRAWAL,)):
        estate = built(own_stores, raised=False)
        for verb in VERBS.values():
            if verb.kind in kinds:
                with suppress(AlreadyExists, Refused):  # some find what others have left
                    verb.call(estate, own_stores)
    own_stores.withdrawals.change_client(estate.kept)
    assert own_stores.dynamodb is not None
    found = {
        kind_of(table, item[key_attribute(table)]["S"])
        for table in LOGICAL_IDS
        for item in every_item(own_stores.dynamodb, table)
    }
    known = {kind_of(shape.table, shape.key) for shape in SHAPES.values()}
    assert found - known == set()


@pytest.mark.parametrize("own_stores", ["ministack"], indirect=True)
def test_what_is_stored_today_is_read_as_what_it_is(own_stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the values and the files are of the same things."""
    monkeypatch.setattr("authserver.aws.dynamodb.organisations.new_version", lambda: 1)
    stored(own_stores)
    for kind, shape in SHAPES.items():
        assert shape.read(own_stores) == shape.today, kind
