"""The template's parameters: which values they get, and whether CloudFormation would take them."""

import re
from collections.abc import Mapping
from typing import Any

from local.errors import RefusedError
from local.intrinsics import Resolver, text

_UNDERSTOOD = {
    "Type",
    "Default",
    "Description",
    "ConstraintDescription",
    "NoEcho",
    "AllowedPattern",
    "AllowedValues",
    "MinLength",
    "MaxLength",
    "MinValue",
    "MaxValue",
}


def choose_parameters(
    declared: Mapping[str, Mapping[str, Any]], given: Mapping[str, str], local: Mapping[str, str]
) -> dict[str, str]:
    """Every parameter's value: what was given, else what suits a local run, else the template's default.

    Values are strings, as CloudFormation keeps them. Errors: `RefusedError`, also for an unknown name.
    """
    for name in given:
        if name not in declared:
            raise RefusedError(
                f"parameter {name}", f"unknown; the template has {', '.join(sorted(declared)) or 'none'}"
            )
    return {name: _value(name, rules, given.get(name, local.get(name))) for name, rules in declared.items()}


def _value(name: str, rules: Mapping[str, Any], chosen: str | None) -> str:
    where = f"parameter {name}"
    for rule in rules:
        if rule not in _UNDERSTOOD:
            raise RefusedError(where, f"has {rule}, which this server does not understand")
    if chosen is None and "Default" not in rules:
        raise RefusedError(where, "has no default; give one with --parameter")
    value = text(rules["Default"], where) if chosen is None else chosen
    for check in (_check_type, _check_allowed_values, _check_pattern, _check_length, _check_bounds):
        check(where, rules, value)
    return value


def _check_type(where: str, rules: Mapping[str, Any], value: str) -> None:
    if rules.get("Type") not in {"String", "Number"}:
        raise RefusedError(where, f"is of type {rules.get('Type')}; this server understands String and Number")
    if rules["Type"] == "Number" and not re.fullmatch(r"[+-]?\d+(\.\d+)?", value, re.ASCII):
        raise RefusedError(where, f"{value!r} is not a number")


def _check_allowed_values(where: str, rules: Mapping[str, Any], value: str) -> None:
    allowed = [text(one, where) for one in rules.get("AllowedValues", [])]
    if allowed and value not in allowed:
        raise RefusedError(where, f"{value!r} is not one of {', '.join(allowed)}")


def _check_pattern(where: str, rules: Mapping[str, Any], value: str) -> None:
    if "AllowedPattern" in rules and not re.fullmatch(rules["AllowedPattern"], value):
        raise RefusedError(where, f"{value!r} is not {rules.get('ConstraintDescription', rules['AllowedPattern'])}")


def _check_length(where: str, rules: Mapping[str, Any], value: str) -> None:
    if len(value) < int(rules.get("MinLength", 0)):
        raise RefusedError(where, f"{value!r} is shorter than {rules['MinLength']}")
    if "MaxLength" in rules and len(value) > int(rules["MaxLength"]):
        raise RefusedError(where, f"{value!r} is longer than {rules['MaxLength']}")


def _check_bounds(where: str, rules: Mapping[str, Any], value: str) -> None:
    if "MinValue" in rules and float(value) < float(rules["MinValue"]):
        raise RefusedError(where, f"{value} is less than {rules['MinValue']}")
    if "MaxValue" in rules and float(value) > float(rules["MaxValue"]):
        raise RefusedError(where, f"{value} is more than {rules['MaxValue']}")


def check_rules(rules: Mapping[str, Any], resolver: Resolver) -> None:
    """Evaluate the template's `Rules`. Errors: `RefusedError` with the description of the assertion that fails."""
    for name, rule in rules.items():
        where = f"Rules.{name}"
        if unknown := set(rule) - {"RuleCondition", "Assertions"}:
            raise RefusedError(where, f"has {', '.join(unknown)}, which this server does not understand")
        if "RuleCondition" in rule and not resolver.truth(rule["RuleCondition"], where):
            continue
        for assertion in rule["Assertions"]:
            if not resolver.truth(assertion["Assert"], where):
                raise RefusedError(where, assertion.get("AssertDescription", "an assertion does not hold"))
