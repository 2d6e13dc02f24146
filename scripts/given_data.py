"""The template of a stack that is given its tables and its key, and makes none: each becomes a parameter of its name.

`Ref` then stands for what is given where it stood for what was made; ARNs are written out. Nothing else changes, so
such a stack is another one on the same data (docs/operations/reattach.md).

    python -m scripts.given_data        writes that of the build beside it, as given.json
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.template import read_template

type Template = dict[str, Any]

BUILT = Path(__file__).parent.parent / ".aws-sam" / "build" / "template.yaml"
GIVEN = BUILT.with_name("given.json")

_ATTRIBUTES = {
    (
        "AWS::DynamoDB::Table",
        "Arn",
    ): "arn:${{AWS::Partition}}:dynamodb:${{AWS::Region}}:${{AWS::AccountId}}:table/${{{}}}",
    ("AWS::DynamoDB::Table", "StreamArn"): "${{{}StreamArn}}",
    ("AWS::KMS::Key", "Arn"): "${{{}}}",
}
"""What stands for an attribute, by type: the parameter of a table has its name, of a key its ARN."""

_PATTERNS = {
    "AWS::DynamoDB::Table": r"^[a-zA-Z0-9_.-]{3,255}$",
    "AWS::KMS::Key": r"^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/[A-Za-z0-9-]+$",
}
_DESCRIPTIONS = {"AWS::DynamoDB::Table": "Name of the {}.", "AWS::KMS::Key": "ARN of the {}."}
_STREAM = r"^$|^arn:[^:]+:dynamodb:[^:]+:[0-9]{12}:table/[a-zA-Z0-9_.-]{3,255}/stream/[0-9T:.-]+$"
_ATTRIBUTE = re.compile(r"\$\{(\w+)\.(\w+)\}")


def data_of(template: Mapping[str, Any]) -> dict[str, str]:
    """The type by the logical id of what a stack stores in."""
    return {name: one["Type"] for name, one in template["Resources"].items() if one["Type"] in _PATTERNS}


def with_given_data(template: Mapping[str, Any]) -> Template:
    """The template with a parameter in place of each table and key.

    The ARN of a table's stream is a parameter as well: its name follows the table's. A rule asks for it where something
    reads the stream. Raises `KeyError` if the template uses another attribute than these.
    """
    data = data_of(template)
    streamed: set[str] = set()

    def attribute(name: str, of: str) -> str:
        """What stands for it in the text of an ``Fn::Sub``."""
        if of == "StreamArn":
            streamed.add(name)
        return _ATTRIBUTES[data[name], of].format(name)

    def given(value: Any) -> Any:
        match value:
            case {"Fn::GetAtt": [str(name), str(of)]} if name in data:
                return {"Fn::Sub": attribute(name, of)}
            case {"Fn::Sub": str(text)}:
                return {"Fn::Sub": _ATTRIBUTE.sub(replaced, text)}
            case {"Fn::Sub": [str(text), dict(variables)]}:
                return {"Fn::Sub": [_ATTRIBUTE.sub(replaced, text), given(variables)]}
            case dict():
                return {name: given(inner) for name, inner in value.items()}
            case list():
                return [given(inner) for inner in value]
        return value

    def replaced(found: re.Match[str]) -> str:
        return attribute(found[1], found[2]) if found[1] in data else found[0]

    changed: Template = given({name: part for name, part in template.items() if name != "Parameters"})
    changed["Resources"] = {name: one for name, one in changed["Resources"].items() if name not in data}
    changed["Parameters"] = {
        **template["Parameters"],
        **{name: _parameter(name, kind) for name, kind in data.items()},
        **{_stream(name): _stream_parameter(name) for name in sorted(streamed)},
    }
    changed["Rules"] = {
        **template.get("Rules", {}),
        **{f"{_stream(name)}IsGiven": _rule(name) for name in sorted(streamed)},
    }
    return changed


def _stream(table: str) -> str:
    return f"{table}StreamArn"


def _reader(table: str) -> str:
    """The parameter with which something reads the stream of a table."""
    return "AuditChain" if table == "AuditTable" else "Events"


def _stream_parameter(table: str) -> dict[str, str]:
    description = f"ARN of the stream of the {table}. {_reader(table)}=On needs it."
    return {"Type": "String", "Default": "", "AllowedPattern": _STREAM, "Description": description}


def _rule(table: str) -> dict[str, Any]:
    """That the stream is given where it is read."""
    is_given = {"Fn::Not": [{"Fn::Equals": [{"Ref": _stream(table)}, ""]}]}
    description = f"{_reader(table)}=On needs {_stream(table)} where the tables are given"
    return {
        "RuleCondition": {"Fn::Equals": [{"Ref": _reader(table)}, "On"]},
        "Assertions": [{"Assert": is_given, "AssertDescription": description}],
    }


def _parameter(name: str, kind: str) -> dict[str, str]:
    return {"Type": "String", "AllowedPattern": _PATTERNS[kind], "Description": _DESCRIPTIONS[kind].format(name)}


if __name__ == "__main__":
    GIVEN.write_text(json.dumps(with_given_data(read_template(BUILT)), indent=1), encoding="utf-8")
