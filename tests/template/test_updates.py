"""A stack of any release is updated to this template without losing a table, a key or an address."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.deployed.shape import Shape, main, objections, released, shape_of, with_shape
from tests.template.written import Written

RELEASED = released()


@pytest.mark.parametrize("release", RELEASED)
def test_a_stack_of_a_release_keeps_its_tables_keys_and_apis(release: str, written: Written) -> None:
    assert list(objections(RELEASED[release], shape_of(written.template))) == []


def test_the_shape_of_a_release_has_all_that_is_stored_and_called() -> None:
    assert RELEASED
    for shape in RELEASED.values():
        assert {one["Type"].rpartition(":")[2] for one in shape.values()} == {"Table", "Key", "Api", "HttpApi"}


def test_a_shape_is_frozen_by_a_command_once(written: Written, tmp_path: Path) -> None:
    main("1.2.3", tmp_path)
    assert json.loads((tmp_path / "1.2.3.json").read_text()) == shape_of(written.template)
    with pytest.raises(SystemExit, match="does not change"):
        main("1.2.3", tmp_path)


def test_a_template_takes_the_shape_of_a_release(written: Written) -> None:
    shape = shape_of(written.template)
    older = copy.deepcopy(shape)
    del older["UsersTable"]["GlobalSecondaryIndexes"]["by_kind"]
    older["ResourceApi"]["StageName"] = "v0"
    del older["AuditTable"]
    reshaped = with_shape(written.template, older)
    assert shape_of(reshaped) == {**older, "AuditTable": shape["AuditTable"]}
    assert shape_of(with_shape(written.template, shape)) == shape


def change(*path: str, to: Any) -> Callable[[Shape], None]:
    def changed(shape: Shape) -> None:
        part: Any = shape
        for name in path[:-1]:
            part = part[name]
        part[path[-1]] = to

    return changed


def with_indexes(*names: str) -> Callable[[Shape], None]:
    return lambda shape: shape["UsersTable"]["GlobalSecondaryIndexes"].update({name: [] for name in names})


@pytest.mark.parametrize(
    ("mutation", "said"),
    [
        (lambda shape: shape.pop("KeysTable"), "KeysTable is gone"),
        (change("TokensTable", "KeySchema", to=[]), "TokensTable is replaced: its KeySchema"),
        (change("TokensTable", "key types", to=["B"]), "TokensTable is replaced: its key types"),
        (change("TokensTable", "TableName", to="tokens"), "TokensTable is replaced: its TableName"),
        (change("TokensTable", "Type", to="AWS::DynamoDB::GlobalTable"), "TokensTable is replaced: its Type"),
        (change("WrappingKey", "MultiRegion", to=False), "WrappingKey is replaced: its MultiRegion"),
        (change("ResourceApi", "StageName", to="v2"), "ResourceApi is replaced: its StageName"),
        (change("AuthorizationApi", "Type", to="AWS::Serverless::Api"), "AuthorizationApi is replaced: its Type"),
        (change("UsersTable", "GlobalSecondaryIndexes", "by_kind", to=[]), "the index by_kind changes"),
        (with_indexes("by_a", "by_b"), "by_a, by_b come or go in one update"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_would_be_lost_or_refused_is_found(mutation: Callable[[Shape], None], said: str, written: Written) -> None:
    before = shape_of(written.template)
    after = copy.deepcopy(before)
    mutation(after)
    found = list(objections(before, after))
    assert len(found) == 1
    assert said in found[0]


def test_one_index_may_come_with_an_update_and_a_table_too(written: Written) -> None:
    before = shape_of(written.template)
    after = copy.deepcopy(before)
    with_indexes("by_a")(after)
    after["AnotherTable"] = after["UsersTable"]
    assert list(objections(before, after)) == []
