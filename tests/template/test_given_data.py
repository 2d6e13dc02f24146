"""A stack that is given its tables and its key makes none, and differs in nothing else from one that makes its own."""

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from local.errors import RefusedError
from local.intrinsics import Resolver
from local.parameters import check_rules, choose_parameters
from local.template import expanded
from scripts.given_data import data_of, with_given_data
from tests.template.largest import Largest
from tests.template.written import Written

# SAM ends their logical ids in a hash of what they are made from.
NAMED_BY_HASH = ("AWS::ApiGateway::Deployment", "AWS::Lambda::Version")
STEM = re.compile(r".*(?=[0-9a-f]{10}$)")
KEY = "arn:aws:kms:eu-central-1:123456789012:key/mrk-0123456789abcdef0123456789abcdef"


@pytest.fixture(scope="module")
def own(written: Written) -> Largest:
    return Largest(written)


def resolved(own: Largest, template: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
    """The resources of a template with the names that those of the other have."""
    parameters = choose_parameters(template["Parameters"], {**own.parameters, **given}, {})
    resolver = Resolver(parameters, template["Conditions"], own.resolver.references["AWS::AccountId"])
    made = expanded(template, parameters)
    named = {
        name: own.reference(next(one for one in own.resources if one.startswith(STEM.match(name)[0])))  # type: ignore[index]  # it ends in a hash
        for name in made
        if made[name]["Type"] in NAMED_BY_HASH
    }
    resolver.references |= {**own.resolver.references, **given, **named}
    resolver.attributes |= {name: one for name, one in own.resolver.attributes.items() if name[0] not in given}
    resolver.attributes |= {(name, "Version"): "1000" for name in named}
    return {
        name: {**one, "Properties": resolver.resolve(one.get("Properties", {}), name)}
        for name, one in made.items()
        if "Condition" not in one or resolver.condition(one["Condition"], name)
    }


def test_a_stack_with_given_data_is_the_other_without_its_data(written: Written, own: Largest) -> None:
    """IAM, environment and outputs name what is given: everything else is the same, once resolved."""
    data = data_of(written.template)
    arns = {name: own.resolver.attributes[name, "Arn"] for name in data}
    given = {name: arns[name] if kind == "AWS::KMS::Key" else own.reference(name) for name, kind in data.items()}
    given |= {
        f"{name}{attribute}": value
        for (name, attribute), value in own.resolver.attributes.items()
        if f"{name}{attribute}" in with_given_data(written.template)["Parameters"]
    }
    template = with_given_data(written.template)
    made = resolved(own, template, given)
    hashed = {name for kind in NAMED_BY_HASH for name in own.of_type(kind)}
    assert set(own.resources) - set(made) - hashed == set(data)
    for name, resource in made.items():
        if resource["Type"] not in NAMED_BY_HASH:
            assert resource == own.resources[name], name
    assert set(arns.values()) <= {one.partition("/index/")[0] for one in strings_of(made)}


def strings_of(value: Any) -> set[str]:
    match value:
        case str():
            return {value}
        case dict():
            return {one for inner in value.values() for one in strings_of(inner)}
        case list():
            return {one for inner in value for one in strings_of(inner)}
    return set()


def test_each_must_be_given_and_is_what_it_should_be(written: Written) -> None:
    declared = with_given_data(written.template)["Parameters"]
    given = {name: "a-table" for name, kind in data_of(written.template).items() if kind != "AWS::KMS::Key"}
    choose_parameters(declared, {**given, "WrappingKey": KEY}, {})
    for name in (*given, "WrappingKey"):
        with pytest.raises(RefusedError, match=name):
            choose_parameters(
                declared, {one: two for one, two in {**given, "WrappingKey": KEY}.items() if one != name}, {}
            )
    for wrong in ("alias/authserver", "mrk-0123", "no key"):
        with pytest.raises(RefusedError, match="WrappingKey"):
            choose_parameters(declared, {**given, "WrappingKey": wrong}, {})


STREAMS = {
    "Events": ["ClientsTable", "UsersTable", "TokensTable", "KeysTable", "ConfigurationTable"],
    "AuditChain": ["AuditTable"],
}


@pytest.mark.parametrize(("switch", "table"), [(switch, table) for switch in STREAMS for table in STREAMS[switch]])
def test_a_stream_that_is_read_must_be_given(switch: str, table: str, written: Written) -> None:
    template = with_given_data(written.template)
    tables = {name: "a-table" for name, kind in data_of(written.template).items() if kind != "AWS::KMS::Key"}
    arn = "arn:aws:dynamodb:eu-central-1:123456789012:table/a-table/stream/2026-11-30T10:20:30.456"
    needed = {f"{one}StreamArn": arn for one in STREAMS[switch]}

    def check(given: Mapping[str, str]) -> None:
        parameters = choose_parameters(template["Parameters"], {**tables, "WrappingKey": KEY, **given}, {})
        check_rules(template["Rules"], Resolver(parameters, template["Conditions"], "123456789012"))

    check({})
    check({switch: "On", **needed})
    without = {name: one for name, one in needed.items() if name != f"{table}StreamArn"}
    with pytest.raises(RefusedError, match=f"{switch}=On needs {table}StreamArn"):
        check({switch: "On", **without})
    with pytest.raises(RefusedError, match=f"{table}StreamArn"):
        check({f"{table}StreamArn": "a-table"})


def test_every_stream_that_is_read_is_a_parameter(written: Written) -> None:
    added = set(with_given_data(written.template)["Parameters"]) - set(written.template["Parameters"])
    assert added - set(data_of(written.template)) == {
        f"{table}StreamArn" for tables in STREAMS.values() for table in tables
    }


def test_a_stream_has_what_a_table_with_replicas_needs(written: Written) -> None:
    """DynamoDB makes a replica of a table only if its stream has the new and the old images."""
    for name, kind in data_of(written.template).items():
        if kind == "AWS::DynamoDB::Table":
            stream = written.template["Resources"][name]["Properties"]["StreamSpecification"]
            assert stream["Fn::If"][1:] == [{"StreamViewType": "NEW_AND_OLD_IMAGES"}, {"Ref": "AWS::NoValue"}], name


def test_the_tables_and_the_key_are_what_a_stack_stores_in(written: Written) -> None:
    assert set(data_of(written.template)) == {
        *("ClientsTable", "UsersTable", "TokensTable", "KeysTable", "ConfigurationTable", "AuditTable", "WrappingKey")
    }
    assert set(data_of(written.template)) <= written.template["Outputs"].keys()  # by which the next stack is given them


def test_the_template_itself_is_left_alone(written: Written) -> None:
    before = json.dumps(written.template, default=str)
    with_given_data(written.template)
    assert json.dumps(written.template, default=str) == before
