"""What an update of a stack must not replace, as a release has it: tables, keys and APIs.

    python -m tests.deployed.shape 0.1.0        writes tests/deployed/shapes/0.1.0.json

A file is written when a release is made, and not changed from then on: stacks of that release are updated to what is
here now. `make release-artifacts` refuses a tag whose shape is not frozen. Until 0.1.0 is released, its file is that of
the last change that anybody froze.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from local.template import read_template

ROOT = Path(__file__).parent.parent.parent
SHAPES = Path(__file__).parent / "shapes"

# What CloudFormation replaces the resource for when it changes ("Update requires: Replacement" in its reference), and
# the stage of an API, which is part of its address.
FIXED = {
    "AWS::DynamoDB::Table": ("TableName", "KeySchema", "LocalSecondaryIndexes", "ImportSourceSpecification"),
    "AWS::KMS::Key": ("KeySpec", "KeyUsage", "MultiRegion", "Origin"),
    "AWS::Serverless::Api": ("EndpointConfiguration", "OpenApiVersion", "StageName"),
    "AWS::Serverless::HttpApi": ("StageName",),
}
_INDEXES = "GlobalSecondaryIndexes"
_KEY_TYPES = "key types"

type Shape = dict[str, dict[str, Any]]
"""By logical id."""


def shape_of(template: Mapping[str, Any]) -> Shape:
    return {
        name: _resource(one["Type"], one["Properties"])
        for name, one in template["Resources"].items()
        if one["Type"] in FIXED
    }


def _resource(kind: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    shape: dict[str, Any] = {"Type": kind, **{name: properties[name] for name in FIXED[kind] if name in properties}}
    if kind == "AWS::DynamoDB::Table":
        types = {one["AttributeName"]: one["AttributeType"] for one in properties["AttributeDefinitions"]}
        shape[_KEY_TYPES] = [types[one["AttributeName"]] for one in properties["KeySchema"]]
        shape[_INDEXES] = {
            one["IndexName"]: [
                one["Projection"],
                *([key["AttributeName"], key["KeyType"], types[key["AttributeName"]]] for key in one["KeySchema"]),
            ]
            for one in properties.get(_INDEXES, ())
        }
    return shape


def with_shape(template: Mapping[str, Any], shape: Shape) -> dict[str, Any]:
    """The template with the tables, keys and APIs of a shape. What the shape does not have stays as it is."""
    older = {name: _reshaped(template["Resources"][name], one) for name, one in shape.items()}
    return {**template, "Resources": {**template["Resources"], **older}}


def _reshaped(resource: Mapping[str, Any], shape: Mapping[str, Any]) -> dict[str, Any]:
    fixed = FIXED[shape["Type"]]
    properties = {name: value for name, value in resource["Properties"].items() if name not in fixed}
    properties |= {name: shape[name] for name in fixed if name in shape}
    if shape["Type"] == "AWS::DynamoDB::Table":
        names = [one["AttributeName"] for one in shape["KeySchema"]]
        types = dict(zip(names, shape[_KEY_TYPES], strict=True))
        types |= {name: kind for _, *keys in shape[_INDEXES].values() for name, _, kind in keys}
        properties["AttributeDefinitions"] = [
            {"AttributeName": name, "AttributeType": kind} for name, kind in types.items()
        ]
        properties[_INDEXES] = [
            {
                "IndexName": index,
                "KeySchema": [{"AttributeName": name, "KeyType": role} for name, role, _ in keys],
                "Projection": projection,
            }
            for index, (projection, *keys) in shape[_INDEXES].items()
        ]
        properties = {name: value for name, value in properties.items() if value != [] or name != _INDEXES}
    return {**resource, "Properties": properties}


def objections(before: Shape, after: Shape) -> Iterator[str]:
    """Why a stack of one shape cannot be updated to the other without loss, or at all."""
    for name, was in before.items():
        if (now := after.get(name)) is None:
            yield f"{name} is gone: its stack would leave it, and whatever it stores"
            continue
        for what in sorted((was.keys() | now.keys()) - {_INDEXES}):
            if was.get(what) != now.get(what):
                yield f"{name} is replaced: its {what} was {was.get(what)} and is {now.get(what)}"
        yield from _of_indexes(name, was.get(_INDEXES, {}), now.get(_INDEXES, {}))


def _of_indexes(name: str, was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """DynamoDB creates or deletes one index of a table in an update, and changes none."""
    changed = sorted(one for one in was.keys() & now.keys() if was[one] != now[one])
    if changed:
        yield f"{name}: the index {', '.join(changed)} changes: it needs another name"
    moved = sorted(was.keys() ^ now.keys())
    if len(moved) > 1:
        yield f"{name}: {', '.join(moved)} come or go in one update, which can have one"


def released() -> dict[str, Shape]:
    """The shapes by release."""
    return {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in sorted(SHAPES.glob("*.json"))}


def main(release: str, folder: Path = SHAPES) -> None:
    file = folder / f"{release}.json"
    if file.exists():
        raise SystemExit(f"{file.name} is there: a shape of a release does not change")
    file.write_text(json.dumps(shape_of(read_template(ROOT / "template.yaml")), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
