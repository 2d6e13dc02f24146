from typing import Any

import pytest

from local.errors import RefusedError
from local.intrinsics import Resolver

NO_VALUE = {"Ref": "AWS::NoValue"}


@pytest.fixture
def resolver() -> Resolver:
    conditions = {
        "Yes": {"Fn::Equals": [{"Ref": "Size"}, 3]},
        "No": {"Fn::Not": [{"Condition": "Yes"}]},
        "Both": {"Fn::And": [{"Condition": "Yes"}, {"Condition": "No"}]},
        "Either": {"Fn::Or": [{"Condition": "Yes"}, {"Condition": "No"}]},
        "Circle": {"Fn::Not": [{"Condition": "Circle"}]},
    }
    resolver = Resolver({"Size": "3", "Name": "x"}, conditions, "123456789012")
    resolver.attributes["Thing", "Arn"] = "arn:thing"
    return resolver


@pytest.mark.parametrize(
    ("value", "resolved"),
    [
        ({"Ref": "Size"}, "3"),
        ({"Ref": "AWS::AccountId"}, "123456789012"),
        ({"Fn::GetAtt": ["Thing", "Arn"]}, "arn:thing"),
        ({"Fn::GetAtt": "Thing.Arn"}, "arn:thing"),
        ({"Fn::Sub": "${Name}-${Thing.Arn}-${AWS::Region}-${!Literal}"}, "x-arn:thing-eu-central-1-${Literal}"),
        ({"Fn::Sub": ["${Own}/${Name}", {"Own": {"Ref": "Size"}}]}, "3/x"),
        ({"Fn::Join": [",", ["a", {"Ref": "Name"}, NO_VALUE]]}, "a,x"),
        ({"Fn::If": ["Yes", "then", {"Ref": "NotLookedAt"}]}, "then"),
        ({"Fn::If": ["Both", "then", "else"]}, "else"),
        ({"Fn::If": ["Either", "then", "else"]}, "then"),
        ({"a": {"Fn::If": ["No", 1, NO_VALUE]}, "b": [NO_VALUE, 2]}, {"b": [2]}),
        ({"Condition": {"StringLike": "policy"}}, {"Condition": {"StringLike": "policy"}}),
    ],
)
def test_intrinsic_understood_gives_its_value(resolver: Resolver, value: Any, resolved: Any) -> None:
    assert resolver.resolve(value, "here") == resolved


@pytest.mark.parametrize(
    "value",
    [
        {"Fn::Select": [0, ["a"]]},
        {"Fn::ImportValue": "x"},
        {"Ref": "Nobody"},
        {"Fn::GetAtt": ["Thing", "StreamArn"]},
        {"Fn::Sub": "${Nobody}"},
        {"Fn::If": ["Unheard", 1, 2]},
        {"Fn::If": ["Circle", 1, 2]},
        {"Fn::Join": ["-", [["nested"]]]},
        {"Ref": "Size", "Other": 1},
        NO_VALUE,
    ],
)
def test_intrinsic_not_understood_is_refused_naming_the_place(resolver: Resolver, value: Any) -> None:
    with pytest.raises(RefusedError, match=r"Resource\.Property|Conditions\."):
        resolver.resolve(value, "Resource.Property")
