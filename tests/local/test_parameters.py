from typing import Any

import pytest

from local.errors import RefusedError
from local.intrinsics import Resolver
from local.parameters import check_rules, choose_parameters

DECLARED: dict[str, dict[str, Any]] = {
    "Mode": {"Type": "String", "Default": "a", "AllowedValues": ["a", "b"]},
    "Address": {"Type": "String", "Default": "", "AllowedPattern": "^$|^https://[a-z]+$"},
    "Size": {"Type": "Number", "Default": 3, "MinValue": 1, "MaxValue": 9, "AllowedValues": [1, 2, 3, 20]},
    "Name": {"Type": "String", "Default": "ab", "MinLength": 1, "MaxLength": 3},
}


def test_parameters_not_given_take_local_value_then_default() -> None:
    chosen = choose_parameters(DECLARED, {"Mode": "b"}, {"Address": "https://local", "Elsewhere": "ignored"})

    assert chosen == {"Mode": "b", "Address": "https://local", "Size": "3", "Name": "ab"}


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("Mode", "c", "not one of a, b"),
        ("Address", "https://x/", r"is not \^\$"),
        ("Address", "xhttps://x", r"is not \^\$"),
        ("Size", "4", "not one of"),
        ("Size", "20", "more than 9"),
        ("Size", "three", "not a number"),
        ("Size", "٣", "not a number"),
        ("Name", "", "shorter than 1"),
        ("Name", "abcd", "longer than 3"),
        ("Unheard", "x", "unknown"),
    ],
)
def test_parameter_out_of_bounds_is_refused(name: str, value: str, why: str) -> None:
    with pytest.raises(RefusedError, match=rf"parameter {name}: .*{why}") as refused:
        choose_parameters(DECLARED, {name: value}, {})

    assert refused.value.exit_code == 2


@pytest.mark.parametrize(
    "rules", [{"Type": "CommaDelimitedList", "Default": ""}, {"Type": "String"}, {"Type": "String", "Mystery": 1}]
)
def test_parameter_declared_in_an_unknown_way_is_refused(rules: dict[str, Any]) -> None:
    with pytest.raises(RefusedError):
        choose_parameters({"P": rules}, {}, {})


RULES = {
    "NotBoth": {
        "RuleCondition": {"Fn::Equals": [{"Ref": "Mode"}, "b"]},
        "Assertions": [{"Assert": {"Fn::Equals": [{"Ref": "Size"}, "0"]}, "AssertDescription": "b needs Size=0"}],
    }
}


@pytest.mark.parametrize(("mode", "size"), [("a", "1"), ("a", "0"), ("b", "0")])
def test_rule_that_holds_lets_start(mode: str, size: str) -> None:
    check_rules(RULES, Resolver({"Mode": mode, "Size": size}, {}, "1"))


def test_rule_that_fails_is_refused_with_its_description() -> None:
    with pytest.raises(RefusedError, match=r"Rules.NotBoth: b needs Size=0"):
        check_rules(RULES, Resolver({"Mode": "b", "Size": "1"}, {}, "1"))
